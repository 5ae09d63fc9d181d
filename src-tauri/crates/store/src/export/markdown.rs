//! A page to read, and to paste into an issue.

use std::fmt::Write as _;

use engine::{Outcome, Report};

use super::{About, hint, line, outcome, size, why};

pub(super) fn write(about: &About, report: &Report) -> String {
    let totals = &report.totals;
    let mut text = String::new();
    let _ = writeln!(text, "# {}\n", escaped(&line(&about.profile)));
    let _ = writeln!(
        text,
        "{}, started {}, {:.1} s.\n",
        escaped(&about.result),
        escaped(&about.started_at),
        totals.seconds
    );
    let _ = writeln!(
        text,
        "| Copied | Skipped | Failed | Cancelled | Moved | Mounted |\n|--:|--:|--:|--:|--:|--:|\n\
         | {} | {} | {} | {} | {} | {} |",
        totals.copied,
        totals.skipped,
        totals.failed,
        totals.cancelled,
        size(totals.bytes_copied),
        size(totals.bytes_mounted)
    );
    if !report.warnings.is_empty() {
        text.push_str("\n## Warnings\n\n");
        for warning in &report.warnings {
            let _ = writeln!(text, "- {}", escaped(&line(warning)));
        }
    }
    let failed: Vec<_> =
        report.images.iter().filter(|image| image.status == Outcome::Failed).collect();
    if !failed.is_empty() {
        text.push_str("\n## Failed\n\n");
        for image in failed {
            let code = image.error.as_ref().map(|error| error.code.as_str()).unwrap_or_default();
            let (source, destination) = (line(&image.source), line(&image.destination));
            let _ = writeln!(text, "- {} → {}\n", code_span(&source), code_span(&destination));
            let _ = writeln!(text, "  {}: {}", code_span(code), escaped(&why(image)));
            let remedy = hint(image);
            if !remedy.is_empty() {
                let _ = writeln!(text, "  {}", escaped(&remedy));
            }
        }
    }
    text.push_str(
        "\n## Images\n\n| Source | Destination | Status | Digest | Moved | Why |\n|---|---|---|---|--:|---|\n",
    );
    for image in &report.images {
        let digest = image.digest.as_ref().map(|digest| code_span(digest.as_str()));
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} |",
            code_span(&line(&image.source)),
            code_span(&line(&image.destination)),
            outcome(image),
            digest.unwrap_or_default(),
            size(image.bytes_copied),
            escaped(&why(image))
        );
    }
    text
}

/// Text that means nothing to Markdown and HTML.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '!' | '~' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

/// Text as it is, in a cell of a table too.
fn code_span(text: &str) -> String {
    // a back tick would end it, and a bar the cell
    format!("`{}`", text.replace('`', "'").replace('|', "\\|"))
}
