//! What is learnt about a host during a run, shared by all of its repositories.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use http::{HeaderMap, HeaderValue};
use tokio::{
    sync::{MutexGuard as Alone, OnceCell},
    time::Instant,
};
use url::Url;

use crate::{
    Access, Client, Code, Credential, Digest, Error, Registry, RepositoryName, Result, Sentence,
    auth::{Auth, Login},
    blob_writer::SinglePost,
    failure::Failure,
    known_host::KnownHost,
    limit::Rooms,
    mount::Mounts,
    pace::Pace,
    redirect::Home,
    repository::Ahead,
    retry::{Class, Pauses},
    tls::Pool,
    waits::Waits,
};

/// A host as far as it is known.
#[derive(Debug)]
pub(crate) struct HostState {
    pub(crate) registry: Registry,
    /// What the requests for manifests and blobs have learnt.
    pub(crate) learnt: Mutex<Learnt>,
    mounts: Mutex<Mounts>,
    /// Room for requests in flight.
    pub(crate) room: Rooms,
    /// What the vendor has published, known as soon as it is known who asks.
    pace: OnceLock<Pace>,
    /// Waits that the host has ordered.
    pub(crate) pauses: Pauses,
    /// Who waits, for people to see.
    pub(crate) waits: Arc<Waits>,
    pub(crate) auth: Auth,
    pub(crate) contact: Contact,
    /// It has answered in a way that only a registry does.
    pub(crate) is_registry: AtomicBool,
    /// With the time at which it was told.
    quota: Mutex<Option<(Quota, Instant)>>,
    pulls: AtomicU64,
    /// Connections that were begun before there was a request.
    pub(crate) ahead: Mutex<Ahead>,
    reach: Mutex<HashMap<Option<RepositoryName>, ReachCell>>,
    /// Repositories that were created.
    pub(crate) created: Mutex<HashMap<RepositoryName, CreatedCell>>,
    /// What the vendor's own API wants to be shown, where that has to be asked for, and until when it is good.
    pub(crate) api_token: tokio::sync::Mutex<Option<(HeaderValue, Instant)>>,
    /// What was read from a mirror once. Whoever reads it again was not happy with it.
    pub(crate) mirrored: Mutex<HashSet<Digest>>,
}

/// How a host likes to be asked. Filled by the modules that ask; never held over an await.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Learnt {
    /// HEAD of a manifest does not work though GET does.
    pub(crate) head_unsupported: bool,
    /// The entity tags of manifests are their digests.
    pub(crate) etags_are_digests: bool,
    /// A list of tags does not tell whether there is such a repository.
    pub(crate) missing_untold: bool,
    /// Uploads must go in chunks of at most so many bytes.
    pub(crate) chunk_size: Option<u64>,
    /// Requests with `Content-Range` must not be larger.
    pub(crate) range_limit: Option<u64>,
    /// PUT takes no bytes: they must come by PATCH.
    pub(crate) put_refused: bool,
    /// PATCH is not to be had: an upload that broke off begins again.
    pub(crate) patch_refused: bool,
    /// Whether a tiny blob can come with the POST.
    pub(crate) single_post: SinglePost,
    /// There is no referrers API.
    pub(crate) no_referrers: bool,
    /// The vendor's own API does not list tags for us.
    pub(crate) no_tag_api: bool,
    /// Small requests share no connection: HTTP/2 is not spoken or has failed, or blobs have opened connections besides.
    pub(crate) http1_only: bool,
    /// Blobs have opened connections.
    pub(crate) blobs_move: bool,
}

/// How many manifests may still be read, as Docker Hub tells with each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// How many in each window.
    pub limit: u64,
    /// How many are left.
    pub remaining: u64,
    /// The length of a window.
    pub window: Option<Duration>,
}

/// What came of creating a repository.
type CreatedCell = Arc<OnceCell<Result<()>>>;

/// How long after another an answer may still be an older one.
const OVERTAKEN: Duration = Duration::from_secs(30);

/// Filled by the first who asks.
type ReachCell = Arc<OnceCell<Arc<Reach>>>;

