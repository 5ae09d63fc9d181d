//! Many images to several destinations of which one is late: the others don't wait for it, and nothing is lost to it.

use std::time::Duration;

use engine::Outcome;
use testkit::{Fault, Image, Kind, Layer, Match, Registry, Stall};

use crate::common::{HANGS, Sync, assert_all, at, finish, sync};

fn image(n: u64, size: usize) -> Image {
    Image::single("linux/amd64", [Layer::random(2 * n, 3_000), Layer::random(2 * n + 1, size)])
}

/// Images with a layer of this size each, and where they go.
async fn world(images: u64, size: usize) -> (Registry, [Registry; 3]) {
    let from = Registry::start().await;
    for n in 0..images {
        from.push("a/b", &n.to_string(), &image(n, size));
    }
    (from, [Registry::start().await, Registry::start().await, Registry::start().await])
}

fn rule(from: &Registry, to: &[Registry]) -> Sync {
    let to: Vec<_> = to.iter().map(|to| at(to, "x/b")).collect();
    let to: Vec<_> = to.iter().map(String::as_str).collect();
    // only we end what hangs
    sync(&at(from, "a/b"), &to).options(|o| {
        o.stall = Duration::from_mins(5);
        o.upload_answer = Duration::from_mins(5);
    })
}

/// Waits until a destination has so many images.
async fn has(to: &Registry, images: u64) {
    let all = to.wait_for(|_| to.tags("x/b").len() as u64 == images);
    let waited = tokio::time::timeout(HANGS, all).await;
    assert!(waited.is_ok(), "{} of {images}", to.tags("x/b").len());
}

/// The first and last of three get everything while the one between them hangs, which then gets it too.
async fn others_get_on(images: u64, size: usize, hangs: Match, limit: Option<usize>, at: Stall) {
    let (from, to) = world(images, size).await;
    let hang = to[1].fault(hangs.always().stall(at));
    let run = rule(&from, &to).options(|o| o.requests_per_host = limit).start();
    for to in [&to[0], &to[2]] {
        has(to, images).await;
    }
    assert!(hang.fired() > 0);
    assert_eq!(to[1].tags("x/b"), [""; 0]);
    hang.disarm();
    hang.release();
    assert_all(&finish(run).await, Outcome::Copied);
    has(&to[1], images).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_takes_no_bytes_of_small_layers() {
    let takes = Fault::on(Kind::UploadFinish);
    others_get_on(150, 30_000, takes, None, Stall::RequestBody(100)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_takes_no_bytes_of_large_layers() {
    let takes = Fault::on(Kind::UploadFinish);
    others_get_on(80, 1_000_000, takes, None, Stall::RequestBody(100)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_takes_no_bytes_while_few_requests_are_allowed() {
    for limit in [1, 3] {
        let takes = Fault::on(Kind::UploadFinish);
        others_get_on(20, 1_000_000, takes, Some(limit), Stall::RequestBody(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_takes_nothing_of_what_the_others_have() {
    for (takes, at) in [
        (Fault::on(Kind::UploadFinish), Stall::RequestBody(100)),
        (Fault::on(Kind::UploadStart).or(Kind::Mount), Stall::Answer),
    ] {
        let (from, to) = world(100, 600_000).await;
        for to in [&to[0], &to[2]] {
            (0..80).for_each(|n| drop(to.push("x/b", &n.to_string(), &image(n, 600_000))));
        }
        let hang = to[1].fault(takes.always().stall(at));
        let run = rule(&from, &to).start();
        for to in [&to[0], &to[2]] {
            has(to, 100).await;
        }
        assert!(hang.fired() > 0);
        hang.disarm();
        hang.release();
        finish(run).await;
        has(&to[1], 100).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_takes_no_bytes_of_layers_that_others_share() {
    let (from, to) = world(100, 30_000).await;
    for n in 0..100 {
        from.push("c/d", &n.to_string(), &image(n, 30_000).label("of", "others"));
    }
    let takes = Fault::on(Kind::UploadFinish).always();
    let hang = to[1].fault(takes.stall(Stall::RequestBody(100)));
    let run = rule(&from, &to[1..2]).and(&at(&from, "c/d"), &[&at(&to[0], "x/b")]).start();
    has(&to[0], 100).await;
    assert!(hang.fired() > 0);
    assert_eq!(to[1].tags("x/b"), [""; 0]);
    hang.disarm();
    hang.release();
    assert_all(&finish(run).await, Outcome::Copied);
    has(&to[1], 100).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_does_not_confirm_what_it_has_taken() {
    let takes = Fault::on(Kind::UploadFinish);
    others_get_on(150, 30_000, takes, None, Stall::Answer).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_opens_no_upload() {
    let opens = Fault::on(Kind::UploadStart).or(Kind::Mount);
    others_get_on(150, 30_000, opens, None, Stall::Answer).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_does_not_say_what_it_has() {
    let says = Fault::on(Kind::Manifest).head();
    others_get_on(150, 30_000, says, None, Stall::Answer).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_takes_no_tags() {
    let puts = Fault::on(Kind::Manifest).put();
    others_get_on(150, 30_000, puts, None, Stall::RequestBody(100)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_accepts_no_connection() {
    let connects = Fault::on(Kind::Connect);
    others_get_on(150, 30_000, connects, None, Stall::Answer).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_is_only_slow_is_not_left_behind() {
    let (from, to) = world(60, 300_000).await;
    // slow for far longer than the patience, and that longer than a machine stands still
    to[1].set_throttle(Some(3 << 20));
    let rule = rule(&from, &to).policy(|p| p.patience = Duration::from_secs(2));
    let report = rule.run().await;
    assert_all(&report, Outcome::Copied);
    let size = report.totals.bytes_copied / 3;
    assert_eq!(from.blob_bytes_served(), size, "the source is read once for all");
}
