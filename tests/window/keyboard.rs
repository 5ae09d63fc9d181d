//! The demo without a mouse: Tab, Enter and the shortcuts alone, pressed as the hardware would.

use std::time::Duration;

use crate::{
    app::App,
    desktop::{Bus, Desktop},
};

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_by_keys_alone() {
    let mut desktop = Desktop::start(Bus::Bare);
    desktop.window_manager();
    let app = App::start(&desktop).await;
    tab_to(&desktop, &app, "home-try-demo").await;
    app.picture("keyboard-1-focus").await;
    desktop.keys(&["Return"]);
    app.find("profile-compare").await;
    tab_to(&desktop, &app, "profile-compare").await;
    desktop.keys(&["Return"]);
    app.until_attribute("plan-summary", "data-state", "ready").await;
    tab_to(&desktop, &app, "plan-start").await;
    desktop.keys(&["Return"]);
    app.find_css("[data-testid='run-result'][data-copied='7'][data-failed='0']").await;

    // the sheet of shortcuts opens and closes
    desktop.keys(&["question"]);
    app.find("shortcuts").await;
    app.picture("keyboard-2-shortcuts").await;
    desktop.keys(&["Escape"]);
    app.until("the sheet gone", || async { (!app.is_there("shortcuts").await).then_some(()) })
        .await;
    app.stop().await;
}

/// Presses Tab until the element has the focus.
async fn tab_to(desktop: &Desktop, app: &App, id: &str) {
    let mut seen = Vec::new();
    for _ in 0..60 {
        let script = "const at = document.activeElement; return at && at.dataset.testid || String(at && at.tagName);";
        let focused = app.page.execute(script, vec![]).await.unwrap();
        if focused == id {
            return;
        }
        seen.push(focused);
        desktop.keys(&["Tab"]);
        // the key goes through the X server: there is nothing to await
        tokio::time::sleep(Duration::from_millis(60)).await;
    }
    app.picture("gave-up").await;
    panic!("{id} can't be reached by Tab; seen: {seen:?}");
}
