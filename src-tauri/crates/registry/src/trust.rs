//! Whom TLS trusts: who signed for the system or the account, one certificate alone, or anybody.

use std::{error::Error as StdError, sync::Arc};

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, OtherError, RootCertStore,
    SignatureScheme,
    client::{
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    crypto::{
        CryptoProvider, WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls12_signature,
        verify_tls13_signature,
    },
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject as _},
    server::ParsedCertificate,
};
use rustls_platform_verifier::Verifier;

use crate::{Code, Error, Fingerprint, Result, TlsOptions};

/// How TLS is spoken with these options. Fails if their certificates can't be used.
pub(crate) fn config(tls: &TlsOptions) -> Result<ClientConfig> {
    let roots = roots(tls.ca.as_deref())?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable("set of TLS versions", Some(&error)))?;
    let builder = if tls.pin.is_some() || tls.insecure {
        let verifier = Arc::new(Unsigned { pin: tls.pin, provider });
        builder.dangerous().with_custom_certificate_verifier(verifier)
    } else if let Ok(verifier) = Verifier::new_with_extra_roots(roots.clone(), provider) {
        let verifier = Signed { verifier, roots };
        builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier))
    } else {
        // a system without any certificate (a bare container) is no reason to refuse plain HTTP or an own CA
        let mut store = RootCertStore::empty();
        for root in roots {
            store.add(root).map_err(|error| unusable("set of certificates", Some(&error)))?;
        }
        builder.with_root_certificates(store)
    };
    let Some(pem) = &tls.identity else { return Ok(builder.with_no_client_auth()) };
    let wrong = |error: &(dyn StdError + 'static)| unusable("client certificate", Some(error));
    let chain: std::result::Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem.0).collect();
    let key = PrivateKeyDer::from_pem_slice(&pem.0).map_err(|error| wrong(&error))?;
    builder
        .with_client_auth_cert(chain.map_err(|error| wrong(&error))?, key)
        .map_err(|error| wrong(&error))
}

/// The account's own authorities.
fn roots(pem: Option<&[u8]>) -> Result<Vec<CertificateDer<'static>>> {
    let Some(pem) = pem else { return Ok(Vec::new()) };
    let roots: std::result::Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let roots = roots.map_err(|error| unusable("CA certificate", Some(&error)))?;
    if roots.is_empty() {
        return Err(unusable("CA certificate", None));
    }
    Ok(roots)
}

fn unusable(what: &str, cause: Option<&(dyn StdError + 'static)>) -> Error {
    let failed = Error::new(Code::ConfigInvalid, format!("the {what} can't be used"));
    match cause {
        Some(cause) => failed.cause(cause),
        None => failed.because("it holds no PEM certificate"),
    }
}

/// What came of a check within the handshake.
type Checked<T> = std::result::Result<T, rustls::Error>;

/// The server shows another certificate than the one that is trusted.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the certificate has changed since it was trusted: expected {expected}, got {got}")]
pub(crate) struct Changed {
    expected: Fingerprint,
    got: Fingerprint,
}

/// Takes what the system's and the account's authorities have signed; and one of the account's certificates itself.
///
/// A certificate that signs for itself and says that it is an authority's is what `openssl req -x509` makes, and what many
/// a private registry shows. By RFC 5280 it is no server's, and is refused; but who gives that very certificate as `ca`
/// means it, and other programs take it.
#[derive(Debug)]
struct Signed {
    verifier: Verifier,
    /// The account's own.
    roots: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for Signed {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Checked<ServerCertVerified> {
        let checked = self.verifier.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        match checked {
            // its dates were in order, or that would have been the error; its name is looked at after this
            Err(error) if is_of_authority(&error) && self.roots.contains(end_entity) => {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            checked => checked,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Checked<HandshakeSignatureValid> {
        self.verifier.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Checked<HandshakeSignatureValid> {
        self.verifier.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

fn is_of_authority(error: &rustls::Error) -> bool {
    matches!(error, rustls::Error::InvalidCertificate(error) if is_authority_s(error))
}

/// Whether a server's certificate was refused for being an authority's.
pub(crate) fn is_authority_s(error: &CertificateError) -> bool {
    let CertificateError::Other(OtherError(error)) = error else { return false };
    error.downcast_ref::<webpki::Error>() == Some(&webpki::Error::CaUsedAsEndEntity)
}

/// Takes one certificate whoever signed it, and checks that the server has its key; or, without `pin`, takes all.
#[derive(Debug)]
struct Unsigned {
    pin: Option<Fingerprint>,
    provider: Arc<CryptoProvider>,
}

impl Unsigned {
    /// Whether the server has the key of its certificate; of nobody's interest where every certificate is taken.
    fn has_key(
        &self,
        verify: impl FnOnce(&WebPkiSupportedAlgorithms) -> Checked<HandshakeSignatureValid>,
    ) -> Checked<HandshakeSignatureValid> {
        match self.pin {
            Some(_) => verify(&self.provider.signature_verification_algorithms),
            None => Ok(HandshakeSignatureValid::assertion()),
        }
    }
}

impl ServerCertVerifier for Unsigned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Checked<ServerCertVerified> {
        let Some(expected) = self.pin else { return Ok(ServerCertVerified::assertion()) };
        let got = Fingerprint::of(end_entity);
        if got == expected {
            return Ok(ServerCertVerified::assertion());
        }
        let changed = Changed { expected, got };
        Err(CertificateError::Other(OtherError(Arc::new(changed))).into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Checked<HandshakeSignatureValid> {
        self.has_key(|algorithms| {
            verify_tls12_signature(message, certificate, signature, algorithms)
        })
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Checked<HandshakeSignatureValid> {
        self.has_key(|algorithms| {
            verify_tls13_signature(message, certificate, signature, algorithms)
        })
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
