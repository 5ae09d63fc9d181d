//! Bytes per second, shared by everything that passes one throttle.

use std::{sync::Mutex, time::Duration};

use tokio::time::{Instant, sleep_until};

use crate::lock;

#[derive(Debug, Default)]
pub(crate) struct Throttle(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    rate: Option<u64>,
    // when all bytes that were let through so far will have taken their time
    free: Option<Instant>,
}

impl Throttle {
    pub(crate) fn set(&self, bytes_per_second: Option<u64>) {
        *lock(&self.0) = State { rate: bytes_per_second.filter(|&rate| rate > 0), free: None };
    }

    pub(crate) fn is_on(&self) -> bool {
        lock(&self.0).rate.is_some()
    }

    /// The most bytes to let through at once: a twentieth of a second's, so that the flow is even.
    pub(crate) fn piece(&self) -> u64 {
        lock(&self.0).rate.map_or(u64::MAX, |rate| (rate / 20).clamp(256, 64 * 1024))
    }

    /// Waits until so many bytes may pass.
    pub(crate) async fn pass(&self, bytes: u64) {
        let until = {
            let mut state = lock(&self.0);
            let Some(rate) = state.rate else { return };
            let free = state.free.map_or_else(Instant::now, |free| free.max(Instant::now()));
            let free = free + Duration::from_secs_f64(bytes as f64 / rate as f64);
            state.free = Some(free);
            free
        };
        sleep_until(until).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn bytes_take_their_time() {
        let throttle = Throttle::default();
        let start = Instant::now();
        throttle.pass(1 << 30).await;
        assert_eq!(start.elapsed(), Duration::ZERO);
        throttle.set(Some(1000));
        for _ in 0..4 {
            throttle.pass(500).await;
        }
        assert!(start.elapsed() >= Duration::from_millis(1999), "{:?}", start.elapsed());
    }
}
