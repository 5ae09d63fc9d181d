//! What the `api` crate needs of a desktop: files, keyring, dialogs, notifications.

use std::{
    error::Error,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use accounts::{SecretStore, SystemKeyring};
use api::{
    Host,
    dto::{AppEvent, FileKind},
    notice::Notice,
};
use jiff::Timestamp;
use store::Dirs;
use tauri::{AppHandle, Manager as _, ipc::Channel};
use tauri_plugin_dialog::{DialogExt as _, FileDialogBuilder, FilePath};
use tokio::sync::{oneshot, watch};

use crate::{
    Args, WINDOW, notices,
    work::{Picture, Work},
};

/// The desktop that the app runs on.
pub(crate) struct Desktop {
    app: AppHandle,
    args: Args,
    dirs: Dirs,
    page: Mutex<Option<Channel<AppEvent>>>,
    work: Mutex<Work>,
    /// What is shown outside of the window.
    picture: watch::Sender<Picture>,
}

impl Desktop {
    pub(crate) fn new(app: AppHandle, args: Args) -> Result<Self, Box<dyn Error>> {
        let dirs = Dirs::of_system()
            .ok_or("this system has no home directory; set IMAGE_SYNCER_CONFIG_DIR")?;
        Ok(Self {
            app,
            args,
            dirs,
            page: Mutex::default(),
            work: Mutex::default(),
            picture: watch::Sender::default(),
        })
    }

    /// Events go to this channel from here on.
    pub(crate) fn subscribe(&self, channel: Channel<AppEvent>) {
        *self.page.lock().unwrap_or_else(PoisonError::into_inner) = Some(channel);
    }

    /// Where the window's place and size are remembered.
    pub(crate) fn window_file(&self) -> String {
        self.dirs.data().join("window.json").display().to_string()
    }

    /// What is to be shown outside of the window, from here on.
    pub(crate) fn pictures(&self) -> watch::Receiver<Picture> {
        self.picture.subscribe()
    }

    fn file_dialog(&self) -> FileDialogBuilder<tauri::Wry> {
        let dialog = self.app.dialog().file();
        match self.app.get_webview_window(WINDOW) {
            Some(window) => dialog.set_parent(&window),
            None => dialog,
        }
    }
}

#[async_trait::async_trait]
impl Host for Desktop {
    fn dirs(&self) -> &Dirs {
        &self.dirs
    }

    fn keyring(&self) -> Arc<dyn SecretStore> {
        Arc::new(SystemKeyring)
    }

    fn env(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn locale(&self) -> String {
        sys_locale::get_locale().unwrap_or_else(|| "en".into())
    }

    fn is_demo(&self) -> bool {
        self.args.demo
    }

    fn emit(&self, event: AppEvent) {
        {
            let mut work = self.work.lock().unwrap_or_else(PoisonError::into_inner);
            if work.apply(&event) {
                let now = work.picture();
                self.picture.send_if_modified(|picture| {
                    let changed = *picture != now;
                    *picture = now;
                    changed
                });
            }
        }
        let page = self.page.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Err(error)) = page.as_ref().map(|page| page.send(event)) {
            tracing::warn!("the page could not be told: {error}");
        }
    }

    fn is_seen(&self) -> bool {
        let Some(window) = self.app.get_webview_window(WINDOW) else { return false };
        // where the desktop does not say, it is taken for seen
        window.is_visible().unwrap_or(true)
            && !window.is_minimized().unwrap_or(false)
            && window.is_focused().unwrap_or(true)
    }

    async fn notify(&self, notice: Notice) -> Result<(), String> {
        notices::show(&self.app, notice).await
    }

    fn settings_changed(&self) {
        self.picture.send_modify(|_| ());
    }

    fn open_folder(&self, folder: &Path) -> Result<(), String> {
        open::that_detached(folder).map_err(|error| error.to_string())
    }

    async fn pick_file(&self, kind: FileKind) -> Option<PathBuf> {
        let dialog = match kind {
            FileKind::Images | FileKind::Auth => {
                self.file_dialog().add_filter("YAML, JSON", &["yaml", "yml", "json"])
            }
            FileKind::Ca => self.file_dialog().add_filter("PEM", &["pem", "crt", "cer"]),
            FileKind::Identity => {
                self.file_dialog().add_filter("PEM", &["pem", "crt", "cer", "key"])
            }
            FileKind::Secret => self.file_dialog().add_filter("JSON", &["json"]),
        };
        let (answer, answered) = oneshot::channel();
        dialog.pick_file(move |path| {
            let _ = answer.send(path);
        });
        path(answered.await.ok()?)
    }

    async fn save_file(&self, name: &Path) -> Option<PathBuf> {
        let (answer, answered) = oneshot::channel();
        let dialog = self.file_dialog().set_file_name(name.display().to_string());
        dialog.save_file(move |path| {
            let _ = answer.send(path);
        });
        path(answered.await.ok()?)
    }
}

fn path(picked: Option<FilePath>) -> Option<PathBuf> {
    match picked?.into_path() {
        Ok(path) => Some(path),
        Err(error) => {
            tracing::warn!("the file that was picked has no path: {error}");
            None
        }
    }
}
