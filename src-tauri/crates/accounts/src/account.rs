//! An account: who we are at a registry, and how it is reached. Everything but the secrets, which are in the keyring
//! ([`crate::keyring`]). `docs/accounts-file.md` describes it for people.

use std::{collections::BTreeMap, path::PathBuf};

use jiff::Timestamp;
use registry::Fingerprint;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::{Address, Create, provider};

/// What an account's secret is. Others are the providers' own words.
pub mod secret_kind {
    /// A password or access token that goes with the user name.
    pub const PASSWORD: &str = "password";
    /// An OAuth2 refresh token ("identity token" in docker's files).
    pub const IDENTITY_TOKEN: &str = "identity-token";
    /// A token that goes to the registry as it is.
    pub const BEARER: &str = "bearer";
}

/// An account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// Its name in profiles and in the keyring; never changes.
    #[schemars(length(min = 1))]
    pub id: String,
    /// What the user calls it.
    #[serde(default)]
    pub name: String,
    /// What it is for: `host[:port]`, or `host[:port]/namespace`.
    #[schemars(with = "String")]
    pub address: Address,
    /// The vendor's id, such as `ecr`; empty where the registry is like any other.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub provider: String,
    /// What the provider must know besides: a region, a role. Never a secret.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, String>,
    /// The user name; empty for anonymous access.
    #[serde(default)]
    pub username: String,
    /// What the secret is: `password`, `identity-token`, `bearer`, or a provider's own word.
    #[serde(default = "password", skip_serializing_if = "is_password")]
    pub secret_kind: String,
    /// The certificate is not verified, and plain HTTP is spoken where the host has no TLS.
    #[serde(default)]
    pub insecure: bool,
    /// Plain HTTP is spoken at once.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub plain_http: bool,
    /// A file of certificates (PEM) to trust besides the system's.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// A certificate that the connection test has shown and the user trusts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trusted: Option<Trusted>,
    /// A file with the client's certificates (PEM); the key may be in it too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_cert: Option<PathBuf>,
    /// A file with the key of the client's certificate (PEM).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_key: Option<PathBuf>,
    /// A proxy for this registry alone (http, https, socks5, socks5h), with a user name at most: its password is where
    /// the account's secret is. The environment's proxy otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub proxy: Option<Url>,
    /// Where the proxy's password is.
    #[serde(default, skip_serializing_if = "SecretPlace::is_none")]
    pub proxy_secret_in: SecretPlace,
    /// Mirrors of the registry, `host[:port]` or `host[:port]/prefix`: images are read from the first that has them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<String>")]
    pub mirrors: Vec<Address>,
    /// Where the API of the registry's vendor is, where its name and its provider don't tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub api: Option<Url>,
    /// What stands before `/v2/` in the registry's addresses: `artifactory/api/docker/key`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_prefix: Option<String>,
    /// Whether repositories that must exist before the first push are created, and how.
    #[serde(default, skip_serializing_if = "Create::is_none")]
    pub create: Create,
    /// The most requests in flight to this registry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub limit: Option<usize>,
    /// When the connection test last passed.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub verified_at: Option<Timestamp>,
    /// What the last connection test failed at, if it did not pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<FailedTest>,
    /// Where its secret is.
    #[serde(default)]
    pub secret_in: SecretPlace,
    /// Who is asked for the secret each time, where it is `linked`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<Link>,
}

fn password() -> String {
    secret_kind::PASSWORD.into()
}

fn is_password(kind: &String) -> bool {
    kind == secret_kind::PASSWORD
}

/// Where a secret is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum SecretPlace {
    /// There is none.
    #[default]
    None,
    /// In the system's keyring.
    Keyring,
    /// In memory, until the program ends. The next start finds none.
    Memory,
    /// In the file that is encrypted with a passphrase.
    File,
    /// With docker or podman, which are asked each time.
    Linked,
}

impl SecretPlace {
    /// Whether there is no secret.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
    fn is_none(&self) -> bool {
        *self == Self::None
    }

    /// Its name: `none`, `keyring`, `memory`, `file`, `linked`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Keyring => "keyring",
            Self::Memory => "memory",
            Self::File => "file",
            Self::Linked => "linked",
        }
    }
}

