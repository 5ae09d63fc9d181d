//! A file of secrets for machines without a keyring: JSON, encrypted with a passphrase in the format of age, so that
//! `age --decrypt` opens it too.
//!
//! The passphrase is never written anywhere. The file is replaced whole or not at all, only its owner may read it, and
//! one that can't be opened is never overwritten.

use std::{
    collections::BTreeMap,
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use registry::{Code, Error, Result};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use store::file;
use tokio::sync::Mutex;

use crate::passphrase::{self, Failure};

const VERSION: u64 = 1;
/// Cost of a guess, as a power of two: about a second and 128 MiB on a machine of today.
const WORK: u8 = if cfg!(test) { 4 } else { 17 };
/// A file that wants more is not one of ours: opening it would take minutes.
const MOST_WORK: u8 = 22;

type Ask = Arc<dyn Fn() -> Option<SecretString> + Send + Sync>;
type Secrets = BTreeMap<String, SecretString>;

/// Whether there is such a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileState {
    /// There is none.
    None,
    /// It waits for its passphrase.
    Locked,
    /// Its passphrase is known.
    Open,
}

/// The file, and what is in it once its passphrase is known.
pub(crate) struct SecretsFile {
    path: PathBuf,
    ask: Option<Ask>,
    open: Mutex<Option<Open>>,
}

/// The file as it was read last. Trying a passphrase takes a second, so it is not tried again on the same bytes.
struct Open {
    passphrase: SecretString,
    bytes: Vec<u8>,
    secrets: Secrets,
}

#[derive(Deserialize)]
struct Content {
    version: u64,
    secrets: Secrets,
}

impl SecretsFile {
    pub(crate) fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), ask: None, open: Mutex::default() }
    }

    pub(crate) fn asking(
        self,
        ask: impl Fn() -> Option<SecretString> + Send + Sync + 'static,
    ) -> Self {
        Self { ask: Some(Arc::new(ask)), ..self }
    }

    pub(crate) async fn state(&self) -> FileState {
        match &*self.open.lock().await {
            Some(_) => FileState::Open,
            None if self.path.exists() => FileState::Locked,
            None => FileState::None,
        }
    }

    /// Opens the file, or makes it where there is none.
    pub(crate) async fn open(&self, passphrase: SecretString) -> Result<()> {
        let mut open = self.open.lock().await;
        if passphrase.expose_secret().is_empty() {
            return Err(Error::new(Code::SecretsPassphrase, "the passphrase is empty"));
        }
        let _lock = crate::file::lock(&self.path).map_err(|error| told(&error))?;
        let now = match self.bytes()? {
            Some(bytes) => self.decrypted(passphrase, bytes).await?,
            None => self.written(passphrase, Secrets::new()).await?,
        };
        *open = Some(now);
        Ok(())
    }

    pub(crate) async fn get(&self, id: &str) -> Result<Option<SecretString>> {
        let mut open = self.open.lock().await;
        let now = self.now(open.take()).await;
        let (now, result) = match now {
            Ok(now) => {
                let secret = now.secrets.get(id).cloned();
                (Some(now), Ok(secret))
            }
            Err((before, error)) => (before, Err(error)),
        };
        *open = now;
        result
    }

    pub(crate) async fn set(&self, id: &str, secret: &SecretString) -> Result<()> {
        let (id, secret) = (id.to_owned(), secret.clone());
        self.change(move |secrets| drop(secrets.insert(id, secret))).await
    }

    pub(crate) async fn remove(&self, id: &str) -> Result<()> {
        if !self.path.exists() {
            return Ok(());
        }
        self.change(|secrets| drop(secrets.remove(id))).await
    }

    /// Changes what is in the file now: another program of ours may have written since.
    async fn change(&self, act: impl FnOnce(&mut Secrets)) -> Result<()> {
        let mut open = self.open.lock().await;
        // a person may be asked, so before the lock
        match self.now(open.take()).await {
            Ok(now) => *open = Some(now),
            Err((before, error)) => {
                *open = before;
                return Err(error);
            }
        }
        let _lock = crate::file::lock(&self.path).map_err(|error| told(&error))?;
        match self.now(open.take()).await {
            Ok(now) => {
                let mut secrets = now.secrets.clone();
                act(&mut secrets);
                let written = self.written(now.passphrase.clone(), secrets).await;
                let (now, result) = match written {
                    Ok(written) => (written, Ok(())),
                    Err(error) => (now, Err(error)),
                };
                *open = Some(now);
                result
            }
            Err((before, error)) => {
                *open = before;
                Err(error)
            }
        }
    }

    /// What is in the file now; its passphrase is asked where it is not known. With the error comes back what was
    /// known before.
    async fn now(&self, before: Option<Open>) -> Result<Open, (Option<Open>, Error)> {
        let bytes = match self.bytes() {
            Ok(bytes) => bytes,
            Err(error) => return Err((before, error)),
        };
        let passphrase = match before {
            Some(before) if Some(&before.bytes) == bytes.as_ref() => return Ok(before),
            Some(ref before) => before.passphrase.clone(),
            None => self.asked().await.map_err(|error| (None, error))?,
        };
        match bytes {
            Some(bytes) => self.decrypted(passphrase, bytes).await.map_err(|error| (before, error)),
            None => Ok(Open { passphrase, bytes: Vec::new(), secrets: Secrets::new() }),
        }
    }

    async fn asked(&self) -> Result<SecretString> {
        let given = match self.ask.clone() {
            // it may wait for a person
            Some(ask) => work(move || Ok(ask())).await?,
            None => None,
        };
        given.filter(|passphrase| !passphrase.expose_secret().is_empty()).ok_or_else(|| {
            let message =
                format!("the secrets in {} wait for their passphrase", self.path.display());
            Error::new(Code::SecretsLocked, message)
        })
    }

    fn bytes(&self) -> Result<Option<Vec<u8>>> {
        match fs::read(&self.path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(told(&file::Error::io(&self.path, &error))),
        }
    }

    async fn decrypted(&self, passphrase: SecretString, bytes: Vec<u8>) -> Result<Open> {
        let path = self.path.clone();
        work(move || {
            let secrets = decrypt(&path, &passphrase, &bytes)?;
            Ok(Open { passphrase, bytes, secrets })
        })
        .await
    }

    async fn written(&self, passphrase: SecretString, secrets: Secrets) -> Result<Open> {
        let path = self.path.clone();
        work(move || {
            let bytes = encrypt(&path, &passphrase, &secrets)?;
            file::write(&path, &bytes).map_err(|error| told(&error))?;
            Ok(Open { passphrase, bytes, secrets })
        })
        .await
    }
}

