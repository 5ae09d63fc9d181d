//! SIGINT and SIGTERM: the run ends cleanly, says so, and tags nothing any more.

use std::{
    process::{Child, Command},
    time::{Duration, Instant},
};

use testkit::{Fault, Image, Kind, Layer, Registry, Stall};

use crate::support::{Finished, Program};

fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
}

/// Both may be spoken to in plain HTTP.
fn plain(source: &Registry, destination: &Registry) -> String {
    format!("{},{}", source.host(), destination.host())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_second_signal_ends_at_once_with_a_report_all_the_same() {
    let (source, destination) = (Registry::start().await, Registry::start().await);
    source.push("a/b", "v1", &Image::single("linux/amd64", [Layer::random(1, 1000)]));
    // the tag's PUT is waited for, for a while, so that what is reported is true
    let put = destination.fault(Fault::on(Kind::Manifest).put().always().stall(Stall::Answer));
    let mut program = Program::new();
    program.env("IMAGE_SYNCER_CONFIG_DIR", program.path("config").display().to_string());
    program.write(
        "config/profiles/p.yaml",
        &format!(
            "version: 1\nname: P\nrules:\n  - source: {}/a/b\n    destinations: [{}/x/b]\n",
            source.host(),
            destination.host()
        ),
    );
    let plain = plain(&source, &destination);
    let flags = ["run", "P", "--report", "report.json", "--log", "log.txt", "--insecure", &plain];
    let mut child = program.command(&flags).spawn().unwrap();
    put.wait_fired().await;
    signal(&child, "-INT");
    // a wrapper passes on what the process has got already
    signal(&child, "-INT");
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_millis(1500) {
        assert!(child.try_wait().unwrap().is_none(), "the same signal twice is one");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    signal(&child, "-TERM");
    let output = tokio::task::block_in_place(|| child.wait_with_output()).unwrap();
    assert!(begin.elapsed() < Duration::from_secs(4), "{:?}", begin.elapsed());
    Finished::from(output).expect(130).says(&["by a second signal", "1 cancelled"]);
    assert_eq!(program.report()["images"][0]["status"], "cancelled");
    let log = program.read("log.txt");
    assert!(log.contains("cancelled source=") && log.contains("ended copied=0"), "{log}");
    let history = program.run(&["history", "--json"]).expect(0);
    let history: serde_json::Value = serde_json::from_str(&history.stdout).unwrap();
    let run = &history.as_array().or(history["runs"].as_array()).unwrap()[0];
    assert_eq!((&run["result"], &run["cancelled"]), (&"cancelled".into(), &1.into()), "{run}");
}

/// Starts a sync that hangs in the middle of a layer, sends a signal, and returns what came of it.
async fn interrupted(name: &str) -> (Program, Registry, Finished) {
    let (source, destination) = (Registry::start().await, Registry::start().await);
    source.push("a/b", "v1", &Image::single("linux/amd64", [Layer::random(1, 1_000_000)]));
    source.push("a/c", "v1", &Image::single("linux/amd64", [Layer::random(2, 1000)]));
    let stall = source.fault(
        Fault::on(Kind::Blob)
            .get()
            .repository("a/b")
            .when(|r| r.path.contains("blobs"))
            .always()
            .stall(Stall::AnswerBody(300_000)),
    );
    let program = Program::new();
    program.write(
        "images.yaml",
        &format!("{0}/a/b:v1: {1}/x/b\n{0}/a/c:v1: {1}/x/c\n", source.host(), destination.host()),
    );
    let mut child = program
        .command(&[
            "--images",
            "images.yaml",
            "--report",
            "report.json",
            "--output-success-images",
            "done.yaml",
            "--insecure",
            &plain(&source, &destination),
        ])
        .spawn()
        .unwrap();
    stall.wait_fired().await;
    // the other image is through
    while destination.tag_digest("x/c", "v1").is_none() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let start = Instant::now();
    signal(&child, name);
    let output = tokio::task::block_in_place(|| {
        let status = child.wait().unwrap();
        (status, start.elapsed())
    });
    assert!(output.1 < Duration::from_secs(10), "{:?}", output.1);
    let finished =
        Finished::from(tokio::task::block_in_place(|| child.wait_with_output()).unwrap());
    (program, destination, finished)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn sigterm_ends_with_143_and_a_report_that_lists_what_was_not_done() {
    let (program, destination, finished) = interrupted("-TERM").await;
    finished.expect(143).says(&["1 copied", "1 cancelled"]);
    assert_eq!(destination.tag_digest("x/b", "v1"), None, "nothing half-tagged");
    let report = program.report();
    assert_eq!(report["images"][0]["status"], "cancelled");
    assert_eq!(report["images"][1]["status"], "copied");
    assert_eq!(
        (&report["totals"]["cancelled"], &report["totals"]["copied"]),
        (&1.into(), &1.into())
    );
    let done = program.read("done.yaml");
    assert!(done.contains("/a/c:v1") && !done.contains("/a/b"), "{done}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn sigint_ends_with_130() {
    let (program, destination, finished) = interrupted("-INT").await;
    finished.expect(130);
    assert_eq!(destination.tag_digest("x/b", "v1"), None);
    assert_eq!(program.report()["images"][0]["status"], "cancelled");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn after_a_kill_a_second_run_moves_only_what_is_missing() {
    let (source, destination) = (Registry::start().await, Registry::start().await);
    let (small, large) = (Layer::random(1, 50_000), Layer::random(2, 1_000_000));
    source.push("a/b", "v1", &Image::single("linux/amd64", [small.clone(), large.clone()]));
    let stall = source.fault(
        Fault::on(Kind::Blob)
            .get()
            .reference(large.digest())
            .times(1)
            .stall(Stall::AnswerBody(300_000)),
    );
    let program = Program::new();
    program
        .write("images.yaml", &format!("{}/a/b:v1: {}/x/b\n", source.host(), destination.host()));
    let plain = plain(&source, &destination);
    let arguments = ["--images", "images.yaml", "--insecure", &plain];
    let mut child = program.command(&arguments).spawn().unwrap();
    stall.wait_fired().await;
    while destination.blob("x/b", small.digest()).is_none() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    signal(&child, "-KILL");
    tokio::task::block_in_place(|| child.wait()).unwrap();
    stall.release();
    source.clear_log();
    program.run(&arguments).expect(0);
    assert_eq!(source.blob_gets(small.digest()), 0, "the small layer is there already");
    assert_eq!(source.blob_gets(large.digest()), 1);
    assert!(destination.tag_digest("x/b", "v1").is_some());
}
