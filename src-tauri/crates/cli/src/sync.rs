//! One sync from rules to exit status: plan or run, progress, signals, files, errors.

use std::{
    fmt::Write as _,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use engine::{Action, Job, JobRule, Outcome, Overwrite, Policy, Report, ReportTotals};
use indicatif::DecimalBytes;
use registry::{AccessSource, Client, ClientOptions, PlatformFilter};
use rustix::process::{Resource, Rlimit};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::{
    args::SyncFlags,
    insecure::Insecure,
    log,
    output::{self, OutputFile},
    problem::{self, Problem, Problems},
    progress::{self, Show},
    record::{Of, Record},
    say, table, terminal,
};

/// A second signal that comes so soon is the first once more: a shell and a wrapper may each pass one on.
const SAME_SIGNAL: Duration = Duration::from_secs(1);

/// What is to be synced, however it was given.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) rules: Vec<JobRule>,
    pub(crate) policy: Policy,
    pub(crate) options: ClientOptions,
    pub(crate) access: Arc<dyn AccessSource>,
    /// Whose run it is, where it is to be recorded.
    pub(crate) record: Option<Of>,
}

impl Work {
    /// Work whose policy and options are the flags' alone.
    pub(crate) fn new(
        rules: Vec<JobRule>,
        access: Arc<dyn AccessSource>,
        flags: &SyncFlags,
    ) -> Result<Self, Problem> {
        let options = ClientOptions::default();
        let policy = Policy { retries: options.retries, ..Policy::default() };
        Self { rules, policy, options, access, record: None }.with(flags)
    }

    /// Lets the flags that were given have their way.
    pub(crate) fn with(mut self, flags: &SyncFlags) -> Result<Self, Problem> {
        if !flags.os.is_empty() || !flags.arch.is_empty() {
            let (os, arch) =
                (flags.os.iter().map(String::as_str), flags.arch.iter().map(String::as_str));
            self.policy.platforms = PlatformFilter::parse(os, arch).map_err(|error| {
                Problem::config(format!("--os and --arch: {error}")).hint(
                    "Write them as in --os linux,windows:10.0.17763.1817 --arch amd64,arm:v7, or leave them out to copy all.",
                )
            })?;
            for rule in &mut self.rules {
                *rule.platforms_mut() = None;
            }
        }
        if flags.force {
            self.policy.overwrite = Overwrite::Always;
        }
        if let Some(overwrite) = flags.overwrite {
            self.policy.overwrite = overwrite.into();
        }
        if let Some(attestations) = flags.attestations {
            self.policy.attestations = attestations.into();
        }
        if let Some(index) = flags.index {
            self.policy.index = index.into();
        }
        self.policy.referrers |= flags.referrers;
        self.policy.fail_if_empty |= flags.fail_if_empty;
        if let Some(retries) = flags.retries {
            self.policy.retries = retries;
            self.options.retries = retries;
        }
        match flags.proc {
            Some(0) => {
                warn(
                    "--proc 0: requests in flight are not capped; registries may answer with rate limits",
                );
                self.options.requests_per_host = Some(usize::MAX);
            }
            Some(proc) => self.options.requests_per_host = Some(proc),
            None => {}
        }
        if let Some(rate) = flags.bandwidth {
            self.options.bandwidth = Some(rate.0);
        }
        if !flags.insecure.is_empty() {
            let registries = flags.insecure.clone();
            self.access = Arc::new(Insecure { registries, others: self.access });
        }
        Ok(self)
    }
}

/// Each request in flight may be a connection, of which a shell often lets a program have a thousand.
fn more_files() {
    let limit = rustix::process::getrlimit(Resource::Nofile);
    let most = Rlimit { current: limit.maximum, ..limit };
    // what is refused shows when it is needed
    let _ = rustix::process::setrlimit(Resource::Nofile, most);
}

