use accounts::keyring::State;
use serde_json::{Value, json};
use testkit::{Auth, Registry};

use crate::host::{World, draft};

#[tokio::test]
async fn an_account_is_added_changed_and_removed_with_its_secret() {
    let world = World::new();
    let saved = world
        .ok("accounts.save", draft("docker login -u me https://r.example.com/", "", "s3"))
        .await;
    assert_eq!(
        saved,
        json!({ "id": "r-example-com", "name": "r.example.com", "address": "r.example.com", "username": "me",
            "provider": "", "settings": {}, "secretKind": "password", "hasSecret": true, "secretIn": "keyring",
            "link": null, "insecure": true, "plainHttp": false, "caFile": null, "trusted": null, "clientCert": null,
            "clientKey": null, "proxy": null, "hasProxyPassword": false, "mirrors": [], "limit": null,
            "creates": false, "api": null, "pathPrefix": null, "verifiedAt": null, "failed": null })
    );
    assert_eq!(world.keyring.get("r-example-com").as_deref(), Some("s3"));

    // a draft without a secret keeps the one that is stored
    let mut change = draft("r.example.com", "other", "");
    change["id"] = json!("r-example-com");
    change["name"] = json!("Ours");
    let changed = world.ok("accounts.save", change.clone()).await;
    assert_eq!((&changed["name"], &changed["username"]), (&json!("Ours"), &json!("other")));
    assert_eq!(world.keyring.get("r-example-com").as_deref(), Some("s3"));

    // it comes back
    let World { dir, keyring, .. } = world;
    let world = World::at(dir);
    world.keyring.secrets.lock().unwrap().clone_from(&keyring.secrets.lock().unwrap());
    assert_eq!(world.ok("accounts.list", json!(null)).await, json!([changed]));

    // without a user name there is no secret
    change["username"] = json!("");
    assert_eq!(world.ok("accounts.save", change).await["secretIn"], "none");
    assert_eq!(world.keyring.get("r-example-com"), None);

    world.ok("accounts.remove", json!({ "id": "r-example-com" })).await;
    assert_eq!(world.ok("accounts.list", json!(null)).await, json!([]));
    assert_eq!(world.code("accounts.remove", json!({ "id": "r-example-com" })).await, "gone");
}

#[tokio::test]
async fn a_stored_secret_never_goes_to_another_registry() {
    let world = World::new();
    let elsewhere = Registry::builder().auth(Auth::basic("me", "x")).start().await;
    world.account("r.example.com", "me", "s3").await;
    let mut change = draft(elsewhere.host(), "me", "");
    change["id"] = json!("r-example-com");
    let error = world.call("accounts.save", change.clone()).await.unwrap_err();
    assert_eq!((error.code.as_str(), error.params["field"].as_str()), ("config.invalid", "secret"));
    let error =
        world.call("accounts.test", json!({ "token": "t", "draft": change })).await.unwrap_err();
    assert_eq!(error.params["field"], "secret");
    assert_eq!(elsewhere.requests().len(), 0);
    // a namespace of the same registry is no other registry
    let mut change = draft("r.example.com/team", "me", "");
    change["id"] = json!("r-example-com");
    world.ok("accounts.save", change).await;
}

#[tokio::test]
async fn saving_an_account_keeps_what_the_form_does_not_show() {
    let world = World::new();
    let id = world.account("r.example.com", "me", "s3").await;
    let path = world.dir.path().join("accounts.json");
    let read = || serde_json::from_slice::<Value>(&std::fs::read(&path).unwrap()).unwrap();
    let mut file = read();
    file["accounts"][0]["create"] = json!({ "scanOnPush": true });
    file["accounts"][0]["pathPrefix"] = json!("artifactory/api/docker/key");
    file["accounts"][0]["provider"] = json!("harbor");
    file["accounts"][0]["api"] = json!("https://api.example.com/");
    // the app has not looked at the file since
    std::fs::write(&path, file.to_string()).unwrap();
    let mut change = draft("r.example.com", "other", "");
    change["id"] = json!(id);
    change["provider"] = json!("harbor");
    world.ok("accounts.save", change.clone()).await;
    let account = &read()["accounts"][0];
    assert_eq!(account["username"], "other");
    assert_eq!(account["create"], json!({ "scanOnPush": true }), "{account}");
    assert_eq!(account["pathPrefix"], "artifactory/api/docker/key");
    assert_eq!(account["api"], "https://api.example.com/");

    // another registry's API is not there, and must not get the new secret
    change["address"] = json!("elsewhere.example.com");
    change["secret"] = json!("s4");
    world.ok("accounts.save", change).await;
    let account = &read()["accounts"][0];
    assert_eq!(account["create"], json!({ "scanOnPush": true }));
    assert_eq!((account.get("api"), account.get("pathPrefix")), (None, None), "{account}");
}

