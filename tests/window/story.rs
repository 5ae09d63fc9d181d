//! The main job, from an account to images that are there.

use fantoccini::Locator;
use serde_json::json;

use crate::{
    app::App,
    desktop::{Bus, Desktop},
    docker_registry::{DockerRegistry, Setup},
    world,
};

const USER: &str = "mirror";
const SECRET: &str = "CANARY-7f3a-secret";

#[tokio::test(flavor = "multi_thread")]
async fn from_an_account_to_images_that_are_there() {
    let mut desktop = Desktop::start(Bus::Bare);
    desktop.keyring(true).await;
    let mut notifications = desktop.notifications().await;
    let source = DockerRegistry::start();
    let destination =
        DockerRegistry::with(&Setup { login: Some((USER, SECRET)), tls: true, ..Setup::default() });
    world::fill(&source).await;
    std::fs::write(desktop.path("ca.pem"), destination.ca()).unwrap();

    let app = App::start(&desktop).await;
    app.always_notify().await;
    app.picture("story-1-home").await;

    // an account for the destination, tested before it is saved
    app.click("nav-accounts").await;
    app.click("account-add").await;
    app.fill("account-address", &destination.host()).await;
    app.fill("account-username", USER).await;
    app.fill("account-secret", SECRET).await;
    app.click("account-more").await;
    app.fill("account-name", "Our mirror").await;
    app.fill("account-ca", &desktop.path("ca.pem").display().to_string()).await;
    app.click("account-test").await;
    app.until_attribute("account-check-result", "data-state", "passed").await;
    for step in ["dns", "tcp", "tls", "registry", "login", "catalog"] {
        assert_eq!(
            app.attribute(&format!("check-step-{step}"), "data-state").await,
            "passed",
            "{step}"
        );
    }
    app.show("check-step-catalog").await;
    app.picture("story-2-account-tested").await;
    app.click("account-save").await;
    let row = app
        .find_css(&format!("[data-testid='account-row'][data-address='{}']", destination.host()))
        .await;
    let account = row.attr("data-id").await.unwrap().unwrap();
    app.picture("story-3-accounts").await;
    let accounts = app.rpc("accounts.list", json!(null)).await.unwrap();
    assert!(
        accounts[0]["verifiedAt"].is_string(),
        "the test that passed just before is remembered: {accounts}"
    );

    // the secret is in the keyring, and nowhere else
    assert_eq!(desktop.secret(&account).as_deref(), Some(SECRET));
    nowhere_else(&desktop, &app).await;

    // a source that asks for nothing, but speaks plain HTTP
    app.rpc("accounts.save", json!({
        "id": null, "name": "", "address": source.host(), "username": "", "secret": null, "insecure": true, "caFile": null
    }))
    .await
    .unwrap();

    // a profile
    app.click("nav-profiles").await;
    app.click("profile-new").await;
    app.fill("profile-name", "Team mirror").await;
    app.fill("rule-source-0", &format!("{}/team/app", source.host())).await;
    app.fill("rule-destination-0-0", &format!("{}/mirror/app", destination.host())).await;
    app.click("rule-add").await;
    app.fill("rule-source-1", &format!("{}/team/tool:2.0", source.host())).await;
    app.fill("rule-destination-1-0", &format!("{}/mirror/tool:stable", destination.host())).await;
    app.picture("story-4-profile").await;

    // compare: nothing is written
    destination.clear_requests();
    app.click("profile-compare").await;
    app.until_attribute("plan-summary", "data-state", "ready").await;
    for (what, count) in
        [("copy", "4"), ("skip", "0"), ("overwrite", "0"), ("conflict", "0"), ("blocked", "0")]
    {
        assert_eq!(app.attribute("plan-summary", &format!("data-{what}")).await, count, "{what}");
    }
    assert_eq!(writes(&destination), Vec::<String>::new());
    app.picture("story-5-compare").await;
    // a row opens to what the image is made of; of what several share, the one that asked first brings it
    let waiting = Locator::Css("[data-testid='image-blob'][data-status='waiting']");
    let manifest = "[data-testid='image-manifest'][aria-expanded='false'] [data-toggle]";
    for id in 0..4 {
        let row = format!("[data-testid='image-row'][data-id='{id}'] [data-toggle]");
        app.page.find(Locator::Css(&row)).await.unwrap().click().await.unwrap();
        app.until("what the image is made of", || async {
            app.page.find(Locator::Css("[data-testid='image-manifest']")).await.ok()
        })
        .await;
        while let Ok(closed) = app.page.find(Locator::Css(manifest)).await {
            closed.click().await.unwrap();
        }
        if app.page.find(waiting).await.is_ok() {
            break;
        }
        app.page.find(Locator::Css(&row)).await.unwrap().click().await.unwrap();
    }
    app.page.find(waiting).await.expect("some image brings what several share");
    app.picture("story-5-parts").await;
    assert!(notifications.is_empty(), "a comparison notifies nobody");

    // start
    app.click("plan-start").await;
    app.until_attribute("run-phase", "data-phase", "done").await;
    result(&app, ["4", "0", "0", "0"]).await;
    app.picture("story-6-run-done").await;
    let notice = notifications.next().await;
    assert_eq!(
        (notice.app.as_str(), notice.title.as_str()),
        ("Image Syncer", "Team mirror: finished")
    );
    assert_eq!(notice.body, "4 copied, 0 skipped, 0 failed");

    // the images are there, byte for byte
    let host = destination.host();
    for (from, to) in [
        ("team/app:1.0", "mirror/app:1.0"),
        ("team/app:1.1", "mirror/app:1.1"),
        ("team/app:latest", "mirror/app:latest"),
        ("team/tool:2.0", "mirror/tool:stable"),
    ] {
        let here = world::raw(format!("{}/{from}", source.host()), None).await.unwrap();
        let there = world::raw(format!("{host}/{to}"), Some((USER, SECRET))).await.unwrap();
        assert!(!here.is_empty() && here == there, "{from} and {to} differ");
    }

    // once more: nothing to do, nothing written
    destination.clear_requests();
    app.click("run-again").await;
    let notice = notifications.next().await;
    assert_eq!(notice.body, "0 copied, 4 skipped, 0 failed");
    result(&app, ["0", "4", "0", "0"]).await;
    assert_eq!(writes(&destination), Vec::<String>::new());
    app.picture("story-7-run-again").await;

    // how it ended is remembered
    nowhere_else(&desktop, &app).await;
    app.stop().await;
    let app = App::start(&desktop).await;
    let profiles = app.rpc("profiles.list", json!(null)).await.unwrap();
    assert_eq!(profiles[0]["lastRun"]["skipped"], json!(4), "{profiles}");
    app.find("home-profile").await;
    app.picture("story-8-home-again").await;

    // an account goes with its secret
    app.click("nav-accounts").await;
    app.click_css(&format!("[data-testid='account-remove'][data-id='{account}']")).await;
    app.click("confirm-yes").await;
    app.until_answer("accounts.list", json!(null), |list| list.as_array().unwrap().len() == 1)
        .await;
    assert_eq!(desktop.secret(&account), None);
    app.stop().await;
}

