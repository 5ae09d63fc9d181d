//! What goes on behind a plan or run: its updates are folded into a snapshot, handed on to the page, and recorded.

use std::sync::Arc;

use engine::{Report, RunHandle, Snapshot, Update};
use registry::Sentence;
use store::ProfileLock;
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio_util::sync::CancellationToken;

use super::{Kind, Run, begin::not_recorded};
use crate::{Api, Host, app::lock, dto::AppEvent, notice::Notice};

/// Sees a plan or run to its end.
pub(super) async fn drive<H: Host>(
    api: Arc<Api<H>>,
    run: Arc<Run>,
    handle: RunHandle,
    updates: Receiver<Update>,
    held: Option<ProfileLock>,
) {
    // whatever happens here, those who wait for the end are told
    let _ended = run.ended.clone().drop_guard();
    let over = CancellationToken::new();
    let watch = handle.watcher();
    let forwarding = tokio::spawn({
        let (api, run, over) = (api.clone(), run.clone(), over.clone());
        async move { forward(&api, &run, watch, updates, &over).await }
    });
    let report = Arc::new(handle.finish().await);
    over.cancel();
    if let Err(error) = forwarding.await {
        tracing::error!(%error, "updates of a run broke off");
    }

    let ended_at = api.host.now();
    let ended = report.clone();
    *lock(&run.report) = Some(report.clone());
    if let Some(why) = record(&run, ended_at, report).await {
        tell(&api, &run, why);
    }
    drop(held);
    // before the page hears of the end: it may ask for the next run at once
    run.ended.cancel();
    let info = run.change(&api, |info| {
        info.ended_at = Some(ended_at.to_string());
        info.state = "ended".into();
    });
    if run.kind == Kind::Plan {
        return;
    }
    crate::history::retain(&api).await;
    api.host.emit(AppEvent::History {});
    let codes = ended.images.iter().filter_map(|image| Some(image.error.as_ref()?.code.as_str()));
    let (name, id) = (&info.profile_name, &info.id);
    let notice = Notice::run_ended(api.tongue(), name, id, &ended.totals, codes);
    api.notify(notice).await;
}

/// Notes the end in the history; says why that could not be.
async fn record(run: &Run, ended_at: jiff::Timestamp, report: Arc<Report>) -> Option<Sentence> {
    let recorder = lock(&run.recorder).take()?;
    let ended = tokio::task::spawn_blocking(move || recorder.end(ended_at, &report)).await;
    let problem = match ended {
        Ok(ended) => ended.err().map(|error| not_recorded(&error)),
        Err(error) => Some(not_recorded(&error)),
    };
    if let Some(problem) = &problem {
        tracing::warn!("{problem}");
    }
    problem
}

/// Adds a warning of our own behind the run's last update.
fn tell<H: Host>(api: &Arc<Api<H>>, run: &Run, warning: Sentence) {
    let mut snapshot = lock(&run.snapshot);
    let update = Update {
        seq: snapshot.seq + 1,
        phase: snapshot.phase,
        totals: snapshot.totals,
        warnings: vec![warning],
        pulls: snapshot.pulls.clone(),
        waits: snapshot.waits.clone(),
        ..Update::default()
    };
    if snapshot.apply(&update) {
        api.host.emit(AppEvent::Update { run_id: run.id.clone(), update });
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
                    if let Some(recorder) = &*lock(&run.recorder) {
                        recorder.update(&update);
                        if let Some(problem) = recorder.problem() {
                            run.control.warn(not_recorded(&problem));
                        }
                    }
                    api.host.emit(AppEvent::Update { run_id: run.id.clone(), update });
                }
            }
            // we were too slow: begin anew. The page sees the gap in the numbers and asks for the snapshot
            Err(RecvError::Lagged(_)) => {
                let (now, after) = watch();
                if let Some(recorder) = &*lock(&run.recorder) {
                    recorder.snapshot(&now);
                }
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
