//! Why no answer came: errors of the network, of TLS and of proxies, told apart by their types.

use std::{error::Error as StdError, io, time::Duration};

use rustls::{
    AlertDescription, CertificateError, Error as TlsError,
    pki_types::{InvalidDnsNameError, UnixTime},
};
use url::Url;

use crate::{
    Code, Error, redact,
    trust::{self, Changed},
};

/// A request that got no answer.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) code: Code,
    /// What is wrong, to stand after "reading the manifest failed: ".
    pub(crate) reason: String,
    /// The innermost cause's own words.
    pub(crate) cause: Option<String>,
    /// Whether the same request may go better later.
    pub(crate) retryable: bool,
    /// Whether the host may be overloaded.
    pub(crate) congestion: bool,
    /// Whether the host, asked to speak TLS, may speak plain HTTP.
    pub(crate) plain: Plain,
}

/// Whether a failure of TLS looks like a host that speaks plain HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plain {
    /// It speaks TLS, or nothing at all.
    No,
    /// It hung up, as some do at what they can't read.
    Maybe,
    /// Nothing listens here, but the port was only assumed to be HTTPS's.
    OtherPort,
    /// It answered something that is not TLS.
    Surely,
}

impl Failure {
    fn new(code: Code, reason: impl Into<String>) -> Self {
        Self {
            code,
            reason: reason.into(),
            cause: None,
            retryable: true,
            congestion: false,
            plain: Plain::No,
        }
    }

    fn for_good(self) -> Self {
        Self { retryable: false, ..self }
    }

    fn of_congestion(self) -> Self {
        Self { congestion: true, ..self }
    }

    /// Nothing moved for `wait` while the registry was to do `what`.
    pub(crate) fn stalled(what: &str, wait: Duration) -> Self {
        let reason = format!("{what} for {:.1} s", wait.as_secs_f64());
        Self::new(Code::NetTimeout, reason).of_congestion()
    }

    /// Tells what an error of reqwest is about. `proxy` is the one that the request went through.
    pub(crate) fn of(error: &reqwest::Error, url: &Url, proxy: Option<&str>) -> Self {
        let chain: Vec<_> = chain(error).collect();
        let found = Self::find(error, &chain, url);
        let failed = match (proxy, found) {
            (Some(proxy), failed) if error.is_connect() && !is_tls(failed.code) => {
                // whatever happens before TLS is spoken happens at the proxy
                let reason = format!("the proxy {proxy} can't be used or can't reach the host");
                Self { reason, code: Code::ProxyFailed, plain: Plain::No, ..failed }
            }
            (Some(proxy), failed) => {
                Self { reason: format!("{} (through the proxy {proxy})", failed.reason), ..failed }
            }
            (None, failed) => failed,
        };
        // what is wrong with a certificate is said in full already
        let cause = chain.last().filter(|_| failed.code == Code::TlsFailed || !is_tls(failed.code));
        let cause = cause.map(|error| redact::text(&error.to_string(), &[]));
        Self { cause: cause.filter(|cause| !failed.reason.contains(cause.as_str())), ..failed }
    }

