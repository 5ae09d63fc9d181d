//! What happens when a request of an upload does not go well. What a host does not like is learnt, at no cost; what
//! breaks costs a try, and as long as tries bring bytes there are more of them.

use std::time::Duration;

use http::Method;

use super::{Fed, Upload, sending::Sent};
use crate::{
    Answer, Ask, Code, Error, Place, Result, Room, headers, refusal,
    upload::{Progress, bytes_held},
};

const MIB: u64 = 1024 * 1024;
/// Chunks begin with this size,
const LARGEST_CHUNK: u64 = 8 * MIB;
/// and are halved down to this one.
const SMALLEST_CHUNK: u64 = 256 * 1024;
/// Some hosts take no more than this in a request with `Content-Range` (GHCR).
const RANGE_LIMIT: u64 = 4 * MIB;
/// How long an upload that is given up may take to be cancelled.
const CANCEL: Duration = Duration::from_secs(5);

/// What is the matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    /// It broke: it may go better next time.
    Broke,
    /// The registry orders a wait, and has not looked at the request.
    Busy,
    /// The request was too large.
    TooLarge,
    /// The registry holds other bytes than we think, or wants smaller requests.
    Offset,
    /// The registry forgot the upload.
    Gone,
    /// The registry does not take such requests.
    Disliked,
    /// What the registry got is not what the digest names.
    Damaged,
    /// Nothing helps.
    Final,
}

impl Upload {
    /// Draws the consequences of a request that ended.
    pub(super) async fn settle(&mut self, sent: Sent, result: Result<Answer>) -> Result<Fed> {
        let error = match result {
            Ok(answer) if sent.is_full() => return self.taken(sent, &answer),
            Ok(answer) => {
                if sent.patch {
                    self.session.follow(&answer)?;
                }
                answer
                    .error(Code::NetReset, "the registry answered before it had all bytes")
                    .retryable(true)
            }
            Err(error) => error,
        };
        self.mend(sent, error).await
    }

    fn taken(&mut self, sent: Sent, answer: &Answer) -> Result<Fed> {
        if sent.patch {
            self.session.follow(answer)?;
            self.pieces += 1;
            if self.chunk == Some(RANGE_LIMIT) && sent.len == RANGE_LIMIT {
                self.repository.learn(|host| host.range_limit = Some(RANGE_LIMIT));
            }
            // `Range` counts only where it names a part of this chunk: some tell the first chunk's, or the last one's
            // alone
            let held = answer.header("range").and_then(bytes_held);
            let part = held.filter(|held| (sent.start + 1..sent.end()).contains(held));
            self.confirm(part.unwrap_or(sent.end()));
            if let Some(held) = part {
                let cause = answer.error(Code::NetReset, "the registry took a part of the chunk");
                return Ok(self.rewind(held, cause));
            }
            return Ok(Fed::More);
        }
        answer.check_no_page()?;
        let stored =
            headers::digest(answer).filter(|d| d.algorithm() == self.blob.digest.algorithm());
        if let Some(stored) = stored.filter(|stored| *stored != self.blob.digest) {
            return Err(super::stored_another(answer, &self.blob.digest, &stored));
        }
        if self.patch_first {
            self.repository.learn(|host| host.put_refused = true);
        }
        self.done = true;
        Ok(Fed::More)
    }

