//! `image-syncer login`: keeps an account, once its login was seen to work.

use std::process::ExitCode;

use accounts::{
    Account, Accounts, Address, SecretKind, SecretPlace, Trusted, Vault,
    check::{self, Limits, Subject, Verdict},
    import, provider,
};
use registry::{Access, Code};
use secrecy::{ExposeSecret as _, SecretString};

use crate::{
    accounts::{address, choose, kept, open, vault},
    args::{LoginFlags, SecretsIn},
    keyring, passphrase,
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
    let (provider, kind) = kind(&flags, &address)?;
    let username = username(&flags, kind)?;
    let old = old(&accounts, &flags, &address, &username)?;
    let (mut account, proxy_password) = drafted(&flags, address, username, kind, old.as_ref())?;
    account.provider = provider.unwrap_or_default();
    account.check().map_err(|error| Problem::config(error.to_string()))?;
    // before a secret is asked for that nobody could keep
    if kind.is_kept() || proxy_password.is_some() {
        place(&vault).await?;
    }
    let secret = if kind.is_kept() { Some(secret(&flags, &account, kind)?) } else { None };

    let mut way = account.way(&vault).await.map_err(|error| Problem::of(&error))?;
    if let (Some(proxy), Some(password)) = (&mut way.proxy, &proxy_password) {
        let _ = proxy.set_password(Some(password.expose_secret()));
    }
    // what is of the wrong form is told before anything is contacted
    account.sign_in(secret.clone(), &way).map_err(|error| Problem::of(&error))?;
    if !flags.no_verify {
        if let Some(problem) = refused(&account, secret.as_ref(), way).await {
            say(problem.render().trim_end());
            say("the account was not saved; --no-verify saves it without trying");
            return Ok(ExitCode::FAILURE);
        }
        account.verified_at = Some(jiff::Timestamp::now());
    }
    let saved =
        save(account, old, secret.as_ref(), proxy_password.as_ref(), &mut accounts, &vault).await?;
    if saved.insecure {
        warn(
            "the account is insecure: certificates are not verified, anyone in between can read the secret",
        );
    }
    let did = if flags.no_verify { "saved without trying it" } else { "logged in" };
    say(&format!(
        "{did}: {} as {}: account '{}'{}",
        saved.address,
        match saved.username.as_str() {
            "" => saved.secret_kind.clone(),
            name => accounts::account::shown(name),
        },
        saved.id,
        kept(&saved)
    ));
    Ok(ExitCode::SUCCESS)
}

/// Whose registry it is, and what the secret is.
fn kind(flags: &LoginFlags, address: &Address) -> Result<(Option<String>, SecretKind), Problem> {
    let named = flags.provider.as_deref().and_then(provider::get);
    let provider = named.or_else(|| provider::of_host(&address.registry));
    let kind = match &flags.kind {
        _ if flags.identity_token => SecretKind::IdentityToken,
        Some(kind) => kind.parse().map_err(|why| Problem::config(format!("--kind: {why}")))?,
        None => named.and_then(|named| named.secrets.first().copied()).unwrap_or_default(),
    };
    if let Some((name, _)) =
        flags.cloud.given().iter().find(|(name, _)| !kind.settings().contains(name))
    {
        let fitting: Vec<_> = SecretKind::ALL
            .iter()
            .filter(|kind| kind.settings().contains(name))
            .map(|kind| kind.as_str())
            .collect();
        return Err(Problem::config(format!(
            "--{name} means nothing for a secret of the kind {kind}"
        ))
        .hint(format!("It goes with --kind {}.", fitting.join(", "))));
    }
    if flags.password_stdin && !kind.is_kept() {
        return Err(Problem::config(format!("a login of the kind {kind} has no secret"))
            .hint("Leave --password-stdin away: it is found on this machine each time."));
    }
    Ok((provider.map(|provider| provider.id.clone()), kind))
}

/// What the user name is called.
fn user_label(kind: SecretKind) -> &'static str {
    match kind {
        SecretKind::AwsKeys => "access key id",
        SecretKind::AlibabaKey => "AccessKey id",
        SecretKind::AzurePrincipal => "client id",
        _ => "user name",
    }
}

/// What the secret is called.
fn secret_label(kind: SecretKind) -> &'static str {
    match kind {
        SecretKind::IdentityToken => "Identity token",
        SecretKind::Bearer => "Token",
        SecretKind::AccessToken | SecretKind::AzureToken => "Access token",
        SecretKind::AwsKeys => "Secret access key",
        SecretKind::GoogleKey => "JSON key",
        SecretKind::AzurePrincipal => "Client secret",
        SecretKind::AlibabaKey => "AccessKey secret",
        SecretKind::Password | SecretKind::AwsProfile | SecretKind::AwsEnvironment => {
            "Password or token"
        }
    }
}

