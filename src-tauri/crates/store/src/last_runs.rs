//! How each profile's last run ended, as versions before the history have kept it. What is there is still shown for
//! profiles that the history does not know; nothing is added any more.

use std::{collections::BTreeMap, path::Path};

use serde::{Deserialize, Serialize};

use crate::{Error, file};

/// The format's version.
const VERSION: u64 = 1;

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LastRun {
    /// When it ended, RFC 3339; of one that was interrupted, when it began.
    pub ended_at: String,
    /// Whether its process went away before its end.
    #[serde(default)]
    pub interrupted: bool,
    /// Images copied.
    pub copied: u64,
    /// Images skipped.
    pub skipped: u64,
    /// Images failed.
    pub failed: u64,
    /// Images cancelled.
    pub cancelled: u64,
}

/// How each profile's last run ended, by the profile's id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastRuns {
    version: u64,
    profiles: BTreeMap<String, LastRun>,
}

impl Default for LastRuns {
    fn default() -> Self {
        Self { version: VERSION, profiles: BTreeMap::new() }
    }
}

impl LastRuns {
    /// Reads the file; nothing where there is none. One that can't be understood is kept aside and told.
    pub fn load(path: &Path) -> Result<Self, Error> {
        Ok(file::read(path, VERSION)?.or_default())
    }

    /// Writes the file.
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        file::write_json(path, self)
    }

    /// How a profile's last run ended.
    pub fn get(&self, profile: &str) -> Option<&LastRun> {
        self.profiles.get(profile)
    }

    /// Notes the end of a run.
    pub fn set(&mut self, profile: &str, run: LastRun) {
        self.profiles.insert(profile.into(), run);
    }

    /// Forgets a profile.
    pub fn remove(&mut self, profile: &str) {
        self.profiles.remove(profile);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_come_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("last-runs.json");
        let mut runs = LastRuns::load(&path).unwrap();
        let run = LastRun {
            ended_at: "2026-01-02T03:04:05Z".into(),
            interrupted: false,
            copied: 1,
            skipped: 2,
            failed: 3,
            cancelled: 4,
        };
        runs.set("a", run.clone());
        runs.set("b", run.clone());
        runs.remove("b");
        runs.save(&path).unwrap();
        let runs = LastRuns::load(&path).unwrap();
        assert_eq!((runs.get("a"), runs.get("b")), (Some(&run), None));
    }
}
