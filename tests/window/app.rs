//! The app in its window, and what a user does there. Elements are found by their test ids (`ui/TESTIDS.md`).

use std::{
    net::TcpListener,
    path::PathBuf,
    process::Stdio,
    time::{Duration, Instant},
};

use fantoccini::{Client, ClientBuilder, Locator, elements::Element, wd::Capabilities};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};

use crate::desktop::{Desktop, Group};

/// How long anything may take to show.
const PATIENCE: Duration = Duration::from_secs(20);

/// The app, its page ready.
pub(crate) struct App {
    pub(crate) page: Client,
    pub(crate) driver: Group,
    log: PathBuf,
}

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_image-syncer-desktop");

impl App {
    pub(crate) async fn start(desktop: &Desktop) -> Self {
        Self::start_with(desktop, &[]).await
    }

    pub(crate) async fn start_with(desktop: &Desktop, args: &[&str]) -> Self {
        // now and then the driver and the app that it starts do not find each other, whichever the app
        let first = Self::open(desktop, args, "app.log").await;
        let app = match first {
            Ok(app) => app,
            Err(first) => match Self::open(desktop, args, "app-again.log").await {
                Ok(app) => app,
                Err(second) => panic!("no window: {first}; then: {second}"),
            },
        };
        // a build without its page, or one of `tauri dev`, would show an empty one
        app.find("nav-home").await;
        assert_eq!(app.page.title().await.unwrap(), "Image Syncer");
        app
    }

    async fn open(desktop: &Desktop, args: &[&str], log: &str) -> Result<Self, String> {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let log = desktop.path(log);
        let file = std::fs::File::create(&log).unwrap();
        let mut driver = Group::spawn(
            desktop
                .command("WebKitWebDriver")
                .arg(format!("--port={port}"))
                .env("TAURI_AUTOMATION", "true")
                .env("TAURI_WEBVIEW_AUTOMATION", "true")
                .env("IMAGE_SYNCER_LOG", "debug")
                .stdin(Stdio::null())
                .stdout(file.try_clone().unwrap())
                .stderr(file),
        );
        let until = Instant::now() + PATIENCE;
        while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            assert!(Instant::now() < until, "WebKitWebDriver does not listen");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let mut capabilities = Capabilities::new();
        capabilities
            .insert("webkitgtk:browserOptions".into(), json!({ "binary": BINARY, "args": args }));
        let mut builder = ClientBuilder::new(HttpConnector::new());
        builder.capabilities(capabilities);
        let address = format!("http://127.0.0.1:{port}");
        match tokio::time::timeout(3 * PATIENCE, builder.connect(&address)).await {
            Ok(Ok(page)) => Ok(Self { page, driver, log }),
            Ok(Err(error)) => Err(format!("{error}; driver: {:?}", driver.0.try_wait())),
            Err(_) => Err("no session in time".into()),
        }
    }

