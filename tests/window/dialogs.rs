//! The system's file dialogs, worked by the keyboard.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    app::App,
    desktop::{Bus, Desktop},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_picked_and_a_report_is_saved() {
    let mut desktop = Desktop::start(Bus::Bare);
    desktop.window_manager();
    let images = desktop.path("images.yaml");
    std::fs::write(&images, "quay.io/a/b: r.example.com/a/b\n").unwrap();
    let app = App::start(&desktop).await;

    app.go("#/import").await;
    app.click("import-images-pick").await;
    dialog(&desktop, &app, "Open File", "ctrl+l", images.to_str().unwrap()).await;
    let picked = || async {
        let field = app.find("import-images").await;
        field.prop("value").await.ok().flatten().filter(|value| !value.is_empty())
    };
    assert_eq!(app.until("the path in the field", picked).await, images.display().to_string());

    // changing one's mind is no error
    app.click("import-auth-pick").await;
    app.until("the dialog", || async { desktop.has_window("Open File").then_some(()) }).await;
    desktop.keys(&["Escape"]);
    app.until("no dialog", || async { (!desktop.has_window("Open File")).then_some(()) }).await;
    assert!(!app.is_there("error-code").await);

    app.rpc("demo.start", json!(null)).await.unwrap();
    app.go("#/compare/demo").await;
    app.click("profile-compare").await;
    app.click("plan-start").await;
    app.click("run-report").await;
    app.click("export-json").await;
    let report = desktop.path("report.json");
    dialog(&desktop, &app, "Save File", "ctrl+a", report.to_str().unwrap()).await;
    let saved = || async {
        std::fs::read(&report).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok())
    };
    let saved: Value = app.until("the report", saved).await;
    assert_eq!(saved["totals"]["copied"], json!(7));
    app.stop().await;
}

/// Types a path into a dialog and confirms it. `field` goes to the field for it and selects what is in there.
pub(crate) async fn dialog(desktop: &Desktop, app: &App, title: &str, field: &str, path: &str) {
    app.until(title, || async { desktop.has_window(title).then_some(()) }).await;
    desktop.focus(title);
    desktop.keys(&[field]);
    desktop.type_text(path);
    app.until(&format!("no {title}"), || async {
        // the first one may only take a completion
        desktop.keys(&["Return"]);
        tokio::time::sleep(Duration::from_millis(500)).await;
        (!desktop.has_window(title)).then_some(())
    })
    .await;
}
