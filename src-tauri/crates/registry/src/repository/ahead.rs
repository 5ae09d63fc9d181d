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
    /// be made yet; does nothing the second time, or once the registry has answered.
    pub fn approach(&self) {
        let host = self.client.host_state(&self.registry);
        if host.contact.is_made() || std::mem::replace(&mut lock(&host.ahead).approached, true) {
            return;
        }
        self.ahead(host, |host, reach| {
            let (scheme, line) = if reach.access.tls.plain_http {
                (Scheme::Http, &reach.http.single)
            } else {
                (Scheme::Https, &reach.http.shared)
            };
            // a request that has come meanwhile connects by itself
            if !host.contact.is_made() {
                dial(host, reach, scheme, line, 1);
            }
        });
    }

    /// Begins connections for the blobs of an image that will be read or written as soon as its manifest is read. Once
    /// blobs have begun to move, there are connections, and it does nothing.
    pub fn expect_blobs(&self) {
        let host = self.client.host_state(&self.registry);
        let Some(scheme) = host.contact.scheme() else { return };
        if host.learnt().blobs_move {
            return;
        }
        let class = match self.side {
            Side::Source => Class::Blob,
            Side::Destination => Class::Write,
        };
        let most = host.room.limit(class).min(MOST);
        let more = {
            let mut ahead = lock(&host.ahead);
            let more = BLOBS.min(most.saturating_sub(ahead.blobs));
            ahead.blobs += more;
            more
        };
        if more > 0 {
            self.ahead(host, move |host, reach| {
                dial(host, reach, scheme, &reach.http.single, more);
            });
        }
    }

    /// Does something as soon as it is known how the repository is reached. Who fails to reach it is the request.
    fn ahead(&self, host: Arc<HostState>, begin: impl FnOnce(&HostState, &Reach) + Send + 'static) {
        let repository = self.clone();
        tokio::spawn(async move {
            let reach = host.reach(&repository.client, Some(&repository.name)).await;
            // a mirror may have all that is read
            let is_asked = |reach: &Reach| {
                repository.side == Side::Destination || reach.access.mirrors.is_empty()
            };
            if let Ok(reach) = reach
                && is_asked(&reach)
                && !repository.client.is_paused()
            {
                begin(&host, &reach);
            }
        });
    }
}

fn dial(host: &HostState, reach: &Reach, scheme: Scheme, line: &Line, connections: usize) {
    // the request tells what is wrong with the address
    let Ok(home) = host.home(scheme, reach) else { return };
    for _ in 0..connections {
        line.dial(&home.url);
    }
}
