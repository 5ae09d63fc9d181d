//! Slow and broken networks: throttles, latency, and the relay.

use std::time::{Duration, Instant};

use testkit::{Content, Cut, Quirk, Registry, Relay};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::client::{Client, with_digest};

#[tokio::test]
async fn a_throttled_registry_is_slow_both_ways() {
    let registry = Registry::builder().throttle(500_000).start().await;
    let client = Client::of(&registry);
    let start = Instant::now();
    let digest = client.upload("a", Content::random(1, 200_000).bytes().unwrap()).await;
    let up = start.elapsed();
    client.get(&format!("/v2/a/blobs/{digest}")).await.expect(200);
    let down = start.elapsed().checked_sub(up).unwrap();
    for time in [up, down] {
        assert!((Duration::from_millis(390)..Duration::from_secs(5)).contains(&time), "{time:?}");
    }
    registry.set_throttle(None);
    let start = Instant::now();
    client.get(&format!("/v2/a/blobs/{digest}")).await.expect(200);
    assert!(start.elapsed() < Duration::from_millis(390));
}

#[tokio::test]
async fn latency_and_connections() {
    let registry = Registry::builder().latency(Duration::from_millis(60)).start().await;
    let start = Instant::now();
    Client::of(&registry).get("/v2/").await.expect(200);
    assert!(start.elapsed() >= Duration::from_millis(60));

    registry.set_latency(Duration::ZERO);
    registry.set_quirks([Quirk::RequestsPerConnection(2)]);
    let (client, before) = (Client::of(&registry), registry.connections());
    for _ in 0..6 {
        client.get("/v2/").await.expect(200);
    }
    assert_eq!(registry.connections() - before, 3);
}

#[tokio::test]
async fn a_registry_stops_and_comes_back() {
    let registry = Registry::start().await;
    let (client, port) = (Client::of(&registry), registry.port());
    client.get("/v2/").await.expect(200);
    registry.stop();
    let mut tries = 0;
    while client.try_send("GET", "/v2/", &[], "").await.is_ok() {
        tries += 1;
        assert!(tries < 100, "a stopped registry answers");
        tokio::task::yield_now().await;
    }
    drop(registry);
    let again = Registry::builder().port(port).start().await;
    assert_eq!(again.port(), port);
    client.get("/v2/").await.expect(200);
}

#[tokio::test]
async fn an_idle_upload_is_hung_up_on() {
    let registry =
        Registry::builder().quirk(Quirk::UploadIdleLimit(Duration::from_millis(50))).start().await;
    let location = Client::of(&registry).open("a").await;
    let path = location.strip_prefix(&registry.url()).unwrap();
    let mut stream = TcpStream::connect(registry.host()).await.unwrap();
    let head = format!(
        "PATCH {path} HTTP/1.1\r\nHost: {}\r\nContent-Length: 100\r\n\r\nabc",
        registry.host()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(answer.is_empty());
    assert_eq!(Client::of(&registry).get(&location).await.header("range"), Some("0-2"));
}

#[tokio::test]
async fn a_relay_delays_counts_and_throttles() {
    let registry = Registry::start().await;
    let relay = Relay::start(registry.host()).await.unwrap();
    let bytes = Content::random(1, 1_000_000).bytes().unwrap();
    let digest = registry.put_blob("a", bytes.clone());
    let client = Client::new(format!("http://{}", relay.host()));
    assert_eq!(client.get(&format!("/v2/a/blobs/{digest}")).await.expect(200).body, bytes);
    assert!(relay.bytes_down() > 1_000_000 && relay.bytes_up() > 50);
    assert_eq!(relay.connections(), 1);

    relay.set_latency(Duration::from_millis(100));
    let start = Instant::now();
    client.get("/v2/").await.expect(200);
    let time = start.elapsed();
    assert!((Duration::from_millis(200)..Duration::from_secs(3)).contains(&time), "{time:?}");
    // latency is no throttle: what is on its way is on its way together
    let start = Instant::now();
    client.get(&format!("/v2/a/blobs/{digest}")).await.expect(200);
    assert!(start.elapsed() < Duration::from_millis(1200), "{:?}", start.elapsed());

    relay.set_latency(Duration::ZERO);
    relay.set_throttle(Some(2_000_000));
    let start = Instant::now();
    client.get(&format!("/v2/a/blobs/{digest}")).await.expect(200);
    assert!(start.elapsed() >= Duration::from_millis(450));
}

#[tokio::test]
async fn a_relay_cuts_stalls_and_refuses() {
    let registry = Registry::start().await;
    let relay = Relay::start(registry.host()).await.unwrap();
    let bytes = Content::random(1, 1_000_000).bytes().unwrap();
    let digest = registry.put_blob("a", bytes.clone());
    let path = format!("/v2/a/blobs/{digest}");
    let client = Client::new(format!("http://{}", relay.host()));
    let get = async || client.try_send("GET", &path, &[], "").await;

    for cut in [Cut::Close, Cut::Reset] {
        let before = relay.bytes_down();
        relay.cut_down_after(100_000, cut);
        assert!(get().await.is_err());
        assert_eq!(relay.bytes_down() - before, 100_000);
        assert_eq!(get().await.unwrap().expect(200).body, bytes);
    }
    let location = client.open("a").await;
    relay.cut_up_after(50_000, Cut::Reset);
    assert!(client.try_send("PATCH", &location, &[], bytes.clone()).await.is_err());
    registry.wait_for(|requests| requests.iter().all(|request| request.ended.is_some())).await;
    let status = client.get(&location).await;
    let range = status.expect(204).header("range").unwrap().strip_prefix("0-").unwrap();
    let taken = range.parse::<usize>().unwrap() + 1;
    assert!((1..50_000).contains(&taken), "{taken}");
    let rest = bytes.slice(taken..);
    client.send("PUT", &with_digest(&status.location(), &digest), &[], rest).await.expect(201);

    relay.stall(true);
    let stalled = get();
    tokio::pin!(stalled);
    assert!(tokio::time::timeout(Duration::from_millis(50), &mut stalled).await.is_err());
    relay.stall(false);
    stalled.await.unwrap().expect(200);

    relay.refuse(true);
    relay.cut(Cut::Close);
    let fresh = Client::new(format!("http://{}", relay.host()));
    assert!(fresh.try_send("GET", "/v2/", &[], "").await.is_err());
    relay.refuse(false);
    fresh.get("/v2/").await.expect(200);
}
