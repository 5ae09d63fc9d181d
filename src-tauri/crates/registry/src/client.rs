//! The client: one per run, shared by everything that talks to registries in it. It owns what is learnt about each
//! host (scheme, challenge, tokens, limits, how it likes uploads) and the connections.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use http::Method;

use crate::{
    AccessSource, Ask, Code, Creation, Demand, HostState, Place, Registry, Repository,
    RepositoryName, Result, Sentence, Side,
    bandwidth::Bandwidth,
    gate::Gate,
    host::{Quota, lock},
    limit::Permit,
    retry::Class,
    tls::Connections,
    waits::Waiting,
    warnings::Warnings,
};

/// Talks to registries. Cloning is cheap and shares everything.
#[derive(Clone, Debug)]
pub struct Client(pub(crate) Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) options: ClientOptions,
    pub(crate) access: Arc<dyn AccessSource>,
    pub(crate) connections: Connections,
    pub(crate) warnings: Warnings,
    pub(crate) gate: Gate,
    bandwidth: Bandwidth,
    hosts: Mutex<Hosts>,
}

#[derive(Debug)]
struct Hosts {
    known: HashMap<Registry, Arc<HostState>>,
    /// The most requests in flight to each.
    requests: Option<usize>,
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
    /// How repositories are created that must exist before the first push, where the account does not say; `None`
    /// creates none there.
    pub create: Option<Creation>,
}

impl Client {
    /// A client that asks `access` how to reach each registry.
    pub fn new(options: ClientOptions, access: Arc<dyn AccessSource>) -> Self {
        Self(Arc::new(Inner {
            connections: Connections::new(options.stall),
            warnings: Warnings::default(),
            gate: Gate::default(),
            bandwidth: Bandwidth::new(options.bandwidth),
            hosts: Mutex::new(Hosts { known: HashMap::new(), requests: options.requests_per_host }),
            options,
            access,
        }))
    }

    /// What is learnt about the registry's host, shared by all of its repositories.
    pub(crate) fn host_state(&self, registry: &Registry) -> Arc<HostState> {
        let mut hosts = lock(&self.0.hosts);
        if let Some(host) = hosts.known.get(registry) {
            return Arc::clone(host);
        }
        let host = Arc::new(HostState::new(registry.clone(), hosts.requests));
        hosts.known.insert(registry.clone(), Arc::clone(&host));
        host
    }

    /// From here on no request goes out and no blob is read on, until [`Client::resume`]. What is under way ends or
    /// waits; what breaks meanwhile is mended afterwards. Uploads may still be given up.
    pub fn pause(&self) {
        self.0.gate.close();
    }

    /// Goes on after [`Client::pause`].
    pub fn resume(&self) {
        self.0.gate.open();
    }

    /// Whether it is paused.
    pub fn is_paused(&self) -> bool {
        self.0.gate.is_closed()
    }

    /// When it last went on after a pause.
    pub fn resumed(&self) -> Option<tokio::time::Instant> {
        self.0.gate.opened()
    }

    /// The limit of bytes per second, for those who read blobs.
    pub(crate) fn bandwidth(&self) -> &Bandwidth {
        &self.0.bandwidth
    }

    /// The most requests in flight to one host, where that was set.
    pub fn requests_per_host(&self) -> Option<usize> {
        lock(&self.0.hosts).requests
    }

    /// Sets it anew, at once for every host; `None` adapts. An account's own limit stays.
    pub fn set_requests_per_host(&self, requests: Option<usize>) {
        let mut hosts = lock(&self.0.hosts);
        hosts.requests = requests;
        for host in hosts.known.values() {
            host.room.set(requests);
        }
    }

    /// Bytes per second over all downloads, where there is a limit.
    pub fn bytes_per_second(&self) -> Option<u64> {
        self.0.bandwidth.rate()
    }

    /// Sets that limit anew, at once for what is being read too; `None` is unlimited.
    pub fn set_bytes_per_second(&self, bytes_per_second: Option<u64>) {
        self.0.bandwidth.set(bytes_per_second);
    }

