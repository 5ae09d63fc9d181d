//! Commands about accounts. Secrets go in and never come out.

use std::{path::PathBuf, sync::Arc};

use ::accounts::{
    Account, Accounts, Address, SecretPlace, Trusted, Typed, Vault, check, import, secret_kind,
};
use registry::{Access, Code, Credential, Fingerprint, RepositoryName};
use secrecy::{ExposeSecret as _, SecretString};
use store::file;
use url::Url;

use crate::{
    Api, Host,
    app::lock,
    dto::{self, AccountDraft, ApiError, AppEvent, ById, CheckReport, CheckStep, TestRequest},
    error::Result,
};

/// The last test that passed, so that saving right after it can say so.
pub(crate) struct Tested {
    account: Account,
    secret: Option<SecretString>,
    at: jiff::Timestamp,
}

/// A draft, understood: the account as it will be, and its new secrets, if any were typed.
struct Drafted {
    account: Account,
    secret: Option<SecretString>,
    proxy_password: Option<SecretString>,
}

pub(crate) async fn list<H: Host>(api: &Arc<Api<H>>, (): ()) -> Result<Vec<dto::Account>> {
    let mut accounts = api.accounts.lock().await;
    refresh(&mut accounts)?;
    Ok(accounts.list().iter().map(Into::into).collect())
}

/// Reads what the headless program may have added. A file that has broken is told once; one that could not be read at
/// the start was told then.
pub(crate) fn refresh(accounts: &mut Accounts) -> Result<()> {
    match accounts.refresh() {
        Err(error @ file::Error::Broken { .. }) => Err(error.into()),
        _ => Ok(()),
    }
}

pub(crate) async fn save<H: Host>(api: &Arc<Api<H>>, draft: AccountDraft) -> Result<dto::Account> {
    let mut accounts = api.accounts.lock().await;
    refresh(&mut accounts)?;
    let old = old(&accounts, &draft)?;
    let Drafted { mut account, secret, proxy_password } = understand(draft, old.as_ref())?;
    account.check()?;
    account.verified_at = verified_at(api, &account, secret.as_ref(), old.as_ref());
    let Some(old) = old else {
        account.id = accounts.new_id(&account.address);
        let (secret, proxy) = (secret.as_ref(), proxy_password.as_ref());
        let added = import::add(account, secret, proxy, &mut accounts, &api.vault).await?;
        return Ok((&added).into());
    };

    keep_secret(&api.vault, &mut account, secret, &old).await?;
    match proxy_password {
        Some(password) => {
            account.proxy_secret_in = api.vault.set_proxy_password(&account, &password).await?;
        }
        None if account.proxy != old.proxy => {
            api.vault.remove_proxy_password(&old).await?;
            account.proxy_secret_in = SecretPlace::None;
        }
        None => {}
    }
    accounts.put(account.clone())?;
    Ok((&account).into())
}

async fn keep_secret(
    vault: &Vault,
    account: &mut Account,
    secret: Option<SecretString>,
    old: &Account,
) -> Result<()> {
    if let Some(secret) = secret {
        // it has a secret of its own from here on
        account.link = None;
        account.secret_in = vault.set(account, &secret).await?;
    } else if needs_no_secret(account) && account.secret_in != SecretPlace::None {
        vault.remove(old).await?;
        account.link = None;
        account.secret_in = SecretPlace::None;
    }
    Ok(())
}

/// Whether the account is meant to be nobody.
fn needs_no_secret(account: &Account) -> bool {
    account.username.is_empty()
        && account.secret_kind == secret_kind::PASSWORD
        && account.secret_in != SecretPlace::Linked
}

/// The account that a draft changes.
fn old(accounts: &Accounts, draft: &AccountDraft) -> Result<Option<Account>> {
    let Some(id) = draft.id.as_deref().filter(|id| !id.is_empty()) else { return Ok(None) };
    match accounts.get(id) {
        Some(account) => Ok(Some(account.clone())),
        None => Err(ApiError::gone("account")),
    }
}

