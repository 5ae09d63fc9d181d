//! Errors of the lower crates as the page gets them: a stable code, a sentence, hints, and values for the texts.

use std::fmt;

use accounts::{InvalidAddress, account::Invalid};
use registry::{Code, Error};
use store::{file, profile_lock};

use crate::dto::{ApiError, Note};

/// Codes of this crate's own, besides [`Code::ALL`].
pub mod codes {
    /// No such account, profile or run: it was removed meanwhile.
    pub const GONE: &str = "gone";
    /// The desktop shows no notifications.
    pub const NOTIFY_FAILED: &str = "notify.failed";

    /// All of them.
    pub const ALL: &[&str] = &[GONE, NOTIFY_FAILED];
}

/// A code as text, one of the lower crates' or of this one's own.
#[derive(Debug)]
pub struct ErrorCode(String);

impl From<Code> for ErrorCode {
    fn from(code: Code) -> Self {
        Self(code.to_string())
    }
}

impl From<&'static str> for ErrorCode {
    fn from(code: &'static str) -> Self {
        Self(code.into())
    }
}

/// The answer to a command.
pub type Result<T, E = ApiError> = std::result::Result<T, E>;

impl ApiError {
    /// An error without values and hints.
    pub fn new(code: impl Into<ErrorCode>, message: impl Into<String>) -> Self {
        Self {
            code: code.into().0,
            message: message.into(),
            hint: String::new(),
            params: [].into(),
            notes: Vec::new(),
        }
    }

    /// Adds a hint.
    #[must_use]
    pub fn hint(mut self, hint: &str) -> Self {
        if !self.hint.is_empty() && !hint.is_empty() {
            self.hint.push('\n');
        }
        self.hint.push_str(hint);
        self
    }

    /// Adds a value for the texts.
    #[must_use]
    pub fn param(mut self, name: &str, value: impl fmt::Display) -> Self {
        self.params.insert(name.into(), value.to_string());
        self
    }

    /// Adds a particular that can be told in every language.
    #[must_use]
    pub(crate) fn note(mut self, note: impl Into<Note>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// What the page asked about is not there (any more).
    pub(crate) fn gone(what: &str) -> Self {
        Self::new(codes::GONE, format!("there is no such {what} any more"))
    }

    /// What can't be.
    pub(crate) fn internal() -> Self {
        Self::new(Code::Internal, "something went wrong, and nobody knows what")
    }

    /// A field of a form is wrong.
    pub(crate) fn field(field: &str, message: impl Into<String>) -> Self {
        Self::new(Code::ConfigInvalid, message).param("field", field)
    }
}

impl From<&Error> for ApiError {
    fn from(error: &Error) -> Self {
        let mut api = Self::new(error.code(), error.to_string());
        api.hint = error.hints().collect::<Vec<_>>().join("\n");
        api.params = error.whom();
        match error.http_status() {
            Some(status) => api.param("status", status),
            None => api,
        }
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        (&error).into()
    }
}

impl From<&file::Error> for ApiError {
    fn from(error: &file::Error) -> Self {
        let (code, path, hint) = match error {
            file::Error::Io { path, .. } => {
                (Code::FileFailed, path, "Check its permissions and the free space.")
            }
            file::Error::Broken { path, .. } => (
                Code::ConfigInvalid,
                path,
                "Mend the copy that was kept and rename it back, or begin anew.",
            ),
            file::Error::Newer { path, .. } => (Code::ConfigInvalid, path, "Update Image Syncer."),
        };
        Self::new(code, error.to_string()).hint(hint).param("path", path.display())
    }
}

impl From<file::Error> for ApiError {
    fn from(error: file::Error) -> Self {
        (&error).into()
    }
}

impl From<profile_lock::Refused> for ApiError {
    fn from(refused: profile_lock::Refused) -> Self {
        match &refused {
            profile_lock::Refused::Busy(holder) => {
                let error = Self::new(Code::RunBusy, refused.to_string())
                    .hint("Wait until it has ended, or end it there.");
                match holder {
                    Some(holder) => {
                        error.param("pid", holder.pid).param("program", &holder.program)
                    }
                    None => error,
                }
            }
            profile_lock::Refused::File(error) => error.into(),
        }
    }
}

impl From<accounts::file::Error> for ApiError {
    fn from(error: accounts::file::Error) -> Self {
        match &error {
            accounts::file::Error::File(error) => error.into(),
            accounts::file::Error::Unknown(_) => Self::gone("account"),
        }
    }
}

impl From<Invalid> for ApiError {
    fn from(invalid: Invalid) -> Self {
        Self::field(invalid.field, invalid.to_string())
    }
}

impl From<InvalidAddress> for ApiError {
    fn from(error: InvalidAddress) -> Self {
        Self::field("address", error.to_string())
    }
}
