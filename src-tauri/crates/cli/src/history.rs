//! `history`: the runs of profiles, by the app and by `run`.

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use accounts::AccountAccess;
use engine::{
    Report,
    verify::{Expected, verify},
};
use indicatif::DecimalBytes;
use profiles::Profiles;
use registry::{AccessSource, Client, ClientOptions, Code, Reference, Registry, shown};
use serde::Serialize;
use store::{
    Dirs, History,
    export::{About, Format},
    history::{Ending, Level, StoredRun, Wanted},
};

use crate::{
    accounts::{open, vault},
    args::{HistoryCommand, HistoryFlags, LineLevel, ReportFormat},
    config,
    insecure::Insecure,
    on_runtime,
    output::OutputFile,
    problem::{Problem, Problems},
    say,
    sync::print,
};

/// Lines of a log that are read at once.
const LINES: usize = 1000;

/// A run as `--json` prints it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed<'a> {
    id: &'a str,
    profile_id: &'a str,
    profile_name: &'a str,
    started_at: &'a str,
    ended_at: Option<&'a str>,
    started_by: &'static str,
    result: &'static str,
    copied: u64,
    skipped: u64,
    failed: u64,
    cancelled: u64,
    bytes_copied: u64,
    bytes_mounted: u64,
    seconds: f64,
    retry_of: Option<&'a str>,
}

fn history() -> Result<(Dirs, History), Problem> {
    let (dirs, _) = open()?;
    let history = History::at(dirs.history());
    history.settle(&dirs).map_err(|error| failed(&error))?;
    Ok((dirs, history))
}

fn failed(error: &store::Error) -> Problem {
    let code = match error {
        store::Error::Io { .. } => Code::FileFailed,
        store::Error::Broken { .. } | store::Error::Newer { .. } => Code::ConfigInvalid,
    };
    Problem::new(code, error.to_string())
}

/// The run that is meant.
fn find(history: &History, id: &str) -> Result<StoredRun, Problem> {
    let found = history.find(id).map_err(|error| failed(&error))?;
    found.filter(|run| run.ending.is_some()).ok_or_else(|| {
        Problem::config(format!("there is no run '{}' that has ended", shown(id)))
            .hint("'image-syncer history' lists those that there are; 'latest' is the newest.")
    })
}

fn report(history: &History, run: &StoredRun) -> Result<Report, Problem> {
    let report = history.report(&run.id).map_err(|error| failed(&error))?;
    report.ok_or_else(|| Problem::config("the run was removed meanwhile"))
}

/// `history`
pub(crate) fn list(flags: &HistoryFlags) -> Result<ExitCode, Problems> {
    let (dirs, history) = history()?;
    let profile = flags.profile.as_ref().map(|name| {
        // a profile that was removed is known by its id
        let stored = Profiles::at(dirs.profiles()).find(name);
        stored.map_or_else(|_| name.clone(), |stored| stored.id)
    });
    let wanted = Wanted { profile: profile.as_deref(), limit: flags.limit, ..Wanted::default() };
    let runs = history.list(wanted).map_err(|error| failed(&error))?;
    if flags.json {
        let listed: Vec<_> = runs.iter().map(listed).collect();
        let text = serde_json::to_string_pretty(&listed).map_err(|error| {
            Problem::new(Code::Internal, format!("the list can't be written: {error}"))
        })?;
        print(&format!("{text}\n"));
    } else if runs.is_empty() {
        say("No run of a profile has ended yet.");
    } else {
        print(&table(&runs));
    }
    Ok(ExitCode::SUCCESS)
}

fn listed(run: &StoredRun) -> Listed<'_> {
    let totals = &run.totals;
    Listed {
        id: &run.id,
        profile_id: &run.profile_id,
        profile_name: &run.profile_name,
        started_at: &run.started_at,
        ended_at: run.ended_at.as_deref(),
        started_by: run.started_by.as_str(),
        result: run.ending.map(Ending::as_str).unwrap_or_default(),
        copied: totals.copied,
        skipped: totals.skipped,
        failed: totals.failed,
        cancelled: totals.cancelled,
        bytes_copied: totals.bytes_copied,
        bytes_mounted: totals.bytes_mounted,
        seconds: totals.seconds,
        retry_of: run.retry_of.as_deref(),
    }
}

