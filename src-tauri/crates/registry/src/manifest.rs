//! Manifests and indexes: read for what they name, kept as the bytes that they came in.

use bytes::Bytes;

use crate::{Descriptor, Digest, MediaType, PlatformFilter, Result};

/// A manifest of any kind, with the bytes that its digest is of.
#[derive(Clone, Debug)]
pub struct Manifest {
    bytes: Bytes,
    media_type: MediaType,
    digest: Digest,
    kind: ManifestKind,
}

/// What a manifest names.
#[derive(Clone, Debug)]
pub enum ManifestKind {
    /// An image or artifact: blobs, in the order config first, then layers (repeats included).
    Image {
        /// The config blob; artifacts may have none.
        config: Option<Descriptor>,
        /// Layers or an artifact's blobs.
        layers: Vec<Descriptor>,
        /// The manifest that this one refers to.
        subject: Option<Descriptor>,
        /// `artifactType`, or else the config's media type.
        artifact_type: Option<String>,
    },
    /// An index (or Docker list): other manifests; an entry may even be a blob.
    Index {
        /// The entries in their order.
        manifests: Vec<Descriptor>,
        /// The manifest that this one refers to.
        subject: Option<Descriptor>,
    },
    /// Docker schema 1: only digests, sizes unknown.
    Schema1 {
        /// The blobs, repeats included.
        blobs: Vec<Digest>,
    },
}

/// What a platform filter makes of an index.
#[derive(Clone, Debug)]
pub enum Filtered {
    /// All entries are kept: the index stays as it is.
    Same,
    /// Some entries go. The new index differs in its `manifests` list alone.
    Rewritten(Manifest),
    /// No entry is left.
    Nothing,
}

impl Manifest {
    /// Reads a manifest. `content_type` is what the registry said; the document's own `mediaType` wins, and where both
    /// are useless its structure decides (quirk: registries answer `text/plain` and worse). `algorithm` of the digest
    /// is SHA-256 unless `expected` says otherwise; bytes that don't hash to `expected` are `digest.mismatch`.
    pub fn parse(bytes: Bytes, content_type: Option<&str>, expected: Option<&Digest>) -> Result<Self> {
        todo!("{bytes:?} {content_type:?} {expected:?}")
    }

    /// The bytes as they came.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The type to push it with.
    pub fn media_type(&self) -> &MediaType {
        &self.media_type
    }

    /// The digest of the bytes.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// What it names.
    pub fn kind(&self) -> &ManifestKind {
        &self.kind
    }

    /// Every blob that a copy must bring along, each once, foreign layers left out.
    pub fn blobs(&self) -> Vec<Descriptor> {
        todo!()
    }

    /// The entries of an index that are manifests or of unknown type; empty for others.
    pub fn children(&self) -> &[Descriptor] {
        todo!()
    }

    /// Applies a platform filter to an index: entries without platform stay; attestations go with the platform that
    /// they attest. Bytes outside the `manifests` list stay as they are, unknown fields too.
    pub fn filter(&self, filter: &PlatformFilter) -> Result<Filtered> {
        todo!("{filter}")
    }

    /// An index without the entries that `keep` refuses, else like [`Manifest::filter`].
    pub fn retain(&self, keep: &dyn Fn(&Descriptor) -> bool) -> Result<Filtered> {
        let _ = keep;
        todo!()
    }
}
