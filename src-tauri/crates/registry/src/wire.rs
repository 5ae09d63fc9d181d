//! One request on the wire. A watch over it tells a peer that has gone silent from one that is at work.

use std::{
    io,
    pin::{Pin, pin},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{stream::BoxStream, task::AtomicWaker};
use http::{HeaderMap, Method};
use http_body::{Frame, SizeHint};
use tokio::time::{Instant, sleep_until};
use url::Url;

use crate::{Client, Wait, dial::Line, failure::Failure, redact::Shown};

/// How much of a body is given to the connection at a time, so that its progress shows.
const PIECE: usize = 32 * 1024;
/// How much of a body a connection may hold that it has not written yet: it would take some hundred KiB.
const LENT: usize = 64 * 1024;
/// Bodies up to this size go out in one piece: they fit into the sockets' buffers.
const SMALL: usize = 64 * 1024;

/// A request that is ready to go.
pub(crate) struct Parcel {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Load,
    pub(crate) wait: Wait,
}

/// What it carries.
pub(crate) enum Load {
    Empty,
    Bytes(Bytes),
    Stream { len: u64, stream: BoxStream<'static, io::Result<Bytes>> },
}

/// Sends a request and waits for the headers of its answer.
pub(crate) async fn transmit(
    client: &Client,
    http: &Line,
    proxy: Option<&Url>,
    parcel: Parcel,
    attempt: u32,
) -> Result<reqwest::Response, Failure> {
    let Parcel { method, url, headers, body, wait } = parcel;
    // to give an upload up is not to begin anything
    if method != Method::DELETE {
        client.0.gate.pass().await;
    }
    let watch = Arc::new(Watch::default());
    let mut request = reqwest::Request::new(method.clone(), url.clone());
    *request.headers_mut() = headers;
    *request.body_mut() = Watched::wrap(body, &watch);

    let options = &client.0.options;
    let begin = Instant::now();
    let mut answer = pin!(http.execute(request));
    let result = loop {
        let now = Instant::now();
        let limit = match wait {
            Wait::Upload => options.upload_answer,
            // a new connection has its own time-out, which should have its say first
            Wait::Answer => options.stall + (options.stall / 10).min(Duration::from_secs(1)),
        };
        let (due, waiting_for) = match watch.phase() {
            Phase::Sent(at) => (at.unwrap_or(begin) + limit, "no answer came"),
            Phase::Moving(at) => (at + options.stall, "the registry took no byte"),
            // whoever feeds the body is slow, not this side; look again later
            Phase::Hungry => (now + options.stall, ""),
        };
        if due <= now {
            let waited =
                if matches!(watch.phase(), Phase::Sent(_)) { limit } else { options.stall };
            break Err(Failure::stalled(waiting_for, waited));
        }
        tokio::select! {
            biased;
            result = &mut answer => break result.map_err(|error| {
                let proxy = client.0.connections.proxy_of(proxy, &url);
                Failure::of(&error.without_url(), &url, proxy.as_deref())
            }),
            () = sleep_until(due) => {}
        }
    };
    let ms = begin.elapsed().as_millis() as u64;
    match &result {
        Ok(answer) => {
            let status = answer.status().as_u16();
            tracing::debug!(%method, url = %Shown(&url), status, ms, attempt, "request");
        }
        Err(failure) => {
            let reason = &failure.reason;
            tracing::debug!(%method, url = %Shown(&url), reason, ms, attempt, "request failed");
        }
    }
    result
}

/// How far a body has got.
#[derive(Debug)]
struct Watch(Mutex<Phase>);

#[derive(Clone, Copy, Debug)]
enum Phase {
    /// All of it is given to the connection, at that time; at once where there is none.
    Sent(Option<Instant>),
    /// The connection has been given bytes, and has asked for no more since then.
    Moving(Instant),
    /// The connection wants more, and there is none yet.
    Hungry,
}

impl Default for Watch {
    fn default() -> Self {
        Self(Mutex::new(Phase::Sent(None)))
    }
}

impl Watch {
    fn phase(&self) -> Phase {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, phase: Phase) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = phase;
    }
}

/// A body of known length that reports to a watch.
struct Watched {
    source: Source,
    left: u64,
    watch: Arc<Watch>,
    lent: Arc<Account>,
}

enum Source {
    Bytes(Bytes),
    /// Never locked: reqwest wants bodies to be `Sync`, which streams need not be.
    Stream(Mutex<BoxStream<'static, io::Result<Bytes>>>),
}

/// How many bytes the connection has that are not yet on their way.
#[derive(Debug, Default)]
struct Account {
    bytes: AtomicUsize,
    /// Who waits for some of them to be gone.
    waiting: AtomicWaker,
}

/// Bytes that the connection has; it drops them when they are written.
#[derive(Debug)]
struct Lent {
    bytes: Bytes,
    of: Arc<Account>,
}

impl Watched {
    fn wrap(load: Load, watch: &Arc<Watch>) -> Option<reqwest::Body> {
        let (source, left) = match load {
            Load::Empty | Load::Stream { len: 0, .. } => return None,
            Load::Bytes(bytes) if bytes.len() <= SMALL => return Some(bytes.into()),
            Load::Bytes(bytes) => {
                let len = bytes.len() as u64;
                (Source::Bytes(bytes), len)
            }
            Load::Stream { len, stream } => (Source::Stream(Mutex::new(stream)), len),
        };
        watch.set(Phase::Moving(Instant::now()));
        Some(reqwest::Body::wrap(Self {
            source,
            left,
            watch: Arc::clone(watch),
            lent: Arc::default(),
        }))
    }
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        if self.lent.is_too_much(context) {
            return Poll::Pending;
        }
        let next = match &mut self.source {
            Source::Bytes(bytes) => Poll::Ready(Some(Ok(bytes.split_to(bytes.len().min(PIECE))))),
            Source::Stream(stream) => {
                let stream = stream.get_mut().unwrap_or_else(PoisonError::into_inner);
                stream.as_mut().poll_next(context)
            }
        };
        let Poll::Ready(next) = next else {
            self.watch.set(Phase::Hungry);
            return Poll::Pending;
        };
        let bytes = match next {
            Some(Ok(bytes)) if bytes.len() as u64 <= self.left => bytes,
            Some(Ok(_)) => return Poll::Ready(Some(Err(io::ErrorKind::InvalidData.into()))),
            Some(Err(error)) => return Poll::Ready(Some(Err(error))),
            None => return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into()))),
        };
        self.left -= bytes.len() as u64;
        let now = Instant::now();
        self.watch.set(if self.left == 0 { Phase::Sent(Some(now)) } else { Phase::Moving(now) });
        Poll::Ready(Some(Ok(Frame::data(self.lent.lend(bytes)))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

impl Account {
    fn lend(self: &Arc<Self>, bytes: Bytes) -> Bytes {
        self.bytes.fetch_add(bytes.len(), Ordering::Relaxed);
        Bytes::from_owner(Lent { bytes, of: Arc::clone(self) })
    }

    /// Whether the connection has enough for now. It is woken when it has less.
    fn is_too_much(&self, context: &Context<'_>) -> bool {
        if self.bytes.load(Ordering::Acquire) < LENT {
            return false;
        }
        self.waiting.register(context.waker());
        self.bytes.load(Ordering::Acquire) >= LENT
    }
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if self.of.bytes.fetch_sub(self.bytes.len(), Ordering::AcqRel) >= LENT {
            self.of.waiting.wake();
        }
    }
}
