//! What an image is made of, and how far each of its blobs has got at one destination. It is kept only where somebody may
//! ask ([`Policy::parts`](crate::Policy::parts)): events tell rows, and a row's parts are asked for when it is opened.

use std::collections::HashMap;

use registry::{Descriptor, Digest, ManifestKind};
use serde::{Deserialize, Serialize};

use crate::tree::Tree;

/// What a manifest is within an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum ManifestRole {
    /// An index: it names other manifests.
    Index,
    /// An image for one platform, or an artifact.
    Image,
    /// Says where an image comes from, or what is in it.
    Attestation,
    /// A signature, or something else that refers to the image.
    Referrer,
}

/// One manifest of an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct ManifestPart {
    /// Its digest.
    #[cfg_attr(feature = "ts", ts(type = "string"))]
    pub digest: Digest,
    /// What it is.
    pub role: ManifestRole,
    /// `os/arch/variant`, where its index says so.
    pub platform: Option<String>,
    /// Bytes of the manifest itself.
    pub size: u64,
    /// Its blobs, as numbers within [`ImageParts::blobs`].
    pub blobs: Vec<u32>,
}

/// How far a blob has got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum BlobStatus {
    /// To be moved; nothing is sent yet.
    #[default]
    Waiting,
    /// Another image brings it there; this one waits for that.
    Shared,
    /// On its way.
    Uploading,
    /// Confirmed by the destination.
    Copied,
    /// Mounted from another repository of the destination; in a plan: most likely it will be.
    Mounted,
    /// Was there.
    Present,
    /// Can't be brought.
    Failed,
}

/// One blob of an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct BlobPart {
    /// Its digest.
    #[cfg_attr(feature = "ts", ts(type = "string"))]
    pub digest: Digest,
    /// Whether it configures the image; else it is a layer, or an artifact's content.
    pub config: bool,
    /// Bytes.
    pub size: u64,
    /// How far it has got.
    pub status: BlobStatus,
    /// Bytes sent and not yet confirmed.
    pub in_flight: u64,
}

/// What an image is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct ImageParts {
    /// Its manifests, the root first.
    pub manifests: Vec<ManifestPart>,
    /// Every blob once, by digest.
    pub blobs: Vec<BlobPart>,
}

impl ImageParts {
    /// The parts of an image and of what refers to it; where only that is copied, of that alone. Nothing is sent yet.
    pub(crate) fn new<'a>(image: Option<&Tree>, referrers: impl Iterator<Item = &'a Tree>) -> Self {
        let trees: Vec<_> = image
            .map(|tree| (tree, None))
            .into_iter()
            .chain(referrers.map(|tree| (tree, Some(ManifestRole::Referrer))))
            .collect();
        let mut blobs: Vec<&Descriptor> = trees.iter().flat_map(|(tree, _)| &tree.blobs).collect();
        blobs.sort_by(|a, b| a.digest.cmp(&b.digest));
        blobs.dedup_by(|a, b| a.digest == b.digest);
        let mut parts =
            Self { manifests: Vec::new(), blobs: blobs.into_iter().map(part).collect() };
        for (tree, role) in trees {
            parts.add(tree, role);
        }
        parts
    }

    fn add(&mut self, tree: &Tree, role: Option<ManifestRole>) {
        let entries = tree.manifests().flat_map(|manifest| manifest.children());
        let entries: HashMap<_, _> = entries.map(|entry| (&entry.digest, entry)).collect();
        let mut manifests: Vec<_> = tree.manifests().collect();
        manifests.reverse();
        for manifest in manifests {
            let entry = entries.get(manifest.digest());
            let role = role.unwrap_or_else(|| match manifest.kind() {
                ManifestKind::Index { .. } => ManifestRole::Index,
                _ if entry.is_some_and(|entry| entry.holds_attestation()) => {
                    ManifestRole::Attestation
                }
                _ => ManifestRole::Image,
            });
            let platform = entry.and_then(|entry| entry.platform.as_ref());
            let platform = platform.filter(|_| role == ManifestRole::Image);
            let own = match manifest.kind() {
                ManifestKind::Schema1 { blobs } => blobs.clone(),
                _ => manifest.blobs().into_iter().map(|blob| blob.digest).collect(),
            };
            self.manifests.push(ManifestPart {
                digest: manifest.digest().clone(),
                role,
                platform: platform.map(ToString::to_string),
                size: manifest.bytes().len() as u64,
                blobs: own.iter().filter_map(|digest| self.find(digest)).collect(),
            });
        }
    }

    fn find(&self, digest: &Digest) -> Option<u32> {
        let at = self.blobs.binary_search_by(|blob| blob.digest.cmp(digest)).ok()?;
        u32::try_from(at).ok()
    }

    pub(crate) fn blob(&mut self, digest: &Digest) -> Option<&mut BlobPart> {
        let at = self.find(digest)?;
        self.blobs.get_mut(at as usize)
    }
}

fn part(blob: &Descriptor) -> BlobPart {
    BlobPart {
        digest: blob.digest.clone(),
        config: blob.is_config(),
        size: blob.size,
        status: BlobStatus::Waiting,
        in_flight: 0,
    }
}
