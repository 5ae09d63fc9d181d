//! A real gnome-keyring on a session bus of its own.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// The bus, and the keyring on it; both end with the value.
pub struct Keyring {
    home: tempfile::TempDir,
    bus: Child,
    address: String,
    daemon: Option<Child>,
}

impl Drop for Keyring {
    fn drop(&mut self) {
        self.end();
        let _ = self.bus.kill();
        let _ = self.bus.wait();
    }
}

impl Keyring {
    /// The programs that it needs.
    pub const PROGRAMS: &[&str] =
        &["dbus-daemon", "dbus-send", "gnome-keyring-daemon", "script", "secret-tool"];

    /// Starts the bus, without a keyring.
    pub fn start() -> Self {
        let home = tempfile::tempdir().unwrap();
        let config = home.path().join("bus.conf");
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
            home.path().join("bus").display()
        );
        std::fs::write(&config, text).unwrap();
        let mut bus = Command::new("dbus-daemon")
            .arg(format!("--config-file={}", config.display()))
            .args(["--nofork", "--print-address=1"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut address = String::new();
        BufReader::new(bus.stdout.take().unwrap()).read_line(&mut address).unwrap();
        Self { home, bus, address: address.trim().to_owned(), daemon: None }
    }

    /// The address of the bus.
    pub fn bus(&self) -> &str {
        &self.address
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home.path())
            .env("XDG_DATA_HOME", self.home.path().join("data"))
            .env("XDG_RUNTIME_DIR", self.home.path())
            .env("DBUS_SESSION_BUS_ADDRESS", &self.address);
        command
    }

    /// Starts the keyring: unlocked, which makes it at the first time, or locked.
    pub fn open(&mut self, unlocked: bool) {
        let mut daemon = self.command("gnome-keyring-daemon");
        daemon
            .args(["--foreground", "--components=secrets"])
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if unlocked {
            daemon.arg("--unlock").stdin(Stdio::piped());
        }
        let mut daemon = daemon.spawn().unwrap();
        if let Some(mut stdin) = daemon.stdin.take() {
            stdin.write_all(b"test password").unwrap();
        }
        self.daemon = Some(daemon);
        self.until_there(true);
    }

    /// Ends the keyring; what is in it stays on the disk.
    pub fn end(&mut self) {
        let Some(mut daemon) = self.daemon.take() else { return };
        let _ = daemon.kill();
        let _ = daemon.wait();
        self.until_there(false);
    }

    /// A secret as another program finds it.
    pub fn secret(&self, account: &str) -> Option<String> {
        let lookup = ["lookup", "service", "image-syncer", "username", account];
        let found = self.command("secret-tool").args(lookup).output().unwrap();
        found.status.success().then(|| String::from_utf8(found.stdout).unwrap())
    }

    fn until_there(&self, want: bool) {
        let until = Instant::now() + Duration::from_mins(1);
        loop {
            let asked = self
                .command("dbus-send")
                .args(["--session", "--print-reply", "--dest=org.freedesktop.DBus", "/"])
                .args(["org.freedesktop.DBus.NameHasOwner", "string:org.freedesktop.secrets"])
                .output()
                .unwrap();
            let there = String::from_utf8_lossy(&asked.stdout).contains("boolean true");
            if there == want {
                return;
            }
            assert!(Instant::now() < until, "the keyring is still not {want} on the bus");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
