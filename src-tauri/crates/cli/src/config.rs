//! From files, flags and profiles to rules and logins. Everything that can be wrong is found here, before anything is
//! contacted.

use std::{path::Path, sync::Arc};

use accounts::{AuthEntry, CredentialFiles, FileAccess};
use engine::{Rule, RuleError};
use profiles::image_syncer::{self, Loaded};

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
            sync::warn("--config is deprecated: put its 'auth' and 'images' into files for --auth and --images");
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
    let rules = told(loaded);
    work(rules.0, rules.1, flags)
}

/// `copy SRC DST...`
pub(crate) fn copy(source: &str, destinations: &[String], flags: &SyncFlags) -> Result<Work, Problems> {
    let destinations: Vec<&str> = destinations.iter().map(String::as_str).collect();
    let rule = Rule::parse(source, &destinations).map_err(|error| rule_problem(&error))?;
    work(vec![rule], auth(flags.auth.as_deref())?, flags)
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

fn work(rules: Vec<Rule>, auth: Vec<AuthEntry>, flags: &SyncFlags) -> Result<Work, Problems> {
    let policy = sync::policy(flags)?;
    let access = file_access(auth)?;
    Ok(Work { rules, policy, options: sync::options(flags), access: Arc::new(access) })
}

/// Logins from the auth file, then from what docker and podman have here.
pub(crate) fn file_access(auth: Vec<AuthEntry>) -> Result<FileAccess, Problems> {
    FileAccess::new(auth, CredentialFiles::of_system(&environment))
        .map_err(|errors| Problems(errors.iter().map(Problem::of).collect()))
}
