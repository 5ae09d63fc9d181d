//! The app's commands without its window, over the same files as the program under test.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use accounts::{
    SecretStore,
    keyring::{State, Status},
};
use api::{
    Api, Host,
    dto::{AppEvent, FileKind},
    notice::Notice,
};
use async_trait::async_trait;
use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::Value;
use store::Dirs;

/// There is none.
#[derive(Debug)]
struct NoKeyring;

#[async_trait]
impl SecretStore for NoKeyring {
    async fn status(&self) -> Status {
        Status { state: State::Missing, hint: None, detail: String::new() }
    }
    async fn unlock(&self) -> Status {
        self.status().await
    }
    async fn get(&self, _: &str) -> registry::Result<Option<SecretString>> {
        Ok(None)
    }
    async fn set(&self, _: &str, _: &str, _: &SecretString) -> registry::Result<()> {
        Err(registry::Error::new(registry::Code::KeyringMissing, "there is none"))
    }
    async fn remove(&self, _: &str) -> registry::Result<()> {
        Ok(())
    }
}

struct Desk(Dirs);

#[async_trait]
impl Host for Desk {
    fn dirs(&self) -> &Dirs {
        &self.0
    }
    fn keyring(&self) -> Arc<dyn SecretStore> {
        Arc::new(NoKeyring)
    }
    fn env(&self, _: &str) -> Option<String> {
        None
    }
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }
    fn locale(&self) -> String {
        "en".into()
    }
    fn is_demo(&self) -> bool {
        false
    }
    fn emit(&self, _: AppEvent) {}
    fn is_seen(&self) -> bool {
        false
    }
    async fn notify(&self, _: Notice) -> Result<(), String> {
        Ok(())
    }
    async fn pick_file(&self, _: FileKind) -> Option<PathBuf> {
        None
    }
    async fn save_file(&self, _: &Path) -> Option<PathBuf> {
        None
    }
    fn open_folder(&self, _: &Path) -> Result<(), String> {
        Ok(())
    }
}

/// The app's commands.
pub struct App(Arc<Api<Desk>>);

impl App {
    /// Over the files of this directory.
    pub fn at(config: PathBuf) -> Self {
        Self(Api::new(Desk(Dirs::at(config))))
    }

    /// A command that must work.
    pub async fn ok(&self, name: &str, request: Value) -> Value {
        self.0.call(name, request).await.unwrap_or_else(|error| panic!("{name}: {error:?}"))
    }
}
