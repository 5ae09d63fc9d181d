//! Everything that a registry may hold.

use engine::Outcome;
use registry::Code;
use testkit::{Fault, Image, Kind, Layer, Quirk, Reply};

use crate::common::{assert_all, at, failure, only, sync, two};

/// Copies an image and checks that it is there to the last byte.
async fn copies(image: Image) {
    let (from, to) = two().await;
    let built = from.push("a/b", "1", &image);
    let report = sync(&at(&from, "a/b:1"), &[&at(&to, "x/b")]).run().await;
    assert_all(&report, Outcome::Copied);
    assert!(to.has("x/b", "1", &built), "{image:?}");
    let (media_type, bytes) = to.manifest("x/b", "1").unwrap();
    assert_eq!((media_type.as_str(), &bytes), (built.media_type(), built.bytes()));
}

fn single(seed: u64) -> Image {
    Image::single("linux/amd64", [Layer::random(seed, 2000)])
}

#[tokio::test]
async fn docker_types_odd_white_space_and_unknown_fields_stay_as_they_are() {
    copies(single(1).docker()).await;
    copies(Image::multi([single(1), single(2)]).docker()).await;
    copies(single(1).pretty()).await;
    copies(Image::multi([single(1), single(2)]).pretty()).await;
    copies(single(1).without_media_type()).await;
    copies(single(1).field("x-future", serde_json::json!({"a": [1, 2]}))).await;
}

#[tokio::test]
async fn nested_indexes_entries_without_platform_and_attestations() {
    copies(Image::multi([Image::multi([single(1), single(2)]).without_platform(), single(3)]))
        .await;
    copies(Image::multi([single(1).without_platform()])).await;
    copies(Image::multi([single(1), single(2)]).attested()).await;
    copies(Image::multi([single(1), single(2)]).attested_by_artifacts()).await;
}

#[tokio::test]
async fn artifacts_and_blobs_as_index_entries() {
    copies(Image::artifact("application/x-thing", [Layer::bytes("hello")])).await;
    copies(Image::multi([single(1), Image::artifact("application/x-thing", [])])).await;
    copies(Image::multi([single(1), Image::blob(Layer::random(7, 500))])).await;
}

#[tokio::test]
async fn an_index_entry_of_unknown_type_may_be_a_blob() {
    let blob = Image::blob(Layer::random(7, 500).media_type("application/x-unheard-of"));
    copies(Image::multi([single(1), blob])).await;
}

#[tokio::test]
async fn empty_repeated_and_sha512_blobs() {
    copies(Image::single("linux/amd64", [Layer::empty(), Layer::random(1, 10)])).await;
    copies(Image::single("linux/amd64", [Layer::random(1, 10), Layer::random(1, 10)])).await;
    copies(Image::single("linux/amd64", [Layer::random(1, 3000).sha512()])).await;
    copies(Image::multi([single(1).sha512(), single(2)])).await;
}

#[tokio::test]
async fn an_empty_or_repeated_layer_is_read_no_more_than_once() {
    let (from, to) = two().await;
    let layers = [Layer::empty(), Layer::random(1, 900), Layer::random(1, 900)];
    from.push("a/b", "1", &Image::single("linux/amd64", layers));
    assert_all(&sync(&at(&from, "a/b:1"), &[&at(&to, "x/b")]).run().await, Outcome::Copied);
    // the layer and the config; nothing can be learnt from reading nothing
    assert_eq!(from.count_of("GET", Kind::Blob), 2);
}

#[tokio::test]
async fn foreign_layers_stay_where_they_are() {
    let (from, to) = two().await;
    let foreign = Layer::foreign("https://example.com/layer", 3, 5000);
    let digest = foreign.digest().to_owned();
    from.push("a/b", "1", &Image::single("windows/amd64", [foreign, Layer::random(1, 100)]));
    assert_all(&sync(&at(&from, "a/b:1"), &[&at(&to, "x/b")]).run().await, Outcome::Copied);
    assert!(to.tag_digest("x/b", "1").is_some());
    assert!(to.blob("x/b", &digest).is_none());
}

#[tokio::test]
async fn schema_1_is_copied_as_it_is_or_refused_with_its_own_code() {
    let (from, to) = two().await;
    let built = from.push(
        "a/b",
        "1",
        &Image::schema1("a/b", "1", [Layer::random(1, 100), Layer::random(2, 100)]),
    );
    let rule = || sync(&at(&from, "a/b:1"), &[&at(&to, "x/b")]);
    let report = rule().run().await;
    assert_eq!(failure(&report).code, Code::ManifestSchema1, "{:?}", failure(&report));
    to.add_quirk(Quirk::Schema1Accepted);
    assert_all(&rule().run().await, Outcome::Copied);
    assert!(to.has("x/b", "1", &built));
}

