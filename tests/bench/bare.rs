//! The barest client that there can be for *many*: the requests that ours makes at most, over connections that are kept,
//! every byte hashed, and nothing else. No limits, no second try, no progress, no history. What ours takes beyond it is
//! all that is left to gain.

use std::{
    collections::{HashMap, VecDeque},
    io::{Read as _, Write as _},
    mem::take,
    net::TcpStream,
    path::Path,
    sync::{Arc, Condvar, Mutex},
    thread,
};

use registry::Digest;
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};

use crate::scenes::Scene;

/// Threads, each with a connection to either side; with fewer or more it is no faster.
const THREADS: usize = 48;
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// What a thread does next; a repository has the same name on both sides.
enum Job {
    List { repository: String },
    Read { repository: String, tag: String },
    Copy { repository: String, digest: String },
    Mount { repository: String, digest: String, from: String },
    Tag { path: String, manifest: Vec<u8> },
}

struct Image {
    path: String,
    manifest: Vec<u8>,
    /// Blobs that its repository lacks still.
    lacks: usize,
}

/// A blob's first repository at the destination, and those that mount it from there once it has come.
struct Home {
    repository: String,
    waiting: Option<Vec<String>>,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    /// Jobs that are waiting or being done.
    open: usize,
    images: Vec<Image>,
    homes: HashMap<String, Home>,
    /// By repository and digest: the images that wait for the blob, none once it is there.
    blobs: HashMap<(String, String), Option<Vec<usize>>>,
}

/// Copies all images of *many*; panics where anything is not as it should be.
pub fn run(source: &str, destination: &str, ca: &Path) {
    // the others would wait for ever for what a thread that panics leaves undone
    std::panic::set_hook(Box::new(|what| {
        eprintln!("{what}");
        std::process::abort();
    }));
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(ca).unwrap() {
        roots.add(certificate.unwrap()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let tls = Arc::new(tls);
    let mut state = State::default();
    for (repository, _) in Scene::Many.images() {
        state.push(Job::List { repository });
    }
    let (state, more) = (Mutex::new(state), Condvar::new());
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let mut source = Connection::new(&tls, source);
                let mut destination = Connection::new(&tls, destination);
                loop {
                    let idle = |state: &mut State| state.jobs.is_empty() && state.open > 0;
                    let mut guard = more.wait_while(state.lock().unwrap(), idle).unwrap();
                    let Some(job) = guard.jobs.pop_front() else { break };
                    drop(guard);
                    let what_follows = perform(&mut source, &mut destination, job);
                    let mut guard = state.lock().unwrap();
                    what_follows(&mut guard);
                    guard.open -= 1;
                    drop(guard);
                    more.notify_all();
                }
            });
        }
    });
}

/// Does a job, and tells what follows from it.
fn perform(
    source: &mut Connection,
    destination: &mut Connection,
    job: Job,
) -> Box<dyn FnOnce(&mut State)> {
    match job {
        Job::List { repository } => {
            let list = source.ask("GET", &format!("/v2/{repository}/tags/list"), "", &[], 200).body;
            let list: serde_json::Value = serde_json::from_slice(&list).unwrap();
            let tags = list["tags"].as_array().unwrap().iter().map(text).collect::<Vec<_>>();
            Box::new(move |state| {
                for tag in tags {
                    state.push(Job::Read { repository: repository.clone(), tag });
                }
            })
        }
        Job::Read { repository, tag } => {
            let path = format!("/v2/{repository}/manifests/{tag}");
            destination.ask("HEAD", &path, "", &[], 404);
            let manifest = source.ask("GET", &path, "", &[], 200).body;
            let parsed: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
            let layers = parsed["layers"].as_array().unwrap();
            let blobs = layers.iter().chain([&parsed["config"]]);
            let blobs = blobs.map(|blob| text(&blob["digest"])).collect::<Vec<_>>();
            std::hint::black_box(Digest::sha256(&manifest));
            Box::new(move |state| state.read(&repository, path, manifest, blobs))
        }
        Job::Copy { repository, digest } => {
            let blob =
                source.ask("GET", &format!("/v2/{repository}/blobs/{digest}"), "", &[], 200).body;
            assert_eq!(Digest::sha256(&blob).as_str(), digest);
            let begin = format!("/v2/{repository}/blobs/uploads/");
            let upload = destination.ask("POST", &begin, "", &[], 202).location;
            let upload = format!("{upload}&digest={digest}");
            destination.ask("PUT", &upload, "application/octet-stream", &blob, 201);
            Box::new(move |state| state.come(repository, digest))
        }
        Job::Mount { repository, digest, from } => {
            let path = format!("/v2/{repository}/blobs/uploads/?mount={digest}&from={from}");
            destination.ask("POST", &path, "", &[], 201);
            Box::new(move |state| state.come(repository, digest))
        }
        Job::Tag { path, manifest } => {
            destination.ask("PUT", &path, MANIFEST, &manifest, 201);
            Box::new(|_| {})
        }
    }
}

