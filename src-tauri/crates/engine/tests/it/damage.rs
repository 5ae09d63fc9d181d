//! Damaged bytes: fetched again, then an error that names the side, and never a tag.

use engine::Outcome;
use registry::{Code, Digest};
use testkit::{Action, Fault, Image, Kind, Layer, Registry};

use crate::common::{assert_all, at, failure, only, sync, two};

const SIZE: usize = 300_000;

fn layer() -> Layer {
    Layer::random(1, SIZE)
}

fn image() -> Image {
    Image::single("linux/amd64", [layer()])
}

#[tokio::test]
async fn a_blob_that_the_source_damages_once_is_fetched_again() {
    let (from, to) = two().await;
    let built = from.push("a", "1", &image());
    let fault = from.fault(Fault::on(Kind::Blob).get().reference(layer().digest()).corrupt(1234));
    let report = sync(&at(&from, "a:1"), &[&at(&to, "x/a")]).run().await;
    assert_eq!(fault.fired(), 1);
    assert_all(&report, Outcome::Copied);
    assert!(to.has("x/a", "1", &built));
    assert_eq!(from.blob_gets(layer().digest()), 2);
    assert_eq!(only(&report).attempts, 2);
    // the upload of damaged bytes never got its last byte
    let finished =
        to.requests().into_iter().filter(|r| r.is("PUT", Kind::UploadFinish) && r.complete);
    assert_eq!(finished.count(), 2, "the layer once, the config once");
}

#[tokio::test]
async fn one_that_it_always_damages_fails_and_names_it() {
    for at_byte in [0, SIZE as u64 - 1] {
        let (from, to) = two().await;
        from.push("a", "1", &image());
        let fault = from.fault(
            Fault::on(Kind::Blob).get().reference(layer().digest()).always().corrupt(at_byte),
        );
        let report = sync(&at(&from, "a:1"), &[&at(&to, "x/a")]).retries(2).run().await;
        assert_eq!(fault.fired(), 3);
        let failure = failure(&report);
        assert_eq!(failure.code, Code::DigestMismatch);
        let message = &failure.message;
        assert!(message.contains("source") && message.contains(from.host()), "{message}");
        assert!(
            message.contains(&format!("expected {}, got sha256:", layer().digest())),
            "{message}"
        );
        assert_eq!(to.tags("x/a"), [""; 0]);
        assert!(to.blob("x/a", layer().digest()).is_none());
    }
}

#[tokio::test]
async fn one_that_is_always_too_short_is_asked_for_as_often_as_retries_say() {
    let (from, to) = two().await;
    from.push("a", "1", &image());
    let short = Fault::on(Kind::Blob).get().reference(layer().digest()).always();
    let short = from.fault(short.does(Action::Truncate(0)));
    let report = sync(&at(&from, "a:1"), &[&at(&to, "x/a")]).retries(1).run().await;
    assert_eq!(short.fired(), 2, "not twice for each of two tries");
    let failure = failure(&report);
    assert_eq!(failure.code, Code::DigestMismatch);
    assert!(failure.message.contains("(after 2 tries in "), "{}", failure.message);
    assert_eq!(to.tags("x/a"), [""; 0]);
}

#[tokio::test]
async fn without_retries_it_fails_at_once() {
    let (from, to) = two().await;
    from.push("a", "1", &image());
    let fault = from.fault(Fault::on(Kind::Blob).get().reference(layer().digest()).corrupt(7));
    let report = sync(&at(&from, "a:1"), &[&at(&to, "x/a")]).retries(0).run().await;
    assert_eq!(fault.fired(), 1);
    assert_eq!(failure(&report).code, Code::DigestMismatch);
    assert_eq!(from.blob_gets(layer().digest()), 1);
}

