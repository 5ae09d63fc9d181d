//! References: `registry/repository:tag@digest`, with Docker Hub's short forms (distribution's `reference.go` and
//! the OCI distribution spec's name and tag grammar).

use std::{borrow::Cow, fmt, str::FromStr};

use self::grammar::{Wrong, canonical_host, check_repository, check_tag, login, scheme};
use crate::{Digest, Sentence, sentence};

mod grammar;
#[cfg(test)]
mod tests;

/// A registry's host and, where it is not the scheme's own, port. Docker Hub's many names are one registry:
/// `docker.io`, `index.docker.io`, `registry-1.docker.io` and `https://index.docker.io/v1/` all become `docker.io`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Registry(Box<str>);

/// A repository's name within its registry: lower-case path components.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RepositoryName(Box<str>);

/// A tag: up to 128 of `[A-Za-z0-9_.-]`, not beginning with `.` or `-`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(Box<str>);

/// What names a manifest within a repository.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Target {
    /// By tag.
    Tag(Tag),
    /// By digest.
    Digest(Digest),
}

/// A full reference. `Display` writes it in full: `docker.io/library/nginx:latest`, `host/repo@sha256:…`,
/// `host/repo:tag@sha256:…` where both are given.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reference {
    /// The registry.
    pub registry: Registry,
    /// The repository within it.
    pub repository: RepositoryName,
    /// The tag, if one is named.
    pub tag: Option<Tag>,
    /// The digest, if one is named.
    pub digest: Option<Digest>,
}

/// Why a text is no reference; `at` is the byte offset of the offence within `text`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not a valid {what}: {why}")]
pub struct InvalidReference {
    /// The text as it was given.
    pub text: String,
    /// What it was read as: "reference", "registry", "repository", "tag".
    pub what: &'static str,
    /// What is wrong, such as "it has an upper-case letter 'A'".
    pub why: Sentence,
    /// Byte offset of the first character that is wrong.
    pub at: usize,
}

/// A predicate of the grammar as a sentence.
fn it(why: Sentence) -> Sentence {
    sentence!("it", "it {why}", why = why)
}

/// A text that may be a reference as it may be shown: without a login (`user:password@`) that it holds.
pub fn without_login(text: &str) -> Cow<'_, str> {
    login(text).map_or(Cow::Borrowed(text), |login| Cow::Owned(text.replace(login, "***")))
}

fn has_login() -> Sentence {
    sentence!("name_login", "holds a login, which belongs into the accounts")
}

fn has_scheme(scheme: &str) -> Sentence {
    sentence!("name_scheme", "begins with a scheme, '{scheme}'", scheme = scheme)
}

impl From<InvalidReference> for Sentence {
    fn from(invalid: InvalidReference) -> Self {
        let InvalidReference { text, what, why, .. } = invalid;
        let what = match what {
            "registry" => sentence!("registry", "registry"),
            "repository" => sentence!("repository", "repository"),
            "tag" => sentence!("tag", "tag"),
            _ => sentence!("reference", "reference"),
        };
        sentence!(
            "not_valid",
            "'{text}' is not a valid {what}: {why}",
            text = text,
            what = what,
            why = why,
        )
    }
}

impl InvalidReference {
    /// A login in the text is not kept.
    fn new(text: &str, what: &'static str, (why, at): Wrong) -> Self {
        Self { text: without_login(text).into_owned(), what, why, at }
    }

    /// What is wrong with a text that was read as a registry, repository or tag alone, without the subject: "has an
    /// upper-case letter 'A'".
    pub fn predicate(&self) -> &Sentence {
        self.why.part("why").unwrap_or(&self.why)
    }
}

impl Registry {
    /// Docker Hub.
    pub const DOCKER_HUB: &str = "docker.io";

    /// The name as people write it: `docker.io`, `localhost:5000`, `[::1]:5000`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host that requests go to: `registry-1.docker.io` for Docker Hub, else the name itself.
    pub fn api_host(&self) -> &str {
        if self.is_docker_hub() { "registry-1.docker.io" } else { &self.0 }
    }

    /// Whether this is Docker Hub under any of its names.
    pub fn is_docker_hub(&self) -> bool {
        &*self.0 == Self::DOCKER_HUB
    }

    /// Reads a repository's name as docker does for this registry: on Docker Hub, one component alone is in `library/`.
    pub fn repository(&self, text: &str) -> Result<RepositoryName, InvalidReference> {
        let name: RepositoryName = text.parse()?;
        if self.is_docker_hub() && !text.contains('/') {
            return Ok(RepositoryName(format!("library/{text}").into()));
        }
        Ok(name)
    }
}

impl RepositoryName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Tag {
    /// The tag.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Reference {
    /// An image in a repository, named by what it is asked for.
    pub fn new(registry: &Registry, repository: &RepositoryName, target: Target) -> Self {
        let (tag, digest) = match target {
            Target::Tag(tag) => (Some(tag), None),
            Target::Digest(digest) => (None, Some(digest)),
        };
        Self { registry: registry.clone(), repository: repository.clone(), tag, digest }
    }