impl fmt::Debug for SecretsFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretsFile").field("path", &self.path).finish_non_exhaustive()
    }
}

/// Runs what takes a second, or waits for a person, where that holds nobody up.
async fn work<T: Send + 'static>(act: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(act).await.unwrap_or_else(|_| {
        Err(Error::new(Code::Internal, "the encrypted file of secrets failed in an unexpected way"))
    })
}

fn decrypt(path: &Path, passphrase: &SecretString, bytes: &[u8]) -> Result<Secrets> {
    let place = path.display();
    let plain = passphrase::decrypt(passphrase.expose_secret().as_bytes(), bytes, MOST_WORK);
    let plain = plain.map_err(|failure| match failure {
        Failure::Wrong => {
            Error::new(Code::SecretsPassphrase, format!("the passphrase does not open {place}"))
        }
        failure => Error::new(
            Code::SecretsPassphrase,
            format!("{place} is damaged, or not an encrypted file of secrets"),
        )
        .because(failure.to_string())
        .hint(format!(
            "Nothing was changed. Put back a copy of {place}, or move it away and enter the secrets again."
        )),
    })?;
    // serde_json's own words may repeat a value
    let content: Content = serde_json::from_slice(&plain).map_err(|error| {
        let message = format!("what is in {place} can't be understood (line {})", error.line());
        Error::new(Code::FileFailed, message)
    })?;
    if content.version > VERSION {
        return Err(told(&file::Error::Newer {
            path: path.into(),
            found: content.version,
            known: VERSION,
        }));
    }
    Ok(content.secrets)
}

fn encrypt(path: &Path, passphrase: &SecretString, secrets: &Secrets) -> Result<Vec<u8>> {
    let failed = |why: String| {
        Error::new(Code::FileFailed, format!("{} can't be encrypted", path.display())).because(why)
    };
    let exposed: BTreeMap<&str, &str> =
        secrets.iter().map(|(id, secret)| (id.as_str(), secret.expose_secret())).collect();
    let plain = serde_json::to_vec(&serde_json::json!({ "version": VERSION, "secrets": exposed }))
        .map_err(|error| failed(error.to_string()))?;
    let plain = zeroize::Zeroizing::new(plain);
    passphrase::encrypt(passphrase.expose_secret().as_bytes(), &plain, WORK)
        .map_err(|failure| failed(failure.to_string()))
}