#[tokio::test]
async fn a_stored_secret_goes_by_no_other_endpoint_and_through_no_proxy_that_could_read_it() {
    let world = World::new();
    let elsewhere = Registry::start().await;
    let id = world.account("r.example.com", "me", "s3").await;
    let refused = async |change: &dyn Fn(&mut Value)| {
        let mut draft = draft("r.example.com", "me", "");
        draft["id"] = json!(id);
        draft["insecure"] = json!(false);
        change(&mut draft);
        let saved = world.call("accounts.save", draft.clone()).await;
        let tested = world.call("accounts.test", json!({ "token": "t", "draft": draft })).await;
        let field = |error: Option<api::dto::ApiError>| error.map(|e| e.params["field"].clone());
        assert_eq!(field(saved.err()).as_deref(), Some("secret"), "{draft}");
        assert_eq!(field(tested.err()).as_deref(), Some("secret"), "{draft}");
    };
    refused(&|draft| draft["settings"] = json!({ "endpoint": elsewhere.url() })).await;
    let proxy = format!("http://{}", elsewhere.host());
    refused(&|draft| {
        draft["insecure"] = json!(true);
        draft["proxy"] = json!(proxy);
    })
    .await;
    refused(&|draft| {
        draft["caFile"] = json!("/tmp/ca.pem");
        draft["proxy"] = json!(proxy);
    })
    .await;
    assert_eq!(elsewhere.requests().len(), 0);
    // a proxy that sees TLS alone is fine
    let mut plain = draft("r.example.com", "me", "");
    plain["id"] = json!(id);
    plain["insecure"] = json!(false);
    plain["proxy"] = json!(proxy);
    world.ok("accounts.save", plain).await;
}

#[tokio::test]
async fn what_another_program_has_changed_stays_when_a_test_is_noted() {
    let world = World::new();
    let registry = Registry::builder().auth(Auth::basic("me", "s3")).start().await;
    let id = world.account(registry.host(), "me", "s3").await;
    let path = world.dir.path().join("accounts.json");
    let read = || serde_json::from_slice::<Value>(&std::fs::read(&path).unwrap()).unwrap();
    let mut file = read();
    file["accounts"][0]["limit"] = json!(3);
    std::fs::write(&path, file.to_string()).unwrap();
    let mut same = draft(registry.host(), "me", "");
    same["id"] = json!(id);
    world.ok("accounts.test", json!({ "token": "t", "draft": same })).await;
    let account = &read()["accounts"][0];
    assert!(account["verifiedAt"].is_string(), "{account}");
    assert_eq!(account["limit"], 3, "{account}");
}

#[tokio::test]
async fn creation_and_the_vendors_api_are_set_in_the_form() {
    let world = World::new();
    let mut change = draft("r.example.com", "me", "s3");
    change["provider"] = json!("artifactory");
    change["creates"] = json!(true);
    change["api"] = json!(" https://api.example.com/base ");
    change["pathPrefix"] = json!("/artifactory/api/docker/key/");
    let saved = world.ok("accounts.save", change.clone()).await;
    assert_eq!(
        (&saved["creates"], &saved["api"], &saved["pathPrefix"]),
        (
            &json!(true),
            &json!("https://api.example.com/base"),
            &json!("artifactory/api/docker/key")
        )
    );
    // to another API the stored secret does not go by itself
    change["id"] = saved["id"].clone();
    change["secret"] = json!(null);
    change["api"] = json!("https://elsewhere.example.com");
    let error = world.call("accounts.save", change.clone()).await.unwrap_err();
    assert_eq!((error.code.as_str(), error.params["field"].as_str()), ("config.invalid", "secret"));
    for wrong in [
        "api.example.com",
        "ftp://api.example.com",
        "https://me:s3@api.example.com",
        "https://api.example.com?a=b",
    ] {
        change["api"] = json!(wrong);
        let error = world.call("accounts.save", change.clone()).await.unwrap_err();
        assert_eq!(error.params["field"], "api", "{wrong}");
        assert!(!error.message.contains("s3"), "{}", error.message);
    }
    change["api"] = json!("");
    change["pathPrefix"] = json!("");
    change["creates"] = json!(false);
    let saved = world.ok("accounts.save", change).await;
    assert_eq!(
        (&saved["creates"], &saved["api"], &saved["pathPrefix"]),
        (&json!(false), &json!(null), &json!(null))
    );
}

