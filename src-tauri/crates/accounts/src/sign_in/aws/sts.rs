//! Assumed roles: the security token service gives out keys for an hour.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header::CONTENT_TYPE};
use registry::{Answered, Code, Error, Result};
use secrecy::SecretString;
use url::{Url, form_urlencoded};

use super::{Aws, Keys, Target, place, refusal, signed};

/// How long a session is to last; roles allow at least that.
const LIFE: Duration = Duration::from_hours(1);

/// A role to assume.
#[derive(Debug)]
pub(super) struct Role {
    pub(super) arn: String,
    pub(super) external_id: Option<String>,
    pub(super) session: Option<String>,
}

impl Role {
    pub(super) fn new(arn: &str) -> Self {
        Self { arn: arn.to_owned(), external_id: None, session: None }
    }
}

impl Aws {
    /// The keys of a role, by keys that may assume it.
    pub(super) async fn assume(&self, own: &Keys, role: &Role) -> Result<Keys> {
        let external = role.external_id.as_deref().map(|id| ("ExternalId", id));
        let body = form("AssumeRole", role, external);
        self.sts("AssumeRole", body, Some(own), Vec::new()).await
    }

    /// The keys of a role, by a token that another identity provider has put into a file (as in Kubernetes).
    pub(super) async fn assume_by_token(&self, role: &Role, file: &str) -> Result<Keys> {
        let token = tokio::fs::read_to_string(file).await.map_err(|error| {
            let message = format!("the web identity token {file} can't be read");
            Error::new(Code::FileFailed, message).cause(&error)
        })?;
        let by = Some(("WebIdentityToken", token.trim()));
        let body = form("AssumeRoleWithWebIdentity", role, by);
        let secrets = vec![SecretString::from(token.trim())];
        self.sts("AssumeRoleWithWebIdentity", body, None, secrets).await
    }

    async fn sts(
        &self,
        action: &str,
        form: Bytes,
        keys: Option<&Keys>,
        secrets: Vec<SecretString>,
    ) -> Result<Keys> {
        let region = self.place.region.as_str();
        let url = match place::endpoint(&self.settings, "STS")? {
            Some(url) => url,
            None => Url::parse(&format!("https://sts.{region}.{}/", place::domain(region)))
                .map_err(|_| self.settings.wrong(format!("'{region}' is no AWS region")))?,
        };
        let what = format!("asking STS ({action})");
        let target = Target { url: &url, region, service: "sts" };
        let answered = self
            .service
            .ask(&what, || {
                let mut headers = HeaderMap::new();
                let kind = "application/x-www-form-urlencoded; charset=utf-8";
                headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
                let mut call = signed(&target, headers, form.clone(), keys)?;
                call.secrets.extend(secrets.iter().cloned());
                Ok(call)
            })
            .await
            .map_err(|error| self.where_it_is(error))?;
        if !answered.status.is_success() {
            return Err(refusal(&answered, region, &format!("sts:{action}")));
        }
        read(&answered)
    }
}

fn form(action: &str, role: &Role, more: Option<(&str, &str)>) -> Bytes {
    let life = LIFE.as_secs().to_string();
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("Action", action)
        .append_pair("Version", "2011-06-15")
        .append_pair("RoleArn", &role.arn)
        .append_pair("RoleSessionName", role.session.as_deref().unwrap_or("image-syncer"))
        .append_pair("DurationSeconds", &life);
    form.extend_pairs(more);
    form.finish().into()
}

/// Reads the keys from the XML of the answer. Their characters are none that XML would have to escape.
fn read(answered: &Answered) -> Result<Keys> {
    let text = String::from_utf8_lossy(&answered.body);
    let field = |name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        let (value, _) = rest.split_once(&format!("</{name}>"))?;
        Some(value.trim().to_owned()).filter(|value| !value.is_empty())
    };
    let (Some(id), Some(secret), Some(token)) =
        (field("AccessKeyId"), field("SecretAccessKey"), field("SessionToken"))
    else {
        return Err(answered.rubbish("the answer has no keys"));
    };
    // by this machine's clock, whatever the server's says
    let end = field("Expiration").and_then(|at| at.parse::<jiff::Timestamp>().ok());
    let end = end.and_then(|end| u64::try_from(end.as_second()).ok());
    let end = end.and_then(|end| UNIX_EPOCH.checked_add(Duration::from_secs(end)));
    let life = end.and_then(|end| end.duration_since(answered.server_time()).ok());
    let expires = Some(SystemTime::now() + life.unwrap_or(LIFE));
    Ok(Keys { id, secret: secret.into(), token: Some(token.into()), expires })
}
