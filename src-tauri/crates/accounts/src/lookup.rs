//! Who we are by files: an auth file first, then what docker and podman have on this machine.

use std::{
    collections::HashSet,
    path::PathBuf,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use registry::{
    Access, AccessSource, Api, CloudRequest, Code, Credential, Demand, Error, Registry,
    RepositoryName, Result, Sentence, TlsOptions, sentence,
};

use crate::{
    Account, AccountAccess, Address, AuthEntry, Link,
    auth_file::{address_of_key, longest},
    docker::{self, DockerFile},
    helper::{HelperName, Helpers},
    provider,
    sign_in::SignIn,
};

#[cfg(test)]
mod tests;

/// How long a helper may take: it may ask a cloud, or a person.
pub(crate) const HELPER_TIMEOUT: Duration = Duration::from_secs(30);

/// What docker's helpers know Docker Hub by.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";

/// What docker and podman have on this machine: their credential files, and the helpers that these name.
#[derive(Debug)]
pub struct CredentialFiles {
    files: Vec<DockerFile>,
    helpers: Helpers,
    /// Files that could not be read, or not as a whole.
    unread: Vec<String>,
    told: Mutex<HashSet<String>>,
}

/// A credential that is on this machine, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What it is for.
    pub address: Address,
    /// The user name, where one is known without asking for the secret.
    pub user: Option<String>,
    /// The file or helper that has it, for people.
    pub source: String,
    /// Where its secret is asked for.
    pub link: Link,
}

/// Every credential that was found, and what could not be looked at.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// The credentials, each source's together.
    pub found: Vec<Found>,
    /// Files that can't be read, helpers that fail: one each.
    pub problems: Vec<Error>,
}

impl CredentialFiles {
    /// Reads the files that the environment (`$DOCKER_CONFIG`, `$REGISTRY_AUTH_FILE`, `$XDG_RUNTIME_DIR`, `$HOME`)
    /// points to. What can't be read is warned about in the log and left out: the files are other programs'.
    pub fn of_system(env: &dyn Fn(&str) -> Option<String>) -> Self {
        Self::read(env, HELPER_TIMEOUT)
    }

    /// Nothing of docker's and podman's.
    pub fn none() -> Self {
        Self::read(&|_| None, HELPER_TIMEOUT)
    }

    fn read(env: &dyn Fn(&str) -> Option<String>, timeout: Duration) -> Self {
        let home = env("HOME").map(PathBuf::from);
        let mut found = Self {
            files: Vec::new(),
            helpers: Helpers::new(env("PATH").map(Into::into), timeout),
            unread: Vec::new(),
            told: Mutex::default(),
        };
        for path in docker::places(env) {
            match DockerFile::read(&path, home.as_deref()) {
                Ok(Some(file)) => {
                    found.unread.extend(file.warnings.iter().cloned());
                    found.files.push(file);
                }
                Ok(None) => {}
                Err(warning) => found.unread.push(warning),
            }
        }
        found.unread.iter().for_each(|warning| tracing::warn!("{warning}"));
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
    ) -> Result<(Credential, Sentence)> {
        for file in &self.files {
            if let Some(name) = file.helper(registry)
                && let Some(found) = self.ask(file, name, registry, renew).await?
            {
                return Ok(found);
            }
            if let Some(entry) = file.entry(registry, repository) {
                return Ok((
                    entry.credential.clone(),
                    Sentence::verbatim(format!("{}: {}", file.shown, entry.written)),
                ));
            }
        }
        let mut origin = Access::nobody();
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
                    origin = sentence!(
                        "origin_anonymous_because",
                        "anonymous; {why}",
                        why = Sentence::failure(error.code(), error.message()),
                    );
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
    ) -> Result<Option<(Credential, Sentence)>> {
        let at = |error: Error| error.registry(registry);
        let helper = HelperName::new(name).map_err(at)?;
        // docker knows Docker Hub by a URL, podman by its name
        let servers: &[&str] = if registry.is_docker_hub() {
            &[DOCKER_HUB, Registry::DOCKER_HUB]
        } else {
            &[registry.as_str()]
        };
        for server in servers {
            if let Some(credential) = self.helpers.get(&helper, server, renew).await.map_err(at)? {
                let origin = Sentence::verbatim(format!("{helper} ({})", file.shown));
                return Ok(Some((credential, origin)));
            }
        }
        Ok(None)
    }

