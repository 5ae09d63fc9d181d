//! What a request asks for: the route behind a path, and the kind by which faults and counts name it.

use crate::digest::is_digest;

/// The kind of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `/v2/`
    Ping,
    /// The token endpoint.
    Token,
    /// `/v2/_catalog`
    Catalog,
    /// `tags/list`
    Tags,
    /// `manifests/<reference>`, any method.
    Manifest,
    /// `blobs/<digest>`, any method.
    Blob,
    /// `POST blobs/uploads/` without `mount`.
    UploadStart,
    /// `POST blobs/uploads/?mount=`
    Mount,
    /// `PATCH` of an upload session.
    UploadData,
    /// `PUT` of an upload session.
    UploadFinish,
    /// `GET` of an upload session.
    UploadStatus,
    /// `DELETE` of an upload session.
    UploadCancel,
    /// `referrers/<digest>`
    Referrers,
    /// A blob fetched from the storage host that a redirect named.
    Storage,
    /// The API that a vendor has besides the registry ([`crate::quirk::Quirk::Api`]).
    Api,
    /// None of these.
    Other,
    /// In a fault: a connection, before the first byte (before the TLS handshake). Never the kind of a request.
    Connect,
    /// In a fault: any request. Never the kind of a request.
    Any,
}

/// Where a path leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    Ping,
    Token,
    Catalog,
    Tags {
        repository: String,
    },
    Manifest {
        repository: String,
        reference: String,
    },
    Blob {
        repository: String,
        digest: String,
    },
    Uploads {
        repository: String,
    },
    Upload {
        repository: String,
        id: String,
    },
    Referrers {
        repository: String,
        digest: String,
    },
    Storage {
        digest: String,
    },
    /// A vendor's own API.
    Api {
        path: String,
        repository: Option<String>,
    },
    /// Right but for the slash at its end.
    Slash(String),
    Unknown,
}

impl Route {
    pub(crate) fn parse(path: &str, prefix: &str) -> Self {
        if matches!(path, "/token" | "/oauth2/exchange") {
            return Self::Token;
        }
        if let Some(digest) = path.strip_prefix("/storage/").filter(|digest| is_digest(digest)) {
            return Self::Storage { digest: digest.to_owned() };
        }
        if let Some(api) = Self::api(path, prefix) {
            return api;
        }
        let Some(path) = path.strip_prefix(prefix) else { return Self::Unknown };
        let Some(rest) = path.strip_prefix("/v2/") else {
            return if path == "/v2" {
                Self::Slash(format!("{prefix}/v2/"))
            } else {
                Self::Unknown
            };
        };
        match rest {
            "" => return Self::Ping,
            "_catalog" => return Self::Catalog,
            _ => {}
        }
        Self::in_repository(rest)
            .filter(|route| route.repository().is_some_and(is_name))
            .unwrap_or_else(|| match rest.strip_suffix("/blobs/uploads") {
                Some(name) if is_name(name) => Self::Slash(format!("{prefix}{path}/")),
                _ => Self::Unknown,
            })
    }

    /// `/api/`, `/acr/v1/`, `/artifactory/api/`; and what is elsewhere in the world, below a name: `/hub.docker.com/`.
    fn api(path: &str, prefix: &str) -> Option<Self> {
        const PLACES: [&str; 6] =
            ["/api/", "/acr/v1/", "/artifactory/api/", "/hub.docker.com/", "/ecr/", "/acs/"];
        let is_own = !prefix.is_empty() && path.starts_with(prefix);
        if is_own
            || !PLACES
                .iter()
                .any(|place| path.starts_with(place) || place.trim_end_matches('/') == path)
        {
            return None;
        }
        let repository = path.strip_prefix("/acr/v1/").and_then(|rest| rest.strip_suffix("/_tags"));
        let repository = repository.filter(|name| is_name(name)).map(str::to_owned);
        Some(Self::Api { path: path.to_owned(), repository })
    }

    fn in_repository(rest: &str) -> Option<Self> {
        if let Some(repository) = rest.strip_suffix("/tags/list") {
            return Some(Self::Tags { repository: repository.to_owned() });
        }
        if let Some(repository) = rest.strip_suffix("/blobs/uploads/") {
            return Some(Self::Uploads { repository: repository.to_owned() });
        }
        let (rest, last) = rest.rsplit_once('/')?;
        let last = last.to_owned();
        if let Some(repository) = rest.strip_suffix("/blobs/uploads") {
            return Some(Self::Upload { repository: repository.to_owned(), id: last });
        }
        let (repository, noun) = rest.rsplit_once('/')?;
        let repository = repository.to_owned();
        match noun {
            "manifests" if is_tag(&last) || last.contains(':') => {
                Some(Self::Manifest { repository, reference: last })
            }
            "blobs" if last.contains(':') => Some(Self::Blob { repository, digest: last }),
            "referrers" if last.contains(':') => Some(Self::Referrers { repository, digest: last }),
            _ => None,
        }
    }

