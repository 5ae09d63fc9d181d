//! Quay's API (`/api/v1`). It takes OAuth tokens of applications (user name `$oauthtoken`), and nobody's requests for
//! what is public; robots' passwords are for pulling and pushing alone.

use serde::Deserialize;

use super::{Batch, Cursor, PAGE, Site, time};
use crate::{
    Client, Entry, EntryKind, RepositoryName, Result, TagEntry,
    vendor::call::{Call, Show},
};

#[derive(Deserialize)]
struct User {
    username: Option<String>,
    #[serde(default)]
    organizations: Vec<Named>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[derive(Deserialize)]
struct Repositories {
    repositories: Vec<Repository>,
    next_page: Option<String>,
}

#[derive(Deserialize)]
struct Repository {
    namespace: String,
    name: String,
    is_public: Option<bool>,
    last_modified: Option<i64>,
}

#[derive(Deserialize)]
struct Tags {
    tags: Vec<Tag>,
    #[serde(default)]
    has_additional: bool,
}

#[derive(Deserialize)]
struct Tag {
    name: String,
    manifest_digest: Option<String>,
    size: Option<u64>,
    start_ts: Option<i64>,
    last_modified: Option<String>,
}

async fn show(site: &Site, client: &Client) -> Result<Show> {
    let token = site.own_token(client).await?;
    Ok(match token {
        Some((user, show)) if user == "$oauthtoken" || user.is_empty() => show,
        _ => Show::Nothing,
    })
}

pub(super) async fn entries(
    site: &Site,
    client: &Client,
    namespace: Option<&str>,
    cursor: Option<&Cursor>,
) -> Result<Batch<Entry>> {
    let show = show(site, client).await?;
    let Some(namespace) = namespace else {
        let Show::Header(_) = show else {
            return Err(site.unsupported(
                "Quay lists the repositories of one namespace at a time; all of one's own it lists for OAuth tokens alone",
                "Name the namespace, as in HOST/NAMESPACE, or sign in with an OAuth token (user name $oauthtoken).",
            ));
        };
        let call =
            Call::get("listing the namespaces", site.at(&["api", "v1", "user", ""], &[]), show);
        let user: User = client.call(site, &call).await?.json()?;
        let names = user.username.into_iter().chain(user.organizations.into_iter().map(|o| o.name));
        return Ok(Batch::whole(
            names.map(|name| Entry::new(name, EntryKind::Namespace)).collect(),
        ));
    };
    let mut query = vec![("namespace", namespace), ("public", "true"), ("last_modified", "true")];
    query.extend(Cursor::token(cursor).map(|token| ("next_page", token)));
    let call =
        Call::get("listing the repositories", site.at(&["api", "v1", "repository"], &query), show)
            .about(format_args!("{}/{namespace}", site.registry));
    let found: Repositories = client.call(site, &call).await?.json()?;
    let entries = found.repositories.into_iter().map(|repository| Entry {
        updated: repository.last_modified.and_then(|at| super::milliseconds(at.checked_mul(1000)?)),
        public: repository.is_public,
        ..Entry::new(format!("{}/{}", repository.namespace, repository.name), EntryKind::Repository)
    });
    Ok(Batch::by_token(entries.collect(), found.next_page))
}

pub(super) async fn tags(
    site: &Site,
    client: &Client,
    name: &RepositoryName,
    cursor: Option<&Cursor>,
) -> Result<Batch<TagEntry>> {
    let show = show(site, client).await?;
    let page = Cursor::page(cursor);
    let (number, size) = (page.to_string(), PAGE.to_string());
    let mut segments = vec!["api", "v1", "repository"];
    segments.extend(name.as_str().split('/'));
    segments.extend(["tag", ""]);
    let query = [("limit", &*size), ("page", &*number), ("onlyActiveTags", "true")];
    let call = Call::get("listing the tags", site.at(&segments, &query), show)
        .about(format_args!("{}/{name}", site.registry));
    let found: Tags = client.call(site, &call).await?.json()?;
    let entries = found.tags.into_iter().map(|tag| TagEntry {
        digest: tag.manifest_digest.and_then(|digest| digest.parse().ok()),
        // of an index it tells none, or 0
        size: tag.size.filter(|size| *size > 0),
        pushed: tag
            .start_ts
            .and_then(|at| super::milliseconds(at.checked_mul(1000)?))
            .or_else(|| time(tag.last_modified.as_deref())),
        ..TagEntry::new(tag.name)
    });
    let next = found.has_additional.then_some(Cursor::Page(page + 1));
    Ok(Batch { entries: entries.collect(), next })
}
