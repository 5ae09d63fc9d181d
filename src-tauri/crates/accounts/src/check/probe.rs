//! The bare connection: addresses of the host, a connect, and a TLS handshake that takes every certificate, so that
//! the one that is shown can be told even where it is not trusted. Nothing is sent over it.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use registry::{Code, Error, Registry, TlsOptions};
use rustls::{
    ClientConfig, DigitallySignedStruct, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::{Chain, Done, List, Step, Verdict};

/// What the handshake showed.
pub(super) enum Seen {
    /// A certificate.
    Certificate {
        /// How long it took.
        took: Duration,
        /// It, and what was shown with it.
        chain: Chain,
    },
    /// No TLS.
    NoTls {
        /// How long it took.
        took: Duration,
        /// What came instead.
        why: String,
    },
}

/// Whether the environment names a proxy for this registry, by the rules of the client that runs use.
pub(super) fn is_proxied(registry: &Registry) -> bool {
    let Ok(uri) = format!("https://{}", registry.api_host()).parse() else { return false };
    hyper_util::client::proxy::matcher::Matcher::from_env().intercept(&uri).is_some()
}

/// The first three steps. The last of them is left to the caller to judge; `None`: one before it failed.
pub(super) async fn connect<F: Fn(&Done)>(
    registry: &Registry,
    tls: &TlsOptions,
    limit: Duration,
    list: &mut List<F>,
) -> Option<Seen> {
    let (host, port) = host_and_port(registry.api_host());
    let ports = match port {
        Some(port) => vec![port],
        None if tls.plain_http => vec![80],
        // plain HTTP is allowed: it may be that only that is there
        None if tls.insecure => vec![443, 80],
        None => vec![443],
    };

    let began = Instant::now();
    let addresses = match look_up(host, ports[0], limit).await {
        Ok(addresses) => addresses,
        Err(error) => {
            list.add(Step::Dns, Verdict::Failed(error.registry(registry)), began.elapsed(), "");
            return None;
        }
    };
    let texts: Vec<String> = addresses.iter().map(|address| address.ip().to_string()).collect();
    list.add(Step::Dns, Verdict::Passed, began.elapsed(), texts.join(", "));

    let began = Instant::now();
    let mut failure = None;
    for port in ports {
        for address in &addresses {
            let address = SocketAddr::new(address.ip(), port);
            match within(limit, TcpStream::connect(address)).await {
                Ok(stream) => {
                    list.add(Step::Tcp, Verdict::Passed, began.elapsed(), address.to_string());
                    if tls.plain_http {
                        // not nothing, which would mean that nobody has looked
                        let took = Duration::from_nanos(1);
                        return Some(Seen::NoTls { took, why: "plain HTTP is asked for".into() });
                    }
                    return Some(handshake(host, stream, limit).await);
                }
                Err(error) => {
                    failure.get_or_insert((address, error));
                }
            }
        }
    }
    let (address, error) = failure?;
    let code = if error.kind() == std::io::ErrorKind::TimedOut {
        Code::NetTimeout
    } else {
        Code::NetReset
    };
    let error =
        Error::new(code, format!("no connection to {address}")).registry(registry).cause(&error);
    list.add(Step::Tcp, Verdict::Failed(error), began.elapsed(), "");
    None
}

async fn look_up(host: &str, port: u16, limit: Duration) -> Result<Vec<SocketAddr>, Error> {
    let found = within(limit, tokio::net::lookup_host((host, port))).await;
    let error = match found {
        Ok(addresses) => {
            let addresses: Vec<SocketAddr> = addresses.collect();
            if !addresses.is_empty() {
                return Ok(addresses);
            }
            Error::new(Code::NetDns, "the host name has no address")
        }
        Err(error) => Error::new(Code::NetDns, "the host name can't be resolved").cause(&error),
    };
    Err(error.hint("Check the spelling. A VPN or another DNS server may be needed for it."))
}

async fn within<T>(
    limit: Duration,
    act: impl Future<Output = std::io::Result<T>>,
) -> std::io::Result<T> {
    tokio::time::timeout(limit, act).await.unwrap_or_else(|_| {
        let why = format!("no answer within {:.0} s", limit.as_secs_f64());
        Err(std::io::Error::new(std::io::ErrorKind::TimedOut, why))
    })
}

async fn handshake(host: &str, stream: TcpStream, limit: Duration) -> Seen {
    let began = Instant::now();
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = Arc::new(Witness { provider: provider.clone(), chain: Mutex::default() });
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map(|builder| {
            builder
                .dangerous()
                .with_custom_certificate_verifier(verifier.clone())
                .with_no_client_auth()
        });
    let name = ServerName::try_from(host.to_owned());
    let why = match (config, name) {
        (Ok(config), Ok(name)) => {
            let connector = TlsConnector::from(Arc::new(config));
            within(limit, connector.connect(name, stream))
                .await
                .err()
                .map(|error| error.to_string())
        }
        (Err(error), _) => Some(error.to_string()),
        (_, Err(error)) => Some(error.to_string()),
    };
    let took = began.elapsed();
    let chain = verifier.chain.lock().unwrap_or_else(PoisonError::into_inner).take();
    match (chain, why) {
        // the server may have broken the handshake after that: the certificate is worth telling all the same
        (Some(chain), _) => Seen::Certificate { took, chain },
        (None, why) => Seen::NoTls { took, why: why.unwrap_or_default() },
    }
}

/// Takes every certificate and notes the one that it is shown.
#[derive(Debug)]
struct Witness {
    provider: Arc<CryptoProvider>,
    chain: Mutex<Option<Chain>>,
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let chain = Chain::new(end_entity, others);
        *self.chain.lock().unwrap_or_else(PoisonError::into_inner) = Some(chain);
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// `host`, `host:port`, `[::1]:port`; without brackets.
fn host_and_port(text: &str) -> (&str, Option<u16>) {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port.parse().ok()),
        _ => (text, None),
    };
    (host.trim_start_matches('[').trim_end_matches(']'), port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_ports() {
        assert_eq!(host_and_port("a.example.com"), ("a.example.com", None));
        assert_eq!(host_and_port("a.example.com:5000"), ("a.example.com", Some(5000)));
        assert_eq!(host_and_port("[::1]:5000"), ("::1", Some(5000)));
        assert_eq!(host_and_port("[::1]"), ("::1", None));
    }
}
