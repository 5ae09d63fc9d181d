//! Everything about one image: its manifest or index, the platforms with their layers and sizes, and what refers to it.

use std::collections::BTreeMap;

use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    Client, Code, Descriptor, Digest, Manifest, ManifestKind, Platform, Reference, Repository,
    Result, Sentence, Target, sentence,
};

/// The largest config that is read for its date.
pub(crate) const LARGEST_CONFIG: u64 = 1 << 20;
/// So many images of an index are looked into; of more, only the entry is told.
const MOST_IMAGES: usize = 100;
/// Images that are looked into at once.
const AT_ONCE: usize = 8;
/// So many referrers are told.
const MOST_REFERRERS: usize = 1000;

/// What is known of an image.
#[derive(Clone, Debug, Serialize)]
pub struct Inspection {
    /// Its reference, in full.
    pub reference: String,
    /// The digest of its manifest or index.
    pub digest: Digest,
    /// The media type of that.
    pub media_type: String,
    /// Bytes of the manifest or index itself.
    pub manifest_size: u64,
    /// What it is.
    pub kind: ImageKind,
    /// Of an artifact.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// Bytes of all its different blobs together, compressed; `None` where a part could not be looked into.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Annotations of the manifest or index.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// The images of an index; the one image otherwise.
    pub images: Vec<Image>,
    /// What refers to it.
    pub referrers: Vec<Referrer>,
    /// What could not be found out, one sentence each.
    #[serde(
        skip_serializing_if = "Vec::is_empty",
        serialize_with = "crate::sentence::texts::serialize"
    )]
    pub warnings: Vec<Sentence>,
    /// The manifest or index itself.
    #[serde(skip)]
    pub manifest: Manifest,
}

/// What a reference names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ImageKind {
    /// Images of several platforms.
    Index,
    /// An image.
    Image,
    /// Something else than an image.
    Artifact,
    /// An image in Docker's oldest format.
    Schema1,
}

/// One image.
#[derive(Clone, Debug, Serialize)]
pub struct Image {
    /// Its digest.
    pub digest: Digest,
    /// Its media type.
    pub media_type: String,
    /// Its platform, as far as it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// Whether it is an attestation that lies in the index.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub attestation: bool,
    /// Bytes of config and layers, compressed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// When it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
    /// Its layers.
    pub layers: Vec<Layer>,
    /// Annotations of its own manifest.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// A layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Layer {
    /// Its digest.
    pub digest: Digest,
    /// Its media type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// Bytes, compressed; schema 1 does not tell them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
}

/// A manifest that refers to the image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Referrer {
    /// Its digest.
    pub digest: Digest,
    /// What it is: `application/vnd.dev.cosign.artifact.sig.v1+json`, or cosign's tag `.sig`.
    pub artifact_type: String,
    /// The tag, where it is found by that alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
}

impl Inspection {
    /// Whether one of the referrers is a signature.
    pub fn is_signed(&self) -> bool {
        let marks = ["cosign.artifact.sig", "notary", ".sig", "sigstore.bundle"];
        self.referrers.iter().any(|one| marks.iter().any(|mark| one.artifact_type.contains(mark)))
    }
}

#[derive(Deserialize)]
struct Annotated {
    annotations: Option<BTreeMap<String, serde_json::Value>>,
}

#[derive(Deserialize)]
struct Config {
    created: Option<String>,
    os: Option<String>,
    architecture: Option<String>,
    variant: Option<String>,
    #[serde(rename = "os.version")]
    os_version: Option<String>,
}