/// How one repository (or the registry as a whole) is reached.
#[derive(Debug)]
pub(crate) struct Reach {
    pub(crate) access: Access,
    /// Where the credential was found, for many to keep.
    pub(crate) origin: Arc<Sentence>,
    pub(crate) login: Arc<Login>,
    /// Connections to the registry itself.
    pub(crate) http: Pool,
    /// Connections to other hosts: without the client certificate, and verified as usual.
    pub(crate) abroad: Pool,
}

impl HostState {
    pub(crate) fn new(registry: Registry, requests: Option<usize>) -> Self {
        let vendor = KnownHost::of(&registry);
        let mounting = vendor.map(KnownHost::mounting).unwrap_or_default();
        Self {
            registry,
            learnt: Mutex::new(vendor.map(KnownHost::learnt).unwrap_or_default()),
            mounts: Mutex::new(Mounts::new(mounting)),
            room: Rooms::new(requests),
            pace: OnceLock::new(),
            pauses: Pauses::default(),
            waits: Arc::default(),
            auth: Auth::default(),
            contact: Contact::default(),
            is_registry: AtomicBool::new(false),
            quota: Mutex::default(),
            pulls: AtomicU64::new(0),
            ahead: Mutex::default(),
            reach: Mutex::default(),
            created: Mutex::default(),
            api_token: tokio::sync::Mutex::default(),
            mirrored: Mutex::default(),
        }
    }

    /// What is learnt, under its lock.
    pub(crate) fn learnt(&self) -> MutexGuard<'_, Learnt> {
        lock(&self.learnt)
    }

    /// What is learnt about mounts, under its lock.
    pub(crate) fn mounts(&self) -> MutexGuard<'_, Mounts> {
        lock(&self.mounts)
    }

    /// The vendor's published limits.
    pub(crate) fn pace(&self) -> Option<&Pace> {
        self.pace.get()
    }

    /// How to reach a repository. The owner of the accounts is asked once.
    pub(crate) async fn reach(
        &self,
        client: &Client,
        repository: Option<&RepositoryName>,
    ) -> Result<Arc<Reach>> {
        let cell = Arc::clone(lock(&self.reach).entry(repository.cloned()).or_default());
        let ask = async || {
            let inner = &client.0;
            let access = inner.access.access(&self.registry, repository, false).await?;
            if let Some(limit) = access.limit {
                self.room.cap(limit);
            }
            self.pace.get_or_init(|| {
                let anonymous = matches!(access.credential, Credential::Anonymous);
                let rates = KnownHost::of(&self.registry).map(|vendor| vendor.rates(anonymous));
                Pace::new(&rates.unwrap_or_default())
            });
            let proxy = access.proxy.as_ref();
            let http = inner.connections.pool(&access.tls, proxy)?;
            let abroad = if access.tls.identity.is_none() && access.tls.pin.is_none() {
                http.clone()
            } else {
                let tls = crate::TlsOptions { identity: None, pin: None, ..access.tls.clone() };
                inner.connections.pool(&tls, proxy)?
            };
            tracing::debug!(registry = %self.registry, origin = &*access.origin, "account");
            let (credential, origin) = (access.credential.clone(), access.origin.to_string());
            let login = self.auth.login(credential, origin, access.renew_at);
            let told = Arc::new(access.origin.clone());
            Ok(Arc::new(Reach { access, origin: told, login, http, abroad }))
        };
        Ok(Arc::clone(cell.get_or_try_init(ask).await?))
    }

    /// Where the credential for a repository was found, once it has been asked for.
    pub(crate) fn origin(&self, repository: &RepositoryName) -> Option<Arc<Sentence>> {
        let cell = lock(&self.reach).get(&Some(repository.clone()))?.clone();
        Some(cell.get()?.origin.clone())
    }

    /// The address of the registry in a scheme, with what stands before `v2/`.
    pub(crate) fn home(&self, scheme: Scheme, reach: &Reach) -> Result<Home> {
        let prefix = reach.access.path_prefix.as_deref().unwrap_or_default().trim_matches('/');
        let slash = if prefix.is_empty() { "" } else { "/" };
        let url = format!("{}://{}/{prefix}{slash}", scheme.as_str(), self.registry.api_host());
        let url = Url::parse(&url).map_err(|error| {
            Error::new(Code::ConfigInvalid, "the registry's address can't be read").cause(&error)
        })?;
        Ok(Home { url, insecure: reach.access.tls.insecure })
    }

    /// Waits until requests of a class may be sent. `Err` says at once how long it would be, if longer than `longest`.
    pub(crate) async fn waited(
        &self,
        class: Class,
        longest: Duration,
    ) -> std::result::Result<(), Duration> {
        while let Some(left) = self.pauses.left(class) {
            if left > longest {
                return Err(left);
            }
            let _seen = self.waits.ordered(left);
            tokio::time::sleep(left).await;
        }
        Ok(())
    }

    /// Keeps what every answer may tell besides.
    pub(crate) fn note(&self, headers: &HeaderMap) {
        if headers.contains_key("docker-distribution-api-version") {
            self.is_registry.store(true, Ordering::Relaxed);
        }
        if let Some(quota) = Quota::read(headers) {
            let (mut known, now) = (lock(&self.quota), Instant::now());
            if known.is_none_or(|(known, told)| known.yields_to(quota, now - told)) {
                *known = Some((quota, now));
            }
            // the next manifest would be refused, and asking for it anyway makes matters worse
            if let Quota { remaining: 0, window: Some(window), .. } = quota {
                self.pauses.order(&self.registry, Class::Manifest, window);
            }
        }
    }

    pub(crate) fn quota(&self) -> Option<Quota> {
        lock(&self.quota).map(|(quota, _)| quota)
    }

    /// A manifest was read, which registries that count such reads do too.
    pub(crate) fn pulled(&self) {
        self.pulls.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn pulls(&self) -> u64 {
        self.pulls.load(Ordering::Relaxed)
    }
}

