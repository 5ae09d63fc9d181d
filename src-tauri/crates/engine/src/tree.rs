//! An image as a tree: its root manifest, the manifests under it, and the blobs of them all.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use registry::{
    Code, Descriptor, Digest, Error, Filtered, Manifest, ManifestKind, MediaType, Registry,
    Repository, RepositoryName, Result, Side, Target,
};
use tokio::sync::OnceCell;

use crate::{IndexPolicy, row::lock, run::Run};

/// How deep indexes may be nested.
const DEEPEST: usize = 8;
/// How many manifests may be under one image. Real ones have some dozens; without an end to it one index would keep a run
/// busy for hours.
const MOST: usize = 2000;
/// Manifests of one image that are asked for at once.
const AT_ONCE: usize = 8;
/// Bytes of manifests that are remembered.
const REMEMBERED: usize = 4 << 20;

/// What a tree grows from.
#[derive(Clone, Debug)]
pub(crate) struct Root {
    pub(crate) manifest: Arc<Manifest>,
    /// Of an index that stays whole though not all of its entries are wanted (sparse): those that are.
    pub(crate) only: Option<Arc<HashSet<Digest>>>,
}

impl From<Arc<Manifest>> for Root {
    fn from(manifest: Arc<Manifest>) -> Self {
        Self { manifest, only: None }
    }
}

impl Root {
    pub(crate) fn digest(&self) -> &Digest {
        self.manifest.digest()
    }

    /// Leaves out the entries of an index that `keep` refuses: from its list, or, where it is to stay as it is, only from
    /// what is copied. `None` when nothing is left.
    pub(crate) fn retain(
        &self,
        keep: &dyn Fn(&Descriptor) -> bool,
        index: IndexPolicy,
    ) -> Result<Option<Self>> {
        let wanted = |entry: &Descriptor| {
            self.only.as_ref().is_none_or(|only| only.contains(&entry.digest)) && keep(entry)
        };
        Ok(match (self.manifest.retain(&wanted)?, index) {
            (Filtered::Same, _) => Some(self.clone()),
            (Filtered::Nothing, _) => None,
            (Filtered::Rewritten(manifest), IndexPolicy::Rewrite) => {
                Some(Arc::new(manifest).into())
            }
            (Filtered::Rewritten(manifest), IndexPolicy::Sparse) => {
                let ManifestKind::Index { manifests, .. } = manifest.kind() else {
                    return Ok(None);
                };
                let only = manifests.iter().map(|entry| entry.digest.clone()).collect();
                Some(Self { manifest: self.manifest.clone(), only: Some(Arc::new(only)) })
            }
        })
    }

    /// Without its attestations; `None` where it has none, or nothing else.
    pub(crate) fn without_attestations(&self, index: IndexPolicy) -> Result<Option<Self>> {
        if self.attestations().next().is_none() {
            return Ok(None);
        }
        self.retain(&|entry| !entry.holds_attestation(), index)
    }

    /// The attestations that its index lists.
    pub(crate) fn attestations(&self) -> impl Iterator<Item = &Digest> {
        let entries = match self.manifest.kind() {
            ManifestKind::Index { manifests, .. } => &manifests[..],
            _ => &[],
        };
        let entries = entries.iter().filter(|entry| entry.holds_attestation());
        entries.map(|entry| &entry.digest).filter(|digest| self.wants(digest))
    }

    fn wants(&self, digest: &Digest) -> bool {
        self.only.as_ref().is_none_or(|only| only.contains(digest))
    }
}

/// An image with everything under it.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) root: Root,
    /// The manifests below the root by height: those of `levels[0]` name no other manifest, those of `levels[1]` only
    /// such of `levels[0]`, and so on.
    pub(crate) levels: Vec<Vec<Arc<Manifest>>>,
    /// Every blob once, the largest first.
    pub(crate) blobs: Vec<Descriptor>,
}

