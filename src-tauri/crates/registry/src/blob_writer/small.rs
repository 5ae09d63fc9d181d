//! A tiny blob that goes out with the request that would open its upload: `POST …?digest=<digest>`.
//!
//! When is that fewer requests? A blob that is asked for first costs two at its destination when it is new (the question
//! opens the upload), and one, with no read at the source, when it is there. Sent at once it costs one when it is new, and
//! one, with a read in vain, when it is there. So it is done for what is new in all likelihood, and alone: the config of
//! an image whose tag is not there yet. It is not put together with the question (`mount=` and `digest=` in one request):
//! the bytes must be had before either way, and registries that know both don't agree on which comes first.
//!
//! Not all registries know it. Debian's `docker-registry` (2.8) answers 202 to both forms, drops the body and opens an
//! upload, which is then used, so that finding out costs nothing there; with 400, 404 or 405 it costs one request. One
//! blob finds out for the whole host.

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Method, header::CONTENT_TYPE};

use super::{Fed, Upload};
use crate::{
    Answer, Ask, Body, Code, Descriptor, Digest, Error, Place, Repository, Result, Room, Wait,
    headers, refusal, upload::Session,
};

/// The largest blob that is sent so.
const TINY: u64 = 32 * 1024;

/// Whether a host takes a blob with the POST.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum SinglePost {
    #[default]
    Unknown,
    /// A blob is finding out.
    Tried,
    Taken,
    Refused,
}

/// A tiny blob as it comes.
#[derive(Debug)]
pub(super) struct Small {
    repository: Repository,
    blob: Descriptor,
    bytes: BytesMut,
    trial: Option<Trial>,
}

/// The right to find out for the whole host. Dropping it hands it on.
#[derive(Debug)]
struct Trial(Repository);

impl Drop for Trial {
    fn drop(&mut self) {
        self.0.learn(|host| {
            if host.single_post == SinglePost::Tried {
                host.single_post = SinglePost::Unknown;
            }
        });
    }
}

/// What came of the POST.
enum Posted {
    Done,
    Opened(Session),
}

impl Small {
    /// For a blob that may go out so, at a host that takes it or may.
    pub(super) fn of(repository: &Repository, blob: &Descriptor) -> Option<Self> {
        if blob.size == 0 || blob.size > TINY || !blob.is_config() {
            return None;
        }
        let mut trial = None;
        let mut is_taken = false;
        repository.learn(|host| match host.single_post {
            SinglePost::Unknown => {
                host.single_post = SinglePost::Tried;
                trial = Some(());
            }
            SinglePost::Taken => is_taken = true,
            SinglePost::Tried | SinglePost::Refused => {}
        });
        let trial = trial.map(|()| Trial(repository.clone()));
        (is_taken || trial.is_some()).then(|| Self {
            repository: repository.clone(),
            blob: blob.clone(),
            bytes: BytesMut::new(),
            trial,
        })
    }

    pub(super) fn offset(&self) -> u64 {
        self.bytes.len() as u64
    }

    pub(super) fn write(&mut self, bytes: &Bytes) -> Result<Fed> {
        if bytes.len() as u64 > self.blob.size - self.offset() {
            return Err(super::too_much(&self.repository, &self.blob));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(Fed::More)
    }

    /// Sends it; the upload that has to go on where that was not all.
    pub(super) async fn finish(mut self) -> Result<Option<Upload>> {
        if self.offset() < self.blob.size {
            let (at, size) = (self.offset(), self.blob.size);
            let message = format!("the blob ended at byte {at} of {size}");
            return Err(self.blame(Error::new(Code::Internal, message)));
        }
        let bytes = std::mem::take(&mut self.bytes).freeze();
        match self.post(&bytes).await? {
            Posted::Done => Ok(None),
            Posted::Opened(session) => {
                let mut upload = Upload::new(self.repository.clone(), self.blob.clone(), session);
                upload.last = bytes;
                Ok(Some(upload))
            }
        }
    }

    async fn post(&mut self, bytes: &Bytes) -> Result<Posted> {
        let query = [("digest", self.blob.digest.as_str())];
        let place = Place::Path { path: "blobs/uploads/", query: &query };
        let mut ask = Ask::new("writing the blob", Method::POST, place);
        ask.body = Body::Bytes(bytes.clone());
        ask.room = Room::Held;
        ask.wait = Wait::Upload;
        // whatever a registry has against it, it may still take the blob otherwise
        ask.accept = &[400, 404, 405, 409, 411, 413, 415, 416, 501];
        ask.reference = Some(self.repository.blob_reference(&self.blob.digest));
        let ask = ask.header(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        let answer = self.repository.send(ask).await.map_err(refusal::of_blob)?;
        if answer.status == 201 {
            self.check(&answer)?;
            self.learnt(SinglePost::Taken);
            return Ok(Posted::Done);
        }
        if answer.status.is_success() {
            answer.check_no_page()?;
            self.learnt(SinglePost::Refused);
            return Ok(Posted::Opened(Session::opened(&answer)?));
        }
        let session = self.repository.open_upload(&self.blob.digest, Room::Held).await?;
        self.learnt(SinglePost::Refused);
        Ok(Posted::Opened(session))
    }

    /// Whether the registry says that it stored what was sent.
    fn check(&self, answer: &Answer) -> Result<()> {
        answer.check_no_page()?;
        let ours: &Digest = &self.blob.digest;
        match headers::digest(answer).filter(|d| d.algorithm() == ours.algorithm() && d != ours) {
            Some(stored) => Err(super::stored_another(answer, ours, &stored)),
            None => Ok(()),
        }
    }

    fn learnt(&mut self, what: SinglePost) {
        self.repository.learn(|host| host.single_post = what);
        self.trial = None;
    }

    fn blame(&self, error: Error) -> Error {
        self.repository.blame(error, &self.repository.blob_reference(&self.blob.digest))
    }
}
