//! Connections that are begun while it is certain that a registry will be asked, but not yet what: over a long line,
//! TCP and TLS take two or three round trips. No request goes out for that.

use std::sync::Arc;

use super::Repository;
use crate::{
    HostState, Side,
    dial::Line,
    host::{Reach, Scheme, lock},
    retry::Class,
};

/// So many blobs does an image have that is not yet read: its configuration and a few layers.
const BLOBS: usize = 6;
/// The most connections for blobs that are begun ahead to one host. Those that follow find some that are free.
const MOST: usize = 16;

/// What was begun ahead at a host.
#[derive(Debug, Default)]
pub(crate) struct Ahead {
    /// It was approached.
    approached: bool,
    /// Connections for blobs.
    blobs: usize,
}

impl Repository {
    /// Begins a connection to the registry, for the first request that goes there. To be called where that request can't
    /// be made yet. `None` once the registry has answered; else it is begun when it is known how the registry is
    /// reached, unless it has been before or the client is paused. Drop it where nothing will be asked any more.
    pub fn approach(&self) -> Option<impl Future<Output = ()> + Send + use<>> {
        let host = self.client.host_state(&self.registry);
        let is_needed = !host.contact.is_made() && !lock(&host.ahead).approached;
        is_needed.then(|| {
            let reached = self.clone().reached(Arc::clone(&host));
            async move {
                let Some(reach) = reached.await else { return };
                // a request that has come meanwhile connects by itself
                let is_late = host.contact.is_made();
                if is_late || std::mem::replace(&mut lock(&host.ahead).approached, true) {
                    return;
                }
                if reach.access.tls.plain_http {
                    dial(&host, &reach, Scheme::Http, &reach.http.single, 1);
                } else {
                    dial(&host, &reach, Scheme::Https, &reach.http.shared, 1);
                }
            }
        })
    }

    /// Begins connections for the blobs of an image that will be read or written as soon as its manifest is read, in the
    /// same way. `None` where the registry has not answered yet, and once blobs have begun to move: there are
    /// connections then.
    pub fn expect_blobs(&self) -> Option<impl Future<Output = ()> + Send + use<>> {
        let host = self.client.host_state(&self.registry);
        let scheme = host.contact.scheme()?;
        let class = match self.side {
            Side::Source => Class::Blob,
            Side::Destination => Class::Write,
        };
        let more = move |host: &HostState, ahead: &Ahead| {
            let most = if host.learnt().blobs_move { 0 } else { host.room.limit(class).min(MOST) };
            BLOBS.min(most.saturating_sub(ahead.blobs))
        };
        let is_needed = more(&host, &lock(&host.ahead)) > 0;
        is_needed.then(|| {
            let reached = self.clone().reached(Arc::clone(&host));
            async move {
                let Some(reach) = reached.await else { return };
                let more = {
                    let mut ahead = lock(&host.ahead);
                    let more = more(&host, &ahead);
                    ahead.blobs += more;
                    more
                };
                dial(&host, &reach, scheme, &reach.http.single, more);
            }
        })
    }

    /// How the repository is reached, where something may go there now. Why it can't be reached tells the request.
    async fn reached(self, host: Arc<HostState>) -> Option<Arc<Reach>> {
        let Self { client, name, side, .. } = self;
        // who we are is asked elsewhere, which takes requests too
        if client.is_paused() {
            return None;
        }
        let reach = host.reach(&client, Some(&name)).await.ok()?;
        // a mirror may have all that is read
        let is_asked = side == Side::Destination || reach.access.mirrors.is_empty();
        (is_asked && !client.is_paused()).then_some(reach)
    }
}

fn dial(host: &HostState, reach: &Reach, scheme: Scheme, line: &Line, connections: usize) {
    // the request tells what is wrong with the address
    let Ok(home) = host.home(scheme, reach) else { return };
    for _ in 0..connections {
        line.dial(&home.url);
    }
}
