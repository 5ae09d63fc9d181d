//! The system's keyring: on Linux the Secret Service (GNOME Keyring, KWallet, KeePassXC), by the `keyring` crate.
//!
//! Its calls block, and some of them would wait for the user at a prompt. So each runs on a thread of its own with a
//! time limit, and only after a look that never prompts has found the keyring there and unlocked.

use std::time::Duration;

use async_trait::async_trait;
use keyring::Error as KeyringError;
use keyring_core::Entry;
use registry::{Code, Error, Result, Sentence, sentence};
use secrecy::{ExposeSecret as _, SecretString};

use super::{SecretStore, State, Status};

/// The `service` that every secret of ours has in the keyring.
pub const SERVICE: &str = "image-syncer";

/// Starting the service may take the bus 25 s; an answer takes milliseconds.
const ANSWER: Duration = Duration::from_secs(30);
/// How long a prompt may stand before it counts as dismissed.
const PROMPT: Duration = Duration::from_mins(5);

/// The system's keyring.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemKeyring;

#[async_trait]
impl SecretStore for SystemKeyring {
    async fn status(&self) -> Status {
        let look = blocking(ANSWER, || Ok(look::status()));
        look.await.unwrap_or_else(|error| not_ready(State::Missing, error.message()))
    }

    async fn unlock(&self) -> Status {
        let look = blocking(PROMPT, || Ok(look::unlock()));
        look.await.unwrap_or_else(|error| not_ready(State::Locked, error.message()))
    }

    async fn get(&self, id: &str) -> Result<Option<SecretString>> {
        self.ready().await?;
        let id = id.to_owned();
        blocking(ANSWER, move || match with_entry(&id, None, Entry::get_password) {
            Ok(secret) => Ok(Some(secret.into())),
            Err(KeyringError::NoEntry) => Ok(None),
            Err(error) => Err(failed("reading a secret from", &error)),
        })
        .await
    }

    async fn set(&self, id: &str, label: &str, secret: &SecretString) -> Result<()> {
        self.ready().await?;
        let (id, label, secret) = (id.to_owned(), label.to_owned(), secret.clone());
        blocking(ANSWER, move || {
            with_entry(&id, Some(&label), |entry| entry.set_password(secret.expose_secret()))
                .map_err(|error| failed("keeping a secret in", &error))
        })
        .await
    }

    async fn remove(&self, id: &str) -> Result<()> {
        self.ready().await?;
        let id = id.to_owned();
        blocking(ANSWER, move || match with_entry(&id, None, Entry::delete_credential) {
            Ok(()) | Err(KeyringError::NoEntry) => Ok(()),
            Err(error) => Err(failed("removing a secret from", &error)),
        })
        .await
    }
}

impl SystemKeyring {
    async fn ready(self) -> Result<()> {
        self.status().await.error().map_or(Ok(()), Err)
    }
}

/// Runs `work` on a thread that may block. When the time is over the thread is left to itself.
async fn blocking<T: Send + 'static>(
    limit: Duration,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let code = Code::KeyringMissing;
    match tokio::time::timeout(limit, tokio::task::spawn_blocking(work)).await {
        Ok(Ok(done)) => done,
        Ok(Err(_)) => Err(Error::new(code, "the system keyring failed in an unexpected way")),
        Err(_) => Err(Error::new(
            code,
            format!("the system keyring did not answer within {} s", limit.as_secs()),
        )),
    }
}

/// `keyring` makes its store once. If that failed, or the session with the service has ended since (it was restarted),
/// a new store is made.
fn with_entry<T>(
    id: &str,
    label: Option<&str>,
    act: impl Fn(&Entry) -> keyring::Result<T>,
) -> keyring::Result<T> {
    if keyring::Entry::store_status().is_err() && keyring_core::get_default_store().is_none() {
        look::renew_store()?;
    }
    match entry(id, label).and_then(|entry| act(&entry)) {
        Err(KeyringError::PlatformFailure(_)) => {
            look::renew_store()?;
            entry(id, label).and_then(|entry| act(&entry))
        }
        done => done,
    }
}

