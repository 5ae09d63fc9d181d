//! Waiting for something unless the run is stopped.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use pin_project_lite::pin_project;
use registry::{Code, Error, Result};
use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};

pin_project! {
    /// A future that ends with [`cancelled`] when the run is stopped. It holds what it waits for in place: an async
    /// block would hold it twice, and requests are large.
    pub(crate) struct UnlessStopped<'a, F> {
        #[pin]
        wait: F,
        #[pin]
        stopped: WaitForCancellationFuture<'a>,
        token: &'a CancellationToken,
        begun: bool,
    }
}

impl<'a, F: Future> UnlessStopped<'a, F> {
    pub(crate) fn new(token: &'a CancellationToken, wait: F) -> Self {
        Self { wait, stopped: token.cancelled(), token, begun: false }
    }
}

impl<F: Future> Future for UnlessStopped<'_, F> {
    type Output = Result<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        // nothing is begun in a run that is stopped
        if !*this.begun && this.token.is_cancelled() {
            return Poll::Ready(Err(cancelled()));
        }
        *this.begun = true;
        if let Poll::Ready(output) = this.wait.poll(cx) {
            return Poll::Ready(Ok(output));
        }
        this.stopped.poll(cx).map(|()| Err(cancelled()))
    }
}

/// What everything under way ends with when the run is stopped.
pub(crate) fn cancelled() -> Error {
    Error::new(Code::Cancelled, "the run was cancelled")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_stopped_is_not_begun() {
        let token = CancellationToken::new();
        token.cancel();
        let mut begun = false;
        let ended = UnlessStopped::new(&token, async { begun = true }).await;
        assert_eq!(ended.unwrap_err().code(), Code::Cancelled);
        assert!(!begun);
    }

    #[tokio::test]
    async fn what_is_under_way_ends() {
        let token = CancellationToken::new();
        let wait = UnlessStopped::new(&token, std::future::pending::<()>());
        let stop = async { token.cancel() };
        let (ended, ()) = tokio::join!(wait, stop);
        assert_eq!(ended.unwrap_err().code(), Code::Cancelled);
        let token = CancellationToken::new();
        assert_eq!(UnlessStopped::new(&token, async { 7 }).await.unwrap(), 7);
    }
}
