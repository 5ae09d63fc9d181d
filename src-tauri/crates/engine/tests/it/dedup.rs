//! A blob is moved once, whoever wants it.

use engine::Outcome;
use testkit::{Fault, Image, Kind, Layer, Quirk, Registry, Reply};

use crate::common::{assert_all, at, only, sync, two};

const SIZE: usize = 20_000;

fn with_base(label: &str) -> Image {
    Image::single("linux/amd64", [Layer::random(1, SIZE), Layer::random(2, SIZE)])
        .label("of", label)
}

fn base() -> Layer {
    Layer::random(1, SIZE)
}

#[tokio::test]
async fn two_tags_of_one_repository_move_their_common_layers_once() {
    let (from, to) = two().await;
    let built: Vec<_> = ["1", "2", "3"].map(|tag| from.push("a/b", tag, &with_base(tag))).into();
    let report = sync(&at(&from, "a/b"), &[&at(&to, "x/b")]).run().await;
    assert_all(&report, Outcome::Copied);
    for (tag, built) in ["1", "2", "3"].iter().zip(&built) {
        assert!(to.has("x/b", tag, built));
    }
    assert_eq!(from.blob_gets(base().digest()), 1);
    // two layers and three configs; whoever waited asked nothing
    assert_eq!(to.count_of("POST", Kind::Any), 5);
    assert_eq!(to.count_of("PUT", Kind::UploadFinish), 5);
    let present: u64 = report.images.iter().map(|i| i.plan.unwrap().bytes_present).sum();
    assert_eq!(present, 4 * SIZE as u64);
}

#[tokio::test]
async fn other_repositories_mount() {
    let (from, to) = two().await;
    let built: Vec<_> = ["a", "b", "c"].map(|name| from.push(name, "1", &with_base(name))).into();
    let mut rules = sync(&at(&from, "a:1"), &[&at(&to, "x/a")]);
    for name in ["b", "c"] {
        rules = rules.and(&at(&from, &format!("{name}:1")), &[&at(&to, &format!("x/{name}"))]);
    }
    let report = rules.run().await;
    assert_all(&report, Outcome::Copied);
    for (name, built) in ["a", "b", "c"].iter().zip(&built) {
        assert!(to.has(&format!("x/{name}"), "1", built));
    }
    assert_eq!(from.blob_gets(base().digest()), 1);
    let uploads = to.count_of("PUT", Kind::UploadFinish);
    assert_eq!(uploads, 2 + 3, "two layers and three configs");
    assert_eq!(report.totals.bytes_mounted, 4 * SIZE as u64);
}

#[tokio::test]
async fn within_one_registry_everything_is_mounted_from_the_source() {
    let registry = Registry::start().await;
    let built = registry.push("a", "1", &with_base("a"));
    let report =
        sync(&at(&registry, "a:1"), &[&at(&registry, "x/a"), &at(&registry, "x/b")]).run().await;
    assert_all(&report, Outcome::Copied);
    assert!(registry.has("x/a", "1", &built) && registry.has("x/b", "1", &built));
    assert_eq!(registry.count_of("GET", Kind::Blob), 0);
    assert_eq!(registry.count_of("PUT", Kind::UploadFinish), 0);
    assert_eq!(registry.count_of("POST", Kind::Mount), 6);
}

#[tokio::test]
async fn within_one_repository_a_new_tag_is_one_put() {
    let registry = Registry::start().await;
    let built = registry.push("a", "1", &with_base("a"));
    let report = sync(&at(&registry, "a:1"), &[&at(&registry, "a:2")]).run().await;
    assert_all(&report, Outcome::Copied);
    assert!(registry.has("a", "2", &built));
    assert_eq!(registry.count_of("GET", Kind::Blob), 0);
}

#[tokio::test]
async fn where_mounts_are_declined_the_bytes_are_read_again_and_counted() {
    let (from, to) = two().await;
    to.add_quirk(Quirk::NeverMounts);
    let built: Vec<_> = ["a", "b"].map(|name| from.push(name, "1", &with_base(name))).into();
    let report = sync(&at(&from, "a:1"), &[&at(&to, "x/a")])
        .and(&at(&from, "b:1"), &[&at(&to, "x/b")])
        .run()
        .await;
    assert_all(&report, Outcome::Copied);
    assert!(to.has("x/a", "1", &built[0]) && to.has("x/b", "1", &built[1]));
    assert_eq!(from.blob_gets(base().digest()), 2);
    assert_eq!(report.totals.bytes_mounted, 0);
    assert_eq!(report.totals.bytes_read, from.blob_bytes_served());
}

#[tokio::test]
async fn where_mounts_are_refused_uploads_still_work() {
    for quirk in [Quirk::MountRefused(403), Quirk::MountRefused(405), Quirk::MountsCommittedOnly] {
        let (from, to) = two().await;
        to.add_quirk(quirk.clone());
        let built: Vec<_> = ["a", "b"].map(|name| from.push(name, "1", &with_base(name))).into();
        let report = sync(&at(&from, "a:1"), &[&at(&to, "x/a")])
            .and(&at(&from, "b:1"), &[&at(&to, "x/b")])
            .run()
            .await;
        assert_all(&report, Outcome::Copied);
        assert!(to.has("x/a", "1", &built[0]) && to.has("x/b", "1", &built[1]), "{quirk:?}");
    }
}

