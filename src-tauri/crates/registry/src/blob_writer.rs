//! A blob being written. It hides how the host likes uploads (one PUT; PATCH chunks after a 413, of a size that is
//! learnt) and mends what can be mended: after a break it asks the registry how far it got, and tells its feeder from
//! which byte to go on. Every request says its `Content-Length`; chunked transfer encoding is never used.

use bytes::Bytes;

use self::sending::Sending;
use crate::{Code, Descriptor, Error, Repository, Result, patience::Patience, upload::Session};

mod mending;
mod sending;

/// An open upload. It must be fed every byte in order from [`BlobWriter::offset`].
#[derive(Debug)]
pub struct BlobWriter(Box<Upload>);

#[derive(Debug)]
struct Upload {
    repository: Repository,
    blob: Descriptor,
    session: Session,
    /// The next byte that goes into a request.
    offset: u64,
    /// Bytes that the registry is known to hold.
    confirmed: u64,
    /// The most that it ever held.
    highest: u64,
    /// The request that takes bytes now.
    sending: Option<Sending>,
    /// The last piece waits for `finish`: until then nobody can have taken the blob for complete.
    last: Bytes,
    /// The largest request for this blob; the host may have a limit of its own.
    chunk: Option<u64>,
    /// PUT does not take bytes here: PATCH first.
    patch_first: bool,
    /// In one piece only: what was put together from several was refused.
    whole: bool,
    /// How many pieces the registry's bytes came in.
    pieces: u32,
    /// The offset that the registry names has been tried, against our own count.
    doubted: bool,
    /// The token ran out on the way once, since the last progress.
    renewed: bool,
    done: bool,
    patience: Patience,
    mended: u32,
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
    pub(crate) fn new(repository: Repository, blob: Descriptor, session: Session) -> Self {
        let patience = Patience::new(&repository.client.0.options);
        Self(Box::new(Upload {
            repository,
            blob,
            session,
            offset: 0,
            confirmed: 0,
            highest: 0,
            sending: None,
            last: Bytes::new(),
            chunk: None,
            patch_first: false,
            whole: false,
            pieces: 0,
            doubted: false,
            renewed: false,
            done: false,
            patience,
            mended: 0,
        }))
    }

    /// The offset of the next byte that must be fed.
    pub fn offset(&self) -> u64 {
        self.0.offset + self.0.last.len() as u64
    }

    /// Feeds the next bytes; waits while the registry is slow to take them (a stall is a break). An error is final.
    ///
    /// The last bytes are kept back until [`BlobWriter::finish`], so that what turns out to be damaged at its end can
    /// still be cancelled.
    pub async fn write(&mut self, bytes: Bytes) -> Result<Fed> {
        self.0.write(bytes).await
    }

    /// After the last byte: waits for the registry to confirm the digest. `More` means that it is done; `Rewind` that
    /// bytes must be fed again and `finish` be called again. An error is final.
    pub async fn finish(&mut self) -> Result<Fed> {
        self.0.finish().await
    }

    /// Gives the upload up: the connection is cut before the last byte, and the session cancelled as far as the
    /// registry lets us.
    pub async fn cancel(self) {
        self.0.cancel().await;
    }

    /// How often something broke and was mended.
    pub fn mended(&self) -> u32 {
        self.0.mended
    }
}

impl Upload {
    async fn write(&mut self, mut bytes: Bytes) -> Result<Fed> {
        while !bytes.is_empty() {
            if self.done {
                return Ok(Fed::Enough);
            }
            let left = self.blob.size - self.offset - self.last.len() as u64;
            if bytes.len() as u64 > left {
                let message = format!(
                    "the blob has more than the {} bytes that were announced",
                    self.blob.size
                );
                return Err(self.blame(Error::new(Code::DigestMismatch, message)));
            }
            if bytes.len() as u64 == left {
                self.last = bytes;
                return Ok(Fed::More);
            }
            let fed = self.feed(&mut bytes).await?;
            if !matches!(fed, Fed::More) {
                return Ok(fed);
            }
        }
        Ok(Fed::More)
    }

    async fn finish(&mut self) -> Result<Fed> {
        let last = std::mem::take(&mut self.last);
        let from = self.blob.size - last.len() as u64;
        if !self.done && self.offset != from {
            let message = format!("the blob ended at byte {} of {}", self.offset, self.blob.size);
            return Err(self.blame(Error::new(Code::Internal, message)));
        }
        let mut rest = last.clone();
        while !self.done {
            let fed =
                if rest.is_empty() { self.close().await? } else { self.feed(&mut rest).await? };
            match fed {
                Fed::More | Fed::Enough => {}
                // what is in hand need not be fed again
                Fed::Rewind { offset, cause } if offset >= from => {
                    tracing::debug!(%cause, offset, "the end of the blob is sent again");
                    rest = last.slice((offset - from) as usize..);
                }
                rewind @ Fed::Rewind { .. } => return Ok(rewind),
            }
        }
        Ok(Fed::More)
    }

    fn blame(&self, error: Error) -> Error {
        self.repository.blame(error, &self.repository.blob_reference(&self.blob.digest))
    }
}
