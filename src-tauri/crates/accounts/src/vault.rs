//! Where the secrets of accounts are: the system's keyring; if the user says so, memory until the program ends, or a
//! file that is encrypted with a passphrase; or with docker and podman, who are asked each time. Never plain text.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use registry::{Code, Credential, Error, Result};
use secrecy::SecretString;

use crate::{
    Account, SecretPlace,
    account::shown,
    keyring::{SecretStore, State, Status},
    link::Links,
    secret_kind,
    secrets_file::{FileState, SecretsFile},
};

/// The keyring, and what stands in for it once the user has said so.
#[derive(Debug)]
pub struct Vault {
    keyring: Arc<dyn SecretStore>,
    memory: Mutex<Memory>,
    file: Option<SecretsFile>,
    links: Links,
}

#[derive(Debug, Default)]
struct Memory {
    chosen: Choice,
    secrets: HashMap<String, SecretString>,
}

/// Where new secrets go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Choice {
    #[default]
    Keyring,
    Memory,
    File,
}

impl Vault {
    /// A vault that keeps secrets in `keyring`.
    pub fn new(keyring: Arc<dyn SecretStore>) -> Self {
        Self { keyring, memory: Mutex::default(), file: None, links: Links::default() }
    }

    /// Lets the user choose this encrypted file.
    #[must_use]
    pub fn with_file(self, path: impl Into<PathBuf>) -> Self {
        Self { file: Some(SecretsFile::at(path)), ..self }
    }

    /// Lets the user choose this encrypted file; `ask` gives its passphrase when it is first needed.
    #[must_use]
    pub fn with_file_asking(
        self,
        path: impl Into<PathBuf>,
        ask: impl Fn() -> Option<SecretString> + Send + Sync + 'static,
    ) -> Self {
        Self { file: Some(SecretsFile::at(path).asking(ask)), ..self }
    }

    /// Asks docker's and podman's helpers by this environment.
    #[must_use]
    pub fn with_links(self, links: Links) -> Self {
        Self { links, ..self }
    }

    /// Whether secrets can be kept. Never asks the user anything.
    pub async fn status(&self) -> Status {
        self.with_choice(self.keyring.status().await)
    }

    /// Tries the keyring again, unlocking it by the system's prompt if need be. Once it is ready, new secrets go there.
    pub async fn retry(&self) -> Status {
        let status = self.keyring.unlock().await;
        if status.state == State::Ready {
            self.memory().chosen = Choice::Keyring;
        }
        self.with_choice(status)
    }

    /// From here on secrets are kept in memory, until the program ends or the keyring is tried again and ready.
    pub async fn use_memory(&self) -> Status {
        self.memory().chosen = Choice::Memory;
        self.status().await
    }

    /// Opens the encrypted file, or makes it where there is none; from here on secrets are kept there.
    pub async fn use_file(&self, passphrase: SecretString) -> Result<Status> {
        self.file()?.open(passphrase).await?;
        self.memory().chosen = Choice::File;
        Ok(self.status().await)
    }

    /// From here on secrets are kept in the encrypted file, whose passphrase is asked when it is needed.
    pub fn prefer_file(&self) {
        self.memory().chosen = Choice::File;
    }

    /// Whether there is an encrypted file, and whether it is open.
    pub async fn file_state(&self) -> FileState {
        match &self.file {
            Some(file) => file.state().await,
            None => FileState::None,
        }
    }

    fn with_choice(&self, status: Status) -> Status {
        let state = match self.memory().chosen {
            Choice::Keyring => return status,
            Choice::Memory => State::Memory,
            Choice::File => State::File,
        };
        Status { state, ..status }
    }

    fn file(&self) -> Result<&SecretsFile> {
        self.file.as_ref().ok_or_else(|| {
            Error::new(Code::ConfigInvalid, "there is no place for an encrypted file of secrets")
                .hint("Set HOME or IMAGE_SYNCER_CONFIG_DIR.")
        })
    }

    /// Who an account is. What is linked is asked for each time, and anew with `renew`.
    pub async fn credential(&self, account: &Account, renew: bool) -> Result<Credential> {
        if account.secret_in == SecretPlace::Linked {
            return self.linked(account, renew).await;
        }
        if let Some(kind) = account.cloud_kind()? {
            let secret = if kind.is_kept() { self.get(account).await? } else { None };
            let way = account.way(self).await?;
            if let Some(sign_in) = account.sign_in(secret, &way)? {
                return Ok(sign_in.lease(renew).await?.credential);
            }
        }
        let is_password = account.secret_kind == secret_kind::PASSWORD;
        if account.username.is_empty() && (is_password || account.secret_in == SecretPlace::None) {
            return Ok(Credential::Anonymous);
        }
        let secret = self.get(account).await?.ok_or_else(|| {
            Error::new(
                Code::AuthRequired,
                format!("the account '{}' has no secret", shown(&account.name)),
            )
            .hint(format!(
                "Enter its password or token in Accounts, or with 'image-syncer login {} --account {}'.",
                account.address, account.id
            ))
        })?;
        Ok(match account.secret_kind.as_str() {
            secret_kind::IDENTITY_TOKEN => Credential::IdentityToken(secret),
            secret_kind::BEARER => Credential::Bearer(secret),
            _ => Credential::Basic { username: account.username.clone(), password: secret },
        })
    }

