//! Real registries over TLS on loopback: Debian's `docker-registry`, made anew for each measurement.

use std::{
    fs::{self, File},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::measure;

/// A running `docker-registry`.
pub struct Server {
    child: Child,
    pub port: u16,
    data: PathBuf,
    log: PathBuf,
}

/// What a registry was asked during a measurement.
#[derive(Clone, Copy, Debug, Default)]
pub struct Traffic {
    pub requests: usize,
    /// Bytes of blobs that went out.
    pub blob_bytes: u64,
}

impl Server {
    /// `certificate` names `cert.pem` and `key.pem`. The data stay in memory: a disk would be measured otherwise.
    pub fn start(folder: &Path, name: &str, certificate: &Path) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let data = folder.join(format!("{name}-data"));
        fs::create_dir_all(&data).unwrap();
        let config = folder.join(format!("{name}.yml"));
        fs::write(
            &config,
            format!(
                "version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: {}\n    maxthreads: 200\nhttp:\n  \
                 addr: 127.0.0.1:{port}\n  tls:\n    certificate: {1}/cert.pem\n    key: {1}/key.pem\n",
                data.display(),
                certificate.display()
            ),
        )
        .unwrap();
        // a file and not a pipe: nobody has to be awake to read it while a program is measured
        let log = folder.join(format!("{name}.log"));
        let child = Command::new("docker-registry")
            .arg("serve")
            .arg(&config)
            .env("OTEL_TRACES_EXPORTER", "none")
            .stdout(File::options().create(true).append(true).open(&log).unwrap())
            .stderr(Stdio::null())
            .spawn()
            .expect("docker-registry is not installed");
        let until = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < until, "docker-registry does not listen");
            thread::sleep(Duration::from_millis(10));
        }
        Self { child, port, data, log }
    }

    pub fn host(&self) -> String {
        format!("localhost:{}", self.port)
    }

    /// The processor time that it has used so far.
    pub fn used(&self) -> Duration {
        measure::used(self.child.id())
    }

    /// Empties the log.
    pub fn forget(&self) {
        File::create(&self.log).unwrap();
    }

    /// What was asked since `forget`. The log's last lines may still be on their way: waits until none comes any more.
    pub fn traffic(&self) -> Traffic {
        let mut log = fs::read_to_string(&self.log).unwrap();
        loop {
            thread::sleep(Duration::from_millis(100));
            let now = fs::read_to_string(&self.log).unwrap();
            if now == log {
                break;
            }
            log = now;
        }
        let mut traffic = Traffic::default();
        for line in log.lines() {
            // 127.0.0.1 - - [date] "GET /v2/a/blobs/sha256:… HTTP/1.1" 200 12345 "" "agent"
            let mut parts = line.split('"');
            let (Some(request), Some(answer)) = (parts.nth(1), parts.next()) else { continue };
            if !request.contains(" HTTP/") {
                continue;
            }
            traffic.requests += 1;
            if request.starts_with("GET ") && request.contains("/blobs/sha256:") {
                traffic.blob_bytes += answer
                    .split_whitespace()
                    .nth(1)
                    .and_then(|bytes| bytes.parse().ok())
                    .unwrap_or(0);
            }
        }
        traffic
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.data);
        let _ = fs::remove_file(&self.log);
    }
}
