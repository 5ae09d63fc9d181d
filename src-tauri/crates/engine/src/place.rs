//! The repositories of a run: those that are read and those that are written, each once.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use registry::{
    Client, Code, Demand, Digest, Error, ManifestHead, Registry, Repository, RepositoryName,
    Result, Side, Tag, TagList, Target,
};
use tokio::{
    sync::{OnceCell, SetOnce},
    time::{Instant, timeout},
};

use crate::{row::lock, site::Site};

/// From so many tags that are wanted of a repository on, a list that tells digests is worth more than a HEAD each.
const WORTH_LISTING: usize = 20;
/// So many tags must be wanted for each page of such a list.
const WANTED_PER_PAGE: usize = 10;
/// From so many tags that are wanted of a repository on, it is worth a question of its own whether there is such a
/// repository, once one of them was not there.
const WORTH_ASKING: usize = 4;
/// How long it holds that there is none. What others push meanwhile is overwritten.
const MISSING: Duration = Duration::from_secs(10);
/// How long tags wait to be told that they need not be looked for.
const WORTH_WAITING: Duration = Duration::from_secs(2);
/// So many times our patience is the end of it, however busy a registry is.
const LONGEST: u32 = 12;

/// How long those who are ready `since` then wait for others whose registries last `moved` then: while these do anything
/// at all, what is wanted there is only behind other work. But not for ever: one request may hang among many.
pub(crate) fn patient_until(since: Instant, moved: Option<Instant>, patience: Duration) -> Instant {
    let moved = moved.map_or(since, |moved| moved.max(since));
    (moved + patience).min(since + patience * LONGEST)
}

/// A repository that is written to.
pub(crate) struct Place {
    pub(crate) repository: Repository,
    /// Its number, to compare by.
    pub(crate) index: usize,
    pub(crate) site: Arc<Site>,
    /// How many tags are to be compared.
    wanted: AtomicUsize,
    /// What stands there, where a list tells.
    standing: OnceCell<HashMap<Tag, Digest>>,
    may_push: OnceCell<Result<()>>,
    demand: Result<Demand>,
    unknown: OnceCell<bool>,
    /// One of its tags is or was looked for ahead of the others.
    is_looked_for: AtomicBool,
    /// Since when it is known that there is no such repository, if that is so; set once the first has been looked for.
    missing_since: SetOnce<Option<Instant>>,
}

impl Place {
    /// Whether it can be written to, as far as is known without asking the registry.
    pub(crate) fn allows(&self) -> Result<()> {
        self.demand.as_ref().map(|_| ()).map_err(Clone::clone)
    }

    /// Finds out, once, whether a repository that the first push does not create is there, by a manifest that is not.
    /// One that we are to create may be missing.
    pub(crate) async fn must_exist(&self, absent: &Target) -> Result<()> {
        if !matches!(self.demand, Ok(Demand::Created)) || self.repository.is_to_be_created().await?
        {
            return Ok(());
        }
        let unknown = self.unknown.get_or_try_init(|| self.repository.is_unknown(absent));
        if !*unknown.await? {
            return Ok(());
        }
        let (registry, name) = (self.registry(), self.name());
        let error = Error::new(Code::RepoMustExist, "the repository must be created first");
        Err(error.on(Side::Destination).registry(registry).reference(format!("{registry}/{name}")))
    }

    pub(crate) fn registry(&self) -> &Registry {
        self.repository.registry()
    }

    pub(crate) fn name(&self) -> &RepositoryName {
        self.repository.name()
    }

    /// A tag of it will be compared.
    pub(crate) fn want(&self) {
        self.wanted.fetch_add(1, Relaxed);
    }

    /// The digest that a tag names, where many are wanted and one list tells all of them. What is not in the list is
    /// to be asked for.
    pub(crate) async fn standing(&self, tag: &Tag) -> Option<Digest> {
        let wanted = self.wanted.load(Relaxed);
        if wanted < WORTH_LISTING {
            return None;
        }
        let list = async || {
            let list = self.repository.digest_list(wanted / WANTED_PER_PAGE).await;
            // each HEAD will tell what is wrong
            list.unwrap_or_default()
        };
        self.standing.get_or_init(list).await.get(tag).cloned()
    }

