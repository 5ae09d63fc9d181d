//! What is seen of the work outside of the page: the window's title, the bar on the task bar, the tray; and that the
//! computer stays awake.

use std::sync::Arc;

use api::Api;
use tauri::{
    AppHandle, Manager as _,
    window::{ProgressBarState, ProgressBarStatus},
};
use tokio::sync::{Mutex, watch};

use crate::{
    Desktop, WINDOW,
    inhibit::Inhibitor,
    work::{Picture, State},
};

/// The title when nothing goes on.
const TITLE: &str = "Image Syncer";

/// The tray, and whether the window is in it.
#[derive(Default)]
pub(crate) struct Outside {
    #[cfg(target_os = "linux")]
    tray: Mutex<crate::tray::Tray>,
}

/// Shows every change from here on.
pub(crate) fn follow(app: &AppHandle, mut pictures: watch::Receiver<Picture>) {
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        let mut inhibitor = Inhibitor::default();
        let mut title = TITLE.to_owned();
        loop {
            let picture = pictures.borrow_and_update().clone();
            show_in_window(&app, &picture, &mut title);
            let tongue = app.state::<Arc<Api<Desktop>>>().tongue();
            inhibitor.set(picture.is_moving(), &tongue.text("tray_awake", &[])).await;
            app.state::<Outside>().show_in_tray(&app, &picture).await;
            if pictures.changed().await.is_err() {
                return;
            }
        }
    });
}

fn show_in_window(app: &AppHandle, picture: &Picture, title: &mut String) {
    // it is not there yet at the very start
    let Some(window) = app.get_webview_window(WINDOW) else { return };
    let now = title_of(picture);
    if now == *title {
        return;
    }
    let bar = bar_of(picture);
    for done in [window.set_title(&now), window.set_progress_bar(bar)] {
        if let Err(error) = done {
            tracing::warn!("the window could not show the progress: {error}");
        }
    }
    *title = now;
}

fn title_of(picture: &Picture) -> String {
    match &picture.current {
        None => TITLE.into(),
        Some(run) => {
            let percent = run.percent.map(|percent| format!("{percent} % · ")).unwrap_or_default();
            format!("{percent}{} — {TITLE}", run.name)
        }
    }
}

fn bar_of(picture: &Picture) -> ProgressBarState {
    let Some(run) = &picture.current else {
        return ProgressBarState { status: Some(ProgressBarStatus::None), progress: None };
    };
    let status = match (run.state, run.percent) {
        (State::Paused, _) => ProgressBarStatus::Paused,
        (_, None) => ProgressBarStatus::Indeterminate,
        (_, Some(_)) if run.failed > 0 => ProgressBarStatus::Error,
        _ => ProgressBarStatus::Normal,
    };
    ProgressBarState { status: Some(status), progress: run.percent.map(u64::from) }
}

#[cfg(target_os = "linux")]
impl Outside {
    /// There is an icon while the user wants one, and while the window is in the tray.
    async fn show_in_tray(&self, app: &AppHandle, picture: &Picture) {
        let api = app.state::<Arc<Api<Desktop>>>().inner().clone();
        let mut tray = self.tray.lock().await;
        if api.goes_on_in_tray() || is_hidden(app) {
            let shown = tray.show(app, api.tongue(), picture).await;
            if !shown && is_hidden(app) {
                crate::show(app);
            }
        } else {
            tray.hide().await;
        }
    }

    /// Whether the desktop shows icons in a tray.
    pub(crate) async fn has_tray(&self, app: &AppHandle) -> bool {
        let api = app.state::<Arc<Api<Desktop>>>().inner().clone();
        let picture = api.host().pictures().borrow().clone();
        let mut tray = self.tray.lock().await;
        let shown = tray.show(app, api.tongue(), &picture).await;
        if !api.goes_on_in_tray() {
            tray.hide().await;
        }
        shown
    }

    /// Leaves the run going without the window; false where there is no tray to find it again.
    pub(crate) async fn hide_in_tray(&self, app: &AppHandle) -> bool {
        let api = app.state::<Arc<Api<Desktop>>>().inner().clone();
        let picture = api.host().pictures().borrow().clone();
        let mut tray = self.tray.lock().await;
        if !tray.show(app, api.tongue(), &picture).await {
            return false;
        }
        let Some(window) = app.get_webview_window(WINDOW) else { return false };
        window.hide().inspect_err(|error| tracing::warn!("the window stays: {error}")).is_ok()
    }
}

#[cfg(not(target_os = "linux"))]
impl Outside {
    #[expect(clippy::unused_async, reason = "as where there is a tray")]
    async fn show_in_tray(&self, _: &AppHandle, _: &Picture) {}

    #[expect(clippy::unused_async, reason = "as where there is a tray")]
    pub(crate) async fn has_tray(&self, _: &AppHandle) -> bool {
        false
    }

    #[expect(clippy::unused_async, reason = "as where there is a tray")]
    pub(crate) async fn hide_in_tray(&self, _: &AppHandle) -> bool {
        false
    }
}

#[cfg(target_os = "linux")]
fn is_hidden(app: &AppHandle) -> bool {
    app.get_webview_window(WINDOW)
        .is_some_and(|window| window.is_visible().is_ok_and(|visible| !visible))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::work::Run;

    #[test]
    fn the_title_tells_the_run_and_how_far_it_is() {
        let run = |percent| Run {
            id: "1".into(),
            name: "Team".into(),
            state: State::Running,
            percent,
            failed: 0,
        };
        let picture = |run| Picture { current: Some(run), ..Picture::default() };
        assert_eq!(title_of(&Picture::default()), "Image Syncer");
        assert_eq!(title_of(&picture(run(None))), "Team — Image Syncer");
        assert_eq!(title_of(&picture(run(Some(7)))), "7 % · Team — Image Syncer");
        assert!(matches!(
            bar_of(&picture(run(None))).status,
            Some(ProgressBarStatus::Indeterminate)
        ));
        let paused = Run { state: State::Paused, ..run(Some(7)) };
        assert!(matches!(bar_of(&picture(paused)).status, Some(ProgressBarStatus::Paused)));
        assert!(matches!(bar_of(&Picture::default()).status, Some(ProgressBarStatus::None)));
    }
}
