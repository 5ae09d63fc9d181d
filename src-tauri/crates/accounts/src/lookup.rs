//! Who we are by files: an auth file first, then what docker and podman have on this machine.

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use registry::{
    Access, AccessSource, Code, Credential, Error, Identity, Registry, RepositoryName, Result,
    TlsOptions,
};

use crate::{
    AuthEntry,
    auth_file::longest,
    docker::{self, DockerFile},
    helper::{HelperName, Helpers},
};

#[cfg(test)]
mod tests;

/// How long a helper may take: it may ask a cloud, or a person.
const HELPER_TIMEOUT: Duration = Duration::from_secs(30);

/// What docker and podman have on this machine: their credential files, and the helpers that these name.
#[derive(Debug)]
pub struct CredentialFiles {
    files: Vec<DockerFile>,
    helpers: Helpers,
    told: Mutex<HashSet<String>>,
}

/// A credential that is on this machine, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// `host[:port]` or `host/namespace`.
    pub address: String,
    /// The user name, where one is known without asking for the secret.
    pub user: Option<String>,
    /// The file or helper that has it.
    pub source: String,
}

impl CredentialFiles {
    /// Reads the files that the environment (`$DOCKER_CONFIG`, `$REGISTRY_AUTH_FILE`, `$XDG_RUNTIME_DIR`, `$HOME`)
    /// points to. What can't be read is warned about in the log and left out: the files are other programs'.
    pub fn of_system(env: &dyn Fn(&str) -> Option<String>) -> Self {
        Self::read(env, HELPER_TIMEOUT)
    }

    fn read(env: &dyn Fn(&str) -> Option<String>, timeout: Duration) -> Self {
        let home = env("HOME").map(PathBuf::from);
        let mut found = Self {
            files: Vec::new(),
            helpers: Helpers::new(env("PATH").map(Into::into), timeout),
            told: Mutex::default(),
        };
        for path in docker::places(env) {
            match DockerFile::read(&path, home.as_deref()) {
                Ok(Some(file)) => {
                    file.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
                    found.files.push(file);
                }
                Ok(None) => {}
                Err(warning) => tracing::warn!("{warning}"),
            }
        }
        found
    }

    /// The credential for a repository, and where it was found. Special before general: in each file, docker's first,
    /// the helper that is named for the very registry, then the credentials in the file; then the helpers for
    /// everything.
    async fn find(
        &self,
        registry: &Registry,
        repository: Option<&RepositoryName>,
        renew: bool,
    ) -> Result<(Credential, String)> {
        for file in &self.files {
            if let Some(name) = file.helper(registry)
                && let Some(found) = self.ask(file, name, registry, renew).await?
            {
                return Ok(found);
            }
            if let Some(entry) = file.entry(registry, repository) {
                return Ok((
                    entry.credential.clone(),
                    format!("{}: {}", file.shown, entry.written),
                ));
            }
        }
        let mut origin = "anonymous".to_owned();
        for file in &self.files {
            let Some(name) = &file.store else { continue };
            match self.ask(file, name, registry, renew).await {
                Ok(Some(found)) => return Ok(found),
                Ok(None) => {}
                // A general helper that is broken must not stop what needs no login.
                Err(error) => {
                    if self.told.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone())
                    {
                        tracing::warn!("{error}; going on without it");
                    }
                    origin = format!("anonymous; {}", error.message());
                }
            }
        }
        Ok((Credential::Anonymous, origin))
    }

    async fn ask(
        &self,
        file: &DockerFile,
        name: &str,
        registry: &Registry,
        renew: bool,
    ) -> Result<Option<(Credential, String)>> {
        let at = |error: Error| error.registry(registry);
        let helper = HelperName::new(name).map_err(at)?;
        // docker knows Docker Hub by a URL, podman by its name
        let servers: &[&str] = if registry.is_docker_hub() {
            &["https://index.docker.io/v1/", Registry::DOCKER_HUB]
        } else {
            &[registry.as_str()]
        };
        for server in servers {
            if let Some(credential) = self.helpers.get(&helper, server, renew).await.map_err(at)? {
                return Ok(Some((credential, format!("{helper} ({})", file.shown))));
            }
        }
        Ok(None)
    }

    /// Every credential that is here, for people to choose from. A helper that fails has none.
    pub async fn list_found(&self) -> Vec<Found> {
        let mut found = Vec::new();
        for file in &self.files {
            found.extend(file.entries.iter().map(|entry| Found {
                address: entry.address.to_string(),
                user: docker::user(&entry.credential).map(ToOwned::to_owned),
                source: file.shown.clone(),
            }));
            for (registry, name) in &file.helpers {
                found.push(Found {
                    address: registry.to_string(),
                    user: None,
                    source: format!("docker-credential-{name} ({})", file.shown),
                });
            }
            let Some(helper) = file.store.as_ref().and_then(|name| HelperName::new(name).ok())
            else {
                continue;
            };
            let listed = self.helpers.list(&helper).await.unwrap_or_else(|error| {
                tracing::warn!("{error}");
                Vec::new()
            });
            for (server, user) in listed {
                if let Ok(address) = crate::auth_file::address_of_key(&server) {
                    let user = Some(user).filter(|user| !user.is_empty());
                    let source = format!("{helper} ({})", file.shown);
                    found.push(Found { address: address.to_string(), user, source });
                }
            }
        }
        found
    }
}

