//! *Test connection*: of an account as it is typed, and what is kept of it.

use std::sync::Arc;

use ::accounts::{Account, FailedTest, SecretPlace, check};
use registry::RepositoryName;
use secrecy::{ExposeSecret as _, SecretString};

use super::draft::{Drafted, needs_no_secret, old, understand};
use crate::{
    Api, Host,
    app::lock,
    dto::{ApiError, AppEvent, CheckReport, TestRequest},
    error::Result,
};

/// The last test, so that saving right after it can say what came of it.
pub(crate) struct Tested {
    account: Account,
    secret: Option<SecretString>,
    outcome: Outcome,
}

/// What came of a test.
type Outcome = Result<jiff::Timestamp, FailedTest>;

pub(crate) async fn test<H: Host>(api: &Arc<Api<H>>, request: TestRequest) -> Result<CheckReport> {
    let TestRequest { token, draft, repository } = request;
    let repository = repository.as_deref().map(str::trim).filter(|name| !name.is_empty());
    let repository: Option<RepositoryName> = repository
        .map(str::parse)
        .transpose()
        .map_err(|error| ApiError::field("repository", format!("{error}")))?;
    let old = {
        let mut accounts = api.accounts.lock().await;
        super::refresh(&mut accounts)?;
        old(&accounts, &draft)?
    };
    let Drafted { account, secret, proxy_password } = understand(api, draft, old.as_ref())?;
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
    let secret_at_hand = if secret.is_some() || needs_no_secret(&account) {
        secret.clone()
    } else if account.secret_in == SecretPlace::None {
        return Err(ApiError::field("secret", "there is no secret for this user name")
            .param("why", "missing"));
    } else if account.secret_in == SecretPlace::Linked {
        None
    } else {
        // a keyring that is locked is no fault of the registry: it is told before anything is contacted
        api.vault.get(&account).await?
    };
    let sign_in = async {
        if secret.is_none() && account.secret_in == SecretPlace::Linked {
            return Ok(api.vault.credential(&account, true).await?.into());
        }
        // what replaces a link is the account's own
        let own = Account { secret_in: SecretPlace::None, link: None, ..account.clone() };
        own.log_in(secret_at_hand, &way).await
    };
    let tell = |done: &check::Done| {
        api.host.emit(AppEvent::Check { token: token.clone(), step: Box::new(done.into()) });
    };
    let subject = check::Subject {
        registry: &account.address.registry,
        namespace: account.address.namespace.as_ref(),
        repository: repository.as_ref(),
    };
    let limits = check::Limits::default();
    let checked = check::check(subject, way.clone(), sign_in, &limits, tell);
    let steps = Box::pin(checked).await;
    let passed = check::passed(&steps);
    note(api, account, secret, check::outcome(&steps, api.host.now())).await;
    Ok(CheckReport { passed, steps: steps.iter().map(Into::into).collect() })
}

/// Notes what came of a test: on the saved account if that is what was tested, and for a save that may follow.
async fn note<H: Host>(
    api: &Api<H>,
    account: Account,
    secret: Option<SecretString>,
    outcome: Outcome,
) {
    if secret.is_none() {
        let mut accounts = api.accounts.lock().await;
        let noted = accounts.update(&account.id, |saved| {
            if saved.reaches_as(&account) {
                saved.note(outcome.clone());
            }
        });
        if let Err(error) = noted {
            tracing::warn!("what came of a test could not be noted: {error}");
        }
    }
    *lock(&api.tested) = Some(Tested { account, secret, outcome });
}

/// The account with what is known of its tests: the last one, if this is what was tested, or what was known before.
pub(super) fn known<H: Host>(
    api: &Api<H>,
    account: Account,
    secret: Option<&SecretString>,
    old: Option<&Account>,
) -> Account {
    let exposed = |secret: Option<&SecretString>| secret.map(|s| s.expose_secret().to_owned());
    let mut account = match old.filter(|old| secret.is_none() && old.reaches_as(&account)) {
        Some(old) => {
            Account { verified_at: old.verified_at, failed: old.failed.clone(), ..account }
        }
        None => account,
    };
    let tested = lock(&api.tested);
    let just_tested = tested
        .as_ref()
        .filter(|tested| {
            tested.account.reaches_as(&account)
                && tested.account.id == old.map_or("", |old| &old.id)
        })
        .filter(|tested| exposed(tested.secret.as_ref()) == exposed(secret));
    if let Some(tested) = just_tested {
        account.note(tested.outcome.clone());
    }
    account
}
