//! Vendors' registries, emulated from what is known of them and called by names like theirs: what each is sent.

use engine::Outcome;
use testkit::{
    Fault, Image, Kind, Layer, Quirk, Registry, Request, SinglePost, Stall, Tunnel, Vendor,
    tls::{Authority, Flaw},
};

use crate::common::{Sync, assert_all, at, finish, sync, two};

const MIB: usize = 1 << 20;
const ECR: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";

/// A source, and a vendor's registry behind its name.
struct World {
    from: Registry,
    to: Registry,
    tunnel: Tunnel,
    host: &'static str,
}

impl World {
    async fn new(vendor: Vendor, host: &'static str) -> Self {
        let tls = Authority::new().server(Flaw::None);
        let to = vendor.builder("user", "password").tls(tls).start().await;
        let tunnel = Tunnel::start(to.port()).await.unwrap();
        Self { from: Registry::start().await, to, tunnel, host }
    }

    fn rule(&self, source: &str, destination: &str) -> Sync {
        sync(&at(&self.from, source), &[&format!("{}/{destination}", self.host)]).through(
            &self.tunnel.url(),
            "user",
            "password",
        )
    }
}

/// The layer that all images of a test share, and one of its own.
fn with_base(of: u64, size: usize) -> Image {
    Image::single("linux/amd64", [base(size), Layer::random(of, 3000)])
}

fn base(size: usize) -> Layer {
    Layer::random(1000, size)
}

/// Sizes of the accepted requests of a kind, in order.
fn sizes(registry: &Registry, method: &str, kind: Kind) -> Vec<u64> {
    let accepted = |r: &&Request| r.is(method, kind) && r.status.is_some_and(|s| s < 300);
    registry.requests().iter().filter(accepted).map(|r| r.received).collect()
}

fn refused(registry: &Registry) -> Vec<Request> {
    let is_refused = |r: &Request| {
        r.method != "HEAD" && r.status.is_some_and(|s| s >= 400 && ![401, 404].contains(&s))
    };
    registry.requests().into_iter().filter(is_refused).collect()
}

