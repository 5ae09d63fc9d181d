//! Accounts as the source of access for the registry client.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use async_trait::async_trait;
use registry::{
    Access, AccessSource, Anonymous, CloudRequest, Code, Credential, Demand, Error, Mirror,
    Registry, RepositoryName, Result, sentence,
};
use tokio::sync::Mutex;

use secrecy::SecretString;

use crate::{
    Account, Address, SecretPlace, Vault,
    account::shown,
    auth_file::longest,
    check::{Login, Signer},
    provider, secret_kind,
    sign_in::{SecretKind, Settings, SignIn, SignInOptions},
};

/// Reaches registries with the accounts of the user: of those that cover a repository, the one with the longest
/// namespace, and of equals the one that was added first; one that a profile names goes before another of equal length.
/// Where none does, another source is asked, such as docker's files; or access is anonymous.
#[derive(Debug)]
pub struct AccountAccess {
    accounts: Vec<Account>,
    named: Vec<(Address, String)>,
    vault: Arc<Vault>,
    others: Arc<dyn AccessSource>,
    /// Credentials by account: a run asks once per repository, the keyring is asked once per account.
    credentials: Mutex<HashMap<String, Credential>>,
    /// Sign-ins at clouds by account; `None` for those that have none.
    sign_ins: Mutex<HashMap<String, Option<Arc<SignIn>>>>,
    /// Addresses with several accounts, of which one was taken.
    told: std::sync::Mutex<HashSet<Address>>,
}

impl AccountAccess {
    /// Access by these accounts only.
    pub fn new(accounts: Vec<Account>, vault: Arc<Vault>) -> Self {
        let others = Arc::new(Anonymous);
        Self {
            accounts,
            named: Vec::new(),
            vault,
            others,
            credentials: Mutex::default(),
            sign_ins: Mutex::default(),
            told: std::sync::Mutex::default(),
        }
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
        let Some((address, id)) = named else {
            account.inspect(|account| self.tell_of_others(account));
            return Ok(account);
        };
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

    /// Says that there was a choice, once for each address.
    fn tell_of_others(&self, taken: &Account) {
        let others: Vec<_> = self
            .accounts
            .iter()
            .filter(|other| other.address == taken.address && other.id != taken.id)
            .map(|other| other.id.as_str())
            .collect();
        let mut told = self.told.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if !others.is_empty() && told.insert(taken.address.clone()) {
            tracing::warn!(
                taken = taken.id,
                others = others.join(", "),
                "{} has several accounts; the first is used, name another in the profile",
                taken.address
            );
        }
    }

    /// The account that is used for a repository, if one is.
    pub fn account(
        &self,
        registry: &Registry,
        repository: Option<&RepositoryName>,
    ) -> Option<&Account> {
        self.choose(registry, repository).ok().flatten()
    }

    /// Whether an account covers a repository, so that it would be used.
    pub fn covers(&self, registry: &Registry, repository: Option<&RepositoryName>) -> bool {
        longest(&self.accounts, |account| &account.address, registry, repository).is_some()
            || longest(&self.named, |(address, _)| address, registry, repository).is_some()
    }

    /// Whether nobody else's login will do: an account is named for the repository, by a profile or a flag, or its
    /// credential has been used already.
    pub(crate) async fn is_bound(
        &self,
        registry: &Registry,
        repository: Option<&RepositoryName>,
    ) -> bool {
        if longest(&self.named, |(address, _)| address, registry, repository).is_some() {
            return true;
        }
        let Some(account) = self.account(registry, repository) else { return false };
        self.credentials.lock().await.contains_key(&account.id)
            || self.sign_ins.lock().await.get(&account.id).is_some_and(Option::is_some)
    }

    /// How the account that covers a repository reaches it, without who we are there.
    pub(crate) async fn way(
        &self,
        registry: &Registry,
        repository: Option<&RepositoryName>,
    ) -> Result<Access> {
        match self.choose(registry, repository)? {
            Some(account) => account.way(&self.vault).await,
            None => Ok(Access::default()),
        }
    }

    /// The account's sign-in at a cloud, made once: it keeps what it was given, and renews it.
    async fn sign_in(&self, account: &Account, way: &Access) -> Result<Option<Arc<SignIn>>> {
        let mut sign_ins = self.sign_ins.lock().await;
        if let Some(sign_in) = sign_ins.get(&account.id) {
            return Ok(sign_in.clone());
        }
        let secret = match account.cloud_kind()? {
            Some(kind) if kind.is_kept() => self.vault.get(account).await?,
            _ => None,
        };
        let sign_in = account.sign_in(secret, way)?.map(Arc::new);
        sign_ins.insert(account.id.clone(), sign_in.clone());
        Ok(sign_in)
    }

    async fn credential(&self, account: &Account, renew: bool) -> Result<Credential> {
        let mut credentials = self.credentials.lock().await;
        if let Some(credential) = credentials.get(&account.id).filter(|_| !renew) {
            return Ok(credential.clone());
        }
        let at_home = |error: Error| error.registry(&account.address.registry);
        let credential = self.vault.credential(account, renew).await.map_err(at_home)?;
        credentials.insert(account.id.clone(), credential.clone());
        Ok(credential)
    }
}

impl Account {
    /// How one signs in by this account, if it is at a cloud; `None` where its secret goes to the registry as it is.
    pub fn cloud_kind(&self) -> Result<Option<SecretKind>> {
        if self.secret_in == SecretPlace::Linked {
            return Ok(None);
        }
        let kind = self.secret_kind.parse::<SecretKind>().map_err(|why| {
            let message = format!(
                "the account '{}' can't be used: its secret's kind: {why}",
                shown(&self.name)
            );
            Error::new(Code::ConfigInvalid, message).registry(&self.address.registry)
        })?;
        let plain =
            matches!(kind, SecretKind::Password | SecretKind::IdentityToken | SecretKind::Bearer);
        Ok((!plain).then_some(kind))
    }

