//! Attestations in indexes: kept, left out, or left out where the destination refuses them.

use engine::{Action, Attestations, ImageReport, IndexPolicy, Outcome};
use registry::Digest;
use serde_json::Value;
use testkit::{Built, Fault, Image, Kind, Layer, Quirk, Registry, Reply};

use crate::common::{Sync, assert_all, at, failure, only, sync, two};

fn single(platform: &str, seed: u64) -> Image {
    Image::single(platform, [Layer::random(seed, 2000)])
}

/// Two platforms, with an attestation each.
fn image() -> Image {
    Image::multi([single("linux/amd64", 1), single("linux/arm64", 2)])
        .attested_by_artifacts()
        .pretty()
        .annotation("keep", "me")
}

fn rule(from: &Registry, to: &Registry, attestations: Attestations) -> Sync {
    sync(&at(from, "a/b:1"), &[&at(to, "x/b")]).policy(|p| p.attestations = attestations)
}

/// Checks that the destination has the index with the first two entries alone, and that nothing else in it changed.
#[track_caller]
fn assert_bare(to: &Registry, built: &Built, image: &ImageReport) {
    let bytes = to.manifest("x/b", "1").unwrap().1;
    let (before, after): (Value, Value) =
        (serde_json::from_slice(built.bytes()).unwrap(), serde_json::from_slice(&bytes).unwrap());
    assert_eq!(before["manifests"].as_array().unwrap().len(), 4);
    assert_eq!(
        after["manifests"].as_array().unwrap()[..],
        before["manifests"].as_array().unwrap()[..2]
    );
    let without = |value: &Value| {
        let mut value = value.clone();
        value.as_object_mut().unwrap().remove("manifests");
        value
    };
    assert_eq!(without(&after), without(&before));
    // up to the list's end it is the same text: nothing was written anew
    let common = built.bytes().iter().zip(&bytes[..]).take_while(|(a, b)| a == b).count();
    let second = String::from_utf8_lossy(&bytes).find(built.children()[1].digest()).unwrap();
    assert!(common > second, "{common} of {}", bytes.len());
    // both digests are told
    assert_eq!(image.source_digest.as_ref().map(Digest::as_str), Some(built.digest()));
    assert_eq!(image.digest, Some(Digest::sha256(&bytes)));
}

#[tokio::test]
async fn they_are_kept_unless_told_otherwise() {
    for image in [image(), Image::multi([single("linux/amd64", 1)]).attested()] {
        let (from, to) = two().await;
        let built = from.push("a/b", "1", &image);
        assert_all(&rule(&from, &to, Attestations::default()).run().await, Outcome::Copied);
        assert!(to.has("x/b", "1", &built));
    }
}

#[tokio::test]
async fn they_are_stripped_and_nothing_of_them_is_moved() {
    let (from, to) = two().await;
    let built = from.push("a/b", "1", &image());
    let rule = || rule(&from, &to, Attestations::Strip);
    let report = rule().run().await;
    assert_all(&report, Outcome::Copied);
    assert_bare(&to, &built, only(&report));
    assert_eq!(from.count_of("GET", Kind::Blob), 4, "two configs, two layers");
    assert_eq!(from.count_of("GET", Kind::Manifest), 3);
    // a second run writes nothing
    to.clear_log();
    from.clear_log();
    let report = rule().run().await;
    assert_all(&report, Outcome::Skipped);
    assert_eq!(only(&report).reason.as_deref(), Some("same digest"));
    assert_eq!((from.requests().len(), to.requests().len(), to.writes()), (1, 1, 0));
}

#[tokio::test]
async fn stripping_goes_along_with_a_platform_filter() {
    let (from, to) = two().await;
    let built = from.push("a/b", "1", &image());
    let rule = rule(&from, &to, Attestations::Strip).platforms(&[], &["arm64"]);
    assert_all(&rule.run().await, Outcome::Copied);
    let index: Value = serde_json::from_slice(&to.manifest("x/b", "1").unwrap().1).unwrap();
    let kept = index["manifests"].as_array().unwrap();
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0]["digest"], built.children()[1].digest());
}