    /// The digest where there is one, else the tag, else `latest`.
    pub fn target(&self) -> Target {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => Target::Digest(digest.clone()),
            (None, Some(tag)) => Target::Tag(tag.clone()),
            (None, None) => Target::Tag(Tag("latest".into())),
        }
    }

    /// Splits `[registry/]repository[rest]` the way docker does: the first component is a registry if it has a dot or
    /// a colon, or is `localhost`; else the registry is Docker Hub. The second part is as it was written: read its
    /// repository with [`Registry::repository`], which knows about `library/`.
    ///
    /// A component that *ends* with a colon is none (`nginx:/^1\./` is a repository with a pattern).
    pub fn split_registry(text: &str) -> Result<(Registry, &str), InvalidReference> {
        let invalid = |wrong| InvalidReference::new(text, "reference", wrong);
        if login(text).is_some() {
            return Err(invalid((it(has_login()), 0)));
        }
        if let Some(scheme) = scheme(text) {
            return Err(invalid((it(has_scheme(scheme)), 0)));
        }
        if let Some((first, rest)) = text.split_once('/')
            && (first == "localhost" || (first.contains(['.', ':']) && !first.ends_with(':')))
        {
            let registry = Registry::read(first).map_err(|(why, at)| {
                invalid((sentence!("its_registry", "its registry {why}", why = why), at))
            })?;
            return Ok((registry, rest));
        }
        Ok((Registry(Registry::DOCKER_HUB.into()), text))
    }

    fn read(text: &str) -> Result<Self, Wrong> {
        let (registry, rest) = Self::split_registry(text).map_err(|e| (e.why, e.at))?;
        let base = text.len() - rest.len();
        let (named, digest) = match rest.split_once('@') {
            Some((named, digest)) => (named, Some((digest, base + named.len() + 1))),
            None => (rest, None),
        };
        let path = named.rfind('/').map_or(0, |slash| slash + 1);
        let (name, tag) = match named[path..].find(':') {
            Some(colon) => (
                &named[..path + colon],
                Some((&named[path + colon + 1..], base + path + colon + 1)),
            ),
            None => (named, None),
        };
        let repository = registry.repository(name).map_err(|e| (e.why, base + e.at))?;
        let tag = match tag {
            Some((text, base)) => {
                let its = |(why, at)| (sentence!("its_tag", "its tag {why}", why = why), base + at);
                Some(Tag::read(text).map_err(its)?)
            }
            None => None,
        };
        let digest = match digest {
            Some((text, base)) => {
                Some(text.parse().map_err(|e: crate::digest::InvalidDigest| {
                    let why = e.why();
                    (sentence!("its_digest", "its digest can't be used: {why}", why = why), base)
                })?)
            }
            None => None,
        };
        Ok(Self { registry, repository, tag, digest })
    }
}

impl Registry {
    fn read(text: &str) -> Result<Self, Wrong> {
        const HUB: [&str; 3] = [Registry::DOCKER_HUB, "index.docker.io", "registry-1.docker.io"];
        // docker's own files call Docker Hub by this URL
        let bare = text.strip_prefix("https://index.docker.io").map_or(text, |path| match path {
            "" | "/" | "/v1" | "/v1/" | "/v2" | "/v2/" => Self::DOCKER_HUB,
            _ => text,
        });
        if let Some(scheme) = scheme(bare) {
            return Err((has_scheme(scheme), 0));
        }
        let host = canonical_host(bare)?;
        if HUB.contains(&&*host) {
            Ok(Self(Self::DOCKER_HUB.into()))
        } else {
            Ok(Self(host.into()))
        }
    }
}

impl RepositoryName {
    fn read(text: &str) -> Result<Self, Wrong> {
        check_repository(text).map(|()| Self(text.into()))
    }
}

impl Tag {
    fn read(text: &str) -> Result<Self, Wrong> {
        check_tag(text).map(|()| Self(text.into()))
    }
}

macro_rules! text {
    ($($type:ident),*) => {$(
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }
    )*};
}
text!(Registry, RepositoryName, Tag);

macro_rules! from_str {
    ($($type:ident: $what:literal),*) => {$(
        impl FromStr for $type {
            type Err = InvalidReference;
            fn from_str(text: &str) -> Result<Self, InvalidReference> {
                let read = if login(text).is_some() { Err((has_login(), 0)) } else { Self::read(text) };
                read.map_err(|(why, at)| InvalidReference::new(text, $what, (it(why), at)))
            }
        }
    )*};
}
from_str!(Registry: "registry", RepositoryName: "repository", Tag: "tag");

impl FromStr for Reference {
    type Err = InvalidReference;
    fn from_str(text: &str) -> Result<Self, InvalidReference> {
        Self::read(text).map_err(|wrong| InvalidReference::new(text, "reference", wrong))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => tag.fmt(f),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}