    async fn mend(&mut self, sent: Sent, error: Error) -> Result<Fed> {
        let refused = refusal::of_blob(error.clone());
        if matches!(refused.code(), Code::QuotaExceeded | Code::RepoName)
            || is_without_place(&error)
        {
            return Err(refused);
        }
        let trouble = trouble(&error);
        // The answer may have been lost after all went well, another writer may have been faster, or the registry has
        // seen by the digest that it needs no more bytes and said so early.
        let doubtful = match trouble {
            Trouble::Broke | Trouble::Gone | Trouble::Final => {
                let is_early = error.http_status().is_some_and(|status| status < 300);
                error.http_status() == Some(409) || (!sent.patch && (sent.is_full() || is_early))
            }
            Trouble::Disliked => !sent.patch,
            Trouble::Busy | Trouble::TooLarge | Trouble::Offset | Trouble::Damaged => false,
        };
        if doubtful && self.is_there().await {
            self.done = true;
            return Ok(Fed::Enough);
        }
        tracing::debug!(%error, ?trouble, offset = sent.start, "a request of the upload did not go well");
        match trouble {
            Trouble::Broke => {
                // one new token costs no try
                let expired = error.http_status() == Some(401) && error.is_retryable();
                if !expired || std::mem::replace(&mut self.renewed, true) {
                    self.pause(&error).await?;
                }
                let progress = self.progress().await?;
                if self.patience.failures() >= 2 && sent.len > LARGEST_CHUNK && !self.whole {
                    // a limit that resets the connection instead of answering 413 looks like this
                    self.chunk.get_or_insert(LARGEST_CHUNK);
                }
                // one byte and none are told alike: a new session is sure to be empty
                let is_unsure =
                    progress == Progress::At(0) && self.confirmed == 0 && sent.given > 0;
                let progress = if is_unsure { Progress::Untold } else { progress };
                self.resume(sent, progress, error).await
            }
            // Refused before it was looked at. To ask how far the upload got would take up what is allowed until there
            // is never room for the upload itself.
            Trouble::Busy => {
                self.pause(&error).await?;
                Ok(self.rewind(self.confirmed, error))
            }
            Trouble::TooLarge => self.shrink(sent, error).await,
            Trouble::Offset => self.realign(sent, error).await,
            Trouble::Gone => {
                self.pause(&error).await.map_err(|error| {
                    error.becomes(
                        Code::UploadExpired,
                        "the registry forgot the upload again and again",
                    )
                })?;
                self.restart(error).await
            }
            Trouble::Disliked => self.change(sent, error).await,
            Trouble::Damaged => {
                let error = error.becomes(
                    Code::DigestMismatch,
                    format!("the registry got other bytes than {} names", self.blob.digest),
                );
                // a registry that puts pieces together wrongly may take it in one
                if self.pieces <= 1 || self.whole || self.is_limited() {
                    return Err(error);
                }
                self.whole = true;
                self.restart(error).await
            }
            Trouble::Final => Err(error),
        }
    }

    /// Goes on from where the registry says it is.
    async fn resume(&mut self, sent: Sent, progress: Progress, cause: Error) -> Result<Fed> {
        let Progress::At(held) = progress else { return self.restart(cause).await };
        // what was confirmed is there, whatever the registry's `Range` says
        let offset = held.max(self.confirmed);
        let nonsense = held > sent.end();
        let must_be_whole = offset > 0 && (self.whole || self.repository.learnt().patch_refused);
        if nonsense || must_be_whole {
            return self.restart(cause).await;
        }
        if offset > self.confirmed {
            self.pieces += 1;
        }
        self.confirm(offset);
        Ok(self.rewind(offset, cause))
    }

    /// The request was too large: smaller ones from now on, for everybody at this host.
    async fn shrink(&mut self, sent: Sent, error: Error) -> Result<Fed> {
        let mut chunk = LARGEST_CHUNK;
        while chunk >= sent.len && chunk >= SMALLEST_CHUNK {
            chunk /= 2;
        }
        // a host that wants larger requests than it takes would be asked for ever
        if self.whole || chunk < SMALLEST_CHUNK || sent.len <= self.session.chunk_min {
            return Err(error.becomes(
                Code::RegistryRefused,
                format!("the registry does not even take {} bytes at once", sent.len),
            ));
        }
        self.repository.learn(|host| {
            host.chunk_size = Some(host.chunk_size.map_or(chunk, |size| size.min(chunk)));
        });
        let progress = self.progress().await?;
        self.resume(sent, progress, error).await
    }

    /// The registry did not like the offset, or what came with it.
    async fn realign(&mut self, sent: Sent, error: Error) -> Result<Fed> {
        let progress = self.progress().await?;
        match progress {
            Progress::At(held) if sent.patch && held < sent.start && !self.doubted => {
                self.doubted = true;
                self.confirmed = held;
                Ok(self.rewind(held, error))
            }
            Progress::At(held) if sent.patch && held > sent.start && held <= sent.end() => {
                self.pieces += 1;
                self.confirm(held);
                Ok(self.rewind(held, error))
            }
            Progress::At(_)
                if sent.patch
                    && (RANGE_LIMIT + 1..self.blob.size).contains(&sent.len)
                    && self.chunk != Some(RANGE_LIMIT) =>
            {
                self.chunk = Some(RANGE_LIMIT);
                Ok(self.rewind(self.confirmed, error))
            }
            _ => {
                self.pause(&error).await?;
                self.whole |= sent.patch && !self.is_limited();
                self.restart(error).await
            }
        }
    }

