//! A run: what all of its tasks share, and the loop that begins them.

use std::{
    collections::{HashMap, VecDeque},
    panic::AssertUnwindSafe,
    sync::Arc,
    time::Duration,
};

use futures_util::{FutureExt as _, StreamExt as _, stream};
use registry::{BlobWriter, Client, Code, Digest, Error, Result, Target};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
};
use tokio_util::{
    sync::CancellationToken,
    task::{AbortOnDropHandle, TaskTracker},
};
use tracing::Instrument as _;

use crate::{
    Job, Policy,
    blob_table::BlobTable,
    board::Board,
    claims::Claims,
    expand::{Group, expand, group, written},
    gather::{Gather, Room},
    image,
    once::Once,
    place::Places,
    plan::Lookups,
    referrers::Indexes,
    row::Row,
    stop::UnlessStopped,
    tree::Manifests,
    unit::{Destination, Unit},
};

/// The most images worked on at once, unless the policy says otherwise.
const IMAGES: usize = 64;
/// Source repositories that are listed at once.
const LISTS: usize = 16;
/// How long uploads that are given up may take to say so to their registry.
const DISCARD: Duration = Duration::from_secs(2);
/// How long a cancelled run waits for its tasks to notice, answers to tags' PUTs included.
const WIND_DOWN: Duration = Duration::from_secs(6);

/// What all tasks of a run share.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) client: Client,
    pub(crate) policy: Policy,
    pub(crate) plan_only: bool,
    pub(crate) stop: CancellationToken,
    pub(crate) board: Arc<Board>,
    pub(crate) places: Places,
    pub(crate) blobs: Arc<BlobTable>,
    pub(crate) gather: Arc<Gather>,
    pub(crate) manifests: Manifests,
    /// Manifests put: repository, what as, which.
    pub(crate) puts: Once<(usize, Target, Digest)>,
    pub(crate) claims: Claims,
    pub(crate) lookups: Lookups,
    pub(crate) indexes: Indexes,
    slots: Arc<Semaphore>,
    tasks: TaskTracker,
}

/// One of the places for images that are worked on.
pub(crate) struct Slot {
    slots: Arc<Semaphore>,
    permit: tokio::sync::Mutex<Option<OwnedSemaphorePermit>>,
}

impl Slot {
    /// Waits for something that others must do, and lets one of them have the slot meanwhile.
    pub(crate) async fn lend<T>(&self, wait: impl Future<Output = T>) -> T {
        drop(self.permit.lock().await.take());
        let result = wait.await;
        // several waves of an image may lend it, and one that asked for a second slot would wait for the others' end
        let mut permit = self.permit.lock().await;
        if permit.is_none() {
            *permit = self.slots.clone().acquire_owned().await.ok();
        }
        drop(permit);
        result
    }
}

impl Run {
    /// Waits for something unless the run is stopped.
    pub(crate) fn wait<T>(&self, wait: impl Future<Output = T>) -> impl Future<Output = Result<T>> {
        UnlessStopped::new(&self.stop, wait)
    }

    /// Waits for an answer unless the run is stopped.
    pub(crate) fn unless_stopped<T>(
        &self,
        ask: impl Future<Output = Result<T>>,
    ) -> impl Future<Output = Result<T>> {
        self.wait(ask).map(Result::flatten)
    }

    /// Starts a task of the run, in the span of whoever starts it.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(task.in_current_span());
    }

    /// Gives an upload up, without waiting for that. It keeps the room that it has until it is done.
    pub(crate) fn discard(&self, writer: BlobWriter, room: Room) {
        self.spawn(async move {
            let _ = tokio::time::timeout(DISCARD, writer.cancel()).await;
            drop(room);
        });
    }
}

/// Runs or plans a job; every row has its outcome when it returns.
#[tracing::instrument(name = "run", skip_all, fields(plan_only = plan_only, rules = job.rules.len()))]
pub(crate) async fn run(job: Job, plan_only: bool, board: Arc<Board>, stop: CancellationToken) {
    let Job { rules, policy, client } = job;
    let slots = Arc::new(Semaphore::new(policy.images.unwrap_or(IMAGES).max(1)));
    let run = Arc::new(Run {
        client,
        policy,
        plan_only,
        stop,
        board: board.clone(),
        places: Places::default(),
        blobs: Arc::default(),
        gather: Arc::default(),
        manifests: Manifests::default(),
        puts: Once::default(),
        claims: Claims::default(),
        lookups: Lookups::default(),
        indexes: Indexes::default(),
        slots,
        tasks: TaskTracker::new(),
    });
    let teller = AbortOnDropHandle::new(tokio::spawn({
        let board = board.clone();
        async move { board.tell().await }
    }));
    let driven = AssertUnwindSafe(Drive::new(run.clone()).drive(rules)).catch_unwind().await;
    let cancelled = run.stop.is_cancelled();
    for row in board.rows() {
        if row.is_ended() || (plan_only && row.is_planned()) {
            continue;
        }
        if driven.is_ok() && cancelled {
            row.cancelled();
        } else {
            row.failed(&Error::new(Code::Internal, "the image was left behind"));
        }
    }
    // whatever a panic left running must not outlive the run
    run.stop.cancel();
    run.tasks.close();
    let _ = tokio::time::timeout(DISCARD, run.tasks.wait()).await;
    for warning in run.client.warnings() {
        board.warn(warning);
    }
    drop(teller);
    board.tick(true);
}

/// The loop that begins the work on images as rules are expanded and slots come free.
struct Drive {
    run: Arc<Run>,
    /// Units that wait to begin.
    units: HashMap<usize, Arc<Unit>>,
    next: usize,
    /// Units that may begin, in order; some may have begun out of it.
    queue: VecDeque<usize>,
    /// Groups of rules that write to a repository and are not yet expanded, and the units that wait for that: until
    /// then another rule may turn out to write to the same tag.
    open: HashMap<usize, (usize, Vec<usize>)>,
    /// For how many repositories a unit waits so.
    held: HashMap<usize, usize>,
}

