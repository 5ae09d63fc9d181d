//! A run's progress on standard error: bars on a terminal, one calm line per image otherwise. Both fold the engine's
//! updates; neither counts by itself.

use std::{
    fmt::Write as _,
    sync::OnceLock,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use engine::{ImageState, ImageStatus, Phase, RunHandle, Snapshot, Update};
use indicatif::{DecimalBytes, HumanDuration, MultiProgress, ProgressBar, ProgressStyle};
use registry::Waiting;
use tokio::sync::broadcast::{Receiver, error::RecvError};

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Show {
    /// Not at all.
    Nothing,
    /// One line for each image that ends.
    Lines,
    /// Bars, redrawn.
    Bars,
}

/// How many images that are being copied are named below the overall bar.
const NAMED: usize = 6;

/// The bars, once there are some.
static BARS: OnceLock<MultiProgress> = OnceLock::new();

/// Writes to standard error while no bar is in the way.
pub(crate) fn aside<T>(write: impl FnOnce() -> T) -> T {
    match BARS.get() {
        Some(bars) => bars.suspend(write),
        None => write(),
    }
}

/// Shows a run until it ends; with `logs`, the log tells of each image that ends too.
pub(crate) async fn follow(run: &RunHandle, show: Show, logs: bool, planning_only: bool) {
    let (mut snapshot, mut updates) = run.watch();
    let mut view = View::new(show, logs, planning_only);
    view.draw(&snapshot, &snapshot.images);
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    while snapshot.phase != Phase::Done {
        let step = tokio::select! {
            step = next(run, &mut snapshot, &mut updates) => step,
            // nothing else may be told while everything waits
            _ = seconds.tick(), if view.counts_down => {
                view.draw(&snapshot, &[]);
                continue;
            }
        };
        match step {
            Some(Step::Changed(update)) => view.draw(&snapshot, &update.images),
            Some(Step::Renewed) => view.draw(&snapshot, &snapshot.images),
            None => break,
        }
    }
    view.clear();
}

enum Step {
    Changed(Box<Update>),
    Renewed,
}

async fn next(
    run: &RunHandle,
    snapshot: &mut Snapshot,
    updates: &mut Receiver<Update>,
) -> Option<Step> {
    match updates.recv().await {
        Ok(update) if snapshot.apply(&update) => Some(Step::Changed(Box::new(update))),
        Ok(_) | Err(RecvError::Lagged(_)) => {
            (*snapshot, *updates) = run.watch();
            Some(Step::Renewed)
        }
        Err(RecvError::Closed) => None,
    }
}

struct View {
    show: Show,
    logs: bool,
    planning_only: bool,
    bars: Option<Bars>,
    /// Some of what is drawn changes with time alone.
    counts_down: bool,
    told: Vec<bool>,
}

struct Bars {
    all: MultiProgress,
    overall: ProgressBar,
    images: Vec<ProgressBar>,
}

impl View {
    fn new(show: Show, logs: bool, planning_only: bool) -> Self {
        let bars = (show == Show::Bars).then(|| {
            let all = BARS.get_or_init(MultiProgress::new).clone();
            let overall = all
                .add(ProgressBar::new(1).with_style(style("{msg}\n{bar:40.cyan/blue} {prefix}")));
            overall.enable_steady_tick(Duration::from_millis(200));
            Bars { all, overall, images: Vec::new() }
        });
        Self { show, logs, planning_only, bars, counts_down: false, told: Vec::new() }
    }

    fn draw(&mut self, snapshot: &Snapshot, changed: &[ImageState]) {
        if self.show == Show::Nothing && !self.logs {
            return;
        }
        if !self.planning_only {
            for image in changed {
                self.tell(image);
            }
        }
        if let Some(bars) = &mut self.bars {
            bars.draw(snapshot);
            self.counts_down = !snapshot.waits.is_empty();
        }
    }

    /// Prints the line of an image that has ended, once.
    fn tell(&mut self, image: &ImageState) {
        let at = image.id as usize;
        if self.told.len() <= at {
            self.told.resize(at + 1, false);
        }
        let Some(line) = line(image) else { return };
        if std::mem::replace(&mut self.told[at], true) {
            return;
        }
        if self.logs {
            log(image);
        }
        match (&self.bars, self.show) {
            (Some(bars), _) => {
                let _ = bars.all.println(line);
            }
            (None, Show::Nothing) => {}
            (None, _) => crate::say(&line),
        }
    }

    fn clear(&self) {
        if let Some(bars) = &self.bars {
            let _ = bars.all.clear();
        }
    }
}

/// What is said of an image that has ended.
fn line(image: &ImageState) -> Option<String> {
    let what = match image.status {
        ImageStatus::Copied => "copied   ",
        ImageStatus::Skipped => "skipped  ",
        ImageStatus::Failed => "failed   ",
        ImageStatus::Cancelled => "cancelled",
        _ => return None,
    };
    let mut line = format!("{what} {} -> {}", image.source, image.destination);
    let detail = match (&image.error, &image.reason) {
        (Some(error), _) => Some(error.code.to_string()),
        (None, Some(reason)) => Some(reason.clone()),
        (None, None) if image.status == ImageStatus::Copied => Some(moved(image)),
        (None, None) => None,
    };
    if let Some(detail) = detail {
        line.push_str(": ");
        line.push_str(&detail);
    }
    Some(line)
}

/// The same for the log, with all that is known of a failure.
fn log(image: &ImageState) {
    let ImageState { source, destination, bytes_copied, bytes_mounted, .. } = image;
    match (&image.error, image.status) {
        (Some(error), ImageStatus::Failed) => {
            let (code, hint) = (error.code.as_str(), &error.hint);
            tracing::error!(source, destination, code, error = error.message, hint, "failed");
        }
        (_, ImageStatus::Copied) => {
            tracing::info!(source, destination, bytes_copied, bytes_mounted, "copied");
        }
        (_, status) => {
            let what = if status == ImageStatus::Skipped { "skipped" } else { "cancelled" };
            tracing::info!(source, destination, reason = image.reason, "{what}");
        }
    }
}

/// For whom requests wait, and how long still.
fn waiting(wait: &Waiting, now: SystemTime) -> String {
    let Waiting { registry, code, tries, until, .. } = wait;
    let until = UNIX_EPOCH + Duration::from_millis(*until);
    let left = until.duration_since(now).unwrap_or_default().as_secs_f64().ceil();
    match tries {
        None => format!("{registry} asks us to wait for {left} s more"),
        Some((next, most)) => {
            format!("{registry} is tried again in {left} s (try {next} of {most}): {code}")
        }
    }
}

fn moved(image: &ImageState) -> String {
    let mut text = DecimalBytes(image.bytes_copied).to_string();
    if image.bytes_mounted > 0 {
        text = format!("{text}, {} mounted", DecimalBytes(image.bytes_mounted));
    }
    text
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

impl Bars {
    fn draw(&mut self, snapshot: &Snapshot) {
        let totals = &snapshot.totals;
        let done = totals.copied + totals.skipped + totals.failed + totals.cancelled;
        let phase = match snapshot.phase {
            Phase::Planning => "Planning",
            Phase::Copying => "Copying",
            Phase::Verifying => "Verifying",
            Phase::Done => "Done",
        };
        let mut message = format!("{phase}: {done} of {} images", totals.images);
        if totals.failed > 0 {
            let _ = write!(message, ", {} failed", totals.failed);
        }
        for wait in &snapshot.waits {
            let _ = write!(message, "\n{}", waiting(wait, SystemTime::now()));
        }
        self.overall.set_message(message);
        let here = totals.bytes_copied
            + totals.bytes_mounted
            + totals.bytes_present
            + totals.bytes_in_flight;
        self.overall.set_length(totals.bytes_total.max(1));
        self.overall.set_position(here.min(totals.bytes_total));
        let mut prefix = format!(
            "{} of {}, {}/s",
            DecimalBytes(here),
            DecimalBytes(totals.bytes_total),
            DecimalBytes(totals.bytes_per_second)
        );
        if let Some(left) = totals.seconds_left {
            let left = Duration::from_secs_f64(left.clamp(0.0, 1e9));
            let _ = write!(prefix, ", {} left", HumanDuration(left));
        }
        self.overall.set_prefix(prefix);

        let active: Vec<&ImageState> = snapshot
            .images
            .iter()
            .filter(|image| image.status == ImageStatus::Copying)
            .take(NAMED)
            .collect();
        while self.images.len() < active.len() {
            let bar = ProgressBar::new(1).with_style(style("  {bar:20.green} {msg}"));
            self.images.push(self.all.add(bar));
        }
        while self.images.len() > active.len() {
            if let Some(bar) = self.images.pop() {
                bar.finish_and_clear();
                self.all.remove(&bar);
            }
        }
        for (bar, image) in self.images.iter().zip(active) {
            bar.set_length(image.bytes_total.max(1));
            let here = image.bytes_copied
                + image.bytes_mounted
                + image.bytes_present
                + image.bytes_in_flight;
            bar.set_position(here.min(image.bytes_total));
            bar.set_message(format!("{} -> {}", image.source, image.destination));
        }
    }
}

#[cfg(test)]
mod tests {
    use registry::Code;

    use super::*;

    #[test]
    fn who_is_waited_for_is_said_with_the_time() {
        let now = UNIX_EPOCH + Duration::from_secs(1_000);
        let wait = |code, tries, until| {
            let registry = "docker.io".to_owned();
            waiting(&Waiting { registry, code, tries, requests: 3, until }, now)
        };
        let ordered = wait(Code::RateLimited, None, 1_041_500);
        assert_eq!(ordered, "docker.io asks us to wait for 42 s more");
        let again = wait(Code::NetTimeout, Some((2, 4)), 1_003_000);
        assert_eq!(again, "docker.io is tried again in 3 s (try 2 of 4): net.timeout");
        let over = wait(Code::NetTimeout, Some((2, 4)), 900_000);
        assert_eq!(over, "docker.io is tried again in 0 s (try 2 of 4): net.timeout");
    }
}
