//! What comes of building an image.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use serde_json::{Value, json};

use crate::content::Content;

/// What was built.
#[derive(Clone)]
pub struct Built(Arc<Parts>);

#[derive(Clone)]
pub(super) struct Parts {
    pub(super) digest: String,
    pub(super) media_type: String,
    pub(super) artifact_type: Option<String>,
    pub(super) bytes: Bytes,
    pub(super) size: u64,
    pub(super) blobs: Vec<(String, Content)>,
    pub(super) children: Vec<Built>,
    pub(super) is_blob: bool,
}

impl Built {
    pub(super) fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// The digest.
    pub fn digest(&self) -> &str {
        &self.0.digest
    }

    /// The media type.
    pub fn media_type(&self) -> &str {
        &self.0.media_type
    }

    /// The manifest's bytes.
    pub fn bytes(&self) -> &Bytes {
        &self.0.bytes
    }

    /// The entries of an index, in order.
    pub fn children(&self) -> &[Self] {
        &self.0.children
    }

    /// The blobs that it names itself: config first, then layers, repeated ones repeated, foreign ones left out.
    pub fn own_blobs(&self) -> impl Iterator<Item = (&str, &Content)> {
        self.0.blobs.iter().map(|(digest, content)| (digest.as_str(), content))
    }

    /// All blobs that it needs, each once, in the order of their first mention.
    pub fn blobs(&self) -> Vec<(String, Content)> {
        let mut all: Vec<(String, Content)> = Vec::new();
        let below = self.children().iter().flat_map(Self::blobs);
        for (digest, content) in self.0.blobs.iter().cloned().chain(below) {
            if all.iter().all(|(known, _)| *known != digest) {
                all.push((digest, content));
            }
        }
        all
    }

    /// The digests of all manifests that it needs, itself last.
    pub fn manifests(&self) -> Vec<String> {
        let below = self.children().iter().flat_map(Self::manifests);
        let own = (!self.0.is_blob).then(|| self.digest().to_owned());
        let mut all = Vec::new();
        for digest in below.chain(own) {
            if !all.contains(&digest) {
                all.push(digest);
            }
        }
        all
    }

    /// Whether it is a blob in an index.
    pub fn is_blob(&self) -> bool {
        self.0.is_blob
    }

    /// Its descriptor: media type, digest and size.
    pub fn descriptor(&self) -> Value {
        let Parts { media_type, digest, size, .. } = &*self.0;
        let mut descriptor = json!({ "mediaType": media_type, "digest": digest, "size": size });
        if let Some(artifact_type) = &self.0.artifact_type {
            descriptor["artifactType"] = artifact_type.as_str().into();
        }
        descriptor
    }

    pub(super) fn with_digest(self, digest: String) -> Self {
        Self(Arc::new(Parts { digest, ..(*self.0).clone() }))
    }
}

impl fmt::Debug for Built {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Built({} {})", self.media_type(), self.digest())
    }
}
