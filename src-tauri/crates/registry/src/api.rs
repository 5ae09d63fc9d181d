//! Requests to the API that a vendor has besides its registry: lists that the distribution spec does not know, and
//! what creates repositories. Room, pauses, retries and redirects are as everywhere; what is shown is shown to the
//! host that it is for, and to no other.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, StatusCode,
    header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, LOCATION},
};
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep};
use url::Url;

use crate::{
    Client, CloudRequest, Code, Error, Registry, Result, Wait,
    answer::read_body,
    error_body::{self, ErrorBody},
    failure::Failure,
    host::Reach,
    redirect::{self, Home},
    retry::{self, Class},
    wire::{Load, Parcel, transmit},
};

/// The largest answer that is read.
const LARGEST: usize = 16 * 1024 * 1024;

/// What a call shows of who we are.
#[derive(Clone, Debug)]
pub(crate) enum Show {
    Nothing,
    /// `Authorization`.
    Header(HeaderValue),
    /// A signature by the keys that go with the account.
    Signature,
}

/// A request to a vendor's API.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// What is being done: "listing the repositories".
    pub(crate) what: &'static str,
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) show: Show,
    /// What it is about, for errors.
    pub(crate) reference: Option<String>,
}

/// A good answer, read to its end.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    what: &'static str,
    api: String,
    registry: Registry,
    reference: Option<String>,
}

impl Call {
    pub(crate) fn get(what: &'static str, url: Url, show: Show) -> Self {
        Self {
            what,
            method: Method::GET,
            url,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            show,
            reference: None,
        }
    }

    /// A JSON document to be posted.
    pub(crate) fn post(what: &'static str, url: Url, show: Show, body: &serde_json::Value) -> Self {
        let mut call = Self::get(what, url, show);
        call.method = Method::POST;
        call.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        call.body = body.to_string().into();
        call
    }

    pub(crate) fn about(mut self, reference: impl std::fmt::Display) -> Self {
        self.reference = Some(reference.to_string());
        self
    }
}

impl Reply {
    /// The document. One that is not what the API's documentation says is `registry.refused`.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.body).map_err(|error| {
            let is_page = self.body.trim_ascii_start().first() == Some(&b'<');
            let what = if is_page { "a web page" } else { "not what its documentation says" };
            let message = format!("{} failed: the answer of {} is {what}", self.what, self.api);
            let error = Error::new(Code::RegistryRefused, message).cause(&error);
            let error = error.registry(&self.registry);
            match &self.reference {
                Some(reference) => error.reference(reference),
                None => error,
            }
        })
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Why a try has no good answer.
enum Lost {
    Network(Failure),
    Status { status: StatusCode, headers: HeaderMap, body: ErrorBody },
    Final(Error),
}

impl Client {
    /// Calls the API of a registry's vendor, with the TLS settings and proxy of that registry's account.
    pub(crate) async fn call(&self, registry: &Registry, call: &Call) -> Result<Reply> {
        let begin = Instant::now();
        let own = self.host_state(registry);
        let place = |error: Error, attempts: u32| {
            let error = error.registry(registry).tried(attempts, begin.elapsed());
            match &call.reference {
                Some(reference) => error.reference(reference),
                None => error,
            }
        };
        let reach = own.reach(self, None).await.map_err(|error| place(error, 0))?;
        // another host has its own room and pauses
        let host = match authority(&call.url).filter(|there| there != registry) {
            Some(there) if there.as_str() != registry.api_host() => self.host_state(&there),
            _ => own,
        };
        let class = if call.method == Method::GET { Class::List } else { Class::Write };
        let options = &self.0.options;
        let (mut pauses, mut waited) = (retry::backoff(options), Duration::ZERO);
        let mut attempts = 0;
        loop {
            if let Err(left) = host.pauses.wait(class, options.longest_wait).await {
                return Err(place(retry::too_long(call.what, left), attempts));
            }
            let room = host.room.acquire(class).await;
            let sent = Instant::now();
            attempts += 1;
            let lost = match self.call_once(&reach, registry, call, attempts).await {
                Ok((headers, body)) => {
                    host.room.answered(class);
                    let api = call.url.host_str().unwrap_or_default().to_owned();
                    let (registry, reference) = (registry.clone(), call.reference.clone());
                    return Ok(Reply { headers, body, what: call.what, api, registry, reference });
                }
                Err(lost) => lost,
            };
            let error = match lost {
                Lost::Final(error) => return Err(place(error, attempts)),
                Lost::Network(failure) => {
                    if failure.congestion {
                        host.room.congested(class, sent);
                    }
                    let retryable = failure.retryable;
                    let error = failure.into_error(call.what);
                    if !retryable {
                        return Err(place(error, attempts));
                    }
                    error
                }
                Lost::Status { status, headers, body } => {
                    if matches!(status.as_u16(), 429 | 503) {
                        host.room.congested(class, sent);
                    }
                    if let Some(wait) = retry::ordered(status, &headers, SystemTime::now()) {
                        host.pauses.order(&host.registry, class, wait);
                        waited = waited.saturating_add(wait);
                        if waited > options.longest_wait {
                            let error = retry::too_long(call.what, wait).status(status.as_u16());
                            return Err(place(error.said(body.code, body.message), attempts));
                        }
                        continue;
                    }
                    let error = refused(call, status, body);
                    if !retry::may_pass(status) {
                        return Err(place(error, attempts));
                    }
                    error
                }
            };
            drop(room);
            match pauses.next() {
                Some(pause) => sleep(pause).await,
                None => return Err(place(error, attempts)),
            }
        }
    }

