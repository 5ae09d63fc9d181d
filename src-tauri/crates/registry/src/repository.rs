//! What can be asked of one repository. Requests here wait for room at their host by themselves and are retried; the
//! two that stream (`read_blob`, and the [`BlobWriter`] that `begin_blob` gives) run under a [`Permit`] that the caller
//! holds.
//!
//! [`Permit`]: crate::Permit

use std::sync::Arc;

use crate::{
    Answer, Ask, BlobWriter, Client, Digest, Error, Learnt, MediaType, Registry, RepositoryName,
    Result, Sentence, Side, Target,
};

mod ahead;
mod blobs;
mod manifests;
mod mirrors;
mod prepare;
mod referrers;
mod tags;

pub(crate) use ahead::Ahead;
pub use tags::{TagList, TagPages};

/// One repository at one registry, read from or written to.
#[derive(Clone, Debug)]
pub struct Repository {
    pub(crate) client: Client,
    pub(crate) registry: Registry,
    pub(crate) name: RepositoryName,
    pub(crate) side: Side,
    /// It stands in for another: what fails here is asked for there, so nothing is tried twice.
    pub(crate) is_mirror: bool,
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
    pub(crate) fn new(
        client: Client,
        registry: Registry,
        name: RepositoryName,
        side: Side,
    ) -> Self {
        Self { client, registry, name, side, is_mirror: false }
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

    /// Which account, or entry of a file, it is reached with; `None` before it was first asked for anything.
    pub fn account(&self) -> Option<Arc<Sentence>> {
        self.client.host_state(&self.registry).origin(&self.name)
    }

    pub(crate) fn blob_reference(&self, digest: &Digest) -> String {
        format!("{}/{}@{digest}", self.registry, self.name)
    }

    pub(crate) async fn send(&self, mut ask: Ask<'_>) -> Result<Answer> {
        ask.retry &= !self.is_mirror;
        self.client.send(&self.registry, Some(&self.name), self.side, ask).await
    }

    /// What is known about the host now.
    pub(crate) fn learnt(&self) -> Learnt {
        *self.client.host_state(&self.registry).learnt()
    }

    /// Notes something about the host.
    pub(crate) fn learn(&self, note: impl FnOnce(&mut Learnt)) {
        note(&mut self.client.host_state(&self.registry).learnt());
    }

    /// Names this side and what was worked on, where an error does not know them.
    pub(crate) fn blame(&self, error: Error, reference: &str) -> Error {
        error.on(self.side).registry(&self.registry).reference(reference)
    }
}
