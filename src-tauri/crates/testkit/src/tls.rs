//! Certificates: an authority of the test's own, and what a server can have wrong with its certificate.

use std::{fmt, sync::Arc};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer},
    server::WebPkiClientVerifier,
};

/// Signs certificates.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    der: CertificateDer<'static>,
}

/// What is wrong with a server's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// Nothing: it is for `localhost`, `127.0.0.1` and `::1`.
    None,
    /// It ran out years ago.
    Expired,
    /// It is good only years from now.
    NotYetValid,
    /// It is for another name.
    WrongName,
    /// It is signed by itself.
    SelfSigned,
}

/// A server's side of TLS.
#[derive(Clone)]
pub struct ServerTls {
    certificate: CertificateDer<'static>,
    key: Arc<PrivateKeyDer<'static>>,
    clients: Option<CertificateDer<'static>>,
    authority: Option<CertificateDer<'static>>,
    signer: CertificateDer<'static>,
    pem: String,
    key_pem: String,
    http2: bool,
}

// key generation and signing fail only when the system has no randomness
const RANDOMNESS: &str = "randomness from the system";

impl Authority {
    /// A new authority.
    pub fn new() -> Self {
        let mut params = params(&[]);
        params.distinguished_name.push(DnType::CommonName, "testkit authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().expect(RANDOMNESS);
        let certificate = params.self_signed(&key).expect(RANDOMNESS);
        Self {
            pem: certificate.pem(),
            der: certificate.der().clone(),
            issuer: Issuer::new(params, key),
        }
    }

    /// Its own certificate, for a CA file.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A server's certificate, right or wrong.
    pub fn server(&self, flaw: Flaw) -> ServerTls {
        self.certify(flaw, false)
    }

    /// A server's certificate that is an authority's own, signed by itself: what `openssl req -x509` makes.
    pub fn server_that_is_an_authority(&self, flaw: Flaw) -> ServerTls {
        self.certify(flaw, true)
    }

    fn certify(&self, flaw: Flaw, is_authority: bool) -> ServerTls {
        let names: &[&str] = match flaw {
            Flaw::WrongName => &["registry.example.com"],
            _ => &["localhost", "127.0.0.1", "::1"],
        };
        let mut params = params(names);
        params.distinguished_name.push(DnType::CommonName, names[0]);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        match flaw {
            Flaw::Expired => params.not_after = date_time_ymd(2021, 1, 1),
            Flaw::NotYetValid => params.not_before = date_time_ymd(2090, 1, 1),
            _ => {}
        }
        let key = KeyPair::generate().expect(RANDOMNESS);
        if is_authority {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        let certificate = if is_authority || flaw == Flaw::SelfSigned {
            params.self_signed(&key)
        } else {
            params.signed_by(&key, &self.issuer)
        };
        let certificate = certificate.expect(RANDOMNESS);
        ServerTls {
            pem: certificate.pem(),
            key_pem: key.serialize_pem(),
            certificate: certificate.der().clone(),
            key: Arc::new(PrivateKeyDer::Pkcs8(key.serialize_der().into())),
            clients: None,
            authority: None,
            signer: self.der.clone(),
            http2: false,
        }
    }

    /// A client's certificate and key, both PEM in one text.
    pub fn client(&self, name: &str) -> String {
        let mut params = params(&[]);
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().expect(RANDOMNESS);
        let certificate = params.signed_by(&key, &self.issuer).expect(RANDOMNESS);
        format!("{}{}", certificate.pem(), key.serialize_pem())
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl ServerTls {
    /// Only clients with a certificate of this authority are let in.
    pub fn require_client(mut self, authority: &Authority) -> Self {
        self.clients = Some(authority.der.clone());
        self
    }

    /// The server shows its authority's certificate too.
    pub fn with_authority(mut self) -> Self {
        self.authority = Some(self.signer.clone());
        self
    }

    /// HTTP/2 is spoken with clients that can.
    pub fn http2(mut self) -> Self {
        self.http2 = true;
        self
    }

    /// The server's own certificate, DER.
    pub fn der(&self) -> &[u8] {
        &self.certificate
    }

    /// The server's own certificate, PEM.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Its key, PEM: for servers that are other programs.
    pub fn key_pem(&self) -> &str {
        &self.key_pem
    }

    pub(crate) fn acceptor(&self) -> tokio_rustls::TlsAcceptor {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = rustls::ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .expect("the provider has TLS 1.2 and 1.3");
        let builder = match &self.clients {
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                roots.add(authority.clone()).expect("a certificate that was made here");
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                builder.with_client_cert_verifier(verifier.build().expect("there is a root"))
            }
            None => builder.with_no_client_auth(),
        };
        let chain = std::iter::once(&self.certificate).chain(&self.authority).cloned().collect();
        let mut config = builder
            .with_single_cert(chain, self.key.clone_key())
            .expect("a certificate and its key");
        let protocols: &[&str] = if self.http2 { &["h2", "http/1.1"] } else { &["http/1.1"] };
        config.alpn_protocols = protocols.iter().map(|name| (*name).into()).collect();
        Arc::new(config).into()
    }
}

fn params(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("names in ASCII");
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2099, 1, 1);
    params
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authority")
    }
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerTls")
    }
}
