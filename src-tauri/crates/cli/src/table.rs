//! The table of a dry run.

use std::fmt::Write as _;

use engine::{Action, ImageReport, Outcome, Pulls, Report};
use indicatif::DecimalBytes;

/// A dry run as people read it.
pub(crate) fn plan(report: &Report) -> String {
    let rows: Vec<[String; 5]> = report.images.iter().map(row).collect();
    let head = ["ACTION", "SOURCE", "DESTINATION", "TO MOVE", "WHY"].map(str::to_owned);
    let mut widths = [0; 4];
    for row in std::iter::once(&head).chain(&rows) {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for row in std::iter::once(&head).chain(&rows) {
        let [a, b, c, d] = widths;
        let line =
            format!("{:a$}  {:b$}  {:c$}  {:>d$}  {}", row[0], row[1], row[2], row[3], row[4]);
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text.push_str(&totals(report));
    text.push_str(&pulls(report));
    text
}

fn row(image: &ImageReport) -> [String; 5] {
    let plan = image.plan;
    let action = match (image.status, plan.map(|plan| plan.action)) {
        (Outcome::Failed, None) => "failed",
        (Outcome::Cancelled, _) => "cancelled",
        (_, Some(Action::Copy)) => "copy",
        (_, Some(Action::Skip)) => "skip",
        (_, Some(Action::Overwrite)) => "overwrite",
        (_, Some(Action::Conflict)) => "conflict",
        (_, Some(Action::Blocked)) => "blocked",
        (_, None) => "-",
    };
    let to_move = match plan {
        Some(plan) if matches!(plan.action, Action::Copy | Action::Overwrite) => {
            DecimalBytes(plan.bytes_to_move).to_string()
        }
        _ => String::new(),
    };
    let why = match (&image.error, &image.reason) {
        (Some(error), _) => error.code.to_string(),
        (None, Some(reason)) => reason.clone(),
        (None, None) => match &image.replaces {
            Some(digest) => format!("replaces {}", short(digest)),
            None => String::new(),
        },
    };
    [action.to_owned(), image.source.clone(), image.destination.clone(), to_move, why]
}

/// A digest as people tell it apart: `sha256:0123456789ab`.
fn short(digest: &registry::Digest) -> String {
    format!("{}:{}", digest.algorithm().as_str(), &digest.hex()[..12])
}

/// What a run would need of the reads that a source counts, a line for each such source.
fn pulls(report: &Report) -> String {
    let mut text = String::new();
    for pulls in &report.pulls {
        let Pulls { registry, needed, left, limit, window_seconds } = pulls;
        let window = match window_seconds {
            Some(seconds) if seconds % 3600 == 0 => format!(" in {} h", seconds / 3600),
            Some(seconds) => format!(" in {seconds} s"),
            None => String::new(),
        };
        let _ = writeln!(
            text,
            "{registry}: this needs {needed} {}, {left} of {limit}{window} are left",
            if *needed == 1 { "pull" } else { "pulls" }
        );
    }
    text
}

fn totals(report: &Report) -> String {
    let mut counts = [0_u64; 5];
    let (mut to_move, mut present, mut mountable) = (0, 0, 0);
    for plan in report.images.iter().filter_map(|image| image.plan) {
        counts[match plan.action {
            Action::Copy => 0,
            Action::Overwrite => 1,
            Action::Skip => 2,
            Action::Conflict => 3,
            Action::Blocked => 4,
        }] += 1;
        if matches!(plan.action, Action::Copy | Action::Overwrite) {
            to_move += plan.bytes_to_move;
            present += plan.bytes_present;
            mountable += plan.bytes_mountable;
        }
    }
    let failed = report.totals.failed;
    let [copy, overwrite, skip, conflict, blocked] = counts;
    let mut text = format!("\n{copy} to copy, {overwrite} to overwrite, {skip} to skip");
    for (count, word) in [(conflict, "in conflict"), (blocked, "blocked"), (failed, "failed")] {
        if count > 0 {
            let _ = write!(text, ", {count} {word}");
        }
    }
    let _ = writeln!(
        text,
        "; {} to move, {} there already, {} to mount",
        DecimalBytes(to_move),
        DecimalBytes(present),
        DecimalBytes(mountable)
    );
    text
}
