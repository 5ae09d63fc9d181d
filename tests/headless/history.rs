//! Runs of profiles are kept in the history that the app shows, and there is one at a time.

use std::{collections::HashSet, io::Read as _, path::Path};

use serde_json::Value;
use testkit::{Fault, Image, Kind, Layer, Registry, Stall};

use crate::support::{DockerRegistry, Program, docker_registry::Setup, have};

/// A program with a profile "Nightly" of one rule, for registries that speak plain HTTP.
fn saved(source: &str, destination: &str) -> Program {
    let mut program = Program::new();
    program.write(
        "config/profiles/nightly.yaml",
        &format!(
            "version: 1\nname: Nightly\nrules:\n  - source: {source}/a\n    destinations:\n      - {destination}/x\n"
        ),
    );
    let account = |id: &str, host: &str| {
        format!(r#"{{"id": "{id}", "name": "{id}", "address": "{host}", "insecure": true}}"#)
    };
    let accounts = [account("a", source), account("b", destination)].join(", ");
    program
        .write("config/accounts.json", &format!(r#"{{"version": 1, "accounts": [{accounts}]}}"#));
    program.env("IMAGE_SYNCER_CONFIG_DIR", program.path("config").display().to_string());
    program
}

fn push(source: &Registry, tags: &[&str]) {
    for (n, tag) in tags.iter().enumerate() {
        let layer = Layer::random(n as u64, 20_000);
        source.push("a", tag, &Image::single("linux/amd64", [layer]));
    }
}

fn listed(program: &Program) -> Vec<Value> {
    let list = program.run(&["history", "--json"]).expect(0);
    serde_json::from_str::<Value>(&list.stdout).unwrap().as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn runs_are_listed_exported_and_forgotten() {
    let (source, destination) = (Registry::start().await, Registry::start().await);
    push(&source, &["1", "2"]);
    let program = saved(source.host(), destination.host());
    program.run(&["history"]).expect(0).says(&["No run of a profile has ended yet"]);
    program
        .run(&["history", "export", "latest"])
        .expect(2)
        .says(&["error[config.invalid]", "hint: "]);
    program.run(&["run", "Nightly", "--dry-run"]).expect(0);
    assert!(listed(&program).is_empty(), "a dry run is none");
    program.run(&["run", "Nightly", "--report", "report.json"]).expect(0);
    let refused = destination.fault(Fault::on(Kind::Manifest).put().always().status(403));
    source.push("a", "3", &Image::single("linux/amd64", [Layer::random(9, 500)]));
    program.run(&["run", "nightly"]).expect(1);
    assert!(refused.fired() > 0);

    let runs = listed(&program);
    let told: Vec<_> = runs
        .iter()
        .map(|run| {
            let text = |name: &str| run[name].as_str().unwrap().to_owned();
            (
                text("profileName"),
                text("startedBy"),
                text("result"),
                run["copied"].as_u64().unwrap(),
            )
        })
        .collect();
    let row = |result: &str, copied| {
        ("Nightly".to_owned(), "command".to_owned(), result.to_owned(), copied)
    };
    assert_eq!(told, [row("partly-failed", 0), row("succeeded", 2)]);
    let table = program.run(&["history", "--profile", "Nightly"]).expect(0).stdout;
    assert_eq!(table.lines().count(), 3, "{table}");
    let first = runs[1]["id"].as_str().unwrap();
    assert!(table.contains(&first[..13]), "{table}");

    // the same bytes as --report had
    let export = program.run(&["history", "export", &first[..13]]).expect(0);
    assert_eq!(export.stdout, program.read("report.json"));
    program.run(&["history", "export", "latest", "--format", "junit", "-o", "out.xml"]).expect(0);
    let junit = program.read("out.xml");
    assert!(junit.contains("failures=\"1\"") && junit.contains("access.push-denied"), "{junit}");
    let log = program.run(&["history", "log", "latest", "--level", "error"]).expect(0).stdout;
    assert!(log.contains("access.push-denied") && log.contains("/a:3 -> "), "{log}");

    program.run(&["history", "remove", first]).expect(0);
    assert_eq!(listed(&program).len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_profile_is_run_once_at_a_time_and_the_holder_is_named() {
    let (source, destination) = (Registry::start().await, Registry::start().await);
    push(&source, &["1"]);
    let program = saved(source.host(), destination.host());
    let held = source.fault(Fault::on(Kind::Blob).get().always().stall(Stall::AnswerBody(10)));
    let mut first = program.command(&["run", "Nightly"]).spawn().unwrap();
    // both of its blobs: from here on it asks for nothing
    held.wait_fired_times(2).await;
    let pid = first.id().to_string();
    let before = source.requests().len() + destination.requests().len();
    program.run(&["run", "Nightly"]).expect(2).says(&[
        "error[run.busy]",
        &format!("process {pid} "),
        "hint: ",
    ]);
    assert_eq!(
        source.requests().len() + destination.requests().len(),
        before,
        "nothing is contacted"
    );
    assert!(listed(&program).is_empty(), "it goes on");
    held.disarm();
    held.release();
    let status = tokio::task::block_in_place(|| first.wait()).unwrap();
    assert!(status.success());
    program.run(&["run", "Nightly"]).expect(0);
}

/// The digests of the blobs that a docker-registry has in a repository. One that it has stored and not yet linked there is
/// not the repository's: a client that is gone may leave such.
fn linked(data: &Path, repository: &str) -> HashSet<String> {
    let root = data.join("docker/registry/v2/repositories").join(repository);
    let blobs = std::fs::read_dir(root.join("_layers/sha256")).into_iter().flatten().flatten();
    let blobs = blobs.filter(|blob| blob.path().join("link").exists());
    blobs.map(|blob| format!("sha256:{}", blob.file_name().to_string_lossy())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_run_that_is_killed_is_interrupted_and_the_next_moves_only_what_is_missing() {
    if !have(&["docker-registry"]) {
        return;
    }
    let source = Registry::start().await;
    let data = tempfile::tempdir().unwrap();
    let setup = Setup { data: Some(data.path().to_owned()), ..Setup::default() };
    let destination = DockerRegistry::with(&setup);
    let layers: Vec<Layer> = (0..8).map(|seed| Layer::random(seed, 1_500_000)).collect();
    let built = source.push("a", "1", &Image::single("linux/amd64", layers));
    source.push("a", "2", &Image::single("linux/amd64", [Layer::random(99, 1000)]));
    source.set_throttle(Some(3_000_000));
    let program = saved(source.host(), &destination.host());

    let arguments = ["run", "Nightly", "--proc", "2"];
    let mut first = program.command(&arguments).spawn().unwrap();
    let written = |registry: &DockerRegistry| {
        let requests = registry.requests();
        requests.iter().filter(|request| request.starts_with("PUT /v2/x/blobs/uploads/")).count()
    };
    while written(&destination) < 4 {
        assert!(first.try_wait().unwrap().is_none(), "it ended before it could be killed");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    // SIGKILL: nothing can be tidied up
    first.kill().unwrap();
    tokio::task::block_in_place(|| first.wait()).unwrap();

    let [interrupted] = listed(&program).try_into().unwrap();
    assert_eq!(interrupted["result"], "interrupted");
    assert_eq!(interrupted["endedAt"], Value::Null);
    let log = program.run(&["history", "export", "latest", "--format", "csv"]).expect(0).stdout;
    assert!(log.lines().count() > 1, "the rows that were known: {log}");

    // what an upload had begun and not ended is not there
    let there = linked(data.path(), "x");
    let blobs = built.blobs();
    let missing = blobs.iter().filter(|(digest, _)| !there.contains(digest.as_str()));
    let missing: u64 = missing.map(|(_, content)| content.len()).sum();
    assert!(missing > 0 && there.len() >= 4, "{there:?}");
    source.clear_log();
    source.set_throttle(None);
    program.run(&["run", "Nightly", "--report", "report.json"]).expect(0);
    let report = program.report();
    let of = |tag: &str| {
        let images = report["images"].as_array().unwrap();
        images.iter().find(|image| image["source"].as_str().unwrap().ends_with(tag)).unwrap()
    };
    let moved = of("/a:1")["bytes_copied"].as_u64().unwrap();
    // the config of an image that is not there goes out with the request that would ask for it, and may go twice
    let config = blobs.iter().map(|(_, content)| content.len()).min().unwrap();
    assert!(config < 2000 && 0 < moved && moved <= missing + config, "{moved} of {missing}");
    let other = of("/a:2")["bytes_copied"].as_u64().unwrap();
    assert_eq!(source.blob_bytes_served(), moved + other, "and read");
    let results: Vec<_> = listed(&program).iter().map(|run| run["result"].clone()).collect();
    assert_eq!(results, ["succeeded", "interrupted"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_full_disk_is_told_and_the_run_goes_on() {
    let (source, destination) = (Registry::start().await, Registry::start().await);
    let tags: Vec<String> = (0..300).map(|tag| format!("v{tag}")).collect();
    let image = Image::single("linux/amd64", [Layer::random(1, 500)]);
    for tag in &tags {
        source.push("a", tag, &image);
    }
    let program = saved(source.host(), destination.host());
    // no file may grow beyond 64 KiB: to the program, a disk that is full
    let run = program.command(&["run", "Nightly"]);
    let mut shell = std::process::Command::new("sh");
    shell
        .args(["-c", "trap '' XFSZ; ulimit -f 128; exec \"$0\" \"$@\""])
        .arg(run.get_program())
        .args(run.get_args())
        .current_dir(program.path(""))
        .env_clear()
        .envs(run.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped());
    let mut child = shell.spawn().unwrap();
    let mut told = String::new();
    let mut stderr = child.stderr.take().unwrap();
    let status = tokio::task::block_in_place(|| {
        stderr.read_to_string(&mut told).unwrap();
        child.wait().unwrap()
    });
    assert!(status.success(), "{told}");
    assert_eq!(told.matches("the run is not recorded in the history").count(), 1, "{told}");
    assert_eq!(destination.tags("x").len(), 300);
    // with room again, the history is as it was before
    program.run(&["history"]).expect(0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_folder_that_can_not_be_written_to_keeps_nobody_from_running() {
    let (source, destination) = (Registry::start().await, Registry::start().await);
    push(&source, &["1"]);
    let program = saved(source.host(), destination.host());
    // where the locks would be
    std::fs::create_dir_all(program.path("config/data")).unwrap();
    std::fs::write(program.path("config/data/locks"), "").unwrap();
    program
        .run(&["run", "Nightly"])
        .expect(0)
        .says(&["warning: the run is not recorded in the history", "1 copied"]);
    assert_eq!(destination.tags("x"), ["1"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_destination_that_was_damaged_since_is_found() {
    let (source, destination) = (Registry::start().await, Registry::start().await);
    push(&source, &["1", "2"]);
    let program = saved(source.host(), destination.host());
    program.run(&["run", "Nightly"]).expect(0);
    program
        .run(&["history", "verify", "latest"])
        .expect(0)
        .says(&["2 images looked at, 0 not as they were left", "4 blobs asked for"]);
    let lost = Layer::random(0, 20_000);
    let gone = destination
        .fault(Fault::on(Kind::Blob).head().reference(lost.digest()).always().status(404));
    program.run(&["history", "verify", "latest"]).expect(1).says(&[
        "error[blob.not-found]",
        lost.digest(),
        "/x:1",
        "1 not as they were left",
    ]);
    assert!(gone.fired() > 0);
}
