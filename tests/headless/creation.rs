//! Repositories that must exist before the first push, and the lists of clouds' own APIs: by the program, with requests
//! that are signed and verified (emulated).

use serde_json::{Value, json};
use testkit::{
    Auth, Cloud, Image, Kind, Layer, Quirk, Registry, TokenAuth, VendorApi, auth::Users,
};

use crate::support::Program;

const KEY: (&str, &str) = ("AKIAKEY", "CANARY-51c0de");

async fn source() -> Registry {
    let source = Registry::start().await;
    source.push("team/app", "v1", &Image::single("linux/amd64", [Layer::random(1, 1000)]));
    source
}

/// A registry of Amazon's, with its cloud. Each run of the program is given the next token, `ecr-1` first.
async fn ecr() -> (Cloud, Registry, String) {
    let cloud = Cloud::start().await;
    cloud.aws_key(KEY.0, KEY.1);
    let to = Registry::builder()
        .auth(Auth::basic("AWS", "ecr-1"))
        .quirks([Quirk::RepositoriesMustExist, Quirk::CatalogRefused(404)])
        .start()
        .await;
    cloud.serve(&to);
    let entry = format!(
        "provider: ecr, region: eu-west-1, username: {}, password: {}, endpoint: '{}'",
        KEY.0,
        KEY.1,
        cloud.url()
    );
    (cloud, to, entry)
}

/// A registry of Alibaba Cloud's, with its cloud. Each run of the program is given the next password; a denial may be a
/// matter of who we are, so that another one is asked for.
async fn acr(edition: &str) -> (Cloud, Registry, String) {
    let cloud = Cloud::start().await;
    cloud.alibaba_key("LTAIKEY", KEY.1);
    let users =
        (1..10).fold(Users::new(), |users, n| users.user("cr_temp_user", &format!("acr-{n}")));
    let to = Registry::builder()
        .auth(Auth::Token(TokenAuth::new(users)))
        .quirks([Quirk::NamespacesMustExist, Quirk::CatalogRefused(401)])
        .start()
        .await;
    cloud.serve(&to);
    let entry = format!(
        "provider: {edition}, secret_kind: alibaba-key, region: cn-hangzhou, username: LTAIKEY, password: {}, endpoint: '{}'",
        KEY.1,
        cloud.url()
    );
    (cloud, to, entry)
}

/// The bodies of an action's calls.
fn bodies(cloud: &Cloud, action: &str) -> Vec<Value> {
    let calls = cloud.calls().into_iter().filter(|call| call.action == action);
    calls.map(|call| serde_json::from_slice(&call.body).unwrap()).collect()
}

fn auth(registry: &Registry, entry: &str) -> String {
    format!("{}: {{insecure: true, {entry}}}\n", registry.host())
}

