//! Requests to the API that a vendor has besides its registry: lists that the distribution spec does not know, and
//! what creates repositories. How they travel is [`crate::Service`]'s doing; what shows who we are is here.

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{
    HeaderMap, HeaderValue, Method,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE},
};
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use url::Url;

use super::Site;
use crate::{
    Answered, Client, CloudRequest, Code, Error, Registry, Result, Service,
    retry::{self, Class},
    service,
};

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
    /// It changes something.
    pub(crate) creates: bool,
    /// What it is about, for errors.
    pub(crate) reference: Option<String>,
}

/// A good answer, read to its end.
#[derive(Debug)]
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
            creates: false,
            reference: None,
        }
    }

    /// The same as one that changes something.
    pub(crate) fn creating(self) -> Self {
        Self { creates: true, ..self }
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
            self.refused(format!("the answer of {} is {what}", self.api)).cause(&error)
        })
    }

    /// The error of a good answer that means a refusal all the same.
    pub(crate) fn refused(&self, why: impl std::fmt::Display) -> Error {
        let message = format!("{} failed: {why}", self.what);
        let error = Error::new(Code::RegistryRefused, message).registry(&self.registry);
        match &self.reference {
            Some(reference) => error.reference(reference),
            None => error,
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

impl Client {
    /// Calls the API of a registry's vendor, with the TLS settings and proxy of the account that is used there.
    pub(crate) async fn call(&self, site: &Site, call: &Call) -> Result<Reply> {
        let registry = &site.registry;
        let place = |error: Error| {
            let error = error.registry(registry);
            match &call.reference {
                Some(reference) => error.reference(reference),
                None => error,
            }
        };
        let reach = site.reach(self).await.map_err(place)?;
        let class = if call.method == Method::GET { Class::List } else { Class::Write };
        let (tls, proxy) = (reach.access.tls.clone(), reach.access.proxy.clone());
        let service = Service::of(self, registry, tls, proxy, class);
        let own = reach.login.secret(|secret| SecretString::from(secret));
        let own = own.as_ref();
        let make = move || -> BoxFuture<'_, Result<service::Call>> {
            Box::pin(async move {
                let mut made = self.shown(site, call).await?;
                made.secrets.extend(own.cloned());
                Ok(made)
            })
        };
        let answered = service.try_all(call.what, make).await.map_err(place)?;
        if !answered.status.is_success() {
            return Err(place(refused(call, &answered)));
        }
        Ok(Reply {
            what: call.what,
            api: call.url.host_str().unwrap_or_default().to_owned(),
            registry: registry.clone(),
            reference: call.reference.clone(),
            headers: answered.headers,
            body: answered.body,
        })
    }

    /// The request with what shows who we are.
    async fn shown(&self, site: &Site, call: &Call) -> Result<service::Call> {
        let mut made = service::Call::new(call.method.clone(), call.url.clone());
        made.headers.clone_from(&call.headers);
        made.headers.entry(ACCEPT).or_insert(HeaderValue::from_static("application/json"));
        made.body.clone_from(&call.body);
        match &call.show {
            Show::Nothing => {}
            Show::Header(value) => drop(made.headers.insert(AUTHORIZATION, value.clone())),
            Show::Signature => {
                let service::Call { method, url, headers, body, .. } = made;
                let mut request = CloudRequest { method, url, headers, body };
                let within = site.within.as_ref();
                if !self.0.access.sign(&site.registry, within, &mut request).await? {
                    return Err(no_keys(call));
                }
                let CloudRequest { method, url, headers, body } = request;
                made = service::Call { method, url, headers, body, secrets: Vec::new() };
            }
        }
        let shown = made.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let secret = shown.and_then(|value| value.split_once(' ')).map(|(_, secret)| secret.into());
        made.secrets.extend(secret);
        Ok(made)
    }
}

/// What a status of an API means.
fn refused(call: &Call, answered: &Answered) -> Error {
    let status = answered.status;
    let (said, _) = answered.said();
    // some clouds deny with 400
    let said = said.unwrap_or_default();
    let denied = ["AccessDenied", "NoPermission", "Forbidden"].iter().any(|it| said.contains(it));
    let code = match (status.as_u16(), &call.show) {
        (400, _) if denied && call.creates => Code::PushDenied,
        (400, _) if denied => Code::PullDenied,
        (401, Show::Nothing) => Code::AuthRequired,
        (401, _) => Code::AuthRejected,
        (403, _) if call.creates => Code::PushDenied,
        (403, _) => Code::PullDenied,
        (404, _) => Code::RefNotFound,
        (407, _) => Code::ProxyFailed,
        (429, _) => Code::RateLimited,
        (500.., _) => Code::RegistryFailed,
        _ => Code::RegistryRefused,
    };
    answered.error(code).retryable(retry::may_pass(status))
}

fn no_keys(call: &Call) -> Error {
    Error::new(Code::CatalogUnsupported, format!("{} needs keys of the cloud", call.what)).hint(
        "Sign in with the cloud's access key instead of a password that it gave out for docker.",
    )
}
