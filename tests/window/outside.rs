//! What the desktop shows of the app: notifications with buttons, the tray, and that the computer stays awake.

use std::io::Read as _;

use serde_json::json;
use testkit::{Fault, Image, Kind, Layer, Registry};

use crate::{
    app::App,
    desktop::{Bus, Desktop},
    quit::slow_run,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_click_on_a_notification_shows_the_run_and_its_button_tries_again() {
    let desktop = Desktop::start(Bus::Bare);
    let mut notifications = desktop.notifications().await;
    let source = Registry::start().await;
    let destination = Registry::start().await;
    source.push("team/app", "1", &Image::single("linux/amd64", [Layer::random(1, 1000)]));
    let refused = destination.fault(Fault::on(Kind::Manifest).put().always().status(403));
    let app = App::start(&desktop).await;
    app.always_notify().await;
    for registry in [&source, &destination] {
        let draft = json!({ "id": null, "name": "", "address": registry.host(), "username": "", "secret": null,
            "insecure": true, "caFile": null });
        app.rpc("accounts.save", draft).await.unwrap();
    }
    let profile = json!({ "id": "", "name": "Team", "os": [], "arch": [], "overwrite": "differing",
        "attestations": "keep", "referrers": false,
        "rules": [{ "source": format!("{}/team/app:1", source.host()),
            "destinations": [format!("{}/team/app", destination.host())] }] });
    let profile = app.rpc("profiles.save", profile).await.unwrap();
    let run =
        app.rpc("runs.start", json!({ "profileId": profile["id"], "skip": [] })).await.unwrap();
    let notice = notifications.next().await;
    assert_eq!(notice.title, "Team: finished with failures");
    assert_eq!(notice.actions, ["default", "Show", "show", "Show", "retry", "Retry failed"]);
    assert!(refused.fired() > 0);

    // the click leads to the run, wherever the page is
    app.go("#/settings").await;
    app.find("settings-version").await;
    notifications.click(notice.id, "default").await;
    app.find_css("[data-testid='run-result'][data-failed='1']").await;
    let id = run["id"].as_str().unwrap();
    let address = app.page.execute("return location.hash", vec![]).await.unwrap();
    assert_eq!(address, json!(format!("#/run/{id}")));

    // the second run's button tries again what failed, and shows that
    app.click("run-retry").await;
    let again = notifications.next().await;
    assert_eq!(again.title, "Team: finished with failures");
    destination.clear_faults();
    app.go("#/settings").await;
    app.find("settings-version").await;
    notifications.click(again.id, "retry").await;
    app.find_css("[data-testid='run-result'][data-copied='1'][data-failed='0']").await;
    assert_eq!(destination.tags("team/app"), ["1"]);
    assert_eq!(notifications.next().await.title, "Team: finished");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_computer_stays_awake_while_bytes_move_and_no_longer() {
    let desktop = Desktop::start(Bus::Bare);
    let mut login = desktop.login().await;
    let app = App::start(&desktop).await;
    let (_source, _destination) = slow_run(&app).await;
    let ([what, who, _, mode], mut held) = login.next().await;
    assert_eq!(
        (what.as_str(), who.as_str(), mode.as_str()),
        ("sleep:idle", "Image Syncer", "block")
    );

    // it is let go with the pause, asked for again after it, and let go at the end
    let runs = app.rpc("runs.list", json!(null)).await.unwrap();
    let id = json!({ "id": runs[0]["id"] });
    app.rpc("runs.pause", id.clone()).await.unwrap();
    until_closed(&mut held).await;
    app.rpc("runs.resume", id.clone()).await.unwrap();
    let (_, mut held) = login.next().await;
    app.rpc("runs.cancel", id).await.unwrap();
    until_closed(&mut held).await;
    app.stop().await;
}

/// Nothing is ever written: the end is when the app has closed its file.
async fn until_closed(held: &mut std::os::unix::net::UnixStream) {
    held.set_read_timeout(Some(std::time::Duration::from_secs(20))).unwrap();
    let mut held = held.try_clone().unwrap();
    let read = tokio::task::spawn_blocking(move || held.read(&mut [0])).await.unwrap();
    assert_eq!(read.expect("it is still held"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_tray_the_window_goes_there_and_the_run_goes_on() {
    let mut desktop = Desktop::start(Bus::Bare);
    desktop.window_manager();
    let mut tray = desktop.tray().await;
    let app = App::start(&desktop).await;
    let mut settings = app.rpc("settings.get", json!(null)).await.unwrap();
    settings["tray"] = json!(true);
    app.rpc("settings.set", settings).await.unwrap();
    let item = tray.next().await;
    let (_source, _destination) = slow_run(&app).await;
    app.until("the run in the title", || async {
        desktop.title().ends_with("Slow — Image Syncer").then_some(())
    })
    .await;

    app.until("no window", || async {
        desktop.focus("Image Syncer");
        desktop.keys(&["alt+F4"]);
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        (!desktop.has_window("Image Syncer")).then_some(())
    })
    .await;
    let runs = app.rpc("runs.list", json!(null)).await.unwrap();
    assert_eq!(runs[0]["endedAt"], json!(null), "it goes on");

    // a click on the icon brings the window back
    tray.connection
        .call_method(
            Some(item.as_str()),
            "/StatusNotifierItem",
            Some("org.kde.StatusNotifierItem"),
            "Activate",
            &(0, 0),
        )
        .await
        .unwrap();
    app.until("the window", || async { desktop.has_window("Image Syncer").then_some(()) }).await;
    app.rpc("runs.cancel", json!({ "id": runs[0]["id"] })).await.unwrap();
    app.until("the run's end in the title", || async {
        (desktop.title() == "Image Syncer").then_some(())
    })
    .await;
    app.stop().await;
}
