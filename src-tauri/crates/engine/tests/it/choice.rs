//! Images that are switched off by hand, and runs of some images alone.

use engine::{Choice, ImagePair, Outcome, choice::SWITCHED_OFF};
use registry::Code;
use testkit::{Fault, Image, Kind, Layer, Registry};

use crate::common::{assert_all, at, finish, nothing, sync, two};

fn push(from: &Registry, repository: &str, tags: &[&str]) {
    for (n, tag) in tags.iter().enumerate() {
        let seed = n as u64 + 100 * repository.len() as u64;
        from.push(repository, tag, &Image::single("linux/amd64", [Layer::random(seed, 1000)]));
    }
}

fn pair(source: String, destination: String) -> ImagePair {
    ImagePair { source, destination }
}

fn without(pairs: impl IntoIterator<Item = ImagePair>) -> Choice {
    Choice::Without(pairs.into_iter().collect())
}

fn only(pairs: impl IntoIterator<Item = ImagePair>) -> Choice {
    Choice::Only(pairs.into_iter().collect())
}

#[tokio::test]
async fn what_is_switched_off_is_skipped_with_a_reason_of_its_own_and_never_asked_for() {
    let (from, to) = two().await;
    push(&from, "a", &["1", "2", "3"]);
    let off = pair(at(&from, "a:2"), at(&to, "x:2"));
    let run = sync(&at(&from, "a"), &[&at(&to, "x"), &at(&to, "y")])
        .policy(|policy| policy.choice = without([off]))
        .start();
    let (mut told, mut updates) = run.watch();
    let report = finish(run).await;
    while let Ok(update) = updates.try_recv() {
        assert!(told.apply(&update));
    }
    let skipped: Vec<_> = report
        .images
        .iter()
        .filter(|image| image.status == Outcome::Skipped)
        .map(|image| (image.destination.clone(), image.reason.as_deref(), image.stands()))
        .collect();
    assert_eq!(skipped, [(at(&to, "x:2"), Some(SWITCHED_OFF), false)]);
    assert_eq!((report.totals.copied, report.totals.skipped), (5, 1));
    assert_eq!(
        (to.tags("x"), to.tags("y")),
        (vec!["1".into(), "3".into()], vec!["1".into(), "2".into(), "3".into()])
    );
    assert_eq!(to.count(|r| r.path.ends_with("/x/manifests/2")), 0);
    let row = told.images.iter().find(|image| image.destination == at(&to, "x:2")).unwrap();
    assert_eq!(row.reason.as_deref(), Some(SWITCHED_OFF));
    assert_eq!((told.totals.to_copy, told.totals.to_skip), (5, 1));
}

#[tokio::test]
async fn a_rival_that_is_switched_off_is_no_conflict() {
    let (from, to) = two().await;
    push(&from, "a", &["1"]);
    push(&from, "bb", &["1"]);
    let both =
        || sync(&at(&from, "a:1"), &[&at(&to, "x:1")]).and(&at(&from, "bb:1"), &[&at(&to, "x:1")]);
    let report = both().run().await;
    assert_eq!(report.totals.failed, 2, "two images for one tag");
    let off = pair(at(&from, "bb:1"), at(&to, "x:1"));
    let report = both().policy(|policy| policy.choice = without([off])).run().await;
    assert_eq!((report.totals.copied, report.totals.skipped), (1, 1));
    assert_eq!(to.tag_digest("x", "1"), from.tag_digest("a", "1"));
}

#[tokio::test]
async fn a_rule_that_could_not_be_resolved_is_switched_off_as_it_was_written() {
    let (from, to) = two().await;
    push(&from, "a", &["1"]);
    let off = pair(at(&from, "a:/^v/"), at(&to, "x"));
    let lists = from.fault(Fault::on(Kind::Tags).always().status(404));
    let report = sync(&at(&from, "a:/^v/"), &[&at(&to, "x")])
        .policy(|policy| policy.choice = without([off]))
        .run()
        .await;
    assert_eq!(lists.fired(), 1);
    assert_all(&report, Outcome::Skipped);
    assert_eq!(report.images[0].reason.as_deref(), Some(SWITCHED_OFF));
}

