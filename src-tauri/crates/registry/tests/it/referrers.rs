//! Referrers by the API and by the tag schema.

use registry::{Descriptor, Digest, Repository};
use testkit::{Built, Fault, Image, Kind, Layer, Quirk, Registry, Reply};

use crate::setup::{source, with};

async fn signed(
    quirks: impl IntoIterator<Item = Quirk>,
) -> (Registry, Repository, Built, Vec<Built>) {
    let registry = with(quirks).await;
    let subject = registry.push("a/b", "1", &Image::single("linux/amd64", [Layer::random(1, 10)]));
    let signature =
        |n| Image::artifact("application/vnd.sig", [Layer::random(n, 10)]).subject(&subject);
    let signatures = [10, 11, 12].map(|n| registry.push("a/b", "", &signature(n))).to_vec();
    let repository = source(registry.host(), "a/b");
    (registry, repository, subject, signatures)
}

fn digests(found: &[Descriptor]) -> Vec<&str> {
    let mut digests: Vec<_> = found.iter().map(|d| d.digest.as_str()).collect();
    digests.sort_unstable();
    digests
}

fn sorted(built: &[Built]) -> Vec<&str> {
    let mut digests: Vec<_> = built.iter().map(Built::digest).collect();
    digests.sort_unstable();
    digests
}

#[tokio::test]
async fn by_the_api() {
    let (registry, repository, subject, signatures) = signed([]).await;
    let found = repository.referrers(&subject.digest().parse().unwrap()).await.unwrap();
    assert_eq!(digests(&found), sorted(&signatures));
    assert_eq!(found[0].artifact_type.as_deref(), Some("application/vnd.sig"));
    assert_eq!(registry.count_of("GET", Kind::Any), 1);
    assert!(repository.referrers(&Digest::sha256(b"unknown")).await.unwrap().is_empty());
    assert_eq!(registry.count_of("GET", Kind::Any), 2, "nothing is a good answer");
}

#[tokio::test]
async fn page_after_page() {
    let (registry, repository, subject, signatures) = signed([Quirk::PageSize(1)]).await;
    let found = repository.referrers(&subject.digest().parse().unwrap()).await.unwrap();
    assert_eq!(digests(&found), sorted(&signatures));
    assert_eq!(registry.count_of("GET", Kind::Referrers), 3);
}

#[tokio::test]
async fn by_the_tag_schema_where_there_is_no_api() {
    let refusals =
        [400, 404, 405, 501].map(Quirk::NoReferrers).into_iter().chain([Quirk::ReferrersNotIndex]);
    for quirk in refusals {
        let (registry, repository, subject, signatures) = signed([quirk.clone()]).await;
        let digest: Digest = subject.digest().parse().unwrap();
        assert!(repository.referrers(&digest).await.unwrap().is_empty(), "no tag, no referrers");
        let index =
            Image::multi(signatures.iter().map(|built| {
                Image::raw(built.media_type(), built.bytes().clone()).without_platform()
            }));
        registry.push("a/b", &format!("sha256-{}", digest.hex()), &index);
        registry.clear_log();
        let found = repository.referrers(&digest).await.unwrap();
        assert_eq!(digests(&found), sorted(&signatures), "{quirk:?}");
        assert_eq!(
            registry.count_of("GET", Kind::Referrers),
            0,
            "the host's lack of an API is remembered"
        );
        assert_eq!(registry.count_of("GET", Kind::Manifest), 1);
    }
}

#[tokio::test]
async fn a_tag_of_that_name_that_is_no_index() {
    let (registry, repository, subject, _) = signed([Quirk::NoReferrers(404)]).await;
    let digest: Digest = subject.digest().parse().unwrap();
    registry.push("a/b", &format!("sha256-{}", digest.hex()), &Image::single("linux/amd64", []));
    assert!(repository.referrers(&digest).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_unknown_repository_says_nothing_about_the_api() {
    let (registry, repository, subject, signatures) = signed([]).await;
    let digest = subject.digest().parse().unwrap();
    let unknown = Reply::error(404, "NAME_UNKNOWN", "repository name not known to registry");
    registry.fault(Fault::on(Kind::Referrers).answer(unknown));
    assert!(repository.referrers(&digest).await.unwrap().is_empty());
    assert_eq!(digests(&repository.referrers(&digest).await.unwrap()), sorted(&signatures));
    registry.assert_all_fired();
}

/// A registry whose every page of referrers names another one.
#[tokio::test]
async fn a_list_without_end_is_given_up() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        for n in 0.. {
            let Ok((mut stream, _)) = listener.accept().await else { return };
            let _ = stream.read(&mut [0; 4096]).await;
            let page = r#"{"schemaVersion":2,"manifests":[]}"#;
            let answer = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.oci.image.index.v1+json\r\n\
                 Link: <?page={n}>; rel=\"next\"\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{page}",
                page.len()
            );
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    let (repository, digest) = (source(&host, "a/b"), Digest::sha256(b"x"));
    let finding = repository.referrers(&digest);
    let limit = std::time::Duration::from_mins(1);
    let found = tokio::time::timeout(limit, finding).await.unwrap();
    assert!(found.unwrap_err().to_string().contains("does not end"));
}
