//! What a run tells while it goes: a snapshot, then numbered updates of what changed since, at most ten a second.
//! Everything that shows a run (progress bars, the app, the report) folds the same updates.

use std::sync::Arc;

use registry::{Digest, Sentence, Waiting};
use serde::{Deserialize, Serialize};

use crate::{Action, Failure, Plan, Pulls};

/// Where a run is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Rules are being resolved; copying has already begun for what is resolved (not in a plan).
    #[default]
    Planning,
    /// Everything is resolved; copying goes on.
    Copying,
    /// All is written; waiting for last confirmations.
    Verifying,
    /// Ended.
    Done,
}

/// Where an image is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum ImageStatus {
    /// Known, nothing done yet.
    #[default]
    Waiting,
    /// Being compared.
    Resolving,
    /// Compared; `plan` is set. The end in a plan.
    Planned,
    /// Its blobs and manifests are on their way.
    Copying,
    /// Ended: copied.
    Copied,
    /// Ended: nothing to do.
    Skipped,
    /// Ended: failed.
    Failed,
    /// Ended: cancelled.
    Cancelled,
}

/// One row: a source image and a destination.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", default)]
pub struct ImageState {
    /// Its number within the run, from 0, never reused.
    pub id: u32,
    /// Where it stands among the others, as in the report: by rule, repository, destination and image. Rows are known in
    /// whichever order registries answer.
    pub order: [u32; 4],
    /// Full reference, or the rule as written.
    pub source: String,
    /// Full reference, or the rule as written.
    pub destination: String,
    /// Where it is.
    pub status: ImageStatus,
    /// What is or would be done.
    pub action: Option<Action>,
    /// How much is there already, once compared.
    pub plan: Option<Plan>,
    /// Bytes of blobs that this image needs at the destination.
    pub bytes_total: u64,
    /// Of these: confirmed by the destination through an upload. Never goes down.
    pub bytes_copied: u64,
    /// Of these: sent, not yet confirmed.
    pub bytes_in_flight: u64,
    /// Of these: mounted.
    pub bytes_mounted: u64,
    /// Of these: found there.
    pub bytes_present: u64,
    /// The digest that stands at the destination and is or would be replaced.
    #[cfg_attr(feature = "ts", ts(type = "string | null"))]
    pub replaces: Option<Digest>,
    /// With whose account it is read, in words, once that is known.
    #[cfg_attr(feature = "ts", ts(type = "Sentence | null"))]
    pub source_account: Option<Arc<Sentence>>,
    /// With whose account it is written.
    #[cfg_attr(feature = "ts", ts(type = "Sentence | null"))]
    pub destination_account: Option<Arc<Sentence>>,
    /// Why it ended as it did, for people.
    pub reason: Option<String>,
    /// Why it failed.
    pub error: Option<Failure>,
}

/// Sums over all rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", default)]
pub struct Totals {
    /// Rows known so far.
    pub images: u64,
    /// Rows compared so far.
    pub resolved: u64,
    /// Ended: copied.
    pub copied: u64,
    /// Ended: skipped.
    pub skipped: u64,
    /// Ended: failed.
    pub failed: u64,
    /// Ended: cancelled.
    pub cancelled: u64,
    /// Rows compared so far whose tag is not at its destination.
    pub to_copy: u64,
    /// Rows compared so far with which nothing is to be done.
    pub to_skip: u64,
    /// Rows compared so far whose tag is at its destination with another digest and will be moved.
    pub to_overwrite: u64,
    /// Rows compared so far that write different images to one tag.
    pub conflicts: u64,
    /// Rows compared so far of which it is known that they can't work.
    pub blocked: u64,
    /// Bytes that would be moved, by what is compared so far; in a run, by what has ended.
    pub bytes_to_move: u64,
    /// Bytes that would be mounted, likewise.
    pub bytes_mountable: u64,
    /// Bytes needed at the destinations by images that are compared.
    pub bytes_total: u64,
    /// Bytes confirmed through uploads.
    pub bytes_copied: u64,
    /// Bytes sent, not yet confirmed.
    pub bytes_in_flight: u64,
    /// Bytes mounted.
    pub bytes_mounted: u64,
    /// Bytes found there.
    pub bytes_present: u64,
    /// Bytes per second over the last seconds, confirmed and in flight.
    pub bytes_per_second: u64,
    /// Seconds since the start.
    pub seconds: f64,
    /// Seconds still to go, once everything is resolved and the rate is known.
    pub seconds_left: Option<f64>,
    /// Whether the run is paused.
    pub paused: bool,
}

/// What changed since the update before.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", default)]
pub struct Update {
    /// Rises by one with each update of a run. A gap means: ask for a snapshot.
    pub seq: u64,
    /// The phase now.
    pub phase: Phase,
    /// The sums now.
    pub totals: Totals,
    /// The rows that changed, whole.
    pub images: Vec<ImageState>,
    /// Warnings that are new.
    pub warnings: Vec<Sentence>,
    /// Reads of manifests at every source that counts them, as they are now.
    pub pulls: Vec<Pulls>,
    /// Registries that are waited for now.
    pub waits: Vec<Waiting>,
}

/// Everything about a run at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", default)]
pub struct Snapshot {
    /// The last update that is in it.
    pub seq: u64,
    /// The phase.
    pub phase: Phase,
    /// The sums.
    pub totals: Totals,
    /// The rows, `images[i].id == i`.
    pub images: Vec<ImageState>,
    /// Every warning so far.
    pub warnings: Vec<Sentence>,
    /// Reads of manifests at every source that counts them.
    pub pulls: Vec<Pulls>,
    /// Registries that are waited for.
    pub waits: Vec<Waiting>,
}

impl Snapshot {
    /// Brings in an update. False when one is missing in between: ask for a new snapshot.
    pub fn apply(&mut self, update: &Update) -> bool {
        if update.seq != self.seq + 1 {
            return false;
        }
        self.seq = update.seq;
        self.phase = update.phase;
        self.totals = update.totals;
        for image in &update.images {
            let at = image.id as usize;
            if self.images.len() <= at {
                self.images.resize(at + 1, ImageState::default());
            }
            self.images[at] = image.clone();
        }
        self.warnings.extend(update.warnings.iter().cloned());
        self.pulls.clone_from(&update.pulls);
        self.waits.clone_from(&update.waits);
        true
    }
}
