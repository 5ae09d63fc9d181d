//! Manifests: asked for, read and written, with every way in which registries err.

use registry::{
    ClientOptions, Code, Digest, ManifestHead, MediaType, Repository, Result, Side, Target,
};
use testkit::{Built, Fault, Image, Kind, Layer, On, Quirk, Registry, Reply};

use crate::setup::{by_digest, client, destination, destination_of, log, quick, source, tag, with};

async fn served(quirks: impl IntoIterator<Item = Quirk>) -> (Registry, Built) {
    let registry = with(quirks).await;
    let built = registry.push("a/b", "1", &Image::single("linux/amd64", [Layer::random(1, 100)]));
    (registry, built)
}

fn digest(built: &Built) -> Digest {
    built.digest().parse().unwrap()
}

fn head(built: &Built) -> ManifestHead {
    ManifestHead {
        digest: digest(built),
        media_type: Some(MediaType::parse(built.media_type())),
        size: Some(built.bytes().len() as u64),
    }
}

#[tokio::test]
async fn a_head_is_one_request() {
    let (registry, built) = served([]).await;
    for repository in [source(registry.host(), "a/b"), destination(registry.host(), "a/b")] {
        registry.clear_log();
        assert_eq!(repository.head_manifest(&tag("1")).await.unwrap(), Some(head(&built)));
        assert_eq!(
            repository.head_manifest(&by_digest(built.digest())).await.unwrap(),
            Some(head(&built))
        );
        assert_eq!(log(&registry), ["HEAD Manifest 200", "HEAD Manifest 200"]);
    }
    let accept = registry.requests()[0].header("accept").unwrap().to_owned();
    assert_eq!(accept, MediaType::ACCEPT);
}

#[tokio::test]
async fn where_entity_tags_are_digests_only_another_manifest_is_told() {
    let (registry, built) = served([]).await;
    let source = source(registry.host(), "a/b");
    let known = digest(&built);
    let ask = async || source.head_manifest_unless(&tag("1"), Some(&known)).await.unwrap();
    assert_eq!(ask().await, Some(head(&built)), "what the entity tags are is not known yet");
    let same = ManifestHead { digest: known.clone(), media_type: None, size: None };
    assert_eq!(ask().await, Some(same));
    let moved = registry.push("a/b", "1", &Image::single("linux/amd64", [Layer::random(2, 100)]));
    assert_eq!(ask().await, Some(head(&moved)));
    let absent = source.head_manifest_unless(&tag("2"), Some(&known)).await.unwrap();
    assert_eq!(absent, None);
    assert_eq!(
        log(&registry),
        [
            "HEAD Manifest 200",
            "HEAD Manifest 304",
            "HEAD Manifest 200",
            "HEAD Manifest 404",
            "GET Manifest 404"
        ]
    );
    let conditions = registry.requests();
    let mut conditions = conditions.iter().map(|request| request.header("if-none-match"));
    assert_eq!(conditions.next(), Some(None));
    let condition = format!("\"{known}\"");
    assert!(conditions.by_ref().take(3).all(|told| told == Some(&*condition)));
    assert_eq!(conditions.next(), Some(None));
}

#[tokio::test]
async fn other_entity_tags_are_not_relied_on() {
    for tags in [None, Some("\"1234\""), Some("W/\"DIGEST\""), Some("DIGEST")] {
        let (registry, built) = served([]).await;
        let mut reply = Reply::status(200)
            .header("docker-content-digest", built.digest())
            .header("content-type", built.media_type())
            .body(built.bytes().clone());
        if let Some(tags) = tags {
            reply = reply.header("etag", tags.replace("DIGEST", built.digest()));
        }
        registry.fault(Fault::on(Kind::Manifest).head().always().answer(reply));
        let source = source(registry.host(), "a/b");
        for _ in 0..2 {
            let known = digest(&built);
            let told = source.head_manifest_unless(&tag("1"), Some(&known)).await.unwrap();
            assert_eq!(told, Some(head(&built)), "{tags:?}");
        }
        assert!(registry.requests().iter().all(|r| r.header("if-none-match").is_none()));
    }
}

