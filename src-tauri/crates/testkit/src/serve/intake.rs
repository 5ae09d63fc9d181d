//! The body of a request on its way in: counted, throttled, stalled, corrupted or cut at exact bytes.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use tokio::time::timeout;

use crate::{fault::Cut, request::Entry, script::Gate, server::Shared, wire::Control};

pub(crate) struct Intake {
    incoming: Incoming,
    shared: Arc<Shared>,
    control: Arc<Control>,
    entry: Arc<Entry>,
    // read from the connection, but not yet handed on
    held: VecDeque<Bytes>,
    taken: u64,
    broken: bool,
    pub(crate) cut: Option<(u64, Cut)>,
    pub(crate) corrupt: Vec<u64>,
    pub(crate) stalls: Vec<(u64, Gate)>,
    pub(crate) idle_limit: Option<Duration>,
}

/// What comes of reading on.
#[derive(Debug)]
pub(crate) enum Taken {
    Bytes(Bytes),
    End,
    /// The client went away, or the connection was cut: nobody waits for an answer.
    Broken,
}

impl Intake {
    pub(crate) fn new(
        incoming: Incoming,
        shared: Arc<Shared>,
        control: Arc<Control>,
        entry: Arc<Entry>,
    ) -> Self {
        Self {
            incoming,
            shared,
            control,
            entry,
            held: VecDeque::new(),
            taken: 0,
            broken: false,
            cut: None,
            corrupt: Vec::new(),
            stalls: Vec::new(),
            idle_limit: None,
        }
    }

    /// Whether there is more to read.
    pub(crate) fn expects_bytes(&self) -> bool {
        !self.held.is_empty() || !self.incoming.is_end_stream()
    }

    /// The next bytes.
    pub(crate) async fn next(&mut self) -> Taken {
        if let Some(index) = self.stalls.iter().position(|(at, _)| *at <= self.taken) {
            let (_, gate) = self.stalls.remove(index);
            gate.wait().await;
        }
        if let Some((_, cut)) = self.cut.filter(|(at, _)| *at <= self.taken) {
            self.control.cut(cut);
            return Taken::Broken;
        }
        let mut piece = match self.held.pop_front() {
            Some(piece) => piece,
            None => match self.receive().await {
                Taken::Bytes(piece) => piece,
                end => return end,
            },
        };
        let stalls = self.stalls.iter().map(|(at, _)| *at);
        let horizon = stalls.chain(self.cut.map(|(at, _)| at)).min().unwrap_or(u64::MAX);
        let most = (horizon - self.taken).min(self.shared.up.piece());
        if (piece.len() as u64) > most {
            self.held.push_front(piece.split_off(most as usize));
        }
        for at in &self.corrupt {
            if let Some(index) =
                at.checked_sub(self.taken).filter(|&index| index < piece.len() as u64)
            {
                let mut bytes = BytesMut::from(&piece[..]);
                bytes[index as usize] ^= 1;
                piece = bytes.freeze();
            }
        }
        self.taken += piece.len() as u64;
        self.shared.up.pass(piece.len() as u64).await;
        Taken::Bytes(piece)
    }

    /// Reads all of it, up to `limit`; `None` when the connection broke or the limit was passed.
    pub(crate) async fn all(&mut self, limit: usize) -> Result<Bytes, Option<usize>> {
        let mut all = BytesMut::new();
        loop {
            match self.next().await {
                Taken::Bytes(piece) => all.extend_from_slice(&piece),
                Taken::End => return Ok(all.freeze()),
                Taken::Broken => return Err(None),
            }
            if all.len() > limit {
                return Err(Some(all.len()));
            }
        }
    }

    /// Reads all of it into memory, to be taken later. `false` when the connection broke.
    pub(crate) async fn hold(&mut self) -> bool {
        let mut held = VecDeque::new();
        loop {
            match self.receive().await {
                Taken::Bytes(piece) => held.push_back(piece),
                Taken::End => break,
                Taken::Broken => return false,
            }
        }
        self.held = held;
        true
    }

    /// Reads the rest and throws it away. `false` when the connection broke.
    pub(crate) async fn drain(&mut self) -> bool {
        while !self.broken && self.expects_bytes() {
            match self.next().await {
                Taken::Bytes(_) => {}
                Taken::End => break,
                Taken::Broken => return false,
            }
        }
        !self.broken
    }

    async fn receive(&mut self) -> Taken {
        let limit = self.idle_limit.unwrap_or(Duration::MAX);
        let Ok(frame) = timeout(limit, self.incoming.frame()).await else {
            self.control.cut(Cut::Close);
            self.broken = true;
            return Taken::Broken;
        };
        match frame {
            None => Taken::End,
            Some(Ok(frame)) => {
                let piece = frame.into_data().unwrap_or_default();
                self.entry.received(piece.len());
                Taken::Bytes(piece)
            }
            Some(Err(error)) => {
                tracing::debug!(%error, "a request broke");
                self.broken = true;
                Taken::Broken
            }
        }
    }
}
