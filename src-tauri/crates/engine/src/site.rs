//! A registry that is written to: the room for blobs there, and whether it is late, so that others of the same run don't
//! wait for it.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::{
    sync::{Semaphore, SetOnce},
    time::Instant,
};

use crate::row::lock;

/// The fewest blobs that may be between the opening of their upload and its end, per destination registry; there may be
/// as many as images are worked on at once. Without a limit, every image under way would open uploads that then wait,
/// and expire, behind those that stream. So many more may be asked for by mounts, which open one where they are declined.
const BLOBS_PER_REGISTRY: usize = 64;
/// How often it is looked whether a registry is late.
pub(crate) const LOOK: Duration = Duration::from_millis(100);

/// A registry that is written to.
#[derive(Debug)]
pub(crate) struct Site {
    /// For blobs that are sent.
    pub(crate) slots: Semaphore,
    /// For blobs that may be mounted, until they are, or may be sent.
    pub(crate) mounts: Semaphore,
    moves: Mutex<Moves>,
    /// It has refused an attestation and took the image without it.
    refuses_attestations: AtomicBool,
    /// One of its repositories is or was looked for ahead of the others.
    pub(crate) is_looked_at: AtomicBool,
    /// A tag of that repository has been looked for, or nobody waits for that any more.
    pub(crate) was_looked_at: SetOnce<()>,
    /// What was last heard of was missing: a hint, from which only the order of questions follows.
    pub(crate) lacks: AtomicBool,
}

/// What a registry has done, and is to do.
#[derive(Debug)]
struct Moves {
    /// When it last took bytes or answered.
    last: Instant,
    /// When it last took bytes.
    fed: Instant,
    /// Questions that wait for its answer.
    asks: Pending,
    /// Requests that wait for it to take something, or to confirm that.
    offers: Pending,
    /// It was waited for in vain, and has not answered since.
    is_silent: bool,
    /// It took nothing of what it was offered for long, and nothing whole since.
    is_stuck: bool,
}

/// Requests of a kind that wait.
#[derive(Debug)]
struct Pending {
    count: usize,
    /// Since when there is one.
    since: Instant,
}

impl Pending {
    /// Whether one waits, and there was always one for so long, and so long ago is what came of any last.
    fn is_long(&self, last: Instant, patience: Duration) -> bool {
        self.count > 0 && self.since.max(last).elapsed() >= patience
    }
}

/// Something that a registry is to do, until this is dropped.
#[must_use]
pub(crate) struct Wish<'a> {
    site: &'a Site,
    of: fn(&mut Moves) -> &mut Pending,
}

impl Drop for Wish<'_> {
    fn drop(&mut self) {
        (self.of)(&mut lock(&self.site.moves)).count -= 1;
    }
}

impl Site {
    pub(crate) fn new(images: usize) -> Self {
        let slots = || Semaphore::new(images.clamp(BLOBS_PER_REGISTRY, Semaphore::MAX_PERMITS));
        Self {
            slots: slots(),
            mounts: slots(),
            moves: Mutex::new(Moves {
                last: Instant::now(),
                fed: Instant::now(),
                asks: Pending { count: 0, since: Instant::now() },
                offers: Pending { count: 0, since: Instant::now() },
                is_silent: false,
                is_stuck: false,
            }),
            refuses_attestations: AtomicBool::new(false),
            is_looked_at: AtomicBool::new(false),
            was_looked_at: SetOnce::new(),
            lacks: AtomicBool::new(false),
        }
    }

    pub(crate) fn refuses_attestations(&self) -> bool {
        self.refuses_attestations.load(Relaxed)
    }

    /// Notes that it refuses attestations. True for the first who says so.
    pub(crate) fn refused_attestation(&self) -> bool {
        !self.refuses_attestations.swap(true, Relaxed)
    }

    /// It answered.
    pub(crate) fn touch(&self) {
        let mut moves = lock(&self.moves);
        moves.last = Instant::now();
        moves.is_silent = false;
    }

    /// It took bytes.
    pub(crate) fn feed(&self) {
        let mut moves = lock(&self.moves);
        moves.last = Instant::now();
        moves.fed = moves.last;
        moves.is_silent = false;
    }

    /// It took a whole blob or manifest.
    pub(crate) fn took(&self) {
        self.feed();
        lock(&self.moves).is_stuck = false;
    }

    /// Someone waits for its answer.
    pub(crate) fn ask(&self) -> Wish<'_> {
        self.wish(|moves| &mut moves.asks)
    }

    /// Someone waits for it to take something, or to confirm that.
    pub(crate) fn offer(&self) -> Wish<'_> {
        self.wish(|moves| &mut moves.offers)
    }

    fn wish(&self, of: fn(&mut Moves) -> &mut Pending) -> Wish<'_> {
        let mut moves = lock(&self.moves);
        let pending = of(&mut moves);
        if pending.count == 0 {
            pending.since = Instant::now();
        }
        pending.count += 1;
        Wish { site: self, of }
    }

    /// Notes whether it has been asked for as long as this and has answered nothing at all. Then nobody waits for it any
    /// more until it answers.
    pub(crate) fn note_silence(&self, patience: Duration) {
        let mut moves = lock(&self.moves);
        moves.is_silent |= moves.asks.is_long(moves.last, patience);
    }

    /// Notes whether it has been offered something for as long as this and has taken nothing at all. Then nobody waits for
    /// it any more until it has taken something whole: other bytes may only be on their way.
    pub(crate) fn note_stuck(&self, patience: Duration) {
        let mut moves = lock(&self.moves);
        moves.is_stuck |= moves.offers.is_long(moves.fed, patience);
    }

    /// When it last took bytes.
    pub(crate) fn fed(&self) -> Instant {
        lock(&self.moves).fed
    }

    /// Whether it has answered nothing, or taken nothing, for so long that others should not wait for it.
    pub(crate) fn is_late(&self) -> bool {
        let moves = lock(&self.moves);
        moves.is_silent || moves.is_stuck
    }

    /// When it last took bytes or answered.
    pub(crate) fn moved(&self) -> Instant {
        lock(&self.moves).last
    }
}