    async fn linked(&self, account: &Account, renew: bool) -> Result<Credential> {
        let gone = |who: String| {
            Error::new(Code::AuthRequired, format!("{who} has no login for {} any more", account.address))
                .hint(format!(
                    "Log in there again ('docker login {}' or 'podman login {0}'), or give the account a secret of its own.",
                    account.address.registry
                ))
        };
        let Some(link) = &account.link else {
            return Err(gone(format!("the account '{}'", shown(&account.name))));
        };
        self.links.ask(link, renew).await?.ok_or_else(|| gone(link.to_string()))
    }

    /// An account's secret, if it has one.
    pub async fn get(&self, account: &Account) -> Result<Option<SecretString>> {
        match account.secret_in {
            SecretPlace::Linked => Ok(match self.linked(account, false).await? {
                Credential::Basic { password: secret, .. }
                | Credential::IdentityToken(secret)
                | Credential::Bearer(secret) => Some(secret),
                Credential::Anonymous => None,
            }),
            place => self.get_at(place, &account.id).await,
        }
    }

    /// The password for an account's proxy, if it has one.
    pub async fn proxy_password(&self, account: &Account) -> Result<Option<SecretString>> {
        self.get_at(account.proxy_secret_in, &account.proxy_id()).await
    }

    /// Keeps an account's secret and tells where.
    pub async fn set(&self, account: &Account, secret: &SecretString) -> Result<SecretPlace> {
        let label = format!("Image Syncer: {} at {}", account.username, account.address);
        self.set_at(account.secret_in, &account.id, &label, secret).await
    }

    /// Keeps the password of an account's proxy and tells where.
    pub async fn set_proxy_password(
        &self,
        account: &Account,
        secret: &SecretString,
    ) -> Result<SecretPlace> {
        let label = format!("Image Syncer: proxy of {}", account.address);
        self.set_at(account.proxy_secret_in, &account.proxy_id(), &label, secret).await
    }

    /// Forgets an account's secret.
    pub async fn remove(&self, account: &Account) -> Result<()> {
        self.remove_at(account.secret_in, &account.id).await
    }

    /// Forgets the password of an account's proxy.
    pub async fn remove_proxy_password(&self, account: &Account) -> Result<()> {
        self.remove_at(account.proxy_secret_in, &account.proxy_id()).await
    }

    async fn get_at(&self, place: SecretPlace, id: &str) -> Result<Option<SecretString>> {
        match place {
            SecretPlace::None | SecretPlace::Linked => Ok(None),
            SecretPlace::Memory => Ok(self.memory().secrets.get(id).cloned()),
            SecretPlace::Keyring => self.keyring.get(id).await,
            SecretPlace::File => self.file()?.get(id).await,
        }
    }

    async fn set_at(
        &self,
        before: SecretPlace,
        id: &str,
        label: &str,
        secret: &SecretString,
    ) -> Result<SecretPlace> {
        let chosen = self.memory().chosen;
        let place = match chosen {
            Choice::Memory => {
                self.memory().secrets.insert(id.to_owned(), secret.clone());
                SecretPlace::Memory
            }
            Choice::File => {
                self.file()?.set(id, secret).await?;
                SecretPlace::File
            }
            Choice::Keyring => {
                self.keyring.set(id, label, secret).await?;
                SecretPlace::Keyring
            }
        };
        // what is kept anew elsewhere is old; it may be out of reach now, which is no reason to fail
        if before != place
            && let Err(error) = self.remove_at(before, id).await
        {
            tracing::warn!("an old secret of '{id}' could not be removed: {error}");
        }
        Ok(place)
    }

    async fn remove_at(&self, place: SecretPlace, id: &str) -> Result<()> {
        match place {
            SecretPlace::None | SecretPlace::Linked => Ok(()),
            SecretPlace::Memory => {
                self.memory().secrets.remove(id);
                Ok(())
            }
            SecretPlace::Keyring => self.keyring.remove(id).await,
            SecretPlace::File => self.file()?.remove(id).await,
        }
    }

    fn memory(&self) -> std::sync::MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
