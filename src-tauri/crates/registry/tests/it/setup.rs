//! Registries, clients and the feeder of uploads.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use registry::{
    Access, AccessSource, BlobStart, BlobWriter, Client, ClientOptions, Descriptor, Digest, Fed,
    Known, MediaType, Repository, RepositoryName, Result, Target, TlsOptions,
};
use testkit::{Content, Registry, quirk::Quirk, request::Request};

pub(crate) const MIB: usize = 1024 * 1024;

/// Options that make tests quick.
pub(crate) fn quick() -> ClientOptions {
    ClientOptions {
        backoff: Duration::from_millis(1),
        stall: Duration::from_secs(5),
        ..ClientOptions::default()
    }
}

pub(crate) fn client(options: ClientOptions) -> Client {
    Client::new(options, Arc::new(Given(plain())))
}

/// Access to registries that speak plain HTTP.
pub(crate) fn plain() -> Access {
    let tls = TlsOptions { insecure: true, ..TlsOptions::default() };
    Access { tls, ..Access::default() }
}

/// Gives one access for everything.
#[derive(Debug)]
struct Given(Access);

#[async_trait::async_trait]
impl AccessSource for Given {
    async fn access(
        &self,
        _: &registry::Registry,
        _: Option<&RepositoryName>,
        _: bool,
    ) -> Result<Access> {
        Ok(self.0.clone())
    }
}

/// A client that reaches every registry in this way.
pub(crate) fn client_with(access: Access) -> Client {
    Client::new(quick(), Arc::new(Given(access)))
}

pub(crate) async fn with(quirks: impl IntoIterator<Item = Quirk>) -> Registry {
    Registry::builder().quirks(quirks).start().await
}

/// The repository at a registry, to read from.
pub(crate) fn source(host: &str, name: &str) -> Repository {
    source_of(&client(quick()), host, name)
}

/// The repository at a registry, to write to.
pub(crate) fn destination(host: &str, name: &str) -> Repository {
    destination_of(&client(quick()), host, name)
}

pub(crate) fn source_of(client: &Client, host: &str, name: &str) -> Repository {
    client.source(&host.parse().unwrap(), &name.parse().unwrap())
}

pub(crate) fn destination_of(client: &Client, host: &str, name: &str) -> Repository {
    client.destination(&host.parse().unwrap(), &name.parse().unwrap())
}

pub(crate) fn tag(text: &str) -> Target {
    Target::Tag(text.parse().unwrap())
}

pub(crate) fn by_digest(text: &str) -> Target {
    Target::Digest(text.parse().unwrap())
}

/// So many bytes that look like nothing else.
pub(crate) fn random(seed: u64, size: usize) -> Bytes {
    Content::random(seed, size).bytes().unwrap()
}

/// What a manifest would say of a blob.
pub(crate) fn descriptor(bytes: &[u8]) -> Descriptor {
    Descriptor {
        media_type: MediaType::parse("application/vnd.oci.image.layer.v1.tar+gzip"),
        digest: Digest::sha256(bytes),
        size: bytes.len() as u64,
        urls: Vec::new(),
        platform: None,
        attests: None,
        artifact_type: None,
    }
}

/// What became of an upload.
#[derive(Debug, Default)]
pub(crate) struct Uploaded {
    /// Bytes fed, those fed again included.
    pub(crate) fed: u64,
    /// Where the feeder was sent back to.
    pub(crate) rewinds: Vec<u64>,
    /// The writer said that the rest is not wanted.
    pub(crate) enough: bool,
}

/// Feeds an upload as the engine does, in pieces, until it is confirmed.
pub(crate) async fn feed(writer: &mut BlobWriter, bytes: &Bytes, piece: usize) -> Result<Uploaded> {
    let mut done = Uploaded::default();
    loop {
        while !done.enough && writer.offset() < bytes.len() as u64 {
            let from = writer.offset() as usize;
            let next = bytes.slice(from..bytes.len().min(from + piece));
            done.fed += next.len() as u64;
            match writer.write(next).await? {
                Fed::More => {}
                Fed::Enough => done.enough = true,
                Fed::Rewind { offset, .. } => {
                    assert_eq!(offset, writer.offset());
                    done.rewinds.push(offset);
                }
            }
        }
        match writer.finish().await? {
            Fed::More => return Ok(done),
            Fed::Enough => panic!("finish says that it is done by `More`"),
            Fed::Rewind { offset, .. } => {
                assert_eq!(offset, writer.offset());
                done.rewinds.push(offset);
            }
        }
    }
}

/// Begins a blob that must be written, and writes it.
pub(crate) async fn upload(
    repository: &Repository,
    bytes: &Bytes,
    piece: usize,
) -> Result<Uploaded> {
    let mut writer = match repository.begin_blob(&descriptor(bytes), Known::default()).await? {
        BlobStart::Write(writer) => writer,
        other => panic!("the blob must be written, not {other:?}"),
    };
    feed(&mut writer, bytes, piece).await
}

/// The requests as `METHOD kind status`, without the first contact's probes.
pub(crate) fn log(registry: &Registry) -> Vec<String> {
    let line = |r: &Request| {
        let status = r.status.map_or("cut".to_owned(), |status| status.to_string());
        format!("{} {:?} {status}", r.method, r.kind)
    };
    registry.requests().iter().map(line).collect()
}

/// The blob as the registry holds it.
pub(crate) fn held(registry: &Registry, repository: &str, bytes: &[u8]) -> Option<Bytes> {
    registry.blob(repository, Digest::sha256(bytes).as_str()).and_then(|content| content.bytes())
}

/// No upload was sent in chunked transfer encoding, and all said their length.
pub(crate) fn assert_lengths(registry: &Registry) {
    for request in registry.requests() {
        if matches!(request.method.as_str(), "POST" | "PUT" | "PATCH") {
            assert!(request.header("transfer-encoding").is_none(), "{request:?}");
            assert!(request.header("content-length").is_some(), "{request:?}");
        }
    }
}
