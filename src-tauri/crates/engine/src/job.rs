//! A job, and the handle of one under way.

use std::sync::Arc;

use registry::Client;
use tokio::{sync::broadcast, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{Control, JobRule, Policy, Report, Snapshot, Update, board::Board, lanes::Lanes, run};

/// Rules with a policy and a client: all that a run needs.
#[derive(Debug)]
pub struct Job {
    /// What goes where, in the user's order.
    pub rules: Vec<JobRule>,
    /// What to do where the rules leave a choice.
    pub policy: Policy,
    /// How registries are reached.
    pub client: Client,
}

/// A plan or run under way. Dropping it cancels.
#[derive(Debug)]
pub struct RunHandle {
    control: Control,
    task: JoinHandle<()>,
}

impl Job {
    /// Resolves and compares everything; no write request is sent and no layer read. Must be called within a tokio
    /// runtime.
    pub fn plan(self) -> RunHandle {
        self.start(true)
    }

    /// Resolves, compares and copies; copying begins with the first image that is compared. Must be called within a
    /// tokio runtime.
    pub fn run(self) -> RunHandle {
        self.start(false)
    }

    fn start(self, plan_only: bool) -> RunHandle {
        let control = Control {
            client: self.client.clone(),
            board: Arc::new(Board::new(plan_only)),
            stop: CancellationToken::new(),
            lanes: Lanes::new(self.client.requests_per_host()),
        };
        let task = tokio::spawn(run::run(self, plan_only, control.clone()));
        RunHandle { control, task }
    }
}

impl RunHandle {
    /// What is known now, and the updates from here on, without a gap between the two.
    pub fn watch(&self) -> (Snapshot, broadcast::Receiver<Update>) {
        self.control.board.watch()
    }

    /// What can be changed about the run while it goes.
    pub fn control(&self) -> Control {
        self.control.clone()
    }

    /// A function that does as [`RunHandle::watch`], for whoever must go on watching while `finish` has the handle.
    pub fn watcher(
        &self,
    ) -> impl Fn() -> (Snapshot, broadcast::Receiver<Update>) + Send + Sync + 'static {
        let board = self.control.board.clone();
        move || board.watch()
    }

    /// Ends the run cleanly: what streams is cut before its last byte, nothing is tagged any more, and whatever was not
    /// done is listed as cancelled.
    pub fn cancel(&self) {
        self.control.cancel();
    }

    /// A function that cancels, for signal handlers and other threads.
    pub fn canceller(&self) -> impl Fn() + Send + Sync + Clone + 'static {
        let stop = self.control.stop.clone();
        move || stop.cancel()
    }

    /// Ends the run at once: what is in flight is not waited for, and whatever has not ended is listed as cancelled.
    pub fn abandon(&self) -> Report {
        self.cancel();
        let Control { board, client, .. } = &self.control;
        for warning in client.warnings() {
            board.warn(warning);
        }
        board.abandon();
        board.report()
    }

    /// Waits for the end.
    pub async fn finish(mut self) -> Report {
        if let Err(error) = (&mut self.task).await {
            tracing::error!(%error, "the run itself failed");
            self.control.board.tick(true);
        }
        self.control.board.report()
    }
}

impl Drop for RunHandle {
    fn drop(&mut self) {
        self.control.cancel();
    }
}
