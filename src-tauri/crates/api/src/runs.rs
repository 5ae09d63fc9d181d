//! Commands about plans and runs: those of this session, and what is done with runs of the history. What goes on behind
//! them is in `begin` and `drive`.

#![expect(
    clippy::unused_async,
    reason = "all commands have one form, those too that need not wait"
)]

mod begin;
mod drive;
mod outcome;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use engine::{Control, ImagePair, ImageParts, Outcome, Report, Snapshot};
use registry::Code;
use store::history::{Ending, Level, Picked, Recorder};
use tokio_util::sync::CancellationToken;

pub(crate) use self::outcome::{export, verify};
use self::{
    begin::{Wanted, begin},
    outcome::outcome,
};
use crate::{
    Api, Host,
    app::lock,
    dto::{
        ApiError, AppEvent, ById, ByProfile, LimitsRequest, PartsRequest, RetryRequest, RunInfo,
        StartRequest,
    },
    error::Result,
    history,
};

/// How many plans and runs are kept; older ones that have ended are forgotten here, not in the history.
const KEPT: usize = 20;

/// The plans and runs of this session.
#[derive(Default)]
pub(crate) struct Runs {
    list: Mutex<VecDeque<Arc<Run>>>,
    /// Held while one is started, so that a profile never gets two.
    starting: tokio::sync::Mutex<()>,
}

/// One of them.
struct Run {
    id: String,
    kind: Kind,
    info: Mutex<RunInfo>,
    snapshot: Mutex<Snapshot>,
    report: Mutex<Option<Arc<Report>>>,
    control: Control,
    /// Writes a run to the history while it goes.
    recorder: Mutex<Option<Recorder>>,
    ended: CancellationToken,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plan,
    Run,
}

impl Run {
    /// Changes what is told of it, and tells it.
    fn change<H: Host>(&self, api: &Api<H>, change: impl FnOnce(&mut RunInfo)) -> RunInfo {
        let info = {
            let mut info = lock(&self.info);
            change(&mut info);
            info.clone()
        };
        api.host.emit(AppEvent::Run { run: info.clone() });
        info
    }

    fn is_ended(&self) -> bool {
        self.ended.is_cancelled()
    }

    /// Adds a line to its log.
    fn note(&self, text: impl Into<String>) {
        if let Some(recorder) = &*lock(&self.recorder) {
            recorder.note(Level::Info, text);
        }
    }
}

impl Runs {
    fn find(&self, id: &str) -> Option<Arc<Run>> {
        lock(&self.list).iter().find(|run| run.id == id).cloned()
    }

    fn get(&self, id: &str) -> Result<Arc<Run>> {
        self.find(id).ok_or_else(|| ApiError::gone("run"))
    }

    fn active(&self) -> Vec<Arc<Run>> {
        lock(&self.list).iter().filter(|run| !run.is_ended()).cloned().collect()
    }

    pub(crate) fn is_copying(&self) -> bool {
        self.active().iter().any(|run| run.kind == Kind::Run)
    }

    /// Whether a plan or run of a profile is under way.
    pub(crate) fn is_busy(&self, profile: &str) -> bool {
        self.active().iter().any(|run| lock(&run.info).profile_id == profile)
    }

    pub(crate) async fn stop(&self, limit: Duration) {
        let active = self.active();
        for run in &active {
            run.control.cancel();
        }
        let ended = futures_util::future::join_all(active.iter().map(|run| run.ended.cancelled()));
        if tokio::time::timeout(limit, ended).await.is_err() {
            tracing::warn!("a run did not end in time");
        }
    }

    fn add(&self, run: Arc<Run>) {
        let mut list = lock(&self.list);
        list.push_front(run);
        while list.len() > KEPT {
            let Some(oldest) = list.iter().rposition(|run| run.is_ended()) else { break };
            list.remove(oldest);
        }
    }
}

pub(crate) async fn plan<H: Host>(api: &Arc<Api<H>>, request: ByProfile) -> Result<RunInfo> {
    begin(api, Wanted::new(Kind::Plan, request.profile_id)).await
}

pub(crate) async fn start<H: Host>(api: &Arc<Api<H>>, request: StartRequest) -> Result<RunInfo> {
    let skip: Vec<ImagePair> = request.skip.into_iter().map(Into::into).collect();
    let picked = if skip.is_empty() { Picked::All } else { Picked::Without(skip) };
    begin(api, Wanted { picked, ..Wanted::new(Kind::Run, request.profile_id) }).await
}

/// Whether the same may go well when it is tried again and nothing else was done: not what the rules are wrong with.
pub(crate) fn retry_helps(code: &str) -> bool {
    !code.starts_with("rule.")
}

