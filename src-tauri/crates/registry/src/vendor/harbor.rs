//! Harbor's API (`/api/v2.0`): projects, their repositories, and artifacts with their tags. It wants user name and
//! password with each request.

use serde::Deserialize;

use super::{Batch, Cursor, PAGE, Site, call::Call, time};
use crate::{Client, Entry, EntryKind, Platform, RepositoryName, Result, TagEntry};

#[derive(Deserialize)]
struct Project {
    name: String,
    repo_count: Option<u64>,
    creation_time: Option<String>,
    metadata: Option<Metadata>,
}

#[derive(Deserialize)]
struct Metadata {
    public: Option<String>,
}

#[derive(Deserialize)]
struct Repository {
    name: String,
    artifact_count: Option<u64>,
    creation_time: Option<String>,
    update_time: Option<String>,
}

#[derive(Deserialize)]
struct Artifact {
    digest: Option<String>,
    size: Option<u64>,
    push_time: Option<String>,
    manifest_media_type: Option<String>,
    tags: Option<Vec<Tag>>,
    extra_attrs: Option<Attributes>,
    references: Option<Vec<Child>>,
    accessories: Option<Vec<Accessory>>,
}

#[derive(Deserialize)]
struct Tag {
    name: String,
    push_time: Option<String>,
}

#[derive(Deserialize)]
struct Attributes {
    os: Option<String>,
    architecture: Option<String>,
    created: Option<String>,
}

#[derive(Deserialize)]
struct Child {
    platform: Option<Described>,
}

#[derive(Deserialize)]
struct Described {
    #[serde(default)]
    os: String,
    #[serde(default)]
    architecture: String,
    variant: Option<String>,
}

#[derive(Deserialize)]
struct Accessory {
    r#type: Option<String>,
}

pub(super) async fn entries(
    site: &Site,
    client: &Client,
    namespace: Option<&str>,
    cursor: Option<&Cursor>,
) -> Result<Batch<Entry>> {
    let show = site.own_show(client).await?;
    let page = Cursor::page(cursor);
    let (number, size) = (page.to_string(), PAGE.to_string());
    let query = [("page", &*number), ("page_size", &*size)];
    let Some(namespace) = namespace else {
        let url = site.at(&["api", "v2.0", "projects"], &query);
        let call = Call::get("listing the projects", url, show);
        let found: Vec<Project> = client.call(site, &call).await?.json()?;
        let given = found.len();
        let entries = found.into_iter().map(|project| Entry {
            created: time(project.creation_time.as_deref()),
            count: project.repo_count,
            public: project.metadata.and_then(|data| data.public).map(|text| text == "true"),
            ..Entry::new(project.name, EntryKind::Namespace)
        });
        return Ok(Batch::counted(entries.collect(), given, page));
    };
    let (project, below) = namespace.split_once('/').unwrap_or((namespace, ""));
    let url = site.at(&["api", "v2.0", "projects", project, "repositories"], &query);
    let call = Call::get("listing the repositories", url, show)
        .about(format_args!("{}/{namespace}", site.registry));
    let found: Vec<Repository> = client.call(site, &call).await?.json()?;
    let given = found.len();
    let inside = format!("{namespace}/");
    let entries = found
        .into_iter()
        .filter(|repository| below.is_empty() || repository.name.starts_with(&inside))
        .map(|repository| Entry {
            created: time(repository.creation_time.as_deref()),
            updated: time(repository.update_time.as_deref()),
            count: repository.artifact_count,
            ..Entry::new(repository.name, EntryKind::Repository)
        });
    Ok(Batch::counted(entries.collect(), given, page))
}

pub(super) async fn tags(
    site: &Site,
    client: &Client,
    name: &RepositoryName,
    cursor: Option<&Cursor>,
) -> Result<Batch<TagEntry>> {
    let show = site.own_show(client).await?;
    let page = Cursor::page(cursor);
    let (number, size) = (page.to_string(), PAGE.to_string());
    let (project, repository) = name.as_str().split_once('/').unwrap_or((name.as_str(), ""));
    // slashes are encoded twice here
    let repository = repository.replace('/', "%2F");
    let url = site.at(
        &["api", "v2.0", "projects", project, "repositories", &repository, "artifacts"],
        &[
            ("q", "tags=*"),
            ("with_tag", "true"),
            ("with_accessory", "true"),
            ("page", &number),
            ("page_size", &size),
        ],
    );
    let call =
        Call::get("listing the tags", url, show).about(format_args!("{}/{name}", site.registry));
    let found: Vec<Artifact> = client.call(site, &call).await?.json()?;
    let given = found.len();
    Ok(Batch::counted(found.into_iter().flat_map(Artifact::tags).collect(), given, page))
}

impl Artifact {
    fn tags(self) -> Vec<TagEntry> {
        let platforms = self.platforms();
        let accessories = self.accessories.unwrap_or_default();
        let signed = accessories
            .iter()
            .any(|one| one.r#type.as_deref().is_some_and(|kind| kind.starts_with("signature.")));
        let created = self.extra_attrs.and_then(|attributes| attributes.created);
        let digest = self.digest.and_then(|digest| digest.parse().ok());
        let tags = self.tags.unwrap_or_default().into_iter();
        tags.map(|tag| TagEntry {
            digest: digest.clone(),
            media_type: self.manifest_media_type.clone(),
            size: self.size,
            created: time(created.as_deref()),
            pushed: time(tag.push_time.as_deref().or(self.push_time.as_deref())),
            platforms: platforms.clone(),
            signed: Some(signed),
            ..TagEntry::new(tag.name)
        })
        .collect()
    }

    fn platforms(&self) -> Vec<Platform> {
        let children = self.references.iter().flatten().filter_map(|child| child.platform.as_ref());
        let mut platforms: Vec<Platform> = children
            .filter(|platform| platform.architecture != "unknown" && !platform.os.is_empty())
            .map(|platform| Platform {
                os: platform.os.clone(),
                architecture: platform.architecture.clone(),
                variant: platform.variant.clone().filter(|variant| !variant.is_empty()),
                os_version: None,
            })
            .collect();
        if platforms.is_empty()
            && let Some(Attributes { os: Some(os), architecture: Some(architecture), .. }) =
                &self.extra_attrs
        {
            platforms.push(Platform {
                os: os.clone(),
                architecture: architecture.clone(),
                ..Platform::default()
            });
        }
        platforms
    }
}
