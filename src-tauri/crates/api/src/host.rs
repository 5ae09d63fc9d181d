//! What commands need from whoever hosts them: the desktop app, or a test. It grows only when a command needs it.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use accounts::SecretStore;
use async_trait::async_trait;
use jiff::Timestamp;
use store::Dirs;

use crate::{
    dto::{AppEvent, FileKind},
    notice::Notice,
};

/// What commands need from whoever hosts them.
#[async_trait]
pub trait Host: Send + Sync + 'static {
    /// Where files are.
    fn dirs(&self) -> &Dirs;

    /// Where secrets are kept.
    fn keyring(&self) -> Arc<dyn SecretStore>;

    /// A variable of the environment: where docker's and podman's files are, and their helpers.
    fn env(&self, name: &str) -> Option<String>;

    /// The time.
    fn now(&self) -> Timestamp;

    /// The system's language, `zh-CN`.
    fn locale(&self) -> String;

    /// Whether it was started to show the demo.
    fn is_demo(&self) -> bool;

    /// Tells the page something.
    fn emit(&self, event: AppEvent);

    /// Whether the user has the window before them.
    fn is_seen(&self) -> bool;

    /// Tells the user something, wherever they are looking. The error says why it could not.
    async fn notify(&self, notice: Notice) -> Result<(), String>;

    /// Lets the user pick a file; `None` when they change their mind.
    async fn pick_file(&self, kind: FileKind) -> Option<PathBuf>;

    /// Lets the user pick where to save a file; `None` when they change their mind.
    async fn save_file(&self, name: &Path) -> Option<PathBuf>;

    /// The user has set something: the language, the tray.
    fn settings_changed(&self) {}

    /// Opens a folder in the system's file manager. The error says why it could not.
    fn open_folder(&self, folder: &Path) -> Result<(), String>;
}
