//! Who brings which blob to which registry. For each (registry, digest) the first that wants it uploads it; others wait
//! and then mount it from a repository that holds it, or find it there. Where the first one fails, the next takes over.
//!
//! Some registries mount only what a manifest in the other repository names. There, whoever wants a blob also waits for
//! the copy that is about to put such a manifest; unless that copy waits for this one in turn, for another blob.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use registry::{Digest, Error, Mounting, Registry, Repository, RepositoryName};
use tokio::sync::{Notify, futures::OwnedNotified};

use crate::{
    commits::{Awaiting, Commits, CopyId},
    place::Place,
    row::lock,
};

/// How often a blob may fail at one repository before everyone else who wants it there gets the same error. The
/// registry client has retried by then; this is for those whom another's failure may not concern.
const FAILURES_PER_PLACE: u32 = 2;

/// Which blobs are where, and who is bringing them.
#[derive(Debug, Default)]
pub(crate) struct BlobTable {
    entries: Mutex<HashMap<Registry, HashMap<Digest, Entry>>>,
    /// Blobs that can't be had from a source.
    lost: Mutex<HashMap<(Registry, RepositoryName, Digest), Error>>,
    commits: Commits,
}

#[derive(Debug, Default)]
struct Entry {
    /// Repositories that hold the blob.
    holders: Vec<Holder>,
    /// Repositories to which someone is bringing it, by number.
    busy: Vec<usize>,
    /// Whether someone is bringing it for whom the others wait: to a registry that has it nowhere, or by the first mount
    /// there.
    uploading: bool,
    /// Repositories where it failed, how often, and the last error.
    failures: Vec<(usize, u32, Error)>,
    /// Repositories of which the registry said that the blob is there, and it was not; once for each time.
    deceived: Vec<usize>,
    changed: Arc<Notify>,
}

/// A repository that holds a blob.
#[derive(Debug)]
struct Holder {
    place: Arc<Place>,
    named: Named,
    /// The registry said so; it was not written by us.
    is_told: bool,
}

/// Whether a manifest in the repository names the blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Named {
    Yes,
    /// This copy is about to put one.
    Soon(CopyId),
    No,
}

/// A repository to mount from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MountFrom {
    pub(crate) name: RepositoryName,
    /// A manifest there names the blob.
    pub(crate) committed: bool,
}

/// What whoever wants a blob has to do.
#[derive(Debug)]
pub(crate) enum Claim {
    /// Nothing: it is there.
    Held,
    /// Bring it; mounted from `from` if that works. `unasked`: what the registry says of it is not to be believed.
    Bring { lease: Lease, from: Option<MountFrom>, unasked: bool },
    /// Wait, then claim again.
    Wait(OwnedNotified),
    /// The same, for as long as another copy takes to put a manifest.
    WaitForCommit(OwnedNotified, Awaiting),
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
    copy: CopyId,
}

impl BlobTable {
    /// Asks what `copy` has to do for a blob from `source` to be at `place`.
    pub(crate) fn claim(
        self: &Arc<Self>,
        place: &Arc<Place>,
        digest: &Digest,
        source: &Repository,
        copy: CopyId,
    ) -> Claim {
        let mut entries = lock(&self.entries);
        let entry = Self::entry(&mut entries, place.registry(), digest);
        if entry.holders.iter().any(|holder| holder.place.index == place.index) {
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
        let from = entry.mountable(place);
        // a host that has never mounted such a blob may decline: one finds out, and the others need not read it again
        let is_trial = from.as_ref().is_some_and(|from| !from.committed)
            && !place.repository.mounts_uncommitted();
        let first = from.is_none();
        // within one registry the source is a holder too, with a manifest
        let is_local = source.registry() == place.registry()
            && source.name() != place.name()
            && !entry.deceived.contains(&place.index)
            && place.repository.may_mount(source.name(), true);
        let local = is_local.then(|| MountFrom { name: source.name().clone(), committed: true });
        // no one needs the source when the registry has the blob already
        if first {
            let key = (source.registry().clone(), source.name().clone(), digest.clone());
            if let Some(error) = lock(&self.lost).get(&key) {
                return Claim::Failed(error.clone());
            }
            // where nothing is ever mounted, there is nothing to wait for
            if entry.uploading && place.repository.mounting() != Mounting::Never {
                return Claim::Wait(entry.changed.clone().notified_owned());
            }
            if local.is_none()
                && let Some(awaiting) = entry.awaiting(place, &self.commits, copy)
            {
                return Claim::WaitForCommit(entry.changed.clone().notified_owned(), awaiting);
            }
            entry.uploading = true;
        } else if is_trial {
            if entry.uploading {
                return Claim::Wait(entry.changed.clone().notified_owned());
            }
            entry.uploading = true;
        }
        entry.busy.push(place.index);
        let lease = Lease {
            table: self.clone(),
            place: place.clone(),
            digest: digest.clone(),
            first: first || is_trial,
            copy,
        };
        let times = entry.deceived.iter().filter(|at| **at == place.index).count();
        Claim::Bring { lease, from: from.or(local), unasked: times > 1 }
    }

    /// A copy that may bring blobs begins.
    pub(crate) fn begin(&self) -> CopyId {
        self.commits.begin()
    }

    /// A manifest that names these blobs is at a repository.
    pub(crate) fn committed<'a>(
        &self,
        place: &Place,
        digests: impl IntoIterator<Item = &'a Digest>,
    ) {
        self.name(place, digests, |named| (named != Named::Yes).then_some(Named::Yes));
    }

