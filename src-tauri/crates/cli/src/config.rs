//! From files, flags and profiles to rules and logins. Everything that can be wrong is found here, before anything is
//! contacted.

use std::{path::Path, sync::Arc};

use accounts::{
    AccountAccess, Accounts, AuthEntry, CredentialFiles, FileAccess, SystemKeyring, Vault,
};
use engine::{JobRule, Rule, RuleError};
use profiles::{
    image_syncer::{self, Loaded},
    profile::{Profiles, library},
};
use store::Dirs;

use crate::{
    args::{Files, SyncFlags},
    problem::{Problem, Problems},
    sync::{self, Work},
};

fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

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
    Ok(Work::new(rules, Arc::new(file_access(auth)?), flags)?)
}

/// `run PROFILE`: the profile's rules and policy, with the accounts of the app; then as everywhere.
pub(crate) fn profile(name: &str, flags: &SyncFlags) -> Result<Work, Problems> {
    let dirs = Dirs::of_system().ok_or_else(|| {
        Problem::config("there is no home directory, hence no profiles")
            .hint("Set HOME or IMAGE_SYNCER_CONFIG_DIR.")
    })?;
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
    let (accounts, unread) = Accounts::open(dirs.accounts());
    if let Some(error) = unread {
        return Err(Problem::new(registry::Code::FileFailed, error.to_string()).into());
    }
    let vault = Arc::new(Vault::new(Arc::new(SystemKeyring)));
    let named = stored
        .profile
        .accounts
        .iter()
        .filter_map(|(address, id)| Some((address.parse().ok()?, id.clone())))
        .collect();
    let access = AccountAccess::new(accounts.list().to_vec(), vault)
        .named(named)
        .or(Arc::new(file_access(auth(flags.auth.as_deref())?)?));
    let work = Work {
        rules: prepared.rules,
        policy: prepared.policy,
        options: prepared.options,
        access: Arc::new(access),
    };
    Ok(work.with(flags)?)
}

/// Logins from the auth file, then from what docker and podman have here.
pub(crate) fn file_access(auth: Vec<AuthEntry>) -> Result<FileAccess, Problems> {
    FileAccess::new(auth, CredentialFiles::of_system(&environment))
        .map_err(|errors| Problems(errors.iter().map(Problem::of).collect()))
}
