//! The log of requests: what arrived, what was answered, and how much of it went over the wire.

use std::{
    sync::{
        Mutex, OnceLock,
        atomic::{AtomicBool, AtomicU16, AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use http::{HeaderMap, Version};
use percent_encoding::percent_decode_str;
use tokio::sync::watch;

use crate::{kind::Kind, lock};

/// A request as it stands: it may be under way still.
#[derive(Clone, Debug)]
pub struct Request {
    /// Counts the server's requests from 1.
    pub id: u64,
    /// Counts the server's connections from 1.
    pub connection: u64,
    /// The version of HTTP.
    pub version: Version,
    /// Whether it came to the second host.
    pub second_host: bool,
    /// `GET`, `PUT`...
    pub method: String,
    /// The path as it was sent.
    pub path: String,
    /// What follows `?`, as it was sent.
    pub query: Option<String>,
    /// The headers.
    pub headers: HeaderMap,
    /// What it asks for.
    pub kind: Kind,
    /// The repository in the path.
    pub repository: Option<String>,
    /// The tag or digest in the path.
    pub reference: Option<String>,
    /// The status answered; `None` before that, or when the connection was cut instead.
    pub status: Option<u16>,
    /// Bytes of the body received.
    pub received: u64,
    /// Bytes of the answer's body sent.
    pub sent: u64,
    /// The form of a token request by `POST`, decoded.
    pub form: Vec<(String, String)>,
    /// When its headers had arrived, since the server's start.
    pub started: Duration,
    /// When the answer's last byte was handed over, or the connection went.
    pub ended: Option<Duration>,
    /// Whether the answer went out as far as it was meant to.
    pub complete: bool,
}

impl Request {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// A parameter of the query, or of the form of a token request, decoded: the first of this name.
    pub fn parameter(&self, name: &str) -> Option<String> {
        parameters(self.query.as_deref())
            .into_iter()
            .chain(self.form.clone())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value)
    }

    /// Whether it is of this kind and method.
    pub fn is(&self, method: &str, kind: Kind) -> bool {
        self.method == method && (self.kind == kind || kind == Kind::Any)
    }
}

/// The parameters of a query, decoded, in order.
pub(crate) fn parameters(query: Option<&str>) -> Vec<(String, String)> {
    let decode =
        |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    query
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(key, value)| (decode(key), decode(value)))
        .collect()
}

/// A request in the log, filled in as it goes on.
#[derive(Debug)]
pub(crate) struct Entry {
    request: Request,
    status: AtomicU16,
    received: AtomicU64,
    sent: AtomicU64,
    form: OnceLock<Vec<(String, String)>>,
    ended: OnceLock<Duration>,
    complete: AtomicBool,
}

impl Entry {
    pub(crate) fn form(&self, form: &[(String, String)]) {
        // a request has one body
        let _ = self.form.set(form.to_vec());
    }

    pub(crate) fn received(&self, bytes: usize) {
        self.received.fetch_add(bytes as u64, Relaxed);
    }

    pub(crate) fn sent(&self, bytes: usize) {
        self.sent.fetch_add(bytes as u64, Relaxed);
    }

    /// The request as it arrived.
    pub(crate) fn arrived(&self) -> &Request {
        &self.request
    }

    fn snapshot(&self) -> Request {
        let status = self.status.load(Relaxed);
        Request {
            status: (status != 0).then_some(status),
            received: self.received.load(Relaxed),
            sent: self.sent.load(Relaxed),
            form: self.form.get().cloned().unwrap_or_default(),
            ended: self.ended.get().copied(),
            complete: self.complete.load(Relaxed),
            ..self.request.clone()
        }
    }
}

#[derive(Debug)]
pub(crate) struct Log {
    origin: Instant,
    ids: AtomicU64,
    entries: Mutex<Vec<std::sync::Arc<Entry>>>,
    in_flight: AtomicUsize,
    high_water: AtomicUsize,
    changes: watch::Sender<u64>,
}

impl Log {
    pub(crate) fn new() -> Self {
        Self {
            origin: Instant::now(),
            ids: AtomicU64::new(0),
            entries: Mutex::default(),
            in_flight: AtomicUsize::new(0),
            high_water: AtomicUsize::new(0),
            changes: watch::Sender::new(0),
        }
    }

    pub(crate) fn begin(&self, mut request: Request) -> std::sync::Arc<Entry> {
        request.id = self.ids.fetch_add(1, Relaxed) + 1;
        request.started = self.origin.elapsed();
        let now = self.in_flight.fetch_add(1, Relaxed) + 1;
        self.high_water.fetch_max(now, Relaxed);
        let entry = std::sync::Arc::new(Entry {
            request,
            status: AtomicU16::new(0),
            received: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            form: OnceLock::new(),
            ended: OnceLock::new(),
            complete: AtomicBool::new(false),
        });
        lock(&self.entries).push(entry.clone());
        self.changed();
        entry
    }

    pub(crate) fn answered(&self, entry: &Entry, status: u16) {
        entry.status.store(status, Relaxed);
        self.changed();
    }

    pub(crate) fn end(&self, entry: &Entry, complete: bool) {
        if entry.ended.set(self.origin.elapsed()).is_ok() {
            entry.complete.store(complete, Relaxed);
            self.in_flight.fetch_sub(1, Relaxed);
            self.changed();
        }
    }

    pub(crate) fn changed(&self) {
        self.changes.send_modify(|change| *change += 1);
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        lock(&self.entries).iter().map(|entry| entry.snapshot()).collect()
    }

    pub(crate) fn clear(&self) {
        lock(&self.entries).clear();
        self.high_water.store(self.in_flight.load(Relaxed), Relaxed);
        self.changed();
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.load(Relaxed)
    }

    pub(crate) fn high_water(&self) -> usize {
        self.high_water.load(Relaxed)
    }

    pub(crate) async fn wait_for(&self, mut predicate: impl FnMut(&[Request]) -> bool) {
        let mut changes = self.changes.subscribe();
        loop {
            changes.mark_unchanged();
            if predicate(&self.requests()) {
                return;
            }
            if changes.changed().await.is_err() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded_in_order() {
        let expected = [("mount", "sha256:00"), ("from", "a/b"), ("x", ""), ("s", "a b")];
        let parsed = parameters(Some("mount=sha256%3A00&from=a%2Fb&x&s=a+b"));
        assert_eq!(parsed, expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
        assert!(parameters(None).is_empty());
    }
}
