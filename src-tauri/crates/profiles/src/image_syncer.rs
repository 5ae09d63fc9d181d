//! The original image-syncer's files: what worked there works here with the same meaning. `docs/files.md` describes them
//! for people.
//!
//! Everything is checked before anything is contacted, and all that is wrong in all the files is told together.

use std::{path::Path, sync::Arc};

use accounts::AuthEntry;
use engine::Rule;
use registry::{Sentence, sentence};

use crate::{
    Environment, Problem, Rejected,
    document::{self, Format, Node, Value},
    problem::{Findings, keep_one, known_instead, quoted},
};

mod auth;
mod export;
mod images;
#[cfg(test)]
mod tests;

pub use export::{Export, export};

/// What some files say.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// The rules, in the file's order, each with its origin.
    pub rules: Vec<Rule>,
    /// The logins, in the file's order, each with its origin.
    pub auth: Vec<AuthEntry>,
    /// What is worth a warning.
    pub warnings: Vec<Problem>,
}

/// Reads an images file and, where there is one, an auth file.
pub fn load(auth: Option<&Path>, images: &Path, env: &Environment<'_>) -> Result<Loaded, Rejected> {
    let mut reading = Reading::default();
    if let Some(auth) = auth {
        reading.read_auth(auth, env);
    }
    reading.read_images(images, env);
    reading.finish()
}

/// Reads an auth file alone.
pub fn load_auth(auth: &Path, env: &Environment<'_>) -> Result<Loaded, Rejected> {
    let mut reading = Reading::default();
    reading.read_auth(auth, env);
    reading.finish()
}

/// Reads the old combined file `{auth, images}`. Variables are not replaced in it.
pub fn load_config(config: &Path) -> Result<Loaded, Rejected> {
    let mut reading = Reading::default();
    reading.read(config, |root, context| {
        let Some(entries) = context
            .map(root, sentence!("expected_config", "a map of 'auth' and 'images' is expected"))
        else {
            return;
        };
        let mut has_images = false;
        for entry in entries {
            match context.name(&entry.key.text, &["auth", "images"]) {
                Some("auth") => auth::read(&entry.value, None, context),
                Some(_) => {
                    has_images = true;
                    images::read(&entry.value, None, context);
                }
                None => {
                    context.unknown(&entry.key, quoted(&entry.key.text), &["auth", "images"]);
                }
            }
        }
        if !has_images {
            let what = sentence!("no_field", "there is no '{field}'", field = "images");
            context.findings.wrong(root.place, what).hint = Some(sentence!(
                "no_images_hint",
                "name the rules under 'images'; a file of rules alone is given with --images",
            ));
        }
    });
    reading.finish()
}

/// Files being read.
#[derive(Default)]
pub(crate) struct Reading {
    pub(crate) loaded: Loaded,
    pub(crate) problems: Vec<Problem>,
    /// What was read as something else than is written: variables.
    pub(crate) changes: Vec<Problem>,
}

/// One file being read.
struct Context<'a> {
    findings: Findings,
    format: Format,
    /// The directory that paths in the file start from.
    directory: &'a Path,
    loaded: &'a mut Loaded,
}

impl Reading {
    pub(crate) fn read_auth(&mut self, path: &Path, env: &Environment<'_>) {
        self.read(path, |root, context| auth::read(root, Some(env), context));
    }

    pub(crate) fn read_images(&mut self, path: &Path, env: &Environment<'_>) {
        let twice = sentence!("twice_images", "write several destinations as a list under one key");
        self.read_file(path, twice, |root, context| images::read(root, Some(env), context));
    }

    fn read(&mut self, path: &Path, take: impl FnOnce(&Node, &mut Context<'_>)) {
        self.read_file(path, keep_one(), take);
    }

    fn read_file(
        &mut self,
        path: &Path,
        twice: Sentence,
        take: impl FnOnce(&Node, &mut Context<'_>),
    ) {
        let (file, bytes) = match document::load(path) {
            Ok(loaded) => loaded,
            Err(problem) => return self.problems.push(problem),
        };
        let mut findings = Findings { twice, ..Findings::new(Arc::clone(&file)) };
        if let Some(text) = document::text(&bytes, &mut findings) {
            let format = Format::of(&file, text);
            let root = document::read(text, format, &mut findings);
            let directory = path.parent().unwrap_or(Path::new(""));
            let mut context = Context { findings, format, directory, loaded: &mut self.loaded };
            match root {
                Some(root) => take(&root, &mut context),
                None if context.findings.problems.is_empty() => {
                    document::empty(&mut context.findings);
                }
                None => {}
            }
            findings = context.findings;
        }
        findings.problems.sort_by_key(|problem| (problem.line, problem.column));
        self.problems.append(&mut findings.problems);
        self.changes.append(&mut findings.changes);
        self.loaded.warnings.append(&mut findings.warnings);
    }

    fn finish(self) -> Result<Loaded, Rejected> {
        if self.problems.is_empty() {
            Ok(self.loaded)
        } else {
            Err(Rejected { problems: self.problems, warnings: self.loaded.warnings })
        }
    }
}

impl Context<'_> {
    fn map<'n>(&mut self, node: &'n Node, expected: Sentence) -> Option<&'n [document::Entry]> {
        if let Value::Map(entries) = &node.value {
            return Some(entries);
        }
        let what = sentence!(
            "and_this_is",
            "{expected}, and this is {what}",
            expected = expected,
            what = node.what(),
        );
        self.findings.wrong(node.place, what);
        None
    }

    /// A known name. As in the original, JSON does not care for case.
    fn name<'k>(&self, key: &str, known: &[&'k str]) -> Option<&'k str> {
        known.iter().copied().find(|name| {
            *name == key || (self.format == Format::Json && name.eq_ignore_ascii_case(key))
        })
    }

    fn unknown(&mut self, key: &document::Word, what: Sentence, known: &[&str]) {
        let what = sentence!("unknown", "{what} is unknown and is left out", what = what);
        self.findings.warn(key.place, what).hint = Some(known_instead(&key.text, known));
    }
}
