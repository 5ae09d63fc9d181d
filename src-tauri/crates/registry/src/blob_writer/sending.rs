//! The requests that carry an upload's bytes.

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::{
    HeaderValue, Method,
    header::{CONTENT_RANGE, CONTENT_TYPE},
};
use tokio::{sync::mpsc, task::JoinError};
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument as _;

use super::{Fed, Upload};
use crate::{Answer, Ask, Body, Code, Error, Place, Result, Room, Wait};

/// A request and what is known of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    /// PATCH; else the PUT that closes the upload.
    pub(super) patch: bool,
    /// The offset of its first byte.
    pub(super) start: u64,
    /// How many bytes it carries.
    pub(super) len: u64,
    /// How many of them have been handed over.
    pub(super) given: u64,
}

/// A request that is being fed.
#[derive(Debug)]
pub(super) struct Sending {
    sent: Sent,
    pieces: mpsc::Sender<Bytes>,
    task: AbortOnDropHandle<Result<Answer>>,
}

impl Sent {
    pub(super) fn is_full(&self) -> bool {
        self.given == self.len
    }

    /// The offset after the last byte that was handed over.
    pub(super) fn end(&self) -> u64 {
        self.start + self.given
    }
}

impl Upload {
    /// Hands some of the bytes to the request that is under way, or to a new one, and takes them out of `bytes`. A
    /// request that is full is waited for.
    pub(super) async fn feed(&mut self, bytes: &mut Bytes) -> Result<Fed> {
        let mut sending = if let Some(sending) = self.sending.take() {
            sending
        } else {
            let sent = self.next_request();
            if sent.len <= bytes.len() as u64 {
                let piece = bytes.split_to(sent.len as usize);
                return self.send_at_once(sent, piece).await;
            }
            self.start(sent)
        };
        let room = sending.sent.len - sending.sent.given;
        let piece =
            bytes.split_to(usize::try_from(room).map_or(bytes.len(), |room| room.min(bytes.len())));
        let ended = sending.give(piece).await;
        self.offset = sending.sent.end();
        let result = match ended {
            Some(result) => result,
            None if sending.sent.is_full() => flatten((&mut sending.task).await),
            None => {
                self.sending = Some(sending);
                return Ok(Fed::More);
            }
        };
        let sent = sending.sent;
        drop(sending);
        self.settle(sent, result).await
    }

    /// Closes an upload whose bytes are all there.
    pub(super) async fn close(&mut self) -> Result<Fed> {
        let sent = Sent { patch: false, start: self.offset, len: 0, given: 0 };
        let result = self.repository.send(self.ask(sent, Body::Empty)).await;
        self.settle(sent, result).await
    }

    /// All bytes of the request are in hand.
    async fn send_at_once(&mut self, sent: Sent, piece: Bytes) -> Result<Fed> {
        let result = self.repository.send(self.ask(sent, Body::Bytes(piece))).await;
        let sent = Sent { given: sent.len, ..sent };
        self.offset = sent.end();
        self.settle(sent, result).await
    }

    fn start(&self, sent: Sent) -> Sending {
        // little is in flight between feeder and connection: memory is bounded by the number of uploads
        let (pieces, taken) = mpsc::channel(1);
        let stream = stream::unfold(taken, |mut taken| async {
            taken.recv().await.map(|piece| (Ok(piece), taken))
        });
        let ask = self.ask(sent, Body::Stream { len: sent.len, stream: stream.boxed() });
        let repository = self.repository.clone();
        let request = async move { repository.send(ask).await }.in_current_span();
        Sending { sent, pieces, task: AbortOnDropHandle::new(tokio::spawn(request)) }
    }

    /// One PUT where the host takes that; else PATCH, in chunks if it must be.
    fn next_request(&self) -> Sent {
        let host = self.repository.learnt();
        let left = self.blob.size - self.offset;
        let limit = if self.whole {
            None
        } else {
            let of_host = host.chunk_size.filter(|limit| self.blob.size > *limit);
            self.chunk
                .into_iter()
                .chain(of_host)
                .min()
                .map(|limit| limit.max(self.session.chunk_min))
        };
        let mut len = limit.map_or(left, |limit| limit.min(left));
        let put = self.offset == 0 && len == left && !self.patch_first && !host.put_refused;
        if !put && len < self.blob.size {
            // it will say which part of the blob it holds
            let least = self.session.chunk_min;
            len = len.min(host.range_limit.map_or(u64::MAX, |limit| limit.max(least)));
        }
        Sent { patch: !put, start: self.offset, len, given: 0 }
    }

    fn ask(&self, sent: Sent, body: Body) -> Ask<'static> {
        let (method, url) = if sent.patch {
            (Method::PATCH, self.session.url.clone())
        } else {
            (Method::PUT, self.session.closing(&self.blob.digest))
        };
        let mut ask = Ask::new("writing the blob", method, Place::Url(url));
        ask.body = body;
        ask.room = Room::Held;
        ask.wait = Wait::Upload;
        // what became of the bytes must be known before anything is sent again
        ask.retry = false;
        ask.reference = Some(self.repository.blob_reference(&self.blob.digest));
        if sent.len > 0 {
            ask = ask.header(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        }
        // a PATCH that holds all needs none, and some registries limit those that have one
        if sent.patch && sent.len < self.blob.size {
            let range = format!("{}-{}", sent.start, sent.start + sent.len - 1);
            if let Ok(range) = HeaderValue::try_from(range) {
                ask = ask.header(CONTENT_RANGE, range);
            }
        }
        ask
    }
}

impl Sending {
    /// Hands over a piece, unless the request ends before it is taken.
    async fn give(&mut self, piece: Bytes) -> Option<Result<Answer>> {
        let len = piece.len() as u64;
        tokio::select! {
            biased;
            ended = &mut self.task => Some(flatten(ended)),
            room = self.pieces.reserve() => match room {
                Ok(room) => {
                    room.send(piece);
                    self.sent.given += len;
                    None
                }
                // the connection wants no more bytes: the answer is on its way
                Err(_) => Some(flatten((&mut self.task).await)),
            },
        }
    }
}

fn flatten(ended: Result<Result<Answer>, JoinError>) -> Result<Answer> {
    ended.unwrap_or_else(|e| Err(Error::new(Code::Internal, "writing the blob failed").cause(&e)))
}
