//! What a command that failed answers.

use std::collections::BTreeMap;

use serde::Serialize;
use ts_rs::TS;

use super::Note;

/// Something went wrong. The page shows a title and a remedy by `code`, from its own catalogue.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ApiError {
    /// A stable code, `auth.rejected`.
    pub code: String,
    /// One sentence in English with all particulars, for *Details*.
    pub message: String,
    /// What to do, English, one sentence a line; may be empty.
    pub hint: String,
    /// Values for the catalogue's text: `host`, `repo`, `tag`, `line`, …
    pub params: BTreeMap<String, String>,
    /// The particulars where they can be told in the language in use too, one by one.
    pub notes: Vec<Note>,
}
