//! The body of an answer on its way out: throttled, stalled, corrupted or cut at exact bytes.

use std::{
    convert::Infallible,
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::{Bytes, BytesMut};
use hyper::body::Frame;

use crate::{
    fault::Cut, reply::Payload, request::Entry, script::Gate, server::Shared, wire::Control,
};

/// What happens to a body on its way.
#[derive(Debug, Default)]
pub(crate) struct Shape {
    pub(crate) cut: Option<(u64, Cut)>,
    pub(crate) corrupt: Vec<u64>,
    pub(crate) stalls: Vec<(u64, Gate)>,
}

/// Keeps a request's entry in the log open; when it goes, the request has ended.
pub(crate) struct Open {
    pub(crate) shared: Arc<Shared>,
    pub(crate) entry: Arc<Entry>,
    pub(crate) complete: bool,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.shared.log.end(&self.entry, self.complete);
    }
}

pub(crate) struct Body {
    payload: Payload,
    offset: u64,
    end: u64,
    // bytes that the throttle let through already
    passed: u64,
    shape: Shape,
    wait: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    control: Arc<Control>,
    open: Open,
}

impl Body {
    pub(crate) fn new(payload: Payload, shape: Shape, control: Arc<Control>, open: Open) -> Self {
        let end = payload.len();
        let mut body =
            Self { payload, offset: 0, end, passed: 0, shape, wait: None, control, open };
        body.open.complete = end == 0;
        body
    }

    /// How far it goes on before something happens.
    fn horizon(&self) -> u64 {
        let stalls = self.shape.stalls.iter().map(|(at, _)| *at);
        let cut = self.shape.cut.iter().map(|(at, _)| *at);
        stalls.chain(cut).filter(|&at| at > self.offset).min().unwrap_or(u64::MAX)
    }

    fn piece(&self) -> Bytes {
        let mut piece = self.payload.read(self.offset);
        let most = (self.horizon() - self.offset).min(self.open.shared.down.piece());
        piece.truncate(most.min(piece.len() as u64) as usize);
        for &at in &self.shape.corrupt {
            if let Some(index) =
                at.checked_sub(self.offset).filter(|&index| index < piece.len() as u64)
            {
                let mut bytes = BytesMut::from(piece);
                bytes[index as usize] ^= 1;
                piece = bytes.freeze();
            }
        }
        piece
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        loop {
            if let Some(wait) = &mut self.wait {
                ready!(wait.as_mut().poll(cx));
                self.wait = None;
            }
            let offset = self.offset;
            if let Some(index) = self.shape.stalls.iter().position(|(at, _)| *at == offset) {
                let (_, gate) = self.shape.stalls.remove(index);
                self.wait = Some(Box::pin(async move { gate.wait().await }));
                continue;
            }
            if let Some((_, cut)) = self.shape.cut.filter(|(at, _)| *at <= offset) {
                // what was handed over before is flushed next, and then the connection goes
                self.control.cut_after_flush(cut);
                return Poll::Pending;
            }
            if offset >= self.end {
                return Poll::Ready(None);
            }
            let piece = self.piece();
            let length = piece.len() as u64;
            if self.passed < offset + length && self.open.shared.down.is_on() {
                self.passed = offset + length;
                let shared = self.open.shared.clone();
                self.wait = Some(Box::pin(async move { shared.down.pass(length).await }));
                continue;
            }
            self.offset += length;
            self.open.entry.sent(piece.len());
            self.open.complete = self.offset >= self.end;
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
    }

    // the length is never told: the header that says it may lie
    fn is_end_stream(&self) -> bool {
        self.offset >= self.end && self.shape.cut.is_none() && self.shape.stalls.is_empty()
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Body({} of {})", self.offset, self.end)
    }
}
