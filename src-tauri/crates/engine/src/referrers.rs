//! What refers to an image (signatures, attestations, bills of materials) and comes along with it: OCI referrers, found
//! by the registry's API or the tag schema, and cosign's `sha256-….sig`, `.att` and `.sbom` tags; and what refers to
//! those in turn.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex},
};

use registry::{Code, Digest, Error, Manifest, ManifestKind, MediaType, Result, Side, Tag, Target};
use serde_json::{Value, json};

use crate::{
    place::{Place, SourceRepository},
    row::lock,
    run::Run,
    tree::Tree,
};

/// The endings of cosign's tags.
const COSIGN: [&str; 3] = ["sig", "att", "sbom"];
/// How many manifests may come along with one image before it is taken for a loop.
const MOST: usize = 1000;
/// How often an index that another program changes meanwhile is written.
const INDEX_TRIES: u32 = 4;

/// Something that refers to an image.
#[derive(Debug)]
pub(crate) struct Referrer {
    pub(crate) tree: Tree,
    /// What it is put as.
    pub(crate) target: Target,
}

impl Referrer {
    /// What its root refers to.
    pub(crate) fn subject(&self) -> Option<&Digest> {
        let (ManifestKind::Image { subject, .. } | ManifestKind::Index { subject, .. }) =
            self.tree.root.manifest.kind()
        else {
            return None;
        };
        subject.as_ref().map(|subject| &subject.digest)
    }
}

/// Whether a tag is the tag schema's index of referrers, which is written entry by entry and never copied.
pub(crate) fn is_index_tag(tag: &Tag) -> bool {
    tag.as_str().strip_prefix("sha256-").is_some_and(|hex| {
        hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase())
    })
}

/// Finds everything that refers to these manifests, or to what refers to them.
pub(crate) async fn find(
    run: &Run,
    source: &SourceRepository,
    subjects: impl IntoIterator<Item = Digest>,
) -> Result<Vec<Referrer>> {
    let tags: HashSet<Tag> =
        run.unless_stopped(source.tags()).await?.tags.iter().cloned().collect();
    let repository = &source.repository;
    let mut queue: VecDeque<Digest> = subjects.into_iter().collect();
    let mut asked = HashSet::new();
    let mut seen = HashSet::new();
    let mut found = Vec::new();
    while let Some(subject) = queue.pop_front() {
        if !asked.insert(subject.clone()) {
            continue;
        }
        let mut roots = Vec::new();
        for entry in run.unless_stopped(repository.referrers(&subject)).await? {
            let target = Target::Digest(entry.digest.clone());
            roots.push((target, run.manifests.get(run, repository, &entry.digest).await?));
        }
        for tag in cosign_tags(&subject).filter(|tag| tags.contains(tag)) {
            let target = Target::Tag(tag);
            let manifest = run.unless_stopped(repository.get_manifest(&target)).await?;
            roots.push((target, Arc::new(manifest)));
        }
        for (target, root) in roots {
            if !seen.insert(target.clone()) {
                continue;
            }
            if found.len() == MOST {
                return Err(Error::new(Code::ManifestInvalid, "too many manifests refer to it")
                    .on(Side::Source)
                    .registry(repository.registry())
                    .reference(repository.reference(&Target::Digest(subject))));
            }
            let tree = Tree::read(run, repository, root.into()).await?;
            queue.extend(tree.manifests().map(|manifest| manifest.digest().clone()));
            found.push(Referrer { tree, target });
        }
    }
    Ok(found)
}

fn cosign_tags(subject: &Digest) -> impl Iterator<Item = Tag> {
    let stem = format!("{}-{}", subject.algorithm().as_str(), subject.hex());
    COSIGN.iter().filter_map(move |ending| format!("{stem}.{ending}").parse().ok())
}

/// Indexes of referrers that are being written, so that no entry is lost.
#[derive(Debug, Default)]
pub(crate) struct Indexes(Mutex<HashMap<(usize, Digest), Turn>>);

type Turn = Arc<tokio::sync::Mutex<()>>;