pub(crate) async fn retry<H: Host>(api: &Arc<Api<H>>, request: RetryRequest) -> Result<RunInfo> {
    let (about, report) = outcome(api, &request.id).await?;
    let pairs: Vec<ImagePair> = match request.images {
        Some(images) => images.into_iter().map(Into::into).collect(),
        None => report
            .images
            .iter()
            .filter(|image| image.status == Outcome::Failed)
            .filter(|image| {
                image.error.as_ref().is_none_or(|error| retry_helps(error.code.as_str()))
            })
            .map(|image| ImagePair {
                source: image.source.clone(),
                destination: image.destination.clone(),
            })
            .collect(),
    };
    if pairs.is_empty() {
        return Err(ApiError::new(
            Code::ConfigInvalid,
            "no image of this run failed in a way that another try could help",
        ));
    }
    let wanted = Wanted::new(Kind::Run, about.profile_id);
    begin(api, Wanted { picked: Picked::Only(pairs), retry_of: Some(request.id), ..wanted }).await
}

/// `runs.continue`.
pub(crate) async fn take_up<H: Host>(api: &Arc<Api<H>>, request: ById) -> Result<RunInfo> {
    history::settle(api).await?;
    let run = history::stored(api, &request.id).await?;
    match run.ending {
        Some(Ending::Interrupted) => {}
        None => return Err(ApiError::new(Code::RunBusy, "this run goes on")),
        Some(_) => {
            return Err(ApiError::new(Code::ConfigInvalid, "this run came to its end")
                .hint("Retry what failed, or run the profile again."));
        }
    }
    let wanted = Wanted::new(Kind::Run, run.profile_id);
    begin(api, Wanted { picked: run.picked, retry_of: Some(run.id), ..wanted }).await
}

pub(crate) async fn pause<H: Host>(api: &Arc<Api<H>>, request: ById) -> Result<()> {
    set_paused(api, &request.id, true)
}

pub(crate) async fn resume<H: Host>(api: &Arc<Api<H>>, request: ById) -> Result<()> {
    set_paused(api, &request.id, false)
}

fn set_paused<H: Host>(api: &Arc<Api<H>>, id: &str, paused: bool) -> Result<()> {
    let run = api.runs.get(id)?;
    // one that has ended meanwhile can't be held any more, and that is no matter
    if run.is_ended() {
        return Ok(());
    }
    if paused {
        run.control.pause();
    } else {
        run.control.resume();
    }
    run.change(api, |info| {
        if info.ended_at.is_none() {
            info.state = if paused { "paused" } else { "running" }.into();
        }
    });
    Ok(())
}

pub(crate) async fn limits<H: Host>(api: &Arc<Api<H>>, request: LimitsRequest) -> Result<()> {
    let run = api.runs.get(&request.id)?;
    let LimitsRequest { proc, bandwidth, .. } = request;
    for (name, is_zero) in [("proc", proc == Some(0)), ("bandwidth", bandwidth == Some(0))] {
        if is_zero {
            return Err(ApiError::field(name, format!("'{name}' must be 1 or more"))
                .hint("Pause the run to move nothing."));
        }
    }
    if run.is_ended() {
        return Ok(());
    }
    run.control.set_requests_per_host(proc.map(|proc| proc as usize));
    run.control.set_bytes_per_second(bandwidth);
    let told = |limit: Option<u64>| limit.map_or("none".to_owned(), |limit| limit.to_string());
    run.note(format!(
        "limits are set: requests per registry {}, bytes per second {}",
        told(proc.map(u64::from)),
        told(bandwidth)
    ));
    run.change(api, |info| (info.proc, info.bandwidth) = (proc, bandwidth));
    Ok(())
}

pub(crate) async fn cancel<H: Host>(api: &Arc<Api<H>>, request: ById) -> Result<()> {
    api.runs.get(&request.id)?.control.cancel();
    Ok(())
}

pub(crate) async fn list<H: Host>(api: &Arc<Api<H>>, (): ()) -> Result<Vec<RunInfo>> {
    Ok(lock(&api.runs.list).iter().map(|run| lock(&run.info).clone()).collect())
}

pub(crate) async fn parts<H: Host>(
    api: &Arc<Api<H>>,
    request: PartsRequest,
) -> Result<Option<ImageParts>> {
    Ok(api.runs.get(&request.id)?.control.parts(request.image))
}

pub(crate) async fn snapshot<H: Host>(api: &Arc<Api<H>>, request: ById) -> Result<Snapshot> {
    let run = api.runs.get(&request.id)?;
    let snapshot = lock(&run.snapshot).clone();
    Ok(snapshot)
}
