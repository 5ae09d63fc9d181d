//! The report and the file of successful images: other people's programs read them.

use serde_json::{Value, json};
use testkit::{Image, Layer, Quirk, Registry};

use crate::support::Program;

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn every_field_has_its_name_and_the_counts_add_up() {
    let (source, destination) = (Registry::start().await, Registry::start().await);
    let layer = Layer::random(1, 10_000);
    let built = source.push("a/b", "v1", &Image::single("linux/amd64", [layer]));
    let config = built.blobs().iter().map(|(_, content)| content.len()).sum::<u64>();
    let program = Program::new();
    let images =
        format!("{0}/a/b:v1: {1}/x/b\n{0}/a/b:v2: {1}/x/c\n", source.host(), destination.host());
    program.sync(&images, "{}", &["--output-success-images", "done.yaml"]).expect(1);
    let report = program.report();
    assert_eq!(report["version"], 1);
    let image = &report["images"][0];
    let keys: Vec<&str> = image.as_object().unwrap().keys().map(String::as_str).collect();
    for key in [
        "source",
        "destination",
        "status",
        "reason",
        "source_digest",
        "digest",
        "bytes_copied",
        "bytes_mounted",
        "attempts",
        "error",
        "plan",
    ] {
        assert!(keys.contains(&key), "{key} is missing");
    }
    assert_eq!(image["source"], format!("{}/a/b:v1", source.host()));
    assert_eq!(image["destination"], format!("{}/x/b:v1", destination.host()));
    assert_eq!((&image["status"], &image["error"]), (&json!("copied"), &Value::Null));
    assert_eq!(
        (&image["source_digest"], &image["digest"]),
        (&json!(built.digest()), &json!(built.digest()))
    );
    assert_eq!((&image["bytes_copied"], &image["bytes_mounted"]), (&json!(config), &json!(0)));
    assert_eq!(image["attempts"], 1);
    let failed = &report["images"][1];
    assert_eq!(
        (&failed["status"], &failed["error"]["code"]),
        (&json!("failed"), &json!("ref.not-found"))
    );
    for key in ["message", "hint"] {
        assert!(!failed["error"][key].as_str().unwrap().is_empty(), "{key}");
    }
    let totals = &report["totals"];
    assert_eq!(
        [&totals["copied"], &totals["skipped"], &totals["failed"], &totals["cancelled"]],
        [&json!(1), &json!(0), &json!(1), &json!(0)]
    );
    assert_eq!((&totals["bytes_copied"], &totals["bytes_mounted"]), (&json!(config), &json!(0)));
    assert!(totals["seconds"].as_f64().unwrap() > 0.0);

    // what stands right is a valid images file that makes the same run again
    let done = program.read("done.yaml");
    assert!(done.contains("/a/b:v1") && !done.contains("v2"), "{done}");
    program
        .run(&[
            "--images",
            "done.yaml",
            "--insecure",
            &format!("{},{}", source.host(), destination.host()),
            "--output-success-images",
            "again.json",
            "--output-images-format",
            "json",
        ])
        .expect(0);
    let again = program.json("again.json");
    assert_eq!(
        again[format!("{}/a/b:v1", source.host())],
        json!([format!("{}/x/b:v1", destination.host())])
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn an_immutable_tag_is_skipped_with_a_loud_warning() {
    for status in [400, 409, 412] {
        let (source, destination) = (Registry::start().await, Registry::start().await);
        destination.push("x/b", "v1", &Image::single("linux/amd64", [Layer::random(1, 100)]));
        let before = destination.tag_digest("x/b", "v1");
        destination.add_quirk(Quirk::ImmutableTags(status));
        source.push("a/b", "v1", &Image::single("linux/amd64", [Layer::random(2, 100)]));
        let program = Program::new();
        let images = format!("{}/a/b:v1: {}/x/b\n", source.host(), destination.host());
        program.sync(&images, "{}", &["--output-success-images", "done.yaml"]).expect(0).says(&[
            "warning: ",
            "immutable",
            "/x/b:v1",
        ]);
        let report = program.report();
        assert_eq!(report["images"][0]["status"], "skipped");
        assert_eq!(destination.tag_digest("x/b", "v1"), before);
        assert!(!program.read("done.yaml").contains("/x/b"), "it does not stand right");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_report_goes_where_a_link_leads_and_to_standard_output() {
    let (source, destination) = (Registry::start().await, Registry::start().await);
    source.push("a/b", "v1", &Image::single("linux/amd64", [Layer::random(1, 100)]));
    let program = Program::new();
    let images = format!("{}/a/b:v1: {}/x/b\n", source.host(), destination.host());
    program.write("real.json", "{}");
    std::os::unix::fs::symlink("real.json", program.path("report.json")).unwrap();
    program.sync(&images, "{}", &[]).expect(0);
    assert!(program.path("report.json").is_symlink());
    assert_eq!(program.json("real.json")["totals"]["copied"], 1);

    for name in ["/dev/stdout", "/proc/self/fd/1"] {
        let finished = program.sync(&images, "{}", &["--report", name]).expect(0);
        let report: Value = serde_json::from_str(&finished.stdout).unwrap();
        assert_eq!(report["totals"]["skipped"], 1, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_dry_run_tells_what_would_fail_and_how_to_mend_it() {
    let source = Registry::start().await;
    let destination =
        Registry::builder().auth(testkit::Auth::basic("writer", "right")).start().await;
    source.push("a/b", "v1", &Image::single("linux/amd64", [Layer::random(1, 100)]));
    let program = Program::new();
    let images = format!("{}/a/b:v1: {}/x/b\n", source.host(), destination.host());
    program
        .sync(&images, "{}", &["--dry-run"])
        .expect(1)
        .says(&["error[auth.required]: ", "hint: "]);
    let image = &program.report()["images"][0];
    assert_eq!(
        (&image["status"], &image["plan"]["action"]),
        (&json!("planned"), &json!("blocked"))
    );
}
