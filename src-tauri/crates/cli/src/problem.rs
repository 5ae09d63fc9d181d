//! What the program says when something is wrong: `error[<code>]: …`, then `hint: …` lines, on standard error.

use std::fmt::Write as _;

use clap::error::ErrorKind;
use engine::{Failure, ImageReport, Outcome};
use registry::Code;

/// Something that ends the program before or after a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) code: Code,
    pub(crate) message: String,
    pub(crate) hints: Vec<String>,
}

impl Problem {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hints: Vec::new() }
    }

    pub(crate) fn config(message: impl Into<String>) -> Self {
        Self::new(Code::ConfigInvalid, message)
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// An error of a lower crate, with its place, tries and hints.
    pub(crate) fn of(error: &registry::Error) -> Self {
        Self {
            code: error.code(),
            message: error.to_string(),
            hints: error.hints().map(Into::into).collect(),
        }
    }

    pub(crate) fn render(&self) -> String {
        let mut text = format!("error[{}]: {}\n", self.code, self.message.trim_end());
        for hint in &self.hints {
            for line in hint.lines().filter(|line| !line.trim().is_empty()) {
                let _ = writeln!(text, "hint: {}", line.trim());
            }
        }
        text
    }
}

/// Everything that ends the program at once; at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problems(pub(crate) Vec<Problem>);

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl From<profiles::Rejected> for Problems {
    fn from(rejected: profiles::Rejected) -> Self {
        Self(
            rejected
                .problems
                .iter()
                .map(|problem| Problem {
                    code: problem.code,
                    message: problem.to_string(),
                    hints: problem.hint.iter().map(ToString::to_string).collect(),
                })
                .collect(),
        )
    }
}

/// The failures of a run and what a plan knows to fail, each cause once with every image that it hit.
pub(crate) fn failures(images: &[ImageReport]) -> Vec<String> {
    let mut groups: Vec<(&Failure, Vec<&ImageReport>)> = Vec::new();
    let told = |image: &&ImageReport| matches!(image.status, Outcome::Failed | Outcome::Planned);
    for image in images.iter().filter(told) {
        let Some(error) = &image.error else { continue };
        match groups
            .iter_mut()
            .find(|(first, _)| first.code == error.code && first.cause == error.cause)
        {
            Some((_, hit)) => hit.push(image),
            None => groups.push((error, vec![image])),
        }
    }
    groups.into_iter().map(|(error, hit)| group(error, &hit)).collect()
}

fn group(error: &Failure, hit: &[&ImageReport]) -> String {
    let mut text = format!("error[{}]: {}\n", error.code, error.message);
    match hit {
        [one] => {
            let _ = writeln!(text, "  image: {} -> {}", one.source, one.destination);
        }
        many => {
            let _ = writeln!(text, "  {} images:", many.len());
            for image in many {
                let _ = writeln!(text, "    {} -> {}", image.source, image.destination);
            }
        }
    }
    for hint in error.hint.lines().filter(|line| !line.trim().is_empty()) {
        let _ = writeln!(text, "hint: {hint}");
    }
    text
}

/// A usage error of the command line, in our form.
pub(crate) fn usage(error: &clap::Error) -> Problem {
    let text = error.render().to_string();
    let mut message = String::new();
    let mut hints = Vec::new();
    for line in text.lines() {
        let line = line.trim();
        if let Some(tip) = line.strip_prefix("tip:") {
            hints.push(tip.trim().to_owned());
        } else if line.starts_with("Usage:") || line.starts_with("For more information") {
            break;
        } else if !line.is_empty() {
            if !message.is_empty() {
                message.push(' ');
            }
            message.push_str(line.strip_prefix("error:").unwrap_or(line).trim());
        }
    }
    if error.kind() == ErrorKind::ArgumentConflict && message.contains("the subcommand '") {
        hints.push("Write the flags behind the subcommand.".to_owned());
    }
    Problem { code: Code::ConfigInvalid, message, hints }
        .hint("Run 'image-syncer --help' for the flags and examples.")
}
