//! Sign-ins that renew themselves: what a user has (a cloud's key, a service account, a principal) becomes a credential
//! of the registry, which is fetched anew before it runs out and after it was refused.
//!
//! [`SignIn`] is one account's; it is asked by whatever is an `AccessSource`. The clouds' modules ([`aws`], [`google`],
//! [`azure`], [`alibaba`]) can also sign other calls of their APIs. Redirects are never followed there, and no secret
//! is in an error: that is [`registry::Service`]'s doing.

pub mod alibaba;
pub mod aws;
pub mod azure;
pub mod google;
pub mod kind;
mod skew;

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use registry::{
    ClientOptions, CloudRequest, Code, Credential, Error, Registry, Result, Sentence, Service,
    TlsOptions, sentence,
};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use tokio::{sync::Mutex, time::Instant};
use url::Url;

pub use kind::SecretKind;

#[cfg(test)]
mod tests;

/// What of the environment a sign-in may see.
pub type Environment = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// How long a failure is everyone's who asks: a hundred images must not ask a hundred times.
const FAILURE_LIFE: Duration = Duration::from_secs(20);
/// The longest time before its end that a credential is renewed at.
const EARLY: Duration = Duration::from_mins(15);
/// When the next try is due, after a credential that is still good could not be renewed.
const AGAIN: Duration = Duration::from_secs(30);

/// What a sign-in needs to know besides the user name and the secret. Nothing of it is secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SignInOptions {
    /// The profile in AWS's files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// The ARN of the AWS role to assume.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The cloud's region, where the address does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Azure's tenant (directory): its id or domain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// The id of an Alibaba Cloud ACR Enterprise instance, `cri-…`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// Where the cloud's API is, in place of its public address (VPC endpoints).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<Url>,
}

impl SignInOptions {
    /// The names of the options in files.
    pub const NAMES: [&str; 6] = ["profile", "role", "region", "tenant", "instance", "endpoint"];

    /// Sets an option by its name. The error says what is wrong with its value; an unknown name is none.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), Sentence> {
        let text = Some(value.trim().to_owned()).filter(|text| !text.is_empty());
        match name {
            "profile" => self.profile = text,
            "role" => self.role = text,
            "region" => self.region = text,
            "tenant" => self.tenant = text,
            "instance" => self.instance = text,
            "endpoint" => {
                let url = text.map(|text| Url::parse(&text).ok().filter(Url::has_host));
                self.endpoint = match url {
                    None => None,
                    Some(Some(url)) if url.username().is_empty() && url.password().is_none() => {
                        Some(url)
                    }
                    Some(_) => {
                        return Err(sentence!(
                            "must_be_url",
                            "it must be a URL such as {example}",
                            example = "https://api.example.com/",
                        ));
                    }
                };
            }
            _ => {}
        }
        Ok(())
    }
}

/// What is needed to sign in at one registry.
#[derive(Clone)]
pub struct Settings {
    /// The registry.
    pub registry: Registry,
    /// The provider's id in the presets; the host tells where it is not given.
    pub provider: Option<String>,
    /// The kind of secret.
    pub kind: SecretKind,
    /// The user name, access key id or client id; empty where the kind has none.
    pub username: String,
    /// The secret; none where the kind takes it from the system.
    pub secret: Option<SecretString>,
    /// The rest.
    pub options: SignInOptions,
    /// How TLS is spoken with the registry; its CA counts for the cloud's API too.
    pub tls: TlsOptions,
    /// The account's proxy.
    pub proxy: Option<Url>,
    /// The environment.
    pub env: Environment,
    /// How often and how long the cloud's API is tried.
    pub patience: ClientOptions,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("registry", &self.registry)
            .field("provider", &self.provider)
            .field("kind", &self.kind)
            .field("username", &self.username)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl Settings {
    /// Settings for a registry and a kind of secret, the rest as it is by default.
    pub fn new(registry: Registry, kind: SecretKind) -> Self {
        Self {
            registry,
            provider: None,
            kind,
            username: String::new(),
            secret: None,
            options: SignInOptions::default(),
            tls: TlsOptions::default(),
            proxy: None,
            env: Arc::new(|name| std::env::var(name).ok()),
            patience: ClientOptions::default(),
        }
    }

    /// A way to the cloud's API, and to the registry itself.
    fn service(&self) -> Service {
        let registry = self.registry.clone();
        Service::new(&self.patience, registry, self.tls.clone(), self.proxy.clone())
    }

    fn secret(&self, what: &str) -> Result<SecretString> {
        self.secret.clone().ok_or_else(|| {
            Error::new(Code::AuthRequired, format!("there is no {what}")).registry(&self.registry)
        })
    }

    fn wrong(&self, message: impl Into<String>) -> Error {
        Error::new(Code::ConfigInvalid, message).registry(&self.registry)
    }
}

/// A credential for a while.
#[derive(Clone, Debug)]
pub struct Lease {
    /// The credential.
    pub credential: Credential,
    /// When it ends, if it does.
    expires: Option<Instant>,
    /// From when on it is to be renewed.
    pub renew_at: Option<Instant>,
}

impl Lease {
    /// One without an end.
    pub fn forever(credential: Credential) -> Self {
        Self { credential, expires: None, renew_at: None }
    }

