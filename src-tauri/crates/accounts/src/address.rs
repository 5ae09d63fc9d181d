//! What an account is for: a registry, or one namespace of it. Here too is what people type or paste into that field.

use std::{fmt, str::FromStr};

use registry::{Reference, Registry, RepositoryName, Sentence, sentence};
use secrecy::SecretString;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use url::Url;

/// `host[:port]`, or `host[:port]/namespace` where the account is for that part of the registry only.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    /// The registry.
    pub registry: Registry,
    /// The first components of the repositories that the account is for; all of them where there is none.
    pub namespace: Option<RepositoryName>,
}

/// What was read from the address field.
#[derive(Clone, Debug)]
pub struct Typed {
    /// The address.
    pub address: Address,
    /// The user name, where what was pasted has one.
    pub username: Option<String>,
    /// The secret, where what was pasted has one.
    pub secret: Option<SecretString>,
}

/// Why a text is no address. It never repeats the text: a pasted line may hold a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the address can't be used: {why}")]
pub struct InvalidAddress {
    /// What is wrong.
    pub why: Sentence,
}

fn invalid(why: impl Into<Sentence>) -> InvalidAddress {
    InvalidAddress { why: why.into() }
}

impl Address {
    /// How many components of `repository` the namespace has, if the account is for it. `None`: it is for something
    /// else. The registry as a whole (`repository` is `None`) is covered by an account without a namespace only.
    pub fn covers(
        &self,
        registry: &Registry,
        repository: Option<&RepositoryName>,
    ) -> Option<usize> {
        if self.registry != *registry {
            return None;
        }
        let Some(namespace) = &self.namespace else { return Some(0) };
        let rest = repository?.as_str().strip_prefix(namespace.as_str())?;
        (rest.is_empty() || rest.starts_with('/')).then(|| namespace.as_str().split('/').count())
    }
}

/// Whether a host can't be told from a repository's first component.
fn is_bare(host: &str) -> bool {
    !host.contains(['.', ':']) && host != "localhost"
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.registry.fmt(f)?;
        // `registry:443` is the registry `registry`, which alone would be read as a part of Docker Hub
        if is_bare(self.registry.as_str()) {
            f.write_str(":443")?;
        }
        match &self.namespace {
            Some(namespace) => write!(f, "/{namespace}"),
            None => Ok(()),
        }
    }
}

impl FromStr for Address {
    type Err = InvalidAddress;

    /// Reads `host[:port][/namespace][/]`.
    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        let text = text.trim_end_matches('/');
        let (host, namespace) = match text.split_once('/') {
            Some((host, namespace)) => (host, Some(namespace)),
            None => (text, None),
        };
        let registry: Registry = host.parse().map_err(invalid)?;
        if is_bare(host) {
            return Err(invalid(sentence!(
                "address_bare",
                "'{host}' has neither a dot nor a port, and image names can't tell it from a part of Docker Hub; \
                 write {host}:443 or another port",
                host = host,
            )));
        }
        let namespace = namespace.map(str::parse).transpose().map_err(invalid)?;
        Ok(Self { registry, namespace })
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl Typed {
    /// Reads what people type or paste: an address, one with `https://` before it, a `docker login` line (also
    /// podman's and skopeo's), or an image reference.
    pub fn read(text: &str) -> Result<Self, InvalidAddress> {
        let text = text.trim();
        if text.is_empty() {
            return Err(invalid(sentence!("empty", "it is empty")));
        }
        let words: Vec<&str> = text.split_whitespace().map(unquoted).collect();
        if words.len() > 1 {
            return login_line(&words);
        }
        if text.contains("://") {
            return link(text);
        }
        Ok(Self { address: plain(text)?, username: None, secret: None })
    }
}

/// An address, or an image reference (whose registry is meant).
fn plain(text: &str) -> Result<Address, InvalidAddress> {
    let last = text.rsplit('/').next().unwrap_or(text);
    let port =
        last.split_once(':').is_some_and(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()));
    let tagged = text.contains('@') || (last.contains(':') && (text.contains('/') || !port));
    // `[::1]:5000` has colons of its own
    if tagged && !last.starts_with('[') {
        let reference: Reference = text.parse().map_err(invalid)?;
        return Ok(Address { registry: reference.registry, namespace: None });
    }
    text.parse()
}

