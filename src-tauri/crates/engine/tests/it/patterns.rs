//! Repositories by pattern, and tags beyond the grammar of the original.

use std::collections::BTreeSet;

use engine::{Outcome, TagFilter};
use registry::Code;
use testkit::{Fault, Image, Kind, Layer, Quirk, Registry, Reply, Stall};

use crate::common::{assert_all, at, failure, finish, nothing, only, patterns, sync, two};

fn image(seed: u64) -> Image {
    Image::single("linux/amd64", [Layer::random(seed, 300)])
}

/// A source with some repositories.
async fn filled() -> (Registry, Registry) {
    let (from, to) = two().await;
    let names = ["team/app", "team/web", "team/old-app", "team/deep/tool", "other/app", "single"];
    for (name, seed) in names.into_iter().zip(1..) {
        for (tag, n) in [("1.0", 0), ("1.1", 1), ("2.0-rc1", 2), ("latest", 3)] {
            from.push(name, tag, &image(10 * seed + n));
        }
    }
    (from, to)
}

/// `repository:tag` of everything that a registry has.
fn all(registry: &Registry) -> BTreeSet<String> {
    let names = registry.repositories();
    let tags = |name: &String| {
        let name = name.clone();
        registry.tags(&name).into_iter().map(move |tag| format!("{name}:{tag}")).collect::<Vec<_>>()
    };
    names.iter().flat_map(tags).collect()
}

#[tokio::test]
async fn repositories_that_match_are_copied_each_to_its_own_place() {
    for (source, exclude, destination, expected) in [
        (
            "team/*:1.0",
            &["team/old-*"][..],
            "mirror/{path}",
            &["mirror/team/app:1.0", "mirror/team/web:1.0"][..],
        ),
        ("team/**:/^1/", &["/old/", "team/app", "team/web"], "{name}", &["tool:1.0", "tool:1.1"]),
        ("*:latest", &[], "x/{namespace}/y-{name}", &["x/y-single:latest"]),
        ("other/app*:2.0-rc1,none", &[], "{registry}/{path}", &["PORT/other/app:2.0-rc1"]),
    ] {
        let (from, to) = filled().await;
        let rule = nothing().over(&at(&from, source), exclude, &[&at(&to, destination)]);
        let report = rule.run().await;
        assert_all(&report, Outcome::Copied);
        let host = from.host().replace(':', "-");
        let expected: BTreeSet<String> =
            expected.iter().map(|text| text.replace("PORT", &host)).collect();
        assert_eq!(all(&to), expected, "{source} -> {destination}");
        assert_eq!(report.images.len(), expected.len());
    }
}

#[tokio::test]
async fn two_destinations_and_a_second_run() {
    let (from, to) = filled().await;
    let rule = || {
        let (one, two) = (at(&to, "one/{path}"), at(&to, "two/{name}"));
        nothing().over(&at(&from, "team/*:/^1/"), &[], &[&one, &two])
    };
    let report = rule().run().await;
    assert_all(&report, Outcome::Copied);
    assert_eq!(report.images.len(), 3 * 2 * 2);
    assert_eq!(from.count_of("GET", Kind::Manifest), 3 * 2, "each image is read once");
    let order: Vec<_> = report.images.iter().map(|i| (&i.source, &i.destination)).collect();
    assert_eq!(order[0].0, &at(&from, "team/app:1.0"));
    assert_eq!(order[2].1, &at(&to, "two/app:1.0"));
    assert_eq!(order[4].0, &at(&from, "team/old-app:1.0"));
    from.clear_log();
    to.clear_log();
    assert_all(&rule().run().await, Outcome::Skipped);
    assert_eq!(to.writes(), 0);
    assert_eq!(from.count_of("GET", Kind::Catalog), 1);
    assert_eq!(from.count_of("GET", Kind::Tags), 3, "one list each");
}

