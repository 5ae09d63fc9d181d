//! A desktop of a test's own: screen, session bus, home; a keyring and a server of notifications where asked for.

use std::{
    collections::HashMap,
    io::{BufRead as _, BufReader, Write as _},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use zbus::zvariant::OwnedValue;

/// A child in a process group of its own; the whole group is ended with the value.
pub struct Group(pub Child);

impl Group {
    pub fn spawn(command: &mut Command) -> Self {
        Self(command.process_group(0).spawn().unwrap_or_else(|error| panic!("{command:?}: {error}")))
    }

    fn first_line(&mut self) -> String {
        let mut line = String::new();
        BufReader::new(self.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
        line.trim().to_owned()
    }

    /// Sends a signal to the group.
    pub fn signal(&self, name: &str) {
        let _ = Command::new("kill").args(["-s", name, "--", &format!("-{}", self.0.id())]).status();
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal("TERM");
        let _ = self.0.wait();
    }
}

/// Which services stand on the session bus.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Bus {
    /// A bus that starts nothing by itself.
    Bare,
    /// No bus at all.
    None,
}

/// The desktop; everything on it ends with the value, the last first.
pub struct Desktop {
    pub display: String,
    bus: String,
    home: tempfile::TempDir,
    groups: Vec<Group>,
    keyring: Option<Group>,
}

impl Drop for Desktop {
    fn drop(&mut self) {
        drop(self.keyring.take());
        while let Some(group) = self.groups.pop() {
            drop(group);
        }
    }
}

impl Desktop {
    pub fn start(bus: Bus) -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut screen = Group::spawn(
            Command::new("Xvfb")
                .args(["-displayfd", "1", "-screen", "0", "1280x860x24", "-nolisten", "tcp"])
                .stdout(Stdio::piped())
                .stderr(Stdio::null()),
        );
        let display = format!(":{}", screen.first_line());
        let mut desktop =
            Self { display, bus: String::new(), home, groups: vec![screen], keyring: None };
        desktop.bus = match bus {
            // an address where nobody listens; without any, GLib would start a bus
            Bus::None => format!("unix:path={}", desktop.path("no-bus").display()),
            Bus::Bare => desktop.start_bus(),
        };
        desktop
    }

    fn start_bus(&mut self) -> String {
        let config = self.path("bus.conf");
        let text = format!(
            r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path={}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default"><allow send_destination="*"/><allow own="*"/></policy>
</busconfig>"#,
            self.path("bus").display()
        );
        std::fs::write(&config, text).unwrap();
        let mut bus = Group::spawn(
            Command::new("dbus-daemon")
                .arg(format!("--config-file={}", config.display()))
                .args(["--nofork", "--print-address=1"])
                .stdout(Stdio::piped())
                .stderr(Stdio::null()),
        );
        let address = bus.first_line();
        self.groups.push(bus);
        address
    }

    /// A path in the home.
    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Where the app keeps its files.
    pub fn config(&self) -> PathBuf {
        self.path("config/image-syncer")
    }

    /// A command with the environment that every program on this desktop has.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env("DISPLAY", &self.display)
            .env_remove("WAYLAND_DISPLAY")
            .env_remove("IMAGE_SYNCER_CONFIG_DIR")
            .env("DBUS_SESSION_BUS_ADDRESS", &self.bus)
            .env("HOME", self.home.path())
            .env("XDG_DATA_HOME", self.path("data"))
            .env("XDG_CONFIG_HOME", self.path("config"))
            .env("XDG_CACHE_HOME", self.path("cache"))
            .env("XDG_RUNTIME_DIR", self.home.path())
            .env("LANG", "en_US.UTF-8")
            .env("LC_ALL", "en_US.UTF-8")
            .env("NO_AT_BRIDGE", "1");
        command
    }

    /// Windows get frames, focus and shortcuts.
    pub fn window_manager(&mut self) {
        let mut openbox = self.command("openbox");
        self.groups.push(Group::spawn(openbox.stdout(Stdio::null()).stderr(Stdio::null())));
    }

    /// Presses keys as the hardware would, in the window that has the focus.
    pub fn keys(&self, keys: &[&str]) {
        let done = self.command("xdotool").arg("key").args(keys).status().unwrap();
        assert!(done.success(), "xdotool key {keys:?}");
    }

    /// Whether a window with this title is there.
    pub fn has_window(&self, title: &str) -> bool {
        let found = self.command("xdotool").args(["search", "--onlyvisible", "--name", title]).output().unwrap();
        !found.stdout.is_empty()
    }

    /// A real gnome-keyring; its login keyring is made at the first start, and unlocked if asked for.
    pub async fn keyring(&mut self, unlocked: bool) {
        let mut daemon = self.command("gnome-keyring-daemon");
        daemon.args(["--foreground", "--components=secrets"]).stdout(Stdio::null()).stderr(Stdio::null());
        if unlocked {
            daemon.arg("--unlock").stdin(Stdio::piped());
        }
        let mut daemon = Group::spawn(&mut daemon);
        if let Some(mut stdin) = daemon.0.stdin.take() {
            stdin.write_all(b"test password").unwrap();
        }
        self.keyring = Some(daemon);
        self.until_owned("org.freedesktop.secrets", true).await;
    }

    /// Ends the keyring.
    pub async fn end_keyring(&mut self) {
        drop(self.keyring.take());
        self.until_owned("org.freedesktop.secrets", false).await;
    }

    async fn until_owned(&self, name: &str, want: bool) {
        let bus = zbus::fdo::DBusProxy::new(&self.connect().await).await.unwrap();
        for _ in 0..200 {
            if bus.name_has_owner(name.try_into().unwrap()).await.unwrap() == want {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{name} on the bus: still not {want}");
    }

    async fn connect(&self) -> zbus::Connection {
        zbus::connection::Builder::address(self.bus.as_str()).unwrap().build().await.unwrap()
    }

    /// A secret as another program finds it.
    pub fn secret(&self, account: &str) -> Option<String> {
        let lookup = ["lookup", "service", "image-syncer", "username", account];
        let found = self.command("secret-tool").args(lookup).output().unwrap();
        found.status.success().then(|| String::from_utf8(found.stdout).unwrap())
    }

    /// Names of files below the home, outside the keyring's own (encrypted) ones, that have this text in them.
    pub fn files_with(&self, text: &str) -> Vec<PathBuf> {
        fn walk(folder: &Path, visit: &mut impl FnMut(&Path)) {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                let kind = entry.file_type().unwrap();
                if kind.is_dir() {
                    walk(&entry.path(), visit);
                } else if kind.is_file() {
                    visit(&entry.path());
                }
            }
        }
        let mut found = Vec::new();
        walk(self.home.path(), &mut |path| {
            let bytes = std::fs::read(path).unwrap_or_default();
            let hit = bytes.windows(text.len()).any(|window| window == text.as_bytes());
            if hit && !path.starts_with(self.path("data/keyrings")) {
                found.push(path.into());
            }
        });
        found
    }

    /// A notification server that keeps what it is told.
    pub async fn notifications(&self) -> Notifications {
        let (told, notices) = unbounded_channel();
        let connection = zbus::connection::Builder::address(self.bus.as_str())
            .unwrap()
            .serve_at("/org/freedesktop/Notifications", Recorder { told, count: 0 })
            .unwrap()
            .name("org.freedesktop.Notifications")
            .unwrap()
            .build()
            .await
            .unwrap();
        Notifications { _connection: connection, notices }
    }
}