#[tokio::test]
async fn an_image_without_any_keeps_its_digest() {
    let (from, to) = two().await;
    let built = from.push("a/b", "1", &Image::multi([single("linux/amd64", 1)]));
    for attestations in [Attestations::Strip, Attestations::Auto] {
        rule(&from, &to, attestations).run().await;
        assert!(to.has("x/b", "1", &built));
    }
}

#[tokio::test]
async fn auto_keeps_them_where_the_destination_takes_them() {
    let (from, to) = two().await;
    let built = from.push("a/b", "1", &image());
    let rule = || rule(&from, &to, Attestations::Auto);
    assert_all(&rule().run().await, Outcome::Copied);
    assert!(to.has("x/b", "1", &built));
    from.clear_log();
    to.clear_log();
    assert_all(&rule().run().await, Outcome::Skipped);
    assert_eq!((from.requests().len(), to.requests().len()), (1, 1));
}

#[tokio::test]
async fn auto_leaves_them_out_where_the_destination_refuses_them() {
    let (from, to) = two().await;
    to.add_quirk(Quirk::EmptyConfigDenied);
    let built = from.push("a/b", "1", &image());
    let rule = || rule(&from, &to, Attestations::Auto);
    let report = rule().run().await;
    assert_all(&report, Outcome::Copied);
    assert_bare(&to, &built, only(&report));
    let reason = only(&report).reason.as_deref().unwrap();
    assert!(reason.contains("attestations were left out"), "{reason}");
    assert_eq!(report.warnings.len(), 1, "{:?}", report.warnings);
    let warning = &report.warnings[0];
    assert!(
        warning.contains(to.host()) && warning.contains("vnd.oci.empty"),
        "{warning}: where and why"
    );
    // a second run costs no write
    to.clear_log();
    from.clear_log();
    let report = rule().run().await;
    assert_all(&report, Outcome::Skipped);
    let image = only(&report);
    assert_eq!(image.reason.as_deref(), Some("same digest, without attestations"));
    assert!(image.stands());
    assert_eq!(to.writes(), 0);
    assert_eq!((to.requests().len(), from.requests().len()), (1, 2), "HEAD; HEAD and GET");
    // and a plan says the same
    let plan = rule().plan().await;
    assert_eq!(only(&plan).plan.unwrap().action, Action::Skip);
    assert_eq!(only(&plan).digest, image.digest);
}

#[tokio::test]
async fn what_one_image_has_learnt_spares_the_others_the_refusal() {
    let (from, to) = two().await;
    to.add_quirk(Quirk::EmptyConfigDenied);
    for tag in 0..5 {
        let one = single("linux/amd64", 10 + tag);
        from.push("a/b", &tag.to_string(), &Image::multi([one]).attested_by_artifacts());
    }
    let rule = sync(&at(&from, "a/b"), &[&at(&to, "x/b")])
        .policy(|p| (p.attestations, p.images) = (Attestations::Auto, Some(1)));
    let report = rule.run().await;
    assert_all(&report, Outcome::Copied);
    assert_eq!(report.warnings.len(), 1, "told once: {:?}", report.warnings);
    assert_eq!(to.count(|r| r.is("PUT", Kind::Manifest) && r.status == Some(403)), 1);
    assert_eq!(to.count(|r| r.is("PUT", Kind::Manifest)), 1 + 5 * 2);
}

#[tokio::test]
async fn auto_understands_a_refusal_in_other_words() {
    for (status, code) in [(400, "MANIFEST_INVALID"), (403, "DENIED"), (415, "UNSUPPORTED")] {
        let (from, to) = two().await;
        let built = from.push("a/b", "1", &image());
        let refused = to.fault(
            Fault::on(Kind::Manifest)
                .method("PUT")
                .reference(built.children()[2].digest())
                .always()
                .answer(Reply::error(status, code, "no")),
        );
        let report = rule(&from, &to, Attestations::Auto).run().await;
        assert_all(&report, Outcome::Copied);
        assert_bare(&to, &built, only(&report));
        assert!(refused.fired() > 0, "{status}");
    }
}

