//! Amazon: the keys of an account (given, of a profile, of the environment, of an assumed role), calls signed with them
//! (Signature Version 4), and the token that ECR gives out for its registries.

mod place;
mod profile;
mod sts;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header::CONTENT_TYPE};
use registry::{Answered, Call, CloudRequest, Code, Credential, Error, Result, Service};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use url::Url;

use super::{Lease, SecretKind, Settings, skew};
pub use place::Place;

/// Keys are not used for calls when they end within this time.
const SPARE: Duration = Duration::from_mins(5);

/// What calls are signed with.
#[derive(Clone, Debug)]
pub struct Keys {
    /// The access key's id.
    pub id: String,
    /// The secret key.
    pub secret: SecretString,
    /// The session's token, where they are of a session.
    pub token: Option<SecretString>,
    /// When the session ends.
    pub expires: Option<SystemTime>,
}

/// An account at Amazon, for the sake of one registry.
#[derive(Debug)]
pub struct Aws {
    settings: Settings,
    service: Service,
    place: Place,
    /// Keys of a session, as long as it lasts.
    session: Mutex<Option<Keys>>,
}

/// What a call signed for Amazon goes to.
struct Target<'a> {
    url: &'a Url,
    region: &'a str,
    service: &'a str,
}

impl Aws {
    /// Checks the settings: the region and service come from the registry's address, or from the options.
    pub fn new(settings: Settings) -> Result<Self> {
        if settings.kind == SecretKind::AwsKeys {
            if settings.username.is_empty() {
                return Err(settings.wrong("the access key id is missing"));
            }
            settings.secret("secret access key")?;
        }
        let place = Place::of(&settings)?;
        let service = settings.service();
        Ok(Self { settings, service, place, session: Mutex::default() })
    }

    /// Where the registry is.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Forgets the keys of a session, so that they are fetched anew.
    pub(super) async fn forget(&self) {
        *self.session.lock().await = None;
    }

    /// The token for the registry: a user name with a password, for twelve hours.
    pub async fn token(&self) -> Result<Lease> {
        let (answered, json) = self.call("GetAuthorizationToken", &json!({})).await?;
        let data = json.get("authorizationData");
        let data = data.and_then(|data| data.get(0).or(Some(data)));
        let field = |name: &str| data.and_then(|data| data.get(name));
        let token = field("authorizationToken").and_then(Value::as_str);
        let credential = token
            .and_then(|token| BASE64_STANDARD.decode(token).ok())
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .and_then(|text| {
                let (username, password) = text.split_once(':')?;
                Some(Credential::Basic {
                    username: username.to_owned(),
                    password: password.to_owned().into(),
                })
            })
            .ok_or_else(|| answered.rubbish("the answer has no token"))?;
        let end = field("expiresAt").and_then(Value::as_f64).filter(|at| *at > 0.0);
        let end = end.and_then(|at| UNIX_EPOCH.checked_add(Duration::try_from_secs_f64(at).ok()?));
        let now = answered.server_time();
        Ok(Lease::until(credential, end.unwrap_or(now + Duration::from_hours(12)), now))
    }

    /// Calls an action of ECR's API (`DescribeRepositories`, `CreateRepository`, …) and reads its answer.
    pub async fn ecr(&self, action: &str, request: &Value) -> Result<Value> {
        self.call(action, request).await.map(|(_, json)| json)
    }

    /// Signs a request to ECR's API that another has made.
    pub(super) async fn sign(&self, request: &mut CloudRequest) -> Result<()> {
        let keys = self.keys().await?;
        let target = Target {
            url: &self.place.api,
            region: &self.place.region,
            service: self.place.signing_name(),
        };
        let headers = std::mem::take(&mut request.headers);
        let call = signed(&target, headers, request.body.clone(), Some(&keys))?;
        (request.url, request.headers) = (call.url, call.headers);
        Ok(())
    }

