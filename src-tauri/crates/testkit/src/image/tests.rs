use super::*;
use crate::digest::{is_digest, sha256};

fn value(built: &Built) -> Value {
    serde_json::from_slice(built.bytes()).unwrap()
}

#[test]
fn the_same_image_has_the_same_bytes() {
    let image = || {
        Image::multi([Image::single("linux/arm/v7", [Layer::random(1, 100)])]).attested().build()
    };
    assert_eq!(image().bytes(), image().bytes());
    assert_eq!(image().digest(), sha256(image().bytes()));
}

#[test]
fn an_index_names_its_entries() {
    let index = Image::multi([
        Image::single("linux/arm/v7", [Layer::random(1, 100)]),
        Image::single("windows/amd64:10.0.17763.1", [Layer::random(2, 100)]),
        Image::single("linux/amd64", [Layer::random(3, 100)]).without_platform(),
        Image::multi([Image::artifact("application/x", [])]),
        Image::blob(Layer::bytes("text").media_type("text/plain")),
    ])
    .build();
    let entries = &value(&index)["manifests"];
    assert_eq!(
        entries[0]["platform"],
        json!({ "architecture": "arm", "os": "linux", "variant": "v7" })
    );
    assert_eq!(entries[1]["platform"]["os.version"], "10.0.17763.1");
    assert_eq!(entries[2].get("platform"), None);
    assert_eq!(entries[3]["mediaType"], manifest::OCI_INDEX);
    assert_eq!(
        entries[4],
        json!({ "mediaType": "text/plain", "digest": sha256("text"), "size": 4 })
    );
    for (entry, child) in entries.as_array().unwrap().iter().zip(index.children()) {
        assert_eq!(entry["digest"], child.digest());
    }
    assert_eq!(index.manifests().len(), 6);
}

#[test]
fn attestations_follow_their_images() {
    for (index, config) in [
        (
            Image::multi([Image::single("linux/amd64", [Layer::random(1, 10)])]).attested(),
            manifest::OCI_CONFIG,
        ),
        (
            Image::multi([Image::single("linux/amd64", [Layer::random(1, 10)])])
                .attested_by_artifacts(),
            manifest::OCI_EMPTY,
        ),
    ] {
        let built = index.build();
        let entry = &value(&built)["manifests"][1];
        assert_eq!(entry["platform"], json!({ "architecture": "unknown", "os": "unknown" }));
        assert_eq!(
            entry["annotations"]["vnd.docker.reference.digest"],
            built.children()[0].digest()
        );
        assert_eq!(entry["annotations"]["vnd.docker.reference.type"], "attestation-manifest");
        assert_eq!(value(&built.children()[1])["config"]["mediaType"], config);
    }
}

#[test]
fn docker_and_odd_forms() {
    let docker =
        Image::multi([Image::single("linux/amd64", [Layer::random(1, 10)])]).docker().build();
    assert_eq!(docker.media_type(), manifest::DOCKER_LIST);
    assert_eq!(value(&docker.children()[0])["layers"][0]["mediaType"], manifest::DOCKER_LAYER);

    let odd = Image::single(
        "linux/amd64",
        [Layer::foreign("https://example.com/layer", 1, 10), Layer::empty()],
    )
    .annotation("a<b", "c")
    .field("x-unknown", json!([1, null]))
    .without_media_type()
    .pretty()
    .build();
    let text = String::from_utf8(odd.bytes().to_vec()).unwrap();
    assert!(
        text.ends_with("}\n") && text.contains("a\\u003cb") && text.contains("\n   "),
        "{text}"
    );
    let value = value(&odd);
    assert_eq!(value.get("mediaType"), None);
    assert_eq!(value["x-unknown"], json!([1, null]));
    assert_eq!(value["layers"][0]["urls"], json!(["https://example.com/layer"]));
    assert_eq!(value["layers"][1]["size"], 0);
    assert_eq!(odd.blobs().len(), 2, "the foreign layer is not ours to serve");
}

#[test]
fn sha512_and_inline_data() {
    let layer = Layer::bytes("data").sha512().inline();
    let index = Image::multi([Image::single("linux/amd64", [layer]).sha512()]).build();
    let child = &index.children()[0];
    assert!(child.digest().starts_with("sha512:") && is_digest(child.digest()));
    assert_eq!(value(child)["layers"][0]["digest"], crate::digest::sha512("data"));
    assert_eq!(value(child)["layers"][0]["data"], "ZGF0YQ==");
    assert!(index.digest().starts_with("sha256:"));
}

#[test]
fn schema1_hashes_its_payload() {
    let build =
        || Image::schema1("library/old", "1", [Layer::random(1, 10), Layer::random(2, 10)]).build();
    let (one, two) = (build(), build());
    assert_ne!(one.bytes(), two.bytes(), "signed anew");
    assert_eq!(one.digest(), two.digest());
    let payload = schema1::payload(one.bytes()).unwrap();
    assert_eq!(sha256(&payload), one.digest());
    assert_eq!(serde_json::from_slice::<Value>(&payload).unwrap().get("signatures"), None);
    assert_eq!(value(&one)["fsLayers"][0]["blobSum"], Layer::random(2, 10).digest());
}

#[test]
fn files_make_an_archive_in_gzip() {
    let layer = Layer::files([("bin/hello", Bytes::from_static(b"hi"))]);
    let bytes = layer.content().bytes().unwrap();
    assert_eq!(&bytes[..3], &[0x1f, 0x8b, 8]);
    assert_ne!(layer.diff_id(), layer.digest());
}