fn plan(program: &Program) -> Value {
    program.report()["images"][0]["plan"]["action"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn ecr_repositories_are_created_with_their_settings_and_listed() {
    let (cloud, to, entry) = ecr().await;
    let from = source().await;
    let program = Program::new();
    let images = format!("{}/team/app:v1: {}/mirror/app\n", from.host(), to.host());
    // not told to: it is known at plan time that it can't work
    let auth_file = auth(&to, &entry);
    program.sync(&images, &auth_file, &["--dry-run"]).expect(1).says(&["repo.must-exist"]);
    assert_eq!(plan(&program), "blocked");
    assert_eq!(to.writes(), 0);

    let how = "create: {immutable_tags: true, scan_on_push: true, encryption: KMS}";
    let auth_file = auth(&to, &format!("{entry}, {how}"));
    to.set_auth(Auth::basic("AWS", "ecr-2"));
    program.sync(&images, &auth_file, &["--dry-run"]).expect(0);
    assert_eq!((plan(&program), to.writes()), ("copy".into(), 0));
    assert_eq!(cloud.granted("CreateRepository"), 0, "a plan writes nothing");

    to.set_auth(Auth::basic("AWS", "ecr-3"));
    program.sync(&images, &auth_file, &[]).expect(0);
    assert_eq!(to.tags("mirror/app"), ["v1"]);
    assert_eq!(
        bodies(&cloud, "CreateRepository"),
        [json!({
            "repositoryName": "mirror/app",
            "imageTagMutability": "IMMUTABLE",
            "imageScanningConfiguration": { "scanOnPush": true },
            "encryptionConfiguration": { "encryptionType": "KMS" },
        })]
    );

    // what is there is listed by the same keys
    to.create_repository("other/app");
    for (arguments, lines) in [
        (vec!["ls", to.host()], vec!["mirror/app", "other/app"]),
        (vec!["ls", &format!("{}/other", to.host())], vec!["other/app"]),
        (vec!["tags", &format!("{}/mirror/app", to.host())], vec!["v1"]),
    ] {
        let finished = program.run(&[&arguments[..], &["--auth", "auth.yaml"]].concat()).expect(0);
        let names: Vec<_> =
            finished.stdout.lines().skip(1).filter_map(|line| line.split(' ').next()).collect();
        assert_eq!(names, lines, "{arguments:?}");
    }
    let listed = cloud.granted("DescribeRepositories") + cloud.granted("DescribeImages");
    assert_eq!(listed, 3);
    assert_eq!(to.requests().iter().filter(|r| r.kind == Kind::Tags).count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn ecr_public_repositories_are_created_and_listed_by_their_own_api() {
    let cloud = Cloud::start().await;
    cloud.aws_key(KEY.0, KEY.1);
    let to = Registry::builder()
        .auth(Auth::token("AWS", "ecr-1"))
        .quirks([Quirk::RepositoriesMustExist, Quirk::CatalogRefused(405)])
        .start()
        .await;
    cloud.serve(&to);
    let from = source().await;
    let program = Program::new();
    let images = format!("{}/team/app:v1: {}/a1b2c3/app\n", from.host(), to.host());
    let entry = format!(
        "provider: ecr-public, username: {}, password: {}, endpoint: '{}', create: true",
        KEY.0,
        KEY.1,
        cloud.url()
    );
    program.sync(&images, &auth(&to, &entry), &[]).expect(0);
    assert_eq!(to.tags("a1b2c3/app"), ["v1"]);
    assert_eq!(bodies(&cloud, "CreateRepository"), [json!({ "repositoryName": "app" })]);
    let finished = program.run(&["ls", to.host(), "--auth", "auth.yaml"]).expect(0);
    assert!(finished.stdout.contains("a1b2c3/app"), "{}", finished.stdout);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn an_account_of_the_app_lists_and_creates_at_ecr_too() {
    let (cloud, to, _) = ecr().await;
    let from = source().await;
    let mut program = Program::new();
    program.env("AWS_ACCESS_KEY_ID", KEY.0);
    program.env("AWS_SECRET_ACCESS_KEY", KEY.1);
    let account = json!({
        "id": "cloud", "address": to.host(), "insecure": true, "provider": "ecr",
        "settings": { "region": "eu-west-1", "endpoint": cloud.url() },
        "secretKind": "aws-environment", "create": true,
    });
    let accounts = json!({ "version": 2, "accounts": [account] });
    program.write(".config/image-syncer/accounts.json", &accounts.to_string());
    let images = format!("{}/team/app:v1: {}/mirror/app\n", from.host(), to.host());
    program.sync(&images, &format!("{}: {{insecure: true}}\n", from.host()), &[]).expect(0);
    assert_eq!(to.tags("mirror/app"), ["v1"]);
    assert_eq!(bodies(&cloud, "CreateRepository")[0]["imageTagMutability"], "MUTABLE");
    let finished = program.run(&["ls", to.host()]).expect(0);
    assert!(finished.stdout.contains("mirror/app"), "{}", finished.stdout);
    assert_eq!(cloud.granted("DescribeRepositories"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_test_of_the_connection_lists_by_the_clouds_own_api() {
    let (cloud, registry, entry) = ecr().await;
    let program = Program::new();
    program.write("auth.yaml", &auth(&registry, &entry));
    let tested = program.run(&["check", registry.host(), "--auth", "auth.yaml", "--json"]);
    let steps: Value = serde_json::from_str(&tested.expect(0).stdout).unwrap();
    assert_eq!((&steps[5]["step"], &steps[5]["state"]), (&"catalog".into(), &"ok".into()));
    assert_eq!(cloud.granted("DescribeRepositories"), 1, "signed with the account's keys");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn what_the_cloud_refuses_to_create_is_told() {
    let (cloud, to, entry) = ecr().await;
    let from = source().await;
    let images = format!("{}/team/app:v1: {}/mirror/app\n", from.host(), to.host());
    // user name and password alone sign nothing
    let auth_file = auth(&to, "provider: ecr, username: AWS, password: ecr-1, create: true");
    Program::new().sync(&images, &auth_file, &[]).expect(1).says(&["error[repo.must-exist]: "]);
    assert_eq!(cloud.calls().len(), 0);
    // keys that may not do it
    let auth_file = auth(&to, &format!("{entry}, create: true"));
    cloud.deny("CreateRepository");
    let finished = Program::new().sync(&images, &auth_file, &[]).expect(1).says(&[
        "error[access.push-denied]: ",
        "is not authorized to perform: ecr:CreateRepository",
    ]);
    assert!(!finished.stderr.contains(KEY.1), "{}", finished.stderr);
    assert_eq!(bodies(&cloud, "CreateRepository").len(), 1, "asked once");
    // a wrong region
    cloud.aws_region("us-east-1");
    let finished = Program::new().sync(&images, &auth_file, &[]).expect(1);
    let finished = finished.says(&["scoped to a valid region", "Check the region"]);
    assert!(!finished.stderr.contains(KEY.1), "{}", finished.stderr);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_harbor_project_is_created_before_the_push() {
    let (name, password) = ("robot$ci+push", "CANARY-77aa");
    let to = Registry::builder()
        .auth(Auth::token(name, password))
        .quirks([Quirk::NamespacesMustExist, Quirk::Api(VendorApi::Harbor), Quirk::TokensTell])
        .start()
        .await;
    let from = source().await;
    let images = format!(
        "{0}/team/app:v1: {1}/fresh/app\n{0}/team/app: {1}/fresh/other\n",
        from.host(),
        to.host()
    );
    let entry = format!("provider: harbor, username: '{name}', password: {password}");
    let program = Program::new();
    let denied = program.sync(&images, &auth(&to, &entry), &["--dry-run"]).expect(1);
    denied.says(&["error[access.push-denied]: "]);
    assert_eq!((plan(&program), to.writes()), ("blocked".into(), 0));
    program.sync(&images, &auth(&to, &entry), &[]).expect(1).says(&["error[access.push-denied]: "]);
    assert_eq!(to.count_of("POST", Kind::Api), 0);

    let entry = format!("{entry}, create: {{public: true}}");
    program.sync(&images, &auth(&to, &entry), &[]).expect(0);
    assert_eq!(
        (to.tags("fresh/app"), to.tags("fresh/other")),
        (vec!["v1".into()], vec!["v1".into()])
    );
    let made: Vec<_> = to.requests().into_iter().filter(|r| r.is("POST", Kind::Api)).collect();
    assert_eq!(made.iter().filter(|r| r.status == Some(201)).count(), 1, "{made:?}");
    assert!(made.iter().all(|r| r.path == "/api/v2.0/projects"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_profile_says_that_what_is_missing_is_created() {
    let to = Registry::builder()
        .auth(Auth::basic("me", "s3cr3t"))
        .quirks([Quirk::NamespacesMustExist, Quirk::Api(VendorApi::Harbor)])
        .start()
        .await;
    let from = source().await;
    let program = Program::new();
    program.write(
        ".config/image-syncer/profiles/p.yaml",
        &format!(
            "version: 1\nname: p\nrules:\n  - source: {}/team/app:v1\n    destinations: ['{}/fresh/app']\npolicy:\n  create: true\n",
            from.host(),
            to.host()
        ),
    );
    let entry = "provider: harbor, username: me, password: s3cr3t";
    program.write("auth.yaml", &auth(&to, entry));
    let arguments = ["run", "p", "--auth", "auth.yaml", "--insecure", from.host()];
    program.run(&arguments).expect(0);
    assert_eq!(to.tags("fresh/app"), ["v1"]);
    assert_eq!(to.count_of("POST", Kind::Api), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn an_acr_namespace_is_created_and_all_is_listed_by_an_access_key() {
    let (cloud, to, entry) = acr("acr-enterprise").await;
    cloud.alibaba_instance("cri-abc123");
    let from = source().await;
    let images = format!("{}/team/app:v1: {}/mirror/app\n", from.host(), to.host());
    let entry = format!("{entry}, instance: cri-abc123, create: true");
    let program = Program::new();
    program.sync(&images, &auth(&to, &entry), &[]).expect(0);
    assert_eq!(to.tags("mirror/app"), ["v1"]);
    let calls = cloud.calls();
    let made: Vec<_> = calls.iter().filter(|call| call.action == "CreateNamespace").collect();
    let form = |name: &str| made[0].form.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
    assert_eq!((made.len(), made[0].status), (1, 200));
    assert_eq!(
        ["InstanceId", "NamespaceName", "AutoCreateRepo", "DefaultRepoType"].map(form),
        [Some("cri-abc123"), Some("mirror"), Some("true"), Some("PRIVATE")]
    );
    for (place, name) in
        [(to.host().to_owned(), "mirror"), (format!("{}/mirror", to.host()), "mirror/app")]
    {
        let finished = program.run(&["ls", &place, "--auth", "auth.yaml"]).expect(0);
        assert!(finished.stdout.lines().any(|line| line.starts_with(name)), "{}", finished.stdout);
    }
    assert_eq!((cloud.granted("ListNamespace"), cloud.granted("ListRepository")), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_namespace_of_acr_personal_is_created_by_an_access_key_as_public_as_it_is_asked() {
    for (create, bodies_sent) in [
        ("true", vec![json!({ "Namespace": { "Namespace": "mirror" } })]),
        (
            "{public: true}",
            vec![
                json!({ "Namespace": { "Namespace": "mirror" } }),
                json!({ "Namespace": { "AutoCreate": true, "DefaultVisibility": "PUBLIC" } }),
            ],
        ),
    ] {
        let (cloud, to, entry) = acr("acr-personal").await;
        let from = source().await;
        let images = format!("{}/team/app:v1: {}/mirror/app\n", from.host(), to.host());
        let program = Program::new();
        // not asked to: nothing is created
        program.sync(&images, &auth(&to, &entry), &[]).expect(1);
        assert_eq!((bodies(&cloud, "CreateNamespace").len(), to.tags("mirror/app").len()), (0, 0));
        program.sync(&images, &auth(&to, &format!("{entry}, create: {create}")), &[]).expect(0);
        assert_eq!(to.tags("mirror/app"), ["v1"]);
        let sent = [bodies(&cloud, "CreateNamespace"), bodies(&cloud, "UpdateNamespace")].concat();
        assert_eq!(sent, bodies_sent);
        // what the test of a connection lists needs the same signature
        let tested = program.run(&["check", to.host(), "--auth", "auth.yaml", "--json"]).expect(0);
        let steps: Value = serde_json::from_str(&tested.stdout).unwrap();
        assert_eq!((&steps[5]["step"], &steps[5]["state"]), (&"catalog".into(), &"ok".into()));
        assert_eq!(cloud.granted("GetNamespaceList"), 1);
    }
}
