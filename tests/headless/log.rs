//! What is said while a sync goes on and after it: the log in a file and as JSON, warnings, silence.

use serde_json::Value;
use testkit::{
    Auth, Image, Layer, Registry,
    tls::{Authority, Flaw},
};

use crate::support::{Finished, Program};

/// One image that is there and one that is not.
async fn half() -> (Registry, Registry, String) {
    let (source, destination) = (Registry::start().await, Registry::start().await);
    source.push("a/b", "v1", &Image::single("linux/amd64", [Layer::random(1, 1000)]));
    let images = format!(
        "{0}/a/b:v1: {1}/x/b\n{0}/a/none:v1: {1}/x/none\n",
        source.host(),
        destination.host()
    );
    (source, destination, images)
}

fn events(text: &str) -> Vec<Value> {
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

fn of<'e>(events: &'e [Value], message: &str) -> &'e Value {
    let mut of = events.iter().filter(|event| event["fields"]["message"] == message);
    let (Some(one), None) = (of.next(), of.next()) else { panic!("one {message} in {events:#?}") };
    one
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_log_in_a_file_tells_what_became_of_each_image_and_the_totals() {
    let (source, destination, images) = half().await;
    let program = Program::new();
    let told = program.sync(&images, "{}", &["--log", "log.txt", "--log-format", "json"]).expect(1);
    told.says(&[
        "copied   ",
        "failed   ",
        "error[ref.not-found]: ",
        "1 copied, 0 skipped, 1 failed",
    ]);
    let events = events(&program.read("log.txt"));
    let copied = of(&events, "copied");
    assert_eq!(copied["level"], "INFO");
    assert_eq!(copied["fields"]["destination"], format!("{}/x/b:v1", destination.host()));
    assert!(copied["fields"]["bytes_copied"].as_u64().unwrap() >= 1000);
    let failed = of(&events, "failed");
    assert_eq!(
        (&failed["level"], &failed["fields"]["code"]),
        (&"ERROR".into(), &"ref.not-found".into())
    );
    assert_eq!(failed["fields"]["source"], format!("{}/a/none:v1", source.host()));
    assert!(!failed["fields"]["error"].as_str().unwrap().is_empty());
    let ended = &of(&events, "ended")["fields"];
    assert_eq!((&ended["copied"], &ended["failed"]), (&1.into(), &1.into()));

    // silent on standard error but for errors, all the same
    let told = program.sync(&images, "{}", &["-q", "--log", "log.txt"]).expect(1);
    assert!(told.stderr.starts_with("error["), "{}", told.stderr);
    let log = program.read("log.txt");
    assert!(
        log.contains("skipped") && log.contains("same digest") && log.contains("ref.not-found"),
        "{log}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn json_without_a_file_is_on_standard_error_in_the_place_of_the_lines_of_progress() {
    let (_source, _destination, images) = half().await;
    let Finished { stderr, .. } =
        Program::new().sync(&images, "{}", &["--log-format", "json"]).expect(1);
    let events = events(&stderr);
    of(&events, "copied");
    of(&events, "failed");
    of(&events, "ended");
    assert!(!stderr.contains("copied   ") && !stderr.contains("1 copied, "), "{stderr}");
    assert!(stderr.contains("error[ref.not-found]: "), "{stderr}");
    assert!(!stderr.contains("warning: "), "what is JSON is not told again: {stderr}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_certificate_that_is_trusted_though_it_is_an_authority_s_own_is_no_error() {
    let tls = Authority::new().server_that_is_an_authority(Flaw::None);
    let pem = tls.pem().to_owned();
    let source = Registry::builder().tls(tls).start().await;
    let destination = Registry::start().await;
    source.push("a/b", "v1", &Image::single("linux/amd64", [Layer::random(1, 1000)]));
    let images = format!("{}/a/b:v1: {}/x/b\n", source.host(), destination.host());
    let program = Program::new();
    program.write("own.pem", &pem);
    let auth = format!("{}: {{ca: own.pem}}\n", source.host());
    program.sync(&images, &auth, &["--log", "log.txt", "-vv"]).expect(0);
    let log = program.read("log.txt");
    assert!(log.contains("copied") && !log.contains("ERROR") && !log.contains("WARN"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn why_no_login_was_found_is_a_warning_without_being_asked_for() {
    let source = Registry::builder().auth(Auth::basic("robot", "secret")).start().await;
    let destination = Registry::start().await;
    source.push("a/b", "v1", &Image::single("linux/amd64", [Layer::random(1, 1000)]));
    let images = format!("{}/a/b:v1: {}/x/b\n", source.host(), destination.host());
    let program = Program::new();
    program.write(".docker/config.json", "{\"auths\": ");
    let told = program.sync(&images, "{}", &[]).expect(1);
    told.says(&["warning: ~/.docker/config.json", "error[auth.required]: ", "without one"]);
    program.write(".docker/config.json", r#"{"credsStore": "nothere"}"#);
    let told = program.sync(&images, "{}", &[]).expect(1);
    told.says(&["warning: ", "docker-credential-nothere", "error[auth.required]: "]);
    let told = program.sync(&images, "{}", &["-q"]).expect(1);
    assert!(!told.stderr.contains("warning"), "{}", told.stderr);
    assert!(
        told.stderr.contains("docker-credential-nothere"),
        "the error says it: {}",
        told.stderr
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn what_is_only_worth_a_warning_is_told_beside_what_is_wrong() {
    let program = Program::new();
    let auth = "r.io: {usr: me}\ns.io: {username: \"${EMPTY}\", password: x}\n";
    let mut program = program;
    program.env("EMPTY", "");
    program.sync("r.io/a b: s.io/a\n", auth, &[]).expect(2).says(&[
        "warning: auth.yaml:1",
        "usr",
        "error[config.invalid]: images.yaml:1",
    ]);
    let (_source, _destination, images) = half().await;
    program.sync(&images, auth, &["--dry-run"]).says(&[
        "warning: auth.yaml:2",
        "'username'",
        "is empty in the environment",
    ]);
    let told = program.sync(&images, auth, &["--dry-run", "-q"]);
    assert!(!told.stderr.contains("warning"), "{}", told.stderr);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_plan_keeps_the_list_of_what_stands_right() {
    let (_source, _destination, images) = half().await;
    let program = Program::new();
    let flags = ["--output-success-images", "done.yaml"];
    program.sync(&images, "{}", &flags).expect(1);
    let done = program.read("done.yaml");
    assert!(done.contains("/a/b:v1"), "{done}");
    program.sync(&images, "{}", &[flags[0], flags[1], "--dry-run"]).expect(1);
    assert_eq!(program.read("done.yaml"), done);
}

#[test]
fn files_that_would_overwrite_each_other_are_refused() {
    let program = Program::new();
    program.write("images.yaml", "quay.io/a/b: r.io/x/b\n");
    program.write("out", "before");
    program
        .run(&["--images", "images.yaml", "--report", "out", "--log", "./out"])
        .expect(2)
        .says(&["error[config.invalid]: --report and --log name the same file", "hint: "]);
    assert_eq!(program.read("out"), "before");
    let told = program.run(&["--images", "images.yaml", "--report", "none/out"]).expect(2);
    assert!(!told.stderr.contains(".tmp"), "{}", told.stderr);
}
