//! Looking around at a registry: what repositories it has, what tags these have, and what is told of them; page by
//! page, so that nothing is read that nobody looks at. Dropping [`Pages`] ends it.
//!
//! Where a vendor has an API of its own that tells more, or lists where the distribution API refuses, it is asked
//! first ([`crate::vendor`]).

use std::{
    collections::HashSet,
    fmt,
    hash::{BuildHasher as _, RandomState},
};

use async_trait::async_trait;
use jiff::Timestamp;
use serde::Serialize;

use crate::{
    Client, Code, Digest, Error, Platform, Registry, RepositoryName, Result, Scope,
    listing::{Listing, Paging},
    vendor::{Batch, Cursor, Site, google},
};

/// Where a list that does not end is given up.
const MOST_PAGES: usize = 10_000;
/// So many pages in a row without anything to show are no list any more.
const MOST_BARREN: usize = 200;

/// What an entry of a list of repositories is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// Repositories are below it.
    Namespace,
    /// It has tags.
    Repository,
    /// It may have tags, and repositories below it.
    Either,
}

/// A namespace or repository as it is listed. The name is as the registry gives it and may be anything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// The whole path within the registry.
    pub name: String,
    /// What it is.
    pub kind: EntryKind,
    /// When it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
    /// When something was last pushed to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated: Option<Timestamp>,
    /// How many tags or artifacts it has; of a namespace, how many repositories.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// Bytes, as they are stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Whether everyone may pull.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public: Option<bool>,
}

/// A tag as it is listed. What the registry does not tell in its list is `None`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TagEntry {
    /// Its name, which may be anything.
    pub name: String,
    /// The digest of the manifest or index that it names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// That manifest's media type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// Bytes, compressed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// When the image was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
    /// When it was pushed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pushed: Option<Timestamp>,
    /// The platforms.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub platforms: Vec<Platform>,
    /// Whether there is a signature.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signed: Option<bool>,
}

impl Entry {
    /// An entry of which only the name is known.
    pub fn new(name: impl Into<String>, kind: EntryKind) -> Self {
        Self {
            name: name.into(),
            kind,
            created: None,
            updated: None,
            count: None,
            size: None,
            public: None,
        }
    }
}

impl TagEntry {
    /// A tag of which only the name is known.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            digest: None,
            media_type: None,
            size: None,
            created: None,
            pushed: None,
            platforms: Vec::new(),
            signed: None,
        }
    }
}

/// What is listed.
#[derive(Clone, Debug)]
pub(crate) enum What {
    /// What is below a namespace, or the registry's top.
    Below(Option<String>),
    Tags(RepositoryName),
}

impl What {
    /// The namespace or repository, by which the account is chosen.
    fn within(&self) -> Option<RepositoryName> {
        match self {
            Self::Below(namespace) => namespace.as_ref()?.parse().ok(),
            Self::Tags(name) => Some(name.clone()),
        }
    }
}

/// A list as it is being read.
pub struct Pages<T> {
    client: Client,
    registry: Registry,
    what: What,
    way: Way,
    /// Why the vendor's own API did not list.
    refused: Option<Error>,
    api_only: bool,
    read: usize,
    barren: usize,
    state: RandomState,
    known: HashSet<u64>,
    cursors: HashSet<u64>,
    entries: std::marker::PhantomData<fn() -> T>,
}

enum Way {
    Start,
    Api(Site, Option<Cursor>),
    Plain(Box<Paging>),
    End,
}

impl<T> fmt::Debug for Pages<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pages of {} ({:?})", self.registry, self.what)
    }
}

/// What can be listed.
#[async_trait]
pub(crate) trait Listed: Sized + Send {
    fn name(&self) -> &str;
    /// A page of the vendor's own API; `None` where it has none for this.
    async fn of_api(
        client: &Client,
        site: &Site,
        what: &What,
        cursor: Option<&Cursor>,
    ) -> Result<Option<Batch<Self>>>;
    /// A page of the distribution API.
    async fn of_registry(
        client: &Client,
        registry: &Registry,
        what: &What,
        paging: &mut Paging,
    ) -> Result<Option<Vec<Self>>>;
    /// The error where neither lists.
    fn neither(registry: &Registry, error: Error, refused: Option<Error>) -> Error;
}

