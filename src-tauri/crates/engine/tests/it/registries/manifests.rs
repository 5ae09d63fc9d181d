//! C: manifests.

use engine::Outcome;
use registry::Code;
use testkit::{
    Auth, Fault, Image, Kind, Layer, On, Quirk, Registry, TokenAuth, auth::Users, digest::sha512,
};

use super::{Pair, USER, image, layer, statuses};
use crate::common::{assert_all, at, failure, only, sync};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// Nothing is done for an image that is there already, though the registry tells digests badly.
async fn skips(pair: &Pair) {
    pair.from.clear_log();
    pair.to.clear_log();
    let report = pair.rule().run().await;
    assert_all(&report, Outcome::Skipped);
    assert_eq!(pair.to.writes(), 0);
    assert_eq!(pair.from.count_of("GET", Kind::Blob), 0);
}

#[tokio::test]
async fn q40_one_accept_header_lists_every_type() {
    for (image, quirk) in [
        (image(), Quirk::AcceptHonoured),
        (Image::multi([image()]), Quirk::AcceptHonoured),
        (image().docker(), Quirk::ConvertsToSchema1),
        (Image::multi([image()]).docker(), Quirk::AcceptHonoured),
    ] {
        let pair = Pair::of(&image, Registry::builder().quirk(quirk), Registry::builder()).await;
        pair.copies().await;
        for request in pair.from.requests().iter().filter(|r| r.kind == Kind::Manifest) {
            let accepts: Vec<_> = request.headers.get_all("accept").iter().collect();
            assert_eq!(accepts.len(), 1);
            let types: Vec<_> = accepts[0].to_str().unwrap().split(", ").collect();
            assert_eq!(types[0], INDEX);
            let schema1 = types.iter().position(|t| t.contains("docker.distribution.manifest.v1"));
            let others = types.iter().rposition(|t| t.contains("oci") || t.contains(".v2+json"));
            assert!(schema1 > others, "schema 1 is taken where there is nothing else: {types:?}");
        }
    }
}

#[tokio::test]
async fn q41_digests_that_are_not_told_are_computed() {
    for quirk in [Quirk::NoDigestHeader(On::Head), Quirk::NoDigestHeader(On::Every)] {
        let builder = || Registry::builder().quirk(quirk.clone());
        let pair = Pair::of(&image(), builder(), builder()).await;
        pair.copies().await;
        skips(&pair).await;
        assert_eq!(pair.from.count_of("GET", Kind::Manifest), 1, "{quirk:?}");
    }
}

#[tokio::test]
async fn q42_where_head_does_not_work_get_is_used_and_remembered() {
    for status in [404, 405, 403] {
        let pair = Pair::from([Quirk::ManifestHead(status)]).await;
        for tag in ["2", "3"] {
            pair.from.push("a/b", tag, &image().label("tag", tag));
        }
        let rule = || sync(&at(&pair.from, "a/b"), &[&at(&pair.to, "x/b")]);
        assert_all(&rule().run().await, Outcome::Copied);
        pair.from.clear_log();
        let report = rule().policy(|p| p.images = Some(1)).run().await;
        assert_all(&report, Outcome::Skipped);
        assert_eq!(pair.from.count_of("HEAD", Kind::Manifest), 1, "{status}: tried once");
        assert_eq!(pair.from.count_of("GET", Kind::Manifest), 3, "{status}");
    }
    // at a destination 403 and 404 may mean that nothing is there; the PUT decides
    let pair = Pair::to([Quirk::ManifestHead(405)]).await;
    pair.copies().await;
    skips(&pair).await;
}

#[tokio::test]
async fn q43_a_destination_that_denies_what_is_absent() {
    for quirk in [Quirk::AbsentManifest(403), Quirk::AbsentBlob(403)] {
        let pair = Pair::to([quirk]).await;
        pair.copies().await;
        skips(&pair).await;
    }
    // some say 401, though the token is good
    let to = Registry::builder().auth(Auth::token(USER.0, USER.1));
    let to = to.quirk(Quirk::AbsentManifest(401));
    let pair = Pair::of(&image(), Registry::builder(), to).await;
    pair.copies().await;
    skips(&pair).await;
    // and where it means that we may not write, the upload says so
    let users = Users::new().user_with(USER.0, USER.1, &[("other/*", "pull,push")]);
    let to = Registry::builder().auth(Auth::Token(TokenAuth::new(users)));
    let pair = Pair::of(&image(), Registry::builder(), to).await;
    let report = pair.rule().run().await;
    assert_eq!(failure(&report).code, Code::PushDenied, "{:?}", failure(&report));
    assert_eq!(pair.to.count_of("PUT", Kind::Any), 0);
}

