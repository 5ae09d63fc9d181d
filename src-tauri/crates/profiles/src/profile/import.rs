//! A profile of files from elsewhere: the original's, or our own.

use std::path::Path;

use accounts::AuthEntry;

use super::{Profile, ProfileRule, file};
use crate::{
    Environment, Problem, Rejected,
    document::{self, Format, Value},
    image_syncer::Reading,
    problem::Findings,
};

/// A profile made of the original's files, not saved yet, and what became of what they say.
#[derive(Clone, Debug, Default)]
pub struct Import {
    /// The profile. Its `accounts` are for whoever makes accounts of `auth`.
    pub profile: Profile,
    /// The logins.
    pub auth: Vec<AuthEntry>,
    /// How many rules were taken.
    pub taken: usize,
    /// What was taken differently.
    pub changed: Vec<Problem>,
    /// What was not taken.
    pub refused: Vec<Problem>,
    /// What is worth knowing besides.
    pub warnings: Vec<Problem>,
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
        changed: changes,
        refused: problems,
        warnings: loaded.warnings,
    })
}

/// Whether a file is a profile of our own, right or wrong: a map with `version`, and `rules` or `name`.
pub fn is_profile(path: &Path) -> bool {
    let Ok((file, bytes)) = document::load(path) else { return false };
    let mut findings = Findings::new(file);
    let root = document::text(&bytes, &mut findings)
        .and_then(|text| document::read(text, Format::Yaml, &mut findings));
    let Some(Value::Map(entries)) = root.map(|root| root.value) else { return false };
    let has = |name: &str| entries.iter().any(|entry| entry.key.text == name);
    has("version") && (has("rules") || has("name"))
}

/// Reads a profile of our own from wherever it is. It is not saved yet.
pub fn read(path: &Path) -> Result<Profile, Rejected> {
    let (file, bytes) = document::load(path)
        .map_err(|problem| Rejected { problems: vec![problem], warnings: Vec::new() })?;
    file::read(&file, &bytes).map(|(profile, _)| profile)
}
