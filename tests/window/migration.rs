//! The whole story of someone who moves: where only docker knows logins, from the first launch to a report in a file.
//! The app is killed in the middle. Once with the mouse, and once by keys alone.

use std::collections::BTreeSet;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use testkit::Relay;

use crate::{
    app::App,
    desktop::{Bus, Desktop},
    dialogs::dialog,
    docker_registry::{DockerRegistry, Setup},
    hand::Hand,
    world,
};

const USER: &str = "mover";
const SECRET: &str = "CANARY-41dd-secret";
/// Bytes per second from the source: so slow that the app can be killed while some is there and some is not.
const SLOW: u64 = 60_000;

#[tokio::test(flavor = "multi_thread")]
async fn from_dockers_logins_to_a_report_with_the_mouse() {
    move_in(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn from_dockers_logins_to_a_report_by_keys_alone() {
    move_in(true).await;
}

async fn move_in(keys: bool) {
    let mut desktop = Desktop::start(Bus::Bare);
    desktop.window_manager();
    desktop.keyring(true).await;
    let mut notifications = desktop.notifications().await;
    let setup = Setup { login: Some((USER, SECRET)), tls: true, ..Setup::default() };
    let (from, to) = (DockerRegistry::with(&setup), DockerRegistry::with(&setup));
    world::fill_as(&from, USER, SECRET).await;
    let relay = Relay::start(&from.host().replace("localhost", "127.0.0.1")).await.unwrap();
    let source = relay.host().replace("127.0.0.1", "localhost");
    let destination = to.host();
    let login = json!({ "auth": BASE64_STANDARD.encode(format!("{USER}:{SECRET}")) });
    let config = json!({ "auths": { &source: login, &destination: login } });
    std::fs::create_dir_all(desktop.path(".docker")).unwrap();
    std::fs::write(desktop.path(".docker/config.json"), config.to_string()).unwrap();
    let picture = |step: &str| format!("move-{}-{step}", if keys { "keys" } else { "mouse" });

    // first launch: docker's logins become accounts
    let app = App::start(&desktop).await;
    app.always_notify().await;
    let hand = Hand::new(&desktop, &app, keys);
    hand.press("home-logins").await;
    app.find("login").await;
    app.picture(&picture("1-logins")).await;
    hand.press("logins-take").await;
    let accounts = app
        .until_answer("accounts.list", json!(null), |list| {
            list.as_array().is_some_and(|list| list.len() == 2)
        })
        .await;

    // both show a certificate that nobody vouches for
    for account in accounts.as_array().unwrap() {
        hand.go("accounts", 2).await;
        hand.press_css(&format!("[data-testid='account-edit'][data-id={}]", account["id"])).await;
        hand.press("account-test").await;
        hand.press("check-trust").await;
        app.find("trust-facts").await;
        app.picture(&picture("2-trust")).await;
        hand.press("trust-go").await;
        app.until_attribute("account-check-result", "data-state", "passed").await;
        hand.press("account-save").await;
        app.until("the sheet gone", || async {
            (!app.is_there("account-sheet").await).then_some(())
        })
        .await;
    }

    // look around, and collect a set
    hand.go("browse", 3).await;
    hand.choose("browse-account", &source).await;
    hand.open_row("team/app").await;
    app.find_css("[data-testid='browse-row'][data-name='latest']").await;
    for repository in ["team/app", "team/tool"] {
        hand.tick_row(repository).await;
    }
    app.picture(&picture("3-browse")).await;
    hand.press("selection-add").await;
    app.find("set-rule").await;
    hand.press("set-destination").await;
    hand.choose("destination-account", &destination).await;
    hand.tick("mapping-prefix").await;
    hand.fill("mapping-text", "moved").await;
    app.find_css("[data-testid='pair']").await;
    app.picture(&picture("4-set")).await;
    hand.press("set-compare").await;
    app.until_attribute("plan-summary", "data-state", "ready").await;
    assert_eq!(app.attribute("plan-summary", "data-copy").await, "4");

    // the app is killed when some is there
    relay.set_throttle(Some(SLOW));
    hand.press("plan-start").await;
    app.until("a blob that is there", || async { (!uploads(&to).is_empty()).then_some(()) }).await;
    app.picture(&picture("5-run")).await;
    let [id] = app.processes()[..] else { panic!("one process is expected") };
    let killed = std::process::Command::new("kill").args(["-s", "KILL", &id.to_string()]).status();
    assert!(killed.unwrap().success());
    drop(app);
    let before: BTreeSet<_> = uploads(&to).into_iter().collect();
    relay.set_throttle(None);
    assert!(notifications.is_empty(), "nobody was there to tell of an end");

    // it offers to go on, and what is there is not copied again
    let app = App::start(&desktop).await;
    let hand = Hand::new(&desktop, &app, keys);
    app.find("interrupted").await;
    let told = "Interrupted before it was done";
    app.until("how the profile's last run ended", || async {
        app.text().await.contains(told).then_some(())
    })
    .await;
    app.picture(&picture("6-interrupted")).await;
    to.clear_requests();
    hand.press("interrupted-continue").await;
    let notice = notifications.next().await;
    assert!(notice.title.ends_with(": finished"), "{notice:?}");
    let again: Vec<_> = uploads(&to).into_iter().filter(|it| before.contains(it)).collect();
    // the config of an image that is not there goes out with the request that would ask for it, and may go twice
    assert!(again.len() <= 1, "copied twice: {again:?}");
    for (name, moved) in world::IMAGES.map(|name| (name, format!("moved/{name}"))) {
        let login = Some((USER, SECRET));
        let here = world::raw(format!("{}/{name}", from.host()), login).await.unwrap();
        let there = world::raw(format!("{destination}/{moved}"), login).await.unwrap();
        assert!(!here.is_empty() && here == there, "{name} differs");
    }

    // the notification leads to the run, wherever one is
    hand.go("settings", 8).await;
    app.find("settings-version").await;
    notifications.click(notice.id, "default").await;
    app.find("run-result").await;
    app.picture(&picture("7-done")).await;

    // from the history to a report in a file
    hand.go("history", 7).await;
    hand.press_css("[data-testid='history-run'] a, a[data-testid='history-run']").await;
    app.find("run-result").await;
    hand.menu("run-report", "export-json").await;
    let file = desktop.path("report.json");
    dialog(&desktop, &app, "Save File", "ctrl+a", file.to_str().unwrap()).await;
    let read =
        || async { std::fs::read(&file).ok().and_then(|it| serde_json::from_slice(&it).ok()) };
    let report: Value = app.until("the report", read).await;
    let count = |name: &str| report["totals"][name].as_u64().unwrap();
    assert_eq!((count("copied") + count("skipped"), count("failed")), (4, 0), "{report}");
    app.picture(&picture("8-history")).await;
    assert!(!report.to_string().contains(SECRET));
    app.stop().await;
}

/// The uploads that brought a blob, as repository and digest: a shared blob that one repository has may still be brought
/// to another, if that one asks first. What the killed app had begun to close is logged too, but not as created.
fn uploads(registry: &DockerRegistry) -> Vec<(String, String)> {
    let closed = |(line, status): (String, u16)| {
        let (repository, upload) = line.strip_prefix("PUT /v2/")?.split_once("/blobs/uploads/")?;
        let digest = upload.split_once("digest=")?.1;
        (status == 201).then(|| (repository.to_owned(), digest.to_owned()))
    };
    registry.answers().into_iter().filter_map(closed).collect()
}
