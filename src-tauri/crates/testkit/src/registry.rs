//! The registry: how it is set up, looked into and changed while it runs.

use std::{fmt, io, sync::Arc, time::Duration};

use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use crate::{
    auth::Auth,
    content::Content,
    fault::{Fault, FaultHandle},
    image::{Built, Image},
    kind::Kind,
    lock,
    quirk::Quirk,
    request::Request,
    server::{self, Shared},
    store::{Keep, Store},
    tls::ServerTls,
};

/// A running registry. It stops when its last clone is dropped.
#[derive(Clone)]
pub struct Registry {
    shared: Arc<Shared>,
    running: Arc<Running>,
}

struct Running {
    stop: CancellationToken,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// How a registry is set up.
#[derive(Clone, Debug, Default)]
pub struct Builder {
    pub(crate) auth: Auth,
    pub(crate) tls: Option<ServerTls>,
    pub(crate) quirks: Vec<Quirk>,
    pub(crate) keep: Keep,
    pub(crate) bytes_per_second: Option<u64>,
    pub(crate) latency: Duration,
    pub(crate) port: u16,
    pub(crate) storage_urls: Option<Duration>,
}

impl Builder {
    /// Who may do what.
    pub fn auth(mut self, auth: Auth) -> Self {
        self.auth = auth;
        self
    }

