//! The state behind the commands, and the commands that are about the app itself.

#![expect(
    clippy::unused_async,
    reason = "all commands have one form, those too that need not wait"
)]

use std::{
    collections::HashSet,
    panic::AssertUnwindSafe,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use ::accounts::{Accounts, FileState, Links, Vault, keyring};
use futures_util::FutureExt as _;
use registry::Code;
use serde_json::Value;
use store::{History, LastRuns, Settings};
use tracing::Instrument as _;

use crate::{
    Host,
    accounts::Tested,
    browse::Browse,
    commands::COMMANDS,
    demo::DemoRegistries,
    dto::{
        self, ApiError, AppEvent, AppInfo, Folder, FolderRequest, KeyringStatus, PassphraseRequest,
        PickRequest,
    },
    error::{Result, codes},
    history,
    notice::Notice,
    profiles::preview::Previews,
    runs::Runs,
    text::Tongue,
};

/// All commands, over one host.
pub struct Api<H> {
    pub(crate) host: H,
    pub(crate) vault: Arc<Vault>,
    pub(crate) accounts: tokio::sync::Mutex<Accounts>,
    pub(crate) tested: Mutex<Option<Tested>>,
    /// The files that the user has picked.
    pub(crate) picked: Mutex<HashSet<PathBuf>>,
    pub(crate) settings: Mutex<Settings>,
    pub(crate) history: History,
    /// From before there was a history.
    pub(crate) last_runs: Mutex<LastRuns>,
    pub(crate) runs: Runs,
    pub(crate) browse: Browse,
    pub(crate) previews: Previews,
    /// Held while the file of named repositories is changed.
    pub(crate) names: Mutex<()>,
    pub(crate) demo: tokio::sync::Mutex<Option<Arc<DemoRegistries>>>,
    problems: Vec<ApiError>,
}

/// A lock whose holder may have panicked: what it guards is replaced whole, never left half-changed.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<H: Host> Api<H> {
    /// Reads the files. What is wrong with them is told by `app.info`.
    pub fn new(host: H) -> Arc<Self> {
        let dirs = host.dirs();
        let mut problems = Vec::new();
        let (accounts, problem) = Accounts::open(dirs.accounts());
        problems.extend(problem.map(ApiError::from));
        let settings = Settings::load(&dirs.settings()).unwrap_or_else(|problem| {
            problems.push(problem.into());
            Settings::default()
        });
        let last_runs = LastRuns::load(&dirs.last_runs()).unwrap_or_else(|problem| {
            problems.push(problem.into());
            LastRuns::default()
        });
        let history = History::at(dirs.history());
        if let Err(problem) = history.check() {
            problems.push(problem.into());
        }
        for problem in &problems {
            tracing::warn!(code = problem.code, "{}", problem.message);
        }
        Arc::new(Self {
            vault: Arc::new(
                Vault::new(host.keyring())
                    .with_file(host.dirs().secrets())
                    .with_links(Links::of_system(&|name| host.env(name))),
            ),
            accounts: accounts.into(),
            tested: Mutex::default(),
            picked: Mutex::default(),
            settings: settings.into(),
            history,
            last_runs: last_runs.into(),
            runs: Runs::default(),
            browse: Browse::default(),
            previews: Previews::default(),
            names: Mutex::default(),
            demo: tokio::sync::Mutex::default(),
            problems,
            host,
        })
    }

    /// Runs a command. A panic in it is answered as `internal`, so that the page is never left waiting.
    pub async fn call(self: &Arc<Self>, name: &str, request: Value) -> Result<Value> {
        // from here on the name is one of ours, and may be logged
        let name = COMMANDS
            .iter()
            .map(|command| command.name)
            .find(|known| *known == name)
            .ok_or_else(|| ApiError::new(Code::Internal, "there is no such command"))?;
        let span = tracing::debug_span!("command", name);
        let answer =
            AssertUnwindSafe(self.route(name, request)).catch_unwind().instrument(span).await;
        let answer = answer.unwrap_or_else(|_| {
            // the panic hook has told where; the payload may hold anything
            Err(ApiError::new(Code::Internal, format!("the command '{name}' broke off")))
        });
        match &answer {
            Ok(_) => tracing::debug!(command = name, "answered"),
            Err(error) => tracing::info!(command = name, code = error.code, "{}", error.message),
        }
        answer
    }

    /// The host.
    pub fn host(&self) -> &H {
        &self.host
    }

    /// Whether anything is being copied right now.
    pub fn is_copying(&self) -> bool {
        self.runs.is_copying()
    }

    /// Cancels whatever goes on, and waits until it has ended, but not longer than `limit`.
    pub async fn stop(&self, limit: Duration) {
        self.runs.stop(limit).await;
    }

    /// The language of texts outside the page.
    pub fn tongue(&self) -> Tongue {
        Tongue::choose(&lock(&self.settings), &self.host.locale())
    }

    /// Tells the desktop something, if the user wants it.
    pub(crate) async fn notify(&self, notice: Notice) {
        let wanted = notice.is_wanted(&lock(&self.settings), self.host.is_seen());
        if !wanted {
            return;
        }
        if let Err(why) = self.host.notify(notice).await {
            tracing::warn!("a notification could not be shown: {why}");
        }
    }

    /// Whether closing the window leaves runs going.
    pub fn goes_on_in_tray(&self) -> bool {
        lock(&self.settings).tray
    }

    async fn told(&self, status: keyring::Status) -> KeyringStatus {
        let status = self.status(status).await;
        self.host.emit(AppEvent::Keyring { status: status.clone() });
        status
    }

    async fn status(&self, status: keyring::Status) -> KeyringStatus {
        let state = match status.state {
            keyring::State::Ready => "ready",
            keyring::State::Missing => "missing",
            keyring::State::Locked => "locked",
            keyring::State::Memory => "memory",
            keyring::State::File => "file",
        };
        let file = match self.vault.file_state().await {
            FileState::None => "none",
            FileState::Locked => "locked",
            FileState::Open => "open",
        };
        KeyringStatus {
            state: state.into(),
            hint: status.hint,
            detail: status.detail,
            file: file.into(),
        }
    }
}

