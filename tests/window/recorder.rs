//! A notification server that keeps what it is told.
#![expect(
    clippy::unused_self,
    clippy::used_underscore_binding,
    clippy::too_many_arguments,
    reason = "the interface has this form"
)]

use std::collections::HashMap;

use tokio::sync::mpsc::UnboundedSender;
use zbus::zvariant::OwnedValue;

/// A notification.
#[derive(Clone, Debug)]
pub(crate) struct Notice {
    pub(crate) app: String,
    pub(crate) title: String,
    pub(crate) body: String,
}

/// The server.
pub(crate) struct Recorder {
    pub(crate) told: UnboundedSender<Notice>,
    pub(crate) count: u32,
}

#[zbus::interface(name = "org.freedesktop.Notifications")]
impl Recorder {
    fn notify(
        &mut self,
        app_name: String,
        _replaces: u32,
        _icon: String,
        summary: String,
        body: String,
        _actions: Vec<String>,
        _hints: HashMap<String, OwnedValue>,
        _timeout: i32,
    ) -> u32 {
        let _ = self.told.send(Notice { app: app_name, title: summary, body });
        self.count += 1;
        self.count
    }

    fn close_notification(&self, _id: u32) {}

    fn get_capabilities(&self) -> Vec<String> {
        vec!["body".into()]
    }

    fn get_server_information(&self) -> (String, String, String, String) {
        ("recorder".into(), "tests".into(), "1".into(), "1.2".into())
    }
}
