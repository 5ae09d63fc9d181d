//! Requests to registries of testkit, counted.

mod auth;
mod http2;
mod limits;
mod network;
mod proxy;
mod redirects;
mod secrets;
mod tls;

use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use async_trait::async_trait;
use bytes::Bytes;
use testkit::{Image, Kind, Layer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use http::{StatusCode, header::LOCATION};

use super::*;
use crate::{Access, AccessSource, ClientOptions, Credential, Scope, TlsOptions, Wait, host::lock};

/// Gives one access for everything, and counts who asks.
#[derive(Debug, Default)]
struct Owner {
    access: Access,
    /// What is given when newer credentials are asked for.
    renewed: Mutex<Vec<Credential>>,
    asked: AtomicUsize,
    asked_anew: AtomicUsize,
}

#[async_trait]
impl AccessSource for Owner {
    async fn access(
        &self,
        _: &Registry,
        _: Option<&RepositoryName>,
        renew: bool,
    ) -> Result<Access> {
        let mut access = self.access.clone();
        if renew {
            self.asked_anew.fetch_add(1, Relaxed);
            let mut renewed = lock(&self.renewed);
            if !renewed.is_empty() {
                access.credential = renewed.remove(0);
            }
        } else {
            self.asked.fetch_add(1, Relaxed);
        }
        Ok(access)
    }
}

/// A client, whom it asks, and the registry that it is to talk to.
struct Setup {
    client: Client,
    owner: Arc<Owner>,
    registry: Registry,
}

fn basic(username: &str, password: &str) -> Credential {
    Credential::Basic { username: username.into(), password: password.to_owned().into() }
}

/// Options that make tests quick.
fn quick() -> ClientOptions {
    ClientOptions {
        backoff: Duration::from_millis(1),
        stall: Duration::from_secs(5),
        ..ClientOptions::default()
    }
}

/// Access to a registry that speaks plain HTTP.
fn openly() -> Access {
    Access { tls: TlsOptions { insecure: true, ..TlsOptions::default() }, ..Access::default() }
}

impl Setup {
    fn new(host: &str, options: ClientOptions, access: Access) -> Self {
        let access = Access { origin: crate::Sentence::verbatim("auth.yaml: here"), ..access };
        let owner = Arc::new(Owner { access, ..Owner::default() });
        let client = Client::new(options, Arc::clone(&owner) as Arc<dyn AccessSource>);
        Self { client, owner, registry: host.parse().unwrap() }
    }

    fn anonymous(host: &str) -> Self {
        Self::new(host, quick(), openly())
    }

    fn with(host: &str, credential: Credential) -> Self {
        Self::new(host, quick(), Access { credential, ..openly() })
    }

    /// GETs the manifest `1` of a repository.
    async fn get(&self, repository: &str) -> Result<Bytes> {
        self.get_as(repository, Side::Source, |_| {}).await
    }

    async fn get_as(
        &self,
        repository: &str,
        side: Side,
        change: impl FnOnce(&mut Ask<'_>),
    ) -> Result<Bytes> {
        let repository: RepositoryName = repository.parse().unwrap();
        let place = Place::Path { path: "manifests/1", query: &[] };
        let mut ask = Ask::new("reading the manifest", Method::GET, place);
        ask.headers
            .insert(http::header::ACCEPT, HeaderValue::from_static(crate::MediaType::ACCEPT));
        ask.reference = Some(format!("{}/{repository}:1", self.registry));
        change(&mut ask);
        self.client.send(&self.registry, Some(&repository), side, ask).await?.bytes(1 << 20).await
    }

    /// Opens an upload, as a destination does.
    async fn post(&self, repository: &str) -> Result<Answer> {
        let repository: RepositoryName = repository.parse().unwrap();
        let place = Place::Path { path: "blobs/uploads/", query: &[] };
        let ask = Ask::new("opening an upload", Method::POST, place);
        self.client.send(&self.registry, Some(&repository), Side::Destination, ask).await
    }
}

/// A server that answers every connection with `answer` at once and with `drip` byte by byte, whatever it is asked.
/// Its host.
async fn speaker(answer: &'static str, drip: &'static str, pause: Duration) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let _ = stream.read(&mut [0; 4096]).await;
                let _ = stream.write_all(answer.as_bytes()).await;
                for byte in drip.bytes() {
                    tokio::time::sleep(pause).await;
                    if stream.write_all(&[byte]).await.is_err() {
                        return;
                    }
                }
                // the client closes first
                let _ = stream.read(&mut [0; 4096]).await;
            });
        }
    });
    host
}

/// A registry of testkit with the image `1` in repositories `team/r0`, `team/r1`, ...
async fn registry(builder: testkit::registry::Builder, repositories: usize) -> testkit::Registry {
    let registry = builder.start().await;
    let image = Image::single("linux/amd64", [Layer::random(1, 100)]);
    for n in 0..repositories {
        registry.push(&format!("team/r{n}"), "1", &image);
    }
    registry
}

fn manifests(registry: &testkit::Registry) -> usize {
    registry.count_of("GET", Kind::Manifest)
}

fn tokens(registry: &testkit::Registry) -> usize {
    registry.count_of("GET", Kind::Token)
}
