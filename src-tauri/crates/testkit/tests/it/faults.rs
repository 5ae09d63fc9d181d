//! Scripted faults: each does what it says, at the byte that it says, and counts.

use std::time::Duration;

use bytes::Bytes;
use testkit::{
    Action, Auth, Content, Cut, Fault, Image, Kind, Layer, Quirk, RangeForm, Registry, Reply,
    Stall, digest::sha256,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::client::{Client, with_digest};

const SIZE: usize = 300_000;

struct Scene {
    registry: Registry,
    client: Client,
    bytes: Bytes,
    digest: String,
    path: String,
}

async fn scene() -> Scene {
    let registry = Registry::start().await;
    let bytes = Content::random(9, SIZE).bytes().unwrap();
    let digest = registry.put_blob("a", bytes.clone());
    let path = format!("/v2/a/blobs/{digest}");
    Scene { client: Client::of(&registry), registry, bytes, digest, path }
}

/// Sends a GET by hand: the body as far as it came, and whether the connection was reset.
async fn raw_get(registry: &Registry, path: &str) -> (Vec<u8>, bool) {
    let mut stream = TcpStream::connect(registry.host()).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", registry.host());
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut all = Vec::new();
    let reset = stream.read_to_end(&mut all).await.is_err();
    let body =
        all.windows(4).position(|window| window == b"\r\n\r\n").map_or(all.len(), |at| at + 4);
    (all.split_off(body), reset)
}

#[tokio::test]
async fn a_download_is_cut_at_the_byte() {
    let scene = scene().await;
    for at in [0, 1, 1000, 65_536, 100_001] {
        let fault = scene.registry.fault(Fault::on(Kind::Blob).get().cut_after(at));
        let (body, reset) = raw_get(&scene.registry, &scene.path).await;
        assert_eq!((body.len() as u64, reset), (at, false));
        assert_eq!(body, scene.bytes[..at as usize]);
        assert_eq!(fault.fired(), 1);
        let requests = scene.registry.requests();
        let last = requests.last().unwrap();
        assert_eq!((last.status, last.sent, last.complete), (Some(200), at, false));
    }
    let reset = Fault::on(Kind::Blob).does(Action::CutAnswer(1000, Cut::Reset));
    scene.registry.fault(reset);
    let (body, reset) = raw_get(&scene.registry, &scene.path).await;
    assert!(reset && body.len() <= 1000);
    scene.client.get(&scene.path).await.expect(200);
    scene.registry.assert_all_fired();
}

#[tokio::test]
async fn a_download_is_damaged_or_shortened() {
    let scene = scene().await;
    scene.registry.fault(Fault::on(Kind::Blob).get().corrupt(70_000));
    let body = scene.client.get(&scene.path).await.expect(200).body.clone();
    let differing: Vec<_> = (0..SIZE).filter(|&at| body[at] != scene.bytes[at]).collect();
    assert_eq!(differing, [70_000]);

    scene.registry.fault(Fault::on(Kind::Blob).get().does(Action::Truncate(500)));
    let short = scene.client.get(&scene.path).await;
    assert_eq!(short.expect(200).header("content-length"), Some("500"));
    assert_eq!(short.body, scene.bytes.slice(..500));

    scene.registry.fault(Fault::on(Kind::Blob).get().does(Action::WrongLength(10)));
    assert!(
        scene.client.try_send("GET", &scene.path, &[], "").await.is_err(),
        "the end comes too early"
    );
    scene.registry.fault(Fault::on(Kind::Blob).head().does(Action::WrongLength(-10)));
    let head = scene.client.head(&scene.path).await;
    assert_eq!(head.header("content-length"), Some((SIZE - 10).to_string().as_str()));

    scene.registry.fault(Fault::on(Kind::Blob).get().quirk(Quirk::ChunkedAnswers));
    let chunked = scene.client.get(&scene.path).await;
    assert_eq!(
        (chunked.header("content-length"), chunked.header("transfer-encoding")),
        (None, Some("chunked"))
    );
    assert_eq!(chunked.body, scene.bytes);
    scene.registry.assert_all_fired();
}

#[tokio::test]
async fn an_upload_is_cut_at_the_byte() {
    let scene = scene().await;
    for (cut, keeps) in [(Cut::Close, true), (Cut::Reset, true), (Cut::Close, false)] {
        scene.registry.set_quirks(if keeps { vec![] } else { vec![Quirk::BrokenUploadLost] });
        let location = scene.client.open("a").await;
        let fault =
            scene.registry.fault(Fault::on(Kind::UploadData).does(Action::CutRequest(1234, cut)));
        let broken = scene.client.try_send("PATCH", &location, &[], scene.bytes.clone()).await;
        assert!(broken.is_err() && fault.fired() == 1);
        let status = scene.client.get(&location).await;
        assert_eq!(status.expect(204).header("range"), Some(if keeps { "0-1233" } else { "0-0" }));
        let offset = if keeps { 1234 } else { 0 };
        let rest = scene.bytes.slice(offset..);
        scene
            .client
            .send("PUT", &with_digest(&status.location(), &scene.digest), &[], rest)
            .await
            .expect(201);
    }
    assert_eq!(scene.registry.blob("a", &scene.digest).unwrap().bytes().unwrap(), scene.bytes);
}

#[tokio::test]
async fn an_upload_is_cut_after_its_last_byte_or_damaged() {
    let scene = scene().await;
    let bytes = Bytes::from_static(b"0123456789");
    let digest = sha256(&bytes);
    let put = async || {
        let location = scene.client.open("a").await;
        scene.client.try_send("PUT", &with_digest(&location, &digest), &[], bytes.clone()).await
    };
    scene.registry.fault(Fault::on(Kind::UploadFinish).cut_upload_after(10));
    assert!(put().await.is_err());
    scene.registry.fault(Fault::on(Kind::UploadFinish).corrupt_upload(9));
    assert_eq!(put().await.unwrap().expect(400).code(), "DIGEST_INVALID");
    // these can't happen to a body of ten bytes, and wait for a longer one
    let waiting = scene.registry.fault(Fault::on(Kind::UploadFinish).corrupt_upload(10));
    put().await.unwrap().expect(201);
    assert_eq!(waiting.fired(), 0);
}

#[tokio::test]
async fn answers_in_the_registrys_place() {
    let scene = scene().await;
    scene.registry.fault(Fault::on(Kind::Blob).nth(2).status(503));
    scene.client.get(&scene.path).await.expect(200);
    scene.client.get(&scene.path).await.expect(503);
    scene.client.get(&scene.path).await.expect(200);

    // in the order in which they were added, one at a time
    scene.registry.fault(Fault::on(Kind::Any).times(2).answer(Reply::too_many_requests(Some("7"))));
    scene.registry.fault(Fault::on(Kind::Blob).answer(Reply::html(502, "Bad Gateway")));
    assert_eq!(scene.client.get("/v2/").await.expect(429).header("retry-after"), Some("7"));
    scene.client.get(&scene.path).await.expect(429);
    let page = scene.client.get(&scene.path).await;
    assert_eq!(page.expect(502).header("content-type"), Some("text/html; charset=utf-8"));
    scene.client.get(&scene.path).await.expect(200);
    scene.registry.assert_all_fired();

    for reply in
        [Reply::xml(403, "AccessDenied", "no"), Reply::text(500, "oops"), Reply::status(504)]
    {
        scene.registry.fault(Fault::on(Kind::Ping).answer(reply));
    }
    assert!(scene.client.get("/v2/").await.expect(403).body.starts_with(b"<?xml"));
    scene.client.get("/v2/").await.expect(500);
    assert!(scene.client.get("/v2/").await.expect(504).body.is_empty());
    let date = Reply::http_date(60);
    scene.registry.fault(Fault::on(Kind::Ping).answer(Reply::too_many_requests(Some(&date))));
    assert!(scene.client.get("/v2/").await.header("retry-after").unwrap().ends_with("GMT"));
}

#[tokio::test]
async fn only_the_requests_that_fit() {
    let scene = scene().await;
    scene.registry.put_blob("b", scene.bytes.clone());
    let faults = [
        Fault::on(Kind::Blob).repository("b").status(500),
        Fault::on(Kind::Blob).head().status(501),
        Fault::on(Kind::Blob).when(|request| request.header("x-test").is_some()).status(502),
        Fault::on(Kind::UploadFinish).reference(&sha256("x")).status(503),
        Fault::on(Kind::Tags).or(Kind::Catalog).status(504),
        Fault::on(Kind::Ping).skip(1).times(2).status(505),
    ];
    let handles = faults.map(|fault| scene.registry.fault(fault));
    scene.client.get(&scene.path).await.expect(200);
    scene.client.upload("a", "y").await;
    assert!(handles.iter().all(|handle| handle.fired() == 0));
    scene.client.get(&scene.path.replace("/a/", "/b/")).await.expect(500);
    scene.client.head(&scene.path).await.expect(501);
    scene.client.get_with(&scene.path, "x-test", "1").await.expect(502);
    let location = scene.client.open("a").await;
    scene.client.send("PUT", &with_digest(&location, &sha256("x")), &[], "x").await.expect(503);
    scene.client.get("/v2/_catalog").await.expect(504);
    let mut pings = Vec::new();
    for _ in 0..4 {
        pings.push(scene.client.get("/v2/").await.status);
    }
    assert_eq!(pings, [200, 505, 505, 200]);
    assert_eq!(handles.each_ref().map(testkit::FaultHandle::fired), [1, 1, 1, 1, 1, 2]);
}

#[tokio::test]
#[should_panic(expected = "have not fired")]
async fn faults_that_did_not_fire_are_told() {
    let registry = Registry::start().await;
    registry.fault(Fault::on(Kind::Ping).times(2).status(500));
    Client::of(&registry).get("/v2/").await.expect(500);
    registry.assert_all_fired();
}

#[tokio::test]
async fn connections_are_cut_without_an_answer() {
    let scene = scene().await;
    for fault in [
        Fault::on(Kind::Blob).hang_up(),
        Fault::on(Kind::Blob).reset(),
        Fault::on(Kind::Connect).hang_up(),
        Fault::on(Kind::Connect).reset(),
    ] {
        let fault = scene.registry.fault(fault);
        // a client of its own: none of its connections is kept from before
        let client = Client::of(&scene.registry);
        assert!(client.try_send("GET", &scene.path, &[], "").await.is_err());
        assert_eq!(fault.fired(), 1);
        client.get(&scene.path).await.expect(200);
    }
}

#[tokio::test]
async fn stalls_last_until_they_are_released() {
    let scene = scene().await;
    let patience = Duration::from_millis(50);
    for stall in [Stall::Answer, Stall::AnswerBody(0), Stall::AnswerBody(1000)] {
        let fault = scene.registry.fault(Fault::on(Kind::Blob).get().stall(stall));
        let get = scene.client.get(&scene.path);
        tokio::pin!(get);
        assert!(tokio::time::timeout(patience, &mut get).await.is_err(), "{stall:?} moves nothing");
        assert_eq!(fault.fired(), 1);
        if let Stall::AnswerBody(at) = stall {
            assert_eq!(scene.registry.requests().last().unwrap().sent, at);
        }
        fault.release();
        assert_eq!(get.await.expect(200).body, scene.bytes);
    }
    let location = scene.client.open("a").await;
    let fault = scene.registry.fault(Fault::on(Kind::UploadFinish).stall(Stall::RequestBody(1000)));
    let url = with_digest(&location, &scene.digest);
    let put = scene.client.send("PUT", &url, &[], scene.bytes.clone());
    tokio::pin!(put);
    assert!(tokio::time::timeout(patience, &mut put).await.is_err());
    fault.release();
    put.await.expect(201);

    let fault = scene.registry.fault(Fault::on(Kind::Connect).stall(Stall::Answer));
    let client = Client::of(&scene.registry);
    let get = client.get(&scene.path);
    tokio::pin!(get);
    assert!(tokio::time::timeout(patience, &mut get).await.is_err());
    fault.release();
    get.await.expect(200);
}

#[tokio::test]
async fn headers_sessions_quirks_and_changes() {
    let scene = scene().await;
    let image = Image::single("linux/amd64", [Layer::random(1, 10)]);
    let first = scene.registry.push("a", "tag", &image);
    let second = scene.registry.push("a", "", &image.label("k", "v"));

    let wrong = sha256("wrong");
    scene.registry.fault(Fault::on(Kind::Manifest).head().header("docker-content-digest", &wrong));
    let head = scene.client.head("/v2/a/manifests/tag").await;
    assert_eq!(head.header("docker-content-digest"), Some(wrong.as_str()));
    scene.registry.fault(Fault::on(Kind::UploadStart).without_header("location"));
    assert_eq!(
        scene.client.post("/v2/a/blobs/uploads/").await.expect(202).header("location"),
        None
    );

    // the tag moves between HEAD and GET
    let moved = second.digest().to_owned();
    scene.registry.fault(
        Fault::on(Kind::Manifest).head().then(move |store| store.put_tag("a", "tag", &moved)),
    );
    let head = scene.client.head("/v2/a/manifests/tag").await;
    assert_eq!(head.header("docker-content-digest"), Some(first.digest()));
    assert_eq!(scene.client.get("/v2/a/manifests/tag").await.body, second.bytes());

    scene.registry.fault(Fault::on(Kind::UploadData).nth(2).does(Action::ForgetSession));
    let location = scene.client.open("a").await;
    let location = scene.client.send("PATCH", &location, &[], "abc").await.expect(202).location();
    let gone = scene.client.send("PATCH", &location, &[], "def").await;
    assert_eq!(gone.expect(404).code(), "BLOB_UPLOAD_UNKNOWN");

    scene.registry.fault(Fault::on(Kind::Blob).nth(2).quirk(Quirk::Range(RangeForm::Ignored)));
    let range = [206, 200, 206];
    for status in range {
        scene.client.get_with(&scene.path, "range", "bytes=5-").await.expect(status);
    }
    scene.registry.assert_all_fired();
}

#[tokio::test(start_paused = true)]
async fn a_finished_upload_is_answered_late() {
    let registry = Registry::start().await;
    let client = Client::of(&registry);
    let late = Duration::from_secs(10);
    registry.fault(Fault::on(Kind::UploadFinish).does(Action::DelayAnswer(late)));
    let start = tokio::time::Instant::now();
    let digest = client.upload("a", "bytes").await;
    assert!(start.elapsed() >= late);
    assert!(registry.blob("a", &digest).is_some());
    registry.assert_all_fired();
}

#[tokio::test]
async fn faults_and_rights() {
    let registry = Registry::builder().auth(Auth::token("u", "p")).start().await;
    let client = Client::of(&registry);
    // a request that is turned away is not counted, unless it is told so
    let after = registry.fault(Fault::on(Kind::Tags).status(500));
    client.get("/v2/a/tags/list").await.expect(401);
    assert_eq!(after.fired(), 0);
    let before = registry.fault(Fault::on(Kind::Tags).before_auth().status(503));
    client.get("/v2/a/tags/list").await.expect(503);
    assert_eq!((before.fired(), after.fired()), (1, 0));
}
