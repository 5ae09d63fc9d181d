//! How many requests of a class may be in flight to one host. The number adapts: it doubles per round trip until the
//! host shows the first sign of congestion (429, 503, a time-out, a reset), is then halved, and grows by one per round
//! trip after that. All classes together have a limit that does not adapt: what the user or the account sets, or our
//! own. Room is given in the order of asking; a wait that is given up leaves nothing behind.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

use crate::retry::Class;

/// Where the number begins.
const START: usize = 16;
/// Where it ends when nobody sets a limit.
const CEILING: usize = 64;

/// The room at one host.
#[derive(Debug)]
pub(crate) struct Rooms {
    whole: Arc<Limit>,
    classes: [Arc<Limit>; Class::COUNT],
    caps: Mutex<Caps>,
}

/// Who limits the host as a whole.
#[derive(Clone, Copy, Debug, Default)]
struct Caps {
    /// The user, for this run.
    run: Option<usize>,
    /// The account.
    account: Option<usize>,
}

impl Caps {
    fn least(self) -> usize {
        let account = self.account.unwrap_or(usize::MAX);
        self.run.unwrap_or(CEILING).min(account).clamp(1, Semaphore::MAX_PERMITS)
    }
}

/// Room for one request at a host. Held while a blob streams; dropping it makes room for the next.
#[derive(Debug)]
pub struct Permit {
    _class: Share,
    _whole: Share,
}

impl Rooms {
    /// Room for at most `cap` requests, or as many as the host bears.
    pub(crate) fn new(run: Option<usize>) -> Self {
        let caps = Caps { run, account: None };
        let cap = caps.least();
        let class = || Arc::new(Limit::new(cap.min(START), cap));
        Self {
            whole: Arc::new(Limit::new(cap, cap)),
            classes: std::array::from_fn(|_| class()),
            caps: Mutex::new(caps),
        }
    }

    /// Waits for room, in the class and then at the host.
    pub(crate) async fn acquire(&self, class: Class) -> Permit {
        let of_class = self.classes[class as usize].acquire().await;
        Permit { _class: of_class, _whole: self.whole.acquire().await }
    }

    /// Whether a request of a class would go out at once.
    pub(crate) fn has_room(&self, class: Class) -> bool {
        self.classes[class as usize].is_free() && self.whole.is_free()
    }

    /// An account has a limit of its own. Of several the lowest counts.
    pub(crate) fn cap(&self, account: usize) {
        self.change(|caps| {
            caps.account = Some(caps.account.map_or(account, |known| known.min(account)));
        });
    }

    /// The user wants another limit, or none.
    pub(crate) fn set(&self, run: Option<usize>) {
        self.change(|caps| caps.run = run);
    }

    fn change(&self, change: impl FnOnce(&mut Caps)) {
        let mut caps = self.caps.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut caps);
        let cap = caps.least();
        self.whole.resize(cap, cap);
        for class in &self.classes {
            class.resize(cap, cap.min(START));
        }
    }

    /// A request was answered without a sign of congestion, its permit still being held.
    pub(crate) fn answered(&self, class: Class) {
        self.classes[class as usize].answered();
    }

    /// A request that was sent at `sent` met congestion.
    pub(crate) fn congested(&self, class: Class, sent: Instant) {
        self.classes[class as usize].congested(sent);
    }

    /// How many requests of a class may be in flight now.
    pub(crate) fn limit(&self, class: Class) -> usize {
        self.classes[class as usize].state().limit
    }
}

/// The room of one kind.
struct Limit {
    semaphore: Arc<Semaphore>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// How many may be in flight.
    limit: usize,
    /// How many may ever be in flight.
    cap: usize,
    /// Permits that are out and must not come back, because the limit fell below the number in flight.
    debt: usize,
    /// Whether no congestion has been seen yet.
    doubling: bool,
    /// Answers since the limit last grew.
    answers: usize,
    /// When the limit was last halved. Requests sent before that tell nothing new.
    halved: Option<Instant>,
}

/// A share of a room; dropping it makes room for the next.
struct Share {
    permit: Option<OwnedSemaphorePermit>,
    limit: Arc<Limit>,
}

impl Limit {
    /// Room for `limit` requests at first and `cap` at most.
    fn new(limit: usize, cap: usize) -> Self {
        Self {
            semaphore: Arc::new(Semaphore::new(limit)),
            state: Mutex::new(State {
                limit,
                cap,
                debt: 0,
                doubling: true,
                answers: 0,
                halved: None,
            }),
        }
    }

