//! APIs beside a registry's own: of its vendor, or of the cloud that gives out its credentials. What is asked there is
//! the caller's business; that nothing secret goes astray on the way is ours: credentials follow no redirect, plain
//! HTTP is spoken with this machine alone, nothing is sent to the link (where clouds keep their secrets), and what an
//! answer repeats of a secret is hidden. Room, pauses and retries are as everywhere.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use futures_util::future::{BoxFuture, ready};
use http::{
    HeaderMap, Method, StatusCode,
    header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, DATE, LOCATION},
};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;
use url::Url;

use crate::{
    Anonymous, Client, ClientOptions, Code, Error, HostState, Registry, Result, TlsOptions, Wait,
    answer::read_body,
    error_body::{self, ErrorBody},
    failure::{Failure, Plain},
    redact::Shown,
    redirect::{self, Home},
    retry::{self, Class},
    wire::{Load, Parcel, transmit},
};

/// The longest answer that is read: a page of a thousand entries is well below it.
const LONGEST: usize = 16 * 1024 * 1024;
/// The longest `Retry-After` that a sign-in waits out.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// A way to such APIs, with an account's TLS settings and proxy.
#[derive(Clone, Debug)]
pub struct Service {
    client: Client,
    /// Whose account it is: its client certificate and the certificate that it trusts are for that host alone.
    registry: Registry,
    tls: TlsOptions,
    proxy: Option<Url>,
    class: Class,
    /// GET follows redirects, though what shows who we are does not.
    follows: bool,
}

/// One request.
#[derive(Clone)]
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
    /// The wait that it orders, where that is too long for us.
    too_long: Option<Duration>,
}

impl fmt::Debug for Answered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.status, self.host)
    }
}

impl Service {
    /// A way for a registry's account with these TLS settings and this proxy. The options tell how often and how long it
    /// is tried.
    pub fn new(
        options: &ClientOptions,
        registry: Registry,
        tls: TlsOptions,
        proxy: Option<Url>,
    ) -> Self {
        let longest_wait = options.longest_wait.min(LONGEST_WAIT);
        let options = ClientOptions { bandwidth: None, longest_wait, ..options.clone() };
        let client = Client::new(options, Arc::new(Anonymous));
        Self { client, registry, tls, proxy, class: Class::Token, follows: false }
    }

    /// The same connections, room and pauses as a client's own, for requests of a class; GET follows redirects.
    pub(crate) fn of(
        client: &Client,
        registry: &Registry,
        tls: TlsOptions,
        proxy: Option<Url>,
        class: Class,
    ) -> Self {
        let (client, registry) = (client.clone(), registry.clone());
        Self { client, registry, tls, proxy, class, follows: true }
    }

    /// Asks. `what` says what is being done ("asking ECR for a token"); `make` makes the request anew for each try, as
    /// those that are signed hold a time and a number used once. An answer that is no success comes back as it is,
    /// once trying again does not help.
    pub async fn ask(
        &self,
        what: &str,
        make: impl Fn() -> Result<Call> + Sync,
    ) -> Result<Answered> {
        self.try_all(what, || Box::pin(ready(make()))).await
    }

