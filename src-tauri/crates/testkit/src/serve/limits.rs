//! Counters behind the rate limits.

use std::{
    collections::HashMap,
    sync::Mutex,
    time::{Duration, Instant},
};

use crate::{kind::Kind, lock};

#[derive(Debug, Default)]
pub(crate) struct Limits {
    seconds: Mutex<HashMap<Kind, (Instant, u32)>>,
    pulls: Mutex<Option<(Instant, u32)>>,
}

impl Limits {
    /// Counts a request; `false` when there are more than so many in this second.
    pub(super) fn within(&self, kind: Kind, per_second: u32) -> bool {
        let mut seconds = lock(&self.seconds);
        let (since, count) = seconds.entry(kind).or_insert_with(|| (Instant::now(), 0));
        if since.elapsed() >= Duration::from_secs(1) {
            (*since, *count) = (Instant::now(), 0);
        }
        *count += 1;
        *count <= per_second
    }

    /// Counts a pull: what is left after it, or `None` when nothing was left for it.
    pub(super) fn pull(&self, limit: u32, window: u32) -> Option<u32> {
        let mut pulls = lock(&self.pulls);
        let (since, count) = pulls.get_or_insert_with(|| (Instant::now(), 0));
        if since.elapsed() >= Duration::from_secs(window.into()) {
            (*since, *count) = (Instant::now(), 0);
        }
        let left = limit.checked_sub(*count + 1)?;
        *count += 1;
        Some(left)
    }

    pub(super) fn left(&self, limit: u32) -> u32 {
        let used = lock(&self.pulls).map_or(0, |(_, count)| count);
        limit.saturating_sub(used)
    }
}
