//! The repositories of a run: those that are read and those that are written, each once.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex},
};

use registry::{Client, Registry, Repository, RepositoryName, Result, Tag};
use tokio::sync::{OnceCell, Semaphore};

use crate::row::lock;

/// The most blobs between the opening of their upload and its end, per destination registry. Without it, every image
/// under way would open uploads that then wait, and expire, behind those that stream.
const BLOBS_PER_REGISTRY: usize = 64;

/// A repository that is written to.
pub(crate) struct Place {
    pub(crate) repository: Repository,
    /// Its number, to compare by.
    pub(crate) index: usize,
    pub(crate) slots: Arc<Semaphore>,
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
    slots: HashMap<Registry, Arc<Semaphore>>,
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
        let slots = inner
            .slots
            .entry(registry.clone())
            .or_insert_with(|| Arc::new(Semaphore::new(BLOBS_PER_REGISTRY)))
            .clone();
        inner
            .places
            .entry((registry.clone(), name.clone()))
            .or_insert_with(|| {
                let repository = client.destination(registry, name);
                Arc::new(Place { repository, index, slots })
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
