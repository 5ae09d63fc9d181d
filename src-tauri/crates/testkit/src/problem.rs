//! Errors as `distribution` writes them.

use http::StatusCode;
use serde_json::{Value, json};

use crate::reply::Reply;

/// One error of a registry's answer.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    pub(crate) status: u16,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) detail: Option<Value>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status: status.as_u16(), code, message: message.into(), detail: None }
    }

    pub(crate) fn detail(mut self, detail: impl Into<Value>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    pub(crate) fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    pub(crate) fn name_unknown(repository: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NAME_UNKNOWN", "repository name not known to registry")
            .detail(json!({ "name": repository }))
    }

    pub(crate) fn name_invalid(detail: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "NAME_INVALID", "invalid repository name").detail(detail)
    }

    pub(crate) fn manifest_unknown(repository: &str, reference: &str) -> Self {
        let detail = if reference.contains(':') {
            json!({ "Name": repository, "Revision": reference })
        } else {
            json!({ "Tag": reference })
        };
        Self::new(StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN", "manifest unknown").detail(detail)
    }

    pub(crate) fn manifest_invalid(detail: impl Into<Value>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "MANIFEST_INVALID", "manifest invalid").detail(detail)
    }

    pub(crate) fn manifest_blob_unknown(digest: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry")
            .detail(digest)
    }

    pub(crate) fn blob_unknown(digest: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "BLOB_UNKNOWN", "blob unknown to registry").detail(digest)
    }

    pub(crate) fn upload_unknown() -> Self {
        Self::new(StatusCode::NOT_FOUND, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
            .detail(json!({}))
    }

    pub(crate) fn upload_invalid() -> Self {
        Self::new(StatusCode::NOT_FOUND, "BLOB_UPLOAD_INVALID", "blob upload invalid")
    }

    pub(crate) fn range_invalid(detail: impl Into<Value>) -> Self {
        Self::new(StatusCode::RANGE_NOT_SATISFIABLE, "RANGE_INVALID", "invalid content range")
            .detail(detail)
    }

    pub(crate) fn digest_invalid(detail: impl Into<Value>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "DIGEST_INVALID",
            "provided digest did not match uploaded content",
        )
        .detail(detail)
    }

    pub(crate) fn size_invalid(detail: impl Into<Value>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "SIZE_INVALID",
            "provided length did not match content length",
        )
        .detail(detail)
    }

    pub(crate) fn unauthorized(detail: impl Into<Value>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", "authentication required")
            .detail(detail)
    }

    pub(crate) fn denied(message: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "DENIED", message)
    }

    pub(crate) fn unsupported() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED", "The operation is unsupported.")
    }

    pub(crate) fn value(&self) -> Value {
        let mut error = json!({ "code": self.code, "message": self.message });
        if let Some(detail) = &self.detail {
            error["detail"] = detail.clone();
        }
        error
    }

    pub(crate) fn reply(&self) -> Reply {
        errors(self.status, &[self.value()])
    }
}

/// Several problems in one answer.
pub(crate) fn reply(problems: &[Problem]) -> Reply {
    let status = problems.first().map_or(500, |problem| problem.status);
    errors(status, &problems.iter().map(Problem::value).collect::<Vec<_>>())
}

fn errors(status: u16, errors: &[Value]) -> Reply {
    Reply::status(status)
        .header("content-type", "application/json; charset=utf-8")
        .body(format!("{}\n", json!({ "errors": errors })))
}
