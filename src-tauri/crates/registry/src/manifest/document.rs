//! Reads what a manifest's JSON names. Unknown fields are skipped; a document that can be read in two ways is refused,
//! as registries do (CVE-2021-41190).

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{ManifestKind, schema1};
use crate::{Descriptor, Digest, MediaType, Platform};

/// The largest size that is believed. The sums over a manifest's blobs stay within 64 bits.
const LARGEST: u64 = 1 << 44;

/// The fields of all kinds together, each looked at only where its kind needs it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Document<'a> {
    #[serde(borrow)]
    media_type: Option<&'a RawValue>,
    #[serde(borrow)]
    config: Option<&'a RawValue>,
    #[serde(borrow)]
    layers: Option<&'a RawValue>,
    #[serde(borrow)]
    blobs: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) manifests: Option<&'a RawValue>,
    #[serde(borrow)]
    subject: Option<&'a RawValue>,
    #[serde(borrow)]
    artifact_type: Option<&'a RawValue>,
    #[serde(borrow)]
    fs_layers: Option<&'a RawValue>,
    #[serde(borrow)]
    errors: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    #[serde(default)]
    media_type: String,
    digest: String,
    size: Option<u64>,
    urls: Option<Vec<String>>,
    #[serde(borrow)]
    platform: Option<&'a RawValue>,
    #[serde(borrow)]
    annotations: Option<&'a RawValue>,
    artifact_type: Option<String>,
}

#[derive(Deserialize)]
struct Annotations {
    #[serde(rename = "vnd.docker.reference.digest")]
    attests: Option<Digest>,
}

#[derive(Deserialize)]
struct FsLayer {
    #[serde(rename = "blobSum")]
    blob_sum: String,
}

/// What the fields that are there make of a document.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Index,
    Image,
    Artifact,
    Schema1,
}

/// Reads a manifest's type and what it names, or says why it is none.
pub(super) fn read(
    bytes: &[u8],
    content_type: Option<&str>,
) -> Result<(MediaType, ManifestKind), String> {
    let document = parse(bytes)?;
    let media_type = document.decide(content_type, bytes)?;
    let kind = match Shape::of(&media_type) {
        Some(shape) => document.kind(shape)?,
        // an unknown type may use our names for other things, and then names nothing that we know of
        None => document.shape().and_then(|shape| document.kind(shape).ok()).unwrap_or(
            ManifestKind::Image {
                config: None,
                layers: Vec::new(),
                subject: None,
                artifact_type: None,
            },
        ),
    };
    Ok((media_type, kind))
}

/// The top level alone.
pub(super) fn parse(bytes: &[u8]) -> Result<Document<'_>, String> {
    let start = bytes.iter().find(|b| !b.is_ascii_whitespace());
    match start {
        Some(b'{') => serde_json::from_slice(bytes).map_err(|e| format!("its JSON is wrong: {e}")),
        Some(b'<') => Err("it is a web page".into()),
        Some(_) => Err("it is no JSON object".into()),
        None => Err("it is empty".into()),
    }
}