    /// One try, wherever it is led.
    async fn call_once(
        &self,
        reach: &Reach,
        registry: &Registry,
        call: &Call,
        attempt: u32,
    ) -> Result<(HeaderMap, Bytes), Lost> {
        let mut url = call.url.clone();
        let mut headers = call.headers.clone();
        headers.entry(ACCEPT).or_insert(HeaderValue::from_static("application/json"));
        match &call.show {
            Show::Nothing => {}
            Show::Header(value) => drop(headers.insert(AUTHORIZATION, value.clone())),
            Show::Signature => {
                let (method, body) = (call.method.clone(), call.body.clone());
                let mut request = CloudRequest { method, url, headers, body };
                let signed = self.0.access.sign(registry, &mut request).await;
                if !signed.map_err(Lost::Final)? {
                    return Err(Lost::Final(no_keys(call, registry)));
                }
                (url, headers) = (request.url, request.headers);
            }
        }
        let home = Home { url: origin(&url), insecure: reach.access.tls.insecure };
        let mut redirects = 0;
        loop {
            let is_home = home.owns(&url);
            let mut shown = headers.clone();
            if !is_home {
                // whatever tells who we are is for the API alone
                shown.retain_only(&[ACCEPT, CONTENT_TYPE]);
            }
            let body =
                if call.body.is_empty() { Load::Empty } else { Load::Bytes(call.body.clone()) };
            if call.method != Method::GET {
                shown.insert(CONTENT_LENGTH, call.body.len().into());
            }
            let is_registry = authority(&url).is_some_and(|there| there == *registry);
            let http = if is_registry { &reach.http } else { &reach.abroad };
            let parcel = Parcel {
                method: call.method.clone(),
                url: url.clone(),
                headers: shown.clone(),
                body,
                wait: Wait::Answer,
            };
            let proxy = reach.access.proxy.as_ref();
            let mut response =
                transmit(self, http, proxy, parcel, attempt).await.map_err(Lost::Network)?;
            let status = response.status();
            let target = response.headers().get(LOCATION).and_then(|to| to.to_str().ok());
            if let (301 | 302 | 303 | 307 | 308, Some(target), &Method::GET) =
                (status.as_u16(), target, &call.method)
            {
                redirects += 1;
                let next = if redirects > redirect::MOST {
                    Err("it was redirected too often")
                } else {
                    home.follow(&url, target)
                };
                url = next.map_err(|why| Lost::Final(redirect::refused(call.what, target, why)))?;
                continue;
            }
            let stall = self.0.options.stall;
            if status.is_success() {
                let headers = response.headers().clone();
                let body = read_body(&mut response, &url, stall, LARGEST + 1)
                    .await
                    .map_err(Lost::Network)?;
                if body.len() > LARGEST {
                    let message = format!("{} failed: the answer is too long", call.what);
                    return Err(Lost::Final(Error::new(Code::RegistryRefused, message)));
                }
                return Ok((headers, body));
            }
            let headers = response.headers().clone();
            let read = read_body(&mut response, &url, stall, error_body::LIMIT).await;
            let secret = shown.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
            let secret = secret.and_then(|value| value.split_once(' ')).map_or("", |(_, s)| s);
            let bytes = read.unwrap_or_default();
            let body = reach.login.secret(|own| ErrorBody::parse(&bytes, &[secret, own]));
            let body = body.unwrap_or_else(|| ErrorBody::parse(&bytes, &[secret]));
            return Err(Lost::Status { status, headers, body });
        }
    }
}

/// Keeps some headers of many.
trait RetainOnly {
    fn retain_only(&mut self, names: &[http::HeaderName]);
}

impl RetainOnly for HeaderMap {
    fn retain_only(&mut self, names: &[http::HeaderName]) {
        let kept = names.iter().filter_map(|name| Some((name.clone(), self.get(name)?.clone())));
        *self = kept.collect();
    }
}

/// What a status of an API means.
fn refused(call: &Call, status: StatusCode, body: ErrorBody) -> Error {
    let code = match (status.as_u16(), &call.show) {
        (401, Show::Nothing) => Code::AuthRequired,
        (401, _) => Code::AuthRejected,
        (403, _) if call.method == Method::GET => Code::PullDenied,
        (403, _) => Code::PushDenied,
        (404, _) => Code::RefNotFound,
        (407, _) => Code::ProxyFailed,
        (429, _) => Code::RateLimited,
        (300..=399, _) => Code::RedirectRefused,
        (500.., _) => Code::RegistryFailed,
        _ => Code::RegistryRefused,
    };
    let api = call.url.host_str().unwrap_or_default();
    Error::new(code, format!("{} failed at the API of {api}", call.what))
        .status(status.as_u16())
        .said(body.code, body.message)
        .retryable(retry::may_pass(status))
}

fn no_keys(call: &Call, registry: &Registry) -> Error {
    Error::new(Code::CatalogUnsupported, format!("{} needs keys of the cloud", call.what))
        .registry(registry)
        .hint("Sign in with the cloud's access key instead of a password that it gave out for docker.")
}

/// The host and port of an URL, as registries are named.
fn authority(url: &Url) -> Option<Registry> {
    let host = url.host_str()?;
    match url.port() {
        Some(port) => format!("{host}:{port}").parse().ok(),
        None if url.scheme() == "http" => format!("{host}:80").parse().ok(),
        None => host.parse().ok(),
    }
}

fn origin(url: &Url) -> Url {
    let mut origin = url.clone();
    origin.set_path("/");
    origin.set_query(None);
    origin.set_fragment(None);
    origin
}
