//! Where secrets are: the system's keyring, or, if the user says so, memory until the program ends. Never a file of
//! ours, never plain text.
//!
//! In the Secret Service (Linux) each secret is one item of the default collection with the attributes
//! `service` = `image-syncer` and `username` = the account's id, labelled "Image Syncer: user at address":
//! `secret-tool lookup service image-syncer username <id>` finds it.

mod system;

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use registry::{Code, Error, Result};
use secrecy::SecretString;

pub use system::{SERVICE, SystemKeyring};

use crate::{Account, SecretPlace};

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
}

/// Whether secrets can be kept, and what to do if not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Whether.
    pub state: State,
    /// What to do about it on this system; empty when `Ready`.
    pub hint: String,
    /// The particulars.
    pub detail: String,
}

impl Status {
    /// Secrets can be kept.
    pub fn ready() -> Self {
        Self { state: State::Ready, hint: String::new(), detail: String::new() }
    }

    /// The error of trying to use a keyring that is not ready; `None` when it is.
    pub fn error(&self) -> Option<Error> {
        let (code, what) = match self.state {
            State::Ready | State::Memory => return None,
            State::Missing => (Code::KeyringMissing, "there is no system keyring"),
            State::Locked => (Code::KeyringLocked, "the system keyring is locked"),
        };
        let message = if self.detail.is_empty() {
            what.to_owned()
        } else {
            format!("{what}: {}", self.detail)
        };
        Some(Error::new(code, message).hint(self.hint.clone()))
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

/// The keyring, and the memory that stands in for it once the user has said so.
#[derive(Debug)]
pub struct Vault {
    keyring: Arc<dyn SecretStore>,
    memory: Mutex<Memory>,
}

#[derive(Debug, Default)]
struct Memory {
    chosen: bool,
    secrets: HashMap<String, SecretString>,
}

impl Vault {
    /// A vault that keeps secrets in `keyring`.
    pub fn new(keyring: Arc<dyn SecretStore>) -> Self {
        Self { keyring, memory: Mutex::default() }
    }

    /// Whether secrets can be kept. Never asks the user anything.
    pub async fn status(&self) -> Status {
        self.with_choice(self.keyring.status().await)
    }

    /// Tries the keyring again, unlocking it by the system's prompt if need be. Once it is ready, new secrets go there.
    pub async fn retry(&self) -> Status {
        let status = self.keyring.unlock().await;
        if status.state == State::Ready {
            self.memory().chosen = false;
        }
        self.with_choice(status)
    }

    /// From here on secrets are kept in memory, until the program ends or the keyring is tried again and ready.
    pub async fn use_memory(&self) -> Status {
        self.memory().chosen = true;
        self.status().await
    }

    fn with_choice(&self, status: Status) -> Status {
        if self.memory().chosen { Status { state: State::Memory, ..status } } else { status }
    }

    /// An account's secret, if it has one.
    pub async fn get(&self, account: &Account) -> Result<Option<SecretString>> {
        match account.secret_in {
            SecretPlace::None => Ok(None),
            SecretPlace::Memory => Ok(self.memory().secrets.get(&account.id).cloned()),
            SecretPlace::Keyring => self.keyring.get(&account.id).await,
        }
    }

    /// Keeps an account's secret and tells where.
    pub async fn set(&self, account: &Account, secret: &SecretString) -> Result<SecretPlace> {
        {
            let mut memory = self.memory();
            if memory.chosen {
                memory.secrets.insert(account.id.clone(), secret.clone());
                return Ok(SecretPlace::Memory);
            }
        }
        let label = format!("Image Syncer: {} at {}", account.username, account.address);
        self.keyring.set(&account.id, &label, secret).await?;
        self.memory().secrets.remove(&account.id);
        Ok(SecretPlace::Keyring)
    }

    /// Forgets an account's secret.
    pub async fn remove(&self, account: &Account) -> Result<()> {
        self.memory().secrets.remove(&account.id);
        match account.secret_in {
            SecretPlace::Keyring => self.keyring.remove(&account.id).await,
            SecretPlace::None | SecretPlace::Memory => Ok(()),
        }
    }

    fn memory(&self) -> std::sync::MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
