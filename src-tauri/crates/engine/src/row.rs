//! Rows: one source image at one destination, from the moment that it is known to its outcome.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use registry::{Code, Digest, Error, Sentence};

use crate::{
    Action, BlobPart, BlobStatus, Failure, ImageParts, ImageReport, ImageState, ImageStatus,
    Outcome, Plan,
};

/// A lock whose data stays good even if a holder panicked: every change under our locks is complete in itself.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is shared by all rows of a run: which of them changed, and the bytes that went by.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Rows that changed since the last update, each once.
    pub(crate) dirty: Mutex<Vec<u32>>,
    /// Bytes fed to destinations, those sent again included.
    pub(crate) sent: AtomicU64,
    /// Bytes of blobs read at sources.
    pub(crate) read: AtomicU64,
}

/// Where a row stands in the report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Order {
    /// The rule that made it.
    pub(crate) rule: u32,
    /// Which of the repositories that the rule found.
    pub(crate) repository: u32,
    /// Which of the rule's destinations.
    pub(crate) destination: u32,
    /// Which of the repository's images.
    pub(crate) image: u32,
}

impl Order {
    /// The same, the most significant first.
    fn numbers(self) -> [u32; 4] {
        [self.rule, self.repository, self.destination, self.image]
    }

    /// Behind everything that rules make.
    pub(crate) fn last() -> Self {
        Self::new(usize::MAX, usize::MAX, usize::MAX, usize::MAX)
    }

    pub(crate) fn new(rule: usize, repository: usize, destination: usize, image: usize) -> Self {
        let [rule, repository, destination, image] = [rule, repository, destination, image]
            .map(|number| u32::try_from(number).unwrap_or(u32::MAX));
        Self { rule, repository, destination, image }
    }
}

/// One source image at one destination.
#[derive(Debug)]
pub(crate) struct Row {
    id: u32,
    order: Order,
    source: String,
    state: Mutex<State>,
    /// What it is made of, where that is kept.
    parts: Mutex<Option<ImageParts>>,
    dirty: AtomicBool,
    tally: Arc<Tally>,
}

#[derive(Debug, Default)]
struct State {
    destination: String,
    status: ImageStatus,
    plan: Option<Plan>,
    bytes: Bytes,
    reason: Option<String>,
    error: Option<Arc<Failure>>,
    source_digest: Option<Digest>,
    digest: Option<Digest>,
    replaces: Option<Digest>,
    /// With whose account it is read, and written.
    accounts: (Option<Arc<Sentence>>, Option<Arc<Sentence>>),
    attempts: u32,
}

/// A row's bytes, all of blobs that it needs at its destination.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bytes {
    pub(crate) total: u64,
    pub(crate) copied: u64,
    pub(crate) in_flight: u64,
    pub(crate) mounted: u64,
    pub(crate) present: u64,
}

impl Bytes {
    /// Bytes of which nothing has gone out yet.
    pub(crate) fn left(&self) -> u64 {
        self.total.saturating_sub(self.copied + self.in_flight + self.mounted + self.present)
    }
}

impl ImageStatus {
    /// Whether a row with this status has its outcome. `Planned` is the outcome of a plan only, so not here.
    pub(crate) fn is_end(self) -> bool {
        matches!(self, Self::Copied | Self::Skipped | Self::Failed | Self::Cancelled)
    }
}

impl Row {
    pub(crate) fn new(
        id: u32,
        order: Order,
        source: String,
        destination: String,
        tally: Arc<Tally>,
    ) -> Self {
        let state = State { destination, ..State::default() };
        let (state, parts, dirty) = (Mutex::new(state), Mutex::default(), AtomicBool::new(false));
        Self { id, order, source, state, parts, dirty, tally }
    }

    pub(crate) fn order(&self) -> Order {
        self.order
    }

    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    pub(crate) fn destination(&self) -> String {
        lock(&self.state).destination.clone()
    }

    pub(crate) fn is_ended(&self) -> bool {
        lock(&self.state).status.is_end()
    }

    pub(crate) fn is_planned(&self) -> bool {
        lock(&self.state).status == ImageStatus::Planned
    }

    /// Changes the row unless it has ended.
    fn change(&self, change: impl FnOnce(&mut State)) -> bool {
        let mut state = lock(&self.state);
        if state.status.is_end() {
            return false;
        }
        change(&mut state);
        drop(state);
        self.touch();
        true
    }

    pub(crate) fn touch(&self) {
        if !self.dirty.swap(true, Ordering::AcqRel) {
            lock(&self.tally.dirty).push(self.id);
        }
    }

    pub(crate) fn resolving(&self) {
        self.change(|s| s.status = ImageStatus::Resolving);
    }

    /// The source's digest is known, whatever comes of the row.
    pub(crate) fn sourced(&self, source: &Digest) {
        self.change(|s| s.source_digest = Some(source.clone()));
    }