    pub(crate) fn repository(&self) -> Option<&str> {
        match self {
            Self::Tags { repository }
            | Self::Manifest { repository, .. }
            | Self::Blob { repository, .. }
            | Self::Uploads { repository }
            | Self::Upload { repository, .. }
            | Self::Referrers { repository, .. } => Some(repository),
            Self::Api { repository, .. } => repository.as_deref(),
            _ => None,
        }
    }

    pub(crate) fn reference(&self) -> Option<&str> {
        match self {
            Self::Manifest { reference, .. } => Some(reference),
            Self::Blob { digest, .. }
            | Self::Referrers { digest, .. }
            | Self::Storage { digest } => Some(digest),
            _ => None,
        }
    }

    pub(crate) fn kind(&self, method: &str, mount: bool) -> Kind {
        match (self, method) {
            (Self::Ping, _) => Kind::Ping,
            (Self::Token, _) => Kind::Token,
            (Self::Catalog, _) => Kind::Catalog,
            (Self::Tags { .. }, _) => Kind::Tags,
            (Self::Manifest { .. }, _) => Kind::Manifest,
            (Self::Blob { .. }, _) => Kind::Blob,
            (Self::Uploads { .. }, "POST") if mount => Kind::Mount,
            (Self::Uploads { .. }, "POST") => Kind::UploadStart,
            (Self::Upload { .. }, "PATCH") => Kind::UploadData,
            (Self::Upload { .. }, "PUT") => Kind::UploadFinish,
            (Self::Upload { .. }, "GET") => Kind::UploadStatus,
            (Self::Upload { .. }, "DELETE") => Kind::UploadCancel,
            (Self::Referrers { .. }, _) => Kind::Referrers,
            (Self::Storage { .. }, _) => Kind::Storage,
            (Self::Api { .. }, _) => Kind::Api,
            _ => Kind::Other,
        }
    }
}

/// Whether `name` is a repository's name by the distribution spec.
pub fn is_name(name: &str) -> bool {
    name.len() <= 255 && name.split('/').all(is_component)
}

// [a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*
fn is_component(component: &str) -> bool {
    let is_word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = component.as_bytes();
    let (Some(&first), Some(&last)) = (bytes.first(), bytes.last()) else { return false };
    is_word(first)
        && is_word(last)
        && bytes
            .split(|&b| is_word(b))
            .all(|gap| matches!(gap, b"" | b"." | b"_" | b"__") || gap.iter().all(|&b| b == b'-'))
}

/// Whether `tag` is a tag by the distribution spec.
pub fn is_tag(tag: &str) -> bool {
    let is_word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    tag.len() <= 128
        && tag.bytes().next().is_some_and(is_word)
        && tag.bytes().all(|b| is_word(b) || b == b'.' || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_somewhere() {
        let parse = |path| Route::parse(path, "");
        assert_eq!(parse("/v2/"), Route::Ping);
        assert_eq!(parse("/v2"), Route::Slash("/v2/".into()));
        assert_eq!(parse("/v2/_catalog"), Route::Catalog);
        assert_eq!(parse("/v2/a/b/tags/list"), Route::Tags { repository: "a/b".into() });
        assert_eq!(parse("/v2/a/blobs/uploads/"), Route::Uploads { repository: "a".into() });
        assert_eq!(parse("/v2/a/blobs/uploads"), Route::Slash("/v2/a/blobs/uploads/".into()));
        assert_eq!(
            parse("/v2/a/blobs/uploads/id"),
            Route::Upload { repository: "a".into(), id: "id".into() }
        );
        let manifest =
            Route::Manifest { repository: "a/manifests/b".into(), reference: "v1".into() };
        assert_eq!(parse("/v2/a/manifests/b/manifests/v1"), manifest);
        assert_eq!(parse("/v2/FOO/manifests/latest"), Route::Unknown);
        assert_eq!(parse("/v2/a/manifests/-bad"), Route::Unknown);
        assert_eq!(Route::parse("/artifactory/v2/", "/artifactory"), Route::Ping);
        assert_eq!(Route::parse("/v2/", "/artifactory"), Route::Unknown);
    }

    #[test]
    fn names() {
        for name in ["a", "a-b", "a--b", "a.b", "a_b", "a__b", "library/hello", "a/b/c"] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", "A", "a/", "/a", "a..b", "a___b", "-a", "a-", "a//b", "a b"] {
            assert!(!is_name(name), "{name}");
        }
    }
}