/// `https://[user[:secret]@]host[:port][/v2/ or /namespace]`
fn link(text: &str) -> Result<Typed, InvalidAddress> {
    let url = Url::parse(text).map_err(|error| invalid(Sentence::verbatim(error.to_string())))?;
    if !matches!(url.scheme(), "https" | "http") {
        return Err(invalid(sentence!(
            "address_scheme",
            "it begins with something else than https://",
        )));
    }
    let host =
        url.host_str().ok_or_else(|| invalid(sentence!("address_no_host", "it names no host")))?;
    let host = match (host, url.port()) {
        ("hub.docker.com" | "index.docker.io" | "registry.hub.docker.com", _) => {
            Registry::DOCKER_HUB.to_owned()
        }
        (host, Some(port)) => format!("{host}:{port}"),
        // without its port, plain HTTP would be asked at 443
        (host, None) if url.scheme() == "http" => format!("{host}:80"),
        (host, None) => host.to_owned(),
    };
    let decoded =
        |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
    let path = url.path().trim_matches('/');
    let namespace = match path {
        "" | "v1" | "v2" => "",
        _ if host == Registry::DOCKER_HUB => "",
        path => path,
    };
    Ok(Typed {
        address: format!("{host}/{namespace}").parse()?,
        username: Some(decoded(url.username())).filter(|name| !name.is_empty()),
        secret: url.password().map(|secret| decoded(secret).into()),
    })
}

/// `docker login [-u USER] [-p SECRET] [--password-stdin] [SERVER]`, with whatever pipes into it before.
fn login_line(words: &[&str]) -> Result<Typed, InvalidAddress> {
    let at = words.iter().position(|word| *word == "login").ok_or_else(|| {
        invalid(sentence!("address_no_login", "it is neither an address nor a 'docker login' line"))
    })?;
    let mut typed = Typed {
        address: Address {
            registry: Registry::DOCKER_HUB.parse().map_err(invalid)?,
            namespace: None,
        },
        username: None,
        secret: None,
    };
    let mut rest = words[at + 1..].iter().copied();
    while let Some(word) = rest.next() {
        let (flag, mut value) = match word.split_once('=') {
            Some((flag, value)) if flag.starts_with('-') => (flag, Some(value)),
            _ => (word, None),
        };
        match flag {
            "-u" | "--username" => {
                value = value.or_else(|| rest.next());
                typed.username = value.map(|value| unquoted(value).to_owned());
            }
            "-p" | "--password" => {
                value = value.or_else(|| rest.next());
                // `$TOKEN` and `$(…)` are the shell's business: they are no secret
                typed.secret = value
                    .map(unquoted)
                    .filter(|value| !value.starts_with('$'))
                    .map(SecretString::from);
            }
            "--tls-verify" | "--authfile" | "--cert-dir" => {
                if value.is_none() && flag != "--tls-verify" {
                    rest.next();
                }
            }
            flag if flag.starts_with('-') => {}
            server if server.contains("://") => typed.address = link(server)?.address,
            server => typed.address = plain(server)?,
        }
    }
    Ok(typed)
}

