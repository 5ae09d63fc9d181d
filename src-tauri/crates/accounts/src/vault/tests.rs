use async_trait::async_trait;
use secrecy::ExposeSecret as _;

use super::*;

/// A keyring whose state and secrets the test sets.
#[derive(Debug)]
struct Fake {
    state: Mutex<State>,
    unlocks: Mutex<u32>,
    secrets: Mutex<HashMap<String, SecretString>>,
}

impl Fake {
    fn new(state: State) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(state),
            unlocks: Mutex::default(),
            secrets: Mutex::default(),
        })
    }

    fn check(&self) -> Result<()> {
        let status = Status {
            state: *self.state.lock().unwrap(),
            hint: Some(registry::Sentence::verbatim("do it")),
            detail: "why".into(),
        };
        status.error().map_or(Ok(()), Err)
    }
}

#[async_trait]
impl SecretStore for Fake {
    async fn status(&self) -> Status {
        Status { state: *self.state.lock().unwrap(), ..Status::ready() }
    }
    async fn unlock(&self) -> Status {
        *self.unlocks.lock().unwrap() += 1;
        self.status().await
    }
    async fn get(&self, id: &str) -> Result<Option<SecretString>> {
        self.check()?;
        Ok(self.secrets.lock().unwrap().get(id).cloned())
    }
    async fn set(&self, id: &str, _: &str, secret: &SecretString) -> Result<()> {
        self.check()?;
        self.secrets.lock().unwrap().insert(id.into(), secret.clone());
        Ok(())
    }
    async fn remove(&self, id: &str) -> Result<()> {
        self.check()?;
        self.secrets.lock().unwrap().remove(id);
        Ok(())
    }
}

fn account(secret_in: SecretPlace) -> Account {
    Account {
        username: "me".into(),
        secret_in,
        ..Account::new("a", "a.example.com".parse().unwrap())
    }
}

#[tokio::test]
async fn secrets_go_to_the_keyring() {
    let fake = Fake::new(State::Ready);
    let vault = Vault::new(fake.clone());
    let place = vault.set(&account(SecretPlace::None), &"s3".into()).await.unwrap();
    assert_eq!(place, SecretPlace::Keyring);
    let got = vault.get(&account(place)).await.unwrap().unwrap();
    assert_eq!(got.expose_secret(), "s3");
    assert!(
        vault.get(&account(SecretPlace::None)).await.unwrap().is_none(),
        "not asked where none is kept"
    );
    vault.remove(&account(place)).await.unwrap();
    assert!(fake.secrets.lock().unwrap().is_empty());
}

#[tokio::test]
async fn without_a_keyring_memory_is_used_only_when_chosen() {
    let fake = Fake::new(State::Missing);
    let vault = Vault::new(fake.clone());
    let error = vault.set(&account(SecretPlace::None), &"s3".into()).await.unwrap_err();
    assert_eq!(error.code(), Code::KeyringMissing);
    assert_eq!(error.hints().next(), Some("do it"));

    assert_eq!(vault.use_memory().await.state, State::Memory);
    let place = vault.set(&account(SecretPlace::None), &"s3".into()).await.unwrap();
    assert_eq!(place, SecretPlace::Memory);
    assert_eq!(vault.get(&account(place)).await.unwrap().unwrap().expose_secret(), "s3");
    assert!(fake.secrets.lock().unwrap().is_empty());

    // the keyring comes: new secrets go there, the old one still works, and moves when it is set anew
    *fake.state.lock().unwrap() = State::Ready;
    assert_eq!(vault.status().await.state, State::Memory, "not before the user tries again");
    assert_eq!(vault.retry().await.state, State::Ready);
    assert_eq!(vault.get(&account(place)).await.unwrap().unwrap().expose_secret(), "s3");
    assert_eq!(vault.set(&account(place), &"s4".into()).await.unwrap(), SecretPlace::Keyring);
    assert!(vault.get(&account(SecretPlace::Memory)).await.unwrap().is_none());
}

