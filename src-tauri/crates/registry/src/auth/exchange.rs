//! The token exchange (distribution's `token.md` and `oauth2.md`): who we are and what we need goes to the token
//! service, a token for the registry comes back.

use std::time::{Duration, SystemTime};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, StatusCode,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE},
};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::Instant;
use url::{Url, form_urlencoded};

use super::{login::Login, slot::Token};
use crate::{
    Client, Code, Credential, Error, HostState, Wait,
    answer::read_body,
    dial::Line,
    error_body::{self, ErrorBody},
    failure::Failure,
    host::Reach,
    redirect,
    retry::{self, Class},
    wire::{Load, Parcel, transmit},
};

const CLIENT_ID: &str = "image-syncer";
const WHAT: &str = "getting a token";
/// The user name that stands for a refresh token where a user name must be given.
const TOKEN_USER: &str = "<token>";

/// A token service, and what of it a request needs.
pub(crate) struct Exchange<'a> {
    pub(crate) client: &'a Client,
    pub(crate) host: &'a HostState,
    pub(crate) reach: &'a Reach,
    /// The connections to use for it.
    pub(crate) http: &'a Line,
    pub(crate) realm: &'a Url,
    pub(crate) service: Option<&'a str>,
}

/// Why there is no token.
#[derive(Debug)]
pub(crate) enum NoToken {
    /// The credential is no good (401; 400 `invalid_grant`).
    Refused(Error),
    /// No token for these scopes (403).
    Denied(Error),
    /// The service can't tell.
    Unavailable(Error),
}

