//! Logins that fail.

use crate::{
    app::App,
    desktop::{Bus, Desktop},
    docker_registry::{DockerRegistry, Setup},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_told_at_the_step_that_fails() {
    let mut desktop = Desktop::start(Bus::Bare);
    desktop.keyring(true).await;
    let registry =
        DockerRegistry::with(&Setup { login: Some(("me", "right")), ..Setup::default() });
    let app = App::start(&desktop).await;
    app.click("nav-accounts").await;
    app.click("account-add").await;
    app.fill("account-address", &registry.host()).await;
    app.fill("account-username", "me").await;
    app.fill("account-secret", "CANARY-wrong").await;
    app.click("account-more").await;
    app.click("account-insecure").await;
    registry.clear_requests();
    app.click("account-test").await;
    app.until_attribute("account-check-result", "data-state", "failed").await;
    for (step, state) in [
        ("dns", "passed"),
        ("tcp", "passed"),
        ("tls", "warning"),
        ("registry", "passed"),
        ("login", "failed"),
        ("catalog", "skipped"),
    ] {
        assert_eq!(
            app.attribute(&format!("check-step-{step}"), "data-state").await,
            state,
            "{step}"
        );
    }
    app.show("check-step-catalog").await;
    app.picture("login-rejected").await;
    let code = app.find_css("[data-testid='check-step-login'] [data-testid='error-code']").await;
    assert_eq!(code.text().await.unwrap(), "[auth.rejected]");
    let requests = registry.requests();
    assert!(requests.len() < 10, "no guessing: {requests:?}");
    assert!(!app.log().contains("CANARY-wrong"));
    app.stop().await;
}
