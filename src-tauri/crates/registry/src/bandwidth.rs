//! The run's limit of bytes per second, shared by all downloads.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

/// How much may be read at once after a pause, in time at the full rate. It evens out scheduling, and stays far
/// below the tolerance over any half minute.
const BURST: Duration = Duration::from_millis(200);
/// Whoever would wait longer looks again then.
const LONG: Duration = Duration::from_hours(1);

/// Hands out bytes at a steady rate, in the order of asking. The rate may change meanwhile.
#[derive(Debug)]
pub(crate) struct Bandwidth {
    state: Mutex<State>,
    changed: watch::Sender<()>,
}

#[derive(Debug)]
struct State {
    /// Bytes per second; without one there is no limit.
    rate: Option<f64>,
    /// So many bytes were paid for by the time `at`.
    paid: f64,
    at: Instant,
    /// So many were handed out, to those who still wait for them too.
    taken: f64,
}

impl State {
    /// Pays for what the time since `at` is worth.
    fn advance(&mut self) {
        let now = Instant::now();
        if let Some(rate) = self.rate {
            self.paid += now.saturating_duration_since(self.at).as_secs_f64() * rate;
        }
        self.at = now;
    }

    /// When `bytes` will be paid for; nothing where nobody pays.
    fn due(&self, bytes: f64) -> Option<Instant> {
        let rate = self.rate?;
        let wait = Duration::try_from_secs_f64((bytes - self.paid).max(0.0) / rate);
        // an Instant so far away can't be told; whoever waits looks again
        Some(self.at.checked_add(wait.unwrap_or(LONG).min(LONG)).unwrap_or(self.at))
    }
}

