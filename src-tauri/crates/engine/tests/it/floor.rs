//! The fewest requests that a sync can do with.

use engine::{Action, Outcome, Overwrite};
use testkit::{Fault, Image, Kind, Layer, Quirk, Registry, Reply, Stall};

use crate::common::{self, HANGS, asked, assert_all, at, finish, only, requests, sync, two};

fn five_layers() -> Image {
    Image::single("linux/amd64", (1..=5).map(|seed| Layer::random(seed, 3000)))
}

#[tokio::test]
async fn a_new_image_costs_three_requests_per_blob_and_three_for_its_manifest() {
    let (from, to) = two().await;
    let built = from.push("a/b", "1", &five_layers());
    let report = sync(&at(&from, "a/b:1"), &[&at(&to, "x/b")]).run().await;
    assert_all(&report, Outcome::Copied);
    assert!(to.has("x/b", "1", &built));
    assert_eq!(asked(&from), requests(&[("GET", Kind::Manifest, 1), ("GET", Kind::Blob, 6)]));
    assert_eq!(
        asked(&to),
        requests(&[
            ("HEAD", Kind::Manifest, 1),
            // the config finds out whether a POST may bring it, and goes on in the upload that this opened
            ("POST", Kind::Mount, 5),
            ("POST", Kind::UploadStart, 1),
            ("PUT", Kind::UploadFinish, 6),
            ("PUT", Kind::Manifest, 1),
        ])
    );
    let image = only(&report);
    assert_eq!(image.bytes_copied, built.blobs().iter().map(|(_, c)| c.len()).sum::<u64>());
    assert_eq!(report.totals.bytes_read, image.bytes_copied);
    assert_eq!(
        image.source_digest.as_ref().map(ToString::to_string).as_deref(),
        Some(built.digest())
    );
    assert_eq!(image.digest, image.source_digest);
    assert_eq!(image.attempts, 1);
    let plan = image.plan.unwrap();
    assert_eq!((plan.action, plan.bytes_to_move), (Action::Copy, image.bytes_copied));
}

#[tokio::test]
async fn an_unchanged_image_costs_two_heads() {
    let (from, to) = two().await;
    from.push("a/b", "1", &five_layers());
    to.push("x/b", "1", &five_layers());
    let report = sync(&at(&from, "a/b:1"), &[&at(&to, "x/b")]).run().await;
    let image = only(&report);
    assert_eq!((image.status, image.reason.as_deref()), (Outcome::Skipped, Some("same digest")));
    assert_eq!(image.source_digest, image.digest);
    assert!(image.digest.is_some());
    assert_eq!(asked(&from), ["HEAD Manifest"]);
    assert_eq!(asked(&to), ["HEAD Manifest"]);
}

#[tokio::test]
async fn a_source_tells_only_what_does_not_stand_at_the_destination() {
    let (from, to) = two().await;
    for tag in ["1", "2", "3"] {
        from.push("a/b", tag, &five_layers().label("tag", tag));
        to.push("x/b", tag, &five_layers().label("tag", if tag == "3" { "old" } else { tag }));
    }
    let report = sync(&at(&from, "a/b:1,2,3"), &[&at(&to, "x/b")])
        .policy(|policy| policy.images = Some(1))
        .run()
        .await;
    let status: Vec<_> = report.images.iter().map(|image| image.status).collect();
    assert_eq!(status, [Outcome::Skipped, Outcome::Skipped, Outcome::Copied]);
    let heads = from.requests().into_iter().filter(|r| r.is("HEAD", Kind::Manifest));
    let heads: Vec<_> = heads.map(|r| (r.status, r.header("if-none-match").is_some())).collect();
    assert_eq!(heads, [(Some(200), false), (Some(304), true), (Some(200), true)]);
    assert_eq!(to.tag_digest("x/b", "3"), from.tag_digest("a/b", "3"));
}

