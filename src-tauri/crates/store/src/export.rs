//! A run's report in the forms that other programs and people read. What registries have named is cleaned: no control
//! character and no mark that turns or hides text gets through, and no cell of a table is a formula.

mod csv;
mod junit;
mod markdown;

#[cfg(test)]
mod tests;

use engine::{ImageReport, Outcome, Report};
use registry::shown;
use serde::{Deserialize, Serialize};

use crate::history::{Ending, StoredRun};

/// A form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// What `--report` writes.
    Json,
    /// One line an image.
    Csv,
    /// To read, and to paste into an issue.
    Markdown,
    /// For build servers: one test case an image.
    Junit,
}

/// What is said of the run as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// The profile.
    pub profile: String,
    /// When it began, RFC 3339.
    pub started_at: String,
    /// How it ended: `succeeded`, `partly-failed`, …
    pub result: String,
}

impl From<&StoredRun> for About {
    fn from(run: &StoredRun) -> Self {
        let result = run.ending.map(Ending::as_str).unwrap_or_default();
        Self {
            profile: run.profile_name.clone(),
            started_at: run.started_at.clone(),
            result: result.to_owned(),
        }
    }
}

/// Why a report could not be written.
#[derive(Debug, thiserror::Error)]
#[error("the report can't be written: {0}")]
pub struct Failed(String);

impl Format {
    /// What a file of it is called at its end.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Markdown => "md",
            Self::Junit => "xml",
        }
    }

    /// A report in this form.
    pub fn write(self, about: &About, report: &Report) -> Result<Vec<u8>, Failed> {
        match self {
            Self::Json => json(report),
            Self::Csv => csv::write(report),
            Self::Markdown => Ok(markdown::write(about, report).into_bytes()),
            Self::Junit => junit::write(about, report),
        }
    }
}

/// The report as `--report` writes it.
pub fn json(report: &Report) -> Result<Vec<u8>, Failed> {
    let mut text = serde_json::to_vec_pretty(report).map_err(|error| Failed(error.to_string()))?;
    text.push(b'\n');
    Ok(text)
}

fn outcome(image: &ImageReport) -> &'static str {
    match image.status {
        Outcome::Copied => "copied",
        Outcome::Skipped => "skipped",
        Outcome::Failed => "failed",
        Outcome::Cancelled => "cancelled",
        Outcome::Planned => "planned",
    }
}

/// Why it ended so, in one line.
fn why(image: &ImageReport) -> String {
    let text = match (&image.error, &image.reason) {
        (Some(error), _) => error.message.as_str(),
        (None, Some(reason)) => reason.as_str(),
        (None, None) => "",
    };
    line(text)
}

/// What to do, in one line.
fn hint(image: &ImageReport) -> String {
    line(image.error.as_ref().map(|error| error.hint.as_str()).unwrap_or_default())
}

/// A text as one line, without what turns, hides or moves it.
fn line(text: &str) -> String {
    let words: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    // the last two are no characters at all, and XML has no way to write them
    shown(&words.join(" ")).replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}")
}

/// Bytes as people read them.
fn size(bytes: u64) -> String {
    let mut value = bytes as f64;
    for unit in ["B", "kB", "MB", "GB"] {
        if value < 1000.0 {
            return if unit == "B" { format!("{bytes} B") } else { format!("{value:.1} {unit}") };
        }
        value /= 1000.0;
    }
    format!("{value:.1} TB")
}