impl Bandwidth {
    pub(crate) fn new(bytes_per_second: Option<u64>) -> Self {
        let state =
            State { rate: rate(bytes_per_second), paid: 0.0, at: Instant::now(), taken: 0.0 };
        Self { state: Mutex::new(state), changed: watch::Sender::new(()) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The rate, where there is a limit.
    pub(crate) fn rate(&self) -> Option<u64> {
        self.state().rate.map(|rate| rate as u64)
    }

    /// Sets the rate; whoever waits goes on at the new one.
    pub(crate) fn set(&self, bytes_per_second: Option<u64>) {
        {
            let mut state = self.state();
            state.advance();
            if state.rate.is_none() {
                // what went by without a limit is not to be paid for
                state.taken = state.paid;
            }
            state.rate = rate(bytes_per_second);
        }
        self.changed.send_replace(());
    }

    /// Waits until `bytes` more may be read. Returns at once when there is no limit.
    pub(crate) async fn take(&self, bytes: usize) {
        let (mine, mut changed) = {
            let mut state = self.state();
            let Some(rate) = state.rate else { return };
            state.advance();
            // time that nobody used is lost, but for the burst
            let earliest = state.paid - BURST.as_secs_f64() * rate;
            state.taken = state.taken.max(earliest) + bytes as f64;
            (state.taken, self.changed.subscribe())
        };
        loop {
            let due = {
                let mut state = self.state();
                state.advance();
                state.due(mine)
            };
            let Some(due) = due else { return };
            tokio::select! {
                () = sleep_until(due) => if self.is_paid(mine) {
                    return;
                },
                _ = changed.changed() => {}
            }
        }
    }

    fn is_paid(&self, bytes: f64) -> bool {
        let mut state = self.state();
        state.advance();
        // a microsecond's worth less is as good: times are rounded
        state.rate.is_none_or(|rate| bytes - state.paid <= rate / 1e6)
    }
}

fn rate(bytes_per_second: Option<u64>) -> Option<f64> {
    bytes_per_second.map(|rate| rate.max(1) as f64)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn many_readers_share_the_rate_within_five_percent() {
        let bandwidth = Arc::new(Bandwidth::new(Some(1_000_000)));
        let begin = Instant::now();
        let readers: Vec<_> = (0..8)
            .map(|i| {
                let bandwidth = Arc::clone(&bandwidth);
                tokio::spawn(async move {
                    let (mut bytes, size) = (0_usize, 1_000 + 7_919 * i);
                    while begin.elapsed() < Duration::from_secs(30) {
                        bandwidth.take(size).await;
                        bytes += size;
                    }
                    bytes
                })
            })
            .collect();
        let mut total = 0;
        for reader in readers {
            total += reader.await.unwrap();
        }
        let rate = total as f64 / begin.elapsed().as_secs_f64();
        assert!((950_000.0..=1_050_000.0).contains(&rate), "{rate}");
    }

    #[tokio::test(start_paused = true)]
    async fn any_thirty_seconds_are_within_five_percent() {
        const RATE: usize = 1_000_000;
        let (window, end) = (Duration::from_secs(30), Duration::from_mins(4));
        // everybody rests for a while in between
        let rest = Duration::from_secs(100)..Duration::from_secs(117);
        let bandwidth = Arc::new(Bandwidth::new(Some(RATE as u64)));
        let begin = Instant::now();
        let taken = Arc::new(Mutex::new(Vec::new()));
        let readers = (0..8).map(|i| {
            let (bandwidth, taken, rest) = (bandwidth.clone(), taken.clone(), rest.clone());
            tokio::spawn(async move {
                let size = 1_000 + 7_919 * i;
                while begin.elapsed() < end {
                    if rest.contains(&begin.elapsed()) {
                        sleep_until(begin + rest.end).await;
                    }
                    bandwidth.take(size).await;
                    taken.lock().unwrap().push((begin.elapsed(), size));
                }
            })
        });
        for reader in readers.collect::<Vec<_>>() {
            reader.await.unwrap();
        }
        let taken = taken.lock().unwrap();
        let mut full = 0;
        for (n, (from, _)) in taken.iter().enumerate() {
            let within = taken[n..].iter().take_while(|(time, _)| *time < *from + window);
            let bytes: usize = within.map(|(_, size)| size).sum();
            assert!(bytes <= 30 * RATE / 100 * 105, "{bytes} from {from:?}");
            let rests = *from < rest.end && *from + window > rest.start;
            if !rests && *from + window < end {
                assert!(bytes >= 30 * RATE / 100 * 95, "{bytes} from {from:?}");
                full += 1;
            }
        }
        assert!(full > 100, "{full}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_is_no_credit() {
        let bandwidth = Bandwidth::new(Some(1_000));
        bandwidth.take(1).await;
        tokio::time::advance(Duration::from_mins(1)).await;
        let begin = Instant::now();
        bandwidth.take(3_000).await;
        assert!(begin.elapsed() >= Duration::from_millis(2_800), "{:?}", begin.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_goes_on_at_the_new_rate() {
        let bandwidth = Arc::new(Bandwidth::new(Some(1_000)));
        let begin = Instant::now();
        let waiting = tokio::spawn({
            let bandwidth = bandwidth.clone();
            async move { bandwidth.take(1_000_000).await }
        });
        tokio::time::sleep(Duration::from_secs(100)).await;
        assert!(!waiting.is_finished(), "a thousand seconds at this rate");
        assert_eq!(bandwidth.rate(), Some(1_000));
        bandwidth.set(Some(100_000));
        waiting.await.unwrap();
        let took = begin.elapsed().as_secs();
        assert!((108..=110).contains(&took), "900 000 bytes at the new rate: {took}");

        let waiting = tokio::spawn({
            let bandwidth = bandwidth.clone();
            async move { bandwidth.take(usize::MAX).await }
        });
        tokio::time::sleep(Duration::from_secs(1)).await;
        let begin = Instant::now();
        bandwidth.set(None);
        waiting.await.unwrap();
        bandwidth.take(usize::MAX).await;
        assert_eq!(begin.elapsed(), Duration::ZERO, "no limit, no wait");
        bandwidth.set(Some(1_000));
        bandwidth.take(1_000).await;
        assert!(begin.elapsed() < Duration::from_secs(2), "what went by is not paid for");
    }

    #[tokio::test(start_paused = true)]
    async fn no_limit_no_wait() {
        let begin = Instant::now();
        Bandwidth::new(None).take(usize::MAX).await;
        assert_eq!(begin.elapsed(), Duration::ZERO);
    }
}
