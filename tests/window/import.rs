//! The original image-syncer's files, opened in the window.

use serde_json::json;

use crate::{
    app::App,
    desktop::{Bus, Desktop},
    docker_registry::{DockerRegistry, Setup},
    world,
};

const SECRET: &str = "CANARY-98de-secret";

#[tokio::test(flavor = "multi_thread")]
async fn files_become_a_profile_and_accounts() {
    let mut desktop = Desktop::start(Bus::Bare);
    desktop.keyring(true).await;
    let source = DockerRegistry::start();
    let destination =
        DockerRegistry::with(&Setup { login: Some(("me", SECRET)), ..Setup::default() });
    world::fill(&source).await;
    let (images, auth) = (desktop.path("files/images.yaml"), desktop.path("files/auth.yaml"));
    std::fs::create_dir_all(desktop.path("files")).unwrap();
    std::fs::write(
        &images,
        format!(
            "{0}/team/app:/^1/: {1}/mirror/app\n{0}/team/tool:2.0:\n  - {1}/mirror/tool\n",
            source.host(),
            destination.host()
        ),
    )
    .unwrap();
    std::fs::write(
        &auth,
        format!(
            "{}:\n  username: me\n  password: {SECRET}\n  insecure: true\n{}:\n  insecure: true\n",
            destination.host(),
            source.host()
        ),
    )
    .unwrap();

    let app = App::start(&desktop).await;
    app.click("home-import").await;
    app.fill("import-images", &images.display().to_string()).await;
    app.fill("import-auth", &auth.display().to_string()).await;
    app.fill("import-name", "From files").await;
    app.click("import-start").await;
    app.find("import-report").await;
    app.picture("import-report").await;

    let accounts = app.rpc("accounts.list", json!(null)).await.unwrap();
    let account =
        accounts.as_array().unwrap().iter().find(|a| a["address"] == destination.host()).unwrap();
    assert_eq!((&account["username"], &account["secretIn"]), (&json!("me"), &json!("keyring")));
    assert_eq!(desktop.secret(account["id"].as_str().unwrap()).as_deref(), Some(SECRET));
    let elsewhere: Vec<_> =
        desktop.files_with(SECRET).into_iter().filter(|path| *path != auth).collect();
    assert_eq!(elsewhere, Vec::<std::path::PathBuf>::new(), "only where the user has it");
    assert!(!app.page_content().await.contains(SECRET) && !app.log().contains(SECRET));

    app.click("import-compare").await;
    app.until_attribute("plan-summary", "data-state", "ready").await;
    assert_eq!(app.attribute("plan-summary", "data-copy").await, "3");
    app.click("plan-start").await;
    app.find_css("[data-testid='run-result'][data-copied='3'][data-failed='0']").await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_file_is_told_with_its_place() {
    let desktop = Desktop::start(Bus::Bare);
    let images = desktop.path("images.yaml");
    std::fs::write(&images, "quay.io/a/b: r.example.com/a/b\nquay.io/a/c: [\n").unwrap();
    let app = App::start(&desktop).await;
    app.go("#/import").await;
    app.fill("import-images", &images.display().to_string()).await;
    app.click("import-start").await;
    let code = app.find("error-code").await.text().await.unwrap();
    assert!(code.contains("config.invalid"), "{code}");
    assert!(app.text().await.contains("images.yaml:"), "{}", app.text().await);
    app.picture("import-broken").await;
    let profiles = app.rpc("profiles.list", json!(null)).await.unwrap();
    assert_eq!(profiles, json!([]));
    app.stop().await;
}