/// Syncs, and says everything there is to say.
pub(crate) async fn sync(work: Work, flags: &SyncFlags) -> Result<ExitCode, Problems> {
    let report_file = OutputFile::check("--report", flags.report.as_ref())?;
    let images_file =
        OutputFile::check("--output-success-images", flags.output_success_images.as_ref())?;
    more_files();
    let mut signals = Signals::new()?;
    let record = match &work.record {
        Some(of) if !flags.dry_run => Some(Record::begin(of)?),
        _ => None,
    };

    let client = Client::new(work.options, work.access);
    let job = Job { rules: work.rules, policy: work.policy, client };
    let run = if flags.dry_run { job.plan() } else { job.run() };

    let show = match () {
        () if flags.quiet || log::is_json_on_stderr(flags) => Show::Nothing,
        // Bars and a log on the same terminal tear each other apart.
        () if terminal::bars_on_stderr() && (flags.verbose == 0 || flags.log.is_some()) => {
            Show::Bars
        }
        () => Show::Lines,
    };
    let mut ended_by: Option<(u8, Instant)> = None;
    let mut abandoned = None;
    {
        let recording = async {
            if let Some(record) = &record {
                record.follow(&run).await;
            }
        };
        let following = async {
            let shown = progress::follow(&run, show, log::is_apart(flags), flags.dry_run);
            tokio::join!(shown, recording);
        };
        tokio::pin!(following);
        loop {
            tokio::select! {
                () = &mut following => break,
                signal = signals.next() => {
                    if let Some((_, since)) = ended_by {
                        if since.elapsed() < SAME_SIGNAL || abandoned.is_some() {
                            continue;
                        }
                        say("ended at once by a second signal; what was in flight is listed as cancelled");
                        // whoever follows the run hears of that end
                        abandoned = Some(run.abandon());
                        continue;
                    }
                    ended_by = Some((signal, Instant::now()));
                    say("ending: what is in flight is cut off, nothing more is tagged; once more to end at once");
                    run.cancel();
                }
            }
        }
    }
    let report = match abandoned {
        Some(report) => report,
        None => run.finish().await,
    };

    let mut failed = false;
    for (file, content) in [
        (&report_file, report_file.as_ref().map(|_| output::report(&report))),
        (
            &images_file,
            images_file
                .as_ref()
                .map(|_| Ok(output::images(&report, flags.output_images_format).into_bytes())),
        ),
    ] {
        let (Some(file), Some(content)) = (file, content) else { continue };
        if let Err(problem) = content.and_then(|content| file.write(&content)) {
            say(problem.render().trim_end());
            failed = true;
        }
    }
    tell(&report, flags);
    // last: whoever has the history open may keep it for seconds
    if let Some(record) = record {
        record.end(&report);
    }
    Ok(match ended_by {
        Some((signal, _)) => ExitCode::from(signal),
        None if failed || report.totals.failed > 0 || is_unworkable(&report) => ExitCode::FAILURE,
        None => ExitCode::SUCCESS,
    })
}

/// Whether a plan knows of an image that would fail.
fn is_unworkable(report: &Report) -> bool {
    report.images.iter().any(|image| {
        image.status == Outcome::Planned
            && image
                .plan
                .is_some_and(|plan| matches!(plan.action, Action::Conflict | Action::Blocked))
    })
}

fn tell(report: &Report, flags: &SyncFlags) {
    if !flags.quiet {
        // as JSON they have been told when they came
        for warning in report.warnings.iter().filter(|_| !log::is_json_on_stderr(flags)) {
            warn(warning);
        }
        if flags.dry_run {
            print(&table::plan(report));
        }
    }
    for group in problem::failures(&report.images) {
        say(group.trim_end());
    }
    if flags.dry_run {
        return;
    }
    if log::is_apart(flags) {
        let ReportTotals { copied, skipped, failed, cancelled, bytes_copied, .. } = report.totals;
        let ReportTotals { bytes_mounted, seconds, .. } = report.totals;
        tracing::info!(
            copied,
            skipped,
            failed,
            cancelled,
            bytes_copied,
            bytes_mounted,
            seconds,
            "ended"
        );
    }
    if !flags.quiet && !log::is_json_on_stderr(flags) {
        say(&summary(report));
    }
}

pub(crate) fn summary(report: &Report) -> String {
    let totals = &report.totals;
    let mut text =
        format!("{} copied, {} skipped, {} failed", totals.copied, totals.skipped, totals.failed);
    if report.images.iter().any(|image| image.status == Outcome::Cancelled) {
        let _ = write!(text, ", {} cancelled", totals.cancelled);
    }
    let (moved, mounted) = (DecimalBytes(totals.bytes_copied), DecimalBytes(totals.bytes_mounted));
    let _ = write!(text, "; {moved} moved, {mounted} mounted in {:.1} s", totals.seconds);
    text
}

/// Says a warning, unless only errors are wanted.
pub(crate) fn warn(text: &str) {
    if log::is_quiet() {
        return;
    }
    say(&format!("warning: {text}"));
}

/// Standard output is for tables. A reader that went away is no error of ours.
pub(crate) fn print(text: &str) {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes());
    let _ = out.flush();
}

/// SIGINT and SIGTERM, as the exit status that each asks for.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> Result<Self, Problem> {
        let listen = |kind| {
            signal(kind).map_err(|error| {
                Problem::new(
                    registry::Code::Internal,
                    format!("signals cannot be listened for: {error}"),
                )
            })
        };
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) -> u8 {
        tokio::select! {
            _ = self.interrupt.recv() => 130,
            _ = self.terminate.recv() => 143,
        }
    }
}
