//! Registries with images in them, as the stories need them.

use testkit::{Image, Layer, Registry};

use crate::{docker_registry::DockerRegistry, skopeo};

/// `repository:tag` of the images at the source.
pub(crate) const IMAGES: [&str; 4] =
    ["team/app:1.0", "team/app:1.1", "team/app:latest", "team/tool:2.0"];

/// Fills a real registry: `skopeo` brings images of several platforms there.
pub(crate) async fn fill(destination: &DockerRegistry) {
    fill_with(destination, Vec::new()).await;
}

/// Fills one that asks for a login.
pub(crate) async fn fill_as(destination: &DockerRegistry, user: &str, secret: &str) {
    fill_with(destination, vec!["--dest-creds".into(), format!("{user}:{secret}")]).await;
}

async fn fill_with(destination: &DockerRegistry, more: Vec<String>) {
    let origin = Registry::start().await;
    for reference in IMAGES {
        let (repository, tag) = reference.split_once(':').unwrap();
        // `latest` is 1.1
        let seed = if tag == "latest" { "1.1" } else { tag }.bytes().map(u64::from).sum::<u64>();
        let layer = |n: u64| Layer::random(seed * 10 + n, 150_000);
        origin.push(
            repository,
            tag,
            &Image::multi([
                Image::single("linux/amd64", [Layer::random(1, 200_000), layer(1)]),
                Image::single("linux/arm64", [Layer::random(2, 200_000), layer(2)]),
            ]),
        );
        let (from, to) = (
            format!("{}/{reference}", origin.host()),
            format!("{}/{reference}", destination.host()),
        );
        let more = more.clone();
        let copy = move || {
            let more: Vec<&str> = more.iter().map(String::as_str).collect();
            skopeo::copy(&from, &to, &more);
        };
        tokio::task::spawn_blocking(copy).await.unwrap();
    }
}

/// The manifest of an image, as skopeo reads it.
pub(crate) async fn raw(reference: String, login: Option<(&str, &str)>) -> Result<Vec<u8>, String> {
    let creds = login.map(|(user, secret)| format!("{user}:{secret}"));
    tokio::task::spawn_blocking(move || {
        let more: Vec<&str> = creds.iter().flat_map(|creds| ["--creds", creds.as_str()]).collect();
        skopeo::raw(&reference, &more)
    })
    .await
    .unwrap()
}
