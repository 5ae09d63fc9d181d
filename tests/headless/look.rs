//! Looking around: `ls`, `tags` and `inspect`, against testkit's registries with vendors' APIs (emulated).

use serde_json::Value;
use testkit::{
    Auth, Fault, Image, Kind, Layer, Quirk, Registry, Reply, TokenAuth, VendorApi, auth::Users,
};

use crate::support::Program;

async fn harbor() -> Registry {
    let service = TokenAuth::new(Users::new().user("me", "s3cr3t-pw")).service("harbor-registry");
    let registry = Registry::builder()
        .auth(Auth::Token(service))
        .quirk(Quirk::Api(VendorApi::Harbor))
        .quirk(Quirk::CatalogRefused(401))
        .start()
        .await;
    let index = Image::multi([
        Image::single("linux/amd64", [Layer::random(1, 3000)]),
        Image::single("linux/arm64", [Layer::random(2, 2000)]),
    ]);
    registry.push("team/app", "v1", &index);
    registry.push("team/web", "v1", &Image::single("linux/amd64", [Layer::random(3, 500)]));
    registry
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn one_looks_around_with_the_logins_of_the_auth_file() {
    let registry = harbor().await;
    let host = registry.host();
    let program = Program::new();
    program.write(
        "auth.yaml",
        &format!("{host}: {{username: me, password: s3cr3t-pw, insecure: true}}\n"),
    );
    let run = |arguments: &[&str]| {
        let mut all = arguments.to_vec();
        all.extend(["--auth", "auth.yaml"]);
        program.run(&all)
    };
    let found = run(&["ls", host]).expect(0);
    assert_eq!(found.stdout.lines().next(), Some("NAME  KIND       COUNT  UPDATED"));
    assert!(found.stdout.contains("team  namespace  2"), "{}", found.stdout);
    let found = run(&["ls", &format!("{host}/team"), "--json"]).expect(0);
    let json: Value = serde_json::from_str(&found.stdout).unwrap();
    assert_eq!(json[0]["name"], "team/app");
    assert_eq!(json[1]["kind"], "repository");
    let found = run(&["tags", &format!("{host}/team/app")]).expect(0);
    assert!(found.stdout.contains("linux/amd64,linux/arm64"), "{}", found.stdout);
    assert!(found.stdout.contains("2026-01-02 03:04"), "{}", found.stdout);
    let found = run(&["ls", &format!("{host}/team"), "--limit", "1"]).expect(0);
    assert_eq!(found.stdout.lines().count(), 2, "{}", found.stdout);

    let reference = format!("{host}/team/app:v1");
    let found = run(&["inspect", &reference]).expect(0);
    let digest = registry.tag_digest("team/app", "v1").unwrap();
    for text in [&*digest, "linux/arm64", "index (application/vnd.oci", "no signature found"] {
        assert!(found.stdout.contains(text), "{text}: {}", found.stdout);
    }
    let found = run(&["inspect", &reference, "--json"]).expect(0);
    let json: Value = serde_json::from_str(&found.stdout).unwrap();
    assert_eq!(json["digest"], digest);
    assert_eq!(json["images"][0]["layers"].as_array().unwrap().len(), 1);
    let found = run(&["inspect", &reference, "--raw"]).expect(0);
    let (_, bytes) = registry.manifest("team/app", "v1").unwrap();
    assert_eq!(found.stdout.as_bytes(), &*bytes);
    // nothing was written anywhere, and no layer was read
    assert_eq!(registry.writes(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn what_does_not_list_says_why_and_what_to_do() {
    let registry = Registry::builder().quirk(Quirk::CatalogRefused(404)).start().await;
    let host = registry.host();
    registry.push("team/app", "v1", &Image::single("linux/amd64", []));
    let program = Program::new();
    program.run(&["ls", host, "--insecure", host]).expect(1).says(&[
        "error[catalog.unsupported]: ",
        host,
        "hint: Name the repositories one by one",
    ]);
    program
        .run(&["tags", &format!("{host}/team/absent"), "--insecure", host])
        .expect(1)
        .says(&["error[ref.not-found]: "]);
    let found = program
        .run(&["inspect", &format!("{host}/team/app:absent"), "--json", "--insecure", host])
        .expect(1);
    assert_eq!(found.stdout, "");
    // what is wrong in itself contacts nobody
    let before = registry.requests().len();
    for wrong in [
        &["ls", "host with spaces"][..],
        &["ls", "nodots"],
        &["tags", &format!("{host}/team/app:v1")],
        &["inspect", &format!("{host}/UPPER")],
        &["ls", host, "--auth", "absent.yaml"],
        &["inspect", "a/b", "--raw", "--json"],
    ] {
        program.run(wrong).expect(2).says(&["error["]);
    }
    assert_eq!(registry.requests().len(), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn names_that_play_tricks_are_written_out_and_a_broken_list_is_closed() {
    let registry = Registry::builder().quirk(Quirk::PageSize(1)).start().await;
    registry.push("a/one", "v1", &Image::single("linux/amd64", []));
    registry.push("b/two", "v1", &Image::single("linux/amd64", []));
    let program = Program::new();
    let host = registry.host();
    let names = "{\"repositories\":[\"a\\u202eb\",\"c\\u001b[31m\"]}";
    registry.fault(Fault::on(Kind::Catalog).answer(Reply::status(200).body(names)));
    let found = program.run(&["ls", host, "--insecure", host]).expect(0);
    registry.assert_all_fired();
    assert!(found.stdout.contains("a\\u{202e}b") && found.stdout.contains("c\\u{1b}[31m"));
    assert!(!found.stdout.contains('\u{202e}') && !found.stdout.contains('\u{1b}'));
    // the second page fails: what came before is whole JSON all the same
    registry.fault(Fault::on(Kind::Catalog).nth(2).status(403));
    let found = program.run(&["ls", host, "--json", "--insecure", host]).expect(1);
    registry.assert_all_fired();
    let json: Value = serde_json::from_str(&found.stdout).unwrap();
    assert_eq!(json[0]["name"], "a/one");
}
