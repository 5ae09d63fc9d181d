//! Who we are: the auth file, docker's and podman's files, helpers; and that no secret gets out.

use testkit::{Auth, Image, Kind, Layer, Registry, TokenAuth, auth::Users};

use crate::support::{Finished, Program};

const CANARY: &str = "CANARY-5f1c9e";

async fn guarded() -> (Registry, Registry) {
    let source = Registry::builder().auth(Auth::token("reader", CANARY)).start().await;
    let destination = Registry::start().await;
    source.push("team/app", "v1", &Image::single("linux/amd64", [Layer::random(1, 1000)]));
    (source, destination)
}

/// The secret is nowhere: not in what the program says, not in any file but those that we gave it.
#[track_caller]
fn nowhere(program: &Program, finished: &Finished, given: &[&str]) {
    assert!(
        !finished.stdout.contains(CANARY) && !finished.stderr.contains(CANARY),
        "{}",
        finished.stderr
    );
    for path in program.files() {
        if given.iter().any(|name| path.ends_with(name)) {
            continue;
        }
        let content = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        assert!(!content.contains(CANARY), "the secret is in {}", path.display());
        let encoded = "Q0FOQVJZ"; // "CANARY" in base64
        assert!(!content.contains(encoded), "the secret is in {}", path.display());
    }
}

