//! The board: every row of a run, and the updates that are told of them, at most ten a second and only of what changed.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use registry::{Sentence, Waiting};
use tokio::sync::broadcast;

use crate::{
    Action, ImageState, ImageStatus, Outcome, Phase, Plan, Pulls, Report, ReportTotals, Snapshot,
    Totals, Update,
    row::{Bytes, Order, Row, Tally, lock},
};

/// How often updates are told at most.
pub(crate) const TICK: Duration = Duration::from_millis(100);
/// What the rate is averaged over.
const RATE_WINDOW: Duration = Duration::from_secs(5);
/// Before this the rate means nothing.
const RATE_AFTER: Duration = Duration::from_millis(500);
/// Updates that a slow watcher may lag behind before it has to ask for a snapshot.
const BACKLOG: usize = 64;

/// Every row of a run.
#[derive(Debug)]
pub(crate) struct Board {
    plan_only: bool,
    started: Instant,
    tally: Arc<Tally>,
    rows: RwLock<Vec<Arc<Row>>>,
    warnings: Mutex<Vec<Sentence>>,
    pulls: Mutex<Vec<Pulls>>,
    waits: Mutex<Vec<Waiting>>,
    /// Whether every rule has been expanded into rows.
    complete: AtomicBool,
    paused: AtomicBool,
    told: Mutex<Told>,
    updates: broadcast::Sender<Update>,
}

/// What was told last.
#[derive(Debug, Default)]
struct Told {
    seq: u64,
    phase: Phase,
    totals: Totals,
    warnings: usize,
    pulls: Vec<Pulls>,
    waits: Vec<Waiting>,
    /// Each row's share in the totals.
    shares: Vec<Share>,
    /// Rows whose blobs are known and under way.
    copying: u64,
    /// Bytes of rows under way of which nothing has gone out yet.
    left: u64,
    samples: VecDeque<(Instant, u64)>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Share {
    status: ImageStatus,
    bytes: Bytes,
    plan: Option<Plan>,
}

impl From<&ImageState> for Share {
    fn from(state: &ImageState) -> Self {
        let bytes = Bytes {
            total: state.bytes_total,
            copied: state.bytes_copied,
            in_flight: state.bytes_in_flight,
            mounted: state.bytes_mounted,
            present: state.bytes_present,
        };
        Self { status: state.status, bytes, plan: state.plan }
    }
}

impl Share {
    fn resolved(self) -> u64 {
        u64::from(!matches!(self.status, ImageStatus::Waiting | ImageStatus::Resolving))
    }

    fn does(self, action: Action) -> u64 {
        u64::from(self.plan.is_some_and(|plan| plan.action == action))
    }

    fn left(self) -> u64 {
        if self.status.is_end() { 0 } else { self.bytes.left() }
    }
}

impl Board {
    pub(crate) fn new(plan_only: bool) -> Self {
        Self {
            plan_only,
            started: Instant::now(),
            tally: Arc::default(),
            rows: RwLock::default(),
            warnings: Mutex::default(),
            pulls: Mutex::default(),
            waits: Mutex::default(),
            complete: AtomicBool::new(false),
            paused: AtomicBool::new(false),
            told: Mutex::default(),
            updates: broadcast::channel(BACKLOG).0,
        }
    }

    pub(crate) fn tally(&self) -> &Tally {
        &self.tally
    }