#[tokio::test]
async fn what_is_wrong_is_told_by_its_field() {
    let world = World::new();
    world.account("r.example.com", "me", "s3").await;
    for (draft, field) in [
        (draft("UPPER/case", "me", "s"), "address"),
        (draft("", "me", "s"), "address"),
        (draft("r.example.com", "y\u{202e}ou", "s"), "username"),
        (with("mirrors", json!(["UPPER"])), "mirrors"),
        (with("mirrors", json!(["r.example.com/x"])), "mirrors"),
        (with("proxy", json!("ftp://me:CANARY@proxy")), "proxy"),
        (with("proxy", json!("http://[me:CANARY")), "proxy"),
        (with("limit", json!(0)), "limit"),
        (with("clientKey", json!("/key.pem")), "clientCert"),
        (
            with("trusted", json!({ "kind": "ca", "sha256": "12", "subject": "", "pem": "" })),
            "trusted",
        ),
        (draft("other.example.com", "", "s"), "username"),
    ] {
        let error = world.call("accounts.save", draft.clone()).await.unwrap_err();
        assert_eq!(
            (error.code.as_str(), error.params["field"].as_str()),
            ("config.invalid", field),
            "{draft}"
        );
        assert!(!format!("{error:?}").contains("CANARY"), "{error:?}");
    }
    let error = world
        .call("accounts.test", json!({ "token": "t", "draft": draft("o.io", "me", "") }))
        .await;
    assert_eq!(error.unwrap_err().params["field"], "secret");
}

#[tokio::test]
async fn without_a_keyring_nothing_is_saved_until_memory_is_chosen() {
    let world = World::new();
    for (state, code) in [(State::Missing, "keyring.missing"), (State::Locked, "keyring.locked")] {
        *world.keyring.state.lock().unwrap() = state;
        assert_eq!(world.code("accounts.save", draft("r.example.com", "me", "s3")).await, code);
        assert_eq!(world.ok("accounts.list", json!(null)).await, json!([]));
    }
    world.ok("keyring.useMemory", json!(null)).await;
    let saved = world.ok("accounts.save", draft("r.example.com", "me", "s3")).await;
    assert_eq!(saved["secretIn"], "memory");
    let World { dir, .. } = world;
    let again = World::at(dir).ok("accounts.list", json!(null)).await;
    assert_eq!(again[0]["hasSecret"], json!(false), "memory is gone with the program");
}

#[tokio::test]
async fn an_account_whose_keyring_is_locked_stays_and_one_without_a_keyring_goes() {
    let world = World::new();
    let id = world.account("r.example.com", "me", "s3").await;
    *world.keyring.state.lock().unwrap() = State::Locked;
    assert_eq!(world.code("accounts.remove", json!({ "id": id })).await, "keyring.locked");
    *world.keyring.state.lock().unwrap() = State::Missing;
    world.ok("accounts.remove", json!({ "id": id })).await;
    assert_eq!(world.ok("accounts.list", json!(null)).await, json!([]));
}

