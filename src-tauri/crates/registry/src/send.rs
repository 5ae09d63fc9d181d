//! Sending a request: room at the host, pauses that it ordered, the token, redirects, and tries until it is answered
//! or given up.

use std::{sync::Arc, time::Duration, time::SystemTime};

use http::{
    HeaderMap, HeaderValue, Method, StatusCode,
    header::{AUTHORIZATION, CONTENT_LENGTH, LOCATION},
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::time::{Instant, sleep};
use url::Url;

use crate::{
    Answer, Ask, Body, Client, Code, Error, HostState, Place, Registry, RepositoryName, Result,
    Room, Side,
    answer::About,
    auth::{Challenge, Proof, Seeker, needed},
    failure::{Failure, Plain},
    host::{Reach, Scheme, Turn},
    limit::Permit,
    redirect::{self, Home},
    retry::{self, Class},
    wire::{Load, Parcel, transmit},
};

/// What stands for itself in a query. Digests, names and numbers stay readable, and so does what naive servers compare.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b':')
    .remove(b'/')
    .remove(b',');

/// How long a token must last for a body that streams: it is judged when the body ends.
const STREAMING: Duration = Duration::from_mins(1);
/// How often a host name that does not resolve is tried again: each try may take long by itself.
const DNS_RETRIES: u32 = 2;

impl Client {
    /// Sends a request: waits for room and for pauses that the registry ordered, brings the token, follows redirects,
    /// retries what may pass. Answers are 2xx or listed in `ask.accept`; all else is an error with its place, code,
    /// tries and time.
    pub(crate) async fn send(
        &self,
        registry: &Registry,
        repository: Option<&RepositoryName>,
        side: Side,
        ask: Ask<'_>,
    ) -> Result<Answer> {
        self.send_as(registry, repository, Some(side), ask).await
    }

    /// The same; without a side where the request is of no copy.
    pub(crate) async fn send_as(
        &self,
        registry: &Registry,
        repository: Option<&RepositoryName>,
        side: Option<Side>,
        mut ask: Ask<'_>,
    ) -> Result<Answer> {
        let host = self.host_state(registry);
        let stall = self.0.options.stall;
        let about = About {
            what: ask.what,
            side,
            reference: ask.reference.take(),
            host: Arc::clone(&host),
            begin: Instant::now(),
            stall,
        };
        let reach = host.reach(self, repository).await.map_err(|error| about.place(error))?;
        if let Some(error) = host.contact.is_down(stall) {
            return Err(about.place(error));
        }
        let token_side = side.unwrap_or(Side::Source);
        let scopes = needed(repository, token_side, ask.scope);
        let is_stream = matches!(ask.body, Body::Stream { .. });
        let enough = if is_stream { STREAMING } else { Duration::ZERO };
        let trip = Trip {
            client: self,
            host: &host,
            reach: &reach,
            repository,
            class: class(&ask),
            can_retry: ask.retry && !is_stream,
            ask,
            attempts: 0,
            seeker: Seeker::new(self, &host, &reach, repository, token_side, scopes, enough),
        };
        trip.run(about).await
    }
}

/// The class that a request is limited with.
fn class(ask: &Ask<'_>) -> Class {
    match &ask.place {
        // the same slashes as in a whole path
        Place::Path { path, .. } => Class::of(&ask.method, &format!("/{path}")),
        Place::Url(url) => Class::of(&ask.method, url.path()),
    }
}

/// A request under way.
struct Trip<'a> {
    client: &'a Client,
    host: &'a Arc<HostState>,
    reach: &'a Reach,
    repository: Option<&'a RepositoryName>,
    ask: Ask<'a>,
    class: Class,
    can_retry: bool,
    /// Requests sent.
    attempts: u32,
    seeker: Seeker<'a>,
}

/// An answer, whatever it says.
struct Reply {
    response: reqwest::Response,
    home: Home,
    url: Url,
    /// What was shown to the registry.
    shown: Option<HeaderValue>,
    /// It came from another host, to which the registry has redirected.
    is_abroad: bool,
}

