//! The system's keyring, where secrets are. What stands in for it when there is none is [`crate::vault`]'s business.
//!
//! In the Secret Service (Linux) each secret is one item of the default collection with the attributes
//! `service` = `image-syncer` and `username` = the account's id, labelled "Image Syncer: user at address":
//! `secret-tool lookup service image-syncer username <id>` finds it.

mod system;

use std::fmt;

use async_trait::async_trait;
use registry::{Code, Error, Result, Sentence};
use secrecy::SecretString;

pub use system::{SERVICE, SystemKeyring};

/// Whether secrets can be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Yes, in the system's keyring.
    Ready,
    /// There is no keyring.
    Missing,
    /// There is one, but it is locked, or was never set up.
    Locked,
    /// In memory only, as the user chose.
    Memory,
    /// In the file that is encrypted with a passphrase, as the user chose.
    File,
}

/// Whether secrets can be kept, and what to do if not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Whether.
    pub state: State,
    /// What to do about it on this system; none when `Ready`.
    pub hint: Option<Sentence>,
    /// The particulars.
    pub detail: String,
}

impl Status {
    /// Secrets can be kept.
    pub fn ready() -> Self {
        Self { state: State::Ready, hint: None, detail: String::new() }
    }

    /// The error of trying to use a keyring that is not ready; `None` when it is.
    pub fn error(&self) -> Option<Error> {
        let (code, what) = match self.state {
            State::Ready | State::Memory | State::File => return None,
            State::Missing => (Code::KeyringMissing, "there is no system keyring"),
            State::Locked => (Code::KeyringLocked, "the system keyring is locked"),
        };
        let message = if self.detail.is_empty() {
            what.to_owned()
        } else {
            format!("{what}: {}", self.detail)
        };
        let error = Error::new(code, message);
        Some(match &self.hint {
            Some(hint) => error.hint(hint.to_string()),
            None => error,
        })
    }
}

/// Keeps secrets by the id of their account.
#[async_trait]
pub trait SecretStore: Send + Sync + fmt::Debug {
    /// Whether secrets can be kept. Never asks the user anything.
    async fn status(&self) -> Status;

    /// Tries to make it ready; may ask the user for a password.
    async fn unlock(&self) -> Status;

    /// A secret, if there is one. Never asks the user anything.
    async fn get(&self, id: &str) -> Result<Option<SecretString>>;

    /// Keeps a secret, replacing the one of this id. `label` is shown in the system's list of secrets.
    async fn set(&self, id: &str, label: &str, secret: &SecretString) -> Result<()>;

    /// Forgets a secret, if there is one.
    async fn remove(&self, id: &str) -> Result<()>;
}
