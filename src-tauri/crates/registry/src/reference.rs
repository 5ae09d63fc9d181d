//! References: `registry/repository:tag@digest`, with Docker Hub's short forms (distribution's `reference.go` and
//! the OCI distribution spec's name and tag grammar).

use std::{fmt, str::FromStr};

use crate::Digest;

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
    pub why: String,
    /// Byte offset of the first character that is wrong.
    pub at: usize,
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

    /// Whether the host is a loopback address or `localhost`.
    pub fn is_loopback(&self) -> bool {
        todo!()
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
    /// The digest where there is one, else the tag, else `latest`.
    pub fn target(&self) -> Target {
        todo!()
    }

    /// Splits `[registry/]repository[rest]` the way docker does: the first component is a registry if it has a dot or
    /// a colon, or is `localhost`; else the registry is Docker Hub, and a name of one component is in `library/`.
    pub fn split_registry(text: &str) -> Result<(Registry, &str), InvalidReference> {
        todo!("{text}")
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

impl FromStr for Registry {
    type Err = InvalidReference;
    fn from_str(text: &str) -> Result<Self, InvalidReference> {
        todo!("{text}")
    }
}

impl FromStr for RepositoryName {
    type Err = InvalidReference;
    fn from_str(text: &str) -> Result<Self, InvalidReference> {
        todo!("{text}")
    }
}

impl FromStr for Tag {
    type Err = InvalidReference;
    fn from_str(text: &str) -> Result<Self, InvalidReference> {
        todo!("{text}")
    }
}

impl FromStr for Reference {
    type Err = InvalidReference;
    fn from_str(text: &str) -> Result<Self, InvalidReference> {
        todo!("{text}")
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
