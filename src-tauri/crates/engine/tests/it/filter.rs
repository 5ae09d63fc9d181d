//! Platform filters.

use engine::Outcome;
use registry::{Code, Digest};
use serde_json::Value;
use testkit::{Built, Image, Kind, Layer, Registry};

use crate::common::{Sync, assert_all, at, failure, only, sync, two};

fn single(platform: &str, seed: u64) -> Image {
    Image::single(platform, [Layer::random(seed, 2000)])
}

fn many() -> Image {
    Image::multi([
        single("linux/amd64", 1),
        single("linux/arm/v7", 2),
        single("windows/amd64:10.0.17763.1", 3),
    ])
}

fn rule(from: &Registry, to: &Registry) -> Sync {
    sync(&at(from, "a/b:1"), &[&at(to, "x/b")])
}

/// The index at a destination, as JSON.
fn index(to: &Registry) -> Value {
    serde_json::from_slice(&to.manifest("x/b", "1").unwrap().1).unwrap()
}

fn entries(index: &Value) -> Vec<&str> {
    index["manifests"].as_array().unwrap().iter().map(|e| e["digest"].as_str().unwrap()).collect()
}

fn digests(built: &Built, which: &[usize]) -> Vec<String> {
    which.iter().map(|i| built.children()[*i].digest().to_owned()).collect()
}

#[tokio::test]
async fn what_does_not_match_goes_from_the_list_and_nothing_else_changes() {
    let (from, to) = two().await;
    let built = from.push("a/b", "1", &many().pretty().annotation("keep", "me"));
    let report = rule(&from, &to).platforms(&["linux"], &["arm"]).run().await;
    let image = only(&report);
    assert_eq!(image.status, Outcome::Copied);
    let index = index(&to);
    assert_eq!(entries(&index), digests(&built, &[1]));
    let before: Value = serde_json::from_slice(built.bytes()).unwrap();
    assert_eq!(index["annotations"], before["annotations"]);
    assert_eq!(index["manifests"][0], before["manifests"][1]);
    // both digests are told
    assert_eq!(image.source_digest.as_ref().map(Digest::as_str), Some(built.digest()));
    assert_eq!(image.digest.as_ref().map(Digest::as_str), to.tag_digest("x/b", "1").as_deref());
    assert_ne!(image.digest, image.source_digest);
    // nothing of the others came along
    assert_eq!(to.store().blobs("x/b").len(), 2);
    assert_eq!(from.count_of("GET", Kind::Blob), 2);
}

#[tokio::test]
async fn a_second_run_writes_nothing() {
    let (from, to) = two().await;
    from.push("a/b", "1", &many());
    let rule = || rule(&from, &to).platforms(&["linux"], &[]);
    assert_all(&rule().run().await, Outcome::Copied);
    to.clear_log();
    from.clear_log();
    let report = rule().run().await;
    assert_all(&report, Outcome::Skipped);
    assert_eq!(to.writes(), 0);
    assert_eq!((from.requests().len(), to.requests().len()), (1, 1));
}

#[tokio::test]
async fn a_filter_that_keeps_all_keeps_the_digest() {
    let (from, to) = two().await;
    let built = from.push("a/b", "1", &many());
    let report = rule(&from, &to).platforms(&["linux", "windows"], &["amd64,arm"]).run().await;
    assert_all(&report, Outcome::Copied);
    assert!(to.has("x/b", "1", &built));
}

#[tokio::test]
async fn os_version_and_variant_count() {
    let (from, to) = two().await;
    let built = from.push("a/b", "1", &many().docker());
    assert_all(
        &rule(&from, &to).platforms(&["windows:10.0.17763.1"], &[]).run().await,
        Outcome::Copied,
    );
    assert_eq!(entries(&index(&to)), digests(&built, &[2]));
    assert_all(&rule(&from, &to).platforms(&[], &["arm:v7"]).run().await, Outcome::Copied);
    assert_eq!(entries(&index(&to)), digests(&built, &[1]));
}