#[tokio::test]
async fn q44_what_may_be_missing_or_hidden_is_told_so() {
    let from =
        Registry::builder().auth(Auth::public()).quirk(Quirk::AbsentManifest(401)).start().await;
    let to = Registry::start().await;
    let report = sync(&at(&from, "no/such:1"), &[&at(&to, "x")]).run().await;
    let error = failure(&report);
    assert!(matches!(error.code, Code::AuthRequired | Code::PullDenied), "{error:?}");
    assert!(error.message.contains("no/such") && error.message.contains("source"), "{error:?}");
    assert!(error.hint.contains("exist"), "it may not be there at all: {error:?}");
    assert!(from.requests().len() <= 4, "no loop: {:?}", crate::common::asked(&from));
}

#[tokio::test]
async fn q45_content_types_that_say_nothing_or_too_much() {
    for image in [image(), Image::multi([image()]), image().docker()] {
        for told in
            ["", "text/plain; charset=utf-8", "application/json", "application/octet-stream"]
        {
            let quirk = Quirk::ManifestType(told.into());
            let pair =
                Pair::of(&image, Registry::builder().quirk(quirk), Registry::builder()).await;
            pair.copies().await;
            let (media_type, _) = pair.to.manifest("x/b", "1").unwrap();
            assert_eq!(media_type, pair.built.media_type(), "{told:?}");
        }
    }
    let parameters = format!("{}; charset=utf-8", image().build().media_type());
    let pair = Pair::from([Quirk::ManifestType(parameters)]).await;
    pair.copies().await;
    assert_eq!(pair.to.manifest("x/b", "1").unwrap().0, pair.built.media_type());
}

#[tokio::test]
async fn q46_digests_that_are_told_wrong() {
    for on in [On::Head, On::Every] {
        let pair = Pair::from([Quirk::WrongDigestHeader(on)]).await;
        let report = pair.copies().await;
        let image = only(&report);
        assert_eq!(image.digest.as_ref().map(registry::Digest::as_str), Some(pair.built.digest()));
    }
    // a destination that tells another digest than it was given stores something else, or lies: either is an error
    let pair = Pair::to([]).await;
    let wrong = testkit::digest::sha256("something else");
    let fault = Fault::on(Kind::Manifest).put().always().header("docker-content-digest", &wrong);
    let fault = pair.to.fault(fault);
    let report = pair.rule().retries(0).run().await;
    assert!(fault.fired() > 0);
    let error = failure(&report);
    assert_eq!(error.code, Code::DigestMismatch, "{error:?}");
    assert!(error.message.contains("destination") && error.message.contains(&wrong), "{error:?}");
}

#[tokio::test]
async fn q49_every_answer_of_success_to_a_manifest() {
    for quirk in [
        Quirk::ManifestPutStatus(200),
        Quirk::ManifestPutStatus(202),
        Quirk::ManifestPutStatus(204),
        Quirk::ManifestPutBare,
    ] {
        let pair = Pair::to([quirk.clone()]).await;
        pair.copies().await;
        assert_eq!(pair.to.count_of("PUT", Kind::Manifest), 1, "{quirk:?}");
    }
}

#[tokio::test]
async fn q50_q51_q56_a_manifest_that_is_refused_is_one_images_failure_in_the_registrys_words() {
    let odd = "application/vnd.docker.image.rootfs.diff.tar";
    for (quirk, bad, words) in [
        (Quirk::MediaTypeRequired, image().without_media_type(), ""),
        (
            Quirk::KnownLayersOnly,
            Image::single("linux/amd64", [Layer::random(1, 10).media_type(odd)]),
            odd,
        ),
        (Quirk::ManifestLimit(2000), image().annotation("x", &"x".repeat(3000)), ""),
    ] {
        let to = Registry::builder().quirk(quirk.clone());
        let pair = Pair::of(&bad, Registry::builder(), to).await;
        let good = pair.from.push("a/good", "1", &image());
        let rule = pair.rule().and(&at(&pair.from, "a/good:1"), &[&at(&pair.to, "x/good")]);
        let report = rule.run().await;
        let error = report.images[0].error.as_ref().unwrap();
        assert_eq!(error.code, Code::ManifestRejected, "{quirk:?}: {error:?}");
        assert!(error.message.contains(pair.to.host()), "{quirk:?}: {error:?}");
        assert!(error.message.contains(words) && !error.hint.is_empty(), "{quirk:?}: {error:?}");
        let puts = pair
            .to
            .count(|r| r.is("PUT", Kind::Manifest) && r.repository.as_deref() == Some("x/b"));
        assert_eq!(puts, 1, "{quirk:?}: no second try");
        pair.assert_nothing_tagged();
        assert!(pair.to.has("x/good", "1", &good), "{quirk:?}: the rest goes on");
    }
}

