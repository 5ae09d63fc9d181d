//! What a registry holds. Blobs are linked per repository and their bytes are shared, as registries do.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Mutex,
    time::{Duration, Instant},
};

use bytes::Bytes;

use crate::{
    content::Content,
    digest::same_algorithm,
    image::Built,
    kind::is_name,
    lock,
    manifest::{Parsed, is_schema1},
    upload::Session,
};

/// What becomes of uploaded blobs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// They are held in memory.
    #[default]
    All,
    /// They are hashed (SHA-256 only) and thrown away; their digests stay. For layers larger than memory.
    Digests,
}

/// A registry's content.
#[derive(Debug, Default)]
pub struct Store {
    pub(crate) keep: Keep,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
pub(crate) struct Inner {
    contents: HashMap<String, Content>,
    pub(crate) repositories: BTreeMap<String, Repository>,
    pub(crate) sessions: HashMap<String, Session>,
}

#[derive(Debug, Default)]
pub(crate) struct Repository {
    pub(crate) blobs: BTreeMap<String, Linked>,
    pub(crate) manifests: BTreeMap<String, Stored>,
    pub(crate) tags: BTreeMap<String, String>,
}

/// A blob in a repository.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Linked {
    since: Instant,
    // a phantom answers `HEAD`, and nothing else
    phantom: bool,
}

/// A manifest in a repository.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) media_type: String,
    pub(crate) bytes: Bytes,
    pub(crate) parsed: Parsed,
    phantom: bool,
}

/// What tests see and do.
impl Store {
    pub(crate) fn new(keep: Keep) -> Self {
        Self { keep, inner: Mutex::default() }
    }

    /// The names of the repositories, sorted.
    pub fn repositories(&self) -> Vec<String> {
        lock(&self.inner).repositories.keys().cloned().collect()
    }

    /// Makes an empty repository.
    pub fn create_repository(&self, repository: &str) {
        self.with(repository, |_| ());
    }

    /// The tags of a repository, sorted.
    pub fn tags(&self, repository: &str) -> Vec<String> {
        lock(&self.inner)
            .repositories
            .get(repository)
            .map(|r| r.tags.keys().cloned().collect())
            .unwrap_or_default()
    }

    /// The digest that a tag names.
    pub fn tag_digest(&self, repository: &str, tag: &str) -> Option<String> {
        lock(&self.inner).repositories.get(repository)?.tags.get(tag).cloned()
    }

    /// A manifest by tag or digest: its media type and bytes.
    pub fn manifest(&self, repository: &str, reference: &str) -> Option<(String, Bytes)> {
        self.stored(repository, reference).map(|(_, stored)| (stored.media_type, stored.bytes))
    }

    /// The digests of a repository's manifests, sorted.
    pub fn manifests(&self, repository: &str) -> Vec<String> {
        let inner = lock(&self.inner);
        inner
            .repositories
            .get(repository)
            .map(|r| r.manifests.keys().cloned().collect())
            .unwrap_or_default()
    }

    /// A blob that is linked in a repository.
    pub fn blob(&self, repository: &str, digest: &str) -> Option<Content> {
        let inner = lock(&self.inner);
        inner.repositories.get(repository)?.blobs.get(digest).filter(|linked| !linked.phantom)?;
        inner.contents.get(digest).cloned()
    }

    /// The digests of a repository's blobs, sorted.
    pub fn blobs(&self, repository: &str) -> Vec<String> {
        let inner = lock(&self.inner);
        inner
            .repositories
            .get(repository)
            .map(|r| r.blobs.keys().cloned().collect())
            .unwrap_or_default()
    }

    /// Puts a blob; the answer is its digest.
    pub fn put_blob(&self, repository: &str, content: impl Into<Content>) -> String {
        let content = content.into();
        let digest = content.digest("sha256:");
        self.put_blob_as(repository, &digest, content);
        digest
    }

    /// Puts a blob under a digest, right or wrong.
    pub fn put_blob_as(&self, repository: &str, digest: &str, content: impl Into<Content>) {
        let linked = Linked { since: Instant::now(), phantom: false };
        self.with(repository, |r| r.blobs.insert(digest.to_owned(), linked));
        lock(&self.inner).contents.insert(digest.to_owned(), content.into());
    }

