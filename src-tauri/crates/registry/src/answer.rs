//! An answer of a registry whose headers are there.

use std::{fmt, sync::Arc, sync::atomic::Ordering::Relaxed, time::Duration};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Version};
use tokio::time::{Instant, timeout};
use url::Url;

use crate::{
    Code, Error, HostState, Result, Side,
    auth::Login,
    error_body::{self, ErrorBody},
    failure::Failure,
    hint,
    limit::Permit,
    redirect::Home,
    retry::Class,
};

/// What an answer is about, for its errors.
#[derive(Debug)]
pub(crate) struct About {
    pub(crate) what: &'static str,
    /// None where the request is of no copy.
    pub(crate) side: Option<Side>,
    /// What the request is limited with.
    pub(crate) class: Class,
    pub(crate) reference: Option<String>,
    pub(crate) host: Arc<HostState>,
    pub(crate) begin: Instant,
    pub(crate) stall: Duration,
}

impl About {
    /// Adds the place to an error.
    pub(crate) fn place(&self, error: Error) -> Error {
        let error = self.place_without_reference(error);
        match &self.reference {
            Some(reference) => error.reference(reference),
            None => error,
        }
    }

    /// Adds the place, but for the reference: for errors that others share.
    pub(crate) fn place_without_reference(&self, error: Error) -> Error {
        let error = error.registry(&self.host.registry);
        match self.side {
            Some(side) => error.on(side),
            None => error,
        }
    }
}

/// An answer whose headers are there. Dropping it drops the connection, unless the body was read to its end.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// Where the answer came from, after redirects: what relative `Location`s and `Link`s are resolved against.
    pub(crate) url: Url,
    /// Requests sent for this answer.
    pub(crate) attempts: u32,
    pub(super) about: About,
    pub(super) method: Method,
    pub(super) home: Home,
    pub(super) response: reqwest::Response,
    /// Held while the body is being read.
    pub(super) room: Option<Permit>,
    /// What must not be seen in error messages.
    pub(super) login: Arc<Login>,
    pub(super) shown: Option<HeaderValue>,
    /// An order to wait that came with it.
    pub(super) retry_after: Option<Duration>,
}

impl Answer {
    /// A header's value, if it is text.
    pub(crate) fn header(&self, name: impl http::header::AsHeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The next bytes of the body, or `None` after the last. Nothing for `ClientOptions::stall` is a retryable
    /// `net.timeout`; an early end (fewer bytes than `Content-Length`) is a retryable `net.reset`.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>> {
        match read_chunk(&mut self.response, &self.url, self.about.stall).await {
            Ok(Some(bytes)) => Ok(Some(bytes)),
            Ok(None) => {
                self.room = None;
                Ok(None)
            }
            Err(failure) => {
                self.room = None;
                if self.response.version() == Version::HTTP_2 {
                    self.about.host.learnt().http1_only = true;
                }
                if failure.congestion {
                    // of all that break at once, one counts
                    self.about.host.room.congested(self.about.class, self.about.begin);
                }
                Err(self.place(failure.into_error(self.about.what)))
            }
        }
    }

    /// The whole body. More than `limit` bytes are an error.
    pub(crate) async fn bytes(&mut self, limit: usize) -> Result<Bytes> {
        let mut all = BytesMut::new();
        while let Some(bytes) = self.chunk().await? {
            if all.len() + bytes.len() > limit {
                let message = format!("the answer is longer than {limit} bytes");
                return Err(self.error(Code::RegistryRefused, message));
            }
            if all.is_empty() && self.response.content_length() == Some(bytes.len() as u64) {
                self.room = None;
                return Ok(bytes);
            }
            all.extend_from_slice(&bytes);
        }
        Ok(all.freeze())
    }

    /// The error that this answer means: status, the registry's own code and message from the body (read up to
    /// 64 KiB, then dropped), and the code that follows from them.
    pub(crate) async fn into_error(mut self) -> Error {
        let body = self.error_body().await;
        let code = self.code(&body);
        let message = match code {
            Code::NotARegistry => format!("{} failed: this is not a registry", self.about.what),
            Code::RedirectRefused => {
                format!("{} failed: the registry redirects it", self.about.what)
            }
            _ => format!("{} failed", self.about.what),
        };
        let error = self.error(code, message).said(body.code, body.message);
        let error = error.retry_after(self.retry_after);
        let error = error.retryable(crate::retry::may_pass(self.status));
        if self.login.is_anonymous() && matches!(code, Code::PullDenied | Code::PushDenied) {
            return error.hint(hint::anonymous(&self.about.host.registry));
        }
        error
    }

