//! Accounts as the source of access for the registry client.

use std::{collections::HashMap, path::Path, sync::Arc};

use async_trait::async_trait;
use registry::{
    Access, AccessSource, Anonymous, Code, Credential, Error, Registry, RepositoryName, Result,
    TlsOptions,
};
use secrecy::SecretString;
use tokio::sync::Mutex;

use crate::{Account, Address, auth_file::longest, keyring::Vault};

/// Reaches registries with the accounts of the user: of those that cover a repository, the one with the longest
/// namespace; one that a profile names goes before another of equal length. Where none does, another source is asked,
/// such as docker's files; or access is anonymous.
#[derive(Debug)]
pub struct AccountAccess {
    accounts: Vec<Account>,
    named: Vec<(Address, String)>,
    vault: Arc<Vault>,
    others: Arc<dyn AccessSource>,
    /// Secrets by account: a run asks once per repository, the keyring is asked once per account.
    secrets: Mutex<HashMap<String, SecretString>>,
}

impl AccountAccess {
    /// Access by these accounts only.
    pub fn new(accounts: Vec<Account>, vault: Arc<Vault>) -> Self {
        let others = Arc::new(Anonymous);
        Self { accounts, named: Vec::new(), vault, others, secrets: Mutex::default() }
    }

    /// For these registries and namespaces, uses the accounts with these ids.
    #[must_use]
    pub fn named(self, named: Vec<(Address, String)>) -> Self {
        Self { named, ..self }
    }

    /// Asks `others` where no account covers a repository.
    #[must_use]
    pub fn or(self, others: Arc<dyn AccessSource>) -> Self {
        Self { others, ..self }
    }

    fn choose(
        &self,
        registry: &Registry,
        repository: Option<&RepositoryName>,
    ) -> Result<Option<&Account>> {
        let account = longest(&self.accounts, |account| &account.address, registry, repository);
        let named = longest(&self.named, |(address, _)| address, registry, repository);
        let Some((address, id)) = named else { return Ok(account) };
        let length = |address: &Address| address.covers(registry, repository);
        if account.is_some_and(|account| length(&account.address) > length(address)) {
            return Ok(account);
        }
        // a secret goes to its own registry only, whatever a profile says
        let found = self
            .accounts
            .iter()
            .find(|account| account.id == *id && account.address.registry == *registry);
        found.map(Some).ok_or_else(|| {
            Error::new(
                Code::AuthRequired,
                format!(
                    "the profile names the account '{id}', and there is none for this registry"
                ),
            )
            .registry(registry)
            .hint("Add the account, or take its name out of the profile.")
        })
    }

    async fn secret(&self, account: &Account, renew: bool) -> Result<SecretString> {
        let mut secrets = self.secrets.lock().await;
        if let Some(secret) = secrets.get(&account.id).filter(|_| !renew) {
            return Ok(secret.clone());
        }
        let secret = self.vault.get(account).await?.ok_or_else(|| {
            Error::new(Code::AuthRequired, format!("the account '{}' has no secret", account.name))
                .registry(&account.address.registry)
                .hint("Enter its password or token in Accounts.")
        })?;
        secrets.insert(account.id.clone(), secret.clone());
        Ok(secret)
    }
}

#[async_trait]
impl AccessSource for AccountAccess {
    async fn access(
        &self,
        registry: &Registry,
        repository: Option<&RepositoryName>,
        renew: bool,
    ) -> Result<Access> {
        let Some(account) = self.choose(registry, repository)? else {
            return self.others.access(registry, repository, renew).await;
        };
        let credential = if account.username.is_empty() {
            Credential::Anonymous
        } else {
            let password = self.secret(account, renew).await?;
            Credential::Basic { username: account.username.clone(), password }
        };
        let origin = format!("account '{}' ({})", account.name, account.address);
        Ok(Access { credential, origin, tls: account.tls().await?, ..Access::default() })
    }
}

impl Account {
    /// How TLS is spoken with this account's registry; reads the CA file.
    pub async fn tls(&self) -> Result<TlsOptions> {
        let ca = match &self.ca_file {
            Some(path) => Some(read_ca(path).await?),
            None => None,
        };
        Ok(TlsOptions { insecure: self.insecure, ca, identity: None })
    }
}