/// Why a try ended without an answer.
enum Lost {
    /// The network; perhaps it goes better next time.
    Network(Failure),
    /// A matter that trying again does not change, or that was tried again already.
    Final(Error),
    /// The answer was 401 and there is a remedy, but the body is used up.
    Unauthorized,
}

impl From<Error> for Lost {
    fn from(error: Error) -> Self {
        Self::Final(error)
    }
}

impl Trip<'_> {
    async fn run(mut self, about: About) -> Result<Answer> {
        let options = &self.client.0.options;
        let registry = &self.host.registry;
        let what = self.ask.what;
        let mut pauses = retry::backoff(options);
        let (mut waited, mut names_tried) = (Duration::ZERO, 0);
        loop {
            if let Err(left) = self.host.pauses.wait(self.class, options.longest_wait).await {
                let error = retry::too_long(what, left).tried(self.attempts, about.begin.elapsed());
                return Err(about.place(error));
            }
            let room = match self.ask.room {
                Room::Take => Some(self.host.room.acquire().await),
                Room::Held => None,
            };
            if self.host.pauses.left(self.class).is_some() {
                // ordered while this request was waiting for room
                continue;
            }
            let sent = Instant::now();
            let lost = match self.try_once().await {
                Ok(reply) => {
                    let status = reply.response.status();
                    if status.is_success() || self.ask.accept.contains(&status.as_u16()) {
                        self.host.room.answered();
                        return Ok(self.answer(reply, about, room, None));
                    }
                    if matches!(status.as_u16(), 429 | 503) {
                        self.host.room.congested(sent);
                    }
                    let headers = reply.response.headers();
                    if let Some(wait) = retry::ordered(status, headers, SystemTime::now()) {
                        self.host.pauses.order(registry, self.class, wait);
                        waited = waited.saturating_add(wait);
                        if waited > options.longest_wait {
                            let mut answer = self.answer(reply, about, room, Some(wait));
                            let body = answer.error_body().await;
                            let error = retry::too_long(what, wait).said(body.code, body.message);
                            return Err(answer.place(error.status(status.as_u16())));
                        }
                        if self.can_retry {
                            continue;
                        }
                        let answer = self.answer(reply, about, room, Some(wait));
                        return Err(answer.into_error().await.retryable(true));
                    }
                    // what a storage refuses (a signature that has expired) may be well when asked for anew
                    let is_stale = reply.is_abroad && matches!(status.as_u16(), 400 | 401 | 403);
                    if (retry::may_pass(status) || is_stale)
                        && self.can_retry
                        && let Some(pause) = pauses.next()
                    {
                        drop((reply, room));
                        sleep(pause).await;
                        continue;
                    }
                    let error = self.answer(reply, about, room, None).into_error().await;
                    let retryable = error.is_retryable() || is_stale;
                    return Err(error.retryable(retryable));
                }
                Err(lost) => lost,
            };
            drop(room);
            match lost {
                Lost::Network(failure) => {
                    if failure.congestion {
                        self.host.room.congested(sent);
                    }
                    names_tried += u32::from(failure.code == Code::NetDns);
                    if failure.retryable
                        && self.can_retry
                        && names_tried <= DNS_RETRIES
                        && let Some(pause) = pauses.next()
                    {
                        sleep(pause).await;
                        continue;
                    }
                    let error = failure.into_error(what);
                    let error = error.tried(self.attempts.max(1), about.begin.elapsed());
                    let error = about.place_without_reference(error);
                    self.host.contact.gave_up(&error);
                    return Err(about.place(error));
                }
                Lost::Unauthorized => {
                    let error = Error::new(
                        Code::AuthRejected,
                        format!("{what} failed: the token expired on the way"),
                    );
                    let error = error.status(401).retryable(true);
                    let error = error.tried(self.attempts, about.begin.elapsed());
                    return Err(about.place(error));
                }
                Lost::Final(error) => {
                    // errors of a login tell their own tries
                    let tries =
                        if error.attempts() == 0 { self.attempts } else { error.attempts() };
                    let elapsed =
                        if error.attempts() == 0 { about.begin.elapsed() } else { error.elapsed() };
                    return Err(about.place(error.tried(tries, elapsed)));
                }
            }
        }
    }

    fn answer(
        &self,
        reply: Reply,
        about: About,
        room: Option<Permit>,
        retry_after: Option<Duration>,
    ) -> Answer {
        let Reply { mut response, home, url, shown, .. } = reply;
        let status = response.status();
        let has_body = self.ask.method == Method::GET && status.is_success();
        Answer {
            status,
            headers: std::mem::take(response.headers_mut()),
            url,
            attempts: self.attempts,
            about,
            method: self.ask.method.clone(),
            home,
            response,
            room: room.filter(|_| has_body),
            login: self.seeker.login(),
            shown,
            retry_after,
        }
    }

    /// One try: the first contact with the host if need be, then the search for what the registry wants to be shown.
    async fn try_once(&mut self) -> Result<Reply, Lost> {
        let (mut scheme, mut first) = match self.host.contact.turn().await {
            Turn::Known(scheme) => (scheme, None),
            Turn::First(alone, scheme) => (scheme, Some(alone)),
            Turn::Failed(failure) => return Err(Lost::Network(failure)),
        };
        let mut tls_failure: Option<Failure> = None;
        loop {
            let home = self.host.home(scheme, self.reach)?;
            let proof = self.seeker.proof(&home).await?;
            let mut reply = match self
                .journey(home.clone(), proof.header(), tls_failure.as_ref())
                .await
            {
                Ok(reply) => reply,
                Err(Lost::Network(failure)) if first.is_some() && !self.host.contact.is_made() => {
                    if scheme == Scheme::Https && self.may_be_plain(&failure) {
                        scheme = Scheme::Http;
                        // finding out how to ask is no try
                        self.attempts -= 1;
                        if failure.plain == Plain::Surely {
                            self.host.contact.seems_plain();
                        } else {
                            tls_failure = Some(failure);
                        }
                        continue;
                    }
                    // a host that seems to speak neither is told about as one that should speak TLS
                    let failure = tls_failure.unwrap_or(failure);
                    self.host.contact.failed(&failure);
                    return Err(Lost::Network(failure));
                }
                Err(lost) => return Err(lost),
            };
            if reply.is_abroad || reply.response.status() != StatusCode::UNAUTHORIZED {
                proof.accepted();
                return Ok(reply);
            }
            let challenges = Challenge::of(reply.response.headers());
            self.host.auth.remember(&challenges);
            drop(first.take());
            if self.seeker.again(&home, &proof, &challenges).await? {
                if matches!(self.ask.body, Body::Stream { .. }) {
                    return Err(Lost::Unauthorized);
                }
                continue;
            }
            if self.ask.accept.contains(&401) && !matches!(&proof, Proof::Credential { .. }) {
                return Ok(reply);
            }
            let error = self.seeker.unauthorized(&proof, &challenges).status(401);
            let body = crate::answer::read_body(
                &mut reply.response,
                &reply.url,
                self.client.0.options.stall,
                crate::error_body::LIMIT,
            );
            let body = body.await.unwrap_or_default();
            let login = self.seeker.login();
            let said = login.secret(|secret| crate::error_body::ErrorBody::parse(&body, &[secret]));
            let said = said.unwrap_or_else(|| crate::error_body::ErrorBody::parse(&body, &[]));
            return Err(Lost::Final(error.said(said.code, said.message)));
        }
    }

    /// Whether plain HTTP may be spoken with the host after TLS has failed in this way.
    fn may_be_plain(&self, failure: &Failure) -> bool {
        let may = self.reach.access.tls.insecure || self.host.registry.is_loopback();
        may && failure.plain != Plain::No && !matches!(self.ask.body, Body::Stream { .. })
    }

    /// Sends the request and follows where it is led. `tls_failure`
    /// is why plain HTTP is tried, where that was no sure sign of it.
    async fn journey(
        &mut self,
        home: Home,
        proof: Option<&HeaderValue>,
        tls_failure: Option<&Failure>,
    ) -> Result<Reply, Lost> {
        let mut url = self.url(&home);
        let mut token_abroad: Option<HeaderValue> = None;
        let mut redirects = 0;
        loop {
            let is_home = home.owns(&url);
            let shown = if is_home { proof } else { token_abroad.as_ref() }.cloned();
            let response =
                self.request(&url, shown.as_ref(), is_home).await.map_err(|failure| {
                    let there = url.host_str().filter(|_| !is_home);
                    Lost::Network(match there {
                        Some(host) => {
                            Failure { reason: format!("{} (at {host})", failure.reason), ..failure }
                        }
                        None => failure,
                    })
                })?;
            let status = response.status();
            if is_home {
                if let Some(failure) = tls_failure
                    && status == StatusCode::BAD_REQUEST
                {
                    // so says a TLS server to one who speaks plainly
                    return Err(Lost::Network(failure.clone()));
                }
                let scheme =
                    if home.url.scheme() == "https" { Scheme::Https } else { Scheme::Http };
                self.host.contact.made(scheme);
                self.host.note(response.headers());
                self.client.0.warnings.note(&self.host.registry, response.headers());
            }
            let is_read = matches!(self.ask.method, Method::GET | Method::HEAD);
            if status == StatusCode::UNAUTHORIZED && !is_home && is_read && token_abroad.is_none() {
                let challenges = Challenge::of(response.headers());
                let mut there = url.clone();
                there.set_path("/");
                there.set_query(None);
                let there = Home { url: there, insecure: home.insecure };
                token_abroad = self.seeker.abroad(&there, &challenges).await?;
                if token_abroad.is_some() {
                    continue;
                }
            }
            let can_follow = match status.as_u16() {
                301..=303 => is_read,
                307 | 308 => is_read || !matches!(self.ask.body, Body::Stream { .. }),
                _ => false,
            };
            let target = response.headers().get(LOCATION).and_then(|target| target.to_str().ok());
            let Some(target) = target.filter(|_| can_follow) else {
                return Ok(Reply { response, home, url, shown, is_abroad: !is_home });
            };
            redirects += 1;
            let next = if redirects > redirect::MOST {
                Err("it was redirected too often")
            } else {
                home.follow(&url, target)
            };
            url = next.map_err(|why| redirect::refused(self.ask.what, target, why))?;
        }
    }

    async fn request(
        &mut self,
        url: &Url,
        shown: Option<&HeaderValue>,
        is_home: bool,
    ) -> Result<reqwest::Response, Failure> {
        let mut headers: HeaderMap = self.ask.headers.clone();
        headers.extend(shown.map(|value| (AUTHORIZATION, value.clone())));
        let (body, len) = match &mut self.ask.body {
            Body::Empty => (Load::Empty, 0),
            Body::Bytes(bytes) => (Load::Bytes(bytes.clone()), bytes.len() as u64),
            Body::Stream { len, stream } => {
                let stream = std::mem::replace(stream, Box::pin(futures_util::stream::empty()));
                (Load::Stream { len: *len, stream }, *len)
            }
        };
        if !matches!(self.ask.method, Method::GET | Method::HEAD) {
            // always said: some proxies answer 411 without it, and without it bodies would be sent in chunks
            headers.insert(CONTENT_LENGTH, len.into());
        }
        self.attempts += 1;
        let parcel = Parcel {
            method: self.ask.method.clone(),
            url: url.clone(),
            headers,
            body,
            wait: self.ask.wait,
        };
        let http = if is_home { &self.reach.http } else { &self.reach.abroad };
        let proxy = self.reach.access.proxy.as_ref();
        transmit(self.client, http, proxy, parcel, self.attempts).await
    }

    fn url(&self, home: &Home) -> Url {
        let (path, query) = match &self.ask.place {
            Place::Url(url) => return url.clone(),
            Place::Path { path, query } => (path, query),
        };
        let mut text = String::from(home.url.as_str());
        text.push_str("v2/");
        if let Some(repository) = self.repository {
            text.push_str(repository.as_str());
            text.push('/');
        }
        text.push_str(path);
        for (n, (name, value)) in query.iter().enumerate() {
            text.push(if n == 0 { '?' } else { '&' });
            text.extend(utf8_percent_encode(name, QUERY));
            text.push('=');
            text.extend(utf8_percent_encode(value, QUERY));
        }
        // names, tags and digests can't make an address unreadable
        Url::parse(&text).unwrap_or_else(|_| home.url.clone())
    }
}

#[cfg(test)]
mod tests;
