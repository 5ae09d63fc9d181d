//! `image-syncer logout`: forgets an account and its secret.

use std::process::ExitCode;

use registry::Code;

use crate::{
    accounts::{address, choose, open, vault},
    problem::{Problem, Problems},
    say,
    sync::warn,
};

pub(crate) async fn logout(
    text: &str,
    username: Option<&str>,
    id: Option<&str>,
) -> Result<ExitCode, Problems> {
    let address = address(text)?;
    let (dirs, mut accounts) = open()?;
    let account = choose(&accounts, &address, username, id)?.clone();
    let vault = vault(&dirs);
    for removed in [vault.remove(&account).await, vault.remove_proxy_password(&account).await] {
        match removed {
            // without a keyring its secret is out of reach anyway
            Err(error) if error.code() == Code::KeyringMissing => {
                warn(&format!("its secret could not be removed: {error}"));
            }
            done => done.map_err(|error| Problem::of(&error))?,
        }
    }
    accounts.remove(&account.id).map_err(|error| Problem::of(&error.into()))?;
    say(&format!("removed the account '{}' for {}", account.id, account.address));
    Ok(ExitCode::SUCCESS)
}
