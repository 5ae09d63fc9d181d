//! Scripted faults: which request they wait for, and what they do to it.
//!
//! ```
//! # use testkit::{Fault, Kind};
//! // the second GET of a blob breaks off after 1000 bytes
//! let fault = Fault::on(Kind::Blob).get().nth(2).cut_after(1000);
//! // three manifest PUTs in a row are refused
//! let fault = Fault::on(Kind::Manifest).put().times(3).status(503);
//! ```
//!
//! Every fault counts the requests that fit it, and fires at those whose turn it is. Several may fire at one request;
//! where two want to answer it, the one that was added first does, and the other waits for the next.
//! Requests that lack the right to be answered (401) are not counted, unless [`Match::before_auth`] says so.

use std::{
    fmt,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use crate::{
    Store,
    kind::Kind,
    lock,
    quirk::Quirk,
    reply::Reply,
    request::Request,
    script::{FaultState, Gate, Turn},
};

/// Which requests a fault waits for. Made by [`Fault::on`], finished by saying what happens.
#[derive(Clone)]
pub struct Match {
    pub(crate) kinds: Vec<Kind>,
    pub(crate) methods: Vec<String>,
    pub(crate) repository: Option<String>,
    pub(crate) reference: Option<String>,
    pub(crate) predicate: Option<Predicate>,
    pub(crate) skip: usize,
    pub(crate) times: usize,
    pub(crate) before_auth: bool,
}

pub(crate) type Predicate = Arc<dyn Fn(&Request) -> bool + Send + Sync>;

/// A fault, not yet given to a registry.
#[derive(Clone)]
pub struct Fault {
    pub(crate) matches: Match,
    pub(crate) action: Action,
}

/// What a fault does.
#[derive(Clone)]
pub enum Action {
    /// Answers in the registry's place. The request has no other effect.
    Answer(Reply),
    /// Hangs up without an answer; the request has no other effect.
    HangUp(Cut),
    /// Hangs up after so many bytes of the answer's body, having sent the headers.
    CutAnswer(u64, Cut),
    /// Hangs up after so many bytes of the request's body were taken. An upload keeps these bytes.
    CutRequest(u64, Cut),
    /// Flips a bit of this byte of the answer's body.
    CorruptAnswer(u64),
    /// Flips a bit of this byte of the request's body before it is stored.
    CorruptRequest(u64),
    /// Ends the answer's body early with a `Content-Length` that fits the shorter body.
    Truncate(u64),
    /// Adds to the answer's `Content-Length`, not to its body.
    WrongLength(i64),
    /// Moves nothing until [`FaultHandle::release`].
    Stall(Stall),
    /// Does what was asked, and answers this much later.
    DelayAnswer(Duration),
    /// Sets a header of the answer (a wrong digest, another `Location`), or removes it.
    Header(String, Option<String>),
    /// Forgets the upload session before the request gets to it.
    ForgetSession,
    /// Voids every token that was given out. Fits with [`Match::before_auth`], so that the request meets it.
    ExpireTokens,
    /// The registry has this quirk for the request.
    Quirk(Quirk),
    /// Does something to the registry's content before the answer goes out (moves a tag, deletes a blob).
    Then(Arc<dyn Fn(&Store) + Send + Sync>),
}

/// How a connection is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Closed (FIN), without a TLS goodbye.
    Close,
    /// Reset (RST).
    Reset,
}

/// Where a stall sets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stall {
    /// After the request (all of its body), before the answer's headers. With [`Kind::Connect`]: before the first
    /// byte, hence before the TLS handshake.
    Answer,
    /// After so many bytes of the answer's body.
    AnswerBody(u64),
    /// After so many bytes of the request's body.
    RequestBody(u64),
}

impl Fault {
    /// A fault at the first request of this kind, of any method.
    pub fn on(kind: Kind) -> Match {
        Match {
            kinds: vec![kind],
            methods: Vec::new(),
            repository: None,
            reference: None,
            predicate: None,
            skip: 0,
            times: 1,
            before_auth: false,
        }
    }
}

/// Which requests.
impl Match {
    /// Or of this kind.
    pub fn or(mut self, kind: Kind) -> Self {
        self.kinds.push(kind);
        self
    }