fn text(value: &serde_json::Value) -> String {
    value.as_str().unwrap().to_owned()
}

impl State {
    fn push(&mut self, job: Job) {
        self.jobs.push_back(job);
        self.open += 1;
    }

    /// A manifest has been read: what its repository lacks is brought.
    fn read(&mut self, repository: &str, path: String, manifest: Vec<u8>, blobs: Vec<String>) {
        let image = self.images.len();
        let mut lacks = 0;
        for digest in blobs {
            match self.blobs.get_mut(&(repository.to_owned(), digest.clone())) {
                Some(None) => continue,
                Some(Some(images)) => images.push(image),
                None => {
                    let here = (repository.to_owned(), digest.clone());
                    self.blobs.insert(here, Some(vec![image]));
                    self.want(repository.to_owned(), digest);
                }
            }
            lacks += 1;
        }
        self.images.push(Image { path, manifest, lacks });
        self.tag_if_whole(image);
    }

    /// Copied by the first repository that wants it, and mounted by the others from there.
    fn want(&mut self, repository: String, digest: String) {
        match self.homes.get_mut(&digest) {
            None => {
                let home = Home { repository: repository.clone(), waiting: Some(Vec::new()) };
                self.homes.insert(digest.clone(), home);
                self.push(Job::Copy { repository, digest });
            }
            Some(Home { waiting: Some(waiting), .. }) => waiting.push(repository),
            Some(Home { repository: from, waiting: None }) => {
                let from = from.clone();
                self.push(Job::Mount { repository, digest, from });
            }
        }
    }

    /// A blob is in a repository now.
    fn come(&mut self, repository: String, digest: String) {
        let home = self.homes.get_mut(&digest).unwrap();
        let waiting = home.waiting.take().unwrap_or_default();
        let from = home.repository.clone();
        for repository in waiting {
            self.push(Job::Mount { repository, digest: digest.clone(), from: from.clone() });
        }
        let images = self.blobs.insert((repository, digest), None).flatten().unwrap();
        for image in images {
            self.images[image].lacks -= 1;
            self.tag_if_whole(image);
        }
    }

    fn tag_if_whole(&mut self, image: usize) {
        let Image { path, manifest, lacks } = &mut self.images[image];
        if *lacks == 0 {
            let (path, manifest) = (take(path), take(manifest));
            self.push(Job::Tag { path, manifest });
        }
    }
}

struct Connection {
    host: String,
    stream: StreamOwned<ClientConnection, TcpStream>,
    buffer: Vec<u8>,
}

struct Answer {
    /// The path and query of `Location`.
    location: String,
    body: Vec<u8>,
}

impl Connection {
    fn new(tls: &Arc<ClientConfig>, host: &str) -> Self {
        let stream = TcpStream::connect(host.replace("localhost", "127.0.0.1")).unwrap();
        stream.set_nodelay(true).unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let session = ClientConnection::new(tls.clone(), name).unwrap();
        let stream = StreamOwned::new(session, stream);
        Self { host: host.to_owned(), stream, buffer: vec![0; 64 << 10] }
    }

    /// One request over HTTP/1.1, whose answer has to be the one that is expected.
    fn ask(&mut self, method: &str, path: &str, kind: &str, body: &[u8], expect: u16) -> Answer {
        let mut head =
            format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nAccept: {MANIFEST}\r\n", self.host);
        if !kind.is_empty() {
            head += &format!("Content-Type: {kind}\r\n");
        }
        if method.starts_with('P') {
            head += &format!("Content-Length: {}\r\n", body.len());
        }
        head += "\r\n";
        self.stream.write_all(&[head.as_bytes(), body].concat()).unwrap();
        self.stream.flush().unwrap();
        let mut read = Vec::new();
        let (mut answer, begin, length) = loop {
            self.more(&mut read);
            let mut headers = [httparse::EMPTY_HEADER; 32];
            let mut response = httparse::Response::new(&mut headers);
            if let httparse::Status::Complete(begin) = response.parse(&read).unwrap() {
                assert_eq!(response.code, Some(expect), "{method} {path}");
                let header = |name: &str| {
                    let found = response.headers.iter().find(|h| h.name.eq_ignore_ascii_case(name));
                    found.map_or("", |header| std::str::from_utf8(header.value).unwrap())
                };
                let location = header("location").replace(&format!("https://{}", self.host), "");
                let length = if method == "HEAD" { "" } else { header("content-length") };
                let length = length.parse().unwrap_or(0);
                break (Answer { location, body: Vec::new() }, begin, length);
            }
        };
        answer.body = read.split_off(begin);
        while answer.body.len() < length {
            self.more(&mut answer.body);
        }
        answer
    }

    fn more(&mut self, read: &mut Vec<u8>) {
        let n = self.stream.read(&mut self.buffer).unwrap();
        assert!(n > 0, "{} has closed the connection", self.host);
        read.extend_from_slice(&self.buffer[..n]);
    }
}