#[tokio::test]
async fn some_images_alone_are_run_and_other_rules_are_not_even_listed() {
    let (from, to) = two().await;
    push(&from, "a", &["1", "2", "3"]);
    push(&from, "bb", &["1"]);
    push(&from, "team/c", &["1"]);
    let chosen = [
        pair(at(&from, "a:2"), at(&to, "x:2")),
        pair(at(&from, "team/c:1"), at(&to, "t/team/c:1")),
        pair(at(&from, "a:9"), at(&to, "x:9")),
    ];
    let report = sync(&at(&from, "a"), &[&at(&to, "x"), &at(&to, "y")])
        .and(&at(&from, "bb"), &[&at(&to, "x")])
        .over(&at(&from, "team/*"), &[], &[&at(&to, "t/{path}")])
        .policy(|policy| policy.choice = only(chosen))
        .run()
        .await;
    let rows: Vec<_> = report
        .images
        .iter()
        .map(|image| (image.source.clone(), image.destination.clone(), image.status))
        .collect();
    assert_eq!(
        rows,
        [
            (at(&from, "a:2"), at(&to, "x:2"), Outcome::Copied),
            (at(&from, "team/c:1"), at(&to, "t/team/c:1"), Outcome::Copied),
            (at(&from, "a:9"), at(&to, "x:9"), Outcome::Failed),
        ]
    );
    let gone = report.images[2].error.as_ref().unwrap();
    assert_eq!(gone.code, Code::RuleEmpty);
    assert_eq!(from.count(|r| r.kind == Kind::Tags && r.path.contains("/bb/")), 0);
    assert_eq!((to.tags("x"), to.tags("y")), (vec!["2".to_owned()], Vec::new()));
}

#[tokio::test]
async fn a_chosen_image_whose_list_fails_fails_under_its_name() {
    let (from, to) = two().await;
    push(&from, "a", &["1"]);
    let lists = from.fault(Fault::on(Kind::Tags).always().status(404));
    let report = sync(&at(&from, "a"), &[&at(&to, "x")])
        .policy(|policy| policy.choice = only([pair(at(&from, "a:1"), at(&to, "x:1"))]))
        .run()
        .await;
    assert!(lists.fired() > 0);
    assert_eq!(report.images.len(), 1, "{:?}", report.images);
    assert_eq!(report.images[0].source, at(&from, "a:1"));
    assert_eq!(report.images[0].error.as_ref().unwrap().code, Code::RefNotFound);
}

#[tokio::test]
async fn a_repository_without_a_place_at_the_destination_is_switched_off_and_tried_again_once() {
    let (from, to) = two().await;
    push(&from, "team/app", &["1"]);
    let long = format!("team/{}", "x".repeat(240));
    push(&from, &long, &["1"]);
    let rule = |choice: Choice| {
        nothing()
            .over(&at(&from, "team/*"), &[], &[&at(&to, "a/longer/prefix/than/fits/{path}")])
            .policy(|policy| policy.choice = choice)
    };
    let report = rule(Choice::All).run().await;
    assert_eq!((report.totals.copied, report.totals.failed), (1, 1));
    let failed = report.images.iter().find(|image| image.status == Outcome::Failed).unwrap();
    let failed = pair(failed.source.clone(), failed.destination.clone());
    let report = rule(only([failed.clone()])).run().await;
    assert_eq!((report.totals.failed, report.images.len()), (1, 1), "{report:?}");
    let app = pair(at(&from, "team/app:1"), at(&to, "a/longer/prefix/than/fits/team/app:1"));
    let report = rule(only([app])).run().await;
    assert_eq!((report.totals.skipped, report.images.len()), (1, 1), "{report:?}");
    let report = rule(without([failed])).run().await;
    assert_eq!((report.totals.skipped, report.totals.failed), (2, 0), "{report:?}");
}