    /// Every credential that is here, for people to choose from. No secret is read.
    pub async fn list(&self) -> Listing {
        let mut listing = Listing::default();
        for warning in &self.unread {
            listing.problems.push(Error::new(Code::FileFailed, warning.clone()));
        }
        for file in &self.files {
            listing.found.extend(file.entries.iter().map(|entry| Found {
                address: entry.address.clone(),
                user: docker::user(&entry.credential).map(ToOwned::to_owned),
                source: file.shown.clone(),
                link: Link::File { path: file.path.clone(), key: entry.written.clone() },
            }));
            for (registry, helper) in &file.helpers {
                match HelperName::new(helper) {
                    Ok(name) => listing.found.push(Found {
                        address: Address { registry: registry.clone(), namespace: None },
                        user: None,
                        source: format!("{name} ({})", file.shown),
                        link: Link::Helper {
                            helper: helper.clone(),
                            server: server_of(registry).into(),
                        },
                    }),
                    Err(error) => listing.problems.push(error.registry(registry)),
                }
            }
            let Some(store) = &file.store else { continue };
            match self.list_store(store).await {
                Ok(listed) => {
                    listing.found.extend(listed.into_iter().filter_map(|(server, user)| {
                        let address = address_of_key(&server).ok()?;
                        let user = Some(user).filter(|user| !user.is_empty() && user != "<token>");
                        let source = format!("docker-credential-{store} ({})", file.shown);
                        let link = Link::Helper { helper: store.clone(), server };
                        Some(Found { address, user, source, link })
                    }));
                }
                Err(error) => listing.problems.push(error),
            }
        }
        // two files may name one helper
        let mut seen = HashSet::new();
        listing.found.retain(|found| seen.insert((found.address.clone(), found.link.clone())));
        listing
    }

    async fn list_store(&self, store: &str) -> Result<Vec<(String, String)>> {
        self.helpers.list(&HelperName::new(store)?).await
    }
}

/// What helpers know a registry by.
fn server_of(registry: &Registry) -> &str {
    if registry.is_docker_hub() { DOCKER_HUB } else { registry.as_str() }
}

/// Reaches registries as an auth file says; where it names no user, with an account; where there is none, with what
/// docker and podman have here; else anonymously. Where the auth file has an entry, TLS, proxy and limit are the entry's.
#[derive(Debug)]
pub struct FileAccess {
    entries: Vec<Ready>,
    accounts: Option<AccountAccess>,
    found: CredentialFiles,
    told: Mutex<HashSet<(Registry, String)>>,
}

/// An entry, and what was made of it.
#[derive(Debug)]
struct Ready {
    entry: AuthEntry,
    tls: TlsOptions,
    api: Option<Api>,
    sign_in: Option<SignIn>,
}

impl Ready {
    fn of(entry: AuthEntry) -> Result<Self> {
        let tls = entry.tls()?;
        let (api, sign_in) = (entry.api()?, entry.sign_in(&tls)?);
        Ok(Self { entry, tls, api, sign_in })
    }
}

