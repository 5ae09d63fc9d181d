//! Files and flags that are wrong: status 2, nothing contacted, and a message that says where.

use testkit::Registry;

use crate::support::Program;

/// Runs `images` (and `auth`) and expects status 2 and these texts on standard error.
#[track_caller]
fn refused(images: &str, auth: &str, texts: &[&str]) {
    let program = Program::new();
    let finished =
        program.sync(images, auth, &[]).expect(2).says(&["error[config.invalid]: "]).says(texts);
    assert!(finished.stdout.is_empty(), "{}", finished.stdout);
    assert!(!program.path("report.json").exists(), "a run that never began has no report");
}

#[test]
fn malformed_yaml_says_line_and_column() {
    refused("quay.io/a/b: r.io/x/b\n  quay.io/c: [", "{}", &["images.yaml:2:"]);
    refused("quay.io/a/b: r.io/x/b", "r.io: {username: [", &["auth.yaml:"]);
}

#[test]
fn malformed_json_says_line_and_column() {
    let program = Program::new();
    program.write(
        "images.json",
        "{\n  \"quay.io/a/b\": \"r.io/x/b\",\n  \"quay.io/c/d\" \"r.io/x/d\"\n}",
    );
    program
        .run(&["--images", "images.json"])
        .expect(2)
        .says(&["error[config.invalid]: ", "images.json:3:"]);
}

#[test]
fn duplicate_keys_name_both_lines() {
    refused(
        "quay.io/a/b: r.io/x/b\nquay.io/c/d: r.io/x/d\nquay.io/a/b: r.io/y/b\n",
        "{}",
        &["images.yaml:3:1", "quay.io/a/b", "line 1"],
    );
}

#[test]
fn an_empty_or_wrong_typed_destination_names_key_and_line() {
    refused(
        "quay.io/c/d: r.io/x/d\nquay.io/a/b: ''\n",
        "{}",
        &["images.yaml:2:", "quay.io/a/b", "empty"],
    );
    refused("quay.io/a/b:\n", "{}", &["images.yaml:1:", "quay.io/a/b"]);
    refused("quay.io/a/b: {x: y}\n", "{}", &["images.yaml:1:", "quay.io/a/b"]);
    refused("quay.io/a/b: []\n", "{}", &["images.yaml:1:", "quay.io/a/b"]);
    refused(
        "quay.io/a/b:\n  - r.io/x/b\n  - [r.io/y/b]\n",
        "{}",
        &["images.yaml:3:", "quay.io/a/b"],
    );
}

#[test]
fn bad_references_are_named_with_the_place() {
    for (source, texts) in [
        ("quay.io/A/B:v1", &["quay.io/A/B:v1", "'A'"][..]),
        ("https://quay.io/a/b", &["https://quay.io/a/b", "scheme"]),
        ("quay.io/a/b:v1.0, v2.0", &["space"]),
        ("quay.io/a/b:/v[/", &["quay.io/a/b:/v[/", "regular expression"]),
        ("quay.io/a/b@sha256:abc", &["sha256:abc"]),
    ] {
        let mut all = vec!["images.yaml:1:"];
        all.extend(texts);
        refused(&format!("\"{source}\": r.io/x/b\n"), "{}", &all);
    }
}

#[test]
fn every_problem_of_a_file_is_told_at_once() {
    refused(
        "quay.io/A: r.io/x\nquay.io/b: ''\nquay.io/c:/[/: r.io/x\n",
        "{}",
        &["images.yaml:1:", "images.yaml:2:", "images.yaml:3:"],
    );
}

#[test]
fn tag_counts_that_differ_are_refused_before_anything_runs() {
    refused("quay.io/a/b:v1.0,v2.0: r.io/x/b:one\n", "{}", &["images.yaml:1:", "2", "1"]);
}

#[test]
fn digests_that_differ_are_refused() {
    let (one, two) = ("1".repeat(64), "2".repeat(64));
    refused(&format!("quay.io/a/b@sha256:{one}: r.io/x/b@sha256:{two}\n"), "{}", &[&one, &two]);
}