#[tokio::test]
async fn a_repository_that_two_patterns_match_is_listed_and_read_once() {
    let (from, to) = filled().await;
    let report = nothing()
        .over(&at(&from, "team/*:/^1/"), &[], &[&at(&to, "one/{path}")])
        .over(&at(&from, "**/app:1.0,latest"), &[], &[&at(&to, "two/{path}")])
        // the same image to the same place: one row
        .over(&at(&from, "team/a*:1.0"), &[], &[&at(&to, "one/{path}")])
        .run()
        .await;
    assert_all(&report, Outcome::Copied);
    assert_eq!(report.images.len(), 3 * 2 + 2 * 2);
    let one = |name: &str, tag: &str| format!("one/team/{name}:{tag}");
    let mut expected: BTreeSet<String> = ["app", "web", "old-app"]
        .iter()
        .flat_map(|name| [one(name, "1.0"), one(name, "1.1")])
        .collect();
    expected.extend(
        ["team/app", "other/app"]
            .iter()
            .flat_map(|name| [format!("two/{name}:1.0"), format!("two/{name}:latest")]),
    );
    assert_eq!(all(&to), expected);
    assert_eq!(from.count_of("GET", Kind::Catalog), 1, "one catalogue for all patterns");
    for name in ["team/app", "team/web", "team/old-app", "other/app"] {
        let lists = from.count(|r| r.kind == Kind::Tags && r.repository.as_deref() == Some(name));
        assert_eq!(lists, 1, "{name}");
    }
    // 1.0 of team/app goes to two places, and is read once
    assert_eq!(from.count_of("GET", Kind::Manifest), 9);
}

#[tokio::test]
async fn what_one_pattern_puts_where_another_repository_of_a_second_goes_is_a_conflict() {
    let (from, to) = filled().await;
    let report = nothing()
        .over(&at(&from, "team/app*:latest"), &[], &[&at(&to, "x/{name}")])
        .over(&at(&from, "*/app:latest"), &[], &[&at(&to, "x/{name}")])
        .run()
        .await;
    // team/app and other/app both want x/app:latest
    let failed: Vec<_> = report.images.iter().filter(|i| i.status == Outcome::Failed).collect();
    assert_eq!(failed.len(), 2, "{:#?}", report.images);
    assert!(failed.iter().all(|i| i.error.as_ref().unwrap().code == Code::RuleConflict));
    assert!(to.tag_digest("x/app", "latest").is_none());
}

#[tokio::test]
async fn a_repository_that_comes_later_is_found_by_the_next_run() {
    let (from, to) = filled().await;
    let rule = || nothing().over(&at(&from, "team/*:1.0"), &[], &[&at(&to, "{path}")]);
    assert_eq!(rule().run().await.images.len(), 3);
    from.push("team/new", "1.0", &image(99));
    let report = rule().run().await;
    assert_eq!((report.totals.copied, report.totals.skipped), (1, 3));
}

#[tokio::test]
async fn repositories_that_would_meet_in_one_tag_are_a_conflict() {
    let (from, to) = filled().await;
    let rule = nothing().over(&at(&from, "**:latest"), &[], &[&at(&to, "x/{name}")]);
    let report = rule.run().await;
    let failed: Vec<_> =
        report.images.iter().filter(|image| image.status == Outcome::Failed).collect();
    assert_eq!(failed.len(), 2, "team/app and other/app: {failed:#?}");
    for image in failed {
        assert_eq!(image.error.as_ref().unwrap().code, Code::RuleConflict);
        assert_eq!(image.destination, at(&to, "x/app:latest"));
    }
    assert!(to.tag_digest("x/app", "latest").is_none(), "none is written");
    assert_eq!(report.totals.copied, 4);
}

#[tokio::test]
async fn a_rule_for_one_repository_and_a_pattern_are_a_conflict_too() {
    let (from, to) = filled().await;
    let report = sync(&at(&from, "single:latest"), &[&at(&to, "team/app")])
        .over(&at(&from, "team/*:latest"), &[], &[&at(&to, "{path}")])
        .run()
        .await;
    let conflicts = report
        .images
        .iter()
        .filter(|image| image.error.as_ref().is_some_and(|error| error.code == Code::RuleConflict));
    assert_eq!(conflicts.count(), 2);
    assert!(to.tag_digest("team/app", "latest").is_none());
    assert_eq!(report.totals.copied, 2);
}