#[tokio::test]
async fn a_test_tells_its_steps_and_is_remembered() {
    let mut world = World::new();
    let registry = Registry::builder().auth(Auth::token("me", "s3")).start().await;
    let wrong = json!({ "token": "t1", "draft": draft(registry.host(), "me", "wrong") });
    let report = world.ok("accounts.test", wrong).await;
    assert_eq!(report["passed"], json!(false));
    assert_eq!(
        states(&report),
        ["passed", "passed", "warning", "passed", "failed", "skipped", "skipped", "skipped"]
    );
    assert_eq!(report["steps"][4]["error"]["code"], "auth.rejected");

    let right = draft(registry.host(), "me", "s3");
    let report = world.ok("accounts.test", json!({ "token": "t2", "draft": right })).await;
    assert_eq!(report["passed"], json!(true), "{report}");
    let mut told = Vec::new();
    while told.len() < 8 {
        let event = world.event(|event| event["token"] == "t2").await;
        told.push(event["step"].clone());
    }
    assert_eq!(json!(told), report["steps"], "the same steps came as events");

    // what was tested just before is known to work; another secret is not
    let other = world.ok("accounts.save", draft(registry.host(), "me", "s4")).await;
    assert_eq!(other["verifiedAt"], Value::Null);
    let mut again = right.clone();
    again["id"] = other["id"].clone();
    world.ok("accounts.test", json!({ "token": "t3", "draft": again })).await;
    let saved = world.ok("accounts.save", again.clone()).await;
    assert_eq!(saved["verifiedAt"], "2026-01-02T03:04:05Z");
    // with the stored secret
    again["secret"] = Value::Null;
    let report = world.ok("accounts.test", json!({ "token": "t4", "draft": again })).await;
    assert_eq!(report["passed"], json!(true), "{report}");
    // another address has to show itself again
    again["insecure"] = json!(false);
    assert_eq!(world.ok("accounts.save", again).await["verifiedAt"], Value::Null);
}

/// A draft with one more field.
fn with(field: &str, value: Value) -> Value {
    let mut draft = draft("r.example.com", "me", "s");
    draft[field] = value;
    draft
}

