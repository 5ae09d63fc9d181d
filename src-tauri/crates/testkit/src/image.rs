//! Images to serve: of every kind that is met out there, the same bytes on every build.

use bytes::Bytes;
use serde::Serialize as _;
use serde_json::{Map, Value, json};

use crate::{
    content::Content,
    digest::{same_algorithm, sha512},
    manifest,
};

mod built;
mod layer;
mod platform;
pub(crate) mod schema1;
mod tar;
#[cfg(test)]
mod tests;

pub use built::Built;
use built::Parts;
pub use layer::Layer;
pub(crate) use tar::gzip;

/// An image, index or artifact that can be built.
#[derive(Clone, Debug)]
pub struct Image {
    body: Body,
    docker: bool,
    sha512: bool,
    pretty: bool,
    media_type_field: bool,
    media_type: Option<String>,
    artifact_type: Option<String>,
    subject: Option<Value>,
    labels: Map<String, Value>,
    annotations: Map<String, Value>,
    fields: Map<String, Value>,
    platform: Option<Value>,
    entry_annotations: Map<String, Value>,
    attestations: Option<Attestation>,
}

#[derive(Clone, Debug)]
enum Body {
    Manifest { config: Config, layers: Vec<Layer> },
    Index(Vec<Image>),
    Schema1 { name: String, tag: String, layers: Vec<Layer> },
    Raw(Bytes),
    Blob(Layer),
}

#[derive(Clone, Debug)]
enum Config {
    Image,
    Custom { media_type: String, content: Bytes },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Attestation {
    Image,
    Artifact,
}

impl Image {
    fn new(body: Body) -> Self {
        Self {
            body,
            docker: false,
            sha512: false,
            pretty: false,
            media_type_field: true,
            media_type: None,
            artifact_type: None,
            subject: None,
            labels: Map::new(),
            annotations: Map::new(),
            fields: Map::new(),
            platform: None,
            entry_annotations: Map::new(),
            attestations: None,
        }
    }

    /// An image for one platform: `linux/amd64`, `linux/arm/v7`, `windows/amd64:10.0.17763.1` (with `os.version`).
    pub fn single(platform: &str, layers: impl IntoIterator<Item = Layer>) -> Self {
        let body = Body::Manifest { config: Config::Image, layers: layers.into_iter().collect() };
        Self { platform: Some(platform::parse(platform)), ..Self::new(body) }
    }

    /// An index of images, artifacts, blobs or other indexes.
    pub fn multi(images: impl IntoIterator<Item = Self>) -> Self {
        Self::new(Body::Index(images.into_iter().collect()))
    }

    /// An artifact of this type, its config empty (`application/vnd.oci.empty.v1+json`).
    pub fn artifact(artifact_type: &str, layers: impl IntoIterator<Item = Layer>) -> Self {
        let config = Config::Custom {
            media_type: manifest::OCI_EMPTY.to_owned(),
            content: Bytes::from_static(b"{}"),
        };
        let body = Body::Manifest { config, layers: layers.into_iter().collect() };
        Self { artifact_type: Some(artifact_type.to_owned()), ..Self::new(body) }
    }

    /// A signed schema 1 manifest, layers oldest first.
    pub fn schema1(name: &str, tag: &str, layers: impl IntoIterator<Item = Layer>) -> Self {
        let layers = layers.into_iter().collect();
        Self::new(Body::Schema1 { name: name.to_owned(), tag: tag.to_owned(), layers })
    }

    /// A manifest of these bytes and this type, with nothing behind it.
    pub fn raw(media_type: &str, bytes: impl Into<Bytes>) -> Self {
        Self { media_type: Some(media_type.to_owned()), ..Self::new(Body::Raw(bytes.into())) }
    }

    /// For an index: an entry that is a blob and no manifest.
    pub fn blob(layer: Layer) -> Self {
        Self::new(Body::Blob(layer))
    }

    /// With Docker's media types (schema 2, manifest list), entries included.
    pub fn docker(mut self) -> Self {
        self.docker = true;
        if let Body::Index(images) = &mut self.body {
            for image in images {
                image.docker = true;
            }
        }
        self
    }

    /// Its digest, where an index names it, is SHA-512.
    pub fn sha512(mut self) -> Self {
        self.sha512 = true;
        self
    }

    /// Written with odd white space, escapes and a newline at the end.
    pub fn pretty(mut self) -> Self {
        self.pretty = true;
        self
    }

    /// Without the top-level field `mediaType`.
    pub fn without_media_type(mut self) -> Self {
        self.media_type_field = false;
        self
    }

    /// With this media type.
    pub fn media_type(mut self, media_type: &str) -> Self {
        self.media_type = Some(media_type.to_owned());
        self
    }

    /// With this `artifactType`.
    pub fn artifact_type(mut self, artifact_type: &str) -> Self {
        self.artifact_type = Some(artifact_type.to_owned());
        self
    }

