//! What is learnt about a host during a run, shared by all of its repositories.

use std::sync::Mutex;

/// A host as far as it is known.
#[derive(Debug, Default)]
pub(crate) struct HostState {
    /// What the requests for manifests and blobs have learnt.
    pub(crate) learnt: Mutex<Learnt>,
}

/// How a host likes to be asked. Filled by the modules that ask; never held over an await.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Learnt {
    /// HEAD of a manifest does not work though GET does.
    pub(crate) head_unsupported: bool,
    /// Mounts are never granted.
    pub(crate) never_mounts: bool,
    /// How many mounts from another repository were declined in a row.
    pub(crate) mounts_declined: u32,
    /// Uploads must go in chunks of at most so many bytes.
    pub(crate) chunk_size: Option<u64>,
    /// There is no referrers API.
    pub(crate) no_referrers: bool,
}

impl HostState {
    /// What is learnt, under its lock.
    pub(crate) fn learnt(&self) -> std::sync::MutexGuard<'_, Learnt> {
        self.learnt.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