fn writes(registry: &DockerRegistry) -> Vec<String> {
    let reads = ["GET ", "HEAD "];
    registry
        .requests()
        .into_iter()
        .filter(|line| !reads.iter().any(|read| line.starts_with(read)))
        .collect()
}

/// The counts of the run that is shown: copied, skipped, failed, cancelled.
async fn result(app: &App, counts: [&str; 4]) {
    let [copied, skipped, failed, cancelled] = counts;
    app.find_css(&format!(
        "[data-testid='run-result'][data-copied='{copied}'][data-skipped='{skipped}'][data-failed='{failed}']\
         [data-cancelled='{cancelled}']"
    ))
    .await;
}

/// The secret is in no file, no answer, not on the page, not in the log, the arguments or the environment.
async fn nowhere_else(desktop: &Desktop, app: &App) {
    assert_eq!(desktop.files_with(SECRET), Vec::<std::path::PathBuf>::new());
    assert!(!app.page_content().await.contains(SECRET), "on the page");
    assert!(!app.log().contains(SECRET), "in the log");
    for name in [
        "app.info",
        "accounts.list",
        "profiles.list",
        "runs.list",
        "keyring.status",
        "settings.get",
    ] {
        let answer = app.rpc(name, json!(null)).await.unwrap();
        assert!(!answer.to_string().contains(SECRET), "in the answer of {name}");
    }
    let processes = app.processes();
    assert!(!processes.is_empty(), "the app is a child of its driver");
    for id in processes {
        for file in ["cmdline", "environ"] {
            let text = std::fs::read(format!("/proc/{id}/{file}")).unwrap();
            assert!(!String::from_utf8_lossy(&text).contains(SECRET), "in {file}");
        }
    }
}
