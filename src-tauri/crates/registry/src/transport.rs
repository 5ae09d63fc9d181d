//! A request to a registry as its caller wishes it. What is asked and what the answer means is the caller's business;
//! how it gets there (room at the host, the token, redirects, retries, stalls) is [`crate::send`]'s.

use std::fmt;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use url::Url;

use crate::{RepositoryName, redact::Shown};

/// What is awaited from the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// The headers of the answer within `ClientOptions::stall` after the request has gone out.
    Answer,
    /// The same within `ClientOptions::upload_answer`: the registry hashes and stores before it answers.
    Upload,
}

/// Whether the request waits for room at its host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    /// It takes room of its own, and keeps it until the body of a good answer to a GET is read: read it, or drop the
    /// answer, before the next request. Never to be used by one who holds a [`crate::Permit`].
    Take,
    /// It runs under a [`crate::Permit`] that the caller holds.
    Held,
}

/// Where a request goes. `Debug` hides what an address is signed with.
#[derive(Clone)]
pub(crate) enum Place<'a> {
    /// `/v2/<repository>/<path>`; `path` has no slash at its beginning. The repository is the one of `send`.
    Path {
        /// `manifests/latest`, `blobs/uploads/`, `tags/list`; `_catalog` or nothing where `send` has no repository.
        path: &'a str,
        /// The query's names and values, not yet encoded.
        query: &'a [(&'a str, &'a str)],
    },
    /// `/<path>`, beside the distribution API.
    Root {
        /// `acr/v1/_catalog`
        path: &'a str,
        /// The query's names and values, not yet encoded.
        query: &'a [(&'a str, &'a str)],
    },
    /// An URL that the registry gave (an upload's `Location`, a `Link`), resolved by [`crate::redirect::resolve`].
    /// Credentials go along only if scheme, host and port are the registry's own.
    Url(Url),
}

impl fmt::Debug for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path { path, query } => {
                f.debug_struct("Path").field("path", path).field("query", query).finish()
            }
            Self::Root { path, query } => {
                f.debug_struct("Root").field("path", path).field("query", query).finish()
            }
            Self::Url(url) => write!(f, "Url({})", Shown(url)),
        }
    }
}

/// What a request carries.
pub(crate) enum Body {
    /// Nothing. POST, PUT and PATCH say `Content-Length: 0`.
    Empty,
    /// Bytes, sent again at each try.
    Bytes(Bytes),
    /// `len` bytes that can be had only once: the request is never repeated. While the stream has nothing to give,
    /// no stall is counted; an error of the stream breaks the request.
    Stream {
        /// `Content-Length`.
        len: u64,
        /// The bytes.
        stream: BoxStream<'static, std::io::Result<Bytes>>,
    },
}

/// What the token must allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope<'a> {
    /// `pull` at a source, `pull,push` at a destination; nothing where `send` has no repository.
    Side,
    /// The same, and `pull` on the repository that a blob is mounted from.
    Mount(&'a RepositoryName),
    /// `registry:catalog:*`.
    Catalog,
}

/// A request as its caller wishes it.
pub(crate) struct Ask<'a> {
    /// What is being done, for errors and logs: "reading the manifest".
    pub(crate) what: &'static str,
    pub(crate) method: Method,
    pub(crate) place: Place<'a>,
    /// Besides `Authorization`, `User-Agent`, `Accept-Encoding` and `Content-Length`, which are set here.
    pub(crate) headers: HeaderMap,
    pub(crate) body: Body,
    pub(crate) scope: Scope<'a>,
    pub(crate) room: Room,
    pub(crate) wait: Wait,
    /// Whether failures that may pass are tried again (default yes; never for `Body::Stream`).
    pub(crate) retry: bool,
    /// Statuses besides 2xx that are handed back at once instead of being retried or made an error. A 401 listed here
    /// is handed back only when no token or credential helps.
    pub(crate) accept: &'a [u16],
    /// `host/repository:tag` for errors.
    pub(crate) reference: Option<String>,
}

impl<'a> Ask<'a> {
    /// A request without headers and body, with retries, that takes room of its own.
    pub(crate) fn new(what: &'static str, method: Method, place: Place<'a>) -> Self {
        Self {
            what,
            method,
            place,
            headers: HeaderMap::new(),
            body: Body::Empty,
            scope: Scope::Side,
            room: Room::Take,
            wait: Wait::Answer,
            retry: true,
            accept: &[],
            reference: None,
        }
    }

    /// Adds a header.
    #[must_use]
    pub(crate) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }
}
