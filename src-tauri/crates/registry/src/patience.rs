//! The budget of something that takes several requests to get done (a blob read in pieces, an upload that is mended):
//! as many failures in a row without progress as one request has retries.

use std::{sync::Arc, time::Duration};

use backon::ExponentialBackoff;
use tokio::time::Instant;

use crate::{ClientOptions, Error, Repository, Result, retry, waits::Waits};

/// How many more failures are borne.
#[derive(Debug)]
pub(crate) struct Patience {
    options: ClientOptions,
    /// Where a wait is seen.
    waits: Arc<Waits>,
    pauses: ExponentialBackoff,
    /// Failures since the last progress.
    failures: u32,
    /// Pauses of our own among these.
    paused: u32,
    /// Something was gained since the last failure.
    gained: bool,
    /// Waits since then that the registry has ordered.
    waited: Duration,
    /// All requests that failed, and since when.
    tries: u32,
    begin: Instant,
}

impl Patience {
    /// The whole budget for something at a repository.
    pub(crate) fn of(repository: &Repository) -> Self {
        let host = repository.client.host_state(&repository.registry);
        Self::new(&repository.client.0.options, Arc::clone(&host.waits))
    }

    fn new(options: &ClientOptions, waits: Arc<Waits>) -> Self {
        Self {
            options: options.clone(),
            waits,
            pauses: retry::backoff(options),
            failures: 0,
            paused: 0,
            gained: false,
            waited: Duration::ZERO,
            tries: 0,
            begin: Instant::now(),
        }
    }

    /// Something was gained: the budget is whole again.
    pub(crate) fn renew(&mut self) {
        self.gained = true;
        if self.failures > 0 {
            self.pauses = retry::backoff(&self.options);
            (self.failures, self.paused) = (0, 0);
            self.waited = Duration::ZERO;
        }
    }

    /// Failures since the last progress.
    pub(crate) fn failures(&self) -> u32 {
        self.failures
    }

    /// Waits before the next try, or gives the error back, with all tries and the time since the first, if there is none
    /// left. A failure after progress is always worth another try, even without retries. What a registry orders to wait
    /// (`Retry-After`) is waited out by the next request itself, and costs nothing as long as all these waits are not
    /// too long together.
    pub(crate) async fn pause(&mut self, error: &Error) -> Result<()> {
        self.failures += 1;
        self.tries += error.attempts().max(1);
        let gained = std::mem::take(&mut self.gained);
        if let Some(wait) = error.wait().filter(|wait| !wait.is_zero()) {
            self.waited = self.waited.saturating_add(wait);
            if self.waited <= self.options.longest_wait {
                return Ok(());
            }
        }
        let pause = self.pauses.next().or_else(|| gained.then_some(self.options.backoff));
        let Some(pause) = pause else {
            return Err(error.clone().tried(self.tries, self.begin.elapsed()));
        };
        self.paused += 1;
        // after progress there is one more than there are retries
        let next = self.paused.saturating_add(1);
        let most = self.options.tries().max(next);
        self.waits.retry(error.code(), next, most, pause).await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Code;

    #[tokio::test(start_paused = true)]
    async fn as_many_failures_in_a_row_as_retries() {
        let mut patience = Patience::new(
            &ClientOptions { retries: 2, ..ClientOptions::default() },
            Arc::default(),
        );
        let broken = Error::new(Code::NetReset, "broken");
        let ordered = broken.clone().retry_after(Some(Duration::from_secs(7)));
        let too_long = broken.clone().retry_after(Some(Duration::from_hours(24)));
        for _ in 0..3 {
            assert!(patience.pause(&broken).await.is_ok());
            assert!(patience.pause(&ordered).await.is_ok(), "a wait that is ordered costs nothing");
            assert!(patience.pause(&too_long).await.is_ok());
            assert!(patience.pause(&broken).await.is_err());
            assert_eq!(patience.failures(), 4);
            patience.renew();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn waits_that_are_ordered_again_and_again_end() {
        let options = ClientOptions { retries: 0, ..ClientOptions::default() };
        let mut patience = Patience::new(&options, Arc::default());
        let busy = Error::new(Code::RateLimited, "busy").retry_after(Some(Duration::from_mins(5)));
        let mut waits = 0;
        while patience.pause(&busy).await.is_ok() {
            waits += 1;
            assert!(waits <= 3, "15 minutes is the longest");
        }
        assert_eq!(waits, 3);
    }

    #[tokio::test(start_paused = true)]
    async fn without_retries_a_failure_after_progress_is_still_borne() {
        let mut patience = Patience::new(
            &ClientOptions { retries: 0, ..ClientOptions::default() },
            Arc::default(),
        );
        let broken = Error::new(Code::NetReset, "broken");
        for _ in 0..5 {
            patience.renew();
            assert!(patience.pause(&broken).await.is_ok());
        }
        assert!(patience.pause(&broken).await.is_err());
        let mut patience = Patience::new(
            &ClientOptions { retries: 0, ..ClientOptions::default() },
            Arc::default(),
        );
        assert!(patience.pause(&broken).await.is_err(), "nothing was gained");
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_error_tells_all_tries_and_the_whole_time() {
        let mut patience = Patience::new(
            &ClientOptions { retries: 2, ..ClientOptions::default() },
            Arc::default(),
        );
        let broken = Error::new(Code::NetReset, "broken").tried(2, Duration::from_millis(1));
        patience.pause(&broken).await.unwrap();
        patience.pause(&broken).await.unwrap();
        let error = patience.pause(&broken).await.unwrap_err();
        assert_eq!(error.attempts(), 6);
        assert!(error.elapsed() >= 3 * ClientOptions::default().backoff, "{error}");
    }
}
