//! The gate that every request passes before it goes out, and every piece of a blob before it is read. It is closed
//! while a run is paused.

use tokio::{sync::watch, time::Instant};

/// Open, or closed for everyone.
#[derive(Debug)]
pub(crate) struct Gate(watch::Sender<State>);

#[derive(Clone, Copy, Debug, Default)]
struct State {
    closed: bool,
    /// When it was opened last.
    opened: Option<Instant>,
}

impl Default for Gate {
    fn default() -> Self {
        Self(watch::Sender::new(State::default()))
    }
}

impl Gate {
    /// From here on nobody passes.
    pub(crate) fn close(&self) {
        self.0.send_modify(|state| state.closed = true);
    }

    /// Lets everyone pass who waits.
    pub(crate) fn open(&self) {
        self.0.send_if_modified(|state| {
            let was = state.closed;
            if was {
                *state = State { closed: false, opened: Some(Instant::now()) };
            }
            was
        });
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.0.borrow().closed
    }

    /// When it was opened last, if it ever was closed.
    pub(crate) fn opened(&self) -> Option<Instant> {
        self.0.borrow().opened
    }

    /// Waits while it is closed.
    pub(crate) async fn pass(&self) {
        if self.is_closed() {
            // the sender is ours, so that there is always an end to this
            let _ = self.0.subscribe().wait_for(|state| !state.closed).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use super::*;

    #[tokio::test]
    async fn who_waits_passes_when_it_opens() {
        let gate = Gate::default();
        gate.pass().await;
        gate.close();
        assert!(gate.is_closed() && gate.opened().is_none());
        let mut waiting = pin!(gate.pass());
        assert!(futures_util::poll!(&mut waiting).is_pending());
        gate.open();
        waiting.await;
        assert!(gate.opened().is_some());
    }
}
