//! When images were made, by their configs: small blobs that say so. Each is read once per repository, however many tags
//! lead to it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use futures_util::{FutureExt as _, StreamExt as _, TryStreamExt as _, future::BoxFuture, stream};
use jiff::Timestamp;
use tokio::sync::OnceCell;

use crate::{
    Code, Descriptor, Digest, Manifest, ManifestKind, Repository, Result, Target,
    inspect::{LARGEST_CONFIG, annotations, is_image_config, made},
};

/// Children of an index that are looked into at once.
const AT_ONCE: usize = 8;
/// How deep indexes may lie in indexes.
const DEPTH: usize = 4;
/// The annotation that says it for what has no config to say it.
const CREATED: &str = "org.opencontainers.image.created";

type Answer = Arc<OnceCell<Option<Timestamp>>>;

/// The dates of one repository's images.
#[derive(Debug)]
pub struct Dates {
    repository: Repository,
    known: Mutex<HashMap<Digest, Answer>>,
}

impl Dates {
    /// None is known yet.
    pub fn new(repository: Repository) -> Self {
        Self { repository, known: Mutex::default() }
    }

    /// When an image was made; of an index, the newest of its images. `None` where nothing says so in a form that can be
    /// read: the date is missing, no date, or from before 1970, as builds that can be repeated have it.
    pub async fn of(&self, target: &Target) -> Result<Option<Timestamp>> {
        let manifest = self.repository.get_manifest(target).await?;
        self.of_manifest(&manifest, DEPTH).await
    }

    fn of_manifest<'a>(
        &'a self,
        manifest: &'a Manifest,
        depth: usize,
    ) -> BoxFuture<'a, Result<Option<Timestamp>>> {
        async move {
            let told = match manifest.kind() {
                ManifestKind::Image { config: Some(config), .. }
                    if is_image_config(config) && config.size <= LARGEST_CONFIG =>
                {
                    let known = self.answer(&config.digest);
                    *known.get_or_try_init(|| self.read_config(config)).await?
                }
                ManifestKind::Schema1 { .. } => made(manifest.bytes()),
                ManifestKind::Index { manifests, .. } if depth > 0 => {
                    let images: Vec<_> = manifests
                        .iter()
                        .filter(|entry| !entry.is_attestation() && !entry.media_type.is_blob())
                        .map(|entry| self.of_entry(entry, depth - 1))
                        .collect();
                    let dates: Vec<_> =
                        stream::iter(images).buffer_unordered(AT_ONCE).try_collect().await?;
                    dates.into_iter().flatten().max()
                }
                ManifestKind::Image { .. } | ManifestKind::Index { .. } => None,
            };
            Ok(told.or_else(|| annotations(manifest.bytes()).get(CREATED)?.parse().ok()))
        }
        .boxed()
    }

    fn of_entry<'a>(
        &'a self,
        entry: &'a Descriptor,
        depth: usize,
    ) -> BoxFuture<'a, Result<Option<Timestamp>>> {
        async move {
            let known = self.answer(&entry.digest);
            Ok(*known.get_or_try_init(|| self.read_entry(entry, depth)).await?)
        }
        .boxed()
    }

    async fn read_config(&self, config: &Descriptor) -> Result<Option<Timestamp>> {
        Ok(made(&self.repository.get_blob(config, LARGEST_CONFIG).await?))
    }

    async fn read_entry(&self, entry: &Descriptor, depth: usize) -> Result<Option<Timestamp>> {
        let target = Target::Digest(entry.digest.clone());
        let manifest = match self.repository.get_manifest(&target).await {
            // of a sparse index not all are there
            Err(error) if error.code() == Code::RefNotFound => return Ok(None),
            manifest => manifest?,
        };
        self.of_manifest(&manifest, depth).await
    }

    fn answer(&self, digest: &Digest) -> Answer {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry(digest.clone()).or_default().clone()
    }
}
