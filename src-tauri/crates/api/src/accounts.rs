//! Commands about accounts. Secrets go in and never come out.

use std::{path::PathBuf, sync::Arc};

use ::accounts::{Account, Address, SecretPlace, Typed, check};
use registry::{Access, Code, Credential};
use secrecy::{ExposeSecret as _, SecretString};

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

/// A draft, understood: the account as it will be, and its new secret, if one was typed.
struct Drafted {
    account: Account,
    secret: Option<SecretString>,
}

pub(crate) async fn list<H: Host>(api: &Arc<Api<H>>, (): ()) -> Result<Vec<dto::Account>> {
    Ok(api.accounts.lock().await.list().iter().map(Into::into).collect())
}

pub(crate) async fn save<H: Host>(api: &Arc<Api<H>>, draft: AccountDraft) -> Result<dto::Account> {
    let mut accounts = api.accounts.lock().await;
    let old = old(&accounts, &draft)?;
    let Drafted { mut account, secret } = understand(draft, old.as_ref())?;
    if account.id.is_empty() {
        account.id = accounts.new_id(&account.address);
    }
    accounts.check(&account)?;
    account.verified_at = verified_at(api, &account, secret.as_ref(), old.as_ref());

    match (&secret, &old) {
        (Some(secret), _) => account.secret_in = api.vault.set(&account, secret).await?,
        (None, Some(old)) if account.username.is_empty() => {
            api.vault.remove(old).await?;
            account.secret_in = SecretPlace::None;
        }
        (None, _) => {}
    }
    let saved = dto::Account::from(&account);
    if let Err(error) = accounts.put(account.clone()) {
        if old.is_none() {
            // nothing will ever ask for it
            let _ = api.vault.remove(&account).await;
        }
        return Err(error.into());
    }
    Ok(saved)
}

/// The account that a draft changes.
fn old(accounts: &::accounts::Accounts, draft: &AccountDraft) -> Result<Option<Account>> {
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
    let secret = draft.secret.filter(|secret| !secret.expose_secret().is_empty()).or(typed.secret);
    if secret.is_some() && username.is_empty() {
        return Err(ApiError::field("username", "a secret needs a user name")
            .hint("Where a registry takes tokens alone, its documentation says which user name goes with them."));
    }
    if secret.is_none()
        && !username.is_empty()
        && old.is_some_and(|old| {
            old.secret_in != SecretPlace::None && !same_host(&old.address, &typed.address)
        })
    {
        // else whoever can change an address could send the secret anywhere
        return Err(ApiError::field(
            "secret",
            "the stored secret belongs to the account's former address",
        )
        .hint("Enter the secret again."));
    }
    let name = match draft.name.trim() {
        "" => typed.address.to_string(),
        name => name.to_owned(),
    };
    let account = Account {
        id: old.map(|old| old.id.clone()).unwrap_or_default(),
        name,
        address: typed.address,
        username,
        insecure: draft.insecure,
        ca_file: draft.ca_file.filter(|path| !path.trim().is_empty()).map(PathBuf::from),
        verified_at: None,
        secret_in: old.map_or(SecretPlace::None, |old| old.secret_in),
    };
    Ok(Drafted { account, secret })
}

fn same_host(a: &Address, b: &Address) -> bool {
    a.registry == b.registry
}

/// Whether two accounts are tested alike.
fn same_way(a: &Account, b: &Account) -> bool {
    (&a.address, &a.username, a.insecure, &a.ca_file)
        == (&b.address, &b.username, b.insecure, &b.ca_file)
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
            same_way(&tested.account, account) && tested.account.id == old.map_or("", |old| &old.id)
        })
        .filter(|tested| exposed(tested.secret.as_ref()) == exposed(secret))
        .map(|tested| tested.at);
    just_tested.or_else(|| {
        old.filter(|old| secret.is_none() && same_way(old, account)).and_then(|old| old.verified_at)
    })
}

pub(crate) async fn remove<H: Host>(api: &Arc<Api<H>>, request: ById) -> Result<()> {
    let mut accounts = api.accounts.lock().await;
    let account = accounts.get(&request.id).cloned().ok_or_else(|| ApiError::gone("account"))?;
    match api.vault.remove(&account).await {
        // without a keyring its secret is out of reach anyway
        Err(error) if error.code() == Code::KeyringMissing => {
            tracing::warn!(account = account.id, "its secret could not be removed: {error}");
        }
        done => done?,
    }
    accounts.remove(&request.id)?;
    Ok(())
}

pub(crate) async fn test<H: Host>(api: &Arc<Api<H>>, request: TestRequest) -> Result<CheckReport> {
    let TestRequest { token, draft } = request;
    let old = old(&*api.accounts.lock().await, &draft)?;
    let Drafted { account, secret } = understand(draft, old.as_ref())?;
    let credential = if account.username.is_empty() {
        Credential::Anonymous
    } else {
        let stored = match (&secret, &old) {
            (None, Some(old)) => api.vault.get(old).await?,
            _ => None,
        };
        let password = secret
            .clone()
            .or(stored)
            .ok_or_else(|| ApiError::field("secret", "there is no secret for this user name"))?;
        Credential::Basic { username: account.username.clone(), password }
    };
    let access = Access { credential, tls: account.tls().await?, ..Access::default() };
    let tell = |done: &check::Done| {
        api.host.emit(AppEvent::Check { token: token.clone(), step: done.into() });
    };
    let steps =
        check::check(&account.address.registry, access, &check::Limits::default(), tell).await;
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
        let saved = accounts.get(&account.id).filter(|saved| same_way(saved, &account)).cloned();
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
        let secret_in = match account.secret_in {
            SecretPlace::None => "none",
            SecretPlace::Keyring => "keyring",
            SecretPlace::Memory => "memory",
        };
        Self {
            id: account.id.clone(),
            name: account.name.clone(),
            address: account.address.to_string(),
            username: account.username.clone(),
            has_secret: account.secret_in != SecretPlace::None,
            secret_in: secret_in.into(),
            insecure: account.insecure,
            ca_file: account.ca_file.as_ref().map(|path| path.display().to_string()),
            verified_at: account.verified_at.map(|at| at.to_string()),
        }
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
        }
    }
}
