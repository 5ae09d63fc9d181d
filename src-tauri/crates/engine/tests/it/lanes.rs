//! Large layers and small images side by side: neither waits for all of the others.

use std::time::Duration;

use engine::Outcome;
use testkit::{Fault, Image, Kind, Layer, Registry, Stall};

use crate::common::{assert_all, at, finish, sync, two};

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
