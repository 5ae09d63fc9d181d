//! The report: what became of every image. Its JSON form is a contract (version 1); fields are only ever added.

use registry::{Digest, Sentence};
use serde::{Deserialize, Serialize};

use crate::{Failure, Pulls};

/// What became of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It stands at the destination now, and did not before.
    Copied,
    /// Nothing had to be done, or must not be.
    Skipped,
    /// It could not be copied; the destination's tag is as it was.
    Failed,
    /// It was not (fully) copied when the run was ended; the destination's tag is as it was.
    Cancelled,
    /// A dry run: what would be done is in `plan`.
    Planned,
}

/// What a run does, or would do, with an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// The tag is not at the destination.
    Copy,
    /// The destination has the digest already, or policy says to leave it.
    Skip,
    /// The tag is at the destination with another digest.
    Overwrite,
    /// Two rules write different digests to this destination; none is written.
    Conflict,
    /// It is known already that this can't work.
    Blocked,
}

/// What a run would do with an image, and how much of it is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Plan {
    /// What would be done.
    pub action: Action,
    /// Bytes of blobs that would be moved.
    pub bytes_to_move: u64,
    /// Bytes of blobs that the destination repository has.
    pub bytes_present: u64,
    /// Bytes of blobs that another repository of the destination has or will have by then.
    pub bytes_mountable: u64,
}

impl Plan {
    /// A plan whose bytes are not known, or none.
    pub(crate) fn of(action: Action) -> Self {
        Self { action, bytes_to_move: 0, bytes_present: 0, bytes_mountable: 0 }
    }
}

/// What became of one source image at one destination.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ImageReport {
    /// Full reference, or the rule as written where it could not be resolved.
    pub source: String,
    /// Full reference, or the rule as written where it could not be resolved.
    pub destination: String,
    /// What became of it.
    pub status: Outcome,
    /// Why, for people: "same digest", "immutable tag", "single-platform image windows/amd64 does not match …".
    pub reason: Option<String>,
    /// The source's digest.
    pub source_digest: Option<Digest>,
    /// The destination's digest after the run (differs from the source's when an index was filtered).
    pub digest: Option<Digest>,
    /// What stood at the destination and is or would be replaced; left out where nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<Digest>,
    /// Bytes of blobs uploaded for this image.
    pub bytes_copied: u64,
    /// Bytes of blobs mounted for this image.
    pub bytes_mounted: u64,
    /// How often the work on this image was begun (1 when all went well at once).
    pub attempts: u32,
    /// Why it failed.
    pub error: Option<Failure>,
    /// What was planned.
    pub plan: Option<Plan>,
}

/// How the reason begins of an image that is skipped because the destination has it already.
pub const SAME_DIGEST: &str = "same digest";
/// The reason of one that the destination has without the attestations, which it refuses.
pub(crate) const SAME_WITHOUT_ATTESTATIONS: &str = "same digest, without attestations";

impl ImageReport {
    /// Whether the image stands right at its destination after the run: copied, or there before (as a plan knows too).
    pub fn stands(&self) -> bool {
        match self.status {
            Outcome::Copied => true,
            Outcome::Skipped | Outcome::Planned => {
                self.reason.as_deref().is_some_and(|reason| reason.starts_with(SAME_DIGEST))
            }
            Outcome::Failed | Outcome::Cancelled => false,
        }
    }
}

/// Sums over the report's images.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ReportTotals {
    /// Images copied.
    pub copied: u64,
    /// Images skipped.
    pub skipped: u64,
    /// Images failed.
    pub failed: u64,
    /// Images cancelled.
    pub cancelled: u64,
    /// Bytes of blobs uploaded.
    pub bytes_copied: u64,
    /// Bytes of blobs mounted.
    pub bytes_mounted: u64,
    /// Bytes of blobs read at sources (a blob read again after a break counts again).
    pub bytes_read: u64,
    /// Seconds from start to end.
    pub seconds: f64,
}

/// What became of every image of a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// Always 1.
    pub version: u32,
    /// One entry per pair of source image and destination, in the rules' order.
    pub images: Vec<ImageReport>,
    /// Sums.
    pub totals: ReportTotals,
    /// What was noticed besides: rules that matched nothing, registries' warnings, immutable tags.
    #[serde(with = "registry::sentence::texts")]
    pub warnings: Vec<Sentence>,
    /// Reads of manifests at every source that counts them; left out where none does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pulls: Vec<Pulls>,
}
