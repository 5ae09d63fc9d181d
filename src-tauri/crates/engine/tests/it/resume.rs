//! What breaks goes on from where it broke.

use engine::Outcome;
use std::time::Duration;

use testkit::{Fault, Image, Kind, Layer, Quirk, Stall};

use crate::common::{assert_all, at, failure, sync, two};

const SIZE: usize = 2 << 20;

fn layer() -> Layer {
    Layer::random(1, SIZE)
}

fn image() -> Image {
    Image::single("linux/amd64", [layer()])
}

#[tokio::test]
async fn a_download_goes_on_from_where_it_broke() {
    for cut in [1, 700_000, SIZE as u64 - 1] {
        let (from, to) = two().await;
        let built = from.push("a", "1", &image());
        let fault =
            from.fault(Fault::on(Kind::Blob).get().reference(layer().digest()).cut_after(cut));
        let report = sync(&at(&from, "a:1"), &[&at(&to, "x/a")]).run().await;
        assert_eq!(fault.fired(), 1);
        assert_all(&report, Outcome::Copied);
        assert!(to.has("x/a", "1", &built));
        // the upload did not notice
        assert_eq!(to.count_of("PUT", Kind::UploadFinish), 2);
        assert!(report.totals.bytes_read < SIZE as u64 + 100_000);
    }
}

#[tokio::test]
async fn an_upload_goes_on_from_where_it_broke() {
    let (from, to) = two().await;
    let built = from.push("a", "1", &image());
    let fault = to.fault(
        Fault::on(Kind::UploadFinish).reference(layer().digest()).cut_upload_after(1_200_000),
    );
    let report = sync(&at(&from, "a:1"), &[&at(&to, "x/a")]).run().await;
    assert_eq!(fault.fired(), 1);
    assert_all(&report, Outcome::Copied);
    assert!(to.has("x/a", "1", &built));
    assert_eq!(to.count_of("POST", Kind::Any), 2, "no new upload was opened");
    let range = |r: &testkit::Request| r.header("content-range").map(str::to_owned);
    let ranges: Vec<_> = to.requests().iter().filter_map(range).collect();
    assert_eq!(ranges, [format!("1200000-{}", SIZE - 1)], "from the offset that the registry told");
    assert_eq!(report.totals.bytes_copied, built.blobs().iter().map(|(_, c)| c.len()).sum::<u64>());
}

#[tokio::test]
async fn both_sides_may_break() {
    let (from, to) = two().await;
    let built = from.push("a", "1", &image());
    let down = from
        .fault(Fault::on(Kind::Blob).get().reference(layer().digest()).times(2).cut_after(900_000));
    let up = to.fault(
        Fault::on(Kind::UploadFinish)
            .or(Kind::UploadData)
            .reference(layer().digest())
            .cut_upload_after(1_500_000),
    );
    let report = sync(&at(&from, "a:1"), &[&at(&to, "x/a")]).run().await;
    assert_eq!((down.fired(), up.fired()), (2, 1));
    assert_all(&report, Outcome::Copied);
    assert!(to.has("x/a", "1", &built));
}

#[tokio::test]
async fn a_connection_that_stands_still_is_replaced_on_either_side() {
    let (from, to) = two().await;
    let large = Layer::random(7, 12 << 20);
    let built = from.push("a", "1", &Image::single("linux/amd64", [large.clone()]));
    let down = from.fault(
        Fault::on(Kind::Blob).get().reference(large.digest()).stall(Stall::AnswerBody(500_000)),
    );
    let up = to.fault(
        Fault::on(Kind::UploadFinish).reference(large.digest()).stall(Stall::RequestBody(200_000)),
    );
    let report = sync(&at(&from, "a:1"), &[&at(&to, "x/a")])
        .options(|o| o.stall = Duration::from_millis(400))
        .run()
        .await;
    assert_eq!((down.fired(), up.fired()), (1, 1));
    assert_all(&report, Outcome::Copied);
    assert!(to.has("x/a", "1", &built));
    let ranges: Vec<_> = from
        .requests()
        .iter()
        .filter(|r| r.reference.as_deref() == Some(large.digest()))
        .filter_map(|r| r.header("range").map(str::to_owned))
        .collect();
    assert!(!ranges.is_empty() && !ranges.contains(&"bytes=0-".to_owned()), "{ranges:?}");
    assert!(report.totals.bytes_read < 2 * (12 << 20));
}

#[tokio::test]
async fn an_upload_that_can_not_go_on_begins_anew() {
    let (from, to) = two().await;
    let built = from.push("a", "1", &image());
    to.add_quirk(Quirk::StatusRefused(404));
    let fault = to.fault(
        Fault::on(Kind::UploadFinish).reference(layer().digest()).cut_upload_after(1_200_000),
    );
    let report = sync(&at(&from, "a:1"), &[&at(&to, "x/a")]).run().await;
    assert_eq!(fault.fired(), 1);
    assert_all(&report, Outcome::Copied);
    assert!(to.has("x/a", "1", &built));
}

#[tokio::test]
async fn an_answer_that_is_lost_is_asked_for_again() {
    let (from, to) = two().await;
    let built = from.push("a", "1", &image());
    // the whole body has gone out, and the connection goes
    let fault = to.fault(
        Fault::on(Kind::UploadFinish).reference(layer().digest()).cut_upload_after(SIZE as u64),
    );
    let report = sync(&at(&from, "a:1"), &[&at(&to, "x/a")]).run().await;
    assert_eq!(fault.fired(), 1);
    assert_all(&report, Outcome::Copied);
    assert!(to.has("x/a", "1", &built));
}

#[tokio::test]
async fn a_host_that_takes_no_large_bodies_gets_chunks() {
    let (from, to) = two().await;
    let built = from.push("a", "1", &image());
    to.add_quirk(Quirk::BodyLimit(1 << 20));
    let report = sync(&at(&from, "a:1"), &[&at(&to, "x/a")]).run().await;
    assert_all(&report, Outcome::Copied);
    assert!(to.has("x/a", "1", &built));
    assert!(to.count_of("PATCH", Kind::UploadData) >= 2);
}

#[tokio::test]
async fn without_retries_a_break_is_final_unless_it_made_progress() {
    let (from, to) = two().await;
    from.push("a", "1", &image());
    let fault = from.fault(Fault::on(Kind::Blob).get().always().status(503));
    let report = sync(&at(&from, "a:1"), &[&at(&to, "x/a")]).retries(0).run().await;
    assert!(fault.fired() <= 2, "one for each blob");
    let failure = failure(&report);
    assert!(failure.message.contains("503") && failure.message.contains("source"), "{failure:?}");
}
