//! A run: what all of its tasks share, and the loop that begins them.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    panic::AssertUnwindSafe,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::FutureExt as _;
use registry::{BlobWriter, Client, Code, Digest, Error, Registry, Result, Target, sentence};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    task::JoinSet,
    time::Instant,
};
use tokio_util::{
    sync::CancellationToken,
    task::{AbortOnDropHandle, TaskTracker},
};
use tracing::Instrument as _;

use crate::{
    Job, JobRule, Policy,
    blob_table::BlobTable,
    board::Board,
    budget::Budget,
    choice::Chosen,
    claims::Claims,
    control::Control,
    expand::{Group, News, Search, expand, group},
    gather::{Gather, Room},
    image,
    lanes::Lanes,
    once::Once,
    place::{Places, patient_until},
    plan::Lookups,
    referrers::Indexes,
    row::Row,
    site::Site,
    stop::UnlessStopped,
    tree::Manifests,
    unit::{Destination, Unit},
};

/// The most images worked on at once, unless the policy says otherwise or more requests may be in flight.
const IMAGES: usize = 64;
/// The most where more requests may be in flight than that.
const MOST_IMAGES: usize = 1024;
/// Images that may wait to begin before the lists of the next are read. Few enough that a list of a hundred thousand tags
/// does not fill the memory, and enough that the number of images is known early in any usual run.
const WINDOW: usize = 4000;
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
    pub(crate) budget: Budget,
    slots: Arc<Semaphore>,
    /// Places for images that only wait for destinations that are late: as many as others get ahead of these.
    pub(crate) behind: Arc<Semaphore>,
    /// The registries that rules write to.
    written: HashSet<Registry>,
    pub(crate) chosen: Chosen,
    /// For large blobs.
    lanes: Lanes,
    tasks: TaskTracker,
}

/// One of the places for images that are worked on.
pub(crate) struct Slot {
    slots: Arc<Semaphore>,
    permit: tokio::sync::Mutex<Option<OwnedSemaphorePermit>>,
    /// It has a place behind the others instead.
    is_behind: AtomicBool,
}

impl Slot {
    fn new(slots: Arc<Semaphore>, permit: OwnedSemaphorePermit) -> Self {
        let permit = tokio::sync::Mutex::new(Some(permit));
        Self { slots, permit, is_behind: AtomicBool::new(false) }
    }

    /// Lets another image have the slot for good, if there is a place `behind` for this one.
    pub(crate) async fn make_way(&self, behind: &Arc<Semaphore>) -> bool {
        let Ok(place) = behind.clone().try_acquire_owned() else { return false };
        let mut permit = self.permit.lock().await;
        self.is_behind.store(true, Ordering::Release);
        *permit = Some(place);
        true
    }

    /// Waits for something that others must do, and lets one of them have the slot meanwhile.
    pub(crate) async fn lend<T>(&self, wait: impl Future<Output = T>) -> T {
        let mut permit = self.permit.lock().await;
        if !self.is_behind.load(Ordering::Acquire) {
            permit.take();
        }
        drop(permit);
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
    pub(crate) fn new(
        rules: &[JobRule],
        policy: Policy,
        plan_only: bool,
        control: Control,
    ) -> Self {
        let Control { client, board, stop, lanes } = control;
        // with fewer images than there may be requests, these would never be reached
        let requests = client.requests_per_host().unwrap_or(IMAGES);
        let images = policy.images.unwrap_or(requests.clamp(IMAGES, MOST_IMAGES));
        let images = images.clamp(1, Semaphore::MAX_PERMITS);
        let slots = Arc::new(Semaphore::new(images));
        let chosen = Chosen::new(policy.choice.clone());
        Self {
            client,
            policy,
            plan_only,
            stop,
            board,
            places: Places::new(images),
            blobs: Arc::default(),
            gather: Arc::default(),
            manifests: Manifests::default(),
            puts: Once::default(),
            claims: Claims::default(),
            lookups: Lookups::default(),
            indexes: Indexes::default(),
            budget: Budget::default(),
            slots,
            behind: Arc::new(Semaphore::new(MOST_IMAGES)),
            written: rules.iter().flat_map(JobRule::destinations).cloned().collect(),
            chosen,
            lanes,
            tasks: TaskTracker::new(),
        }
    }

    /// Whether a rule writes to the registry.
    pub(crate) fn writes(&self, registry: &Registry) -> bool {
        self.written.contains(registry)
    }

    /// Whether others go on without a destination.
    pub(crate) fn is_behind(&self, site: &Site) -> bool {
        self.places.is_behind(site)
    }

    /// Whether one destination may be waited for in vain while others get on.
    pub(crate) fn writes_to_several(&self) -> bool {
        self.written.len() > 1
    }

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

    /// Waits for a lane.
    pub(crate) async fn lane(&self) -> Result<OwnedSemaphorePermit> {
        // the semaphore is never closed
        let lane = self.wait(self.lanes.take()).await?;
        lane.map_err(|error| Error::new(Code::Internal, "no lane for a blob").cause(&error))
    }

    /// How long those who are ready `since` then wait for others whose registries last `moved` then. A pause does not
    /// count: nobody can do anything meanwhile.
    pub(crate) fn patient_until(&self, since: Instant, moved: Option<Instant>) -> Instant {
        let patience = self.policy.patience;
        if self.client.is_paused() {
            return Instant::now() + patience;
        }
        let since = self.client.resumed().map_or(since, |resumed| resumed.max(since));
        patient_until(since, moved, patience)
    }

    /// Starts a task of the run, in the span of whoever starts it.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        // on the heap at once: it is large, and moved several times on the way there
        self.tasks.spawn(Box::pin(task).in_current_span());
    }

