//! A keyring that can't be read, where accounts have their secrets in it: a person is asked what to do; without one it
//! is said what can be done.

use accounts::{Account, Accounts, SecretKind, SecretPlace, Vault, account::shown};
use registry::Code;
use secrecy::{ExposeSecret as _, SecretString};

use crate::{
    login, passphrase,
    problem::{Problem, Problems},
    say,
    sync::warn,
};

/// Before anything is contacted: sees that the secrets of these accounts can be read. What a person then says, or
/// types, is in the accounts afterwards. Without a terminal this only warns: what needs a secret fails, and the rest
/// is done.
pub(crate) async fn ready(
    needed: &mut [&mut Account],
    accounts: &mut Accounts,
    vault: &Vault,
) -> Result<(), Problems> {
    needed.sort_by(|a, b| a.id.cmp(&b.id));
    let in_keyring = |account: &Account| account.secret_in == SecretPlace::Keyring;
    while let Some(first) = needed.iter().find(|account| in_keyring(account)) {
        let Err(error) = vault.get(first).await else { return Ok(()) };
        if !matches!(error.code(), Code::KeyringLocked | Code::KeyringMissing) {
            return Ok(());
        }
        let names: Vec<_> = needed.iter().filter(|a| in_keyring(a)).map(|a| shown(&a.id)).collect();
        if !passphrase::is_interactive() {
            warn(&format!("{error}; {} needs it. {}", names.join(", "), without_terminal()));
            return Ok(());
        }
        say(Problem::of(&error).render().trim_end());
        say(&format!("The secrets of these accounts are in it: {}.", names.join(", ")));
        let answer = passphrase::question(
            "Try the keyring again (r), enter the secrets for this run alone (m), keep them in a file that is encrypted \
             with a passphrase (f), or go on without (s)? ",
        )?;
        match answer.as_str() {
            "r" => {
                vault.retry().await;
            }
            "m" => {
                vault.use_memory().await;
                enter(needed, vault, None).await?;
            }
            "f" => {
                vault.prefer_file();
                enter(needed, vault, Some(accounts)).await?;
            }
            "s" => return Ok(()),
            _ => say("please answer r, m, f or s"),
        }
    }
    Ok(())
}

/// What a machine without a terminal can do.
pub(crate) fn without_terminal() -> String {
    format!(
        "Give the logins in a file with --auth; or keep them in the encrypted file ('image-syncer login HOST --secrets \
         file --password-stdin') and set {} or {}.",
        passphrase::VARIABLE,
        passphrase::FILE_VARIABLE
    )
}

/// Asks for each secret, and keeps it where secrets are kept now. With `accounts`, that place is noted in their file.
async fn enter(
    needed: &mut [&mut Account],
    vault: &Vault,
    mut accounts: Option<&mut Accounts>,
) -> Result<(), Problem> {
    for account in needed.iter_mut().filter(|account| account.secret_in == SecretPlace::Keyring) {
        let kind = account.secret_kind.parse().unwrap_or(SecretKind::Password);
        let who = match account.username.as_str() {
            "" => account.address.to_string(),
            user => format!("{} at {}", shown(user), account.address),
        };
        let secret = login::ask(kind, &who)?;
        // what is in the keyring stays there: it is out of reach only for now
        let elsewhere = Account { secret_in: SecretPlace::None, ..(**account).clone() };
        let place = vault.set(&elsewhere, &secret).await.map_err(|error| Problem::of(&error))?;
        account.secret_in = place;
        if account.proxy_secret_in == SecretPlace::Keyring
            && let Some(password) = proxy_password(account)?
        {
            let elsewhere = Account { proxy_secret_in: SecretPlace::None, ..(**account).clone() };
            let place = vault.set_proxy_password(&elsewhere, &password).await;
            account.proxy_secret_in = place.map_err(|error| Problem::of(&error))?;
        }
        if let Some(accounts) = &mut accounts {
            accounts.put((**account).clone()).map_err(|error| Problem::of(&error.into()))?;
        }
    }
    Ok(())
}

fn proxy_password(account: &Account) -> Result<Option<SecretString>, Problem> {
    let Some(proxy) = &account.proxy else { return Ok(None) };
    let text = format!("Password for the proxy {proxy} of {}: ", account.address);
    Ok(Some(passphrase::prompt(&text)?).filter(|password| !password.expose_secret().is_empty()))
}
