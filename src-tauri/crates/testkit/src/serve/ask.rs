//! The request at hand.

use std::sync::Arc;

use http::{HeaderMap, header};
use hyper::body::Incoming;

use super::{intake::Intake, quirk};
use crate::{
    fault::Cut,
    kind::Route,
    lock,
    quirk::Quirk,
    request::{Entry, Request, parameters},
    script::Fired,
    server::{Connection, Shared},
};

pub(crate) struct Ask {
    pub(crate) shared: Arc<Shared>,
    pub(crate) connection: Arc<Connection>,
    pub(crate) entry: Arc<Entry>,
    pub(crate) route: Route,
    pub(crate) query: Vec<(String, String)>,
    /// The registry's quirks, and those that faults lend to this request.
    pub(crate) quirks: Vec<Quirk>,
    /// The faults that fired at this request.
    pub(crate) faults: Vec<Fired>,
    pub(crate) intake: Intake,
    /// What every path starts with, `""` unless a quirk says otherwise.
    pub(crate) prefix: String,
}

impl Ask {
    pub(crate) fn new(
        shared: Arc<Shared>,
        connection: Arc<Connection>,
        parts: http::request::Parts,
        incoming: Incoming,
    ) -> Self {
        let quirks = lock(&shared.quirks).clone();
        let prefix = quirks.iter().find_map(|quirk| match quirk {
            Quirk::PathPrefix(prefix) => Some(prefix.clone()),
            _ => None,
        });
        let prefix = prefix.unwrap_or_default();
        let (path, query) = (parts.uri.path().to_owned(), parts.uri.query().map(str::to_owned));
        let route = Route::parse(&path, &prefix);
        let parameters = parameters(query.as_deref());
        let method = parts.method.as_str().to_owned();
        let is_mount = parameters.iter().any(|(name, _)| name == "mount");
        let entry = shared.log.begin(Request {
            id: 0,
            connection: connection.id,
            version: parts.version,
            second_host: connection.second_host,
            kind: route.kind(&method, is_mount),
            method,
            path,
            query,
            headers: parts.headers,
            repository: route.repository().map(str::to_owned),
            reference: route.reference().map(str::to_owned),
            status: None,
            received: 0,
            sent: 0,
            form: Vec::new(),
            started: std::time::Duration::ZERO,
            ended: None,
            complete: false,
        });
        let mut intake =
            Intake::new(incoming, shared.clone(), connection.control.clone(), entry.clone());
        intake.idle_limit = quirks.iter().find_map(|quirk| match quirk {
            Quirk::UploadIdleLimit(limit) => Some(*limit),
            _ => None,
        });
        Self {
            shared,
            connection,
            entry,
            route,
            query: parameters,
            quirks,
            faults: Vec::new(),
            intake,
            prefix,
        }
    }

    pub(crate) fn arrived(&self) -> &Request {
        self.entry.arrived()
    }

    pub(crate) fn method(&self) -> &str {
        &self.arrived().method
    }

    pub(crate) fn is_write(&self) -> bool {
        matches!(self.method(), "POST" | "PUT" | "PATCH" | "DELETE")
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.arrived().headers
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.arrived().header(name)
    }

    pub(crate) fn raw_query(&self) -> Option<&str> {
        self.arrived().query.as_deref()
    }

    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The length that the client told.
    pub(crate) fn content_length(&self) -> Option<u64> {
        self.header("content-length")?.parse().ok()
    }

    pub(crate) fn is_chunked(&self) -> bool {
        self.headers().contains_key(header::TRANSFER_ENCODING)
    }

    /// The host as the client named it.
    pub(crate) fn host(&self) -> &str {
        self.header("host").unwrap_or(&self.shared.host)
    }

    /// `http://host` as the client sees it, with the prefix.
    pub(crate) fn base(&self) -> String {
        format!("{}://{}{}", self.shared.scheme(), self.host(), self.prefix)
    }

    pub(crate) fn second_host_url(&self) -> String {
        format!("{}://{}", self.shared.scheme(), self.shared.second_host)
    }

    /// Nobody waits for an answer any more. Never comes back.
    pub(crate) async fn gone(&self) -> ! {
        self.connection.control.hang_up(Cut::Close).await
    }

    /// Whether the media type is in `Accept`. Without such a header, or with `*/*`, everything is.
    pub(crate) fn accepts(&self, media_type: &str) -> bool {
        let all = self.accept();
        all.is_empty() || all.iter().any(|accepted| accepted == media_type || accepted == "*/*")
    }

    /// The media types in `Accept`.
    pub(crate) fn accept(&self) -> Vec<String> {
        let headers = self.headers().get_all(header::ACCEPT);
        let types = headers
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','));
        let types = types
            .map(|media_type| media_type.split(';').next().unwrap_or_default().trim().to_owned());
        let most = if quirk!(self, Quirk::FirstAcceptOnly) { 1 } else { usize::MAX };
        types.filter(|media_type| !media_type.is_empty()).take(most).collect()
    }
}