impl Quota {
    /// Whether what is told now, so long after this, counts instead. Answers overtake each other, so that shortly after a
    /// lower number a higher one is older, not the next window's.
    fn yields_to(self, told: Self, after: Duration) -> bool {
        told.limit != self.limit || told.remaining <= self.remaining || after > OVERTAKEN
    }

    /// Reads `ratelimit-limit: 100;w=21600` and `ratelimit-remaining: 76;w=21600`.
    fn read(headers: &HeaderMap) -> Option<Self> {
        let field = |name| {
            let value = headers.get(name)?.to_str().ok()?;
            let mut parts = value.split(';').map(str::trim);
            let number = parts.next()?.parse().ok()?;
            let window = parts.find_map(|part| part.strip_prefix("w=")?.parse().ok());
            Some((number, window.map(Duration::from_secs)))
        };
        let (limit, window) = field("ratelimit-limit")?;
        let (remaining, other) = field("ratelimit-remaining")?;
        Some(Self { limit, remaining, window: window.or(other) })
    }
}

/// HTTPS or plain HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    Https,
    Http,
}

impl Scheme {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Http => "http",
        }
    }
}

/// The first contact with a host: until it has answered once, requests go one at a time, so that its scheme and its
/// challenge are learnt from a single request. A failure counts for everyone who was waiting.
#[derive(Debug, Default)]
pub(crate) struct Contact {
    gate: tokio::sync::Mutex<()>,
    state: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    scheme: Option<Scheme>,
    /// It has answered to TLS with something else, and plain HTTP may be spoken with it.
    seems_plain: bool,
    failures: u64,
    last: Option<Failure>,
    /// A request has given up on the host, which has never answered.
    down: Option<(Instant, Error)>,
}

/// What a request finds when it asks for contact.
pub(crate) enum Turn<'a> {
    /// The host is known.
    Known(Scheme),
    /// This request is the one that goes ahead, in this scheme; the others wait until the guard is dropped.
    First(Alone<'a, ()>, Scheme),
    /// The request that went ahead has failed.
    Failed(Failure),
}

