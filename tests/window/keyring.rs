//! A keyring that is missing, locked, or comes and goes.

use serde_json::{Value, json};

use crate::{
    app::App,
    desktop::{Bus, Desktop},
};

const SECRET: &str = "CANARY-51c2-secret";

async fn type_account(app: &App) {
    app.click("nav-accounts").await;
    app.click("account-add").await;
    app.fill("account-address", "registry.example.com").await;
    app.fill("account-username", "me").await;
    app.fill("account-secret", SECRET).await;
    app.click("account-save").await;
}

fn draft(secret: &str) -> Value {
    json!({ "id": null, "name": "", "address": "registry.example.com", "username": "me", "secret": secret,
        "insecure": false, "caFile": null })
}

#[tokio::test(flavor = "multi_thread")]
async fn without_one_the_user_chooses_and_nothing_is_in_plain_text() {
    for bus in [Bus::None, Bus::Bare] {
        let desktop = Desktop::start(bus);
        let app = App::start(&desktop).await;
        let status = app.rpc("keyring.status", json!(null)).await.unwrap();
        assert_eq!(status["state"], "missing", "{status}");

        type_account(&app).await;
        app.find("keyring-dialog").await;
        app.picture("keyring-missing").await;
        assert_eq!(
            app.rpc("accounts.list", json!(null)).await.unwrap(),
            json!([]),
            "nothing is saved yet"
        );
        app.click("keyring-memory").await;
        app.find("account-row").await;
        app.picture("keyring-memory").await;
        let accounts = app.rpc("accounts.list", json!(null)).await.unwrap();
        assert_eq!(accounts[0]["secretIn"], "memory");
        assert_eq!(desktop.files_with(SECRET), Vec::<std::path::PathBuf>::new());
        assert!(!app.log().contains(SECRET) && !app.page_content().await.contains(SECRET));
        app.stop().await;

        // the next start has the account, and knows that its secret is gone
        let app = App::start(&desktop).await;
        let accounts = app.rpc("accounts.list", json!(null)).await.unwrap();
        assert_eq!(
            (&accounts[0]["username"], &accounts[0]["hasSecret"]),
            (&json!("me"), &json!(false))
        );
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_one_is_told_and_asks_nothing_by_itself() {
    let mut desktop = Desktop::start(Bus::Bare);
    desktop.keyring(true).await;
    desktop.end_keyring().await;
    desktop.keyring(false).await;
    let app = App::start(&desktop).await;
    let status = app.rpc("keyring.status", json!(null)).await.unwrap();
    assert_eq!(status["state"], "locked", "{status}");
    type_account(&app).await;
    app.find("keyring-dialog").await;
    app.picture("keyring-locked").await;
    // there is nothing on this bus that could show the system's prompt
    let status = app.rpc("keyring.retry", json!(null)).await.unwrap();
    assert_eq!(status["state"], "locked", "{status}");
    assert!(!app.log().contains(SECRET));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_comes_later_or_is_started_anew_is_found() {
    let mut desktop = Desktop::start(Bus::Bare);
    let app = App::start(&desktop).await;
    let error = app.rpc("accounts.save", draft(SECRET)).await.unwrap_err();
    assert_eq!(error["code"], "keyring.missing", "{error}");
    assert!(!error["hint"].as_str().unwrap().is_empty(), "{error}");

    desktop.keyring(true).await;
    let status = app.rpc("keyring.retry", json!(null)).await.unwrap();
    assert_eq!(status["state"], "ready", "{status}");
    let account = app.rpc("accounts.save", draft(SECRET)).await.unwrap();
    let id = account["id"].as_str().unwrap();
    assert_eq!(desktop.secret(id).as_deref(), Some(SECRET));

    // a keyring that was started anew knows nothing of the session before
    desktop.end_keyring().await;
    desktop.keyring(true).await;
    let mut changed = draft("another");
    changed["id"] = json!(id);
    app.rpc("accounts.save", changed).await.unwrap();
    assert_eq!(desktop.secret(id).as_deref(), Some("another"));
    app.stop().await;
}
