//! The run's limit of bytes per second, shared by all downloads.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep_until};

/// How much may be read at once after a pause, in time at the full rate. It evens out scheduling, and stays far
/// below the tolerance over any half minute.
const BURST: Duration = Duration::from_millis(200);

/// Hands out bytes at a steady rate, in the order of asking.
#[derive(Debug)]
pub(crate) struct Bandwidth(Option<Rate>);

#[derive(Debug)]
struct Rate {
    bytes_per_second: f64,
    /// When everything that was handed out so far is paid for.
    paid: Mutex<Option<Instant>>,
}

impl Bandwidth {
    pub(crate) fn new(bytes_per_second: Option<u64>) -> Self {
        Self(
            bytes_per_second
                .map(|rate| Rate { bytes_per_second: rate.max(1) as f64, paid: Mutex::new(None) }),
        )
    }

    /// Waits until `bytes` more may be read. Returns at once when there is no limit.
    pub(crate) async fn take(&self, bytes: usize) {
        let Some(rate) = &self.0 else { return };
        let due = {
            let mut paid = rate.paid.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            // time that nobody used is lost, but for the burst
            let earliest = now.checked_sub(BURST).unwrap_or(now);
            let from = paid.map_or(earliest, |paid| paid.max(earliest));
            let cost = Duration::try_from_secs_f64(bytes as f64 / rate.bytes_per_second)
                .unwrap_or(Duration::MAX);
            let due = from.checked_add(cost).unwrap_or(from);
            *paid = Some(due);
            due
        };
        sleep_until(due).await;
    }
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
    async fn no_limit_no_wait() {
        let begin = Instant::now();
        Bandwidth::new(None).take(usize::MAX).await;
        assert_eq!(begin.elapsed(), Duration::ZERO);
    }
}
