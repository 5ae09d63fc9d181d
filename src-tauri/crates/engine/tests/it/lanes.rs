//! Large layers and small images side by side: neither waits for all of the others.

use std::time::Duration;

use engine::{Outcome, RunHandle};
use testkit::{Fault, FaultHandle, Image, Kind, Layer, Quirk, Registry, Request, Stall};

use crate::common::{HANGS, assert_all, at, finish, sync, two};

const LARGE: usize = 1 << 20;
/// More images with a large layer than a host gets requests.
const MANY: u64 = 40;

fn large(from: &Registry, tag: u64) -> Layer {
    let layer = Layer::random(100 + tag, LARGE);
    from.push("large", &format!("v{tag}"), &Image::single("linux/amd64", [layer.clone()]));
    layer
}

fn small(from: &Registry, tag: u64) {
    let layers = [Layer::random(1000 + tag * 2, 3_000), Layer::random(1001 + tag * 2, 2_000)];
    from.push("small", &format!("v{tag}"), &Image::single("linux/amd64", layers));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn small_images_are_not_queued_behind_large_layers() {
    for limit in [None, Some(4)] {
        let (from, to) = two().await;
        let layers: Vec<_> = (0..MANY).map(|tag| large(&from, tag)).collect();
        (0..10).for_each(|tag| small(&from, tag));
        // every large layer stops half way
        let digests: Vec<_> = layers.iter().map(|layer| layer.digest().to_owned()).collect();
        let stalled = from.fault(
            Fault::on(Kind::Blob)
                .get()
                .when(move |request| digests.iter().any(|d| request.path.ends_with(d.as_str())))
                .always()
                .stall(Stall::AnswerBody(LARGE as u64 / 2)),
        );
        let run = sync(&at(&from, "large"), &[&at(&to, "large")])
            .and(&at(&from, "small"), &[&at(&to, "small")])
            .options(|options| {
                options.requests_per_host = limit;
                options.stall = Duration::from_mins(5);
            })
            .start();
        // the small ones are there while not one of the large ones is
        while to.tags("small").len() < 10 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert!(stalled.fired() > 0);
        assert_eq!(to.tags("large").len(), 0);
        stalled.disarm();
        stalled.release();
        let report = finish(run).await;
        assert_all(&report, Outcome::Copied);
        assert_eq!(report.images.len(), MANY as usize + 10);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_layer_of_the_last_image_starts_early() {
    let (from, to) = two().await;
    (0..50).for_each(|tag| small(&from, tag));
    let layer = large(&from, 0);
    // the layers of the small images hang, so that nothing of them can end
    let digest = layer.digest().to_owned();
    let stalled = from.fault(
        Fault::on(Kind::Blob)
            .get()
            .when(move |request| {
                request.path.contains("/small/") && !request.path.ends_with(digest.as_str())
            })
            .times(10)
            .stall(Stall::Answer),
    );
    let run = sync(&at(&from, "small"), &[&at(&to, "small")])
        .and(&at(&from, "large"), &[&at(&to, "large")])
        .options(|options| options.stall = Duration::from_mins(5))
        .start();
    // it is there while ten of sixteen requests hang
    while to.tags("large").is_empty() || stalled.fired() < 10 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(to.tags("small").len() < 50);
    stalled.release();
    assert_all(&finish(run).await, Outcome::Copied);
}

async fn seen(registry: &Registry, predicate: impl FnMut(&[Request]) -> bool) {
    tokio::time::timeout(HANGS, registry.wait_for(predicate)).await.unwrap();
}

async fn let_go(fault: &FaultHandle) {
    tokio::time::timeout(HANGS, fault.wait_fired()).await.unwrap();
    fault.disarm();
    fault.release();
}

/// Images whose blobs hang, more of them than are on their way at once, while another image is still to be listed whose
/// blobs another repository holds: the run, what hangs, and what the other waits for.
async fn crowded(from: &Registry, to: &Registry) -> (RunHandle, FaultHandle, FaultHandle) {
    let shared = Image::single("linux/amd64", [Layer::random(1, 3_000), Layer::random(2, LARGE)]);
    from.push("first", "1", &shared);
    from.push("last", "1", &shared);
    (0..MANY).for_each(|tag| small(from, tag));
    let hang = |kind, repository| {
        let fault = Fault::on(kind).get().repository(repository).always();
        from.fault(fault.stall(Stall::Answer))
    };
    let (crowd, last) = (hang(Kind::Tags, "small"), hang(Kind::Tags, "last"));
    let blobs = hang(Kind::Blob, "small");
    let run = sync(&at(from, "first"), &[&at(to, "first")])
        .and(&at(from, "small"), &[&at(to, "small")])
        .and(&at(from, "last"), &[&at(to, "last")])
        .options(|options| options.stall = Duration::from_mins(5))
        .start();
    seen(to, |_| to.tags("first").len() == 1).await;
    let_go(&crowd).await;
    let is_begun = |request: &&Request| {
        request.method == "POST" && request.path.contains("/small/") && request.complete
    };
    seen(to, |all| all.iter().filter(is_begun).count() >= 64).await;
    (run, blobs, last)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_mounted_is_not_queued_behind_what_is_sent() {
    let (from, to) = two().await;
    let (run, blobs, last) = crowded(&from, &to).await;
    let_go(&last).await;
    seen(&to, |_| to.tags("last").len() == 1).await;
    assert_eq!(to.tags("small").len(), 0);
    let_go(&blobs).await;
    assert_all(&finish(run).await, Outcome::Copied);
    assert_eq!(to.tags("small").len(), MANY as usize);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_a_declined_mount_opened_waits_its_turn_and_is_given_up_with_the_run() {
    for cancel in [false, true] {
        let (from, to) = two().await;
        let (run, blobs, last) = crowded(&from, &to).await;
        to.set_quirks([Quirk::NeverMounts]);
        let_go(&last).await;
        let is_last = |request: &&Request| request.path.contains("/last/");
        let declined = |all: &[Request]| {
            let mounts = all.iter().filter(is_last).filter(|r| r.is("POST", Kind::Mount));
            mounts.filter(|mount| mount.status == Some(202) && mount.complete).count()
        };
        // two layers and the config
        seen(&to, |all| declined(all) == 3).await;
        if cancel {
            run.cancel();
            finish(run).await;
            let_go(&blobs).await;
            let given_up = |request: &Request| request.is("DELETE", Kind::UploadCancel);
            seen(&to, |all| all.iter().filter(is_last).any(given_up)).await;
            assert_eq!(to.tags("last").len(), 0);
        } else {
            let_go(&blobs).await;
            assert_all(&finish(run).await, Outcome::Copied);
            assert_eq!(to.tags("last").len(), 1);
            let requests = to.requests();
            let begun = requests.iter().filter(is_last).filter(|r| r.method == "POST").count();
            assert_eq!(begun, 3, "what the mounts have opened is used");
        }
    }
}

#[tokio::test]
async fn the_largest_layer_of_an_image_is_asked_for_first() {
    let (from, to) = two().await;
    let sizes = [2_000, 300_000, 40_000, 450_000, 9_000];
    let layers: Vec<_> =
        sizes.iter().enumerate().map(|(n, size)| Layer::random(n as u64, *size)).collect();
    from.push("a/b", "1", &Image::single("linux/amd64", layers.clone()));
    let report = sync(&at(&from, "a/b"), &[&at(&to, "x/b")])
        .options(|options| options.requests_per_host = Some(1))
        .run()
        .await;
    assert_all(&report, Outcome::Copied);
    let asked: Vec<_> = from
        .requests()
        .into_iter()
        .filter(|request| request.kind == Kind::Blob && request.method == "GET")
        .filter_map(|request| layers.iter().position(|l| request.path.ends_with(l.digest())))
        .collect();
    assert_eq!(asked.first(), Some(&3), "{asked:?}");
    assert_eq!(asked.len(), sizes.len());
}