impl Client {
    /// What is at the top of a registry, or below a namespace: namespaces and repositories.
    pub fn browse(&self, registry: &Registry, namespace: Option<&str>) -> Pages<Entry> {
        self.pages(registry, What::Below(namespace.map(Into::into)))
    }

    /// The tags of a repository, with all that the registry's list tells of them.
    pub fn browse_tags(&self, registry: &Registry, name: &RepositoryName) -> Pages<TagEntry> {
        self.pages(registry, What::Tags(name.clone()))
    }

    fn pages<T>(&self, registry: &Registry, what: What) -> Pages<T> {
        Pages {
            client: self.clone(),
            registry: registry.clone(),
            what,
            way: Way::Start,
            refused: None,
            api_only: false,
            read: 0,
            barren: 0,
            state: RandomState::new(),
            known: HashSet::new(),
            cursors: HashSet::new(),
            entries: std::marker::PhantomData,
        }
    }
}

#[expect(private_bounds, reason = "nobody else lists anything")]
impl<T: Listed> Pages<T> {
    /// The next page, without what earlier pages had; `None` after the last. When it fails or is given up on the way,
    /// the next call reads the same page.
    pub async fn next(&mut self) -> Result<Option<Vec<T>>> {
        loop {
            let (entries, next) = match &mut self.way {
                Way::End => return Ok(None),
                Way::Start => {
                    let within = self.what.within();
                    self.way = match self.client.site(&self.registry, within.as_ref()).await? {
                        Some(site) => Way::Api(site, None),
                        None => Way::Plain(Box::default()),
                    };
                    continue;
                }
                Way::Api(site, cursor) => {
                    let page = T::of_api(&self.client, site, &self.what, cursor.as_ref()).await;
                    match page {
                        Ok(Some(Batch { entries, next })) => (entries, Some(next)),
                        Ok(None) => {
                            self.way = Way::Plain(Box::default());
                            continue;
                        }
                        Err(error) if self.read == 0 && !self.api_only && is_refusal(&error) => {
                            if site.vendor.has_no_catalog(&self.what) {
                                return Err(T::neither(&self.registry, error, None));
                            }
                            tracing::debug!(registry = %self.registry, %error, "the vendor's API does not list");
                            self.refused = Some(error);
                            self.way = Way::Plain(Box::default());
                            continue;
                        }
                        Err(error) => return Err(error),
                    }
                }
                Way::Plain(paging) => {
                    let page =
                        T::of_registry(&self.client, &self.registry, &self.what, paging).await;
                    match page {
                        // it has guards of its own
                        Ok(Some(entries)) => (entries, None),
                        Ok(None) => {
                            self.way = Way::End;
                            return Ok(None);
                        }
                        Err(error) => {
                            return Err(T::neither(&self.registry, error, self.refused.clone()));
                        }
                    }
                }
            };
            self.read += 1;
            let given = entries.len();
            let (state, known) = (&self.state, &mut self.known);
            let fresh: Vec<T> = entries
                .into_iter()
                .filter(|entry| known.insert(state.hash_one(entry.name())))
                .collect();
            if let Some(next) = next {
                self.go_on(next, given > 0 && fresh.is_empty());
            }
            if !matches!(self.way, Way::End) && self.read >= MOST_PAGES {
                return Err(self.endless());
            }
            if !fresh.is_empty() {
                self.barren = 0;
                return Ok(Some(fresh));
            }
            self.barren += 1;
            if self.barren > MOST_BARREN {
                return Err(self.endless());
            }
        }
    }

    /// The next page of the vendor's own API alone. Where that refuses, it is an error.
    pub(crate) async fn next_of_api(&mut self) -> Result<Option<Vec<T>>> {
        self.api_only = true;
        self.next().await
    }

    /// Where it goes on: nowhere when a page only repeats what was there, or its successor was there already.
    fn go_on(&mut self, next: Option<Cursor>, repeats: bool) {
        let Way::Api(_, cursor) = &mut self.way else { return };
        match next {
            Some(next) if !repeats && self.cursors.insert(self.state.hash_one(&next)) => {
                *cursor = Some(next);
            }
            _ => self.way = Way::End,
        }
    }

