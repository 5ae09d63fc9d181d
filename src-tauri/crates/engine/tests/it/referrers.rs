//! Signatures and other referrers that come along.

use engine::Outcome;
use testkit::{Built, Image, Layer, Quirk, Registry};

use crate::common::{Sync, assert_all, at, only, sync, two};

fn image() -> Image {
    Image::multi([
        Image::single("linux/amd64", [Layer::random(1, 900)]),
        Image::single("linux/arm64", [Layer::random(2, 900)]),
    ])
}

fn signature(of: &Built, text: &str) -> Image {
    Image::artifact("application/x-signature", [Layer::bytes(text.to_owned())]).subject(of)
}

fn rule(from: &Registry, to: &Registry) -> Sync {
    sync(&at(from, "a:1"), &[&at(to, "x")]).policy(|p| p.referrers = true)
}

struct Signed {
    all: Vec<Built>,
}

/// An image, a signature of it, a signature of that, and one of a platform.
fn push(from: &Registry) -> Signed {
    let root = from.push("a", "1", &image());
    let one = from.push("a", "", &signature(&root, "one"));
    let two = from.push("a", "", &signature(&one, "two"));
    let child = from.push("a", "", &signature(&root.children()[0], "child"));
    Signed { all: vec![root, one, two, child] }
}

fn cosign(of: &Built, ending: &str) -> String {
    format!("{}.{ending}", of.digest().replace(':', "-"))
}

#[tokio::test]
async fn all_that_refers_to_an_image_comes_along() {
    let (from, to) = two().await;
    let signed = push(&from);
    let tag = cosign(&signed.all[0], "sig");
    let cosigned =
        from.push("a", &tag, &Image::artifact("application/x-cosign", [Layer::bytes("c")]));
    let report = rule(&from, &to).run().await;
    assert_all(&report, Outcome::Copied);
    assert!(to.has("x", "1", &signed.all[0]));
    for built in &signed.all {
        assert!(to.has("x", "", built));
    }
    assert!(to.has("x", &tag, &cosigned));
    assert_eq!(
        only(&report).digest.as_ref().map(ToString::to_string).as_deref(),
        Some(signed.all[0].digest())
    );
}

#[tokio::test]
async fn without_being_asked_none_does() {
    let (from, to) = two().await;
    let signed = push(&from);
    assert_all(&sync(&at(&from, "a:1"), &[&at(&to, "x")]).run().await, Outcome::Copied);
    assert!(!to.has("x", "", &signed.all[1]));
}

#[tokio::test]
async fn what_was_signed_later_comes_with_the_next_run() {
    let (from, to) = two().await;
    let root = from.push("a", "1", &image());
    assert_all(&rule(&from, &to).run().await, Outcome::Copied);
    let one = from.push("a", "", &signature(&root, "one"));
    let report = rule(&from, &to).run().await;
    assert_all(&report, Outcome::Skipped);
    assert!(
        only(&report).reason.as_ref().unwrap().contains("1 referrer"),
        "{:?}",
        only(&report).reason
    );
    assert!(to.has("x", "", &one));
    to.clear_log();
    assert_all(&rule(&from, &to).run().await, Outcome::Skipped);
    assert_eq!(to.writes(), 0);
}

#[tokio::test]
async fn a_registry_without_the_api_gets_an_index_by_tag() {
    let (from, to) = two().await;
    let signed = push(&from);
    let later = from.push("a", "", &signature(&signed.all[0], "later"));
    to.add_quirk(Quirk::NoReferrers(404));
    assert_all(&rule(&from, &to).run().await, Outcome::Copied);
    let tag = signed.all[0].digest().replace(':', "-");
    let (_, bytes) = to.manifest("x", &tag).expect("the index of referrers");
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    assert!(text.contains(signed.all[1].digest()) && text.contains(later.digest()), "{text}");
    // and from such a registry back to one with the API
    let third = Registry::start().await;
    let back =
        sync(&at(&to, "x:1"), &[&at(&third, "y")]).policy(|p| p.referrers = true).run().await;
    assert_all(&back, Outcome::Copied);
    for built in &signed.all {
        assert!(third.has("y", "", built));
    }
}