fn entry(id: &str, label: Option<&str>) -> keyring::Result<Entry> {
    match label {
        // other systems' stores know no labels
        Some(label) if cfg!(target_os = "linux") => {
            Entry::new_with_modifiers(SERVICE, id, &[("label", label)].into())
        }
        _ => Entry::new(SERVICE, id),
    }
}

fn failed(what: &str, error: &KeyringError) -> Error {
    let code = match error {
        KeyringError::NoStorageAccess(_) => Code::KeyringLocked,
        _ => Code::KeyringMissing,
    };
    // not the error itself: some of its variants carry the bytes of the secret
    let why = match error {
        KeyringError::PlatformFailure(why) | KeyringError::NoStorageAccess(why) => why.to_string(),
        KeyringError::Ambiguous(_) => "there are several items for this account".to_owned(),
        KeyringError::BadEncoding(_) | KeyringError::BadDataFormat(..) => {
            "the item is no text".to_owned()
        }
        other => other.to_string(),
    };
    Error::new(code, format!("{what} the system keyring failed: {why}"))
}

fn not_ready(state: State, detail: impl Into<String>) -> Status {
    let hint = match state {
        State::Ready | State::Memory | State::File => None,
        State::Missing => look::how_to_install(),
        State::Locked => Some(sentence!(
            "keyring_locked",
            "Unlock the keyring when the system asks for its password, then try again.",
        )),
    };
    Status { state, hint, detail: detail.into() }
}

#[cfg(target_os = "linux")]
mod look {
    //! The look at the Secret Service that never prompts, and the one that does.

    use secret_service::{
        EncryptionType, Error,
        blocking::{Collection, SecretService},
    };

    use super::{Sentence, State, Status, not_ready, sentence};

    const NEVER_SET_UP: &str = "there is no default keyring yet";

    pub(super) fn status_of(found: &Result<bool, Error>) -> Status {
        match found {
            Ok(false) => Status::ready(),
            Ok(true) => not_ready(State::Locked, ""),
            Err(Error::NoResult) => not_ready(State::Locked, NEVER_SET_UP),
            Err(Error::Prompt | Error::PromptDisconnected) => {
                not_ready(State::Locked, "the system's prompt was dismissed or could not be shown")
            }
            Err(Error::Locked) => not_ready(State::Locked, "it is still locked"),
            Err(error) => not_ready(State::Missing, error.to_string()),
        }
    }

