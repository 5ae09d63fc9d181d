//! An auth file's entry, and an account, that name a cloud's sign-in.

use registry::Demand;

use super::*;
use crate::{
    Account as Kept, AccountAccess, AuthEntry, CredentialFiles, FileAccess, SecretPlace, Vault,
    address_of_key,
    keyring::{SecretStore, Status},
};

fn entry(key: &str) -> AuthEntry {
    AuthEntry { insecure: true, ..AuthEntry::new(address_of_key(key).unwrap(), key, "auth.yaml:1") }
}

fn access(entries: Vec<AuthEntry>) -> Result<FileAccess, Vec<Error>> {
    FileAccess::new(entries, CredentialFiles::of_system(&|_| None))
}

#[tokio::test]
async fn an_auth_files_entry_signs_in_at_its_cloud_and_renews() {
    let cloud = Cloud::start().await;
    cloud.aws_key("AKIAKEY", CANARY);
    let server = server(Auth::basic("AWS", "ecr-1")).await;
    let mut ecr = entry(server.host());
    ecr.provider = Some("ecr".into());
    ecr.username = Some("AKIAKEY".into());
    ecr.password = Some(CANARY.into());
    ecr.options.region = Some("eu-west-1".into());
    ecr.options.endpoint = Some(cloud.url().parse().unwrap());
    assert!(!format!("{ecr:?}").contains(CANARY));
    let client = Client::new(quick(), Arc::new(access(vec![ecr]).unwrap()));
    for _ in 0..3 {
        head(&client, &server).await.unwrap();
    }
    assert_eq!(cloud.granted("GetAuthorizationToken"), 1);
    server.set_auth(Auth::basic("AWS", "ecr-2"));
    head(&client, &server).await.unwrap();
    assert_eq!(cloud.granted("GetAuthorizationToken"), 2);
}

#[test]
fn what_is_wrong_with_an_entry_is_told_before_anything_is_asked() {
    let mut google = entry("europe-docker.pkg.dev");
    google.provider = Some("gar".into());
    google.password = Some(CANARY.into());
    let mut ecr = entry("ecr.example.com");
    ecr.provider = Some("ecr".into());
    let mut lost = entry("gcr.io");
    lost.provider = Some("gcr".into());
    lost.secret_file = Some("/none/such.json".into());
    let errors = access(vec![google, ecr, lost]).unwrap_err();
    let text: Vec<_> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(errors.len(), 3, "{text:?}");
    assert!(text[0].contains("no JSON") && text[0].contains("auth.yaml:1"), "{text:?}");
    assert!(text[1].contains("no AWS region"), "{text:?}");
    assert!(text[2].contains("/none/such.json"), "{text:?}");
    assert!(!format!("{errors:?}").contains(CANARY));
}

#[test]
fn demands_of_the_provider_of_an_entry_and_of_the_hosts() {
    let mut harbor = entry("harbor.example.com");
    harbor.provider = Some("harbor".into());
    let access = access(vec![harbor]).unwrap();
    let demand =
        |host: &str, name: &str| access.demand(&host.parse().unwrap(), &name.parse().unwrap());
    assert_eq!(demand("harbor.example.com", "a").unwrap_err().code(), Code::RepoName);
    assert_eq!(demand("docker.io", "a/b/c").unwrap_err().code(), Code::RepoName);
    assert_eq!(demand("registry.example.com", "a").unwrap(), Demand::Nothing);
    let ecr = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
    assert_eq!(demand(ecr, "a").unwrap(), Demand::Created);
}

/// A keyring with one secret for everyone, which counts how often it is asked.
#[derive(Debug, Default)]
struct Keyring(std::sync::atomic::AtomicUsize);

#[async_trait]
impl SecretStore for Keyring {
    async fn status(&self) -> Status {
        Status::ready()
    }
    async fn unlock(&self) -> Status {
        Status::ready()
    }
    async fn get(&self, _: &str) -> Result<Option<SecretString>> {
        self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        Ok(Some(CANARY.into()))
    }
    async fn set(&self, _: &str, _: &str, _: &SecretString) -> Result<()> {
        Ok(())
    }
    async fn remove(&self, _: &str) -> Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn an_account_signs_in_at_its_cloud_and_asks_the_keyring_once() {
    let cloud = Cloud::start().await;
    cloud.aws_key("AKIAKEY", CANARY);
    let server = server(Auth::basic("AWS", "ecr-1")).await;
    let account = Kept {
        provider: "ecr".into(),
        secret_kind: "aws-keys".into(),
        username: "AKIAKEY".into(),
        insecure: true,
        secret_in: SecretPlace::Keyring,
        settings: [("region", "eu-west-1"), ("endpoint", &cloud.url())]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        ..Kept::new("a", server.host().parse().unwrap())
    };
    let keyring = Arc::<Keyring>::default();
    let vault = Arc::new(Vault::new(keyring.clone()));
    let access = Arc::new(AccountAccess::new(vec![account.clone()], vault.clone()));
    let client = Client::new(quick(), access.clone());
    for n in 1..=3 {
        server.set_auth(Auth::basic("AWS", &format!("ecr-{n}")));
        head(&client, &server).await.unwrap();
    }
    assert_eq!(cloud.granted("GetAuthorizationToken"), 3);
    assert_eq!(keyring.0.load(std::sync::atomic::Ordering::SeqCst), 1);
    // what its provider demands is known, and a test of the connection uses the same sign-in
    let registry: Registry = server.host().parse().unwrap();
    assert_eq!(access.demand(&registry, &"a".parse().unwrap()).unwrap(), Demand::Created);
    let credential = vault.credential(&account, true).await.unwrap();
    assert!(matches!(credential, Credential::Basic { username, .. } if username == "AWS"));
    let wrong = Kept { settings: [("endpoint".to_owned(), "x".to_owned())].into(), ..account };
    let error = vault.credential(&wrong, true).await.unwrap_err();
    assert_eq!(error.code(), Code::ConfigInvalid, "{error}");
}
