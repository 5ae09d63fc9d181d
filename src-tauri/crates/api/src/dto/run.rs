//! Plans and runs.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What names a profile to run.
#[derive(Clone, Debug, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ByProfile {
    /// The profile's id.
    pub profile_id: String,
}

/// A plan or run that the app knows.
#[derive(Clone, Debug, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct RunInfo {
    /// The id.
    pub id: String,
    /// The profile.
    pub profile_id: String,
    /// Its name.
    pub profile_name: String,
    /// `plan` or `run`.
    pub kind: String,
    /// When it began.
    pub started_at: String,
    /// When it ended.
    pub ended_at: Option<String>,
}
