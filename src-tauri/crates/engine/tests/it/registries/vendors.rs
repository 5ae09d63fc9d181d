//! Whole registries, emulated from what is known of them: a sync from each and to each.

use engine::Outcome;
use testkit::{Image, Kind, Layer, Registry, Vendor};

use super::{Pair, kind, layer};
use crate::common::{assert_all, at, sync};

/// The user name that each wants.
fn user(vendor: Vendor) -> &'static str {
    match vendor {
        Vendor::Ecr | Vendor::EcrPublic => "AWS",
        Vendor::Azure => "00000000-0000-0000-0000-000000000000",
        Vendor::Google => "oauth2accesstoken",
        Vendor::Harbor => "robot$team+sync",
        Vendor::Quay => "team+sync",
        _ => "anna",
    }
}

const SECRET: &str = "a secret, {\"with\": \"json\"}";

#[tokio::test]
async fn q23_a_sync_from_and_to_each_vendor() {
    let image = Image::multi([
        Image::single("linux/amd64", [layer(), Layer::random(2, 3000)]),
        Image::single("linux/arm64", [layer(), Layer::random(3, 3000)]),
    ]);
    for &vendor in Vendor::ALL {
        let name = if vendor == Vendor::Google { "project/team/app" } else { "team/app" };
        let plain = Registry::start().await;
        let built = plain.push("a/b", "v1", &image);
        plain.push("a/b", "v2", &image.clone().label("v", "2"));
        let emulated = vendor.builder(user(vendor), SECRET).start().await;
        vendor.prepare(&emulated, name);
        // all tags, so that lists are read too
        let login = |rule: crate::common::Sync| rule.login(&emulated, user(vendor), SECRET);
        let up = || login(sync(&at(&plain, "a/b"), &[&at(&emulated, name)]));
        assert_all(&up().run().await, Outcome::Copied);
        assert!(emulated.has(name, "v1", &built), "{vendor:?}");
        assert_eq!(emulated.tags(name), ["v1", "v2"], "{vendor:?}");
        emulated.clear_log();
        let again = up().run().await;
        // a registry that says of a tag that is there that it is not gets a config unasked, to find out how it takes it
        let most = if vendor == Vendor::Nexus { 1000 } else { 0 };
        assert!(again.totals.bytes_copied <= most, "{vendor:?}");
        // where HEAD is answered with 404 or with a wrong digest, what is there looks like what is not: the manifest is
        // put again, and no blob
        if !matches!(vendor, Vendor::Nexus | Vendor::Artifactory) {
            assert_all(&again, Outcome::Skipped);
            assert_eq!(emulated.writes(), 0, "{vendor:?}");
        }
        let back = Registry::start().await;
        let down = login(sync(&at(&emulated, name), &[&at(&back, "x")]));
        assert_all(&down.run().await, Outcome::Copied);
        assert!(back.has("x", "v1", &built), "{vendor:?}");
        if vendor != Vendor::Distribution && vendor != Vendor::Zot {
            let basic = emulated.count(|r| {
                r.header("authorization").is_some_and(|text| text.starts_with("Basic "))
            });
            let by_token = kind(&emulated, Kind::Token);
            assert!(basic > 0 && (by_token == 0 || by_token == basic), "{vendor:?}");
        }
    }
}

#[tokio::test]
async fn q23_public_images_of_vendors_need_no_login() {
    for vendor in [Vendor::DockerHub, Vendor::Ghcr, Vendor::Quay] {
        let from = vendor.builder("anna", SECRET);
        let pair = Pair::of(&super::image(), from, Registry::builder()).await;
        let rule = sync(&at(&pair.from, "a/b:1"), &[&at(&pair.to, "x/b")]);
        pair.arrives(rule).await;
        let basic = |r: &testkit::Request| {
            r.header("authorization").is_some_and(|text| text.starts_with("Basic "))
        };
        assert_eq!((kind(&pair.from, Kind::Token), pair.from.count(basic)), (1, 0), "{vendor:?}");
    }
}
