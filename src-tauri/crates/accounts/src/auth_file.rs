//! What an auth file says about one registry, or about one namespace of it. Reading the file itself is the `profiles`
//! crate's business.

use std::{fmt, path::PathBuf};

use registry::{Api, Code, Creation, Error, Registry, RepositoryName, Result, TlsOptions};
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use crate::{
    Address, InvalidAddress, provider,
    sign_in::{SecretKind, Settings, SignIn, SignInOptions},
};

/// One entry of an auth file. Every field is optional there.
#[derive(Clone)]
pub struct AuthEntry {
    /// What it is for.
    pub address: Address,
    /// The key as it was written.
    pub written: String,
    /// The user name; without one, docker's and podman's files are asked.
    pub username: Option<String>,
    /// The password or access token.
    pub password: Option<SecretString>,
    /// The certificate is not verified, and plain HTTP is spoken where the host has no TLS.
    pub insecure: bool,
    /// A file of certificates (PEM) to trust besides the system's.
    pub ca: Option<PathBuf>,
    /// The client's certificate chain (PEM); its key may be in the same file.
    pub cert: Option<PathBuf>,
    /// The key of the client's certificate (PEM).
    pub key: Option<PathBuf>,
    /// A proxy for this registry alone.
    pub proxy: Option<Url>,
    /// The most requests in flight to this host.
    pub limit: Option<usize>,
    /// The provider's id; the host tells where it is not given.
    pub provider: Option<String>,
    /// What the secret is; where it is not given, the provider and the other fields tell.
    pub secret_kind: Option<SecretKind>,
    /// A file that holds the secret, in place of `password`.
    pub secret_file: Option<PathBuf>,
    /// What a cloud's sign-in must know besides.
    pub options: SignInOptions,
    /// Where the API of the registry's vendor is.
    pub api: Option<Url>,
    /// What stands before `/v2/` in the registry's addresses.
    pub path_prefix: Option<String>,
    /// How repositories are created that must exist before the first push.
    pub create: Option<Creation>,
    /// Where it was written, `auth.yaml:3`.
    pub origin: String,
}

impl AuthEntry {
    /// An entry that says nothing yet.
    pub fn new(address: Address, written: impl Into<String>, origin: impl Into<String>) -> Self {
        Self {
            address,
            written: written.into(),
            username: None,
            password: None,
            insecure: false,
            ca: None,
            cert: None,
            key: None,
            proxy: None,
            limit: None,
            provider: None,
            secret_kind: None,
            secret_file: None,
            options: SignInOptions::default(),
            api: None,
            path_prefix: None,
            create: None,
            origin: origin.into(),
        }
    }

    /// Whether both say the same, wherever they were written.
    pub fn says_the_same_as(&self, other: &Self) -> bool {
        let password = |entry: &Self| entry.password.as_ref().map(|p| p.expose_secret().to_owned());
        self.address == other.address
            && self.username == other.username
            && password(self) == password(other)
            && self.insecure == other.insecure
            && (&self.ca, &self.cert, &self.key) == (&other.ca, &other.cert, &other.key)
            && self.proxy == other.proxy
            && self.limit == other.limit
            && (&self.provider, &self.secret_kind, &self.secret_file, &self.options)
                == (&other.provider, &other.secret_kind, &other.secret_file, &other.options)
            && (&self.api, &self.path_prefix, &self.create)
                == (&other.api, &other.path_prefix, &other.create)
    }

    /// How one signs in by this entry, if it is at a cloud; `None` where it is by user name and password, or not said.
    pub fn sign_in_kind(&self) -> Option<SecretKind> {
        let has_secret = self.password.is_some() || self.secret_file.is_some();
        let user = self.username.as_deref();
        let kind = self.secret_kind.or_else(|| match self.provider.as_deref()? {
            "ecr" | "ecr-public" => match user {
                // what 'aws ecr get-login-password' gives
                Some("AWS") => None,
                Some(_) => Some(SecretKind::AwsKeys),
                None if self.options.profile.is_some() => Some(SecretKind::AwsProfile),
                None => Some(SecretKind::AwsEnvironment),
            },
            "gar" | "gcr" if user.is_none() => Some(SecretKind::GoogleKey),
            "azure" if self.options.tenant.is_some() || (user.is_none() && !has_secret) => {
                Some(SecretKind::AzurePrincipal)
            }
            _ => None,
        });
        kind.filter(|kind| *kind != SecretKind::Password)
    }

    /// The vendor's API, as far as the entry tells it.
    pub(crate) fn api(&self) -> Result<Option<Api>> {
        provider::api(self.provider.as_deref(), self.api.as_ref(), &self.address.registry).map_err(
            |why| {
                let message = format!("{}: 'api' of '{}': {why}", self.origin, self.written);
                Error::new(Code::ConfigInvalid, message)
            },
        )
    }