#[tokio::test]
async fn auto_forgives_nothing_but_attestations() {
    let (from, to) = two().await;
    let built = from.push("a/b", "1", &image());
    to.fault(
        Fault::on(Kind::Manifest)
            .method("PUT")
            .reference(built.children()[0].digest())
            .always()
            .answer(Reply::error(403, "DENIED", "no")),
    );
    let report = rule(&from, &to, Attestations::Auto).run().await;
    assert_eq!(failure(&report).code.as_str(), "access.push-denied");
    assert!(to.manifest("x/b", "1").is_none());
    to.assert_all_fired();
    // and by default nothing at all
    let (from, to) = two().await;
    to.add_quirk(Quirk::EmptyConfigDenied);
    from.push("a/b", "1", &image());
    let report = rule(&from, &to, Attestations::Keep).run().await;
    let failure = failure(&report);
    assert_eq!(failure.code.as_str(), "manifest.rejected");
    assert!(failure.hint.contains("attestations"), "{}", failure.hint);
    assert!(to.manifest("x/b", "1").is_none());
}

#[tokio::test]
async fn auto_by_digest_is_put_by_the_new_digest_and_found_again() {
    let (from, to) = two().await;
    to.add_quirk(Quirk::EmptyConfigDenied);
    let built = from.push("a/b", "", &image());
    let rule = || {
        sync(&at(&from, &format!("a/b@{}", built.digest())), &[&at(&to, "x/b")])
            .policy(|p| p.attestations = Attestations::Auto)
    };
    let report = rule().run().await;
    let image = only(&report);
    assert_eq!(image.status, Outcome::Copied);
    let digest = image.digest.as_ref().unwrap();
    assert_ne!(digest.as_str(), built.digest());
    assert_eq!(image.destination, at(&to, &format!("x/b@{digest}")));
    to.clear_log();
    assert_all(&rule().run().await, Outcome::Skipped);
    assert_eq!(to.writes(), 0);
}

#[tokio::test]
async fn a_sparse_index_keeps_its_bytes_and_only_what_is_wanted_is_copied() {
    let (from, to) = two().await;
    to.add_quirk(Quirk::SparseIndexes);
    let built = from.push("a/b", "1", &image());
    let rule = |arch: &'static str| {
        rule(&from, &to, Attestations::Strip)
            .policy(|p| p.index = IndexPolicy::Sparse)
            .platforms(&[], &[arch])
    };
    let report = rule("amd64").run().await;
    assert_all(&report, Outcome::Copied);
    assert_eq!(to.tag_digest("x/b", "1").as_deref(), Some(built.digest()));
    let there = |at: usize| to.manifest("x/b", built.children()[at].digest()).is_some();
    assert_eq!([there(0), there(1), there(2), there(3)], [true, false, false, false]);
    assert_eq!(from.count_of("GET", Kind::Blob), 2);
    // the same again writes nothing
    to.clear_log();
    assert_all(&rule("amd64").run().await, Outcome::Skipped);
    assert_eq!(to.writes(), 0);
    // the index is there already, another part of it is not
    let plan = rule("arm64").plan().await;
    assert_eq!(only(&plan).plan.unwrap().action, Action::Copy);
    assert_all(&rule("arm64").run().await, Outcome::Copied);
    assert_eq!([there(0), there(1), there(2), there(3)], [true, true, false, false]);
}

#[tokio::test]
async fn a_destination_that_takes_no_sparse_index_is_a_clear_error() {
    let (from, to) = two().await;
    from.push("a/b", "1", &image());
    let report = rule(&from, &to, Attestations::Keep)
        .policy(|p| p.index = IndexPolicy::Sparse)
        .platforms(&[], &["amd64"])
        .retries(1)
        .run()
        .await;
    let failure = failure(&report);
    assert_eq!(failure.code.as_str(), "manifest.rejected");
    assert!(failure.message.contains("sparse"), "{}", failure.message);
    assert!(failure.hint.contains("rewrite"), "{}", failure.hint);
    assert!(to.manifest("x/b", "1").is_none());
}
