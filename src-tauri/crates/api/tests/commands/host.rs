//! A host without a desktop: it records what it is told, and answers as the test says.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use accounts::{
    SecretStore,
    keyring::{State, Status},
};
use api::{
    Api, Host,
    dto::{ApiError, AppEvent, FileKind},
    notice::Notice,
};
use async_trait::async_trait;
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use store::Dirs;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// A keyring in memory whose state the test sets.
#[derive(Debug)]
pub struct TestKeyring {
    pub state: Mutex<State>,
    pub secrets: Mutex<HashMap<String, String>>,
}

impl TestKeyring {
    fn look(&self) -> Status {
        let hint = Some(registry::Sentence::verbatim("hint"));
        Status { state: *self.state.lock().unwrap(), hint, detail: "detail".into() }
    }

    fn check(&self) -> registry::Result<()> {
        self.look().error().map_or(Ok(()), Err)
    }

    pub fn get(&self, id: &str) -> Option<String> {
        self.secrets.lock().unwrap().get(id).cloned()
    }
}

#[async_trait]
impl SecretStore for TestKeyring {
    async fn status(&self) -> Status {
        self.look()
    }
    async fn unlock(&self) -> Status {
        self.look()
    }
    async fn get(&self, id: &str) -> registry::Result<Option<SecretString>> {
        self.check()?;
        Ok(Self::get(self, id).map(Into::into))
    }
    async fn set(&self, id: &str, _: &str, secret: &SecretString) -> registry::Result<()> {
        self.check()?;
        self.secrets.lock().unwrap().insert(id.into(), secret.expose_secret().into());
        Ok(())
    }
    async fn remove(&self, id: &str) -> registry::Result<()> {
        self.check()?;
        self.secrets.lock().unwrap().remove(id);
        Ok(())
    }
}

pub struct TestHost {
    dirs: Dirs,
    keyring: Arc<TestKeyring>,
    events: UnboundedSender<Value>,
    notices: UnboundedSender<Notice>,
    picked: PathBuf,
    seen: Arc<AtomicBool>,
}

/// A directory for programs, below the user's files: the test's `$PATH`.
pub const BIN: &str = "bin";

#[async_trait]
impl Host for TestHost {
    fn dirs(&self) -> &Dirs {
        &self.dirs
    }
    fn keyring(&self) -> Arc<dyn SecretStore> {
        self.keyring.clone()
    }
    /// A machine of its own: never the docker and podman of whoever runs the tests.
    fn env(&self, name: &str) -> Option<String> {
        match name {
            "HOME" => Some(self.picked.display().to_string()),
            "PATH" => Some(format!("{}:/usr/bin:/bin", self.picked.join(BIN).display())),
            _ => None,
        }
    }
    fn now(&self) -> Timestamp {
        "2026-01-02T03:04:05Z".parse().unwrap()
    }
    fn locale(&self) -> String {
        "en-US".into()
    }
    fn is_demo(&self) -> bool {
        false
    }
    fn emit(&self, event: AppEvent) {
        let _ = self.events.send(serde_json::to_value(event).unwrap());
    }
    fn is_seen(&self) -> bool {
        self.seen.load(Ordering::Relaxed)
    }
    async fn notify(&self, notice: Notice) -> Result<(), String> {
        let _ = self.notices.send(notice);
        Ok(())
    }
    async fn pick_file(&self, kind: FileKind) -> Option<PathBuf> {
        (kind != FileKind::Ca).then(|| self.picked.join("picked.yaml"))
    }
    async fn save_file(&self, name: &Path) -> Option<PathBuf> {
        Some(self.picked.join(name))
    }
    fn open_folder(&self, folder: &Path) -> Result<(), String> {
        if folder.is_dir() { Ok(()) } else { Err("there is none".into()) }
    }
}

