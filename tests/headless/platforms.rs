//! `--os` and `--arch`.

use serde_json::Value;
use testkit::{Image, Layer, Registry};

use crate::support::Program;

fn platforms() -> [Image; 5] {
    [
        Image::single("linux/amd64", [Layer::random(1, 2000)]),
        Image::single("linux/arm64", [Layer::random(2, 2000)]),
        Image::single("linux/arm/v6", [Layer::random(3, 2000)]),
        Image::single("linux/arm/v7", [Layer::random(4, 2000)]),
        Image::single("windows/amd64:10.0.17763.1", [Layer::random(5, 2000)]),
    ]
}

/// Copies `image` with `flags`; the kept platforms as `os/arch/variant`.
async fn kept(image: &Image, flags: &[&str], code: i32) -> (Program, Registry, Vec<String>) {
    let (source, destination) = (Registry::start().await, Registry::start().await);
    source.push("a/b", "v1", image);
    let program = Program::new();
    program
        .sync(&format!("{}/a/b:v1: {}/x/b\n", source.host(), destination.host()), "{}", flags)
        .expect(code);
    let names = destination.manifest("x/b", "v1").map_or_else(Vec::new, |(_, bytes)| {
        let index: Value = serde_json::from_slice(&bytes).unwrap();
        index["manifests"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| {
                let platform = &entry["platform"];
                let text = |field: &str| platform[field].as_str().unwrap_or_default().to_owned();
                [text("os"), text("architecture"), text("variant")]
                    .join("/")
                    .trim_end_matches('/')
                    .to_owned()
            })
            .collect()
    });
    (program, destination, names)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_are_ored_and_os_and_arch_are_anded() {
    for (flags, expected) in [
        (&["--os", "linux", "--arch", "amd64,arm64"][..], &["linux/amd64", "linux/arm64"][..]),
        (
            &["--os", "linux", "--os", "windows", "--arch", "amd64"],
            &["linux/amd64", "windows/amd64"],
        ),
        (&["--arch", "arm"], &["linux/arm/v6", "linux/arm/v7"]),
        (&["--arch", "arm:v7"], &["linux/arm/v7"]),
        (&["--arch", "aarch64"], &["linux/arm64"]),
        (&["--os", "windows:10.0.17763.1"], &["windows/amd64"]),
    ] {
        let (_, _, names) = kept(&Image::multi(platforms()), flags, 0).await;
        assert_eq!(names, expected, "{flags:?}");
        let (_, _, names) = kept(&Image::multi(platforms()).docker(), flags, 0).await;
        assert_eq!(names, expected, "{flags:?}, Docker list");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_filter_that_keeps_all_keeps_the_digest() {
    let (program, _, names) = kept(&Image::multi(platforms()), &["--os", "linux,windows"], 0).await;
    assert_eq!(names.len(), 5);
    let report = program.report();
    assert_eq!(report["images"][0]["digest"], report["images"][0]["source_digest"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_filter_that_keeps_nothing_fails_and_pushes_nothing() {
    let (program, destination, _) = kept(&Image::multi(platforms()), &["--arch", "s390x"], 1).await;
    assert_eq!(program.report()["images"][0]["error"]["code"], "platform.none");
    assert_eq!(destination.writes(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attestations_go_with_their_platform() {
    let (_, destination, names) =
        kept(&Image::multi(platforms()).attested(), &["--arch", "arm64"], 0).await;
    assert_eq!(names, ["linux/arm64", "unknown/unknown"]);
    let (_, bytes) = destination.manifest("x/b", "v1").unwrap();
    let index: Value = serde_json::from_slice(&bytes).unwrap();
    let attests = &index["manifests"][1]["annotations"]["vnd.docker.reference.digest"];
    assert_eq!(attests, &index["manifests"][0]["digest"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_without_platform_stays() {
    let image = Image::multi([
        Image::single("linux/amd64", [Layer::random(1, 100)]),
        Image::single("linux/arm64", [Layer::random(2, 100)]).without_platform(),
    ]);
    let (_, destination, _) = kept(&image, &["--arch", "s390x"], 0).await;
    let (_, bytes) = destination.manifest("x/b", "v1").unwrap();
    let index: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(index["manifests"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_single_platform_image_that_does_not_match_is_skipped_with_a_reason() {
    let (program, destination, _) =
        kept(&Image::single("linux/amd64", [Layer::random(1, 100)]), &["--arch", "arm64"], 0).await;
    let image = &program.report()["images"][0];
    assert_eq!(image["status"], "skipped");
    assert!(image["reason"].as_str().unwrap().contains("linux/amd64"), "{image}");
    assert!(image["source_digest"].is_string(), "{image}");
    assert_eq!(destination.writes(), 0);
}