/// Where docker or podman keep a secret.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum Link {
    /// `docker-credential-<helper>`, which is asked about `server`.
    Helper {
        /// The part after `docker-credential-`.
        helper: String,
        /// What it knows the registry by.
        server: String,
    },
    /// An entry of `config.json` or `auth.json`.
    File {
        /// The file.
        path: PathBuf,
        /// The entry's key.
        key: String,
    },
}

/// A connection test that did not pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FailedTest {
    /// When.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// The step that failed, such as `tls`.
    pub step: String,
    /// The code of the error, such as `tls.untrusted`.
    pub code: String,
}

/// A certificate that the user trusts for one account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum Trusted {
    /// This very certificate of the server, and no other.
    #[serde(rename_all = "camelCase")]
    Certificate {
        /// Its SHA-256 fingerprint.
        #[schemars(with = "String")]
        sha256: Fingerprint,
        /// Whom it is for, for people.
        #[serde(default)]
        subject: String,
    },
    /// What this authority signs.
    #[serde(rename_all = "camelCase")]
    Ca {
        /// Its SHA-256 fingerprint.
        #[schemars(with = "String")]
        sha256: Fingerprint,
        /// Who it is, for people.
        #[serde(default)]
        subject: String,
        /// Its certificate (PEM).
        pem: String,
    },
}

impl Account {
    /// Keeps what came of a test.
    pub fn note(&mut self, outcome: Result<Timestamp, FailedTest>) {
        match outcome {
            Ok(at) => (self.verified_at, self.failed) = (Some(at), None),
            // when it last worked is worth knowing all the same
            Err(failed) => self.failed = Some(failed),
        }
    }

    /// An account of which only the address is known.
    pub fn new(id: impl Into<String>, address: Address) -> Self {
        Self {
            id: id.into(),
            name: address.to_string(),
            address,
            provider: String::new(),
            settings: BTreeMap::new(),
            username: String::new(),
            secret_kind: password(),
            insecure: false,
            plain_http: false,
            ca_file: None,
            trusted: None,
            client_cert: None,
            client_key: None,
            proxy: None,
            proxy_secret_in: SecretPlace::None,
            mirrors: Vec::new(),
            api: None,
            path_prefix: None,
            create: Create::default(),
            limit: None,
            verified_at: None,
            failed: None,
            secret_in: SecretPlace::None,
            link: None,
        }
    }

    /// What the keyring knows the proxy's password by.
    pub fn proxy_id(&self) -> String {
        format!("{}/proxy", self.id)
    }

    /// Whether both reach the same registry in the same way, so that a test of one holds for the other.
    pub fn reaches_as(&self, other: &Self) -> bool {
        let way = |account: &Self| Self {
            name: String::new(),
            limit: None,
            mirrors: Vec::new(),
            create: Create::default(),
            verified_at: None,
            failed: None,
            secret_in: SecretPlace::None,
            proxy_secret_in: SecretPlace::None,
            id: String::new(),
            ..account.clone()
        };
        way(self) == way(other)
    }

    /// What in it can't be used, whoever wrote it. Registries and terminals are never shown such texts.
    pub fn check(&self) -> Result<(), Invalid> {
        let texts = [("name", &self.name), ("username", &self.username), ("id", &self.id)];
        for (field, text) in texts {
            if let Some(bad) = text.chars().find(|c| is_hidden(*c)) {
                let why = format!("it has the character U+{:04X}, which can't be seen", bad as u32);
                return Err(Invalid { field, why });
            }
        }
        if self.username.contains(':') && self.secret_kind == secret_kind::PASSWORD {
            let why = "it has a colon, which ends a user name in HTTP".to_owned();
            return Err(Invalid { field: "username", why });
        }
        for (name, value) in &self.settings {
            if let Some(bad) = value.chars().find(|c| is_hidden(*c)) {
                let why = format!(
                    "the setting '{}' has the character U+{:04X}, which can't be seen",
                    shown(name),
                    bad as u32
                );
                return Err(Invalid { field: "settings", why });
            }
        }
        if self.limit == Some(0) {
            let why = "at least one request must be allowed".to_owned();
            return Err(Invalid { field: "limit", why });
        }
        if self.client_key.is_some() && self.client_cert.is_none() {
            let why = "there is a key and no client certificate".to_owned();
            return Err(Invalid { field: "clientCert", why });
        }
        if let Some(proxy) = &self.proxy {
            check_proxy(proxy)?;
        }
        let provider = Some(self.provider.as_str()).filter(|id| !id.is_empty());
        provider::api(provider, self.api.as_ref(), &self.address.registry)
            .map_err(|why| Invalid { field: "api", why: why.into() })?;
        if let Some(prefix) = &self.path_prefix {
            provider::path_prefix(prefix)
                .map_err(|why| Invalid { field: "pathPrefix", why: why.into() })?;
        }
        if self.mirrors.iter().any(|mirror| mirror.registry == self.address.registry) {
            let why = "a mirror is another host than the registry".to_owned();
            return Err(Invalid { field: "mirrors", why });
        }
        Ok(())
    }
}

