//! Published limits of a vendor's API: so many requests of a kind in so much time. They are kept by spacing requests
//! out, so that the registry has no reason to refuse any; what it says itself (`Retry-After`) is [`crate::retry`]'s.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use http::Method;
use tokio::time::{Instant, sleep_until};

/// What vendors count apart from each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Every request; of a request: one that is none of the others.
    Any,
    /// An upload that is opened, or a mount.
    OpenUpload,
    /// Bytes of an upload, and its end.
    WriteBytes,
    /// A manifest that is put.
    PutManifest,
    /// A manifest that is read: a pull.
    GetManifest,
}

/// So many requests in so much time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    pub(crate) action: Action,
    pub(crate) requests: u32,
    pub(crate) window: Duration,
}

/// The limits of one host.
#[derive(Debug, Default)]
pub(crate) struct Pace(Vec<Lane>);

/// One limit. A tenth of it may go at once after a rest; whatever window one looks at, the limit is not passed.
#[derive(Debug)]
struct Lane {
    action: Action,
    interval: Duration,
    slack: Duration,
    /// When the next request is due if none is to be early.
    next: Mutex<Option<Instant>>,
}

impl Action {
    /// What a request counts as.
    pub(crate) fn of(method: &Method, path: &str) -> Self {
        let is_manifest = path.contains("/manifests/");
        match *method {
            Method::GET if is_manifest => Self::GetManifest,
            Method::PUT if is_manifest => Self::PutManifest,
            Method::PUT | Method::PATCH => Self::WriteBytes,
            Method::POST => Self::OpenUpload,
            _ => Self::Any,
        }
    }
}

impl Pace {
    pub(crate) fn new(rates: &[Rate]) -> Self {
        let lane = |rate: &Rate| {
            let burst = (rate.requests / 10).max(1);
            // what goes at once and what follows within the window are the limit together
            let interval = rate.window / (rate.requests + 1).saturating_sub(burst).max(1);
            let slack = interval * (burst - 1);
            Lane { action: rate.action, interval, slack, next: Mutex::new(None) }
        };
        Self(rates.iter().map(lane).collect())
    }

    /// Waits until a request is due. Whoever gives up the wait leaves its place empty.
    pub(crate) async fn wait(&self, action: Action) {
        let lanes = self.0.iter().filter(|l| l.action == action || l.action == Action::Any);
        // one place in each, then the latest of them
        if let Some(due) = lanes.map(Lane::take).max() {
            sleep_until(due).await;
        }
    }
}

impl Lane {
    fn take(&self) -> Instant {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let earliest = now.checked_sub(self.slack).unwrap_or(now);
        let due = next.map_or(earliest, |next| next.max(earliest));
        *next = Some(due + self.interval);
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn times(rate: Rate, action: Action, count: usize) -> Vec<Duration> {
        let pace = Pace::new(&[rate]);
        // some time before, so that a rest has been had
        tokio::time::advance(Duration::from_hours(1)).await;
        let begin = Instant::now();
        let mut times = Vec::new();
        for _ in 0..count {
            pace.wait(action).await;
            times.push(begin.elapsed());
        }
        times
    }

    #[tokio::test(start_paused = true)]
    async fn no_window_has_more_requests_than_the_limit_and_little_is_lost() {
        for (requests, window) in [(1, 1), (10, 1), (100, 1), (500, 1), (2000, 60), (50_000, 600)] {
            let window = Duration::from_secs(window);
            let rate = Rate { action: Action::Any, requests, window };
            let count = 3 * requests as usize;
            let times = times(rate, Action::PutManifest, count).await;
            for (n, from) in times.iter().enumerate() {
                let within = times[n..].partition_point(|time| *time < *from + window);
                assert!(within <= requests as usize, "{within} of {requests} within {window:?}");
            }
            // tokio's clock has milliseconds
            let slow = window * 4 + Duration::from_millis(count as u64);
            assert!(times[count - 1] <= slow, "{requests}: {:?}", times[count - 1]);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_limit_holds_for_its_action_alone() {
        let rate =
            Rate { action: Action::PutManifest, requests: 1, window: Duration::from_mins(1) };
        let pace = Pace::new(&[rate]);
        let begin = Instant::now();
        for _ in 0..100 {
            pace.wait(Action::GetManifest).await;
            pace.wait(Action::Any).await;
        }
        pace.wait(Action::PutManifest).await;
        assert_eq!(begin.elapsed(), Duration::ZERO);
        pace.wait(Action::PutManifest).await;
        assert!(begin.elapsed() >= Duration::from_mins(1));
    }

    #[test]
    fn actions() {
        for (method, path, action) in [
            (Method::GET, "/v2/a/manifests/1", Action::GetManifest),
            (Method::HEAD, "/v2/a/manifests/1", Action::Any),
            (Method::PUT, "/v2/a/manifests/1", Action::PutManifest),
            (Method::POST, "/v2/a/blobs/uploads/", Action::OpenUpload),
            (Method::PATCH, "/v2/a/blobs/uploads/1", Action::WriteBytes),
            (Method::PUT, "/v2/a/blobs/uploads/1", Action::WriteBytes),
            (Method::GET, "/v2/a/blobs/sha256:0", Action::Any),
            (Method::GET, "/v2/a/tags/list", Action::Any),
        ] {
            assert_eq!(Action::of(&method, path), action, "{method} {path}");
        }
    }
}