impl Tree {
    /// Every manifest, the root last.
    pub(crate) fn manifests(&self) -> impl Iterator<Item = &Arc<Manifest>> {
        self.levels.iter().flatten().chain([&self.root.manifest])
    }

    /// Reads all that is under a manifest from its source.
    pub(crate) async fn read(run: &Run, source: &Repository, root: Root) -> Result<Self> {
        let manifest = &root.manifest;
        let mut found: HashMap<Digest, Arc<Manifest>> = HashMap::new();
        let mut blobs: HashMap<Digest, Descriptor> = HashMap::new();
        let mut seen = HashSet::from([root.digest().clone()]);
        let mut layer = vec![manifest.clone()];
        for depth in 0.. {
            let mut next = Vec::new();
            let wanted = |entry: &Descriptor| depth > 0 || root.wants(&entry.digest);
            for manifest in &layer {
                let own = blobs_of(run, source, manifest).await?;
                let is_index = matches!(manifest.kind(), ManifestKind::Index { .. });
                for blob in own.into_iter().filter(|blob| !is_index || wanted(blob)) {
                    blobs.entry(blob.digest.clone()).or_insert(blob);
                }
                let children = manifest.children().iter().filter(|child| wanted(child));
                next.extend(children.filter(|child| seen.insert(child.digest.clone())).cloned());
            }
            if next.is_empty() {
                break;
            }
            if depth == DEEPEST {
                return Err(invalid(source, manifest, "indexes are nested too deep"));
            }
            if seen.len() > MOST {
                let why = format!("it names more than {MOST} manifests, which no image does");
                return Err(invalid(source, manifest, &why));
            }
            let read: Vec<Child> = stream::iter(next)
                .map(|entry| child(run, source, entry))
                .buffer_unordered(AT_ONCE)
                .try_collect()
                .await?;
            layer.clear();
            for child in read {
                match child {
                    Child::Manifest(manifest) => {
                        found.insert(manifest.digest().clone(), manifest.clone());
                        layer.push(manifest);
                    }
                    Child::Blob(blob) => {
                        blobs.entry(blob.digest.clone()).or_insert(*blob);
                    }
                }
            }
        }
        let levels = by_height(manifest, &found);
        let mut blobs: Vec<_> = blobs.into_values().collect();
        blobs.sort_by(|a, b| b.size.cmp(&a.size).then_with(|| a.digest.cmp(&b.digest)));
        Ok(Self { root, levels, blobs })
    }
}

enum Child {
    Manifest(Arc<Manifest>),
    Blob(Box<Descriptor>),
}

/// What an index entry is. One of unknown type may be a manifest or a blob: the source knows.
async fn child(run: &Run, source: &Repository, entry: Descriptor) -> Result<Child> {
    match run.manifests.get(run, source, &entry.digest).await {
        Ok(manifest) => Ok(Child::Manifest(manifest)),
        Err(error) if is_no_manifest(&error) && matches!(entry.media_type, MediaType::Other(_)) => {
            Ok(Child::Blob(Box::new(entry)))
        }
        Err(error) => Err(error),
    }
}

fn is_no_manifest(error: &Error) -> bool {
    matches!(error.code(), Code::RefNotFound | Code::ManifestInvalid)
}

/// A manifest's own blobs, with their sizes.
async fn blobs_of(run: &Run, source: &Repository, manifest: &Manifest) -> Result<Vec<Descriptor>> {
    let ManifestKind::Schema1 { blobs } = manifest.kind() else { return Ok(manifest.blobs()) };
    let mut sized: Vec<Descriptor> = Vec::new();
    for digest in blobs {
        if sized.iter().any(|blob| blob.digest == *digest) {
            continue;
        }
        let size = run.unless_stopped(source.head_blob(digest)).await?.flatten();
        let size = size.ok_or_else(|| {
            Error::new(
                Code::BlobNotFound,
                "the registry does not tell the size of a schema 1 layer",
            )
            .on(Side::Source)
            .registry(source.registry())
            .reference(source.reference(&Target::Digest(digest.clone())))
        })?;
        sized.push(Descriptor {
            media_type: MediaType::Other(
                "application/vnd.docker.container.image.rootfs.diff+x-gtar".into(),
            ),
            digest: digest.clone(),
            size,
            urls: Vec::new(),
            platform: None,
            attests: None,
            artifact_type: None,
        });
    }
    Ok(sized)
}

