//! The certificates that a server shows: what they say, and which of them could be trusted for an account.

use std::fmt;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use registry::Fingerprint;
use rustls::pki_types::CertificateDer;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::{Trusted, account::shown};

/// A certificate, as far as it can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Whom it is for.
    pub subject: String,
    /// Who signed it.
    pub issuer: String,
    /// When it runs out.
    pub not_after: Option<String>,
    /// SHA-256 of its DER.
    pub sha256: Fingerprint,
    /// Whether it may sign others.
    pub is_ca: bool,
    der: Vec<u8>,
}

/// What a server has shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    server: Certificate,
    others: Vec<Certificate>,
}

impl Certificate {
    pub(super) fn read(der: &[u8]) -> Self {
        let mut certificate = Self {
            subject: String::new(),
            issuer: String::new(),
            not_after: None,
            sha256: Fingerprint::of(der),
            is_ca: false,
            der: der.into(),
        };
        if let Ok((_, parsed)) = X509Certificate::from_der(der) {
            let until = parsed.validity().not_after;
            certificate.subject = shown(&parsed.subject().to_string());
            certificate.issuer = shown(&parsed.issuer().to_string());
            certificate.not_after = Some(
                jiff::Timestamp::from_second(until.timestamp())
                    .map_or_else(|_| until.to_string(), |time| time.to_string()),
            );
            certificate.is_ca = parsed.is_ca();
        }
        certificate
    }

    fn pem(&self) -> String {
        let text = BASE64_STANDARD.encode(&self.der);
        let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
        for line in text.as_bytes().chunks(64) {
            // base64 is ASCII
            pem.push_str(&String::from_utf8_lossy(line));
            pem.push('\n');
        }
        pem.push_str("-----END CERTIFICATE-----\n");
        pem
    }
}

impl Chain {
    pub(super) fn new(server: &CertificateDer<'_>, others: &[CertificateDer<'_>]) -> Self {
        Self {
            server: Certificate::read(server),
            // nobody needs more to get to a root
            others: others.iter().take(10).map(|der| Certificate::read(der)).collect(),
        }
    }

    /// The server's own certificate.
    pub fn server(&self) -> &Certificate {
        &self.server
    }

    /// The authority that could be trusted: the last that was shown, which is nearest to the root.
    pub fn authority(&self) -> Option<&Certificate> {
        self.others.iter().rev().find(|certificate| certificate.is_ca)
    }

    /// Trust in the server's certificate alone.
    pub fn trust_certificate(&self) -> Trusted {
        let Certificate { sha256, subject, .. } = &self.server;
        Trusted::Certificate { sha256: *sha256, subject: subject.clone() }
    }

    /// Trust in the authority, where one was shown.
    pub fn trust_authority(&self) -> Option<Trusted> {
        let authority = self.authority()?;
        Some(Trusted::Ca {
            sha256: authority.sha256,
            subject: authority.subject.clone(),
            pem: authority.pem(),
        })
    }
}

impl fmt::Display for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { subject, issuer, not_after, sha256, .. } = self;
        if let Some(until) = not_after {
            write!(f, "subject {subject}; issuer {issuer}; valid until {until}; ")?;
        }
        write!(f, "SHA-256 {sha256}")
    }
}