    /// Refers to another manifest (signature, SBOM).
    pub fn subject(mut self, subject: &Built) -> Self {
        self.subject = Some(subject.descriptor());
        self
    }

    /// With another config.
    pub fn config(mut self, media_type: &str, content: impl Into<Bytes>) -> Self {
        if let Body::Manifest { config, .. } = &mut self.body {
            *config = Config::Custom { media_type: media_type.to_owned(), content: content.into() };
        }
        self
    }

    /// With a label in its config, which makes two images of the same layers differ.
    pub fn label(mut self, key: &str, value: &str) -> Self {
        self.labels.insert(key.to_owned(), value.into());
        self
    }

    /// With an annotation.
    pub fn annotation(mut self, key: &str, value: &str) -> Self {
        self.annotations.insert(key.to_owned(), value.into());
        self
    }

    /// With another top-level field.
    pub fn field(mut self, key: &str, value: Value) -> Self {
        self.fields.insert(key.to_owned(), value);
        self
    }

    /// In an index: its entry names no platform.
    pub fn without_platform(mut self) -> Self {
        self.platform = None;
        self
    }

    /// In an index: its entry has an annotation.
    pub fn entry_annotation(mut self, key: &str, value: &str) -> Self {
        self.entry_annotations.insert(key.to_owned(), value.into());
        self
    }

    /// An index with an attestation for every image, as `BuildKit` writes them.
    pub fn attested(mut self) -> Self {
        self.attestations = Some(Attestation::Image);
        self
    }

    /// An index with an attestation for every image, as `BuildKit` writes them since 0.32: artifacts with an empty
    /// config and a subject.
    pub fn attested_by_artifacts(mut self) -> Self {
        self.attestations = Some(Attestation::Artifact);
        self
    }

    /// Builds it.
    pub fn build(&self) -> Built {
        match &self.body {
            Body::Manifest { config, layers } => self.build_manifest(config, layers),
            Body::Index(images) => self.build_index(images),
            Body::Schema1 { name, tag, layers } => {
                let layers: Vec<_> = layers
                    .iter()
                    .map(|layer| (layer.digest().to_owned(), layer.content()))
                    .collect();
                let digests: Vec<_> = layers.iter().map(|(digest, _)| digest.as_str()).collect();
                let bytes = schema1::signed(name, tag, &digests);
                let digest = crate::store::manifest_digest("", manifest::SCHEMA1_SIGNED, &bytes);
                self.built(manifest::SCHEMA1_SIGNED, bytes, layers, Vec::new()).with_digest(digest)
            }
            Body::Raw(bytes) => {
                self.built("application/octet-stream", bytes.clone(), Vec::new(), Vec::new())
            }
            Body::Blob(layer) => {
                let content = layer.content();
                Built::new(Parts {
                    digest: layer.digest().to_owned(),
                    media_type: layer.type_or("application/octet-stream").to_owned(),
                    artifact_type: None,
                    bytes: content.bytes().unwrap_or_default(),
                    size: content.len(),
                    blobs: vec![(layer.digest().to_owned(), content)],
                    children: Vec::new(),
                    is_blob: true,
                })
            }
        }
    }

    fn build_manifest(&self, config: &Config, layers: &[Layer]) -> Built {
        let (own_type, config_type, layer_type, foreign_type) = if self.docker {
            (
                manifest::DOCKER_MANIFEST,
                manifest::DOCKER_CONFIG,
                manifest::DOCKER_LAYER,
                manifest::DOCKER_FOREIGN_LAYER,
            )
        } else {
            (
                manifest::OCI_MANIFEST,
                manifest::OCI_CONFIG,
                manifest::OCI_LAYER,
                manifest::OCI_FOREIGN_LAYER,
            )
        };
        let (config_type, config) = match config {
            Config::Image => (config_type.to_owned(), Bytes::from(self.config_file(layers))),
            Config::Custom { media_type, content } => (media_type.clone(), content.clone()),
        };
        let config = Layer::bytes(config).media_type(&config_type);
        let config = if self.sha512 { config.sha512() } else { config };
        let mut value = self.head(own_type);
        value.insert("config".into(), config.descriptor(&config_type));
        let descriptor = |layer: &Layer| {
            layer.descriptor(if layer.is_foreign() { foreign_type } else { layer_type })
        };
        value.insert("layers".into(), layers.iter().map(descriptor).collect());
        let blobs = [config]
            .iter()
            .chain(layers)
            .filter(|layer| !layer.is_foreign())
            .map(|layer| (layer.digest().to_owned(), layer.content()))
            .collect();
        self.built(own_type, self.finish(value), blobs, Vec::new())
    }