fn invalid(source: &Repository, root: &Manifest, why: &str) -> Error {
    Error::new(Code::ManifestInvalid, why)
        .on(Side::Source)
        .registry(source.registry())
        .reference(source.reference(&Target::Digest(root.digest().clone())))
}

/// Orders manifests so that none comes before one that it names. Digests make loops impossible.
fn by_height(root: &Manifest, found: &HashMap<Digest, Arc<Manifest>>) -> Vec<Vec<Arc<Manifest>>> {
    fn height(
        manifest: &Manifest,
        found: &HashMap<Digest, Arc<Manifest>>,
        known: &mut HashMap<Digest, usize>,
    ) -> usize {
        if let Some(height) = known.get(manifest.digest()) {
            return *height;
        }
        // in case a loop is possible after all
        known.insert(manifest.digest().clone(), 0);
        let children = manifest.children().iter().filter_map(|child| found.get(&child.digest));
        let height = children.map(|child| height(child, found, known) + 1).max().unwrap_or(0);
        known.insert(manifest.digest().clone(), height);
        height
    }
    let mut known = HashMap::new();
    let top = height(root, found, &mut known);
    let mut levels = vec![Vec::new(); top];
    let mut manifests: Vec<_> = found.values().collect();
    manifests.sort_by(|a, b| a.digest().cmp(b.digest()));
    for manifest in manifests {
        let height = height(manifest, found, &mut known);
        if let Some(level) = levels.get_mut(height) {
            level.push(manifest.clone());
        }
    }
    levels
}

type Cell = Arc<OnceCell<Arc<Manifest>>>;
type ManifestKey = (Registry, RepositoryName, Digest);

/// Manifests that were read by digest, so that tags which share them ask once. The oldest are forgotten.
#[derive(Debug, Default)]
pub(crate) struct Manifests(Mutex<ManifestsInner>);

#[derive(Debug, Default)]
struct ManifestsInner {
    cells: HashMap<ManifestKey, Cell>,
    order: std::collections::VecDeque<(ManifestKey, usize)>,
    bytes: usize,
}

impl Manifests {
    /// A manifest by digest; whoever asks for it while it is on its way gets the same answer.
    pub(crate) async fn get(
        &self,
        run: &Run,
        source: &Repository,
        digest: &Digest,
    ) -> Result<Arc<Manifest>> {
        let key = (source.registry().clone(), source.name().clone(), digest.clone());
        let cell = lock(&self.0).cells.entry(key.clone()).or_default().clone();
        let target = Target::Digest(digest.clone());
        let got = cell
            .get_or_try_init(async || {
                let manifest = run.unless_stopped(source.get_manifest(&target)).await?;
                self.keep(key.clone(), manifest.bytes().len());
                Ok(Arc::new(manifest))
            })
            .await
            .cloned();
        if got.is_err() {
            let mut inner = lock(&self.0);
            if inner.cells.get(&key).is_some_and(|kept| !kept.initialized()) {
                inner.cells.remove(&key);
            }
        }
        got
    }

    fn keep(&self, key: ManifestKey, bytes: usize) {
        let mut inner = lock(&self.0);
        inner.bytes += bytes;
        inner.order.push_back((key, bytes));
        while inner.bytes > REMEMBERED
            && let Some((oldest, bytes)) = inner.order.pop_front()
        {
            inner.bytes -= bytes;
            inner.cells.remove(&oldest);
        }
    }
}
