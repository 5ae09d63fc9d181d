//! `image-syncer login`: keeps an account, once its login was seen to work.

use std::process::ExitCode;

use accounts::{
    Account, Accounts, Address, SecretPlace, Trusted, Vault,
    check::{self, Limits, Verdict},
    import, secret_kind,
};
use registry::{Access, Code, Credential};
use secrecy::SecretString;

use crate::{
    accounts::{address, choose, kept, open, vault},
    args::{LoginFlags, SecretsIn},
    passphrase,
    problem::{Problem, Problems},
    say,
    sync::warn,
};

pub(crate) async fn login(flags: LoginFlags) -> Result<ExitCode, Problems> {
    let address = address(&flags.address)?;
    let (dirs, mut accounts) = open()?;
    let vault = vault(&dirs);
    match flags.secrets {
        Some(SecretsIn::File) => vault.prefer_file(),
        Some(SecretsIn::Keyring) => {
            vault.retry().await;
        }
        None => {}
    }
    let username = username(&flags)?;
    let old = old(&accounts, &flags, &address, &username)?;
    let (mut account, proxy_password) = drafted(&flags, address, username, old.as_ref())?;
    account.check().map_err(|error| Problem::config(error.to_string()))?;
    // before a secret is asked for that nobody could keep
    place(&vault).await?;
    let secret = secret(&flags, &account)?;

    let way = account.way(&vault).await.map_err(|error| Problem::of(&error))?;
    if !flags.no_verify {
        let mut access = Access { credential: credential(&account, &secret), ..way };
        if let (Some(proxy), Some(password)) = (&mut access.proxy, &proxy_password) {
            let _ = proxy.set_password(Some(secrecy::ExposeSecret::expose_secret(password)));
        }
        if let Some(problem) = refused(&account, access).await {
            say(problem.render().trim_end());
            say("the account was not saved; --no-verify saves it without trying");
            return Ok(ExitCode::FAILURE);
        }
        account.verified_at = Some(jiff::Timestamp::now());
    }
    let saved = save(account, old, &secret, proxy_password.as_ref(), &mut accounts, &vault).await?;
    if saved.insecure {
        warn(
            "the account is insecure: certificates are not verified, anyone in between can read the secret",
        );
    }
    let did = if flags.no_verify { "saved without trying it" } else { "logged in" };
    say(&format!(
        "{did}: {} as {}: account '{}'{}",
        saved.address,
        accounts::account::shown(&saved.username),
        saved.id,
        kept(&saved)
    ));
    Ok(ExitCode::SUCCESS)
}

fn username(flags: &LoginFlags) -> Result<String, Problem> {
    match &flags.username {
        Some(name) => Ok(name.clone()),
        None if flags.identity_token => Ok(String::new()),
        None if !flags.password_stdin && passphrase::is_interactive() => {
            let name = passphrase::question("User name: ")?;
            if name.is_empty() { Err(Problem::config("a user name is needed")) } else { Ok(name) }
        }
        None => Err(Problem::config("a user name is needed").hint("Give it with --username.")),
    }
}

/// The account that is changed: the one that is named, or the one of the same address and user.
fn old(
    accounts: &Accounts,
    flags: &LoginFlags,
    address: &Address,
    username: &str,
) -> Result<Option<Account>, Problem> {
    if let Some(id) = &flags.account {
        return choose(accounts, address, None, Some(id)).cloned().map(Some);
    }
    Ok(accounts.at(address).find(|old| old.username == username && !flags.new).cloned())
}

