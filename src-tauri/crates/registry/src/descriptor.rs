//! Descriptors (OCI image spec, `descriptor.md`), as far as a copy needs them. The bytes that they came in are kept
//! by the manifest, so nothing is lost by not reading every field.

use crate::{Digest, MediaType, Platform};

/// A link from a manifest to a blob or to another manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// The media type, unknown ones as they are.
    pub media_type: MediaType,
    /// What the content must hash to.
    pub digest: Digest,
    /// Bytes.
    pub size: u64,
    /// Foreign layers name where else they can be had; they are not copied.
    pub urls: Vec<String>,
    /// In an index: the entry's platform.
    pub platform: Option<Platform>,
    /// `vnd.docker.reference.digest`: the entry that an attestation attests.
    pub attests: Option<Digest>,
    /// `artifactType`, in referrers.
    pub artifact_type: Option<String>,
}

impl Descriptor {
    /// Whether this is an attestation that BuildKit put into an index: platform `unknown/unknown` and an annotation
    /// that names the entry which it attests.
    pub fn is_attestation(&self) -> bool {
        self.attests.is_some()
            && self.platform.as_ref().is_some_and(|p| p.os == "unknown" && p.architecture == "unknown")
    }

    /// Whether this is a foreign (non-distributable) layer, which registries don't hold.
    pub fn is_foreign(&self) -> bool {
        !self.urls.is_empty()
    }
}