fn understand(draft: AccountDraft, old: Option<&Account>) -> Result<Drafted> {
    let typed = Typed::read(&draft.address)?;
    let username = match draft.username.trim() {
        "" => typed.username.unwrap_or_default(),
        name => name.to_owned(),
    };
    let secret_kind = match draft.secret_kind.trim() {
        "" => secret_kind::PASSWORD.to_owned(),
        kind => kind.to_owned(),
    };
    let secret = draft.secret.filter(|secret| !secret.expose_secret().is_empty()).or(typed.secret);
    if secret.is_some() && username.is_empty() && secret_kind == secret_kind::PASSWORD {
        return Err(ApiError::field("username", "a secret needs a user name")
            .hint("Where a registry takes tokens alone, its documentation says which user name goes with them."));
    }
    let name = match draft.name.trim() {
        "" => typed.address.to_string(),
        name => name.to_owned(),
    };
    let path = |text: Option<String>| {
        text.filter(|path| !path.trim().is_empty()).map(|path| PathBuf::from(path.trim()))
    };
    let (proxy, proxy_password) = understand_proxy(draft.proxy.as_ref())?;
    let mirrors = draft.mirrors.iter().map(|text| text.trim()).filter(|text| !text.is_empty());
    let mirrors = mirrors.map(|text| {
        text.parse::<Address>().map_err(|error| ApiError::field("mirrors", error.to_string()))
    });
    // what the form does not show stays as it is; where the API and its path are belongs to the address
    let at_the_same = old.filter(|old| same_host(&old.address, &typed.address));
    let account = Account {
        name,
        username,
        provider: draft.provider.trim().to_owned(),
        settings: draft.settings,
        secret_kind,
        insecure: draft.insecure,
        plain_http: draft.plain_http,
        ca_file: path(draft.ca_file),
        trusted: draft.trusted.map(trusted).transpose()?,
        client_cert: path(draft.client_cert),
        client_key: path(draft.client_key),
        proxy_secret_in: old.map_or(SecretPlace::None, |old| old.proxy_secret_in),
        proxy,
        mirrors: mirrors.collect::<Result<_>>()?,
        limit: draft.limit.map(|limit| limit as usize),
        secret_in: old.map_or(SecretPlace::None, |old| old.secret_in),
        link: old.and_then(|old| old.link.clone()),
        api: at_the_same.and_then(|old| old.api.clone()),
        path_prefix: at_the_same.and_then(|old| old.path_prefix.clone()),
        create: old.map(|old| old.create.clone()).unwrap_or_default(),
        ..Account::new(old.map(|old| old.id.clone()).unwrap_or_default(), typed.address)
    };
    if let Some(old) = old
        && secret.is_none()
        && !needs_no_secret(&account)
        && old.secret_in != SecretPlace::None
        && !same_host(&old.address, &account.address)
    {
        // else whoever can change an address could send the secret anywhere
        return Err(ApiError::field(
            "secret",
            "the stored secret belongs to the account's former address",
        )
        .hint("Enter the secret again."));
    }
    Ok(Drafted { account, secret, proxy_password })
}

/// A proxy's address as it was typed, and the password in it. No error repeats the text.
fn understand_proxy(text: Option<&SecretString>) -> Result<(Option<Url>, Option<SecretString>)> {
    let text = text.map(|text| text.expose_secret().trim()).filter(|text| !text.is_empty());
    let Some(text) = text else { return Ok((None, None)) };
    let wrong = || {
        ApiError::field("proxy", "the proxy's address can't be read")
            .hint("Write http://host:port, https://host:port or socks5://host:port.")
    };
    let text = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    Ok(import::without_password(&Url::parse(&text).map_err(|_| wrong())?))
}

fn trusted(told: dto::Trusted) -> Result<Trusted> {
    let sha256: Fingerprint =
        told.sha256.parse().map_err(|error| ApiError::field("trusted", format!("{error}")))?;
    match told.kind.as_str() {
        "certificate" => Ok(Trusted::Certificate { sha256, subject: told.subject }),
        "ca" => Ok(Trusted::Ca { sha256, subject: told.subject, pem: told.pem }),
        _ => Err(ApiError::field("trusted", "there is no such kind of trust")),
    }
}

fn same_host(a: &Address, b: &Address) -> bool {
    a.registry == b.registry
}

fn verified_at<H: Host>(
    api: &Api<H>,
    account: &Account,
    secret: Option<&SecretString>,
    old: Option<&Account>,
) -> Option<jiff::Timestamp> {
    let exposed = |secret: Option<&SecretString>| secret.map(|s| s.expose_secret().to_owned());
    let tested = lock(&api.tested);
    let just_tested = tested
        .as_ref()
        .filter(|tested| {
            tested.account.reaches_as(account) && tested.account.id == old.map_or("", |old| &old.id)
        })
        .filter(|tested| exposed(tested.secret.as_ref()) == exposed(secret))
        .map(|tested| tested.at);
    just_tested.or_else(|| {
        old.filter(|old| secret.is_none() && old.reaches_as(account))
            .and_then(|old| old.verified_at)
    })
}

pub(crate) async fn remove<H: Host>(api: &Arc<Api<H>>, request: ById) -> Result<()> {
    let mut accounts = api.accounts.lock().await;
    let account = accounts.get(&request.id).cloned().ok_or_else(|| ApiError::gone("account"))?;
    for removed in
        [api.vault.remove(&account).await, api.vault.remove_proxy_password(&account).await]
    {
        match removed {
            // without a keyring its secret is out of reach anyway
            Err(error) if error.code() == Code::KeyringMissing => {
                tracing::warn!(account = account.id, "its secret could not be removed: {error}");
            }
            done => done?,
        }
    }
    accounts.remove(&request.id)?;
    Ok(())
}

