//! A newcomer's first sync.

use crate::{
    app::App,
    desktop::{Bus, Desktop},
};

#[tokio::test(flavor = "multi_thread")]
async fn three_clicks_and_no_account() {
    let mut desktop = Desktop::start(Bus::Bare);
    desktop.keyring(true).await;
    let mut notifications = desktop.notifications().await;
    let app = App::start(&desktop).await;

    app.always_notify().await;
    app.click("home-try-demo").await;
    app.find("profile-compare").await;
    app.picture("demo-1-ready").await;
    app.click("profile-compare").await;
    app.until_attribute("plan-summary", "data-state", "ready").await;
    assert_eq!(app.attribute("plan-summary", "data-copy").await, "6");
    assert_eq!(app.attribute("plan-summary", "data-skip").await, "1");
    assert_eq!(app.attribute("plan-summary", "data-overwrite").await, "1");
    app.picture("demo-2-compared").await;
    app.click("plan-start").await;
    app.find_css("[data-testid='run-phase']:not([data-phase='done'])").await;
    app.picture("demo-3-running").await;
    app.until_attribute("run-phase", "data-phase", "done").await;
    app.find_css("[data-testid='run-result'][data-copied='7'][data-skipped='1'][data-failed='0']")
        .await;
    app.picture("demo-4-done").await;
    assert_eq!(notifications.next().await.body, "7 copied, 1 skipped, 0 failed");

    // it leaves nothing behind: the registries end with the app
    assert!(!desktop.config().join("profiles/demo.yaml").exists());
    app.stop().await;
    let app = App::start(&desktop).await;
    let profiles = app.rpc("profiles.list", serde_json::json!(null)).await.unwrap();
    assert_eq!(profiles, serde_json::json!([]));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_flag_says_so_to_the_page() {
    let desktop = Desktop::start(Bus::Bare);
    let app = App::start_with(&desktop, &["--demo"]).await;
    let info = app.rpc("app.info", serde_json::json!(null)).await.unwrap();
    assert_eq!(info["demo"], serde_json::json!(true));
    app.stop().await;
}