impl Client {
    /// Looks into an image. The manifests of an index are read, and small configs; layers are not.
    pub async fn inspect(&self, reference: &Reference) -> Result<Inspection> {
        let repository = self.source(&reference.registry, &reference.repository);
        let manifest = repository.get_manifest(&reference.target()).await;
        let manifest = manifest.map_err(crate::Error::without_side)?;
        let mut warnings = Vec::new();
        let (kind, artifact_type, images) = match manifest.kind() {
            ManifestKind::Index { manifests, .. } => {
                let images = images(&repository, manifests, &mut warnings).await;
                (ImageKind::Index, None, images)
            }
            ManifestKind::Image { config, artifact_type, .. } => {
                let is_image = config.as_ref().is_some_and(is_image_config);
                let kind = if is_image { ImageKind::Image } else { ImageKind::Artifact };
                let artifact_type = artifact_type.clone().filter(|_| !is_image);
                let image = image(&repository, &manifest, None, &mut warnings).await;
                (kind, artifact_type, vec![image])
            }
            ManifestKind::Schema1 { .. } => {
                let image = image(&repository, &manifest, None, &mut warnings).await;
                (ImageKind::Schema1, None, vec![image])
            }
        };
        let referrers = referrers(&repository, manifest.digest(), &mut warnings).await;
        Ok(Inspection {
            reference: reference.to_string(),
            digest: manifest.digest().clone(),
            media_type: manifest.media_type().as_str().to_owned(),
            manifest_size: manifest.bytes().len() as u64,
            kind,
            artifact_type,
            size: total(&images),
            annotations: annotations(manifest.bytes()),
            images,
            referrers,
            warnings,
            manifest,
        })
    }
}

/// Bytes of the different blobs of all images.
fn total(images: &[Image]) -> Option<u64> {
    let mut layers = std::collections::HashMap::new();
    let mut rest = 0_u64;
    for image in images {
        let size = image.size?;
        let mut own = 0_u64;
        for layer in &image.layers {
            own = own.saturating_add(layer.size?);
            layers.insert(&layer.digest, layer.size?);
        }
        rest = rest.saturating_add(size.saturating_sub(own));
    }
    Some(layers.values().fold(rest, |sum, size| sum.saturating_add(*size)))
}

async fn images(
    repository: &Repository,
    entries: &[Descriptor],
    warnings: &mut Vec<Sentence>,
) -> Vec<Image> {
    let look = |(at, entry): (usize, Descriptor)| async move {
        let mut told = Vec::new();
        if at >= MOST_IMAGES || entry.media_type.is_blob() {
            return (of_entry(&entry), told);
        }
        let found = match repository.get_manifest(&Target::Digest(entry.digest.clone())).await {
            Ok(manifest) => image(repository, &manifest, Some(&entry), &mut told).await,
            Err(error) => {
                told.push((&error.without_side()).into());
                of_entry(&entry)
            }
        };
        (found, told)
    };
    let entries: Vec<_> = entries.iter().cloned().enumerate().collect();
    if entries.len() > MOST_IMAGES {
        warnings.push(sentence!(
            "inspect_images",
            "only the first {most} images are looked into",
            most = MOST_IMAGES,
        ));
    }
    let mut images = Vec::with_capacity(entries.len());
    let mut looks = stream::iter(entries).map(look).buffered(AT_ONCE);
    while let Some((found, told)) = looks.next().await {
        images.push(found);
        warnings.extend(told);
    }
    images
}

fn of_entry(entry: &Descriptor) -> Image {
    Image {
        digest: entry.digest.clone(),
        media_type: entry.media_type.as_str().to_owned(),
        platform: entry.platform.clone(),
        attestation: entry.is_attestation(),
        size: None,
        created: None,
        layers: Vec::new(),
        annotations: BTreeMap::new(),
    }
}