pub(crate) async fn test<H: Host>(api: &Arc<Api<H>>, request: TestRequest) -> Result<CheckReport> {
    let TestRequest { token, draft, repository } = request;
    let repository = repository.as_deref().map(str::trim).filter(|name| !name.is_empty());
    let repository: Option<RepositoryName> = repository
        .map(str::parse)
        .transpose()
        .map_err(|error| ApiError::field("repository", format!("{error}")))?;
    let old = old(&*api.accounts.lock().await, &draft)?;
    let Drafted { account, secret, proxy_password } = understand(draft, old.as_ref())?;
    account.check()?;
    let mut way = Account {
        // a password of its former proxy is not for this one
        proxy_secret_in: match &old {
            Some(old) if old.proxy == account.proxy => account.proxy_secret_in,
            _ => SecretPlace::None,
        },
        ..account.clone()
    }
    .way(&api.vault)
    .await?;
    if let (Some(proxy), Some(password)) = (&mut way.proxy, &proxy_password) {
        let _ = proxy.set_password(Some(password.expose_secret()));
    }
    let cloud = account.cloud_kind()?;
    let credential = match &secret {
        Some(secret) if cloud.is_some() => {
            let sign_in = account.sign_in(Some(secret.clone()), &way)?;
            match sign_in {
                Some(sign_in) => sign_in.lease(false).await?.credential,
                None => Credential::Anonymous,
            }
        }
        None if cloud.is_some() => api.vault.credential(&account, true).await?,
        Some(secret) => match account.secret_kind.as_str() {
            secret_kind::IDENTITY_TOKEN => Credential::IdentityToken(secret.clone()),
            secret_kind::BEARER => Credential::Bearer(secret.clone()),
            _ => Credential::Basic { username: account.username.clone(), password: secret.clone() },
        },
        None if needs_no_secret(&account) => Credential::Anonymous,
        None if account.secret_in == SecretPlace::None => {
            return Err(ApiError::field("secret", "there is no secret for this user name"));
        }
        None => api.vault.credential(&account, true).await?,
    };
    let access = Access { credential, ..way };
    let tell = |done: &check::Done| {
        api.host.emit(AppEvent::Check { token: token.clone(), step: done.into() });
    };
    let registry = &account.address.registry;
    let limits = check::Limits::default();
    let steps = check::check(registry, repository.as_ref(), access, &limits, tell).await;
    let passed = check::passed(&steps);
    if passed {
        note(api, account, secret).await;
    }
    Ok(CheckReport { passed, steps: steps.iter().map(Into::into).collect() })
}

/// Notes a test that passed: on the saved account if that is what was tested, and for a save that may follow.
async fn note<H: Host>(api: &Api<H>, account: Account, secret: Option<SecretString>) {
    let at = api.host.now();
    if secret.is_none() {
        let mut accounts = api.accounts.lock().await;
        let saved = accounts.get(&account.id).filter(|saved| saved.reaches_as(&account)).cloned();
        if let Some(saved) = saved
            && let Err(error) = accounts.put(Account { verified_at: Some(at), ..saved })
        {
            tracing::warn!("a passed test could not be noted: {error}");
        }
    }
    *lock(&api.tested) = Some(Tested { account, secret, at });
}

impl From<&Account> for dto::Account {
    fn from(account: &Account) -> Self {
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
        Self {
            id: account.id.clone(),
            name: account.name.clone(),
            address: account.address.to_string(),
            username: account.username.clone(),
            provider: account.provider.clone(),
            settings: account.settings.clone(),
            secret_kind: account.secret_kind.clone(),
            has_secret: account.secret_in != SecretPlace::None,
            secret_in: account.secret_in.as_str().into(),
            link: account.link.as_ref().map(ToString::to_string),
            insecure: account.insecure,
            plain_http: account.plain_http,
            ca_file: path(&account.ca_file),
            trusted: account.trusted.clone().map(Into::into),
            client_cert: path(&account.client_cert),
            client_key: path(&account.client_key),
            proxy: account.proxy.as_ref().map(|url| url.as_str().trim_end_matches('/').to_owned()),
            has_proxy_password: account.proxy_secret_in != SecretPlace::None,
            mirrors: account.mirrors.iter().map(ToString::to_string).collect(),
            limit: account.limit.and_then(|limit| u32::try_from(limit).ok()),
            verified_at: account.verified_at.map(|at| at.to_string()),
        }
    }
}

impl From<Trusted> for dto::Trusted {
    fn from(trusted: Trusted) -> Self {
        let (kind, sha256, subject, pem) = match trusted {
            Trusted::Certificate { sha256, subject } => {
                ("certificate", sha256, subject, String::new())
            }
            Trusted::Ca { sha256, subject, pem } => ("ca", sha256, subject, pem),
        };
        Self { kind: kind.into(), sha256: sha256.to_string(), subject, pem }
    }
}

impl From<&check::Done> for CheckStep {
    fn from(done: &check::Done) -> Self {
        let (state, error) = match &done.verdict {
            check::Verdict::Passed => ("passed", None),
            check::Verdict::Warning(error) => ("warning", error.as_ref()),
            check::Verdict::Failed(error) => ("failed", Some(error)),
            check::Verdict::Skipped => ("skipped", None),
        };
        Self {
            step: done.step.as_str().into(),
            state: state.into(),
            millis: done.took.as_millis() as u64,
            detail: done.detail.clone(),
            error: error.map(ApiError::from),
            trust: done.chain.as_ref().map(|chain| dto::TrustOffer {
                certificate: chain.trust_certificate().into(),
                ca: chain.trust_authority().map(Into::into),
            }),
        }
    }
}
