//! Google: a service account's key becomes an access token for an hour, by a request that is signed with it (RFC 7523).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header::CONTENT_TYPE};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use registry::{Call, Code, Credential, Error, Result, Service};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::Mutex;
use url::{Url, form_urlencoded};

use super::{Lease, Settings, skew};

/// The user name that goes with an access token.
pub const TOKEN_USER: &str = "oauth2accesstoken";
/// The user name that goes with a key in place of a password.
pub const KEY_USER: &str = "_json_key";

const TOKEN_URI: &str = "https://oauth2.googleapis.com/token";
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
/// The longest time that Google lets such a request be good for.
const LIFE: Duration = Duration::from_hours(1);
const WHAT: &str = "getting a Google access token";

/// A service account.
pub struct Google {
    service: Service,
    email: String,
    key_id: Option<String>,
    key: EncodingKey,
    token_uri: Url,
    /// The endpoint that is asked; the signed request names `token_uri` all the same.
    endpoint: Url,
    held: Mutex<Option<(SecretString, SystemTime)>>,
}

impl std::fmt::Debug for Google {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Google").field("email", &self.email).finish_non_exhaustive()
    }
}

/// The JSON that Google's console gives out. Its fields never appear in errors.
#[derive(Deserialize)]
struct KeyFile {
    #[serde(rename = "type")]
    kind: Option<String>,
    client_email: Option<String>,
    private_key: Option<SecretString>,
    private_key_id: Option<String>,
    token_uri: Option<String>,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    scope: &'a str,
    aud: &'a str,
    iat: u64,
    exp: u64,
}

impl Google {
    /// Reads the key: the settings' secret, or the file that `GOOGLE_APPLICATION_CREDENTIALS` names.
    pub fn new(settings: &Settings) -> Result<Self> {
        let json = match &settings.secret {
            Some(secret) => secret.clone(),
            None => of_system(settings)?,
        };
        let wrong = |why: String| {
            settings.wrong(why).hint(
                "Download the key of the service account again (JSON), and give all of the file.",
            )
        };
        let file = read(&json).map_err(wrong)?;
        let key = encoding_key(&file).map_err(wrong)?;
        let email = file.client_email.unwrap_or_default();
        let text = file.token_uri.as_deref().unwrap_or(TOKEN_URI);
        let token_uri = Url::parse(text)
            .ok()
            .filter(Url::has_host)
            .ok_or_else(|| wrong("the key's 'token_uri' is no URL".into()))?;
        let endpoint = settings.options.endpoint.clone().unwrap_or_else(|| token_uri.clone());
        Ok(Self {
            service: settings.service(),
            email,
            key_id: file.private_key_id,
            key,
            token_uri,
            endpoint,
            held: Mutex::default(),
        })
    }

    /// The access token as a credential of a registry.
    pub async fn token(&self) -> Result<Lease> {
        *self.held.lock().await = None;
        let (token, end) = self.fetch().await?;
        let life = end.duration_since(SystemTime::now()).unwrap_or_default();
        let credential = Credential::Basic { username: TOKEN_USER.into(), password: token };
        Ok(Lease::of_life(credential, life))
    }

    /// An access token for Google's APIs (Artifact Registry's), fetched when there is none that lasts.
    pub async fn access_token(&self) -> Result<SecretString> {
        let soon = SystemTime::now() + Duration::from_mins(5);
        if let Some((token, end)) = &*self.held.lock().await
            && *end > soon
        {
            return Ok(token.clone());
        }
        self.fetch().await.map(|(token, _)| token)
    }

