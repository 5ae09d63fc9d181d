//! How a plan or run begins.

use std::{
    fmt,
    sync::{Arc, Mutex},
};

use engine::Job;
use registry::{Client, Code, Sentence, sentence};
use store::{
    Error, ProfileLock,
    history::{self, NewRun, Picked, Recorder, StartedBy},
    profile_lock::Refused,
};
use tokio_util::sync::CancellationToken;

use super::{Kind, Run, drive::drive};
use crate::{
    Api, Host,
    app::lock,
    dto::{ApiError, AppEvent, RunInfo},
    error::Result,
    history::with,
    profiles,
};

/// What is to begin.
pub(super) struct Wanted {
    pub(super) kind: Kind,
    pub(super) profile: String,
    pub(super) picked: Picked,
    pub(super) retry_of: Option<String>,
}

impl Wanted {
    /// All images of a profile.
    pub(super) fn new(kind: Kind, profile: String) -> Self {
        Self { kind, profile, picked: Picked::All, retry_of: None }
    }
}

pub(super) async fn begin<H: Host>(api: &Arc<Api<H>>, wanted: Wanted) -> Result<RunInfo> {
    let Wanted { kind, profile, picked, retry_of } = wanted;
    let _starting = api.runs.starting.lock().await;
    for other in api.runs.active() {
        if lock(&other.info).profile_id != profile {
            continue;
        }
        if other.kind == Kind::Run {
            let message = "this profile is being run already";
            return Err(ApiError::new(Code::RunBusy, message).param("run", &other.id));
        }
        // a comparison is out of date the moment another one, or the run, is asked for
        other.control.cancel();
        other.ended.cancelled().await;
    }

    let work = profiles::work(api, &profile).await?;
    let started_at = api.host.now();
    let id = history::new_id();
    let (held, recorded) = match kind {
        Kind::Plan => (None, None),
        Kind::Run => {
            let new = NewRun {
                id: id.clone(),
                profile_id: profile.clone(),
                profile_name: work.name.clone(),
                started_at,
                started_by: StartedBy::App,
                retry_of: retry_of.clone(),
                picked: picked.clone(),
            };
            let (held, recorded) = note(api, new).await?;
            (held, Some(recorded))
        }
    };

    let mut policy = work.prepared.policy;
    policy.choice = picked.into();
    policy.parts = true;
    let client = Client::new(work.prepared.options, work.access);
    let job = Job { rules: work.prepared.rules, policy, client };
    let handle = match kind {
        Kind::Plan => job.plan(),
        Kind::Run => job.run(),
    };
    let control = handle.control();
    if kind == Kind::Run {
        // what the user has set for new runs
        let (proc, bandwidth) = {
            let settings = lock(&api.settings);
            (settings.proc, settings.bandwidth)
        };
        // and never more than the profile says
        if let Some(proc) = proc.map(|proc| proc as usize) {
            let own = control.requests_per_host().unwrap_or(usize::MAX);
            control.set_requests_per_host(Some(proc.min(own)));
        }
        if let Some(bandwidth) = bandwidth {
            let own = control.bytes_per_second().unwrap_or(u64::MAX);
            control.set_bytes_per_second(Some(bandwidth.min(own)));
        }
    }
    let recorder = recorded.and_then(|recorded| {
        let unrecorded = |error: Error| control.warn(not_recorded(&error));
        recorded.map_err(unrecorded).ok()
    });
    let info = RunInfo {
        id: id.clone(),
        profile_id: profile,
        profile_name: work.name,
        kind: if kind == Kind::Plan { "plan" } else { "run" }.into(),
        state: "running".into(),
        started_by: StartedBy::App.as_str().into(),
        started_at: started_at.to_string(),
        ended_at: None,
        proc: control.requests_per_host().map(|proc| u32::try_from(proc).unwrap_or(u32::MAX)),
        bandwidth: control.bytes_per_second(),
        retry_of,
    };
    // the receiver is taken before anything else can happen, so that no update is missed
    let (snapshot, updates) = handle.watch();
    if let Some(recorder) = &recorder {
        recorder.snapshot(&snapshot);
    }
    let run = Arc::new(Run {
        id,
        kind,
        info: info.clone().into(),
        snapshot: snapshot.into(),
        report: Mutex::default(),
        control,
        recorder: recorder.into(),
        ended: CancellationToken::new(),
    });
    api.runs.add(run.clone());
    api.host.emit(AppEvent::Run { run: info.clone() });
    tokio::spawn(drive(api.clone(), run, handle, updates, held));
    Ok(info)
}

/// Takes the profile for this run alone, and notes in the history that it begins. The inner error is no reason not to
/// run, and neither is a folder that can't be written to.
async fn note<H: Host>(
    api: &Arc<Api<H>>,
    new: NewRun,
) -> Result<(Option<ProfileLock>, std::result::Result<Recorder, Error>)> {
    let dirs = api.host.dirs().clone();
    let profile = new.profile_id.clone();
    let held = tokio::task::spawn_blocking(move || ProfileLock::take(&dirs, &profile)).await;
    let held = match held.map_err(|_| ApiError::internal())? {
        Ok(held) => held,
        Err(refused @ Refused::Busy(_)) => return Err(refused.into()),
        // without the right to it the history is left alone: somebody else may be at work
        Err(Refused::File(error)) => return Ok((None, Err(error))),
    };
    let recorded = with(api, move |history| {
        // nobody else works on the profile now
        Ok(history.interrupted(&new.profile_id).and_then(|_| history.begin(&new)))
    })
    .await?;
    Ok((Some(held), recorded))
}

/// What is told where the history can't be written.
pub(super) fn not_recorded(error: &dyn fmt::Display) -> Sentence {
    sentence!(
        "not_recorded",
        "the run is not recorded in the history: {why}",
        why = error.to_string(),
    )
}
