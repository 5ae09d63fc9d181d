//! How many requests may be in flight to one host. The number adapts: it doubles per round trip until the host shows
//! the first sign of congestion (429, 503, a time-out, a reset), is then halved, and grows by one per round trip
//! after that. Room is given in the order of asking; a wait that is given up leaves nothing behind.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

/// Where the number begins.
const START: usize = 16;
/// Where it ends when nobody sets a limit.
const CEILING: usize = 64;

/// The room at one host.
pub(crate) struct Limit {
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

/// Room for one request; dropping it makes room for the next.
pub(crate) struct Permit {
    permit: Option<OwnedSemaphorePermit>,
    limit: Arc<Limit>,
}

impl Limit {
    /// Room for at most `cap` requests, or as many as the host bears.
    pub(crate) fn new(cap: Option<usize>) -> Self {
        let cap = cap.unwrap_or(CEILING).clamp(1, Semaphore::MAX_PERMITS);
        let limit = cap.min(START);
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
    pub(crate) async fn acquire(self: &Arc<Self>) -> Permit {
        // the semaphore is never closed, so that there is always a permit in the end
        let permit = Arc::clone(&self.semaphore).acquire_owned().await.ok();
        Permit { permit, limit: Arc::clone(self) }
    }

    /// Lowers the cap, never below one.
    pub(crate) fn cap(&self, cap: usize) {
        let mut state = self.state();
        state.cap = state.cap.min(cap.max(1));
        let cap = state.cap;
        self.shrink(&mut state, cap);
    }

    /// A request was answered without a sign of congestion, its permit still being held.
    pub(crate) fn answered(&self) {
        // while there is room to spare, an answer does not show that more would do
        if self.semaphore.available_permits() > 0 {
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
        state.limit += 1;
        if state.debt > 0 {
            state.debt -= 1;
        } else {
            self.semaphore.add_permits(1);
        }
    }

    /// A request that was sent at `sent` met congestion.
    pub(crate) fn congested(&self, sent: Instant) {
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

impl Drop for Permit {
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

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Permit")
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::{FutureExt, future::join_all};

    use super::*;

    fn room(cap: Option<usize>) -> Arc<Limit> {
        Arc::new(Limit::new(cap))
    }

    async fn take(limit: &Arc<Limit>, n: usize) -> Vec<Permit> {
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
    async fn a_cap_holds_also_when_it_comes_late() {
        let limit = room(Some(5));
        let held = take(&limit, 5).await;
        assert!(is_full(&limit));
        for _ in 0..50 {
            limit.answered();
        }
        assert!(is_full(&limit), "it never grows above the cap");
        limit.cap(2);
        drop(held);
        assert_eq!(limit.semaphore.available_permits(), 2);
        limit.cap(9);
        limit.cap(0);
        assert_eq!(limit.semaphore.available_permits(), 1, "a cap only falls, and not below one");
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
