//! While bytes move the computer must not fall asleep by itself. Where nobody can be asked, it may: the run goes on
//! after it.

use std::time::Duration;

use zbus::{
    Connection,
    zvariant::{OwnedFd, OwnedObjectPath, Value},
};

/// How long the desktop may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// What is held while it must stay awake.
#[derive(Debug)]
enum Held {
    /// systemd's: held as long as the file is open.
    Login(#[expect(dead_code, reason = "it is held, not read")] OwnedFd),
    /// The desktop portal's, for programs in a sandbox.
    Portal(Connection, OwnedObjectPath),
}

/// Keeps the computer awake, or not.
#[derive(Debug, Default)]
pub(crate) struct Inhibitor {
    held: Option<Held>,
    /// Nobody could be asked: not again at every run.
    gave_up: bool,
}

impl Inhibitor {
    /// `why` is shown to people who wonder.
    pub(crate) async fn set(&mut self, awake: bool, why: &str) {
        if awake == self.held.is_some() || (awake && self.gave_up) {
            return;
        }
        if !awake {
            if let Some(Held::Portal(bus, request)) = self.held.take() {
                let done = in_time(bus.call_method(
                    Some("org.freedesktop.portal.Desktop"),
                    &request,
                    Some("org.freedesktop.portal.Request"),
                    "Close",
                    &(),
                ))
                .await;
                if let Err(error) = done {
                    tracing::warn!("the computer may be kept awake for longer: {error}");
                }
            }
            return;
        }
        self.held = match in_time(ask_login(why)).await {
            Ok(held) => Some(held),
            Err(login) => match in_time(ask_portal(why)).await {
                Ok(held) => Some(held),
                Err(portal) => {
                    tracing::info!("the computer may fall asleep during a run: {login}; {portal}");
                    self.gave_up = true;
                    None
                }
            },
        };
    }
}

/// Nobody is waited for long: the window's title is told by the same task.
async fn in_time<T>(asking: impl Future<Output = zbus::Result<T>>) -> zbus::Result<T> {
    let late = || zbus::Error::Failure("no answer".into());
    tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|_| Err(late()))
}

async fn ask_login(why: &str) -> zbus::Result<Held> {
    let bus = Connection::system().await?;
    let answer = bus
        .call_method(
            Some("org.freedesktop.login1"),
            "/org/freedesktop/login1",
            Some("org.freedesktop.login1.Manager"),
            "Inhibit",
            &("sleep:idle", "Image Syncer", why, "block"),
        )
        .await?;
    Ok(Held::Login(answer.body().deserialize()?))
}

async fn ask_portal(why: &str) -> zbus::Result<Held> {
    /// Suspend, and idle.
    const FLAGS: u32 = 4 | 8;
    let bus = Connection::session().await?;
    let options = std::collections::HashMap::from([("reason", Value::from(why))]);
    let answer = bus
        .call_method(
            Some("org.freedesktop.portal.Desktop"),
            "/org/freedesktop/portal/desktop",
            Some("org.freedesktop.portal.Inhibit"),
            "Inhibit",
            &("", FLAGS, options),
        )
        .await?;
    let request = answer.body().deserialize()?;
    Ok(Held::Portal(bus, request))
}
