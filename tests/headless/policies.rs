//! What a run does where its rules leave a choice, from outside: flags, profiles, exit codes, the report.

use serde_json::json;
use testkit::{Image, Layer, Quirk, Registry};

use crate::support::{Program, program::rows};

fn image(seed: u64) -> Image {
    Image::single("linux/amd64", [Layer::random(seed, 1000)])
}

fn index() -> Image {
    let arm = Image::single("linux/arm64", [Layer::random(7, 1000)]);
    Image::multi([image(6), arm]).attested_by_artifacts()
}

async fn two() -> (Registry, Registry) {
    (Registry::start().await, Registry::start().await)
}

/// A program with a profile "Mirror", in which S and D stand for the two hosts.
fn profile(source: &Registry, destination: &Registry, rest: &str) -> Program {
    let mut program = Program::new();
    let text = format!("version: 1\nname: Mirror\n{rest}")
        .replace("S/", &format!("{}/", source.host()))
        .replace("D/", &format!("{}/", destination.host()));
    program.write("config/profiles/mirror.yaml", &text);
    let account = |id: &str, registry: &Registry| json!({"id": id, "name": id, "address": registry.host(), "insecure": true});
    let accounts = [account("source", source), account("destination", destination)];
    let accounts = json!({"version": 1, "accounts": accounts});
    program.write("config/accounts.json", &accounts.to_string());
    program.env("IMAGE_SYNCER_CONFIG_DIR", program.path("config").display().to_string());
    program
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_dry_run_that_knows_of_a_failure_exits_with_1_and_its_rows_stay_planned() {
    let (source, destination) = two().await;
    source.push("a", "1", &image(1));
    source.push("b", "1", &image(2));
    let program = Program::new();
    let (s, d) = (source.host(), destination.host());
    let conflict = format!("{s}/a:1: {d}/x\n{s}/b:1: {d}/x\n");
    program.sync(&conflict, "{}", &["--dry-run"]).expect(1).says(&["error[rule.conflict]: "]);
    let report = program.report();
    for image in report["images"].as_array().unwrap() {
        assert_eq!(image["status"], "planned");
        assert_eq!(image["plan"]["action"], "conflict");
    }
    assert_eq!(report["totals"]["failed"], 0);
    let fine = format!("{s}/a:1: {d}/x\n");
    program.sync(&fine, "{}", &["--dry-run"]).expect(0);
    assert_eq!(destination.writes(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn tags_that_would_be_overwritten_are_named_with_what_stands_there() {
    let (source, destination) = two().await;
    source.push("a", "1", &image(1));
    let stands = destination.push("x", "1", &image(2));
    let program = Program::new();
    let images = format!("{}/a:1: {}/x\n", source.host(), destination.host());
    let finished = program.sync(&images, "{}", &["--dry-run"]).expect(0);
    let line = finished.stdout.lines().find(|line| line.starts_with("overwrite")).unwrap();
    assert!(line.contains(&format!("{}/x:1", destination.host())), "{line}");
    let short = &stands.digest()[..19];
    assert!(line.ends_with(&format!("replaces {short}")), "{line}");
    assert_eq!(program.report()["images"][0]["replaces"], stands.digest());
    for word in ["never", "skip"] {
        program.sync(&images, "{}", &["--overwrite", word]).expect(0);
        let report = program.report();
        assert_eq!(report["images"][0]["reason"], "tag exists");
        assert_eq!(report["images"][0].get("replaces"), None);
        assert_eq!(destination.tag_digest("x", "1").as_deref(), Some(stands.digest()));
    }
    program.sync(&images, "{}", &["--overwrite", "update"]).expect(0);
    assert_ne!(destination.tag_digest("x", "1").as_deref(), Some(stands.digest()));
    destination.clear_log();
    program.sync(&images, "{}", &["--overwrite", "always"]).expect(0);
    assert!(destination.writes() > 0);
    program.sync(&images, "{}", &["--overwrite", "never", "--force"]).expect(2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn attestations_are_stripped_by_flag_or_where_they_are_refused() {
    for (flag, quirk) in [("strip", None), ("auto", Some(Quirk::EmptyConfigDenied))] {
        let (source, destination) = two().await;
        destination_quirk(&destination, quirk.clone());
        let built = source.push("a", "1", &index());
        let program = Program::new();
        let images = format!("{}/a:1: {}/x\n", source.host(), destination.host());
        let finished = program.sync(&images, "{}", &["--attestations", flag]).expect(0);
        assert_eq!(finished.stderr.contains("refuses attestations"), quirk.is_some());
        let report = program.report();
        assert_eq!(report["images"][0]["source_digest"], built.digest());
        assert_ne!(report["images"][0]["digest"], built.digest());
        destination.clear_log();
        program.sync(&images, "{}", &["--attestations", flag]).expect(0);
        assert_eq!(program.report()["totals"]["skipped"], 1);
        assert_eq!(destination.writes(), 0, "{flag}");
    }
}

fn destination_quirk(registry: &Registry, quirk: Option<Quirk>) {
    if let Some(quirk) = quirk {
        registry.add_quirk(quirk);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_sparse_index_keeps_the_digest_where_the_destination_bears_it() {
    let (source, destination) = two().await;
    let built = source.push("a", "1", &index());
    let program = Program::new();
    let images = format!("{}/a:1: {}/x\n", source.host(), destination.host());
    let flags = ["--arch", "amd64", "--index", "sparse", "--retries", "0"];
    program.sync(&images, "{}", &flags).expect(1).says(&[
        "error[manifest.rejected]: ",
        "sparse",
        "hint: Use the index policy 'rewrite'",
    ]);
    destination.add_quirk(Quirk::SparseIndexes);
    program.sync(&images, "{}", &flags).expect(0);
    assert_eq!(destination.tag_digest("x", "1").as_deref(), Some(built.digest()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_dry_run_tells_how_many_pulls_it_takes_and_how_many_are_left() {
    let (source, destination) = two().await;
    source.push("a", "1", &image(1));
    source.push("a", "2", &image(2));
    let program = Program::new();
    let images = format!("{}/a: {}/x\n", source.host(), destination.host());
    program.sync(&images, "{}", &["--dry-run"]).expect(0);
    assert_eq!(program.report().get("pulls"), None, "this source does not count");
    source.add_quirk(Quirk::HubLimit(100, 21_600));
    let finished = program.sync(&images, "{}", &["--dry-run"]).expect(0);
    let line = format!("{}: this needs 2 pulls, 98 of 100 in 6 h are left\n", source.host());
    assert!(finished.stdout.ends_with(&line), "{}", finished.stdout);
    assert_eq!(
        program.report()["pulls"],
        json!([{"registry": source.host(), "needed": 2, "left": 98, "limit": 100, "window_seconds": 21_600}])
    );
    // that took two of them, and two more leave too few for a run
    source.set_quirks([Quirk::HubLimit(5, 21_600)]);
    program
        .sync(&images, "{}", &["--dry-run"])
        .expect(0)
        .says(&["warning: ", "lets 1 more manifests be read for now, and this needs 2"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_profile_names_repositories_by_pattern_and_narrows_tags() {
    let (source, destination) = two().await;
    for (repository, seed) in
        [("team/app", 1), ("team/old-app", 2), ("team/web", 3), ("other/x", 4)]
    {
        for (tag, n) in [("1.9", 0), ("1.10", 1), ("2.0-rc1", 2), ("latest", 3)] {
            source.push(repository, tag, &image(10 * seed + n));
        }
    }
    let program = profile(
        &source,
        &destination,
        "rules:\n  - source: S/team/*\n    repositories: {exclude: ['team/old-*']}\n    tags: {newest: 1}\n    \
         destinations: ['D/mirror/{name}']\n",
    );
    program.run(&["run", "Mirror", "--report", "report.json"]).expect(0).says(&["2 copied"]);
    let (s, d) = (source.host(), destination.host());
    let row = |name: &str| {
        (format!("{s}/team/{name}:1.10"), format!("{d}/mirror/{name}:1.10"), "copied".to_owned())
    };
    assert_eq!(rows(&program.report()), [row("app"), row("web")]);
    // what comes later is found by the next run
    source.push("team/new", "3.0", &image(99));
    program.run(&["run", "Mirror"]).expect(0).says(&["1 copied, 2 skipped"]);
    source.add_quirk(Quirk::CatalogRefused(404));
    program.run(&["run", "Mirror"]).expect(1).says(&[
        "error[catalog.unsupported]: ",
        s,
        "hint: Name the repositories one by one",
    ]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_profile_says_what_becomes_of_attestations_and_flags_go_before_it() {
    let (source, destination) = two().await;
    let built = source.push("a", "1", &index());
    let program = profile(
        &source,
        &destination,
        "rules:\n  - {source: 'S/a:1', destinations: ['D/x']}\npolicy: {attestations: strip}\n",
    );
    program.run(&["run", "Mirror"]).expect(0);
    assert_ne!(destination.tag_digest("x", "1").as_deref(), Some(built.digest()));
    program.run(&["run", "Mirror", "--attestations", "keep"]).expect(0);
    assert_eq!(destination.tag_digest("x", "1").as_deref(), Some(built.digest()));
}