#[tokio::test]
async fn attestations_go_with_their_platform() {
    let (from, to) = two().await;
    let index_of_two = Image::multi([single("linux/amd64", 1), single("linux/arm64", 2)]);
    let built = from.push("a/b", "1", &index_of_two.attested());
    assert_eq!(built.children().len(), 4);
    assert_all(&rule(&from, &to).platforms(&[], &["arm64"]).run().await, Outcome::Copied);
    let index = index(&to);
    let kept = entries(&index);
    assert_eq!(kept.len(), 2);
    let arm = built.children()[1].digest();
    assert!(kept.contains(&arm));
    let attestation =
        index["manifests"].as_array().unwrap().iter().find(|e| e["digest"] != arm).unwrap();
    assert_eq!(attestation["annotations"]["vnd.docker.reference.digest"], arm);
}

#[tokio::test]
async fn entries_without_platform_stay() {
    let (from, to) = two().await;
    let nested = Image::multi([single("linux/s390x", 4)]).without_platform();
    let built = from.push("a/b", "1", &Image::multi([single("linux/amd64", 1), nested]));
    assert_all(&rule(&from, &to).platforms(&[], &["arm64"]).run().await, Outcome::Copied);
    assert_eq!(entries(&index(&to)), digests(&built, &[1]));
}

#[tokio::test]
async fn a_filter_that_keeps_nothing_is_the_images_failure() {
    let (from, to) = two().await;
    from.push("a/b", "1", &many());
    let report = rule(&from, &to).platforms(&["plan9"], &[]).run().await;
    let failure = failure(&report);
    assert_eq!(failure.code, Code::PlatformNone);
    assert!(failure.message.contains("plan9"), "{}", failure.message);
    assert_eq!(to.writes(), 0);
}

#[tokio::test]
async fn a_single_platform_image_is_copied_or_skipped() {
    let (from, to) = two().await;
    let built = from.push("a/b", "1", &single("linux/amd64", 1));
    let report = rule(&from, &to).platforms(&["windows"], &[]).run().await;
    let image = only(&report);
    assert_eq!(image.status, Outcome::Skipped);
    assert!(image.reason.as_ref().unwrap().contains("linux/amd64"), "{:?}", image.reason);
    assert_eq!(to.writes(), 0);
    assert_all(&rule(&from, &to).platforms(&["linux"], &["amd64"]).run().await, Outcome::Copied);
    assert!(to.has("x/b", "1", &built));
}

#[tokio::test]
async fn an_artifact_has_no_platform_and_stays() {
    let (from, to) = two().await;
    let built =
        from.push("a/b", "1", &Image::artifact("application/x-thing", [Layer::random(1, 10)]));
    assert_all(&rule(&from, &to).platforms(&["windows"], &[]).run().await, Outcome::Copied);
    assert!(to.has("x/b", "1", &built));
}

#[tokio::test]
async fn a_filtered_index_by_digest_is_put_by_its_new_digest() {
    let (from, to) = two().await;
    let built = from.push("a/b", "", &many());
    let rule = || {
        sync(&at(&from, &format!("a/b@{}", built.digest())), &[&at(&to, "x/b")])
            .platforms(&["linux"], &["amd64"])
    };
    let report = rule().run().await;
    let image = only(&report);
    assert_eq!(image.status, Outcome::Copied);
    let digest = image.digest.as_ref().unwrap();
    assert_ne!(digest.as_str(), built.digest());
    assert_eq!(image.destination, at(&to, &format!("x/b@{digest}")));
    assert!(to.manifest("x/b", digest.as_str()).is_some());
    assert_all(&rule().run().await, Outcome::Skipped);
}

#[tokio::test]
async fn a_plan_skips_an_image_of_another_platform_and_has_not_done_so_yet() {
    let (from, to) = two().await;
    from.push("a/b", "1", &single("linux/amd64", 1));
    let report = rule(&from, &to).platforms(&["windows"], &[]).plan().await;
    let image = only(&report);
    assert_eq!(image.status, Outcome::Planned);
    assert_eq!(image.plan.unwrap().action, engine::Action::Skip);
    assert!(image.source_digest.is_some() && image.reason.is_some(), "{image:?}");
    assert_eq!(report.totals.skipped, 0);
}
