//! Mirrors: images are read there first, and at the registry when a mirror fails.

use std::sync::Arc;

use registry::{
    Access, AccessSource, Client, Code, Credential, Descriptor, Digest, MediaType, Mirror,
    Repository, RepositoryName, Result, Side, Target,
};
use testkit::{Auth, Content, Fault, Kind, Registry as Server};

use crate::setup::{plain, quick};

/// Everyone is anonymous, but one registry has mirrors, and one of these a login.
#[derive(Debug)]
struct Mirrored {
    registry: String,
    mirrors: Vec<Mirror>,
}

#[async_trait::async_trait]
impl AccessSource for Mirrored {
    async fn access(
        &self,
        registry: &registry::Registry,
        _: Option<&RepositoryName>,
        _: bool,
    ) -> Result<Access> {
        if registry.as_str() == self.registry {
            return Ok(Access { mirrors: self.mirrors.clone(), ..plain() });
        }
        let (username, password) = ("me".to_owned(), "mirror".to_owned().into());
        Ok(Access { credential: Credential::Basic { username, password }, ..plain() })
    }
}

fn mirror(host: &str, prefix: Option<&str>) -> Mirror {
    Mirror { registry: host.parse().unwrap(), prefix: prefix.map(|name| name.parse().unwrap()) }
}

fn repository(registry: &Server, mirrors: Vec<Mirror>) -> (Client, Repository) {
    let source = Mirrored { registry: registry.host().into(), mirrors };
    let client = Client::new(quick(), Arc::new(source));
    let repository = client.source(&registry.host().parse().unwrap(), &"team/app".parse().unwrap());
    (client, repository)
}

const BYTES: &[u8] = b"a layer";

/// A server that has the image under a name.
fn fill(server: &Server, name: &str) {
    server.put_blob(name, Content::from(BYTES.to_vec()));
    server.push(name, "v1", &testkit::Image::single("linux/amd64", []));
}

fn blob() -> Descriptor {
    Descriptor {
        media_type: MediaType::parse("application/octet-stream"),
        digest: Digest::sha256(BYTES),
        size: BYTES.len() as u64,
        urls: Vec::new(),
        platform: None,
        attests: None,
        artifact_type: None,
    }
}

async fn read(client: &Client, repository: &Repository) -> Vec<u8> {
    let permit = client.permit(repository.registry(), Side::Source).await;
    let mut reader = repository.read_blob(&blob(), 0, &permit).await.unwrap();
    let mut bytes = Vec::new();
    while let Some(piece) = reader.next().await.unwrap() {
        bytes.extend_from_slice(&piece);
    }
    bytes
}

fn tag() -> Target {
    Target::Tag("v1".parse().unwrap())
}

#[tokio::test]
async fn images_are_read_from_the_mirror_with_its_own_login_and_tags_from_the_registry() {
    let registry = Server::start().await;
    let there = Server::builder().auth(Auth::basic("me", "mirror")).start().await;
    fill(&registry, "team/app");
    fill(&there, "hub/team/app");
    let (client, repository) = repository(&registry, vec![mirror(there.host(), Some("hub"))]);
    assert!(repository.head_manifest(&tag()).await.unwrap().is_some());
    repository.get_manifest(&tag()).await.unwrap();
    assert_eq!(read(&client, &repository).await, BYTES);
    assert_eq!(registry.requests().len(), 0, "{:?}", registry.requests());
    assert_eq!(repository.tags().await.unwrap().len(), 1);
    assert_eq!(registry.count_of("GET", Kind::Tags), 1);
    // the second time somebody wants it, there was something wrong with the first
    assert_eq!(read(&client, &repository).await, BYTES);
    assert_eq!((registry.count_of("GET", Kind::Blob), there.count_of("GET", Kind::Blob)), (1, 1));
}

#[tokio::test]
async fn what_a_mirror_has_not_or_fails_at_comes_from_the_registry() {
    let registry = Server::start().await;
    fill(&registry, "team/app");
    let (empty, broken) = (Server::start().await, Server::start().await);
    fill(&broken, "team/app");
    let fault = broken.fault(Fault::on(Kind::Manifest).always().status(500));
    let blobs = broken.fault(Fault::on(Kind::Blob).always().status(500));
    let mirrors =
        vec![mirror("127.0.0.1:1", None), mirror(empty.host(), None), mirror(broken.host(), None)];
    let (client, repository) = repository(&registry, mirrors);
    assert!(repository.head_manifest(&tag()).await.unwrap().is_some());
    repository.get_manifest(&tag()).await.unwrap();
    assert_eq!(read(&client, &repository).await, BYTES);
    assert!(fault.fired() > 0 && blobs.fired() == 1, "a mirror is tried once: {}", blobs.fired());
    assert!(empty.requests().len() >= 3);
    assert_eq!(registry.count_of("GET", Kind::Blob), 1);
    // what nobody has is told of the registry
    let error = repository.get_manifest(&Target::Tag("v2".parse().unwrap())).await.unwrap_err();
    assert_eq!((error.code(), error.at()), (Code::RefNotFound, Some(registry.host())));
}

#[tokio::test]
async fn nothing_is_written_to_a_mirror() {
    let (registry, there) = (Server::start().await, Server::start().await);
    fill(&there, "team/app");
    let (client, _) = repository(&registry, vec![mirror(there.host(), None)]);
    let host = registry.host().parse().unwrap();
    let destination = client.destination(&host, &"team/app".parse().unwrap());
    assert!(destination.head_manifest(&tag()).await.unwrap().is_none());
    assert_eq!(there.requests().len(), 0);
}
