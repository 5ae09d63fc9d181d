//! APIs beside a registry's own: of its vendor, or of the cloud that gives out its credentials. What is asked there is
//! the caller's business; that nothing secret goes astray on the way is ours: redirects are not followed, plain HTTP is
//! spoken with this machine alone, nothing is sent to the link (where clouds keep their secrets), and what an answer
//! repeats of a secret is hidden.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, header::DATE};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::{Instant, sleep};
use url::Url;

use crate::{
    Anonymous, Client, ClientOptions, Code, Error, Registry, Result, TlsOptions, Wait,
    answer::read_body,
    error_body::ErrorBody,
    failure::{Failure, Plain},
    redact::Shown,
    redirect, retry,
    wire::{Load, Parcel, transmit},
};

/// The longest answer that is read: a page of a thousand entries is well below it.
const LONGEST: usize = 8 * 1024 * 1024;
/// The longest `Retry-After` that is waited out.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// A way to such APIs: its own connections, with an account's TLS settings and proxy.
#[derive(Clone, Debug)]
pub struct Service {
    client: Client,
    tls: TlsOptions,
    proxy: Option<Url>,
}

/// One request.
pub struct Call {
    /// `GET`, `POST`
    pub method: Method,
    /// Where it goes.
    pub url: Url,
    /// Its headers; mark those that hold a secret as sensitive.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
    /// What must not be seen in error messages, should the answer repeat it.
    pub secrets: Vec<SecretString>,
}

impl Call {
    /// A request without headers and body.
    pub fn new(method: Method, url: Url) -> Self {
        Self { method, url, headers: HeaderMap::new(), body: Bytes::new(), secrets: Vec::new() }
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, Shown(&self.url))
    }
}

/// An answer, whatever its status, but for redirects.
pub struct Answered {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
    what: String,
    host: String,
    secrets: Vec<SecretString>,
    attempts: u32,
    elapsed: Duration,
}

impl fmt::Debug for Answered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.status, self.host)
    }
}

impl Service {
    /// A way with these TLS settings and this proxy. The options tell how often and how long it is tried.
    pub fn new(options: &ClientOptions, tls: TlsOptions, proxy: Option<Url>) -> Self {
        let options = ClientOptions { bandwidth: None, ..options.clone() };
        Self { client: Client::new(options, Arc::new(Anonymous)), tls, proxy }
    }

    /// Asks. `what` says what is being done ("asking ECR for a token"); `make` makes the request anew for each try, as
    /// those that are signed hold a time and a number used once. An answer that is no success comes back as it is,
    /// once trying again does not help.
    pub async fn ask(
        &self,
        what: &str,
        make: impl Fn() -> Result<Call> + Sync,
    ) -> Result<Answered> {
        let begin = Instant::now();
        let mut pauses = retry::backoff(&self.client.0.options);
        let mut attempts = 0;
        loop {
            attempts += 1;
            let call = make()?;
            let host = call.url.host_str().unwrap_or_default().to_owned();
            let failed = |failure: Failure| {
                let what = format!("{what} at {host}");
                failure.into_error(&what).tried(attempts, begin.elapsed())
            };
            let pause = match self.once(what, call, attempts).await? {
                Ok(mut answered) => {
                    (answered.attempts, answered.elapsed) = (attempts, begin.elapsed());
                    if !retry::may_pass(answered.status) {
                        return Ok(answered);
                    }
                    let now = SystemTime::now();
                    let ordered = retry::ordered(answered.status, &answered.headers, now);
                    match (pauses.next(), ordered) {
                        (Some(_), Some(wait)) if wait > LONGEST_WAIT => return Ok(answered),
                        (Some(pause), ordered) => ordered.unwrap_or(pause),
                        (None, _) => return Ok(answered),
                    }
                }
                Err(failure) if !failure.retryable => return Err(failed(failure)),
                Err(failure) => match pauses.next() {
                    Some(pause) => pause,
                    None => return Err(failed(failure)),
                },
            };
            sleep(pause).await;
        }
    }