    /// What the app and its driver have written to stdout and stderr.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// Runs `look` until it finds something.
    pub(crate) async fn until<T, F: Future<Output = Option<T>>>(
        &self,
        what: &str,
        look: impl Fn() -> F,
    ) -> T {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = look().await {
                return found;
            }
            if Instant::now() > until {
                self.picture("gave-up").await;
                panic!(
                    "not seen: {what}\n--- page\n{}\n--- log\n{}",
                    self.text().await,
                    self.log()
                );
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Everything that can be read on the page.
    pub(crate) async fn text(&self) -> String {
        let body = self.page.find(Locator::Css("body")).await.unwrap();
        body.text().await.unwrap()
    }

    pub(crate) async fn find(&self, id: &str) -> Element {
        self.find_css(&format!("[data-testid='{id}']")).await
    }

    pub(crate) async fn find_css(&self, css: &str) -> Element {
        self.until(css, || async { self.page.find(Locator::Css(css)).await.ok() }).await
    }

    pub(crate) async fn is_there(&self, id: &str) -> bool {
        self.page.find(Locator::Css(&format!("[data-testid='{id}']"))).await.is_ok()
    }

    /// Clicks once the element can be clicked.
    pub(crate) async fn click(&self, id: &str) {
        self.click_css(&format!("[data-testid='{id}']")).await;
    }

    pub(crate) async fn click_css(&self, css: &str) {
        self.until(&format!("{css}, to be clicked"), || async {
            let element = self.page.find(Locator::Css(css)).await.ok()?;
            if !element.is_enabled().await.ok()? {
                return None;
            }
            element.click().await.ok()
        })
        .await;
    }

    /// Replaces the text of a field.
    pub(crate) async fn fill(&self, id: &str, text: &str) {
        let field = self.find(id).await;
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    /// Waits until an attribute has the value.
    pub(crate) async fn until_attribute(&self, id: &str, name: &str, value: &str) -> Element {
        let css = format!("[data-testid='{id}'][{name}='{value}']");
        self.find_css(&css).await
    }

    pub(crate) async fn attribute(&self, id: &str, name: &str) -> String {
        self.find(id).await.attr(name).await.unwrap().unwrap_or_default()
    }

    /// Waits until the app's own commands say so.
    pub(crate) async fn until_answer(
        &self,
        name: &str,
        request: Value,
        want: impl Fn(&Value) -> bool,
    ) -> Value {
        self.until(&format!("the answer of {name}"), || async {
            self.rpc(name, request.clone()).await.ok().filter(|answer| want(answer))
        })
        .await
    }

    /// Scrolls an element into view.
    pub(crate) async fn show(&self, id: &str) {
        let script = "document.querySelector(arguments[0]).scrollIntoView({ block: 'end' })";
        self.page.execute(script, vec![json!(format!("[data-testid='{id}']"))]).await.unwrap();
    }

    /// Goes to a screen by its address.
    pub(crate) async fn go(&self, address: &str) {
        self.page.execute("location.hash = arguments[0]", vec![json!(address)]).await.unwrap();
    }

    /// Gives a command as the page would.
    pub(crate) async fn rpc(&self, name: &str, request: Value) -> Result<Value, Value> {
        self.invoke("rpc", json!({ "name": name, "request": request })).await
    }

    /// Has every end of a run notified: by default it is while nobody sees the window.
    pub(crate) async fn always_notify(&self) {
        let mut settings = self.rpc("settings.get", Value::Null).await.unwrap();
        for event in ["finished", "failed", "attention"] {
            settings["notifications"][event] = json!("always");
        }
        self.rpc("settings.set", settings).await.unwrap();
    }

    /// Calls a Tauri command; `Err` is what the promise was rejected with.
    pub(crate) async fn invoke(&self, command: &str, args: Value) -> Result<Value, Value> {
        let script = "const [command, args, done] = arguments;
            window.__TAURI_INTERNALS__.invoke(command, args).then((ok) => done({ ok }), (err) => done({ err }));";
        let answer = self.page.execute_async(script, vec![json!(command), args]).await.unwrap();
        match answer.get("err") {
            Some(error) => Err(error.clone()),
            None => Ok(answer.get("ok").cloned().unwrap_or(Value::Null)),
        }
    }

    /// Everything that the page holds as text: its elements, what is typed into fields, and what it stores.
    pub(crate) async fn page_content(&self) -> String {
        let script = "return document.documentElement.outerHTML
            + [...document.querySelectorAll('input, textarea')].map((field) => field.value).join('\\n')
            + JSON.stringify({ ...localStorage }) + JSON.stringify({ ...sessionStorage });";
        self.page.execute(script, vec![]).await.unwrap().as_str().unwrap().to_owned()
    }

    /// The process ids of the app: one, unless it is broken.
    pub(crate) fn processes(&self) -> Vec<u32> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            let Ok(id) = entry.file_name().to_string_lossy().parse::<u32>() else { continue };
            let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
            let parent =
                stat.rsplit(") ").next().and_then(|rest| rest.split(' ').nth(1)?.parse().ok());
            if parent == Some(self.driver.0.id()) {
                found.push(id);
            }
        }
        found
    }

    /// Keeps a picture of the window, for people to look at.
    pub(crate) async fn picture(&self, name: &str) {
        let folder = std::env::var("SCREENSHOTS").unwrap_or_else(|_| "artifacts/window".into());
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(folder);
        std::fs::create_dir_all(&folder).unwrap();
        // the picture is of the last frame that was drawn: wait for one with everything in it
        let script = "const done = arguments[0]; const frame = requestAnimationFrame;
            frame(() => frame(() => setTimeout(() => frame(() => frame(() => done())), 150)));";
        self.page.execute_async(script, vec![]).await.unwrap();
        let png = self.page.screenshot().await.unwrap();
        std::fs::write(folder.join(format!("{name}.png")), png).unwrap();
    }

    /// Ends the app, and waits until it is gone: one that is started too early would hand over to it.
    pub(crate) async fn stop(self) {
        let until = Instant::now() + PATIENCE;
        let processes = self.processes();
        self.page.close().await.unwrap();
        while processes.iter().any(|id| PathBuf::from(format!("/proc/{id}/exe")).exists()) {
            assert!(Instant::now() < until, "the app does not end");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
