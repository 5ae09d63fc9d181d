//! Google's registries: what they add to `tags/list` (`child`, and a map of manifests with tags, sizes and times), and
//! the Artifact Registry API for those who sign in with an access token.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Batch, Site, milliseconds};
use crate::{
    Client, Code, Digest, Entry, EntryKind, RepositoryName, Result, Scope, TagEntry,
    listing::{Listing, Paging},
};

#[derive(Deserialize)]
struct Extended<'a> {
    #[serde(borrow)]
    manifest: Option<HashMap<String, &'a RawValue>>,
    child: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Described {
    image_size_bytes: Option<String>,
    media_type: Option<String>,
    time_created_ms: Option<String>,
    time_uploaded_ms: Option<String>,
    #[serde(default)]
    tag: Vec<String>,
}

/// The tags of a page, with what the page tells of them besides.
pub(crate) fn extended(names: Vec<String>, bytes: &[u8]) -> Vec<TagEntry> {
    let mut found = HashMap::new();
    // most registries have no such map, and what is in another's is not ours
    if memchr(bytes)
        && let Ok(Extended { manifest: Some(manifests), .. }) = serde_json::from_slice(bytes)
    {
        for (digest, raw) in manifests {
            let Ok(digest) = digest.parse::<Digest>() else { continue };
            let Ok(image) = serde_json::from_str::<Described>(raw.get()) else { continue };
            let number = |text: Option<&String>| text?.parse::<u64>().ok();
            let at = |text| milliseconds(number(text)?.try_into().ok()?);
            let entry = TagEntry {
                digest: Some(digest),
                size: number(image.image_size_bytes.as_ref()).filter(|size| *size > 0),
                created: at(image.time_created_ms.as_ref()),
                pushed: at(image.time_uploaded_ms.as_ref()),
                media_type: image.media_type,
                ..TagEntry::new("")
            };
            for tag in image.tag {
                found.insert(tag, entry.clone());
            }
        }
    }
    names
        .into_iter()
        .map(|name| match found.remove(&name) {
            Some(entry) => TagEntry { name, ..entry },
            None => TagEntry::new(name),
        })
        .collect()
}

/// Whether a document can have such a map at all.
fn memchr(bytes: &[u8]) -> bool {
    bytes.windows(10).any(|at| at == b"\"manifest\"")
}

/// What is below a project or repository: the children that its list of tags names. The top has none.
pub(super) async fn entries(
    site: &Site,
    client: &Client,
    namespace: Option<&str>,
) -> Result<Option<Batch<Entry>>> {
    let registry = &site.registry;
    let Some(namespace) = namespace else {
        return Err(site.unsupported(
            "Google's registries list what is in a project, and no projects",
            "Name the project, as in HOST/PROJECT, or HOST/PROJECT/REPOSITORY.",
        ));
    };
    let Ok(name) = namespace.parse::<RepositoryName>() else { return Ok(None) };
    let listing = Listing {
        what: "listing the repositories",
        repository: Some(&name),
        side: None,
        scope: Scope::Side,
        path: "tags/list",
        absent: &[],
        limit: usize::MAX,
        reference: Some(format!("{registry}/{namespace}")),
    };
    let page = client.list_page(registry, &listing, &mut Paging::default()).await?;
    let Some(page) = page else { return Ok(Some(Batch::whole(Vec::new()))) };
    let children = serde_json::from_slice::<Extended<'_>>(&page.bytes).ok().and_then(|it| it.child);
    let Some(children) = children else {
        let why = "the registry does not tell what is in a project";
        return Err(crate::Error::new(Code::CatalogUnsupported, why).registry(registry));
    };
    let entries = children
        .into_iter()
        .map(|child| Entry::new(format!("{namespace}/{child}"), EntryKind::Either));
    Ok(Some(Batch::whole(entries.collect())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_map_of_manifests_is_read_as_far_as_it_is_one() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let page = format!(
            r#"{{"name":"p/a","tags":["v1","v2","odd"],"child":[],"manifest":{{
                "{digest}":{{"imageSizeBytes":"123","layerId":"","mediaType":"m","tag":["v1","latest"],
                    "timeCreatedMs":"1700000000000","timeUploadedMs":"0"}},
                "no digest":{{"tag":["v2"]}}, "sha256:{}":{{"tag":"odd"}} }}}}"#,
            "b".repeat(64)
        );
        let names = ["v1", "v2", "odd"].map(str::to_owned).to_vec();
        let tags = extended(names, page.as_bytes());
        assert_eq!(tags[0].digest.as_ref().unwrap().to_string(), digest);
        assert_eq!((tags[0].size, tags[0].media_type.as_deref()), (Some(123), Some("m")));
        assert_eq!(tags[0].created.unwrap().as_second(), 1_700_000_000);
        assert_eq!(tags[0].pushed, None);
        assert_eq!(tags[1..], [TagEntry::new("v2"), TagEntry::new("odd")]);
    }
}
