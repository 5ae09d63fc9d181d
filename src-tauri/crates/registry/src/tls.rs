//! The connections: one pool for each way of speaking TLS and each proxy.

use std::{
    collections::HashMap,
    error::Error as StdError,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use http::{HeaderMap, HeaderValue, header::ACCEPT_ENCODING};
use hyper_util::client::proxy::matcher::Matcher;
use url::Url;

use crate::{Code, Error, Result, TlsOptions, fingerprint::pinned, names::Names, redact::Shown};

const USER_AGENT: &str = concat!("image-syncer/", env!("CARGO_PKG_VERSION"));

/// Every pool of connections of a client.
pub(crate) struct Connections {
    stall: Duration,
    names: Arc<Names>,
    pools: Mutex<HashMap<(TlsOptions, Option<Url>), reqwest::Client>>,
    /// The same reading of the environment that reqwest does, to tell which proxy was used; none where `NO_PROXY` is `*`.
    environment: Option<Matcher>,
}

impl Connections {
    pub(crate) fn new(stall: Duration) -> Self {
        Self {
            stall,
            names: Arc::default(),
            pools: Mutex::default(),
            environment: (!no_proxy_at_all()).then(Matcher::from_system),
        }
    }

    /// The pool for these options. Fails if the certificates can't be used.
    pub(crate) fn pool(&self, tls: &TlsOptions, proxy: Option<&Url>) -> Result<reqwest::Client> {
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (tls.clone(), proxy.cloned());
        if let Some(pool) = pools.get(&key) {
            return Ok(pool.clone());
        }
        let pool = self.build(tls, proxy)?;
        pools.insert(key, pool.clone());
        Ok(pool)
    }

    /// The proxy that requests to `url` go through, without its password.
    pub(crate) fn proxy_of(&self, own: Option<&Url>, url: &Url) -> Option<String> {
        if let Some(own) = own {
            return Some(Shown(own).to_string());
        }
        let intercept = self.environment.as_ref()?.intercept(&url.as_str().parse().ok()?)?;
        Url::parse(&intercept.uri().to_string()).ok().map(|proxy| Shown(&proxy).to_string())
    }

    fn build(&self, tls: &TlsOptions, proxy: Option<&Url>) -> Result<reqwest::Client> {
        let mut roots = Vec::new();
        if let Some(pem) = &tls.ca {
            roots = reqwest::Certificate::from_pem_bundle(pem)
                .map_err(|error| unusable("CA certificate", source(&error)))?;
            if roots.is_empty() {
                return Err(unusable("CA certificate", None));
            }
        }
        let build = |merge: bool| {
            let builder = self.builder(tls, proxy)?;
            let roots = roots.iter().cloned();
            let builder = match (merge, tls.insecure) {
                _ if tls.pin.is_some() => builder,
                (_, true) => builder.tls_danger_accept_invalid_certs(true),
                (true, false) => builder.tls_certs_merge(roots),
                (false, false) => builder.tls_certs_only(roots),
            };
            builder.build().map_err(|error| unusable("set of certificates", source(&error)))
        };
        // a system without any certificate (a bare container) is no reason to refuse plain HTTP or an own CA
        build(true).or_else(|_| build(false))
    }

    fn builder(&self, tls: &TlsOptions, proxy: Option<&Url>) -> Result<reqwest::ClientBuilder> {
        let mut headers = HeaderMap::new();
        // what a proxy compresses on the way no longer hashes to its digest
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let mut builder = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .default_headers(headers)
            // one HTTP/2 connection would carry every layer through a single TCP window
            .http1_only()
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .dns_resolver(Arc::clone(&self.names))
            .connect_timeout(self.stall)
            .tcp_nodelay(true)
            .tcp_keepalive(Duration::from_secs(15))
            .pool_idle_timeout(Duration::from_mins(1));
        #[cfg(target_os = "linux")]
        {
            builder = builder.tcp_user_timeout(self.stall);
        }
        if self.environment.is_none() {
            builder = builder.no_proxy();
        }
        if let Some(proxy) = proxy {
            let proxy = reqwest::Proxy::all(proxy.clone()).map_err(|_| {
                let message = format!("the proxy {} can't be used", Shown(proxy));
                Error::new(Code::ConfigInvalid, message)
            })?;
            builder = builder.proxy(proxy);
        }
        let identity = tls.identity.as_ref();
        if let Some(pin) = tls.pin {
            let config = pinned(pin, identity.map(|identity| &*identity.0))
                .map_err(|error| unusable("client certificate", Some(&error)))?;
            builder = builder.tls_backend_preconfigured(config);
        } else if let Some(identity) = identity {
            let identity = reqwest::Identity::from_pem(&identity.0)
                .map_err(|error| unusable("client certificate", source(&error)))?;
            builder = builder.identity(identity);
        }
        Ok(builder)
    }
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connections(..)")
    }
}

/// Whether `NO_PROXY` holds a `*`, which reqwest takes to be for names alone and not for addresses.
fn no_proxy_at_all() -> bool {
    let value = std::env::var("NO_PROXY").or_else(|_| std::env::var("no_proxy"));
    value.is_ok_and(|value| value.split(',').any(|entry| entry.trim() == "*"))
}

fn unusable(what: &str, cause: Option<&(dyn StdError + 'static)>) -> Error {
    let failed = Error::new(Code::ConfigInvalid, format!("the {what} can't be used"));
    match cause {
        Some(cause) => failed.cause(cause),
        None => failed.because("it holds no PEM certificate"),
    }
}

/// What is behind an error of reqwest; itself where it says all.
fn source(error: &reqwest::Error) -> Option<&(dyn StdError + 'static)> {
    error.source()
}