    fn endless(&mut self) -> Error {
        self.way = Way::End;
        // cut short it would look like the whole
        Error::new(Code::RegistryRefused, "the list does not end").registry(&self.registry)
    }
}

/// Whether an error says that this way of listing is not for us; another may be.
fn is_refusal(error: &Error) -> bool {
    matches!(
        error.code(),
        Code::AuthRequired
            | Code::AuthRejected
            | Code::PullDenied
            | Code::RefNotFound
            | Code::CatalogUnsupported
            | Code::RegistryRefused
            | Code::NotARegistry
    )
}

#[async_trait]
impl Listed for Entry {
    fn name(&self) -> &str {
        &self.name
    }

    async fn of_api(
        client: &Client,
        site: &Site,
        what: &What,
        cursor: Option<&Cursor>,
    ) -> Result<Option<Batch<Self>>> {
        let What::Below(namespace) = what else { return Ok(None) };
        site.entries(client, namespace.as_deref(), cursor).await
    }

    async fn of_registry(
        client: &Client,
        registry: &Registry,
        what: &What,
        paging: &mut Paging,
    ) -> Result<Option<Vec<Self>>> {
        let What::Below(namespace) = what else { return Ok(None) };
        let listing = Listing {
            what: "listing the repositories",
            repository: None,
            side: None,
            scope: Scope::Catalog,
            path: "_catalog",
            absent: &[],
            limit: usize::MAX,
            reference: None,
        };
        let Some(page) = client.list_page(registry, &listing, paging).await? else {
            return Ok(None);
        };
        let inside = |name: &String| match namespace {
            None => true,
            Some(namespace) => {
                name.strip_prefix(namespace.as_str()).is_some_and(|rest| rest.starts_with('/'))
            }
        };
        let names = page.entries.into_iter().filter(inside);
        Ok(Some(names.map(|name| Self::new(name, EntryKind::Repository)).collect()))
    }

    fn neither(registry: &Registry, error: Error, refused: Option<Error>) -> Error {
        let is_wrong_login = matches!(error.code(), Code::AuthRejected);
        let refuses = match error.http_status() {
            Some(400 | 401 | 403 | 404 | 405 | 501) => !is_wrong_login,
            _ => error.code() == Code::CatalogUnsupported,
        };
        if !refuses || error.code() == Code::NotARegistry {
            return error;
        }
        let error = error.becomes(
            Code::CatalogUnsupported,
            "the registry does not list its repositories for us",
        );
        let error = error.registry(registry);
        match refused {
            Some(refused) => error.because(format!("its vendor's API: {}", refused.message())),
            None => error,
        }
    }
}

#[async_trait]
impl Listed for TagEntry {
    fn name(&self) -> &str {
        &self.name
    }

    async fn of_api(
        client: &Client,
        site: &Site,
        what: &What,
        cursor: Option<&Cursor>,
    ) -> Result<Option<Batch<Self>>> {
        let What::Tags(repository) = what else { return Ok(None) };
        site.tags(client, repository, cursor).await
    }

    async fn of_registry(
        client: &Client,
        registry: &Registry,
        what: &What,
        paging: &mut Paging,
    ) -> Result<Option<Vec<Self>>> {
        let What::Tags(repository) = what else { return Ok(None) };
        let listing = Listing {
            what: "listing the tags",
            repository: Some(repository),
            side: None,
            scope: Scope::Side,
            path: "tags/list",
            absent: &[],
            limit: usize::MAX,
            reference: Some(format!("{registry}/{repository}")),
        };
        let page = client.list_page(registry, &listing, paging).await?;
        Ok(page.map(|page| google::extended(page.entries, &page.bytes)))
    }

    fn neither(_: &Registry, error: Error, refused: Option<Error>) -> Error {
        let error = match error.http_status() {
            Some(404) if error.code() != Code::NotARegistry => {
                error.becomes(Code::RefNotFound, "there is no such repository")
            }
            _ => error,
        };
        match refused {
            Some(refused) if error.code() != Code::RefNotFound => {
                error.because(format!("its vendor's API: {}", refused.message()))
            }
            _ => error,
        }
    }
}