    /// No secret passes this session, so it needs no encryption.
    fn connect() -> Result<SecretService<'static>, Error> {
        SecretService::connect(EncryptionType::Plain)
    }

    pub(super) fn status() -> Status {
        status_of(&connect().and_then(|service| service.get_default_collection()?.is_locked()))
    }

    pub(super) fn unlock() -> Status {
        status_of(&connect().and_then(|service| {
            let collection: Collection<'_> = match service.get_default_collection() {
                // asks for the password of a new keyring
                Err(Error::NoResult) => service.create_collection("Default keyring", "default")?,
                found => found?,
            };
            if collection.is_locked()? {
                collection.unlock()?;
            }
            collection.is_locked()
        }))
    }

    pub(super) fn renew_store() -> keyring::Result<()> {
        keyring_core::set_default_store(zbus_secret_service_keyring_store::Store::new()?);
        Ok(())
    }

    #[expect(clippy::unnecessary_wraps, reason = "other systems have nothing to install")]
    pub(super) fn how_to_install() -> Option<Sentence> {
        let os = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
        let desktop = std::env::var("XDG_CURRENT_DESKTOP").unwrap_or_default();
        Some(install_hint(&os, &desktop))
    }

    /// How a Secret Service is had on a system, by its `os-release` and desktop.
    pub(super) fn install_hint(os_release: &str, desktop: &str) -> Sentence {
        if desktop.split(':').any(|name| name == "KDE") {
            return sentence!(
                "keyring_kde",
                "Open System Settings, KDE Wallet, and enable the KDE wallet subsystem with its Secret Service interface; \
                 then try again.",
            );
        }
        let family: String = os_release
            .lines()
            .filter_map(|line| line.strip_prefix("ID=").or_else(|| line.strip_prefix("ID_LIKE=")))
            .collect::<Vec<_>>()
            .join(" ")
            .replace('"', "");
        let is = |names: &[&str]| family.split_whitespace().any(|name| names.contains(&name));
        let command = if is(&["debian", "ubuntu"]) {
            "sudo apt install gnome-keyring"
        } else if is(&["fedora", "rhel", "centos"]) {
            "sudo dnf install gnome-keyring"
        } else if is(&["suse", "opensuse"]) {
            "sudo zypper install gnome-keyring"
        } else if is(&["arch"]) {
            "sudo pacman -S gnome-keyring"
        } else {
            return sentence!(
                "keyring_any",
                "Install a keyring that offers the Secret Service (GNOME Keyring, KWallet or KeePassXC), log out and in, \
                 and try again.",
            );
        };
        sentence!(
            "keyring_install",
            "Install a keyring ({command}), log out and in, and try again.",
            command = command,
        )
    }
}

#[cfg(not(target_os = "linux"))]
mod look {
    //! Other systems always have a keyring, and unlock it by themselves.

    use super::{Sentence, State, Status, not_ready};

    pub(super) fn status() -> Status {
        match keyring::Entry::store_status() {
            Ok(()) => Status::ready(),
            Err(error) => not_ready(State::Missing, error.to_string()),
        }
    }

    pub(super) fn unlock() -> Status {
        status()
    }

    pub(super) fn renew_store() -> keyring::Result<()> {
        Ok(())
    }

    pub(super) fn how_to_install() -> Option<Sentence> {
        None
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use secret_service::Error as ServiceError;

    use super::{look::*, *};

    #[test]
    fn states_are_told_apart() {
        let state = |found: Result<bool, ServiceError>| status_of(&found).state;
        assert_eq!(state(Ok(false)), State::Ready);
        assert_eq!(state(Ok(true)), State::Locked);
        assert_eq!(state(Err(ServiceError::NoResult)), State::Locked);
        assert_eq!(state(Err(ServiceError::Prompt)), State::Locked);
        assert_eq!(state(Err(ServiceError::Unavailable)), State::Missing);
    }

    #[test]
    fn the_hint_fits_the_system() {
        assert!(install_hint("ID=debian\n", "").contains("apt install gnome-keyring"));
        assert!(
            install_hint("ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n", "X-Cinnamon")
                .contains("apt install")
        );
        assert!(install_hint("ID=fedora\n", "GNOME").contains("dnf install"));
        assert!(install_hint("ID=fedora\n", "KDE").contains("KDE Wallet"));
        assert!(install_hint("", "").contains("Secret Service"));
    }

    #[test]
    fn an_error_never_shows_the_bytes_of_a_secret() {
        let error = failed("reading a secret from", &KeyringError::BadEncoding(b"CANARY".to_vec()));
        assert!(
            !format!("{error} {error:?}").contains("CANARY")
                && !format!("{error:?}").contains("67, 65")
        );
    }

    #[tokio::test]
    async fn a_keyring_that_hangs_is_given_up() {
        let (held, wait) = std::sync::mpsc::channel::<()>();
        let hang = blocking(Duration::from_millis(20), move || {
            let _ = wait.recv();
            Ok(())
        });
        let error = hang.await.unwrap_err();
        assert_eq!(error.code(), Code::KeyringMissing);
        assert!(error.message().contains("did not answer"), "{error}");
        drop(held);
    }
}