    /// The registry does not take bytes in this way: in the other, then.
    async fn change(&mut self, sent: Sent, error: Error) -> Result<Fed> {
        let unsupported = error.http_status() != Some(400);
        if sent.patch {
            let was_last_hope = self.patch_first || self.whole || self.is_limited();
            if unsupported {
                self.repository.learn(|host| host.patch_refused = true);
            }
            if was_last_hope {
                return Err(error);
            }
            self.whole = true;
            return self.restart(error).await;
        }
        if sent.len == 0 || self.patch_first || self.repository.learnt().patch_refused {
            return Err(error);
        }
        self.patch_first = true;
        let progress = self.progress().await?;
        self.resume(sent, progress, error).await
    }

    /// Begins again in a new session.
    async fn restart(&mut self, cause: Error) -> Result<Fed> {
        self.session = self.repository.open_upload(&self.blob.digest, Room::Held).await?;
        self.confirmed = 0;
        self.pieces = 0;
        Ok(self.rewind(0, cause))
    }

    fn rewind(&mut self, offset: u64, cause: Error) -> Fed {
        self.offset = offset;
        Fed::Rewind { offset, cause }
    }

    fn confirm(&mut self, offset: u64) {
        self.confirmed = offset;
        if offset > self.highest {
            self.highest = offset;
            self.doubted = false;
            self.renewed = false;
            self.patience.renew();
        }
    }

    /// Waits before the next try, or gives up.
    async fn pause(&mut self, error: &Error) -> Result<()> {
        self.patience.pause(error).await?;
        self.mended += 1;
        Ok(())
    }

    async fn progress(&mut self) -> Result<Progress> {
        self.repository.upload_progress(&mut self.session, &self.blob.digest).await
    }

    async fn is_there(&self) -> bool {
        matches!(self.repository.look_for_blob(&self.blob.digest, Room::Held).await, Ok(Some(_)))
    }

    /// Whether the host takes a blob of this size in chunks only.
    fn is_limited(&self) -> bool {
        self.repository.learnt().chunk_size.is_some_and(|limit| self.blob.size > limit)
    }

    pub(super) async fn cancel(mut self: Box<Self>) {
        // the request that is under way is cut here
        self.sending = None;
        if self.done {
            return;
        }
        let mut ask =
            Ask::new("cancelling the upload", Method::DELETE, Place::Url(self.session.url.clone()));
        ask.room = Room::Held;
        ask.retry = false;
        ask.reference = Some(self.repository.blob_reference(&self.blob.digest));
        if let Ok(Err(error)) = tokio::time::timeout(CANCEL, self.repository.send(ask)).await {
            tracing::debug!(%error, "the registry keeps the upload");
        }
    }
}

/// Whether the repository is not there, as opposed to the upload.
fn is_without_place(error: &Error) -> bool {
    error.registry_code().is_some_and(|code| code.eq_ignore_ascii_case("NAME_UNKNOWN"))
}

fn trouble(error: &Error) -> Trouble {
    let code = error.registry_code().unwrap_or_default();
    match error.http_status() {
        _ if code.eq_ignore_ascii_case("DIGEST_INVALID") => Trouble::Damaged,
        Some(429) if error.wait().is_some_and(|wait| !wait.is_zero()) => Trouble::Busy,
        // the token ran out on the way; the next request brings a new one, or fails for good
        Some(401) => Trouble::Broke,
        Some(404 | 409 | 410) => Trouble::Gone,
        Some(413) => Trouble::TooLarge,
        Some(416) => Trouble::Offset,
        Some(400 | 405 | 501) => Trouble::Disliked,
        _ if error.is_retryable() => Trouble::Broke,
        _ => Trouble::Final,
    }
}
