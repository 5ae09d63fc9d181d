//! Headers of answers that several requests read.

use http::header::CONTENT_LENGTH;

use crate::{Answer, Digest};

/// `Docker-Content-Digest`, if it is one that can be verified.
pub(crate) fn digest(answer: &Answer) -> Option<Digest> {
    answer.header("docker-content-digest")?.trim().parse().ok()
}

/// `Content-Length`.
pub(crate) fn length(answer: &Answer) -> Option<u64> {
    answer.header(CONTENT_LENGTH)?.trim().parse().ok()
}
