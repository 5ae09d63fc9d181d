//! Commands about accounts. Secrets go in and never come out.

mod draft;
mod test;
mod told;

use std::sync::Arc;

use ::accounts::{Account, Accounts, SecretPlace, Vault, import};
use registry::Code;
use secrecy::SecretString;
use store::file;

use crate::{
    Api, Host,
    dto::{self, AccountDraft, ApiError, ById},
    error::Result,
};

use draft::{Drafted, needs_no_secret, old, understand};
pub(crate) use test::{Tested, test};

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
    let Drafted { account, secret, proxy_password } = understand(api, draft, old.as_ref())?;
    account.check()?;
    let mut account = test::known(api, account, secret.as_ref(), old.as_ref());
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

pub(crate) async fn remove<H: Host>(api: &Arc<Api<H>>, request: ById) -> Result<()> {
    let mut accounts = api.accounts.lock().await;
    refresh(&mut accounts)?;
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