#[tokio::test]
async fn by_digest_without_a_tag() {
    let (from, to) = two().await;
    let built = from.push("a/b", "", &single(1));
    let rule = || sync(&at(&from, &format!("a/b@{}", built.digest())), &[&at(&to, "x/b")]);
    let report = rule().run().await;
    assert_eq!(only(&report).status, Outcome::Copied);
    assert!(to.has("x/b", "", &built));
    assert_eq!(to.tags("x/b"), [""; 0]);
    assert_all(&rule().run().await, Outcome::Skipped);
}

#[tokio::test]
async fn a_blob_that_the_source_has_not_fails_the_image_and_nothing_is_tagged() {
    let (from, to) = two().await;
    let built = from.push("a/b", "1", &single(1));
    let layer = Layer::random(1, 2000);
    from.store().delete_blob("a/b", layer.digest());
    let report = sync(&at(&from, "a/b:1"), &[&at(&to, "x/b")]).run().await;
    let failure = failure(&report);
    assert_eq!(failure.code, Code::BlobNotFound, "{failure:?}");
    assert!(failure.message.contains("source"), "{}", failure.message);
    assert!(!to.has("x/b", "1", &built));
    assert_eq!(to.tags("x/b"), [""; 0]);
}

#[tokio::test]
async fn an_index_that_names_what_is_not_there_fails() {
    let (from, to) = two().await;
    let built = from.push("a/b", "1", &Image::multi([single(1), single(2)]));
    from.store().delete_manifest("a/b", built.children()[1].digest());
    let report = sync(&at(&from, "a/b:1"), &[&at(&to, "x/b")]).run().await;
    assert_eq!(failure(&report).code, Code::RefNotFound, "{:?}", failure(&report));
    assert_eq!(to.tags("x/b"), [""; 0]);
}

#[tokio::test]
async fn indexes_that_name_each_other_end_in_an_error() {
    let (from, to) = two().await;
    let index = |digest: &str| {
        let kind = "application/vnd.oci.image.index.v1+json";
        let entry = serde_json::json!({ "mediaType": kind, "digest": digest, "size": 100 });
        let index =
            serde_json::json!({ "schemaVersion": 2, "mediaType": kind, "manifests": [entry] });
        (kind, serde_json::to_vec(&index).unwrap())
    };
    // no digest can be of a text that names it, so the second is a lie
    let lie = format!("sha256:{}", "0".repeat(64));
    let (kind, bytes) = index(&lie);
    let root = from.put_manifest("a/b", "1", kind, bytes);
    let (kind, bytes) = index(&root);
    let reply = Reply::status(200).header("content-type", kind).body(bytes);
    let fault = from.fault(Fault::on(Kind::Manifest).get().reference(&lie).always().answer(reply));
    let report = sync(&at(&from, "a/b:1"), &[&at(&to, "x/b")]).retries(0).run().await;
    assert_eq!(failure(&report).code, Code::DigestMismatch, "{:?}", failure(&report));
    assert!(fault.fired() > 0);
    assert_eq!(to.writes(), 0);
}

#[tokio::test]
async fn indexes_may_be_nested_so_deep_and_no_deeper() {
    let nested =
        |depth| (0..depth).fold(single(1), |image, _| Image::multi([image]).without_platform());
    copies(nested(8)).await;
    let (from, to) = two().await;
    from.push("a/b", "1", &nested(10));
    let report = sync(&at(&from, "a/b:1"), &[&at(&to, "x/b")]).run().await;
    assert_eq!(failure(&report).code, Code::ManifestInvalid, "{:?}", failure(&report));
    assert_eq!(to.writes(), 0);
}

#[tokio::test]
async fn an_index_of_thousands_is_refused_before_it_is_read() {
    let (from, to) = two().await;
    let entry = |n: u32| {
        let digest = registry::Digest::sha256(&n.to_be_bytes());
        format!(
            r#"{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{digest}","size":9}}"#
        )
    };
    let entries: Vec<String> = (0..2500).map(entry).collect();
    let media_type = "application/vnd.oci.image.index.v1+json";
    let index = format!(
        r#"{{"schemaVersion":2,"mediaType":"{media_type}","manifests":[{}]}}"#,
        entries.join(",")
    );
    from.put_manifest("a", "1", media_type, index);
    let report = sync(&at(&from, "a:1"), &[&at(&to, "x")]).run().await;
    let failure = crate::common::failure(&report);
    assert_eq!(failure.code, registry::Code::ManifestInvalid);
    assert!(failure.message.contains("more than 2000 manifests"), "{}", failure.message);
    assert_eq!(from.count_of("GET", Kind::Manifest), 1, "none of them was asked for");
    assert_eq!(to.writes(), 0);
}
