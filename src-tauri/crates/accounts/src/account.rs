//! Accounts, and the file that keeps them: everything but the secrets, which are in the keyring ([`crate::keyring`]).
//! `docs/accounts-file.md` describes the file for people.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use store::{Loaded, file};

use crate::Address;

/// The format's version.
const VERSION: u64 = 1;

/// An account: who we are at a registry, and how it is reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// Its name in files and in the keyring; never changes.
    pub id: String,
    /// What the user calls it.
    #[serde(default)]
    pub name: String,
    /// What it is for.
    pub address: Address,
    /// The user name; empty for anonymous access.
    #[serde(default)]
    pub username: String,
    /// The certificate is not verified, and plain HTTP is spoken where the host has no TLS.
    #[serde(default)]
    pub insecure: bool,
    /// Certificates (PEM) to trust besides the system's.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// When the connection test last passed.
    #[serde(default)]
    pub verified_at: Option<Timestamp>,
    /// Where its secret is.
    #[serde(default)]
    pub secret_in: SecretPlace,
}

/// Where a secret is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SecretPlace {
    /// There is none.
    #[default]
    None,
    /// In the system's keyring.
    Keyring,
    /// In memory, until the program ends. The next start finds none.
    Memory,
}

/// Why accounts could not be read or changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The file.
    #[error(transparent)]
    File(#[from] file::Error),
    /// Another account has the address already.
    #[error("the account '{name}' is for {address} already")]
    Taken {
        /// The other account.
        name: String,
        /// The address.
        address: String,
    },
}

/// The accounts of this user.
#[derive(Debug)]
pub struct Accounts {
    path: PathBuf,
    list: Vec<Account>,
    /// Why the file must not be overwritten: it is there, but could not be read.
    unread: Option<file::Error>,
}

#[derive(Serialize, Deserialize)]
struct File {
    version: u64,
    accounts: Vec<Account>,
}

impl Accounts {
    /// Reads the accounts. The error tells of a file that could not be read; the accounts are empty then. If the file
    /// was kept aside, they can be filled anew; if it is still in its place, they can't, so that nothing is lost.
    pub fn open(path: impl Into<PathBuf>) -> (Self, Option<file::Error>) {
        let path = path.into();
        match Self::read(&path) {
            Ok(list) => (Self { path, list, unread: None }, None),
            Err(error) => {
                let unread = (!matches!(error, file::Error::Broken { .. })).then(|| error.clone());
                (Self { path, list: Vec::new(), unread }, Some(error))
            }
        }
    }

    fn read(path: &Path) -> Result<Vec<Account>, file::Error> {
        let mut list = match file::read::<File>(path, VERSION)? {
            Loaded::Missing => Vec::new(),
            Loaded::Content(file) => file.accounts,
        };
        for account in &mut list {
            if account.secret_in == SecretPlace::Memory {
                account.secret_in = SecretPlace::None;
            }
        }
        let twice = list.iter().enumerate().find(|(n, a)| list[..*n].iter().any(|b| a.id == b.id));
        match twice {
            Some((_, account)) => {
                let why = format!("two accounts have the id '{}'", account.id);
                Err(file::Error::Broken { path: path.into(), kept: file::keep_aside(path)?, why })
            }
            None => Ok(list),
        }
    }

    /// The accounts, in the order in which they were added.
    pub fn list(&self) -> &[Account] {
        &self.list
    }

    /// One account.
    pub fn get(&self, id: &str) -> Option<&Account> {
        self.list.iter().find(|account| account.id == id)
    }

    /// An id for a new account: made from its address, and not taken.
    pub fn new_id(&self, address: &Address) -> String {
        let slug: String = address
            .to_string()
            .split(|c: char| !c.is_ascii_alphanumeric())
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join("-");
        let mut id = slug.clone();
        let mut n = 2;
        while self.get(&id).is_some() {
            id = format!("{slug}-{n}");
            n += 1;
        }
        id
    }

    /// Whether an account could be put: no other one may have its address.
    pub fn check(&self, account: &Account) -> Result<(), Error> {
        match self
            .list
            .iter()
            .find(|other| other.id != account.id && other.address == account.address)
        {
            Some(other) => {
                Err(Error::Taken { name: other.name.clone(), address: other.address.to_string() })
            }
            None => Ok(()),
        }
    }

