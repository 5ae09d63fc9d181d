//! From files, flags and profiles to rules and logins. Everything that can be wrong is found here, before anything is
//! contacted.

use std::{path::Path, sync::Arc};

use accounts::{
    Account, AccountAccess, Accounts, Address, AuthEntry, CredentialFiles, FileAccess, SecretPlace,
    Vault,
};
use engine::{JobRule, Rule, RuleError};
use profiles::{
    image_syncer::{self, Loaded},
    profile::{Profiles, library},
};
use registry::{Code, Registry};
use store::Dirs;

use crate::{
    accounts::{environment, open, vault},
    args::{Files, SyncFlags},
    passphrase,
    problem::{Problem, Problems},
    record::Of,
    sync::{self, Work},
};

/// `--images` with `--auth`, or `--config`.
pub(crate) fn files(files: &Files, flags: &SyncFlags) -> Result<Work, Problems> {
    let loaded = match (&files.images, &files.config) {
        (Some(images), None) => image_syncer::load(flags.auth.as_deref(), images, &environment)?,
        (None, Some(config)) if flags.auth.is_none() => {
            sync::warn(
                "--config is deprecated: put its 'auth' and 'images' into files for --auth and --images",
            );
            image_syncer::load_config(config)?
        }
        (None, None) => {
            return Err(Problem::config("there is nothing to sync: --images is missing")
                .hint("Name a file of rules with --images, or use 'image-syncer copy SRC DST'.")
                .hint("'image-syncer demo' shows a sync that needs no account.")
                .into());
        }
        _ => {
            return Err(Problem::config("--config can't be used together with --auth or --images")
                .hint("Name the rules with --images and the logins with --auth; --config is the original's old form.")
                .into());
        }
    };
    let (rules, auth) = told(loaded);
    work(rules.into_iter().map(JobRule::from).collect(), auth, flags)
}

/// `copy SRC DST...`
pub(crate) fn copy(
    source: &str,
    destinations: &[String],
    flags: &SyncFlags,
) -> Result<Work, Problems> {
    let destinations: Vec<&str> = destinations.iter().map(String::as_str).collect();
    let rule = Rule::parse(source, &destinations).map_err(|error| rule_problem(&error))?;
    work(vec![rule.into()], auth(flags.auth.as_deref())?, flags)
}

fn rule_problem(error: &RuleError) -> Problem {
    let problem = Problem::config(error.to_string());
    match &error.hint {
        Some(hint) => problem.hint(hint.clone()),
        None => problem,
    }
}

/// The logins of an auth file, where one is named.
pub(crate) fn auth(path: Option<&Path>) -> Result<Vec<AuthEntry>, Problems> {
    let Some(path) = path else { return Ok(Vec::new()) };
    Ok(told(image_syncer::load_auth(path, &environment)?).1)
}

/// Warns of what is worth a warning.
fn told(loaded: Loaded) -> (Vec<Rule>, Vec<AuthEntry>) {
    for warning in &loaded.warnings {
        sync::warn(&match &warning.hint {
            Some(hint) => format!("{warning}; {hint}"),
            None => warning.to_string(),
        });
    }
    (loaded.rules, loaded.auth)
}

fn work(rules: Vec<JobRule>, auth: Vec<AuthEntry>, flags: &SyncFlags) -> Result<Work, Problems> {
    let access = access(auth, &flags.accounts)?;
    Ok(Work::new(rules, Arc::new(access), flags)?)
}

/// By the auth file, then the accounts of the app, then docker's and podman's files.
pub(crate) fn access(auth: Vec<AuthEntry>, choice: &[String]) -> Result<FileAccess, Problems> {
    let mut access = file_access(auth)?;
    // without a home there are none, and a file of accounts that is broken stops nothing that needs none
    if let Some(dirs) = Dirs::of_system() {
        let (accounts, unread) = Accounts::open(dirs.accounts());
        if let Some(error) = unread {
            sync::warn(&format!("{error}; going on without accounts"));
        }
        let named = named(choice, accounts.list())?;
        if !accounts.list().is_empty() {
            let vault = Arc::new(vault(&dirs));
            let list = accounts.list().to_vec();
            access = access.with_accounts(AccountAccess::new(list, vault).named(named));
        }
    }
    Ok(access)
}

