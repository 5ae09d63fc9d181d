//! The Tauri shell: one window, two commands for its page (`rpc` and `subscribe`), and what the `api` crate needs of a
//! desktop. Everything else is in the crates, which know no window.

mod close;
mod host;
mod inhibit;
mod ipc;
mod log;
mod notices;
mod outside;
#[cfg(target_os = "linux")]
mod tray;
mod work;

use std::{process::ExitCode, sync::Arc};

use api::{Api, Host as _};
use tauri::{Manager as _, RunEvent, WebviewWindowBuilder, WindowEvent};
use tauri_plugin_window_state::StateFlags;

pub(crate) use host::Desktop;
use outside::Outside;

/// The one window, as it is called in `tauri.conf.json` and in the capability.
const WINDOW: &str = "main";

/// What the command line says.
#[derive(Clone, Copy, Debug, Default)]
pub struct Args {
    /// Begin with the demo.
    pub demo: bool,
}

/// Runs the app until its window is closed.
pub fn run(args: Args) -> ExitCode {
    log::start();
    #[expect(clippy::exit, reason = "in the macro, should it panic")]
    let context = tauri::generate_context!();
    let app = tauri::Builder::default()
        .plugin(tauri_plugin_single_instance::init(|app, _, _| show(app)))
        .plugin(tauri_plugin_dialog::init())
        .invoke_handler(tauri::generate_handler![ipc::rpc, ipc::subscribe])
        .setup(move |app| {
            let host = Desktop::new(app.handle().clone(), args)?;
            // beside our other files, not where the plugin would put it
            let remembered = host.window_file();
            let window_state = tauri_plugin_window_state::Builder::new()
                .with_filename(remembered)
                // not whether it is visible: in the tray it is not
                .with_state_flags(StateFlags::SIZE | StateFlags::POSITION | StateFlags::MAXIMIZED)
                .build();
            app.handle().plugin(window_state)?;
            let pictures = host.pictures();
            app.manage(Api::new(host));
            app.manage(Outside::default());
            outside::follow(app.handle(), pictures);
            close::on_signals(app.handle());
            // the window comes last: its page may ask at once
            let windows = app.config().app.windows.clone();
            for window in windows.iter().filter(|window| window.label == WINDOW) {
                WebviewWindowBuilder::from_config(app.handle(), window)?.build()?;
            }
            Ok(())
        })
        .build(context);
    let app = match app {
        Ok(app) => app,
        Err(error) => {
            tracing::error!("the app can't start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let code = app.run_return(|app, event| {
        if let RunEvent::WindowEvent { event: WindowEvent::CloseRequested { api, .. }, .. } = event
        {
            close::on_request(app, &api);
        }
    });
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}

/// Brings the window to the front: a second start hands over to the first, and the tray gives it back.
fn show(app: &tauri::AppHandle) {
    if let Some(window) = app.get_webview_window(WINDOW) {
        for done in [window.unminimize(), window.show(), window.set_focus()] {
            if let Err(error) = done {
                tracing::warn!("the window could not be shown: {error}");
            }
        }
    }
    // the icon in the tray may not be needed any more
    if let Some(api) = app.try_state::<Arc<Api<Desktop>>>() {
        api.host().settings_changed();
    }
}