    async fn call(&self, action: &str, request: &Value) -> Result<(Answered, Value)> {
        let keys = self.keys().await?;
        let what = format!("asking {} ({action})", self.place.service_name());
        let target = Target {
            url: &self.place.api,
            region: &self.place.region,
            service: self.place.signing_name(),
        };
        let body = Bytes::from(request.to_string());
        let amz_target = format!("{}.{action}", self.place.target());
        let answered = self
            .service
            .ask(&what, || {
                let mut headers = HeaderMap::new();
                headers
                    .insert(CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.1"));
                let value = HeaderValue::from_str(&amz_target).map_err(unsignable)?;
                headers.insert("x-amz-target", value);
                signed(&target, headers, body.clone(), Some(&keys))
            })
            .await
            .map_err(|error| self.where_it_is(error))?;
        if !answered.status.is_success() {
            return Err(refusal(&answered, &self.place.region, action));
        }
        let json = answered.json()?;
        Ok((answered, json))
    }

    /// An address that does not resolve may be a region that is none.
    fn where_it_is(&self, error: Error) -> Error {
        match error.code() {
            Code::NetDns => error.hint(format!(
                "Check the region in the address: there may be no '{}'.",
                self.place.region
            )),
            _ => error,
        }
    }

    /// The keys to sign with; those of an assumed role are fetched as long before their end as it takes.
    pub async fn keys(&self) -> Result<Keys> {
        let mut session = self.session.lock().await;
        if let Some(keys) = session.as_ref().filter(|keys| keys.last()) {
            return Ok(keys.clone());
        }
        let own = match self.settings.kind {
            SecretKind::AwsKeys => Keys {
                id: self.settings.username.clone(),
                secret: self.settings.secret("secret access key")?,
                token: None,
                expires: None,
            },
            SecretKind::AwsProfile => {
                let name = self.settings.options.profile.as_deref();
                let name =
                    name.map_or_else(|| profile::default_name(&self.settings.env), str::to_owned);
                self.of_profile(&name, &mut Vec::new()).await?
            }
            _ => self.of_environment().await?,
        };
        let keys = match &self.settings.options.role {
            Some(role) => self.assume(&own, &sts::Role::new(role)).await?,
            None => own,
        };
        if keys.expires.is_some() {
            *session = Some(keys.clone());
        }
        Ok(keys)
    }

    async fn of_environment(&self) -> Result<Keys> {
        let env = |name: &str| (self.settings.env)(name).filter(|text| !text.is_empty());
        if let (Some(id), Some(secret)) = (env("AWS_ACCESS_KEY_ID"), env("AWS_SECRET_ACCESS_KEY")) {
            let token = env("AWS_SESSION_TOKEN").map(Into::into);
            return Ok(Keys { id, secret: secret.into(), token, expires: None });
        }
        if let (Some(file), Some(role)) = (env("AWS_WEB_IDENTITY_TOKEN_FILE"), env("AWS_ROLE_ARN"))
        {
            let role = sts::Role { session: env("AWS_ROLE_SESSION_NAME"), ..sts::Role::new(&role) };
            return self.assume_by_token(&role, &file).await;
        }
        let name = profile::default_name(&self.settings.env);
        self.of_profile(&name, &mut Vec::new()).await.map_err(|error| {
            error.hint("Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE.")
        })
    }

    /// The keys of a profile, which may assume a role with those of another.
    async fn of_profile(&self, name: &str, seen: &mut Vec<String>) -> Result<Keys> {
        if seen.iter().any(|other| other == name) && seen.last().is_some_and(|last| last != name) {
            let message = format!("the AWS profiles {} lead in a circle", seen.join(", "));
            return Err(self.settings.wrong(message));
        }
        let again = seen.last().is_some_and(|last| last == name);
        seen.push(name.to_owned());
        let found = profile::read(&self.settings.env, name).await?;
        let Some(found) = found else {
            return Err(Error::new(
                Code::AuthRequired,
                format!("there is no AWS profile '{name}'"),
            )
            .registry(&self.settings.registry)
            .hint(format!("Run 'aws configure --profile {name}', or choose another profile.")));
        };
        // a profile may be its own source: then its keys are meant
        if let Some(role) = found.role.as_ref().filter(|_| !again) {
            let role = sts::Role {
                external_id: found.external_id.clone(),
                session: found.session_name.clone(),
                ..sts::Role::new(role)
            };
            if let Some(file) = &found.web_identity_token_file {
                return self.assume_by_token(&role, file).await;
            }
            let own = match (&found.source, found.credential_source.as_deref()) {
                (Some(source), _) => Box::pin(self.of_profile(source, seen)).await?,
                (None, Some("Environment")) => Box::pin(self.of_environment()).await?,
                _ => {
                    return Err(self.settings.wrong(format!(
                        "the AWS profile '{name}' assumes a role and names no 'source_profile'"
                    )));
                }
            };
            return self.assume(&own, &role).await;
        }
        found.keys.ok_or_else(|| {
            let error = Error::new(
                Code::AuthRequired,
                format!("the AWS profile '{name}' has no access key"),
            )
            .registry(&self.settings.registry);
            match found.unsupported {
                Some(field) => error.because(format!("it uses '{field}', which is not read here")).hint(
                    format!("Run 'aws configure export-credentials --profile {name} --format env', and sign in by the environment."),
                ),
                None => error,
            }
        })
    }
}

impl Keys {
    fn last(&self) -> bool {
        self.expires.is_none_or(|end| end > SystemTime::now() + SPARE)
    }

