//! A blob being read. It goes on by itself: a connection that breaks, stalls or ends early is replaced by a request
//! for the rest (`Range`), from the registry's own URL, as long as each try brings bytes.

use bytes::Bytes;

use crate::Result;

/// The bytes of a blob, in order. What they hash to is for the caller to check; their number is checked here.
#[derive(Debug)]
pub struct BlobReader {
    // filled by the implementation
}

impl BlobReader {
    /// The next bytes, or `None` after the last. An error is final: everything that may pass has been tried.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        todo!()
    }

    /// The offset of the next byte.
    pub fn position(&self) -> u64 {
        todo!()
    }

    /// How often the connection was replaced.
    pub fn resumed(&self) -> u32 {
        todo!()
    }
}