#[tokio::test]
async fn a_registry_that_lists_nothing_is_a_clear_error() {
    for status in [401, 404, 405] {
        let (from, to) = filled().await;
        from.add_quirk(Quirk::CatalogRefused(status));
        let rule = nothing().over(&at(&from, "team/*"), &[], &[&at(&to, "{path}")]);
        let report = rule.and(&at(&from, "single:1.0"), &[&at(&to, "single")]).run().await;
        let failed = &report.images[0];
        assert_eq!(failed.status, Outcome::Failed);
        assert_eq!(
            (&*failed.source, &*failed.destination),
            (&*at(&from, "team/*"), &*at(&to, "{path}"))
        );
        let error = failed.error.as_ref().unwrap();
        assert_eq!(error.code, Code::CatalogUnsupported, "{status}");
        assert!(error.hint.contains("Name the repositories one by one"), "{}", error.hint);
        assert_eq!(report.totals.copied, 1, "the rest of the run goes on");
    }
}

#[tokio::test]
async fn a_pattern_that_matches_nothing_is_a_warning_or_an_error() {
    let (from, to) = filled().await;
    let rule = || nothing().over(&at(&from, "nobody/*"), &[], &[&at(&to, "{path}")]);
    let report = rule().run().await;
    assert!(report.images.is_empty());
    assert_eq!(report.warnings.len(), 1);
    assert!(report.warnings[0].contains("selects no repository"), "{:?}", report.warnings);
    assert!(report.warnings[0].contains("lists 6"), "{:?}", report.warnings);
    let report = rule().policy(|p| p.fail_if_empty = true).run().await;
    assert_eq!(failure(&report).code, Code::RuleEmpty);
}

#[tokio::test]
async fn one_repository_that_can_not_be_listed_leaves_the_others() {
    let (from, to) = filled().await;
    let fault = Fault::on(Kind::Tags).repository("team/web").always();
    from.fault(fault.answer(Reply::error(403, "DENIED", "no")));
    let report = nothing().over(&at(&from, "team/*"), &[], &[&at(&to, "{path}")]).run().await;
    assert_eq!((report.totals.copied, report.totals.failed), (8, 1));
    from.assert_all_fired();
    let failed = report.images.iter().find(|image| image.status == Outcome::Failed).unwrap();
    assert_eq!(failed.source, at(&from, "team/web"));
    assert_eq!(failed.destination, at(&to, "team/web"));
}

async fn selected(narrow: impl Fn(&mut TagFilter), source: &str) -> Vec<String> {
    let (from, to) = two().await;
    for (tag, seed) in
        ["1.0", "1.10", "1.2", "1.2.1", "2.0-rc1", "2.0", "1.2-alpine", "latest", "v3"]
            .into_iter()
            .zip(1..)
    {
        from.push("a", tag, &image(seed));
    }
    let report = sync(&at(&from, source), &[&at(&to, "x")]).tags(narrow).plan().await;
    let tag = |image: &engine::ImageReport| image.source.rsplit_once(':').unwrap().1.to_owned();
    report.images.iter().map(tag).collect()
}

#[tokio::test]
async fn tags_are_narrowed() {
    let range = |text: &str| TagFilter::range(text).unwrap();
    let include = |tags: &mut TagFilter, list: &[&str]| tags.include = patterns(list);
    assert_eq!(
        selected(|tags| include(tags, &["1.*", "latest"]), "a").await,
        ["1.0", "1.10", "1.2", "1.2-alpine", "1.2.1", "latest"]
    );
    assert_eq!(
        selected(|tags| tags.exclude = patterns(&["*-*", "/^v/"]), "a").await,
        ["1.0", "1.10", "1.2", "1.2.1", "2.0", "latest"]
    );
    assert_eq!(
        selected(|tags| tags.versions = Some(range(">=1.2, <3")), "a").await,
        ["1.10", "1.2", "1.2.1", "2.0"],
        "tags with a suffix are not asked for"
    );
    assert_eq!(selected(|tags| tags.newest = Some(2), "a").await, ["2.0", "v3"]);
    assert_eq!(
        selected(|tags| (tags.newest, tags.versions) = (Some(2), Some(range("1"))), "a").await,
        ["1.10", "1.2.1"]
    );
    assert_eq!(
        selected(|tags| (tags.newest, tags.include) = (Some(1), patterns(&["*-alpine"])), "a")
            .await,
        ["1.2-alpine"]
    );
    assert_eq!(
        selected(|tags| tags.newest = Some(2), "a:/^2/").await,
        ["2.0", "2.0-rc1"],
        "the source asks for them"
    );
    assert_eq!(selected(|tags| tags.exclude = patterns(&["1.0"]), "a:1.0,1.2").await, ["1.2"]);
}

