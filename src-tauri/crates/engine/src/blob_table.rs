//! Who brings which blob to which registry. For each (registry, digest) the first that wants it uploads it; others wait
//! and then mount it from a repository that holds it, or find it there. Where the first one fails, the next takes over.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use registry::{Digest, Error, Registry, Repository, RepositoryName};
use tokio::sync::{Notify, futures::OwnedNotified};

use crate::{place::Place, row::lock};

/// How often a blob may fail at one repository before everyone else who wants it there gets the same error. The
/// registry client has retried by then; this is for those whom another's failure may not concern.
const FAILURES_PER_PLACE: u32 = 2;

/// Which blobs are where, and who is bringing them.
#[derive(Debug, Default)]
pub(crate) struct BlobTable {
    entries: Mutex<HashMap<Registry, HashMap<Digest, Entry>>>,
    /// Blobs that can't be had from a source.
    lost: Mutex<HashMap<(Registry, RepositoryName, Digest), Error>>,
}

#[derive(Debug, Default)]
struct Entry {
    /// Repositories that hold the blob.
    holders: Vec<Arc<Place>>,
    /// Repositories to which someone is bringing it, by number.
    busy: Vec<usize>,
    /// Whether someone is bringing it to a registry that has it nowhere.
    uploading: bool,
    /// Repositories where it failed, how often, and the last error.
    failures: Vec<(usize, u32, Error)>,
    changed: Arc<Notify>,
}

/// What whoever wants a blob has to do.
#[derive(Debug)]
pub(crate) enum Claim {
    /// Nothing: it is there.
    Held,
    /// Bring it; mounted from `from` if that works.
    Bring { lease: Lease, from: Option<RepositoryName> },
    /// Wait, then claim again.
    Wait(OwnedNotified),
    /// Give up.
    Failed(Error),
}

/// The right to bring a blob to a repository. Dropping it hands it over to whoever waits.
#[derive(Debug)]
pub(crate) struct Lease {
    table: Arc<BlobTable>,
    place: Arc<Place>,
    digest: Digest,
    first: bool,
}

impl BlobTable {
    /// Asks what is to be done for a blob from `source` to be at `place`.
    pub(crate) fn claim(
        self: &Arc<Self>,
        place: &Arc<Place>,
        digest: &Digest,
        source: &Repository,
    ) -> Claim {
        let mut entries = lock(&self.entries);
        let entry = Self::entry(&mut entries, place.registry(), digest);
        if entry.holders.iter().any(|holder| holder.index == place.index) {
            return Claim::Held;
        }
        if entry.busy.contains(&place.index) {
            return Claim::Wait(entry.changed.clone().notified_owned());
        }
        let failed = |(at, times, _): &&(usize, u32, Error)| {
            *at == place.index && *times >= FAILURES_PER_PLACE
        };
        if let Some((_, _, error)) = entry.failures.iter().find(failed) {
            return Claim::Failed(error.clone());
        }
        let from = entry.holders.first().map(|holder| holder.name().clone());
        let first = from.is_none();
        // no one needs the source when the registry has the blob already
        if first {
            let key = (source.registry().clone(), source.name().clone(), digest.clone());
            if let Some(error) = lock(&self.lost).get(&key) {
                return Claim::Failed(error.clone());
            }
            if entry.uploading {
                return Claim::Wait(entry.changed.clone().notified_owned());
            }
            entry.uploading = true;
        }
        entry.busy.push(place.index);
        let local = || {
            (source.registry() == place.registry() && source.name() != place.name())
                .then(|| source.name().clone())
        };
        let lease =
            Lease { table: self.clone(), place: place.clone(), digest: digest.clone(), first };
        Claim::Bring { lease, from: from.or_else(local) }
    }

    /// Forgets that a repository holds a blob: the registry says that it does not.
    pub(crate) fn forget(&self, place: &Place, digest: &Digest) {
        let mut entries = lock(&self.entries);
        let entry = Self::entry(&mut entries, place.registry(), digest);
        entry.holders.retain(|holder| holder.index != place.index);
    }

    fn entry<'a>(
        entries: &'a mut HashMap<Registry, HashMap<Digest, Entry>>,
        registry: &Registry,
        digest: &Digest,
    ) -> &'a mut Entry {
        if !entries.contains_key(registry) {
            entries.insert(registry.clone(), HashMap::new());
        }
        let blobs = entries.entry(registry.clone()).or_default();
        if !blobs.contains_key(digest) {
            blobs.insert(digest.clone(), Entry::default());
        }
        blobs.entry(digest.clone()).or_default()
    }
}

impl Lease {
    /// The blob is there now.
    pub(crate) fn commit(self) {
        let mut entries = lock(&self.table.entries);
        let entry = BlobTable::entry(&mut entries, self.place.registry(), &self.digest);
        entry.holders.push(self.place.clone());
    }

    /// The blob can't be brought there.
    pub(crate) fn fail(self, error: &Error) {
        let mut entries = lock(&self.table.entries);
        let entry = BlobTable::entry(&mut entries, self.place.registry(), &self.digest);
        match entry.failures.iter_mut().find(|(at, ..)| *at == self.place.index) {
            Some((_, times, last)) => {
                *times += 1;
                *last = error.clone();
            }
            None => entry.failures.push((self.place.index, 1, error.clone())),
        }
    }

    /// The blob can't be had from `source`: whoever else wants it from there need not try.
    pub(crate) fn lose(self, source: &Repository, error: &Error) {
        let key = (source.registry().clone(), source.name().clone(), self.digest.clone());
        lock(&self.table.lost).insert(key, error.clone());
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut entries = lock(&self.table.entries);
        let entry = BlobTable::entry(&mut entries, self.place.registry(), &self.digest);
        entry.busy.retain(|busy| *busy != self.place.index);
        entry.uploading &= !self.first;
        entry.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests;
