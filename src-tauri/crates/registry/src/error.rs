//! What went wrong, where, how hard we tried, and what to do about it.

use std::{
    borrow::Cow, collections::BTreeMap, error::Error as StdError, fmt, sync::OnceLock,
    time::Duration,
};

use crate::{Code, hint};

/// The result of everything in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Which end of a copy a registry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// Images are read from it.
    Source,
    /// Images are written to it.
    Destination,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Source => "source",
            Self::Destination => "destination",
        })
    }
}

/// An error with everything that a person needs to act on it.
///
/// `Display` is one line: what failed, the side, the registry and reference, the status, the registry's own words,
/// the tries and the time. The cause is in [`StdError::source`]; what to do is in [`Error::hints`].
#[derive(Clone, Debug)]
pub struct Error(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    code: Code,
    /// What was being done and what came of it: "reading the manifest failed".
    message: String,
    side: Option<Side>,
    registry: Option<String>,
    /// `host/repository:tag` or `host/repository@digest`, as far as it is known.
    reference: Option<String>,
    status: Option<u16>,
    /// The code in the registry's own error body, such as `MANIFEST_UNKNOWN`.
    registry_code: Option<String>,
    /// The message in the registry's own error body, redacted and cut.
    registry_message: Option<String>,
    attempts: u32,
    elapsed: Duration,
    retry_after: Option<Duration>,
    retryable: bool,
    hints: Vec<Cow<'static, str>>,
    /// The code's own hints, made when they are first asked for.
    code_hints: OnceLock<Vec<String>>,
    /// Errors are cloned to every waiter of a shared request, so the cause is kept as its texts, outermost first.
    causes: Vec<String>,
}