impl Indexes {
    /// Enters a manifest into the tag schema's index of its subject, at a registry that does not keep referrers itself.
    pub(crate) async fn enter(
        &self,
        run: &Run,
        place: &Place,
        subject: &Digest,
        manifest: &Manifest,
    ) -> Result<()> {
        let turn = lock(&self.0).entry((place.index, subject.clone())).or_default().clone();
        let _turn = turn.lock().await;
        // a tag has at most 128 characters
        let hex: String = subject.hex().chars().take(64).collect();
        let tag = format!("{}-{hex}", subject.algorithm().as_str());
        let tag: Tag = tag.parse().map_err(|error| {
            Error::new(Code::Internal, "no tag for the index of referrers").cause(&error)
        })?;
        let target = Target::Tag(tag);
        // read again after each write: another program may have written meanwhile
        for _ in 0..INDEX_TRIES {
            let stands = match run.unless_stopped(place.repository.get_manifest(&target)).await {
                Ok(stands) => Some(stands),
                Err(error) if error.code() == Code::RefNotFound => None,
                Err(error) => return Err(error),
            };
            let index = with_entry(stands.as_ref(), manifest).map_err(|error| {
                let repository = &place.repository;
                error
                    .on(Side::Destination)
                    .registry(place.registry())
                    .reference(repository.reference(&target))
            })?;
            let Some(index) = index else { return Ok(()) };
            let digest = Digest::sha256(&index);
            let put =
                place.repository.put_manifest(&target, &MediaType::OciIndex, index.into(), &digest);
            run.unless_stopped(put).await?;
        }
        Err(Error::new(Code::ManifestRejected, "others keep replacing the index of referrers")
            .on(Side::Destination)
            .registry(place.registry())
            .reference(place.repository.reference(&target)))
    }
}

/// The index with an entry for the manifest; `None` when it has one. A tag of that name that is something else is
/// somebody's, and left as it is.
fn with_entry(stands: Option<&Manifest>, manifest: &Manifest) -> Result<Option<Vec<u8>>> {
    let rubbish = |error: serde_json::Error| {
        Error::new(Code::ManifestInvalid, "the index of referrers is damaged").cause(&error)
    };
    if let Some(stands) = stands
        && !matches!(stands.kind(), ManifestKind::Index { .. })
    {
        let message = format!(
            "the tag that is to list what refers to the image is taken by something that is no index ({})",
            stands.media_type()
        );
        return Err(Error::new(Code::ManifestInvalid, message)
            .hint("Remove that tag at the destination, or copy without referrers."));
    }
    let mut index = match stands {
        Some(stands) => serde_json::from_slice(stands.bytes()).map_err(rubbish)?,
        None => json!({
            "schemaVersion": 2,
            "mediaType": MediaType::OciIndex.as_str(),
            "manifests": [],
        }),
    };
    if !index["manifests"].is_array() {
        index["manifests"] = json!([]);
    }
    if let Some(entries) = index["manifests"].as_array_mut() {
        if entries.iter().any(|entry| entry["digest"] == manifest.digest().as_str()) {
            return Ok(None);
        }
        entries.push(entry(manifest).map_err(rubbish)?);
    }
    serde_json::to_vec(&index).map(Some).map_err(rubbish)
}

fn entry(manifest: &Manifest) -> serde_json::Result<Value> {
    let mut entry = json!({
        "mediaType": manifest.media_type().as_str(),
        "digest": manifest.digest(),
        "size": manifest.bytes().len(),
    });
    let document: Value = serde_json::from_slice(manifest.bytes())?;
    if let ManifestKind::Image { artifact_type: Some(kind), .. } = manifest.kind() {
        entry["artifactType"] = json!(kind);
    } else if document["artifactType"].is_string() {
        entry["artifactType"] = document["artifactType"].clone();
    }
    if document["annotations"].is_object() {
        entry["annotations"] = document["annotations"].clone();
    }
    Ok(entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_of_the_schema() {
        let hex = "0123456789abcdef".repeat(4);
        let tag = |text: String| text.parse::<Tag>().unwrap();
        assert!(is_index_tag(&tag(format!("sha256-{hex}"))));
        assert!(!is_index_tag(&tag(format!("sha256-{hex}.sig"))));
        assert!(!is_index_tag(&tag("sha256-abc".into())));
        let digest: Digest = format!("sha256:{hex}").parse().unwrap();
        let tags: Vec<_> = cosign_tags(&digest).map(|tag| tag.to_string()).collect();
        assert_eq!(tags[0], format!("sha256-{hex}.sig"));
        assert_eq!(tags.len(), 3);
    }

    #[test]
    fn an_index_gets_an_entry_once() {
        let text = br#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",
            "artifactType":"application/x-sig","config":{"mediaType":"application/vnd.oci.empty.v1+json",
            "digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},
            "layers":[],"annotations":{"who":"me"}}"#;
        let manifest = Manifest::parse(text.to_vec().into(), None, None).unwrap();
        let index = with_entry(None, &manifest).unwrap().unwrap();
        let read: Value = serde_json::from_slice(&index).unwrap();
        assert_eq!(read["manifests"][0]["artifactType"], "application/x-sig");
        assert_eq!(read["manifests"][0]["annotations"]["who"], "me");
        assert_eq!(read["manifests"][0]["size"], text.len());
        let stands = Manifest::parse(index.into(), None, None).unwrap();
        assert!(with_entry(Some(&stands), &manifest).unwrap().is_none());
        // an image under that tag is not overwritten
        let error = with_entry(Some(&manifest), &manifest).unwrap_err();
        assert_eq!(error.code(), Code::ManifestInvalid);
        assert!(error.message().contains("is no index"), "{error}");
    }
}
