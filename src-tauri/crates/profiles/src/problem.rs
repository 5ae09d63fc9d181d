//! What is wrong with a file, and where.

use std::{fmt, sync::Arc};

use registry::{Code, Sentence, sentence};

use crate::nearest::nearest;

/// One thing that is wrong with a file, or worth a warning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file, as the user named it.
    pub file: Arc<str>,
    /// Line, from 1; 0 where the file as a whole is meant.
    pub line: usize,
    /// Column in characters, from 1; 0 where the file as a whole is meant.
    pub column: usize,
    /// `config.invalid`, or `file.failed` for a file that can't be read or written.
    pub code: Code,
    /// What is wrong. It never repeats a password.
    pub message: Sentence,
    /// What to do.
    pub hint: Option<Sentence>,
}

/// Everything that is wrong with some files, and what is worth a warning besides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// What is wrong; at least one.
    pub problems: Vec<Problem>,
    /// What would only have been warned about.
    pub warnings: Vec<Problem>,
}

impl Problem {
    /// A problem with a file as a whole.
    pub(crate) fn whole(file: &Arc<str>, code: Code, message: Sentence) -> Self {
        Self { file: file.clone(), line: 0, column: 0, code, message, hint: None }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        write!(f, ": {}", self.message)
    }
}

impl fmt::Display for Rejected {
    /// One problem a line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, problem) in self.problems.iter().enumerate() {
            write!(f, "{}{problem}", if n == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

impl std::error::Error for Rejected {}

/// Collects what is found in one file.
#[derive(Debug)]
pub(crate) struct Findings {
    pub(crate) file: Arc<str>,
    pub(crate) problems: Vec<Problem>,
    pub(crate) warnings: Vec<Problem>,
    /// What was read as something else than is written.
    pub(crate) changes: Vec<Problem>,
    /// What to do about a key that is written twice.
    pub(crate) twice: Sentence,
}

impl Findings {
    pub(crate) fn new(file: Arc<str>) -> Self {
        Self {
            file,
            problems: Vec::new(),
            warnings: Vec::new(),
            changes: Vec::new(),
            twice: keep_one(),
        }
    }

    /// Adds a problem; its hint can be set on what is returned.
    pub(crate) fn wrong(&mut self, place: Place, message: Sentence) -> &mut Problem {
        self.problems.push(at(&self.file, place, message));
        self.problems.last_mut().expect("just pushed")
    }

    /// Adds a warning; its hint can be set on what is returned.
    pub(crate) fn warn(&mut self, place: Place, message: Sentence) -> &mut Problem {
        self.warnings.push(at(&self.file, place, message));
        self.warnings.last_mut().expect("just pushed")
    }

    /// Notes that something was read as something else than is written.
    pub(crate) fn changed(&mut self, place: Place, message: Sentence) {
        self.changes.push(at(&self.file, place, message));
    }
}

fn at(file: &Arc<str>, place: Place, message: Sentence) -> Problem {
    let message = message.map(&printable);
    Problem {
        line: place.line,
        column: place.column,
        ..Problem::whole(file, Code::ConfigInvalid, message)
    }
}

pub(crate) fn keep_one() -> Sentence {
    sentence!("keep_either", "keep one of them")
}

/// A field, as sentences name it.
pub(crate) fn quoted(name: &str) -> Sentence {
    sentence!("quoted", "'{name}'", name = name)
}

pub(crate) fn must_be_bool(what: &Sentence) -> Sentence {
    sentence!("must_be_bool", "{what} must be true or false", what = what)
}

pub(crate) fn at_least_one(what: &Sentence) -> Sentence {
    sentence!("must_be_positive", "{what} must be 1 or more", what = what)
}

pub(crate) fn no_limit() -> Sentence {
    sentence!("no_limit", "leave it out for no limit of your own")
}

/// What is known instead of a name that is not.
pub(crate) fn known_instead(name: &str, known: &[&str]) -> Sentence {
    match nearest(name, known) {
        Some(near) => sentence!("did_you_mean", "did you mean '{near}'?", near = near),
        None => {
            sentence!("known", "known are {names}", names = format!("'{}'", known.join("', '")))
        }
    }
}

/// A text that may hold anything, as a terminal may show it.
fn printable(text: String) -> String {
    let bad =
        |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if !text.contains(bad) {
        return text;
    }
    text.chars().fold(String::new(), |mut shown, c| {
        if bad(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
        shown
    })
}

/// A place in a file: line and column, both from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) line: usize,
    pub(crate) column: usize,
}
