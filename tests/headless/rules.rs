//! The rows of the images file's table, end to end.

use testkit::{Image, Layer, Registry};

use crate::support::{Program, program::rows};

/// A source with `a/b` tagged v1.0 v1.1 v2.0 latest, and an empty destination.
struct Pair {
    source: Registry,
    destination: Registry,
    digests: Vec<(&'static str, String)>,
}

const TAGS: [&str; 4] = ["v1.0", "v1.1", "v2.0", "latest"];

impl Pair {
    async fn new() -> Self {
        let (source, destination) = (Registry::start().await, Registry::start().await);
        let digests = TAGS
            .iter()
            .zip(1..)
            .map(|(tag, seed)| {
                let image = Image::single("linux/amd64", [Layer::random(seed, 1000)]);
                (*tag, source.push("a/b", tag, &image).digest().to_owned())
            })
            .collect();
        Self { source, destination, digests }
    }

    fn digest(&self, tag: &str) -> &str {
        &self.digests.iter().find(|(known, _)| *known == tag).unwrap().1
    }

    /// Runs a rule in which S and D stand for the two hosts, and DIGEST for that of v1.0.
    fn run(&self, rule: &str, more: &[&str]) -> (Program, crate::support::Finished) {
        let program = Program::new();
        let images = rule
            .replace("DIGEST", self.digest("v1.0"))
            .replace("S/", &format!("{}/", self.source.host()))
            .replace("D/", &format!("{}/", self.destination.host()));
        let finished = program.sync(&images, "{}", more);
        (program, finished)
    }

    /// The destination's tags in `x/b`, each with the source tag whose digest it has.
    #[track_caller]
    fn holds(&self, expected: &[(&str, &str)]) {
        let mut tags = self.destination.tags("x/b");
        tags.sort();
        let mut found: Vec<(String, String)> = Vec::new();
        for tag in tags {
            let digest = self.destination.tag_digest("x/b", &tag).unwrap();
            let from = self.digests.iter().find(|(_, known)| *known == digest).unwrap().0;
            found.push((tag, from.to_owned()));
        }
        let mut expected: Vec<_> =
            expected.iter().map(|(tag, from)| ((*tag).to_owned(), (*from).to_owned())).collect();
        expected.sort();
        assert_eq!(found, expected);
    }
}

macro_rules! row {
    ($name:ident: $rule:expr => $code:expr, $tags:expr $(, $says:expr)?) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            let pair = Pair::new().await;
            let (_program, finished) = pair.run($rule, &[]);
            let finished = finished.expect($code);
            $( let finished = finished.says($says); )?
            let _ = finished;
            pair.holds(&$tags);
        }
    };
}

