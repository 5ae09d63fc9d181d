//! The original's files as a profile.

use std::path::Path;

use accounts::AuthEntry;

use super::{Profile, ProfileRule};
use crate::{Environment, Problem, Rejected, image_syncer::Reading};

/// A profile made of the original's files, not saved yet, and what became of what they say.
#[derive(Clone, Debug)]
pub struct Import {
    /// The profile. Its `accounts` are for whoever makes accounts of `auth`.
    pub profile: Profile,
    /// The logins.
    pub auth: Vec<AuthEntry>,
    /// How many rules were taken.
    pub taken: usize,
    /// What was taken differently, one sentence each.
    pub changed: Vec<String>,
    /// What was not taken, one sentence each.
    pub refused: Vec<String>,
    /// What is worth knowing besides, one sentence each.
    pub warnings: Vec<String>,
}

/// Makes a profile of an images file and, where there is one, an auth file. What is wrong in them is left out and told;
/// only where no rule is right there is no profile.
pub fn import(
    name: &str,
    images: &Path,
    auth: Option<&Path>,
    env: &Environment<'_>,
) -> Result<Import, Rejected> {
    let mut reading = Reading::default();
    if let Some(auth) = auth {
        reading.read_auth(auth, env);
    }
    reading.read_images(images, env);
    let Reading { loaded, problems, changes } = reading;
    if loaded.rules.is_empty() && !problems.is_empty() {
        return Err(Rejected { problems, warnings: loaded.warnings });
    }
    let rules = loaded.rules.iter().map(|rule| ProfileRule {
        source: rule.source.written.clone(),
        destinations: rule.destinations.iter().map(|to| to.written.clone()).collect(),
        ..ProfileRule::default()
    });
    Ok(Import {
        profile: Profile { name: name.to_owned(), rules: rules.collect(), ..Profile::default() },
        taken: loaded.rules.len(),
        auth: loaded.auth,
        changed: sentences(&changes),
        refused: sentences(&problems),
        warnings: sentences(&loaded.warnings),
    })
}

fn sentences(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}
