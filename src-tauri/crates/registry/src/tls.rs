//! The connections: one pool for each way of speaking TLS and each proxy.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use http::{HeaderMap, HeaderValue, header::ACCEPT_ENCODING};
use hyper_util::client::proxy::matcher::Matcher;
use rustls::ClientConfig;
use url::Url;

use crate::{Code, Error, Result, TlsOptions, dial::Line, names::Names, redact::Shown, trust};

const USER_AGENT: &str = concat!("image-syncer/", env!("CARGO_PKG_VERSION"));

/// What the protocols are called when TLS agrees on one (RFC 7301).
const HTTP_1: &str = "http/1.1";
const HTTP_2: &str = "h2";

/// Connections that are made alike. Both kinds resume each other's TLS sessions.
#[derive(Clone, Debug)]
pub(crate) struct Pool {
    /// HTTP/1.1: a connection for each request in flight. One HTTP/2 connection would carry every layer through a
    /// single TCP window.
    pub(crate) single: Line,
    /// HTTP/2 where the host speaks it: one connection for all requests, for those whose bodies are small.
    pub(crate) shared: Line,
}

/// Every pool of connections of a client.
pub(crate) struct Connections {
    stall: Duration,
    names: Arc<Names>,
    pools: Mutex<HashMap<(TlsOptions, Option<Url>), Pool>>,
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
    pub(crate) fn pool(&self, tls: &TlsOptions, proxy: Option<&Url>) -> Result<Pool> {
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (tls.clone(), proxy.cloned());
        if let Some(pool) = pools.get(&key) {
            return Ok(pool.clone());
        }
        let mut config = trust::config(tls)?;
        config.alpn_protocols = vec![HTTP_1.into()];
        let line =
            |config: &ClientConfig| Line::new(|builder| self.build(builder, config.clone(), proxy));
        let single = line(&config)?;
        config.alpn_protocols = vec![HTTP_2.into(), HTTP_1.into()];
        let pool = Pool { single, shared: line(&config)? };
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

    fn build(
        &self,
        builder: reqwest::ClientBuilder,
        tls: ClientConfig,
        proxy: Option<&Url>,
    ) -> Result<reqwest::Client> {
        let mut headers = HeaderMap::new();
        // what a proxy compresses on the way no longer hashes to its digest
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let mut builder = builder
            .user_agent(USER_AGENT)
            .default_headers(headers)
            .tls_backend_preconfigured(tls)
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
        builder.build().map_err(|error| {
            let failed = Error::new(Code::Internal, "connections can't be made");
            failed.cause(&error)
        })
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