row!(row_01_all_tags: "S/a/b: D/x/b" => 0, [("v1.0", "v1.0"), ("v1.1", "v1.1"), ("v2.0", "v2.0"), ("latest", "latest")]);
row!(row_02_one_tag: "S/a/b:v1.0: D/x/b" => 0, [("v1.0", "v1.0")]);
row!(row_03_one_tag_renamed: "S/a/b:v1.0: D/x/b:prod" => 0, [("prod", "v1.0")]);
row!(row_04_tags: "S/a/b:v1.0,v2.0: D/x/b" => 0, [("v1.0", "v1.0"), ("v2.0", "v2.0")]);
row!(row_05_tags_renamed: "S/a/b:v1.0,v2.0: D/x/b:one,two" => 0, [("one", "v1.0"), ("two", "v2.0")]);
row!(row_06_counts_differ: "S/a/b:v1.0,v2.0: D/x/b:one" => 2, [], &["error[config.invalid]: ", "images.yaml:1:"]);
row!(row_07_all_tags_to_one: "S/a/b: D/x/b:latest" => 1, [], &["error[rule.invalid]: ", "4"]);
row!(row_08_regex: "S/a/b:/^v1\\./: D/x/b" => 0, [("v1.0", "v1.0"), ("v1.1", "v1.1")]);
row!(row_09_regex_is_unanchored: "S/a/b:/1/: D/x/b" => 0, [("v1.0", "v1.0"), ("v1.1", "v1.1")]);
row!(row_10_regex_without_match_warns: "S/a/b:/nope/: D/x/b" => 0, [], &["warning: ", "nope"]);
row!(row_11_destination_regex: "S/a/b:/^v1/: D/x/b:/v/" => 0, [("v1.0", "v1.0"), ("v1.1", "v1.1")]);
row!(row_11_destination_regex_counts_differ: "S/a/b:/^v/: D/x/b:/v1/" => 1, [], &["error[rule.invalid]: "]);
row!(row_13_digest_to_tag: "S/a/b@DIGEST: D/x/b:stable" => 0, [("stable", "v1.0")]);
row!(row_14_tag_and_digest: "S/a/b:v2.0@DIGEST: D/x/b" => 0, [("v2.0", "v1.0")]);
row!(row_19_the_name_is_not_appended: "S/a/b:v1.0: D/x/b" => 0, [("v1.0", "v1.0")]);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_07_all_tags_to_one_works_with_exactly_one_tag() {
    let pair = Pair::new().await;
    let digest =
        pair.source.push("one/tag", "only", &Image::single("linux/amd64", [])).digest().to_owned();
    pair.run("S/one/tag: D/x/c:latest", &[]).1.expect(0);
    assert_eq!(pair.destination.tag_digest("x/c", "latest"), Some(digest));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_10_can_be_told_to_fail() {
    let pair = Pair::new().await;
    let (program, finished) = pair.run("S/a/b:/nope/: D/x/b", &["--fail-if-empty"]);
    finished.expect(1).says(&["error[rule.empty]: ", "nope"]);
    assert_eq!(program.report()["totals"]["failed"], 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_12_a_digest_is_pushed_without_a_tag() {
    let pair = Pair::new().await;
    let (program, finished) = pair.run("S/a/b@DIGEST: D/x/b", &[]);
    finished.expect(0);
    let digest = pair.digest("v1.0");
    assert!(pair.destination.manifest("x/b", digest).is_some());
    assert_eq!(pair.destination.tags("x/b"), Vec::<String>::new());
    let expected = (
        format!("{}/a/b@{digest}", pair.source.host()),
        format!("{}/x/b@{digest}", pair.destination.host()),
        "copied".to_owned(),
    );
    assert_eq!(rows(&program.report()), [expected]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_16_two_destinations_read_the_source_once() {
    let pair = Pair::new().await;
    let other = Registry::start().await;
    let rule = format!("S/a/b:v1.0: [D/x/b, \"{}/y/c:z\"]", other.host());
    pair.run(&rule, &[]).1.expect(0);
    pair.holds(&[("v1.0", "v1.0")]);
    assert_eq!(other.tag_digest("y/c", "z").as_deref(), Some(pair.digest("v1.0")));
    let (_, bytes) = pair.source.manifest("a/b", "v1.0").unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    for blob in [&manifest["config"], &manifest["layers"][0]] {
        assert_eq!(
            pair.source.blob_gets(blob["digest"].as_str().unwrap()),
            1,
            "each blob leaves the source once"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_rules_that_write_different_images_to_one_tag_are_a_conflict() {
    let pair = Pair::new().await;
    let (program, finished) =
        pair.run("S/a/b:v1.0: D/x/b:prod\nS/a/b:v2.0: D/x/b:prod\nS/a/b:v1.1: D/x/b\n", &[]);
    let finished = finished.expect(1).says(&["error[rule.conflict]: ", "/x/b:prod"]);
    assert_eq!(finished.stderr.matches("error[").count(), 1, "{}", finished.stderr);
    pair.holds(&[("v1.1", "v1.1")]);
    let report = program.report();
    assert_eq!((&report["totals"]["failed"], &report["totals"]["copied"]), (&2.into(), &1.into()));
    for (number, tag) in [(0, "v1.0"), (1, "v2.0")] {
        let image = &report["images"][number];
        assert_eq!(image["source_digest"], pair.digest(tag), "the digest that it would have got");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_overwrite_moves_the_tag_and_force_puts_it_again() {
    let pair = Pair::new().await;
    pair.run("S/a/b:v1.0: D/x/b:prod", &[]).1.expect(0);
    let (program, finished) = pair.run("S/a/b:v2.0: D/x/b:prod", &["--dry-run"]);
    finished.expect(0);
    assert_eq!(program.report()["images"][0]["plan"]["action"], "overwrite");
    pair.run("S/a/b:v2.0: D/x/b:prod", &[]).1.expect(0);
    pair.holds(&[("prod", "v2.0")]);
    pair.destination.clear_log();
    let (program, finished) = pair.run("S/a/b:v2.0: D/x/b:prod", &["--force"]);
    finished.expect(0);
    assert_eq!(program.report()["images"][0]["status"], "copied");
    assert_eq!(pair.destination.count_of("PUT", testkit::Kind::Manifest), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flags_are_repeated_and_force_takes_a_value_as_in_the_original() {
    let pair = Pair::new().await;
    pair.run("S/a/b:v1.0: D/x/b", &["--proc", "1", "--proc", "2"]).1.expect(0);
    for (flag, status) in [("--force=true", "copied"), ("--force=false", "skipped")] {
        let (program, finished) = pair.run("S/a/b:v1.0: D/x/b", &[flag]);
        finished.expect(0);
        assert_eq!(program.report()["images"][0]["status"], status, "{flag}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn copy_takes_a_rule_from_the_command_line() {
    let pair = Pair::new().await;
    let (s, d) = (pair.source.host(), pair.destination.host());
    let program = Program::new();
    let (from, to) = (format!("{s}/a/b:v1.0,v2.0"), format!("{d}/x/b"));
    program.run(&["copy", &from, &to, "--insecure", s, "--insecure", d]).expect(0);
    pair.holds(&[("v1.0", "v1.0"), ("v2.0", "v2.0")]);
    program
        .run(&["copy", "UPPER/case", &format!("{d}/x/b")])
        .expect(2)
        .says(&["error[config.invalid]: ", "UPPER"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_originals_combined_config_is_read_and_deprecated() {
    let pair = Pair::new().await;
    let (s, d) = (pair.source.host(), pair.destination.host());
    let program = Program::new();
    program.write(
        "config.json",
        &format!(
            r#"{{"auth": {{"{s}": {{"username": "u", "password": "p$HOME", "insecure": true}}, "{d}": {{"insecure": true}}}}, "images": {{"{s}/a/b:v1.0": "{d}/x/b"}}}}"#
        ),
    );
    program.run(&["--config", "config.json"]).expect(0).says(&["warning: ", "--config"]);
    pair.holds(&[("v1.0", "v1.0")]);
}
