//! Docker Hub's API (`hub.docker.com/v2`): the repositories of a namespace, and their tags with sizes and platforms.

use std::time::Duration;

use http::HeaderValue;
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde_json::json;
use tokio::time::Instant;

use super::{Batch, Cursor, PAGE, Site, time};
use crate::{
    Client, Credential, Entry, EntryKind, Platform, RepositoryName, Result, TagEntry, auth,
    vendor::call::{Call, Show},
};

/// Its tokens live for ten minutes at least.
const TOKEN_LIFE: Duration = Duration::from_mins(8);

#[derive(Deserialize)]
struct Page<T> {
    next: Option<String>,
    #[serde(default = "Vec::new")]
    results: Vec<T>,
}

#[derive(Deserialize)]
struct Organization {
    orgname: String,
}

#[derive(Deserialize)]
struct Repository {
    name: String,
    last_updated: Option<String>,
    date_registered: Option<String>,
    storage_size: Option<u64>,
    is_private: Option<bool>,
}

#[derive(Deserialize)]
struct Tag {
    name: String,
    digest: Option<String>,
    media_type: Option<String>,
    full_size: Option<u64>,
    last_updated: Option<String>,
    #[serde(rename = "tag_last_pushed")]
    pushed: Option<String>,
    #[serde(default)]
    images: Vec<Image>,
}

#[derive(Deserialize)]
struct Image {
    os: Option<String>,
    architecture: Option<String>,
    variant: Option<String>,
    size: Option<u64>,
}

pub(super) async fn entries(
    site: &Site,
    client: &Client,
    namespace: Option<&str>,
    cursor: Option<&Cursor>,
) -> Result<Batch<Entry>> {
    let show = token(site, client).await?;
    let page = Cursor::page(cursor);
    let (number, size) = (page.to_string(), PAGE.to_string());
    let query = [("page", &*number), ("page_size", &*size)];
    let Some(namespace) = namespace else {
        let Show::Header(_) = show else {
            return Err(site.unsupported(
                "Docker Hub lists the repositories of one namespace at a time",
                "Name the namespace: docker.io/library has the official images.",
            ));
        };
        let url = site.at(&["v2", "user", "orgs", ""], &query);
        let call = Call::get("listing the namespaces", url, show);
        let found: Page<Organization> = client.call(site, &call).await?.json()?;
        let own = (page == 1).then(|| user(site, client)).into_iter();
        let mut entries = Vec::new();
        for own in own {
            entries.extend(own.await?.map(|name| Entry::new(name, EntryKind::Namespace)));
        }
        let given = found.results.into_iter();
        entries.extend(given.map(|org| Entry::new(org.orgname, EntryKind::Namespace)));
        let next = found.next.map(|_| Cursor::Page(page + 1));
        return Ok(Batch { entries, next });
    };
    let url = site.at(&["v2", "namespaces", namespace, "repositories"], &query);
    let call = Call::get("listing the repositories", url, show)
        .about(format_args!("{}/{namespace}", site.registry));
    let found: Page<Repository> = client.call(site, &call).await?.json()?;
    let entries = found.results.into_iter().map(|repository| Entry {
        created: time(repository.date_registered.as_deref()),
        updated: time(repository.last_updated.as_deref()),
        size: repository.storage_size,
        public: repository.is_private.map(|private| !private),
        ..Entry::new(format!("{namespace}/{}", repository.name), EntryKind::Repository)
    });
    Ok(Batch { entries: entries.collect(), next: found.next.map(|_| Cursor::Page(page + 1)) })
}

pub(super) async fn tags(
    site: &Site,
    client: &Client,
    name: &RepositoryName,
    cursor: Option<&Cursor>,
) -> Result<Batch<TagEntry>> {
    let show = token(site, client).await?;
    let page = Cursor::page(cursor);
    let (number, size) = (page.to_string(), PAGE.to_string());
    let (namespace, repository) =
        name.as_str().split_once('/').unwrap_or(("library", name.as_str()));
    let url = site.at(
        &["v2", "namespaces", namespace, "repositories", repository, "tags"],
        &[("page", &number), ("page_size", &size)],
    );
    let call =
        Call::get("listing the tags", url, show).about(format_args!("{}/{name}", site.registry));
    let found: Page<Tag> = client.call(site, &call).await?.json()?;
    let entries = found.results.into_iter().map(|tag| {
        let sizes = tag.images.iter().filter_map(|image| image.size).sum::<u64>();
        TagEntry {
            digest: tag.digest.and_then(|digest| digest.parse().ok()),
            media_type: tag.media_type,
            size: if sizes > 0 { Some(sizes) } else { tag.full_size },
            pushed: time(tag.pushed.or(tag.last_updated).as_deref()),
            platforms: tag.images.into_iter().filter_map(Image::platform).collect(),
            ..TagEntry::new(tag.name)
        }
    });
    Ok(Batch { entries: entries.collect(), next: found.next.map(|_| Cursor::Page(page + 1)) })
}

impl Image {
    /// Attestations are listed with the platform `unknown`.
    fn platform(self) -> Option<Platform> {
        let architecture =
            self.architecture.filter(|name| !name.is_empty() && name != "unknown")?;
        Some(Platform {
            os: self.os.unwrap_or_else(|| "linux".into()),
            architecture,
            variant: self.variant.filter(|variant| !variant.is_empty()),
            os_version: None,
        })
    }
}

async fn user(site: &Site, client: &Client) -> Result<Option<String>> {
    let reach = site.reach(client).await?;
    Ok(match &reach.login.current().credential {
        Credential::Basic { username, .. } => Some(username.clone()),
        _ => None,
    })
}

/// The API's token, which user name and password or access token are given for.
async fn token(site: &Site, client: &Client) -> Result<Show> {
    #[derive(Deserialize)]
    struct Given {
        access_token: String,
    }
    let host = client.host_state(&site.registry);
    let reach = site.reach(client).await?;
    let login = reach.login.current();
    let Credential::Basic { username, password } = &login.credential else {
        return Ok(Show::Nothing);
    };
    // one at a time: logins are limited
    let mut kept = host.api_token.lock().await;
    if let Some((header, until)) = &*kept
        && Instant::now() < *until
    {
        return Ok(Show::Header(header.clone()));
    }
    let body = json!({ "identifier": username, "secret": password.expose_secret() });
    let url = site.at(&["v2", "auth", "token"], &[]);
    let call = Call::post("logging in", url, Show::Nothing, &body);
    let given: Given = match client.call(site, &call).await {
        Ok(reply) => reply.json()?,
        Err(error) if matches!(error.http_status(), Some(400 | 401 | 403)) => {
            let message = "Docker Hub's API refused the user name or token";
            return Err(error.becomes(crate::Code::AuthRejected, message));
        }
        Err(error) => return Err(error),
    };
    let header: Option<HeaderValue> = auth::bearer(&given.access_token);
    let Some(header) = header else { return Ok(Show::Nothing) };
    *kept = Some((header.clone(), Instant::now() + TOKEN_LIFE));
    Ok(Show::Header(header))
}