/// An answer of the token service.
struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Exchange<'_> {
    /// Gets a token. What may pass is tried again, here alone: the request that needs the token does not repeat it.
    pub(crate) async fn token(&self, login: &Login, scopes: &[String]) -> Result<Token, NoToken> {
        let begin = Instant::now();
        let mut pauses = retry::backoff(&self.client.0.options);
        let (mut by_form, mut attempts, mut next) = (true, 0, 1);
        let unavailable =
            |error: Error, attempts| NoToken::Unavailable(self.named(error, attempts, begin));
        loop {
            let longest = self.client.0.options.longest_wait;
            if let Err(left) = self.host.waited(Class::Token, longest).await {
                let error = retry::too_long(WHAT, left);
                return Err(unavailable(error, attempts));
            }
            attempts += 1;
            let asked = Instant::now();
            let refresh = match &login.credential {
                Credential::IdentityToken(token) if by_form => Some(token),
                _ => None,
            };
            let (error, may_pass) = match self.ask(login, scopes, refresh, attempts).await {
                Err(failure) => {
                    let may_pass = failure.retryable;
                    (self.out_of_order(failure), may_pass)
                }
                Ok(reply) if reply.status == StatusCode::OK => {
                    return parse(&reply, asked)
                        .map_err(|why| unavailable(self.rubbish(why), attempts));
                }
                Ok(reply) if refresh.is_some() && matches!(reply.status.as_u16(), 404 | 405) => {
                    by_form = false;
                    continue;
                }
                Ok(reply) => {
                    let now = SystemTime::now();
                    if let Some(wait) = retry::ordered(reply.status, &reply.headers, now) {
                        self.host.pauses.order(&self.host.registry, Class::Token, wait);
                        if begin.elapsed().saturating_add(wait) > longest {
                            let status = reply.status.as_u16();
                            let error = retry::too_long(WHAT, wait).status(status);
                            return Err(unavailable(error, attempts));
                        }
                        continue;
                    }
                    let status = reply.status.as_u16();
                    // OAuth2 says 400 `invalid_grant` of a refresh token that is no good
                    let is_refused = !login.is_anonymous()
                        && (status == 401 || status == 400 && refresh.is_some());
                    let error = self.error(login, &reply, is_refused);
                    if is_refused {
                        return Err(NoToken::Refused(self.named(error, attempts, begin)));
                    }
                    if matches!(status, 400 | 401 | 403) {
                        return Err(NoToken::Denied(self.named(error, attempts, begin)));
                    }
                    (error, retry::may_pass(reply.status))
                }
            };
            match pauses.next() {
                Some(pause) if may_pass => {
                    let most = self.client.0.options.tries();
                    next += 1;
                    self.host.waits.retry(error.code(), next, most, pause).await;
                }
                _ => return Err(unavailable(error, attempts)),
            }
        }
    }

    async fn ask(
        &self,
        login: &Login,
        scopes: &[String],
        refresh: Option<&SecretString>,
        attempt: u32,
    ) -> Result<Reply, Failure> {
        let mut url = self.realm.clone();
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let (method, body) = if let Some(token) = refresh {
            let form = HeaderValue::from_static("application/x-www-form-urlencoded");
            headers.insert(CONTENT_TYPE, form);
            let mut form = form_urlencoded::Serializer::new(String::new());
            form.append_pair("grant_type", "refresh_token");
            form.extend_pairs(self.service.map(|service| ("service", service)));
            form.append_pair("client_id", CLIENT_ID);
            if !scopes.is_empty() {
                form.append_pair("scope", &scopes.join(" "));
            }
            form.append_pair("refresh_token", token.expose_secret());
            (Method::POST, Load::Bytes(form.finish().into()))
        } else {
            // written by hand: a query that the realm has already must stay as it is
            let mut query = url.query().map(str::to_owned).unwrap_or_default();
            let service = self.service.map(|service| ("service", service));
            let scopes = scopes.iter().map(|scope| ("scope", scope.as_str()));
            for (name, value) in service.into_iter().chain(scopes) {
                if !query.is_empty() {
                    query.push('&');
                }
                query.push_str(name);
                query.push('=');
                query.extend(form_urlencoded::byte_serialize(value.as_bytes()));
            }
            url.set_query(Some(query.as_str()).filter(|query| !query.is_empty()));
            if let Some(basic) = basic(&login.credential) {
                headers.insert(AUTHORIZATION, basic);
            }
            (Method::GET, Load::Empty)
        };
        let parcel = Parcel { method, url: url.clone(), headers, body, wait: Wait::Answer };
        let proxy = self.reach.access.proxy.as_ref();
        let mut answer = transmit(self.client, self.http, proxy, parcel, attempt).await?;
        let (status, headers) = (answer.status(), std::mem::take(answer.headers_mut()));
        let stall = self.client.0.options.stall;
        // a token is a few KiB, an error's body no more
        let body = read_body(&mut answer, &url, stall, error_body::LIMIT).await?;
        Ok(Reply { status, headers, body })
    }

    /// Where the exchange took place and how hard was tried.
    fn named(&self, error: Error, attempts: u32, begin: Instant) -> Error {
        error.registry(&self.host.registry).tried(attempts, begin.elapsed())
    }

    fn service_name(&self) -> String {
        redirect::place(self.realm)
    }

    fn out_of_order(&self, failure: Failure) -> Error {
        // a certificate or a proxy at fault has its own code and remedy
        let code = match failure.code {
            Code::NetDns | Code::NetReset | Code::NetTimeout => Code::AuthUnavailable,
            code => code,
        };
        let what = format!("{WHAT} from {}", self.service_name());
        Failure { code, ..failure }.into_error(&what)
    }

    fn rubbish(&self, why: &str) -> Error {
        let message = format!("{WHAT} from {} failed: {why}", self.service_name());
        Error::new(Code::AuthUnavailable, message)
    }

    fn error(&self, login: &Login, reply: &Reply, is_refused: bool) -> Error {
        let body = login.secret(|secret| ErrorBody::parse(&reply.body, &[secret]));
        let body = body.unwrap_or_else(|| ErrorBody::parse(&reply.body, &[]));
        let by = &*self.service_name();
        let error = match reply.status.as_u16() {
            _ if is_refused => login.rejected(by),
            401 => Error::new(Code::AuthRequired, format!("{by} gives no token to the anonymous")),
            // which right was asked for, and so the code, is known to the request alone
            400 | 403 => Error::new(Code::PullDenied, format!("{by} gives no token for this")),
            _ => Error::new(Code::AuthUnavailable, format!("{WHAT} from {by} failed")),
        };
        error.status(reply.status.as_u16()).said(body.code, body.message)
    }
}

