//! Alibaba Cloud: an AccessKey gets a temporary user name and password of Container Registry, by calls that are signed
//! with it (ACS3-HMAC-SHA256), for about an hour.

mod place;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header::HOST};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use registry::{Answered, Call, CloudRequest, Code, Credential, Error, Result, Service};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio::sync::OnceCell;
use url::Url;

use super::{Lease, Settings, skew};
pub use place::{Edition, Place};

/// What RFC 3986 leaves as it is.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
/// How long a password lives that does not tell.
const LIFE: Duration = Duration::from_mins(30);

/// An AccessKey, for the sake of one registry.
#[derive(Debug)]
pub struct Alibaba {
    settings: Settings,
    service: Service,
    place: Place,
    secret: SecretString,
    instance: OnceCell<String>,
}

/// A call of an OpenAPI.
#[derive(Clone, Copy, Debug)]
pub struct Action<'a> {
    /// `GetAuthorizationToken`
    pub name: &'a str,
    /// `2018-12-01`
    pub version: &'a str,
    /// The method.
    pub method: &'a Method,
    /// The path; `/` of those that go by their name alone.
    pub path: &'a str,
    /// The parameters.
    pub query: &'a [(&'a str, &'a str)],
    /// A JSON document; empty for most.
    pub body: &'a Bytes,
}

impl Alibaba {
    /// Checks the settings: the region comes from the registry's address, or from the options.
    pub fn new(settings: Settings) -> Result<Self> {
        if settings.username.is_empty() {
            return Err(settings.wrong("the AccessKey id is missing"));
        }
        let secret = settings.secret("AccessKey secret")?;
        let place = Place::of(&settings)?;
        let service = settings.service();
        Ok(Self { settings, service, place, secret, instance: OnceCell::new() })
    }

    /// Where the registry is.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// A temporary user name and password.
    pub async fn token(&self) -> Result<Lease> {
        let json;
        let (answered, data) = match self.place.edition {
            Edition::Personal => {
                let path = "/tokens";
                let action = Action {
                    name: "GetAuthorizationToken",
                    version: "2016-06-07",
                    method: &Method::GET,
                    path,
                    query: &[],
                    body: &Bytes::new(),
                };
                let answered = self.ask(action).await?;
                json = answered.json()?;
                (answered, json.get("data").unwrap_or(&json))
            }
            Edition::Enterprise => {
                let instance = self.instance().await?;
                let query = [("InstanceId", instance)];
                let action = Action {
                    name: "GetAuthorizationToken",
                    version: "2018-12-01",
                    method: &Method::POST,
                    path: "/",
                    query: &query,
                    body: &Bytes::new(),
                };
                let answered = self.ask(action).await?;
                json = answered.json()?;
                (answered, &json)
            }
        };
        let text = |names: [&str; 2]| {
            let found = names.iter().find_map(|name| data.get(name)?.as_str());
            found.filter(|text| !text.is_empty())
        };
        let user = text(["TempUsername", "tempUserName"]);
        let token = text(["AuthorizationToken", "authorizationToken"]);
        let (Some(user), Some(token)) = (user, token) else {
            return Err(answered.rubbish("the answer has no user name and token"));
        };
        let millis = ["ExpireTime", "expireDate"].iter().find_map(|name| data.get(name)?.as_u64());
        let end = millis.and_then(|at| UNIX_EPOCH.checked_add(Duration::from_millis(at)));
        let credential = Credential::Basic { username: user.into(), password: token.into() };
        let now = answered.server_time();
        Ok(Lease::until(credential, end.unwrap_or(now + LIFE), now))
    }

    /// The id of the Enterprise instance: as it is given, or as the registry's own challenge tells it.
    pub async fn instance(&self) -> Result<&str> {
        if let Some(id) = &self.settings.options.instance {
            return Ok(id);
        }
        self.instance.get_or_try_init(|| self.find_instance()).await.map(String::as_str)
    }

    async fn find_instance(&self) -> Result<String> {
        let what = "finding the id of the instance";
        let make = |url| Ok(Call::new(Method::GET, url));
        let answered = self.service.ask_registry("v2/", what, make).await?;
        let challenge = answered.headers.get(http::header::WWW_AUTHENTICATE);
        let challenge = challenge.and_then(|value| value.to_str().ok()).unwrap_or_default();
        instance_of(challenge).map(str::to_owned).ok_or_else(|| {
            self.settings
                .wrong("the registry does not tell the id of its instance")
                .hint("Give the id of the instance, 'cri-…', as the console shows it.")
        })
    }

