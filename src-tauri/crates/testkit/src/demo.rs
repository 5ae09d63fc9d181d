//! The demo's two registries: small images of several platforms at the source, and a destination that has some of
//! them already, so that a newcomer sees images copied, skipped and overwritten without an account or a network.

use std::io;

use bytes::Bytes;

use crate::{
    content::Content,
    image::{Image, Layer},
    registry::Registry,
};

/// What the demo's repositories are called; all tags of each are meant to be copied.
pub const REPOSITORIES: [&str; 3] = ["library/hello", "team/web", "team/api"];

/// The two registries. They stop when this is dropped.
#[derive(Clone, Debug)]
pub struct Demo {
    /// Where the images are.
    pub source: Registry,
    /// Where they go.
    pub destination: Registry,
}

/// How the demo is set up.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// The source sends and takes so many bytes per second at most, so that progress can be watched.
    pub bytes_per_second: Option<u64>,
}

/// Starts the demo as fast as it goes.
pub async fn start() -> io::Result<Demo> {
    start_with(Options::default()).await
}

/// Starts the demo.
pub async fn start_with(options: Options) -> io::Result<Demo> {
    let source = Registry::builder().try_start().await?;
    source.set_throttle(options.bytes_per_second);
    let destination = Registry::builder().try_start().await?;
    fill(&source, &destination);
    Ok(Demo { source, destination })
}

const PLATFORMS: [&str; 3] = ["linux/amd64", "linux/arm64", "linux/arm/v7"];

fn fill(source: &Registry, destination: &Registry) {
    for tag in ["1.0", "1.1"] {
        source.push("library/hello", tag, &hello(tag));
    }
    source.push("library/hello", "latest", &hello("1.1"));
    for tag in ["2.3.0", "2.4.0", "stable"] {
        source.push("team/web", tag, &web(if tag == "stable" { "2.4.0" } else { tag }));
    }
    for tag in ["0.9.1", "main"] {
        source.push("team/api", tag, &api(tag));
    }
    // an earlier sync: 1.0 is as it should be, latest has moved since
    destination.push("library/hello", "1.0", &hello("1.0"));
    destination.push("library/hello", "latest", &hello("1.0"));
}

fn hello(version: &str) -> Image {
    each_platform(|platform, seed| {
        let text = format!("#!/bin/sh\necho hello {version} from {platform}\n");
        vec![layer("bin/base", seed, 180_000), Layer::files([("bin/hello", Bytes::from(text))])]
    })
}

fn web(version: &str) -> Image {
    each_platform(|_, seed| {
        vec![
            layer("lib/base", seed, 180_000),
            layer("usr/server", seed + 10, 260_000),
            layer("srv/page", seed + hash(version), 90_000),
        ]
    })
    .annotation("org.opencontainers.image.title", "web")
    .annotation("org.opencontainers.image.version", version)
}

fn api(version: &str) -> Image {
    each_platform(|_, seed| {
        vec![layer("lib/base", seed, 180_000), layer("srv/api", seed + hash(version), 320_000)]
    })
    .annotation("org.opencontainers.image.version", version)
    .attested()
}

fn each_platform(layers: impl Fn(&str, u64) -> Vec<Layer>) -> Image {
    Image::multi(
        (1..)
            .zip(PLATFORMS)
            .map(|(seed, platform)| Image::single(platform, layers(platform, seed))),
    )
}

fn layer(path: &str, seed: u64, size: usize) -> Layer {
    Layer::files([(path, Content::random(seed, size).bytes().unwrap_or_default())])
}

fn hash(text: &str) -> u64 {
    text.bytes().fold(1000, |hash, byte| hash * 31 + u64::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn there_is_something_to_copy_to_skip_and_to_overwrite() {
        let Demo { source, destination } = start().await.unwrap();
        assert_eq!(source.repositories(), ["library/hello", "team/api", "team/web"]);
        assert_eq!(source.tags("library/hello"), ["1.0", "1.1", "latest"]);
        let digest = |registry: &Registry, tag| registry.tag_digest("library/hello", tag);
        assert_eq!(digest(&source, "1.0"), digest(&destination, "1.0"));
        assert_ne!(digest(&source, "latest"), digest(&destination, "latest"));
        assert_eq!(digest(&destination, "1.1"), None);
        let bytes: u64 = REPOSITORIES
            .iter()
            .flat_map(|name| {
                source.store().blobs(name).into_iter().map(|digest| source.blob(name, &digest))
            })
            .flatten()
            .map(|content| content.len())
            .sum();
        assert!((2_000_000..9_000_000).contains(&bytes), "{bytes}");
    }
}
