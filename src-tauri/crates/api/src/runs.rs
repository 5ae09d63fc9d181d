//! Commands about plans and runs, and what goes on behind them: each is driven by a task that folds the engine's
//! updates into a snapshot and hands them on.

#![expect(
    clippy::unused_async,
    reason = "all commands have one form, those too that need not wait"
)]

use std::{
    collections::VecDeque,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use engine::{Job, Report, RunHandle, Snapshot, Update};
use registry::{Client, Code};
use store::LastRun;
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio_util::sync::CancellationToken;

use crate::{
    Api, Host,
    app::lock,
    dto::{ApiError, AppEvent, ById, ByProfile, RunInfo},
    error::{Result, codes},
    profiles,
    text::Notice,
};

/// How many plans and runs are kept; older ones that have ended are forgotten.
const KEPT: usize = 20;

/// The plans and runs of this session.
#[derive(Default)]
pub(crate) struct Runs {
    list: Mutex<VecDeque<Arc<Run>>>,
    count: AtomicU64,
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
    cancel: Box<dyn Fn() + Send + Sync>,
    ended: CancellationToken,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plan,
    Run,
}

impl Runs {
    fn get(&self, id: &str) -> Result<Arc<Run>> {
        let list = lock(&self.list);
        list.iter().find(|run| run.id == id).cloned().ok_or_else(|| ApiError::gone("run"))
    }

    fn active(&self) -> Vec<Arc<Run>> {
        lock(&self.list).iter().filter(|run| !run.ended.is_cancelled()).cloned().collect()
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
            (run.cancel)();
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
            let Some(oldest) = list.iter().rposition(|run| run.ended.is_cancelled()) else { break };
            list.remove(oldest);
        }
    }
}

pub(crate) async fn plan<H: Host>(api: &Arc<Api<H>>, request: ByProfile) -> Result<RunInfo> {
    begin(api, &request.profile_id, Kind::Plan).await
}

pub(crate) async fn start<H: Host>(api: &Arc<Api<H>>, request: ByProfile) -> Result<RunInfo> {
    begin(api, &request.profile_id, Kind::Run).await
}

async fn begin<H: Host>(api: &Arc<Api<H>>, profile: &str, kind: Kind) -> Result<RunInfo> {
    let _starting = api.runs.starting.lock().await;
    for other in api.runs.active() {
        if lock(&other.info).profile_id != profile {
            continue;
        }
        if other.kind == Kind::Run {
            let message = "this profile is being run already";
            return Err(ApiError::new(codes::RUN_BUSY, message).param("run", &other.id));
        }
        // a comparison is out of date the moment another one, or the run, is asked for
        (other.cancel)();
        other.ended.cancelled().await;
    }

    let work = profiles::work(api, profile).await?;
    let client = Client::new(work.prepared.options, work.access);
    let job = Job { rules: work.prepared.rules, policy: work.prepared.policy, client };
    let handle = match kind {
        Kind::Plan => job.plan(),
        Kind::Run => job.run(),
    };
    let id = (api.runs.count.fetch_add(1, Ordering::Relaxed) + 1).to_string();
    let info = RunInfo {
        id: id.clone(),
        profile_id: profile.into(),
        profile_name: work.name,
        kind: if kind == Kind::Plan { "plan" } else { "run" }.into(),
        started_at: api.host.now().to_string(),
        ended_at: None,
    };
    // the receiver is taken before anything else can happen, so that no update is missed
    let (snapshot, updates) = handle.watch();
    let run = Arc::new(Run {
        id,
        kind,
        info: info.clone().into(),
        snapshot: snapshot.into(),
        report: Mutex::default(),
        cancel: Box::new(handle.canceller()),
        ended: CancellationToken::new(),
    });
    api.runs.add(run.clone());
    api.host.emit(AppEvent::Run { run: info.clone() });
    tokio::spawn(drive(api.clone(), run, handle, updates));
    Ok(info)
}

