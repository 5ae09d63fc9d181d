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
    text::Notice,
};
use jiff::Timestamp;
use store::Dirs;
use tauri::{AppHandle, Manager as _, ipc::Channel};
use tauri_plugin_dialog::{DialogExt as _, FileDialogBuilder, FilePath};
use tokio::sync::oneshot;

use crate::{Args, WINDOW};

/// The desktop that the app runs on.
pub(crate) struct Desktop {
    app: AppHandle,
    args: Args,
    dirs: Dirs,
    page: Mutex<Option<Channel<AppEvent>>>,
}

impl Desktop {
    pub(crate) fn new(app: AppHandle, args: Args) -> Result<Self, Box<dyn Error>> {
        let dirs = Dirs::of_system()
            .ok_or("this system has no home directory; set IMAGE_SYNCER_CONFIG_DIR")?;
        Ok(Self { app, args, dirs, page: Mutex::default() })
    }

    /// Events go to this channel from here on.
    pub(crate) fn subscribe(&self, channel: Channel<AppEvent>) {
        *self.page.lock().unwrap_or_else(PoisonError::into_inner) = Some(channel);
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
        let page = self.page.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Err(error)) = page.as_ref().map(|page| page.send(event)) {
            tracing::warn!("the page could not be told: {error}");
        }
    }

    async fn notify(&self, notice: Notice) -> Result<(), String> {
        notify_rust::Notification::new()
            .appname("Image Syncer")
            .icon("image-syncer-desktop")
            .summary(&notice.title)
            .body(&escaped(&notice.body))
            .show_async()
            .await
            .map(drop)
            .map_err(|error| error.to_string())
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

/// Notification servers read some markup in the body.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
