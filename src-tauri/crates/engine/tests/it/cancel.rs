//! A run that is ended early ends soon, tags nothing half, and tells the truth.

use std::time::{Duration, Instant};

use engine::Outcome;
use testkit::{Fault, FaultHandle, Image, Kind, Layer, Registry, Stall};

use crate::common::{at, finish, only, sync, two};

const SIZE: usize = 4 << 20;

fn image(seed: u64) -> Image {
    Image::single("linux/amd64", [Layer::random(seed, SIZE)])
}

/// Starts a sync of one image, cancels it once the fault has fired, and checks that it ends soon.
async fn cancelled(from: &Registry, to: &Registry, fault: &FaultHandle) -> engine::Report {
    let run = sync(&at(from, "a:1"), &[&at(to, "x")]).start();
    fault.wait_fired().await;
    let begun = Instant::now();
    run.cancel();
    let report = finish(run).await;
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    report
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_a_blob_streams() {
    let layer = Layer::random(1, SIZE);
    let down = Fault::on(Kind::Blob).get().reference(layer.digest());
    let up = Fault::on(Kind::UploadFinish).reference(layer.digest());
    for (at_source, fault) in [
        (true, down.stall(Stall::AnswerBody(1_000_000))),
        (false, up.stall(Stall::RequestBody(500_000))),
    ] {
        let (from, to) = two().await;
        from.push("a", "1", &image(1));
        let fault = if at_source { from.fault(fault) } else { to.fault(fault) };
        let report = cancelled(&from, &to, &fault).await;
        assert_eq!(only(&report).status, Outcome::Cancelled);
        fault.release();
        to.wait_for(|all| all.iter().all(|request| request.ended.is_some())).await;
        assert!(to.blob("x", layer.digest()).is_none());
        assert_eq!(to.tags("x"), [""; 0]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_something_is_asked() {
    for (kind, method) in [(Kind::Manifest, "HEAD"), (Kind::Mount, "POST")] {
        let (from, to) = two().await;
        from.push("a", "1", &image(1));
        let fault = to.fault(Fault::on(kind).method(method).stall(Stall::Answer));
        let report = cancelled(&from, &to, &fault).await;
        assert_eq!(only(&report).status, Outcome::Cancelled);
        assert_eq!(to.tags("x"), [""; 0]);
    }
    let (from, to) = two().await;
    from.push("a", "1", &image(1));
    let fault = from.fault(Fault::on(Kind::Manifest).get().stall(Stall::Answer));
    assert_eq!(only(&cancelled(&from, &to, &fault).await).status, Outcome::Cancelled);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_a_tag_is_put_its_answer_is_waited_for() {
    let (from, to) = two().await;
    let built = from.push("a", "1", &Image::single("linux/amd64", [Layer::random(1, 100)]));
    let fault = to.fault(Fault::on(Kind::Manifest).put().stall(Stall::Answer));
    let run = sync(&at(&from, "a:1"), &[&at(&to, "x")]).start();
    fault.wait_fired().await;
    run.cancel();
    fault.release();
    let report = finish(run).await;
    assert_eq!(only(&report).status, Outcome::Copied);
    assert!(to.has("x", "1", &built));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_tags_are_listed_the_rules_are_rows() {
    let (from, to) = two().await;
    from.push("a", "1", &image(1));
    from.push("b", "1", &image(2));
    let fault = from.fault(Fault::on(Kind::Tags).times(2).stall(Stall::Answer));
    let run = sync(&at(&from, "a"), &[&at(&to, "x"), &at(&to, "y")])
        .and(&at(&from, "b:/1/"), &[&at(&to, "z")])
        .start();
    fault.wait_fired().await;
    run.canceller()();
    let report = finish(run).await;
    let told: Vec<_> = report.images.iter().map(|i| (i.source.as_str(), i.status)).collect();
    let (a, b) = (at(&from, "a"), at(&from, "b:/1/"));
    let row = |source| (source, Outcome::Cancelled);
    assert_eq!(told, [row(a.as_str()), row(&a), row(&b)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_done_stays_done_and_what_was_not_begun_is_cancelled() {
    let (from, to) = two().await;
    for tag in 0..100 {
        from.push("a", &tag.to_string(), &Image::single("linux/amd64", [Layer::random(tag, 500)]));
    }
    let stall = to.fault(Fault::on(Kind::Mount).skip(60).always().stall(Stall::Answer));
    let run = sync(&at(&from, "a"), &[&at(&to, "x")]).policy(|p| p.images = Some(4)).start();
    stall.wait_fired().await;
    run.cancel();
    let report = finish(run).await;
    assert_eq!(report.images.len(), 100);
    assert_eq!(report.totals.copied as usize, to.tags("x").len());
    assert_eq!(report.totals.copied + report.totals.cancelled, 100);
    assert!(report.totals.copied > 0 && report.totals.cancelled > 50);
    // the next run does the rest
    to.clear_faults();
    let report = sync(&at(&from, "a"), &[&at(&to, "x")]).run().await;
    assert_eq!(report.totals.copied + report.totals.skipped, 100);
    assert_eq!(to.tags("x").len(), 100);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropping_the_handle_cancels() {
    let (from, to) = two().await;
    from.push("a", "1", &image(1));
    let layer = Layer::random(1, SIZE);
    let fault = to.fault(
        Fault::on(Kind::UploadFinish).reference(layer.digest()).stall(Stall::RequestBody(500_000)),
    );
    let run = sync(&at(&from, "a:1"), &[&at(&to, "x")]).start();
    fault.wait_fired().await;
    drop(run);
    fault.release();
    to.wait_for(|all| all.iter().all(|r| r.ended.is_some())).await;
    assert_eq!(to.tags("x"), [""; 0]);
}
