//! What is done for every byte, every manifest and every request.
#![allow(missing_docs, clippy::unwrap_used)]

use std::{fmt::Write as _, hint::black_box};

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use registry::{Algorithm, Digest, Filtered, Hasher, Manifest, PlatformFilter, Reference};

fn digests(c: &mut Criterion) {
    let mut group = c.benchmark_group("digest");
    // what comes of one TLS record, and what a layer is made of
    for (name, size) in [("16 KiB", 16 << 10), ("1 MiB", 1 << 20)] {
        let bytes = vec![0x5a; size];
        group.throughput(Throughput::Bytes(size as u64));
        for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
            group.bench_function(format!("{} {name}", algorithm.as_str()), |b| {
                b.iter(|| {
                    let mut hasher = Hasher::new(algorithm);
                    hasher.update(black_box(&bytes));
                    hasher.finish()
                });
            });
        }
    }
    group.finish();
}

fn descriptor(n: usize, media_type: &str) -> String {
    let digest = Digest::sha256(&n.to_le_bytes());
    format!(r#"{{"mediaType":"{media_type}","digest":"{digest}","size":{}"#, 1000 + n)
}

/// An image of 24 layers.
fn image() -> Bytes {
    let mut text = String::from(
        r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":"#,
    );
    text += &descriptor(0, "application/vnd.oci.image.config.v1+json");
    text += r#"},"layers":["#;
    for n in 1..=24 {
        text += if n == 1 { "" } else { "," };
        text += &descriptor(n, "application/vnd.oci.image.layer.v1.tar+gzip");
        text.push('}');
    }
    text += r#"],"annotations":{"org.opencontainers.image.title":"a title"}}"#;
    text.into()
}

/// An index of 12 platforms.
fn index() -> Bytes {
    let mut text = String::from(
        r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":["#,
    );
    for (n, architecture) in
        ["amd64", "arm64", "s390x", "ppc64le", "386", "riscv64"].iter().cycle().take(12).enumerate()
    {
        text += if n == 0 { "\n  " } else { ",\n  " };
        text += &descriptor(n, "application/vnd.oci.image.manifest.v1+json");
        let os = if n < 6 { "linux" } else { "windows" };
        let _ =
            write!(text, r#","platform":{{"os":"{os}","architecture":"{architecture}"}},"x":1}}"#);
    }
    text += "\n]}";
    text.into()
}

fn manifests(c: &mut Criterion) {
    let (image, index) = (image(), index());
    let digest = Digest::sha256(&image);
    c.bench_function("manifest: parse and verify an image of 24 layers", |b| {
        b.iter(|| Manifest::parse(black_box(image.clone()), None, Some(&digest)).unwrap());
    });
    c.bench_function("manifest: parse an index of 12", |b| {
        b.iter(|| Manifest::parse(black_box(index.clone()), None, None).unwrap());
    });
    let parsed = Manifest::parse(index, None, None).unwrap();
    let filter = PlatformFilter::parse(["linux"], ["amd64", "arm64"]).unwrap();
    c.bench_function("manifest: splice an index of 12 to 2", |b| {
        b.iter(|| {
            let filtered = black_box(&parsed).filter(&filter).unwrap();
            assert!(matches!(filtered, Filtered::Rewritten(_)));
            filtered
        });
    });
}

fn references(c: &mut Criterion) {
    let digest = Digest::sha256(b"");
    let texts = [
        "alpine".to_owned(),
        "registry.example.com:5000/team/project/app:v1.2.3".to_owned(),
        format!("registry.example.com/team/app:v1@{digest}"),
    ];
    c.bench_function("reference: parse three", |b| {
        b.iter(|| texts.each_ref().map(|text| black_box(text).parse::<Reference>().unwrap()));
    });
}

fn challenges(c: &mut Criterion) {
    let header = "Bearer realm=\"https://auth.docker.io/token\",service=\"registry.docker.io\",\
                  scope=\"repository:library/alpine:pull,push\", Basic realm=\"x\"";
    c.bench_function("challenge: parse bearer and basic", |b| {
        b.iter(|| assert_eq!(registry::count_challenges(black_box(header)), 2));
    });
}

criterion_group!(hot, digests, manifests, references, challenges);
criterion_main!(hot);