fn table(runs: &[StoredRun]) -> String {
    let head = ["ID", "PROFILE", "STARTED", "BY", "RESULT", "COPIED", "SKIPPED", "FAILED", "MOVED"];
    let mut rows = vec![head.map(str::to_owned)];
    rows.extend(runs.iter().map(|run| {
        let totals = &run.totals;
        [
            run.id.chars().take(SHORT).collect(),
            shown(&run.profile_name).into_owned(),
            run.started_at.chars().take(19).collect(),
            run.started_by.as_str().to_owned(),
            run.ending.map(Ending::as_str).unwrap_or_default().to_owned(),
            totals.copied.to_string(),
            totals.skipped.to_string(),
            totals.failed.to_string(),
            DecimalBytes(totals.bytes_copied).to_string(),
        ]
    }));
    let mut widths = [0; 9];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |row: &[String; 9]| {
        let cells: Vec<String> =
            row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        format!("{}\n", cells.join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}

/// So much of an id tells runs apart that did not begin in the same millisecond.
const SHORT: usize = 13;

/// `history COMMAND`
pub(crate) fn run(command: HistoryCommand) -> Result<ExitCode, Problems> {
    let (dirs, history) = history()?;
    match command {
        HistoryCommand::Export { id, format, output } => export(&history, &id, format, output),
        HistoryCommand::Log { id, level } => log(&history, &id, level),
        HistoryCommand::Remove { id } => {
            let run = find(&history, &id)?;
            history.remove(&run.id).map_err(|error| failed(&error))?;
            Ok(ExitCode::SUCCESS)
        }
        HistoryCommand::Verify { id, auth, insecure } => {
            let run = find(&history, &id)?;
            let report = report(&history, &run)?;
            let reach = reach(&dirs, &run, auth.as_deref(), insecure)?;
            on_runtime(check(reach, report))
        }
    }
}

fn export(
    history: &History,
    id: &str,
    format: ReportFormat,
    output: Option<PathBuf>,
) -> Result<ExitCode, Problems> {
    let output = output.unwrap_or_else(|| "/dev/stdout".into());
    let file = OutputFile::check("--output", Some(&output))?;
    let run = find(history, id)?;
    let format = match format {
        ReportFormat::Json => Format::Json,
        ReportFormat::Csv => Format::Csv,
        ReportFormat::Markdown => Format::Markdown,
        ReportFormat::Junit => Format::Junit,
    };
    let bytes = format
        .write(&About::from(&run), &report(history, &run)?)
        .map_err(|error| Problem::new(Code::Internal, error.to_string()))?;
    if let Some(file) = file {
        file.write(&bytes)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn log(history: &History, id: &str, level: LineLevel) -> Result<ExitCode, Problems> {
    let run = find(history, id)?;
    let level = match level {
        LineLevel::Info => Level::Info,
        LineLevel::Warning => Level::Warning,
        LineLevel::Error => Level::Error,
    };
    let mut from = 0;
    loop {
        let lines =
            history.log(&run.id, level, None, from, LINES).map_err(|error| failed(&error))?;
        for line in &lines {
            let text: Vec<_> = line.text.lines().map(shown).collect();
            print(&format!("{} {:7} {}\n", line.at, line.level.as_str(), text.join("\n    ")));
        }
        from += lines.len() as u64;
        if lines.len() < LINES {
            return Ok(ExitCode::SUCCESS);
        }
    }
}

/// How the destinations of a run are reached.
struct Reach {
    client: Client,
    index: engine::IndexPolicy,
}

/// As its profile says, if it is still there.
fn reach(
    dirs: &Dirs,
    run: &StoredRun,
    auth: Option<&std::path::Path>,
    insecure: Vec<Registry>,
) -> Result<Reach, Problems> {
    let (_, accounts) = open()?;
    let mut names = Vec::new();
    let (mut options, mut index) = (ClientOptions::default(), engine::IndexPolicy::default());
    if let Ok(stored) = Profiles::at(dirs.profiles()).get(&run.profile_id) {
        let named = stored.profile.accounts.iter();
        names.extend(named.filter_map(|(address, id)| Some((address.parse().ok()?, id.clone()))));
        let prepared = stored.prepare()?;
        (options, index) = (prepared.options, prepared.policy.index);
    }
    let files = config::file_access(config::auth(auth)?)?;
    let access = AccountAccess::new(accounts.list().to_vec(), Arc::new(vault(dirs)))
        .named(names)
        .or(Arc::new(files));
    let access: Arc<dyn AccessSource> = if insecure.is_empty() {
        Arc::new(access)
    } else {
        Arc::new(Insecure { registries: insecure, others: Arc::new(access) })
    };
    Ok(Reach { client: Client::new(options, access), index })
}

/// Looks at every image that the run has left at its destination.
async fn check(reach: Reach, report: Report) -> Result<ExitCode, Problems> {
    let (mut images, mut expected) = (Vec::new(), Vec::new());
    for image in report.images.iter().filter(|image| image.stands()) {
        let destination = image.destination.parse::<Reference>().ok();
        if let (Some(destination), Some(digest)) = (destination, image.digest.clone()) {
            images.push(image);
            expected.push(Expected { destination, digest });
        }
    }
    let found = verify(reach.client, reach.index, expected).await;
    let (mut wrong, mut manifests, mut blobs) = (0, 0, 0);
    for (image, verified) in images.iter().zip(&found) {
        (manifests, blobs) = (manifests + verified.manifests, blobs + verified.blobs);
        let Some(problem) = &verified.problem else { continue };
        wrong += 1;
        say(&format!("error[{}]: {}", problem.code, problem.message));
        say(&format!("  image: {} -> {}", image.source, image.destination));
        for line in problem.hint.lines() {
            say(&format!("hint: {line}"));
        }
    }
    say(&format!(
        "{} images looked at, {wrong} not as they were left; {manifests} manifests and {blobs} blobs asked for",
        images.len()
    ));
    Ok(if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
