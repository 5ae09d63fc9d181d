//! The bound on requests in flight to one host.

use std::time::Duration;

use engine::Outcome;
use testkit::{Image, Layer, Registry};

use crate::common::{Sync, assert_all, at, sync, two};

fn fill(registry: &Registry, repository: &str, seed: u64) {
    for tag in 0..6 {
        let layers = (0..4).map(|i| Layer::random(seed + tag * 10 + i, 60_000));
        registry.push(repository, &tag.to_string(), &Image::single("linux/amd64", layers));
    }
}

fn limited(rules: Sync, limit: usize) -> Sync {
    rules.options(|o| o.requests_per_host = Some(limit))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_host_gets_more_requests_at_once_than_allowed() {
    for limit in [1, 3] {
        let (from, to) = two().await;
        let third = Registry::start().await;
        fill(&from, "a", 100);
        from.set_latency(Duration::from_millis(10));
        let report =
            limited(sync(&at(&from, "a"), &[&at(&to, "x"), &at(&third, "x")]), limit).run().await;
        assert_all(&report, Outcome::Copied);
        for registry in [&from, &to, &third] {
            let most = registry.max_in_flight();
            assert!(most <= limit, "{registry:?}: {most} of {limit}");
        }
        if limit > 1 {
            assert_eq!(from.max_in_flight(), limit, "the room is used");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_docker_hub_will_not_give_is_told_and_not_asked_for() {
    let from = Registry::builder().quirk(testkit::Quirk::HubLimit(20, 21_600)).start().await;
    let to = Registry::start().await;
    for tag in 0..60 {
        let layer = Layer::random(tag, 100);
        from.push("a", &tag.to_string(), &Image::single("linux/amd64", [layer]));
    }
    let rule = sync(&at(&from, "a"), &[&at(&to, "x")]).policy(|p| p.images = Some(4));
    let report = rule.run().await;
    assert_eq!((report.totals.copied, report.totals.failed), (20, 40));
    for failure in report.images.iter().filter_map(|image| image.error.as_ref()) {
        assert_eq!(failure.code, registry::Code::RateLimited, "{failure:?}");
    }
    let told =
        |w: &&registry::Sentence| w.contains(from.host()) && w.contains("more manifests be read");
    assert_eq!(report.warnings.iter().filter(told).count(), 1, "{:?}", report.warnings);
    // no more than were on their way when the last answer said that nothing is left
    let refused = from.count(|r| r.status == Some(429));
    assert!(refused < 4, "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_within_one_host_counts_its_two_requests_as_one() {
    let registry = Registry::builder().quirk(testkit::Quirk::NeverMounts).start().await;
    fill(&registry, "a", 100);
    let report = limited(sync(&at(&registry, "a"), &[&at(&registry, "x")]), 1).run().await;
    assert_all(&report, Outcome::Copied);
    assert!(registry.max_in_flight() <= 2, "{}", registry.max_in_flight());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn copies_that_cross_do_not_wait_for_each_other_for_ever() {
    let (one, two) = two().await;
    let three = Registry::start().await;
    fill(&one, "a", 100);
    fill(&two, "b", 200);
    fill(&three, "c", 300);
    let rules = sync(&at(&one, "a"), &[&at(&two, "xa"), &at(&three, "xa")])
        .and(&at(&two, "b"), &[&at(&one, "xb"), &at(&three, "xb")])
        .and(&at(&three, "c"), &[&at(&two, "xc"), &at(&one, "xc")]);
    let report = limited(rules, 1).run().await;
    assert_all(&report, Outcome::Copied);
    assert_eq!(report.images.len(), 36);
    for registry in [&one, &two, &three] {
        assert!(registry.max_in_flight() <= 1, "{registry:?}: {}", registry.max_in_flight());
    }
}
