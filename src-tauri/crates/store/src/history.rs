//! The history of runs: what started, how it ended, its grid of images and its log. One SQLite file, which several
//! processes use at once.
//!
//! All calls block; whoever is asynchronous calls them where that is allowed.

mod line;
mod open;
mod read;
mod recorder;
mod schema;
mod write;

#[cfg(test)]
mod tests;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use engine::{Choice, ImagePair, Totals};
use jiff::Timestamp;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};

pub use self::{
    line::{Level, LogLine},
    recorder::Recorder,
};
use crate::Error;

/// The runs that are known. The file is made by the first run.
#[derive(Clone, Debug)]
pub struct History {
    path: PathBuf,
    connection: Arc<Mutex<Option<Connection>>>,
    /// One at a time settles: another would take the locks that it tries for those of runs.
    settling: Arc<Mutex<()>>,
    /// The most pages that the file may have, to see what becomes of a full disk.
    most_pages: Option<u32>,
}

/// What started a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StartedBy {
    /// The app.
    App,
    /// The command line.
    Command,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// All is copied or was there.
    Succeeded,
    /// The same, and something was noticed.
    Warnings,
    /// Some images failed.
    PartlyFailed,
    /// No image was copied or there, and at least one failed.
    Failed,
    /// It was ended early.
    Cancelled,
    /// Its process went away.
    Interrupted,
}

/// A run that begins.
#[derive(Clone, Debug)]
pub struct NewRun {
    /// Its id, see [`new_id`].
    pub id: String,
    /// The profile.
    pub profile_id: String,
    /// Its name now.
    pub profile_name: String,
    /// When it begins.
    pub started_at: Timestamp,
    /// What starts it.
    pub started_by: StartedBy,
    /// The run whose failed images it copies, or that it takes up.
    pub retry_of: Option<String>,
    /// Which images.
    pub picked: Picked,
}

/// A choice of images, as it is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Picked {
    /// All that the rules select.
    #[default]
    All,
    /// All but these.
    Without(Vec<ImagePair>),
    /// These.
    Only(Vec<ImagePair>),
}

impl From<Picked> for Choice {
    fn from(picked: Picked) -> Self {
        match picked {
            Picked::All => Self::All,
            Picked::Without(pairs) if pairs.is_empty() => Self::All,
            Picked::Without(pairs) => Self::Without(pairs.into_iter().collect()),
            Picked::Only(pairs) => Self::Only(pairs.into_iter().collect()),
        }
    }
}

/// A run of the history.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredRun {
    /// Its id.
    pub id: String,
    /// The profile.
    pub profile_id: String,
    /// The name that the profile had.
    pub profile_name: String,
    /// When it began, RFC 3339.
    pub started_at: String,
    /// When it ended, as far as that is known.
    pub ended_at: Option<String>,
    /// What started it.
    pub started_by: StartedBy,
    /// How it ended; `None` while it goes on.
    pub ending: Option<Ending>,
    /// Its sums.
    pub totals: Totals,
    /// The run whose failed images it copied, or that it took up.
    pub retry_of: Option<String>,
    /// Which images.
    pub picked: Picked,
}

/// Which runs are wanted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted<'a> {
    /// Only those older than the one with this id.
    pub before: Option<&'a str>,
    /// Only those of this profile.
    pub profile: Option<&'a str>,
    /// So many at most.
    pub limit: usize,
}

/// An id for a run: unique over all restarts, and in the order of time.
pub fn new_id() -> String {
    uuid::Uuid::now_v7().to_string()
}

impl Ending {
    /// How a run ended by its sums.
    pub fn of(totals: &engine::ReportTotals, warnings: bool) -> Self {
        match (totals.failed, totals.cancelled) {
            (_, 1..) => Self::Cancelled,
            (0, 0) if warnings => Self::Warnings,
            (0, 0) => Self::Succeeded,
            (_, 0) if totals.copied + totals.skipped == 0 => Self::Failed,
            (_, 0) => Self::PartlyFailed,
        }
    }

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Warnings => "warnings",
            Self::PartlyFailed => "partly-failed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Interrupted => "interrupted",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [
            Self::Succeeded,
            Self::Warnings,
            Self::PartlyFailed,
            Self::Failed,
            Self::Cancelled,
            Self::Interrupted,
        ]
        .into_iter()
        .find(|ending| ending.as_str() == text)
    }
}

impl StartedBy {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Command => "command",
        }
    }
}

impl History {
    /// The history in a file, which need not be there.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            connection: Arc::default(),
            settling: Arc::default(),
            most_pages: None,
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes sure that the file, if there is one, can be used. One that is damaged is kept aside and told; a newer one
    /// is left alone and told.
    pub fn check(&self) -> Result<(), Error> {
        self.read((), |_| Ok(()))
    }

    fn connection(&self) -> MutexGuard<'_, Option<Connection>> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something with the file if there is one.
    fn read<T>(
        &self,
        nothing: T,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        let mut connection = self.connection();
        if connection.is_none() && !self.path.exists() {
            return Ok(nothing);
        }
        self.with(&mut connection, work)
    }

    /// Does something with the file, which is made if need be.
    fn write<T>(
        &self,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        self.with(&mut self.connection(), work)
    }

    fn with<T>(
        &self,
        connection: &mut Option<Connection>,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        // a file that was removed or put aside by someone else is made anew
        if connection.is_some() && !self.path.exists() {
            *connection = None;
        }
        let open = match connection.take() {
            Some(open) => open,
            None => self.open()?,
        };
        work(connection.insert(open)).map_err(|error| self.failed(&error))
    }
}