#[tokio::test]
async fn of_a_repository_that_is_missing_one_tag_is_looked_for() {
    let (from, to) = two().await;
    let tags: Vec<String> = (1..=9).map(|n| n.to_string()).collect();
    for tag in &tags {
        from.push("a/b", tag, &five_layers().label("tag", tag));
    }
    let looked = || (to.count_of("HEAD", Kind::Manifest), to.count_of("GET", Kind::Tags));
    let all = |to: &str| sync(&at(&from, "a/b"), &[to]);
    let run = async |sync: common::Sync, outcome: Outcome| {
        to.clear_log();
        let report = sync.run().await;
        assert_eq!(report.images.len(), tags.len());
        assert_all(&report, outcome);
        looked()
    };
    assert_eq!(run(all(&at(&to, "x/b")), Outcome::Copied).await, (1, 1));
    assert_eq!(to.tags("x/b"), tags);
    // what is there already is not asked for in that way
    assert_eq!(run(all(&at(&to, "x/b")), Outcome::Skipped).await, (9, 0));
    // a repository that is there may have some of the tags
    to.push("y/b", "other", &five_layers());
    assert_eq!(run(all(&at(&to, "y/b")), Outcome::Copied).await, (9, 1));
    // a tag that must not be overwritten is looked for as late as can be
    let never = all(&at(&to, "never/b")).policy(|policy| policy.overwrite = Overwrite::Never);
    assert_eq!(run(never, Outcome::Copied).await, (9, 0));
    // a comparison finds out in the same way
    to.clear_log();
    let plan = all(&at(&to, "planned/b")).start_plan();
    let report = finish(plan).await;
    assert!(report.images.iter().all(|i| i.plan.as_ref().unwrap().action == Action::Copy));
    assert_eq!(looked(), (1, 1));
    // a few are not worth the question
    to.clear_log();
    let report = sync(&at(&from, "a/b:1,2,3"), &[&at(&to, "w/b")]).run().await;
    assert_all(&report, Outcome::Copied);
    assert_eq!(looked(), (3, 0));
}

#[tokio::test]
async fn where_one_repository_is_missing_the_others_are_looked_for_without_their_tags() {
    let (from, to) = two().await;
    let tags = ["1", "2", "3", "4"];
    for repository in ["a", "b", "c", "d"] {
        for tag in tags {
            from.push(repository, tag, &five_layers().label("tag", tag));
        }
    }
    let run = async |names: &[&str]| {
        to.clear_log();
        // the tags are named: no list has to come in time
        let source = |name: &str| format!("{}:1,2,3,4", name.rsplit('/').next().unwrap());
        let rule = |name: &str| (at(&from, &source(name)), at(&to, name));
        let (source, destination) = rule(names[0]);
        let mut all = sync(&source, &[&destination]);
        for name in &names[1..] {
            let (source, destination) = rule(name);
            all = all.and(&source, &[&destination]);
        }
        // one image after the other
        let report = all.policy(|policy| policy.images = Some(1)).run().await;
        assert_eq!(report.images.len(), tags.len() * names.len());
        assert!(report.images.iter().all(|image| image.status != Outcome::Failed));
        (to.count_of("HEAD", Kind::Manifest), to.count_of("GET", Kind::Tags))
    };
    assert_eq!(run(&["x/a", "x/b", "x/c"]).await, (1, 3));
    assert!(["x/a", "x/b", "x/c"].iter().all(|name| to.tags(name) == tags));
    // one that is there after all is asked for once, and the next is expected to be there again
    assert_eq!(run(&["y/a", "x/b", "x/c", "y/d"]).await, (1 + 4 + 4 + 1, 3));
    assert_eq!(run(&["x/a", "z/b"]).await, (4 + 1, 1));
}

