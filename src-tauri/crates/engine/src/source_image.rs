//! A source image as it is read: its digest by HEAD where that is enough, its manifest once where it is not, and what
//! the platform filter and the policy make of it. Whatever is learnt first pins the image: a tag that moves meanwhile
//! does not matter.

use std::sync::{Arc, atomic::Ordering};

use registry::{
    Code, Descriptor, Digest, Error, Manifest, ManifestKind, Platform, Result, Side, Target,
};
use serde::Deserialize;
use tokio::sync::OnceCell;

use crate::{Attestations, run::Run, tree::Root, unit::Unit};

/// The largest config that is read for its platform.
const LARGEST_CONFIG: u64 = 8 << 20;

/// A source image, asked for once however many destinations want to know.
pub(crate) struct SourceImage {
    run: Arc<Run>,
    unit: Arc<Unit>,
    head: OnceCell<Result<Digest>>,
    chosen: OnceCell<Result<Chosen>>,
}

/// What is to be copied of a source image.
#[derive(Clone, Debug)]
pub(crate) struct Chosen {
    /// The digest at the source.
    pub(crate) source: Digest,
    pub(crate) what: What,
}

/// What the platform filter and the policy leave.
#[derive(Clone, Debug)]
pub(crate) enum What {
    /// This manifest, which may be a rewritten index.
    Manifest(Root),
    /// Nothing, for this reason, and that is no fault.
    NoMatch(String),
}

/// A config blob, or a schema 1 manifest, as far as it tells the platform.
#[derive(Deserialize)]
struct Config {
    os: Option<String>,
    architecture: Option<String>,
    variant: Option<String>,
    #[serde(rename = "os.version")]
    os_version: Option<String>,
}

impl SourceImage {
    pub(crate) fn new(run: Arc<Run>, unit: Arc<Unit>) -> Self {
        // a list of tags may have told it
        let head = OnceCell::new_with(unit.source.listed(&unit.target).map(Ok));
        Self { run, unit, head, chosen: OnceCell::new() }
    }

    /// Its digest, by HEAD unless it is known.
    pub(crate) async fn digest(&self) -> Result<Digest> {
        self.digest_unless(None).await
    }

    /// The same, where it may well be what stands at a destination.
    pub(crate) async fn digest_unless(&self, standing: Option<&Digest>) -> Result<Digest> {
        if let Target::Digest(digest) = &self.unit.target {
            return Ok(digest.clone());
        }
        if let Some(Ok(chosen)) = self.chosen.get() {
            return Ok(chosen.source.clone());
        }
        self.head.get_or_init(|| self.ask(standing)).await.clone()
    }

    async fn ask(&self, standing: Option<&Digest>) -> Result<Digest> {
        let source = &self.unit.source.repository;
        let target = &self.unit.target;
        let head = source.head_manifest_unless(target, standing);
        match self.run.unless_stopped(head).await? {
            Some(head) => Ok(head.digest),
            None => Err(Error::new(Code::RefNotFound, "there is no such image")
                .on(Side::Source)
                .registry(source.registry())
                .reference(source.reference(target))),
        }
    }

    /// Whether what is to be copied may be another manifest than the source's, or a part of it alone.
    pub(crate) fn is_narrowed(&self) -> bool {
        !self.unit.filter.is_empty() || self.run.policy.attestations == Attestations::Strip
    }

    /// What is to be copied where the destination refuses attestations; `None` where that is nothing else.
    pub(crate) async fn bare(&self) -> Result<Option<Root>> {
        if self.run.policy.attestations != Attestations::Auto {
            return Ok(None);
        }
        let What::Manifest(root) = self.chosen().await?.what else { return Ok(None) };
        root.without_attestations(self.run.policy.index).map_err(|error| self.place(error))
    }

    /// What is to be copied.
    pub(crate) async fn chosen(&self) -> Result<Chosen> {
        self.chosen.get_or_init(|| self.choose()).await.clone()
    }

    async fn choose(&self) -> Result<Chosen> {
        let manifest = self.read().await?;
        let source = manifest.digest().clone();
        let filter = &*self.unit.filter;
        let strip = self.run.policy.attestations == Attestations::Strip;
        let what = if matches!(manifest.kind(), ManifestKind::Index { .. }) {
            let keep = |entry: &Descriptor| {
                let fits = || entry.platform.as_ref().is_none_or(|p| filter.keeps(p));
                !(strip && entry.holds_attestation()) && (entry.is_attestation() || fits())
            };
            let root = Root::from(manifest);
            let left = root.retain(&keep, self.run.policy.index);
            match left.map_err(|error| self.place(error))? {
                Some(root) => What::Manifest(root),
                None if filter.is_empty() => {
                    What::NoMatch("the index has nothing but attestations".to_owned())
                }
                None => return Err(self.none()),
            }
        } else if filter.is_empty() {
            What::Manifest(manifest.into())
        } else {
            match self.platform(&manifest).await? {
                Some(platform) if !filter.keeps(&platform) => What::NoMatch(format!(
                    "single-platform image {platform} does not match {filter}"
                )),
                _ => What::Manifest(manifest.into()),
            }
        };
        Ok(Chosen { source, what })
    }

    /// The manifest, by the digest that a HEAD told, if one did.
    async fn read(&self) -> Result<Arc<Manifest>> {
        let source = &self.unit.source.repository;
        if let Some(Ok(digest)) = self.head.get() {
            match self.run.manifests.get(&self.run, source, digest).await {
                // the tag moved and what it named is gone; or the header told a wrong digest
                Err(error) if error.code() == Code::RefNotFound => {}
                got => return got,
            }
        }
        let get = source.get_manifest(&self.unit.target);
        self.run.unless_stopped(get).await.map(Arc::new)
    }

    /// The platform of an image that is no index; an artifact has none.
    async fn platform(&self, manifest: &Manifest) -> Result<Option<Platform>> {
        let text = match manifest.kind() {
            ManifestKind::Image { config: Some(config), .. } if is_image_config(config) => {
                let source = &self.unit.source.repository;
                let read = source.get_blob(config, LARGEST_CONFIG);
                let text = self.run.unless_stopped(read).await?;
                self.run.board.tally().read.fetch_add(text.len() as u64, Ordering::Relaxed);
                text
            }
            ManifestKind::Schema1 { .. } => manifest.bytes().clone(),
            _ => return Ok(None),
        };
        let config: Config = serde_json::from_slice(&text).map_err(|error| {
            let error =
                Error::new(Code::ManifestInvalid, "the image's config is no JSON").cause(&error);
            self.place(error)
        })?;
        Ok(config.architecture.map(|architecture| Platform {
            os: config.os.unwrap_or_else(|| "linux".to_owned()),
            architecture,
            variant: config.variant,
            os_version: config.os_version,
        }))
    }

    fn none(&self) -> Error {
        let what = format!("no platform of the image matches {}", self.unit.filter);
        self.place(Error::new(Code::PlatformNone, what))
    }

    fn place(&self, error: Error) -> Error {
        let source = &self.unit.source.repository;
        error
            .on(Side::Source)
            .registry(source.registry())
            .reference(source.reference(&self.unit.target))
    }
}

fn is_image_config(config: &Descriptor) -> bool {
    matches!(
        config.media_type.as_str(),
        "application/vnd.oci.image.config.v1+json"
            | "application/vnd.docker.container.image.v1+json"
    )
}