    pub(crate) fn rows(&self) -> Vec<Arc<Row>> {
        self.rows.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn row(&self, id: u32) -> Option<Arc<Row>> {
        let rows = self.rows.read().unwrap_or_else(PoisonError::into_inner);
        rows.get(id as usize).cloned()
    }

    /// A new row.
    pub(crate) fn add(&self, order: Order, source: String, destination: String) -> Arc<Row> {
        let mut rows = self.rows.write().unwrap_or_else(PoisonError::into_inner);
        let id = rows.len() as u32;
        let row = Arc::new(Row::new(id, order, source, destination, self.tally.clone()));
        rows.push(row.clone());
        drop(rows);
        row.touch();
        row
    }

    pub(crate) fn warn(&self, warning: Sentence) {
        tracing::warn!("{warning}");
        lock(&self.warnings).push(warning);
    }

    /// No row will be added any more.
    pub(crate) fn complete(&self) {
        self.complete.store(true, Ordering::Release);
    }

    /// Nobody works on it any more: what has no outcome is cancelled, and that was the end.
    pub(crate) fn abandon(&self) {
        for row in self.rows() {
            let has_outcome = row.is_ended() || (self.plan_only && row.is_planned());
            if !has_outcome {
                row.cancelled();
            }
        }
        self.complete();
        self.tick(true);
    }

    /// The run was paused, or goes on.
    pub(crate) fn paused(&self, paused: bool) {
        self.paused.store(paused, Ordering::Release);
    }

    /// Notes the reads of manifests at sources that count them.
    pub(crate) fn pulls(&self, pulls: Vec<Pulls>) {
        *lock(&self.pulls) = pulls;
    }

    /// Notes which registries are waited for.
    pub(crate) fn waits(&self, waits: Vec<Waiting>) {
        *lock(&self.waits) = waits;
    }

    /// Tells updates until it is dropped. Before each, `note` notes what has no events of its own.
    pub(crate) async fn tell(&self, note: impl Fn(&Self)) {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            note(self);
            self.tick(false);
        }
    }

    /// Tells what changed since the last time; nothing when nothing did.
    pub(crate) fn tick(&self, done: bool) {
        let mut told = lock(&self.told);
        let changed = std::mem::take(&mut *lock(&self.tally.dirty));
        // with nobody watching, only the sums are kept up
        let watched = self.updates.receiver_count() > 0;
        let mut news = !changed.is_empty();
        let mut images = Vec::new();
        {
            let rows = self.rows.read().unwrap_or_else(PoisonError::into_inner);
            told.shares.resize(rows.len(), Share::default());
            told.totals.images = rows.len() as u64;
            for id in changed {
                let row = &rows[id as usize];
                row.seen();
                if watched {
                    let state = row.show();
                    told.account(id as usize, Share::from(&state));
                    images.push(state);
                } else {
                    let (status, bytes, plan) = row.numbers();
                    told.account(id as usize, Share { status, bytes, plan });
                }
            }
        }
        images.sort_unstable_by_key(|image| image.id);
        let before = (told.totals.bytes_per_second, told.phase, told.totals.paused);
        told.totals.paused = self.paused.load(Ordering::Acquire) && !done;
        let resolved =
            self.complete.load(Ordering::Acquire) && told.totals.resolved == told.totals.images;
        told.turn(done, resolved && !self.plan_only);
        told.clock(self.started, self.tally.sent.load(Ordering::Relaxed));
        let warnings: Vec<Sentence> = lock(&self.warnings)[told.warnings..].to_vec();
        told.warnings += warnings.len();

        let pulls = lock(&self.pulls).clone();
        news |= pulls != told.pulls;
        told.pulls.clone_from(&pulls);
        let waits = if done { Vec::new() } else { lock(&self.waits).clone() };
        news |= waits != told.waits;
        told.waits.clone_from(&waits);
        let now = (told.totals.bytes_per_second, told.phase, told.totals.paused);
        news |= !warnings.is_empty() || before != now;
        if news {
            told.seq += 1;
            let (seq, phase, totals) = (told.seq, told.phase, told.totals);
            // an error only means that nobody watches
            let _ =
                self.updates.send(Update { seq, phase, totals, images, warnings, pulls, waits });
        }
    }

    /// What is known now, and the updates from here on. A row may be newer in the snapshot than its number says; it
    /// then comes again with the next update.
    pub(crate) fn watch(&self) -> (Snapshot, broadcast::Receiver<Update>) {
        let told = lock(&self.told);
        let snapshot = Snapshot {
            seq: told.seq,
            phase: told.phase,
            totals: told.totals,
            images: self.rows().iter().map(|row| row.show()).collect(),
            warnings: lock(&self.warnings)[..told.warnings].to_vec(),
            pulls: told.pulls.clone(),
            waits: told.waits.clone(),
        };
        (snapshot, self.updates.subscribe())
    }

