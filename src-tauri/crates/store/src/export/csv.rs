//! One line an image, for spreadsheets.

use engine::{Action, Report};

use super::{Failed, hint, line, outcome, why};

const HEAD: [&str; 15] = [
    "source",
    "destination",
    "status",
    "reason",
    "source_digest",
    "digest",
    "replaces",
    "action",
    "bytes_copied",
    "bytes_mounted",
    "bytes_to_move",
    "bytes_present",
    "attempts",
    "error_code",
    "remedy",
];

pub(super) fn write(report: &Report) -> Result<Vec<u8>, Failed> {
    let failed = |error: csv::Error| Failed(error.to_string());
    let mut table =
        csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    table.write_record(HEAD).map_err(failed)?;
    for image in &report.images {
        let digest =
            |digest: Option<&registry::Digest>| digest.map(ToString::to_string).unwrap_or_default();
        let plan = |number: fn(&engine::Plan) -> u64| {
            image.plan.as_ref().map(|plan| number(plan).to_string()).unwrap_or_default()
        };
        let action = image.plan.map(|plan| match plan.action {
            Action::Copy => "copy",
            Action::Skip => "skip",
            Action::Overwrite => "overwrite",
            Action::Conflict => "conflict",
            Action::Blocked => "blocked",
        });
        let code = image.error.as_ref().map(|error| error.code.as_str());
        let cells = [
            line(&image.source),
            line(&image.destination),
            outcome(image).to_owned(),
            why(image),
            digest(image.source_digest.as_ref()),
            digest(image.digest.as_ref()),
            digest(image.replaces.as_ref()),
            action.unwrap_or_default().to_owned(),
            image.bytes_copied.to_string(),
            image.bytes_mounted.to_string(),
            plan(|plan| plan.bytes_to_move),
            plan(|plan| plan.bytes_present),
            image.attempts.to_string(),
            code.unwrap_or_default().to_owned(),
            hint(image),
        ];
        table.write_record(cells.map(plain)).map_err(failed)?;
    }
    table.into_inner().map_err(|error| Failed(error.to_string()))
}

/// A cell that no spreadsheet takes for a formula: what would be one is text by its apostrophe.
fn plain(cell: String) -> String {
    if cell.starts_with(['=', '+', '-', '@']) { format!("'{cell}") } else { cell }
}
