//! Many images, everything going wrong now and then on both sides, interrupts: in the end every tag is right, and every
//! report told the truth.

use std::{collections::HashMap, time::Duration};

use engine::{Outcome, Report};
use testkit::{Built, Fault, Image, Kind, Layer, Quirk, Registry, Request};

use crate::common::{HANGS, Sync, at, finish_within, sync};

/// How many images; `SOAK_IMAGES=10000` (`make soak`) for the long way.
fn images() -> u64 {
    std::env::var("SOAK_IMAGES").map_or(60, |count| count.parse().unwrap())
}

/// True for about one request in `n`, another one for each `salt`.
fn now_and_then(n: u64, salt: u64) -> impl Fn(&Request) -> bool {
    move |request| (request.id + salt).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40 < (1 << 24) / n
}

fn trouble(registry: &Registry, salt: u64) {
    let any = |n, salt2| Fault::on(Kind::Any).when(now_and_then(n, salt * 1000 + salt2)).always();
    registry.fault(any(60, 1).status(503));
    registry.fault(any(70, 2).reset());
    registry.fault(any(90, 3).hang_up());
    let blob =
        |n, salt2| Fault::on(Kind::Blob).get().when(now_and_then(n, salt * 1000 + salt2)).always();
    registry.fault(blob(15, 4).cut_after(3000));
    registry.fault(blob(25, 5).corrupt(17));
    let upload = |n, salt2| {
        Fault::on(Kind::UploadFinish).when(now_and_then(n, salt * 1000 + salt2)).always()
    };
    registry.fault(upload(15, 6).cut_upload_after(2000));
    registry.fault(upload(25, 7).corrupt_upload(99));
}

fn image(tag: u64) -> Image {
    let single = |platform: &str, seed| {
        let layers = [Layer::random(tag % 7, 9000), Layer::random(1000 + seed, 3000)];
        Image::single(platform, layers).label("tag", &tag.to_string())
    };
    if tag.is_multiple_of(3) {
        Image::multi([single("linux/amd64", tag), single("linux/arm64", tag + 500)])
    } else {
        single("linux/amd64", tag)
    }
}

fn rules(from: &Registry, to: &[Registry; 2]) -> Sync {
    let (one, two) = (at(&to[0], "x"), at(&to[1], "x"));
    sync(&at(from, "a"), &[&one, &two]).and(&at(from, "b"), &[&at(&to[0], "y")])
}

/// Whether the report says what is so.
fn check(report: &Report, to: &[Registry; 2], built: &HashMap<String, Built>) {
    for image in &report.images {
        let (host, rest) = image.destination.split_once('/').unwrap();
        let Some((repository, tag)) = rest.split_once(':') else { continue };
        let registry = to.iter().find(|registry| registry.host() == host).unwrap();
        let stands = registry.tag_digest(repository, tag);
        let built = &built[&image.source];
        match image.status {
            Outcome::Copied | Outcome::Skipped => {
                assert!(registry.has(repository, tag, built), "{image:?}");
            }
            // nothing wrong was tagged; that the answer to a tag's PUT was lost may be
            _ => assert!(stands.is_none_or(|stands| stands == built.digest()), "{image:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_the_end_every_tag_is_right() {
    let from = Registry::start().await;
    let to = [Registry::start().await, Registry::builder().quirk(Quirk::NeverMounts).start().await];
    let mut built = HashMap::new();
    let images = images();
    let hangs = HANGS + Duration::from_millis(100 * images);
    for tag in 0..images {
        let repository = if tag % 4 == 0 { "b" } else { "a" };
        let image = from.push(repository, &tag.to_string(), &image(tag));
        built.insert(at(&from, &format!("{repository}:{tag}")), image);
    }
    let rows = built.keys().map(|source| if source.contains("/a:") { 2 } else { 1 }).sum::<usize>();
    for round in 0..4 {
        for (salt, registry) in [&from, &to[0], &to[1]].into_iter().enumerate() {
            registry.clear_faults();
            trouble(registry, round * 10 + salt as u64);
        }
        let run = rules(&from, &to).start();
        if round < 3 {
            let done = to[0].tags("x").len() + images as usize / 10;
            let enough = async {
                while to[0].tags("x").len() < done {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            };
            let _ = tokio::time::timeout(hangs / 6, enough).await;
            run.cancel();
        }
        let report = finish_within(hangs, run).await;
        check(&report, &to, &built);
        if round == 3 {
            assert_eq!(report.images.len(), rows);
            assert_eq!(report.totals.cancelled, 0);
        }
    }
    for registry in [&from, &to[0], &to[1]] {
        registry.clear_faults();
    }
    let report = finish_within(hangs, rules(&from, &to).start()).await;
    check(&report, &to, &built);
    assert_eq!(report.totals.copied + report.totals.skipped, rows as u64);
    assert_eq!(report.images.len(), rows);
}
