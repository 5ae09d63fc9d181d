use bytes::{Bytes, BytesMut};
use http::Method;

use crate::{
    Ask, BlobReader, BlobStart, BlobWriter, Code, Descriptor, Digest, Error, Known, Permit, Place,
    Repository, RepositoryName, Result, Room, Scope, Side, headers, mount::Mounts,
    patience::Patience, upload::Session,
};

impl Repository {
    /// Whether a blob is there; its size as far as it was told.
    pub async fn head_blob(&self, digest: &Digest) -> Result<Option<Option<u64>>> {
        self.look_for_blob(digest, Room::Take).await
    }

    pub(crate) async fn look_for_blob(
        &self,
        digest: &Digest,
        room: Room,
    ) -> Result<Option<Option<u64>>> {
        let path = format!("blobs/{digest}");
        let mut ask =
            Ask::new("looking for the blob", Method::HEAD, Place::Path { path: &path, query: &[] });
        ask.room = room;
        // where HEAD does not work, what is there is written once more
        ask.accept = match self.side {
            Side::Source => &[404],
            Side::Destination => &[400, 403, 404, 405, 501],
        };
        ask.reference = Some(self.blob_reference(digest));
        let answer = self.send(ask).await?;
        answer.check_no_page()?;
        Ok(answer.status.is_success().then(|| headers::length(&answer)))
    }

    /// Reads a small blob (a config) whole and verified; more than `limit` bytes are an error.
    pub async fn get_blob(&self, blob: &Descriptor, limit: u64) -> Result<Bytes> {
        let reference = self.blob_reference(&blob.digest);
        if blob.size > limit {
            let message = format!("the blob is too large to be read at once: {} bytes", blob.size);
            return Err(self.blame(Error::new(Code::ManifestInvalid, message), &reference));
        }
        let mut patience = Patience::of(self);
        loop {
            let mut reader = BlobReader::open(self.clone(), blob.clone(), 0, Room::Take).await?;
            let mut bytes = BytesMut::new();
            while let Some(piece) = reader.next().await? {
                bytes.extend_from_slice(&piece);
            }
            let got = Digest::of(blob.digest.algorithm(), &bytes);
            if got == blob.digest {
                return Ok(bytes.freeze());
            }
            let message = format!("the blob is damaged: expected {}, got {got}", blob.digest);
            let error = self.blame(Error::new(Code::DigestMismatch, message), &reference);
            patience.pause(&error).await?;
        }
    }

    /// Starts reading a blob at byte `from`. The request runs under `permit`.
    pub async fn read_blob(
        &self,
        blob: &Descriptor,
        from: u64,
        _permit: &Permit,
    ) -> Result<BlobReader> {
        for mirror in self.mirrors_of(&blob.digest).await {
            match BlobReader::open(mirror.clone(), blob.clone(), from, Room::Held).await {
                Ok(reader) => return Ok(reader),
                Err(error) => mirror.pass_over(Some(&error)),
            }
        }
        BlobReader::open(self.clone(), blob.clone(), from, Room::Held).await
    }

    /// Asks for a blob and opens an upload in one request: `POST …?mount=<digest>&from=<repository>`, `from` being this
    /// repository itself where no other is known to hold it. Hosts that never mount, or not what no manifest names yet,
    /// are asked by HEAD first. A tiny blob that is hardly there may not be asked for at all.
    pub async fn begin_blob(&self, blob: &Descriptor, known: Known<'_>) -> Result<BlobStart> {
        if known.unasked {
            return Ok(self.write(blob, self.open_upload(&blob.digest, Room::Take).await?));
        }
        let other = known.from.filter(|from| **from != self.name);
        if let Some(from) = other.filter(|from| self.may_mount(from, known.committed)) {
            return self.begin_by_mount(blob, known, from).await;
        }
        // a repository that may have to be created first is asked in the way that finds that out
        if known.is_new
            && self.creation().await?.is_none()
            && let Some(writer) = BlobWriter::single_post(self, blob)
        {
            return Ok(BlobStart::Write(writer));
        }
        if self.mounts(|mounts| mounts.can_ask()) {
            return self.begin_by_mount(blob, Known { from: None, ..known }, &self.name).await;
        }
        self.begin_plainly(blob).await
    }

    /// Mounts the blob; from this repository itself, it is the question whether it is there.
    async fn begin_by_mount(
        &self,
        blob: &Descriptor,
        known: Known<'_>,
        from: &RepositoryName,
    ) -> Result<BlobStart> {
        let own = *from == self.name;
        let query = [("mount", blob.digest.as_str()), ("from", from.as_str())];
        let place = Place::Path { path: "blobs/uploads/", query: &query };
        let mut ask = Ask::new("asking for the blob", Method::POST, place);
        ask.scope = if own { Scope::Side } else { Scope::Mount(from) };
        // whatever a registry has against mounts, it may still take the blob
        ask.accept = &[400, 401, 403, 404, 405, 409, 500, 501];
        ask.reference = Some(self.blob_reference(&blob.digest));
        let answer = match self.send(ask).await {
            Ok(answer) => answer,
            // there is no token for both repositories; there may be one for ours
            Err(error) if !own && is_denial(&error) => {
                return self.begin_without_mount(blob, known.from, &error).await;
            }
            Err(error) => return Err(error),
        };
        match answer.status.as_u16() {
            201 => {
                self.mounts(|mounts| mounts.granted(known));
                Ok(if own { BlobStart::Present } else { BlobStart::Mounted })
            }
            200 | 202..=299 => {
                answer.check_no_page()?;
                // from its own repository, this only says that the blob is not there
                if !own {
                    self.mounts(|mounts| mounts.declined(from, known.committed));
                }
                Ok(self.write(blob, Session::opened(&answer)?))
            }
            _ => {
                let refusal = answer.into_error().await;
                self.begin_without_mount(blob, known.from, &refusal).await
            }
        }
    }

    /// After a mount that was refused.
    async fn begin_without_mount(
        &self,
        blob: &Descriptor,
        from: Option<&RepositoryName>,
        refusal: &Error,
    ) -> Result<BlobStart> {
        let start = self.begin_plainly(blob).await?;
        tracing::debug!(%refusal, "the registry takes the blob but refuses the mount");
        let for_good = !refusal.is_retryable();
        self.mounts(|mounts| mounts.refused(from, for_good));
        Ok(start)
    }

    async fn begin_plainly(&self, blob: &Descriptor) -> Result<BlobStart> {
        if self.head_blob(&blob.digest).await?.is_some() {
            return Ok(BlobStart::Present);
        }
        let session = match self.open_upload(&blob.digest, Room::Take).await {
            Err(error) if is_for_want_of_it(&error) && self.create().await? => {
                // what was declined before was declined for that
                self.mounts(Mounts::forgive);
                self.open_upload(&blob.digest, Room::Take).await?
            }
            session => session?,
        };
        Ok(self.write(blob, session))
    }

    fn write(&self, blob: &Descriptor, session: Session) -> BlobStart {
        BlobStart::Write(BlobWriter::new(self.clone(), blob.clone(), session))
    }
}

fn is_denial(error: &Error) -> bool {
    matches!(error.code(), Code::PullDenied | Code::PushDenied | Code::AuthRequired)
}

/// Whether a refusal may mean that the repository, or the project that it is in, is not there yet.
fn is_for_want_of_it(error: &Error) -> bool {
    matches!(error.code(), Code::RepoMustExist | Code::PushDenied)
}
