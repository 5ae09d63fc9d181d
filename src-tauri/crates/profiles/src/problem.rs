//! What is wrong with a file, and where.

use std::{fmt, sync::Arc};

use registry::Code;

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
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
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
    pub(crate) fn whole(file: &Arc<str>, code: Code, message: impl Into<String>) -> Self {
        Self { file: file.clone(), line: 0, column: 0, code, message: message.into(), hint: None }
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
    pub(crate) twice: &'static str,
}

impl Findings {
    pub(crate) fn new(file: Arc<str>) -> Self {
        Self {
            file,
            problems: Vec::new(),
            warnings: Vec::new(),
            changes: Vec::new(),
            twice: "keep one of them",
        }
    }

    /// Adds a problem; its hint can be set on what is returned.
    pub(crate) fn wrong(&mut self, place: Place, message: impl Into<String>) -> &mut Problem {
        self.problems.push(at(&self.file, place, message.into()));
        self.problems.last_mut().expect("just pushed")
    }

    /// Adds a warning; its hint can be set on what is returned.
    pub(crate) fn warn(&mut self, place: Place, message: impl Into<String>) -> &mut Problem {
        self.warnings.push(at(&self.file, place, message.into()));
        self.warnings.last_mut().expect("just pushed")
    }

    /// Notes that something was read as something else than is written.
    pub(crate) fn changed(&mut self, place: Place, message: impl Into<String>) {
        self.changes.push(at(&self.file, place, message.into()));
    }
}

fn at(file: &Arc<str>, place: Place, message: String) -> Problem {
    let message = printable(message);
    Problem {
        line: place.line,
        column: place.column,
        ..Problem::whole(file, Code::ConfigInvalid, message)
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
