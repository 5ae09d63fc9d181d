//! Artifactory: its docker repositories (keys), and the catalogue of each at `/artifactory/api/docker/<key>/v2/`.

use serde::Deserialize;

use super::{Batch, Cursor, PAGE, Site};
use crate::{
    Client, Entry, EntryKind, Result,
    vendor::call::{Call, Show},
};

#[derive(Deserialize)]
struct Key {
    key: String,
}

#[derive(Deserialize)]
struct Catalog {
    #[serde(default)]
    repositories: Vec<String>,
}

pub(super) async fn entries(
    site: &Site,
    client: &Client,
    namespace: Option<&str>,
    cursor: Option<&Cursor>,
) -> Result<Batch<Entry>> {
    let show: Show = site.own_show(client).await?;
    let Some(namespace) = namespace else {
        let url = site.at(&["artifactory", "api", "repositories"], &[("packageType", "docker")]);
        let call = Call::get("listing the repository keys", url, show);
        let found: Vec<Key> = client.call(site, &call).await?.json()?;
        let entries = found.into_iter().map(|key| Entry::new(key.key, EntryKind::Namespace));
        return Ok(Batch::whole(entries.collect()));
    };
    let (key, below) = namespace.split_once('/').unwrap_or((namespace, ""));
    let size = PAGE.to_string();
    let mut query = vec![("n", &*size)];
    query.extend(Cursor::token(cursor).map(|last| ("last", last)));
    let url = site.at(&["artifactory", "api", "docker", key, "v2", "_catalog"], &query);
    let call = Call::get("listing the repositories", url, show)
        .about(format_args!("{}/{namespace}", site.registry));
    let found: Catalog = client.call(site, &call).await?.json()?;
    let last = found.repositories.last().cloned();
    let full = found.repositories.len() >= PAGE;
    let inside = format!("{below}/");
    let entries = found
        .repositories
        .into_iter()
        .filter(|name| below.is_empty() || name.starts_with(&inside))
        .map(|name| Entry::new(format!("{key}/{name}"), EntryKind::Repository));
    Ok(Batch { entries: entries.collect(), next: last.filter(|_| full).map(Cursor::Token) })
}