impl Contact {
    /// `plain`: TLS is not to be tried.
    pub(crate) async fn turn(&self, plain: bool) -> Turn<'_> {
        let seen = {
            let state = lock(&self.state);
            match state.scheme {
                Some(scheme) => return Turn::Known(scheme),
                None => state.failures,
            }
        };
        let alone = self.gate.lock().await;
        let state = lock(&self.state);
        match (state.scheme, &state.last) {
            (Some(scheme), _) => Turn::Known(scheme),
            (None, Some(failure)) if state.failures != seen => Turn::Failed(failure.clone()),
            (None, _) if state.seems_plain || plain => Turn::First(alone, Scheme::Http),
            (None, _) => Turn::First(alone, Scheme::Https),
        }
    }

    pub(crate) fn is_made(&self) -> bool {
        lock(&self.state).scheme.is_some()
    }

    /// How the host is spoken with, once it has answered.
    pub(crate) fn scheme(&self) -> Option<Scheme> {
        lock(&self.state).scheme
    }

    /// The host has answered.
    pub(crate) fn made(&self, scheme: Scheme) {
        let mut state = lock(&self.state);
        if state.scheme.is_some() {
            return;
        }
        *state = Known { scheme: Some(scheme), failures: state.failures, ..Known::default() };
    }

    /// The host does not speak TLS, but has not answered plain HTTP yet.
    pub(crate) fn seems_plain(&self) {
        lock(&self.state).seems_plain = true;
    }

    /// The host has not answered.
    pub(crate) fn failed(&self, failure: &Failure) {
        let mut state = lock(&self.state);
        state.failures += 1;
        state.last = Some(failure.clone());
    }

    /// A request has used up its tries. As long as the host has never answered, those that follow soon after don't
    /// try all over again.
    pub(crate) fn gave_up(&self, error: &Error) {
        let mut state = lock(&self.state);
        if state.scheme.is_none() {
            state.down = Some((Instant::now(), error.clone()));
        }
    }

    /// The error of a request that has given up within the last `rest`.
    pub(crate) fn is_down(&self, rest: Duration) -> Option<Error> {
        let state = lock(&self.state);
        let (since, error) = state.down.as_ref()?;
        (since.elapsed() < rest).then(|| error.clone())
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_pause_holds_its_class_alone_and_never_gets_shorter() {
        let host = HostState::new("r.example".parse().unwrap(), None);
        let longest = Duration::from_mins(1);
        let order = |class, seconds| {
            host.pauses.order(&host.registry, class, Duration::from_secs(seconds));
        };
        let seen = || host.waits.now(&host.registry).map(|wait| (wait.code, wait.tries));
        order(Class::Blob, 10);
        order(Class::Blob, 3);
        let begin = Instant::now();
        host.waited(Class::Manifest, longest).await.unwrap();
        assert_eq!((begin.elapsed(), seen()), (Duration::ZERO, None));
        let longer = async {
            tokio::time::sleep(Duration::from_secs(5)).await;
            order(Class::Blob, 20);
            tokio::time::sleep(Duration::from_secs(10)).await;
            assert_eq!(seen(), Some((Code::RateLimited, None)));
        };
        let (waited, ()) = tokio::join!(host.waited(Class::Blob, longest), longer);
        waited.unwrap();
        assert!(begin.elapsed() >= Duration::from_secs(25), "{:?}", begin.elapsed());
        assert_eq!(seen(), None);
        order(Class::Token, 61);
        assert_eq!(host.waited(Class::Token, longest).await, Err(Duration::from_secs(61)));
    }

    #[test]
    fn an_answer_that_was_overtaken_does_not_raise_the_quota() {
        let told = |limit, remaining| Quota { limit, remaining, window: None };
        let soon = Duration::from_millis(50);
        assert!(told(100, 76).yields_to(told(100, 75), soon));
        assert!(!told(100, 75).yields_to(told(100, 76), soon));
        assert!(told(100, 75).yields_to(told(100, 100), OVERTAKEN * 2), "the next window");
        assert!(told(100, 75).yields_to(told(200, 199), soon), "another login");
    }

    #[test]
    fn quota_of_docker_hub() {
        let read = |limit: &str, remaining: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("ratelimit-limit", limit.parse().unwrap());
            headers.insert("ratelimit-remaining", remaining.parse().unwrap());
            Quota::read(&headers)
        };
        let window = Some(Duration::from_hours(6));
        let quota = |window| Some(Quota { limit: 100, remaining: 76, window });
        assert_eq!(read("100;w=21600", "76;w=21600"), quota(window));
        assert_eq!(read("100", "76; w=21600"), quota(window));
        assert_eq!(read("100", "76"), quota(None));
        assert_eq!(read("unlimited", "76"), None);
        assert_eq!(Quota::read(&HeaderMap::new()), None);
    }
}