async fn image(
    repository: &Repository,
    manifest: &Manifest,
    entry: Option<&Descriptor>,
    warnings: &mut Vec<Sentence>,
) -> Image {
    let mut found = Image {
        digest: manifest.digest().clone(),
        media_type: manifest.media_type().as_str().to_owned(),
        platform: entry.and_then(|entry| entry.platform.clone()),
        attestation: entry.is_some_and(Descriptor::is_attestation),
        size: None,
        created: None,
        layers: Vec::new(),
        annotations: annotations(manifest.bytes()),
    };
    match manifest.kind() {
        ManifestKind::Image { config, layers, .. } => {
            let blobs = config.iter().chain(layers).map(|blob| blob.size);
            found.size = Some(blobs.fold(0, u64::saturating_add));
            found.layers = layers.iter().map(layer).collect();
            if let Some(config) = config.as_ref().filter(|config| is_image_config(config))
                && config.size <= LARGEST_CONFIG
            {
                match repository.get_blob(config, LARGEST_CONFIG).await {
                    Ok(bytes) => found.tell(&bytes),
                    Err(error) => warnings.push((&error.without_side()).into()),
                }
            }
        }
        ManifestKind::Schema1 { blobs } => {
            let layer =
                |digest: &Digest| Layer { digest: digest.clone(), media_type: None, size: None };
            found.layers = blobs.iter().map(layer).collect();
            found.tell(manifest.bytes());
        }
        // an index in an index
        ManifestKind::Index { .. } => {}
    }
    found
}

impl Image {
    /// What a config tells.
    fn tell(&mut self, config: &[u8]) {
        let Ok(config) = serde_json::from_slice::<Config>(config) else { return };
        self.created = date(config.created);
        if self.platform.is_none()
            && let Some(architecture) = config.architecture.filter(|name| !name.is_empty())
        {
            self.platform = Some(Platform {
                os: config.os.unwrap_or_else(|| "linux".into()),
                architecture,
                variant: config.variant.filter(|variant| !variant.is_empty()),
                os_version: config.os_version,
            });
        }
    }
}

/// When an image was made, as its config says.
pub(crate) fn made(config: &[u8]) -> Option<Timestamp> {
    date(serde_json::from_slice::<Config>(config).ok()?.created)
}

fn date(text: Option<String>) -> Option<Timestamp> {
    let time = text?.parse::<Timestamp>().ok()?;
    // builds that can be repeated say 1970
    (time.as_second() > 0).then_some(time)
}

fn layer(blob: &Descriptor) -> Layer {
    Layer {
        digest: blob.digest.clone(),
        media_type: Some(blob.media_type.as_str().to_owned()),
        size: Some(blob.size),
    }
}

pub(crate) fn is_image_config(config: &Descriptor) -> bool {
    matches!(
        config.media_type.as_str(),
        "application/vnd.oci.image.config.v1+json"
            | "application/vnd.docker.container.image.v1+json"
    )
}

pub(crate) fn annotations(manifest: &[u8]) -> BTreeMap<String, String> {
    let annotated = serde_json::from_slice::<Annotated>(manifest).ok();
    let all = annotated.and_then(|it| it.annotations).unwrap_or_default();
    all.into_iter().filter_map(|(name, value)| Some((name, value.as_str()?.to_owned()))).collect()
}

async fn referrers(
    repository: &Repository,
    digest: &Digest,
    warnings: &mut Vec<Sentence>,
) -> Vec<Referrer> {
    let mut found = Vec::new();
    match repository.referrers(digest).await {
        Ok(entries) => {
            if entries.len() > MOST_REFERRERS {
                warnings.push(sentence!(
                    "inspect_referrers",
                    "only the first {most} referrers are told",
                    most = MOST_REFERRERS,
                ));
            }
            found.extend(entries.into_iter().take(MOST_REFERRERS).map(|entry| Referrer {
                digest: entry.digest,
                artifact_type:
                    entry.artifact_type.unwrap_or_else(|| entry.media_type.as_str().to_owned()),
                tag: None,
            }));
        }
        Err(error) => warnings.push((&error.without_side()).into()),
    }
    for kind in [".sig", ".att", ".sbom"] {
        let text = format!("{}-{}{kind}", digest.algorithm().as_str(), digest.hex());
        let Ok(tag) = text.parse() else { continue };
        match repository.head_manifest(&Target::Tag(tag)).await {
            Ok(Some(head)) => found.push(Referrer {
                digest: head.digest,
                artifact_type: kind.into(),
                tag: Some(text),
            }),
            Ok(None) => {}
            // many answer "denied" to what is not there
            Err(error) if matches!(error.code(), Code::PullDenied | Code::AuthRequired) => {}
            Err(error) => warnings.push((&error.without_side()).into()),
        }
    }
    found
}
