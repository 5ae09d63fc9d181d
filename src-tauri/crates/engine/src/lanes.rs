//! Lanes for large blobs: so many are on their way at once that some room at every host is left to small ones.

use std::sync::{Arc, Mutex};

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

use crate::row::lock;

/// Large blobs that are on their way at once: three of four requests that a host gets at first.
const LANES: usize = 12;

/// The lanes of a run.
#[derive(Clone, Debug)]
pub(crate) struct Lanes {
    semaphore: Arc<Semaphore>,
    count: Arc<Mutex<usize>>,
}

impl Lanes {
    /// As many as fit to so many requests at a host.
    pub(crate) fn new(requests: Option<usize>) -> Self {
        let count = count(requests);
        Self { semaphore: Arc::new(Semaphore::new(count)), count: Arc::new(Mutex::new(count)) }
    }

    /// Waits for a lane.
    pub(crate) async fn take(&self) -> Result<OwnedSemaphorePermit, AcquireError> {
        self.semaphore.clone().acquire_owned().await
    }

    /// From here on as many as fit to so many requests. Lanes that are too many close as they come free.
    pub(crate) fn fit(&self, requests: Option<usize>) {
        let now = count(requests);
        let before = std::mem::replace(&mut *lock(&self.count), now);
        if now > before {
            self.semaphore.add_permits(now - before);
        }
        for _ in now..before {
            let semaphore = self.semaphore.clone();
            tokio::spawn(async move {
                if let Ok(lane) = semaphore.acquire_owned().await {
                    lane.forget();
                }
            });
        }
    }
}

/// How many there are where no host gets more than so many requests. Where that is few, one can't be spared.
fn count(requests: Option<usize>) -> usize {
    match requests {
        None => LANES,
        Some(requests) if requests < 4 => requests.max(1),
        Some(requests) => requests.saturating_mul(3) / 4,
    }
    .min(Semaphore::MAX_PERMITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lanes_open_at_once_and_close_as_they_come_free() {
        let lanes = Lanes::new(Some(2));
        let mut held = vec![lanes.take().await.unwrap(), lanes.take().await.unwrap()];
        assert_eq!(lanes.semaphore.available_permits(), 0);
        lanes.fit(Some(8));
        assert_eq!(lanes.semaphore.available_permits(), 4);
        held.push(lanes.take().await.unwrap());
        lanes.fit(Some(1));
        held.clear();
        while lanes.semaphore.available_permits() != 1 {
            tokio::task::yield_now().await;
        }
        lanes.fit(None);
        assert_eq!(lanes.semaphore.available_permits(), LANES);
    }
}