    fn find(error: &reqwest::Error, chain: &[&(dyn StdError + 'static)], url: &Url) -> Self {
        if let Some(tls) = chain.iter().find_map(|error| error.downcast_ref::<TlsError>()) {
            return Self::of_tls(tls, url);
        }
        if error.is_dns() {
            return Self::new(Code::NetDns, "the host name does not resolve");
        }
        if chain.iter().any(|error| error.is::<InvalidDnsNameError>()) {
            return Self::new(Code::NetDns, "the host name is not a valid one").for_good();
        }
        if error.is_timeout() {
            let reason = if error.is_connect() {
                "the connection was not made in time"
            } else {
                "the connection went silent"
            };
            return Self::new(Code::NetTimeout, reason).of_congestion();
        }
        if error.is_builder() {
            return Self::new(Code::Internal, "the request can't be built").for_good();
        }
        let kind = chain
            .iter()
            .rev()
            .find_map(|error| error.downcast_ref::<io::Error>().map(io::Error::kind));
        let reset = |reason| Self::new(Code::NetReset, reason);
        if chain.iter().any(|error| is_out_of_files(*error)) {
            // fewer requests at once need fewer
            return reset("this machine lets the program open no more connections").of_congestion();
        }
        match kind {
            Some(io::ErrorKind::ConnectionRefused) => Self {
                plain: if url.port().is_none() { Plain::OtherPort } else { Plain::No },
                ..reset("the connection was refused")
            },
            Some(io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable) => {
                reset("the host can't be reached")
            }
            Some(io::ErrorKind::TimedOut) => {
                Self::new(Code::NetTimeout, "the connection went silent").of_congestion()
            }
            // a TLS handshake that is cut off
            Some(
                io::ErrorKind::UnexpectedEof
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::BrokenPipe
                | io::ErrorKind::ConnectionAborted,
            ) if error.is_connect() => Self {
                plain: if url.scheme() == "https" { Plain::Maybe } else { Plain::No },
                ..reset("the connection was cut before it was established").of_congestion()
            },
            _ if error.is_connect() => reset("no connection could be made"),
            _ => reset("the connection broke").of_congestion(),
        }
    }

    fn of_tls(error: &TlsError, url: &Url) -> Self {
        let failed = |code, reason: String| Self::new(code, reason).for_good();
        match error {
            TlsError::InvalidCertificate(error) => {
                let (code, reason) = certificate(error, url);
                failed(code, reason)
            }
            TlsError::InvalidMessage(_) => Self {
                plain: Plain::Surely,
                ..failed(Code::HttpPlain, "the host answers, but it does not speak TLS".into())
            },
            TlsError::NoCertificatesPresented => {
                failed(Code::TlsUntrusted, "the server shows no certificate".into())
            }
            TlsError::AlertReceived(alert) => match alert {
                AlertDescription::CertificateRequired
                | AlertDescription::BadCertificate
                | AlertDescription::UnsupportedCertificate
                | AlertDescription::CertificateRevoked
                | AlertDescription::CertificateExpired
                | AlertDescription::CertificateUnknown
                | AlertDescription::UnknownCA
                | AlertDescription::AccessDenied => {
                    let reason = format!(
                        "the server wants a client certificate, or another one ({alert:?})"
                    );
                    failed(Code::TlsFailed, reason)
                }
                AlertDescription::UnrecognisedName => failed(
                    Code::TlsName,
                    format!("the server does not serve the name {}", host(url)),
                ),
                alert => failed(Code::TlsFailed, format!("the server refused TLS ({alert:?})")),
            },
            TlsError::PeerIncompatible(_) => {
                failed(Code::TlsFailed, "the server speaks no TLS that we accept".into())
            }
            TlsError::UnsupportedNameType => {
                failed(Code::TlsName, format!("{} is no name for a certificate", host(url)))
            }
            // damage on the way may pass
            TlsError::DecryptError | TlsError::PeerMisbehaved(_) => {
                Self::new(Code::TlsFailed, "the TLS connection broke")
            }
            _ => failed(Code::TlsFailed, "TLS failed".into()),
        }
    }

    /// The error that comes of it.
    pub(crate) fn into_error(self, what: &str) -> Error {
        let error = Error::new(self.code, format!("{what} failed: {}", self.reason))
            .retryable(self.retryable);
        match self.cause {
            Some(cause) => error.because(cause),
            None => error,
        }
    }
}

fn is_tls(code: Code) -> bool {
    matches!(
        code,
        Code::TlsChanged
            | Code::TlsExpired
            | Code::TlsFailed
            | Code::TlsName
            | Code::TlsUntrusted
            | Code::HttpPlain
    )
}

fn host(url: &Url) -> &str {
    url.host_str().unwrap_or_default()
}

fn date(time: UnixTime) -> String {
    let time = std::time::UNIX_EPOCH.checked_add(Duration::from_secs(time.as_secs()));
    time.map_or_else(|| "a far date".into(), httpdate::fmt_http_date)
}

/// What is wrong with a certificate.
fn certificate(error: &CertificateError, url: &Url) -> (Code, String) {
    if let CertificateError::Other(other) = error
        && let Some(changed) = other.0.downcast_ref::<Changed>()
    {
        return (Code::TlsChanged, changed.to_string());
    }
    match error {
        CertificateError::Expired => (Code::TlsExpired, "the certificate has expired".into()),
        CertificateError::ExpiredContext { not_after, .. } => {
            (Code::TlsExpired, format!("the certificate expired on {}", date(*not_after)))
        }
        CertificateError::NotValidYet => {
            (Code::TlsExpired, "the certificate is not valid yet".into())
        }
        CertificateError::NotValidYetContext { not_before, .. } => {
            let reason = format!("the certificate is not valid before {}", date(*not_before));
            (Code::TlsExpired, reason)
        }
        CertificateError::NotValidForName => {
            (Code::TlsName, format!("the certificate is not for {}", host(url)))
        }
        CertificateError::NotValidForNameContext { presented, .. } => {
            // rustls writes them as `DnsName("a.example")`
            let names: Vec<_> = presented
                .iter()
                .take(5)
                .map(|name| name.split('"').nth(1).unwrap_or(name))
                .map(|name| redact::text(name, &[]))
                .collect();
            let names = if names.is_empty() { "no name at all".into() } else { names.join(", ") };
            (Code::TlsName, format!("the certificate is for {names}, not for {}", host(url)))
        }
        // the second: an authority of the same name has another kind of key
        CertificateError::UnknownIssuer
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => (
            Code::TlsUntrusted,
            "the certificate is signed by nobody that this system trusts".into(),
        ),
        CertificateError::BadSignature => {
            (Code::TlsUntrusted, "the certificate's signature is wrong".into())
        }
        CertificateError::Revoked => {
            (Code::TlsUntrusted, "the certificate has been revoked".into())
        }
        CertificateError::BadEncoding => {
            (Code::TlsUntrusted, "the certificate can't be read".into())
        }
        other if trust::is_authority_s(other) => (
            Code::TlsUntrusted,
            "the certificate is self-signed (an authority's own), and this system does not trust it"
                .into(),
        ),
        other => (Code::TlsUntrusted, format!("the certificate is not acceptable: {other}")),
    }
}

/// Whether the system refuses another open file (`EMFILE`, `ENFILE`).
fn is_out_of_files(error: &(dyn StdError + 'static)) -> bool {
    let error = error.downcast_ref::<io::Error>().and_then(io::Error::raw_os_error);
    matches!(error, Some(23 | 24))
}

/// An error, its cause, and so on. An `io::Error` hides the error that it wraps from `source`.
fn chain<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    fn next<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
        match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        }
    }
    std::iter::successors(Some(error), |error| next(*error))
}