#[tokio::test]
async fn a_blob_that_the_destination_damages_is_sent_again_then_fails_and_names_it() {
    let (from, to) = two().await;
    let built = from.push("a", "1", &image());
    let once =
        to.fault(Fault::on(Kind::UploadFinish).reference(layer().digest()).corrupt_upload(99));
    let report = sync(&at(&from, "a:1"), &[&at(&to, "x/a")]).run().await;
    assert_eq!(once.fired(), 1);
    assert_all(&report, Outcome::Copied);
    assert!(to.has("x/a", "1", &built));

    let to = Registry::start().await;
    let always = to.fault(
        Fault::on(Kind::UploadFinish).reference(layer().digest()).always().corrupt_upload(99),
    );
    let report = sync(&at(&from, "a:1"), &[&at(&to, "x/a")]).retries(1).run().await;
    assert!(always.fired() >= 2);
    let failure = failure(&report);
    assert_eq!(failure.code, Code::DigestMismatch, "{failure:?}");
    assert!(
        failure.message.contains("destination") && failure.message.contains(to.host()),
        "{}",
        failure.message
    );
    assert_eq!(to.tags("x/a"), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_blob_for_several_destinations_is_read_again_once_for_all() {
    let (from, to) = two().await;
    let third = Registry::start().await;
    let built = from.push("a", "1", &image());
    let fault = from.fault(Fault::on(Kind::Blob).get().reference(layer().digest()).corrupt(1234));
    let report = sync(&at(&from, "a:1"), &[&at(&to, "x/a"), &at(&third, "x/a")]).run().await;
    assert_eq!(fault.fired(), 1);
    assert_all(&report, Outcome::Copied);
    assert!(to.has("x/a", "1", &built) && third.has("x/a", "1", &built));
    assert_eq!(from.blob_gets(layer().digest()), 2);
}

#[tokio::test]
async fn every_image_that_needs_a_lost_blob_fails_of_one_cause_and_the_rest_goes_on() {
    let (from, to) = two().await;
    for tag in ["1", "2", "3"] {
        from.push("a", tag, &image().label("tag", tag));
    }
    let good = from.push("a", "good", &Image::single("linux/amd64", [Layer::random(9, 100)]));
    let fault =
        from.fault(Fault::on(Kind::Blob).get().reference(layer().digest()).always().corrupt(5));
    let report = sync(&at(&from, "a"), &[&at(&to, "x/a")]).retries(1).run().await;
    // nobody tries again what another tried
    assert_eq!(fault.fired(), 2);
    let failed: Vec<_> = report.images.iter().filter_map(|i| i.error.as_ref()).collect();
    assert_eq!(failed.len(), 3);
    assert!(failed.iter().all(|f| f.cause == failed[0].cause && f.code == Code::DigestMismatch));
    assert!(to.has("x/a", "good", &good));
    assert_eq!(to.tags("x/a"), ["good"]);
}

#[tokio::test]
async fn a_manifest_that_is_damaged_once_is_fetched_again() {
    let (from, to) = two().await;
    let built = from.push("a", "1", &image());
    let fault = from.fault(Fault::on(Kind::Manifest).get().corrupt(40));
    let report = sync(&at(&from, "a:1"), &[&at(&to, "x/a")]).run().await;
    assert_eq!(fault.fired(), 1);
    assert_all(&report, Outcome::Copied);
    assert!(to.has("x/a", "1", &built));
}

#[tokio::test]
async fn a_manifest_that_is_always_damaged_fails() {
    let (from, to) = two().await;
    from.push("a", "1", &image());
    let fault = from.fault(Fault::on(Kind::Manifest).get().always().corrupt(40));
    let report = sync(&at(&from, "a:1"), &[&at(&to, "x/a")]).retries(1).run().await;
    assert!(fault.fired() >= 2);
    assert_eq!(failure(&report).code, Code::DigestMismatch, "{:?}", failure(&report));
    assert_eq!(to.writes(), 0);
}

#[tokio::test]
async fn a_tag_that_moves_between_head_and_get_gives_one_image_or_the_other() {
    let (from, to) = two().await;
    let old = from.push("a", "1", &image());
    let new = from.store().push("a", "new", &image().label("v", "2"));
    to.push("x/a", "1", &image().label("v", "0"));
    let digest = new.digest().to_owned();
    let fault = from.fault(
        Fault::on(Kind::Manifest).head().then(move |store| store.put_tag("a", "1", &digest)),
    );
    let report = sync(&at(&from, "a:1"), &[&at(&to, "x/a")]).run().await;
    assert_eq!(fault.fired(), 1);
    let image = only(&report);
    assert_eq!(image.status, Outcome::Copied);
    assert!(to.has("x/a", "1", &old) || to.has("x/a", "1", &new));
    assert_eq!(image.digest.as_ref().map(Digest::as_str), to.tag_digest("x/a", "1").as_deref());
    assert_eq!(image.digest, image.source_digest);
}
