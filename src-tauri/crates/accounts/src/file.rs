//! The accounts of this user, and the file that keeps them.
//!
//! The app and the headless program may change the file at the same time: each change is made to what is in the file
//! then, under a lock, and what another program has added is never overwritten.

use std::{
    fs,
    path::{Path, PathBuf},
};

use registry::Code;
use serde::{Deserialize, Serialize};
use store::{Loaded, file};

use crate::{Account, Address, SecretPlace};

/// The format's version. 1 had one account for an address, and no more than passwords in the keyring.
pub(crate) const VERSION: u64 = 2;

/// Why accounts could not be read or changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The file.
    #[error(transparent)]
    File(#[from] file::Error),
    /// There is no such account.
    #[error("there is no account '{0}'")]
    Unknown(String),
}

impl From<Error> for registry::Error {
    fn from(error: Error) -> Self {
        let (code, hint) = match &error {
            Error::File(file::Error::Io { .. }) => {
                (Code::FileFailed, "Check its permissions and the free space.")
            }
            Error::File(file::Error::Broken { .. }) => (
                Code::ConfigInvalid,
                "Mend the copy that was kept and rename it back, or begin anew.",
            ),
            Error::File(file::Error::Newer { .. }) => (Code::ConfigInvalid, "Update Image Syncer."),
            Error::Unknown(_) => {
                (Code::ConfigInvalid, "'image-syncer accounts' lists those that there are.")
            }
        };
        Self::new(code, error.to_string()).hint(hint)
    }
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
        match read(&path, &[]) {
            Ok(list) => (Self { path, list: list.unwrap_or_default(), unread: None }, None),
            Err(error) => {
                let unread = (!matches!(error, file::Error::Broken { .. })).then(|| error.clone());
                (Self { path, list: Vec::new(), unread }, Some(error))
            }
        }
    }

    /// Reads anew what another program may have changed. A file that can't be read leaves the list as it was.
    pub fn refresh(&mut self) -> Result<(), file::Error> {
        match read(&self.path, &self.list) {
            Ok(list) => {
                self.list = list.unwrap_or_else(|| std::mem::take(&mut self.list));
                self.unread = None;
                Ok(())
            }
            Err(error) => {
                self.unread = (!matches!(error, file::Error::Broken { .. })).then(|| error.clone());
                Err(error)
            }
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

    /// The accounts for an address, the first being the one that is used where nothing is said.
    pub fn at<'a>(&'a self, address: &'a Address) -> impl Iterator<Item = &'a Account> {
        self.list.iter().filter(move |account| account.address == *address)
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

    /// Adds an account, or replaces the one of its id, in the file and here.
    pub fn put(&mut self, account: Account) -> Result<(), Error> {
        self.change(|list| match list.iter_mut().find(|other| other.id == account.id) {
            Some(other) => *other = account,
            None => list.push(account),
        })
    }

    /// Changes an account as it is in the file; what else another program has changed about it stays. One that is gone
    /// stays gone.
    pub fn update(&mut self, id: &str, act: impl FnOnce(&mut Account)) -> Result<(), Error> {
        self.change(|list| {
            if let Some(account) = list.iter_mut().find(|account| account.id == id) {
                act(account);
            }
        })
    }

    /// Removes an account, in the file and here. Its secret is the caller's business.
    pub fn remove(&mut self, id: &str) -> Result<(), Error> {
        self.change(|list| list.retain(|account| account.id != id))
    }

    fn change(&mut self, act: impl FnOnce(&mut Vec<Account>)) -> Result<(), Error> {
        let _lock = lock(&self.path)?;
        match self.refresh() {
            // one that is broken was kept aside and told; what is known here is as good as it gets
            Ok(()) | Err(file::Error::Broken { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let mut accounts = self.list.clone();
        act(&mut accounts);
        let file = File { version: VERSION, accounts };
        file::write_json(&self.path, &file)?;
        self.list = file.accounts;
        Ok(())
    }
}

/// Holds other programs of ours off until it is dropped.
pub(crate) fn lock(path: &Path) -> Result<fs::File, file::Error> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".lock");
    let lock = path.with_file_name(name);
    let told = |error: std::io::Error| file::Error::io(&lock, &error);
    if let Some(dir) = lock.parent() {
        fs::create_dir_all(dir).map_err(told)?;
    }
    let file =
        fs::File::options().create(true).truncate(false).write(true).open(&lock).map_err(told)?;
    file.lock().map_err(told)?;
    Ok(file)
}

/// What is in the file; `None` where there is none. `known` tells whose secrets are in this program's memory.
fn read(path: &Path, known: &[Account]) -> Result<Option<Vec<Account>>, file::Error> {
    let mut list = match file::read::<File>(path, VERSION)? {
        Loaded::Missing => return Ok(None),
        Loaded::Content(file) => file.accounts,
    };
    // what another program has written knows nothing of this one's memory
    let here = |now: SecretPlace, before: Option<SecretPlace>| match (now, before) {
        (SecretPlace::None | SecretPlace::Memory, Some(SecretPlace::Memory)) => SecretPlace::Memory,
        (SecretPlace::Memory, _) => SecretPlace::None,
        (place, _) => place,
    };
    for account in &mut list {
        let before = known.iter().find(|other| other.id == account.id);
        account.secret_in = here(account.secret_in, before.map(|account| account.secret_in));
        account.proxy_secret_in =
            here(account.proxy_secret_in, before.map(|account| account.proxy_secret_in));
    }
    let twice = list.iter().enumerate().find(|(n, a)| list[..*n].iter().any(|b| a.id == b.id));
    match twice {
        Some((_, account)) => {
            let why = format!("two accounts have the id '{}'", crate::account::shown(&account.id));
            Err(file::Error::Broken { path: path.into(), kept: file::keep_aside(path)?, why })
        }
        None => Ok(Some(list)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(id: &str, address: &str) -> Account {
        Account {
            name: id.to_uppercase(),
            username: "me".into(),
            ca_file: Some("/etc/ca.pem".into()),
            verified_at: Some("2026-01-02T03:04:05Z".parse().unwrap()),
            secret_in: SecretPlace::Keyring,
            ..Account::new(id, address.parse().unwrap())
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
    fn one_address_may_have_several_accounts() {
        let dir = tempfile::tempdir().unwrap();
        let (mut accounts, _) = Accounts::open(dir.path().join("accounts.json"));
        for (id, address) in
            [("a", "a.example.com"), ("b", "a.example.com/team"), ("c", "a.example.com")]
        {
            accounts.put(account(id, address)).unwrap();
        }
        let address = "a.example.com".parse().unwrap();
        let ids: Vec<_> = accounts.at(&address).map(|account| account.id.as_str()).collect();
        assert_eq!(ids, ["a", "c"]);
    }

    #[test]
    fn everything_but_the_secrets_comes_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("accounts.json");
        let fingerprint = registry::Fingerprint::of(b"x");
        let full = Account {
            provider: "ecr".into(),
            settings: [("region".to_owned(), "eu-central-1".to_owned())].into(),
            secret_kind: "aws-keys".into(),
            plain_http: true,
            trusted: Some(crate::Trusted::Certificate {
                sha256: fingerprint,
                subject: "CN=x".into(),
            }),
            client_cert: Some("/c".into()),
            client_key: Some("/k".into()),
            proxy: Some("socks5://me@proxy:1080".parse().unwrap()),
            proxy_secret_in: SecretPlace::File,
            mirrors: vec!["mirror.example.com/hub".parse().unwrap()],
            limit: Some(3),
            secret_in: SecretPlace::Linked,
            link: Some(crate::Link::Helper { helper: "pass".into(), server: "r.io".into() }),
            ..account("full", "r.example.com")
        };
        let pem = "-----BEGIN CERTIFICATE-----".to_owned();
        let ca = Account {
            trusted: Some(crate::Trusted::Ca { sha256: fingerprint, subject: String::new(), pem }),
            link: Some(crate::Link::File { path: "/f".into(), key: "k".into() }),
            ..account("ca", "c.example.com")
        };
        let (mut accounts, _) = Accounts::open(&path);
        accounts.put(full.clone()).unwrap();
        accounts.put(ca.clone()).unwrap();
        let (accounts, error) = Accounts::open(&path);
        assert_eq!((accounts.list(), error), (&[full, ca][..], None));
    }

    #[test]
    fn a_file_of_the_first_format_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("accounts.json");
        let text = r#"{"version": 1, "accounts": [{"id": "a", "name": "A", "address": "a.example.com", "username": "me",
            "insecure": false, "caFile": "/etc/ca.pem", "verifiedAt": "2026-01-02T03:04:05Z", "secretIn": "keyring"}]}"#;
        std::fs::write(&path, text).unwrap();
        let (accounts, error) = Accounts::open(&path);
        assert_eq!((accounts.list(), error), (&[account("a", "a.example.com")][..], None));
    }

    #[test]
    fn what_another_program_has_added_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("accounts.json");
        let (mut app, _) = Accounts::open(&path);
        let memory =
            Account { secret_in: SecretPlace::Memory, ..account("memory", "m.example.com") };
        app.put(memory).unwrap();
        let (mut program, _) = Accounts::open(&path);
        assert_eq!(program.list()[0].secret_in, SecretPlace::None, "not in its own memory");
        program.put(account("b", "b.example.com")).unwrap();
        // the app does not know of it, and changes something else
        app.put(account("c", "c.example.com")).unwrap();
        let ids = |accounts: &Accounts| {
            accounts.list().iter().map(|account| account.id.clone()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(ids(&app), "memory b c");
        assert_eq!(app.get("memory").unwrap().secret_in, SecretPlace::Memory);
        program.remove("b").unwrap();
        app.refresh().unwrap();
        assert_eq!(ids(&app), "memory c");
    }

    #[test]
    fn a_file_that_breaks_while_it_is_used_loses_no_account() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("accounts.json");
        let (mut accounts, _) = Accounts::open(&path);
        accounts.put(account("a", "a.example.com")).unwrap();
        std::fs::write(&path, "{ half of").unwrap();
        assert!(matches!(accounts.refresh(), Err(file::Error::Broken { .. })));
        assert_eq!(accounts.list().len(), 1);
        accounts.put(account("b", "b.example.com")).unwrap();
        let (accounts, error) = Accounts::open(&path);
        assert_eq!((accounts.list().len(), error), (2, None));
        let kept = dir.path().join("accounts.json.broken-1");
        assert_eq!(std::fs::read_to_string(kept).unwrap(), "{ half of");
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
