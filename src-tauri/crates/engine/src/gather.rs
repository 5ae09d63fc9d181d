//! Gathers who wants the same blob at about the same time, so that it is read once for all of them.
//!
//! Whoever may come to need a blob's bytes announces that first. Reading begins when everyone announced has either
//! opened its upload or found that it needs no bytes; or when the others' registries have done nothing for long.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
    pin::pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::FutureExt as _;
use registry::{
    BlobWriter, Code, Descriptor, Digest, Error, Permit, Registry, Repository, RepositoryName,
    Result, Side,
};
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, oneshot},
    time::{Instant, timeout},
};

use crate::{
    place::Place,
    row::{Meter, lock},
    run::Run,
    site::{LOOK, Site},
    stop::cancelled,
    transfer,
};

/// Blobs beyond this size are large: so many at once are on their way that some room at every host is left to small
/// ones, and to manifests.
pub(crate) const LARGE: u64 = 512 * 1024;
/// How long room at a host is held for a transfer that has none yet at another.
const WORTH_HOLDING: Duration = Duration::from_secs(1);
/// What is gathered by: a blob is the same whichever repository of a registry it is read from.
pub(crate) type Key = (Registry, Digest);

/// Room for one request at each of some hosts.
pub(crate) type Room = BTreeMap<Registry, Arc<Permit>>;

/// One that takes a blob's bytes.
#[derive(Debug)]
pub(crate) struct Taker {
    pub(crate) place: Arc<Place>,
    pub(crate) writer: BlobWriter,
    pub(crate) meter: Meter,
    /// Told when it has ended for this taker.
    pub(crate) done: oneshot::Sender<End>,
}

impl Taker {
    fn site(&self) -> (Registry, Arc<Site>) {
        (self.place.registry().clone(), self.place.site.clone())
    }
}

/// How a transfer ended for one taker.
#[derive(Debug)]
pub(crate) enum End {
    /// The blob is there, by this upload.
    Written,
    /// The blob is there, by someone else's upload.
    Found,
    /// It can't be brought there from this repository.
    Failed(Error, RepositoryName),
    /// The bytes were not those that the digest names: worth another try, for which this ticket announces.
    Damaged(Error, Ticket),
}

/// The gatherings that still wait to begin reading.
#[derive(Debug, Default)]
pub(crate) struct Gather(Mutex<HashMap<Key, Arc<Group>>>);

struct Group {
    state: Mutex<State>,
    changed: Notify,
    /// The lane of a large blob: one for all of its takers, until the reading has ended.
    lane: tokio::sync::Mutex<Option<OwnedSemaphorePermit>>,
}

#[derive(Default)]
struct State {
    /// The registries of those who may still come, and of the first taker until the group is closed.
    announced: Vec<Arc<Site>>,
    takers: Vec<Taker>,
    /// When the first taker came.
    since: Option<Instant>,
    /// Reading has begun: whoever comes now needs another group.
    closed: bool,
}

/// An announcement. Dropping it takes it back.
#[derive(Debug)]
pub(crate) struct Ticket {
    gather: Arc<Gather>,
    key: Key,
    group: Arc<Group>,
    site: Arc<Site>,
}

impl Gather {
    /// Announces that someone may need the bytes of a blob.
    pub(crate) fn announce(self: &Arc<Self>, key: Key, site: Arc<Site>) -> Ticket {
        let mut groups = lock(&self.0);
        let mut group = groups.entry(key.clone()).or_insert_with(Group::new).clone();
        if lock(&group.state).closed {
            group = Group::new();
            groups.insert(key.clone(), group.clone());
        }
        lock(&group.state).announced.push(site.clone());
        Ticket { gather: self.clone(), key, group, site }
    }
}

impl Group {
    /// Another large blob may be brought.
    fn leave_lane(&self) {
        // who has it locked waits for a lane: there is none
        if let Ok(mut lane) = self.lane.try_lock() {
            lane.take();
        }
    }

    /// Whether all who are or may become takers are late.
    fn is_for_late_ones(&self, run: &Run) -> bool {
        let state = lock(&self.state);
        let takers = state.takers.iter().map(|taker| &taker.place.site);
        !state.closed && takers.chain(&state.announced).all(|site| run.is_behind(site))
    }

    fn new() -> Arc<Self> {
        Self::with(State::default())
    }

    fn with(state: State) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(state),
            changed: Notify::new(),
            lane: tokio::sync::Mutex::default(),
        })
    }
}

impl State {
    /// Takes out the takers that the others don't wait for, if there are others.
    fn shed(&mut self) -> Vec<Taker> {
        let is_late = |taker: &Taker| taker.place.site.is_late();
        if self.takers.iter().all(is_late) {
            return Vec::new();
        }
        self.takers.extract_if(.., |taker| is_late(taker)).collect()
    }
}

