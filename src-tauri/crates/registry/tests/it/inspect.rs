//! Everything about one image.

use registry::{Code, Reference, inspect::ImageKind};
use testkit::{Fault, Image, Kind, Layer, Registry};

use crate::setup::{client_with, plain};

fn reference(registry: &Registry, rest: &str) -> Reference {
    format!("{}/{rest}", registry.host()).parse().unwrap()
}

#[tokio::test]
async fn an_index_is_looked_into() {
    let registry = Registry::start().await;
    let shared = Layer::random(1, 5000);
    let index = Image::multi([
        Image::single("linux/amd64", [shared.clone(), Layer::random(2, 1000)]),
        Image::single("linux/arm64", [shared]),
    ]);
    let built = registry.push("team/app", "v1", &index);
    let hex = built.digest().split_once(':').unwrap().1;
    registry.push("team/app", &format!("sha256-{hex}.sig"), &Image::single("linux/amd64", []));
    let client = client_with(plain());
    let found = client.inspect(&reference(&registry, "team/app:v1")).await.unwrap();
    assert_eq!(found.digest.to_string(), built.digest());
    assert_eq!((found.kind, found.manifest.bytes()), (ImageKind::Index, built.bytes()));
    assert!(found.is_signed() && found.warnings.is_empty(), "{:?}", found.warnings);
    let platforms: Vec<_> =
        found.images.iter().map(|image| image.platform.as_ref().unwrap().to_string()).collect();
    assert_eq!(platforms, ["linux/amd64", "linux/arm64"]);
    assert_eq!(found.images[0].layers.len(), 2);
    let sizes: Vec<_> = found.images.iter().map(|image| image.size.unwrap()).collect();
    assert!(sizes[0] > 6000 && sizes[1] > 5000);
    let total = found.size.unwrap();
    assert_eq!(
        total,
        sizes[0] + sizes[1] - found.images[1].layers[0].size.unwrap(),
        "the layer that both have counts once"
    );
    // layers are not read
    let layer = found.images[0].layers[0].digest.to_string();
    assert_eq!(registry.count(|r| r.reference.as_deref() == Some(&*layer)), 0);
    // as JSON it has everything but the bytes
    let json = serde_json::to_value(&found).unwrap();
    assert_eq!(json["kind"], "index");
    assert_eq!(json["images"][0]["platform"]["architecture"], "amd64");
}

#[tokio::test]
async fn what_can_not_be_found_out_is_told_and_what_is_not_there_is_an_error() {
    let registry = Registry::start().await;
    let index = Image::multi([Image::single("linux/amd64", [Layer::random(2, 1000)])]);
    let built = registry.push("team/app", "v1", &index);
    let child = built.manifests().into_iter().find(|digest| digest != built.digest()).unwrap();
    registry.fault(Fault::on(Kind::Manifest).get().reference(&child).always().status(403));
    let client = client_with(plain());
    let found = client.inspect(&reference(&registry, "team/app:v1")).await.unwrap();
    assert_eq!((found.images.len(), found.size), (1, None));
    assert_eq!(found.warnings.len(), 1, "{:?}", found.warnings);
    let error = client.inspect(&reference(&registry, "team/app:absent")).await.unwrap_err();
    assert_eq!((error.code(), error.side()), (Code::RefNotFound, None));
}
