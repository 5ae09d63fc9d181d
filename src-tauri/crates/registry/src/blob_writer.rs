//! A blob being written. It hides how the host likes uploads (one PUT; PATCH chunks after a 413, of a size that is
//! learnt) and mends what can be mended: after a break it asks the registry how far it got, and tells its feeder from
//! which byte to go on. A tiny one may need no session at all. Every request says its `Content-Length`; chunked transfer encoding is never used.

use bytes::Bytes;

pub(crate) use self::small::SinglePost;
use self::{sending::Sending, small::Small};
use crate::{
    Answer, Code, Descriptor, Digest, Error, Repository, Result, patience::Patience,
    upload::Session,
};

mod mending;
mod sending;
mod small;

/// An open upload. It must be fed every byte in order from [`BlobWriter::offset`].
#[derive(Debug)]
pub struct BlobWriter(Writer);

#[derive(Debug)]
enum Writer {
    Upload(Box<Upload>),
    /// Not opened: it goes out at once when it is complete.
    Small(Box<Small>),
    /// So many bytes went out at once.
    Sent(u64),
}

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
        Self(Writer::Upload(Box::new(Upload::new(repository, blob, session))))
    }

    /// A writer that has asked for nothing yet: the blob goes out with the request that would open its upload. None where
    /// the blob is not of that kind, or the host is known not to take it so.
    pub(crate) fn single_post(repository: &Repository, blob: &Descriptor) -> Option<Self> {
        Small::of(repository, blob).map(|small| Self(Writer::Small(Box::new(small))))
    }

    /// The offset of the next byte that must be fed.
    pub fn offset(&self) -> u64 {
        match &self.0 {
            Writer::Upload(upload) => upload.offset + upload.last.len() as u64,
            Writer::Small(small) => small.offset(),
            Writer::Sent(size) => *size,
        }
    }

    /// Feeds the next bytes; waits while the registry is slow to take them (a stall is a break). An error is final.
    ///
    /// The last bytes are kept back until [`BlobWriter::finish`], so that what turns out to be damaged at its end can
    /// still be cancelled.
    pub async fn write(&mut self, bytes: Bytes) -> Result<Fed> {
        match &mut self.0 {
            Writer::Upload(upload) => upload.write(bytes).await,
            Writer::Small(small) => small.write(&bytes),
            Writer::Sent(_) => Ok(Fed::Enough),
        }
    }

    /// After the last byte: waits for the registry to confirm the digest. `More` means that it is done; `Rewind` that
    /// bytes must be fed again and `finish` be called again. An error is final.
    pub async fn finish(&mut self) -> Result<Fed> {
        let sent = Writer::Sent(self.offset());
        if matches!(self.0, Writer::Small(_))
            && let Writer::Small(small) = std::mem::replace(&mut self.0, sent)
            && let Some(upload) = small.finish().await?
        {
            self.0 = Writer::Upload(Box::new(upload));
        }
        match &mut self.0 {
            Writer::Upload(upload) => upload.finish().await,
            Writer::Small(_) | Writer::Sent(_) => Ok(Fed::More),
        }
    }

    /// Gives the upload up: the connection is cut before the last byte, and the session cancelled as far as the
    /// registry lets us.
    pub async fn cancel(self) {
        if let Writer::Upload(upload) = self.0 {
            upload.cancel().await;
        }
    }

    /// How often something broke and was mended.
    pub fn mended(&self) -> u32 {
        match &self.0 {
            Writer::Upload(upload) => upload.mended,
            Writer::Small(_) | Writer::Sent(_) => 0,
        }
    }
}

impl Upload {
    fn new(repository: Repository, blob: Descriptor, session: Session) -> Self {
        let patience = Patience::of(&repository);
        Self {
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
        }
    }

    async fn write(&mut self, mut bytes: Bytes) -> Result<Fed> {
        while !bytes.is_empty() {
            if self.done {
                return Ok(Fed::Enough);
            }
            let left = self.blob.size - self.offset - self.last.len() as u64;
            if bytes.len() as u64 > left {
                return Err(too_much(&self.repository, &self.blob));
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

fn too_much(repository: &Repository, blob: &Descriptor) -> Error {
    let message = format!("the blob has more than the {} bytes that were announced", blob.size);
    let error = Error::new(Code::DigestMismatch, message);
    repository.blame(error, &repository.blob_reference(&blob.digest))
}

fn stored_another(answer: &Answer, expected: &Digest, stored: &Digest) -> Error {
    let message = format!("the registry stored another blob: expected {expected}, got {stored}");
    answer.error(Code::DigestMismatch, message)
}
