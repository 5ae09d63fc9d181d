//! Dry runs.

use engine::{Action, Outcome, Plan};
use registry::{Code, Digest};
use testkit::{Fault, Image, Kind, Layer, Quirk, Reply};

use crate::common::{CREATED, DEEP, assert_all, at, only, sync, two};

const SIZE: u64 = 2000;

fn image(label: &str) -> Image {
    let layers = [Layer::random(1, SIZE as usize), Layer::random(2, SIZE as usize)];
    Image::single("linux/amd64", layers).label("of", label)
}

/// The bytes of an image's config.
fn config(built: &testkit::Built) -> u64 {
    built.blobs().iter().map(|(_, content)| content.len()).sum::<u64>() - 2 * SIZE
}

#[tokio::test]
async fn nothing_is_written_and_no_layer_read() {
    let (from, to) = two().await;
    let built = from.push("a", "1", &image("a"));
    to.put_blob("x", Layer::random(1, SIZE as usize).content());
    let report = sync(&at(&from, "a:1"), &[&at(&to, "x")]).plan().await;
    assert_all(&report, Outcome::Planned);
    let image = only(&report);
    let plan = Plan {
        action: Action::Copy,
        bytes_to_move: SIZE + config(&built),
        bytes_present: SIZE,
        bytes_mountable: 0,
    };
    assert_eq!(image.plan, Some(plan));
    assert_eq!(image.digest.as_ref().map(Digest::as_str), Some(built.digest()));
    assert_eq!(to.writes(), 0);
    assert_eq!(from.count_of("GET", Kind::Blob), 0);
    assert_eq!(to.count_of("HEAD", Kind::Blob), 3);
    assert_eq!(report.totals.copied + report.totals.skipped + report.totals.failed, 0);
}

#[tokio::test]
async fn blobs_are_asked_for_once_and_counted_once() {
    let (from, to) = two().await;
    let one = from.push("a", "1", &image("1"));
    let two = from.push("a", "2", &image("2"));
    from.push("b", "1", &image("1"));
    let report = sync(&at(&from, "a"), &[&at(&to, "x")])
        .and(&at(&from, "b:1"), &[&at(&to, "y")])
        .plan()
        .await;
    let sum = |of: fn(Plan) -> u64| report.images.iter().map(|i| of(i.plan.unwrap())).sum::<u64>();
    assert_eq!(sum(|p| p.bytes_to_move), 2 * SIZE + config(&one) + config(&two));
    assert_eq!(sum(|p| p.bytes_present), 2 * SIZE);
    assert_eq!(sum(|p| p.bytes_mountable), 2 * SIZE + config(&one));
    assert_eq!(to.count_of("HEAD", Kind::Blob), 4 + 3);
}

#[tokio::test]
async fn every_action() {
    let (from, to) = two().await;
    from.push("a", "same", &image("1"));
    to.push("x", "same", &image("1"));
    from.push("a", "other", &image("1"));
    to.push("x", "other", &image("2"));
    from.push("a", "new", &image("1"));
    from.push("b", "clash", &image("3"));
    from.push("c", "clash", &image("4"));
    let denied =
        to.fault(Fault::on(Kind::Manifest).repository("locked").always().answer(Reply::error(
            401,
            "UNAUTHORIZED",
            "no",
        )));
    let report = sync(&at(&from, "a"), &[&at(&to, "x")])
        .and(&at(&from, "b:clash"), &[&at(&to, "z")])
        .and(&at(&from, "c:clash"), &[&at(&to, "z")])
        .and(&at(&from, "a:new"), &[&at(&to, "locked")])
        .and(&at(&from, "a:gone"), &[&at(&to, "x")])
        .plan()
        .await;
    assert!(denied.fired() > 0);
    let mut told: Vec<_> = report
        .images
        .iter()
        .map(|i| (i.destination.clone(), i.status, i.plan.map(|p| p.action)))
        .collect();
    told.sort_by(|a, b| a.0.cmp(&b.0));
    let planned = |name: &str, action| (at(&to, name), Outcome::Planned, Some(action));
    assert_eq!(
        told,
        [
            planned("locked:new", Action::Blocked),
            (at(&to, "x:gone"), Outcome::Failed, None),
            planned("x:new", Action::Copy),
            planned("x:other", Action::Overwrite),
            planned("x:same", Action::Skip),
            planned("z:clash", Action::Conflict),
            planned("z:clash", Action::Conflict),
        ]
    );
    let conflict = report.images.iter().find(|i| i.destination == at(&to, "z:clash")).unwrap();
    assert_eq!(conflict.error.as_ref().map(|e| e.code), Some(Code::RuleConflict));
    assert_eq!(to.writes(), 0);
}

