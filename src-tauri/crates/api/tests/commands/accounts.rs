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
            "hasSecret": true, "secretIn": "keyring", "insecure": true, "caFile": null, "verifiedAt": null })
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
async fn what_is_wrong_is_told_by_its_field() {
    let world = World::new();
    world.account("r.example.com", "me", "s3").await;
    for (draft, field) in [
        (draft("UPPER/case", "me", "s"), "address"),
        (draft("", "me", "s"), "address"),
        (draft("r.example.com", "you", "s"), "address"),
        (draft("other.example.com", "", "s"), "username"),
    ] {
        let error = world.call("accounts.save", draft.clone()).await.unwrap_err();
        assert_eq!(
            (error.code.as_str(), error.params["field"].as_str()),
            ("config.invalid", field),
            "{draft}"
        );
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
    assert_eq!(states(&report), ["passed", "passed", "warning", "passed", "failed", "skipped"]);
    assert_eq!(report["steps"][4]["error"]["code"], "auth.rejected");

    let right = draft(registry.host(), "me", "s3");
    let report = world.ok("accounts.test", json!({ "token": "t2", "draft": right })).await;
    assert_eq!(report["passed"], json!(true), "{report}");
    let mut told = Vec::new();
    while told.len() < 6 {
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

fn states(report: &Value) -> Vec<&str> {
    report["steps"].as_array().unwrap().iter().map(|step| step["state"].as_str().unwrap()).collect()
}
