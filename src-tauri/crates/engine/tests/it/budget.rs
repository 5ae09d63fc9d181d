//! Sources that count how many manifests are read.

use engine::{Outcome, Pulls};
use testkit::{Image, Kind, Layer, Quirk, Registry};

use crate::common::{assert_all, at, sync, two};

fn image(seed: u64) -> Image {
    let single = |platform: &str, n| Image::single(platform, [Layer::random(10 * seed + n, 500)]);
    Image::multi([single("linux/amd64", 1), single("linux/arm64", 2)])
}

/// A source with so many images of three manifests each, and so many pulls.
async fn limited(images: u64, pulls: u32) -> (Registry, Registry) {
    let (from, to) = two().await;
    from.add_quirk(Quirk::HubLimit(pulls, 21_600));
    for tag in 0..images {
        from.push("a", &tag.to_string(), &image(tag + 1));
    }
    (from, to)
}

#[tokio::test]
async fn a_plan_knows_what_a_run_needs_and_what_is_left() {
    let (from, to) = limited(4, 100).await;
    to.push("x", "0", &image(1));
    let rule = || sync(&at(&from, "a"), &[&at(&to, "x")]);
    let plan = rule().plan().await;
    let needed = 3 * 3;
    let pulls = Pulls {
        registry: from.host().to_owned(),
        needed,
        left: 100 - needed,
        limit: 100,
        window_seconds: Some(21_600),
    };
    assert_eq!(plan.pulls, [pulls]);
    assert!(plan.warnings.is_empty(), "{:?}", plan.warnings);
    from.clear_log();
    let run = rule().run().await;
    assert_eq!(from.count_of("GET", Kind::Manifest) as u64, needed, "as it was told");
    assert_eq!((run.pulls[0].needed, run.pulls[0].left), (needed, 100 - 2 * needed));
    assert!(run.warnings.is_empty(), "{:?}", run.warnings);
}

#[tokio::test]
async fn a_plan_for_which_the_pulls_are_short_warns() {
    let (from, to) = limited(4, 20).await;
    let plan = sync(&at(&from, "a"), &[&at(&to, "x")]).plan().await;
    assert_all(&plan, Outcome::Planned);
    assert!(plan.pulls[0].is_short(), "{:?}", plan.pulls);
    assert_eq!((plan.pulls[0].needed, plan.pulls[0].left), (12, 8));
    let warning = &plan.warnings[0];
    assert!(warning.contains("8 more") && warning.contains("needs 12"), "{warning}");
}

#[tokio::test]
async fn a_run_warns_once_while_there_are_pulls_left() {
    let (from, to) = limited(12, 10).await;
    let rule = sync(&at(&from, "a"), &[&at(&to, "x")]);
    let rule = rule.policy(|p| p.images = Some(1)).retries(0);
    let report = rule.options(|o| o.longest_wait = std::time::Duration::ZERO).run().await;
    let warnings: Vec<_> = report.warnings.iter().filter(|w| w.contains("log in")).collect();
    assert_eq!(warnings.len(), 1, "{:?}", report.warnings);
    assert!(warnings[0].contains("9 more manifests"), "told at the first image: {warnings:?}");
    assert!(warnings[0].contains("11 more of its images"), "{warnings:?}");
    assert_eq!(report.totals.copied, 3, "ten pulls are enough for three");
    assert_eq!(report.totals.failed, 9);
}

#[tokio::test]
async fn what_nothing_is_pulled_for_warns_of_nothing() {
    let (from, to) = limited(5, 2).await;
    for tag in 0..5 {
        to.push("x", &tag.to_string(), &image(tag + 1));
    }
    let report = sync(&at(&from, "a"), &[&at(&to, "x")]).run().await;
    assert_all(&report, Outcome::Skipped);
    assert!(report.warnings.is_empty(), "{:?}", report.warnings);
    assert_eq!((report.pulls[0].needed, report.pulls[0].left), (0, 2));
}

#[tokio::test]
async fn registries_that_do_not_count_are_not_told_of() {
    let (from, to) = two().await;
    from.push("a", "1", &image(1));
    let report = sync(&at(&from, "a"), &[&at(&to, "x")]).run().await;
    assert!(report.pulls.is_empty(), "{:?}", report.pulls);
}
