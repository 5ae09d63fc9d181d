//! Plans and runs.

use engine::ImagePair;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::ApiError;

/// What names a profile to run.
#[derive(Clone, Debug, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ByProfile {
    /// The profile's id.
    pub profile_id: String,
}

/// An image at one destination, named as a snapshot's row names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct PickedImage {
    /// The row's source.
    pub source: String,
    /// The row's destination.
    pub destination: String,
}

impl From<PickedImage> for ImagePair {
    fn from(image: PickedImage) -> Self {
        Self { source: image.source, destination: image.destination }
    }
}

/// Starts to copy.
#[derive(Clone, Debug, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct StartRequest {
    /// The profile's id.
    pub profile_id: String,
    /// What is switched off by hand: rows that are skipped.
    #[serde(default)]
    pub skip: Vec<PickedImage>,
}

/// Runs again what failed in a run that has ended.
#[derive(Clone, Debug, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct RetryRequest {
    /// The run, of this session or of the history.
    pub id: String,
    /// Which of its images; `null` for all that failed.
    pub images: Option<Vec<PickedImage>>,
}

/// Sets the limits of a run that goes on.
#[derive(Clone, Debug, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct LimitsRequest {
    /// The run.
    pub id: String,
    /// The most requests in flight to any one registry; `null` adapts.
    pub proc: Option<u32>,
    /// Bytes per second over all; `null` is no limit.
    pub bandwidth: Option<u64>,
}

/// The form of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
pub enum ExportFormat {
    /// What `--report` writes.
    Json,
    /// For spreadsheets.
    Csv,
    /// To read.
    Markdown,
    /// For build servers.
    Junit,
}

/// Opens one image of a plan or run.
#[derive(Clone, Debug, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct PartsRequest {
    /// The plan or run, of this session.
    pub id: String,
    /// The image's number within it.
    pub image: u32,
}

/// Saves a run's report.
#[derive(Clone, Debug, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ReportRequest {
    /// The run, of this session or of the history.
    pub id: String,
    /// The form.
    pub format: ExportFormat,
}

/// A plan or run that the app knows.
#[derive(Clone, Debug, Default, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct RunInfo {
    /// The id, the same in the history.
    pub id: String,
    /// The profile.
    pub profile_id: String,
    /// Its name.
    pub profile_name: String,
    /// `plan` or `run`.
    pub kind: String,
    /// `running`, `paused` or `ended`.
    pub state: String,
    /// `app` or `command`.
    pub started_by: String,
    /// When it began.
    pub started_at: String,
    /// When it ended.
    pub ended_at: Option<String>,
    /// The most requests in flight to any one registry; `null` adapts.
    pub proc: Option<u32>,
    /// Bytes per second over all; `null` is no limit.
    pub bandwidth: Option<u64>,
    /// The run whose images it copies again, or that it takes up.
    pub retry_of: Option<String>,
}

/// What a look at the destinations of a run has found.
#[derive(Clone, Debug, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct VerifyReport {
    /// Images that were looked at: those that the run says stand at their destinations.
    pub images: u64,
    /// Manifests that were asked for.
    pub manifests: u64,
    /// Blobs that were asked for.
    pub blobs: u64,
    /// What is not as it was left.
    pub problems: Vec<VerifyProblem>,
}

/// An image that does not stand at its destination as the run left it.
#[derive(Clone, Debug, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct VerifyProblem {
    /// Its source.
    pub source: String,
    /// Its destination.
    pub destination: String,
    /// What is wrong.
    pub error: ApiError,
}
