//! An answer as tests script it and as the registry makes it.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde_json::json;

use crate::content::Content;

/// An answer: status, headers and body.
#[derive(Clone, Debug)]
pub struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Box<HeaderMap>,
    pub(crate) body: Payload,
    pub(crate) early: bool,
}

/// The body of an answer, not yet cut to the range that goes out.
#[derive(Clone, Debug)]
pub(crate) enum Payload {
    Bytes(Bytes),
    Content { content: Content, start: u64, end: u64 },
}

impl Reply {
    /// An answer without a body.
    pub fn status(status: u16) -> Self {
        Self { status, headers: Box::default(), body: Payload::Bytes(Bytes::new()), early: false }
    }

    /// The answer that registries give to what they refuse: `{"errors":[{"code","message"}]}`.
    pub fn error(status: u16, code: &str, message: &str) -> Self {
        Self::json(status, &json!({ "errors": [{ "code": code, "message": message }] }))
    }

    /// An answer in JSON.
    pub fn json(status: u16, body: &serde_json::Value) -> Self {
        Self::status(status)
            .header("content-type", "application/json; charset=utf-8")
            .body(format!("{body}\n"))
    }

    /// A page in HTML, as proxies and captive portals answer.
    pub fn html(status: u16, title: &str) -> Self {
        let page = format!(
            "<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>\n"
        );
        Self::status(status).header("content-type", "text/html; charset=utf-8").body(page)
    }

    /// An error in XML, as object stores answer.
    pub fn xml(status: u16, code: &str, message: &str) -> Self {
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>"
        );
        Self::status(status).header("content-type", "application/xml").body(body)
    }

    /// Plain text.
    pub fn text(status: u16, text: &str) -> Self {
        Self::status(status)
            .header("content-type", "text/plain; charset=utf-8")
            .body(text.to_owned())
    }

    /// `429 Too Many Requests`; `retry_after` is the header's value: seconds, an HTTP date, or none.
    pub fn too_many_requests(retry_after: Option<&str>) -> Self {
        let reply = Self::error(429, "TOOMANYREQUESTS", "You have reached your pull rate limit.");
        match retry_after {
            Some(value) => reply.header("retry-after", value),
            None => reply,
        }
    }

    /// Sets a header.
    ///
    /// # Panics
    /// If the name or value can't be in a header.
    pub fn header(mut self, name: &str, value: impl AsRef<str>) -> Self {
        self.set(name, value.as_ref());
        self
    }

    /// Sets the body.
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = Payload::Bytes(body.into());
        self
    }

    /// Answered before the request's body is read, as proxies do; otherwise it is read first.
    pub fn early(mut self) -> Self {
        self.early = true;
        self
    }

    /// `Retry-After` as an HTTP date, `seconds` from now.
    pub fn http_date(seconds: u64) -> String {
        httpdate::fmt_http_date(
            std::time::SystemTime::now() + std::time::Duration::from_secs(seconds),
        )
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a header's name");
        self.headers.insert(name, HeaderValue::from_str(value).expect("a header's value"));
    }

    pub(crate) fn add(&mut self, name: &str, value: &str) {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a header's name");
        self.headers.append(name, HeaderValue::from_str(value).expect("a header's value"));
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.headers.remove(name);
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(crate) fn content(mut self, content: Content, start: u64, end: u64) -> Self {
        self.body = Payload::Content { content, start, end };
        self
    }

    pub(crate) fn location(self, location: &str) -> Self {
        self.header(header::LOCATION.as_str(), location)
    }

    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

impl Payload {
    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Content { start, end, .. } => end - start,
        }
    }

    /// Some bytes from `offset` on; none at the end.
    pub(crate) fn read(&self, offset: u64) -> Bytes {
        match self {
            Self::Bytes(bytes) => bytes.slice(bytes.len().min(offset as usize)..),
            Self::Content { content, start, end } => {
                let left = end.saturating_sub(start + offset);
                let mut piece = content.read(start + offset);
                piece.truncate(left.min(piece.len() as u64) as usize);
                piece
            }
        }
    }
}
