//! The budget of something that takes several requests to get done (a blob read in pieces, an upload that is mended):
//! as many failures in a row without progress as one request has retries.

use std::time::Duration;

use backon::ExponentialBackoff;

use crate::{ClientOptions, Error, retry};

/// How many more failures are borne.
#[derive(Debug)]
pub(crate) struct Patience {
    options: ClientOptions,
    pauses: ExponentialBackoff,
    /// Failures since the last progress.
    failures: u32,
    /// Waits since then that the registry has ordered.
    waited: Duration,
}

impl Patience {
    /// The whole budget.
    pub(crate) fn new(options: &ClientOptions) -> Self {
        Self {
            options: options.clone(),
            pauses: retry::backoff(options),
            failures: 0,
            waited: Duration::ZERO,
        }
    }

    /// Something was gained: the budget is whole again.
    pub(crate) fn renew(&mut self) {
        if self.failures > 0 {
            *self = Self::new(&self.options);
        }
    }

    /// Failures since the last progress.
    pub(crate) fn failures(&self) -> u32 {
        self.failures
    }

    /// Waits before the next try; false if there is none left. What a registry orders to wait (`Retry-After`) is waited
    /// out by the next request itself, and costs nothing as long as all these waits are not too long together.
    pub(crate) async fn pause(&mut self, error: &Error) -> bool {
        self.failures += 1;
        if let Some(wait) = error.wait().filter(|wait| !wait.is_zero()) {
            self.waited = self.waited.saturating_add(wait);
            if self.waited <= self.options.longest_wait {
                return true;
            }
        }
        let Some(pause) = self.pauses.next() else { return false };
        tokio::time::sleep(pause).await;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Code;

    #[tokio::test(start_paused = true)]
    async fn as_many_failures_in_a_row_as_retries() {
        let mut patience = Patience::new(&ClientOptions { retries: 2, ..ClientOptions::default() });
        let broken = Error::new(Code::NetReset, "broken");
        let ordered = broken.clone().retry_after(Some(Duration::from_secs(7)));
        let too_long = broken.clone().retry_after(Some(Duration::from_hours(24)));
        for _ in 0..3 {
            assert!(patience.pause(&broken).await);
            assert!(patience.pause(&ordered).await, "a wait that is ordered costs nothing");
            assert!(patience.pause(&too_long).await);
            assert!(!patience.pause(&broken).await);
            assert_eq!(patience.failures(), 4);
            patience.renew();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn waits_that_are_ordered_again_and_again_end() {
        let options = ClientOptions { retries: 0, ..ClientOptions::default() };
        let mut patience = Patience::new(&options);
        let busy = Error::new(Code::RateLimited, "busy").retry_after(Some(Duration::from_mins(5)));
        let mut waits = 0;
        while patience.pause(&busy).await {
            waits += 1;
            assert!(waits <= 3, "15 minutes is the longest");
        }
        assert_eq!(waits, 3);
    }
}