    /// Waits for room.
    async fn acquire(self: &Arc<Self>) -> Share {
        // the semaphore is never closed, so that there is always a permit in the end
        let permit = Arc::clone(&self.semaphore).acquire_owned().await.ok();
        Share { permit, limit: Arc::clone(self) }
    }

    fn is_free(&self) -> bool {
        self.semaphore.available_permits() > 0
    }

    /// Sets the cap. What never met congestion has room for `least` requests at once.
    fn resize(&self, cap: usize, least: usize) {
        let mut state = self.state();
        state.cap = cap.max(1);
        let cap = state.cap;
        self.shrink(&mut state, cap);
        if state.halved.is_none() && state.limit < least {
            let more = least - state.limit;
            self.grow(&mut state, more);
        }
    }

    /// A request was answered without a sign of congestion, its permit still being held.
    fn answered(&self) {
        // while there is room to spare, an answer does not show that more would do
        if self.is_free() {
            return;
        }
        let mut state = self.state();
        if state.limit >= state.cap {
            return;
        }
        state.answers += 1;
        if !state.doubling && state.answers < state.limit {
            return;
        }
        state.answers = 0;
        self.grow(&mut state, 1);
    }

    /// A request that was sent at `sent` met congestion.
    fn congested(&self, sent: Instant) {
        let mut state = self.state();
        if state.halved.is_some_and(|halved| sent <= halved) {
            return;
        }
        state.halved = Some(Instant::now());
        state.doubling = false;
        state.answers = 0;
        let half = (state.limit / 2).max(1);
        self.shrink(&mut state, half);
    }

    fn grow(&self, state: &mut State, by: usize) {
        let repaid = state.debt.min(by);
        state.debt -= repaid;
        state.limit += by;
        self.semaphore.add_permits(by - repaid);
    }

    fn shrink(&self, state: &mut State, limit: usize) {
        if limit < state.limit {
            let surplus = state.limit - limit;
            state.debt += surplus - self.semaphore.forget_permits(surplus);
            state.limit = limit;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut state = self.limit.state();
        if state.debt > 0
            && let Some(permit) = self.permit.take()
        {
            state.debt -= 1;
            permit.forget();
        }
    }
}

impl fmt::Debug for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.state().fmt(f)
    }
}

