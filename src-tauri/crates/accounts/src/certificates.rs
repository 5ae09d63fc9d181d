//! How TLS is spoken with a registry, as accounts and auth files say it: their certificates and keys are read and looked
//! at here, so that what can't work is told before anything is contacted.

use std::{fs, path::Path};

use registry::{Code, Error, Identity, Result, TlsOptions};
use rustls::{
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    sign::CertifiedKey,
};

use crate::{Account, AuthEntry, Trusted};

/// The files that one of them names.
struct Files<'a> {
    /// Where they are named, for errors: `auth.yaml:3: `, or nothing.
    at: String,
    /// Whose they are: `'r.example.com'`, `the account 'x'`.
    whose: String,
    ca: Option<&'a Path>,
    cert: Option<&'a Path>,
    key: Option<&'a Path>,
    /// What the three are called there.
    names: [&'static str; 3],
}

impl AuthEntry {
    /// How TLS is spoken with this entry's registry; reads the files that it names.
    pub fn tls(&self) -> Result<TlsOptions> {
        let files = Files {
            at: format!("{}: ", self.origin),
            whose: format!("'{}'", self.written),
            ca: self.ca.as_deref(),
            cert: self.cert.as_deref(),
            key: self.key.as_deref(),
            names: ["ca", "cert", "key"],
        };
        Ok(TlsOptions {
            insecure: self.insecure,
            ca: files.ca()?.map(Into::into),
            identity: files.identity()?,
            ..TlsOptions::default()
        })
    }
}

impl Account {
    /// How TLS is spoken with this account's registry; reads the files that it names.
    pub fn tls(&self) -> Result<TlsOptions> {
        let files = Files {
            at: String::new(),
            whose: format!("the account '{}'", crate::account::shown(&self.name)),
            ca: self.ca_file.as_deref(),
            cert: self.client_cert.as_deref(),
            key: self.client_key.as_deref(),
            names: ["caFile", "clientCert", "clientKey"],
        };
        let at_home = |error: Error| error.registry(&self.address.registry);
        let mut ca = files.ca().map_err(at_home)?;
        let mut pin = None;
        match &self.trusted {
            Some(Trusted::Certificate { sha256, .. }) => pin = Some(*sha256),
            Some(Trusted::Ca { pem, .. }) => {
                let all = ca.get_or_insert_default();
                all.push(b'\n');
                all.extend(pem.bytes());
            }
            None => {}
        }
        Ok(TlsOptions {
            insecure: self.insecure,
            plain_http: self.plain_http,
            ca: ca.map(Into::into),
            pin,
            identity: files.identity().map_err(at_home)?,
        })
    }
}

impl Files<'_> {
    fn ca(&self) -> Result<Option<Vec<u8>>> {
        let [name, ..] = self.names;
        self.ca.map(|path| self.pem(name, path, "CERTIFICATE")).transpose()
    }

    fn identity(&self) -> Result<Option<Identity>> {
        let [_, cert_name, key_name] = self.names;
        let text = match (self.cert, self.key) {
            (None, None) => return Ok(None),
            (Some(cert), Some(key)) => {
                let mut text = self.pem(cert_name, cert, "CERTIFICATE")?;
                text.push(b'\n');
                text.extend(self.pem(key_name, key, "PRIVATE KEY")?);
                text
            }
            (Some(cert), None) => {
                let text = self.pem(cert_name, cert, "CERTIFICATE")?;
                if !has_block(&text, "PRIVATE KEY") {
                    return Err(self.wrong(
                        &format!("has a '{cert_name}' and no '{key_name}'"),
                        format!("Add '{key_name}', or put the key into {} too.", cert.display()),
                    ));
                }
                text
            }
            (None, Some(_)) => {
                return Err(self.wrong(
                    &format!("has a '{key_name}' and no '{cert_name}'"),
                    format!("Add '{cert_name}', the client's certificate."),
                ));
            }
        };
        self.fits(&text)?;
        Ok(Some(Identity(text.into())))
    }

    /// Whether the key is the certificate's.
    fn fits(&self, text: &[u8]) -> Result<()> {
        let [_, cert_name, key_name] = self.names;
        let unusable = |what: &str, why: &dyn std::fmt::Display| {
            Error::new(
                Code::ConfigInvalid,
                format!("{}{what} of {} can't be used", self.at, self.whose),
            )
            .because(why.to_string())
        };
        let chain = CertificateDer::pem_slice_iter(text)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| unusable(&format!("'{cert_name}'"), &error))?;
        let key = PrivateKeyDer::from_pem_slice(text).map_err(|error| {
            let what = format!("'{key_name}'");
            let error = unusable(&what, &error);
            // rustls knows no passphrases
            if has_block(text, "ENCRYPTED PRIVATE KEY") {
                return error.hint(
                    "The key is encrypted; write it without a passphrase: 'openssl pkey -in KEY -out PLAIN'.",
                );
            }
            error
        })?;
        match CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider()) {
            Ok(_) => Ok(()),
            Err(rustls::Error::InconsistentKeys(_)) => Err(self.wrong(
                &format!("has a '{key_name}' that is not the key of its '{cert_name}'"),
                "Name the key that the certificate was made for.".into(),
            )),
            Err(error) => Err(unusable("the client certificate", &error)),
        }
    }

    fn wrong(&self, why: &str, hint: String) -> Error {
        Error::new(Code::ConfigInvalid, format!("{}{} {why}", self.at, self.whose)).hint(hint)
    }

    fn pem(&self, field: &str, path: &Path, block: &str) -> Result<Vec<u8>> {
        let place = format!("{}'{field}' of {}: {}", self.at, self.whose, path.display());
        let text = fs::read(path).map_err(|error| {
            Error::new(Code::FileFailed, format!("{place} can't be read")).cause(&error)
        })?;
        if has_block(&text, block) {
            return Ok(text);
        }
        Err(Error::new(Code::ConfigInvalid, format!("{place} holds no {}", block.to_lowercase()))
            .hint(format!("It must be a PEM file, with a line that ends in '{block}-----'.")))
    }
}

