//! What an image is made of.

use std::collections::BTreeMap;

use registry::Sentence;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Which image to look into.
#[derive(Clone, Debug, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct DetailsRequest {
    /// What the page calls this request, to give it up by.
    pub token: String,
    /// The account to look with; `null` for whichever fits, or none.
    pub account_id: Option<String>,
    /// The image's reference.
    pub reference: String,
    /// Whether it is read anew although it is known.
    pub refresh: bool,
}

/// What an image is made of.
#[derive(Clone, Debug, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ImageDetails {
    /// The account that it was looked at with.
    pub account_id: Option<String>,
    /// Its reference, in full.
    pub reference: String,
    /// The digest of its manifest or index.
    pub digest: String,
    /// The media type of that.
    pub media_type: String,
    /// `index`, `image`, `artifact`, `schema1`.
    pub kind: String,
    /// Of an artifact.
    pub artifact_type: Option<String>,
    /// Bytes of all its different blobs, compressed.
    pub size: Option<u64>,
    /// Whether a signature refers to it.
    pub signed: bool,
    /// Annotations of the manifest or index.
    pub annotations: BTreeMap<String, String>,
    /// The images of an index; the one image otherwise.
    pub images: Vec<ImagePart>,
    /// What refers to it.
    pub referrers: Vec<ImageReferrer>,
    /// What could not be found out.
    pub warnings: Vec<Sentence>,
    /// When the registry was asked.
    pub fetched_at: String,
}

/// One image of an index.
#[derive(Clone, Debug, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ImagePart {
    /// Its digest.
    pub digest: String,
    /// Its media type.
    pub media_type: String,
    /// `linux/amd64`
    pub platform: Option<String>,
    /// Whether it is an attestation.
    pub attestation: bool,
    /// Bytes of config and layers, compressed.
    pub size: Option<u64>,
    /// When it was made.
    pub created: Option<String>,
    /// Its layers.
    pub layers: Vec<ImageLayer>,
}

/// A layer.
#[derive(Clone, Debug, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ImageLayer {
    /// Its digest.
    pub digest: String,
    /// Its media type.
    pub media_type: Option<String>,
    /// Bytes, compressed.
    pub size: Option<u64>,
}

/// Something that refers to an image.
#[derive(Clone, Debug, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ImageReferrer {
    /// Its digest.
    pub digest: String,
    /// What it is.
    pub artifact_type: String,
    /// The tag that it is found by, if so.
    pub tag: Option<String>,
}
