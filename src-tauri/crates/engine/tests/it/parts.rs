//! What an opened row tells of its manifests and blobs.

use std::time::Duration;

use engine::{BlobStatus, ImageParts, ManifestRole};
use testkit::{Fault, Image, Kind, Layer, Registry, Request, Stall};

use crate::common::{HANGS, at, finish, sync, two};

const SIZE: usize = 300_000;

fn image(own: u64) -> Image {
    Image::multi([
        Image::single("linux/amd64", [Layer::random(1, SIZE), Layer::random(own, SIZE)]),
        Image::single("linux/arm64", [Layer::random(1, SIZE)]),
    ])
    .attested()
}

fn statuses(parts: &ImageParts, layer: &Layer) -> BlobStatus {
    parts.blobs.iter().find(|blob| blob.digest.as_str() == layer.digest()).unwrap().status
}

fn push(from: &Registry) {
    for (tag, own) in [("1", 2), ("2", 3)] {
        from.push("a", tag, &image(own));
    }
}

#[tokio::test]
async fn an_index_is_told_by_platform_with_the_blobs_of_each() {
    let (from, to) = two().await;
    push(&from);
    to.put_blob("x", Layer::random(2, SIZE).content());
    let run = sync(&at(&from, "a:1"), &[&at(&to, "x"), &at(&to, "y")])
        .policy(|policy| policy.parts = true)
        .start_plan();
    let control = run.control();
    finish(run).await;
    let [x, y] = [0, 1].map(|image| control.parts(image).unwrap());
    let told: Vec<_> = x.manifests.iter().map(|m| (m.role, m.platform.as_deref())).collect();
    assert_eq!(told[0], (ManifestRole::Index, None));
    let of = |role| told.iter().filter(|(is, _)| *is == role).count();
    assert_eq!((of(ManifestRole::Image), of(ManifestRole::Attestation), told.len()), (2, 2, 5));
    for platform in ["linux/amd64", "linux/arm64"] {
        let manifest =
            x.manifests.iter().find(|m| m.platform.as_deref() == Some(platform)).unwrap();
        let blobs: Vec<_> = manifest.blobs.iter().map(|n| &x.blobs[*n as usize]).collect();
        assert!(manifest.size > 100 && blobs[0].config && !blobs[1].config, "{blobs:?}");
        assert_eq!(blobs[1].digest.as_str(), Layer::random(1, SIZE).digest());
        assert_eq!(blobs[1].size, SIZE as u64);
    }
    // of two repositories of one registry the first gets what is missing, and the second mounts
    assert_eq!(statuses(&x, &Layer::random(2, SIZE)), BlobStatus::Present);
    let shared = [&x, &y].map(|parts| statuses(parts, &Layer::random(1, SIZE)));
    assert!(
        shared == [BlobStatus::Waiting, BlobStatus::Mounted]
            || shared == [BlobStatus::Mounted, BlobStatus::Waiting],
        "{shared:?}"
    );
    assert_eq!(control.parts(2), None);
}

#[tokio::test]
async fn a_blob_is_seen_on_its_way_while_another_image_waits_for_it() {
    let (from, to) = two().await;
    push(&from);
    let layer = Layer::random(1, SIZE);
    let hex = layer.digest().trim_start_matches("sha256:").to_owned();
    let is_its =
        move |request: &Request| request.query.as_ref().is_some_and(|query| query.contains(&hex));
    let stall =
        to.fault(Fault::on(Kind::UploadFinish).when(is_its).stall(Stall::RequestBody(100_000)));
    let run = sync(&at(&from, "a"), &[&at(&to, "x")]).policy(|policy| policy.parts = true).start();
    let control = run.control();
    let seen = async {
        loop {
            let both: Vec<_> = [0, 1].iter().filter_map(|image| control.parts(*image)).collect();
            let mut told: Vec<_> = both.iter().map(|parts| statuses(parts, &layer)).collect();
            told.sort_by_key(|status| *status == BlobStatus::Shared);
            let blobs = both.iter().flat_map(|parts| &parts.blobs);
            let its = blobs.filter(|blob| blob.digest.as_str() == layer.digest());
            let sent = its.map(|blob| blob.in_flight).sum::<u64>();
            if told == [BlobStatus::Uploading, BlobStatus::Shared] && sent >= 100_000 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(HANGS, seen).await.expect("it is uploading for one, shared by the other");
    assert_eq!(stall.fired(), 1);
    to.clear_faults();
    control.cancel();
    finish(run).await;
    let left = [0, 1].map(|image| control.parts(image).unwrap());
    for part in left.iter().flat_map(|parts| &parts.blobs) {
        assert_eq!(part.in_flight, 0, "{part:?}");
        assert_ne!(part.status, BlobStatus::Uploading, "{part:?}");
        assert_ne!(part.status, BlobStatus::Failed, "cancelled is no failure: {part:?}");
    }
}

#[tokio::test]
async fn what_was_done_is_told_afterwards_and_nothing_is_kept_unasked() {
    let (from, to) = two().await;
    push(&from);
    let both =
        || sync(&at(&from, "a:1"), &[&at(&to, "x")]).and(&at(&from, "a:1"), &[&at(&to, "y")]);
    let run = both().policy(|policy| policy.parts = true).start();
    let control = run.control();
    finish(run).await;
    let mut told = Vec::new();
    for image in [0, 1] {
        let parts = control.parts(image).unwrap();
        told.extend(parts.blobs.iter().map(|blob| (blob.status, blob.in_flight)));
    }
    let of = |status| told.iter().filter(|told| **told == (status, 0)).count();
    assert_eq!(of(BlobStatus::Copied), told.len() / 2, "{told:?}");
    assert_eq!(of(BlobStatus::Mounted), told.len() / 2, "{told:?}");

    let run = both().start();
    let control = run.control();
    finish(run).await;
    assert_eq!(control.parts(0), None);
}