    /// It is known with whose account it is read, and written.
    pub(crate) fn accounts(
        &self,
        source: Option<Arc<Sentence>>,
        destination: Option<Arc<Sentence>>,
    ) {
        self.change(|s| s.accounts = (source, destination));
    }

    /// Another image stands at the destination.
    pub(crate) fn replaces(&self, stands: Digest) {
        self.change(|s| s.replaces = Some(stands));
    }

    /// The comparison is done. In a plan this is the end.
    pub(crate) fn planned(&self, plan: Plan, source: Option<&Digest>, digest: Option<&Digest>) {
        self.change(|s| {
            s.status = ImageStatus::Planned;
            s.plan = Some(plan);
            s.source_digest = source.cloned();
            s.digest = digest.cloned();
            s.bytes = Bytes {
                total: plan.bytes_to_move + plan.bytes_present + plan.bytes_mountable,
                present: plan.bytes_present,
                ..Bytes::default()
            };
        });
    }

    /// A plan's row that can't work: compared, and why not.
    pub(crate) fn unworkable(&self, action: Action, error: &Error) {
        let failure = Arc::new(Failure::from(error));
        self.change(|s| {
            s.status = ImageStatus::Planned;
            s.plan = Some(Plan::of(action));
            s.reason = Some(failure.message.clone());
            s.error = Some(failure);
        });
    }

    pub(crate) fn reason(&self, reason: &str) {
        self.change(|s| s.reason = Some(reason.to_owned()));
    }

    /// Compared: nothing of it is wanted.
    pub(crate) fn planned_to_skip(&self, reason: &str) {
        self.change(|s| {
            s.status = ImageStatus::Planned;
            s.plan = Some(Plan::of(Action::Skip));
            s.reason = Some(reason.to_owned());
        });
    }

    /// Copying begins; the image needs `total` bytes of blobs at the destination.
    pub(crate) fn copying(&self, total: u64) {
        self.change(|s| {
            s.status = ImageStatus::Copying;
            s.bytes.total = total;
            s.attempts = s.attempts.max(1);
        });
    }

    /// The work was begun again.
    pub(crate) fn attempt(&self, number: u32) {
        self.change(|s| s.attempts = s.attempts.max(number));
    }

    /// Keeps what the image is made of.
    pub(crate) fn keep(&self, parts: ImageParts) {
        *lock(&self.parts) = Some(parts);
    }

    /// What the image is made of, where that is kept.
    pub(crate) fn parts(&self) -> Option<ImageParts> {
        lock(&self.parts).clone()
    }

    /// Changes what is told of a blob.
    fn part(&self, digest: &Digest, change: impl FnOnce(&mut BlobPart)) {
        if let Some(part) = lock(&self.parts).as_mut().and_then(|parts| parts.blob(digest)) {
            change(part);
        }
    }

    /// A blob has got so far.
    pub(crate) fn blob(&self, digest: &Digest, status: BlobStatus) {
        self.part(digest, |part| part.status = status);
        self.touch();
    }

    /// The blobs are asked for anew: what was said of them before no longer counts.
    pub(crate) fn recount(&self) {
        for part in lock(&self.parts).iter_mut().flat_map(|parts| &mut parts.blobs) {
            part.status = BlobStatus::Waiting;
        }
        self.change(|s| {
            s.bytes.mounted = 0;
            s.bytes.present = 0;
            s.bytes.total = s.bytes.total.max(s.bytes.copied);
        });
    }

    pub(crate) fn action(&self, action: Action) {
        self.change(|s| s.plan = Some(Plan { action, ..s.plan.unwrap_or(Plan::of(action)) }));
    }

    /// The image is pushed by a digest that was not known before.
    pub(crate) fn redirect(&self, destination: String) {
        self.change(|s| s.destination = destination);
    }

    /// A blob is there through someone else's upload, or was before.
    pub(crate) fn present(&self, size: u64) {
        self.change(|s| {
            // a blob that this row uploaded and then had to ask for again is counted already
            let room =
                s.bytes.total.saturating_sub(s.bytes.copied + s.bytes.mounted + s.bytes.present);
            s.bytes.present += size.min(room);
        });
    }

    pub(crate) fn mounted(&self, size: u64) {
        self.change(|s| s.bytes.mounted += size);
    }

    /// Ends the row; what it was before does not matter. False when it had ended already.
    fn end(&self, status: ImageStatus, rest: impl FnOnce(&mut State)) -> bool {
        self.change(|s| {
            rest(s);
            s.status = status;
            s.bytes.in_flight = 0;
            if let Some(plan) = &mut s.plan
                && s.bytes.total > 0
            {
                plan.bytes_present = s.bytes.present;
                plan.bytes_mountable = s.bytes.mounted;
                plan.bytes_to_move =
                    s.bytes.total.saturating_sub(s.bytes.present + s.bytes.mounted);
            }
        })
    }

    pub(crate) fn copied(&self, digest: &Digest) -> bool {
        self.end(ImageStatus::Copied, |s| s.digest = Some(digest.clone()))
    }

