//! Things that go wrong and pass: the run mends them.

use std::time::Duration;

use testkit::{Action, Fault, Image, Kind, Layer, Quirk, Registry, Reply, Stall};

use crate::support::{Finished, Program};

async fn pair() -> (Registry, Registry, Layer, String) {
    let (source, destination) = (Registry::start().await, Registry::start().await);
    let layer = Layer::random(1, 1_000_000);
    let digest = source
        .push("a/b", "v1", &Image::single("linux/amd64", [layer.clone()]))
        .digest()
        .to_owned();
    (source, destination, layer, digest)
}

fn sync(source: &Registry, destination: &Registry, more: &[&str]) -> Program {
    let program = Program::new();
    program
        .sync(&format!("{}/a/b:v1: {}/x/b\n", source.host(), destination.host()), "{}", more)
        .expect(0);
    program
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn an_interrupted_download_goes_on_by_range() {
    let (source, destination, layer, digest) = pair().await;
    let fault =
        source.fault(Fault::on(Kind::Blob).get().reference(layer.digest()).cut_after(600_000));
    sync(&source, &destination, &[]);
    assert_eq!(fault.fired(), 1);
    let resumed: Vec<_> = source
        .requests()
        .into_iter()
        .filter_map(|request| request.header("range").map(str::to_owned))
        .collect();
    assert_eq!(resumed, ["bytes=600000-"]);
    assert_eq!(source.blob_gets(layer.digest()), 2);
    assert_eq!(destination.tag_digest("x/b", "v1"), Some(digest));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_download_that_breaks_often_goes_on_as_long_as_it_gains() {
    let (source, destination, layer, digest) = pair().await;
    let fault = source
        .fault(Fault::on(Kind::Blob).get().reference(layer.digest()).times(9).cut_after(100_000));
    sync(&source, &destination, &["--retries", "1"]);
    assert_eq!(fault.fired(), 9);
    assert_eq!(destination.tag_digest("x/b", "v1"), Some(digest));
    assert!(source.blob_bytes_served() < 1_200_000, "nothing is read twice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_download_that_gains_goes_on_without_retries_too_and_one_that_does_not_tells_its_tries() {
    let (source, destination, layer, digest) = pair().await;
    let blob = || Fault::on(Kind::Blob).get().reference(layer.digest());
    let fault = source.fault(blob().times(2).cut_after(300_000));
    sync(&source, &destination, &["--retries", "0"]);
    assert_eq!(fault.fired(), 2);
    assert_eq!(destination.tag_digest("x/b", "v1"), Some(digest));

    let fault = source.fault(blob().times(9).cut_after(0));
    let destination = Registry::start().await;
    let images = format!("{}/a/b:v1: {}/x/b\n", source.host(), destination.host());
    Program::new().sync(&images, "{}", &["-r", "1"]).expect(1).says(&["(after 2 tries in "]);
    assert_eq!(fault.fired(), 2);
    assert_eq!(destination.tag_digest("x/b", "v1"), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn an_interrupted_upload_goes_on() {
    let (source, destination, layer, digest) = pair().await;
    let fault = destination
        .fault(Fault::on(Kind::UploadFinish).reference(layer.digest()).cut_upload_after(400_000));
    sync(&source, &destination, &[]);
    assert_eq!(fault.fired(), 1);
    assert_eq!(destination.tag_digest("x/b", "v1"), Some(digest));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_damaged_blob_is_fetched_again() {
    let (source, destination, layer, digest) = pair().await;
    let fault =
        source.fault(Fault::on(Kind::Blob).get().reference(layer.digest()).corrupt(500_000));
    sync(&source, &destination, &["--retries", "1"]);
    assert_eq!(fault.fired(), 1);
    assert_eq!(destination.tag_digest("x/b", "v1"), Some(digest));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn waits_that_retry_after_orders_cost_no_retry() {
    let (source, destination, _, digest) = pair().await;
    let wait = || Reply::error(429, "TOOMANYREQUESTS", "slow").header("Retry-After", "1");
    let fault = destination.fault(Fault::on(Kind::Manifest).head().times(2).answer(wait()));
    sync(&source, &destination, &["--retries", "0"]);
    assert_eq!(fault.fired(), 2);
    assert_eq!(destination.tag_digest("x/b", "v1"), Some(digest));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_413_goes_on_in_patch_chunks() {
    let (source, destination, _, digest) = pair().await;
    destination.add_quirk(Quirk::BodyLimit(300_000));
    sync(&source, &destination, &["--retries", "0"]);
    assert_eq!(destination.tag_digest("x/b", "v1"), Some(digest));
    for request in destination.requests() {
        assert!(
            request.header("transfer-encoding").is_none(),
            "never chunked: {} {}",
            request.method,
            request.path
        );
    }
    assert!(destination.count_of("PATCH", Kind::UploadData) >= 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn the_answer_to_a_finished_upload_may_take_longer_than_a_stall() {
    let (source, destination, layer, digest) = pair().await;
    let fault = destination.fault(
        Fault::on(Kind::UploadFinish)
            .reference(layer.digest())
            .does(Action::DelayAnswer(Duration::from_secs(33))),
    );
    sync(&source, &destination, &["--retries", "0"]);
    assert_eq!(fault.fired(), 1);
    assert_eq!(destination.tag_digest("x/b", "v1"), Some(digest));
}

/// The one test that waits out the 30 s of a stall, on all its kinds at once: handshake, headers, body, upload.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_side_that_moves_nothing_for_30_seconds_is_given_up_and_tried_again() {
    let (source, destination) = (Registry::start().await, Registry::start().await);
    let mut images = String::new();
    let mut faults = Vec::new();
    for (name, seed) in [("headers", 1), ("body", 2), ("upload", 3)] {
        // more than the kernel's buffers of a connection can take: else all of it counts as sent
        let size = if name == "upload" { 48_000_000 } else { 8_000_000 };
        let layer = Layer::random(seed, size);
        source.push(name, "v1", &Image::single("linux/amd64", [layer.clone()]));
        images += &format!("{0}/{name}:v1: {1}/{name}\n", source.host(), destination.host());
        faults.push(match name {
            "headers" => {
                source.fault(Fault::on(Kind::Manifest).get().repository(name).stall(Stall::Answer))
            }
            "body" => source.fault(
                Fault::on(Kind::Blob)
                    .get()
                    .reference(layer.digest())
                    .stall(Stall::AnswerBody(1_000_000)),
            ),
            _ => destination.fault(
                Fault::on(Kind::UploadFinish)
                    .reference(layer.digest())
                    .stall(Stall::RequestBody(1_000_000)),
            ),
        });
    }
    let authority = testkit::tls::Authority::new();
    let tls = Registry::builder().tls(authority.server(testkit::tls::Flaw::None)).start().await;
    tls.push("handshake", "v1", &Image::single("linux/amd64", [Layer::random(4, 1000)]));
    faults.push(tls.fault(Fault::on(Kind::Connect).stall(Stall::Answer)));
    images += &format!("{}/handshake:v1: {}/handshake\n", tls.host(), destination.host());
    let program = Program::new();
    program.write("ca.pem", authority.pem());
    program
        .sync(&images, &format!("{}: {{ca: ca.pem}}\n", tls.host()), &[])
        .expect(0)
        .says(&["4 copied"]);
    for fault in &faults {
        assert_eq!(fault.fired(), 1, "{fault:?}");
    }
    for name in ["headers", "body", "upload", "handshake"] {
        assert!(destination.tag_digest(name, "v1").is_some(), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn proc_0_is_no_bound_where_64_is_the_usual_one() {
    let (source, destination) = (Registry::start().await, Registry::start().await);
    for n in 0..600 {
        source.push("a/b", &format!("v{n}"), &Image::single("linux/amd64", []));
    }
    source.set_latency(Duration::from_millis(20));
    destination.set_latency(Duration::from_millis(20));
    let images = format!("{}/a/b: {}/x/b\n", source.host(), destination.host());
    let program = Program::new();
    program.sync(&images, "{}", &["--dry-run"]).expect(0);
    assert!((33..=64).contains(&source.max_in_flight()), "{}", source.max_in_flight());
    program.sync(&images, "{}", &["--dry-run", "--proc", "0"]).expect(0).says(&["not capped"]);
    assert!(source.max_in_flight() > 64, "{}", source.max_in_flight());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_machine_that_lets_few_files_be_open_gets_fewer_requests_at_once() {
    let (source, destination) = (Registry::start().await, Registry::start().await);
    for n in 0..300 {
        source.push("a/b", &format!("v{n}"), &Image::single("linux/amd64", []));
    }
    source.set_latency(Duration::from_millis(5));
    destination.set_latency(Duration::from_millis(5));
    let program = Program::new();
    program.write("images.yaml", &format!("{}/a/b: {}/x/b\n", source.host(), destination.host()));
    let plain = format!("{},{}", source.host(), destination.host());
    let ours =
        program.command(&["--images", "images.yaml", "--proc", "0", "-vv", "--insecure", &plain]);
    let mut limited = std::process::Command::new("sh");
    limited
        .args(["-c", "ulimit -n 80; exec \"$0\" \"$@\""])
        .arg(ours.get_program())
        .args(ours.get_args())
        .current_dir(program.path("."))
        .env("HOME", program.path("."));
    let told: Finished = tokio::task::block_in_place(|| limited.output()).unwrap().into();
    told.expect(0).says(&["lets the program open no more connections", "300 copied"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn proc_bounds_the_requests_in_flight_to_a_host() {
    let (source, destination) = (Registry::start().await, Registry::start().await);
    let layers = (0..30).map(|seed| Layer::random(seed, 20_000));
    source.push("a/b", "v1", &Image::single("linux/amd64", layers));
    source.set_latency(Duration::from_millis(5));
    destination.set_latency(Duration::from_millis(5));
    sync(&source, &destination, &["--proc", "2"]);
    assert!(source.max_in_flight() <= 2, "{} at the source", source.max_in_flight());
    assert!(destination.max_in_flight() <= 2, "{} at the destination", destination.max_in_flight());
}
