//! Sign-ins at clouds, emulated, from the outside; and that none of their secrets gets out.

use testkit::{Auth, Cloud, Image, Layer, Registry, TokenAuth, auth::Users, cloud::ServiceAccount};

use crate::support::{Finished, Program};

const CANARY: &str = "CANARY-7d2e41";
const LOUD: [&str; 5] = ["--log", "log.txt", "-vvv", "--output-success-images", "done.yaml"];

async fn source(auth: Auth) -> Registry {
    let source = Registry::builder().auth(auth).start().await;
    source.push("team/app", "v1", &Image::single("linux/amd64", [Layer::random(1, 1000)]));
    source
}

/// Copies the image; neither the secret nor what a cloud gave out for it is anywhere.
#[track_caller]
fn copied(program: &Program, source: &Registry, to: &Registry, entry: &str, given: &[&str]) {
    let auth = format!("{}: {{insecure: true, {entry}}}\n", source.host());
    let images = format!("{}/team/app:v1: {}/x\n", source.host(), to.host());
    let finished = program.sync(&images, &auth, &LOUD).expect(0);
    assert_eq!(to.tags("x"), ["v1"]);
    nowhere(program, &finished, &[&["auth.yaml"], given].concat());
}

#[track_caller]
fn nowhere(program: &Program, finished: &Finished, given: &[&str]) {
    let secrets = [CANARY, "ecr-1", "ya29-1", "entra-1", "refresh-", "acr-1", "session-token"];
    let check = |text: &str, place: &str| {
        for secret in secrets {
            assert!(!text.contains(secret), "{secret} is in {place}:\n{text}");
        }
    };
    check(&finished.stdout, "stdout");
    check(&finished.stderr, "stderr");
    for path in program.files() {
        if !given.iter().any(|name| path.ends_with(name)) {
            check(&String::from_utf8_lossy(&std::fs::read(&path).unwrap()), path.to_str().unwrap());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn ecr_by_key_pair_profile_environment_and_role() {
    let cloud = Cloud::start().await;
    cloud.aws_key("AKIAKEY", CANARY);
    let role = "arn:aws:iam::123456789012:role/ci";
    cloud.aws_role(role, None);
    let url = cloud.url();
    let keys = format!("provider: ecr, region: eu-west-1, username: AKIAKEY, password: {CANARY}");
    for (entry, env) in [
        (keys.clone(), false),
        ("provider: ecr, region: eu-west-1, profile: ci".to_owned(), false),
        ("provider: ecr, region: eu-west-1".to_owned(), true),
        (format!("{keys}, role: '{role}'"), false),
    ] {
        let n = cloud.calls().iter().filter(|call| call.status == 200).count();
        // what is given out is numbered; an assumed role takes three numbers before
        let number = if entry.contains("role:") { n + 4 } else { n + 1 };
        let source = source(Auth::basic("AWS", &format!("ecr-{number}"))).await;
        let to = Registry::start().await;
        let mut program = Program::new();
        program.env("AWS_ENDPOINT_URL", &url);
        program.write(
            ".aws/credentials",
            &format!("[ci]\naws_access_key_id=AKIAKEY\naws_secret_access_key={CANARY}\n"),
        );
        if env {
            program.env("AWS_ACCESS_KEY_ID", "AKIAKEY");
            program.env("AWS_SECRET_ACCESS_KEY", CANARY);
        }
        copied(&program, &source, &to, &entry, &[".aws/credentials"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn google_by_service_account() {
    let cloud = Cloud::start().await;
    let account = ServiceAccount::new("ci@p.iam.gserviceaccount.com", &cloud);
    cloud.google_account(&account);
    let source = source(Auth::token("oauth2accesstoken", "ya29-1")).await;
    let to = Registry::start().await;
    let program = Program::new();
    program.write("key.json", &account.json(&[]));
    copied(&program, &source, &to, "provider: gar, secret_file: key.json", &["key.json"]);
    assert_eq!(cloud.granted("token"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn azure_by_service_principal() {
    let cloud = Cloud::start().await;
    cloud.azure_principal("t.example", "client-id", CANARY);
    let users = Users::new().user("someone", "else");
    let auth = TokenAuth::new(users).entra_token("entra-1", "someone");
    let source = source(Auth::Token(auth)).await;
    let to = Registry::start().await;
    let entry = format!(
        "provider: azure, username: client-id, password: {CANARY}, tenant: t.example, endpoint: '{}'",
        cloud.url()
    );
    copied(&Program::new(), &source, &to, &entry, &[]);
    assert_eq!(cloud.granted("login"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn alibaba_by_access_key() {
    let cloud = Cloud::start().await;
    cloud.alibaba_key("LTAIKEY", CANARY);
    let source = source(Auth::token("cr_temp_user", "acr-1")).await;
    let to = Registry::start().await;
    let entry = format!(
        "provider: acr-personal, secret_kind: alibaba-key, region: cn-hangzhou, username: LTAIKEY, password: {CANARY}, endpoint: '{}'",
        cloud.url()
    );
    copied(&Program::new(), &source, &to, &entry, &[]);
    assert_eq!(cloud.granted("GetAuthorizationToken"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_key_that_the_cloud_refuses_is_told_and_never_repeated() {
    let cloud = Cloud::start().await;
    cloud.aws_key("AKIAKEY", "another");
    let source = source(Auth::basic("AWS", "x")).await;
    let to = Registry::start().await;
    let program = Program::new();
    let host = source.host();
    let auth = format!(
        "{host}: {{insecure: true, provider: ecr, region: eu-west-1, username: AKIAKEY, password: {CANARY}, endpoint: '{}'}}\n",
        cloud.url()
    );
    let images = format!("{host}/team/app:v1: {}/x\n", to.host());
    let finished = program.sync(&images, &auth, &LOUD).expect(1).says(&[
        "error[auth.rejected]: ",
        "InvalidSignatureException",
        "hint: Check the secret access key",
    ]);
    nowhere(&program, &finished, &["auth.yaml"]);
    assert_eq!(cloud.calls().len(), 1);
    assert_eq!(source.requests().len(), 0, "the registry is not asked without a credential");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_malformed_key_is_told_before_anything_is_contacted() {
    let program = Program::new();
    program.write("key.json", &format!("{{\"type\": \"service_account\", {CANARY}"));
    let finished = program
        .sync(
            "europe-docker.pkg.dev/p/r/a:v1: r.example.com/x\n",
            "europe-docker.pkg.dev: {provider: gar, secret_file: key.json}\n",
            &["--log", "log.txt"],
        )
        .expect(2)
        .says(&["error[config.invalid]: ", "no JSON of the right form (line 1"]);
    nowhere(&program, &finished, &["key.json"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_name_of_the_wrong_depth_is_blocked_at_plan_time() {
    let source = source(Auth::None).await;
    let program = Program::new();
    program.write("auth.yaml", &format!("{}: {{insecure: true}}\n", source.host()));
    let from = format!("{}/team/app:v1", source.host());
    let to = "registry.cn-hangzhou.aliyuncs.com/a/b/c";
    let arguments =
        ["copy", &from, to, "--auth", "auth.yaml", "--dry-run", "--report", "report.json"];
    let finished = program.run(&arguments);
    finished.says(&["repo.name", "exactly 2 components"]);
    assert_eq!(program.report()["images"][0]["plan"]["action"], "blocked");
}
