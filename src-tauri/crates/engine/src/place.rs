//! The repositories of a run: those that are read and those that are written, each once.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use registry::{Client, Registry, Repository, RepositoryName, Result, Tag};
use tokio::{
    sync::{OnceCell, Semaphore},
    time::Instant,
};

use crate::row::lock;

/// The most blobs between the opening of their upload and its end, per destination registry. Without it, every image
/// under way would open uploads that then wait, and expire, behind those that stream.
const BLOBS_PER_REGISTRY: usize = 64;
/// So many times our patience is the end of it, however busy a registry is.
const LONGEST: u32 = 12;

/// A registry that is written to.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) slots: Semaphore,
    /// When it last took bytes or answered.
    moved: Mutex<Instant>,
}

impl Site {
    fn new() -> Self {
        Self { slots: Semaphore::new(BLOBS_PER_REGISTRY), moved: Mutex::new(Instant::now()) }
    }

    /// It took bytes or answered.
    pub(crate) fn touch(&self) {
        *lock(&self.moved) = Instant::now();
    }

    /// When it last took bytes or answered.
    pub(crate) fn moved(&self) -> Instant {
        *lock(&self.moved)
    }
}

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
}

impl Place {
    pub(crate) fn registry(&self) -> &Registry {
        self.repository.registry()
    }

    pub(crate) fn name(&self) -> &RepositoryName {
        self.repository.name()
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry(), self.name())
    }
}

/// Every repository that is written to.
#[derive(Debug, Default)]
pub(crate) struct Places(Mutex<PlacesInner>);

#[derive(Debug, Default)]
struct PlacesInner {
    places: HashMap<(Registry, RepositoryName), Arc<Place>>,
    sites: HashMap<Registry, Arc<Site>>,
}

impl Places {
    pub(crate) fn get(
        &self,
        client: &Client,
        registry: &Registry,
        name: &RepositoryName,
    ) -> Arc<Place> {
        let mut inner = lock(&self.0);
        let index = inner.places.len();
        let site =
            inner.sites.entry(registry.clone()).or_insert_with(|| Arc::new(Site::new())).clone();
        inner
            .places
            .entry((registry.clone(), name.clone()))
            .or_insert_with(|| {
                let repository = client.destination(registry, name);
                Arc::new(Place { repository, index, site })
            })
            .clone()
    }
}

/// A repository that is read.
#[derive(Debug)]
pub(crate) struct SourceRepository {
    pub(crate) repository: Repository,
    tags: OnceCell<Result<Arc<[Tag]>>>,
}

impl SourceRepository {
    pub(crate) fn new(repository: Repository) -> Self {
        Self { repository, tags: OnceCell::new() }
    }

    /// Every tag; asked for once per run.
    pub(crate) async fn tags(&self) -> Result<Arc<[Tag]>> {
        let ask = async || self.repository.tags().await.map(Arc::from);
        self.tags.get_or_init(ask).await.clone()
    }
}