/// `Authorization: Basic`, for those who have something to say in it.
pub(crate) fn basic(credential: &Credential) -> Option<HeaderValue> {
    let text = match credential {
        Credential::Basic { username, password } => {
            format!("{username}:{}", password.expose_secret())
        }
        Credential::IdentityToken(token) => format!("{TOKEN_USER}:{}", token.expose_secret()),
        Credential::Anonymous | Credential::Bearer(_) => return None,
    };
    sensitive(&format!("Basic {}", BASE64_STANDARD.encode(text)))
}

/// `Authorization: Bearer`.
pub(crate) fn bearer(token: &str) -> Option<HeaderValue> {
    sensitive(&format!("Bearer {token}"))
}

fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Reads `{"token", "access_token", "expires_in"}`.
fn parse(reply: &Reply, asked: Instant) -> Result<Token, &'static str> {
    let json: serde_json::Value =
        serde_json::from_slice(&reply.body).map_err(|_| "the answer is not JSON")?;
    let text = |name: &str| json.get(name)?.as_str().filter(|text| !text.is_empty());
    let token = text("access_token").or_else(|| text("token")).ok_or("the answer has no token")?;
    let life = json.get("expires_in").and_then(|life| match life {
        serde_json::Value::String(text) => text.parse().ok(),
        // some write 300.0
        number => number.as_u64().or_else(|| number.as_f64().map(|life| life.max(0.0) as u64)),
    });
    let header = bearer(token).ok_or("the token has characters that fit in no header")?;
    Ok(Token::new(header, asked, life.map(Duration::from_secs)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(body: &str) -> Result<String, &'static str> {
        let reply = Reply {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            body: Bytes::copy_from_slice(body.as_bytes()),
        };
        let token = parse(&reply, Instant::now())?;
        assert!(token.header.is_sensitive());
        Ok(token.header.to_str().unwrap().to_owned())
    }

    #[tokio::test]
    async fn forms_of_tokens() {
        assert_eq!(parsed(r#"{"token":"a"}"#).as_deref(), Ok("Bearer a"));
        assert_eq!(parsed(r#"{"access_token":"b"}"#).as_deref(), Ok("Bearer b"));
        assert_eq!(parsed(r#"{"token":"a","access_token":"b"}"#).as_deref(), Ok("Bearer b"));
        assert_eq!(parsed(r#"{"token":"a","access_token":""}"#).as_deref(), Ok("Bearer a"));
        assert_eq!(parsed(r#"{"token":"a","expires_in":"300"}"#).as_deref(), Ok("Bearer a"));
        assert_eq!(parsed(r#"{"token":"a","expires_in":-1.5}"#).as_deref(), Ok("Bearer a"));
        assert!(parsed(r#"{"token":""}"#).is_err());
        assert!(parsed(r#"{"token":"a\nb"}"#).is_err());
        assert!(parsed("{}").is_err());
        assert!(parsed("<html>").is_err());
    }

    #[test]
    fn basic_is_marked_as_a_secret() {
        let password = "p:w".to_owned().into();
        let value = basic(&Credential::Basic { username: "u".into(), password }).unwrap();
        assert_eq!((value.to_str().unwrap(), value.is_sensitive()), ("Basic dTpwOnc=", true));
        assert!(!format!("{value:?}").contains("dTpw"));
        assert!(basic(&Credential::Anonymous).is_none());
    }
}
