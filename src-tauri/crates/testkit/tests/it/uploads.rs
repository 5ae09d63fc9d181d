//! Uploads and mounts by the spec.

use testkit::{
    Kind, Quirk, Registry, SinglePost,
    digest::{sha256, sha512},
};

use crate::client::{Client, with_digest};

#[tokio::test]
async fn post_and_put() {
    let registry = Registry::start().await;
    let client = Client::of(&registry);
    let post = client.post("/v2/a/blobs/uploads/").await;
    assert_eq!(post.expect(202).header("range"), Some("0-0"));
    assert!(post.location().starts_with(&format!("{}/v2/a/blobs/uploads/", registry.url())));
    assert_eq!(registry.store().open_uploads(), 1);
    let digest = sha256("hello");
    let put = client.send("PUT", &with_digest(&post.location(), &digest), &[], "hello").await;
    assert_eq!(put.expect(201).location(), format!("{}/v2/a/blobs/{digest}", registry.url()));
    assert_eq!(put.header("docker-content-digest"), Some(digest.as_str()));
    assert_eq!(registry.store().open_uploads(), 0);
    assert_eq!(registry.blob("a", &digest).unwrap().bytes().unwrap(), "hello");
}

#[tokio::test]
async fn chunks_with_their_ranges() {
    let registry = Registry::start().await;
    let client = Client::of(&registry);
    let first = client.open("a").await;
    let patch = client.send("PATCH", &first, &[("content-range", "0-2")], "abc").await;
    assert_eq!(patch.expect(202).header("range"), Some("0-2"));
    let second = patch.location();
    assert_ne!(first, second, "the state moves on");

    let status = client.get(&first).await;
    assert_eq!(
        status.expect(204).header("range"),
        Some("0-2"),
        "the status may be asked at an old address"
    );
    assert_eq!(status.location(), second);

    let wrong = client.send("PATCH", &second, &[("content-range", "0-2")], "def").await;
    assert_eq!(
        (wrong.expect(416).code(), wrong.header("range")),
        ("RANGE_INVALID".to_owned(), Some("0-2"))
    );
    assert_eq!(wrong.location(), second);
    client.send("PATCH", &first, &[("content-range", "3-5")], "def").await.expect(416);
    client.send("PATCH", &first, &[], "def").await.expect(416);
    client.send("PATCH", &second, &[("content-range", "bytes 3-5/6")], "def").await.expect(400);
    assert_eq!(
        client.send("PATCH", &second, &[("content-range", "3-9")], "def").await.expect(400).code(),
        "SIZE_INVALID"
    );

    let third = client.send("PATCH", &second, &[], "de").await.expect(202).location();
    let digest = sha256("abcdef");
    let put =
        client.send("PUT", &with_digest(&third, &digest), &[("content-range", "5-5")], "f").await;
    put.expect(201);
    assert_eq!(registry.blob("a", &digest).unwrap().bytes().unwrap(), "abcdef");
}

#[tokio::test]
async fn what_is_refused() {
    let registry = Registry::start().await;
    let client = Client::of(&registry);
    let location = client.open("a").await;
    assert_eq!(
        client.send("PUT", &location, &[], "abc").await.expect(400).code(),
        "DIGEST_INVALID"
    );
    let wrong = client.send("PUT", &with_digest(&location, &sha256("x")), &[], "abc").await;
    assert_eq!(wrong.expect(400).code(), "DIGEST_INVALID");
    let location = client.open("a").await;
    let state = location.split("_state=").nth(1).unwrap();
    let forged = location.replace(state, &state.replace("JP", "JQ").replace("IT", "IU"));
    let forged = if forged == location { format!("{location}x") } else { forged };
    assert_eq!(
        client.send("PATCH", &forged, &[], "abc").await.expect(404).code(),
        "BLOB_UPLOAD_INVALID"
    );
    client.send("PATCH", &location.replace("/a/", "/b/"), &[], "abc").await.expect(404);
    client.delete(&location).await.expect(204);
    assert_eq!(client.get(&location).await.expect(404).code(), "BLOB_UPLOAD_UNKNOWN");
    assert!(registry.store().blobs("a").is_empty());
}

#[tokio::test]
async fn one_post_and_other_digests() {
    let quirk = Quirk::SinglePost(SinglePost::Taken);
    let registry = Registry::builder().quirk(quirk).start().await;
    let client = Client::of(&registry);
    let digest = sha256("tiny");
    client
        .send("POST", &format!("/v2/a/blobs/uploads/?digest={digest}"), &[], "tiny")
        .await
        .expect(201);
    assert!(registry.blob("a", &digest).is_some());
    let wrong = client
        .send("POST", &format!("/v2/a/blobs/uploads/?digest={}", sha256("x")), &[], "tiny")
        .await;
    assert_eq!(wrong.expect(400).code(), "DIGEST_INVALID");
    assert_eq!(registry.store().open_uploads(), 0);

    let empty = sha256("");
    let location = client.open("a").await;
    client
        .send("PUT", &with_digest(&location, &empty), &[("content-length", "0")], "")
        .await
        .expect(201);
    assert!(registry.blob("a", &empty).unwrap().is_empty());

    let long = sha512("long");
    let location = client.open("a").await;
    client.send("PUT", &with_digest(&location, &long), &[], "long").await.expect(201);
    assert_eq!(client.get(&format!("/v2/a/blobs/{long}")).await.expect(200).body, "long");
}

#[tokio::test]
async fn mounts() {
    let registry = Registry::start().await;
    let client = Client::of(&registry);
    let digest = registry.put_blob("a", "blob");
    let mount = async |to: &str, from: &str| {
        client.post(&format!("/v2/{to}/blobs/uploads/?mount={digest}{from}")).await
    };
    let created = mount("b", "&from=a").await;
    assert_eq!(created.expect(201).location(), format!("{}/v2/b/blobs/{digest}", registry.url()));
    assert!(registry.blob("b", &digest).is_some());
    mount("a", "&from=a").await.expect(201);
    let declined = mount("c", "&from=nobody").await;
    assert_eq!(declined.expect(202).header("range"), Some("0-0"));
    client.send("PUT", &with_digest(&declined.location(), &digest), &[], "blob").await.expect(201);
    mount("d", "").await.expect(202);
    assert_eq!(registry.count_of("POST", Kind::Mount), 4);
}