    /// Speaks TLS.
    pub fn tls(mut self, tls: ServerTls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// With this quirk.
    pub fn quirk(mut self, quirk: Quirk) -> Self {
        self.quirks.push(quirk);
        self
    }

    /// With these quirks.
    pub fn quirks(mut self, quirks: impl IntoIterator<Item = Quirk>) -> Self {
        self.quirks.extend(quirks);
        self
    }

    /// What becomes of uploaded blobs.
    pub fn keep(mut self, keep: Keep) -> Self {
        self.keep = keep;
        self
    }

    /// At most so many bytes per second in each direction, over all connections.
    pub fn throttle(mut self, bytes_per_second: u64) -> Self {
        self.bytes_per_second = Some(bytes_per_second);
        self
    }

    /// Every request waits this long before it is looked at.
    pub fn latency(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    /// At this port, such as that of a registry that was stopped; any free one otherwise.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Addresses at the storage host are good for this long.
    pub fn storage_urls_live(mut self, time: Duration) -> Self {
        self.storage_urls = Some(time);
        self
    }

    /// Starts it on 127.0.0.1, its second host too.
    pub async fn try_start(self) -> io::Result<Registry> {
        let stop = CancellationToken::new();
        let shared = server::start(self, stop.clone()).await?;
        Ok(Registry { shared, running: Arc::new(Running { stop }) })
    }

    /// Starts it on 127.0.0.1, its second host too.
    ///
    /// # Panics
    /// If it can't listen there.
    pub async fn start(self) -> Registry {
        self.try_start().await.expect("a port of the loopback interface")
    }
}

/// Where it is.
impl Registry {
    /// Sets one up.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Starts one without authentication, TLS or quirks.
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    /// `127.0.0.1:port`, or `localhost:port` where it speaks TLS.
    pub fn host(&self) -> &str {
        &self.shared.host
    }

    /// `http://127.0.0.1:port` or `https://localhost:port`
    pub fn url(&self) -> String {
        format!("{}://{}", self.shared.scheme(), self.shared.host)
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.shared.port
    }

    /// The host that serves redirected blobs (and, if it was set up so, tokens and uploads).
    pub fn second_host(&self) -> &str {
        &self.shared.second_host
    }

    /// Stops it: no new connections, those that are open are closed.
    pub fn stop(&self) {
        self.running.stop.cancel();
    }
}

/// What it holds.
impl Registry {
    /// Its content.
    pub fn store(&self) -> &Store {
        &self.shared.store
    }

    /// Puts an image with all that it needs, and tags it. An empty `reference` tags nothing.
    pub fn push(&self, repository: &str, reference: &str, image: &Image) -> Built {
        self.store().push(repository, reference, image)
    }

    /// Whether an image is there whole: tag (unless empty), manifests and blobs, every byte of them.
    pub fn has(&self, repository: &str, reference: &str, built: &Built) -> bool {
        let store = self.store();
        (reference.is_empty()
            || store.tag_digest(repository, reference).as_deref() == Some(built.digest()))
            && built.manifests().iter().all(|digest| store.has_manifest(repository, digest))
            && store
                .manifest(repository, built.digest())
                .is_some_and(|(_, bytes)| bytes == *built.bytes())
            && built.blobs().iter().all(|(digest, content)| match store.blob(repository, digest) {
                Some(Content::Discarded(size)) => size == content.len(),
                Some(held) => held.digest(digest) == *digest,
                None => false,
            })
    }

    /// The names of the repositories, sorted.
    pub fn repositories(&self) -> Vec<String> {
        self.store().repositories()
    }

    /// The tags of a repository, sorted.
    pub fn tags(&self, repository: &str) -> Vec<String> {
        self.store().tags(repository)
    }

    /// The digest that a tag names.
    pub fn tag_digest(&self, repository: &str, tag: &str) -> Option<String> {
        self.store().tag_digest(repository, tag)
    }

    /// A manifest by tag or digest: its media type and bytes.
    pub fn manifest(&self, repository: &str, reference: &str) -> Option<(String, Bytes)> {
        self.store().manifest(repository, reference)
    }

    /// A blob that is linked in a repository.
    pub fn blob(&self, repository: &str, digest: &str) -> Option<Content> {
        self.store().blob(repository, digest)
    }

    /// Puts a blob; the answer is its digest.
    pub fn put_blob(&self, repository: &str, content: impl Into<Content>) -> String {
        self.store().put_blob(repository, content)
    }

    /// Puts a manifest by tag or digest, without a look at what it names. The answer is its digest.
    pub fn put_manifest(
        &self,
        repository: &str,
        reference: &str,
        media_type: &str,
        bytes: impl Into<Bytes>,
    ) -> String {
        self.store().put_manifest(repository, reference, media_type, bytes)
    }

    /// Makes an empty repository.
    pub fn create_repository(&self, repository: &str) {
        self.store().create_repository(repository);
    }
}

/// What it does.
impl Registry {
    /// Adds a fault to its script.
    pub fn fault(&self, fault: Fault) -> FaultHandle {
        self.shared.script.add(fault)
    }

    /// Takes all faults back, and lets go on what they stall.
    pub fn clear_faults(&self) {
        self.shared.script.clear();
    }

    /// Checks that every fault has fired as often as it was told to (those without an end: once).
    ///
    /// # Panics
    /// If one has not.
    #[track_caller]
    pub fn assert_all_fired(&self) {
        let waiting = self.shared.script.waiting();
        assert!(waiting.is_empty(), "these faults have not fired: {waiting:#?}");
    }

    /// From now on it has this quirk too.
    pub fn add_quirk(&self, quirk: Quirk) {
        lock(&self.shared.quirks).push(quirk);
    }

    /// From now on it has these quirks alone.
    pub fn set_quirks(&self, quirks: impl IntoIterator<Item = Quirk>) {
        *lock(&self.shared.quirks) = quirks.into_iter().collect();
    }

    /// From now on this is who may do what. Tokens that were given out are void.
    pub fn set_auth(&self, auth: Auth) {
        *lock(&self.shared.auth) = auth;
        self.expire_tokens();
    }

    /// Voids the refresh tokens that were given out.
    pub fn expire_refresh_tokens(&self) {
        self.shared.tokens.expire_refresh();
    }

    /// Voids every token that was given out.
    pub fn expire_tokens(&self) {
        self.shared.tokens.expire();
    }

    /// Voids every address at the storage host that was given out.
    pub fn expire_storage_urls(&self) {
        self.shared.signatures.expire();
    }

    /// From now on at most so many bytes per second in each direction.
    pub fn set_throttle(&self, bytes_per_second: Option<u64>) {
        self.shared.down.set(bytes_per_second);
        self.shared.up.set(bytes_per_second);
    }

    /// From now on every request waits this long before it is looked at.
    pub fn set_latency(&self, latency: Duration) {
        *lock(&self.shared.latency) = latency;
    }
}

/// What it was asked.
impl Registry {
    /// All requests, the second host's included, in the order of their arrival.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.log.requests()
    }

    /// How many requests satisfy this.
    pub fn count(&self, predicate: impl Fn(&Request) -> bool) -> usize {
        self.requests().iter().filter(|request| predicate(request)).count()
    }

    /// How many requests there were of a method and kind ([`Kind::Any`]: of all kinds).
    pub fn count_of(&self, method: &str, kind: Kind) -> usize {
        self.count(|request| request.is(method, kind))
    }

    /// How many requests wrote or would have (`POST`, `PUT`, `PATCH`, `DELETE`; not the token service's).
    pub fn writes(&self) -> usize {
        self.count(|request| {
            matches!(request.method.as_str(), "POST" | "PUT" | "PATCH" | "DELETE")
                && request.kind != Kind::Token
        })
    }

    /// How many `GET`s of a blob were answered with bytes of it, the storage host's included.
    pub fn blob_gets(&self, digest: &str) -> usize {
        self.count(|request| {
            request.method == "GET"
                && matches!(request.kind, Kind::Blob | Kind::Storage)
                && request.reference.as_deref() == Some(digest)
                && matches!(request.status, Some(200 | 206))
        })
    }

    /// The bytes of blobs that were sent, the storage host's included.
    pub fn blob_bytes_served(&self) -> u64 {
        let of_blobs = |request: &&Request| {
            matches!(request.kind, Kind::Blob | Kind::Storage)
                && matches!(request.status, Some(200 | 206))
        };
        self.requests().iter().filter(of_blobs).map(|request| request.sent).sum()
    }

    /// The bytes of blobs that were received.
    pub fn blob_bytes_received(&self) -> u64 {
        let of_blobs = |request: &&Request| {
            matches!(request.kind, Kind::UploadStart | Kind::UploadData | Kind::UploadFinish)
        };
        self.requests().iter().filter(of_blobs).map(|request| request.received).sum()
    }

    /// The requests under way: headers received, the answer not yet handed over.
    pub fn in_flight(&self) -> usize {
        self.shared.log.in_flight()
    }

    /// The most requests that were under way at once.
    pub fn max_in_flight(&self) -> usize {
        self.shared.log.high_water()
    }

    /// How many connections were made so far.
    pub fn connections(&self) -> u64 {
        self.shared.connections()
    }

    /// Forgets all requests.
    pub fn clear_log(&self) {
        self.shared.log.clear();
    }

    /// Waits until the requests satisfy this. It is asked again whenever one arrives, is answered or ends.
    pub async fn wait_for(&self, predicate: impl FnMut(&[Request]) -> bool) {
        self.shared.log.wait_for(predicate).await;
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Registry({})", self.url())
    }
}