/// Asks for a secret, without an echo; for a JSON key, which has many lines, for its file.
pub(crate) fn ask(kind: SecretKind, who: &str) -> Result<SecretString, Problem> {
    let secret = if kind == SecretKind::GoogleKey {
        let path = passphrase::question(&format!("File with the JSON key for {who}: "))?;
        let text = std::fs::read_to_string(&path).map_err(|error| {
            Problem::new(Code::FileFailed, format!("{path} can't be read: {error}"))
        })?;
        SecretString::from(text.trim_end().to_owned())
    } else {
        passphrase::prompt(&format!("{} for {who}: ", secret_label(kind)))?
    };
    if secret.expose_secret().is_empty() {
        return Err(Problem::config("the secret is empty"));
    }
    Ok(secret)
}

fn username(flags: &LoginFlags, kind: SecretKind) -> Result<String, Problem> {
    let label = user_label(kind);
    match &flags.username {
        Some(_) if !kind.is_kept() => {
            Err(Problem::config(format!("a login of the kind {kind} has no user name")))
        }
        Some(name) => Ok(name.clone()),
        None if !kind.has_user() => Ok(String::new()),
        None if !flags.password_stdin && passphrase::is_interactive() => {
            let mut start = label.to_owned();
            start[..1].make_ascii_uppercase();
            let name = passphrase::question(&format!("{start}: "))?;
            if name.is_empty() {
                Err(Problem::config(format!("the {label} is needed")))
            } else {
                Ok(name)
            }
        }
        None => {
            Err(Problem::config(format!("the {label} is needed")).hint("Give it with --username."))
        }
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
    kind: SecretKind,
    old: Option<&Account>,
) -> Result<(Account, Option<SecretString>), Problem> {
    let mut account = match old {
        Some(old) => Account { address, ..old.clone() },
        None => Account::new("", address),
    };
    account.username = username;
    if account.secret_kind != kind.as_str() {
        account.settings.clear();
    }
    account.secret_kind = kind.as_str().into();
    for (name, value) in flags.cloud.given() {
        account.settings.insert(name.into(), value.trim().into());
    }
    account.link = None;
    account.verified_at = None;
    account.failed = None;
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
            return Err(Problem::of(&error).hint(keyring::without_terminal()));
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

fn secret(
    flags: &LoginFlags,
    account: &Account,
    kind: SecretKind,
) -> Result<SecretString, Problem> {
    if flags.password_stdin {
        return passphrase::piped();
    }
    if !passphrase::is_interactive() {
        return Err(Problem::config("there is no terminal to ask for the secret")
            .hint("Pipe it in: 'image-syncer login HOST -u USER --password-stdin < FILE'."));
    }
    ask(kind, &account.address.to_string())
}

/// Why the login does not work, if so.
async fn refused(account: &Account, secret: Option<&SecretString>, way: Access) -> Option<Problem> {
    let registry = &account.address.registry;
    let sign_in = account.log_in(secret.cloned(), &way);
    let subject =
        Subject { namespace: account.address.namespace.as_ref(), ..Subject::of(registry) };
    let limits = Limits::default();
    let checked = check::check(subject, way.clone(), sign_in, &limits, |_| {});
    let steps = Box::pin(checked).await;
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
    secret: Option<&SecretString>,
    proxy_password: Option<&SecretString>,
    accounts: &mut Accounts,
    vault: &Vault,
) -> Result<Account, Problem> {
    let told = |error: &registry::Error| Problem::of(error);
    let Some(old) = old else {
        // what another program has added while the password was typed
        accounts.refresh().map_err(|error| told(&::accounts::file::Error::from(error).into()))?;
        account.id = accounts.new_id(&account.address);
        let added = import::add(account, secret, proxy_password, accounts, vault).await;
        return added.map_err(|error| told(&error));
    };
    if let Some(secret) = secret {
        account.secret_in = vault.set(&account, secret).await.map_err(|error| told(&error))?;
    } else {
        vault.remove(&old).await.map_err(|error| told(&error))?;
        account.secret_in = SecretPlace::None;
    }
    if let Some(password) = proxy_password {
        let place = vault.set_proxy_password(&account, password).await;
        account.proxy_secret_in = place.map_err(|error| told(&error))?;
    }
    accounts.put(account.clone()).map_err(|error| told(&error.into()))?;
    Ok(account)
}