/// What `--account` says: which account is used for which address.
fn named(flags: &[String], accounts: &[Account]) -> Result<Vec<(Address, String)>, Problem> {
    let read = |text: &String| {
        let (address, id) = match text.rsplit_once('=') {
            Some((address, id)) => (Some(address), id),
            None => (None, text.as_str()),
        };
        let account = accounts.iter().find(|account| account.id == id).ok_or_else(|| {
            Problem::config(format!("--account: there is no account '{}'", id.escape_debug()))
                .hint("'image-syncer accounts' lists those that there are, with their ids.")
        })?;
        let address = match address {
            None => account.address.clone(),
            Some(text) => {
                text.parse().map_err(|error| Problem::config(format!("--account: {error}")))?
            }
        };
        Ok((address, account.id.clone()))
    };
    flags.iter().map(read).collect()
}

/// `run PROFILE`: the profile's rules and policy, with the accounts of the app; then as everywhere.
pub(crate) async fn profile(name: &str, flags: &SyncFlags) -> Result<Work, Problems> {
    let (dirs, accounts) = open()?;
    let profiles = Profiles::at(dirs.profiles());
    let stored = profiles.find(name).map_err(|error| match error {
        library::Error::Broken(rejected) => Problems::from(rejected),
        error => {
            let known: Vec<String> = profiles
                .list()
                .unwrap_or_default()
                .into_iter()
                .filter_map(|listed| Some(listed.profile.ok()?.profile.name))
                .collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            Problem::new(error.code(), error.to_string())
                .hint(format!("Profiles in {}: {known}.", dirs.profiles().display()))
                .into()
        }
    })?;
    let prepared = stored.prepare()?;
    let list = accounts.list().to_vec();
    let vault = Arc::new(vault(&dirs));
    let mut names = named(&flags.accounts, &list)?;
    let profile_s = stored.profile.accounts.iter();
    names.extend(profile_s.filter_map(|(address, id)| Some((address.parse().ok()?, id.clone()))));
    let registries: Vec<&Registry> = prepared.rules.iter().flat_map(JobRule::registries).collect();
    preflight(&list, &names, &registries, &vault).await?;
    let access = AccountAccess::new(list, vault)
        .named(names)
        .or(Arc::new(file_access(auth(flags.auth.as_deref())?)?));
    let work = Work {
        rules: prepared.rules,
        policy: prepared.policy,
        options: prepared.options,
        access: Arc::new(access),
        record: Some(Of { dirs, id: stored.id, name: stored.profile.name }),
    };
    Ok(work.with(flags)?)
}

/// Certificates, keys and addresses of the accounts that can't be used are told before anything is contacted. A keyring
/// that is locked is unlocked if a person can be asked; else the images that need it fail, and the others are copied.
async fn preflight(
    accounts: &[Account],
    named: &[(Address, String)],
    registries: &[&Registry],
    vault: &Vault,
) -> Result<(), Problem> {
    for account in accounts {
        let first = accounts.iter().find(|other| other.address == account.address);
        let is_used = first.is_some_and(|first| first.id == account.id)
            || named.iter().any(|(_, id)| *id == account.id);
        if !is_used || !registries.contains(&&account.address.registry) {
            continue;
        }
        let without_secrets = Account { proxy_secret_in: SecretPlace::None, ..account.clone() };
        without_secrets.way(vault).await.map_err(|error| Problem::of(&error))?;
        if passphrase::is_interactive()
            && account.secret_in == SecretPlace::Keyring
            && vault.get(account).await.is_err_and(|e| e.code() == Code::KeyringLocked)
        {
            vault.retry().await;
        }
    }
    Ok(())
}

/// Logins from the auth file, then from what docker and podman have here.
pub(crate) fn file_access(auth: Vec<AuthEntry>) -> Result<FileAccess, Problems> {
    FileAccess::new(auth, CredentialFiles::of_system(&environment))
        .map_err(|errors| Problems(errors.iter().map(Problem::of).collect()))
}