    /// Adds an account, or replaces the one of its id, in the file and here.
    pub fn put(&mut self, account: Account) -> Result<(), Error> {
        self.check(&account)?;
        let mut list = self.list.clone();
        match list.iter_mut().find(|other| other.id == account.id) {
            Some(other) => *other = account,
            None => list.push(account),
        }
        self.save(list)
    }

    /// Removes an account, in the file and here. Its secret is the caller's business.
    pub fn remove(&mut self, id: &str) -> Result<(), Error> {
        self.save(self.list.iter().filter(|account| account.id != id).cloned().collect())
    }

    fn save(&mut self, list: Vec<Account>) -> Result<(), Error> {
        if let Some(error) = &self.unread {
            return Err(error.clone().into());
        }
        let file = File { version: VERSION, accounts: list };
        file::write_json(&self.path, &file)?;
        self.list = file.accounts;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(id: &str, address: &str) -> Account {
        Account {
            id: id.into(),
            name: id.to_uppercase(),
            address: address.parse().unwrap(),
            username: "me".into(),
            insecure: false,
            ca_file: Some("/etc/ca.pem".into()),
            verified_at: Some("2026-01-02T03:04:05Z".parse().unwrap()),
            secret_in: SecretPlace::Keyring,
        }
    }

    #[test]
    fn they_come_back_but_what_was_in_memory_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("accounts.json");
        let (mut accounts, error) = Accounts::open(&path);
        assert_eq!(error, None);
        let a = account("a", "a.example.com");
        let b = Account { secret_in: SecretPlace::Memory, ..account("b", "b.example.com/team") };
        accounts.put(a.clone()).unwrap();
        accounts.put(b.clone()).unwrap();
        accounts.put(account("c", "c.example.com")).unwrap();
        accounts.remove("c").unwrap();
        let a = Account { name: "New".into(), ..a };
        accounts.put(a.clone()).unwrap();

        let (accounts, error) = Accounts::open(&path);
        assert_eq!(error, None);
        assert_eq!(accounts.list(), [a, Account { secret_in: SecretPlace::None, ..b }]);
    }

    #[test]
    fn one_address_one_account() {
        let dir = tempfile::tempdir().unwrap();
        let (mut accounts, _) = Accounts::open(dir.path().join("accounts.json"));
        accounts.put(account("a", "a.example.com")).unwrap();
        accounts.put(account("b", "a.example.com/team")).unwrap();
        let error = accounts.put(account("c", "a.example.com")).unwrap_err();
        assert_eq!(error, Error::Taken { name: "A".into(), address: "a.example.com".into() });
        assert_eq!(accounts.list().len(), 2);
    }

    #[test]
    fn ids_are_made_from_the_address() {
        let dir = tempfile::tempdir().unwrap();
        let (mut accounts, _) = Accounts::open(dir.path().join("accounts.json"));
        let address: Address = "registry.example.com:5000/team".parse().unwrap();
        assert_eq!(accounts.new_id(&address), "registry-example-com-5000-team");
        accounts.put(account("registry-example-com-5000-team", "x.example.com")).unwrap();
        assert_eq!(accounts.new_id(&address), "registry-example-com-5000-team-2");
    }

    #[test]
    fn a_broken_file_is_kept_and_new_accounts_can_be_added() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("accounts.json");
        let one = r#"{"id": "a", "address": "a.example.com"}"#;
        for (text, why) in [
            ("{ nonsense".to_owned(), "line 1"),
            (
                r#"{"version": 1, "accounts": [{"id": "a", "address": "UPPER/x y"}]}"#.to_owned(),
                "address",
            ),
            (
                format!(r#"{{"version": 1, "accounts": [{one}, {one}]}}"#),
                "two accounts have the id 'a'",
            ),
        ] {
            std::fs::write(&path, &text).unwrap();
            let (mut accounts, error) = Accounts::open(&path);
            let Some(file::Error::Broken { kept, why: got, .. }) = error else {
                panic!("{text}: {error:?}")
            };
            assert!(got.contains(why), "{got}");
            assert_eq!(std::fs::read_to_string(kept).unwrap(), text);
            accounts.put(account("new", "new.example.com")).unwrap();
        }
    }

    #[test]
    fn a_newer_file_is_not_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("accounts.json");
        let text = r#"{"version": 9, "accounts": {}}"#;
        std::fs::write(&path, text).unwrap();
        let (mut accounts, error) = Accounts::open(&path);
        assert!(matches!(error, Some(file::Error::Newer { found: 9, .. })), "{error:?}");
        assert!(accounts.put(account("a", "a.example.com")).is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }
}