#[tokio::test]
async fn what_is_absent() {
    let (registry, _) = served([]).await;
    let destination = destination(registry.host(), "a/b");
    registry.clear_log();
    assert_eq!(destination.head_manifest(&tag("2")).await.unwrap(), None);
    assert_eq!(log(&registry), ["HEAD Manifest 404"], "at a destination, absence is the rule");
    registry.clear_log();
    let source = source(registry.host(), "a/b");
    assert_eq!(source.head_manifest(&tag("2")).await.unwrap(), None);
    assert_eq!(
        log(&registry),
        ["HEAD Manifest 404", "GET Manifest 404"],
        "at a source, it may be HEAD that fails"
    );
    let error = source.get_manifest(&tag("2")).await.unwrap_err();
    assert_eq!(
        (error.code(), error.side(), error.http_status()),
        (Code::RefNotFound, Some(Side::Source), Some(404))
    );
    assert!(error.to_string().contains(&format!("source {}/a/b:2", registry.host())), "{error}");
    // denied is absent for those who will write there, and a refusal for those who read
    registry.set_quirks([Quirk::AbsentManifest(403)]);
    assert_eq!(destination.head_manifest(&tag("2")).await.unwrap(), None);
    assert_eq!(source.head_manifest(&tag("2")).await.unwrap_err().code(), Code::PullDenied);
}

#[tokio::test]
async fn where_head_does_not_work_get_is_used_and_remembered() {
    for quirk in [
        Quirk::ManifestHead(404),
        Quirk::ManifestHead(405),
        Quirk::ManifestHead(403),
        Quirk::NoDigestHeader(On::Head),
        Quirk::NoDigestHeader(On::Every),
    ] {
        let (registry, built) = served([quirk.clone()]).await;
        let source = source(registry.host(), "a/b");
        for _ in 0..3 {
            assert_eq!(
                source.head_manifest(&tag("1")).await.unwrap(),
                Some(head(&built)),
                "{quirk:?}"
            );
        }
        assert_eq!(registry.count_of("HEAD", Kind::Manifest), 1, "{quirk:?}");
        assert_eq!(registry.count_of("GET", Kind::Manifest), 3, "{quirk:?}");
    }
}

#[tokio::test]
async fn bytes_pass_unchanged_whatever_the_content_type() {
    for quirk in [None, Some("text/plain; charset=utf-8"), Some("application/json"), Some("")] {
        let registry = with(quirk.map(|text| Quirk::ManifestType(text.into()))).await;
        let image = Image::single("linux/amd64", [Layer::random(1, 100)]).pretty();
        let built = registry.push("a/b", "1", &image);
        let manifest = source(registry.host(), "a/b").get_manifest(&tag("1")).await.unwrap();
        assert_eq!(manifest.bytes(), built.bytes());
        assert_eq!(
            (manifest.digest(), manifest.media_type().as_str()),
            (&digest(&built), built.media_type())
        );
        assert_eq!(registry.requests().len(), 1);
    }
}

#[tokio::test]
async fn damage_is_fetched_again_by_digest_then_told() {
    let (registry, built) = served([]).await;
    let source = source(registry.host(), "a/b");
    registry.fault(Fault::on(Kind::Manifest).get().corrupt(5));
    assert_eq!(source.get_manifest(&tag("1")).await.unwrap().bytes(), built.bytes());
    let asked: Vec<_> = registry.requests().iter().map(|r| r.reference.clone().unwrap()).collect();
    assert_eq!(asked, ["1", built.digest()]);
    registry.assert_all_fired();
    for target in [tag("1"), by_digest(built.digest())] {
        registry.clear_log();
        let fault = registry.fault(Fault::on(Kind::Manifest).get().times(4).corrupt(5));
        let error = source.get_manifest(&target).await.unwrap_err();
        assert_eq!(
            (error.code(), error.side(), fault.fired()),
            (Code::DigestMismatch, Some(Side::Source), 4)
        );
        let text = error.to_string();
        assert!(text.contains(&format!("expected {}, got sha256:", built.digest())), "{text}");
        assert_eq!(registry.count_of("GET", Kind::Manifest), 4, "the first and `retries` more");
    }
}

#[tokio::test]
async fn a_header_that_is_always_wrong_does_not_hide_a_sound_manifest() {
    let (registry, built) = served([Quirk::WrongDigestHeader(On::Every)]).await;
    let manifest = source(registry.host(), "a/b").get_manifest(&tag("1")).await.unwrap();
    assert_eq!((manifest.bytes(), manifest.digest()), (built.bytes(), &digest(&built)));
    let asked: Vec<_> = registry.requests().iter().map(|r| r.reference.clone().unwrap()).collect();
    assert_eq!(asked.len(), 3, "by tag, by the header's digest (absent), by its own: {asked:?}");
    assert_eq!((&*asked[0], &*asked[2]), ("1", built.digest()));
}

