//! Azure's additions to the distribution API (`/acr/v1`): tags with digests and times. They take the registry's own
//! tokens.

use http::Method;
use serde::Deserialize;

use super::{Batch, Cursor, PAGE, Site, time};
use crate::{Ask, Client, Code, Place, RepositoryName, Result, TagEntry};

/// The largest page that is read.
const LARGEST: usize = 16 * 1024 * 1024;

#[derive(Deserialize)]
struct Tags {
    #[serde(default)]
    tags: Option<Vec<Tag>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Tag {
    name: String,
    digest: Option<String>,
    created_time: Option<String>,
    last_update_time: Option<String>,
    signed: Option<bool>,
}

pub(super) async fn tags(
    site: &Site,
    client: &Client,
    name: &RepositoryName,
    cursor: Option<&Cursor>,
) -> Result<Batch<TagEntry>> {
    let (path, size) = (format!("acr/v1/{name}/_tags"), PAGE.to_string());
    let mut query = vec![("n", &*size)];
    query.extend(Cursor::token(cursor).map(|last| ("last", last)));
    let place = Place::Root { path: &path, query: &query };
    let mut ask = Ask::new("listing the tags", Method::GET, place);
    ask.reference = Some(format!("{}/{name}", site.registry));
    let mut answer = client.send_as(&site.registry, Some(name), None, ask).await?;
    let bytes = answer.bytes(LARGEST).await?;
    let found: Tags = serde_json::from_slice(&bytes).map_err(|error| {
        answer.error(Code::RegistryRefused, "the answer is no list of tags").cause(&error)
    })?;
    let found = found.tags.unwrap_or_default();
    let last = found.last().map(|tag| tag.name.clone());
    let more = found.len() >= PAGE || answer.headers.contains_key(http::header::LINK);
    let entries = found.into_iter().map(|tag| TagEntry {
        digest: tag.digest.and_then(|digest| digest.parse().ok()),
        created: time(tag.created_time.as_deref()),
        pushed: time(tag.last_update_time.as_deref()),
        // false is said of every image whose signatures are newer than Docker's own
        signed: tag.signed.filter(|signed| *signed),
        ..TagEntry::new(tag.name)
    });
    Ok(Batch { entries: entries.collect(), next: last.filter(|_| more).map(Cursor::Token) })
}
