//! Mounts: a blob that another repository of the same registry holds need not be sent again. Whether a host does that,
//! and from where, is learnt from its answers; for some vendors it is known beforehand.
//!
//! What is counted: a *decline* is the 202 with which a registry opens an upload instead, a *refusal* an error. Both
//! may be about the one repository that was named (no right to read there), so that each repository is judged by its
//! own; the host as a whole is judged when several have failed and none has ever worked.

use std::collections::HashMap;

use crate::{Repository, RepositoryName};

/// So many declines or refusals, and a repository, or the question itself, is given up.
const DECLINED: u32 = 3;
/// So many declines of blobs that no manifest names yet, and the host is taken for one that wants manifests first.
const DECLINED_UNCOMMITTED: u32 = 2;
/// So many repositories given up, and the host is taken for one that never mounts.
const REPOSITORIES: usize = 2;
/// So many mounts that were granted and not done, and the host's word on them is not taken any more.
const LIES: u32 = 2;

/// From where a host mounts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mounting {
    /// From every repository that holds the blob.
    #[default]
    Freely,
    /// From repositories where a manifest names the blob (ECR).
    Committed,
    /// From nowhere.
    Never,
}

/// What is known of a blob before its destination is asked for it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Known<'a> {
    /// Another repository of the same registry that holds it.
    pub from: Option<&'a RepositoryName>,
    /// A manifest in that repository names it.
    pub committed: bool,
    /// It is of an image that is not there yet, so that it most likely is not either.
    pub is_new: bool,
    /// The registry has said that it is there, and it was not: it is written whatever it says.
    pub unasked: bool,
}

impl<'a> Known<'a> {
    /// A repository that holds the blob.
    pub fn at(from: &'a RepositoryName) -> Self {
        Self { from: Some(from), ..Self::default() }
    }
}

/// What a host's answers have told about its mounts.
#[derive(Debug, Default)]
pub(crate) struct Mounts {
    mounting: Mounting,
    /// A mount or the question (a mount from the repository itself) was answered with 201.
    granted: bool,
    /// A mount of a blob that no manifest named.
    granted_uncommitted: bool,
    declined_uncommitted: u32,
    /// Declines and refusals while nothing was ever granted.
    declined: u32,
    /// By repository, since it last worked.
    by_repository: HashMap<RepositoryName, u32>,
    lies: u32,
}

impl Mounts {
    pub(crate) fn new(mounting: Mounting) -> Self {
        Self { mounting, ..Self::default() }
    }

    pub(crate) fn mounting(&self) -> Mounting {
        self.mounting
    }

    /// Whether a mount from that repository is worth a try.
    pub(crate) fn may_work(&self, from: &RepositoryName, committed: bool) -> bool {
        let is_good = self.by_repository.get(from).is_none_or(|times| *times < DECLINED);
        is_good
            && match self.mounting {
                Mounting::Freely => true,
                Mounting::Committed => committed,
                Mounting::Never => false,
            }
    }

    /// Whether "mount it from the repository itself" tells if the blob is there, and opens the upload if not. Hosts that
    /// don't mount, or not what no manifest names yet, would have it sent again: they are asked by HEAD.
    pub(crate) fn can_ask(&self) -> bool {
        self.mounting == Mounting::Freely && (self.granted || self.declined < DECLINED)
    }

    /// 201; `known.from` is none for the question.
    pub(crate) fn granted(&mut self, known: Known<'_>) {
        self.granted = true;
        self.declined = 0;
        if let Some(from) = known.from {
            self.by_repository.remove(from);
            self.granted_uncommitted |= !known.committed;
        }
    }

    /// 202 though the repository holds the blob.
    pub(crate) fn declined(&mut self, from: &RepositoryName, committed: bool) {
        self.declined += 1;
        if self.mounting == Mounting::Freely && !committed && !self.granted_uncommitted {
            // perhaps it would have been another answer once a manifest is there
            self.declined_uncommitted += 1;
            if self.declined_uncommitted >= DECLINED_UNCOMMITTED {
                self.mounting = Mounting::Committed;
            }
        } else {
            self.fail(from, 1);
        }
    }

    /// An error, from a host that takes the blob without a mount. `for_good`: it would be the same again.
    pub(crate) fn refused(&mut self, from: Option<&RepositoryName>, for_good: bool) {
        self.declined += 1;
        if let Some(from) = from {
            self.fail(from, if for_good { DECLINED } else { 1 });
        }
    }

    /// What was declined or refused so far was so because the repository was not there yet.
    pub(crate) fn forgive(&mut self) {
        self.declined = 0;
        self.by_repository.clear();
    }

    /// 201, and the blob was not there.
    pub(crate) fn lied(&mut self) {
        self.lies += 1;
        if self.lies >= LIES {
            self.mounting = Mounting::Never;
        }
    }