fn states(report: &Value) -> Vec<&str> {
    report["steps"].as_array().unwrap().iter().map(|step| step["state"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn several_accounts_of_one_address_stand_side_by_side() {
    let world = World::new();
    assert_eq!(world.account("r.example.com", "reader", "r1").await, "r-example-com");
    assert_eq!(world.account("r.example.com", "writer", "w1").await, "r-example-com-2");
    let list = world.ok("accounts.list", json!(null)).await;
    assert_eq!((&list[0]["username"], &list[1]["username"]), (&json!("reader"), &json!("writer")));
    assert_eq!(world.keyring.get("r-example-com-2").as_deref(), Some("w1"));
}

#[tokio::test]
async fn the_password_of_a_proxy_goes_in_only_and_belongs_to_its_proxy() {
    let world = World::new();
    let saved = world.ok("accounts.save", with("proxy", json!("socks5://me:p4@proxy:1080"))).await;
    assert_eq!(saved["proxy"], "socks5://me@proxy:1080");
    assert_eq!(saved["hasProxyPassword"], true);
    let id = "r-example-com/proxy";
    assert_eq!(world.keyring.get(id).as_deref(), Some("p4"));
    let file = std::fs::read_to_string(world.dir.path().join("accounts.json")).unwrap();
    assert!(!file.contains("p4"), "{file}");
    // it is kept as long as the proxy is the same
    let mut change = with("proxy", saved["proxy"].clone());
    change["id"] = saved["id"].clone();
    change["secret"] = Value::Null;
    let same = world.ok("accounts.save", change.clone()).await;
    assert_eq!(
        (&same["hasProxyPassword"], world.keyring.get(id).as_deref()),
        (&json!(true), Some("p4"))
    );
    change["proxy"] = json!("other:3128");
    // the certificate is not checked: the secret goes through another proxy only if it is typed again
    change["secret"] = json!("s3");
    let other = world.ok("accounts.save", change).await;
    assert_eq!(
        (&other["proxy"], &other["hasProxyPassword"]),
        (&json!("http://other:3128"), &json!(false))
    );
    assert_eq!(world.keyring.get(id), None);
}

#[tokio::test]
async fn a_secret_is_of_a_kind_with_its_settings_and_stays_with_it() {
    let world = World::new();
    let of = |kind: &str, user: &str, secret: &str, settings: Value| {
        let mut draft = draft("r.example.com", user, secret);
        draft["provider"] = json!("ecr");
        draft["secretKind"] = json!(kind);
        draft["settings"] = settings;
        draft
    };
    let saved = world
        .ok(
            "accounts.save",
            of("aws-keys", "AKIA", "k1", json!({ "role": " arn:x ", "region": " " })),
        )
        .await;
    assert_eq!(saved["settings"], json!({ "role": "arn:x" }));
    assert_eq!(world.keyring.get("r-example-com").as_deref(), Some("k1"));

    let change = |mut draft: Value| {
        draft["id"] = json!("r-example-com");
        draft
    };
    // the key is no password
    let error =
        world.call("accounts.save", change(of("password", "me", "", json!({})))).await.unwrap_err();
    assert_eq!((&*error.params["field"], &*error.params["why"]), ("secret", "kind"));
    assert_eq!(world.keyring.get("r-example-com").as_deref(), Some("k1"));
    // a key without its id
    let error = world.call("accounts.save", of("aws-keys", "", "k2", json!({}))).await.unwrap_err();
    assert_eq!((&*error.params["field"], &*error.params["why"]), ("username", "needed"));
    // what is found on the system needs none, and the stored one goes
    let profile = change(of("aws-profile", "", "typed in vain", json!({ "profile": "ci" })));
    let saved = world.ok("accounts.save", profile).await;
    assert_eq!(
        (&saved["secretIn"], &saved["hasSecret"], &saved["settings"]),
        (&json!("none"), &json!(false), &json!({ "profile": "ci" }))
    );
    assert_eq!(world.keyring.get("r-example-com"), None);
    let error = world.call("accounts.save", of("magic", "me", "s", json!({}))).await.unwrap_err();
    assert_eq!(error.params["field"], "secretKind");
    let hidden = of("aws-keys", "AKIA", "k", json!({ "role": "a\u{202e}b" }));
    let error = world.call("accounts.save", hidden).await.unwrap_err();
    assert_eq!(error.params["field"], "settings");
}

#[tokio::test]
async fn what_the_form_does_not_show_stays_as_it_is() {
    let world = World::new();
    let id = world.account("r.example.com", "me", "s3").await;
    let path = world.dir.path().join("accounts.json");
    let mut file: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    file["accounts"][0]["create"] = json!(true);
    file["accounts"][0]["pathPrefix"] = json!("artifactory/api/docker/key");
    std::fs::write(&path, file.to_string()).unwrap();
    world.ok("accounts.list", json!(null)).await;
    let mut change = draft("r.example.com", "other", "");
    change["id"] = json!(id);
    world.ok("accounts.save", change).await;
    let file: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let account = &file["accounts"][0];
    assert_eq!(account["username"], "other");
    assert_eq!(account["create"], true, "{account}");
    assert_eq!(account["pathPrefix"], "artifactory/api/docker/key");
}

#[tokio::test]
async fn a_key_is_read_from_the_file_that_the_user_has_picked_and_from_no_other() {
    let world = World::new();
    let path = world.files.path().join("picked.yaml");
    let with_file = |path: &std::path::Path| {
        let mut draft = draft("europe-docker.pkg.dev", "", "");
        draft["secretKind"] = json!("google-key");
        draft["secretFile"] = json!(path);
        draft
    };
    std::fs::write(&path, "{\"private_key\": \"s3\"}\n").unwrap();
    let error = world.call("accounts.save", with_file(&path)).await.unwrap_err();
    assert_eq!((error.code.as_str(), &*error.params["field"]), ("file.failed", "secret"));
    assert_eq!(world.ok("files.pick", json!({ "kind": "secret" })).await, json!(path));
    let saved = world.ok("accounts.save", with_file(&path)).await;
    assert_eq!((&saved["username"], &saved["hasSecret"]), (&json!(""), &json!(true)));
    let kept = world.keyring.get("europe-docker-pkg-dev");
    assert_eq!(kept.as_deref(), Some("{\"private_key\": \"s3\"}"));
    let other = world.files.path().join("other.json");
    std::fs::write(&other, "x").unwrap();
    assert_eq!(world.code("accounts.save", with_file(&other)).await, "file.failed");
    for wrong in ["", " \n", &"x".repeat(70_000)] {
        std::fs::write(&path, wrong).unwrap();
        assert_eq!(world.code("accounts.save", with_file(&path)).await, "file.failed");
    }
}

#[tokio::test]
async fn signing_in_at_a_cloud_is_a_step_of_the_test_and_what_failed_is_kept() {
    let world = World::new();
    let cloud = testkit::Cloud::start().await;
    cloud.aws_key("AKIAKEY", "k1");
    let registry = Registry::builder().auth(Auth::basic("AWS", "ecr-1")).start().await;
    cloud.serve(&registry);
    let with_secret = |secret: &str| {
        let mut draft = draft(registry.host(), "AKIAKEY", secret);
        draft["provider"] = json!("ecr");
        draft["secretKind"] = json!("aws-keys");
        draft["settings"] = json!({ "region": "eu-west-1", "endpoint": cloud.url() });
        draft
    };
    let test = |draft: Value| json!({ "token": "t", "draft": draft });
    let report = world.ok("accounts.test", test(with_secret("wrong"))).await;
    assert_eq!(report["passed"], false);
    assert_eq!(states(&report)[3..6], ["passed", "failed", "skipped"], "{report}");
    assert_eq!(report["steps"][4]["error"]["code"], "auth.rejected");
    // saved nevertheless, it is marked
    let mut saved = with_secret("wrong");
    let account = world.ok("accounts.save", saved.clone()).await;
    assert_eq!(
        account["failed"],
        json!({ "at": "2026-01-02T03:04:05Z", "step": "login", "code": "auth.rejected" })
    );
    assert_eq!(account["verifiedAt"], Value::Null);
    // the right one: the mark goes
    saved = with_secret("k1");
    saved["id"] = account["id"].clone();
    let report = world.ok("accounts.test", test(saved.clone())).await;
    assert_eq!(states(&report)[4..6], ["passed", "passed"], "{report}");
    assert_eq!(
        cloud.granted("DescribeRepositories"),
        1,
        "listed by its API, with the account's signature"
    );
    let account = world.ok("accounts.save", saved).await;
    assert_eq!(
        (&account["failed"], &account["verifiedAt"]),
        (&Value::Null, &json!("2026-01-02T03:04:05Z"))
    );
    // a saved one that fails later keeps when it worked
    let mut stored = with_secret("");
    stored["id"] = account["id"].clone();
    registry.set_auth(Auth::basic("AWS", "another"));
    world.ok("accounts.test", test(stored)).await;
    let listed = world.ok("accounts.list", json!(null)).await;
    assert_eq!(listed[0]["failed"]["step"], "login", "{listed}");
    assert!(listed[0]["verifiedAt"].is_string());
}

#[tokio::test]
async fn what_a_test_finds_has_words_that_stay() {
    use testkit::tls::{Authority, Flaw};
    let world = World::new();
    let tls = Authority::new().server(Flaw::None);
    let registry = Registry::builder().tls(tls).auth(Auth::basic("me", "s3")).start().await;
    registry.push("team/app", "v1", &testkit::Image::single("linux/amd64", []));
    let mut account = draft(registry.host(), "me", "s3");
    let request = |account: &Value, repository: Option<&str>| json!({ "token": "t", "draft": account, "repository": repository });
    let report = world.ok("accounts.test", request(&account, Some("team/app"))).await;
    let notes = |report: &Value| -> Vec<String> {
        let steps = report["steps"].as_array().unwrap().iter();
        steps.map(|step| step["note"].as_str().unwrap_or("-").to_owned()).collect()
    };
    assert_eq!(
        notes(&report),
        ["-", "-", "unverified", "wants-login", "-", "-", "found", "opened"]
    );
    assert_eq!(report["steps"][6]["detail"], "v1");
    let certificate = &report["steps"][2]["certificate"];
    assert!(certificate["notAfter"].as_str().unwrap().starts_with("20"), "{certificate}");
    assert_eq!(certificate["sha256"].as_str().unwrap().len(), 32 * 3 - 1);
    account["secret"] = json!(null);
    account["username"] = json!("");
    let open = Registry::start().await;
    account["address"] = json!(open.host());
    let report = world.ok("accounts.test", request(&account, None)).await;
    assert_eq!(
        notes(&report),
        ["-", "-", "plain", "-", "anonymous", "empty", "no-repository", "no-repository"]
    );
}

#[tokio::test]
async fn a_keyring_that_locks_in_the_middle_loses_no_account() {
    let world = World::new();
    let id = world.account("r.example.com", "me", "s3").await;
    let lock = |state| *world.keyring.state.lock().unwrap() = state;
    lock(State::Locked);
    let before = world.ok("accounts.list", json!(null)).await;
    let mut change = draft("r.example.com", "me", "new");
    change["id"] = json!(id);
    assert_eq!(world.code("accounts.save", change.clone()).await, "keyring.locked");
    assert_eq!(
        world.code("accounts.save", draft("o.example.com", "me", "x")).await,
        "keyring.locked"
    );
    assert_eq!(world.code("accounts.remove", json!({ "id": id })).await, "keyring.locked");
    let mut stored = draft("r.example.com", "me", "");
    stored["id"] = json!(id);
    let test = json!({ "token": "t", "draft": stored });
    assert_eq!(
        world.code("accounts.test", test).await,
        "keyring.locked",
        "before anything is contacted"
    );
    assert_eq!(world.ok("accounts.list", json!(null)).await, before);
    // in memory meanwhile
    world.ok("keyring.useMemory", json!(null)).await;
    let saved = world.ok("accounts.save", change).await;
    assert_eq!(saved["secretIn"], "memory");
    lock(State::Ready);
    assert_eq!(world.keyring.get(&id).as_deref(), Some("s3"), "what was there is there");
}

#[tokio::test]
async fn without_a_keyring_secrets_go_to_an_encrypted_file() {
    let world = World::new();
    *world.keyring.state.lock().unwrap() = State::Missing;
    let status = world.ok("keyring.status", json!(null)).await;
    assert_eq!((&status["state"], &status["file"]), (&json!("missing"), &json!("none")));
    let status = world.ok("keyring.useFile", json!({ "passphrase": "right" })).await;
    assert_eq!((&status["state"], &status["file"]), (&json!("file"), &json!("open")));
    let saved = world.ok("accounts.save", draft("r.example.com", "me", "s3")).await;
    assert_eq!(saved["secretIn"], "file");

    // the next start
    let World { dir, .. } = world;
    let world = World::at(dir);
    *world.keyring.state.lock().unwrap() = State::Missing;
    assert_eq!(world.ok("keyring.status", json!(null)).await["file"], "locked");
    let profile = world.profile("Ours", "quay.io/a/b:1", "r.example.com/a/b").await;
    let run = json!({ "profileId": profile });
    assert_eq!(
        world.code("runs.start", run).await,
        "secrets.locked",
        "before anything is contacted"
    );
    let wrong = json!({ "passphrase": "wrong" });
    assert_eq!(world.code("keyring.useFile", wrong).await, "secrets.passphrase");
    world.ok("keyring.useFile", json!({ "passphrase": "right" })).await;
    assert_eq!(world.ok("accounts.list", json!(null)).await[0]["secretIn"], "file");
}

#[tokio::test]
async fn what_the_test_shows_can_be_trusted_and_a_change_is_told() {
    use testkit::tls::{Authority, Flaw};
    let world = World::new();
    let tls = || Authority::new().server(Flaw::SelfSigned);
    let registry = Registry::builder().tls(tls()).start().await;
    let mut account = draft(registry.host(), "", "");
    account["insecure"] = json!(false);
    let test = |account: &Value| json!({ "token": "t", "draft": account });
    let report = world.ok("accounts.test", test(&account)).await;
    assert_eq!(report["steps"][2]["error"]["code"], "tls.untrusted");
    let offer = &report["steps"][2]["trust"];
    assert_eq!(offer["ca"], Value::Null, "nobody else signed it");
    account["trusted"] = offer["certificate"].clone();
    assert_eq!(world.ok("accounts.test", test(&account)).await["passed"], true);
    let saved = world.ok("accounts.save", account.clone()).await;
    assert_eq!(saved["trusted"]["sha256"], offer["certificate"]["sha256"]);
    assert!(saved["verifiedAt"].is_string());

    let other = Registry::builder().tls(tls()).start().await;
    account["address"] = json!(other.host());
    let report = world.ok("accounts.test", test(&account)).await;
    assert_eq!(report["steps"][2]["error"]["code"], "tls.changed");
}

#[tokio::test]
async fn a_repository_that_is_named_is_tried() {
    let world = World::new();
    let registry = Registry::builder().auth(Auth::token("me", "s3")).start().await;
    let request = |repository: &str| json!({ "token": "t", "draft": draft(registry.host(), "me", "s3"), "repository": repository });
    let report = world.ok("accounts.test", request(" team/app ")).await;
    assert_eq!(states(&report)[6..], ["warning", "passed"], "{report}");
    let error = world.call("accounts.test", request("UPPER")).await.unwrap_err();
    assert_eq!(error.params["field"], "repository");
}

#[tokio::test]
async fn logins_are_found_chosen_copied_or_linked() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::new();
    let path = |name: &str| world.files.path().join(name);
    std::fs::create_dir(path(".docker")).unwrap();
    std::fs::create_dir(path(crate::host::BIN)).unwrap();
    let helper = path(crate::host::BIN).join("docker-credential-ours");
    let script = r#"#!/bin/sh
case "$1 $(cat)" in
"get h.example.com") echo '{"Username":"helped","Secret":"s-helper"}' ;;
"list "*) echo '{"h.example.com":"helped"}' ;;
*) echo "credentials not found in native keychain"; exit 1 ;;
esac
"#;
    std::fs::write(&helper, script).unwrap();
    std::fs::set_permissions(&helper, std::fs::Permissions::from_mode(0o755)).unwrap();
    let config = r#"{"credsStore": "ours", "auths": {"f.example.com": {"username": "filed", "password": "s-file"},
        "t.example.com": {"identitytoken": "s-token"}}}"#;
    std::fs::write(path(".docker/config.json"), config).unwrap();
    std::fs::write(
        path("auth.yaml"),
        "a.example.com/team: {username: robot$a, password: s-auth, limit: 3}\n",
    )
    .unwrap();
    world.account("f.example.com", "filed", "old").await;

    let auth = json!(path("auth.yaml"));
    let found = world.ok("accounts.find", json!({ "machine": true, "auth": auth })).await;
    assert_eq!(found["problems"], json!([]));
    let list = found["found"].as_array().unwrap();
    let of = |address: &str| list.iter().find(|each| each["address"] == address).unwrap();
    assert_eq!(list.len(), 4, "{found}");
    assert_eq!(of("f.example.com")["known"], "f.example.com");
    assert_eq!(of("h.example.com")["username"], "helped");
    assert_eq!(of("a.example.com/team")["canLink"], false);

    let pick = |address: &str, link: bool| json!({ "key": of(address)["key"], "link": link });
    let picks = json!([
        pick("h.example.com", true),
        pick("t.example.com", false),
        pick("a.example.com/team", true),
        { "key": "gone", "link": false },
    ]);
    let taken = world.ok("accounts.take", json!({ "auth": auth, "picks": picks })).await;
    let made: Vec<String> = taken["accounts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|a| {
            format!("{} {} {} {}", a["id"], a["username"], a["secretKind"], a["secretIn"])
                .replace('"', "")
        })
        .collect();
    assert_eq!(
        made,
        [
            "h-example-com helped password linked",
            "t-example-com  identity-token keyring",
            "a-example-com-team robot$a password keyring",
        ]
    );
    assert_eq!(taken["accounts"][2]["limit"], 3);
    assert_eq!(taken["problems"].as_array().unwrap().len(), 1);
    assert_eq!(world.keyring.get("t-example-com").as_deref(), Some("s-token"));
    assert_eq!(world.keyring.get("h-example-com"), None, "it stays where it is");
    assert_eq!(world.keyring.get("a-example-com-team").as_deref(), Some("s-auth"));
    let again = world.ok("accounts.find", json!({ "machine": true, "auth": auth })).await;
    assert!(
        again["found"].as_array().unwrap().iter().all(|each| each["known"].is_string()),
        "{again}"
    );
}