#[tokio::test]
async fn a_locked_keyring_is_only_unlocked_on_demand() {
    let fake = Fake::new(State::Locked);
    let vault = Vault::new(fake.clone());
    assert_eq!(vault.status().await.state, State::Locked);
    let error = vault.get(&account(SecretPlace::Keyring)).await.unwrap_err();
    assert_eq!(error.code(), Code::KeyringLocked);
    assert_eq!(*fake.unlocks.lock().unwrap(), 0);
    assert_eq!(vault.retry().await.state, State::Locked);
    assert_eq!(*fake.unlocks.lock().unwrap(), 1);
}

#[tokio::test]
async fn without_a_keyring_an_encrypted_file_may_be_chosen() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("secrets.age");
    let vault = Vault::new(Fake::new(State::Missing)).with_file(&path);
    assert_eq!(vault.file_state().await, FileState::None);
    assert_eq!(vault.use_file("right".into()).await.unwrap().state, State::File);
    let place = vault.set(&account(SecretPlace::Memory), &"s3".into()).await.unwrap();
    assert_eq!((place, vault.file_state().await), (SecretPlace::File, FileState::Open));
    let proxied = Account { proxy_secret_in: SecretPlace::None, ..account(place) };
    let proxy_in = vault.set_proxy_password(&proxied, &"p4".into()).await.unwrap();
    let proxied = Account { proxy_secret_in: proxy_in, ..proxied };

    // the next start
    let fake = Fake::new(State::Ready);
    let vault = Vault::new(fake.clone()).with_file(&path);
    assert_eq!(vault.get(&proxied).await.unwrap_err().code(), Code::SecretsLocked);
    let error = vault.use_file("wrong".into()).await.unwrap_err();
    assert_eq!(error.code(), Code::SecretsPassphrase);
    assert_eq!(vault.status().await.state, State::Ready, "a wrong passphrase chooses nothing");
    vault.use_file("right".into()).await.unwrap();
    let exposed = |secret: Option<SecretString>| secret.unwrap().expose_secret().to_owned();
    assert_eq!(exposed(vault.get(&proxied).await.unwrap()), "s3");
    assert_eq!(exposed(vault.proxy_password(&proxied).await.unwrap()), "p4");

    // the keyring has come: what is kept anew moves there
    assert_eq!(vault.retry().await.state, State::Ready);
    assert_eq!(vault.set(&proxied, &"s5".into()).await.unwrap(), SecretPlace::Keyring);
    assert!(vault.get(&proxied).await.unwrap().is_none(), "it is no longer in the file");
    assert_eq!(fake.secrets.lock().unwrap()["a"].expose_secret(), "s5");
}

#[tokio::test]
async fn what_a_secret_is_says_how_it_is_shown() {
    let fake = Fake::new(State::Ready);
    let vault = Vault::new(fake.clone());
    vault.set(&account(SecretPlace::None), &"s3".into()).await.unwrap();
    let of = |kind: &str, username: &str, place| Account {
        secret_kind: kind.into(),
        username: username.into(),
        ..account(place)
    };
    let (keyring, none) = (SecretPlace::Keyring, SecretPlace::None);
    for (account, shown) in [
        (of("password", "me", keyring), "basic me s3"),
        (of("password", "", keyring), "anonymous"),
        (of("identity-token", "", keyring), "identity s3"),
        (of("bearer", "", keyring), "bearer s3"),
        (of("identity-token", "", none), "anonymous"),
    ] {
        let credential = vault.credential(&account, false).await.unwrap();
        let text = match credential {
            Credential::Anonymous => "anonymous".to_owned(),
            Credential::Basic { username, password } => {
                format!("basic {username} {}", password.expose_secret())
            }
            Credential::IdentityToken(token) => format!("identity {}", token.expose_secret()),
            Credential::Bearer(token) => format!("bearer {}", token.expose_secret()),
        };
        assert_eq!(text, shown);
    }
    let error = vault.credential(&of("password", "me", none), false).await.unwrap_err();
    assert_eq!(error.code(), Code::AuthRequired);
    // it may be the key of a cloud, which is none of the registry's business
    let error = vault.credential(&of("something-new", "me", keyring), false).await.unwrap_err();
    assert_eq!(error.code(), Code::ConfigInvalid);
}