    pub(crate) fn skipped(&self, reason: &str, digest: Option<&Digest>) -> bool {
        self.end(ImageStatus::Skipped, |s| {
            s.plan = Some(s.plan.unwrap_or(Plan::of(Action::Skip)));
            s.reason = Some(reason.to_owned());
            s.digest = digest.cloned();
            s.replaces = None;
        })
    }

    /// Ends the row with an error; "cancelled" is an outcome of its own.
    pub(crate) fn failed(&self, error: &Error) -> bool {
        if error.code() == Code::Cancelled {
            return self.cancelled();
        }
        let failure = Arc::new(Failure::from(error));
        self.end(ImageStatus::Failed, |s| s.error = Some(failure))
    }

    pub(crate) fn cancelled(&self) -> bool {
        self.end(ImageStatus::Cancelled, |s| s.reason = Some("the run was cancelled".to_owned()))
    }

    /// It is about to be told: what changes from here on is news again.
    pub(crate) fn seen(&self) {
        self.dirty.store(false, Ordering::Release);
    }

    /// What events tell of the row.
    pub(crate) fn show(&self) -> ImageState {
        let s = lock(&self.state);
        ImageState {
            id: self.id,
            order: self.order.numbers(),
            source: self.source.clone(),
            destination: s.destination.clone(),
            status: s.status,
            action: s.plan.map(|p| p.action),
            plan: s.plan,
            bytes_total: s.bytes.total,
            bytes_copied: s.bytes.copied,
            bytes_in_flight: s.bytes.in_flight,
            bytes_mounted: s.bytes.mounted,
            bytes_present: s.bytes.present,
            replaces: s.replaces.clone(),
            source_account: s.accounts.0.clone(),
            destination_account: s.accounts.1.clone(),
            reason: s.reason.clone(),
            error: s.error.as_deref().cloned(),
        }
    }

    /// Its numbers alone.
    pub(crate) fn numbers(&self) -> (ImageStatus, Bytes, Option<Plan>) {
        let s = lock(&self.state);
        (s.status, s.bytes, s.plan)
    }

    /// The row's line in the report. A row without outcome would break the report's promise, so it is our failure.
    pub(crate) fn report(&self, plan_only: bool) -> ImageReport {
        let s = lock(&self.state);
        let status = match s.status {
            ImageStatus::Copied => Outcome::Copied,
            ImageStatus::Skipped => Outcome::Skipped,
            ImageStatus::Cancelled => Outcome::Cancelled,
            ImageStatus::Planned if plan_only => Outcome::Planned,
            _ => Outcome::Failed,
        };
        let lost = (status == Outcome::Failed && s.error.is_none()).then(|| {
            Failure::from(&Error::new(Code::Internal, "the image ended without an outcome"))
        });
        ImageReport {
            source: self.source.clone(),
            destination: s.destination.clone(),
            status,
            reason: s.reason.clone(),
            source_digest: s.source_digest.clone(),
            digest: s.digest.clone(),
            replaces: s.replaces.clone(),
            bytes_copied: s.bytes.copied,
            bytes_mounted: s.bytes.mounted,
            attempts: s.attempts,
            error: s.error.as_deref().map(Failure::told).or(lost),
            plan: s.plan,
        }
    }
}

/// Counts one blob's bytes for the row that uploads it. Dropped without `confirm`, what it counted is taken back.
#[derive(Debug)]
pub(crate) struct Meter {
    row: Arc<Row>,
    blob: Digest,
    fed: u64,
}

impl Meter {
    pub(crate) fn new(row: Arc<Row>, blob: Digest) -> Self {
        row.blob(&blob, BlobStatus::Uploading);
        Self { row, blob, fed: 0 }
    }

    /// Bytes were taken by the destination's connection.
    pub(crate) fn fed(&mut self, bytes: u64) {
        self.fed += bytes;
        self.row.tally.sent.fetch_add(bytes, Ordering::Relaxed);
        self.row.change(|s| s.bytes.in_flight += bytes);
        self.row.part(&self.blob, |part| part.in_flight = self.fed);
    }

    /// The destination holds no more than `offset` of them.
    pub(crate) fn rewind(&mut self, offset: u64) {
        let lost = self.fed.saturating_sub(offset);
        self.fed -= lost;
        self.row.change(|s| s.bytes.in_flight = s.bytes.in_flight.saturating_sub(lost));
        self.row.part(&self.blob, |part| part.in_flight = self.fed);
    }

    /// The destination has confirmed the blob.
    pub(crate) fn confirm(mut self, size: u64) {
        let fed = std::mem::take(&mut self.fed);
        self.row.change(|s| {
            s.bytes.in_flight = s.bytes.in_flight.saturating_sub(fed);
            s.bytes.copied += size;
        });
        self.row.blob(&self.blob, BlobStatus::Copied);
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.rewind(0);
    }
}