    /// One that lives for so long from now on.
    pub fn of_life(credential: Credential, life: Duration) -> Self {
        let now = Instant::now();
        let life = life.min(Duration::from_hours(24 * 365));
        let early = EARLY.min(life / 10);
        Self { credential, expires: Some(now + life), renew_at: Some(now + life - early) }
    }

    /// One that ends at a time by the server's clock, of which this is the present time.
    pub fn until(credential: Credential, end: SystemTime, server_time: SystemTime) -> Self {
        Self::of_life(credential, end.duration_since(server_time).unwrap_or_default())
    }

    fn is_due(&self) -> bool {
        self.renew_at.is_some_and(|at| at <= Instant::now())
    }

    fn is_over(&self) -> bool {
        self.expires.is_some_and(|at| at <= Instant::now())
    }
}

/// Who signs in.
#[derive(Debug)]
enum Way {
    /// The secret goes to the registry as it is.
    AsItIs(Credential),
    Aws(aws::Aws),
    Google(google::Google),
    Azure(azure::Azure),
    Alibaba(alibaba::Alibaba),
}

/// One account's sign-in. Whoever needs the credential shares it, and one fetch of it.
#[derive(Debug)]
pub struct SignIn {
    registry: Registry,
    way: Way,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    lease: Option<Lease>,
    failed: Option<(Error, Instant)>,
}

impl SignIn {
    /// Checks the settings as far as that can be done without asking anyone.
    pub fn new(settings: Settings) -> Result<Self> {
        let registry = settings.registry.clone();
        let way = Self::way(settings).map_err(|error| error.registry(&registry))?;
        Ok(Self { registry, way, state: Mutex::default() })
    }

    fn way(settings: Settings) -> Result<Way> {
        Ok(match settings.kind {
            SecretKind::Password => Way::AsItIs(password(&settings)?),
            SecretKind::IdentityToken => {
                Way::AsItIs(Credential::IdentityToken(settings.secret("identity token")?))
            }
            SecretKind::Bearer => Way::AsItIs(Credential::Bearer(settings.secret("token")?)),
            SecretKind::AccessToken => Way::AsItIs(Credential::Basic {
                username: google::TOKEN_USER.into(),
                password: settings.secret("access token")?,
            }),
            SecretKind::AwsKeys | SecretKind::AwsProfile | SecretKind::AwsEnvironment => {
                Way::Aws(aws::Aws::new(settings)?)
            }
            SecretKind::GoogleKey => Way::Google(google::Google::new(&settings)?),
            SecretKind::AzurePrincipal | SecretKind::AzureToken => {
                Way::Azure(azure::Azure::new(settings)?)
            }
            SecretKind::AlibabaKey => Way::Alibaba(alibaba::Alibaba::new(settings)?),
        })
    }

    /// The credential. It is fetched where there is none that lasts, or, with `renew`, in any case: the last one was
    /// refused. While it can't be renewed but is still good, it stays in use.
    pub async fn lease(&self, renew: bool) -> Result<Lease> {
        let mut state = self.state.lock().await;
        if let Some(lease) = state.lease.as_ref().filter(|lease| !renew && !lease.is_due()) {
            return Ok(lease.clone());
        }
        if let Some((error, until)) = &state.failed
            && Instant::now() < *until
        {
            return Err(error.clone());
        }
        match self.fetch(renew).await {
            Ok(lease) => {
                *state = State { lease: Some(lease.clone()), failed: None };
                Ok(lease)
            }
            Err(error) => {
                let error = error.registry(&self.registry);
                if let Some(lease) = state.lease.as_mut().filter(|lease| !renew && !lease.is_over())
                {
                    tracing::warn!(registry = %self.registry, "the credentials can't be renewed yet: {error}");
                    lease.renew_at = Some(Instant::now() + AGAIN);
                    return Ok(lease.clone());
                }
                let until = Instant::now() + FAILURE_LIFE;
                *state = State { lease: None, failed: Some((error.clone(), until)) };
                Err(error)
            }
        }
    }

    /// Signs a request to the cloud's API with the keys that this is the sign-in with, and leads it to the endpoint of
    /// the settings. `false` where the secret is none of a cloud.
    pub async fn sign(&self, request: &mut CloudRequest) -> Result<bool> {
        let signed = match &self.way {
            Way::Aws(aws) => aws.sign(request).await,
            Way::Alibaba(alibaba) => alibaba.sign(request).await,
            Way::AsItIs(_) | Way::Google(_) | Way::Azure(_) => return Ok(false),
        };
        signed.map(|()| true).map_err(|error| error.registry(&self.registry))
    }

    async fn fetch(&self, renew: bool) -> Result<Lease> {
        match &self.way {
            Way::AsItIs(credential) => Ok(Lease::forever(credential.clone())),
            Way::Aws(aws) => {
                if renew {
                    aws.forget().await;
                }
                aws.token().await
            }
            Way::Google(google) => google.token().await,
            Way::Azure(azure) => azure.token().await,
            Way::Alibaba(alibaba) => alibaba.token().await,
        }
    }
}

/// A user name with a password, looked at for what is known to be no good.
fn password(settings: &Settings) -> Result<Credential> {
    if settings.username.is_empty() {
        return Ok(Credential::Anonymous);
    }
    let password = settings.secret("password")?;
    if settings.username == google::KEY_USER {
        google::check_key(&password).map_err(|why| settings.wrong(why))?;
    }
    Ok(Credential::Basic { username: settings.username.clone(), password })
}
