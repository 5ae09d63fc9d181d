//! Making accounts of what is found elsewhere: docker's and podman's logins, and the original image-syncer's auth file.
//! Secrets go from keyring to keyring, or stay where they are and are asked for each time.

use std::path::{Path, PathBuf};

use registry::{Code, Credential, Error, Result};
use secrecy::{ExposeSecret as _, SecretString};

use crate::{
    Account, Accounts, Address, AuthEntry, CredentialFiles, Found, Links, SecretPlace, Vault,
    account::shown, secret_kind,
};

/// Something that an account could be made of.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Names it among the others, the next time too.
    pub key: String,
    /// What it is for.
    pub address: Address,
    /// The user name, where one is known without asking for the secret.
    pub user: Option<String>,
    /// Where it is, for people.
    pub source: String,
    /// Whether it can be linked: asked for each time instead of being copied.
    pub can_link: bool,
    origin: Origin,
}

#[derive(Clone, Debug)]
enum Origin {
    Found(Found),
    Entry(Box<AuthEntry>),
}

impl Candidate {
    /// The account that is the same already: of the same address, and of the same user where that is known.
    pub fn known<'a>(&'a self, accounts: &'a Accounts) -> Option<&'a Account> {
        accounts.at(&self.address).find(|account| match &self.user {
            Some(user) => account.username == *user,
            None => match &self.origin {
                Origin::Found(_) => true,
                Origin::Entry(_) => account.username.is_empty(),
            },
        })
    }
}

impl From<AuthEntry> for Candidate {
    fn from(entry: AuthEntry) -> Self {
        Self {
            key: format!("{} {}", entry.origin, entry.address),
            address: entry.address.clone(),
            user: entry.username.clone(),
            source: entry.origin.clone(),
            can_link: false,
            origin: Origin::Entry(Box::new(entry)),
        }
    }
}

/// Everything that accounts could be made of, and what could not be looked at. No secret is read from a helper.
pub async fn candidates(
    files: &CredentialFiles,
    auth: Vec<AuthEntry>,
) -> (Vec<Candidate>, Vec<Error>) {
    let listing = files.list().await;
    let mut candidates: Vec<Candidate> = listing
        .found
        .into_iter()
        .map(|found| Candidate {
            key: format!("{} {}", found.source, found.address),
            address: found.address.clone(),
            user: found.user.clone(),
            source: found.source.clone(),
            can_link: true,
            origin: Origin::Found(found),
        })
        .collect();
    candidates.extend(auth.into_iter().map(Candidate::from));
    (candidates, listing.problems)
}

/// Makes an account of a candidate: its secret copied to where secrets are kept, or linked.
pub async fn take(
    candidate: &Candidate,
    linked: bool,
    accounts: &mut Accounts,
    vault: &Vault,
    links: &Links,
) -> Result<Account> {
    let mut account = Account::new(accounts.new_id(&candidate.address), candidate.address.clone());
    let mut secret = None;
    let mut proxy_password = None;
    match &candidate.origin {
        Origin::Found(found) if linked => {
            account.username = found.user.clone().unwrap_or_default();
            account.link = Some(found.link.clone());
            account.secret_in = SecretPlace::Linked;
        }
        Origin::Found(found) => {
            let at_home = |error: Error| error.registry(&found.address.registry);
            let credential = links.ask(&found.link, true).await.map_err(at_home)?;
            match credential {
                Some(Credential::Basic { username, password }) => {
                    account.username = username;
                    secret = Some(password);
                }
                Some(Credential::IdentityToken(token)) => {
                    account.secret_kind = secret_kind::IDENTITY_TOKEN.into();
                    secret = Some(token);
                }
                Some(Credential::Bearer(token)) => {
                    account.secret_kind = secret_kind::BEARER.into();
                    secret = Some(token);
                }
                Some(Credential::Anonymous) | None => {
                    let message = format!("{} has no login for it any more", shown(&found.source));
                    return Err(at_home(Error::new(Code::AuthRequired, message))
                        .hint("Log in there again, then import anew."));
                }
            }
        }
        Origin::Entry(entry) => {
            account.username = entry.username.clone().unwrap_or_default();
            secret = entry.password.clone().filter(|_| !account.username.is_empty());
            account.insecure = entry.insecure;
            account.ca_file.clone_from(&entry.ca);
            account.client_cert.clone_from(&entry.cert);
            account.client_key.clone_from(&entry.key);
            account.limit = entry.limit;
            (account.proxy, proxy_password) = match &entry.proxy {
                Some(url) => without_password(url),
                None => (None, None),
            };
        }
    }
    add(account, secret.as_ref(), proxy_password.as_ref(), accounts, vault).await
}

/// Adds an account with its secrets. If it can't be saved, no secret of it stays behind.
pub async fn add(
    mut account: Account,
    secret: Option<&SecretString>,
    proxy_password: Option<&SecretString>,
    accounts: &mut Accounts,
    vault: &Vault,
) -> Result<Account> {
    account.check().map_err(|invalid| {
        Error::new(Code::ConfigInvalid, invalid.to_string()).registry(&account.address.registry)
    })?;
    if let Some(secret) = secret {
        account.secret_in = vault.set(&account, secret).await?;
    }
    if let Some(password) = proxy_password {
        match vault.set_proxy_password(&account, password).await {
            Ok(place) => account.proxy_secret_in = place,
            Err(error) => {
                let _ = vault.remove(&account).await;
                return Err(error);
            }
        }
    }
    if let Err(error) = accounts.put(account.clone()) {
        // nothing will ever ask for them
        let _ = vault.remove(&account).await;
        let _ = vault.remove_proxy_password(&account).await;
        return Err(error.into());
    }
    Ok(account)
}

/// A proxy's address without the password in it, and that password.
pub fn without_password(url: &url::Url) -> (Option<url::Url>, Option<SecretString>) {
    let mut bare = url.clone();
    let password = url
        .password()
        .map(|text| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned());
    let _ = bare.set_password(None);
    (Some(bare), password.map(SecretString::from).filter(|p| !p.expose_secret().is_empty()))
}

/// The files of an auth file's entry as the headless program would find them, were it started beside the file.
pub fn beside(mut entry: AuthEntry, file: &Path) -> AuthEntry {
    let folder = file.parent().unwrap_or(Path::new(""));
    let joined = |path: Option<PathBuf>| path.map(|path| folder.join(path));
    entry.ca = joined(entry.ca);
    entry.cert = joined(entry.cert);
    entry.key = joined(entry.key);
    entry
}