impl Ticket {
    /// Waits until a large blob may be brought; small ones always may.
    pub(crate) async fn lane(&self, run: &Run, size: u64) -> Result<()> {
        if size <= LARGE {
            return Ok(());
        }
        let mut lane = self.group.lane.lock().await;
        // whoever comes after the others' reading has begun does not take another
        if lane.is_none() && !lock(&self.group.state).closed {
            *lane = Some(run.lane().await?);
        }
        Ok(())
    }

    /// Lets another large blob be brought where this one only waits for registries that are late.
    pub(crate) fn leave_lane(&self, run: &Run) {
        if self.group.is_for_late_ones(run) {
            self.group.leave_lane();
        }
    }

    /// Takes part in the reading, or begins a new one when it has begun already. The end is told to `taker.done`.
    pub(crate) fn join(self, run: &Arc<Run>, source: &Repository, blob: &Descriptor, taker: Taker) {
        if run.is_behind(&taker.place.site) {
            return leave_behind(run, source, blob, taker);
        }
        let group = self.group.clone();
        {
            let mut state = lock(&group.state);
            // one host, one permit, one request: two writers at one host don't share a reading
            let clash = state.takers.iter().any(|t| t.place.registry() == taker.place.registry());
            if !state.closed && !clash {
                state.takers.push(taker);
                if state.since.is_none() {
                    state.since = Some(Instant::now());
                    drop(state);
                    let reading = read(run.clone(), self, source.clone(), blob.clone());
                    run.spawn(reading);
                }
                return;
            }
        }
        self.alone(run, source, blob, taker);
    }

    /// Reads for one taker alone.
    pub(crate) fn alone(
        self,
        run: &Arc<Run>,
        source: &Repository,
        blob: &Descriptor,
        taker: Taker,
    ) {
        let state = State {
            announced: vec![self.site.clone()],
            takers: vec![taker],
            since: Some(Instant::now()),
            closed: false,
        };
        let group = Group::with(state);
        let (gather, key, site) = (self.gather.clone(), self.key.clone(), self.site.clone());
        let ticket = Self { gather, key, group, site };
        drop(self);
        run.spawn(read(run.clone(), ticket, source.clone(), blob.clone()));
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut groups = lock(&self.gather.0);
        let mut state = lock(&self.group.state);
        if let Some(own) = state.announced.iter().position(|site| Arc::ptr_eq(site, &self.site)) {
            state.announced.swap_remove(own);
        }
        let over = state.announced.is_empty() && state.takers.is_empty();
        drop(state);
        if over && groups.get(&self.key).is_some_and(|g| Arc::ptr_eq(g, &self.group)) {
            groups.remove(&self.key);
        }
        self.group.changed.notify_one();
    }
}

/// Waits for everyone, then reads. The first taker's ticket is held until the group is closed.
async fn read(run: Arc<Run>, ticket: Ticket, source: Repository, blob: Descriptor) {
    let group = ticket.group.clone();
    let gathered = gather(&run, &ticket, &source, &blob).await;
    let takers = {
        let mut groups = lock(&ticket.gather.0);
        let mut state = lock(&group.state);
        state.closed = true;
        if groups.get(&ticket.key).is_some_and(|g| Arc::ptr_eq(g, &group)) {
            groups.remove(&ticket.key);
        }
        std::mem::take(&mut state.takers)
    };
    drop(ticket);
    match gathered {
        Ok(room) => {
            let sites: Vec<_> = takers.iter().map(|taker| taker.place.site.clone()).collect();
            let mut transfer = pin!(transfer::transfer(&run, &source, &blob, takers, room));
            tokio::select! {
                () = &mut transfer => group.leave_lane(),
                () = all_are_behind(&run, &sites) => {
                    group.leave_lane();
                    transfer.await;
                }
            }
        }
        Err(error) => {
            for taker in takers {
                run.discard(taker.writer, Room::new());
                let _ = taker.done.send(End::Failed(error.clone(), source.name().clone()));
            }
        }
    }
}

/// Waits until nobody else is expected, and for room at the source and at every taker's host. Those whose registries
/// take nothing or do not answer are neither waited for nor kept.
async fn gather(
    run: &Arc<Run>,
    ticket: &Ticket,
    source: &Repository,
    blob: &Descriptor,
) -> Result<Room> {
    let group = &ticket.group;
    let patience = run.policy.patience;
    loop {
        let changed = group.changed.notified();
        let (others, until) = {
            let state = lock(&group.state);
            let is_own = |site: &&Arc<Site>| Arc::ptr_eq(site, &ticket.site);
            let expected =
                state.announced.iter().filter(|site| is_own(site) || !run.is_behind(site));
            if expected.clone().count() <= 1 {
                break;
            }
            let others: Vec<_> = expected.filter(|site| !is_own(site)).cloned().collect();
            let since = state.since.unwrap_or_else(Instant::now);
            let moved = others.iter().map(|site| site.moved()).max();
            (others, run.patient_until(since, moved))
        };
        if until <= Instant::now() {
            for site in others {
                site.note_silence(patience);
                site.note_stuck(patience);
            }
            break;
        }
        tokio::select! {
            () = run.stop.cancelled() => return Err(cancelled()),
            () = changed => {}
            // others may find that one is late
            () = tokio::time::sleep_until(until.min(Instant::now() + patience)) => {}
        }
    }
    let mut room = Room::new();
    loop {
        let (sites, behind, is_made) = {
            let mut state = lock(&group.state);
            let behind = state.shed();
            let sites: BTreeMap<_, _> = state.takers.iter().map(Taker::site).collect();
            // from here on nobody can join, so the hosts stay these
            state.closed =
                sites.keys().chain([source.registry()]).all(|host| room.contains_key(host));
            (sites, behind, state.closed)
        };
        for taker in behind {
            leave_behind(run, source, blob, taker);
        }
        if is_made {
            room.retain(|host, _| sites.contains_key(host) || host == source.registry());
            return Ok(room);
        }
        let hosts = in_order(run, sites.keys().chain([source.registry()]).cloned().collect());
        tokio::select! {
            made = make_room(run, source.registry(), &hosts, None, std::mem::take(&mut room)) => room = made?,
            () = one_is_late(run, group) => {}
        }
    }
}

