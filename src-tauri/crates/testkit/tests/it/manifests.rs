//! Manifests and referrers by the spec.

use serde_json::json;
use testkit::{
    Image, Layer, Registry,
    digest::{sha256, sha512},
};

use crate::client::Client;

const OCI: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

fn image(seed: u64) -> Image {
    Image::single("linux/amd64", [Layer::random(seed, 100)])
}

#[tokio::test]
async fn what_a_manifest_names_must_be_there() {
    let registry = Registry::start().await;
    let client = Client::of(&registry);
    let index = Image::multi([image(1), image(2)]).build();
    let child = &index.children()[0];

    let refused = client.put_manifest("/v2/a/manifests/1", INDEX, index.bytes().clone()).await;
    assert_eq!(refused.expect(400).code(), "MANIFEST_BLOB_UNKNOWN");
    assert_eq!(refused.json()["errors"].as_array().unwrap().len(), 2);
    let path = format!("/v2/a/manifests/{}", child.digest());
    let refused = client.put_manifest(&path, OCI, child.bytes().clone()).await;
    assert_eq!(refused.expect(400).json()["errors"][1]["detail"], child.blobs()[1].0);
    for (_, content) in index.blobs() {
        client.upload("a", content.bytes().unwrap()).await;
    }
    for child in index.children() {
        let path = format!("/v2/a/manifests/{}", child.digest());
        client.put_manifest(&path, OCI, child.bytes().clone()).await.expect(201);
    }
    let put = client.put_manifest("/v2/a/manifests/1", INDEX, index.bytes().clone()).await;
    assert_eq!(put.expect(201).header("docker-content-digest"), Some(index.digest()));
    assert!(registry.has("a", "1", &index));

    let get = client.get("/v2/a/manifests/1").await;
    assert_eq!(
        (get.expect(200).body.clone(), get.header("content-type")),
        (index.bytes().clone(), Some(INDEX))
    );
    let head = client.head("/v2/a/manifests/1").await;
    assert_eq!(head.expect(200).header("docker-content-digest"), Some(index.digest()));
    assert_eq!(head.header("content-length"), Some(index.bytes().len().to_string().as_str()));
    client.get_with("/v2/a/manifests/1", "accept", OCI).await.expect(404);
    client
        .get_with("/v2/a/manifests/1", "accept", &format!("{OCI}, {INDEX};q=0.5"))
        .await
        .expect(200);
}

#[tokio::test]
async fn digests_of_manifests() {
    let registry = Registry::start().await;
    let client = Client::of(&registry);
    let built = image(1).build();
    for (_, content) in built.blobs() {
        client.upload("a", content.bytes().unwrap()).await;
    }
    let put = async |reference: &str| {
        client
            .put_manifest(&format!("/v2/a/manifests/{reference}"), OCI, built.bytes().clone())
            .await
    };
    assert_eq!(put(&sha256("x")).await.expect(400).code(), "DIGEST_INVALID");
    put(built.digest()).await.expect(201);
    assert!(registry.tags("a").is_empty());
    let long = sha512(built.bytes());
    assert_eq!(put(&long).await.expect(201).header("docker-content-digest"), Some(long.as_str()));
    assert_eq!(
        client.get(&format!("/v2/a/manifests/{long}")).await.expect(200).body,
        built.bytes()
    );

    put("x").await.expect(201);
    client
        .put_manifest("/v2/a/manifests/y", "application/json", built.bytes().clone())
        .await
        .expect(400);
    client.put_manifest("/v2/a/manifests/y", "text/plain", "no JSON").await.expect(400);
    client.delete("/v2/a/manifests/x").await.expect(202);
    client.get("/v2/a/manifests/x").await.expect(404);
    let by_digest = format!("/v2/a/manifests/{}", built.digest());
    client.get(&by_digest).await.expect(200);
    put("x").await.expect(201);
    put("y").await.expect(201);
    client.delete(&by_digest).await.expect(202);
    assert!(registry.tags("a").is_empty(), "a digest goes with its tags");
    assert_eq!(client.delete(&by_digest).await.expect(404).code(), "MANIFEST_UNKNOWN");
}

#[tokio::test]
async fn referrers() {
    let registry = Registry::start().await;
    let client = Client::of(&registry);
    let subject = registry.push("a", "1", &image(1));
    let signature = Image::artifact("application/vnd.sig", [Layer::bytes("sig")]).subject(&subject);
    let signature = signature.annotation("k", "v").build();
    for (_, content) in signature.blobs() {
        client.upload("a", content.bytes().unwrap()).await;
    }
    let path = format!("/v2/a/manifests/{}", signature.digest());
    let put = client.put_manifest(&path, OCI, signature.bytes().clone()).await;
    assert_eq!(put.expect(201).header("oci-subject"), Some(subject.digest()));
    let sbom =
        registry.push("a", "", &Image::artifact("application/vnd.sbom", []).subject(&subject));

    let path = format!("/v2/a/referrers/{}", subject.digest());
    let list = client.get(&path).await;
    assert_eq!(list.expect(200).header("content-type"), Some(INDEX));
    let mut digests: Vec<_> = list.json()["manifests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| m["digest"].as_str().unwrap().to_owned())
        .collect();
    digests.sort();
    let mut expected = [signature.digest().to_owned(), sbom.digest().to_owned()];
    expected.sort();
    assert_eq!(digests, expected);

    let filtered = client.get(&format!("{path}?artifactType=application/vnd.sig")).await;
    assert_eq!(filtered.expect(200).header("oci-filters-applied"), Some("artifactType"));
    let descriptor = json!({
        "mediaType": OCI, "digest": signature.digest(), "size": signature.bytes().len(),
        "artifactType": "application/vnd.sig", "annotations": { "k": "v" },
    });
    assert_eq!(filtered.json()["manifests"], json!([descriptor]));
    let nobody = client.get(&format!("/v2/a/referrers/{}", sha256("x"))).await;
    assert_eq!(nobody.expect(200).json()["manifests"], json!([]));
}
