//! GitLab's API (`/api/v4`): the projects that one is a member of, and the repositories of a project or group. It takes
//! personal, group and project access tokens; deploy tokens are for pulling and pushing alone.

use serde::Deserialize;

use super::{Batch, Cursor, PAGE, Site, time};
use crate::{
    Client, Code, Entry, EntryKind, Result,
    vendor::call::{Call, Reply, Show},
};

#[derive(Deserialize)]
struct Project {
    path_with_namespace: String,
    created_at: Option<String>,
    last_activity_at: Option<String>,
}

#[derive(Deserialize)]
struct Repository {
    path: String,
    created_at: Option<String>,
    tags_count: Option<u64>,
}

pub(super) async fn entries(
    site: &Site,
    client: &Client,
    namespace: Option<&str>,
    cursor: Option<&Cursor>,
) -> Result<Batch<Entry>> {
    let show = site.own_token(client).await?.map_or(Show::Nothing, |(_, show)| show);
    let page = Cursor::page(cursor).to_string();
    let size = PAGE.to_string();
    let paged = [("per_page", &*size), ("page", &*page)];
    let Some(namespace) = namespace else {
        let Show::Header(_) = show else {
            return Err(site.unsupported(
                "GitLab lists the projects of those who sign in",
                "Name the project, as in HOST/GROUP/PROJECT, or sign in with an access token that may read_api.",
            ));
        };
        let mut query = vec![("membership", "true"), ("simple", "true"), ("order_by", "id")];
        query.extend(paged);
        let url = site.at(&["api", "v4", "projects"], &query);
        let reply = client.call(site, &Call::get("listing the projects", url, show)).await?;
        let found: Vec<Project> = reply.json()?;
        let entries = found.into_iter().map(|project| Entry {
            created: time(project.created_at.as_deref()),
            updated: time(project.last_activity_at.as_deref()),
            // names of repositories are lower case, whatever the project's path is
            ..Entry::new(project.path_with_namespace.to_lowercase(), EntryKind::Namespace)
        });
        return Ok(Batch { entries: entries.collect(), next: next(&reply) });
    };
    let mut query = vec![("tags_count", "true")];
    query.extend(paged);
    let call = |kind: &str| {
        let url = site.at(&["api", "v4", kind, namespace, "registry", "repositories"], &query);
        Call::get("listing the repositories", url, show.clone())
            .about(format_args!("{}/{namespace}", site.registry))
    };
    let reply = match client.call(site, &call("projects")).await {
        // it may be a group
        Err(error) if error.code() == Code::RefNotFound => {
            client.call(site, &call("groups")).await?
        }
        reply => reply?,
    };
    let found: Vec<Repository> = reply.json()?;
    let entries = found.into_iter().map(|repository| Entry {
        created: time(repository.created_at.as_deref()),
        count: repository.tags_count,
        ..Entry::new(repository.path, EntryKind::Repository)
    });
    Ok(Batch { entries: entries.collect(), next: next(&reply) })
}

fn next(reply: &Reply) -> Option<Cursor> {
    reply.header("x-next-page")?.trim().parse().ok().map(Cursor::Page)
}