impl FileAccess {
    /// Reads the certificates and keys that the entries name. All that fail are told at once.
    pub fn new(entries: Vec<AuthEntry>, found: CredentialFiles) -> Result<Self, Vec<Error>> {
        let mut errors = Vec::new();
        let mut ready = Vec::with_capacity(entries.len());
        for entry in entries {
            match Ready::of(entry) {
                Ok(entry) => ready.push(entry),
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() {
            Ok(Self { entries: ready, accounts: None, found, told: Mutex::default() })
        } else {
            Err(errors)
        }
    }

    /// Asks these accounts before docker and podman.
    #[must_use]
    pub fn with_accounts(self, accounts: AccountAccess) -> Self {
        Self { accounts: Some(accounts), ..self }
    }

    /// The account by which one signs in; `None` where another does: the auth file, docker or podman.
    pub fn account(
        &self,
        registry: &Registry,
        repository: Option<&RepositoryName>,
    ) -> Option<&Account> {
        let ready = self.entry(registry, repository);
        if ready.is_some_and(|it| it.sign_in.is_some() || it.entry.username.is_some()) {
            return None;
        }
        self.accounts(registry, repository)?.account(registry, repository)
    }

    /// What docker and podman have in the place of an account's secret that is out of reach: nobody has named the account.
    async fn instead(
        &self,
        error: Error,
        accounts: &AccountAccess,
        registry: &Registry,
        repository: Option<&RepositoryName>,
        renew: bool,
    ) -> Result<Access> {
        let (credential, origin) = self.found.find(registry, repository, renew).await?;
        if matches!(credential, Credential::Anonymous) {
            return Err(error);
        }
        Ok(Access { credential, origin, ..accounts.way(registry, repository).await? })
    }

    fn entry(&self, registry: &Registry, repository: Option<&RepositoryName>) -> Option<&Ready> {
        longest(&self.entries, |ready| &ready.entry.address, registry, repository)
    }

    /// The accounts, where one of them covers a repository.
    fn accounts(
        &self,
        registry: &Registry,
        repository: Option<&RepositoryName>,
    ) -> Option<&AccountAccess> {
        self.accounts.as_ref().filter(|accounts| accounts.covers(registry, repository))
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
        let ready = self.entry(registry, repository);
        let mut access = Access::default();
        if let Some(Ready { entry, tls, api, .. }) = ready {
            access.tls = tls.clone();
            access.proxy.clone_from(&entry.proxy);
            access.limit = entry.limit;
            access.api.clone_from(api);
            access.path_prefix.clone_from(&entry.path_prefix);
            access.create.clone_from(&entry.create);
        }
        (access.credential, access.origin) = match ready {
            Some(Ready { entry, sign_in: Some(sign_in), .. }) => {
                let lease = sign_in.lease(renew).await?;
                access.renew_at = lease.renew_at;
                let origin = format!("{}: {}", entry.origin, entry.written);
                (lease.credential, Sentence::verbatim(origin))
            }
            Some(Ready {
                entry: AuthEntry { username: Some(username), password, origin, written, .. },
                ..
            }) => (
                Credential::Basic {
                    username: username.clone(),
                    password: password.clone().unwrap_or_default(),
                },
                Sentence::verbatim(format!("{origin}: {written}")),
            ),
            ready => match self.accounts(registry, repository) {
                Some(accounts) => {
                    let theirs = match accounts.access(registry, repository, renew).await {
                        Err(error)
                            if is_shut(&error)
                                && !accounts.is_bound(registry, repository).await =>
                        {
                            self.instead(error, accounts, registry, repository, renew).await?
                        }
                        theirs => theirs?,
                    };
                    if ready.is_none() {
                        access = theirs.clone();
                    }
                    access.renew_at = theirs.renew_at;
                    // whose registry it is counts for who we are
                    access.api = access.api.or(theirs.api);
                    access.create = access.create.or(theirs.create);
                    (theirs.credential, theirs.origin)
                }
                None => self.found.find(registry, repository, renew).await?,
            },
        };
        let first = (registry.clone(), access.origin.to_string());
        if self.told.lock().unwrap_or_else(PoisonError::into_inner).insert(first) {
            tracing::info!(%registry, user = docker::user(&access.credential), origin = &*access.origin, "account chosen");
        }
        Ok(access)
    }

    async fn sign(
        &self,
        registry: &Registry,
        repository: Option<&RepositoryName>,
        request: &mut CloudRequest,
    ) -> Result<bool> {
        match self.entry(registry, repository) {
            Some(Ready { sign_in: Some(sign_in), .. }) => sign_in.sign(request).await,
            Some(Ready { entry: AuthEntry { username: Some(_), .. }, .. }) => Ok(false),
            _ => match self.accounts(registry, repository) {
                Some(accounts) => accounts.sign(registry, repository, request).await,
                None => Ok(false),
            },
        }
    }

    fn demand(&self, registry: &Registry, repository: &RepositoryName) -> Result<Demand> {
        let entry = self.entry(registry, Some(repository)).map(|ready| &ready.entry);
        let named = entry.and_then(|entry| provider::get(entry.provider.as_deref()?));
        match self.accounts(registry, Some(repository)) {
            Some(accounts) if named.is_none() => accounts.demand(registry, repository),
            _ => provider::demand(
                named.or_else(|| provider::of_host(registry)),
                registry,
                repository,
            ),
        }
    }
}

/// Whether a secret is out of reach because where it is kept is not there or not open.
fn is_shut(error: &Error) -> bool {
    matches!(error.code(), Code::KeyringMissing | Code::KeyringLocked | Code::SecretsLocked)
}
