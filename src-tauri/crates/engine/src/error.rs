//! Why an image failed, in the form that reports and events carry.

use registry::Code;
use serde::Serialize;

/// Why an image failed: a stable code, a sentence, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// The stable code.
    pub code: Code,
    /// What failed, on which registry, reference and side, after how many tries and how long.
    pub message: String,
    /// What to do, one sentence a line.
    pub hint: String,
    /// What errors of one cause have in common (the message without what differs from image to image), so that one
    /// cause is told once.
    #[serde(skip)]
    pub cause: String,
}

impl From<&registry::Error> for Failure {
    fn from(error: &registry::Error) -> Self {
        todo!("{error}")
    }
}
