//! The program itself: help, version, completions, manual, demo, logs.

use testkit::{Image, Layer, Registry};

use crate::support::Program;

#[test]
fn version_help_completions_and_manual_are_printed() {
    let program = Program::new();
    let version = program.run(&["--version"]).expect(0).stdout;
    assert_eq!(version.trim(), format!("image-syncer {}", env!("CARGO_PKG_VERSION")));
    let help = program.run(&["--help"]).expect(0).stdout;
    for flag in [
        "--auth",
        "--images",
        "--config",
        "--proc",
        "--retries",
        "--os",
        "--arch",
        "--force",
        "--log",
        "--output-success-images",
        "--output-images-format",
        "--dry-run",
        "--report",
        "--referrers",
        "--bandwidth",
        "--fail-if-empty",
        "--log-format",
        "copy",
        "run",
        "demo",
        "completions",
        "Exit status",
    ] {
        assert!(help.contains(flag), "{flag} is not in --help");
    }
    for shell in ["bash", "zsh", "fish"] {
        assert!(
            program.run(&["completions", shell]).expect(0).stdout.contains("output-success-images"),
            "{shell}"
        );
    }
    let manual = program.run(&["man"]).expect(0).stdout;
    assert!(manual.contains(".TH image-syncer") && manual.contains("dry\\-run"), "{manual}");
}

#[test]
fn the_demo_runs_without_a_terminal() {
    let finished = Program::new().run(&["demo"]).expect(0);
    assert!(
        finished.stderr.contains("copied") && finished.stderr.contains("skipped"),
        "{}",
        finished.stderr
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn logs_are_text_or_json_and_truncate_the_file() {
    let (source, destination) = (Registry::start().await, Registry::start().await);
    source.push("a/b", "v1", &Image::single("linux/amd64", [Layer::random(1, 1000)]));
    let images = format!("{}/a/b:v1: {}/x\n", source.host(), destination.host());
    let program = Program::new();
    program.write("log.txt", "what was there before\n");
    program.sync(&images, "{}", &["--log", "log.txt", "--log-format", "json", "-vv"]).expect(0);
    let log = program.read("log.txt");
    assert!(!log.contains("what was there before"));
    assert!(log.lines().count() > 3);
    for line in log.lines() {
        let entry: serde_json::Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(entry["level"].is_string() && entry["timestamp"].is_string(), "{line}");
    }
    assert!(log.contains("\"image\"") && log.contains("\"run\""), "spans run and image");
    program.sync(&images, "{}", &["--log", "log.txt"]).expect(0);
    assert!(program.read("log.txt").contains(source.host()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn quiet_prints_errors_only() {
    let (source, destination) = (Registry::start().await, Registry::start().await);
    source.push("a/b", "v1", &Image::single("linux/amd64", [Layer::random(1, 1000)]));
    let program = Program::new();
    let finished = program
        .sync(&format!("{}/a/b:v1: {}/x\n", source.host(), destination.host()), "{}", &["-q"])
        .expect(0);
    assert_eq!((finished.stdout.as_str(), finished.stderr.as_str()), ("", ""));
}