    /// The same, where making the request takes a while.
    pub(crate) async fn try_all<'m>(
        &self,
        what: &str,
        make: impl Fn() -> BoxFuture<'m, Result<Call>> + Sync,
    ) -> Result<Answered> {
        let begin = Instant::now();
        let options = &self.client.0.options;
        let (mut pauses, mut waited) = (retry::backoff(options), Duration::ZERO);
        let (mut attempts, mut next) = (0, 1);
        // a paused run may wait for long: nothing is signed before it goes on
        let make = || async {
            self.client.0.gate.pass().await;
            make().await
        };
        let mut call = make().await?;
        loop {
            let host = self.host(&call.url);
            if host.pauses.left(self.class).is_some() {
                let waiting = host.waited(self.class, options.longest_wait).await;
                waiting
                    .map_err(|left| retry::too_long(what, left).tried(attempts, begin.elapsed()))?;
                // what was signed before is too old by now
                call = make().await?;
            }
            let room = host.room.acquire(self.class).await;
            let sent = Instant::now();
            let place = call.url.host_str().unwrap_or_default().to_owned();
            attempts += 1;
            let result = match self.once(what, call, attempts).await? {
                Err(failure) => {
                    if failure.congestion {
                        host.room.congested(self.class, sent);
                    }
                    let retryable = failure.retryable;
                    let error = failure.into_error(&format!("{what} at {place}"));
                    let error = error.tried(attempts, begin.elapsed());
                    if !retryable {
                        return Err(error);
                    }
                    Err(error)
                }
                Ok(mut answered) => {
                    (answered.attempts, answered.elapsed) = (attempts, begin.elapsed());
                    if !retry::may_pass(answered.status) {
                        host.room.answered(self.class);
                        return Ok(answered);
                    }
                    if matches!(answered.status.as_u16(), 429 | 503) {
                        host.room.congested(self.class, sent);
                    }
                    let now = SystemTime::now();
                    if let Some(wait) = retry::ordered(answered.status, &answered.headers, now) {
                        waited = waited.saturating_add(wait);
                        if waited > options.longest_wait {
                            answered.too_long = Some(wait);
                            return Ok(answered);
                        }
                        host.pauses.order(&host.registry, self.class, wait);
                        drop(room);
                        call = make().await?;
                        continue;
                    }
                    Ok(answered)
                }
            };
            drop(room);
            match pauses.next() {
                Some(pause) => {
                    let code = match &result {
                        Err(error) => error.code(),
                        Ok(answered) => retry::code(answered.status),
                    };
                    next += 1;
                    host.waits.retry(code, next, options.tries(), pause).await;
                }
                None => return result,
            }
            call = make().await?;
        }
    }

    /// Asks at a registry's own host, below its root. Where its certificate is not verified, plain HTTP may be spoken
    /// with it too.
    pub async fn ask_registry(
        &self,
        path: &str,
        what: &str,
        make: impl Fn(Url) -> Result<Call> + Sync,
    ) -> Result<Answered> {
        let url = |scheme: &str| {
            let address = format!("{scheme}://{}/{path}", self.registry.api_host());
            Url::parse(&address).map_err(|error| {
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

    /// What is learnt of the host of an address: another one than the registry's has room and pauses of its own.
    fn host(&self, url: &Url) -> Arc<HostState> {
        match authority(url) {
            Some(there) if !self.is_own(url) => self.client.host_state(&there),
            _ => self.client.host_state(&self.registry),
        }
    }

    fn is_own(&self, url: &Url) -> bool {
        authority(url).is_some_and(|there| there.as_str() == self.registry.api_host())
    }

    /// One try, wherever it is led. The outer error is for good.
    async fn once(
        &self,
        what: &str,
        call: Call,
        attempt: u32,
    ) -> Result<Result<Answered, Failure>> {
        let Call { method, mut url, mut headers, body, secrets } = call;
        let insecure = self.tls.insecure || self.tls.plain_http;
        redirect::service(&url, insecure)
            .map_err(|why| redirect::refused(what, Shown(&url).to_string().as_str(), why))?;
        if method != Method::GET {
            headers.insert(CONTENT_LENGTH, body.len().into());
        }
        let stall = self.client.0.options.stall;
        let home = Home { url: origin(&url), insecure: self.tls.insecure };
        let host = url.host_str().unwrap_or_default().to_owned();
        let proxy = self.proxy.as_ref();
        let mut redirects = 0;
        loop {
            if !home.owns(&url) {
                // whatever tells who we are is for the API alone
                headers = only(&headers, &[ACCEPT, CONTENT_TYPE]);
            }
            let abroad = || TlsOptions { identity: None, pin: None, ..self.tls.clone() };
            let tls = if self.is_own(&url) { self.tls.clone() } else { abroad() };
            let http = self.client.0.connections.pool(&tls, proxy)?.single;
            let body = if body.is_empty() { Load::Empty } else { Load::Bytes(body.clone()) };
            let (method, wait) = (method.clone(), Wait::Answer);
            let follows = self.follows && method == Method::GET;
            let parcel = Parcel { method, url: url.clone(), headers: headers.clone(), body, wait };
            let mut answer = match transmit(&self.client, &http, proxy, parcel, attempt).await {
                Ok(answer) => answer,
                Err(failure) => return Ok(Err(failure)),
            };
            let (status, answered) = (answer.status(), std::mem::take(answer.headers_mut()));
            if status.is_redirection() {
                let target = answered.get(LOCATION).and_then(|to| to.to_str().ok());
                let target = target.unwrap_or_default();
                let next = if !follows {
                    Err("it is redirected there, and credentials never follow")
                } else if redirects >= redirect::MOST {
                    Err("it was redirected too often")
                } else {
                    home.follow(&url, target)
                };
                redirects += 1;
                url = next.map_err(|why| {
                    let target = url.join(target).ok();
                    let target = target.map_or("elsewhere".into(), |to| Shown(&to).to_string());
                    redirect::refused(what, &target, why).status(status.as_u16())
                })?;
                continue;
            }
            let limit = if status.is_success() { LONGEST } else { error_body::LIMIT };
            let body = match read_body(&mut answer, &url, stall, limit).await {
                Ok(body) => body,
                // what is wrong is told by the status already
                Err(_) if !status.is_success() => Bytes::new(),
                Err(failure) => return Ok(Err(failure)),
            };
            return Ok(Ok(Answered {
                status,
                headers: answered,
                body,
                what: what.to_owned(),
                host,
                secrets,
                attempts: attempt,
                elapsed: Duration::ZERO,
                too_long: None,
            }));
        }
    }
}

/// Some headers of many.
fn only(headers: &HeaderMap, names: &[http::HeaderName]) -> HeaderMap {
    names.iter().filter_map(|name| Some((name.clone(), headers.get(name)?.clone()))).collect()
}

/// The host and port of an URL, as registries are named.
fn authority(url: &Url) -> Option<Registry> {
    let host = url.host_str()?;
    match url.port() {
        Some(port) => format!("{host}:{port}").parse().ok(),
        None if url.scheme() == "http" => format!("{host}:80").parse().ok(),
        None => host.parse().ok(),
    }
}

fn origin(url: &Url) -> Url {
    let mut origin = url.clone();
    origin.set_path("/");
    origin.set_query(None);
    origin.set_fragment(None);
    origin
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
        let error = match self.too_long {
            Some(wait) => retry::too_long(&format!("{} at {}", self.what, self.host), wait),
            None => Error::new(code, format!("{} at {} failed", self.what, self.host)),
        };
        error.status(self.status.as_u16()).said(name, message).tried(self.attempts, self.elapsed)
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
