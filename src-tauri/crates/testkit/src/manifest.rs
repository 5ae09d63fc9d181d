//! What the registry reads in a manifest: what it names, and what it is about. Nothing is written back.

use serde_json::Value;

pub(crate) const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(crate) const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
pub(crate) const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
pub(crate) const OCI_EMPTY: &str = "application/vnd.oci.empty.v1+json";
pub(crate) const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
pub(crate) const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
pub(crate) const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
pub(crate) const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";
pub(crate) const DOCKER_FOREIGN_LAYER: &str =
    "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
pub(crate) const OCI_FOREIGN_LAYER: &str =
    "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";
pub(crate) const SCHEMA1_SIGNED: &str = "application/vnd.docker.distribution.manifest.v1+prettyjws";
pub(crate) const SCHEMA1: &str = "application/vnd.docker.distribution.manifest.v1+json";

/// The parts of a manifest that matter to a registry.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parsed {
    pub(crate) media_type: Option<String>,
    pub(crate) config_type: Option<String>,
    pub(crate) layer_types: Vec<String>,
    /// Blobs that must be there; those with `urls` need not.
    pub(crate) blobs: Vec<String>,
    /// Entries of an index.
    pub(crate) manifests: Vec<String>,
    pub(crate) subject: Option<String>,
    pub(crate) artifact_type: Option<String>,
    pub(crate) annotations: Option<Value>,
    /// The linux/amd64 entry of an index.
    pub(crate) default_manifest: Option<String>,
}

impl Parsed {
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        let value: Value = serde_json::from_slice(bytes)?;
        let text =
            |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        let list =
            |key: &str| value.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
        let mut parsed = Self {
            media_type: text(&value, "mediaType"),
            artifact_type: text(&value, "artifactType"),
            annotations: value.get("annotations").cloned(),
            subject: value.get("subject").and_then(|subject| text(subject, "digest")),
            ..Self::default()
        };
        if let Some(config) = value.get("config") {
            parsed.config_type = text(config, "mediaType");
            parsed.blobs.extend(text(config, "digest"));
        }
        for layer in list("layers").iter().chain(&list("blobs")) {
            parsed.layer_types.extend(text(layer, "mediaType"));
            let foreign =
                layer.get("urls").and_then(Value::as_array).is_some_and(|urls| !urls.is_empty());
            if !foreign {
                parsed.blobs.extend(text(layer, "digest"));
            }
        }
        // schema 1 names its layers newest first
        parsed.blobs.extend(list("fsLayers").iter().filter_map(|layer| text(layer, "blobSum")));
        for entry in list("manifests") {
            let Some(digest) = text(&entry, "digest") else { continue };
            let platform = |key| entry.get("platform").and_then(|platform| text(platform, key));
            if platform("os").as_deref() == Some("linux")
                && platform("architecture").as_deref() == Some("amd64")
            {
                parsed.default_manifest.get_or_insert_with(|| digest.clone());
            }
            parsed.manifests.push(digest);
        }
        Ok(parsed)
    }

    /// The type by the spec's rule: the manifest's own, else its config's.
    pub(crate) fn artifact_type(&self) -> Option<&str> {
        self.artifact_type.as_deref().or(self.config_type.as_deref())
    }
}

pub(crate) fn is_schema1(media_type: &str) -> bool {
    matches!(media_type, SCHEMA1 | SCHEMA1_SIGNED)
}

pub(crate) fn is_index(media_type: &str) -> bool {
    matches!(media_type, OCI_INDEX | DOCKER_LIST)
}
