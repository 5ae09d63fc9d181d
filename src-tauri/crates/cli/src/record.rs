//! A run of a profile is recorded in the history that the app shows too, and is the only one of its profile meanwhile.

use engine::{Phase, Report, RunHandle};
use jiff::Timestamp;
use registry::Code;
use store::{
    Dirs, Error, History, ProfileLock,
    history::{NewRun, Picked, Recorder, StartedBy, new_id},
    profile_lock::Refused,
};
use tokio::sync::broadcast::error::RecvError;

use crate::{problem::Problem, sync::warn};

/// Whose run it is.
#[derive(Clone, Debug)]
pub(crate) struct Of {
    pub(crate) dirs: Dirs,
    /// The profile.
    pub(crate) id: String,
    /// Its name.
    pub(crate) name: String,
}

/// The right to run a profile, and the record of the run.
#[derive(Debug)]
pub(crate) struct Record {
    recorder: Option<Recorder>,
    _held: Option<ProfileLock>,
}

impl Record {
    /// Takes the right to run a profile, and notes that the run begins. That it can't be noted is no reason not to run,
    /// and neither is a folder that can't be written to, as in a container.
    pub(crate) fn begin(of: &Of) -> Result<Self, Problem> {
        let held = match ProfileLock::take(&of.dirs, &of.id) {
            Ok(held) => held,
            Err(refused @ Refused::Busy(_)) => {
                return Err(Problem::new(Code::RunBusy, format!("'{}': {refused}", of.name))
                    .hint("Wait until it has ended, or end it there."));
            }
            // without the right to it the history is left alone: somebody else may be at work
            Err(Refused::File(error)) => {
                unrecorded(&error);
                return Ok(Self { recorder: None, _held: None });
            }
        };
        let new = NewRun {
            id: new_id(),
            profile_id: of.id.clone(),
            profile_name: of.name.clone(),
            started_at: Timestamp::now(),
            started_by: StartedBy::Command,
            retry_of: None,
            picked: Picked::All,
        };
        let history = History::at(of.dirs.history());
        // nobody else works on the profile now
        let begun = history.interrupted(&of.id).and_then(|_| history.begin(&new));
        let recorder = begun.map_err(|error| unrecorded(&error)).ok();
        Ok(Self { recorder, _held: Some(held) })
    }

    /// Records what a run tells, until it ends.
    pub(crate) async fn follow(&self, run: &RunHandle) {
        let Some(recorder) = &self.recorder else { return };
        let (mut snapshot, mut updates) = run.watch();
        recorder.snapshot(&snapshot);
        while snapshot.phase != Phase::Done {
            match updates.recv().await {
                Ok(update) if snapshot.apply(&update) => recorder.update(&update),
                Ok(_) | Err(RecvError::Lagged(_)) => {
                    (snapshot, updates) = run.watch();
                    recorder.snapshot(&snapshot);
                }
                Err(RecvError::Closed) => return,
            }
        }
    }

    /// Notes how the run has ended.
    pub(crate) fn end(self, report: &Report) {
        let Some(recorder) = self.recorder else { return };
        if let Err(error) = recorder.end(Timestamp::now(), report) {
            unrecorded(&error);
        }
    }
}

fn unrecorded(error: &Error) {
    warn(&format!("the run is not recorded in the history: {error}"));
}
