//! How to reach a registry: who we are there, and how the connection is made. The owners of accounts and files
//! implement [`AccessSource`]; this crate only asks.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, Method};
use secrecy::SecretString;
use tokio::time::Instant;
use url::Url;

use crate::{
    Fingerprint, Registry, RepositoryName, Result, Sentence, redact::Shown, sentence, vendor::Api,
};

/// Who we are at a registry.
#[derive(Clone, Debug, Default)]
pub enum Credential {
    /// Nobody. A token is still asked for where the registry wants one.
    #[default]
    Anonymous,
    /// A user name with a password or access token.
    Basic {
        /// The user name.
        username: String,
        /// The password or access token.
        password: SecretString,
    },
    /// An OAuth2 refresh token ("identity token" in docker's files).
    IdentityToken(SecretString),
    /// A token that goes to the registry as it is.
    Bearer(SecretString),
}

/// How TLS is spoken with a registry.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct TlsOptions {
    /// The certificate is not verified, and plain HTTP is spoken where the host has no TLS.
    pub insecure: bool,
    /// Plain HTTP is spoken at once, without trying TLS. What is reached by TLS all the same is verified.
    pub plain_http: bool,
    /// Certificates (PEM) to trust besides the system's.
    pub ca: Option<Arc<[u8]>>,
    /// The one certificate that the registry's own host may show, whoever signed it and whatever it says.
    pub pin: Option<Fingerprint>,
    /// The client's certificate chain and key, both PEM in one text.
    pub identity: Option<Identity>,
}

/// A client certificate with its key, PEM. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Identity(pub Arc<[u8]>);

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity(..)")
    }
}

impl fmt::Debug for TlsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsOptions")
            .field("insecure", &self.insecure)
            .field("plain_http", &self.plain_http)
            .field("pin", &self.pin.map(|pin| pin.to_string()))
            .field("ca", &self.ca.as_ref().map(|pem| pem.len()))
            .field("identity", &self.identity)
            .finish()
    }
}

/// Everything about reaching one registry for one repository. `Debug` shows no secret.
#[derive(Clone, Default)]
pub struct Access {
    /// Who we are.
    pub credential: Credential,
    /// Where that was found, for the log and the page: "auth.yaml: registry.example.com/team".
    pub origin: Sentence,
    /// From when on a newer credential is to be asked for, where this one runs out.
    pub renew_at: Option<Instant>,
    /// How TLS is spoken.
    pub tls: TlsOptions,
    /// A proxy for this registry alone (http, https, socks5, socks5h); the environment's otherwise.
    pub proxy: Option<Url>,
    /// The most requests in flight to this host, below the run's own limit.
    pub limit: Option<usize>,
    /// What stands before `/v2/` in the registry's addresses: `artifactory/api/docker/key`. Nothing mostly.
    pub path_prefix: Option<String>,
    /// Whose registry it is and where its vendor's own API is, where that can't be told by the host's name.
    pub api: Option<Api>,
    /// Repositories that must exist before the first push are created, in this way; where `None`, the client's options
    /// say.
    pub create: Option<Creation>,
    /// Where images are read before this registry, which is asked when none of them has what is wanted.
    pub mirrors: Vec<Mirror>,
}

impl Access {
    /// The origin where there is no credential.
    pub fn nobody() -> Sentence {
        sentence!("origin_anonymous", "anonymous")
    }
}

/// How a repository is created that must exist before the first push. What a vendor has no word for is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Creation {
    /// Tags can't be moved (ECR).
    pub immutable_tags: bool,
    /// Images are scanned when they are pushed (ECR).
    pub scan_on_push: bool,
    /// The key of the cloud that images are encrypted with; `AES256`, or a KMS key's name (ECR).
    pub encryption: Option<String>,
    /// Everyone may pull (Harbor's projects, ACR's repositories).
    pub public: bool,
}

/// A request to a cloud's own API, to be signed.
#[derive(Clone)]
pub struct CloudRequest {
    /// `GET` or `POST`.
    pub method: Method,
    /// Where it goes.
    pub url: Url,
    /// Its headers; those that prove who asks are added.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

impl fmt::Debug for CloudRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, Shown(&self.url))
    }
}

/// A host that has the repositories of another one too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mirror {
    /// The host.
    pub registry: Registry,
    /// What stands before the names of the repositories there.
    pub prefix: Option<RepositoryName>,
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access")
            .field("credential", &self.credential)
            .field("origin", &self.origin)
            .field("renew_at", &self.renew_at)
            .field("tls", &self.tls)
            .field("proxy", &self.proxy.as_ref().map(|url| Shown(url).to_string()))
            .field("limit", &self.limit)
            .field("path_prefix", &self.path_prefix)
            .field("api", &self.api)
            .field("create", &self.create)
            .field("mirrors", &self.mirrors)
            .finish()
    }
}

/// Knows how to reach registries. Asked once per (registry, repository); again when a credential's
/// [`Access::renew_at`] has come; and after a 401 with `renew` set, so that short-lived credentials (helpers, cloud
/// tokens) are fetched anew.
#[async_trait]
pub trait AccessSource: Send + Sync + fmt::Debug {
    /// The access for a repository, or for the registry as a whole when `repository` is `None`.
    async fn access(
        &self,
        registry: &Registry,
        repository: Option<&RepositoryName>,
        renew: bool,
    ) -> Result<Access>;

    /// Signs a request to the API of the cloud that a registry belongs to, with the keys that go with the account for a
    /// repository or namespace, or for the registry as a whole; may lead it to another endpoint where the account says
    /// so. `false` where there are no such keys.
    async fn sign(
        &self,
        _registry: &Registry,
        _repository: Option<&RepositoryName>,
        _request: &mut CloudRequest,
    ) -> Result<bool> {
        Ok(false)
    }

    /// What must be so before a repository can be written to, as far as that is known without asking the registry. The
    /// error says why it never can be: its name is of a form that the registry does not take.
    fn demand(&self, _: &Registry, _: &RepositoryName) -> Result<Demand> {
        Ok(Demand::Nothing)
    }
}

/// What must be so before a repository can be written to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Demand {
    /// Nothing that is known.
    #[default]
    Nothing,
    /// It must have been created: the first push does not do that.
    Created,
}

/// Reaches every registry without credentials.
#[derive(Clone, Copy, Debug, Default)]
pub struct Anonymous;

#[async_trait]
impl AccessSource for Anonymous {
    async fn access(&self, _: &Registry, _: Option<&RepositoryName>, _: bool) -> Result<Access> {
        Ok(Access { origin: Access::nobody(), ..Access::default() })
    }
}