/// Sees a plan or run to its end.
async fn drive<H: Host>(
    api: Arc<Api<H>>,
    run: Arc<Run>,
    handle: RunHandle,
    updates: Receiver<Update>,
) {
    // whatever happens here, those who wait for the end are told
    let _ended = run.ended.clone().drop_guard();
    let over = CancellationToken::new();
    let watch = handle.watcher();
    let forwarding = tokio::spawn({
        let (api, run, over) = (api.clone(), run.clone(), over.clone());
        async move { forward(&api, &run, watch, updates, &over).await }
    });
    let report = handle.finish().await;
    over.cancel();
    if let Err(error) = forwarding.await {
        tracing::error!(%error, "updates of a run broke off");
    }

    let ended_at = api.host.now().to_string();
    let info = {
        let mut info = lock(&run.info);
        info.ended_at = Some(ended_at.clone());
        info.clone()
    };
    let totals = report.totals;
    *lock(&run.report) = Some(Arc::new(report));
    if run.kind == Kind::Run {
        let last = LastRun {
            ended_at,
            copied: totals.copied,
            skipped: totals.skipped,
            failed: totals.failed,
            cancelled: totals.cancelled,
        };
        profiles::ran(&api, &info.profile_id, last);
    }
    // before the page hears of the end: it may ask for the next run at once
    run.ended.cancel();
    api.host.emit(AppEvent::Run { run: info.clone() });
    if run.kind == Kind::Run && lock(&api.settings).notify {
        let notice = Notice::run_ended(api.tongue(), &info.profile_name, &totals);
        if let Err(why) = api.host.notify(notice).await {
            tracing::warn!("the end of the run could not be notified: {why}");
        }
    }
}

/// Hands updates on to the page, in step with the snapshot that it may ask for, until `over` and all are handed on.
async fn forward<H: Host>(
    api: &Arc<Api<H>>,
    run: &Run,
    watch: impl Fn() -> (Snapshot, Receiver<Update>),
    mut updates: Receiver<Update>,
    over: &CancellationToken,
) {
    loop {
        let update = tokio::select! {
            biased;
            update = updates.recv() => update,
            () = over.cancelled() => return,
        };
        match update {
            Ok(update) => {
                let mut snapshot = lock(&run.snapshot);
                if snapshot.apply(&update) {
                    api.host.emit(AppEvent::Update { run_id: run.id.clone(), update });
                }
            }
            // we were too slow: begin anew. The page sees the gap in the numbers and asks for the snapshot
            Err(RecvError::Lagged(_)) => {
                let (now, after) = watch();
                let update = Update {
                    seq: now.seq,
                    phase: now.phase,
                    totals: now.totals,
                    ..Update::default()
                };
                *lock(&run.snapshot) = now;
                updates = after;
                api.host.emit(AppEvent::Update { run_id: run.id.clone(), update });
            }
            Err(RecvError::Closed) => return,
        }
    }
}

pub(crate) async fn cancel<H: Host>(api: &Arc<Api<H>>, request: ById) -> Result<()> {
    let run = api.runs.get(&request.id)?;
    (run.cancel)();
    Ok(())
}

pub(crate) async fn list<H: Host>(api: &Arc<Api<H>>, (): ()) -> Result<Vec<RunInfo>> {
    Ok(lock(&api.runs.list).iter().map(|run| lock(&run.info).clone()).collect())
}

pub(crate) async fn snapshot<H: Host>(api: &Arc<Api<H>>, request: ById) -> Result<Snapshot> {
    let run = api.runs.get(&request.id)?;
    let snapshot = lock(&run.snapshot).clone();
    Ok(snapshot)
}

pub(crate) async fn save_report<H: Host>(
    api: &Arc<Api<H>>,
    request: ById,
) -> Result<Option<String>> {
    let run = api.runs.get(&request.id)?;
    let report = lock(&run.report).clone();
    let report =
        report.ok_or_else(|| ApiError::new(codes::RUN_BUSY, "the run has not ended yet"))?;
    let name = format!("image-syncer-report-{}.json", run.id);
    let Some(path) = api.host.save_file(Path::new(&name)).await else { return Ok(None) };
    let mut bytes = serde_json::to_vec_pretty(&*report).map_err(|error| {
        ApiError::new(Code::Internal, format!("the report can't be written: {error}"))
    })?;
    bytes.push(b'\n');
    // not by rename: the user may have chosen a place where only this file may be written
    std::fs::write(&path, bytes)
        .map_err(|error| ApiError::from(store::Error::io(&path, &error)))?;
    Ok(Some(path.display().to_string()))
}
