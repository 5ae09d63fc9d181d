//! The icon in the tray, by the desktops' own protocol (StatusNotifierItem): no library is needed, and where no desktop
//! listens there is none and the window stays.

mod shapes;

use std::time::Duration;

use api::{notice::Target, text::Tongue};
use ksni::{
    Handle, Icon, OfflineReason, ToolTip, TrayMethods as _,
    menu::{MenuItem, StandardItem},
};
use tauri::{AppHandle, Manager as _};
use tokio::time::timeout;

use crate::{
    WINDOW, close, notices,
    work::{Picture, Run, Shape, State},
};

/// How long the desktop may take to show it.
const PATIENCE: Duration = Duration::from_secs(2);

/// The icon, while there is one.
#[derive(Default)]
pub(crate) struct Tray {
    handle: Option<Handle<Item>>,
}

struct Item {
    app: AppHandle,
    tongue: Tongue,
    picture: Picture,
}

impl Tray {
    /// Shows the icon, changed or not; false where no desktop shows it.
    pub(crate) async fn show(
        &mut self,
        app: &AppHandle,
        tongue: Tongue,
        picture: &Picture,
    ) -> bool {
        if let Some(handle) = &self.handle {
            let updated = handle
                .update(|item| {
                    item.tongue = tongue;
                    item.picture = picture.clone();
                })
                .await;
            if updated.is_some() {
                return true;
            }
        }
        let item = Item { app: app.clone(), tongue, picture: picture.clone() };
        // a panel that hangs must not keep the window from being closed
        self.handle = match timeout(PATIENCE, item.spawn()).await {
            Ok(Ok(handle)) => Some(handle),
            Err(_) => {
                tracing::info!("no icon in the tray: the desktop does not answer");
                None
            }
            Ok(Err(error)) => {
                tracing::info!("no icon in the tray: {error}");
                None
            }
        };
        self.handle.is_some()
    }

    /// Takes it away.
    pub(crate) async fn hide(&mut self) {
        if let Some(handle) = self.handle.take() {
            handle.shutdown().await;
        }
    }
}

/// What goes on, in a line.
pub(crate) fn status(tongue: Tongue, picture: &Picture) -> String {
    let Some(run) = &picture.current else { return tongue.text("status_idle", &[]) };
    let key = if run.state == State::Paused { "status_paused" } else { "status_running" };
    let line = tongue.text(key, &[("name", &run.name)]);
    run.percent.map_or(line.clone(), |percent| format!("{line}, {percent} %"))
}

impl ksni::Tray for Item {
    fn id(&self) -> String {
        "image-syncer-desktop".into()
    }

    fn title(&self) -> String {
        "Image Syncer".into()
    }

    fn icon_pixmap(&self) -> Vec<Icon> {
        shapes::icons(self.picture.shape)
    }

    fn status(&self) -> ksni::Status {
        match self.picture.shape {
            Shape::Failed => ksni::Status::NeedsAttention,
            _ => ksni::Status::Active,
        }
    }

    fn attention_icon_pixmap(&self) -> Vec<Icon> {
        shapes::icons(self.picture.shape)
    }

    fn tool_tip(&self) -> ToolTip {
        ToolTip {
            title: "Image Syncer".into(),
            description: status(self.tongue, &self.picture),
            ..ToolTip::default()
        }
    }

    fn activate(&mut self, _: i32, _: i32) {
        crate::show(&self.app);
    }

    fn menu(&self) -> Vec<MenuItem<Self>> {
        let line = StandardItem {
            label: label(&status(self.tongue, &self.picture)),
            enabled: false,
            ..StandardItem::default()
        };
        let mut menu = vec![line.into()];
        if let Some(run) = &self.picture.current {
            let paused = run.state == State::Paused;
            let key = if paused { "run_resume" } else { "run_pause" };
            menu.push(self.item(key, move |item| item.pause(!paused)));
        }
        menu.push(MenuItem::Separator);
        for run in self.picture.current.iter().chain(&self.picture.ended) {
            menu.push(self.run(run));
        }
        menu.extend([
            MenuItem::Separator,
            self.item("tray_open", |item| crate::show(&item.app)),
            self.item("tray_quit", |item| close::quit(&item.app)),
        ]);
        menu
    }

    /// A window that is nowhere would be lost: it comes back.
    fn watcher_offline(&self, _: OfflineReason) -> bool {
        let hidden = self
            .app
            .get_webview_window(WINDOW)
            .is_some_and(|window| window.is_visible().is_ok_and(|seen| !seen));
        if hidden {
            crate::show(&self.app);
        }
        true
    }
}

impl Item {
    fn item(&self, key: &str, act: impl Fn(&mut Self) + Send + Sync + 'static) -> MenuItem<Self> {
        let label = label(&self.tongue.text(key, &[]));
        StandardItem { label, activate: Box::new(act), ..StandardItem::default() }.into()
    }

    fn run(&self, run: &Run) -> MenuItem<Self> {
        let key = match run.state {
            State::Running => "status_running",
            State::Paused => "status_paused",
            State::Ended if run.failed > 0 => "notify_failed_title",
            State::Ended => "status_done",
        };
        let target = Target::Run(run.id.clone());
        StandardItem {
            label: label(&self.tongue.text(key, &[("name", &run.name)])),
            activate: Box::new(move |item: &mut Self| notices::open(&item.app, &target)),
            ..StandardItem::default()
        }
        .into()
    }

    fn pause(&self, pause: bool) {
        let Some(run) = &self.picture.current else { return };
        let (app, id) = (self.app.clone(), run.id.clone());
        let command = if pause { "runs.pause" } else { "runs.resume" };
        tauri::async_runtime::spawn(async move {
            let api = app.state::<std::sync::Arc<api::Api<crate::Desktop>>>().inner().clone();
            if let Err(error) = api.call(command, serde_json::json!({ "id": id })).await {
                tracing::warn!("{command}: {}", error.message);
            }
        });
    }
}

/// Menus read an underscore as a mark of a key.
fn label(text: &str) -> String {
    text.replace('_', "__")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_is_a_line_in_the_language() {
        let run = Run {
            id: "1".into(),
            name: "team_mirror".into(),
            state: State::Running,
            percent: Some(42),
            failed: 0,
        };
        let running = Picture { current: Some(run.clone()), ..Picture::default() };
        assert_eq!(status(Tongue::English, &running), "Copying team_mirror, 42 %");
        let paused = Run { state: State::Paused, percent: None, ..run };
        let paused = Picture { current: Some(paused), ..Picture::default() };
        assert_eq!(status(Tongue::Chinese, &paused), "team_mirror：已暂停");
        assert_eq!(status(Tongue::English, &Picture::default()), "Nothing is running");
        assert_eq!(label("team_mirror"), "team__mirror");
    }
}
