//! A job, and the handle of one under way.

use std::sync::Arc;

use registry::Client;
use tokio::{sync::broadcast, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{JobRule, Policy, Report, Snapshot, Update, board::Board, run};

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
    board: Arc<Board>,
    stop: CancellationToken,
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
        let board = Arc::new(Board::new(plan_only));
        let stop = CancellationToken::new();
        let task = tokio::spawn(run::run(self, plan_only, board.clone(), stop.clone()));
        RunHandle { board, stop, task }
    }
}

impl RunHandle {
    /// What is known now, and the updates from here on, without a gap between the two.
    pub fn watch(&self) -> (Snapshot, broadcast::Receiver<Update>) {
        self.board.watch()
    }

    /// A function that does as [`RunHandle::watch`], for whoever must go on watching while `finish` has the handle.
    pub fn watcher(
        &self,
    ) -> impl Fn() -> (Snapshot, broadcast::Receiver<Update>) + Send + Sync + 'static {
        let board = self.board.clone();
        move || board.watch()
    }

    /// Ends the run cleanly: what streams is cut before its last byte, nothing is tagged any more, and whatever was not
    /// done is listed as cancelled.
    pub fn cancel(&self) {
        self.stop.cancel();
    }

    /// A function that cancels, for signal handlers and other threads.
    pub fn canceller(&self) -> impl Fn() + Send + Sync + Clone + 'static {
        let stop = self.stop.clone();
        move || stop.cancel()
    }

    /// Waits for the end.
    pub async fn finish(mut self) -> Report {
        if let Err(error) = (&mut self.task).await {
            tracing::error!(%error, "the run itself failed");
            self.board.tick(true);
        }
        self.board.report()
    }
}

impl Drop for RunHandle {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