    fn fail(&mut self, from: &RepositoryName, times: u32) {
        *self.by_repository.entry(from.clone()).or_default() += times;
        let given_up = self.by_repository.values().filter(|times| **times >= DECLINED).count();
        if given_up >= REPOSITORIES && !self.granted {
            self.mounting = Mounting::Never;
        }
    }
}

impl Repository {
    /// From where the host mounts, as far as is known.
    pub fn mounting(&self) -> Mounting {
        self.mounts(|mounts| mounts.mounting())
    }

    /// Whether a mount from another repository of the host is worth a try; `committed`: a manifest there names the blob.
    pub fn may_mount(&self, from: &RepositoryName, committed: bool) -> bool {
        self.mounts(|mounts| mounts.may_work(from, committed))
    }

    /// Whether the host has mounted a blob that no manifest named.
    pub fn mounts_uncommitted(&self) -> bool {
        self.mounts(|mounts| mounts.granted_uncommitted)
    }

    /// A blob that the host said was mounted here, or here already, turned out not to be.
    pub fn mount_lied(&self) {
        let registry = &self.registry;
        tracing::warn!(%registry, "the registry said that a blob was there, and it was not");
        self.mounts(Mounts::lied);
    }

    pub(crate) fn mounts<T>(&self, with: impl FnOnce(&mut Mounts) -> T) -> T {
        with(&mut self.client.host_state(&self.registry).mounts())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> RepositoryName {
        text.parse().unwrap()
    }

    #[test]
    fn one_bad_repository_does_not_condemn_the_host() {
        let (bad, good) = (name("x/private"), name("x/good"));
        for refused in [true, false] {
            let mut mounts = Mounts::default();
            mounts.granted(Known::at(&good));
            for _ in 0..9 {
                if refused {
                    mounts.refused(Some(&bad), true);
                } else {
                    mounts.declined(&bad, false);
                }
            }
            assert_eq!(mounts.mounting(), Mounting::Freely);
            assert!(!mounts.may_work(&bad, true) && mounts.may_work(&good, false));
            assert!(mounts.can_ask());
            mounts.granted(Known::at(&bad));
            assert!(mounts.may_work(&bad, false));
        }
        // also when nothing was granted before
        let mut mounts = Mounts::default();
        mounts.refused(Some(&bad), true);
        assert!(!mounts.may_work(&bad, true) && mounts.may_work(&good, true) && mounts.can_ask());
    }

    #[test]
    fn several_that_fail_and_none_that_works_do() {
        let mut mounts = Mounts::default();
        mounts.refused(Some(&name("x/a")), true);
        mounts.refused(Some(&name("x/b")), true);
        assert_eq!(mounts.mounting(), Mounting::Never);
        assert!(!mounts.may_work(&name("x/c"), true) && !mounts.can_ask());
    }

    #[test]
    fn what_no_manifest_names_is_declined_then_manifests_come_first() {
        let (a, b) = (name("x/a"), name("x/b"));
        let mut mounts = Mounts::default();
        mounts.declined(&a, false);
        assert!(mounts.may_work(&a, false));
        mounts.declined(&a, false);
        assert_eq!(mounts.mounting(), Mounting::Committed);
        assert!(!mounts.may_work(&a, false) && mounts.may_work(&a, true));
        assert!(!mounts.can_ask(), "what is not named yet would be sent again");
        // and if that does not help either
        for from in [&a, &b] {
            for _ in 0..DECLINED {
                assert!(mounts.may_work(from, true));
                mounts.declined(from, true);
            }
        }
        assert_eq!(mounts.mounting(), Mounting::Never);
        // a host that has mounted such a blob is no such host
        let mut mounts = Mounts::default();
        mounts.granted(Known::at(&a));
        for _ in 0..9 {
            mounts.declined(&b, false);
        }
        assert_eq!(mounts.mounting(), Mounting::Freely);
    }

    #[test]
    fn questions_that_are_refused_are_not_asked_for_ever() {
        let mut mounts = Mounts::default();
        for _ in 0..DECLINED {
            assert!(mounts.can_ask());
            mounts.refused(None, false);
        }
        assert!(!mounts.can_ask());
        let mut mounts = Mounts::default();
        mounts.granted(Known::default());
        for _ in 0..9 {
            mounts.refused(None, false);
        }
        assert!(mounts.can_ask(), "it has worked before");
    }

    #[test]
    fn the_second_lie_is_the_last() {
        let mut mounts = Mounts::default();
        mounts.granted(Known::at(&name("x/a")));
        mounts.lied();
        assert!(mounts.may_work(&name("x/a"), true) && mounts.can_ask());
        mounts.lied();
        assert!(!mounts.may_work(&name("x/a"), true) && !mounts.can_ask());
    }
}