#[tokio::test]
async fn a_mount_that_lied_is_mended() {
    let (from, to) = two().await;
    let built: Vec<_> = ["a", "b"].map(|name| from.push(name, "1", &with_base(name))).into();
    let rules =
        sync(&at(&from, "a:1"), &[&at(&to, "x/a")]).and(&at(&from, "b:1"), &[&at(&to, "x/b")]);
    // only mounts from another repository; the question after that is answered truly
    let lie = to.fault(
        Fault::on(Kind::Mount)
            .when(|r| r.parameter("from") != r.repository)
            .times(2)
            .quirk(Quirk::MountLies),
    );
    let report = rules.run().await;
    assert_all(&report, Outcome::Copied);
    assert_eq!(lie.fired(), 2);
    assert!(to.has("x/a", "1", &built[0]) && to.has("x/b", "1", &built[1]));
    assert!(report.images.iter().any(|image| image.attempts == 2));
}

#[tokio::test]
async fn a_host_that_lies_of_every_mount_is_not_asked_for_ever() {
    let (from, to) = two().await;
    to.add_quirk(Quirk::MountLies);
    let mut rules = sync(&at(&from, "r0:1"), &[&at(&to, "x/r0")]).policy(|p| p.images = Some(1));
    let mut built = Vec::new();
    for n in 0..6 {
        let name = format!("r{n}");
        built.push(from.push(&name, "1", &with_base(&name)));
        if n > 0 {
            rules = rules.and(&at(&from, &format!("{name}:1")), &[&at(&to, &format!("x/{name}"))]);
        }
    }
    let report = rules.run().await;
    assert_all(&report, Outcome::Copied);
    for (n, built) in built.iter().enumerate() {
        assert!(to.has(&format!("x/r{n}"), "1", built), "{n}");
    }
    let lies = |r: &testkit::Request| {
        let own = r.parameter("from") == r.repository;
        r.kind == Kind::Mount && !own && r.status == Some(201)
    };
    // two layers of two images; then the host's word is not taken any more
    assert_eq!(to.count(lies), 4);
    assert_eq!(report.images.iter().filter(|image| image.attempts == 2).count(), 2);
    assert!(to.count_of("HEAD", Kind::Blob) > 0, "those that follow are asked for by HEAD");
    assert_eq!(report.totals.bytes_mounted, 0);
}

#[tokio::test]
async fn a_host_that_always_says_that_it_has_a_blob_gets_it_unasked() {
    let (from, to) = two().await;
    let built = from.push("a", "1", &with_base("a"));
    let mount = to.fault(Fault::on(Kind::Mount).always().answer(Reply::status(201)));
    let head = to.fault(Fault::on(Kind::Blob).head().always().answer(Reply::status(200)));
    // what a host is learnt to be like costs no try
    let report = sync(&at(&from, "a:1"), &[&at(&to, "x/a")]).retries(0).run().await;
    assert_all(&report, Outcome::Copied);
    assert!(to.has("x/a", "1", &built));
    assert!(mount.fired() > 0 && head.fired() > 0);
    assert_eq!(only(&report).attempts, 3);
}

#[tokio::test]
async fn a_failed_first_writer_hands_over() {
    let (from, to) = two().await;
    from.push("a", "1", &with_base("a"));
    let b = from.push("b", "1", &with_base("b"));
    // whatever is written to x/a is refused
    let fault =
        to.fault(Fault::on(Kind::UploadFinish).repository("x/a").always().answer(Reply::error(
            403,
            "DENIED",
            "no room for you",
        )));
    let report = sync(&at(&from, "a:1"), &[&at(&to, "x/a")])
        .and(&at(&from, "b:1"), &[&at(&to, "x/b")])
        .run()
        .await;
    assert!(fault.fired() > 0);
    assert_eq!(report.images[0].status, Outcome::Failed);
    assert_eq!(report.images[1].status, Outcome::Copied, "{:?}", report.images[1]);
    assert!(to.has("x/b", "1", &b));
    assert_eq!(to.tags("x/a"), [""; 0]);
}

#[tokio::test]
async fn an_interrupted_run_leaves_blobs_that_the_next_one_finds() {
    let (from, to) = two().await;
    let built = from.push("a", "1", &with_base("a"));
    to.put_blob("x/a", base().content());
    let report = sync(&at(&from, "a:1"), &[&at(&to, "x/a")]).run().await;
    assert_all(&report, Outcome::Copied);
    assert!(to.has("x/a", "1", &built));
    assert_eq!(from.blob_gets(base().digest()), 0);
    assert_eq!(only(&report).plan.unwrap().bytes_present, SIZE as u64);
}

#[tokio::test]
async fn blobs_that_are_seen_late_are_waited_for() {
    let (from, to) = two().await;
    let built = from.push("a", "1", &with_base("a"));
    to.add_quirk(Quirk::BlobLag(std::time::Duration::from_millis(300)));
    let report = sync(&at(&from, "a:1"), &[&at(&to, "x/a")]).run().await;
    assert_all(&report, Outcome::Copied);
    assert!(to.has("x/a", "1", &built));
}
