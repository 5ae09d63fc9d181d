//! For whom requests wait, and why: pauses that a registry has ordered, and those before another try. It is for people
//! who watch; nothing is decided by it.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};

use crate::{Code, Registry, host::lock};

/// Shorter ones come and go unseen: what is shown for a moment only disturbs.
const WORTH_SHOWING: Duration = Duration::from_secs(2);

/// What a registry is waited for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Waiting {
    /// The registry.
    pub registry: String,
    /// What has failed and is tried again; `rate.limited` without tries where the registry asks us to wait.
    #[cfg_attr(feature = "ts", ts(type = "string"))]
    pub code: Code,
    /// Which try comes next, and how many there are at most.
    pub tries: Option<(u32, u32)>,
    /// How many requests wait.
    pub requests: u32,
    /// When they go on, in milliseconds since 1970.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub until: u64,
}

/// The requests to a registry that wait.
#[derive(Debug, Default)]
pub(crate) struct Waits(Mutex<Vec<Arc<Held>>>);

#[derive(Debug)]
struct Held {
    code: Code,
    tries: Option<(u32, u32)>,
    until: SystemTime,
}

/// A request that waits is seen to do so until this is dropped.
#[must_use]
pub(crate) struct Seen<'a> {
    waits: &'a Waits,
    waiting: Option<Arc<Held>>,
}

impl Waits {
    /// A request is held back because the registry has asked for it.
    pub(crate) fn ordered(&self, left: Duration) -> Seen<'_> {
        self.see(Code::RateLimited, None, left)
    }

    /// Waits before another try, `next` of `most`.
    pub(crate) async fn retry(&self, code: Code, next: u32, most: u32, pause: Duration) {
        let _seen = self.see(code, Some((next, most)), pause);
        tokio::time::sleep(pause).await;
    }

    fn see(&self, code: Code, tries: Option<(u32, u32)>, pause: Duration) -> Seen<'_> {
        let until = SystemTime::now().checked_add(pause).filter(|_| pause >= WORTH_SHOWING);
        let waiting = until.map(|until| Arc::new(Held { code, tries, until }));
        lock(&self.0).extend(waiting.clone());
        Seen { waits: self, waiting }
    }

    /// What is waited for now. What the registry has ordered says more than a single request's failure; of these the one
    /// that has failed most often does.
    pub(crate) fn now(&self, registry: &Registry) -> Option<Waiting> {
        let all = lock(&self.0);
        let said = |waiting: &&Arc<Held>| (waiting.tries.is_none(), waiting.tries, waiting.until);
        let Held { code, tries, until } = **all.iter().max_by_key(said)?;
        let until = until.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let requests = u32::try_from(all.len()).unwrap_or(u32::MAX);
        let registry = registry.to_string();
        Some(Waiting { registry, code, tries, requests, until: until as u64 })
    }
}

impl Drop for Seen<'_> {
    fn drop(&mut self) {
        if let Some(waiting) = &self.waiting {
            lock(&self.waits.0).retain(|other| !Arc::ptr_eq(other, waiting));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_says_most_is_told() {
        let (waits, registry) = (Waits::default(), "r.io".parse().unwrap());
        let told = || waits.now(&registry).map(|wait| (wait.code, wait.tries, wait.requests));
        assert_eq!(told(), None);
        let second = |n| Duration::from_secs(n);
        let watch = async {
            tokio::task::yield_now().await;
            assert_eq!(told(), Some((Code::NetReset, Some((3, 4)), 2)));
            let ordered = waits.ordered(second(90));
            assert_eq!(told(), Some((Code::RateLimited, None, 3)));
            drop(ordered);
            tokio::time::sleep(second(5)).await;
            assert_eq!(told(), Some((Code::NetTimeout, Some((2, 4)), 1)));
        };
        tokio::join!(
            waits.retry(Code::NetTimeout, 2, 4, second(9)),
            waits.retry(Code::NetReset, 3, 4, second(3)),
            waits.retry(Code::NetDns, 4, 4, Duration::from_millis(1900)),
            watch,
        );
        assert_eq!(told(), None);
    }
}