impl Drive {
    fn new(run: Arc<Run>) -> Self {
        Self {
            run,
            units: HashMap::new(),
            next: 0,
            queue: VecDeque::new(),
            open: HashMap::new(),
            held: HashMap::new(),
        }
    }

    async fn drive(mut self, rules: Vec<crate::Rule>) {
        let run = self.run.clone();
        let groups = group(&run, rules);
        for place in groups.iter().flat_map(|group| &group.places) {
            self.open.entry(place.index).or_default().0 += 1;
        }
        let mut expanding = stream::iter(groups)
            .map(|group| {
                let run = run.clone();
                async move {
                    let units = AssertUnwindSafe(expand(&run, &group)).catch_unwind().await;
                    (group, units)
                }
            })
            .buffer_unordered(LISTS);
        let mut listing = true;
        let mut working = JoinSet::new();
        loop {
            tokio::select! {
                () = run.stop.cancelled() => break,
                expanded = expanding.next(), if listing => match expanded {
                    Some((group, Ok(units))) => self.enter(&group, units),
                    Some((group, Err(_))) => {
                        fail_group(&run, &group);
                        self.enter(&group, Vec::new());
                    }
                    None => {
                        listing = false;
                        run.board.complete();
                    }
                },
                permit = run.slots.clone().acquire_owned(), if !self.queue.is_empty() => {
                    if let (Ok(permit), Some(unit)) = (permit, self.take()) {
                        let slot = Slot { slots: run.slots.clone(), permit: tokio::sync::Mutex::new(Some(permit)) };
                        working.spawn(work(run.clone(), unit, slot).in_current_span());
                    }
                }
                Some(_) = working.join_next(), if !working.is_empty() => {}
            }
            if !listing && self.queue.is_empty() && working.is_empty() {
                break;
            }
        }
        if run.stop.is_cancelled() {
            // rules that were not expanded are rows too; expanding ends at once now
            while let Some((group, units)) = expanding.next().await {
                if units.is_err() {
                    fail_group(&run, &group);
                }
            }
            run.board.complete();
            let wait = async { while working.join_next().await.is_some() {} };
            let _ = tokio::time::timeout(WIND_DOWN, wait).await;
        }
    }

    /// The units of a group are known.
    fn enter(&mut self, group: &Group, units: Vec<Unit>) {
        for unit in units {
            let number = self.next;
            self.next += 1;
            let mut waits = 0;
            for destination in &unit.destinations {
                if let Some(key) = destination.key() {
                    self.run.claims.enter(key, number, destination.row.clone());
                }
                // this group is still counted
                if let Some((open, waiting)) = self.open.get_mut(&destination.place.index)
                    && *open > 1
                {
                    waiting.push(number);
                    waits += 1;
                }
            }
            self.units.insert(number, Arc::new(unit));
            if waits == 0 {
                self.queue.push_back(number);
            } else {
                self.held.insert(number, waits);
            }
        }
        for place in &group.places {
            let Some((open, waiting)) = self.open.get_mut(&place.index) else { continue };
            *open -= 1;
            if *open > 0 {
                continue;
            }
            for number in std::mem::take(waiting) {
                let Some(waits) = self.held.get_mut(&number) else { continue };
                *waits -= 1;
                if *waits == 0 {
                    self.held.remove(&number);
                    self.queue.push_back(number);
                }
            }
        }
    }

    /// The next unit that has not begun. Rivals for one of its tags are next, because it must wait for them.
    fn take(&mut self) -> Option<Arc<Unit>> {
        while let Some(number) = self.queue.pop_front() {
            let Some(unit) = self.units.remove(&number) else { continue };
            for key in unit.destinations.iter().filter_map(Destination::key) {
                for rival in self.run.claims.rivals(&key, number) {
                    if self.units.contains_key(&rival) && !self.held.contains_key(&rival) {
                        self.queue.push_front(rival);
                    }
                }
            }
            return Some(unit);
        }
        None
    }
}

/// Works on one image. A panic there is that image's failure.
async fn work(run: Arc<Run>, unit: Arc<Unit>, slot: Slot) {
    let processed = image::process(run.clone(), unit.clone(), slot);
    if AssertUnwindSafe(processed).catch_unwind().await.is_err() {
        for destination in &unit.destinations {
            if let Some(key) = destination.key() {
                run.claims.settle(&key, &destination.row, None);
            }
            panicked(&destination.row);
        }
    }
}

/// The row's task panicked.
pub(crate) fn panicked(row: &Row) {
    row.failed(&panic_error());
}

pub(crate) fn panic_error() -> Error {
    Error::new(Code::Internal, "something went wrong on our side (a task panicked)")
}

fn fail_group(run: &Run, group: &Group) {
    for (number, rule) in &group.rules {
        for (at, destination) in rule.destinations.iter().enumerate() {
            panicked(&written(run, (*number, at), rule, destination));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn two_waves_that_lend_one_slot_get_on() {
        let slots = Arc::new(Semaphore::new(1));
        let permit = slots.clone().acquire_owned().await.unwrap();
        let slot = Slot { slots: slots.clone(), permit: tokio::sync::Mutex::new(Some(permit)) };
        let pause = tokio::task::yield_now;
        let both = async { tokio::join!(slot.lend(pause()), slot.lend(pause())) };
        tokio::time::timeout(Duration::from_secs(10), both).await.unwrap();
        assert_eq!(slots.available_permits(), 0, "the image has its slot again");
        drop(slot);
        assert_eq!(slots.available_permits(), 1);
    }
}
