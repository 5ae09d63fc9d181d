//! The newest images by date: one config read per image, and what is told where dates are missing.

use engine::{NewestBy, Outcome};
use registry::Code;
use testkit::{Fault, Image, Kind, Layer, Registry, Reply};

use crate::common::{assert_all, at, sync, two};

const CONFIG: &str = "application/vnd.oci.image.config.v1+json";

/// An image whose config says when it was made.
fn made(seed: u64, config: &str) -> Image {
    Image::single("linux/amd64", [Layer::random(seed, 300)]).config(CONFIG, config.to_owned())
}

fn on(seed: u64, day: &str) -> Image {
    made(
        seed,
        &format!(r#"{{"created":"2026-{day}T00:00:00Z","os":"linux","architecture":"amd64"}}"#),
    )
}

fn newest(from: &Registry, to: &Registry, selector: &str, count: usize) -> crate::common::Sync {
    sync(&at(from, &format!("team/app{selector}")), &[&at(to, "app")]).tags(|tags| {
        tags.newest = Some(count);
        tags.newest_by = NewestBy::Created;
    })
}

#[tokio::test]
async fn one_config_is_read_per_image_and_versions_do_not_count() {
    let (from, to) = two().await;
    for (tag, day) in [("3.0", "01-01"), ("1.0", "03-01"), ("nightly", "04-01"), ("2.0", "02-01")] {
        from.push("team/app", tag, &on(day[..2].parse().unwrap(), day));
    }
    let report = newest(&from, &to, "", 2).plan().await;
    let planned: Vec<_> = report.images.iter().map(|image| image.source.clone()).collect();
    assert_eq!(planned, [at(&from, "team/app:1.0"), at(&from, "team/app:nightly")]);
    // the plan reads what it copies once more: two manifests
    assert_eq!(from.count_of("GET", Kind::Manifest), 4 + 2);
    assert_eq!(from.count_of("GET", Kind::Blob), 4, "a config each");
    assert_eq!(from.count_of("GET", Kind::Tags), 1);
    from.clear_log();
    let report = newest(&from, &to, "", 2).run().await;
    assert_all(&report, Outcome::Copied);
    assert_eq!(to.tags("app"), ["1.0", "nightly"]);
}

#[tokio::test]
async fn a_child_that_a_sparse_index_misses_takes_no_date_from_the_others() {
    let (from, to) = two().await;
    for (tag, day) in [("9.0", "01-01"), ("1.0", "03-01"), ("2.0", "02-01")] {
        let seed = day[..2].parse().unwrap();
        let absent = Image::single("linux/arm64", [Layer::random(seed + 50, 300)]);
        let missing = absent.build().digest().to_owned();
        from.push("team/app", tag, &Image::multi([on(seed, day), absent]));
        from.fault(Fault::on(Kind::Manifest).get().reference(&missing).always().status(404));
    }
    let report = newest(&from, &to, "", 2).platforms(&["linux"], &["amd64"]).plan().await;
    let planned: Vec<_> = report.images.iter().map(|image| image.source.clone()).collect();
    assert_eq!(planned, [at(&from, "team/app:1.0"), at(&from, "team/app:2.0")]);
}

#[tokio::test]
async fn nothing_is_read_where_all_are_taken() {
    let (from, to) = two().await;
    for (tag, day) in [("a", "01-01"), ("b", "03-01")] {
        from.push("team/app", tag, &on(day[..2].parse().unwrap(), day));
    }
    let report = newest(&from, &to, "", 2).plan().await;
    assert_eq!(report.images.len(), 2);
    assert_eq!(from.count_of("GET", Kind::Blob), 0);
}

#[tokio::test]
async fn an_index_has_the_date_of_its_newest_image_and_configs_are_shared() {
    let (from, to) = two().await;
    let old = on(1, "01-01");
    // its first image is the oldest of all, its second the newest
    from.push("team/app", "multi", &Image::multi([old.clone(), on(2, "06-01")]).attested());
    from.push("team/app", "middle", &on(3, "05-01"));
    from.push("team/app", "old", &old);
    from.push("team/app", "same", &old);
    let report = newest(&from, &to, "", 1).plan().await;
    assert_eq!(report.images[0].source, at(&from, "team/app:multi"));
    assert_eq!(report.images.len(), 1);
    assert_eq!(from.count_of("GET", Kind::Blob), 3, "three different configs, none twice");
}

#[tokio::test]
async fn broken_dates_count_as_the_oldest_and_are_told() {
    let (from, to) = two().await;
    for (n, config) in
        ["{}", r#"{"created":"yesterday"}"#, "not json", r#"{"created":"1970-01-01T00:00:00Z"}"#]
            .into_iter()
            .enumerate()
    {
        from.push("team/app", &format!("9.{n}"), &made(n as u64, config));
    }
    from.push("team/app", "artifact", &Image::artifact("text/x", [Layer::random(20, 10)]));
    let dated = Image::artifact("text/x", [Layer::random(21, 10)])
        .annotation("org.opencontainers.image.created", "2026-02-02T00:00:00Z");
    from.push("team/app", "annotated", &dated);
    from.push("team/app", "1.0", &on(7, "01-01"));
    let report = newest(&from, &to, "", 3).plan().await;
    let planned: Vec<_> = report.images.iter().map(|image| image.source.clone()).collect();
    // of those without a date, the newest version
    let expected = ["1.0", "9.3", "annotated"].map(|tag| at(&from, &format!("team/app:{tag}")));
    assert_eq!(planned, expected);
    let warning = report.warnings.iter().find(|warning| warning.contains("when they were made"));
    assert!(warning.unwrap().starts_with("5 of the 7 images"), "{:?}", report.warnings);
}

#[tokio::test]
async fn a_tag_that_is_gone_is_none_of_the_newest_and_what_cannot_be_read_fails_the_rule() {
    let (from, to) = two().await;
    for (tag, day) in [("a", "01-01"), ("b", "02-01"), ("c", "03-01")] {
        from.push("team/app", tag, &on(day[..2].parse().unwrap(), day));
    }
    let unknown = Reply::error(404, "MANIFEST_UNKNOWN", "it is gone");
    let gone = from.fault(Fault::on(Kind::Manifest).get().reference("c").always().answer(unknown));
    let report = newest(&from, &to, "", 1).plan().await;
    assert_eq!(gone.fired(), 1);
    assert_eq!(report.images[0].source, at(&from, "team/app:b"));

    let denied = Reply::error(403, "DENIED", "not for you");
    let denied = from.fault(Fault::on(Kind::Blob).get().always().answer(denied));
    let report = newest(&from, &to, ":a,b", 1).plan().await;
    assert!(denied.fired() > 0);
    assert_eq!(report.images.len(), 1);
    assert_eq!(report.images[0].status, Outcome::Failed);
    assert_eq!(report.images[0].error.as_ref().unwrap().code, Code::PullDenied);
    assert_eq!(report.images[0].source, at(&from, "team/app:a,b"), "the rule as it was written");
}