    fn build_index(&self, images: &[Self]) -> Built {
        let own_type = if self.docker { manifest::DOCKER_LIST } else { manifest::OCI_INDEX };
        let mut children: Vec<(Built, &Self)> =
            images.iter().map(|image| (image.build(), image)).collect();
        let attestations: Vec<_> = match self.attestations {
            Some(kind) => children.iter().map(|(built, _)| attestation(kind, built)).collect(),
            None => Vec::new(),
        };
        children.extend(attestations.iter().map(|image| (image.build(), image)));
        let entry = |(built, image): &(Built, &Self)| {
            let mut entry = built.descriptor();
            if let Some(platform) = &image.platform {
                entry["platform"] = platform.clone();
            }
            if !image.entry_annotations.is_empty() {
                entry["annotations"] = image.entry_annotations.clone().into();
            }
            entry
        };
        let mut value = self.head(own_type);
        value.insert("manifests".into(), children.iter().map(entry).collect());
        let children = children.into_iter().map(|(built, _)| built).collect();
        self.built(own_type, self.finish(value), Vec::new(), children)
    }

    fn config_file(&self, layers: &[Layer]) -> String {
        let mut config = platform::for_config(self.platform.as_ref());
        config.insert("created".into(), "2026-05-01T08:00:00Z".into());
        let mut runtime = json!({ "Cmd": ["/bin/hello"] });
        if !self.labels.is_empty() {
            runtime["Labels"] = self.labels.clone().into();
        }
        config.insert("config".into(), runtime);
        let diffs: Vec<_> = layers.iter().map(Layer::diff_id).collect();
        config.insert("rootfs".into(), json!({ "type": "layers", "diff_ids": diffs }));
        let history =
            |_| json!({ "created": "2026-05-01T08:00:00Z", "created_by": "COPY . / # testkit" });
        config.insert("history".into(), layers.iter().map(history).collect());
        Value::from(config).to_string()
    }

    fn head(&self, own_type: &str) -> Map<String, Value> {
        let mut value = Map::new();
        value.insert("schemaVersion".into(), 2.into());
        if self.media_type_field {
            value.insert("mediaType".into(), self.media_type.as_deref().unwrap_or(own_type).into());
        }
        if let Some(artifact_type) = &self.artifact_type {
            value.insert("artifactType".into(), artifact_type.as_str().into());
        }
        value
    }

    fn finish(&self, mut value: Map<String, Value>) -> Bytes {
        if let Some(subject) = &self.subject {
            value.insert("subject".into(), subject.clone());
        }
        if !self.annotations.is_empty() {
            value.insert("annotations".into(), self.annotations.clone().into());
        }
        value.extend(self.fields.clone());
        let value = Value::from(value);
        if !self.pretty {
            return value.to_string().into();
        }
        let mut text = Vec::new();
        let format = serde_json::ser::PrettyFormatter::with_indent(b"   ");
        let written =
            value.serialize(&mut serde_json::Serializer::with_formatter(&mut text, format));
        debug_assert!(written.is_ok(), "a vector takes everything");
        // Go escapes these, and whoever writes the manifest anew does not
        String::from_utf8_lossy(&text)
            .replace('<', "\\u003c")
            .replace("\": ", "\" :  ")
            .into_bytes()
            .into_iter()
            .chain(*b"\n")
            .collect()
    }

    fn built(
        &self,
        own_type: &str,
        bytes: Bytes,
        blobs: Vec<(String, Content)>,
        children: Vec<Built>,
    ) -> Built {
        let digest = if self.sha512 { sha512(&bytes) } else { same_algorithm("sha256:", &bytes) };
        let media_type = self.media_type.clone().unwrap_or_else(|| own_type.to_owned());
        let (size, artifact_type) = (bytes.len() as u64, self.artifact_type.clone());
        Built::new(Parts {
            digest,
            media_type,
            artifact_type,
            bytes,
            size,
            blobs,
            children,
            is_blob: false,
        })
    }
}

fn attestation(kind: Attestation, built: &Built) -> Image {
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v0.1",
        "predicateType": "https://slsa.dev/provenance/v0.2",
        "subject": [{ "digest": { "sha256": built.digest().trim_start_matches("sha256:") } }],
    });
    let layer = Layer::bytes(statement.to_string())
        .media_type("application/vnd.in-toto+json")
        .annotation("in-toto.io/predicate-type", "https://slsa.dev/provenance/v0.2");
    let image = match kind {
        Attestation::Image => Image::single("unknown/unknown", [layer]),
        Attestation::Artifact => {
            let image =
                Image::artifact("application/vnd.docker.attestation.manifest.v1+json", [layer]);
            Image { platform: Some(platform::parse("unknown/unknown")), ..image.subject(built) }
        }
    };
    image
        .entry_annotation("vnd.docker.reference.digest", built.digest())
        .entry_annotation("vnd.docker.reference.type", "attestation-manifest")
}
