//! A desktop of a test's own: screen, session bus, home; a keyring and a server of notifications where asked for.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    os::unix::{net::UnixStream, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::recorder::{Login, Notice, Recorder, Watcher};

/// A child in a process group of its own; the whole group is ended with the value.
pub(crate) struct Group(pub(crate) Child);

impl Group {
    pub(crate) fn spawn(command: &mut Command) -> Self {
        Self(
            command.process_group(0).spawn().unwrap_or_else(|error| panic!("{command:?}: {error}")),
        )
    }

    fn first_line(&mut self) -> String {
        let mut line = String::new();
        BufReader::new(self.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
        line.trim().to_owned()
    }

    /// Sends a signal to the group.
    pub(crate) fn signal(&self, name: &str) {
        let _ =
            Command::new("kill").args(["-s", name, "--", &format!("-{}", self.0.id())]).status();
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
pub(crate) enum Bus {
    /// A bus that starts nothing by itself.
    Bare,
    /// No bus at all.
    None,
}

/// The desktop; everything on it ends with the value, the last first.
pub(crate) struct Desktop {
    pub(crate) display: String,
    bus: String,
    home: tempfile::TempDir,
    /// What the programs on it find in their environment besides.
    environment: Vec<(&'static str, &'static str)>,
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
    pub(crate) fn start(bus: Bus) -> Self {
        Self::start_on(bus, "1280x860x24")
    }

    /// On a screen of that size and depth.
    pub(crate) fn start_on(bus: Bus, screen: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut server = Group::spawn(
            Command::new("Xvfb")
                .args(["-displayfd", "1", "-screen", "0", screen, "-nolisten", "tcp"])
                .stdout(Stdio::piped())
                .stderr(Stdio::null()),
        );
        let display = format!(":{}", server.first_line());
        let mut desktop = Self {
            display,
            bus: String::new(),
            home,
            environment: Vec::new(),
            groups: vec![server],
            keyring: None,
        };
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
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
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

    /// Programs that are started from here on find this in their environment.
    pub(crate) fn set(&mut self, name: &'static str, value: &'static str) {
        self.environment.push((name, value));
    }

    /// A path in the home.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Where the app keeps its files.
    pub(crate) fn config(&self) -> PathBuf {
        self.path("config/image-syncer")
    }

    /// A command with the environment that every program on this desktop has.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.home.path())
            .env("DISPLAY", &self.display)
            .env_remove("WAYLAND_DISPLAY")
            .env_remove("IMAGE_SYNCER_CONFIG_DIR")
            .env("DBUS_SESSION_BUS_ADDRESS", &self.bus)
            .env("DBUS_SYSTEM_BUS_ADDRESS", &self.bus)
            .env("HOME", self.home.path())
            .env("XDG_DATA_HOME", self.path("data"))
            .env("XDG_CONFIG_HOME", self.path("config"))
            .env("XDG_CACHE_HOME", self.path("cache"))
            .env("XDG_RUNTIME_DIR", self.home.path())
            .env("LANG", "en_US.UTF-8")
            .env("LC_ALL", "en_US.UTF-8")
            .env("NO_AT_BRIDGE", "1")
            .envs(self.environment.iter().copied());
        command
    }

    /// Windows get frames, focus and shortcuts.
    pub(crate) fn window_manager(&mut self) {
        let mut openbox = self.command("openbox");
        self.groups.push(Group::spawn(openbox.stdout(Stdio::null()).stderr(Stdio::null())));
    }

    /// Presses keys as the hardware would, in the window that has the focus.
    pub(crate) fn keys(&self, keys: &[&str]) {
        let done = self.command("xdotool").arg("key").args(keys).status().unwrap();
        assert!(done.success(), "xdotool key {keys:?}");
    }

    /// Gives a window the focus.
    pub(crate) fn focus(&self, title: &str) {
        let find = ["search", "--sync", "--onlyvisible", "--name", title, "windowfocus", "--sync"];
        let done = self.command("xdotool").args(find).status().unwrap();
        assert!(done.success(), "xdotool {find:?}");
    }

    /// Types a text, as the hardware would.
    pub(crate) fn type_text(&self, text: &str) {
        let done = self.command("xdotool").args(["type", "--delay", "20", text]).status().unwrap();
        assert!(done.success(), "xdotool type");
    }

    /// Whether a window with this title is there.
    pub(crate) fn has_window(&self, title: &str) -> bool {
        let found = self
            .command("xdotool")
            .args(["search", "--onlyvisible", "--name", title])
            .output()
            .unwrap();
        !found.stdout.is_empty()
    }

    /// What the app's window is called now. The search goes by the old property, which stays as it was at the start
    /// where a title is not ASCII.
    pub(crate) fn title(&self) -> String {
        let found = self
            .command("xdotool")
            .args(["search", "--onlyvisible", "--name", "Image Syncer", "getwindowname", "%@"])
            .output()
            .unwrap();
        String::from_utf8_lossy(&found.stdout).trim().to_owned()
    }

    /// A real gnome-keyring; its login keyring is made at the first start, and unlocked if asked for.
    pub(crate) async fn keyring(&mut self, unlocked: bool) {
        let mut daemon = self.command("gnome-keyring-daemon");
        daemon
            .args(["--foreground", "--components=secrets"])
            .stdout(Stdio::null())
            .stderr(Stdio::null());
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
    pub(crate) async fn end_keyring(&mut self) {
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
    pub(crate) fn secret(&self, account: &str) -> Option<String> {
        let lookup = ["lookup", "service", "image-syncer", "username", account];
        let found = self.command("secret-tool").args(lookup).output().unwrap();
        found.status.success().then(|| String::from_utf8(found.stdout).unwrap())
    }

    /// Names of files below the home, outside the keyring's own (encrypted) ones, that have this text in them.
    pub(crate) fn files_with(&self, text: &str) -> Vec<PathBuf> {
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
    pub(crate) async fn notifications(&self) -> Notifications {
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
        Notifications { connection, notices }
    }

    /// Someone who keeps the computer awake; each time it is asked, with the file that tells how long.
    pub(crate) async fn login(&self) -> Service<([String; 4], UnixStream)> {
        let (asked, told) = unbounded_channel();
        let connection = zbus::connection::Builder::address(self.bus.as_str())
            .unwrap()
            .serve_at("/org/freedesktop/login1", Login { asked })
            .unwrap()
            .name("org.freedesktop.login1")
            .unwrap()
            .build()
            .await
            .unwrap();
        Service { connection, told }
    }

    /// A tray; each icon that is announced to it.
    pub(crate) async fn tray(&self) -> Service<String> {
        let (announced, told) = unbounded_channel();
        let connection = zbus::connection::Builder::address(self.bus.as_str())
            .unwrap()
            .serve_at("/StatusNotifierWatcher", Watcher { announced })
            .unwrap()
            .name("org.kde.StatusNotifierWatcher")
            .unwrap()
            .build()
            .await
            .unwrap();
        Service { connection, told }
    }
}

/// A service of the desktop, and what it was told.
pub(crate) struct Service<T> {
    pub(crate) connection: zbus::Connection,
    told: UnboundedReceiver<T>,
}

impl<T> Service<T> {
    pub(crate) async fn next(&mut self) -> T {
        let next = tokio::time::timeout(Duration::from_secs(20), self.told.recv());
        next.await.expect("the service was not asked").unwrap()
    }
}

/// Notifications as they came.
pub(crate) struct Notifications {
    connection: zbus::Connection,
    notices: UnboundedReceiver<Notice>,
}

impl Notifications {
    pub(crate) async fn next(&mut self) -> Notice {
        let next = tokio::time::timeout(Duration::from_secs(20), self.notices.recv());
        next.await.expect("no notification came").unwrap()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.notices.is_empty()
    }

    /// Clicks a button of a notification, or the notification itself (`default`).
    pub(crate) async fn click(&self, id: u32, action: &str) {
        self.connection
            .emit_signal(
                None::<&str>,
                "/org/freedesktop/Notifications",
                "org.freedesktop.Notifications",
                "ActionInvoked",
                &(id, action),
            )
            .await
            .unwrap();
    }
}
