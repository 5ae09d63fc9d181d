//! Media types of manifests. Unknown ones survive as they are.

use std::fmt;

/// A media type as a registry gave it, without parameters.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum MediaType {
    /// `application/vnd.oci.image.manifest.v1+json`
    OciManifest,
    /// `application/vnd.oci.image.index.v1+json`
    OciIndex,
    /// `application/vnd.oci.artifact.manifest.v1+json` (withdrawn, still met)
    OciArtifact,
    /// `application/vnd.docker.distribution.manifest.v2+json`
    DockerManifest,
    /// `application/vnd.docker.distribution.manifest.list.v2+json`
    DockerList,
    /// `application/vnd.docker.distribution.manifest.v1+json`
    Schema1,
    /// `application/vnd.docker.distribution.manifest.v1+prettyjws`
    Schema1Signed,
    /// Any other.
    Other(String),
}

impl MediaType {
    /// What `Accept` must say: every type that we can copy, in one comma-joined value, schema 1 last.
    pub const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
        application/vnd.docker.distribution.manifest.list.v2+json, \
        application/vnd.docker.distribution.manifest.v2+json, \
        application/vnd.oci.artifact.manifest.v1+json, \
        application/vnd.docker.distribution.manifest.v1+prettyjws, \
        application/vnd.docker.distribution.manifest.v1+json, */*;q=0.1";

    /// Reads a `Content-Type` or `mediaType` value; parameters are dropped.
    pub fn parse(text: &str) -> Self {
        let text = text.split(';').next().unwrap_or_default().trim();
        match &*text.to_ascii_lowercase() {
            "application/vnd.oci.image.manifest.v1+json" => Self::OciManifest,
            "application/vnd.oci.image.index.v1+json" => Self::OciIndex,
            "application/vnd.oci.artifact.manifest.v1+json" => Self::OciArtifact,
            "application/vnd.docker.distribution.manifest.v2+json" => Self::DockerManifest,
            "application/vnd.docker.distribution.manifest.list.v2+json" => Self::DockerList,
            "application/vnd.docker.distribution.manifest.v1+json" => Self::Schema1,
            "application/vnd.docker.distribution.manifest.v1+prettyjws" => Self::Schema1Signed,
            _ => Self::Other(text.to_owned()),
        }
    }

    /// The type as it goes into a header.
    pub fn as_str(&self) -> &str {
        match self {
            Self::OciManifest => "application/vnd.oci.image.manifest.v1+json",
            Self::OciIndex => "application/vnd.oci.image.index.v1+json",
            Self::OciArtifact => "application/vnd.oci.artifact.manifest.v1+json",
            Self::DockerManifest => "application/vnd.docker.distribution.manifest.v2+json",
            Self::DockerList => "application/vnd.docker.distribution.manifest.list.v2+json",
            Self::Schema1 => "application/vnd.docker.distribution.manifest.v1+json",
            Self::Schema1Signed => "application/vnd.docker.distribution.manifest.v1+prettyjws",
            Self::Other(text) => text,
        }
    }

    /// Whether this names an index of manifests.
    pub fn is_index(&self) -> bool {
        matches!(self, Self::OciIndex | Self::DockerList)
    }

    /// Whether this names any kind of manifest that we know.
    pub fn is_manifest(&self) -> bool {
        !matches!(self, Self::Other(_))
    }

    /// Whether this is schema 1, signed or not.
    pub fn is_schema1(&self) -> bool {
        matches!(self, Self::Schema1 | Self::Schema1Signed)
    }

    /// Whether this is a type that only blobs have. An unknown type may be either.
    pub fn is_blob(&self) -> bool {
        let Self::Other(text) = self else { return false };
        matches!(
            &**text,
            "application/vnd.oci.image.config.v1+json"
                | "application/vnd.oci.empty.v1+json"
                | "application/vnd.docker.container.image.v1+json"
                | "application/octet-stream"
        ) || text.starts_with("application/vnd.oci.image.layer.")
            || text.starts_with("application/vnd.docker.image.rootfs.")
            || text.starts_with("application/vnd.docker.plugin.")
    }

    /// Whether this is a layer that registries need not hold.
    pub fn is_foreign_layer(&self) -> bool {
        let Self::Other(text) = self else { return false };
        text.starts_with("application/vnd.docker.image.rootfs.foreign.")
            || text.starts_with("application/vnd.oci.image.layer.nondistributable.")
    }

    /// Whether this says nothing about the content, as `text/plain` of a registry that does not care.
    pub(crate) fn is_generic(&self) -> bool {
        let Self::Other(text) = self else { return false };
        matches!(
            &**text,
            "" | "application/json"
                | "application/octet-stream"
                | "binary/octet-stream"
                | "text/html"
                | "text/plain"
        )
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_types_read_and_write_as_themselves() {
        for text in MediaType::ACCEPT.split(',').map(str::trim).filter(|t| !t.starts_with('*')) {
            let known = MediaType::parse(text);
            assert!(known.is_manifest(), "{text}");
            assert_eq!(known.as_str(), text);
        }
        assert_eq!(
            MediaType::ACCEPT.matches("application/").count(),
            7,
            "all seven kinds are asked for"
        );
    }

    #[test]
    fn parameters_case_and_unknown_types() {
        for (text, parsed) in [
            ("application/vnd.oci.image.index.v1+json; charset=utf-8", MediaType::OciIndex),
            (" Application/vnd.OCI.image.index.v1+json ;x", MediaType::OciIndex),
            (
                "application/vnd.acme.thing+json",
                MediaType::Other("application/vnd.acme.thing+json".into()),
            ),
            ("", MediaType::Other(String::new())),
        ] {
            assert_eq!(MediaType::parse(text), parsed, "{text}");
        }
        assert!(MediaType::parse("text/plain;charset=utf-8").is_generic());
        assert!(MediaType::parse("application/vnd.oci.image.layer.v1.tar+zstd").is_blob());
        assert!(!MediaType::parse("application/vnd.acme.thing+json").is_blob());
    }
}
