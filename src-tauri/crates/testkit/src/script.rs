//! The list of faults that a registry was given, and what they make of a request.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use tokio::sync::watch;

use crate::{
    fault::{Action, Fault, FaultHandle},
    kind::Kind,
    lock,
    request::Request,
};

/// Closed until it is opened for ever.
#[derive(Clone, Debug)]
pub(crate) struct Gate(Arc<watch::Sender<bool>>);

impl Default for Gate {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }
}

impl Gate {
    pub(crate) fn open(&self) {
        self.0.send_replace(true);
    }

    pub(crate) async fn wait(&self) {
        // the sender lives as long as `self`, so this can't fail
        let _ = self.0.subscribe().wait_for(|open| *open).await;
    }
}

#[derive(Debug)]
pub(crate) struct FaultState {
    pub(crate) fault: Fault,
    pub(crate) turn: Mutex<Turn>,
    pub(crate) changes: watch::Sender<usize>,
    pub(crate) gate: Gate,
    pub(crate) disarmed: AtomicBool,
}

#[derive(Debug, Default)]
pub(crate) struct Turn {
    pub(crate) seen: usize,
    pub(crate) fired: usize,
}

/// A fault that fires at the request at hand.
#[derive(Clone, Debug)]
pub(crate) struct Fired(Arc<FaultState>);

impl Fired {
    pub(crate) fn action(&self) -> &Action {
        &self.0.fault.action
    }

    pub(crate) fn gate(&self) -> &Gate {
        &self.0.gate
    }
}

#[derive(Debug, Default)]
pub(crate) struct Script(Mutex<Vec<Arc<FaultState>>>);

impl Script {
    pub(crate) fn add(&self, fault: Fault) -> FaultHandle {
        let state = fault.arm();
        lock(&self.0).push(state.clone());
        FaultHandle(state)
    }

    pub(crate) fn clear(&self) {
        for state in lock(&self.0).drain(..) {
            state.gate.open();
        }
    }

    /// The faults that have not fired as often as they were told to (once at least for those without an end).
    pub(crate) fn waiting(&self) -> Vec<String> {
        let is_waiting = |state: &&Arc<FaultState>| {
            let times = state.fault.matches.times;
            let wanted = if times == usize::MAX { 1 } else { times };
            !state.disarmed.load(Relaxed) && lock(&state.turn).fired < wanted
        };
        lock(&self.0).iter().filter(is_waiting).map(|state| format!("{:?}", state.fault)).collect()
    }

    /// The faults whose turn it is with this request.
    pub(crate) fn fire(&self, request: &Request, before_auth: bool) -> Vec<Fired> {
        self.fire_where(|fault| fault.matches.before_auth == before_auth && fault.fits(request))
    }

    /// The faults whose turn it is with this connection.
    pub(crate) fn fire_connect(&self) -> Vec<Fired> {
        self.fire_where(|fault| fault.matches.fits_kind(Kind::Connect))
    }

    fn fire_where(&self, fits: impl Fn(&Fault) -> bool) -> Vec<Fired> {
        let states = lock(&self.0).clone();
        let mut fired = Vec::new();
        let mut preempted = false;
        for state in states {
            if state.disarmed.load(Relaxed) || !fits(&state.fault) {
                continue;
            }
            let mut turn = lock(&state.turn);
            turn.seen += 1;
            let preempts = state.fault.action.preempts();
            let is_turn =
                turn.seen > state.fault.matches.skip && turn.fired < state.fault.matches.times;
            if !is_turn || (preempts && preempted) {
                continue;
            }
            preempted |= preempts;
            turn.fired += 1;
            let count = turn.fired;
            drop(turn);
            state.changes.send_replace(count);
            fired.push(Fired(state));
        }
        fired
    }
}