    /// Asks at a registry's own host, below its root. Where its certificate is not verified, plain HTTP may be spoken
    /// with it too.
    pub async fn ask_registry(
        &self,
        registry: &Registry,
        path: &str,
        what: &str,
        make: impl Fn(Url) -> Result<Call> + Sync,
    ) -> Result<Answered> {
        let url = |scheme: &str| {
            Url::parse(&format!("{scheme}://{}/{path}", registry.api_host())).map_err(|error| {
                Error::new(Code::ConfigInvalid, "the registry's address can't be read")
                    .cause(&error)
            })
        };
        if self.tls.plain_http {
            let http = url("http")?;
            return self.ask(what, || make(http.clone())).await;
        }
        let https = url("https")?;
        if self.tls.insecure {
            // one try tells whether it speaks TLS
            match self.once(what, make(https.clone())?, 1).await? {
                Ok(answered) if !retry::may_pass(answered.status) => return Ok(answered),
                Err(failure) if failure.plain != Plain::No => {
                    let http = url("http")?;
                    return self.ask(what, || make(http.clone())).await;
                }
                _ => {}
            }
        }
        self.ask(what, || make(https.clone())).await
    }

    /// One try. The outer error is for good.
    async fn once(
        &self,
        what: &str,
        call: Call,
        attempt: u32,
    ) -> Result<Result<Answered, Failure>> {
        let Call { method, url, headers, body, secrets } = call;
        redirect::service(&url, self.tls.insecure || self.tls.plain_http)
            .map_err(|why| redirect::refused(what, Shown(&url).to_string().as_str(), why))?;
        let inner = &self.client.0;
        let http = inner.connections.pool(&self.tls, self.proxy.as_ref())?;
        let body = if body.is_empty() { Load::Empty } else { Load::Bytes(body) };
        let parcel = Parcel { method, url: url.clone(), headers, body, wait: Wait::Answer };
        let answer = transmit(&self.client, &http, self.proxy.as_ref(), parcel, attempt).await;
        let mut answer = match answer {
            Ok(answer) => answer,
            Err(failure) => return Ok(Err(failure)),
        };
        let (status, headers) = (answer.status(), std::mem::take(answer.headers_mut()));
        let host = url.host_str().unwrap_or_default().to_owned();
        if status.is_redirection() {
            let target = headers.get(http::header::LOCATION).and_then(|to| to.to_str().ok());
            let target = target.and_then(|to| url.join(to).ok());
            let target = target.map_or_else(|| "elsewhere".into(), |url| Shown(&url).to_string());
            let why = format!("{host} redirects there, and credentials never follow");
            return Err(redirect::refused(what, &target, &why).status(status.as_u16()));
        }
        let body = match read_body(&mut answer, &url, inner.options.stall, LONGEST).await {
            Ok(body) => body,
            Err(failure) => return Ok(Err(failure)),
        };
        let what = what.to_owned();
        let (attempts, elapsed) = (attempt, Duration::ZERO);
        Ok(Ok(Answered { status, headers, body, what, host, secrets, attempts, elapsed }))
    }
}

impl Answered {
    /// The body as JSON; an answer that is none is `auth.unavailable`.
    pub fn json(&self) -> Result<serde_json::Value> {
        serde_json::from_slice(&self.body).map_err(|_| self.rubbish("the answer is not JSON"))
    }

    /// The error for an answer that makes no sense.
    pub fn rubbish(&self, why: &str) -> Error {
        let message = format!("{} at {} failed: {why}", self.what, self.host);
        Error::new(Code::AuthUnavailable, message).tried(self.attempts, self.elapsed)
    }

    /// The error that this answer means: the server's own words, without secrets.
    pub fn error(&self, code: Code) -> Error {
        let (name, message) = self.said();
        Error::new(code, format!("{} at {} failed", self.what, self.host))
            .status(self.status.as_u16())
            .said(name, message)
            .tried(self.attempts, self.elapsed)
    }

    /// The server's own code and words, without secrets.
    pub fn said(&self) -> (Option<String>, Option<String>) {
        let secrets: Vec<&str> = self.secrets.iter().map(ExposeSecret::expose_secret).collect();
        let body = ErrorBody::parse(&self.body, &secrets);
        (body.code, body.message)
    }

    /// By how much the server's clock is ahead of ours, in seconds, as far as it tells (`Date`).
    pub fn clock_ahead(&self, now: SystemTime) -> Option<i64> {
        let date = httpdate::parse_http_date(self.headers.get(DATE)?.to_str().ok()?).ok()?;
        Some(match date.duration_since(now) {
            Ok(ahead) => ahead.as_secs().try_into().ok()?,
            Err(behind) => -i64::try_from(behind.duration().as_secs()).ok()?,
        })
    }

    /// The time by the server's clock; by ours if it does not tell.
    pub fn server_time(&self) -> SystemTime {
        let date = self.headers.get(DATE).and_then(|date| date.to_str().ok());
        date.and_then(|date| httpdate::parse_http_date(date).ok()).unwrap_or_else(SystemTime::now)
    }
}
