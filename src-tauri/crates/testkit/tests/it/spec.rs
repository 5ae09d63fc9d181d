//! Reading by the spec, and what the registry tells about its requests.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use testkit::{Content, Fault, Image, Keep, Kind, Layer, Registry, Stall, digest::sha256};

use crate::client::{Client, with_digest};

#[tokio::test]
async fn ping() {
    let registry = Registry::start().await;
    let answer = Client::of(&registry).get("/v2/").await;
    assert_eq!(answer.expect(200).header("docker-distribution-api-version"), Some("registry/2.0"));
    assert_eq!(&answer.body[..], b"{}");
}

#[tokio::test]
async fn blobs_whole_and_in_ranges() {
    let registry = Registry::start().await;
    let client = Client::of(&registry);
    let bytes = Content::random(1, 200_000).bytes().unwrap();
    let digest = registry.put_blob("a/b", bytes.clone());
    let path = format!("/v2/a/b/blobs/{digest}");

    let head = client.head(&path).await;
    assert_eq!(head.expect(200).header("content-length"), Some("200000"));
    assert_eq!(head.header("docker-content-digest"), Some(digest.as_str()));
    assert_eq!(client.get(&path).await.expect(200).body, bytes);
    let part = client.get_with(&path, "range", "bytes=1000-70999").await;
    assert_eq!(part.expect(206).body, bytes.slice(1000..71_000));
    assert_eq!(part.header("content-range"), Some("bytes 1000-70999/200000"));
    let rest = client.get_with(&path, "range", "bytes=199999-").await;
    assert_eq!(rest.expect(206).body, bytes.slice(199_999..));
    let none = client.get_with(&path, "range", "bytes=200000-").await;
    assert_eq!(none.expect(416).header("content-range"), Some("bytes */200000"));

    client.get(&format!("/v2/a/c/blobs/{digest}")).await.expect(404);
    assert_eq!(
        client.get(&format!("/v2/a/b/blobs/{}", sha256("x"))).await.expect(404).code(),
        "BLOB_UNKNOWN"
    );
    client.delete(&path).await.expect(202);
    client.get(&path).await.expect(404);
}

#[tokio::test]
async fn a_huge_layer_is_served_without_being_held() {
    let registry = Registry::start().await;
    let layer = Layer::huge(5, 300 << 20);
    let built = registry.push("big", "1", &Image::single("linux/amd64", [layer.clone()]));
    let path = format!("/v2/big/blobs/{}", layer.digest());
    let size = 300_u64 << 20;
    assert_eq!(
        Client::of(&registry).head(&path).await.header("content-length"),
        Some(size.to_string().as_str())
    );
    let range = format!("bytes={}-", size - 100_000);
    let tail = Client::of(&registry).get_with(&path, "range", &range).await;
    let mut expected = Vec::new();
    while expected.len() < 100_000 {
        expected.extend_from_slice(&layer.content().read(size - 100_000 + expected.len() as u64));
    }
    assert_eq!(tail.expect(206).body, expected);
    assert!(registry.has("big", "1", &built));
}

#[tokio::test]
async fn a_registry_that_keeps_digests_only() {
    let registry = Registry::builder().keep(Keep::Digests).start().await;
    let client = Client::of(&registry);
    let digest = client.upload("a", "some bytes").await;
    let path = format!("/v2/a/blobs/{digest}");
    assert_eq!(client.head(&path).await.expect(200).header("content-length"), Some("10"));
    client.get(&path).await.expect(410);
    let location = client.open("a").await;
    let wrong = client.send("PUT", &with_digest(&location, &digest), &[], "other bytes").await;
    assert_eq!(wrong.expect(400).code(), "DIGEST_INVALID");
    assert!(matches!(registry.blob("a", &digest), Some(Content::Discarded(10))));
}

#[tokio::test]
async fn requests_are_counted_and_described() {
    let registry = Registry::start().await;
    let client = Client::of(&registry);
    let digest = client.upload("a", vec![7; 1000]).await;
    let path = format!("/v2/a/blobs/{digest}");
    client.get_with(&path, "x-test", "yes").await.expect(200);
    client.get_with(&path, "range", "bytes=990-").await.expect(206);
    client.head(&path).await.expect(200);

    assert_eq!(registry.count_of("POST", Kind::UploadStart), 1);
    assert_eq!(registry.count_of("PUT", Kind::UploadFinish), 1);
    assert_eq!(registry.count_of("GET", Kind::Any), 2);
    assert_eq!(registry.writes(), 2);
    assert_eq!(registry.blob_gets(&digest), 2);
    assert_eq!(registry.blob_bytes_served(), 1010);
    assert_eq!(registry.blob_bytes_received(), 1000);
    let requests = registry.requests();
    let get = requests.iter().find(|request| request.header("x-test").is_some()).unwrap();
    assert_eq!(
        (get.method.as_str(), get.path.as_str(), get.status, get.sent),
        ("GET", path.as_str(), Some(200), 1000)
    );
    assert_eq!(
        (get.repository.as_deref(), get.reference.as_deref()),
        (Some("a"), Some(digest.as_str()))
    );
    assert!(get.complete && get.ended.unwrap() >= get.started);
    let put = requests.iter().find(|request| request.kind == Kind::UploadFinish).unwrap();
    assert_eq!((put.received, put.parameter("digest")), (1000, Some(digest)));
    assert_eq!(registry.in_flight(), 0);
    assert_eq!(registry.max_in_flight(), 1);
    registry.clear_log();
    assert!(registry.requests().is_empty());
}

#[tokio::test]
async fn requests_in_flight_and_waiting_for_them() {
    let registry = Registry::start().await;
    let client = Client::of(&registry);
    let fault = registry.fault(Fault::on(Kind::Ping).times(3).stall(Stall::Answer));
    let answered = Arc::new(AtomicBool::new(false));
    let calls: Vec<_> = (0..3)
        .map(|_| {
            let (client, answered) = (client.clone(), answered.clone());
            tokio::spawn(async move {
                client.get("/v2/").await.expect(200);
                answered.store(true, Ordering::SeqCst);
            })
        })
        .collect();
    fault.wait_fired_times(3).await;
    registry.wait_for(|requests| requests.len() == 3).await;
    assert_eq!((registry.in_flight(), registry.max_in_flight()), (3, 3));
    assert!(!answered.load(Ordering::SeqCst), "nothing is answered while it stalls");
    fault.release();
    for call in calls {
        call.await.unwrap();
    }
    registry.wait_for(|requests| requests.iter().all(|request| request.ended.is_some())).await;
    assert_eq!((registry.in_flight(), registry.max_in_flight()), (0, 3));
    registry.assert_all_fired();
}