    fn secrets(&self) -> Vec<SecretString> {
        [Some(self.secret.clone()), self.token.clone()].into_iter().flatten().collect()
    }
}

fn unsignable(error: impl std::error::Error + 'static) -> Error {
    Error::new(Code::ConfigInvalid, "the request to AWS can't be signed").cause(&error)
}

/// A call by POST, signed where there are keys.
fn signed(
    target: &Target<'_>,
    mut headers: HeaderMap,
    body: Bytes,
    keys: Option<&Keys>,
) -> Result<Call> {
    let mut call = Call::new(Method::POST, target.url.clone());
    if let Some(keys) = keys {
        let session = keys.token.as_ref().map(|token| token.expose_secret().to_owned());
        let secret = keys.secret.expose_secret();
        let identity = Credentials::new(&keys.id, secret, session, None, "image-syncer").into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(target.region)
            .name(target.service)
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()
            .map_err(unsignable)?
            .into();
        let shown: Vec<(String, String)> = headers
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned()))
            .collect();
        let pairs = shown.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let body = SignableBody::Bytes(&body);
        let request = SignableRequest::new("POST", target.url.as_str(), pairs, body);
        let (instructions, _) =
            sign(request.map_err(unsignable)?, &params).map_err(unsignable)?.into_parts();
        for (name, value) in instructions.headers() {
            let mut value = HeaderValue::from_str(value).map_err(unsignable)?;
            value.set_sensitive(true);
            headers.insert(HeaderName::from_bytes(name.as_bytes()).map_err(unsignable)?, value);
        }
        call.secrets = keys.secrets();
    }
    call.headers = headers;
    call.body = body;
    Ok(call)
}

/// The error that AWS means, with what to do.
fn refusal(answered: &Answered, region: &str, action: &str) -> Error {
    let (name, message) = answered.said();
    let name = name.unwrap_or_default();
    let (name, message) = (name.as_str(), message.unwrap_or_default());
    let says = |word: &str| name.contains(word);
    if answered.status.is_server_error() {
        return answered.error(Code::AuthUnavailable);
    }
    if says("Throttling") || says("TooManyRequests") || answered.status.as_u16() == 429 {
        return answered.error(Code::RateLimited);
    }
    if says("AccessDenied") {
        return answered.error(Code::AuthRejected).hint(format!(
            "Allow the action '{action}' to this AWS identity, or choose another account."
        ));
    }
    if says("Expired") && !skew::is_wide(answered) {
        return answered
            .error(Code::AuthRejected)
            .hint("The session of these AWS keys has ended: get new ones.");
    }
    if says("UnrecognizedClient") || says("InvalidClientTokenId") || says("InvalidAccessKeyId") {
        return answered.error(Code::AuthRejected).hint(
            "AWS does not know the access key: it may be deleted, inactive, or of another partition (China, GovCloud).",
        );
    }
    if says("Signature") || says("RequestExpired") || says("IncompleteSignature") {
        let error = answered.error(Code::AuthRejected);
        return if message.contains("scoped to") {
            error.hint(format!("Check the region: the call was signed for '{region}'."))
        } else if skew::is_wide(answered) {
            skew::hint(error, answered)
        } else {
            error.hint("Check the secret access key: AWS knows the access key id, and the signature does not fit.")
        };
    }
    skew::hint(answered.error(Code::AuthRejected), answered)
}