impl Document<'_> {
    fn shape(&self) -> Option<Shape> {
        if self.manifests.is_some() {
            Some(Shape::Index)
        } else if self.fs_layers.is_some() {
            Some(Shape::Schema1)
        } else if self.layers.is_some() || self.config.is_some() {
            Some(Shape::Image)
        } else {
            self.blobs.map(|_| Shape::Artifact)
        }
    }

    /// The document's own type, else the registry's word where it fits the structure, else the structure.
    fn decide(&self, content_type: Option<&str>, bytes: &[u8]) -> Result<MediaType, String> {
        let own: Option<String> = optional("mediaType", self.media_type)?;
        if let Some(own) = own.map(|text| MediaType::parse(&text)).filter(|own| !own.is_generic()) {
            return Ok(own);
        }
        let told = content_type.map(MediaType::parse).filter(|told| !told.is_generic());
        let Some(shape) = self.shape() else {
            return match told {
                _ if self.errors.is_some() => Err("it is an error message".into()),
                Some(told @ MediaType::Other(_)) => Ok(told),
                _ => Err("it has neither a media type nor layers nor manifests".into()),
            };
        };
        if let Some(told) = told.filter(|told| Shape::of(told) == Some(shape)) {
            return Ok(told);
        }
        Ok(match shape {
            Shape::Index => MediaType::OciIndex,
            Shape::Image => MediaType::OciManifest,
            Shape::Artifact => MediaType::OciArtifact,
            Shape::Schema1 if schema1::payload(bytes).is_some() => MediaType::Schema1Signed,
            Shape::Schema1 => MediaType::Schema1,
        })
    }

    fn kind(&self, shape: Shape) -> Result<ManifestKind, String> {
        let image_fields = self.layers.is_some() || self.config.is_some();
        if shape == Shape::Index && image_fields {
            return Err("it is an index and has 'layers' or 'config' like an image".into());
        }
        if matches!(shape, Shape::Image | Shape::Artifact) && self.manifests.is_some() {
            return Err("it is an image and has 'manifests' like an index".into());
        }
        let subject = || descriptor("subject", self.subject);
        Ok(match shape {
            Shape::Index => ManifestKind::Index {
                manifests: descriptors("manifests", self.manifests)?,
                subject: subject()?,
            },
            Shape::Image => {
                let config = descriptor("config", self.config)?;
                let artifact_type: Option<String> = optional("artifactType", self.artifact_type)?;
                let artifact_type = artifact_type
                    .filter(|text| !text.is_empty())
                    .or_else(|| config.as_ref().map(|c| c.media_type.as_str().to_owned()));
                ManifestKind::Image {
                    config,
                    layers: descriptors("layers", self.layers)?,
                    subject: subject()?,
                    artifact_type,
                }
            }
            Shape::Artifact => ManifestKind::Image {
                config: None,
                layers: descriptors("blobs", self.blobs)?,
                subject: subject()?,
                artifact_type: optional("artifactType", self.artifact_type)?,
            },
            Shape::Schema1 => {
                let layers: Vec<FsLayer> =
                    optional("fsLayers", self.fs_layers)?.unwrap_or_default();
                let digests = layers
                    .iter()
                    .enumerate()
                    .map(|(i, layer)| digest(&layer.blob_sum, || format!("fsLayers[{i}]")));
                ManifestKind::Schema1 { blobs: digests.collect::<Result<_, _>>()? }
            }
        })
    }
}

impl Shape {
    fn of(media_type: &MediaType) -> Option<Self> {
        match media_type {
            MediaType::OciIndex | MediaType::DockerList => Some(Self::Index),
            MediaType::OciManifest | MediaType::DockerManifest => Some(Self::Image),
            MediaType::OciArtifact => Some(Self::Artifact),
            MediaType::Schema1 | MediaType::Schema1Signed => Some(Self::Schema1),
            MediaType::Other(_) => None,
        }
    }
}

fn optional<'a, T: Deserialize<'a>>(
    name: &str,
    raw: Option<&'a RawValue>,
) -> Result<Option<T>, String> {
    let Some(raw) = raw else { return Ok(None) };
    serde_json::from_str(raw.get()).map(Some).map_err(|e| format!("its '{name}' is wrong: {e}"))
}

fn descriptors(name: &str, raw: Option<&RawValue>) -> Result<Vec<Descriptor>, String> {
    let raw: Vec<&RawValue> = optional(name, raw)?.unwrap_or_default();
    raw.into_iter()
        .enumerate()
        .map(|(i, raw)| read_descriptor(raw, &|| format!("{name}[{i}]")))
        .collect()
}

fn descriptor(name: &str, raw: Option<&RawValue>) -> Result<Option<Descriptor>, String> {
    raw.map(|raw| read_descriptor(raw, &|| name.to_owned())).transpose()
}

/// Reads one descriptor, for those who list them outside of a manifest too.
fn read_descriptor(raw: &RawValue, place: &dyn Fn() -> String) -> Result<Descriptor, String> {
    let entry: Entry<'_> =
        serde_json::from_str(raw.get()).map_err(|e| format!("its '{}' is wrong: {e}", place()))?;
    let lenient = |raw: &RawValue| serde_json::from_str::<Platform>(raw.get()).ok();
    Ok(Descriptor {
        media_type: MediaType::parse(&entry.media_type),
        digest: digest(&entry.digest, place)?,
        // an index's entry is fetched by its digest: some leave the size out
        size: match entry.size {
            Some(size) if size > LARGEST => {
                return Err(format!("its '{}' says {size} bytes, which no blob has", place()));
            }
            Some(size) => size,
            None if place().starts_with("manifests") => 0,
            None => return Err(format!("its '{}' has no size", place())),
        },
        urls: entry.urls.unwrap_or_default(),
        platform: entry
            .platform
            .and_then(lenient)
            .filter(|platform| !(platform.os.is_empty() && platform.architecture.is_empty())),
        attests: entry
            .annotations
            .and_then(|raw| serde_json::from_str::<Annotations>(raw.get()).ok())
            .and_then(|annotations| annotations.attests),
        artifact_type: entry.artifact_type.filter(|text| !text.is_empty()),
    })
}

fn digest(text: &str, place: impl Fn() -> String) -> Result<Digest, String> {
    text.parse().map_err(|e| format!("its '{}' can't be verified: {e}", place()))
}