pub(crate) async fn info<H: Host>(api: &Arc<Api<H>>, (): ()) -> Result<AppInfo> {
    Ok(AppInfo {
        version: env!("CARGO_PKG_VERSION").into(),
        locale: api.host.locale(),
        demo: api.host.is_demo(),
        config_dir: api.host.dirs().config().display().to_string(),
        problems: api.problems.clone(),
    })
}

pub(crate) async fn settings<H: Host>(api: &Arc<Api<H>>, (): ()) -> Result<dto::Settings> {
    Ok((&*lock(&api.settings)).into())
}

pub(crate) async fn set_settings<H: Host>(
    api: &Arc<Api<H>>,
    request: dto::Settings,
) -> Result<dto::Settings> {
    let settings = Settings::try_from(&request)?;
    {
        let mut current = lock(&api.settings);
        settings.save(&api.host.dirs().settings())?;
        *current = settings;
    }
    api.host.settings_changed();
    history::retain(api).await;
    api.host.emit(AppEvent::History {});
    Ok(request)
}

pub(crate) async fn keyring_status<H: Host>(api: &Arc<Api<H>>, (): ()) -> Result<KeyringStatus> {
    Ok(api.status(api.vault.status().await).await)
}

pub(crate) async fn keyring_retry<H: Host>(api: &Arc<Api<H>>, (): ()) -> Result<KeyringStatus> {
    Ok(api.told(api.vault.retry().await).await)
}

pub(crate) async fn keyring_use_memory<H: Host>(
    api: &Arc<Api<H>>,
    (): (),
) -> Result<KeyringStatus> {
    Ok(api.told(api.vault.use_memory().await).await)
}

pub(crate) async fn keyring_use_file<H: Host>(
    api: &Arc<Api<H>>,
    request: PassphraseRequest,
) -> Result<KeyringStatus> {
    let status = api.vault.use_file(request.passphrase).await?;
    Ok(api.told(status).await)
}

/// A notification as the end of a run would show it, but of nothing.
pub(crate) async fn try_notification<H: Host>(api: &Arc<Api<H>>, (): ()) -> Result<()> {
    api.host.notify(Notice::trial(api.tongue())).await.map_err(|why| {
        ApiError::new(codes::NOTIFY_FAILED, format!("the notification could not be shown: {why}"))
    })
}

pub(crate) async fn open_folder<H: Host>(api: &Arc<Api<H>>, request: FolderRequest) -> Result<()> {
    let dirs = api.host.dirs();
    let folder = match request.folder {
        Folder::Config => dirs.config(),
        Folder::Data => dirs.data(),
    };
    // it may not be there yet: nothing has been saved
    std::fs::create_dir_all(folder).map_err(|error| store::Error::io(folder, &error))?;
    api.host.open_folder(folder).map_err(|why| {
        ApiError::new(Code::FileFailed, format!("{}: could not be opened: {why}", folder.display()))
    })
}

pub(crate) async fn pick_file<H: Host>(
    api: &Arc<Api<H>>,
    request: PickRequest,
) -> Result<Option<String>> {
    let picked = api.host.pick_file(request.kind).await;
    if let Some(path) = &picked {
        lock(&api.picked).insert(path.clone());
    }
    Ok(picked.map(|path| path.display().to_string()))
}
