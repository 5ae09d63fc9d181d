//! Sign-in: challenges, tokens, rights, and their odd forms.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;
use testkit::{
    Action, Auth, Fault, Kind, Quirk, Registry, TokenAuth, TokenField,
    auth::{PostForm, Told, Users},
    digest::sha256,
};

use crate::client::{Answer, Client};

fn login(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

async fn with_tokens(tokens: TokenAuth, quirks: &[Quirk]) -> (Registry, Client) {
    let registry =
        Registry::builder().auth(Auth::Token(tokens)).quirks(quirks.to_vec()).start().await;
    registry.put_manifest("a", "1", "application/json", "{}");
    registry.put_manifest("b", "1", "application/json", "{}");
    let client = Client::of(&registry);
    (registry, client)
}

fn robot() -> TokenAuth {
    TokenAuth::new(Users::new().user("robot", "secret"))
}

async fn ask_token(client: &Client, query: &str) -> Answer {
    client
        .get_with(
            &format!("/token?service=testkit{query}"),
            "authorization",
            &login("robot", "secret"),
        )
        .await
}

async fn token(client: &Client, scope: &str) -> String {
    let answer = ask_token(client, &format!("&scope={scope}")).await;
    answer.expect(200).json()["token"].as_str().unwrap().to_owned()
}

async fn get(client: &Client, path: &str, token: &str) -> Answer {
    client.get_with(path, "authorization", &format!("Bearer {token}")).await
}

#[tokio::test]
async fn basic_and_its_rights() {
    let users = Users::new().user("root", "secret").user_with("reader", "r", &[("team/*", "pull")]);
    let registry =
        Registry::builder().auth(Auth::Basic(users.anonymous("public/*", "pull"))).start().await;
    registry.put_manifest("team/a", "1", "application/json", "{}");
    registry.put_manifest("public/a", "1", "application/json", "{}");
    let client = Client::of(&registry);
    let ping = client.get("/v2/").await;
    assert_eq!(ping.expect(401).header("www-authenticate"), Some("Basic realm=\"Registry Realm\""));
    assert_eq!(ping.code(), "UNAUTHORIZED");
    let try_as = async |user: &str, password: &str, method: &str, path: &str| {
        client.send(method, path, &[("authorization", &login(user, password))], "").await.status
    };
    assert_eq!(try_as("root", "secret", "GET", "/v2/").await, 200);
    assert_eq!(try_as("root", "wrong", "GET", "/v2/").await, 401);
    assert_eq!(try_as("reader", "r", "GET", "/v2/team/a/manifests/1").await, 200);
    assert_eq!(try_as("reader", "r", "GET", "/v2/other/manifests/1").await, 403);
    assert_eq!(try_as("reader", "r", "POST", "/v2/team/a/blobs/uploads/").await, 403);
    assert_eq!(try_as("root", "secret", "POST", "/v2/team/a/blobs/uploads/").await, 202);
    client.get("/v2/public/a/manifests/1").await.expect(200);
    client.get("/v2/team/a/manifests/1").await.expect(401);
}

#[tokio::test]
async fn the_dance_of_challenge_and_token() {
    let (registry, client) = with_tokens(robot(), &[]).await;
    let realm = format!("{}/token", registry.url());
    let ping = client.get("/v2/").await;
    let bare = format!("Bearer realm=\"{realm}\",service=\"testkit\"");
    assert_eq!(ping.expect(401).header("www-authenticate"), Some(bare.as_str()));
    let post = client.post("/v2/a/blobs/uploads/").await;
    let challenge = format!("{bare},scope=\"repository:a:pull,push\"");
    assert_eq!(post.expect(401).header("www-authenticate"), Some(challenge.as_str()));
    assert_eq!(post.json()["errors"][0]["detail"][1]["Action"], "push");

    client.get_with("/token", "authorization", &login("robot", "wrong")).await.expect(401);
    let answer = ask_token(&client, "&scope=repository:a:pull").await;
    let value = answer.expect(200).json();
    assert_eq!(value["token"], value["access_token"]);
    assert_eq!(value["expires_in"], 300);
    assert!(value["issued_at"].as_str().unwrap().ends_with('Z'));
    let pulls = value["token"].as_str().unwrap();
    get(&client, "/v2/a/manifests/1", pulls).await.expect(200);
    get(&client, "/v2/", pulls).await.expect(200);
    let more = client
        .send("POST", "/v2/a/blobs/uploads/", &[("authorization", &format!("Bearer {pulls}"))], "")
        .await;
    let challenge = format!("{challenge},error=\"insufficient_scope\"");
    assert_eq!(more.expect(401).header("www-authenticate"), Some(challenge.as_str()));
    let invalid = get(&client, "/v2/a/manifests/1", "rubbish").await;
    assert!(
        invalid
            .expect(401)
            .header("www-authenticate")
            .unwrap()
            .ends_with("error=\"invalid_token\"")
    );
    get(&client, "/v2/b/manifests/1", pulls).await.expect(401);
    let both = token(&client, "repository:a:pull&scope=repository:b:pull").await;
    get(&client, "/v2/b/manifests/1", &both).await.expect(200);
    assert_eq!(registry.count_of("GET", Kind::Token), 3);

    registry.expire_tokens();
    get(&client, "/v2/b/manifests/1", &both).await.expect(401);
}

#[tokio::test]
async fn what_needs_which_right() {
    let (registry, client) = with_tokens(robot(), &[]).await;
    let digest = registry.put_blob("b", "blob");
    let scope_of = async |method: &str, path: &str| {
        let answer = client.send(method, path, &[], "").await;
        let challenge = answer.expect(401).header("www-authenticate").unwrap().to_owned();
        challenge.split("scope=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
    };
    assert_eq!(scope_of("GET", "/v2/_catalog").await, "registry:catalog:*");
    assert_eq!(scope_of("GET", "/v2/a/tags/list").await, "repository:a:pull");
    assert_eq!(scope_of("PUT", "/v2/a/manifests/1").await, "repository:a:pull,push");
    assert_eq!(scope_of("DELETE", "/v2/a/manifests/1").await, "repository:a:delete");
    let mount = format!("/v2/a/blobs/uploads/?mount={digest}&from=b");
    assert_eq!(scope_of("POST", &mount).await, "repository:a:pull,push repository:b:pull");
    let half = token(&client, "repository:a:pull,push").await;
    client
        .send("POST", &mount, &[("authorization", &format!("Bearer {half}"))], "")
        .await
        .expect(401);
    let whole = token(&client, "repository:a:pull,push+repository:b:pull").await;
    client
        .send("POST", &mount, &[("authorization", &format!("Bearer {whole}"))], "")
        .await
        .expect(201);
    registry.add_quirk(Quirk::TagsNeedMetadataRead);
    assert_eq!(scope_of("GET", "/v2/a/tags/list").await, "repository:a:metadata_read");
}

#[tokio::test]
async fn anonymous_clients() {
    let registry = Registry::builder().auth(Auth::public()).start().await;
    registry.put_manifest("a", "1", "application/json", "{}");
    let client = Client::of(&registry);
    client.get("/v2/a/manifests/1").await.expect(401);
    let answer = client.get("/token?scope=repository:a:pull,push").await;
    let token = answer.expect(200).json()["token"].as_str().unwrap().to_owned();
    get(&client, "/v2/a/manifests/1", &token).await.expect(200);
    let post = [("authorization", format!("Bearer {token}"))];
    client.send("POST", "/v2/a/blobs/uploads/", &[(post[0].0, &post[0].1)], "").await.expect(401);
}

#[tokio::test]
async fn forms_of_token_answers() {
    let answer = async |tokens: TokenAuth| {
        let (_registry, client) = with_tokens(tokens, &[]).await;
        ask_token(&client, "").await.expect(200).json()
    };
    let has = |value: &Value, name: &str| value.get(name).is_some();
    let only = answer(robot().field(TokenField::Token)).await;
    assert!(has(&only, "token") && !has(&only, "access_token"));
    let only = answer(robot().field(TokenField::AccessToken)).await;
    assert!(!has(&only, "token") && has(&only, "access_token"));
    let neither = answer(robot().field(TokenField::Neither)).await;
    assert!(!has(&neither, "token") && !has(&neither, "access_token"));
    let untold = answer(robot().expires_in(Told::Missing).issued_at(Told::Missing)).await;
    assert!(!has(&untold, "expires_in") && !has(&untold, "issued_at"));
    assert_eq!(answer(robot().expires_in(Told::Seconds(0))).await["expires_in"], 0);
    let skewed = answer(robot().issued_at(Told::Seconds(-2_000_000_000))).await;
    assert!(
        skewed["issued_at"].as_str().unwrap().starts_with("19")
            || skewed["issued_at"].as_str().unwrap() < "2000"
    );
}

#[tokio::test]
async fn tokens_run_out() {
    let (_registry, client) = with_tokens(robot().uses(2), &[]).await;
    let twice = token(&client, "repository:a:pull").await;
    for status in [200, 200, 401] {
        get(&client, "/v2/a/manifests/1", &twice).await.expect(status);
    }
    let (registry, client) = with_tokens(robot().ttl(Duration::ZERO), &[]).await;
    let stale = token(&client, "repository:a:pull").await;
    get(&client, "/v2/a/manifests/1", &stale).await.expect(401);

    registry.set_auth(Auth::Token(robot()));
    let good = token(&client, "repository:a:pull").await;
    let fault =
        registry.fault(Fault::on(Kind::Manifest).before_auth().nth(2).does(Action::ExpireTokens));
    for status in [200, 401, 401] {
        get(&client, "/v2/a/manifests/1", &good).await.expect(status);
    }
    assert_eq!(fault.fired(), 1);
}

#[tokio::test]
async fn refresh_tokens() {
    let (registry, client) = with_tokens(robot().refresh_token("identity", "robot"), &[]).await;
    let post = async |form: &str| {
        client
            .send(
                "POST",
                "/token",
                &[("content-type", "application/x-www-form-urlencoded")],
                form.to_owned(),
            )
            .await
    };
    let refresh = "grant_type=refresh_token&service=testkit&client_id=x&scope=repository%3Aa%3Apull&refresh_token=";
    let answer = post(&format!("{refresh}identity")).await;
    assert_eq!(answer.expect(200).json()["scope"], "repository:a:pull");
    get(&client, "/v2/a/manifests/1", answer.json()["access_token"].as_str().unwrap())
        .await
        .expect(200);
    post(&format!("{refresh}wrong")).await.expect(401);
    let asked =
        registry.requests().into_iter().rfind(|request| request.kind == Kind::Token).unwrap();
    assert_eq!(asked.parameter("refresh_token").as_deref(), Some("wrong"));
    assert_eq!(asked.parameter("scope").as_deref(), Some("repository:a:pull"));
    let password = "grant_type=password&username=robot&password=secret&access_type=offline&scope=repository:a:pull";
    let given =
        post(password).await.expect(200).json()["refresh_token"].as_str().unwrap().to_owned();
    post(&format!("{refresh}{given}")).await.expect(200);
    let offered = ask_token(&client, "&offline_token=true").await;
    assert!(offered.expect(200).json().get("refresh_token").is_some());
    post("grant_type=magic").await.expect(400);
    registry.set_auth(Auth::Token(robot().post(PostForm::Refused(405))));
    post(password).await.expect(405);
}

#[tokio::test]
async fn the_token_service_at_the_second_host() {
    let (registry, client) = with_tokens(robot().at_second_host(), &[]).await;
    let challenge =
        client.get("/v2/").await.expect(401).header("www-authenticate").unwrap().to_owned();
    let second = format!("http://{}", registry.second_host());
    assert!(challenge.contains(&format!("realm=\"{second}/token\"")), "{challenge}");
    client.get("/token").await.expect(404);
    let pulls = token(&Client::new(second), "repository:a:pull").await;
    get(&client, "/v2/a/manifests/1", &pulls).await.expect(200);
    assert!(
        registry.requests().iter().all(|request| request.second_host == (request.path == "/token")
            || request.status == Some(404))
    );
}

#[tokio::test]
async fn odd_challenges() {
    let (registry, client) = with_tokens(robot(), &[Quirk::ChallengeOnlyOnPing]).await;
    let challenge = async |method: &str, path: &str| {
        let answer = client.send(method, path, &[], "").await;
        answer.expect(401).header("www-authenticate").map(str::to_owned)
    };
    assert_eq!(challenge("GET", "/v2/a/tags/list").await, None);
    assert!(challenge("GET", "/v2/").await.is_some());

    registry.set_quirks([Quirk::ChallengeScopeOn(vec!["POST".into()])]);
    assert!(!challenge("GET", "/v2/a/tags/list").await.unwrap().contains("scope"));
    assert!(challenge("POST", "/v2/a/blobs/uploads/").await.unwrap().contains("scope"));

    registry.set_quirks([Quirk::ScopeOrderChanges]);
    let mut orders = Vec::new();
    for _ in 0..2 {
        let text = challenge("POST", "/v2/a/blobs/uploads/").await.unwrap();
        orders.push(text.split("scope=").nth(1).unwrap().to_owned());
    }
    orders.sort();
    assert_eq!(orders, ["\"repository:a:pull,push\"", "\"repository:a:push,pull\""]);

    registry.set_quirks([Quirk::Realm("http://169.254.169.254/token".into())]);
    assert!(
        challenge("GET", "/v2/")
            .await
            .unwrap()
            .starts_with("Bearer realm=\"http://169.254.169.254/token\"")
    );

    let forms = vec!["Negotiate".to_owned(), "BEARER Realm={realm}, scope=\"{scope}\"".to_owned()];
    registry.set_quirks([Quirk::Challenges(forms)]);
    let answer = client.get("/v2/a/tags/list").await;
    let values: Vec<_> = answer
        .headers
        .get_all("www-authenticate")
        .iter()
        .map(|value| value.to_str().unwrap())
        .collect();
    assert_eq!(
        values,
        [
            "Negotiate",
            &format!("BEARER Realm={}/token, scope=\"repository:a:pull\"", registry.url())
        ]
    );
}

#[tokio::test]
async fn odd_token_services() {
    let (registry, client) = with_tokens(robot(), &[Quirk::FirstScopeOnly]).await;
    let first = token(&client, "repository:a:pull&scope=repository:b:pull").await;
    get(&client, "/v2/a/manifests/1", &first).await.expect(200);
    get(&client, "/v2/b/manifests/1", &first).await.expect(401);

    registry.set_quirks([Quirk::ForeignScopeDenied]);
    get(&client, "/v2/b/manifests/1", &first).await.expect(403);

    registry.set_quirks([Quirk::DeleteScopeRefused]);
    ask_token(&client, "&scope=repository:a:delete").await.expect(400);
    ask_token(&client, "&scope=repository:a:*").await.expect(200);

    registry.set_quirks([Quirk::TokenPadding(5000), Quirk::AuthorizationLimit(8192, 431)]);
    let small = token(&client, "repository:a:pull").await;
    get(&client, "/v2/a/manifests/1", &small).await.expect(200);
    let large = token(&client, "repository:a:pull&scope=repository:b:pull").await;
    get(&client, "/v2/a/manifests/1", &large).await.expect(431);

    registry.set_quirks([Quirk::FirstTokenPulls]);
    let post = async |token: &str| {
        client
            .send(
                "POST",
                "/v2/a/blobs/uploads/",
                &[("authorization", &format!("Bearer {token}"))],
                "",
            )
            .await
            .status
    };
    let weak = token(&client, "repository:a:pull,push").await;
    assert_eq!(post(&weak).await, 401);
    let strong = token(&client, "repository:a:pull,push").await;
    assert_eq!(post(&strong).await, 202);
}

#[tokio::test]
async fn a_token_that_runs_out_during_an_upload() {
    let (registry, client) = with_tokens(robot().uses(2), &[Quirk::AuthAfterBody]).await;
    let good = token(&client, "repository:a:pull,push").await;
    let bearer = format!("Bearer {good}");
    let send = async |method: &str, path: &str, body: &'static str| {
        client.send(method, path, &[("authorization", &bearer)], body).await
    };
    let location = send("POST", "/v2/a/blobs/uploads/", "").await.expect(202).location();
    send("GET", "/v2/a/manifests/1", "").await.expect(200);
    let put = send("PUT", &format!("{location}&digest={}", sha256("bytes")), "bytes").await;
    put.expect(401);
    let last = registry.requests().pop().unwrap();
    assert_eq!(
        (last.kind, last.received),
        (Kind::UploadFinish, 5),
        "only after all of it was taken"
    );
    assert!(registry.store().blobs("a").is_empty());
    // with a token that is good it arrives all the same
    let fresh = format!("Bearer {}", token(&client, "repository:a:pull,push").await);
    let headers = [("authorization", fresh.as_str())];
    let location = client.send("POST", "/v2/a/blobs/uploads/", &headers, "").await.location();
    let path = format!("{location}&digest={}", sha256("bytes"));
    client.send("PUT", &path, &headers, "bytes").await.expect(201);
}