    async fn fetch(&self) -> Result<(SecretString, SystemTime)> {
        let mut held = self.held.lock().await;
        let answered = self.service.ask(WHAT, || self.request()).await?;
        if !answered.status.is_success() {
            let (name, message) = answered.said();
            let message = message.unwrap_or_default();
            let status = answered.status.as_u16();
            if answered.status.is_server_error() {
                return Err(answered.error(Code::AuthUnavailable));
            }
            let error = answered.error(match status {
                429 => Code::RateLimited,
                _ => Code::AuthRejected,
            });
            if skew::is_wide(&answered) {
                return Err(skew::hint(error, &answered));
            }
            let is_grant = name.as_deref() == Some("invalid_grant");
            return Err(match message {
                text if is_grant && text.to_lowercase().contains("signature") => error
                    .hint("The key may have been deleted: make a new one for the service account."),
                text if text.to_lowercase().contains("disabled") => {
                    error.hint("Enable the service account.")
                }
                _ if is_grant => error
                    .hint("See that the service account exists and that its key has not ended."),
                _ => error,
            });
        }
        let json = answered.json()?;
        let token = json.get("access_token").and_then(Value::as_str).filter(|t| !t.is_empty());
        let token = token.ok_or_else(|| answered.rubbish("the answer has no token"))?;
        let life = json.get("expires_in").and_then(Value::as_u64).map(Duration::from_secs);
        let end = SystemTime::now() + life.unwrap_or(LIFE).min(LIFE * 24);
        let found = (SecretString::from(token), end);
        *held = Some(found.clone());
        Ok(found)
    }

    fn request(&self) -> Result<Call> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let claims = Claims {
            iss: &self.email,
            scope: SCOPE,
            aud: self.token_uri.as_str(),
            iat: now.as_secs(),
            exp: (now + LIFE).as_secs(),
        };
        let header = Header { kid: self.key_id.clone(), ..Header::new(Algorithm::RS256) };
        let assertion = jsonwebtoken::encode(&header, &claims, &self.key)
            .map_err(|_| Error::new(Code::ConfigInvalid, "the service account's key can't sign"))?;
        let mut call = Call::new(Method::POST, self.endpoint.clone());
        call.headers = form_headers();
        call.body = form(&[
            ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
            ("assertion", &assertion),
        ]);
        call.secrets = vec![assertion.into()];
        Ok(call)
    }
}

/// A form as a body.
pub(super) fn form(fields: &[(&str, &str)]) -> Bytes {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish().into()
}

pub(super) fn form_headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    let form = HeaderValue::from_static("application/x-www-form-urlencoded");
    headers.insert(CONTENT_TYPE, form);
    headers
}

fn of_system(settings: &Settings) -> Result<SecretString> {
    let name = "GOOGLE_APPLICATION_CREDENTIALS";
    let Some(path) = (settings.env)(name).filter(|path| !path.is_empty()) else {
        let message = "there is no service account key";
        return Err(Error::new(Code::AuthRequired, message)
            .registry(&settings.registry)
            .hint(format!("Give the JSON key as the secret, or set {name} to its file.")));
    };
    std::fs::read_to_string(&path).map(SecretString::from).map_err(|error| {
        Error::new(Code::FileFailed, format!("the key file {path} can't be read")).cause(&error)
    })
}

/// Why a text is no service account's key. It repeats nothing of it.
pub(super) fn check_key(json: &SecretString) -> Result<(), String> {
    encoding_key(&read(json)?).map(|_| ())
}

fn read(json: &SecretString) -> Result<KeyFile, String> {
    let text = json.expose_secret().trim();
    // serde's own words would repeat values
    let file: KeyFile = serde_json::from_str(text).map_err(|error| {
        format!(
            "the service account key is no JSON of the right form (line {}, column {})",
            error.line(),
            error.column()
        )
    })?;
    match file.kind.as_deref() {
        Some("service_account") => {}
        Some("authorized_user") => {
            return Err(
                "this is a person's login ('authorized_user'), no service account key".into()
            );
        }
        Some("external_account") => {
            return Err("this is a workload identity's setting ('external_account'), no service account key".into());
        }
        _ => {
            return Err(
                "the JSON is no service account key: its 'type' is not 'service_account'".into()
            );
        }
    }
    if file.client_email.as_deref().unwrap_or_default().is_empty() {
        return Err("the service account key has no 'client_email'".into());
    }
    Ok(file)
}

fn encoding_key(file: &KeyFile) -> Result<EncodingKey, String> {
    let pem = file.private_key.as_ref().map(|key| key.expose_secret().trim().to_owned());
    let pem = pem.filter(|pem| !pem.is_empty());
    let pem = SecretString::from(pem.ok_or("the service account key has no 'private_key'")?);
    EncodingKey::from_rsa_pem(pem.expose_secret().as_bytes())
        .map_err(|_| "the 'private_key' of the service account key is no RSA key in PEM".into())
}