    /// Its sign-in, if it is at a cloud. `way` is how its registry is reached.
    pub fn sign_in(&self, secret: Option<SecretString>, way: &Access) -> Result<Option<SignIn>> {
        let Some(kind) = self.cloud_kind()? else { return Ok(None) };
        let mut options = SignInOptions::default();
        for (name, value) in &self.settings {
            options.set(name, value).map_err(|why| {
                let message = format!(
                    "the account '{}' can't be used: its setting '{}': {why}",
                    shown(&self.name),
                    shown(name)
                );
                Error::new(Code::ConfigInvalid, message).registry(&self.address.registry)
            })?;
        }
        let settings = Settings {
            provider: Some(self.provider.clone()).filter(|id| !id.is_empty()),
            username: self.username.clone(),
            secret,
            options,
            tls: way.tls.clone(),
            proxy: way.proxy.clone(),
            ..Settings::new(self.address.registry.clone(), kind)
        };
        SignIn::new(settings).map(Some)
    }

    /// Who the account is with a secret that is at hand, or with what its kind finds on the system. A cloud is asked
    /// anew.
    pub async fn log_in(&self, secret: Option<SecretString>, way: &Access) -> Result<Login> {
        if let Some(sign_in) = self.sign_in(secret.clone(), way)? {
            let credential = sign_in.lease(true).await?.credential;
            return Ok(Login { credential, signer: Signer::Account(Box::new(sign_in)) });
        }
        let credential = match (self.secret_kind.as_str(), secret) {
            (secret_kind::IDENTITY_TOKEN, Some(secret)) => Credential::IdentityToken(secret),
            (secret_kind::BEARER, Some(secret)) => Credential::Bearer(secret),
            (_, Some(password)) if !self.username.is_empty() => {
                Credential::Basic { username: self.username.clone(), password }
            }
            _ => Credential::Anonymous,
        };
        Ok(credential.into())
    }

