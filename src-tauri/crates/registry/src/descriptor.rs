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
    /// Where else it can be had; foreign layers are there alone.
    pub urls: Vec<String>,
    /// In an index: the entry's platform.
    pub platform: Option<Platform>,
    /// `vnd.docker.reference.digest`: the entry that an attestation attests.
    pub attests: Option<Digest>,
    /// `artifactType`, in referrers.
    pub artifact_type: Option<String>,
}

impl Descriptor {
    /// Whether its type says that it configures an image or an artifact, so that it is that one's alone.
    pub fn is_config(&self) -> bool {
        let media_type = self.media_type.as_str();
        media_type.ends_with(".config.v1+json")
            || media_type == "application/vnd.docker.container.image.v1+json"
    }

    /// Whether this is an attestation that BuildKit put into an index: platform `unknown/unknown` and an annotation
    /// that names the entry which it attests.
    pub fn is_attestation(&self) -> bool {
        self.attests.is_some()
            && self
                .platform
                .as_ref()
                .is_some_and(|p| p.os == "unknown" && p.architecture == "unknown")
    }

    /// Whether this is an attestation in whatever form: one that BuildKit put into an index, or an in-toto statement by
    /// its type.
    pub fn holds_attestation(&self) -> bool {
        self.is_attestation()
            || self.artifact_type.as_deref().is_some_and(is_attestation_type)
            || is_attestation_type(self.media_type.as_str())
    }

    /// Whether this is a foreign (non-distributable) layer, which registries don't hold. A layer of an ordinary type is
    /// held by its registry, whatever other places its `urls` name.
    pub fn is_foreign(&self) -> bool {
        !self.urls.is_empty() && self.media_type.is_foreign_layer()
    }
}

/// The types of what BuildKit and others write about an image: provenance, bills of materials.
fn is_attestation_type(text: &str) -> bool {
    text == "application/vnd.docker.attestation.manifest.v1+json"
        || text == "application/vnd.in-toto+json"
        || (text.starts_with("application/vnd.in-toto.") && text.ends_with("+json"))
        || text.starts_with("application/vnd.dsse.envelope.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn descriptor(media_type: &str, urls: &[&str]) -> Descriptor {
        Descriptor {
            media_type: MediaType::parse(media_type),
            digest: Digest::sha256(b""),
            size: 0,
            urls: urls.iter().map(ToString::to_string).collect(),
            platform: None,
            attests: None,
            artifact_type: None,
        }
    }

    #[test]
    fn foreign_is_a_type_and_a_place() {
        let url = &["https://example.com/layer"][..];
        for (media_type, urls, foreign) in [
            ("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", url, true),
            ("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", url, true),
            ("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", &[], false),
            ("application/vnd.oci.image.layer.v1.tar+gzip", url, false),
            ("application/vnd.oci.image.layer.v1.tar+gzip", &[], false),
        ] {
            assert_eq!(descriptor(media_type, urls).is_foreign(), foreign, "{media_type} {urls:?}");
        }
    }

    #[test]
    fn an_attestation_has_the_platform_and_the_annotation() {
        let mut entry = descriptor("application/vnd.oci.image.manifest.v1+json", &[]);
        entry.attests = Some(Digest::sha256(b"attested"));
        assert!(!entry.is_attestation());
        let unknown = || Some("unknown".to_owned());
        entry.platform = Some(Platform {
            os: unknown().unwrap(),
            architecture: unknown().unwrap(),
            ..Platform::default()
        });
        assert!(entry.is_attestation());
        assert!(entry.holds_attestation());
        entry.attests = None;
        assert!(!entry.is_attestation());
        assert!(!entry.holds_attestation());
    }

    #[test]
    fn an_attestation_is_known_by_its_type_too() {
        for (media_type, artifact_type, holds) in [
            ("application/vnd.oci.image.manifest.v1+json", None, false),
            ("application/vnd.oci.image.manifest.v1+json", Some("application/x-thing"), false),
            (
                "application/vnd.oci.image.manifest.v1+json",
                Some("application/vnd.docker.attestation.manifest.v1+json"),
                true,
            ),
            (
                "application/vnd.oci.image.manifest.v1+json",
                Some("application/vnd.in-toto+json"),
                true,
            ),
            (
                "application/vnd.oci.image.manifest.v1+json",
                Some("application/vnd.in-toto.provenance+json"),
                true,
            ),
            ("application/vnd.in-toto+json", None, true),
            ("application/vnd.dsse.envelope.v1+json", None, true),
        ] {
            let mut entry = descriptor(media_type, &[]);
            entry.artifact_type = artifact_type.map(ToOwned::to_owned);
            assert_eq!(entry.holds_attestation(), holds, "{media_type} {artifact_type:?}");
            assert!(!entry.is_attestation());
        }
    }
}
