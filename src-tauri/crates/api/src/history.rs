//! Commands about the history of runs. Its file is the `store` crate's business; what is here keeps its calls, which
//! block, off the threads that must not be.

use std::{collections::BTreeMap, sync::Arc};

use registry::Code;
use store::{
    History, LastRun,
    history::{self, Ending, Level, StoredRun, Wanted},
};

use crate::{
    Api, Host,
    app::lock,
    dto::{
        ApiError, AppEvent, ById, HistoryDetail, HistoryPage, HistoryRequest, HistoryRun, LogLine,
        LogPage, LogRequest,
    },
    error::Result,
};

/// The most runs and lines that are answered at once.
const PAGE: usize = 500;

/// Does something with the history where blocking is allowed.
pub(crate) async fn with<H: Host, T: Send + 'static>(
    api: &Arc<Api<H>>,
    work: impl FnOnce(&History) -> std::result::Result<T, store::Error> + Send + 'static,
) -> Result<T> {
    let history = api.history.clone();
    let done = tokio::task::spawn_blocking(move || work(&history)).await;
    Ok(done.map_err(|_| ApiError::new(Code::Internal, "the history broke off"))??)
}

/// Removes the runs that are older than the user wants them kept. A history that can't be written is told elsewhere.
pub(crate) async fn retain<H: Host>(api: &Arc<Api<H>>) {
    let Some(days) = lock(&api.settings).history_days else { return };
    let now = api.host.now();
    if let Err(error) = with(api, move |history| history.retain(days, now)).await {
        tracing::warn!("old runs could not be removed: {}", error.message);
    }
}

/// A run that is to be there.
pub(crate) async fn stored<H: Host>(api: &Arc<Api<H>>, id: &str) -> Result<StoredRun> {
    let id = id.to_owned();
    with(api, move |history| history.get(&id)).await?.ok_or_else(|| ApiError::gone("run"))
}

/// How each profile's last run ended. Without a history that can be read, nothing is known.
pub(crate) async fn last_runs<H: Host>(api: &Arc<Api<H>>) -> BTreeMap<String, LastRun> {
    // a run whose process went away is one that was interrupted
    let _ = settle(api).await;
    with(api, History::last_runs).await.unwrap_or_default()
}

/// Marks runs that nobody works on any more: their process has gone without a word.
pub(crate) async fn settle<H: Host>(api: &Arc<Api<H>>) -> Result<()> {
    let dirs = api.host.dirs().clone();
    with(api, move |history| history.settle(&dirs)).await
}

pub(crate) async fn list<H: Host>(
    api: &Arc<Api<H>>,
    request: HistoryRequest,
) -> Result<HistoryPage> {
    settle(api).await?;
    let limit = (request.limit as usize).min(PAGE);
    let HistoryRequest { before, profile_id, .. } = request;
    let mut runs = with(api, move |history| {
        history.list(Wanted {
            before: before.as_deref(),
            profile: profile_id.as_deref(),
            limit: limit + 1,
        })
    })
    .await?;
    let more = runs.len() > limit;
    runs.truncate(limit);
    Ok(HistoryPage { runs: runs.into_iter().map(Into::into).collect(), more })
}

pub(crate) async fn get<H: Host>(api: &Arc<Api<H>>, request: ById) -> Result<HistoryDetail> {
    let run = stored(api, &request.id).await?;
    let snapshot = with(api, move |history| history.snapshot(&request.id)).await?;
    let snapshot = snapshot.ok_or_else(|| ApiError::gone("run"))?;
    Ok(HistoryDetail { run: run.into(), snapshot })
}

pub(crate) async fn log<H: Host>(api: &Arc<Api<H>>, request: LogRequest) -> Result<LogPage> {
    let level = match request.level.as_deref() {
        None => Level::Info,
        Some(level) => {
            Level::parse(level).ok_or_else(|| ApiError::field("level", "there is no such level"))?
        }
    };
    let LogRequest { id, image, from, .. } = request;
    stored(api, &id).await?;
    let mut lines =
        with(api, move |history| history.log(&id, level, image, from, PAGE + 1)).await?;
    let more = lines.len() > PAGE;
    lines.truncate(PAGE);
    Ok(LogPage { lines: lines.into_iter().map(Into::into).collect(), more })
}

pub(crate) async fn remove<H: Host>(api: &Arc<Api<H>>, request: ById) -> Result<()> {
    if !with(api, move |history| history.remove(&request.id)).await? {
        return Err(ApiError::gone("run"));
    }
    api.host.emit(AppEvent::History {});
    Ok(())
}

impl<H: Host> Api<H> {
    /// Forgets runs that began more than so many days ago.
    pub async fn retain_history(self: &Arc<Self>, days: u32) -> Result<()> {
        let now = self.host.now();
        if with(self, move |history| history.retain(days, now)).await? > 0 {
            self.host.emit(AppEvent::History {});
        }
        Ok(())
    }
}

impl From<StoredRun> for HistoryRun {
    fn from(run: StoredRun) -> Self {
        Self {
            id: run.id,
            profile_id: run.profile_id,
            profile_name: run.profile_name,
            started_at: run.started_at,
            ended_at: run.ended_at,
            started_by: run.started_by.as_str().into(),
            result: run.ending.unwrap_or(Ending::Interrupted).as_str().into(),
            totals: run.totals,
            retry_of: run.retry_of,
        }
    }
}

impl From<history::LogLine> for LogLine {
    fn from(line: history::LogLine) -> Self {
        Self { at: line.at, level: line.level.as_str().into(), image: line.image, text: line.text }
    }
}