    /// Everything about reaching the account's registry but who we are there.
    pub async fn way(&self, vault: &Vault) -> Result<Access> {
        self.check().map_err(|invalid| {
            let message =
                format!("the account '{}' can't be used: {}", shown(&self.name), invalid.why);
            Error::new(Code::ConfigInvalid, message)
                .registry(&self.address.registry)
                .hint(format!("Correct its {} in Accounts.", invalid.field))
        })?;
        let mut proxy = self.proxy.clone();
        if let Some(url) = &mut proxy
            && let Some(password) = vault.proxy_password(self).await?
        {
            let _ = url.set_password(Some(secrecy::ExposeSecret::expose_secret(&password)));
        }
        Ok(Access {
            origin: sentence!(
                "origin_account",
                "account '{name}' ({address})",
                name = shown(&self.name),
                address = self.address.to_string(),
            ),
            tls: self.tls()?,
            proxy,
            limit: self.limit,
            // it was checked
            api: provider::api(
                Some(self.provider.as_str()).filter(|id| !id.is_empty()),
                self.api.as_ref(),
                &self.address.registry,
            )
            .unwrap_or_default(),
            path_prefix: self.path_prefix.clone(),
            create: self.create.creation(),
            mirrors: self.mirrors.iter().map(mirror).collect(),
            ..Access::default()
        })
    }
}

fn mirror(address: &Address) -> Mirror {
    Mirror { registry: address.registry.clone(), prefix: address.namespace.clone() }
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
        let way = account.way(&self.vault).await?;
        let at_home = |error: Error| error.registry(&account.address.registry);
        if let Some(sign_in) = self.sign_in(account, &way).await.map_err(at_home)? {
            let lease = sign_in.lease(renew).await?;
            return Ok(Access { credential: lease.credential, renew_at: lease.renew_at, ..way });
        }
        Ok(Access { credential: self.credential(account, renew).await?, ..way })
    }

    async fn sign(
        &self,
        registry: &Registry,
        repository: Option<&RepositoryName>,
        request: &mut CloudRequest,
    ) -> Result<bool> {
        let Some(account) = self.choose(registry, repository)? else {
            return self.others.sign(registry, repository, request).await;
        };
        let way = account.way(&self.vault).await?;
        match self.sign_in(account, &way).await? {
            Some(sign_in) => sign_in.sign(request).await,
            None => Ok(false),
        }
    }

    fn demand(&self, registry: &Registry, repository: &RepositoryName) -> Result<Demand> {
        // an account that a profile names and that is not there is told where it is needed
        match self.choose(registry, Some(repository)) {
            Ok(Some(account)) => {
                let named = provider::get(&account.provider);
                provider::demand(
                    named.or_else(|| provider::of_host(registry)),
                    registry,
                    repository,
                )
            }
            _ => self.others.demand(registry, repository),
        }
    }
}

#[cfg(test)]
mod tests {
    use secrecy::{ExposeSecret as _, SecretString};

    use super::*;
    use crate::{
        SecretPlace,
        keyring::{SecretStore, State, Status},
    };

    /// A keyring where each account's secret is `<id>-<how often it was read>`, until it is locked.
    #[derive(Debug, Default)]
    struct Counting(std::sync::Mutex<HashMap<String, u32>>, std::sync::atomic::AtomicBool);

