//! Decryption, encryption and hashing are work for every core.

use std::time::Duration;

use engine::Outcome;
use testkit::{
    Image, Layer, Registry,
    tls::{Authority, Flaw},
};
use tokio::runtime::{Builder, Runtime};

use crate::common::{assert_all, at, sync};

const WORKERS: usize = 2;
const LAYERS: u64 = 16;
const SIZE: usize = 4 << 20;

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(WORKERS).enable_all().build().unwrap()
}

#[test]
fn tls_and_hashing_are_shared_by_all_workers() {
    // the registries have threads of their own, so that ours are busy with our work alone
    let theirs = runtime();
    let authority = Authority::new();
    let start = || {
        let server = authority.server(Flaw::None);
        theirs.block_on(Registry::builder().tls(server).start())
    };
    let (from, to) = (start(), start());
    let layers = (0..LAYERS).map(|seed| Layer::random(seed, SIZE));
    let built = from.push("a", "1", &Image::single("linux/amd64", layers));

    let ours = runtime();
    let work = sync(&at(&from, "a:1"), &[&at(&to, "a:1")]).run();
    // on a worker: the thread that blocks is none
    let report = ours.block_on(ours.spawn(work)).unwrap();
    assert_all(&report, Outcome::Copied);
    assert!(to.has("a", "1", &built));

    let metrics = ours.metrics();
    let busy: Vec<Duration> = (0..WORKERS).map(|n| metrics.worker_total_busy_duration(n)).collect();
    let whole: Duration = busy.iter().sum();
    assert!(busy.iter().all(|one| *one * 10 > whole), "{busy:?}");
}