impl fmt::Debug for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Share")
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::{FutureExt, future::join_all};

    use super::*;

    fn room(cap: Option<usize>) -> Arc<Limit> {
        let cap = cap.unwrap_or(CEILING);
        Arc::new(Limit::new(cap.min(START), cap))
    }

    async fn take(limit: &Arc<Limit>, n: usize) -> Vec<Share> {
        join_all((0..n).map(|_| limit.acquire())).await
    }

    fn is_full(limit: &Arc<Limit>) -> bool {
        limit.semaphore.available_permits() == 0
    }

    #[tokio::test]
    async fn doubles_per_round_trip_up_to_the_ceiling() {
        let limit = room(None);
        let mut held = take(&limit, 16).await;
        for expected in [16, 32, 64, 64] {
            assert!(is_full(&limit));
            assert_eq!(held.len(), expected);
            for _ in 0..expected {
                limit.answered();
                held.extend(limit.acquire().now_or_never());
            }
        }
    }

    #[tokio::test]
    async fn does_not_grow_while_there_is_room_to_spare() {
        let limit = room(None);
        for _ in 0..100 {
            let _one = limit.acquire().await;
            limit.answered();
        }
        assert_eq!(limit.state().limit, 16);
    }

    #[tokio::test(start_paused = true)]
    async fn halves_once_per_epoch_then_grows_by_one_per_round_trip() {
        let limit = room(None);
        let permits = take(&limit, 16).await;
        let sent = Instant::now();
        tokio::time::advance(Duration::from_millis(5)).await;
        for _ in 0..16 {
            limit.congested(sent);
        }
        assert_eq!(limit.state().limit, 8, "sixteen failures of one epoch count once");
        drop(permits);
        assert_eq!(limit.semaphore.available_permits(), 8);

        let all = take(&limit, 8).await;
        for _ in 0..8 {
            limit.answered();
        }
        assert_eq!(limit.state().limit, 9);
        drop(all);
        assert_eq!(limit.semaphore.available_permits(), 9);

        tokio::time::advance(Duration::from_millis(5)).await;
        limit.congested(Instant::now());
        assert_eq!(limit.state().limit, 4);
        for _ in 0..4 {
            tokio::time::advance(Duration::from_millis(5)).await;
            limit.congested(Instant::now());
        }
        assert_eq!((limit.state().limit, limit.semaphore.available_permits()), (1, 1));
    }

    #[tokio::test]
    async fn a_cap_holds_also_when_it_comes_late_and_may_rise_again() {
        let limit = room(Some(5));
        let held = take(&limit, 5).await;
        assert!(is_full(&limit));
        for _ in 0..50 {
            limit.answered();
        }
        assert!(is_full(&limit), "it never grows above the cap");
        limit.resize(2, 2);
        drop(held);
        assert_eq!(limit.semaphore.available_permits(), 2);
        limit.resize(0, 0);
        assert_eq!(limit.semaphore.available_permits(), 1, "never below one");
        let held = take(&limit, 1).await;
        limit.resize(9, 9);
        assert_eq!(limit.semaphore.available_permits(), 8);
        drop(held);
        limit.congested(Instant::now());
        limit.resize(20, 16);
        assert_eq!(
            limit.semaphore.available_permits(),
            4,
            "a host that was too busy keeps its pace"
        );
    }

    #[tokio::test]
    async fn the_user_s_limit_changes_and_the_account_s_stays() {
        let rooms = Rooms::new(Some(2));
        let mut held = vec![rooms.acquire(Class::Blob).await, rooms.acquire(Class::Write).await];
        assert!(rooms.acquire(Class::Look).now_or_never().is_none());
        rooms.set(Some(3));
        held.push(rooms.acquire(Class::Look).await);
        assert!(rooms.acquire(Class::Look).now_or_never().is_none());
        rooms.cap(4);
        rooms.set(None);
        held.push(rooms.acquire(Class::Look).await);
        assert!(rooms.acquire(Class::Look).now_or_never().is_none(), "the account allows four");
        rooms.set(Some(1));
        held.truncate(1);
        assert!(rooms.acquire(Class::Look).now_or_never().is_none());
        held.clear();
        assert!(rooms.acquire(Class::Look).now_or_never().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn classes_adapt_apart_within_what_the_host_may_have() {
        let rooms = Rooms::new(None);
        let mut held = Vec::new();
        for class in [Class::Manifest, Class::Blob] {
            for _ in 0..START {
                held.push(rooms.acquire(class).await);
            }
        }
        assert!(rooms.acquire(Class::Blob).now_or_never().is_none(), "each class has its own room");
        tokio::time::advance(Duration::from_millis(1)).await;
        rooms.congested(Class::Manifest, Instant::now());
        for _ in 0..START {
            rooms.answered(Class::Blob);
            held.extend(rooms.acquire(Class::Blob).now_or_never());
        }
        assert_eq!(
            [Class::Manifest, Class::Blob, Class::Write].map(|class| rooms.limit(class)),
            [START / 2, 2 * START, START]
        );
        drop(held);

        let rooms = Rooms::new(Some(3));
        let mut held = vec![rooms.acquire(Class::List).await, rooms.acquire(Class::Blob).await];
        held.push(rooms.acquire(Class::Write).await);
        assert!(rooms.acquire(Class::Look).now_or_never().is_none(), "three over all classes");
        rooms.cap(2);
        held.truncate(2);
        assert!(rooms.acquire(Class::Look).now_or_never().is_none(), "an account's own limit");
        held.truncate(1);
        assert!(rooms.acquire(Class::Look).now_or_never().is_some());
    }

    #[tokio::test]
    async fn waits_are_served_in_order_and_a_dropped_wait_leaves_nothing() {
        let limit = room(Some(1));
        let held = limit.acquire().await;
        let mut first = Box::pin(limit.acquire());
        let mut second = Box::pin(limit.acquire());
        let mut third = Box::pin(limit.acquire());
        assert!(futures_util::poll!(&mut first).is_pending());
        assert!(futures_util::poll!(&mut second).is_pending());
        assert!(futures_util::poll!(&mut third).is_pending());
        drop(second);
        drop(held);
        assert!(futures_util::poll!(&mut third).is_pending(), "the first is before it");
        drop(first.await);
        drop(third.await);
        assert_eq!(limit.semaphore.available_permits(), 1);
    }
}