    /// Calls an action of Container Registry's API (`ListRepository`, `CreateNamespace`, …) and reads its answer.
    pub async fn call(&self, action: Action<'_>) -> Result<Value> {
        self.ask(action).await?.json()
    }

    /// Signs a request to Container Registry's API that another has made. The instance is known here, even where the
    /// registry does not tell it.
    pub(super) async fn sign(&self, request: &mut CloudRequest) -> Result<()> {
        let instance = match self.place.edition {
            Edition::Enterprise => Some(self.instance().await?),
            Edition::Personal => None,
        };
        let header = |name: &str| {
            request.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
        };
        let asked: Vec<_> = request.url.query_pairs().into_owned().collect();
        let asked = asked.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let mut query: Vec<_> = asked.filter(|(name, _)| *name != "InstanceId").collect();
        query.extend(instance.map(|id| ("InstanceId", id)));
        let action = Action {
            name: header("x-acs-action"),
            version: header("x-acs-version"),
            method: &request.method,
            path: request.url.path(),
            query: &query,
            body: &request.body,
        };
        let key = (self.settings.username.as_str(), &self.secret);
        let call = signed(&self.place.api, action, key, SystemTime::now(), &nonce())?;
        (request.url, request.headers) = (call.url, call.headers);
        Ok(())
    }

    async fn ask(&self, action: Action<'_>) -> Result<Answered> {
        let what = format!("asking Alibaba Cloud ({})", action.name);
        let key = (self.settings.username.as_str(), &self.secret);
        let answered = self
            .service
            .ask(&what, || signed(&self.place.api, action, key, SystemTime::now(), &nonce()))
            .await
            .map_err(|error| match error.code() {
                Code::NetDns => error.hint(format!(
                    "Check the region in the address: there may be no '{}'.",
                    self.place.region
                )),
                _ => error,
            })?;
        if answered.status.is_success() {
            // some refusals come with 200
            let refused = answered
                .json()
                .ok()
                .is_some_and(|json| json.get("IsSuccess").and_then(Value::as_bool) == Some(false));
            if !refused {
                return Ok(answered);
            }
        }
        Err(self.refusal(&answered, action.name))
    }

    fn refusal(&self, answered: &Answered, action: &str) -> Error {
        let (name, message) = answered.said();
        let name = name.unwrap_or_default();
        let says = |word: &str| name.contains(word);
        if answered.status.is_server_error() {
            return answered.error(Code::AuthUnavailable);
        }
        if says("Throttling") || answered.status == StatusCode::TOO_MANY_REQUESTS {
            return answered.error(Code::RateLimited);
        }
        let error = answered.error(Code::AuthRejected);
        if says("InvalidTimeStamp") || says("Timestamp") || skew::is_wide(answered) {
            skew::hint(error, answered)
        } else if says("InvalidAccessKeyId") {
            error.hint("Check the AccessKey id: it may be deleted or disabled.")
        } else if says("SignatureDoesNotMatch") || says("IncompleteSignature") {
            error.hint(
                "Check the AccessKey secret: the id is known, and the signature does not fit.",
            )
        } else if says("Forbidden") || says("NoPermission") {
            error.hint(format!("Allow 'cr:{action}' to this RAM user."))
        } else if says("INSTANCE") || message.unwrap_or_default().contains("nstance") {
            error.hint(format!(
                "Check the id of the instance and the region '{}'.",
                self.place.region
            ))
        } else {
            error
        }
    }
}

/// The instance in `Bearer …,service="registry.aliyuncs.com:cn-hangzhou:26842:cri-abc"`.
fn instance_of(challenge: &str) -> Option<&str> {
    let at = challenge.find("cri-")?;
    let rest = &challenge[at..];
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(rest.len());
    Some(&rest[..end]).filter(|id| id.len() > 4)
}

/// A number that is used once.
fn nonce() -> String {
    use std::hash::{BuildHasher as _, Hasher as _, RandomState};
    let half = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", half(), half())
}

