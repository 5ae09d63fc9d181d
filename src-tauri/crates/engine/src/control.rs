//! What can be changed about a run that is under way.

use std::sync::Arc;

use registry::{Client, Sentence};
use tokio_util::sync::CancellationToken;

use crate::{ImageParts, board::Board, lanes::Lanes};

/// Pauses, limits or ends a run. Cloning is cheap; it outlives the run and then does nothing.
#[derive(Clone, Debug)]
pub struct Control {
    pub(crate) client: Client,
    pub(crate) board: Arc<Board>,
    pub(crate) stop: CancellationToken,
    pub(crate) lanes: Lanes,
}

impl Control {
    /// From here on no request begins and no blob is read on. What is under way ends or waits; what breaks meanwhile goes
    /// on afterwards from where it broke.
    pub fn pause(&self) {
        self.client.pause();
        self.board.paused(true);
    }

    /// Goes on.
    pub fn resume(&self) {
        self.client.resume();
        self.board.paused(false);
    }

    /// Whether it is paused.
    pub fn is_paused(&self) -> bool {
        self.client.is_paused()
    }

    /// Ends the run cleanly, paused or not: what streams is cut before its last byte, nothing is tagged any more, and
    /// whatever was not done is listed as cancelled.
    pub fn cancel(&self) {
        self.stop.cancel();
    }

    /// The most requests in flight to one host, where that is set.
    pub fn requests_per_host(&self) -> Option<usize> {
        self.client.requests_per_host()
    }

    /// Sets it anew, at once; `None` adapts. Must be called within a tokio runtime.
    pub fn set_requests_per_host(&self, requests: Option<usize>) {
        self.client.set_requests_per_host(requests);
        self.lanes.fit(requests);
    }

    /// Bytes per second over all downloads, where there is a limit.
    pub fn bytes_per_second(&self) -> Option<u64> {
        self.client.bytes_per_second()
    }

    /// Sets it anew, at once; `None` is unlimited.
    pub fn set_bytes_per_second(&self, bytes_per_second: Option<u64>) {
        self.client.set_bytes_per_second(bytes_per_second);
    }

    /// What an image is made of and how far its blobs have got, by the image's number; `None` until it is compared, and
    /// where its policy keeps no parts.
    pub fn parts(&self, image: u32) -> Option<ImageParts> {
        self.board.row(image)?.parts()
    }

    /// Adds a warning of whoever drives the run, such as that it can't be recorded.
    pub fn warn(&self, warning: Sentence) {
        self.board.warn(warning);
    }
}