async fn read_ca(path: &Path) -> Result<Arc<[u8]>> {
    let bytes = tokio::fs::read(path).await.map_err(|error| {
        Error::new(Code::FileFailed, format!("the CA file {} can't be read", path.display()))
            .cause(&error)
    })?;
    Ok(bytes.into())
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;
    use crate::{
        SecretPlace,
        keyring::{SecretStore, State, Status},
    };

    /// A keyring where each account's secret is `<id>-<how often it was read>`.
    #[derive(Debug, Default)]
    struct Counting(std::sync::Mutex<HashMap<String, u32>>);

    #[async_trait]
    impl SecretStore for Counting {
        async fn status(&self) -> Status {
            Status::ready()
        }
        async fn unlock(&self) -> Status {
            Status { state: State::Ready, ..Status::ready() }
        }
        async fn get(&self, id: &str) -> Result<Option<SecretString>> {
            let mut reads = self.0.lock().unwrap();
            let n = reads.entry(id.into()).or_default();
            *n += 1;
            Ok((id != "lost").then(|| format!("{id}-{n}").into()))
        }
        async fn set(&self, _: &str, _: &str, _: &SecretString) -> Result<()> {
            Ok(())
        }
        async fn remove(&self, _: &str) -> Result<()> {
            Ok(())
        }
    }

    fn account(id: &str, address: &str, username: &str) -> Account {
        Account {
            id: id.into(),
            name: id.into(),
            address: address.parse().unwrap(),
            username: username.into(),
            insecure: id == "team",
            ca_file: None,
            verified_at: None,
            secret_in: SecretPlace::Keyring,
        }
    }

    fn access(keyring: Arc<Counting>) -> AccountAccess {
        AccountAccess::new(
            vec![
                account("host", "r.example.com", "me"),
                account("deep", "r.example.com/team/deep", "me"),
                account("team", "r.example.com/team", "me"),
                account("open", "open.example.com", ""),
                account("lost", "lost.example.com", "me"),
            ],
            Arc::new(Vault::new(keyring)),
        )
    }

    async fn who(
        access: &AccountAccess,
        registry: &str,
        repository: Option<&str>,
        renew: bool,
    ) -> Result<String> {
        let name = repository.map(|name| name.parse().unwrap());
        let access = access.access(&registry.parse().unwrap(), name.as_ref(), renew).await?;
        Ok(match access.credential {
            Credential::Basic { username, password } => {
                format!("{username}:{}", password.expose_secret())
            }
            Credential::Anonymous => format!("nobody by {}", access.origin),
            other => format!("{other:?}"),
        })
    }

    #[tokio::test]
    async fn the_longest_namespace_wins_and_secrets_are_read_once() {
        let keyring = Arc::<Counting>::default();
        let access = access(keyring.clone());
        for _ in 0..2 {
            assert_eq!(
                who(&access, "r.example.com", Some("x/y"), false).await.unwrap(),
                "me:host-1"
            );
            assert_eq!(who(&access, "r.example.com", None, false).await.unwrap(), "me:host-1");
            assert_eq!(
                who(&access, "r.example.com", Some("team/a"), false).await.unwrap(),
                "me:team-1"
            );
            assert_eq!(
                who(&access, "r.example.com", Some("team/deep/a"), false).await.unwrap(),
                "me:deep-1"
            );
        }
        assert_eq!(who(&access, "r.example.com", Some("team/a"), true).await.unwrap(), "me:team-2");
        assert_eq!(
            who(&access, "r.example.com", Some("team/b"), false).await.unwrap(),
            "me:team-2"
        );
        assert_eq!(keyring.0.lock().unwrap()["host"], 1);
    }

    #[tokio::test]
    async fn a_profile_may_name_accounts() {
        let plain = |id: &str, address: &str| vec![(address.parse().unwrap(), id.to_owned())];
        let access = access(Arc::default()).named(plain("deep", "r.example.com/x"));
        assert_eq!(who(&access, "r.example.com", Some("x/y"), false).await.unwrap(), "me:deep-1");
        assert_eq!(who(&access, "r.example.com", Some("y"), false).await.unwrap(), "me:host-1");
        // a longer namespace is more special than what the profile says of the whole registry
        let access = access.named(plain("host", "r.example.com"));
        assert_eq!(
            who(&access, "r.example.com", Some("team/a"), false).await.unwrap(),
            "me:team-1"
        );
        // neither an account of another registry nor one that is not there is used
        for id in ["lost", "nobody"] {
            let access = super::tests::access(Arc::default()).named(plain(id, "r.example.com"));
            let error = who(&access, "r.example.com", Some("y"), false).await.unwrap_err();
            assert_eq!(error.code(), Code::AuthRequired, "{id}");
        }
    }

    #[tokio::test]
    async fn without_an_account_others_are_asked() {
        #[derive(Debug)]
        struct Docker;
        #[async_trait]
        impl AccessSource for Docker {
            async fn access(
                &self,
                _: &Registry,
                _: Option<&RepositoryName>,
                _: bool,
            ) -> Result<Access> {
                Ok(Access { origin: "docker".into(), ..Access::default() })
            }
        }
        let access = access(Arc::default());
        assert_eq!(
            who(&access, "other.example.com", None, false).await.unwrap(),
            "nobody by anonymous"
        );
        let access = access.or(Arc::new(Docker));
        assert_eq!(
            who(&access, "other.example.com", None, false).await.unwrap(),
            "nobody by docker"
        );
        let open = who(&access, "open.example.com", Some("a"), false).await.unwrap();
        assert_eq!(
            open, "nobody by account 'open' (open.example.com)",
            "an account without a user is meant so"
        );
    }

    #[tokio::test]
    async fn tls_settings_come_along_and_what_is_lost_is_told() {
        let access = access(Arc::default());
        let team = "team/a".parse().unwrap();
        assert!(
            access
                .access(&"r.example.com".parse().unwrap(), Some(&team), false)
                .await
                .unwrap()
                .tls
                .insecure
        );

        let error = who(&access, "lost.example.com", Some("a"), false).await.unwrap_err();
        assert_eq!((error.code(), error.at()), (Code::AuthRequired, Some("lost.example.com")));

        let dir = tempfile::tempdir().unwrap();
        let ca = dir.path().join("ca.pem");
        let account = Account { ca_file: Some(ca.clone()), ..account("a", "a.example.com", "") };
        let error = account.tls().await.unwrap_err();
        assert!(
            error.code() == Code::FileFailed && error.to_string().contains("ca.pem"),
            "{error}"
        );
        std::fs::write(&ca, b"pem").unwrap();
        assert_eq!(account.tls().await.unwrap().ca.as_deref(), Some(&b"pem"[..]));
    }
}
