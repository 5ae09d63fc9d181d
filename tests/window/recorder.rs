//! The desktop's services as far as the app meets them: notifications, the tray, and who keeps the computer awake. Each
//! keeps what it is told.
#![expect(
    clippy::unused_self,
    clippy::used_underscore_binding,
    clippy::too_many_arguments,
    reason = "the interface has this form"
)]

use std::collections::HashMap;

use std::os::{fd::OwnedFd as StdFd, unix::net::UnixStream};

use tokio::sync::mpsc::UnboundedSender;
use zbus::zvariant::{OwnedFd, OwnedValue};

/// A notification.
#[derive(Clone, Debug)]
pub(crate) struct Notice {
    pub(crate) app: String,
    pub(crate) title: String,
    pub(crate) body: String,
    pub(crate) id: u32,
    /// Keys and texts by turns.
    pub(crate) actions: Vec<String>,
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
        actions: Vec<String>,
        _hints: HashMap<String, OwnedValue>,
        _timeout: i32,
    ) -> u32 {
        self.count += 1;
        let _ =
            self.told.send(Notice { app: app_name, title: summary, body, id: self.count, actions });
        self.count
    }

    fn close_notification(&self, _id: u32) {}

    fn get_capabilities(&self) -> Vec<String> {
        vec!["body".into(), "actions".into()]
    }

    fn get_server_information(&self) -> (String, String, String, String) {
        ("recorder".into(), "tests".into(), "1".into(), "1.2".into())
    }
}

/// Keeps the computer awake as systemd does: as long as the file that it gave is open somewhere.
pub(crate) struct Login {
    /// What was asked, and our end of the file.
    pub(crate) asked: UnboundedSender<([String; 4], UnixStream)>,
}

#[zbus::interface(name = "org.freedesktop.login1.Manager")]
impl Login {
    fn inhibit(&self, what: String, who: String, why: String, mode: String) -> OwnedFd {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let _ = self.asked.send(([what, who, why, mode], ours));
        OwnedFd::from(StdFd::from(theirs))
    }
}

/// Where icons for the tray are announced.
pub(crate) struct Watcher {
    pub(crate) announced: UnboundedSender<String>,
}

#[zbus::interface(name = "org.kde.StatusNotifierWatcher")]
impl Watcher {
    fn register_status_notifier_item(&self, service: String) {
        let _ = self.announced.send(service);
    }

    #[zbus(property)]
    fn is_status_notifier_host_registered(&self) -> bool {
        true
    }

    #[zbus(property)]
    fn protocol_version(&self) -> i32 {
        0
    }

    #[zbus(property)]
    fn registered_status_notifier_items(&self) -> Vec<String> {
        Vec::new()
    }
}
