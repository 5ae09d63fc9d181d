//! The history of runs.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Which runs are wanted.
#[derive(Clone, Debug, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct HistoryRequest {
    /// Those older than the run with this id; `null` for the newest.
    pub before: Option<String>,
    /// So many at most.
    pub limit: u32,
    /// Those of this profile; `null` for all.
    pub profile_id: Option<String>,
}

/// Runs that have ended, newest first.
#[derive(Clone, Debug, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct HistoryPage {
    /// The runs.
    pub runs: Vec<HistoryRun>,
    /// Whether there are older ones.
    pub more: bool,
}

/// A run that has ended, in this session or before, by the app or the command line.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct HistoryRun {
    /// The id.
    pub id: String,
    /// The profile, which may have been removed since.
    pub profile_id: String,
    /// The name that it had.
    pub profile_name: String,
    /// When it began.
    pub started_at: String,
    /// When it ended; `null` where nobody saw that.
    pub ended_at: Option<String>,
    /// `app` or `command`.
    pub started_by: String,
    /// `succeeded`, `warnings`, `partly-failed`, `failed`, `cancelled`, `interrupted`.
    pub result: String,
    /// The sums.
    pub totals: engine::Totals,
    /// The run whose images it copied again, or that it took up.
    pub retry_of: Option<String>,
}

/// A run with its grid as it was in the end.
#[derive(Clone, Debug, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct HistoryDetail {
    /// The run.
    pub run: HistoryRun,
    /// The grid.
    pub snapshot: engine::Snapshot,
}

/// Which lines of a run's log are wanted.
#[derive(Clone, Debug, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct LogRequest {
    /// The run.
    pub id: String,
    /// `info`, `warning` or `error`: lines that matter at least so much; `null` for all.
    pub level: Option<String>,
    /// The image that they are about; `null` for all.
    pub image: Option<u32>,
    /// How many of such lines are known.
    pub from: u64,
}

/// Some lines of a run's log.
#[derive(Clone, Debug, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct LogPage {
    /// The lines, oldest first.
    pub lines: Vec<LogLine>,
    /// Whether there are more.
    pub more: bool,
}

/// A line of a run's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct LogLine {
    /// When.
    pub at: String,
    /// `info`, `warning` or `error`.
    pub level: String,
    /// The image that it is about, by its number in the grid.
    pub image: Option<u32>,
    /// What happened, English; it may have several lines.
    pub text: String,
}
