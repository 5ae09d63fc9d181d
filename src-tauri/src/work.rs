//! What goes on, as it is shown outside of the window: in its title, on the task bar, in the tray. Folded from the same
//! events that the page is told.

use api::dto::{AppEvent, Phase, RunInfo};

/// How many runs that have ended are remembered.
const KEPT: usize = 5;

/// The runs of this session, newest first; comparisons are of no interest out there.
#[derive(Clone, Debug, Default)]
pub(crate) struct Work {
    runs: Vec<Run>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) state: State,
    /// Of a hundred, once everything is known.
    pub(crate) percent: Option<u8>,
    pub(crate) failed: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Running,
    Paused,
    Ended,
}

/// The four shapes of the tray's icon.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Shape {
    #[default]
    Idle,
    Running,
    Paused,
    Failed,
}

/// All that is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Picture {
    /// The run that goes on.
    pub(crate) current: Option<Run>,
    /// Those that have ended.
    pub(crate) ended: Vec<Run>,
    pub(crate) shape: Shape,
}

impl Picture {
    /// Whether bytes move: the computer should not fall asleep.
    pub(crate) fn is_moving(&self) -> bool {
        self.shape == Shape::Running
    }
}

impl Work {
    /// Brings in an event; true when it may have changed something.
    pub(crate) fn apply(&mut self, event: &AppEvent) -> bool {
        match event {
            AppEvent::Run { run } if run.kind == "run" => {
                self.know(run);
                true
            }
            AppEvent::Update { run_id, update } => {
                let Some(run) = self.runs.iter_mut().find(|run| run.id == *run_id) else {
                    return false;
                };
                let totals = &update.totals;
                let there = totals.bytes_copied + totals.bytes_mounted + totals.bytes_present;
                let known = update.phase != Phase::Planning && totals.bytes_total > 0;
                run.percent = known
                    .then(|| u8::try_from(there.min(totals.bytes_total) * 100 / totals.bytes_total))
                    .and_then(Result::ok);
                run.failed = totals.failed;
                true
            }
            _ => false,
        }
    }

    fn know(&mut self, run: &RunInfo) {
        let state = match (&run.ended_at, run.state.as_str()) {
            (Some(_), _) => State::Ended,
            (None, "paused") => State::Paused,
            (None, _) => State::Running,
        };
        if let Some(known) = self.runs.iter_mut().find(|known| known.id == run.id) {
            known.state = state;
        } else {
            let (id, name) = (run.id.clone(), run.profile_name.clone());
            self.runs.insert(0, Run { id, name, state, percent: None, failed: 0 });
        }
        let mut ended = 0;
        self.runs.retain(|run| {
            ended += usize::from(run.state == State::Ended);
            run.state != State::Ended || ended <= KEPT
        });
    }

    pub(crate) fn picture(&self) -> Picture {
        let of = |state| self.runs.iter().find(move |run| run.state == state);
        let current = of(State::Running).or_else(|| of(State::Paused)).cloned();
        let ended: Vec<_> =
            self.runs.iter().filter(|run| run.state == State::Ended).cloned().collect();
        let shape = match &current {
            Some(run) if run.state == State::Paused => Shape::Paused,
            Some(_) => Shape::Running,
            None if ended.first().is_some_and(|run| run.failed > 0) => Shape::Failed,
            None => Shape::Idle,
        };
        Picture { current, ended, shape }
    }
}

#[cfg(test)]
mod tests {
    use api::dto::Update;

    use super::*;

    fn run(id: &str, ended: bool, state: &str) -> AppEvent {
        AppEvent::Run {
            run: RunInfo {
                id: id.into(),
                profile_name: format!("Profile {id}"),
                kind: "run".into(),
                ended_at: ended.then(|| "2026-01-01T00:00:00Z".into()),
                state: state.into(),
                ..RunInfo::default()
            },
        }
    }

    fn update(id: &str, phase: Phase, bytes: (u64, u64), failed: u64) -> AppEvent {
        let mut update = Update { phase, ..Update::default() };
        update.totals.bytes_copied = bytes.0;
        update.totals.bytes_total = bytes.1;
        update.totals.failed = failed;
        AppEvent::Update { run_id: id.into(), update }
    }

    #[test]
    fn a_run_is_followed_from_its_beginning_to_its_end() {
        let mut work = Work::default();
        assert_eq!(work.picture(), Picture::default());
        assert!(work.apply(&run("1", false, "running")));
        assert!(work.picture().is_moving());
        work.apply(&update("1", Phase::Planning, (10, 40), 0));
        assert_eq!(work.picture().current.unwrap().percent, None, "the total is not known yet");
        work.apply(&update("1", Phase::Copying, (10, 40), 1));
        assert_eq!(work.picture().current.unwrap().percent, Some(25));
        work.apply(&run("1", false, "paused"));
        assert_eq!((work.picture().shape, work.picture().is_moving()), (Shape::Paused, false));
        work.apply(&run("1", true, "ended"));
        let picture = work.picture();
        assert_eq!((picture.shape, picture.current), (Shape::Failed, None));
        assert_eq!(picture.ended.len(), 1);
        work.apply(&run("2", false, "running"));
        assert_eq!(work.picture().shape, Shape::Running);
    }

    #[test]
    fn comparisons_and_strangers_are_passed_over_and_few_are_kept() {
        let mut work = Work::default();
        let AppEvent::Run { run: mut plan } = run("p", false, "running") else { unreachable!() };
        plan.kind = "plan".into();
        assert!(!work.apply(&AppEvent::Run { run: plan }));
        assert!(!work.apply(&update("p", Phase::Copying, (1, 2), 0)));
        for id in 0..9 {
            work.apply(&run(&id.to_string(), true, "ended"));
        }
        let ids: Vec<_> = work.picture().ended.into_iter().map(|run| run.id).collect();
        assert_eq!(ids, ["8", "7", "6", "5", "4"]);
    }
}