const LOUD: [&str; 5] = ["--log", "log.txt", "-vvv", "--output-success-images", "done.yaml"];

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn the_longest_key_of_the_auth_file_wins_and_the_log_says_which() {
    let (source, destination) = guarded().await;
    let host = source.host();
    let program = Program::new();
    let auth = format!(
        "{host}: {{username: nobody, password: wrong, insecure: true}}\n{host}/team/: {{username: reader, password: {CANARY}, insecure: true}}\n{host}/te: {{username: x, password: y, insecure: true}}\n"
    );
    let images = format!("{host}/team/app:v1: {}/x\n", destination.host());
    let finished = program.sync(&images, &auth, &LOUD).expect(0);
    let log = program.read("log.txt");
    assert!(log.contains(&format!("{host}/team")), "the log names the account");
    nowhere(&program, &finished, &["auth.yaml"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_wrong_password_is_told_once_and_never_repeated() {
    let source = Registry::builder().auth(Auth::token("reader", "right")).start().await;
    let destination = Registry::start().await;
    for number in 0..20 {
        source.push(
            &format!("team/app{number}"),
            "v1",
            &Image::single("linux/amd64", [Layer::random(1, 100)]),
        );
    }
    let program = Program::new();
    let images: String = (0..20)
        .map(|n| format!("{}/team/app{n}:v1: {}/x{n}\n", source.host(), destination.host()))
        .collect();
    let auth =
        format!("{}: {{username: reader, password: {CANARY}, insecure: true}}\n", source.host());
    let finished = program.sync(&images, &auth, &LOUD).expect(1).says(&[
        "error[auth.rejected]: ",
        source.host(),
        "/team/app0:v1",
        "/team/app19:v1",
        "hint: ",
    ]);
    assert_eq!(
        finished.stderr.matches("error[").count(),
        1,
        "one cause is told once:\n{}",
        finished.stderr
    );
    assert!(source.requests().len() < 10, "{} requests", source.requests().len());
    assert_eq!(source.count(|request| request.kind == Kind::Token), 1, "the login is not repeated");
    assert_eq!(program.report()["totals"]["failed"], 20);
    nowhere(&program, &finished, &["auth.yaml"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_wrong_password_by_basic_is_told_once() {
    let source = Registry::builder().auth(Auth::basic("reader", "right")).start().await;
    let destination = Registry::start().await;
    for number in 0..20 {
        let image = Image::single("linux/amd64", [Layer::random(number, 100)]);
        source.push("team/app", &format!("v{number}"), &image);
    }
    let program = Program::new();
    let images: String = (0..20)
        .map(|n| format!("{}/team/app:v{n}: {}/x{n}\n", source.host(), destination.host()))
        .collect();
    let auth =
        format!("{}: {{username: reader, password: {CANARY}, insecure: true}}\n", source.host());
    let finished = program
        .sync(&images, &auth, &LOUD)
        .expect(1)
        .says(&["error[auth.rejected]: ", source.host()]);
    // one of them sent it and knows the registry's words, the others waited
    assert_eq!(finished.stderr.matches("error[").count(), 1, "{}", finished.stderr);
    assert!(source.requests().len() < 10, "{} requests", source.requests().len());
    let logins = source.count(|request| request.header("authorization").is_some());
    assert_eq!(logins, 1, "the login is not repeated");
    nowhere(&program, &finished, &["auth.yaml"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn dockers_config_and_podmans_auth_file_are_asked_next() {
    let (source, destination) = guarded().await;
    let images = format!("{}/team/app:v1: {}/x\n", source.host(), destination.host());
    let basic = base64("reader", CANARY);
    let config = format!(r#"{{"auths": {{"{}": {{"auth": "{basic}"}}}}}}"#, source.host());

    let program = Program::new();
    program.write(".docker/config.json", &config);
    let finished = program.sync(&images, "{}", &LOUD).expect(0);
    assert!(program.read("log.txt").contains("config.json"), "the log names the file");
    nowhere(&program, &finished, &["auth.yaml", ".docker/config.json"]);

    let mut program = Program::new();
    let file = program.write("podman/auth.json", &config);
    program.env("REGISTRY_AUTH_FILE", file.display().to_string());
    program.sync(&images, "{}", &LOUD).expect(0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_credential_helper_is_asked() {
    use std::os::unix::fs::PermissionsExt;
    let (source, destination) = guarded().await;
    let mut program = Program::new();
    let helper = program.write(
        "bin/docker-credential-test",
        &format!(
            "#!/bin/sh\nread host\necho '{{\"Username\": \"reader\", \"Secret\": \"{CANARY}\"}}'\n"
        ),
    );
    std::fs::set_permissions(&helper, std::fs::Permissions::from_mode(0o755)).unwrap();
    program.write(
        ".docker/config.json",
        &format!(r#"{{"credHelpers": {{"{}": "test"}}}}"#, source.host()),
    );
    program.env("PATH", format!("{}:/usr/bin:/bin", program.path("bin").display()));
    let images = format!("{}/team/app:v1: {}/x\n", source.host(), destination.host());
    let finished = program.sync(&images, "{}", &LOUD).expect(0);
    nowhere(&program, &finished, &["auth.yaml", "docker-credential-test"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_helper_that_knows_no_login_is_no_failure_and_a_broken_one_is() {
    use std::os::unix::fs::PermissionsExt;
    let source = Registry::builder().auth(Auth::public()).start().await;
    source.push("team/app", "v1", &Image::single("linux/amd64", [Layer::random(1, 1000)]));
    let destination = Registry::start().await;
    for (script, code) in [
        ("echo 'credentials not found in native keychain'\nexit 1\n", 0),
        ("echo 'the keychain is broken' >&2\nexit 1\n", 1),
        ("echo rubbish\n", 1),
    ] {
        let mut program = Program::new();
        let helper =
            program.write("bin/docker-credential-test", &format!("#!/bin/sh\nread host\n{script}"));
        std::fs::set_permissions(&helper, std::fs::Permissions::from_mode(0o755)).unwrap();
        program.write(
            ".docker/config.json",
            &format!(r#"{{"credHelpers": {{"{}": "test"}}}}"#, source.host()),
        );
        program.env("PATH", format!("{}:/usr/bin:/bin", program.path("bin").display()));
        let images = format!("{}/team/app:v1: {}/x\n", source.host(), destination.host());
        let finished = program.sync(&images, "{}", &[]).expect(code);
        if code == 1 {
            finished.says(&["error[helper.failed]: ", source.host(), "hint: "]);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn no_login_at_all_asks_for_one() {
    let (source, destination) = guarded().await;
    let program = Program::new();
    program
        .sync(&format!("{}/team/app:v1: {}/x\n", source.host(), destination.host()), "{}", &[])
        .expect(1)
        .says(&["error[auth.required]: ", source.host(), "source", "hint: "]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn no_permission_to_pull_or_to_push_is_told_apart() {
    let users = || Users::new().user_with("u", "p", &[("team/open", "pull,push")]);
    let registry = Registry::builder().auth(Auth::Token(TokenAuth::new(users()))).start().await;
    let open = Registry::start().await;
    let image = Image::single("linux/amd64", [Layer::random(1, 100)]);
    for repository in ["team/open", "team/closed"] {
        registry.push(repository, "v1", &image);
        open.push(repository, "v1", &image);
    }
    let auth = format!("{}: {{username: u, password: p, insecure: true}}\n", registry.host());
    let program = Program::new();
    program
        .sync(
            &format!(
                "{0}/team/closed:v1: {1}/x\n{0}/team/open:v1: {1}/y\n",
                registry.host(),
                open.host()
            ),
            &auth,
            &[],
        )
        .expect(1)
        .says(&[
            "error[access.pull-denied]: ",
            "source",
            "team/closed",
            "1 copied, 0 skipped, 1 failed",
        ]);
    program
        .sync(
            &format!("{1}/team/open:v1: {0}/team/closed:new\n", registry.host(), open.host()),
            &auth,
            &[],
        )
        .expect(1)
        .says(&["error[access.push-denied]: ", "destination", "team/closed"]);
    assert_eq!(registry.tag_digest("team/closed", "new"), None);
}

fn base64(user: &str, password: &str) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bytes = format!("{user}:{password}").into_bytes();
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let word = chunk
            .iter()
            .chain([&0, &0])
            .take(3)
            .fold(0_u32, |word, byte| word << 8 | u32::from(*byte));
        for place in 0..4 {
            let letter = LETTERS[(word >> (18 - 6 * place) & 63) as usize];
            text.push(if place <= chunk.len() { char::from(letter) } else { '=' });
        }
    }
    text
}
