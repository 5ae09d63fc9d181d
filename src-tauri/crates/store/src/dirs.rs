//! The one place that decides where files are.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use directories::ProjectDirs;

/// Names one directory for everything, instead of the system's: for tests, and for people who keep their files together.
pub const CONFIG_DIR: &str = "IMAGE_SYNCER_CONFIG_DIR";

/// Where the app's files are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dirs {
    config: PathBuf,
    data: PathBuf,
}

impl Dirs {
    /// The system's (`$XDG_CONFIG_HOME/image-syncer` and `$XDG_DATA_HOME/image-syncer` on Linux), or everything below
    /// `$IMAGE_SYNCER_CONFIG_DIR`. `None` when the system knows no home directory.
    pub fn of_system() -> Option<Self> {
        Self::choose(std::env::var_os(CONFIG_DIR))
    }

    /// Everything below one directory.
    pub fn at(config: impl Into<PathBuf>) -> Self {
        let config = config.into();
        Self { data: config.join("data"), config }
    }

    fn choose(ours: Option<OsString>) -> Option<Self> {
        if let Some(dir) = ours.filter(|dir| !dir.is_empty()) {
            return Some(Self::at(dir));
        }
        let project = ProjectDirs::from("", "", "image-syncer")?;
        Some(Self { config: project.config_dir().into(), data: project.data_dir().into() })
    }

    /// What people may want to read, edit or take along: accounts, profiles, settings.
    pub fn config(&self) -> &Path {
        &self.config
    }

    /// What only the app wants: how runs ended.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// The accounts, without their secrets.
    pub fn accounts(&self) -> PathBuf {
        self.config.join("accounts.json")
    }

    /// The secrets of accounts, encrypted, where there is no keyring.
    pub fn secrets(&self) -> PathBuf {
        self.config.join("secrets.age")
    }

    /// The directory of the profiles.
    pub fn profiles(&self) -> PathBuf {
        self.config.join("profiles")
    }

    /// The settings.
    pub fn settings(&self) -> PathBuf {
        self.config.join("settings.json")
    }

    /// The history of runs.
    pub fn history(&self) -> PathBuf {
        self.data.join("history.sqlite")
    }

    /// The locks of profiles that are being run.
    pub fn locks(&self) -> PathBuf {
        self.data.join("locks")
    }

    /// Repositories that were named by hand.
    pub fn repositories(&self) -> PathBuf {
        self.config.join("repositories.json")
    }

    /// How each profile's last run ended, as it was kept before there was a history.
    pub fn last_runs(&self) -> PathBuf {
        self.data.join("last-runs.json")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_variable_moves_everything() {
        let dirs = Dirs::choose(Some("/tmp/x".into())).expect("named");
        assert_eq!(dirs, Dirs::at("/tmp/x"));
        for path in
            [dirs.accounts(), dirs.profiles(), dirs.settings(), dirs.history(), dirs.locks()]
        {
            assert!(path.starts_with("/tmp/x"), "{}", path.display());
        }
    }

    #[test]
    fn an_empty_variable_is_no_variable() {
        assert_eq!(Dirs::choose(Some(OsString::new())), Dirs::choose(None));
    }
}
