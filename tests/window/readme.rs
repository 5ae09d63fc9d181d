//! The pictures that README shows: the demo, light and dark (`make pictures` takes them).

use serde_json::json;

use crate::{
    app::App,
    desktop::{Bus, Desktop},
};

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_light_and_dark() {
    let mut desktop = Desktop::start(Bus::Bare);
    desktop.keyring(true).await;
    let app = App::start(&desktop).await;
    app.click("home-try-demo").await;
    app.click("profile-compare").await;
    app.until_attribute("plan-summary", "data-state", "ready").await;
    both(&app, "compare", "plan-summary").await;
    app.click("plan-start").await;
    app.until_attribute("run-phase", "data-phase", "done").await;
    both(&app, "run", "run-result").await;
    app.stop().await;
}

/// The screen that is open, in both themes.
async fn both(app: &App, name: &str, has: &str) {
    let here = app.page.execute("return location.hash", vec![]).await.unwrap();
    for theme in ["light", "dark"] {
        app.go("#/settings").await;
        app.click(&format!("settings-theme-{theme}")).await;
        let now = || app.page.execute("return document.documentElement.dataset.theme", vec![]);
        app.until(theme, || async { (now().await.unwrap() == json!(theme)).then_some(()) }).await;
        app.go(here.as_str().unwrap()).await;
        app.find(has).await;
        app.picture(&format!("readme-{name}-{theme}")).await;
    }
}
