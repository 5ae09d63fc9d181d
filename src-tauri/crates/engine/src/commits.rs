//! Which copy waits for the manifest of which other, so that no two wait for each other for ever.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::row::lock;

/// A copy of an image to one destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct CopyId(u64);

/// The waits of all copies.
#[derive(Debug, Default)]
pub(crate) struct Commits {
    last: AtomicU64,
    waits: Arc<Mutex<Waits>>,
}

/// Who waits for whom, and for how many blobs.
type Waits = HashMap<CopyId, HashMap<CopyId, usize>>;

/// A wait; dropping it ends it.
#[derive(Debug)]
pub(crate) struct Awaiting {
    waits: Arc<Mutex<Waits>>,
    who: CopyId,
    whom: CopyId,
}

impl Commits {
    /// A copy begins.
    pub(crate) fn begin(&self) -> CopyId {
        CopyId(self.last.fetch_add(1, Ordering::Relaxed))
    }

    /// Lets a copy wait for another, unless that one waits for it, by itself or through others.
    pub(crate) fn wait(&self, who: CopyId, whom: CopyId) -> Option<Awaiting> {
        let mut waits = lock(&self.waits);
        let mut open = vec![whom];
        let mut seen = HashSet::new();
        while let Some(copy) = open.pop() {
            if copy == who {
                return None;
            }
            if seen.insert(copy) {
                open.extend(waits.get(&copy).into_iter().flat_map(HashMap::keys));
            }
        }
        *waits.entry(who).or_default().entry(whom).or_default() += 1;
        Some(Awaiting { waits: self.waits.clone(), who, whom })
    }
}

impl Drop for Awaiting {
    fn drop(&mut self) {
        let mut waits = lock(&self.waits);
        let Some(of_who) = waits.get_mut(&self.who) else { return };
        if let Some(blobs) = of_who.get_mut(&self.whom) {
            *blobs -= 1;
            if *blobs == 0 {
                of_who.remove(&self.whom);
            }
        }
        if of_who.is_empty() {
            waits.remove(&self.who);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_waits_in_a_circle() {
        let commits = Commits::default();
        let [a, b, c] = [(); 3].map(|()| commits.begin());
        assert!(commits.wait(a, a).is_none(), "not for itself");
        let first = commits.wait(a, b).unwrap();
        let again = commits.wait(a, b).unwrap();
        let next = commits.wait(b, c).unwrap();
        assert!(commits.wait(c, a).is_none() && commits.wait(b, a).is_none());
        drop(first);
        assert!(commits.wait(c, a).is_none(), "it still waits for another blob");
        drop(again);
        let back = commits.wait(c, a).unwrap();
        drop((next, back));
        assert!(lock(&commits.waits).is_empty());
    }
}
