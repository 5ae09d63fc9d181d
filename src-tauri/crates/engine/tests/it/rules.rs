//! From rules to rows: conflicts, doubles, and what can't be resolved.

use engine::{Outcome, Overwrite};
use registry::{Code, Digest};
use testkit::{Fault, Image, Kind, Layer, Quirk, Registry, Reply, Stall};

use crate::common::{PANICS, assert_all, at, failure, finish, only, sync, two};

fn image(seed: u64) -> Image {
    Image::single("linux/amd64", [Layer::random(seed, 1000)])
}

#[tokio::test]
async fn different_images_for_one_tag_are_a_conflict_and_none_is_written() {
    let (from, to) = two().await;
    from.push("a", "1", &image(1));
    from.push("b", "1", &image(2));
    let other = from.push("b", "2", &image(3));
    let report = sync(&at(&from, "a:1"), &[&at(&to, "x")])
        .and(&at(&from, "b"), &[&at(&to, "x")])
        .run()
        .await;
    let by = |name: &str| report.images.iter().find(|i| i.source == at(&from, name)).unwrap();
    for name in ["a:1", "b:1"] {
        let failure = by(name).error.as_ref().unwrap();
        assert_eq!(failure.code, Code::RuleConflict);
        assert!(failure.message.contains(&at(&from, "a:1")), "{}", failure.message);
        assert!(failure.message.contains(&at(&from, "b:1")), "{}", failure.message);
        assert_eq!(by(name).plan.unwrap().action, engine::Action::Conflict);
    }
    assert_eq!(by("b:2").status, Outcome::Copied);
    assert!(to.has("x", "2", &other));
    assert_eq!(to.tags("x"), ["2"]);
}

#[tokio::test]
async fn a_conflict_with_what_stands_there_already_is_one_too() {
    let (from, to) = two().await;
    from.push("a", "1", &image(1));
    from.push("b", "1", &image(2));
    let stands = to.push("x", "1", &image(1));
    let report = sync(&at(&from, "a:1"), &[&at(&to, "x")])
        .and(&at(&from, "b:1"), &[&at(&to, "x")])
        .run()
        .await;
    assert_all(&report, Outcome::Failed);
    assert!(to.has("x", "1", &stands));
    assert_eq!(to.writes(), 0);
}

#[tokio::test]
async fn the_same_image_from_two_places_is_none() {
    let (from, to) = two().await;
    let built = from.push("a", "1", &image(1));
    from.push("b", "1", &image(1));
    let report = sync(&at(&from, "a:1"), &[&at(&to, "x")])
        .and(&at(&from, "b:1"), &[&at(&to, "x")])
        .run()
        .await;
    assert_eq!(report.totals.copied + report.totals.skipped, 2);
    assert!(to.has("x", "1", &built));
    assert_eq!(to.count_of("PUT", Kind::Manifest), 1);
}

#[tokio::test]
async fn with_one_slot_rivals_still_hear_of_each_other() {
    let (from, to) = two().await;
    for (repository, seed) in [("a", 1), ("b", 2), ("c", 1)] {
        from.push(repository, "1", &image(seed));
        from.push(repository, "2", &image(7));
    }
    let report = sync(&at(&from, "a"), &[&at(&to, "x")])
        .and(&at(&from, "b"), &[&at(&to, "x")])
        .and(&at(&from, "c"), &[&at(&to, "x")])
        .policy(|p| p.images = Some(1))
        .run()
        .await;
    assert_eq!(report.totals.failed, 3);
    assert_eq!(to.tags("x"), ["2"]);
}

#[tokio::test]
async fn a_pair_that_two_rules_name_is_one_row() {
    let (from, to) = two().await;
    from.push("a", "1", &image(1));
    let report = sync(&at(&from, "a:1"), &[&at(&to, "x"), &at(&to, "x:1")])
        .and(&at(&from, "a"), &[&at(&to, "x")])
        .run()
        .await;
    assert_eq!(only(&report).status, Outcome::Copied);
}

#[tokio::test]
async fn rows_come_in_the_order_of_the_rules() {
    let (from, to) = two().await;
    let other = Registry::start().await;
    for tag in ["1", "2", "3"] {
        from.push("a", tag, &image(1).label("tag", tag));
        other.push("b", tag, &image(2).label("tag", tag));
    }
    let stall = from.fault(Fault::on(Kind::Tags).repository("a").stall(Stall::Answer));
    let run = sync(&at(&from, "a"), &[&at(&to, "xa")])
        .and(&at(&other, "b:3,1"), &[&at(&to, "xb:c,a")])
        .start();
    stall.wait_fired().await;
    // the second rule does not wait for the first one's list
    to.wait_for(|all| all.iter().filter(|r| r.is("PUT", Kind::Manifest)).count() == 2).await;
    stall.release();
    let report = finish(run).await;
    assert_all(&report, Outcome::Copied);
    let sources: Vec<_> = report.images.iter().map(|i| i.source.clone()).collect();
    let expected = ["a:1", "a:2", "a:3"].map(|name| at(&from, name));
    assert_eq!(sources[..3], expected);
    assert_eq!(sources[3..], ["b:3", "b:1"].map(|name| at(&other, name)));
    assert_eq!(report.images[3].destination, at(&to, "xb:c"));
}

