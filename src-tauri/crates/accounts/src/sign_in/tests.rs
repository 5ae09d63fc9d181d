//! Sign-ins against emulated clouds and registries: what is asked, how often, and what is said when it fails.

mod alibaba;
mod aws;
mod azure;
mod files;
mod google;
mod plain;

use std::collections::HashMap;

use async_trait::async_trait;
use registry::{Access, AccessSource, Client, RepositoryName};
use secrecy::ExposeSecret as _;
use testkit::{Auth, Cloud, Image, Layer, Registry as Server};

use super::*;

/// No secret of a test may be seen anywhere.
const CANARY: &str = "CANARY";

/// An account as the source of access.
#[derive(Debug)]
struct Account(SignIn);

#[async_trait]
impl AccessSource for Account {
    async fn access(
        &self,
        _: &Registry,
        _: Option<&RepositoryName>,
        renew: bool,
    ) -> Result<Access> {
        let lease = self.0.lease(renew).await?;
        let (credential, renew_at) = (lease.credential, lease.renew_at);
        let tls = TlsOptions { insecure: true, ..TlsOptions::default() };
        let origin = registry::Sentence::verbatim("account 'x'");
        Ok(Access { credential, renew_at, origin, tls, ..Access::default() })
    }
}

fn quick() -> ClientOptions {
    ClientOptions {
        backoff: Duration::from_millis(1),
        stall: Duration::from_secs(20),
        ..ClientOptions::default()
    }
}

fn env(pairs: &[(&str, &str)]) -> Environment {
    let map: HashMap<String, String> =
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Arc::new(move |name| map.get(name).cloned())
}

/// Settings for a registry, with an empty environment and the cloud at `cloud`.
fn settings(registry: &str, kind: SecretKind, cloud: Option<&Cloud>) -> Settings {
    let mut settings = Settings::new(registry.parse().unwrap(), kind);
    settings.env = env(&[]);
    settings.patience = quick();
    // emulated registries speak plain HTTP
    settings.tls.insecure = true;
    settings.options.endpoint = cloud.map(|cloud| cloud.url().parse().unwrap());
    settings
}

/// A registry with the image `1` in `team/a`.
async fn server(auth: Auth) -> Server {
    let server = Server::builder().auth(auth).start().await;
    server.push("team/a", "1", &Image::single("linux/amd64", [Layer::random(1, 100)]));
    server
}

/// HEADs the image, as a run does.
async fn head(client: &Client, server: &Server) -> Result<()> {
    let registry = server.host().parse().unwrap();
    let tag = "1".parse().unwrap();
    let repository = client.source(&registry, &"team/a".parse().unwrap());
    let found = repository.head_manifest(&registry::Target::Tag(tag)).await?;
    assert!(found.is_some());
    Ok(())
}

fn client(settings: Settings) -> Client {
    let account = Account(SignIn::new(settings).unwrap());
    Client::new(quick(), Arc::new(account))
}

/// `user:password` of a lease, or the identity token.
fn shown(lease: &Lease) -> String {
    match &lease.credential {
        Credential::Basic { username, password } => {
            format!("{username}:{}", password.expose_secret())
        }
        Credential::IdentityToken(token) => token.expose_secret().to_owned(),
        other => format!("{other:?}"),
    }
}

async fn fails(settings: Settings) -> Error {
    let error = match SignIn::new(settings) {
        Ok(sign_in) => sign_in.lease(false).await.unwrap_err(),
        Err(error) => error,
    };
    assert!(error.at().is_some(), "it names the registry: {error}");
    let text = format!("{error} {error:?} {}", hints(&error));
    assert!(!text.contains(CANARY), "{text}");
    error
}

fn hints(error: &Error) -> String {
    error.own_hints().collect::<Vec<_>>().join(" ")
}
