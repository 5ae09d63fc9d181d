//! Notifications of the desktop, with buttons where it has them; a click leads to what they are about.

use std::{sync::Arc, time::Duration};

use api::{
    Api,
    dto::AppEvent,
    notice::{Notice, Target},
};
use notify_rust::NotificationResponse;
use serde_json::json;
use tauri::{AppHandle, Manager as _};

use crate::Desktop;

/// The button that tries again what failed.
const RETRY: &str = "retry";

/// How long a click is waited for: there are desktops that never say that a notification is gone.
const PATIENCE: Duration = Duration::from_hours(4);

/// Shows a notification. The error says why it could not be.
pub(crate) async fn show(app: &AppHandle, notice: Notice) -> Result<(), String> {
    let mut shown = notify_rust::Notification::new();
    shown
        .appname("Image Syncer")
        .icon("image-syncer-desktop")
        .summary(&notice.title)
        .body(&escaped(&notice.body));
    let buttons = has_buttons().await;
    if buttons {
        shown.action("default", &notice.show).action("show", &notice.show);
        if let Some((_, text)) = &notice.retry {
            shown.action(RETRY, text);
        }
    }
    let handle = shown.show_async().await.map_err(|error| error.to_string())?;
    if buttons {
        let app = app.clone();
        tauri::async_runtime::spawn(async move {
            let mut clicked = None;
            let waiting = handle.wait_for_action_async(|response| clicked = Some(response.clone()));
            // a notification that nobody has clicked is no failure
            let _ = tokio::time::timeout(PATIENCE, waiting).await;
            match clicked {
                Some(NotificationResponse::Action(key)) if key == RETRY => {
                    retry(&app, notice).await;
                }
                Some(NotificationResponse::Default | NotificationResponse::Action(_)) => {
                    open(&app, &notice.target);
                }
                _ => {}
            }
        });
    }
    Ok(())
}

/// Brings the window to the front, at what was clicked.
pub(crate) fn open(app: &AppHandle, target: &Target) {
    crate::show(app);
    tell(app, target.event());
}

fn tell(app: &AppHandle, event: AppEvent) {
    use api::Host as _;
    app.state::<Arc<Api<Desktop>>>().host().emit(event);
}

async fn retry(app: &AppHandle, notice: Notice) {
    let Some((run, _)) = notice.retry else { return };
    let api = app.state::<Arc<Api<Desktop>>>().inner().clone();
    match api.call("runs.retry", json!({ "id": run, "images": null })).await {
        Ok(begun) => {
            let id = begun["id"].as_str().unwrap_or(&run).to_owned();
            open(app, &Target::Run(id));
        }
        // the run's own screen says what can be done
        Err(error) => {
            tracing::warn!("what had failed could not be tried again: {}", error.message);
            open(app, &Target::Run(run));
        }
    }
}

async fn has_buttons() -> bool {
    let asked = tokio::task::spawn_blocking(notify_rust::get_capabilities).await;
    matches!(asked, Ok(Ok(capabilities)) if capabilities.iter().any(|each| each == "actions"))
}

/// Notification servers read some markup in the body.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
