//! `login`, `logout`, `accounts`, `check`, and that a sync uses what they keep. There is no keyring here: secrets are in
//! the encrypted file.

use std::{
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    process::{Command, Stdio},
};

use serde_json::Value;
use testkit::{
    Auth, Fault, Image, Kind, Layer, Registry,
    tls::{Authority, Flaw},
};

use crate::support::{Finished, Program};

const CANARY: &str = "CANARY-77ab10";
const PASSPHRASE: &str = "CANARY-passphrase";

/// A machine that knows the passphrase of its secrets.
fn machine() -> Program {
    let mut program = Program::new();
    program.env("IMAGE_SYNCER_PASSPHRASE", PASSPHRASE);
    // nobody's session bus
    program.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent");
    program
}

/// Runs the program with a text on standard input.
fn piped(program: &Program, arguments: &[&str], input: &str) -> Finished {
    tokio::task::block_in_place(|| {
        let mut command: Command = program.command(arguments);
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        // it may refuse before it reads
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap().into()
    })
}

fn login(program: &Program, host: &str, more: &[&str], secret: &str) -> Finished {
    let mut arguments = vec!["login", host, "--password-stdin"];
    arguments.extend(more);
    piped(program, &arguments, &format!("{secret}\n"))
}

fn list(program: &Program) -> Vec<Value> {
    let finished = program.run(&["accounts", "--json"]).expect(0);
    serde_json::from_str(&finished.stdout).unwrap()
}

async fn guarded() -> (Registry, Registry) {
    let source = Registry::builder().auth(Auth::token("reader", CANARY)).start().await;
    source.push("team/app", "v1", &Image::single("linux/amd64", [Layer::random(1, 1000)]));
    (source, Registry::start().await)
}

