//! A blob being written. It hides how the host likes uploads (one PUT; PATCH chunks after a 413, of a size that is
//! learnt) and mends what can be mended: after a break it asks the registry how far it got, and tells its feeder from
//! which byte to go on. Every request says its `Content-Length`; chunked transfer encoding is never used.

use bytes::Bytes;

use crate::{Error, Result};

/// An open upload. It must be fed every byte in order from [`BlobWriter::offset`].
#[derive(Debug)]
pub struct BlobWriter {
    // filled by the implementation
}

/// What a writer says to some bytes.
#[derive(Clone, Debug)]
pub enum Fed {
    /// Taken: go on.
    More,
    /// The blob turned out to be there (another writer was faster): feed no more, call `finish`.
    Enough,
    /// The request broke; the bytes from this offset on must be fed (again). Waiting has been done already.
    Rewind {
        /// The offset of the next byte to feed.
        offset: u64,
        /// What broke, for the log.
        cause: Error,
    },
}

impl BlobWriter {
    /// The offset of the next byte that must be fed.
    pub fn offset(&self) -> u64 {
        todo!()
    }

    /// Feeds the next bytes; waits while the registry is slow to take them (a stall is a break). An error is final.
    pub async fn write(&mut self, bytes: Bytes) -> Result<Fed> {
        todo!("{bytes:?}")
    }

    /// After the last byte: waits for the registry to confirm the digest. `More` means that it is done; `Rewind` that
    /// bytes must be fed again and `finish` be called again. An error is final.
    pub async fn finish(&mut self) -> Result<Fed> {
        todo!()
    }

    /// Gives the upload up: the connection is cut before the last byte, and the session cancelled as far as the
    /// registry lets us.
    pub async fn cancel(self) {
        todo!()
    }

    /// How often something broke and was mended.
    pub fn mended(&self) -> u32 {
        todo!()
    }
}
