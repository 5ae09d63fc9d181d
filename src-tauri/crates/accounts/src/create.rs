//! What an account or a profile says of repositories that must exist before the first push.

use registry::Creation;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whether repositories that must exist before the first push are created: `false`, `true`, or how.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Create {
    /// `true`: with the vendor's own settings.
    Asked(bool),
    /// With these settings.
    How(Settings),
}

/// How a repository is created. What a vendor has no word for is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schemars(rename = "CreateSettings")]
pub struct Settings {
    /// Everyone may pull (Harbor's projects, ACR's namespaces).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub public: bool,
    /// Tags can't be moved (ECR).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub immutable_tags: bool,
    /// Images are scanned when they are pushed (ECR).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub scan_on_push: bool,
    /// What images are encrypted with: `AES256`, `KMS`, or the name of a KMS key (ECR).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption: Option<String>,
}

impl Default for Create {
    fn default() -> Self {
        Self::Asked(false)
    }
}

impl Create {
    /// Whether none is created.
    pub fn is_none(&self) -> bool {
        *self == Self::Asked(false)
    }

    /// How they are created, if they are.
    pub fn creation(&self) -> Option<Creation> {
        match self {
            Self::Asked(false) => None,
            Self::Asked(true) => Some(Creation::default()),
            Self::How(how) => Some(Creation {
                immutable_tags: how.immutable_tags,
                scan_on_push: how.scan_on_push,
                encryption: how.encryption.clone(),
                public: how.public,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yes_no_and_how() {
        let read = |text: &str| serde_json::from_str::<Create>(text).map(|it| it.creation());
        assert_eq!(read("false").unwrap(), None);
        assert_eq!(read("true").unwrap(), Some(Creation::default()));
        assert_eq!(
            read(r#"{"immutableTags": true, "encryption": "KMS"}"#).unwrap(),
            Some(Creation {
                immutable_tags: true,
                encryption: Some("KMS".into()),
                ..Creation::default()
            })
        );
        for wrong in [r#""yes""#, "1", r#"{"imutableTags": true}"#] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