    /// Only with this method.
    pub fn method(mut self, method: &str) -> Self {
        self.methods.push(method.to_owned());
        self
    }

    /// Only `GET`.
    pub fn get(self) -> Self {
        self.method("GET")
    }

    /// Only `HEAD`.
    pub fn head(self) -> Self {
        self.method("HEAD")
    }

    /// Only `PUT`.
    pub fn put(self) -> Self {
        self.method("PUT")
    }

    /// Only in this repository.
    pub fn repository(mut self, repository: &str) -> Self {
        self.repository = Some(repository.to_owned());
        self
    }

    /// Only of this tag or digest. In uploads: of the digest that `?digest=` or `?mount=` names.
    pub fn reference(mut self, reference: &str) -> Self {
        self.reference = Some(reference.to_owned());
        self
    }

    /// Only requests that satisfy this.
    pub fn when(mut self, predicate: impl Fn(&Request) -> bool + Send + Sync + 'static) -> Self {
        self.predicate = Some(Arc::new(predicate));
        self
    }

    /// Only the n-th of the requests that fit, counted from 1.
    pub fn nth(self, n: usize) -> Self {
        self.skip(n.saturating_sub(1)).times(1)
    }

    /// Not the first `n` of the requests that fit.
    pub fn skip(mut self, n: usize) -> Self {
        self.skip = n;
        self
    }

    /// So many of the requests that fit (1 unless said otherwise).
    pub fn times(mut self, times: usize) -> Self {
        self.times = times;
        self
    }

    /// All requests that fit.
    pub fn always(self) -> Self {
        self.times(usize::MAX)
    }

    /// Before it is checked who asks, as a proxy in front would.
    pub fn before_auth(mut self) -> Self {
        self.before_auth = true;
        self
    }
}

/// What happens.
impl Match {
    /// This.
    pub fn does(self, action: Action) -> Fault {
        Fault { matches: self, action }
    }

    /// Answers so.
    pub fn answer(self, reply: Reply) -> Fault {
        self.does(Action::Answer(reply))
    }

    /// Answers with a status and an error body.
    pub fn status(self, status: u16) -> Fault {
        self.answer(Reply::error(status, "UNKNOWN", "unknown error"))
    }

    /// Closes the connection without an answer.
    pub fn hang_up(self) -> Fault {
        self.does(Action::HangUp(Cut::Close))
    }

    /// Resets the connection without an answer.
    pub fn reset(self) -> Fault {
        self.does(Action::HangUp(Cut::Reset))
    }

    /// Closes the connection after so many bytes of the answer's body.
    pub fn cut_after(self, bytes: u64) -> Fault {
        self.does(Action::CutAnswer(bytes, Cut::Close))
    }

    /// Closes the connection after so many bytes of the request's body.
    pub fn cut_upload_after(self, bytes: u64) -> Fault {
        self.does(Action::CutRequest(bytes, Cut::Close))
    }

    /// Flips a bit of this byte of the answer's body.
    pub fn corrupt(self, at: u64) -> Fault {
        self.does(Action::CorruptAnswer(at))
    }

    /// Flips a bit of this byte of the request's body.
    pub fn corrupt_upload(self, at: u64) -> Fault {
        self.does(Action::CorruptRequest(at))
    }

    /// Stalls until released.
    pub fn stall(self, stall: Stall) -> Fault {
        self.does(Action::Stall(stall))
    }

    /// Sets a header of the answer.
    pub fn header(self, name: &str, value: &str) -> Fault {
        self.does(Action::Header(name.to_owned(), Some(value.to_owned())))
    }

    /// Removes a header of the answer.
    pub fn without_header(self, name: &str) -> Fault {
        self.does(Action::Header(name.to_owned(), None))
    }

    /// The registry has this quirk for the request.
    pub fn quirk(self, quirk: Quirk) -> Fault {
        self.does(Action::Quirk(quirk))
    }

    /// Does something to the registry's content before the answer goes out.
    pub fn then(self, change: impl Fn(&Store) + Send + Sync + 'static) -> Fault {
        self.does(Action::Then(Arc::new(change)))
    }

