//! The demo without a mouse: Tab, Enter and the shortcuts alone, pressed as the hardware would.

use crate::{
    app::App,
    desktop::{Bus, Desktop},
    hand::Hand,
};

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_by_keys_alone() {
    let mut desktop = Desktop::start(Bus::Bare);
    desktop.window_manager();
    let app = App::start(&desktop).await;
    let hand = Hand::new(&desktop, &app, true);
    hand.tab_to("[data-testid='home-try-demo']").await;
    app.picture("keyboard-1-focus").await;
    desktop.keys(&["Return"]);
    hand.press("profile-compare").await;
    app.until_attribute("plan-summary", "data-state", "ready").await;
    hand.press("plan-start").await;
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
