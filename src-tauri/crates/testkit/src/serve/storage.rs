//! The second host: an object store at signed addresses. It takes no authorization but the signature, and says so.

use std::{
    collections::HashMap,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use super::{Ask, blobs};
use crate::{content::Content, kind::Route, lock, reply::Reply};

/// The addresses that were given out.
#[derive(Debug)]
pub(crate) struct Signatures {
    live: Option<Duration>,
    count: AtomicU64,
    given: Mutex<HashMap<String, Instant>>,
}

impl Signatures {
    pub(crate) fn new(live: Option<Duration>) -> Self {
        Self { live, count: AtomicU64::new(0), given: Mutex::default() }
    }

    /// The query of a new address.
    pub(super) fn sign(&self) -> String {
        let signature = crate::upload::secret();
        let number = self.count.fetch_add(1, Relaxed);
        lock(&self.given).insert(signature.clone(), Instant::now());
        format!("X-Amz-Expires=1200&X-Amz-Date={number}&X-Amz-Signature={signature}")
    }

    pub(crate) fn expire(&self) {
        lock(&self.given).clear();
    }

    fn is_good(&self, signature: &str) -> bool {
        let given = lock(&self.given).get(signature).copied();
        given.is_some_and(|since| self.live.is_none_or(|live| since.elapsed() < live))
    }
}

/// What does not belong at the second host, or not in this way.
pub(super) fn outsider(ask: &Ask) -> Option<Reply> {
    match &ask.route {
        Route::Token => None,
        Route::Storage { .. } | Route::Upload { .. } => ask.header("authorization").map(|_| {
            let text = "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query \
                        string parameter or the Authorization header should be specified";
            Reply::xml(400, "InvalidArgument", text).early()
        }),
        _ => Some(Reply::xml(404, "NoSuchKey", "The specified key does not exist.")),
    }
}

pub(super) fn get(ask: &Ask, digest: &str) -> Reply {
    if !ask.connection.second_host {
        return super::not_found();
    }
    if !ask.shared.signatures.is_good(ask.parameter("X-Amz-Signature").unwrap_or_default()) {
        return Reply::xml(403, "AccessDenied", "Request has expired");
    }
    let store = &ask.shared.store;
    let manifest = || {
        let holder = store.repositories().into_iter().find_map(|name| store.stored(&name, digest));
        holder.map(|(_, stored)| Content::Bytes(stored.bytes))
    };
    match store.content(digest).or_else(manifest) {
        Some(content) => {
            let mut reply = blobs::serve(ask, content, digest);
            reply.remove("docker-content-digest");
            reply
        }
        None => Reply::xml(404, "NoSuchKey", "The specified key does not exist."),
    }
}