#[tokio::test]
async fn a_filtered_index_is_planned_as_it_will_be() {
    let (from, to) = two().await;
    let index = Image::multi([
        Image::single("linux/amd64", [Layer::random(1, 5000)]),
        Image::single("windows/amd64", [Layer::random(2, 9000)]),
    ]);
    let built = from.push("a", "1", &index);
    let rule = || sync(&at(&from, "a:1"), &[&at(&to, "x")]).platforms(&["linux"], &[]);
    let report = rule().plan().await;
    let plan = only(&report).plan.unwrap();
    let linux = built.children()[0].blobs().iter().map(|(_, c)| c.len()).sum::<u64>();
    assert_eq!(plan.bytes_to_move, linux);
    let copied = rule().run().await;
    assert_eq!(only(&copied).digest, only(&report).digest);
    assert_eq!(only(&copied).bytes_copied, linux);
}

#[tokio::test]
async fn within_one_registry_all_is_mountable() {
    let registry = testkit::Registry::start().await;
    registry.push("a", "1", &image("1"));
    let report = sync(&at(&registry, "a:1"), &[&at(&registry, "x")]).plan().await;
    let plan = only(&report).plan.unwrap();
    assert_eq!((plan.bytes_to_move, plan.bytes_present), (0, 0));
    assert!(plan.bytes_mountable > 2 * SIZE);
}

#[tokio::test]
async fn a_name_that_the_destination_does_not_take_is_blocked_without_a_request() {
    for plan in [true, false] {
        let (from, to) = two().await;
        from.push("a", "1", &image("a"));
        let sync = sync(&at(&from, "a:1"), &[&at(&to, &format!("{DEEP}x"))]);
        let report = if plan { sync.plan().await } else { sync.run().await };
        let image = only(&report);
        assert_eq!(image.plan.map(|plan| plan.action), Some(Action::Blocked));
        let error = image.error.as_ref().unwrap();
        assert_eq!(error.code, Code::RepoName);
        assert!(error.message.contains(to.host()), "{}", error.message);
        assert_eq!(to.requests().len(), 0);
    }
}

#[tokio::test]
async fn a_repository_that_must_have_been_created_is_looked_for_once() {
    let (from, to) = two().await;
    for tag in ["1", "2", "3"] {
        from.push("a", tag, &image(tag));
    }
    to.add_quirk(Quirk::RepositoriesMustExist);
    to.create_repository(&format!("{CREATED}there"));
    let (there, missing) = (format!("{CREATED}there"), format!("{CREATED}missing"));
    let report = sync(&at(&from, "a"), &[&at(&to, &there), &at(&to, &missing)]).plan().await;
    assert_eq!(report.images.len(), 6);
    for row in &report.images {
        let action = row.plan.map(|plan| plan.action);
        if row.destination.contains(&missing) {
            assert_eq!(action, Some(Action::Blocked), "{}", row.destination);
            assert_eq!(row.error.as_ref().unwrap().code, Code::RepoMustExist);
        } else {
            assert_eq!(action, Some(Action::Copy), "{}", row.destination);
        }
    }
    assert_eq!(to.count_of("GET", Kind::Manifest), 2, "once for each repository");
    assert_eq!(to.writes(), 0);
}