/// A call, signed.
fn signed(
    api: &Url,
    action: Action<'_>,
    (id, secret): (&str, &SecretString),
    now: SystemTime,
    nonce: &str,
) -> Result<Call> {
    let encode = |text: &str| utf8_percent_encode(text, ENCODED).to_string();
    let mut query: Vec<_> = action.query.iter().map(|(n, v)| (encode(n), encode(v))).collect();
    query.sort();
    let query: Vec<_> = query.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    let query = query.join("&");
    let mut url = api.clone();
    url.set_path(action.path);
    url.set_query(Some(query.as_str()).filter(|query| !query.is_empty()));
    let host = match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (host, _) => host.unwrap_or_default().to_owned(),
    };
    let date = jiff::Timestamp::try_from(now).unwrap_or_default();
    let date = date.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let hash = hex(&Sha256::digest(action.body));
    // in the order of their names
    let mut headers = vec![
        ("host", host.as_str()),
        ("x-acs-action", action.name),
        ("x-acs-content-sha256", &hash),
        ("x-acs-date", &date),
        ("x-acs-signature-nonce", nonce),
        ("x-acs-version", action.version),
    ];
    if !action.body.is_empty() {
        headers.insert(0, ("content-type", "application/json"));
    }
    let names: Vec<_> = headers.iter().map(|(name, _)| *name).collect();
    let names = names.join(";");
    let lines = headers
        .iter()
        .fold(String::new(), |lines, (name, value)| lines + name + ":" + value + "\n");
    let (method, path) = (action.method.as_str(), url.path());
    let canonical = format!("{method}\n{path}\n{query}\n{lines}\n{names}\n{hash}");
    let to_sign = format!("ACS3-HMAC-SHA256\n{}", hex(&Sha256::digest(canonical.as_bytes())));
    let unsignable = |_| Error::new(Code::ConfigInvalid, "the AccessKey can't sign");
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes())
        .map_err(|_| Error::new(Code::ConfigInvalid, "the AccessKey can't sign"))?;
    mac.update(to_sign.as_bytes());
    let signature = hex(&mac.finalize().into_bytes());
    let authorization =
        format!("ACS3-HMAC-SHA256 Credential={id},SignedHeaders={names},Signature={signature}");
    let mut all = HeaderMap::new();
    for (name, value) in headers.into_iter().filter(|(name, _)| *name != HOST.as_str()) {
        let value = HeaderValue::from_str(value).map_err(unsignable)?;
        all.insert(HeaderName::from_static(name), value);
    }
    let mut authorization = HeaderValue::from_str(&authorization).map_err(unsignable)?;
    authorization.set_sensitive(true);
    all.insert(http::header::AUTHORIZATION, authorization);
    all.insert(http::header::ACCEPT, HeaderValue::from_static("application/json"));
    let mut call = Call::new(action.method.clone(), url);
    call.headers = all;
    call.body = action.body.clone();
    call.secrets = vec![secret.clone()];
    Ok(call)
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of Alibaba Cloud's own documentation of the signature.
    #[test]
    fn the_published_example() {
        let query = [
            ("ImageId", "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd"),
            ("RegionId", "cn-shanghai"),
        ];
        let action = Action {
            name: "RunInstances",
            version: "2014-05-26",
            method: &Method::POST,
            path: "/",
            query: &query,
            body: &Bytes::new(),
        };
        let now = UNIX_EPOCH + Duration::from_secs(1_698_315_752);
        let secret = SecretString::from("YourAccessKeySecret");
        let call = signed(
            &"https://ecs.cn-shanghai.aliyuncs.com/".parse().unwrap(),
            action,
            ("YourAccessKeyId", &secret),
            now,
            "3156853299f313e23d1673dc12e1703d",
        )
        .unwrap();
        let authorization = call.headers[http::header::AUTHORIZATION].to_str().unwrap();
        assert!(
            authorization.ends_with(
                "Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"
            ),
            "{authorization}"
        );
    }

    #[test]
    fn instances_in_challenges() {
        let of = |service: &str| {
            let challenge = format!("Bearer realm=\"https://a/auth\",service=\"{service}\"");
            instance_of(&challenge).map(str::to_owned)
        };
        assert_eq!(
            of("registry.aliyuncs.com:cn-hangzhou:26842:cri-3q8x").as_deref(),
            Some("cri-3q8x")
        );
        assert_eq!(of("registry.aliyuncs.com:cn-hangzhou:26842"), None);
        assert_eq!(of("cri-"), None);
    }
}