    /// The sign-in of this entry, where it is more than a user name and a password.
    pub(crate) fn sign_in(&self, tls: &TlsOptions) -> Result<Option<SignIn>> {
        let Some(kind) = self.sign_in_kind() else { return Ok(None) };
        let at = |error: Error| error.because(format!("{}: '{}'", self.origin, self.written));
        let secret = match (&self.password, &self.secret_file) {
            (Some(secret), _) => Some(secret.clone()),
            (None, Some(path)) => {
                let text = std::fs::read_to_string(path).map_err(|error| {
                    let message = format!(
                        "{}: 'secret_file' of '{}': {} can't be read",
                        self.origin,
                        self.written,
                        path.display()
                    );
                    Error::new(Code::FileFailed, message).cause(&error)
                })?;
                Some(SecretString::from(text.trim()))
            }
            (None, None) => None,
        };
        let settings = Settings {
            provider: self.provider.clone(),
            username: self.username.clone().unwrap_or_default(),
            secret,
            options: self.options.clone(),
            tls: tls.clone(),
            proxy: self.proxy.clone(),
            ..Settings::new(self.address.registry.clone(), kind)
        };
        SignIn::new(settings).map(Some).map_err(at)
    }
}

/// The one of some things with addresses whose address is the longest path prefix of `registry/repository`, whole
/// components only; the first of equals.
pub(crate) fn longest<'a, T>(
    things: &'a [T],
    address: impl Fn(&T) -> &Address,
    registry: &Registry,
    repository: Option<&RepositoryName>,
) -> Option<&'a T> {
    things
        .iter()
        .filter_map(|thing| Some((address(thing).covers(registry, repository)?, thing)))
        // the last maximum is the first of the list
        .rev()
        .max_by_key(|(components, _)| *components)
        .map(|(_, thing)| thing)
}

/// Reads a key of an auth file, of docker's `config.json` or of podman's `auth.json`: an address, perhaps as the URL that
/// docker writes (`https://index.docker.io/v1/`).
pub fn address_of_key(key: &str) -> std::result::Result<Address, InvalidAddress> {
    let bare = key.split_once("://").map_or(key, |(_, rest)| {
        let rest = rest.trim_end_matches('/');
        rest.strip_suffix("/v1").or_else(|| rest.strip_suffix("/v2")).unwrap_or(rest)
    });
    bare.parse()
}

impl fmt::Debug for AuthEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthEntry")
            .field("address", &self.address)
            .field("username", &self.username)
            .field("password", &self.password)
            .field("insecure", &self.insecure)
            .field("ca", &self.ca)
            .field("cert", &self.cert)
            .field("key", &self.key)
            // a proxy's URL may hold a password
            .field("proxy", &self.proxy.as_ref().and_then(Url::host_str))
            .field("limit", &self.limit)
            .field("provider", &self.provider)
            .field("secret_kind", &self.secret_kind)
            .field("options", &self.options)
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_as_auth_files_and_docker_write_them() {
        for (key, address) in [
            ("quay.io", "quay.io"),
            ("quay.io/", "quay.io"),
            ("quay.io/coreos/", "quay.io/coreos"),
            ("quay.io/coreos/etcd", "quay.io/coreos/etcd"),
            ("localhost:5000", "localhost:5000"),
            ("docker.io", "docker.io"),
            ("index.docker.io", "docker.io"),
            ("registry-1.docker.io", "docker.io"),
            ("https://index.docker.io/v1/", "docker.io"),
            ("https://registry.example.com", "registry.example.com"),
            ("https://registry.example.com/v2/", "registry.example.com"),
            ("https://registry.example.com:5000/v1/", "registry.example.com:5000"),
        ] {
            assert_eq!(
                address_of_key(key).unwrap_or_else(|e| panic!("{key}: {e}")).to_string(),
                address,
                "{key}"
            );
        }
        for key in ["", "registry", "quay.io/UPPER", "quay.io//a", "https://", "${REGISTRY}"] {
            assert!(address_of_key(key).is_err(), "{key}");
        }
    }

    #[test]
    fn the_longest_prefix_of_whole_components_wins() {
        let entries: Vec<AuthEntry> = [
            "quay.io",
            "quay.io/coreos",
            "quay.io/coreos/etcd/",
            "docker.io/library",
            "quay.io/core",
        ]
        .into_iter()
        .map(|key| AuthEntry::new(address_of_key(key).unwrap(), key, ""))
        .collect();
        for (registry, repository, key) in [
            ("quay.io", Some("coreos/flannel"), Some("quay.io/coreos")),
            ("quay.io", Some("coreos/etcd"), Some("quay.io/coreos/etcd/")),
            ("quay.io", Some("coreos/etcd/x"), Some("quay.io/coreos/etcd/")),
            ("quay.io", Some("coreos/etcd2"), Some("quay.io/coreos")),
            ("quay.io", Some("core/x"), Some("quay.io/core")),
            ("quay.io", Some("other"), Some("quay.io")),
            ("quay.io", None, Some("quay.io")),
            ("docker.io", Some("library/nginx"), Some("docker.io/library")),
            ("docker.io", Some("bitnami/redis"), None),
            ("docker.io", None, None),
            ("quay.io:5000", Some("coreos/etcd"), None),
        ] {
            let repository = repository.map(|name| name.parse().unwrap());
            let found =
                longest(&entries, |e| &e.address, &registry.parse().unwrap(), repository.as_ref());
            assert_eq!(found.map(|e| e.written.as_str()), key, "{registry}/{repository:?}");
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let mut entry = AuthEntry::new(address_of_key("r.io").unwrap(), "r.io", "auth.yaml:1");
        entry.password = Some("CANARY".into());
        entry.proxy = Some("http://me:CANARY@proxy:3128".parse().unwrap());
        let text = format!("{entry:?}");
        assert!(!text.contains("CANARY"), "{text}");
        assert!(text.contains("\"proxy\""), "{text}");
    }
}