/// The commands over such a host, and what it recorded.
pub struct World {
    pub api: Arc<Api<TestHost>>,
    pub keyring: Arc<TestKeyring>,
    pub events: UnboundedReceiver<Value>,
    pub notices: UnboundedReceiver<Notice>,
    /// Whether the user has the window before them.
    pub seen: Arc<AtomicBool>,
    /// Where the app's files are.
    pub dir: tempfile::TempDir,
    /// Where the user's files are.
    pub files: tempfile::TempDir,
}

impl World {
    pub fn new() -> Self {
        Self::at(tempfile::tempdir().unwrap())
    }

    /// Over files that are there already.
    pub fn at(dir: tempfile::TempDir) -> Self {
        let keyring =
            Arc::new(TestKeyring { state: State::Ready.into(), secrets: Mutex::default() });
        let files = tempfile::tempdir().unwrap();
        let seen = Arc::new(AtomicBool::new(false));
        let (event_to, events) = unbounded_channel();
        let (notice_to, notices) = unbounded_channel();
        let api = Api::new(TestHost {
            dirs: Dirs::at(dir.path()),
            keyring: keyring.clone(),
            events: event_to,
            notices: notice_to,
            picked: files.path().into(),
            seen: seen.clone(),
        });
        Self { api, keyring, events, notices, seen, dir, files }
    }

    pub async fn call(&self, name: &str, request: Value) -> Result<Value, ApiError> {
        self.api.call(name, request).await
    }

    /// Calls a command that must work.
    #[track_caller]
    pub fn ok(&self, name: &str, request: Value) -> impl Future<Output = Value> {
        let at = std::panic::Location::caller();
        let name = name.to_owned();
        let api = self.api.clone();
        async move {
            api.call(&name, request).await.unwrap_or_else(|error| panic!("{at}: {name}: {error:?}"))
        }
    }

    /// The code of a command that must not work.
    pub async fn code(&self, name: &str, request: Value) -> String {
        match self.call(name, request).await {
            Ok(answer) => panic!("{name} worked: {answer}"),
            Err(error) => error.code,
        }
    }

    /// An account of a testkit registry.
    pub async fn account(&self, host: &str, username: &str, secret: &str) -> String {
        let account = self.ok("accounts.save", draft(host, username, secret)).await;
        account["id"].as_str().unwrap().to_owned()
    }

    /// A saved profile with one rule.
    pub async fn profile(&self, name: &str, source: &str, destination: &str) -> String {
        let profile = self.ok("profiles.save", profile("", name, source, destination)).await;
        profile["id"].as_str().unwrap().to_owned()
    }

    /// The next event that is asked for; others are passed over.
    pub async fn event(&mut self, want: impl Fn(&Value) -> bool) -> Value {
        let next = async {
            loop {
                let event = self.events.recv().await.unwrap();
                if want(&event) {
                    return event;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(20), next).await.expect("no such event")
    }

    /// Waits for the end of a plan or run.
    pub async fn ended(&mut self, id: &str) {
        self.event(|event| {
            event["type"] == "run"
                && event["run"]["id"] == id
                && event["run"]["endedAt"].is_string()
        })
        .await;
    }
}

pub fn draft(address: &str, username: &str, secret: &str) -> Value {
    let secret = if secret.is_empty() { Value::Null } else { secret.into() };
    json!({ "id": null, "name": "", "address": address, "username": username, "secret": secret, "insecure": true,
        "caFile": null })
}

pub fn profile(id: &str, name: &str, source: &str, destination: &str) -> Value {
    json!({ "id": id, "name": name, "rules": [{ "source": source, "destinations": [destination] }], "os": [],
        "arch": [], "overwrite": "differing", "attestations": "keep", "referrers": false, "accounts": {} })
}

/// Settings with a language, and when notifications are wanted.
pub fn settings(language: &str, when: &str) -> Value {
    json!({ "theme": "dark", "language": language, "historyDays": null, "tray": false, "proc": null,
        "bandwidth": null, "notifications": { "finished": when, "failed": when, "attention": when } })
}
