//! E: mounts.

use engine::Outcome;
use testkit::{Fault, Kind, Quirk};

use super::{Pair, image, kind, layer, statuses};
use crate::common::{Sync, asked, assert_all, at, requests};

/// Two images that share layers, from other repositories of the source to two of the destination, one after the other.
async fn sharing(quirk: Option<Quirk>) -> (Pair, testkit::Built, Sync) {
    let pair = Pair::to(quirk).await;
    let other = pair.from.push("a/c", "1", &image().label("of", "c"));
    let rule = pair
        .rule()
        .and(&at(&pair.from, "a/c:1"), &[&at(&pair.to, "x/c")])
        .policy(|p| p.images = Some(1));
    (pair, other, rule)
}

#[tokio::test]
async fn q86_a_mount_that_is_declined_is_an_upload_that_is_open() {
    let pair = Pair::to([Quirk::NeverMounts]).await;
    pair.copies().await;
    assert_eq!(
        asked(&pair.to),
        requests(&[
            ("HEAD", Kind::Manifest, 1),
            ("POST", Kind::Mount, 2),
            ("POST", Kind::UploadStart, 1),
            ("PUT", Kind::UploadFinish, 3),
            ("PUT", Kind::Manifest, 1),
        ])
    );
    assert_eq!(pair.to.store().open_uploads(), 0);
    // where it is done, nothing is uploaded
    let (pair, other, rule) = sharing(None).await;
    pair.arrives(rule).await;
    assert!(pair.to.has("x/c", "1", &other));
    assert_eq!(statuses(&pair.to, "POST", Kind::Mount).iter().filter(|s| **s == 201).count(), 2);
    assert_eq!(pair.to.count_of("PUT", Kind::UploadFinish), 4);
    assert_eq!(pair.to.store().open_uploads(), 0);
}

#[tokio::test]
async fn q87_mounts_name_repositories_of_the_destination_alone() {
    for status in [401, 400] {
        let (pair, other, rule) = sharing(Some(Quirk::MountFromUnknown(status))).await;
        pair.arrives(rule).await;
        assert!(pair.to.has("x/c", "1", &other), "{status}");
        for request in pair.to.requests().iter().filter(|r| r.kind == Kind::Mount) {
            let from = request.parameter("from").unwrap();
            assert!(["x/b", "x/c"].contains(&from.as_str()), "{from}");
        }
    }
}

#[tokio::test]
async fn q88_mounts_always_say_from_where() {
    let (pair, other, rule) = sharing(Some(Quirk::MountWithoutFrom(400))).await;
    pair.arrives(rule).await;
    assert!(pair.to.has("x/c", "1", &other));
    assert!(kind(&pair.to, Kind::Mount) > 0);
    assert_eq!(pair.to.count(|r| r.kind == Kind::Mount && r.parameter("from").is_none()), 0);
    assert_eq!(pair.to.count(|r| r.status == Some(400)), 0);
}

#[tokio::test]
async fn q89_a_refused_mount_is_a_plain_upload_and_no_failure_of_the_host() {
    for status in [400, 401, 403, 404, 405, 500] {
        let (pair, other, rule) = sharing(Some(Quirk::MountRefused(status))).await;
        // without retries: the refusal costs none
        let report = pair.arrives(rule.retries(0)).await;
        assert_all(&report, Outcome::Copied);
        assert!(pair.to.has("x/c", "1", &other), "{status}");
        let uploads = pair.to.count_of("PUT", Kind::UploadFinish);
        assert_eq!(uploads, 6, "{status}: every blob was uploaded");
        let mounts = kind(&pair.to, Kind::Mount);
        assert!((1..=6).contains(&mounts), "{status}: {mounts}");
    }
}

#[tokio::test]
async fn q91_a_mount_that_lied_is_found_out_by_the_manifest() {
    let (pair, other, rule) = sharing(None).await;
    let lie = Fault::on(Kind::Mount)
        .repository("x/c")
        .reference(layer().digest())
        .quirk(Quirk::MountLies);
    let lie = pair.to.fault(lie);
    let report = pair.arrives(rule).await;
    assert_eq!(lie.fired(), 1);
    assert!(pair.to.has("x/c", "1", &other));
    assert_eq!(report.images[1].attempts, 2);
    // one that always lies is believed once, and gets the bytes then
    let (pair, other, rule) = sharing(Some(Quirk::MountLies)).await;
    let report = pair.arrives(rule).await;
    assert_all(&report, Outcome::Copied);
    assert!(pair.to.has("x/c", "1", &other));
    assert_eq!(report.images.iter().map(|image| image.attempts).collect::<Vec<_>>(), [1, 2]);
    assert!(statuses(&pair.to, "PUT", Kind::Manifest).iter().any(|status| *status >= 400));
    assert_eq!(report.totals.bytes_mounted, 0);
}
