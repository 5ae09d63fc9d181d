//! Quitting while images are being copied.

use std::time::{Duration, Instant};

use serde_json::json;
use testkit::{Image, Layer, Registry};

use crate::{
    app::App,
    desktop::{Bus, Desktop},
};

/// A source so slow that a run lasts for minutes, and a profile that copies from it.
pub(crate) async fn slow_run(app: &App) -> (Registry, Registry) {
    let source = Registry::builder().throttle(20_000).start().await;
    let destination = Registry::start().await;
    source.push("team/big", "1", &Image::single("linux/amd64", [Layer::random(1, 4_000_000)]));
    for registry in [&source, &destination] {
        let draft = json!({ "id": null, "name": "", "address": registry.host(), "username": "", "secret": null,
            "insecure": true, "caFile": null });
        app.rpc("accounts.save", draft).await.unwrap();
    }
    let profile = json!({ "id": "", "name": "Slow", "os": [], "arch": [], "overwrite": "differing",
        "attestations": "keep", "referrers": false,
        "rules": [{ "source": format!("{}/team/big:1", source.host()),
            "destinations": [format!("{}/team/big", destination.host())] }] });
    let profile = app.rpc("profiles.save", profile).await.unwrap();
    let run = app.rpc("runs.start", json!({ "profileId": profile["id"] })).await.unwrap();
    app.until_answer("runs.snapshot", json!({ "id": run["id"] }), |snapshot| {
        snapshot["totals"]["bytesInFlight"].as_u64() > Some(0)
    })
    .await;
    (source, destination)
}

/// Closes the window as a user does, until the question stands.
pub(crate) async fn close(desktop: &Desktop, app: &App) {
    app.until("the question", || async {
        desktop.focus("Image Syncer");
        desktop.keys(&["alt+F4"]);
        tokio::time::sleep(Duration::from_millis(500)).await;
        desktop.has_window("Images are being copied").then_some(())
    })
    .await;
    desktop.focus("Images are being copied");
}

async fn until_ended(app: &App) {
    let until = Instant::now() + Duration::from_secs(12);
    while !app.processes().is_empty() {
        assert!(Instant::now() < until, "the app goes on\n{}", app.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// What the app remembers of the run when it is started again.
async fn ended_as_cancelled(desktop: &Desktop) {
    let app = App::start(desktop).await;
    let history = app
        .rpc("history.list", json!({ "before": null, "limit": 10, "profileId": null }))
        .await
        .unwrap();
    let [run] = &history["runs"].as_array().unwrap()[..] else { panic!("{history}") };
    assert_eq!((&run["result"], &run["totals"]["cancelled"]), (&json!("cancelled"), &json!(1)));
    assert_ne!(run["endedAt"], json!(null));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_the_window_asks_and_cancels_cleanly() {
    let mut desktop = Desktop::start(Bus::Bare);
    desktop.window_manager();
    let app = App::start(&desktop).await;
    let (_source, destination) = slow_run(&app).await;

    close(&desktop, &app).await;
    desktop.keys(&["Escape"]);
    app.until("no question", || async {
        (!desktop.has_window("Images are being copied")).then_some(())
    })
    .await;
    let runs = app.rpc("runs.list", json!(null)).await.unwrap();
    assert_eq!(runs[0]["endedAt"], json!(null), "it goes on");

    close(&desktop, &app).await;
    desktop.keys(&["Return"]);
    until_ended(&app).await;
    assert_eq!(destination.tags("team/big"), Vec::<String>::new());
    ended_as_cancelled(&desktop).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_cancels_cleanly_without_a_question() {
    let desktop = Desktop::start(Bus::Bare);
    let app = App::start(&desktop).await;
    let (_source, destination) = slow_run(&app).await;
    let [id] = app.processes()[..] else { panic!("one process is expected") };
    let sent =
        std::process::Command::new("kill").args(["-s", "TERM", &id.to_string()]).status().unwrap();
    assert!(sent.success());
    until_ended(&app).await;
    assert_eq!(destination.tags("team/big"), Vec::<String>::new());
    ended_as_cancelled(&desktop).await;
}