/// Notifications as they came.
pub struct Notifications {
    _connection: zbus::Connection,
    notices: UnboundedReceiver<Notice>,
}

/// One of them.
#[derive(Clone, Debug)]
pub struct Notice {
    pub app: String,
    pub title: String,
    pub body: String,
}

impl Notifications {
    pub async fn next(&mut self) -> Notice {
        let next = tokio::time::timeout(Duration::from_secs(20), self.notices.recv());
        next.await.expect("no notification came").unwrap()
    }

    pub fn is_empty(&self) -> bool {
        self.notices.is_empty()
    }
}

struct Recorder {
    told: UnboundedSender<Notice>,
    count: u32,
}

#[zbus::interface(name = "org.freedesktop.Notifications")]
impl Recorder {
    #[expect(clippy::too_many_arguments, reason = "the specification has them")]
    fn notify(
        &mut self,
        app_name: String,
        _replaces: u32,
        _icon: String,
        summary: String,
        body: String,
        _actions: Vec<String>,
        _hints: HashMap<String, OwnedValue>,
        _timeout: i32,
    ) -> u32 {
        let _ = self.told.send(Notice { app: app_name, title: summary, body });
        self.count += 1;
        self.count
    }

    fn close_notification(&self, _id: u32) {}

    fn get_capabilities(&self) -> Vec<String> {
        vec!["body".into()]
    }

    fn get_server_information(&self) -> (String, String, String, String) {
        ("recorder".into(), "tests".into(), "1".into(), "1.2".into())
    }
}
