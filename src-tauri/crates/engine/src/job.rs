//! A job, and the handle of one under way.

use registry::Client;
use tokio::sync::broadcast;

use crate::{Policy, Report, Rule, Snapshot, Update};

/// Rules with a policy and a client: all that a run needs.
#[derive(Debug)]
pub struct Job {
    /// What goes where, in the user's order.
    pub rules: Vec<Rule>,
    /// What to do where the rules leave a choice.
    pub policy: Policy,
    /// How registries are reached.
    pub client: Client,
}

/// A plan or run under way. Dropping it cancels.
#[derive(Debug)]
pub struct RunHandle {
    // filled by the implementation
}

impl Job {
    /// Resolves and compares everything; no write request is sent and no layer read.
    pub fn plan(self) -> RunHandle {
        todo!()
    }

    /// Resolves, compares and copies; copying begins with the first image that is compared.
    pub fn run(self) -> RunHandle {
        todo!()
    }
}

impl RunHandle {
    /// What is known now, and the updates from here on, without a gap between the two.
    pub fn watch(&self) -> (Snapshot, broadcast::Receiver<Update>) {
        todo!()
    }

    /// Ends the run cleanly: what streams is cut before its last byte, nothing is tagged any more, and whatever was not
    /// done is listed as cancelled.
    pub fn cancel(&self) {
        todo!()
    }

    /// A function that cancels, for signal handlers and other threads.
    pub fn canceller(&self) -> impl Fn() + Send + Sync + Clone + 'static {
        || todo!()
    }

    /// Waits for the end.
    pub async fn finish(self) -> Report {
        todo!()
    }
}