#[tokio::test]
async fn breaks_and_busy_servers_pass() {
    let (registry, built) = served([]).await;
    registry.fault(Fault::on(Kind::Manifest).get().nth(1).status(503));
    registry.fault(Fault::on(Kind::Manifest).get().nth(2).cut_after(10));
    registry.fault(Fault::on(Kind::Manifest).get().nth(3).hang_up());
    let manifest = source(registry.host(), "a/b").get_manifest(&tag("1")).await.unwrap();
    assert_eq!(manifest.bytes(), built.bytes());
    registry.assert_all_fired();
}

#[tokio::test]
async fn what_is_no_manifest_or_too_large() {
    let (registry, _) = served([]).await;
    let source = source(registry.host(), "a/b");
    let large = format!(r#"{{"layers":[],"x":"{}"}}"#, "y".repeat(8 * 1024 * 1024));
    for (reply, code, says) in [
        (Reply::html(200, "Welcome"), Code::NotARegistry, "web page"),
        (Reply::text(200, "hello"), Code::ManifestInvalid, "it is no JSON object"),
        (
            Reply::status(200).body("{\"layers\":{}}"),
            Code::ManifestInvalid,
            "its 'layers' is wrong",
        ),
        (Reply::status(200).body(large), Code::ManifestInvalid, "larger than 8 MiB"),
    ] {
        registry.fault(Fault::on(Kind::Manifest).get().answer(reply));
        let error = source.get_manifest(&tag("1")).await.unwrap_err();
        assert_eq!((error.code(), error.side()), (code, Some(Side::Source)), "{error}");
        assert!(error.to_string().contains(says), "{error}");
        assert!(error.to_string().contains(&format!("{}/a/b:1", registry.host())), "{error}");
    }
    registry.assert_all_fired();
}

#[tokio::test]
async fn signed_schema1_goes_through() {
    let registry = with([Quirk::Schema1Accepted]).await;
    let built = registry.push("a/b", "1", &Image::schema1("a/b", "1", [Layer::random(1, 100)]));
    let manifest = source(registry.host(), "a/b").get_manifest(&tag("1")).await.unwrap();
    assert_eq!((manifest.bytes(), manifest.digest()), (built.bytes(), &digest(&built)));
    assert_eq!(manifest.media_type(), &MediaType::Schema1Signed);
    let (digest, media_type) = (manifest.digest(), manifest.media_type());
    destination(registry.host(), "a/b")
        .put_manifest(&tag("2"), media_type, manifest.bytes().clone(), digest)
        .await
        .unwrap();
    assert_eq!(registry.tag_digest("a/b", "2").as_deref(), Some(built.digest()));
    registry.set_quirks([]);
    let error = put(&destination(registry.host(), "a/b"), &tag("3"), &built).await.unwrap_err();
    assert_eq!(error.code(), Code::ManifestSchema1, "{error}");
    assert!(
        error.hints().any(|hint| hint.contains("schema 1") || hint.contains("current tool")),
        "{error}"
    );
}

async fn put(repository: &Repository, target: &Target, built: &Built) -> Result<bool> {
    let media_type = MediaType::parse(built.media_type());
    let put =
        repository.put_manifest(target, &media_type, built.bytes().clone(), &digest(built)).await?;
    Ok(put.subject_kept)
}

#[tokio::test]
async fn a_put_is_one_request_and_bytes_stay() {
    for quirk in [
        None,
        Some(Quirk::ManifestPutStatus(200)),
        Some(Quirk::ManifestPutStatus(202)),
        Some(Quirk::ManifestPutBare),
    ] {
        let (registry, built) = served(quirk.clone()).await;
        let repository = destination(registry.host(), "a/b");
        put(&repository, &tag("2"), &built).await.unwrap_or_else(|e| panic!("{quirk:?}: {e}"));
        assert_eq!(log(&registry).len(), 1, "{quirk:?}");
        assert_eq!(registry.requests()[0].header("content-type"), Some(built.media_type()));
        assert_eq!(registry.manifest("a/b", "2").unwrap().1, *built.bytes());
    }
}

#[tokio::test]
async fn the_registry_tells_whether_it_keeps_the_subject() {
    let (registry, subject) = served([]).await;
    let image = Image::artifact("application/vnd.sig", [Layer::random(3, 10)]).subject(&subject);
    let signature = registry.push("a/b", "", &image);
    let repository = destination(registry.host(), "a/b");
    let target = by_digest(signature.digest());
    assert!(put(&repository, &target, &signature).await.unwrap());
    registry.set_quirks([Quirk::NoSubjectHeader]);
    assert!(!put(&repository, &target, &signature).await.unwrap());
}

#[tokio::test]
async fn another_digest_than_was_put_is_told() {
    let (registry, built) = served([]).await;
    let repository = destination(registry.host(), "a/b");
    registry.fault(
        Fault::on(Kind::Manifest)
            .put()
            .header("docker-content-digest", Digest::sha256(b"x").as_str()),
    );
    let error = put(&repository, &tag("2"), &built).await.unwrap_err();
    assert_eq!((error.code(), error.side()), (Code::DigestMismatch, Some(Side::Destination)));
    let expected = format!("expected {}, got {}", built.digest(), Digest::sha256(b"x"));
    assert!(error.to_string().contains(&expected), "{error}");
    // a captive portal that is pleased with everything
    registry.fault(Fault::on(Kind::Manifest).put().answer(Reply::html(200, "Welcome")));
    assert_eq!(put(&repository, &tag("2"), &built).await.unwrap_err().code(), Code::NotARegistry);
    registry.assert_all_fired();
}

#[tokio::test]
async fn sha512_by_digest_and_by_tag() {
    let registry = with([]).await;
    let built =
        registry.push("a/b", "", &Image::single("linux/amd64", [Layer::random(1, 100)]).sha512());
    assert!(built.digest().starts_with("sha512:"));
    let repository = destination(registry.host(), "a/b");
    put(&repository, &by_digest(built.digest()), &built).await.unwrap();
    put(&repository, &tag("1"), &built).await.unwrap();
    assert_eq!(registry.manifest("a/b", "1").unwrap().1, *built.bytes());
}

#[tokio::test]
async fn what_a_registry_sees_late_is_waited_for() {
    let (registry, built) = served([]).await;
    let repository = destination(registry.host(), "a/b");
    let lag = Reply::error(400, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry");
    registry.fault(Fault::on(Kind::Manifest).put().times(2).answer(lag.clone()));
    put(&repository, &tag("2"), &built).await.unwrap();
    assert_eq!(registry.count_of("PUT", Kind::Manifest), 3);
    registry.assert_all_fired();
    registry.clear_log();
    registry.fault(Fault::on(Kind::Manifest).put().always().answer(lag));
    let error = put(&repository, &tag("2"), &built).await.unwrap_err();
    assert_eq!((error.code(), registry.count_of("PUT", Kind::Manifest)), (Code::BlobNotFound, 4));
}

#[tokio::test]
async fn a_blob_that_is_truly_absent() {
    let registry = with([]).await;
    let built = Image::single("linux/amd64", [Layer::random(1, 100)]).build();
    let client = client(ClientOptions { retries: 1, ..quick() });
    let repository = destination_of(&client, registry.host(), "a/b");
    let error = put(&repository, &tag("1"), &built).await.unwrap_err();
    assert_eq!((error.code(), error.side()), (Code::BlobNotFound, Some(Side::Destination)));
    assert_eq!(registry.count_of("PUT", Kind::Manifest), 2);
}

#[tokio::test]
async fn refusals() {
    for (quirk, code) in [
        (Quirk::ImmutableTags(400), Code::TagImmutable),
        (Quirk::ImmutableTags(409), Code::TagImmutable),
        (Quirk::ImmutableTags(412), Code::TagImmutable),
        (Quirk::ReadOnly, Code::RegistryReadOnly),
        (Quirk::EmptyConfigDenied, Code::ManifestRejected),
        (Quirk::KnownLayersOnly, Code::ManifestRejected),
        (Quirk::MediaTypeRequired, Code::ManifestRejected),
        (Quirk::ManifestLimit(10), Code::ManifestRejected),
        (Quirk::PathDepth(3, 9), Code::RepoName),
    ] {
        let (registry, _) = served([]).await;
        let image =
            Image::artifact("a/b", [Layer::random(5, 10).media_type("x/y")]).without_media_type();
        let other = registry.push("a/b", "", &image);
        registry.set_quirks([quirk.clone()]);
        let repository = destination(registry.host(), "a/b");
        let error = put(&repository, &tag("1"), &other).await.expect_err(&format!("{quirk:?}"));
        assert_eq!(
            (error.code(), error.side()),
            (code, Some(Side::Destination)),
            "{quirk:?}: {error}"
        );
        if code == Code::ManifestRejected {
            assert!(error.to_string().contains(other.media_type()), "{error}");
        }
        assert_eq!(registry.count_of("PUT", Kind::Manifest), 1, "{quirk:?}");
    }
    let docker = Image::single("linux/amd64", [Layer::random(5, 10)]).docker();
    let registry = with([Quirk::DockerTypesRefused]).await;
    let built = registry.push("a/b", "", &docker);
    let error = put(&destination(registry.host(), "a/b"), &tag("1"), &built).await.unwrap_err();
    assert_eq!(error.code(), Code::ManifestRejected, "{error}");
    let registry = with([Quirk::RepositoriesMustExist]).await;
    let error = put(&destination(registry.host(), "a/b"), &tag("1"), &built).await.unwrap_err();
    assert_eq!(error.code(), Code::RepoMustExist, "{error}");
}

#[tokio::test]
async fn an_immutable_tag_that_has_the_digest_already_is_fine() {
    let (registry, built) = served([]).await;
    let refused = Reply::error(400, "TAG_INVALID", "the tag is immutable");
    registry.fault(Fault::on(Kind::Manifest).put().answer(refused));
    put(&destination(registry.host(), "a/b"), &tag("1"), &built).await.unwrap();
    assert_eq!(log(&registry), ["PUT Manifest 400", "HEAD Manifest 200"]);
    registry.assert_all_fired();
}

#[tokio::test]
async fn puts_are_tried_again_when_it_may_pass() {
    let (registry, built) = served([]).await;
    registry.fault(Fault::on(Kind::Manifest).put().nth(1).status(502));
    registry.fault(Fault::on(Kind::Manifest).put().nth(2).reset());
    put(&destination(registry.host(), "a/b"), &tag("2"), &built).await.unwrap();
    assert_eq!(registry.manifest("a/b", "2").unwrap().1, *built.bytes());
    registry.assert_all_fired();
}

#[tokio::test]
async fn a_head_that_is_answered_400_is_no_verdict() {
    let registry = with([Quirk::ManifestHead(400)]).await;
    let built = registry.push("a/b", "1", &picture());
    for _ in 0..2 {
        let ours = destination(registry.host(), "a/b");
        let head = ours.head_manifest(&tag("1")).await.unwrap().unwrap();
        assert_eq!(head.digest.as_str(), built.digest());
    }
    // where GET is answered so too, PUT decides
    let registry = with([]).await;
    registry.fault(Fault::on(Kind::Manifest).head().status(400));
    registry.fault(Fault::on(Kind::Manifest).get().status(400));
    let ours = destination(registry.host(), "a/b");
    assert_eq!(ours.head_manifest(&tag("1")).await.unwrap(), None);
    registry.assert_all_fired();
}

#[tokio::test]
async fn a_bare_conflict_at_a_tag_is_looked_into() {
    let registry = with([]).await;
    let built = registry.push("a/b", "1", &picture());
    let other = registry.push("a/b", "other", &picture().label("of", "other"));
    let ours = destination(registry.host(), "a/b");
    let media_type = MediaType::parse(built.media_type());
    let put = async |target: &str| {
        let digest = built.digest().parse().unwrap();
        registry.fault(Fault::on(Kind::Manifest).put().answer(Reply::status(409)));
        ours.put_manifest(&tag(target), &media_type, built.bytes().clone(), &digest).await
    };
    put("1").await.unwrap();
    let error = put("other").await.unwrap_err();
    assert_eq!(error.code(), Code::TagImmutable, "{error}");
    assert_eq!(registry.tag_digest("a/b", "other").as_deref(), Some(other.digest()));
    // nothing stands there: it is some other conflict
    let error = put("new").await.unwrap_err();
    assert_eq!(error.code(), Code::RegistryRefused, "{error}");
    registry.assert_all_fired();
}

fn picture() -> Image {
    Image::single("linux/amd64", [Layer::random(1, 500)])
}