    /// Puts a blob that answers `HEAD` and mounts, but can neither be read nor be named by a manifest: what is left
    /// of a blob that was collected as garbage.
    pub fn put_phantom_blob(&self, repository: &str, digest: &str, size: u64) {
        let linked = Linked { since: Instant::now(), phantom: true };
        self.with(repository, |r| r.blobs.insert(digest.to_owned(), linked));
        lock(&self.inner).contents.entry(digest.to_owned()).or_insert(Content::Discarded(size));
    }

    /// Puts a manifest by tag or digest, without a look at what it names. The answer is its digest.
    pub fn put_manifest(
        &self,
        repository: &str,
        reference: &str,
        media_type: &str,
        bytes: impl Into<Bytes>,
    ) -> String {
        self.put_stored(repository, reference, media_type, bytes.into(), false)
    }

    /// Puts a manifest that can be read, but does not count as present for an index that names it: what a
    /// pull-through cache shows of its upstream.
    pub fn put_phantom_manifest(
        &self,
        repository: &str,
        reference: &str,
        media_type: &str,
        bytes: impl Into<Bytes>,
    ) {
        self.put_stored(repository, reference, media_type, bytes.into(), true);
    }

    /// Points a tag at a digest, whether that is there or not.
    pub fn put_tag(&self, repository: &str, tag: &str, digest: &str) {
        self.with(repository, |r| r.tags.insert(tag.to_owned(), digest.to_owned()));
    }

    /// Puts an image with all that it needs, and tags it. An empty `reference` tags nothing.
    pub fn push(&self, repository: &str, reference: &str, image: &crate::Image) -> Built {
        let built = image.build();
        self.push_built(repository, reference, &built);
        built
    }

    /// Puts an image that was built before.
    pub fn push_built(&self, repository: &str, reference: &str, built: &Built) {
        for (digest, content) in built.own_blobs() {
            self.put_blob_as(repository, digest, content.clone());
        }
        for child in built.children() {
            self.push_built(repository, child.digest(), child);
        }
        if built.is_blob() {
            return;
        }
        self.put_manifest(repository, built.digest(), built.media_type(), built.bytes().clone());
        if !reference.is_empty() && !reference.contains(':') {
            self.put_tag(repository, reference, built.digest());
        }
    }

    /// Removes a tag; its manifest stays.
    pub fn delete_tag(&self, repository: &str, tag: &str) -> bool {
        self.with_existing(repository, |r| r.tags.remove(tag).is_some())
    }

    /// Removes a manifest by digest, and every tag that names it.
    pub fn delete_manifest(&self, repository: &str, digest: &str) -> bool {
        self.with_existing(repository, |r| {
            r.tags.retain(|_, tagged| tagged != digest);
            r.manifests.remove(digest).is_some()
        })
    }

    /// Unlinks a blob from a repository.
    pub fn delete_blob(&self, repository: &str, digest: &str) -> bool {
        self.with_existing(repository, |r| r.blobs.remove(digest).is_some())
    }

    /// Removes a repository with all that is in it.
    pub fn delete_repository(&self, repository: &str) -> bool {
        lock(&self.inner).repositories.remove(repository).is_some()
    }

    /// How many uploads are open.
    pub fn open_uploads(&self) -> usize {
        lock(&self.inner).sessions.len()
    }

    /// Forgets every open upload.
    pub fn forget_uploads(&self) {
        lock(&self.inner).sessions.clear();
    }
}