    #[async_trait]
    impl SecretStore for Counting {
        async fn status(&self) -> Status {
            Status::ready()
        }
        async fn unlock(&self) -> Status {
            Status { state: State::Ready, ..Status::ready() }
        }
        async fn get(&self, id: &str) -> Result<Option<SecretString>> {
            if self.1.load(std::sync::atomic::Ordering::SeqCst) {
                let locked = Status {
                    state: State::Locked,
                    hint: Some(registry::Sentence::verbatim("unlock")),
                    ..Status::ready()
                };
                return Err(locked.error().unwrap());
            }
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
            name: id.into(),
            username: username.into(),
            insecure: id == "team",
            secret_in: SecretPlace::Keyring,
            ..Account::new(id, address.parse().unwrap())
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
    async fn a_keyring_that_is_locked_in_the_middle_of_a_run_stops_only_what_needs_it_anew() {
        let keyring = Arc::<Counting>::default();
        let access = access(keyring.clone());
        let (host, team) = (Some("x/y"), Some("team/a"));
        assert_eq!(who(&access, "r.example.com", host, false).await.unwrap(), "me:host-1");
        keyring.1.store(true, std::sync::atomic::Ordering::SeqCst);
        // what is known is used on, for other repositories too
        assert_eq!(who(&access, "r.example.com", Some("z"), false).await.unwrap(), "me:host-1");
        for (repository, renew) in [(team, false), (host, true)] {
            let error = who(&access, "r.example.com", repository, renew).await.unwrap_err();
            assert_eq!(
                (error.code(), error.at()),
                (Code::KeyringLocked, Some("r.example.com")),
                "{error}"
            );
            assert_eq!(error.hints().next(), Some("unlock"));
        }
        keyring.1.store(false, std::sync::atomic::Ordering::SeqCst);
        assert_eq!(who(&access, "r.example.com", team, false).await.unwrap(), "me:team-1");
    }

    #[tokio::test]
    async fn of_two_accounts_for_one_address_the_first_is_used_or_the_one_that_is_named() {
        let two = vec![
            account("reader", "r.example.com", "reader"),
            account("writer", "r.example.com", "writer"),
        ];
        let access =
            || AccountAccess::new(two.clone(), Arc::new(Vault::new(Arc::<Counting>::default())));
        let first = who(&access(), "r.example.com", Some("a"), false).await.unwrap();
        assert_eq!(first, "reader:reader-1");
        // each side of a rule its own
        let named = vec![("r.example.com/mirror".parse().unwrap(), "writer".to_owned())];
        let access = access().named(named);
        let source = who(&access, "r.example.com", Some("team/app"), false).await.unwrap();
        let destination = who(&access, "r.example.com", Some("mirror/app"), false).await.unwrap();
        assert_eq!((source.as_str(), destination.as_str()), ("reader:reader-1", "writer:writer-1"));
    }

    #[tokio::test]
    async fn proxy_limit_and_what_can_t_be_used_come_along() {
        let with = |change: fn(&mut Account)| {
            let mut one = account("one", "r.example.com", "me");
            change(&mut one);
            AccountAccess::new(vec![one], Arc::new(Vault::new(Arc::<Counting>::default())))
        };
        let registry = "r.example.com".parse().unwrap();
        let access = with(|account| {
            account.proxy = Some("http://me@proxy:3128".parse().unwrap());
            account.proxy_secret_in = SecretPlace::Keyring;
            account.limit = Some(2);
            account.plain_http = true;
        });
        let got = access.access(&registry, None, false).await.unwrap();
        assert_eq!(got.proxy.unwrap().password(), Some("one%2Fproxy-1").or(Some("one/proxy-1")));
        assert_eq!((got.limit, got.tls.plain_http), (Some(2), true));

        let access = with(|account| account.username = "a\u{202e}b\n".into());
        let error = access.access(&registry, None, false).await.unwrap_err();
        assert_eq!(error.code(), Code::ConfigInvalid);
        assert!(!error.to_string().contains('\u{202e}'), "{error:?}");
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
                Ok(Access { origin: registry::Sentence::verbatim("docker"), ..Access::default() })
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
        let error = account.tls().unwrap_err();
        assert!(
            error.code() == Code::FileFailed && error.to_string().contains("ca.pem"),
            "{error}"
        );
        let pem = testkit::tls::Authority::new().pem().to_owned();
        std::fs::write(&ca, &pem).unwrap();
        assert_eq!(account.tls().unwrap().ca.as_deref(), Some(pem.as_bytes()));
    }
}