const LOOSE: [&str; 3] = ["-u", "reader", "--insecure"];

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_login_is_tried_kept_encrypted_used_by_a_sync_and_forgotten() {
    let (source, destination) = guarded().await;
    let host = source.host();
    let program = machine();
    login(&program, host, &LOOSE, CANARY).expect(0).says(&["logged in", "encrypted file"]);
    let accounts = list(&program);
    assert_eq!(accounts.len(), 1);
    assert_eq!(
        (&accounts[0]["username"], &accounts[0]["secretIn"]),
        (&"reader".into(), &"file".into())
    );
    assert!(accounts[0]["verifiedAt"].is_string());
    let table = program.run(&["accounts"]).expect(0).stdout;
    assert!(table.contains("INSECURE") && table.contains("reader"), "{table}");

    let files: Vec<_> = program.files();
    let secrets = files.iter().find(|path| path.ends_with("secrets.age")).unwrap();
    assert_eq!(std::fs::metadata(secrets).unwrap().permissions().mode() & 0o777, 0o600);
    for path in &files {
        let content = String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned();
        assert!(!content.contains("CANARY"), "a secret is in {}", path.display());
    }

    let to = format!("{}/x", destination.host());
    let from = format!("{host}/team/app:v1");
    // both speak plain HTTP, which an auth file allows; who we are is the account's
    let open = format!("{host}: {{insecure: true}}\n{}: {{insecure: true}}\n", destination.host());
    program.write("auth.yaml", &open);
    let sync = ["copy", &from, &to, "--auth", "auth.yaml", "-vv"];
    let finished = program.run(&sync).expect(0);
    assert_eq!(destination.tags("x"), ["v1"]);
    for text in [&finished.stdout, &finished.stderr, &table] {
        assert!(!text.contains("CANARY"), "{text}");
    }

    program.run(&["logout", host]).expect(0).says(&["removed the account"]);
    assert_eq!(list(&program).len(), 0);
    program.run(&sync).expect(1).says(&["error[auth.required]"]);
    program.run(&["logout", host]).expect(2).says(&["there is no such account"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_login_that_is_refused_is_not_kept_and_a_secret_on_the_command_line_neither() {
    let (source, _) = guarded().await;
    let host = source.host();
    let program = machine();
    let finished = login(&program, host, &LOOSE, "CANARY-wrong").expect(1);
    assert!(!finished.stderr.contains("CANARY"), "{}", finished.stderr);
    finished.says(&["error[auth.rejected]", host, "was not saved"]);
    assert_eq!(list(&program).len(), 0);
    login(&program, host, &["-u", "reader", "--insecure", "--no-verify"], "CANARY-wrong")
        .expect(0)
        .says(&["saved without trying it"]);

    let before = source.requests().len();
    let pasted = format!("https://reader:{CANARY}@{host}");
    let finished = login(&program, &pasted, &[], CANARY).expect(2);
    assert!(!finished.stderr.contains(CANARY), "{}", finished.stderr);
    finished.says(&["must not stand on the command line", "--password-stdin"]);
    let proxy = format!("http://me:{CANARY}@127.0.0.1:1");
    let finished = login(&program, host, &["-u", "x", "--proxy", &proxy], CANARY).expect(2);
    assert!(!finished.stderr.contains(CANARY), "{}", finished.stderr);
    for (arguments, input) in [
        (vec!["login", host, "-u", "reader", "--password-stdin"], ""),
        (vec!["login", host, "-u", "reader"], CANARY),
        (vec!["login", host, "--password-stdin"], CANARY),
        (vec!["login", host, "-u", "a\u{202e}b", "--password-stdin"], CANARY),
        (vec!["login", "UPPER/x y", "-u", "reader", "--password-stdin"], CANARY),
    ] {
        let finished = piped(&program, &arguments, input).expect(2);
        assert!(!finished.stderr.contains("CANARY"), "{}", finished.stderr);
    }
    assert_eq!(source.requests().len(), before, "nothing was contacted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn without_keyring_and_passphrase_it_says_what_to_do() {
    let (source, _) = guarded().await;
    let mut program = Program::new();
    program.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent");
    login(&program, source.host(), &LOOSE, CANARY)
        .expect(2)
        .says(&["error[keyring.missing]", "IMAGE_SYNCER_PASSPHRASE"]);

    // a wrong passphrase, and a damaged file, change nothing
    let program = machine();
    login(&program, source.host(), &LOOSE, CANARY).expect(0);
    let secrets = program.files().into_iter().find(|path| path.ends_with("secrets.age")).unwrap();
    let good = std::fs::read(&secrets).unwrap();
    let wrong = |program: &Program| {
        let mut command = program.command(&["check", source.host()]);
        command.env("IMAGE_SYNCER_PASSPHRASE", "wrong");
        Finished::from(tokio::task::block_in_place(|| command.output()).unwrap())
    };
    wrong(&program).expect(2).says(&["error[secrets.passphrase]", source.host()]);
    assert_eq!(std::fs::read(&secrets).unwrap(), good);
    std::fs::write(&secrets, &good[..good.len() / 2]).unwrap();
    program.run(&["check", source.host()]).expect(2).says(&["secrets.age is damaged"]);
    login(&program, "other.example.com", &["-u", "x", "--no-verify"], CANARY).expect(2);
    assert_eq!(std::fs::read(&secrets).unwrap(), good[..good.len() / 2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn several_accounts_of_one_address_are_told_apart_by_id() {
    let users = testkit::auth::Users::new()
        .user_with("reader", CANARY, &[("team/*", "pull")])
        .user_with("writer", "CANARY-w", &[("*", "pull,push")]);
    let registry = Registry::builder().auth(Auth::Basic(users)).start().await;
    registry.push("team/app", "v1", &Image::single("linux/amd64", [Layer::random(1, 1000)]));
    let host = registry.host();
    let program = machine();
    login(&program, host, &LOOSE, CANARY).expect(0);
    login(&program, host, &["-u", "writer", "--insecure"], "CANARY-w").expect(0);
    let ids: Vec<String> =
        list(&program).iter().map(|account| account["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids.len(), 2);
    let (from, to) = (format!("{host}/team/app:v1"), format!("{host}/mirror/app"));
    // the first is used where nothing is said, and may not write
    program.run(&["copy", &from, &to]).expect(1).says(&["error[access.push-denied]"]);
    let named = format!("{host}/mirror={}", ids[1]);
    program.run(&["copy", &from, &to, "--account", &named]).expect(0);
    assert_eq!(registry.tags("mirror/app"), ["v1"]);
    program.run(&["copy", &from, &to, "--account", "nobody"]).expect(2);
    program.run(&["logout", host]).expect(2).says(&["has several accounts", &ids[0], &ids[1]]);
    program.run(&["logout", host, "-u", "reader"]).expect(0);
    assert_eq!(list(&program)[0]["username"], "writer");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn check_tells_each_step_and_tries_a_repository() {
    let (source, _) = guarded().await;
    let program = machine();
    login(&program, source.host(), &LOOSE, CANARY).expect(0);
    source.clear_log();
    let finished = program.run(&["check", source.host(), "--repository", "team/app"]).expect(0);
    for step in ["dns", "tcp", "tls", "registry", "login", "catalog", "pull", "push"] {
        assert!(finished.stdout.contains(step), "{step} in\n{}", finished.stdout);
    }
    assert!(finished.stdout.contains(" ms") && !finished.stdout.contains("CANARY"));
    assert_eq!(source.count_of("PUT", Kind::UploadFinish), 0, "nothing is written");
    let json = program.run(&["check", source.host(), "--json"]).expect(0).stdout;
    let steps: Value = serde_json::from_str(&json).unwrap();
    let skipped = (&steps[6]["state"], &steps[7]["state"]);
    assert_eq!(skipped, (&"skipped".into(), &"skipped".into()), "no repository was named");

    // what came of it is kept with the account
    let worked = list(&program)[0]["verifiedAt"].clone();
    assert!(worked.is_string() && list(&program)[0].get("failed").is_none_or(Value::is_null));
    source.fault(Fault::on(Kind::Ping).always().status(503));
    program.run(&["check", source.host()]).expect(1);
    let account = list(&program)[0].clone();
    assert_eq!(account["failed"]["step"], "registry");
    assert_eq!(account["verifiedAt"], worked, "when it last worked is worth knowing");

    program.run(&["check", "127.0.0.1:1"]).expect(1).says(&["error[net.reset]", "127.0.0.1:1"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_certificate_is_trusted_by_its_fingerprint_and_a_change_is_told() {
    let authority = Authority::new();
    let server = |tls| Registry::builder().tls(tls).auth(Auth::basic("me", CANARY)).start();
    let registry = server(authority.server(Flaw::SelfSigned)).await;
    let program = machine();
    let refused = login(&program, registry.host(), &["-u", "me"], CANARY).expect(1);
    let shown = refused.stderr.split("--trust ").nth(1).unwrap();
    let shown: String = shown.chars().take(95).collect();
    refused.says(&["error[tls.untrusted]"]);
    login(&program, registry.host(), &["-u", "me", "--trust", &shown], CANARY).expect(0);
    program.run(&["check", registry.host()]).expect(0);

    // the same address with another certificate
    let port = registry.port();
    registry.stop();
    drop(registry);
    let tls = authority.server(Flaw::SelfSigned);
    let other = loop {
        let builder = Registry::builder().tls(tls.clone()).port(port);
        if let Ok(other) = builder.try_start().await {
            break other;
        }
        tokio::task::yield_now().await;
    };
    program.run(&["check", other.host()]).expect(1).says(&["error[tls.changed]", &shown]);
    let destination = Registry::start().await;
    program.write("auth.yaml", &format!("{}: {{insecure: true}}\n", destination.host()));
    let (from, to) = (format!("{}/a:1", other.host()), format!("{}/a", destination.host()));
    program
        .run(&["copy", &from, &to, "--auth", "auth.yaml"])
        .expect(1)
        .says(&["error[tls.changed]", "expected"]);
    assert_eq!(other.requests().len(), 0, "no credential went there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn logins_of_docker_and_of_an_auth_file_are_listed_copied_and_linked() {
    let (source, destination) = guarded().await;
    let host = source.host();
    let program = machine();
    program.write(
        ".docker/config.json",
        &format!(r#"{{"auths": {{"{host}": {{"username": "reader", "password": "{CANARY}"}}}}}}"#),
    );
    program.write("auth.yaml", "a.example.com: {username: robot, password: CANARY-a}\n");
    let import = ["accounts", "import", "--auth", "auth.yaml"];
    let listed = program.run(&import).expect(0);
    for text in [host, "reader", "~/.docker/config.json", "a.example.com", "robot"] {
        assert!(listed.stdout.contains(text), "{text} in\n{}", listed.stdout);
    }
    assert!(!format!("{}{}", listed.stdout, listed.stderr).contains("CANARY"));
    assert_eq!(list(&program).len(), 0, "only looked at");

    program.run(&["accounts", "import", host, "--link"]).expect(0).says(&["asked for each time"]);
    program.run(&[&import[..], &["--all"]].concat()).expect(0).says(&["a.example.com"]);
    let accounts = list(&program);
    assert_eq!(accounts.len(), 2, "{accounts:?}");
    assert_eq!(
        (&accounts[0]["secretIn"], &accounts[1]["secretIn"]),
        (&"linked".into(), &"file".into())
    );
    program.run(&["accounts", "import", "lost.example.com"]).expect(2);

    // what docker forgets is gone here too
    let insecure =
        format!("{}: {{insecure: true}}\n{host}: {{insecure: true}}\n", destination.host());
    program.write("auth.yaml", &insecure);
    let sync = [
        "copy",
        &format!("{host}/team/app:v1"),
        &format!("{}/x", destination.host()),
        "--auth",
        "auth.yaml",
    ];
    program.run(&sync).expect(0);
    program.write(".docker/config.json", "{}");
    program.run(&sync).expect(1).says(&["error[auth.required]", "config.json has no login"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_file_of_accounts_that_is_broken_is_kept_and_told() {
    let program = machine();
    login(&program, "r.example.com", &["-u", "me", "--no-verify"], CANARY).expect(0);
    let file = program.files().into_iter().find(|path| path.ends_with("accounts.json")).unwrap();
    std::fs::write(&file, "{ half of it").unwrap();
    program.run(&["accounts"]).expect(2).says(&["accounts.json.broken-1", "error[config.invalid]"]);
    let kept = file.with_file_name("accounts.json.broken-1");
    assert_eq!(std::fs::read_to_string(kept).unwrap(), "{ half of it");
    assert_eq!(list(&program).len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_login_made_while_the_secret_of_another_is_awaited_is_kept_too() {
    let program = machine();
    let arguments = ["login", "one.example.com", "-u", "first", "--no-verify", "--password-stdin"];
    let mut first = program.command(&arguments).stdin(Stdio::piped()).spawn().unwrap();
    // it has read the accounts, and reads standard input now
    let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while !reads_standard_input(first.id()) {
        assert!(std::time::Instant::now() < until, "it does not ask for the secret");
        tokio::task::yield_now().await;
    }
    login(&program, "one.example.com", &["-u", "second", "--no-verify"], CANARY).expect(0);
    first.stdin.take().unwrap().write_all(b"CANARY-first").unwrap();
    let first: Finished = first.wait_with_output().unwrap().into();
    first.expect(0);
    let accounts = list(&program);
    let users: Vec<_> = accounts.iter().map(|it| &it["username"]).collect();
    assert_eq!(users, ["second", "first"]);
    assert_ne!(accounts[0]["id"], accounts[1]["id"]);
}

/// Whether one of a process's threads waits in `read` of its standard input.
fn reads_standard_input(process: u32) -> bool {
    let tasks = std::fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    tasks
        .filter_map(|task| std::fs::read_to_string(task.path().join("syscall")).ok())
        .any(|call| call.starts_with("0 0x0 "))
}