fn drafted(
    flags: &LoginFlags,
    address: Address,
    username: String,
    old: Option<&Account>,
) -> Result<(Account, Option<SecretString>), Problem> {
    let mut account = match old {
        Some(old) => Account { address, ..old.clone() },
        None => Account::new("", address),
    };
    account.username = username;
    account.secret_kind = if flags.identity_token {
        secret_kind::IDENTITY_TOKEN.into()
    } else {
        secret_kind::PASSWORD.into()
    };
    account.link = None;
    account.verified_at = None;
    account.insecure = flags.insecure;
    account.plain_http = flags.plain_http;
    // what is not said stays as it was
    if let Some(name) = &flags.name {
        account.name.clone_from(name);
    }
    let absolute =
        |path: &std::path::PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone());
    for (field, path) in [
        (&mut account.ca_file, &flags.ca),
        (&mut account.client_cert, &flags.cert),
        (&mut account.client_key, &flags.key),
    ] {
        if let Some(path) = path {
            *field = Some(absolute(path));
        }
    }
    if let Some(sha256) = flags.trust {
        account.trusted = Some(Trusted::Certificate { sha256, subject: String::new() });
    }
    account.limit = flags.limit.or(account.limit);
    let mirrors = flags.mirror.iter().map(|text| text.parse::<Address>());
    let mirrors: Vec<Address> = mirrors
        .collect::<Result<_, _>>()
        .map_err(|error| Problem::config(format!("--mirror: {error}")))?;
    if !mirrors.is_empty() {
        account.mirrors = mirrors;
    }
    let mut password = None;
    if let Some(text) = &flags.proxy {
        let wrong = || {
            Problem::config("--proxy: it is no address")
                .hint("Write http://host:port, https://host:port or socks5://host:port.")
        };
        let (proxy, inside) = import::without_password(&text.parse().map_err(|_| wrong())?);
        if inside.is_some() {
            return Err(Problem::config("--proxy: a password must not stand on the command line")
                .hint("Give it in IMAGE_SYNCER_PROXY_PASSWORD."));
        }
        if account.proxy != proxy {
            account.proxy_secret_in = SecretPlace::None;
        }
        account.proxy = proxy;
        let given = std::env::var("IMAGE_SYNCER_PROXY_PASSWORD").ok();
        password = given.filter(|text| !text.is_empty()).map(SecretString::from);
    }
    Ok((account, password))
}

/// Sees that there is a place for secrets. On a terminal a person has three choices; else this is told.
async fn place(vault: &Vault) -> Result<(), Problem> {
    let mut status = vault.status().await;
    while let Some(error) = status.error() {
        if !passphrase::is_interactive() {
            let hint = format!(
                "Or keep secrets in an encrypted file: set {} (or {}).",
                passphrase::VARIABLE,
                passphrase::FILE_VARIABLE
            );
            return Err(Problem::of(&error).hint(hint));
        }
        say(Problem::of(&error).render().trim_end());
        let answer = passphrase::question(
            "Try the keyring again (r), keep secrets in a file that is encrypted with a passphrase (f), or stop (s)? ",
        )?;
        match answer.as_str() {
            "r" => status = vault.retry().await,
            "f" => {
                vault.prefer_file();
                status = vault.status().await;
            }
            _ => return Err(Problem::of(&error)),
        }
    }
    Ok(())
}

fn secret(flags: &LoginFlags, account: &Account) -> Result<SecretString, Problem> {
    if flags.password_stdin {
        return passphrase::piped();
    }
    if !passphrase::is_interactive() {
        return Err(Problem::config("there is no terminal to ask for the secret")
            .hint("Pipe it in: 'image-syncer login HOST -u USER --password-stdin < FILE'."));
    }
    let secret = passphrase::prompt(&format!("Password or token for {}: ", account.address))?;
    if secrecy::ExposeSecret::expose_secret(&secret).is_empty() {
        return Err(Problem::config("the secret is empty"));
    }
    Ok(secret)
}

fn credential(account: &Account, secret: &SecretString) -> Credential {
    if account.secret_kind == secret_kind::IDENTITY_TOKEN {
        return Credential::IdentityToken(secret.clone());
    }
    Credential::Basic { username: account.username.clone(), password: secret.clone() }
}

/// Why the login does not work, if so.
async fn refused(account: &Account, access: Access) -> Option<Problem> {
    let registry = &account.address.registry;
    let steps = check::check(registry, None, access, &Limits::default(), |_| {}).await;
    steps.iter().find_map(|done| {
        let Verdict::Failed(error) = &done.verdict else { return None };
        let mut problem = Problem::of(&error.clone().registry(registry));
        if let (Code::TlsUntrusted | Code::TlsChanged, Some(chain)) = (error.code(), &done.chain) {
            problem = problem.hint(format!(
                "The server shows {}. If that is right, trust it with --trust {}.",
                chain.server(),
                chain.server().sha256
            ));
        }
        Some(problem)
    })
}

async fn save(
    mut account: Account,
    old: Option<Account>,
    secret: &SecretString,
    proxy_password: Option<&SecretString>,
    accounts: &mut Accounts,
    vault: &Vault,
) -> Result<Account, Problem> {
    let told = |error: &registry::Error| Problem::of(error);
    if old.is_none() {
        account.id = accounts.new_id(&account.address);
        let added = import::add(account, Some(secret), proxy_password, accounts, vault).await;
        return added.map_err(|error| told(&error));
    }
    account.secret_in = vault.set(&account, secret).await.map_err(|error| told(&error))?;
    if let Some(password) = proxy_password {
        let place = vault.set_proxy_password(&account, password).await;
        account.proxy_secret_in = place.map_err(|error| told(&error))?;
    }
    accounts.put(account.clone()).map_err(|error| told(&error.into()))?;
    Ok(account)
}