    pub(crate) fn fits(&self, request: &Request) -> bool {
        self.fits_kind(request.kind)
            && (self.methods.is_empty() || self.methods.contains(&request.method))
            && self.repository.as_ref().is_none_or(|name| request.repository.as_ref() == Some(name))
            && self.reference.as_ref().is_none_or(|reference| {
                request.reference.as_ref() == Some(reference)
                    || request.parameter("digest").as_ref() == Some(reference)
                    || request.parameter("mount").as_ref() == Some(reference)
            })
            && self.predicate.as_ref().is_none_or(|predicate| predicate(request))
    }

    pub(crate) fn fits_kind(&self, kind: Kind) -> bool {
        self.kinds.contains(&kind) || (kind != Kind::Connect && self.kinds.contains(&Kind::Any))
    }
}

impl Fault {
    /// Whether the fault can happen to the request: a cut of the body, say, behind its end can't.
    pub(crate) fn fits(&self, request: &Request) -> bool {
        let length =
            || request.header("content-length").and_then(|length| length.parse::<u64>().ok());
        let has_body = request.headers.contains_key("transfer-encoding");
        let reaches = match &self.action {
            Action::CutRequest(at, _) | Action::Stall(Stall::RequestBody(at)) => {
                length().map_or(has_body, |length| *at <= length)
            }
            Action::CorruptRequest(at) => length().map_or(has_body, |length| *at < length),
            _ => true,
        };
        reaches && self.matches.fits(request)
    }
}

impl Action {
    /// Whether the registry itself never gets to see the request.
    pub(crate) fn preempts(&self) -> bool {
        matches!(self, Self::Answer(_) | Self::HangUp(_))
    }
}

/// A fault that was given to a registry.
#[derive(Clone, Debug)]
pub struct FaultHandle(pub(crate) Arc<FaultState>);

impl FaultHandle {
    /// How often it has fired.
    pub fn fired(&self) -> usize {
        lock(&self.0.turn).fired
    }

    /// Waits until it has fired.
    pub async fn wait_fired(&self) {
        self.wait_fired_times(1).await;
    }

    /// Waits until it has fired so many times.
    pub async fn wait_fired_times(&self, times: usize) {
        let mut changes = self.0.changes.subscribe();
        while self.fired() < times {
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    /// Lets everything go on that this fault stalls, now and later.
    pub fn release(&self) {
        self.0.gate.open();
    }

    /// It fires no more.
    pub fn disarm(&self) {
        self.0.disarmed.store(true, Relaxed);
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} at {:?}", self.action, self.matches)
    }
}

impl fmt::Debug for Match {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kinds, methods, repository, reference, skip, times, .. } = self;
        write!(f, "{kinds:?} {methods:?} {repository:?} {reference:?}, skip {skip}, times {times}")
    }
}

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answer(reply) => write!(f, "Answer({})", reply.status),
            Self::HangUp(cut) => write!(f, "HangUp({cut:?})"),
            Self::CutAnswer(at, cut) => write!(f, "CutAnswer({at}, {cut:?})"),
            Self::CutRequest(at, cut) => write!(f, "CutRequest({at}, {cut:?})"),
            Self::CorruptAnswer(at) => write!(f, "CorruptAnswer({at})"),
            Self::CorruptRequest(at) => write!(f, "CorruptRequest({at})"),
            Self::Truncate(at) => write!(f, "Truncate({at})"),
            Self::WrongLength(by) => write!(f, "WrongLength({by})"),
            Self::Stall(stall) => write!(f, "Stall({stall:?})"),
            Self::DelayAnswer(by) => write!(f, "DelayAnswer({by:?})"),
            Self::Header(name, value) => write!(f, "Header({name}: {value:?})"),
            Self::ForgetSession => f.write_str("ForgetSession"),
            Self::ExpireTokens => f.write_str("ExpireTokens"),
            Self::Quirk(quirk) => write!(f, "Quirk({quirk:?})"),
            Self::Then(_) => f.write_str("Then"),
        }
    }
}

// the state of a fault is made here, where its parts are known
impl Fault {
    pub(crate) fn arm(self) -> Arc<FaultState> {
        Arc::new(FaultState {
            fault: self,
            turn: std::sync::Mutex::new(Turn::default()),
            changes: tokio::sync::watch::Sender::new(0),
            gate: Gate::default(),
            disarmed: std::sync::atomic::AtomicBool::new(false),
        })
    }
}