    /// The report, in the order of the rules.
    pub(crate) fn report(&self) -> Report {
        let mut rows = self.rows();
        rows.sort_by_key(|row| row.order());
        let images: Vec<_> = rows.iter().map(|row| row.report(self.plan_only)).collect();
        let mut totals = ReportTotals {
            bytes_read: self.tally.read.load(Ordering::Relaxed),
            seconds: self.started.elapsed().as_secs_f64(),
            ..ReportTotals::default()
        };
        for image in &images {
            match image.status {
                Outcome::Copied => totals.copied += 1,
                Outcome::Skipped => totals.skipped += 1,
                Outcome::Failed => totals.failed += 1,
                Outcome::Cancelled => totals.cancelled += 1,
                Outcome::Planned => {}
            }
            totals.bytes_copied += image.bytes_copied;
            totals.bytes_mounted += image.bytes_mounted;
        }
        let (warnings, pulls) = (lock(&self.warnings).clone(), lock(&self.pulls).clone());
        Report { version: 1, images, totals, warnings, pulls }
    }
}

impl Told {
    /// Replaces a row's share in the sums.
    fn account(&mut self, id: usize, new: Share) {
        let old = std::mem::replace(&mut self.shares[id], new);
        let t = &mut self.totals;
        let swap = |sum: &mut u64, old: u64, new: u64| *sum = sum.saturating_sub(old) + new;
        swap(&mut t.resolved, old.resolved(), new.resolved());
        for (sum, status) in [
            (&mut t.copied, ImageStatus::Copied),
            (&mut t.skipped, ImageStatus::Skipped),
            (&mut t.failed, ImageStatus::Failed),
            (&mut t.cancelled, ImageStatus::Cancelled),
            (&mut self.copying, ImageStatus::Copying),
        ] {
            swap(sum, u64::from(old.status == status), u64::from(new.status == status));
        }
        for (sum, action) in [
            (&mut t.to_copy, Action::Copy),
            (&mut t.to_skip, Action::Skip),
            (&mut t.to_overwrite, Action::Overwrite),
            (&mut t.conflicts, Action::Conflict),
            (&mut t.blocked, Action::Blocked),
        ] {
            swap(sum, old.does(action), new.does(action));
        }
        let bytes = |share: Share| {
            share.plan.map_or((0, 0), |plan| (plan.bytes_to_move, plan.bytes_mountable))
        };
        let (was, is) = (bytes(old), bytes(new));
        swap(&mut t.bytes_to_move, was.0, is.0);
        swap(&mut t.bytes_mountable, was.1, is.1);
        swap(&mut t.bytes_total, old.bytes.total, new.bytes.total);
        swap(&mut t.bytes_copied, old.bytes.copied, new.bytes.copied);
        swap(&mut t.bytes_in_flight, old.bytes.in_flight, new.bytes.in_flight);
        swap(&mut t.bytes_mounted, old.bytes.mounted, new.bytes.mounted);
        swap(&mut t.bytes_present, old.bytes.present, new.bytes.present);
        swap(&mut self.left, old.left(), new.left());
    }

    /// Moves the phase on; it never goes back.
    fn turn(&mut self, done: bool, resolved: bool) {
        let t = &self.totals;
        let ended = t.copied + t.skipped + t.failed + t.cancelled;
        let written = self.left == 0 && self.copying > 0 && ended + self.copying == t.images;
        self.phase = match self.phase {
            _ if done => Phase::Done,
            Phase::Planning if resolved => Phase::Copying,
            Phase::Copying if written => Phase::Verifying,
            phase => phase,
        };
    }

    /// Brings the times up to now.
    fn clock(&mut self, started: Instant, sent: u64) {
        let now = Instant::now();
        while self.samples.len() > 1 && now - self.samples[1].0 >= RATE_WINDOW {
            self.samples.pop_front();
        }
        self.samples.push_back((now, sent));
        let (since, base) = self.samples[0];
        let over = now - since;
        let t = &mut self.totals;
        t.bytes_per_second =
            if over < RATE_AFTER { 0 } else { ((sent - base) as f64 / over.as_secs_f64()) as u64 };
        t.seconds = (now - started).as_secs_f64();
        let known = self.phase != Phase::Planning && t.bytes_per_second > 0 && !t.paused;
        t.seconds_left = known.then(|| self.left as f64 / t.bytes_per_second as f64);
    }
}

#[cfg(test)]
mod tests;