#[tokio::test]
async fn a_rule_that_matches_nothing_is_a_warning_or_a_failure() {
    let (from, to) = two().await;
    from.push("a", "1", &image(1));
    let rule = || sync(&at(&from, "a:/nope/"), &[&at(&to, "x")]);
    let report = rule().run().await;
    assert!(report.images.is_empty());
    assert!(report.warnings[0].contains("/nope/"), "{:?}", report.warnings);
    let report = rule().policy(|p| p.fail_if_empty = true).run().await;
    assert_eq!(failure(&report).code, Code::RuleEmpty);
    assert_eq!(only(&report).source, at(&from, "a:/nope/"));
}

#[tokio::test]
async fn what_can_not_be_resolved_is_a_row_as_written_and_the_rest_goes_on() {
    let (from, to) = two().await;
    from.push("a", "1", &image(1));
    from.push("a", "2", &image(2));
    let good = from.push("b", "1", &image(3));
    let report = sync(&at(&from, "a"), &[&at(&to, "x:latest")])
        .and(&at(&from, "nowhere"), &[&at(&to, "y"), &at(&to, "z")])
        .and(&at(&from, "nowhere:1"), &[&at(&to, "w")])
        .and(&at(&from, "b:1"), &[&at(&to, "v")])
        .run()
        .await;
    let told: Vec<_> = report
        .images
        .iter()
        .map(|i| (i.source.clone(), i.destination.clone(), i.error.as_ref().map(|e| e.code)))
        .collect();
    assert_eq!(
        told,
        [
            (at(&from, "a"), at(&to, "x:latest"), Some(Code::RuleInvalid)),
            (at(&from, "nowhere"), at(&to, "y"), Some(Code::RefNotFound)),
            (at(&from, "nowhere"), at(&to, "z"), Some(Code::RefNotFound)),
            (at(&from, "nowhere:1"), at(&to, "w:1"), Some(Code::RefNotFound)),
            (at(&from, "b:1"), at(&to, "v:1"), None),
        ]
    );
    assert!(to.has("v", "1", &good));
}

#[tokio::test]
async fn an_immutable_tag_is_a_loud_warning_and_left_as_it_is() {
    for status in [400, 409, 412] {
        let (from, to) = two().await;
        from.push("a", "1", &image(1));
        let stands = to.push("x", "1", &image(2));
        to.add_quirk(Quirk::ImmutableTags(status));
        let report = sync(&at(&from, "a:1"), &[&at(&to, "x")]).run().await;
        let image = only(&report);
        assert_eq!(image.status, Outcome::Skipped, "{image:?}");
        assert_eq!(image.reason.as_deref(), Some("immutable tag"));
        assert_eq!(
            image.digest.as_ref().map(ToString::to_string).as_deref(),
            Some(stands.digest())
        );
        assert!(
            report.warnings.iter().any(|w| w.contains(&at(&to, "x:1"))),
            "{:?}",
            report.warnings
        );
        assert!(to.has("x", "1", &stands));
    }
}

#[tokio::test]
async fn an_immutable_tag_is_known_in_the_words_of_many_registries() {
    for (status, code, words) in [
        (400, "ImageTagAlreadyExistsException", "The image tag '1' already exists"),
        (400, "TAG_INVALID", "the tag is immutable"),
        (400, "DENIED", "tag_already_exists"),
        (403, "DENIED", "the repository has immutable tags"),
        (409, "CONFLICT", "tag 1 already exists"),
        (409, "TAG_IMMUTABLE", "no"),
        (412, "PRECONDITION", "Failed to process request due to 'x:1' configured as immutable."),
        (412, "UNKNOWN", "no"),
    ] {
        let (from, to) = two().await;
        from.push("a", "1", &image(1));
        let stands = to.push("x", "1", &image(2));
        let refused = Fault::on(Kind::Manifest).put().reference("1").always();
        let refused = to.fault(refused.answer(Reply::error(status, code, words)));
        let report = sync(&at(&from, "a:1"), &[&at(&to, "x")]).run().await;
        let image = only(&report);
        assert_eq!(image.status, Outcome::Skipped, "{status} {code}: {image:?}");
        assert_eq!(image.reason.as_deref(), Some("immutable tag"), "{status} {code}");
        assert_eq!(report.warnings.len(), 1, "{status} {code}: {:?}", report.warnings);
        assert_eq!(refused.fired(), 1, "asked once");
        assert!(to.has("x", "1", &stands));
        assert_eq!(image.replaces, None, "it still stands");
    }
}