    /// A copy has ended: what it was about to put and has not, it won't.
    pub(crate) fn end<'a>(
        &self,
        copy: CopyId,
        place: &Place,
        digests: impl IntoIterator<Item = &'a Digest>,
    ) {
        self.name(place, digests, |named| (named == Named::Soon(copy)).then_some(Named::No));
    }

    fn name<'a>(
        &self,
        place: &Place,
        digests: impl IntoIterator<Item = &'a Digest>,
        change: impl Fn(Named) -> Option<Named>,
    ) {
        let mut entries = lock(&self.entries);
        let Some(blobs) = entries.get_mut(place.registry()) else { return };
        for digest in digests {
            let Some(entry) = blobs.get_mut(digest) else { continue };
            let holder = entry.holders.iter_mut().find(|h| h.place.index == place.index);
            if let Some(holder) = holder
                && let Some(named) = change(holder.named)
            {
                holder.named = named;
                entry.changed.notify_waiters();
            }
        }
    }

    /// Forgets that a repository holds a blob: the registry says that it does not. Whether it had said before that it
    /// does; then nothing is mounted there again, and the second time it is not asked either.
    pub(crate) fn forget(&self, place: &Place, digest: &Digest) -> bool {
        let mut entries = lock(&self.entries);
        let entry = Self::entry(&mut entries, place.registry(), digest);
        let Some(at) = entry.holders.iter().position(|h| h.place.index == place.index) else {
            return false;
        };
        let was_told = entry.holders.swap_remove(at).is_told;
        if was_told {
            entry.deceived.push(place.index);
        }
        was_told
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

impl Entry {
    /// A repository to mount from, one with a manifest first.
    fn mountable(&self, place: &Place) -> Option<MountFrom> {
        if self.deceived.contains(&place.index) {
            return None;
        }
        let from = |committed: bool| {
            let mut holders = self.holders.iter().filter(|h| (h.named == Named::Yes) == committed);
            let holder = holders.find(|h| place.repository.may_mount(h.place.name(), committed))?;
            Some(MountFrom { name: holder.place.name().clone(), committed })
        };
        from(true).or_else(|| from(false))
    }

    /// Waits for a manifest, if that is what the host wants and somebody is about to put one who does not wait for us.
    fn awaiting(&self, place: &Place, commits: &Commits, copy: CopyId) -> Option<Awaiting> {
        if place.repository.mounting() != Mounting::Committed
            || self.deceived.contains(&place.index)
        {
            return None;
        }
        self.holders.iter().find_map(|holder| match holder.named {
            Named::Soon(other) if place.repository.may_mount(holder.place.name(), true) => {
                commits.wait(copy, other)
            }
            _ => None,
        })
    }
}

impl Lease {
    /// The blob is there now; `is_told`: because the registry says so, not because it was written.
    pub(crate) fn commit(self, is_told: bool) {
        let mut entries = lock(&self.table.entries);
        let entry = BlobTable::entry(&mut entries, self.place.registry(), &self.digest);
        let named = Named::Soon(self.copy);
        entry.holders.push(Holder { place: self.place.clone(), named, is_told });
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
