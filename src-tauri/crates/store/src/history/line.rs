//! The log of a run, as far as it is kept: what became of each image, and what was noticed besides. It is made of the
//! updates that everyone gets, so that it is the same whatever started the run.

use engine::{ImageState, ImageStatus, Phase};
use serde::{Deserialize, Serialize};

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// What is done.
    Info,
    /// What is worth knowing.
    Warning,
    /// What failed.
    Error,
}

/// A line of a run's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// Its number within the run.
    pub number: u64,
    /// When, RFC 3339.
    pub at: String,
    /// How much it matters.
    pub level: Level,
    /// The image that it is about.
    pub image: Option<u32>,
    /// What happened, English.
    pub text: String,
}

/// A line that has no number yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) level: Level,
    pub(super) image: Option<u32>,
    pub(super) text: String,
}

impl Level {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }

    /// Reads it.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Info, Self::Warning, Self::Error].into_iter().find(|level| level.as_str() == text)
    }

    pub(super) fn number(self) -> u8 {
        self as u8
    }

    pub(super) fn of_number(number: u8) -> Self {
        match number {
            0 => Self::Info,
            1 => Self::Warning,
            _ => Self::Error,
        }
    }
}

impl Line {
    pub(super) fn new(level: Level, text: impl Into<String>) -> Self {
        Self { level, image: None, text: text.into() }
    }

    /// What there is to say of an image that was in another status before.
    pub(super) fn of(image: &ImageState, before: Option<ImageStatus>) -> Option<Self> {
        if before == Some(image.status) {
            return None;
        }
        let what = format!("{} -> {}", image.source, image.destination);
        let reason = image.reason.as_deref().unwrap_or_default();
        let (level, text) = match image.status {
            ImageStatus::Waiting | ImageStatus::Resolving | ImageStatus::Planned => return None,
            ImageStatus::Copying => {
                let bytes = image.bytes_total;
                let standing = image.replaces.as_ref();
                let replaces =
                    standing.map(|digest| format!("; it replaces {digest}")).unwrap_or_default();
                (Level::Info, format!("copying {what}: {bytes} bytes{replaces}"))
            }
            ImageStatus::Copied => {
                let ImageState { bytes_copied, bytes_mounted, bytes_present, .. } = image;
                let text = format!(
                    "copied {what}: {bytes_copied} bytes moved, {bytes_mounted} mounted, {bytes_present} there already"
                );
                (Level::Info, text)
            }
            ImageStatus::Skipped => (Level::Info, format!("skipped {what}: {reason}")),
            ImageStatus::Cancelled => (Level::Warning, format!("cancelled {what}: {reason}")),
            ImageStatus::Failed => {
                let text = match &image.error {
                    Some(error) => {
                        let hint = error.hint.lines().map(|line| format!("\n{line}"));
                        let hint: String = hint.collect();
                        format!("failed {what}: {}: {}{hint}", error.code, error.message)
                    }
                    None => format!("failed {what}"),
                };
                (Level::Error, text)
            }
        };
        Some(Self { level, image: Some(image.id), text })
    }

    pub(super) fn of_phase(phase: Phase) -> Self {
        let text = match phase {
            Phase::Planning => "planning",
            Phase::Copying => "everything is compared; copying goes on",
            Phase::Verifying => "everything is sent; waiting for the last confirmations",
            Phase::Done => "done",
        };
        Self::new(Level::Info, text)
    }
}
