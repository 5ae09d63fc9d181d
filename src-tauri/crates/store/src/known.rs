//! Repositories that the user has named by hand, by registry: for those that list none. `docs/browsing.md` describes the
//! file for people.

use std::{collections::BTreeMap, path::Path};

use serde::{Deserialize, Serialize};

use crate::{Error, file};

/// The format's version.
const VERSION: u64 = 1;

/// Repositories by registry, and tags of theirs that were named with them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownRepositories {
    version: u64,
    registries: BTreeMap<String, BTreeMap<String, Vec<String>>>,
}

impl Default for KnownRepositories {
    fn default() -> Self {
        Self { version: VERSION, registries: BTreeMap::new() }
    }
}

impl KnownRepositories {
    /// Reads the file; nothing where there is none. One that can't be understood is kept aside and told.
    pub fn load(path: &Path) -> Result<Self, Error> {
        Ok(file::read(path, VERSION)?.or_default())
    }

    /// Writes the file.
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        file::write_json(path, self)
    }

    /// The repositories of a registry with their tags.
    pub fn at(&self, registry: &str) -> impl Iterator<Item = (&str, &[String])> {
        let found = self.registries.get(registry).into_iter().flatten();
        found.map(|(repository, tags)| (repository.as_str(), tags.as_slice()))
    }

    /// Adds a repository, and a tag of it; whether that is new.
    pub fn add(&mut self, registry: &str, repository: &str, tag: Option<&str>) -> bool {
        let repositories = self.registries.entry(registry.into()).or_default();
        let is_new = !repositories.contains_key(repository);
        let tags = repositories.entry(repository.into()).or_default();
        match tag {
            Some(tag) if !tags.iter().any(|known| known == tag) => {
                tags.push(tag.into());
                true
            }
            _ => is_new,
        }
    }

    /// Forgets a repository with its tags; whether it was there.
    pub fn remove(&mut self, registry: &str, repository: &str) -> bool {
        let Some(repositories) = self.registries.get_mut(registry) else { return false };
        let was_there = repositories.remove(repository).is_some();
        if repositories.is_empty() {
            self.registries.remove(registry);
        }
        was_there
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_come_back_each_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("repositories.json");
        let mut known = KnownRepositories::load(&path).unwrap();
        assert!(known.add("r.example.com", "team/app", Some("v1")));
        assert!(!known.add("r.example.com", "team/app", Some("v1")));
        assert!(known.add("r.example.com", "team/app", Some("v2")));
        assert!(known.add("r.example.com", "a", None));
        assert!(known.add("other", "b", None));
        known.save(&path).unwrap();
        let mut known = KnownRepositories::load(&path).unwrap();
        let at: Vec<_> = known.at("r.example.com").collect();
        assert_eq!(at, [("a", &[][..]), ("team/app", &["v1".to_owned(), "v2".to_owned()][..])]);
        assert!(known.remove("other", "b") && !known.remove("other", "b"));
        assert_eq!(known.at("other").count(), 0);

        std::fs::write(&path, "{ half").unwrap();
        assert!(matches!(KnownRepositories::load(&path), Err(Error::Broken { .. })));
        assert_eq!(KnownRepositories::load(&path).unwrap(), KnownRepositories::default());
    }
}
