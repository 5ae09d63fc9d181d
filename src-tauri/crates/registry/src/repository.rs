//! What can be asked of one repository. Requests here wait for room at their host by themselves and are retried; the
//! two that stream (`read_blob`, and the [`BlobWriter`] that `begin_blob` gives) run under [`Permits`] that the caller
//! holds.

use bytes::Bytes;

use crate::{
    BlobReader, BlobWriter, Client, Descriptor, Digest, Manifest, MediaType, Permits, Registry, RepositoryName,
    Result, Side, Tag, Target,
};

/// One repository at one registry, read from or written to.
#[derive(Clone, Debug)]
pub struct Repository {
    pub(crate) client: Client,
    pub(crate) registry: Registry,
    pub(crate) name: RepositoryName,
    pub(crate) side: Side,
}

/// What a HEAD of a manifest tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestHead {
    /// The digest, from the header or, where the registry does not send it, from a GET.
    pub digest: Digest,
    /// The type, as far as it was told.
    pub media_type: Option<MediaType>,
    /// Bytes, as far as they were told.
    pub size: Option<u64>,
}

/// How a blob begins at a destination.
#[derive(Debug)]
pub enum BlobStart {
    /// It is in the repository already.
    Present,
    /// It was mounted from the other repository.
    Mounted,
    /// It must be written.
    Write(BlobWriter),
}

/// What a registry answered to a manifest PUT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestPut {
    /// `OCI-Subject` was answered: the registry keeps the referrers itself.
    pub subject_kept: bool,
}

impl Repository {
    pub(crate) fn new(client: Client, registry: Registry, name: RepositoryName, side: Side) -> Self {
        Self { client, registry, name, side }
    }

    /// The registry.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The repository's name.
    pub fn name(&self) -> &RepositoryName {
        &self.name
    }

    /// `host/repository:tag` or `host/repository@digest`, for people.
    pub fn reference(&self, target: &Target) -> String {
        let mark = match target {
            Target::Tag(_) => ':',
            Target::Digest(_) => '@',
        };
        format!("{}/{}{mark}{target}", self.registry, self.name)
    }

    /// Every tag, in the registry's order, invalid ones left out; all forms of pagination are followed. A destination
    /// repository that does not exist yet has no tags.
    pub async fn tags(&self) -> Result<Vec<Tag>> {
        todo!()
    }

    /// Whether a manifest is there and what it is. At a destination, "denied" counts as absent (quirk 43). Where HEAD
    /// does not work or gives no digest, GET is used and remembered for the host.
    pub async fn head_manifest(&self, target: &Target) -> Result<Option<ManifestHead>> {
        todo!("{target:?}")
    }

    /// A manifest, its bytes verified. By tag, the digest that the registry's header claims is verified against the
    /// body too; a body that differs is fetched again by that digest, and again up to `retries` times.
    pub async fn get_manifest(&self, target: &Target) -> Result<Manifest> {
        todo!("{target:?}")
    }

    /// Puts a manifest. `digest` is verified against what the registry says it stored.
    pub async fn put_manifest(
        &self,
        target: &Target,
        media_type: &MediaType,
        bytes: Bytes,
        digest: &Digest,
    ) -> Result<ManifestPut> {
        todo!("{target:?} {media_type} {bytes:?} {digest}")
    }

    /// Whether a blob is there; its size as far as it was told.
    pub async fn head_blob(&self, digest: &Digest) -> Result<Option<Option<u64>>> {
        todo!("{digest}")
    }

    /// Reads a small blob (a config) whole and verified; more than `limit` bytes are an error.
    pub async fn get_blob(&self, blob: &Descriptor, limit: u64) -> Result<Bytes> {
        todo!("{blob:?} {limit}")
    }

    /// Starts reading a blob at byte `from`. The request runs under `permits`.
    pub async fn read_blob(&self, blob: &Descriptor, from: u64, permits: &Permits) -> Result<BlobReader> {
        todo!("{blob:?} {from} {permits:?}")
    }

    /// Asks for a blob and opens an upload in one request: `POST …?mount=<digest>&from=<repository>`, `from` being this
    /// repository itself where no other is known to hold it. Hosts that never mount are asked by HEAD first.
    pub async fn begin_blob(&self, blob: &Descriptor, from: Option<&RepositoryName>) -> Result<BlobStart> {
        todo!("{blob:?} {from:?}")
    }

    /// Manifests that refer to `digest`, by the referrers API or else the tag schema.
    pub async fn referrers(&self, digest: &Digest) -> Result<Vec<Descriptor>> {
        todo!("{digest}")
    }
}
