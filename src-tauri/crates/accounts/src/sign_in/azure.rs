//! Azure: a service principal gets a token of Microsoft Entra ID, the registry gives a refresh token for it
//! (`/oauth2/exchange`), and with that the registry's tokens are had as with any identity token (`/oauth2/token`).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::Method;
use registry::{Answered, Call, Code, Credential, Result, Service};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use url::Url;

use super::{
    Lease, SecretKind, Settings,
    google::{form, form_headers},
    skew,
};

/// The user name that stands for a refresh token where a user name must be given.
pub const TOKEN_USER: &str = "00000000-0000-0000-0000-000000000000";
/// How long a refresh token lives that does not tell.
const LIFE: Duration = Duration::from_hours(1);

/// Who signs in at an Azure registry.
#[derive(Debug)]
pub struct Azure {
    settings: Settings,
    service: Service,
    who: Who,
}

#[derive(Debug)]
enum Who {
    /// A service principal.
    Principal { client: String, secret: SecretString, tenant: String, login: Url },
    /// A token of Entra ID that was got elsewhere.
    Token(SecretString),
}

impl Azure {
    /// Checks the settings. What they do not say of a principal, Azure's environment variables may.
    pub fn new(settings: Settings) -> Result<Self> {
        let env = |name: &str| (settings.env)(name).filter(|text| !text.is_empty());
        let who = if settings.kind == SecretKind::AzureToken {
            Who::Token(settings.secret("token")?)
        } else {
            let client = Some(settings.username.clone()).filter(|name| !name.is_empty());
            let client = client.or_else(|| env("AZURE_CLIENT_ID"));
            let tenant = settings.options.tenant.clone().or_else(|| env("AZURE_TENANT_ID"));
            let secret = settings.secret.clone();
            let secret = secret.or_else(|| env("AZURE_CLIENT_SECRET").map(Into::into));
            let missing = |what: &str, hint: &str| {
                Err(settings
                    .wrong(format!("the service principal has no {what}"))
                    .hint(hint.to_owned()))
            };
            let Some(client) = client else {
                return missing("client id", "Give it as the user name, or set AZURE_CLIENT_ID.");
            };
            let Some(tenant) = tenant else {
                return missing(
                    "tenant",
                    "Give the id or domain of the tenant (directory), or set AZURE_TENANT_ID.",
                );
            };
            let Some(secret) = secret else {
                return missing("secret", "Give it as the secret, or set AZURE_CLIENT_SECRET.");
            };
            let login = login(&settings, &tenant)?;
            Who::Principal { client, secret, tenant, login }
        };
        let service = settings.service();
        Ok(Self { settings, service, who })
    }

    /// The registry's refresh token.
    pub async fn token(&self) -> Result<Lease> {
        let (token, tenant) = match &self.who {
            Who::Token(token) => (token.clone(), self.settings.options.tenant.as_deref()),
            Who::Principal { client, secret, tenant, login } => {
                (self.entra(client, secret, login).await?, Some(tenant.as_str()))
            }
        };
        let registry = &self.settings.registry;
        let mut fields = vec![
            ("grant_type", "access_token"),
            ("service", registry.as_str()),
            ("access_token", token.expose_secret()),
        ];
        fields.extend(tenant.map(|tenant| ("tenant", tenant)));
        let body = form(&fields);
        let what = "exchanging the token of Entra ID";
        let make = |url| Ok(call(url, &body, &token));
        let answered = self.service.ask_registry("oauth2/exchange", what, make).await?;
        if !answered.status.is_success() {
            let code = refusal(&answered);
            let error = skew::hint(answered.error(code), &answered);
            return Err(match (code, &self.who) {
                (Code::AuthRejected, Who::Token(_)) => {
                    error.hint("The token may have ended; they last about an hour: 'az acr login --expose-token' or 'az account get-access-token' gives a new one.")
                }
                (Code::AuthRejected, Who::Principal { .. }) => error.hint(
                    "Give the principal a role at the registry (AcrPull, AcrPush), and check the tenant.",
                ),
                _ => error,
            });
        }
        let json = answered.json()?;
        let refresh = json.get("refresh_token").and_then(Value::as_str).filter(|t| !t.is_empty());
        let refresh = refresh.ok_or_else(|| answered.rubbish("the answer has no refresh token"))?;
        let credential = Credential::IdentityToken(refresh.into());
        let now = answered.server_time();
        Ok(Lease::until(credential, end(refresh).unwrap_or(now + LIFE), now))
    }