#[tokio::test]
async fn an_immutable_tag_with_the_same_digest_is_success_even_when_put_again() {
    let (from, to) = two().await;
    from.push("a", "1", &image(1));
    let stands = to.push("x", "1", &image(1));
    let refused = Fault::on(Kind::Manifest).put().reference("1").always();
    let refused = to.fault(refused.answer(Reply::error(400, "TAG_INVALID", "it is immutable")));
    let rule = sync(&at(&from, "a:1"), &[&at(&to, "x")]);
    let report = rule.policy(|p| p.overwrite = Overwrite::Always).run().await;
    assert_all(&report, Outcome::Copied);
    assert!(report.warnings.is_empty(), "{:?}", report.warnings);
    assert_eq!(only(&report).replaces, None);
    assert_eq!(refused.fired(), 1);
    assert!(to.has("x", "1", &stands));
}

#[tokio::test]
async fn tags_that_are_there_are_left_updated_or_always_written() {
    for (overwrite, equal, differing) in [
        (Overwrite::Never, Outcome::Skipped, Outcome::Skipped),
        (Overwrite::Differing, Outcome::Skipped, Outcome::Copied),
        (Overwrite::Always, Outcome::Copied, Outcome::Copied),
    ] {
        let (from, to) = two().await;
        from.push("a", "equal", &image(1));
        to.push("x", "equal", &image(1));
        let new = from.push("a", "other", &image(1));
        let old = to.push("x", "other", &image(2));
        let rule = || {
            sync(&at(&from, "a:equal,other"), &[&at(&to, "x")]).policy(|p| p.overwrite = overwrite)
        };
        let plan = rule().plan().await;
        let replaced = (differing == Outcome::Copied).then(|| old.digest());
        let replaces = |at: usize| plan.images[at].replaces.as_ref().map(Digest::as_str);
        assert_eq!((replaces(0), replaces(1)), (None, replaced), "{overwrite:?}");
        let report = rule().run().await;
        let outcomes = (report.images[0].status, report.images[1].status);
        assert_eq!(outcomes, (equal, differing), "{overwrite:?}");
        let stands = if replaced.is_some() { new } else { old };
        assert!(to.has("x", "other", &stands), "{overwrite:?}");
    }
}

#[tokio::test]
async fn many_failures_of_one_cause_have_one_cause() {
    let (from, to) = two().await;
    for tag in ["1", "2", "3"] {
        from.push("a", tag, &image(1).label("tag", tag));
    }
    let fault =
        to.fault(Fault::on(Kind::Mount).or(Kind::UploadStart).always().answer(Reply::error(
            403,
            "DENIED",
            "read-only project",
        )));
    let report = sync(&at(&from, "a"), &[&at(&to, "x")]).run().await;
    assert!(fault.fired() > 0);
    assert_all(&report, Outcome::Failed);
    let first = report.images[0].error.as_ref().unwrap();
    assert_eq!(first.code, Code::PushDenied, "{first:?}");
    assert!(report.images.iter().all(|i| i.error.as_ref().unwrap().cause == first.cause));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_tags() {
    let (from, to) = (Registry::start().await, Registry::start().await);
    for tag in 0..200 {
        from.push("a", &tag.to_string(), &image(tag % 10).label("tag", &tag.to_string()));
    }
    let report = sync(&at(&from, "a"), &[&at(&to, "x")]).run().await;
    assert_all(&report, Outcome::Copied);
    assert_eq!(report.totals.copied, 200);
    assert_eq!(to.tags("x").len(), 200);
    assert_eq!(to.count_of("PUT", Kind::UploadFinish), 210);
}

#[tokio::test]
async fn a_panic_is_the_failure_of_its_image_alone() {
    let (from, to) = two().await;
    from.push("a", "1", &image(1));
    from.push("a", "2", &image(2));
    from.push(PANICS, "1", &image(3));
    let report = sync(&at(&from, "a:1"), &[&at(&to, "x")])
        .and(&at(&from, "a:2"), &[&at(&to, PANICS)])
        .and(&at(&from, &format!("{PANICS}:/1/")), &[&at(&to, "y")])
        .and(&at(&from, "a:2"), &[&at(&to, "x")])
        .run()
        .await;
    let codes: Vec<_> = report.images.iter().map(|i| i.error.as_ref().map(|e| e.code)).collect();
    assert_eq!(codes, [None, Some(Code::Internal), Some(Code::Internal), None]);
    let report = sync(&at(&from, "a"), &[&at(&to, "z")]).run().await;
    assert_all(&report, Outcome::Copied);
}