    /// What the body of an error says.
    pub(crate) async fn error_body(&mut self) -> ErrorBody {
        let read = read_body(&mut self.response, &self.url, self.about.stall, error_body::LIMIT);
        let bytes = read.await.unwrap_or_default();
        self.room = None;
        let header = self.shown.as_ref().and_then(|header| header.to_str().ok());
        let token = header.and_then(|header| header.split_once(' ')).map_or("", |(_, token)| token);
        let body = self.login.secret(|secret| ErrorBody::parse(&bytes, &[token, secret]));
        let body = body.unwrap_or_else(|| ErrorBody::parse(&bytes, &[token]));
        if body.is_registry {
            self.about.host.is_registry.store(true, Relaxed);
        }
        body
    }

    fn code(&self, body: &ErrorBody) -> Code {
        let denied = match self.about.side {
            Some(Side::Destination) => Code::PushDenied,
            _ => Code::PullDenied,
        };
        let writes = !matches!(self.method, Method::GET | Method::HEAD);
        let status = self.status.as_u16();
        if is_full(status, body) {
            return Code::QuotaExceeded;
        }
        // what limits and forbids may speak to browsers in front of a true registry
        let is_page = body.is_page && matches!(status, 200..=400 | 404 | 405);
        if is_page && !self.about.host.is_registry.load(Relaxed) {
            return Code::NotARegistry;
        }
        match (status, body.code.as_deref()) {
            (401, _) => Code::AuthRequired,
            (407, _) => Code::ProxyFailed,
            (429, _) | (_, Some("TOOMANYREQUESTS")) => Code::RateLimited,
            (400..500, Some("NAME_INVALID")) => Code::RepoName,
            (400..500, Some("BLOB_UNKNOWN")) => Code::BlobNotFound,
            (400..500, Some("DENIED" | "UNAUTHORIZED")) | (403, _) => denied,
            (404, _) => Code::RefNotFound,
            (405, _) if writes => Code::RegistryReadOnly,
            (300..400, _) => Code::RedirectRefused,
            (500.., _) => Code::RegistryFailed,
            _ => Code::RegistryRefused,
        }
    }

    /// An error about this answer (place, status, tries, time), for what is wrong with it in the caller's eyes.
    pub(crate) fn error(&self, code: Code, message: impl Into<String>) -> Error {
        let error = Error::new(code, message).status(self.status.as_u16());
        self.place(error)
    }

    /// Adds place, tries and time to an error.
    pub(crate) fn place(&self, error: Error) -> Error {
        self.about.place(error).tried(self.attempts, self.about.begin.elapsed())
    }

    /// `registry.not-found` if this is a web page and not an answer of a registry (`Content-Type: text/html`).
    pub(crate) fn check_no_page(&self) -> Result<()> {
        let kind = self.header(http::header::CONTENT_TYPE).unwrap_or_default();
        if kind.trim_start().get(..9).is_some_and(|kind| kind.eq_ignore_ascii_case("text/html")) {
            let message = format!("{} failed: this is a web page, not a registry", self.what());
            return Err(self.error(Code::NotARegistry, message));
        }
        Ok(())
    }

    pub(crate) fn what(&self) -> &'static str {
        self.about.what
    }

    pub(crate) fn home(&self) -> &Home {
        &self.home
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("status", &self.status).finish_non_exhaustive()
    }
}

/// Whether a registry says that it is out of space. There is no code for it: Harbor and Quay say it in words, and
/// distribution passes on what the disk says.
fn is_full(status: u16, body: &ErrorBody) -> bool {
    let says = |words: &str| {
        body.message.as_ref().is_some_and(|message| message.to_ascii_lowercase().contains(words))
    };
    status == 507
        || body.code.as_deref().is_some_and(|code| code.contains("QUOTA"))
        || matches!(status, 403 | 409 | 412 | 413 | 500)
            && (says("quota") || says("configured upper limit") || says("no space left"))
}

/// The next bytes of a body.
async fn read_chunk(
    response: &mut reqwest::Response,
    url: &Url,
    stall: Duration,
) -> Result<Option<Bytes>, Failure> {
    match timeout(stall, response.chunk()).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) => Err(Failure::of(&error.without_url(), url, None)),
        Err(_) => Err(Failure::stalled("the other side sent no byte", stall)),
    }
}

/// A body's first `limit` bytes; what follows is dropped.
pub(crate) async fn read_body(
    response: &mut reqwest::Response,
    url: &Url,
    stall: Duration,
    limit: usize,
) -> Result<Bytes, Failure> {
    let mut all = BytesMut::new();
    while let Some(bytes) = read_chunk(response, url, stall).await? {
        all.extend_from_slice(&bytes[..bytes.len().min(limit - all.len())]);
        if all.len() == limit {
            break;
        }
    }
    Ok(all.freeze())
}