fn unquoted(word: &str) -> &str {
    ['"', '\'']
        .into_iter()
        .find_map(|quote| word.strip_prefix(quote)?.strip_suffix(quote))
        .unwrap_or(word)
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    fn read(text: &str) -> (String, Option<String>, Option<String>) {
        let typed = Typed::read(text).unwrap_or_else(|e| panic!("{text}: {e}"));
        (
            typed.address.to_string(),
            typed.username,
            typed.secret.map(|s| s.expose_secret().to_owned()),
        )
    }

    #[test]
    fn addresses_as_people_write_them() {
        for (text, want) in [
            ("registry.example.com", "registry.example.com"),
            (" registry.example.com/ ", "registry.example.com"),
            ("registry.example.com:5000/team/", "registry.example.com:5000/team"),
            ("https://registry.example.com", "registry.example.com"),
            ("https://registry.example.com/v2/", "registry.example.com"),
            ("https://registry.example.com/team/a", "registry.example.com/team/a"),
            ("http://registry.example.com", "registry.example.com:80"),
            ("http://127.0.0.1:5000/", "127.0.0.1:5000"),
            ("localhost:5000", "localhost:5000"),
            ("localhost", "localhost"),
            ("registry:443", "registry:443"),
            ("registry.example.com:443", "registry.example.com"),
            ("[::1]:5000", "[::1]:5000"),
            ("docker.io", "docker.io"),
            ("https://index.docker.io/v1/", "docker.io"),
            ("https://hub.docker.com/u/me", "docker.io"),
            ("quay.io/team/app:v1.0", "quay.io"),
            (
                "quay.io/team/app@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                "quay.io",
            ),
            ("nginx:latest", "docker.io"),
        ] {
            assert_eq!(read(text), (want.to_owned(), None, None), "{text}");
        }
    }

    #[test]
    fn login_lines_and_links_with_a_name() {
        let some = |text: &str| Some(text.to_owned());
        for (text, address, username, secret) in [
            ("docker login", "docker.io", None, None),
            ("docker login -u me ghcr.io", "ghcr.io", some("me"), None),
            (
                "sudo docker login --username=me -p 's3' quay.io/team",
                "quay.io/team",
                some("me"),
                some("s3"),
            ),
            (
                "docker login -u 'robot$a+ci' -p \"$TOKEN\" harbor.example.com",
                "harbor.example.com",
                some("robot$a+ci"),
                None,
            ),
            (
                "podman login --tls-verify=false --authfile x.json -u me host:5000",
                "host:5000",
                some("me"),
                None,
            ),
            (
                "aws ecr get-login-password | docker login --username AWS --password-stdin 1.dkr.ecr.eu-west-1.amazonaws.com",
                "1.dkr.ecr.eu-west-1.amazonaws.com",
                some("AWS"),
                None,
            ),
            ("https://me%40corp:s%2F3@host:5000/", "host:5000", some("me@corp"), some("s/3")),
        ] {
            assert_eq!(read(text), (address.to_owned(), username, secret), "{text}");
        }
    }

    #[test]
    fn what_is_none_says_why_and_never_repeats_a_secret() {
        for (text, why) in [
            ("", "empty"),
            ("registry", "neither a dot nor a port"),
            ("ftp://host", "https://"),
            ("two words", "docker login"),
            ("host.example.com/UPPER", "upper-case"),
            ("docker login -p CANARY registry", "neither a dot nor a port"),
            ("https://u:CANARY@", ""),
            ("https://u:CANARY@ho st/", ""),
        ] {
            let error = Typed::read(text).unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
            assert!(!error.contains("CANARY"), "{error}");
        }
    }

    #[test]
    fn it_covers_whole_components() {
        let covers = |address: &str, repository: Option<&str>| {
            let address: Address = address.parse().unwrap();
            let name = repository.map(|name| name.parse::<RepositoryName>().unwrap());
            address.covers(&"host.example.com".parse().unwrap(), name.as_ref())
        };
        assert_eq!(covers("host.example.com", Some("a/b")), Some(0));
        assert_eq!(covers("host.example.com", None), Some(0));
        assert_eq!(covers("host.example.com/a", Some("a/b")), Some(1));
        assert_eq!(covers("host.example.com/a/b", Some("a/b")), Some(2));
        assert_eq!(covers("host.example.com/a", Some("ab/c")), None);
        assert_eq!(covers("host.example.com/a", None), None);
        assert_eq!(covers("host.example.com:5000", Some("a/b")), None);
        assert_eq!(covers("other.example.com", Some("a/b")), None);
    }
}