impl Error {
    /// A new error. `message` says what was being done and what came of it, without the registry and the reference.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            code,
            message: message.into(),
            side: None,
            registry: None,
            reference: None,
            status: None,
            registry_code: None,
            registry_message: None,
            attempts: 0,
            elapsed: Duration::ZERO,
            retry_after: None,
            retryable: false,
            hints: Vec::new(),
            code_hints: OnceLock::new(),
            causes: Vec::new(),
        }))
    }

    /// The same error under another code.
    #[must_use]
    pub(crate) fn recoded(mut self, code: Code) -> Self {
        self.0.code = code;
        self.0.code_hints = OnceLock::new();
        self
    }

    /// Names the side, unless it is named already.
    #[must_use]
    pub fn on(mut self, side: Side) -> Self {
        self.0.side.get_or_insert(side);
        self
    }

    /// The same failure of a request that is of no copy.
    #[must_use]
    pub fn without_side(mut self) -> Self {
        self.0.side = None;
        self
    }

    /// Names the registry, unless it is named already.
    #[must_use]
    pub fn registry(mut self, registry: impl fmt::Display) -> Self {
        self.0.registry.get_or_insert_with(|| registry.to_string());
        self.0.code_hints = OnceLock::new();
        self
    }

    /// Names the reference, unless it is named already.
    #[must_use]
    pub fn reference(mut self, reference: impl fmt::Display) -> Self {
        self.0.reference.get_or_insert_with(|| reference.to_string());
        self
    }

    /// Adds the HTTP status.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.0.status = Some(status);
        self
    }

    /// Adds what the registry's own error body says.
    #[must_use]
    pub fn said(mut self, code: Option<String>, message: Option<String>) -> Self {
        self.0.registry_code = code;
        self.0.registry_message = message;
        self
    }

    /// Adds how hard was tried.
    #[must_use]
    pub fn tried(mut self, attempts: u32, elapsed: Duration) -> Self {
        self.0.attempts = attempts;
        self.0.elapsed = elapsed;
        self
    }

    /// Adds how long the registry asked to wait.
    #[must_use]
    pub fn retry_after(mut self, wait: Option<Duration>) -> Self {
        self.0.retry_after = wait;
        self
    }

    /// Marks whether the same request may go better later.
    #[must_use]
    pub fn retryable(mut self, yes: bool) -> Self {
        self.0.retryable = yes;
        self
    }

    /// Adds a hint: an imperative sentence that says what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.0.hints.push(hint.into());
        self
    }

    /// Keeps the text of a cause.
    #[must_use]
    pub fn because(mut self, text: impl Into<String>) -> Self {
        self.0.causes.push(text.into());
        self
    }

    /// Keeps the texts of a cause and of its causes.
    #[must_use]
    pub fn cause(mut self, cause: &(dyn StdError + 'static)) -> Self {
        let mut next = Some(cause);
        while let Some(error) = next {
            let text = error.to_string();
            if self.0.causes.last() != Some(&text) {
                self.0.causes.push(text);
            }
            next = error.source();
        }
        self
    }

    /// The same failure under another code, once its context tells what it means. It is not retryable any more.
    #[must_use]
    pub fn becomes(self, code: Code, message: impl Into<String>) -> Self {
        let mut error = self.recoded(code);
        error.0.message = message.into();
        error.0.retryable = false;
        error
    }

    /// The stable code.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// The message alone, without place, tries or the registry's words.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The side at fault, when it is known.
    pub fn side(&self) -> Option<Side> {
        self.0.side
    }

    /// The registry's host, when one is at fault.
    pub fn at(&self) -> Option<&str> {
        self.0.registry.as_deref()
    }

    /// The reference that was being worked on.
    pub fn about(&self) -> Option<&str> {
        self.0.reference.as_deref()
    }

    /// Whom it hit, for texts in other words than ours: `host`, `reference` and `side`, as far as they are known.
    pub fn whom(&self) -> BTreeMap<String, String> {
        let side = self.side().map(|side| side.to_string());
        [("host", self.at()), ("reference", self.about()), ("side", side.as_deref())]
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
            .collect()
    }

    /// The HTTP status, when there was an answer.
    pub fn http_status(&self) -> Option<u16> {
        self.0.status
    }

    /// The code in the registry's own error body.
    pub fn registry_code(&self) -> Option<&str> {
        self.0.registry_code.as_deref()
    }

    /// The message in the registry's own error body.
    pub fn registry_message(&self) -> Option<&str> {
        self.0.registry_message.as_deref()
    }

    /// How many requests were made for this, at least one once anything was sent.
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// How long the registry asked to wait.
    pub fn wait(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Whether the same request may go better later.
    pub fn is_retryable(&self) -> bool {
        self.0.retryable
    }

    /// What to do, one sentence each; the error's own hints first, then the code's.
    pub fn hints(&self) -> impl Iterator<Item = &str> {
        let host = self.0.registry.as_deref().unwrap_or("the registry");
        let of_code = self.0.code_hints.get_or_init(|| {
            hint::of(self.0.code).iter().map(|hint| hint.replace("{host}", host)).collect()
        });
        self.0.hints.iter().map(AsRef::as_ref).chain(of_code.iter().map(String::as_str))
    }

    /// The hints of this very error, without the code's.
    pub fn own_hints(&self) -> impl Iterator<Item = &str> {
        self.0.hints.iter().map(AsRef::as_ref)
    }

    /// How long was tried.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed
    }

    /// The texts of the causes, outermost first.
    pub fn causes(&self) -> &[String] {
        &self.0.causes
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let e = &self.0;
        f.write_str(&e.message)?;
        match (&e.side, &e.reference, &e.registry) {
            (Some(side), Some(reference), _) => write!(f, ": {side} {reference}")?,
            (None, Some(reference), _) => write!(f, ": {reference}")?,
            (Some(side), None, Some(registry)) => write!(f, ": {side} registry {registry}")?,
            (None, None, Some(registry)) => write!(f, ": registry {registry}")?,
            (Some(side), None, None) => write!(f, ": {side}")?,
            (None, None, None) => {}
        }
        if let Some(status) = e.status {
            write!(f, ": HTTP {status}")?;
        }
        match (&e.registry_code, &e.registry_message) {
            (Some(code), Some(message)) => write!(f, " {code}: {message}")?,
            (Some(text), None) | (None, Some(text)) => write!(f, " {text}")?,
            (None, None) => {}
        }
        for cause in &e.causes {
            write!(f, ": {cause}")?;
        }
        if e.attempts > 0 {
            let tries = if e.attempts == 1 { "try" } else { "tries" };
            write!(f, " (after {} {tries} in {:.1} s)", e.attempts, e.elapsed.as_secs_f64())?;
        }
        Ok(())
    }
}

impl StdError for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_where_and_how_hard() {
        let error = Error::new(Code::RefNotFound, "reading the manifest failed")
            .on(Side::Source)
            .registry("r.example")
            .reference("r.example/a:1")
            .status(404)
            .said(Some("MANIFEST_UNKNOWN".into()), Some("no such tag".into()))
            .tried(2, Duration::from_millis(1_250));
        assert_eq!(
            error.to_string(),
            "reading the manifest failed: source r.example/a:1: HTTP 404 MANIFEST_UNKNOWN: no such tag \
             (after 2 tries in 1.2 s)"
        );
    }

    #[test]
    fn own_hints_come_first_and_the_registry_is_named() {
        let error = Error::new(Code::AuthRequired, "x").hint("Do this.");
        let nameless: Vec<_> = error.hints().map(str::to_owned).collect();
        assert_eq!(nameless[0], "Do this.");
        assert!(nameless[1].contains("for the registry:"), "{nameless:?}");
        let error = error.registry("r.example");
        assert!(error.hints().nth(1).unwrap().contains("'docker login r.example'"));
    }

    #[test]
    fn the_first_place_named_stays() {
        let error = Error::new(Code::Internal, "x").on(Side::Source).registry("a").reference("b");
        let error = error.on(Side::Destination).registry("c").reference("d");
        assert_eq!(
            (error.side(), error.at(), error.about()),
            (Some(Side::Source), Some("a"), Some("b"))
        );
    }
}
