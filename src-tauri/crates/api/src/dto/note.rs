//! Something worth telling, and where it is.

use ::profiles::Problem;
use registry::Sentence;
use serde::Serialize;
use ts_rs::TS;

/// Something worth telling. The page writes it in the language in use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Note {
    /// What it is.
    pub what: Sentence,
    /// What to do.
    pub hint: Option<Sentence>,
    /// The file that it is about.
    pub file: Option<String>,
    /// The line, from 1; `null` where the file as a whole is meant.
    pub line: Option<u32>,
    /// The column, from 1.
    pub column: Option<u32>,
}

impl Note {
    /// Adds what to do.
    #[must_use]
    pub(crate) fn hint(self, hint: Option<Sentence>) -> Self {
        Self { hint, ..self }
    }

    /// Adds where it is: `file` or `file:line`.
    #[must_use]
    pub(crate) fn at(self, origin: &str) -> Self {
        let placed = origin.rsplit_once(':');
        let placed = placed.and_then(|(file, line)| Some((file, line.parse().ok()?)));
        let (file, line) = placed.map_or((origin, None), |(file, line)| (file, Some(line)));
        Self { file: Some(file.to_owned()), line, ..self }
    }
}

impl From<Sentence> for Note {
    fn from(what: Sentence) -> Self {
        Self { what, hint: None, file: None, line: None, column: None }
    }
}

impl From<&Problem> for Note {
    fn from(problem: &Problem) -> Self {
        // 0 is the file as a whole
        let number = |number: usize| u32::try_from(number).ok().filter(|number| *number > 0);
        Self {
            what: problem.message.clone(),
            hint: problem.hint.clone(),
            file: Some(problem.file.to_string()),
            line: number(problem.line),
            column: number(problem.column),
        }
    }
}