/// Waits until one of several takers' registries is late: it is so already, or it has no room and takes nothing of what
/// it is offered.
async fn one_is_late(run: &Run, group: &Group) {
    if !run.writes_to_several() {
        return std::future::pending().await;
    }
    let (begun, patience) = (Instant::now(), run.policy.patience);
    loop {
        tokio::time::sleep(LOOK.max(patience / 10)).await;
        // others may have come meanwhile
        let sites: Vec<_> = lock(&group.state).takers.iter().map(Taker::site).collect();
        if run.patient_until(begun, None) <= Instant::now() {
            let has_room = |host| run.client.has_room(host, Side::Destination);
            for (_, site) in sites.iter().filter(|(host, _)| !has_room(host)) {
                site.note_stuck(patience);
            }
        }
        let late = sites.iter().filter(|(_, site)| site.is_late()).count();
        if 0 < late && late < sites.len() {
            return;
        }
        if group.is_for_late_ones(run) {
            group.leave_lane();
        }
    }
}

/// Waits until all of these registries are late while others are not.
pub(crate) async fn all_are_behind(run: &Run, sites: &[Arc<Site>]) {
    if !run.writes_to_several() {
        return std::future::pending().await;
    }
    while !sites.iter().all(|site| run.is_behind(site)) {
        tokio::time::sleep(LOOK).await;
    }
}

/// Brings the blob to one taker that the others don't wait for.
fn leave_behind(run: &Arc<Run>, source: &Repository, blob: &Descriptor, taker: Taker) {
    let (own, source, blob) = (run.clone(), source.clone(), blob.clone());
    run.spawn(async move {
        transfer::transfer(&own, &source, &blob, vec![taker], Room::new()).await;
    });
}

/// The order in which room is taken: first at those hosts that the run only reads.
pub(crate) fn in_order(run: &Run, hosts: BTreeSet<Registry>) -> Vec<Registry> {
    let (written, read): (Vec<_>, Vec<_>) = hosts.into_iter().partition(|host| run.writes(host));
    read.into_iter().chain(written).collect()
}

/// Takes room at each host, in this order. Nobody holds room at one host for long while waiting for another: what is slow
/// or paused would keep room from those who don't need it. Where it takes longer, all is given back, and waited for
/// there first; as it is where a `late` host is known.
pub(crate) async fn make_room(
    run: &Run,
    source: &Registry,
    hosts: &[Registry],
    mut late: Option<&Registry>,
    mut room: Room,
) -> Result<Room> {
    let permit = async |host: &Registry| {
        let side = if host == source { Side::Source } else { Side::Destination };
        Arc::new(run.client.permit(host, side).await)
    };
    loop {
        if let Some(late) = late.take() {
            // against the order, so that the rest is to be had at once or not: two who hold each what the other waits
            // for would get on with nothing
            room = Room::from([(late.clone(), run.wait(permit(late)).await?)]);
            let others = hosts.iter().filter(|host| *host != late);
            let others = others.map(|host| Some((host.clone(), permit(host).now_or_never()?)));
            match others.collect::<Option<Room>>() {
                Some(others) => room.extend(others),
                None => room.clear(),
            }
        }
        let Some(missing) = hosts.iter().find(|host| !room.contains_key(*host)) else {
            return Ok(room);
        };
        if room.is_empty() {
            room.insert(missing.clone(), run.wait(permit(missing)).await?);
        } else if let Ok(permit) = run.wait(timeout(WORTH_HOLDING, permit(missing))).await? {
            room.insert(missing.clone(), permit);
        } else {
            room.clear();
            late = Some(missing);
        }
    }
}

/// What a taker gets whose transfer went away without a word.
pub(crate) fn vanished() -> Error {
    Error::new(Code::Internal, "the transfer of a blob ended without a result")
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Group(..)")
    }
}

#[cfg(test)]
mod tests;
