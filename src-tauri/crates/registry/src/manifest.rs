//! Manifests and indexes: read for what they name, kept as the bytes that they came in.

use std::collections::HashSet;

use bytes::Bytes;

use crate::{Algorithm, Code, Descriptor, Digest, Error, MediaType, PlatformFilter, Result};

mod document;
mod schema1;
mod splice;
#[cfg(test)]
mod tests;

/// A manifest of any kind, with the bytes that its digest is of.
#[derive(Clone, Debug)]
pub struct Manifest {
    bytes: Bytes,
    media_type: MediaType,
    digest: Digest,
    kind: ManifestKind,
    /// The entries of an index that holds blobs too, without those.
    children: Option<Vec<Descriptor>>,
}

/// What a manifest names.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one of it per manifest")]
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
#[expect(clippy::large_enum_variant, reason = "there is one of it per index")]
pub enum Filtered {
    /// All entries are kept: the index stays as it is.
    Same,
    /// Some entries go. The new index differs in its `manifests` list alone.
    Rewritten(Manifest),
    /// No entry is left.
    Nothing,
}

/// The largest manifest that is read. Registries take 4 MiB, some 8.
pub(crate) const MAX_SIZE: usize = 8 * 1024 * 1024;

impl Manifest {
    /// Reads a manifest. `content_type` is what the registry said; the document's own `mediaType` wins, and where both
    /// are useless its structure decides (quirk: registries answer `text/plain` and worse). `algorithm` of the digest
    /// is SHA-256 unless `expected` says otherwise; bytes that don't hash to `expected` are `digest.mismatch`.
    ///
    /// The digest of a signed schema 1 manifest is that of its payload, without the signatures.
    pub fn parse(
        bytes: Bytes,
        content_type: Option<&str>,
        expected: Option<&Digest>,
    ) -> Result<Self> {
        let Some(expected) = expected else {
            return Self::read(bytes, content_type, Algorithm::Sha256);
        };
        let algorithm = expected.algorithm();
        let digest = Digest::of(algorithm, &bytes);
        if digest == *expected {
            let manifest = Self::read(bytes, content_type, algorithm)?;
            return Ok(Self { digest, ..manifest });
        }
        if schema1::digest(algorithm, &bytes).as_ref() == Some(expected) {
            return Self::read(bytes, content_type, algorithm);
        }
        Err(Error::new(
            Code::DigestMismatch,
            format!("the manifest is damaged: expected {expected}, got {digest}"),
        ))
    }

    fn read(bytes: Bytes, content_type: Option<&str>, algorithm: Algorithm) -> Result<Self> {
        let (media_type, kind) = document::read(&bytes, content_type)
            .map_err(|why| Error::new(Code::ManifestInvalid, format!("no manifest: {why}")))?;
        let digest = match kind {
            ManifestKind::Schema1 { .. } => schema1::digest(algorithm, &bytes),
            _ => None,
        };
        let digest = digest.unwrap_or_else(|| Digest::of(algorithm, &bytes));
        let children = match &kind {
            ManifestKind::Index { manifests, .. }
                if manifests.iter().any(|entry| entry.media_type.is_blob()) =>
            {
                Some(manifests.iter().filter(|e| !e.media_type.is_blob()).cloned().collect())
            }
            _ => None,
        };
        Ok(Self { bytes, media_type, digest, kind, children })
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

    /// Every blob that a copy must bring along, each once, foreign layers left out. Schema 1 does not tell sizes, so
    /// its blobs are not here but in [`ManifestKind::Schema1`]; a HEAD of each tells its size.
    pub fn blobs(&self) -> Vec<Descriptor> {
        let mut seen = HashSet::new();
        let mut once = |blob: &&Descriptor| !blob.is_foreign() && seen.insert(blob.digest.clone());
        match &self.kind {
            ManifestKind::Image { config, layers, .. } => {
                config.iter().chain(layers).filter(|blob| once(blob)).cloned().collect()
            }
            ManifestKind::Index { manifests, .. } => manifests
                .iter()
                .filter(|entry| entry.media_type.is_blob() && once(entry))
                .cloned()
                .collect(),
            ManifestKind::Schema1 { .. } => Vec::new(),
        }
    }

    /// The entries of an index that are manifests or of unknown type; empty for others.
    pub fn children(&self) -> &[Descriptor] {
        match (&self.children, &self.kind) {
            (Some(children), _) => children,
            (None, ManifestKind::Index { manifests, .. }) => manifests,
            (None, _) => &[],
        }
    }

    /// Applies a platform filter to an index: entries without platform stay; attestations go with the platform that
    /// they attest. Bytes outside the `manifests` list stay as they are, unknown fields too.
    pub fn filter(&self, filter: &PlatformFilter) -> Result<Filtered> {
        self.retain(&|entry| {
            entry.is_attestation() || entry.platform.as_ref().is_none_or(|p| filter.keeps(p))
        })
    }

    /// An index without the entries that `keep` refuses, else like [`Manifest::filter`].
    pub fn retain(&self, keep: &dyn Fn(&Descriptor) -> bool) -> Result<Filtered> {
        let ManifestKind::Index { manifests, .. } = &self.kind else { return Ok(Filtered::Same) };
        let mut kept: Vec<bool> = manifests.iter().map(keep).collect();
        let images: HashSet<&Digest> = manifests
            .iter()
            .zip(&kept)
            .filter(|(entry, kept)| **kept && !entry.is_attestation())
            .map(|(entry, _)| &entry.digest)
            .collect();
        let listed: HashSet<&Digest> = manifests.iter().map(|entry| &entry.digest).collect();
        for (entry, kept) in manifests.iter().zip(&mut kept) {
            // what attests something that is elsewhere has no entry to go with
            if let Some(attested) = entry.attests.as_ref().filter(|_| entry.is_attestation()) {
                *kept = *kept && (images.contains(attested) || !listed.contains(attested));
            }
        }
        if kept.iter().all(|kept| *kept) {
            return Ok(Filtered::Same);
        }
        if images.is_empty() {
            return Ok(Filtered::Nothing);
        }
        let bytes = splice::retain(&self.bytes, &kept).map_err(|e| {
            Error::new(Code::ManifestInvalid, "the index can't be rewritten").cause(&e)
        })?;
        let rewritten = Self::read(bytes, Some(self.media_type.as_str()), self.digest.algorithm())?;
        Ok(Filtered::Rewritten(rewritten))
    }
}
