//! The shell itself: what the page may ask, a second start, broken files.

use std::process::Stdio;

use serde_json::json;

use crate::{
    app::{App, BINARY},
    desktop::{Bus, Desktop},
};

#[tokio::test(flavor = "multi_thread")]
async fn the_page_may_ask_two_things_only() {
    let desktop = Desktop::start(Bus::Bare);
    let app = App::start(&desktop).await;
    app.rpc("app.info", json!(null)).await.unwrap();
    for command in [
        "plugin:dialog|open",
        "plugin:dialog|message",
        "plugin:event|listen",
        "plugin:window|close",
        "plugin:webview|internal_toggle_devtools",
        "plugin:path|resolve_directory",
        "plugin:app|version",
        "plugin:resources|close",
    ] {
        let error = app.invoke(command, json!({})).await.unwrap_err().to_string();
        assert!(error.contains("not allowed") || error.contains("not found"), "{command}: {error}");
    }
    // a command that breaks off or is unknown is answered
    let error = app.rpc("no.such", json!(null)).await.unwrap_err();
    assert_eq!(error["code"], "internal");
    // inline script and other origins are refused by the policy
    let script = "const done = arguments[0];
        const element = document.createElement('script');
        element.textContent = 'window.injected = true';
        document.body.append(element);
        fetch('http://127.0.0.1:9/').then(() => done('fetched'), () => done(String(window.injected)));";
    assert_eq!(app.page.execute_async(script, vec![]).await.unwrap(), "undefined");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_start_hands_over_to_the_first() {
    let desktop = Desktop::start(Bus::Bare);
    let app = App::start(&desktop).await;
    let mut second = desktop.command(BINARY);
    second.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let ended = tokio::task::spawn_blocking(move || second.status()).await.unwrap().unwrap();
    assert!(ended.success(), "{ended}");
    app.rpc("app.info", json!(null)).await.unwrap();
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_files_are_kept_and_told() {
    let desktop = Desktop::start(Bus::Bare);
    std::fs::create_dir_all(desktop.config()).unwrap();
    std::fs::write(desktop.config().join("accounts.json"), "{ broken").unwrap();
    let app = App::start(&desktop).await;
    let info = app.rpc("app.info", json!(null)).await.unwrap();
    assert_eq!(info["problems"][0]["code"], "config.invalid", "{info}");
    assert_eq!(
        std::fs::read_to_string(desktop.config().join("accounts.json.broken-1")).unwrap(),
        "{ broken"
    );
    app.stop().await;
}

#[test]
fn version_help_and_wrong_arguments_need_no_display() {
    let run = |arg: &str| {
        let out =
            std::process::Command::new(BINARY).arg(arg).env_remove("DISPLAY").output().unwrap();
        (
            out.status.code(),
            String::from_utf8(out.stdout).unwrap() + &String::from_utf8(out.stderr).unwrap(),
        )
    };
    let (code, text) = run("--version");
    assert_eq!(
        (code, text.trim()),
        (Some(0), concat!("image-syncer-desktop ", env!("CARGO_PKG_VERSION")))
    );
    let (code, text) = run("--help");
    assert!(code == Some(0) && text.contains("--demo"), "{text}");
    let (code, text) = run("--nonsense");
    assert!(code == Some(2) && text.contains("'--nonsense'"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_screen_with_twice_the_points_all_is_twice_as_large() {
    let mut desktop = Desktop::start_on(Bus::Bare, "2600x1760x24");
    desktop.set("GDK_SCALE", "2");
    let app = App::start(&desktop).await;
    let ratio = app.page.execute("return devicePixelRatio", vec![]).await.unwrap();
    assert_eq!(ratio, json!(2));
    app.rpc("demo.start", json!(null)).await.unwrap();
    for screen in ["home", "accounts", "browse", "profiles", "compare/demo", "history", "settings"]
    {
        app.go(&format!("#/{screen}")).await;
        let script = "return document.documentElement.scrollWidth <= innerWidth";
        let fits = app.page.execute(script, vec![]).await.unwrap();
        assert_eq!(fits, json!(true), "{screen} goes beyond the window");
    }
    app.go("#/home").await;
    app.find("home-try-demo").await;
    app.picture("scale-2").await;
    app.stop().await;
}
