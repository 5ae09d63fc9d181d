//! `image-syncer run PROFILE`: what was saved in the app, run without it.

use testkit::{Auth, Image, Layer, Registry};

use crate::support::Program;

/// Accounts that say only that both may be spoken to in plain HTTP.
fn open(source: &Registry, destination: &Registry) -> String {
    format!(
        r#"{{"version": 1, "accounts": [{{"id": "a", "name": "A", "address": "{}", "insecure": true}}, {{"id": "b", "name": "B", "address": "{}", "insecure": true}}]}}"#,
        source.host(),
        destination.host()
    )
}

/// A program with a profile "Nightly mirror" of one rule, and what is in `accounts.json`.
fn saved(source: &Registry, destination: &Registry, accounts: &str) -> Program {
    source.push(
        "team/app",
        "v1",
        &Image::multi([
            Image::single("linux/amd64", [Layer::random(1, 1000)]),
            Image::single("linux/arm64", [Layer::random(2, 1000)]),
        ]),
    );
    let mut program = Program::new();
    program.write(
        "config/profiles/nightly-mirror.yaml",
        &format!(
            "version: 1\nname: Nightly mirror\nrules:\n  - source: {}/team/app\n    destinations:\n      - {}/mirror/app\n\
             platforms:\n  arch: [arm64]\n",
            source.host(),
            destination.host()
        ),
    );
    program.write("config/accounts.json", accounts);
    program.env("IMAGE_SYNCER_CONFIG_DIR", program.path("config").display().to_string());
    program
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_profile_runs_by_name_with_its_policy_and_flags_go_before_it() {
    let (source, destination) = (Registry::start().await, Registry::start().await);
    let program = saved(&source, &destination, &open(&source, &destination));
    program
        .run(&["run", "Nightly mirror", "--report", "report.json"])
        .expect(0)
        .says(&["1 copied"]);
    let report = program.report();
    assert_ne!(
        report["images"][0]["digest"], report["images"][0]["source_digest"],
        "filtered to arm64"
    );
    program.run(&["run", "nightly-mirror", "--arch", "amd64,arm64"]).expect(0).says(&["1 copied"]);
    assert_eq!(destination.tag_digest("mirror/app", "v1"), source.tag_digest("team/app", "v1"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn an_unknown_or_broken_profile_is_named_with_those_that_there_are() {
    let (source, destination) = (Registry::start().await, Registry::start().await);
    let program = saved(&source, &destination, &open(&source, &destination));
    program.run(&["run", "weekly"]).expect(2).says(&[
        "error[config.invalid]: ",
        "weekly",
        "hint: ",
        "Nightly mirror",
    ]);
    program.write("config/profiles/broken.yaml", "version: 1\nname: Broken\nrules: 5\n");
    program.run(&["run", "broken"]).expect(2).says(&["error[config.invalid]: ", "broken.yaml:3:"]);
    assert_eq!(source.requests().len() + destination.requests().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn without_a_keyring_an_account_is_a_clear_failure_and_the_auth_file_helps() {
    let source = Registry::builder().auth(Auth::basic("robot", "secret")).start().await;
    let destination = Registry::start().await;
    let accounts = format!(
        r#"{{"version": 1, "accounts": [{{"id": "old", "name": "Old registry", "address": "{}", "username": "robot", "insecure": true, "secretIn": "keyring"}}]}}"#,
        source.host()
    );
    let mut program = saved(&source, &destination, &accounts);
    program
        .env("DBUS_SESSION_BUS_ADDRESS", format!("unix:path={}", program.path("no-bus").display()));
    program.run(&["run", "Nightly mirror"]).expect(1).says(&["error[keyring.missing]: ", "hint: "]);
    assert_eq!(destination.writes(), 0);

    // a sync that does not name it goes on without it, with what docker has
    let login = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, "robot:secret");
    program.write(
        ".docker/config.json",
        &format!(r#"{{"auths": {{"{}": {{"auth": "{login}"}}}}}}"#, source.host()),
    );
    let (from, to) =
        (format!("{}/team/app:v1", source.host()), format!("{}/x", destination.host()));
    let plain = format!("{},{}", source.host(), destination.host());
    program.run(&["copy", &from, &to, "--insecure", &plain]).expect(0).says(&[
        "warning: ",
        "keyring",
        "old",
    ]);
    let named = ["copy", &from, &to, "--insecure", &plain, "--account", "old"];
    program.run(&named).expect(1).says(&["error[keyring.missing]: "]);
}
