//! Who waits for a connection, and how many are under way. A request that finds no connection free begins one, as it
//! should; but mostly another becomes free before that is made, and it goes to whoever waits next. So it is only for
//! more requests than there are connections under way that another is begun: each costs both sides about as much as a
//! small request does.

use std::{
    collections::{HashMap, hash_map::Entry},
    pin::pin,
    sync::{Arc, Mutex},
};

use tokio::sync::Notify;
use url::Origin;

use crate::host::lock;

/// All that wait for connections.
#[derive(Default)]
pub(super) struct Queues {
    /// By where the connections lead.
    queues: Mutex<HashMap<Origin, Queue>>,
    /// A connection is not to be relied on any more.
    lost: Notify,
}

#[derive(Default)]
struct Queue {
    /// Requests that wait for a connection.
    waiting: usize,
    /// Connections under way.
    connecting: usize,
}

#[cfg(test)]
impl Queues {
    pub(super) fn is_empty(&self) -> bool {
        lock(&self.queues).is_empty()
    }
}

/// A request that waits for a connection, or the connection of one that has found another.
pub(super) struct Ticket {
    queues: Arc<Queues>,
    to: Origin,
    waits: bool,
    connects: bool,
}

impl Ticket {
    /// A request waits for a connection.
    pub(super) fn new(queues: &Arc<Queues>, to: Origin) -> Self {
        let ticket = Self { queues: Arc::clone(queues), to, waits: true, connects: false };
        ticket.change(|queue| queue.waiting += 1);
        ticket
    }

    /// Waits until a connection is to be begun for it.
    pub(super) async fn turn(&mut self) {
        let queues = Arc::clone(&self.queues);
        loop {
            let mut lost = pin!(queues.lost.notified());
            lost.as_mut().enable();
            self.connects = self.change(|queue| {
                let is_its_turn = queue.connecting < queue.waiting;
                queue.connecting += usize::from(is_its_turn);
                is_its_turn
            });
            if self.connects {
                return;
            }
            lost.await;
        }
    }

    /// A connection is under way for it, whether it was its turn or not.
    pub(super) fn connect(&mut self) {
        if !std::mem::replace(&mut self.connects, true) {
            self.change(|queue| queue.connecting += 1);
        }
    }

    /// Another connection has become free for the request.
    pub(super) fn served(&mut self) {
        if std::mem::take(&mut self.waits) {
            self.change(|queue| queue.waiting -= 1);
        }
    }

    /// The connection is made: if not for this request, for one that waits.
    pub(super) fn made(mut self) {
        if std::mem::take(&mut self.connects) {
            self.change(|queue| queue.connecting -= 1);
        }
    }

    /// Nobody is to rely on the connection any more.
    pub(super) fn lose(&mut self) {
        if std::mem::take(&mut self.connects) {
            self.change(|queue| queue.connecting -= 1);
            self.queues.lost.notify_waiters();
        }
    }

    fn change<T>(&self, change: impl FnOnce(&mut Queue) -> T) -> T {
        let mut queues = lock(&self.queues.queues);
        match queues.entry(self.to.clone()) {
            Entry::Occupied(mut entry) => {
                let result = change(entry.get_mut());
                if entry.get().waiting == 0 && entry.get().connecting == 0 {
                    entry.remove();
                }
                result
            }
            Entry::Vacant(entry) => change(entry.insert(Queue::default())),
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.served();
        self.lose();
    }
}