    /// Starts what nothing waits for. It ends with the run.
    pub(crate) fn aside(&self, task: Option<impl Future<Output = ()> + Send + 'static>) {
        let Some(task) = task else { return };
        let stop = self.stop.clone();
        self.spawn(async move {
            let _ = UnlessStopped::new(&stop, task).await;
        });
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
pub(crate) async fn run(job: Job, plan_only: bool, control: Control) {
    let Job { rules, policy, .. } = job;
    let board = control.board.clone();
    let run = Arc::new(Run::new(&rules, policy, plan_only, control));
    let teller = AbortOnDropHandle::new(tokio::spawn({
        let run = run.clone();
        async move {
            let note = |board: &Board| {
                board.pulls(run.budget.pulls(&run.client));
                board.waits(run.client.waits());
            };
            run.board.tell(note).await;
        }
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
    let pulls = run.budget.pulls(&run.client);
    for pulls in pulls.iter().filter(|pulls| plan_only && pulls.is_short()) {
        board.warn(sentence!(
            "pulls_short",
            "{registry} lets {left} more manifests be read for now, and this needs {needed}: log in for a higher limit, or \
             run it in parts",
            registry = &pulls.registry,
            left = pulls.left,
            needed = pulls.needed,
        ));
    }
    board.pulls(pulls);
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
    /// The repositories that rules write to whose source is given.
    places: HashMap<usize, Writers>,
    /// Rules by pattern, and the units that wait for the end of the search: until then one of its repositories may turn
    /// out to go to the same tag.
    searches: Vec<(Arc<Search>, Vec<usize>)>,
    /// For how many repositories and searches a unit waits so.
    held: HashMap<usize, usize>,
    /// The most units that were in the queue at once.
    most: usize,
}

/// The groups of rules that write to a repository.
#[derive(Default)]
struct Writers {
    all: usize,
    /// Those that are not yet expanded: until then another rule may turn out to write to the same tag.
    open: usize,
    /// The units that wait for that.
    waiting: Vec<usize>,
}

impl Drive {
    fn new(run: Arc<Run>) -> Self {
        Self {
            run,
            units: HashMap::new(),
            next: 0,
            queue: VecDeque::new(),
            places: HashMap::new(),
            searches: Vec::new(),
            held: HashMap::new(),
            most: 0,
        }
    }

    async fn drive(mut self, rules: Vec<JobRule>) {
        let run = self.run.clone();
        let (groups, searches) = group(&run, run.chosen.narrow(rules));
        for place in groups.iter().flat_map(|group| &group.places) {
            let writers = self.places.entry(place.index).or_default();
            (writers.all, writers.open) = (writers.all + 1, writers.open + 1);
        }
        self.searches = searches.iter().map(|search| (search.clone(), Vec::new())).collect();
        let (tell, mut told) = mpsc::channel(1);
        let mut expanding = pin!(expand(run.clone(), groups, searches, tell));
        let (mut listing, mut expanded) = (true, false);
        let mut working = JoinSet::new();
        loop {
            tokio::select! {
                () = run.stop.cancelled() => break,
                () = &mut expanding, if !expanded => expanded = true,
                news = told.recv(), if listing && self.queue.len() < WINDOW => if let Some(news) = news {
                    self.hear(news);
                } else {
                    listing = false;
                    run.chosen.missing(&run.board);
                    run.board.complete();
                },
                permit = run.slots.clone().acquire_owned(), if !self.queue.is_empty() => {
                    if let (Ok(permit), Some(unit)) = (permit, self.take()) {
                        let slot = Slot::new(run.slots.clone(), permit);
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
            while !expanded {
                tokio::select! {
                    () = &mut expanding => expanded = true,
                    Some(_) = told.recv() => {}
                }
            }
            if listing {
                run.chosen.missing(&run.board);
            }
            run.board.complete();
            let wait = async { while working.join_next().await.is_some() {} };
            let _ = tokio::time::timeout(WIND_DOWN, wait).await;
        }
        tracing::debug!(most = self.most, "images that waited at once");
    }

    fn hear(&mut self, news: News) {
        match news {
            News::Units(group, units) => self.enter(&group, units),
            News::Expanded(group) => self.close(&group),
            News::Searched(search) => self.searched(&search),
        }
        self.most = self.most.max(self.queue.len());
    }

    /// Some units of a group are known.
    fn enter(&mut self, group: &Group, units: Vec<Unit>) {
        let is_pagewise = group.is_pagewise(&self.run);
        for unit in units {
            let number = self.next;
            self.next += 1;
            let mut waits = 0;
            for destination in &unit.destinations {
                let Some(key) = destination.key() else { continue };
                let place = &destination.place;
                let mut is_alone = is_pagewise;
                if let Some(writers) = self.places.get_mut(&place.index) {
                    let own = usize::from(group.found.is_empty());
                    is_alone &= writers.all == own;
                    // this group is still counted
                    if writers.open > own {
                        writers.waiting.push(number);
                        waits += 1;
                    }
                }
                for (search, waiting) in &mut self.searches {
                    let (registry, name) = (place.registry(), place.name());
                    let is_own = group.writes_by(search, registry, name);
                    if !search.rule.may_write(registry, name)
                        || (is_own && search.rule.is_alone_at(registry, name))
                    {
                        continue;
                    }
                    is_alone = false;
                    if !search.is_over() {
                        waiting.push(number);
                        waits += 1;
                    }
                }
                if !is_alone {
                    self.run.claims.enter(key, number, destination.row.clone());
                }
            }
            self.run.budget.add(unit.source.repository.registry());
            self.units.insert(number, Arc::new(unit));
            if waits == 0 {
                self.queue.push_back(number);
            } else {
                self.held.insert(number, waits);
            }
        }
    }

    /// No more of a group will come.
    fn close(&mut self, group: &Group) {
        if !group.found.is_empty() {
            return;
        }
        for place in &group.places {
            let Some(writers) = self.places.get_mut(&place.index) else { continue };
            writers.open -= 1;
            if writers.open == 0 {
                let waiting = std::mem::take(&mut writers.waiting);
                self.release(waiting);
            }
        }
    }

    /// No more of a rule by pattern will come.
    fn searched(&mut self, search: &Arc<Search>) {
        let ended = self.searches.iter_mut().filter(|(other, _)| Arc::ptr_eq(other, search));
        for waiting in ended.map(|(_, waiting)| std::mem::take(waiting)).collect::<Vec<_>>() {
            self.release(waiting);
        }
    }

    /// These units wait for one thing less.
    fn release(&mut self, waiting: Vec<usize>) {
        for number in waiting {
            let Some(waits) = self.held.get_mut(&number) else { continue };
            *waits -= 1;
            if *waits == 0 {
                self.held.remove(&number);
                self.queue.push_back(number);
            }
        }
    }

    /// The next unit that has not begun. Rivals for one of its tags are next, because it must wait for them.
    fn take(&mut self) -> Option<Arc<Unit>> {
        while let Some(number) = self.queue.pop_front() {
            let Some(unit) = self.units.remove(&number) else { continue };
            self.run.budget.begin(unit.source.repository.registry());
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn two_waves_that_lend_one_slot_get_on() {
        let slots = Arc::new(Semaphore::new(1));
        let permit = slots.clone().acquire_owned().await.unwrap();
        let slot = Slot::new(slots.clone(), permit);
        let pause = tokio::task::yield_now;
        let both = async { tokio::join!(slot.lend(pause()), slot.lend(pause())) };
        tokio::time::timeout(Duration::from_secs(10), both).await.unwrap();
        assert_eq!(slots.available_permits(), 0, "the image has its slot again");
        drop(slot);
        assert_eq!(slots.available_permits(), 1);
    }
}