#[tokio::test]
async fn where_it_is_not_told_whether_a_repository_is_missing_each_tag_is_looked_for() {
    let (from, to) = two().await;
    for tag in ["1", "2", "3", "4"] {
        from.push("a/b", tag, &five_layers().label("tag", tag));
    }
    let run = async |first: &str, second: &str| {
        to.clear_log();
        let report = sync(&at(&from, "a/b"), &[&at(&to, first)])
            .and(&at(&from, "a/b"), &[&at(&to, second)])
            .run()
            .await;
        assert_all(&report, Outcome::Copied);
        (to.count_of("HEAD", Kind::Manifest), to.count_of("GET", Kind::Tags))
    };
    // a list that is not to be had now is not waited for
    let busy = Reply::too_many_requests(Some("300"));
    let fault = to.fault(Fault::on(Kind::Tags).always().answer(busy));
    let (heads, lists) = run("v/b", "w/b").await;
    assert!(heads == 8 && (1..=2).contains(&lists), "{heads} {lists}");
    assert!(fault.fired() > 0);
    to.clear_faults();
    to.set_quirks([Quirk::AbsentTags(403)]);
    let (heads, lists) = run("x/b", "y/b").await;
    assert!(heads == 8 && (1..=2).contains(&lists), "{heads} {lists}");
}

#[tokio::test]
async fn all_tags_cost_one_list() {
    let (from, to) = two().await;
    for tag in ["1", "2", "3"] {
        from.push("a/b", tag, &five_layers().label("tag", tag));
    }
    let report = sync(&at(&from, "a/b"), &[&at(&to, "x/b")])
        .and(&at(&from, "a/b:/2/"), &[&at(&to, "y/b")])
        .run()
        .await;
    assert_all(&report, Outcome::Copied);
    assert_eq!(report.images.len(), 4);
    assert_eq!(from.count_of("GET", Kind::Tags), 1);
    assert_eq!(to.count_of("GET", Kind::Tags), 0);
    // five layers and three configs
    assert_eq!(from.count_of("GET", Kind::Blob), 8);
    from.clear_log();
    to.clear_log();
    let report = sync(&at(&from, "a/b"), &[&at(&to, "x/b")]).run().await;
    assert_all(&report, Outcome::Skipped);
    assert_eq!(asked(&from), requests(&[("GET", Kind::Tags, 1), ("HEAD", Kind::Manifest, 3)]));
    assert_eq!(asked(&to), requests(&[("HEAD", Kind::Manifest, 3)]));
}

#[tokio::test]
async fn a_moved_tag_brings_only_what_is_new() {
    let (from, to) = two().await;
    let new = from.push("a/b", "1", &five_layers().label("v", "2"));
    to.push("x/b", "1", &five_layers());
    let report = sync(&at(&from, "a/b:1"), &[&at(&to, "x/b")]).run().await;
    let image = only(&report);
    assert_eq!(image.status, Outcome::Copied);
    assert_eq!(image.plan.unwrap().action, Action::Overwrite);
    assert_eq!(image.plan.unwrap().bytes_present, 15_000);
    assert!(to.has("x/b", "1", &new));
    // the image was asked for by tag, by HEAD, and then read by the digest that this told
    assert_eq!(
        asked(&from),
        requests(&[
            ("HEAD", Kind::Manifest, 1),
            ("GET", Kind::Manifest, 1),
            ("GET", Kind::Blob, 1)
        ])
    );
    assert_eq!(
        asked(&to),
        requests(&[
            ("HEAD", Kind::Manifest, 1),
            ("POST", Kind::Mount, 6),
            ("PUT", Kind::UploadFinish, 1),
            ("PUT", Kind::Manifest, 1),
        ])
    );
}

#[tokio::test]
async fn an_index_is_put_after_its_children_and_no_child_is_asked_for() {
    let (from, to) = two().await;
    let index = Image::multi([
        Image::single("linux/amd64", [Layer::random(1, 2000)]),
        Image::single("linux/arm64", [Layer::random(2, 2000)]),
    ]);
    let built = from.push("a/b", "1", &index);
    let report = sync(&at(&from, "a/b:1"), &[&at(&to, "x/b")]).run().await;
    assert_all(&report, Outcome::Copied);
    assert!(to.has("x/b", "1", &built));
    assert_eq!(from.count_of("GET", Kind::Manifest), 3);
    assert_eq!(to.count_of("HEAD", Kind::Any), 1);
    let puts: Vec<_> = to
        .requests()
        .into_iter()
        .filter(|r| r.is("PUT", Kind::Manifest))
        .filter_map(|r| r.reference)
        .collect();
    assert_eq!(puts.len(), 3);
    assert_eq!(puts[2], "1", "the tag comes last");
}

