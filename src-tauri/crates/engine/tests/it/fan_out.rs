//! One source, several destinations.

use std::time::{Duration, Instant};

use engine::Outcome;
use registry::Code;
use testkit::{Fault, Image, Kind, Layer, Registry, Reply, Stall};

use crate::common::{assert_all, at, finish, sync};

const SIZE: usize = 3 << 20;

fn image() -> Image {
    Image::single("linux/amd64", [Layer::random(1, SIZE), Layer::random(2, 50_000)])
}

async fn world(destinations: usize) -> (Registry, Vec<Registry>) {
    let mut to = Vec::new();
    for _ in 0..destinations {
        to.push(Registry::start().await);
    }
    (Registry::start().await, to)
}

fn names(to: &[Registry]) -> Vec<String> {
    to.iter().map(|registry| at(registry, "x/b")).collect()
}

fn refs(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_destinations_read_the_source_once() {
    let (from, to) = world(3).await;
    let built = from.push("a/b", "1", &image());
    let report = sync(&at(&from, "a/b:1"), &refs(&names(&to)))
        .policy(|p| p.patience = Duration::from_secs(30))
        .run()
        .await;
    assert_all(&report, Outcome::Copied);
    assert!(to.iter().all(|to| to.has("x/b", "1", &built)));
    let size: u64 = built.blobs().iter().map(|(_, content)| content.len()).sum();
    assert_eq!(from.blob_bytes_served(), size);
    assert_eq!(report.totals.bytes_read, size);
    assert_eq!(report.totals.bytes_copied, 3 * size);
    assert_eq!(from.count_of("GET", Kind::Manifest), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rules_that_name_one_image_read_it_once() {
    let (from, to) = world(2).await;
    let built = from.push("a/b", "1", &image());
    let report = sync(&at(&from, "a/b:1"), &[&at(&to[0], "x/b")])
        .and(&at(&from, "a/b:1"), &[&at(&to[1], "x/b:other")])
        .run()
        .await;
    assert_all(&report, Outcome::Copied);
    assert!(to[0].has("x/b", "1", &built) && to[1].has("x/b", "other", &built));
    let size: u64 = built.blobs().iter().map(|(_, content)| content.len()).sum();
    assert_eq!(from.blob_bytes_served(), size);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_destination_holds_the_stream_back_but_is_not_left_behind() {
    let (from, to) = world(2).await;
    let built = from.push("a/b", "1", &image());
    to[1].set_throttle(Some(8 << 20));
    let report = sync(&at(&from, "a/b:1"), &refs(&names(&to))).run().await;
    assert_all(&report, Outcome::Copied);
    assert!(to.iter().all(|to| to.has("x/b", "1", &built)));
    let size: u64 = built.blobs().iter().map(|(_, content)| content.len()).sum();
    assert_eq!(from.blob_bytes_served(), size);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_destination_that_takes_nothing_is_left_behind_and_catches_up() {
    let (from, to) = world(3).await;
    // more than the buffers on the way swallow
    let size = 24 << 20;
    let layer = Layer::random(3, size);
    let built = from.push("a/b", "1", &Image::single("linux/amd64", [layer.clone()]));
    let stall = to[1].fault(
        Fault::on(Kind::UploadFinish).reference(layer.digest()).stall(Stall::RequestBody(100_000)),
    );
    let run = sync(&at(&from, "a/b:1"), &refs(&names(&to)))
        .policy(|p| p.patience = Duration::from_secs(2))
        // a busy machine is no stall
        .options(|o| o.stall = Duration::from_mins(1))
        .start();
    stall.wait_fired().await;
    // the others get their tags while this one stands still
    for to in [&to[0], &to[2]] {
        to.wait_for(|all| all.iter().any(|r| r.is("PUT", Kind::Manifest) && r.complete)).await;
        assert!(to.has("x/b", "1", &built));
    }
    assert_eq!(to[1].tags("x/b"), [""; 0]);
    stall.release();
    let report = finish(run).await;
    assert_all(&report, Outcome::Copied);
    assert!(to[1].has("x/b", "1", &built));
    // it went on from where it stood
    assert_eq!(to[1].count_of("POST", Kind::Any), 2);
    assert_eq!(from.blob_gets(layer.digest()), 2);
    assert!(report.totals.bytes_read < 2 * size as u64);
    let ranges: Vec<_> = from
        .requests()
        .iter()
        .filter(|r| r.reference.as_deref() == Some(layer.digest()))
        .map(|r| r.header("range").map(str::to_owned))
        .collect();
    assert!(ranges[0].is_none() && ranges[1].as_ref().is_some_and(|r| r.starts_with("bytes=")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_destination_that_stands_still_for_less_than_the_patience_holds_the_others_back() {
    assert_eq!(engine::Policy::default().patience, Duration::from_secs(5));
    let (from, to) = world(2).await;
    let layer = Layer::random(3, 24 << 20);
    let built = from.push("a/b", "1", &Image::single("linux/amd64", [layer.clone()]));
    let stall = to[1].fault(
        Fault::on(Kind::UploadFinish).reference(layer.digest()).stall(Stall::RequestBody(100_000)),
    );
    let run = sync(&at(&from, "a/b:1"), &refs(&names(&to)))
        .policy(|p| p.patience = Duration::from_mins(5))
        .options(|o| o.stall = Duration::from_mins(5))
        .start();
    stall.wait_fired().await;
    // what does not happen can't be waited for
    tokio::time::sleep(Duration::from_millis(400)).await;
    let is_through = |r: &testkit::Request| {
        r.is("PUT", Kind::UploadFinish)
            && r.complete
            && r.parameter("digest").as_deref() == Some(layer.digest())
    };
    assert_eq!(to[0].count(is_through), 0, "the stream is held back");
    stall.release();
    assert_all(&finish(run).await, Outcome::Copied);
    assert!(to.iter().all(|to| to.has("x/b", "1", &built)));
    assert_eq!(from.blob_gets(layer.digest()), 1, "nobody was left behind");
    let size: u64 = built.blobs().iter().map(|(_, content)| content.len()).sum();
    assert_eq!(from.blob_bytes_served(), size);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_destination_that_breaks_leaves_the_others_and_goes_on_alone() {
    let (from, to) = world(3).await;
    let built = from.push("a/b", "1", &image());
    let layer = Layer::random(1, SIZE);
    let cut = to[1]
        .fault(Fault::on(Kind::UploadFinish).reference(layer.digest()).cut_upload_after(1_500_000));
    let report = sync(&at(&from, "a/b:1"), &refs(&names(&to))).run().await;
    assert_eq!(cut.fired(), 1);
    assert_all(&report, Outcome::Copied);
    assert!(to.iter().all(|to| to.has("x/b", "1", &built)));
    assert_eq!(from.blob_gets(layer.digest()), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_destination_that_fails_harms_no_other() {
    let (from, to) = world(3).await;
    let built = from.push("a/b", "1", &image());
    let fault = to[1]
        .fault(Fault::on(Kind::UploadFinish).always().answer(Reply::error(403, "DENIED", "quota")));
    let report = sync(&at(&from, "a/b:1"), &refs(&names(&to))).run().await;
    assert!(fault.fired() > 0);
    let outcomes: Vec<_> = report.images.iter().map(|image| image.status).collect();
    assert_eq!(outcomes, [Outcome::Copied, Outcome::Failed, Outcome::Copied]);
    assert!(to[0].has("x/b", "1", &built) && to[2].has("x/b", "1", &built));
    assert_eq!(to[1].tags("x/b"), [""; 0]);
    let size: u64 = built.blobs().iter().map(|(_, content)| content.len()).sum();
    assert_eq!(from.blob_bytes_served(), size);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_destination_that_answers_late_does_not_keep_the_others_waiting() {
    let (from, to) = world(2).await;
    let built = from.push("a/b", "1", &image());
    let stall = to[1].fault(Fault::on(Kind::Manifest).head().stall(Stall::Answer));
    let run = sync(&at(&from, "a/b:1"), &refs(&names(&to))).start();
    stall.wait_fired().await;
    to[0].wait_for(|all| all.iter().any(|r| r.is("PUT", Kind::Manifest) && r.complete)).await;
    stall.release();
    let report = finish(run).await;
    assert_all(&report, Outcome::Copied);
    assert!(to.iter().all(|to| to.has("x/b", "1", &built)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_destination_that_opens_its_upload_late_does_not_either() {
    let (from, to) = world(2).await;
    let built = from.push("a/b", "1", &image());
    let stall = to[1].fault(Fault::on(Kind::Mount).times(1).stall(Stall::Answer));
    let run = sync(&at(&from, "a/b:1"), &refs(&names(&to))).start();
    stall.wait_fired().await;
    to[0].wait_for(|all| all.iter().any(|r| r.is("PUT", Kind::Manifest) && r.complete)).await;
    stall.release();
    assert_all(&finish(run).await, Outcome::Copied);
    assert!(to.iter().all(|to| to.has("x/b", "1", &built)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_destination_that_is_not_there_harms_no_other() {
    let (from, to) = world(2).await;
    let built = from.push("a/b", "1", &image());
    to[1].stop();
    let begun = Instant::now();
    let report = sync(&at(&from, "a/b:1"), &refs(&names(&to))).run().await;
    assert!(begun.elapsed() < Duration::from_secs(20));
    assert_eq!(report.images[0].status, Outcome::Copied);
    assert_eq!(report.images[1].error.as_ref().map(|e| e.code), Some(Code::NetReset));
    assert!(to[0].has("x/b", "1", &built));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn images_that_share_a_layer_read_it_once_for_different_destinations() {
    let (from, to) = world(2).await;
    let base = Layer::random(1, SIZE);
    let image = |of: &str| Image::single("linux/amd64", [base.clone()]).label("of", of);
    let built = [from.push("a", "1", &image("a")), from.push("b", "1", &image("b"))];
    // both are announced before either upload is open
    let late = to[0].fault(Fault::on(Kind::Mount).reference(base.digest()).stall(Stall::Answer));
    let head = to[1].fault(Fault::on(Kind::Manifest).head().stall(Stall::Answer));
    let run = sync(&at(&from, "a:1"), &[&at(&to[0], "x")])
        .and(&at(&from, "b:1"), &[&at(&to[1], "y")])
        .policy(|p| p.patience = Duration::from_secs(20))
        .start();
    late.wait_fired().await;
    head.wait_fired().await;
    head.release();
    let opened = |all: &[testkit::Request]| {
        let opens = [Kind::Mount, Kind::UploadStart];
        all.iter().filter(|r| opens.contains(&r.kind) && r.complete).count() == 2
    };
    to[1].wait_for(opened).await;
    late.release();
    assert_all(&finish(run).await, Outcome::Copied);
    assert!(to[0].has("x", "1", &built[0]) && to[1].has("y", "1", &built[1]));
    assert_eq!(from.blob_gets(base.digest()), 1);
}
