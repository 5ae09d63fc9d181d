//! From files, flags and profiles to rules and logins. Everything that can be wrong is found here, before anything is
//! contacted.

use std::{path::Path, sync::Arc};

use accounts::{
    Account, AccountAccess, Accounts, Address, AuthEntry, CredentialFiles, FileAccess, SecretPlace,
    Vault,
};
use engine::{JobRule, Rule, RuleError};
use profiles::{
    Rejected,
    image_syncer::{self, Loaded},
    profile::{Profiles, library},
};
use registry::Registry;
use store::Dirs;

use crate::{
    accounts::{environment, open, vault},
    args::{Files, SyncFlags},
    keyring,
    problem::{Problem, Problems},
    record::Of,
    sync::{self, Work},
};

/// Rules, and the logins of an auth file.
pub(crate) type Read = (Vec<JobRule>, Vec<AuthEntry>);

/// `--images` with `--auth`, or `--config`.
pub(crate) fn files(files: &Files, flags: &SyncFlags) -> Result<Read, Problems> {
    let loaded = match (&files.images, &files.config) {
        (Some(images), None) => {
            read(image_syncer::load(flags.auth.as_deref(), images, &environment))?
        }
        (None, Some(config)) if flags.auth.is_none() => {
            sync::warn(
                "--config is deprecated: put its 'auth' and 'images' into files for --auth and --images",
            );
            read(image_syncer::load_config(config))?
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
    Ok((rules.into_iter().map(JobRule::from).collect(), auth))
}

/// `copy SRC DST...`
pub(crate) fn copy(
    source: &str,
    destinations: &[String],
    flags: &SyncFlags,
) -> Result<Read, Problems> {
    let destinations: Vec<&str> = destinations.iter().map(String::as_str).collect();
    let rule = Rule::parse(source, &destinations).map_err(|error| rule_problem(&error))?;
    Ok((vec![rule.into()], auth(flags.auth.as_deref())?))
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
    Ok(told(read(image_syncer::load_auth(path, &environment))?).1)
}

/// Warns of what is worth a warning.
fn told(loaded: Loaded) -> (Vec<Rule>, Vec<AuthEntry>) {
    warn_of(&loaded.warnings);
    (loaded.rules, loaded.auth)
}

/// What is wrong, behind what is worth a warning: it may be why.
fn read(loaded: Result<Loaded, Rejected>) -> Result<Loaded, Problems> {
    loaded.map_err(|rejected| {
        warn_of(&rejected.warnings);
        rejected.into()
    })
}

fn warn_of(warnings: &[profiles::Problem]) {
    for warning in warnings {
        sync::warn(&match &warning.hint {
            Some(hint) => format!("{warning}; {hint}"),
            None => warning.to_string(),
        });
    }
}

/// What was read, with whoever the accounts say that we are.
pub(crate) async fn work((rules, auth): Read, flags: &SyncFlags) -> Result<Work, Problems> {
    let registries: Vec<Registry> = rules
        .iter()
        .flat_map(JobRule::registries)
        // what the auth file says goes first
        .filter(|registry| !auth.iter().any(|entry| has_login(entry, registry)))
        .cloned()
        .collect();
    let access = access(auth, &flags.accounts, &registries).await?;
    Ok(Work::new(rules, Arc::new(access), flags)?)
}

/// Whether an entry of the auth file says who we are at a registry.
fn has_login(entry: &AuthEntry, registry: &Registry) -> bool {
    entry.address.registry == *registry
        && entry.address.namespace.is_none()
        && entry.username.is_some()
}

/// Who we are: by the auth file, then by the accounts, then by what docker and podman have. The secrets of the accounts
/// for `registries` are seen to.
pub(crate) async fn access(
    auth: Vec<AuthEntry>,
    named_flags: &[String],
    registries: &[Registry],
) -> Result<FileAccess, Problems> {
    let access = file_access(auth)?;
    // without a home there are none, and a file of accounts that is broken stops nothing that needs none
    let Some(dirs) = Dirs::of_system() else { return Ok(access) };
    let (mut accounts, unread) = Accounts::open(dirs.accounts());
    if let Some(error) = unread {
        sync::warn(&format!("{error}; going on without accounts"));
    }
    let named = named(named_flags, accounts.list())?;
    if accounts.list().is_empty() {
        return Ok(access);
    }
    let vault = Arc::new(vault(&dirs));
    let mut list = accounts.list().to_vec();
    let used: Vec<bool> =
        list.iter().map(|account| is_used(account, &list, &named, registries)).collect();
    let mut needed: Vec<&mut Account> =
        list.iter_mut().zip(used).filter_map(|(account, used)| used.then_some(account)).collect();
    keyring::ready(&mut needed, &mut accounts, &vault).await?;
    Ok(access.with_accounts(AccountAccess::new(list, vault).named(named)))
}

/// Whether a run over these registries may use an account.
fn is_used(
    account: &Account,
    all: &[Account],
    named: &[(Address, String)],
    registries: &[Registry],
) -> bool {
    let first = all.iter().find(|other| other.address == account.address);
    registries.contains(&account.address.registry)
        && (first.is_some_and(|first| first.id == account.id)
            || named.iter().any(|(_, id)| *id == account.id))
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
    let (dirs, mut accounts) = open()?;
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
    let mut list = accounts.list().to_vec();
    let vault = Arc::new(vault(&dirs));
    let mut names = named(&flags.accounts, &list)?;
    let profile_s = stored.profile.accounts.iter();
    names.extend(profile_s.filter_map(|(address, id)| Some((address.parse().ok()?, id.clone()))));
    let registries: Vec<Registry> =
        prepared.rules.iter().flat_map(JobRule::registries).cloned().collect();
    preflight(&mut list, &names, &registries, &mut accounts, &vault).await?;
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

/// Certificates, keys and addresses of the accounts that can't be used are told before anything is contacted, and a
/// keyring that can't be read is seen to.
async fn preflight(
    list: &mut [Account],
    named: &[(Address, String)],
    registries: &[Registry],
    accounts: &mut Accounts,
    vault: &Vault,
) -> Result<(), Problems> {
    let used: Vec<bool> =
        list.iter().map(|account| is_used(account, list, named, registries)).collect();
    let mut needed: Vec<&mut Account> =
        list.iter_mut().zip(used).filter_map(|(account, used)| used.then_some(account)).collect();
    for account in &needed {
        let without_secrets = Account { proxy_secret_in: SecretPlace::None, ..(**account).clone() };
        without_secrets.way(vault).await.map_err(|error| Problem::of(&error))?;
    }
    keyring::ready(&mut needed, accounts, vault).await
}

/// Logins from the auth file, then from what docker and podman have here.
pub(crate) fn file_access(auth: Vec<AuthEntry>) -> Result<FileAccess, Problems> {
    FileAccess::new(auth, CredentialFiles::of_system(&environment))
        .map_err(|errors| Problems(errors.iter().map(Problem::of).collect()))
}