#[tokio::test]
async fn an_image_by_digest_needs_no_question_at_the_source() {
    let (from, to) = two().await;
    let built = from.push("a/b", "1", &five_layers());
    let digest = built.digest();
    to.push("x/b", "1", &five_layers());
    let report = sync(&at(&from, &format!("a/b@{digest}")), &[&at(&to, "x/b")])
        .and(&at(&from, &format!("a/b:1@{digest}")), &[&at(&to, "x/b")])
        .run()
        .await;
    assert_all(&report, Outcome::Skipped);
    assert_eq!(report.images[0].destination, at(&to, &format!("x/b@{digest}")));
    assert_eq!(report.images[1].destination, at(&to, "x/b:1"));
    assert_eq!(asked(&from), [""; 0]);
    assert_eq!(asked(&to), ["HEAD Manifest", "HEAD Manifest"]);
}

#[tokio::test]
async fn never_leaves_what_is_there_and_always_puts_it_again() {
    let (from, to) = two().await;
    let new = from.push("a/b", "1", &five_layers());
    let old = to.push("x/b", "1", &five_layers().label("v", "old"));
    let rule = || sync(&at(&from, "a/b:1"), &[&at(&to, "x/b")]);
    let report = rule().policy(|p| p.overwrite = Overwrite::Never).run().await;
    let image = only(&report);
    assert_eq!((image.status, image.reason.as_deref()), (Outcome::Skipped, Some("tag exists")));
    assert_eq!(to.tag_digest("x/b", "1").as_deref(), Some(old.digest()));
    assert_eq!((asked(&from).len(), asked(&to).len()), (0, 1));

    assert_all(&rule().run().await, Outcome::Copied);
    to.clear_log();
    let report = rule().policy(|p| p.overwrite = Overwrite::Always).run().await;
    assert_all(&report, Outcome::Copied);
    assert_eq!(to.count_of("PUT", Kind::Manifest), 1);
    assert_eq!(to.count_of("PUT", Kind::UploadFinish), 0);
    assert!(to.has("x/b", "1", &new));
}

/// Waits until so many connections were made to a registry.
async fn connected(to: &Registry, connections: u64) {
    let wait = async {
        while to.connections() < connections {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(HANGS, wait).await.unwrap();
}

#[tokio::test]
async fn the_other_side_is_connected_to_while_one_is_asked() {
    for (written, kind) in [("a/b", Kind::Tags), ("a/b:1", Kind::Manifest)] {
        let (from, to) = two().await;
        from.push("a/b", "1", &five_layers());
        to.push("x/b", "1", &five_layers());
        let (asked_first, other) = if kind == Kind::Tags { (&from, &to) } else { (&to, &from) };
        let stall = asked_first.fault(Fault::on(kind).stall(Stall::Answer));
        let run = sync(&at(&from, written), &[&at(&to, "x/b")]).start();
        stall.wait_fired().await;
        connected(other, 1).await;
        assert_eq!(asked(other), [""; 0], "no request goes out for that");
        stall.release();
        assert_all(&finish(run).await, Outcome::Skipped);
        assert_eq!(asked(&to), ["HEAD Manifest"]);
    }
}

#[tokio::test]
async fn blobs_are_connected_for_while_the_manifest_is_read() {
    for (name, stands) in [("new", None), ("changed", Some(Image::single("linux/amd64", [])))] {
        let (from, to) = two().await;
        let built = from.push("a/b", "1", &five_layers());
        if let Some(stands) = stands {
            to.push(name, "1", &stands);
        }
        let stall = from.fault(Fault::on(Kind::Manifest).get().stall(Stall::Answer));
        let run = sync(&at(&from, "a/b:1"), &[&at(&to, name)]).start();
        stall.wait_fired().await;
        // one for the HEAD, and six
        connected(&to, 7).await;
        stall.release();
        assert_all(&finish(run).await, Outcome::Copied);
        assert!(to.has(name, "1", &built));
    }
}