fn told(error: &file::Error) -> Error {
    Error::new(Code::FileFailed, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(secret: Option<SecretString>) -> Option<String> {
        secret.map(|secret| secret.expose_secret().to_owned())
    }

    #[tokio::test]
    async fn secrets_come_back_and_the_file_shows_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deep/secrets.age");
        let file = SecretsFile::at(&path);
        assert_eq!(file.state().await, FileState::None);
        assert_eq!(file.get("a").await.unwrap_err().code(), Code::SecretsLocked);
        file.open("correct horse".into()).await.unwrap();
        file.set("a", &"CANARY-1".into()).await.unwrap();
        file.set("b", &"CANARY-2".into()).await.unwrap();
        file.remove("b").await.unwrap();

        let bytes = fs::read(&path).unwrap();
        assert!(bytes.starts_with(b"age-encryption.org/v1\n-> scrypt "));
        let shown = String::from_utf8_lossy(&bytes);
        assert!(!shown.contains("CANARY") && !shown.contains("horse"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }

        let file = SecretsFile::at(&path);
        assert_eq!(file.state().await, FileState::Locked);
        file.open("correct horse".into()).await.unwrap();
        assert_eq!(file.state().await, FileState::Open);
        assert_eq!(secret(file.get("a").await.unwrap()).as_deref(), Some("CANARY-1"));
        assert_eq!(secret(file.get("b").await.unwrap()), None);
        assert!(!format!("{file:?}").contains("horse"));
    }

    #[tokio::test]
    async fn a_wrong_passphrase_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secrets.age");
        SecretsFile::at(&path).open("right".into()).await.unwrap();
        let before = fs::read(&path).unwrap();
        let file = SecretsFile::at(&path);
        for wrong in ["wrong", "", "Right"] {
            let error = file.open(wrong.into()).await.unwrap_err();
            assert_eq!(error.code(), Code::SecretsPassphrase, "{error}");
            assert!(!error.to_string().contains("wrong"), "{error}");
        }
        assert_eq!(file.state().await, FileState::Locked);
        // also where it is not tried before something is kept
        let asked = SecretsFile::at(&path).asking(|| Some("wrong".into()));
        assert_eq!(asked.set("a", &"s".into()).await.unwrap_err().code(), Code::SecretsPassphrase);
        assert_eq!(fs::read(&path).unwrap(), before);
    }

    #[tokio::test]
    async fn a_damaged_file_is_told_and_stays_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secrets.age");
        SecretsFile::at(&path).open("right".into()).await.unwrap();
        let good = fs::read(&path).unwrap();
        let mut flipped = good.clone();
        *flipped.last_mut().unwrap() ^= 1;
        for bad in [&b""[..], b"{}", &good[..good.len() / 2], &good[..good.len() - 1], &flipped] {
            fs::write(&path, bad).unwrap();
            let file = SecretsFile::at(&path).asking(|| Some("right".into()));
            for error in [
                file.get("a").await.unwrap_err(),
                file.set("a", &"CANARY".into()).await.unwrap_err(),
            ] {
                assert_eq!(error.code(), Code::SecretsPassphrase, "{error}");
                assert!(error.to_string().contains("secrets.age"), "{error}");
            }
            assert_eq!(fs::read(&path).unwrap(), bad, "nothing is lost");
        }
    }

    #[tokio::test]
    async fn two_programs_keep_each_other_s_secrets() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secrets.age");
        let (one, two) = (SecretsFile::at(&path), SecretsFile::at(&path));
        one.open("right".into()).await.unwrap();
        two.open("right".into()).await.unwrap();
        one.set("a", &"1".into()).await.unwrap();
        two.set("b", &"2".into()).await.unwrap();
        one.set("c", &"3".into()).await.unwrap();
        for (id, value) in [("a", "1"), ("b", "2"), ("c", "3")] {
            assert_eq!(secret(two.get(id).await.unwrap()).as_deref(), Some(value));
        }
    }

    #[tokio::test]
    async fn the_passphrase_is_asked_once_and_only_when_it_is_needed() {
        use std::sync::atomic::{AtomicU32, Ordering};
        let dir = tempfile::tempdir().unwrap();
        let asked = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&asked);
        let file = SecretsFile::at(dir.path().join("secrets.age")).asking(move || {
            count.fetch_add(1, Ordering::SeqCst);
            Some("right".into())
        });
        file.remove("a").await.unwrap();
        assert_eq!(asked.load(Ordering::SeqCst), 0, "there is nothing to remove");
        file.set("a", &"1".into()).await.unwrap();
        assert_eq!(secret(file.get("a").await.unwrap()).as_deref(), Some("1"));
        assert_eq!(asked.load(Ordering::SeqCst), 1);
    }
}
