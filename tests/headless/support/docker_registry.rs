//! Debian's `docker-registry` (distribution 2.8), or distribution 3's `registry`, real and private to a test.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    io::{BufRead, BufReader},
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

/// A running `docker-registry`; ends with the value.
pub struct DockerRegistry {
    child: Child,
    port: u16,
    /// Its data and settings, removed at the end.
    _folder: tempfile::TempDir,
    log: Arc<Mutex<Vec<String>>>,
    reader: Option<thread::JoinHandle<()>>,
    ca: Option<String>,
}

/// How it is set up.
#[derive(Default)]
pub struct Setup<'a> {
    /// User and password that it asks for (Basic).
    pub login: Option<(&'a str, &'a str)>,
    /// TLS with a certificate of its own CA.
    pub tls: bool,
    /// Reads only.
    pub read_only: bool,
    /// Asks for tokens that a service at this address gives out, signed under this CA (PEM).
    pub tokens: Option<(String, &'a str)>,
    /// A cache of the registry at this address, which takes no uploads.
    pub cache_of: Option<String>,
    /// Where its data is; a place of its own otherwise.
    pub data: Option<PathBuf>,
    /// The program; Debian's otherwise.
    pub program: Option<PathBuf>,
}

/// Who issues the tokens, and for what service.
pub const ISSUER: &str = "the test";
pub const SERVICE: &str = "registry";

impl DockerRegistry {
    pub fn start() -> Self {
        Self::with(&Setup::default())
    }

    pub fn with(setup: &Setup<'_>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let path = |name: &str| folder.path().join(name).display().to_string();
        let mut config = format!(
            "version: 0.1\nlog:\n  accesslog:\n    disabled: false\n  level: error\nstorage:\n  delete:\n    enabled: true\n  \
             filesystem:\n    rootdirectory: {}\n  maintenance:\n    readonly:\n      enabled: {}\nhttp:\n  addr: 127.0.0.1:{port}\n",
            setup.data.as_ref().map_or_else(|| path("data"), |data| data.display().to_string()),
            setup.read_only,
        );
        let mut ca = None;
        if setup.tls {
            let authority = testkit::tls::Authority::new();
            let server = authority.server(testkit::tls::Flaw::None);
            std::fs::write(path("cert.pem"), server.pem()).unwrap();
            std::fs::write(path("key.pem"), server.key_pem()).unwrap();
            ca = Some(authority.pem().to_owned());
            let (certificate, key) = (path("cert.pem"), path("key.pem"));
            write!(config, "  tls:\n    certificate: {certificate}\n    key: {key}\n").unwrap();
        }
        if let Some((user, password)) = setup.login {
            let out = Command::new("htpasswd").args(["-Bbn", user, password]).output().unwrap();
            assert!(out.status.success(), "htpasswd failed");
            std::fs::write(path("htpasswd"), out.stdout).unwrap();
            let file = path("htpasswd");
            write!(config, "auth:\n  htpasswd:\n    realm: test\n    path: {file}\n").unwrap();
        }
        if let Some((realm, ca)) = &setup.tokens {
            std::fs::write(path("tokens.pem"), ca).unwrap();
            let file = path("tokens.pem");
            write!(
                config,
                "auth:\n  token:\n    realm: {realm}\n    service: {SERVICE}\n    issuer: {ISSUER}\n    rootcertbundle: {file}\n",
            )
            .unwrap();
        }
        if let Some(remote) = &setup.cache_of {
            write!(config, "proxy:\n  remoteurl: {remote}\n").unwrap();
        }
        std::fs::write(path("config.yml"), config).unwrap();
        let program = setup.program.clone().unwrap_or_else(|| "docker-registry".into());
        let mut child = Command::new(program)
            .args(["serve", &path("config.yml")])
            .env("OTEL_TRACES_EXPORTER", "none")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let reader = thread::spawn({
            let log = Arc::clone(&log);
            move || lines.map_while(Result::ok).for_each(|line| log.lock().unwrap().push(line))
        });
        let registry = Self { child, port, _folder: folder, log, reader: Some(reader), ca };
        registry.wait_until_up();
        registry
    }

    fn wait_until_up(&self) {
        let until = Instant::now() + Duration::from_secs(20);
        while std::net::TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(Instant::now() < until, "docker-registry does not listen");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// `localhost:port` with TLS (its certificate's name), else `127.0.0.1:port`.
    pub fn host(&self) -> String {
        if self.ca.is_some() {
            format!("localhost:{}", self.port)
        } else {
            format!("127.0.0.1:{}", self.port)
        }
    }

    /// The CA's certificate, PEM.
    pub fn ca(&self) -> &str {
        self.ca.as_deref().expect("this registry has no TLS")
    }

    /// Requests so far, as `METHOD /path`, those of the test itself included.
    pub fn requests(&self) -> Vec<String> {
        self.answers().into_iter().map(|(request, _)| request).collect()
    }

    /// The same, each with the status of its answer.
    pub fn answers(&self) -> Vec<(String, u16)> {
        let log = self.log.lock().unwrap();
        log.iter()
            .filter_map(|line| {
                let mut parts = line.split('"');
                let (request, protocol) = parts.nth(1)?.rsplit_once(' ')?;
                let status = parts.next()?.split_whitespace().next()?.parse().ok()?;
                protocol.starts_with("HTTP/").then(|| (request.to_owned(), status))
            })
            .collect()
    }

    /// The versions of HTTP in which this was asked for, as `HTTP/1.1`.
    pub fn versions(&self, part: &str) -> BTreeSet<String> {
        let log = self.log.lock().unwrap();
        let requests = log.iter().filter_map(|line| line.split('"').nth(1));
        let asked = requests.filter(|request| request.contains(part));
        asked.filter_map(|request| Some(request.rsplit_once(' ')?.1.to_owned())).collect()
    }

    /// Forgets the requests so far.
    pub fn clear_requests(&self) {
        self.log.lock().unwrap().clear();
    }
}

impl Drop for DockerRegistry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}