#[tokio::test]
async fn narrowing_to_nothing_is_a_warning() {
    let (from, to) = two().await;
    from.push("a", "1", &image(1));
    let rule = sync(&at(&from, "a:1"), &[&at(&to, "x:y")]);
    let report = rule.tags(|tags| tags.exclude = patterns(&["*"])).run().await;
    assert!(report.images.is_empty());
    assert!(report.warnings[0].contains("selects no tag"), "{:?}", report.warnings);
}

#[tokio::test]
async fn a_long_list_is_whole_in_the_report_and_in_its_order() {
    let (from, to) = two().await;
    from.add_quirk(Quirk::PageSize(50));
    let built = from.push("a", "0000", &image(1));
    for tag in 1..400 {
        from.store().put_tag("a", &format!("{tag:04}"), built.digest());
    }
    let report = sync(&at(&from, "a:/[02468]$/"), &[&at(&to, "x"), &at(&to, "y")]).run().await;
    assert_all(&report, Outcome::Copied);
    assert_eq!(report.images.len(), 400);
    let sources: Vec<_> = report.images.iter().map(|image| image.source.clone()).collect();
    let mut sorted = sources[..200].to_vec();
    sorted.sort();
    assert_eq!(sources[..200], sorted[..], "in the order of the list");
    assert_eq!(sources[..200], sources[200..], "one destination after the other");
    assert_eq!(to.tags("x").len(), 200);
    assert_eq!(from.count_of("GET", Kind::Tags), 8);
}

#[tokio::test]
async fn a_list_that_breaks_off_is_a_failure_beside_what_was_listed() {
    let (from, to) = two().await;
    from.add_quirk(Quirk::PageSize(50));
    let built = from.push("a", "0000", &image(1));
    for tag in 1..120 {
        from.store().put_tag("a", &format!("{tag:04}"), built.digest());
    }
    from.fault(Fault::on(Kind::Tags).skip(2).always().answer(Reply::error(403, "DENIED", "no")));
    let report = sync(&at(&from, "a"), &[&at(&to, "x")]).run().await;
    assert_eq!((report.totals.copied, report.totals.failed), (100, 1));
    let failed = report.images.last().unwrap();
    assert_eq!((failed.status, &failed.source), (Outcome::Failed, &at(&from, "a")));
    from.assert_all_fired();
    let report = sync(&at(&from, "a:1"), &[&at(&to, "z")]).run().await;
    assert_eq!(only(&report).status, Outcome::Failed);
}

#[tokio::test]
async fn a_very_long_list_waits_for_the_images_before_it() {
    let (from, to) = two().await;
    let built = from.push("a", "t", &image(1));
    for tag in 1..20_000 {
        from.store().put_tag("a", &format!("t{tag}"), built.digest());
    }
    // nothing gets on at the destination
    to.fault(Fault::on(Kind::Manifest).always().stall(Stall::Answer));
    let run = sync(&at(&from, "a"), &[&at(&to, "x")])
        .options(|o| o.stall = std::time::Duration::from_mins(5))
        .start();
    let lists = |requests: &[testkit::Request]| {
        requests.iter().filter(|request| request.is("GET", Kind::Tags)).count()
    };
    from.wait_for(|requests| lists(requests) >= 4).await;
    to.wait_for(|requests| !requests.is_empty()).await;
    run.cancel();
    let report = finish(run).await;
    to.clear_faults();
    assert_all(&report, Outcome::Cancelled);
    // the window, what is in hand, and the page that these came from
    assert!(lists(&from.requests()) <= 6, "{}", lists(&from.requests()));
    assert!(report.images.len() <= 6000, "{}", report.images.len());
}
