//! Sending a request: room at the host, pauses that it ordered, the token, redirects, and tries until it is answered
//! or given up.

mod journey;

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use http::{HeaderValue, Method};
use tokio::time::Instant;
use url::Url;

use crate::{
    Answer, Ask, Body, Client, Code, Error, HostState, Place, Registry, RepositoryName, Result,
    Room, Side,
    answer::About,
    auth::{Seeker, needed},
    failure::Failure,
    host::Reach,
    limit::Permit,
    pace::Action,
    redirect::Home,
    retry::{self, Class},
};

/// How long a token must last for a body that streams: it is judged when the body ends.
const STREAMING: Duration = Duration::from_mins(1);

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
        if ask.method != Method::DELETE {
            // who we are is asked elsewhere, which takes requests too
            self.0.gate.pass().await;
        }
        let host = self.host_state(registry);
        let stall = self.0.options.stall;
        let about = About {
            what: ask.what,
            side,
            class: of_place(&ask, Class::of),
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
            class: of_place(&ask, Class::of),
            action: of_place(&ask, Action::of),
            can_retry: ask.retry && !is_stream,
            ask,
            attempts: 0,
            paused: 0,
            seeker: Seeker::new(self, &host, &reach, repository, token_side, scopes, enough),
        };
        trip.run(about).await
    }
}

/// What a request is limited with.
fn of_place<T>(ask: &Ask<'_>, of: impl Fn(&Method, &str) -> T) -> T {
    match &ask.place {
        // the same slashes as in a whole path
        Place::Path { path, .. } | Place::Root { path, .. } => of(&ask.method, &format!("/{path}")),
        Place::Url(url) => of(&ask.method, url.path()),
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
    action: Action,
    can_retry: bool,
    /// Requests sent.
    attempts: u32,
    /// Pauses made before another try.
    paused: u32,
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
    /// The answer was 401, and nothing helps.
    Refused(Box<Reply>, Error),
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
        let mut waited = Duration::ZERO;
        loop {
            if let Err(left) = self.host.waited(self.class, options.longest_wait).await {
                let error = retry::too_long(what, left).tried(self.attempts, about.begin.elapsed());
                return Err(about.place(error));
            }
            if let Some(pace) = self.host.pace() {
                pace.wait(self.action).await;
            }
            let room = match self.ask.room {
                Room::Take => Some(self.host.room.acquire(self.class).await),
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
                        self.host.room.answered(self.class);
                        return Ok(self.answer(reply, about, room, None));
                    }
                    if matches!(status.as_u16(), 429 | 503) {
                        self.host.room.congested(self.class, sent);
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
                        self.pause(retry::code(status), pause).await;
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
                        self.host.room.congested(self.class, sent);
                    }
                    if failure.retryable
                        && self.can_retry
                        && let Some(pause) = pauses.next()
                    {
                        self.pause(failure.code, pause).await;
                        continue;
                    }
                    let error = failure.into_error(what);
                    let error = error.tried(self.attempts.max(1), about.begin.elapsed());
                    let error = about.place_without_reference(error);
                    self.host.contact.gave_up(&error);
                    return Err(about.place(error));
                }
                Lost::Refused(reply, error) => {
                    let mut answer = self.answer(*reply, about, None, None);
                    let body = answer.error_body().await;
                    return Err(answer.place(error.said(body.code, body.message)));
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

    /// Waits before the next try. What the request carries is not shared with that.
    fn pause(&mut self, code: Code, pause: Duration) -> impl Future<Output = ()> + use<> {
        self.paused += 1;
        let (host, next) = (Arc::clone(self.host), self.paused.saturating_add(1));
        let most = self.client.0.options.tries();
        async move { host.waits.retry(code, next, most, pause).await }
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
}

#[cfg(test)]
mod tests;