    /// How many manifests the registry lets us read, as far as it has told (Docker Hub does).
    pub fn quota(&self, registry: &Registry) -> Option<Quota> {
        self.host_state(registry).quota()
    }

    /// How many manifests were read from the registry so far, by GET: what its quota counts.
    pub fn pulls(&self, registry: &Registry) -> u64 {
        self.host_state(registry).pulls()
    }

    /// Which registries are waited for now, in their order.
    pub fn waits(&self) -> Vec<Waiting> {
        let hosts = lock(&self.0.hosts);
        let waits = hosts.known.iter().filter_map(|(registry, host)| host.waits.now(registry));
        let mut waits: Vec<Waiting> = waits.collect();
        waits.sort_unstable_by(|one, other| one.registry.cmp(&other.registry));
        waits
    }

    /// What registries have to say to their users (`Warning` headers), each text once; taken by the call.
    pub fn warnings(&self) -> Vec<Sentence> {
        self.0.warnings.take()
    }

    /// A repository to read from: its tokens ask `pull`.
    pub fn source(&self, registry: &Registry, name: &RepositoryName) -> Repository {
        Repository::new(self.clone(), registry.clone(), name.clone(), Side::Source)
    }

    /// A repository to write to: its first token asks `pull,push`.
    pub fn destination(&self, registry: &Registry, name: &RepositoryName) -> Repository {
        Repository::new(self.clone(), registry.clone(), name.clone(), Side::Destination)
    }

    /// What must be so before a repository can be written to, as far as the owner of the accounts knows. The error says
    /// why it never can be.
    pub fn demand(&self, registry: &Registry, name: &RepositoryName) -> Result<Demand> {
        self.0.access.demand(registry, name).map_err(|error| {
            error.on(Side::Destination).registry(registry).reference(format!("{registry}/{name}"))
        })
    }

    /// Asks `GET /v2/`: is this a registry, and are the credentials good for it?
    pub async fn ping(&self, registry: &Registry) -> Result<()> {
        let place = Place::Path { path: "", query: &[] };
        let mut ask = Ask::new("contacting the registry", Method::GET, place);
        ask.accept = &[404];
        let mut answer = self.send_as(registry, None, None, ask).await?;
        let speaks = answer.headers.contains_key("docker-distribution-api-version");
        if answer.status.is_success() {
            answer.check_no_page()?;
            // the body is empty, `{}`, or words; JSON is as good a sign as the header
            if speaks || is_json(&answer.bytes(64 * 1024).await?) {
                return Ok(());
            }
        }
        let message = "contacting the registry failed: what answers there is not a registry";
        Err(answer.error(Code::NotARegistry, message))
    }

    /// Waits for room for one request at a host, to read a blob from it or to write one to it. A copy within one host
    /// needs it once. Who needs room at several hosts must see to it that two of them don't wait for each other.
    pub async fn permit(&self, host: &Registry, side: Side) -> Permit {
        self.host_state(host).room.acquire(class_of_blobs(side)).await
    }

    /// Whether [`Client::permit`] would give room at once.
    pub fn has_room(&self, host: &Registry, side: Side) -> bool {
        self.host_state(host).room.has_room(class_of_blobs(side))
    }
}

fn class_of_blobs(side: Side) -> Class {
    match side {
        Side::Source => Class::Blob,
        Side::Destination => Class::Write,
    }
}

/// Whether the body of a ping may be a registry's: nothing, or JSON.
fn is_json(body: &[u8]) -> bool {
    body.trim_ascii().is_empty() || serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok()
}

impl ClientOptions {
    /// How often a request is sent at most.
    pub(crate) fn tries(&self) -> u32 {
        self.retries.saturating_add(1)
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
            upload_answer: Duration::from_mins(15),
            backoff: Duration::from_millis(500),
            longest_wait: Duration::from_mins(15),
            create: None,
        }
    }
}