/// What the server sees and does.
impl Store {
    pub(crate) fn inner(&self) -> std::sync::MutexGuard<'_, Inner> {
        lock(&self.inner)
    }

    pub(crate) fn exists(&self, repository: &str) -> bool {
        lock(&self.inner).repositories.contains_key(repository)
    }

    /// A manifest by tag or digest, with its digest.
    pub(crate) fn stored(&self, repository: &str, reference: &str) -> Option<(String, Stored)> {
        let inner = lock(&self.inner);
        let repository = inner.repositories.get(repository)?;
        let digest =
            if reference.contains(':') { reference } else { repository.tags.get(reference)? };
        repository.manifests.get(digest).map(|stored| (digest.to_owned(), stored.clone()))
    }

    /// The bytes of a manifest's blobs; of an index, of all that it names. As registries tell the size of an image.
    pub(crate) fn image_size(&self, repository: &str, digest: &str) -> u64 {
        let Some((_, stored)) = self.stored(repository, digest) else { return 0 };
        let blobs = stored.parsed.blobs.iter();
        let own: u64 = blobs.filter_map(|blob| self.head_blob(repository, blob)).sum();
        let children = stored.parsed.manifests.iter();
        own + children.map(|child| self.image_size(repository, child)).sum::<u64>()
    }

    pub(crate) fn has_manifest(&self, repository: &str, digest: &str) -> bool {
        let inner = lock(&self.inner);
        inner
            .repositories
            .get(repository)
            .and_then(|r| r.manifests.get(digest))
            .is_some_and(|m| !m.phantom)
    }

    /// Whether a manifest may name the blob: it is there, and has been for `lag`.
    pub(crate) fn has_blob(&self, repository: &str, digest: &str, lag: Duration) -> bool {
        let inner = lock(&self.inner);
        let linked = inner.repositories.get(repository).and_then(|r| r.blobs.get(digest));
        linked.is_some_and(|linked| !linked.phantom && linked.since.elapsed() >= lag)
    }

    /// A blob as `HEAD` sees it: its size.
    pub(crate) fn head_blob(&self, repository: &str, digest: &str) -> Option<u64> {
        let inner = lock(&self.inner);
        inner.repositories.get(repository)?.blobs.get(digest)?;
        inner.contents.get(digest).map(Content::len)
    }

    /// A blob wherever it is linked.
    pub(crate) fn content(&self, digest: &str) -> Option<Content> {
        lock(&self.inner).contents.get(digest).cloned()
    }

    /// Links a blob that `from` has in `repository`.
    pub(crate) fn mount(&self, repository: &str, from: &str, digest: &str) -> bool {
        let linked =
            lock(&self.inner).repositories.get(from).and_then(|r| r.blobs.get(digest).copied());
        if let Some(linked) = linked {
            let linked = Linked { since: Instant::now(), ..linked };
            self.with(repository, |r| {
                r.blobs.entry(digest.to_owned()).or_insert(linked).to_owned()
            });
        }
        linked.is_some()
    }

    /// A repository that has the blob.
    pub(crate) fn holder(&self, digest: &str) -> Option<String> {
        let inner = lock(&self.inner);
        inner
            .repositories
            .iter()
            .find(|(_, r)| r.blobs.contains_key(digest))
            .map(|(name, _)| name.clone())
    }

    /// Whether a manifest in the repository names the blob.
    pub(crate) fn is_committed(&self, repository: &str, digest: &str) -> bool {
        let inner = lock(&self.inner);
        let names = |stored: &Stored| stored.parsed.blobs.iter().any(|blob| blob == digest);
        inner.repositories.get(repository).is_some_and(|r| r.manifests.values().any(names))
    }

    /// The bytes of all blobs and manifests, each repository's counted.
    pub(crate) fn size(&self) -> u64 {
        let inner = lock(&self.inner);
        let of = |repository: &Repository| {
            let blobs: u64 = repository
                .blobs
                .keys()
                .filter_map(|digest| inner.contents.get(digest))
                .map(Content::len)
                .sum();
            blobs
                + repository.manifests.values().map(|stored| stored.bytes.len() as u64).sum::<u64>()
        };
        inner.repositories.values().map(of).sum()
    }

    pub(crate) fn put_stored(
        &self,
        repository: &str,
        reference: &str,
        media_type: &str,
        bytes: Bytes,
        phantom: bool,
    ) -> String {
        let digest = manifest_digest(reference, media_type, &bytes);
        let parsed = Parsed::read(&bytes).unwrap_or_default();
        let stored = Stored { media_type: media_type.to_owned(), bytes, parsed, phantom };
        self.with(repository, |r| {
            r.manifests.insert(digest.clone(), stored);
            if !reference.is_empty() && !reference.contains(':') {
                r.tags.insert(reference.to_owned(), digest.clone());
            }
        });
        digest
    }

    fn with_existing(
        &self,
        repository: &str,
        change: impl FnOnce(&mut Repository) -> bool,
    ) -> bool {
        lock(&self.inner).repositories.get_mut(repository).is_some_and(change)
    }

    fn with<R>(&self, repository: &str, change: impl FnOnce(&mut Repository) -> R) -> R {
        debug_assert!(is_name(repository), "no repository's name: {repository:?}");
        change(lock(&self.inner).repositories.entry(repository.to_owned()).or_default())
    }
}

/// The digest of a manifest: that of its payload where it is signed inside (schema 1), else of its bytes; by the
/// algorithm of `reference` where that is a digest.
pub(crate) fn manifest_digest(reference: &str, media_type: &str, bytes: &[u8]) -> String {
    let payload = is_schema1(media_type).then(|| crate::image::schema1::payload(bytes)).flatten();
    same_algorithm(reference, payload.as_deref().unwrap_or(bytes))
}