/// Whether a PEM text has a block of a kind (`PRIVATE KEY` is the end of `RSA PRIVATE KEY` too).
fn has_block(text: &[u8], block: &str) -> bool {
    let end = format!("{block}-----");
    text.split(|b| *b == b'\n').any(|line| {
        line.starts_with(b"-----BEGIN ") && line.trim_ascii_end().ends_with(end.as_bytes())
    })
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use testkit::tls::{Authority, Flaw};

    use super::*;

    fn account() -> Account {
        Account::new("a", "a.example.com".parse().unwrap())
    }

    /// A certificate and its key in files of their own.
    fn pair(dir: &Path, name: &str) -> (PathBuf, PathBuf) {
        let pem = Authority::new().client(name);
        let at = pem.find("-----BEGIN PRIVATE").unwrap();
        let (cert, key) = (dir.join(format!("{name}.pem")), dir.join(format!("{name}.key")));
        fs::write(&cert, &pem[..at]).unwrap();
        fs::write(&key, &pem[at..]).unwrap();
        (cert, key)
    }

    #[test]
    fn a_key_that_is_not_the_certificate_s_is_found_before_anything_is_contacted() {
        let dir = tempfile::tempdir().unwrap();
        let (cert, key) = pair(dir.path(), "alice");
        let (_, other) = pair(dir.path(), "bob");
        let fits = Account { client_cert: Some(cert.clone()), client_key: Some(key), ..account() };
        assert!(fits.tls().unwrap().identity.is_some());
        let error = Account { client_key: Some(other.clone()), ..fits }.tls().unwrap_err();
        assert_eq!((error.code(), error.at()), (Code::ConfigInvalid, Some("a.example.com")));
        assert!(error.to_string().contains("not the key of its 'clientCert'"), "{error}");

        let entry = AuthEntry {
            cert: Some(cert),
            key: Some(other),
            ..AuthEntry::new("r.example.com".parse().unwrap(), "r.example.com", "auth.yaml:1")
        };
        let error = entry.tls().unwrap_err();
        assert_eq!(
            error.message(),
            "auth.yaml:1: 'r.example.com' has a 'key' that is not the key of its 'cert'"
        );
    }

    #[test]
    fn keys_and_certificates_that_can_t_be_read_are_told_with_their_file() {
        let dir = tempfile::tempdir().unwrap();
        let (cert, key) = pair(dir.path(), "alice");
        let broken = dir.path().join("broken.key");
        fs::write(&broken, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
            .unwrap();
        let locked = dir.path().join("locked.key");
        fs::write(
            &locked,
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
        )
        .unwrap();
        let none = dir.path().join("none.pem");
        for (cert, key, code, words) in [
            (Some(&cert), Some(&broken), Code::ConfigInvalid, "can't be used"),
            (Some(&cert), Some(&locked), Code::ConfigInvalid, "'clientKey' of the account"),
            (Some(&cert), Some(&none), Code::FileFailed, "none.pem can't be read"),
            (Some(&cert), None, Code::ConfigInvalid, "has a 'clientCert' and no 'clientKey'"),
            (None, Some(&key), Code::ConfigInvalid, "has a 'clientKey' and no 'clientCert'"),
            (Some(&key), Some(&key), Code::ConfigInvalid, "holds no certificate"),
        ] {
            let account =
                Account { client_cert: cert.cloned(), client_key: key.cloned(), ..account() };
            let error = account.tls().unwrap_err();
            assert_eq!(error.code(), code, "{error}");
            assert!(error.to_string().contains(words), "{error}");
            assert!(!error.to_string().contains("AAAA"), "{error}");
        }
        let locked = Account { client_cert: Some(cert), client_key: Some(locked), ..account() };
        let error = locked.tls().unwrap_err();
        assert!(error.hints().any(|hint| hint.contains("encrypted")), "{error:?}");
    }

    #[test]
    fn a_trusted_authority_stands_beside_the_file_and_a_trusted_certificate_alone() {
        let dir = tempfile::tempdir().unwrap();
        let authority = Authority::new();
        let file = dir.path().join("ca.pem");
        fs::write(&file, authority.pem()).unwrap();
        let other = Authority::new();
        let sha256 = registry::Fingerprint::of(b"x");
        let pem = other.pem().to_owned();
        let account = Account {
            ca_file: Some(file),
            trusted: Some(Trusted::Ca { sha256, subject: String::new(), pem }),
            plain_http: true,
            ..account()
        };
        let tls = account.tls().unwrap();
        let ca = String::from_utf8(tls.ca.unwrap().to_vec()).unwrap();
        assert!(ca.contains(authority.pem()) && ca.contains(other.pem()), "{ca}");
        assert!(tls.plain_http && tls.pin.is_none());

        let der = authority.server(Flaw::None);
        let sha256 = registry::Fingerprint::of(der.der());
        let trusted = Some(Trusted::Certificate { sha256, subject: String::new() });
        let tls = Account { trusted, ca_file: None, ..account }.tls().unwrap();
        assert_eq!((tls.pin, tls.ca), (Some(sha256), None));
    }
}