    /// What a tag names, for one who would overwrite it. Where many are wanted of a repository, one is looked for ahead
    /// of the others; if it is not there because there is no such repository, no other is. Of the repositories of a
    /// registry, too, one is looked for ahead of the others.
    pub(crate) async fn head(&self, tag: &Tag) -> Result<Option<ManifestHead>> {
        let target = Target::Tag(tag.clone());
        let ask = || self.repository.head_manifest(&target);
        if self.wanted.load(Relaxed) < WORTH_ASKING {
            return ask().await;
        }
        if !self.is_looked_for.swap(true, Relaxed) {
            let (head, is_missing) = self.look(&ask).await;
            // nobody else sets it
            let _ = self.missing_since.set(is_missing.then(Instant::now));
            return head;
        }
        match timeout(WORTH_WAITING, self.missing_since.wait()).await {
            Ok(Some(since)) if since.elapsed() < MISSING => Ok(None),
            _ => ask().await,
        }
    }

    /// Looks for the first of its tags, and for the repository if that is not there; the other way round where the
    /// registry lacked what was looked for before. What the tag names, and whether there is no such repository.
    async fn look<A: Future<Output = Result<Option<ManifestHead>>>>(
        &self,
        ask: impl Fn() -> A,
    ) -> (Result<Option<ManifestHead>>, bool) {
        let site = &self.site;
        let is_first = !site.is_looked_at.swap(true, Relaxed);
        let others = site.was_looked_at.wait();
        if !is_first && timeout(WORTH_WAITING, others).await.is_err() {
            let _ = site.was_looked_at.set(());
        }
        let is_expected = site.lacks.load(Relaxed);
        if is_expected && self.is_missing().await {
            return (Ok(None), true);
        }
        let head = ask().await;
        let is_absent = matches!(head, Ok(None));
        if is_first {
            site.lacks.store(is_absent, Relaxed);
            let _ = site.was_looked_at.set(());
        }
        let is_missing = is_absent && !is_expected && self.is_missing().await;
        site.lacks.store(is_missing, Relaxed);
        (head, is_missing)
    }

    async fn is_missing(&self) -> bool {
        timeout(WORTH_WAITING, self.repository.is_unlisted()).await.unwrap_or(false)
    }

    /// Whether the token that is there allows to push, as far as it tells. No token allows it where the project is still
    /// to be created.
    pub(crate) async fn may_push(&self) -> Result<()> {
        let check = async || {
            if self.repository.is_to_be_created().await? {
                return Ok(());
            }
            self.repository.check_push().await
        };
        self.may_push.get_or_init(check).await.clone()
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry(), self.name())
    }
}

/// Every repository that is written to.
#[derive(Debug)]
pub(crate) struct Places {
    inner: Mutex<PlacesInner>,
    /// The most images worked on at once.
    images: usize,
}

#[derive(Debug, Default)]
struct PlacesInner {
    places: HashMap<(Registry, RepositoryName), Arc<Place>>,
    sites: HashMap<Registry, Arc<Site>>,
}

impl Places {
    /// Whether a registry is late while others are not.
    pub(crate) fn is_behind(&self, site: &Site) -> bool {
        site.is_late() && lock(&self.inner).sites.values().any(|site| !site.is_late())
    }

    pub(crate) fn new(images: usize) -> Self {
        Self { inner: Mutex::default(), images }
    }

    pub(crate) fn get(
        &self,
        client: &Client,
        registry: &Registry,
        name: &RepositoryName,
    ) -> Arc<Place> {
        let mut inner = lock(&self.inner);
        let index = inner.places.len();
        let site = || Arc::new(Site::new(self.images));
        let site = inner.sites.entry(registry.clone()).or_insert_with(site).clone();
        inner
            .places
            .entry((registry.clone(), name.clone()))
            .or_insert_with(|| {
                let repository = client.destination(registry, name);
                let demand = client.demand(registry, name);
                Arc::new(Place {
                    repository,
                    index,
                    site,
                    wanted: AtomicUsize::new(0),
                    standing: OnceCell::new(),
                    may_push: OnceCell::new(),
                    demand,
                    unknown: OnceCell::new(),
                    is_looked_for: AtomicBool::new(false),
                    missing_since: SetOnce::new(),
                })
            })
            .clone()
    }
}

/// A repository that is read.
#[derive(Debug)]
pub(crate) struct SourceRepository {
    pub(crate) repository: Repository,
    list: OnceCell<Result<Arc<TagList>>>,
}

impl SourceRepository {
    pub(crate) fn new(repository: Repository) -> Self {
        Self { repository, list: OnceCell::new() }
    }

    /// Every tag; asked for once per run.
    pub(crate) async fn tags(&self) -> Result<Arc<TagList>> {
        let ask = async || self.repository.tag_list().await.map(Arc::new);
        self.list.get_or_init(ask).await.clone()
    }

    /// The digest that the list of tags told.
    pub(crate) fn listed(&self, target: &Target) -> Option<Digest> {
        let Target::Tag(tag) = target else { return None };
        self.list.get()?.as_ref().ok()?.digests.get(tag).cloned()
    }
}

#[cfg(test)]
mod tests;