    /// A token of Entra ID for the principal.
    async fn entra(
        &self,
        client: &str,
        secret: &SecretString,
        login: &Url,
    ) -> Result<SecretString> {
        let cloud = if is_china(self.settings.registry.as_str()) { "cn" } else { "net" };
        let scope = format!("https://containerregistry.azure.{cloud}/.default");
        let body = form(&[
            ("grant_type", "client_credentials"),
            ("client_id", client),
            ("client_secret", secret.expose_secret()),
            ("scope", &scope),
        ]);
        let what = "signing in at Entra ID";
        let answered = self.service.ask(what, || Ok(call(login.clone(), &body, secret))).await?;
        if !answered.status.is_success() {
            let code = refusal(&answered);
            let (name, message) = answered.said();
            let message = message.unwrap_or_default();
            let error = skew::hint(answered.error(code), &answered);
            let says = |number: &str| message.contains(number);
            return Err(if says("AADSTS7000222") {
                error.hint("The client secret has ended: make a new one for the principal.")
            } else if says("AADSTS90002") || says("AADSTS900023") {
                error.hint("Check the tenant: there is none of this id or domain.")
            } else if says("AADSTS700016") {
                error.hint("Check the client id: the tenant has no application of it.")
            } else if name.as_deref() == Some("invalid_client") {
                error.hint(
                    "Check the client secret: it is the secret's value that is wanted, not its id.",
                )
            } else {
                error
            });
        }
        let json = answered.json()?;
        let token = json.get("access_token").and_then(Value::as_str).filter(|t| !t.is_empty());
        token.map(Into::into).ok_or_else(|| answered.rubbish("the answer has no token"))
    }
}

fn call(url: Url, body: &Bytes, secret: &SecretString) -> Call {
    let mut call = Call::new(Method::POST, url);
    call.headers = form_headers();
    call.body = body.clone();
    call.secrets = vec![secret.clone()];
    call
}

fn refusal(answered: &Answered) -> Code {
    match answered.status.as_u16() {
        429 => Code::RateLimited,
        500.. => Code::AuthUnavailable,
        _ => Code::AuthRejected,
    }
}

/// Where the tenant's tokens are had.
fn login(settings: &Settings, tenant: &str) -> Result<Url> {
    let fine = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    if tenant.is_empty() || !tenant.chars().all(fine) || tenant.starts_with('.') {
        return Err(settings
            .wrong("the tenant is neither an id nor a domain")
            .hint("Write it as 'contoso.onmicrosoft.com' or as the directory's id."));
    }
    let host = settings.registry.as_str();
    let base = if let Some(url) = &settings.options.endpoint {
        url.clone()
    } else {
        let authority = if is_china(host) {
            "login.partner.microsoftonline.cn"
        } else if host.ends_with(".azurecr.us") {
            "login.microsoftonline.us"
        } else {
            "login.microsoftonline.com"
        };
        Url::parse(&format!("https://{authority}/"))
            .map_err(|_| settings.wrong("the address can't be read"))?
    };
    base.join(&format!("/{tenant}/oauth2/v2.0/token"))
        .map_err(|_| settings.wrong("the endpoint can't be read"))
}

fn is_china(host: &str) -> bool {
    host.ends_with(".azurecr.cn")
}

/// When a token ends that is a JSON web token and tells.
fn end(token: &str) -> Option<SystemTime> {
    let claims =
        BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?.trim_end_matches('=')).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    UNIX_EPOCH.checked_add(Duration::from_secs(claims.get("exp")?.as_u64()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cloud_has_its_login() {
        for (host, endpoint) in [
            ("a.azurecr.io", "https://login.microsoftonline.com/t.example/oauth2/v2.0/token"),
            (
                "a.azurecr.cn",
                "https://login.partner.microsoftonline.cn/t.example/oauth2/v2.0/token",
            ),
            ("a.azurecr.us", "https://login.microsoftonline.us/t.example/oauth2/v2.0/token"),
        ] {
            let settings = Settings::new(host.parse().unwrap(), SecretKind::AzurePrincipal);
            assert_eq!(login(&settings, "t.example").unwrap().as_str(), endpoint);
            for bad in ["", "../x", "a/b", "a?b", ".."] {
                assert!(login(&settings, bad).is_err(), "{bad}");
            }
        }
    }

    #[test]
    fn tokens_tell_their_end() {
        let token = format!("x.{}.y", BASE64_URL_SAFE_NO_PAD.encode(r#"{"exp":1700000000}"#));
        assert_eq!(end(&token), Some(UNIX_EPOCH + Duration::from_secs(1_700_000_000)));
        assert_eq!(end("opaque"), None);
        assert_eq!(end("a.b.c"), None);
    }
}