#[test]
fn an_unset_variable_is_named() {
    refused(
        "quay.io/a/b: r.io/${NO_SUCH_PROJECT}/b\n",
        "{}",
        &["images.yaml:1:", "NO_SUCH_PROJECT"],
    );
    refused(
        "quay.io/a/b: r.io/x/b\n",
        "r.io: {username: u, password: \"${NO_SUCH_PASSWORD}\"}\n",
        &["auth.yaml:1:", "NO_SUCH_PASSWORD"],
    );
}

#[test]
fn an_unreadable_file_is_named() {
    let program = Program::new();
    program.run(&["--images", "none.yaml"]).expect(2).says(&["none.yaml"]);
    program.write("images.yaml", "quay.io/a/b: r.io/x/b\n");
    program.run(&["--images", "images.yaml", "--auth", "none.yaml"]).expect(2).says(&["none.yaml"]);
    let folder = program.path("");
    program.run(&["--images", &folder.display().to_string()]).expect(2).says(&["error["]);
}

#[test]
fn an_unknown_key_is_a_warning_with_the_nearest_known() {
    let program = Program::new();
    let port = free_port();
    let finished = program.sync(
        &format!("127.0.0.1:{port}/a:v1: 127.0.0.1:{port}/b\n"),
        &format!("127.0.0.1:{port}: {{usrname: u, password: p}}\n"),
        &["--retries", "0"],
    );
    finished.expect(1).says(&["warning: ", "usrname", "username"]);
}

#[test]
fn no_images_file_is_a_usage_error() {
    Program::new().run(&[]).expect(2).says(&["error[config.invalid]: ", "--images", "hint: "]);
    Program::new().run(&["--imagse", "x"]).expect(2).says(&[
        "error[config.invalid]: ",
        "--imagse",
        "hint: ",
    ]);
}

#[test]
fn config_with_auth_or_images_is_refused() {
    let program = Program::new();
    program.write("config.json", "{}");
    program.write("images.yaml", "{}");
    program
        .run(&["--config", "config.json", "--images", "images.yaml"])
        .expect(2)
        .says(&["--config", "--images"]);
    program
        .run(&["--config", "config.json", "--auth", "images.yaml"])
        .expect(2)
        .says(&["--config", "--auth"]);
}

#[test]
fn what_to_do_about_a_file_is_said() {
    let program = Program::new();
    program.write("comma.json", "{\n  \"quay.io/a/b\": \"r.io/x/b\",\n}\n");
    for (file, what, hint) in [
        ("missing.yaml", "missing.yaml: can't be read: ", "check its name and folder"),
        ("comma.json", "comma.json:3:1: malformed JSON", "JSON has no comma behind the last entry"),
    ] {
        let hint = format!("hint: {hint}");
        program.run(&["--images", file]).expect(2).says(&[what, &hint]);
    }
}

#[test]
fn a_bad_number_rate_or_platform_is_refused() {
    let program = Program::new();
    program.write("images.yaml", "quay.io/a/b: r.io/x/b\n");
    for flags in [
        ["--proc", "many"],
        ["--proc", "-1"],
        ["--retries", "x"],
        ["--bandwidth", "fast"],
        ["--arch", "a b"],
    ] {
        program
            .run(&["--images", "images.yaml", flags[0], flags[1]])
            .expect(2)
            .says(&["error[config.invalid]: ", flags[0]]);
    }
    program
        .run(&["--proc", "5", "copy", "quay.io/a/b:1", "r.io/x/b"])
        .expect(2)
        .says(&["error[config.invalid]: ", "hint: Write the flags behind the subcommand."]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_cannot_be_written_are_found_before_anything_runs() {
    let registry = Registry::builder().start().await;
    let program = Program::new();
    program.write("images.yaml", &format!("{0}/a:v1: {0}/b\n", registry.host()));
    for flag in ["--report", "--log", "--output-success-images"] {
        program.run(&["--images", "images.yaml", flag, "no/such/folder/file"]).expect(2).says(&[
            "error[file.failed]: ",
            flag,
            "no/such/folder/file",
        ]);
    }
    assert_eq!(registry.requests().len(), 0, "nothing is contacted");
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