fn is_cross_mount(request: &Request) -> bool {
    request.kind == Kind::Mount && request.parameter("from") != request.repository
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ecr_gets_one_image_first_and_the_others_mount_from_it() {
    let world = World::new(Vendor::Ecr, ECR).await;
    let names = ["a", "b", "c", "d"];
    let mut rules = world.rule("a:1", "x/a");
    let mut built = Vec::new();
    for (n, name) in names.iter().enumerate() {
        built.push(world.from.push(name, "1", &with_base(n as u64, 20_000)));
        world.to.create_repository(&format!("x/{name}"));
        if n > 0 {
            let to = format!("{ECR}/x/{name}");
            rules = rules.and(&at(&world.from, &format!("{name}:1")), &[&to]);
        }
    }
    let report = rules.run().await;
    assert_all(&report, Outcome::Copied);
    for (name, built) in names.iter().zip(&built) {
        assert!(world.to.has(&format!("x/{name}"), "1", built));
    }
    assert_eq!(world.from.blob_gets(base(20_000).digest()), 1, "read once");
    assert_eq!(report.totals.bytes_mounted, 3 * 20_000);
    let mounts: Vec<_> = world.to.requests().into_iter().filter(is_cross_mount).collect();
    assert_eq!(mounts.len(), 3);
    assert!(mounts.iter().all(|r| r.status == Some(201)), "none was asked for too early");
    // what is there without a manifest is found by HEAD alone
    assert_eq!(world.to.count(|r| r.kind == Kind::Mount && !is_cross_mount(r)), 0);
    assert!(world.to.count_of("HEAD", Kind::Blob) >= names.len());
    assert!(refused(&world.to).is_empty(), "{:?}", refused(&world.to));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn images_that_need_each_others_layers_do_not_wait_in_a_circle() {
    let world = World::new(Vendor::Ecr, ECR).await;
    let layers: Vec<_> = (0..40).map(|n| Layer::random(n, 2000)).collect();
    let mut reversed = layers.clone();
    reversed.reverse();
    let one = world.from.push("a", "1", &Image::single("linux/amd64", layers));
    let two = world.from.push("b", "1", &Image::single("linux/arm64", reversed));
    world.to.create_repository("x/a");
    world.to.create_repository("x/b");
    let report = world
        .rule("a:1", "x/a")
        .and(&at(&world.from, "b:1"), &[&format!("{ECR}/x/b")])
        .options(|o| o.requests_per_host = Some(2))
        .run()
        .await;
    assert_all(&report, Outcome::Copied);
    assert!(world.to.has("x/a", "1", &one) && world.to.has("x/b", "1", &two));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_image_that_fails_does_not_keep_those_that_wait_for_it() {
    let world = World::new(Vendor::Ecr, ECR).await;
    let a = world.from.push("a", "1", &with_base(1, 20_000));
    let b = world.from.push("b", "1", &with_base(2, 20_000));
    world.to.create_repository("x/a");
    world.to.create_repository("x/b");
    // the first manifest of all is refused, whichever it is
    let fault = world.to.fault(Fault::on(Kind::Manifest).put().status(403));
    let report =
        world.rule("a:1", "x/a").and(&at(&world.from, "b:1"), &[&format!("{ECR}/x/b")]).run().await;
    assert_eq!(fault.fired(), 1);
    assert_eq!((report.totals.copied, report.totals.failed), (1, 1));
    let there = [world.to.has("x/a", "1", &a), world.to.has("x/b", "1", &b)];
    assert_eq!(there.iter().filter(|there| **there).count(), 1);
    assert!(world.from.blob_gets(base(20_000).digest()) <= 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_wants_manifests_first_is_learnt_by_a_few_declines() {
    let (from, to) = two().await;
    to.add_quirk(Quirk::MountsCommittedOnly);
    let mut rules = sync(&at(&from, "r0:1"), &[&at(&to, "x/r0")]);
    for n in 0..8_u64 {
        from.push(&format!("r{n}"), "1", &with_base(n, 20_000));
        if n > 0 {
            rules = rules.and(&at(&from, &format!("r{n}:1")), &[&at(&to, &format!("x/r{n}"))]);
        }
    }
    // no image is whole until two have been declined
    let own: Vec<_> = (0..8).map(|n| Layer::random(n, 3000).digest().to_owned()).collect();
    let is_own = move |r: &Request| r.reference.as_ref().is_some_and(|of| own.contains(of));
    let own = from.fault(Fault::on(Kind::Blob).get().when(is_own).always().stall(Stall::Answer));
    let run = rules.start();
    let declines = |all: &[Request]| {
        all.iter().filter(|r| is_cross_mount(r) && r.status == Some(202)).count() >= 2
    };
    to.wait_for(declines).await;
    own.release();
    let report = finish(run).await;
    assert_all(&report, Outcome::Copied);
    assert!(own.fired() > 0);
    let declined = to.count(|r| is_cross_mount(r) && r.status == Some(202));
    assert_eq!(declined, 2);
    assert_eq!(from.blob_gets(base(20_000).digest()), 1 + declined);
    assert_eq!(to.count(|r| is_cross_mount(r) && r.status == Some(201)), 7 - declined);
    // the sessions that came with the declines were used
    let opened = to.count(|r| r.kind == Kind::Mount && r.status == Some(202))
        + to.count_of("POST", Kind::UploadStart);
    assert_eq!(opened, to.count_of("PUT", Kind::UploadFinish));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn google_is_never_asked_to_mount_nor_to_go_on() {
    let host = "europe-west1-docker.pkg.dev";
    let world = World::new(Vendor::Google, host).await;
    let layer = base(3 * MIB);
    let a = world.from.push("a", "1", &with_base(1, 3 * MIB));
    let b = world.from.push("b", "1", &with_base(2, 3 * MIB));
    let cut = Fault::on(Kind::UploadFinish).reference(layer.digest()).cut_upload_after(MIB as u64);
    let cut = world.to.fault(cut);
    let report = world
        .rule("a:1", "p/x/a")
        .and(&at(&world.from, "b:1"), &[&format!("{host}/p/x/b")])
        .run()
        .await;
    assert_all(&report, Outcome::Copied);
    assert_eq!(cut.fired(), 1);
    assert!(world.to.has("p/x/a", "1", &a) && world.to.has("p/x/b", "1", &b));
    assert_eq!(world.to.count_of("POST", Kind::Mount), 0);
    assert_eq!(world.to.count_of("PATCH", Kind::Any), 0, "the broken upload began anew");
    assert_eq!(report.totals.bytes_read, world.from.blob_bytes_served());
    assert!(refused(&world.to).is_empty(), "{:?}", refused(&world.to));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ghcr_gets_no_range_of_more_than_4_mib() {
    let world = World::new(Vendor::Ghcr, "ghcr.io").await;
    let layer = base(11 * MIB);
    let built = world.from.push("a", "1", &with_base(1, 11 * MIB));
    let cut = Fault::on(Kind::UploadFinish).reference(layer.digest()).cut_upload_after(MIB as u64);
    let cut = world.to.fault(cut);
    assert_all(&world.rule("a:1", "x/a").run().await, Outcome::Copied);
    assert_eq!(cut.fired(), 1);
    assert!(world.to.has("x/a", "1", &built));
    let four = 4 * MIB as u64;
    assert_eq!(sizes(&world.to, "PATCH", Kind::UploadData), [four, four, 2 * MIB as u64]);
    assert!(refused(&world.to).is_empty(), "{:?}", refused(&world.to));
    // unbroken, it is one PUT
    world.to.clear_log();
    world.from.push("b", "1", &Image::single("linux/amd64", [Layer::random(5, 9 * MIB)]));
    assert_all(&world.rule("b:1", "x/b").run().await, Outcome::Copied);
    assert_eq!(world.to.count_of("PATCH", Kind::Any), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn azure_gets_chunks_below_its_limit() {
    let world = World::new(Vendor::Azure, "team.azurecr.io").await;
    let built = world.from.push("a", "1", &with_base(1, 36 * MIB));
    assert_all(&world.rule("a:1", "x/a").run().await, Outcome::Copied);
    assert!(world.to.has("x/a", "1", &built));
    let chunk = 16 * MIB as u64;
    assert_eq!(sizes(&world.to, "PATCH", Kind::UploadData), [chunk, chunk, 4 * MIB as u64]);
    assert_eq!(world.to.count(|r| r.status == Some(413)), 0);
    assert!(sizes(&world.to, "PUT", Kind::UploadFinish).contains(&0), "closed without bytes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_that_is_met_is_kept_for_all_that_follows() {
    let (from, to) = two().await;
    to.add_quirk(Quirk::BodyLimit(5 * MIB as u64));
    let one = from.push("a", "1", &Image::single("linux/amd64", [Layer::random(1, 9 * MIB)]));
    let two = from.push("a", "2", &Image::single("linux/amd64", [Layer::random(2, 9 * MIB)]));
    let report =
        sync(&at(&from, "a:1,2"), &[&at(&to, "x/a")]).policy(|p| p.images = Some(1)).run().await;
    assert_all(&report, Outcome::Copied);
    assert!(to.has("x/a", "1", &one) && to.has("x/a", "2", &two));
    let four = 4 * MIB as u64;
    let mib = MIB as u64;
    assert_eq!(sizes(&to, "PATCH", Kind::UploadData), [four, four, mib, four, four, mib]);
    // 9 MiB and 8 MiB were too much, once
    assert_eq!(to.count(|r| r.status == Some(413)), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chunks_are_no_smaller_than_asked_for_unless_that_is_absurd() {
    let five = 5 * MIB as u64;
    for (quirk, chunks) in [
        (Quirk::ChunkMin(five), vec![five, 4 * MIB as u64]),
        (
            Quirk::ChunkMinClaimed(u64::MAX.to_string()),
            vec![4 * MIB as u64, 4 * MIB as u64, MIB as u64],
        ),
    ] {
        let (from, to) = two().await;
        // a host that wants small requests: 4 MiB of them is what a client would choose
        to.add_quirk(Quirk::PutLimit(MIB as u64));
        to.add_quirk(Quirk::ContentRangeLimit(5 * MIB as u64));
        to.add_quirk(quirk.clone());
        let layer = Layer::random(1, 9 * MIB);
        let built = from.push("a", "1", &Image::single("linux/amd64", [layer]));
        assert_all(&sync(&at(&from, "a:1"), &[&at(&to, "x/a")]).run().await, Outcome::Copied);
        assert!(to.has("x/a", "1", &built), "{quirk:?}");
        assert_eq!(sizes(&to, "PATCH", Kind::UploadData), chunks, "{quirk:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_config_costs_one_request_where_the_post_takes_it() {
    let (from, to) = two().await;
    to.add_quirk(Quirk::SinglePost(SinglePost::Taken));
    let one = from.push("a", "1", &with_base(1, 20_000));
    assert_all(&sync(&at(&from, "a:1"), &[&at(&to, "x/a")]).run().await, Outcome::Copied);
    assert!(to.has("x/a", "1", &one));
    assert_eq!(to.count_of("POST", Kind::UploadStart), 1);
    assert_eq!(to.count_of("POST", Kind::Mount), 2, "layers are asked for");
    assert_eq!(to.count_of("PUT", Kind::UploadFinish), 2);
    // the image that replaces it may have the config already: it is asked for
    to.clear_log();
    from.push("a", "1", &with_base(2, 20_000));
    assert_all(&sync(&at(&from, "a:1"), &[&at(&to, "x/a")]).run().await, Outcome::Copied);
    assert_eq!(to.count_of("POST", Kind::UploadStart), 0);
    assert_eq!(to.count_of("POST", Kind::Mount), 3);
}
