//! The end of the app. While something is being copied, closing the window asks first, or leaves the run going in the
//! tray where the user wants that and the desktop has one; whatever ends the app, a run is cancelled cleanly before:
//! nothing is half-tagged.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use api::Api;
use tauri::{AppHandle, CloseRequestApi, Manager as _};
use tauri_plugin_dialog::{
    DialogExt as _, MessageDialogButtons, MessageDialogKind, MessageDialogResult,
};

use crate::{Desktop, WINDOW, outside::Outside};

/// How long a run may take to end.
const LIMIT: Duration = Duration::from_secs(10);

/// Whether the question stands: it is asked once, however often the window is closed meanwhile.
static ASKING: AtomicBool = AtomicBool::new(false);

/// The window is to be closed.
pub(crate) fn on_request(app: &AppHandle, request: &CloseRequestApi) {
    let api = app.state::<Arc<Api<Desktop>>>().inner().clone();
    if !api.is_copying() {
        return;
    }
    request.prevent_close();
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        let outside = app.state::<Outside>();
        if api.goes_on_in_tray() && outside.hide_in_tray(&app).await {
            return;
        }
        ask(&app, outside.has_tray(&app).await);
    });
}

/// From the tray: ends the app, with the same question.
pub(crate) fn quit(app: &AppHandle) {
    if app.state::<Arc<Api<Desktop>>>().is_copying() {
        crate::show(app);
        ask(app, false);
    } else {
        end(app, 0);
    }
}

/// Asks what becomes of the run. The tray is offered where there is one.
fn ask(app: &AppHandle, tray: bool) {
    if ASKING.swap(true, Ordering::Relaxed) {
        return;
    }
    let tongue = app.state::<Arc<Api<Desktop>>>().tongue();
    let text = |key: &str| tongue.text(key, &[]);
    let (yes, in_tray) = (text("quit_yes"), text("quit_tray"));
    let buttons = if tray {
        MessageDialogButtons::YesNoCancelCustom(in_tray.clone(), yes.clone(), text("quit_no"))
    } else {
        MessageDialogButtons::OkCancelCustom(yes.clone(), text("quit_no"))
    };
    let mut question = app
        .dialog()
        .message(text("quit_text"))
        .title(text("quit_title"))
        .kind(MessageDialogKind::Warning)
        .buttons(buttons);
    if let Some(window) = app.get_webview_window(WINDOW) {
        question = question.parent(&window);
    }
    let app = app.clone();
    question.show_with_result(move |answer| {
        ASKING.store(false, Ordering::Relaxed);
        let is = |text: &str| matches!(&answer, MessageDialogResult::Custom(said) if said == text);
        if is(&yes) || (!tray && answer == MessageDialogResult::Ok) {
            end(&app, 0);
        } else if is(&in_tray) {
            tauri::async_runtime::spawn(async move {
                app.state::<Outside>().hide_in_tray(&app).await;
            });
        }
    });
}

/// SIGINT and SIGTERM end the app as they end the headless program.
pub(crate) fn on_signals(app: &AppHandle) {
    #[cfg(unix)]
    for (kind, code) in [
        (tokio::signal::unix::SignalKind::interrupt(), 130),
        (tokio::signal::unix::SignalKind::terminate(), 143),
    ] {
        let app = app.clone();
        tauri::async_runtime::spawn(async move {
            match tokio::signal::unix::signal(kind) {
                Ok(mut signal) => {
                    signal.recv().await;
                    end(&app, code);
                }
                Err(error) => tracing::warn!("a signal can't be awaited: {error}"),
            }
        });
    }
    #[cfg(not(unix))]
    let _ = app;
}

/// Cancels what goes on, waits for its end, and ends the app.
fn end(app: &AppHandle, code: i32) {
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        let api = app.state::<Arc<Api<Desktop>>>().inner().clone();
        api.stop(LIMIT).await;
        app.exit(code);
    });
}
