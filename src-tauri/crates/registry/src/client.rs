//! The client: one per run, shared by everything that talks to registries in it. It owns what is learnt about each
//! host (scheme, challenge, tokens, limits, how it likes uploads) and the connections.

use std::sync::Arc;

use crate::{
    AccessSource, HostState, Registry, Repository, RepositoryName, Result, Side,
    bandwidth::Bandwidth,
};

/// Talks to registries. Cloning is cheap and shares everything.
#[derive(Clone, Debug)]
pub struct Client(pub(crate) Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) options: ClientOptions,
    pub(crate) access: Arc<dyn AccessSource>,
}

/// How a [`Client`] behaves.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// How often a request is sent again after a failure that may pass (default 3).
    pub retries: u32,
    /// The most requests in flight to one registry host; `None` adapts (default).
    pub requests_per_host: Option<usize>,
    /// Bytes per second over all downloads; `None` is unlimited.
    pub bandwidth: Option<u64>,
    /// A side that moves no byte for this long is stalled (default 30 s).
    pub stall: std::time::Duration,
    /// The longest wait for the answer to a finished upload (default 15 min).
    pub upload_answer: std::time::Duration,
    /// The first pause before a retry (default 500 ms); doubles, with jitter, up to 30 s.
    pub backoff: std::time::Duration,
    /// The longest `Retry-After` that is waited out before the error is given up with `rate.limited` (default 15 min).
    pub longest_wait: std::time::Duration,
}

/// Room for one request at each of some hosts. Held while a blob streams; dropping it makes room for others.
#[derive(Debug)]
pub struct Permits {
    // filled by limit.rs
}

impl Client {
    /// A client that asks `access` how to reach each registry.
    pub fn new(options: ClientOptions, access: Arc<dyn AccessSource>) -> Self {
        Self(Arc::new(Inner { options, access }))
    }

    /// What is learnt about the registry's host, shared by all of its repositories.
    pub(crate) fn host_state(&self, registry: &Registry) -> Arc<HostState> {
        todo!("{registry}")
    }

    /// The limit of bytes per second, for those who read blobs.
    pub(crate) fn bandwidth(&self) -> &Bandwidth {
        todo!()
    }

    /// A repository to read from: its tokens ask `pull`.
    pub fn source(&self, registry: &Registry, name: &RepositoryName) -> Repository {
        Repository::new(self.clone(), registry.clone(), name.clone(), Side::Source)
    }

    /// A repository to write to: its first token asks `pull,push`.
    pub fn destination(&self, registry: &Registry, name: &RepositoryName) -> Repository {
        Repository::new(self.clone(), registry.clone(), name.clone(), Side::Destination)
    }

    /// Asks `GET /v2/`: is this a registry, and are the credentials good for it?
    pub async fn ping(&self, registry: &Registry) -> Result<()> {
        todo!("{registry}")
    }

    /// The names of the registry's repositories, page after page (`_catalog`), up to `limit`.
    pub async fn catalog(&self, registry: &Registry, limit: usize) -> Result<Vec<String>> {
        todo!("{registry} {limit}")
    }

    /// Waits for room for one request at each of the hosts, each host counted once (a copy within one host is one).
    /// Room is taken in one fixed order of hosts, so that crossing copies can't wait for each other for ever.
    pub async fn permits(&self, hosts: &[&Registry]) -> Permits {
        todo!("{hosts:?}")
    }
}

impl Default for ClientOptions {
    fn default() -> Self {
        use std::time::Duration;
        Self {
            retries: 3,
            requests_per_host: None,
            bandwidth: None,
            stall: Duration::from_secs(30),
            upload_answer: Duration::from_secs(15 * 60),
            backoff: Duration::from_millis(500),
            longest_wait: Duration::from_secs(15 * 60),
        }
    }
}
