//! A run over registries in this process that speak plain HTTP: what the engine itself costs per byte and per image.
#![allow(missing_docs, clippy::unwrap_used)]

use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use engine::{Job, Policy, Rule};
use registry::{Client, ClientOptions};
use testkit::{Image, Keep, Layer, Registry};

#[path = "../src/plain.rs"]
mod plain;

use plain::Plain;

/// One run from a registry to a fresh one.
async fn copy(from: &Registry, repository: &str) {
    let to = Registry::builder().keep(Keep::Digests).start().await;
    let (source, destination) =
        (format!("{}/{repository}", from.host()), format!("{}/copy", to.host()));
    let rules = vec![Rule::parse(&source, &[&destination]).unwrap().into()];
    let client = Client::new(ClientOptions::default(), Arc::new(Plain));
    let report = Job { rules, policy: Policy::default(), client }.run().finish().await;
    assert_eq!(report.totals.failed + report.totals.cancelled, 0, "{report:?}");
}

fn relay(c: &mut Criterion) {
    const LAYER: usize = 64 << 20;
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let from = runtime.block_on(Registry::start());
    from.push("large", "1", &Image::single("linux/amd64", [Layer::random(1, LAYER)]));
    for tag in 0..20 {
        let layers = (0..3).map(|n| Layer::random(10 + tag * 3 + n, 2_000));
        from.push("small", &tag.to_string(), &Image::single("linux/amd64", layers));
    }
    let mut group = c.benchmark_group("run");
    group.sample_size(10);
    group.throughput(Throughput::Bytes(LAYER as u64));
    group.bench_function("one layer of 64 MiB", |b| {
        b.iter(|| runtime.block_on(copy(&from, "large")));
    });
    group.throughput(Throughput::Elements(20));
    group.bench_function("20 small images", |b| {
        b.iter(|| runtime.block_on(copy(&from, "small")));
    });
    group.finish();
}

criterion_group!(benches, relay);
criterion_main!(benches);
