//! Why an image failed, in the form that reports and events carry.

use std::{collections::BTreeMap, fmt::Write as _};

use registry::{Code, Error};
use serde::{Deserialize, Serialize};

/// Why an image failed: a stable code, a sentence, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Failure {
    /// The stable code.
    #[cfg_attr(feature = "ts", ts(type = "string"))]
    pub code: Code,
    /// What failed, on which registry, reference and side, after how many tries and how long.
    pub message: String,
    /// What to do, one sentence a line.
    pub hint: String,
    /// Whom it hit, for the page's texts: `host`, `reference`, `side`, as far as they are known. Not in reports, whose
    /// message tells it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(feature = "ts", ts(as = "Option<BTreeMap<String, String>>", optional))]
    pub params: BTreeMap<String, String>,
    /// What errors of one cause have in common (the message without what differs from image to image), so that one
    /// cause is told once.
    #[serde(skip)]
    pub cause: String,
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        let mut hints: Vec<&str> = Vec::new();
        for hint in error.hints() {
            if !hints.contains(&hint) {
                hints.push(hint);
            }
        }
        Self {
            code: error.code(),
            message: error.to_string(),
            hint: hints.join("\n"),
            params: error.whom(),
            cause: cause(error),
        }
    }
}

impl Failure {
    /// As reports have it.
    #[must_use]
    pub fn told(&self) -> Self {
        Self { params: BTreeMap::new(), ..self.clone() }
    }
}

/// Where no registry is at fault, and where the bytes are, the sentence itself is the cause; else code, side, registry
/// and the registry's own words are, whatever was being done and however often it was tried.
fn cause(error: &Error) -> String {
    let mut cause = error.code().as_str().to_owned();
    let mut add = |text: &dyn std::fmt::Display| {
        let _ = write!(cause, "|{text}");
    };
    if let Some(side) = error.side() {
        add(&side);
    }
    if let Some(registry) = error.at() {
        add(&registry);
    }
    if error.at().is_none() || matches!(error.code(), Code::DigestMismatch | Code::AuthRejected) {
        add(&error.message());
    }
    if error.code() == Code::AuthRejected {
        // a login is sent once: who waited for it knows nothing of the registry's words
        return cause;
    }
    if let Some(status) = error.http_status() {
        add(&status);
    }
    if let Some(code) = error.registry_code() {
        add(&code);
    }
    if let Some(message) = error.registry_message() {
        add(&without_reference(message, error.about().unwrap_or_default()));
    }
    cause
}

/// A registry's words without what they repeat of the reference, and without details in JSON.
fn without_reference(message: &str, about: &str) -> String {
    let words = message.split_once('{').map_or(message, |(words, _)| words);
    let Some((_, reference)) = about.split_once('/') else { return words.to_owned() };
    let name = match reference.split_once('@') {
        Some((name, _)) => name,
        None => reference.rsplit_once(':').map_or(reference, |(name, _)| name),
    };
    let words = words.replace(reference, "");
    // a name of one component may be any word
    if name.contains('/') { words.replace(name, "") } else { words }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use registry::Side;

    use super::*;

    fn denied(reference: &str) -> Error {
        Error::new(Code::PushDenied, "opening an upload failed")
            .on(Side::Destination)
            .registry("r.io")
            .reference(reference)
            .status(403)
            .said(Some("DENIED".into()), Some("read-only project".into()))
            .hint("Ask for push rights.")
    }

    #[test]
    fn whom_it_hit_is_told_apart_from_the_message_but_not_in_reports() {
        let failure = Failure::from(&denied("r.io/a:1"));
        let json = serde_json::to_value(&failure).unwrap();
        let whom =
            serde_json::json!({ "host": "r.io", "reference": "r.io/a:1", "side": "destination" });
        assert_eq!(json["params"], whom);
        let told = serde_json::to_value(failure.told()).unwrap();
        let names: Vec<_> = told.as_object().unwrap().keys().collect();
        assert_eq!(names, ["code", "message", "hint"]);
    }

    #[test]
    fn one_cause_whatever_the_reference_and_the_tries() {
        let one = Failure::from(&denied("r.io/a:1").tried(1, Duration::from_secs(1)));
        let two = Failure::from(&denied("r.io/b:2").tried(3, Duration::from_secs(9)));
        assert_ne!(one.message, two.message);
        assert_eq!(one.cause, two.cause);
        assert_eq!(one.hint.lines().next(), Some("Ask for push rights."));
    }

    #[test]
    fn what_a_registry_repeats_of_the_reference_is_no_other_cause() {
        let unknown = |reference: &str, message: &str| {
            let error = Error::new(Code::RefNotFound, "no such manifest").registry("r.io");
            let error = error.reference(reference).status(404);
            Failure::from(&error.said(Some("MANIFEST_UNKNOWN".into()), Some(message.into()))).cause
        };
        assert_eq!(
            unknown("r.io/a/b:1", "manifest unknown: {\"Tag\":\"1\"}"),
            unknown("r.io/c:2", "manifest unknown: {\"Tag\":\"2\"}"),
        );
        assert_eq!(
            unknown("r.io/a/b:1", "a/b:1 is not there"),
            unknown("r.io/c/d:2", "c/d:2 is not there"),
        );
    }

    #[test]
    fn another_registry_or_another_word_is_another_cause() {
        let one = Failure::from(&denied("r.io/a:1"));
        let other = Failure::from(&denied("r.io/a:1").said(Some("DENIED".into()), None));
        assert_ne!(one.cause, other.cause);
        let elsewhere = Error::new(Code::PushDenied, "x").on(Side::Destination).registry("s.io");
        assert_ne!(one.cause, Failure::from(&elsewhere).cause);
    }

    #[test]
    fn a_refused_login_is_one_cause_for_who_sent_it_and_who_waited() {
        let refused = Error::new(Code::AuthRejected, "r.io refused the credentials of auth.yaml:1")
            .on(Side::Source)
            .registry("r.io")
            .status(401);
        let sent = refused.clone().said(Some("UNAUTHORIZED".into()), Some("who?".into()));
        assert_eq!(Failure::from(&sent).cause, Failure::from(&refused).cause);
    }

    #[test]
    fn a_hint_is_given_once() {
        let error = Error::new(Code::PlatformNone, "x").hint("Widen the platform filter.");
        assert_eq!(Failure::from(&error).hint, "Widen the platform filter.");
    }

    #[test]
    fn damaged_blobs_are_told_one_by_one() {
        let damaged = |text: &str| {
            Failure::from(&Error::new(Code::DigestMismatch, text).registry("r.io")).cause
        };
        assert_ne!(
            damaged("expected sha256:a, got sha256:b"),
            damaged("expected sha256:c, got sha256:d")
        );
    }
}