/// Why an account can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the account's {field} can't be used: {why}")]
pub struct Invalid {
    /// The field, as it is called in the file.
    pub field: &'static str,
    /// What is wrong.
    pub why: String,
}

fn check_proxy(proxy: &Url) -> Result<(), Invalid> {
    let why = if !matches!(proxy.scheme(), "http" | "https" | "socks5" | "socks5h") {
        "it begins with something else than http://, https://, socks5:// or socks5h://"
    } else if proxy.host_str().is_none_or(str::is_empty) {
        "it names no host"
    } else if proxy.password().is_some() {
        "its password must not stand in it"
    } else {
        return Ok(());
    };
    Err(Invalid { field: "proxy", why: why.into() })
}

/// Control characters, and those that turn the direction of text: nobody sees them, and they make one name look like
/// another.
pub(crate) fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{061C}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
}

/// A text of somebody else's, for people: what can't be seen is written as `\u{…}`.
pub fn shown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_hidden(c) { shown.extend(c.escape_unicode()) } else { shown.push(c) }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account() -> Account {
        Account { username: "me".into(), ..Account::new("a", "a.example.com".parse().unwrap()) }
    }

    #[test]
    fn what_nobody_sees_is_refused() {
        assert_eq!(account().check(), Ok(()));
        for bad in
            ["a\nb", "a\u{7}", "a\u{202e}b", "\u{2066}a", "a\u{200b}", "\u{feff}", "a\u{1b}[31m"]
        {
            let error = Account { username: bad.into(), ..account() }.check().unwrap_err();
            assert_eq!(error.field, "username", "{bad:?}");
            let error = Account { name: bad.into(), ..account() }.check().unwrap_err();
            assert_eq!(error.field, "name", "{bad:?}");
            let shown = shown(bad);
            assert!(!shown.chars().any(is_hidden) && shown.contains("\\u{"), "{shown}");
        }
        for good in [
            "robot$team+ci",
            "团队镜像",
            "ä b",
            "_json_key",
            "00000000-0000-0000-0000-000000000000",
        ] {
            Account { username: good.into(), name: good.into(), ..account() }.check().unwrap();
            assert_eq!(shown(good), good);
        }
    }

    #[test]
    fn what_can_t_work_is_told_by_its_field() {
        for (account, field) in [
            (Account { username: "a:b".into(), ..account() }, "username"),
            (Account { limit: Some(0), ..account() }, "limit"),
            (Account { client_key: Some("k".into()), ..account() }, "clientCert"),
            (Account { proxy: Some("ftp://p".parse().unwrap()), ..account() }, "proxy"),
            (Account { proxy: Some("http://u:p@p".parse().unwrap()), ..account() }, "proxy"),
            (Account { mirrors: vec!["a.example.com/x".parse().unwrap()], ..account() }, "mirrors"),
        ] {
            let error = account.check().unwrap_err();
            assert_eq!(error.field, field, "{error}");
            assert!(!error.to_string().contains("u:p"), "{error}");
        }
        let proxy = Some("socks5h://me@proxy.example.com:1080".parse().unwrap());
        Account { proxy, limit: Some(3), ..account() }.check().unwrap();
    }
}