/// Reaches registries as an auth file says; where it names no user, with what docker and podman have here; else
/// anonymously. TLS, proxy and limit are the auth file's in any case.
#[derive(Debug)]
pub struct FileAccess {
    entries: Vec<(AuthEntry, TlsOptions)>,
    found: CredentialFiles,
    told: Mutex<HashSet<(Registry, String)>>,
}

impl FileAccess {
    /// Reads the certificates and keys that the entries name. All that fail are told at once.
    pub fn new(entries: Vec<AuthEntry>, found: CredentialFiles) -> Result<Self, Vec<Error>> {
        let mut errors = Vec::new();
        let mut with_tls = Vec::with_capacity(entries.len());
        for entry in entries {
            match tls(&entry) {
                Ok(tls) => with_tls.push((entry, tls)),
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() {
            Ok(Self { entries: with_tls, found, told: Mutex::default() })
        } else {
            Err(errors)
        }
    }
}

#[async_trait]
impl AccessSource for FileAccess {
    async fn access(
        &self,
        registry: &Registry,
        repository: Option<&RepositoryName>,
        renew: bool,
    ) -> Result<Access> {
        let entry = longest(&self.entries, |(entry, _)| &entry.address, registry, repository);
        let mut access = Access::default();
        if let Some((entry, tls)) = entry {
            access.tls = tls.clone();
            access.proxy.clone_from(&entry.proxy);
            access.limit = entry.limit;
        }
        (access.credential, access.origin) = match entry {
            Some((AuthEntry { username: Some(username), password, origin, written, .. }, _)) => (
                Credential::Basic {
                    username: username.clone(),
                    password: password.clone().unwrap_or_default(),
                },
                format!("{origin}: {written}"),
            ),
            _ => self.found.find(registry, repository, renew).await?,
        };
        let first = (registry.clone(), access.origin.clone());
        if self.told.lock().unwrap_or_else(PoisonError::into_inner).insert(first) {
            tracing::info!(%registry, user = docker::user(&access.credential), origin = access.origin, "account chosen");
        }
        Ok(access)
    }
}

/// Reads what an entry says about TLS.
fn tls(entry: &AuthEntry) -> Result<TlsOptions> {
    let ca = match &entry.ca {
        Some(path) => Some(pem(entry, "ca", path, "CERTIFICATE")?.into()),
        None => None,
    };
    let wrong = |why: &str, hint: String| {
        Err(Error::new(Code::ConfigInvalid, format!("{}: '{}' {why}", entry.origin, entry.written))
            .hint(hint))
    };
    let identity = match (&entry.cert, &entry.key) {
        (None, None) => None,
        (Some(cert), Some(key)) => {
            let mut text = pem(entry, "cert", cert, "CERTIFICATE")?;
            text.push(b'\n');
            text.extend(pem(entry, "key", key, "PRIVATE KEY")?);
            Some(text)
        }
        (Some(cert), None) => {
            let text = pem(entry, "cert", cert, "CERTIFICATE")?;
            if !has_block(&text, "PRIVATE KEY") {
                return wrong(
                    "has a 'cert' and no 'key'",
                    format!("Add 'key', or put the key into {} too.", cert.display()),
                );
            }
            Some(text)
        }
        (None, Some(_)) => {
            return wrong(
                "has a 'key' and no 'cert'",
                "Add 'cert', the client's certificate.".into(),
            );
        }
    };
    Ok(TlsOptions {
        insecure: entry.insecure,
        ca,
        identity: identity.map(|text| Identity(Arc::from(text))),
    })
}

fn pem(entry: &AuthEntry, field: &str, path: &Path, block: &str) -> Result<Vec<u8>> {
    let place = format!("{}: '{field}' of '{}': {}", entry.origin, entry.written, path.display());
    let text = fs::read(path).map_err(|error| {
        Error::new(Code::FileFailed, format!("{place} can't be read")).cause(&error)
    })?;
    if has_block(&text, block) {
        return Ok(text);
    }
    Err(Error::new(Code::ConfigInvalid, format!("{place} holds no {}", block.to_lowercase()))
        .hint(format!("It must be a PEM file, with a line that ends in '{block}-----'.")))
}

/// Whether a PEM text has a block of a kind (`PRIVATE KEY` is the end of `RSA PRIVATE KEY` too).
fn has_block(text: &[u8], block: &str) -> bool {
    let end = format!("{block}-----");
    text.split(|b| *b == b'\n').any(|line| {
        line.starts_with(b"-----BEGIN ") && line.trim_ascii_end().ends_with(end.as_bytes())
    })
}