#[tokio::test]
async fn q52_attestations_that_are_denied_are_told_and_not_left_out_unasked() {
    let attested = Image::multi([image()]).attested_by_artifacts();
    let to = Registry::builder().quirk(Quirk::EmptyConfigDenied);
    let pair = Pair::of(&attested, Registry::builder(), to).await;
    let report = pair.rule().run().await;
    let error = failure(&report);
    assert_eq!(error.code, Code::ManifestRejected, "{error:?}");
    assert!(error.message.contains("unknown manifest class"), "{error:?}");
    assert!(!error.hint.is_empty(), "{error:?}");
    pair.assert_nothing_tagged();
}

#[tokio::test]
async fn q53_children_come_first_and_a_subset_is_an_index_of_its_own() {
    let platforms = ["linux/amd64", "linux/arm64"];
    let index = Image::multi(
        platforms.iter().zip(1..).map(|(p, n)| Image::single(p, [Layer::random(n, 900)])),
    );
    // the destination refuses an index whose manifests are absent
    let pair = Pair::of(&index, Registry::builder(), Registry::builder()).await;
    pair.copies().await;
    assert_eq!(statuses(&pair.to, "PUT", Kind::Manifest), [201; 3], "none was refused");
    let report = sync(&at(&pair.from, "a/b:1"), &[&at(&pair.to, "x/arm")])
        .platforms(&[], &["arm64"])
        .run()
        .await;
    assert_all(&report, Outcome::Copied);
    let (_, bytes) = pair.to.manifest("x/arm", "1").unwrap();
    let index: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(index["manifests"].as_array().unwrap().len(), 1);
    assert_ne!(only(&report).digest, only(&report).source_digest);
}

#[tokio::test]
async fn q56_a_manifest_beyond_all_limits_is_not_read() {
    let pair = Pair::from([]).await;
    let large = format!("{{\"schemaVersion\":2,\"x\":\"{}\"}}", "x".repeat(9 << 20));
    pair.from.put_manifest("a/b", "1", image().build().media_type(), large);
    let report = pair.rule().run().await;
    let error = failure(&report);
    assert_eq!(error.code, Code::ManifestInvalid, "{error:?}");
    assert!(error.message.contains("larger than 8 MiB"), "{error:?}");
    assert_eq!(pair.to.writes(), 0);
}

#[tokio::test]
async fn q59_whatever_a_manifest_may_be() {
    let inline = Layer::bytes("inline").inline();
    for image in [
        Image::multi([Image::multi([image()]).without_platform()]),
        Image::multi([image(), Image::artifact("application/x-thing", [])]),
        Image::multi([image(), Image::blob(Layer::random(7, 500))]),
        Image::single("linux/amd64", []),
        Image::single("linux/amd64", [Layer::empty()]),
        Image::single("linux/amd64", [inline, layer()]),
        image().config("application/vnd.unheard.of+json", "{\"a\":1}"),
        image().field("x-custom", serde_json::json!([1, null])),
    ] {
        let pair = Pair::of(&image, Registry::builder(), Registry::builder()).await;
        pair.copies().await;
    }
}

#[tokio::test]
async fn q60_sha512_arrives_or_is_refused_in_words() {
    let image = image().sha512();
    let pair = Pair::of(&image, Registry::builder(), Registry::builder()).await;
    let digest = sha512(pair.built.bytes());
    let report =
        sync(&at(&pair.from, &format!("a/b@{digest}")), &[&at(&pair.to, "x/b")]).run().await;
    assert_all(&report, Outcome::Copied);
    assert_eq!(pair.to.manifest("x/b", &digest).unwrap().1, pair.built.bytes());
    let put = pair.to.requests().into_iter().find(|r| r.is("PUT", Kind::Manifest)).unwrap();
    assert_eq!(put.reference.as_deref(), Some(digest.as_str()), "put by the digest it has");

    let to = Registry::builder().quirk(Quirk::Sha256Only);
    let pair = Pair::of(&image, Registry::builder(), to).await;
    let report =
        sync(&at(&pair.from, &format!("a/b@{digest}")), &[&at(&pair.to, "x/b")]).run().await;
    let error = failure(&report);
    assert!(error.message.contains("destination") && !error.hint.is_empty(), "{error:?}");
}
