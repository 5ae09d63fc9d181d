//! A layer, or any other blob that a manifest names.

use std::sync::{Arc, OnceLock};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::tar;
use crate::{content::Content, digest::sha256};

/// A layer.
#[derive(Clone, Debug)]
pub struct Layer {
    content: Content,
    digest: Arc<OnceLock<String>>,
    diff_id: Option<String>,
    media_type: Option<String>,
    sha512: bool,
    inline: bool,
    urls: Vec<String>,
    annotations: Map<String, Value>,
}

impl Layer {
    fn new(content: Content) -> Self {
        Self {
            content,
            digest: Arc::default(),
            diff_id: None,
            media_type: None,
            sha512: false,
            inline: false,
            urls: Vec::new(),
            annotations: Map::new(),
        }
    }

    /// These bytes.
    pub fn bytes(bytes: impl Into<Bytes>) -> Self {
        Self::new(Content::Bytes(bytes.into()))
    }

    /// So many pseudo-random bytes, the same for the same seed.
    pub fn random(seed: u64, size: usize) -> Self {
        Self::new(Content::random(seed, size))
    }

    /// So many pseudo-random bytes, made when they are read: gigabytes cost no memory (but seconds, to hash them once).
    pub fn huge(seed: u64, size: u64) -> Self {
        Self::new(Content::generated(seed, size))
    }

    /// No bytes.
    pub fn empty() -> Self {
        Self::bytes(Bytes::new())
    }

    /// A tar archive of these files, in a gzip wrapper, as a container engine can unpack it.
    pub fn files<'a>(files: impl IntoIterator<Item = (&'a str, Bytes)>) -> Self {
        let archive = tar::archive(files);
        Self { diff_id: Some(sha256(&archive)), ..Self::bytes(tar::gzip(&archive)) }
    }

    /// A foreign layer: it is at another address and not in the registry.
    pub fn foreign(url: &str, seed: u64, size: usize) -> Self {
        Self { urls: vec![url.to_owned()], ..Self::random(seed, size) }
    }

    /// With this media type.
    pub fn media_type(mut self, media_type: &str) -> Self {
        self.media_type = Some(media_type.to_owned());
        self
    }

    /// Named by its SHA-512 digest.
    pub fn sha512(mut self) -> Self {
        self.sha512 = true;
        self.digest = Arc::default();
        self
    }

    /// Its descriptor holds the bytes too (`data`).
    pub fn inline(mut self) -> Self {
        self.inline = true;
        self
    }

    /// Its descriptor has an annotation.
    pub fn annotation(mut self, key: &str, value: &str) -> Self {
        self.annotations.insert(key.to_owned(), value.into());
        self
    }

    /// The digest. The first call hashes.
    pub fn digest(&self) -> &str {
        self.digest
            .get_or_init(|| self.content.digest(if self.sha512 { "sha512:" } else { "sha256:" }))
    }

    /// The bytes.
    pub fn content(&self) -> Content {
        self.content.clone()
    }

    pub(super) fn is_foreign(&self) -> bool {
        !self.urls.is_empty()
    }

    pub(super) fn type_or<'a>(&'a self, default: &'a str) -> &'a str {
        self.media_type.as_deref().unwrap_or(default)
    }

    /// The digest before compression; of bytes that are no archive, the digest itself.
    pub(super) fn diff_id(&self) -> &str {
        self.diff_id.as_deref().unwrap_or_else(|| self.digest())
    }

    pub(super) fn descriptor(&self, default_type: &str) -> Value {
        let mut descriptor = json!({
            "mediaType": self.type_or(default_type),
            "digest": self.digest(),
            "size": self.content.len(),
        });
        if self.is_foreign() {
            descriptor["urls"] = self.urls.clone().into();
        }
        if let (true, Some(bytes)) = (self.inline, self.content.bytes()) {
            descriptor["data"] = STANDARD.encode(bytes).into();
        }
        if !self.annotations.is_empty() {
            descriptor["annotations"] = self.annotations.clone().into();
        }
        descriptor
    }
}
