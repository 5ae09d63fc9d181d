//! Looking around at registries: lists that are read page by page as the page of the app asks for them, kept with the
//! time at which they were read, and given up when nobody waits any more.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use ::accounts::{Account, AccountAccess};
use registry::{
    Client, ClientOptions, Code, Entry, EntryKind, Inspection, Pages, Reference, Registry,
    RepositoryName, TagEntry,
};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{
    Api, Host,
    app::lock,
    dto::{
        ApiError, BrowseEntry, BrowsePage, BrowseRequest, ById, ByToken, DetailsRequest,
        ImageDetails, ImageLayer, ImagePart, ImageReferrer, MoreRequest,
    },
    error::Result,
};

/// How many lists are kept; the oldest are read anew when they are wanted.
const LISTS: usize = 100;
/// How many images are kept.
const IMAGES: usize = 100;
/// The most entries of one list that are kept and shown.
const ENTRIES: usize = 200_000;

/// What is known of registries in this session.
#[derive(Default)]
pub(crate) struct Browse {
    lists: Mutex<VecDeque<Arc<List>>>,
    images: Mutex<VecDeque<ImageDetails>>,
    /// By account.
    clients: Mutex<HashMap<Option<String>, Known>>,
    under_way: Mutex<HashMap<String, CancellationToken>>,
    count: AtomicU64,
}

/// A client, and the accounts that it was made for.
type Known = (Vec<Account>, Client);

/// What a list is of.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    account: Option<String>,
    host: Registry,
    namespace: Option<String>,
    repository: Option<RepositoryName>,
}

/// A list as far as it was read.
pub(crate) struct List {
    id: String,
    place: Place,
    fetched_at: String,
    reading: tokio::sync::Mutex<Reading>,
}

pub(crate) struct Reading {
    pages: AnyPages,
    entries: Vec<BrowseEntry>,
    done: bool,
}

enum AnyPages {
    Entries(Pages<Entry>),
    Tags(Pages<TagEntry>),
}

impl AnyPages {
    async fn next(&mut self) -> registry::Result<Option<Vec<BrowseEntry>>> {
        Ok(match self {
            Self::Entries(pages) => {
                pages.next().await?.map(|page| page.into_iter().map(Into::into).collect())
            }
            Self::Tags(pages) => {
                pages.next().await?.map(|page| page.into_iter().map(Into::into).collect())
            }
        })
    }
}

impl Reading {
    /// What was read so far.
    pub(crate) fn entries(&self) -> &[BrowseEntry] {
        &self.entries
    }

    /// Whether that is all.
    pub(crate) fn is_done(&self) -> bool {
        self.done && self.entries.len() < ENTRIES
    }

    /// Reads another page. What was read before stays when it fails or is given up.
    async fn go_on(&mut self) -> registry::Result<()> {
        match self.pages.next().await? {
            Some(page) => {
                self.entries.extend(page);
                self.done |= self.entries.len() >= ENTRIES;
            }
            None => self.done = true,
        }
        Ok(())
    }
}

impl List {
    /// When the registry was asked.
    pub(crate) fn fetched_at(&self) -> &str {
        &self.fetched_at
    }

    /// What it has. Whoever reads it on is waited for.
    pub(crate) async fn read(&self) -> tokio::sync::MutexGuard<'_, Reading> {
        self.reading.lock().await
    }

    fn page(&self, reading: &Reading, from: usize) -> BrowsePage {
        BrowsePage {
            list_id: self.id.clone(),
            from: from as u64,
            entries: reading.entries.get(from..).unwrap_or_default().to_vec(),
            more: !reading.done,
            fetched_at: self.fetched_at.clone(),
        }
    }
}

impl Browse {
    fn find(&self, wanted: impl Fn(&List) -> bool) -> Option<Arc<List>> {
        lock(&self.lists).iter().find(|list| wanted(list)).cloned()
    }

    fn keep(&self, list: Arc<List>) {
        let mut lists = lock(&self.lists);
        lists.retain(|other| other.place != list.place);
        lists.push_front(list);
        lists.truncate(LISTS);
    }

    fn forget(&self, id: &str) {
        lock(&self.lists).retain(|list| list.id != id);
    }

    /// Runs what the page may give up by its token.
    pub(crate) async fn cancellable<T>(
        &self,
        token: &str,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let cancel = CancellationToken::new();
        let before = lock(&self.under_way).insert(token.to_owned(), cancel.clone());
        // two of one name: the first is not waited for any more
        drop(before.map(CancellationToken::drop_guard));
        let _leave = Leave { browse: self, token, _guard: cancel.clone().drop_guard() };
        tokio::select! {
            done = work => done,
            () = cancel.cancelled() => Err(ApiError::new(Code::Cancelled, "it was given up")),
        }
    }
}

/// Takes its name off the list at the end, however that comes.
struct Leave<'a> {
    browse: &'a Browse,
    token: &'a str,
    _guard: DropGuard,
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        lock(&self.browse.under_way).remove(self.token);
    }
}

/// The client for an account; for none, whichever accounts there are stand in where they fit. It is kept as long as
/// the accounts stay as they are, and with it tokens and what was learnt of hosts.
pub(crate) async fn client<H: Host>(api: &Api<H>, account: Option<&String>) -> Result<Client> {
    let mut accounts = api.accounts.lock().await.list().to_vec();
    if let Some(id) = account {
        accounts.retain(|account| account.id == *id);
        if accounts.is_empty() {
            return Err(ApiError::gone("account"));
        }
    }
    let key = account.cloned();
    if let Some((known, client)) = lock(&api.browse.clients).get(&key)
        && *known == accounts
    {
        return Ok(client.clone());
    }
    let access = AccountAccess::new(accounts.clone(), api.vault.clone());
    let client = Client::new(ClientOptions::default(), Arc::new(access));
    lock(&api.browse.clients).insert(key, (accounts, client.clone()));
    Ok(client)
}

fn place(request: &BrowseRequest) -> Result<Place> {
    let host =
        request.host.trim().parse().map_err(|error: registry::InvalidReference| {
            ApiError::field("host", error.to_string())
        })?;
    let repository = match &request.repository {
        Some(name) => Some(name.parse().map_err(|error: registry::InvalidReference| {
            ApiError::field("repository", error.to_string())
        })?),
        None => None,
    };
    Ok(Place {
        account: request.account_id.clone(),
        host,
        namespace: request.namespace.clone().filter(|name| !name.is_empty()),
        repository,
    })
}

/// Opens a list: what is known of it, or its first page.
pub(crate) async fn open<H: Host>(api: &Arc<Api<H>>, request: BrowseRequest) -> Result<BrowsePage> {
    let place = place(&request)?;
    let client = client(api, place.account.as_ref()).await?;
    if !request.refresh
        && let Some(list) = api.browse.find(|list| list.place == place)
    {
        // whoever is reading it now is waited for
        let work = async { Ok(list.page(&*list.reading.lock().await, 0)) };
        return api.browse.cancellable(&request.token, work).await;
    }
    let pages = match &place.repository {
        Some(name) => AnyPages::Tags(client.browse_tags(&place.host, name)),
        None => AnyPages::Entries(client.browse(&place.host, place.namespace.as_deref())),
    };
    let mut reading = Reading { pages, entries: Vec::new(), done: false };
    let work = async {
        reading.go_on().await?;
        Ok(())
    };
    api.browse.cancellable(&request.token, work).await?;
    let list = list(api, place, reading);
    let page = list.page(&*list.reading.lock().await, 0);
    api.browse.keep(Arc::new(list));
    Ok(page)
}

/// The tags of a repository as a list of this session has them, whichever account it was read with; read to its end where
/// that is wanted.
pub(crate) async fn tags<H: Host>(
    api: &Arc<Api<H>>,
    token: &str,
    account: Option<&String>,
    host: &Registry,
    name: &RepositoryName,
    ask: bool,
) -> Result<Option<Arc<List>>> {
    let is_of =
        |list: &List| list.place.host == *host && list.place.repository.as_ref() == Some(name);
    let found = api
        .browse
        .find(|list| is_of(list) && list.place.account.as_ref() == account)
        .or_else(|| api.browse.find(|list| is_of(list)));
    let list = match found {
        Some(list) => list,
        None if ask => {
            let client = client(api, account).await?;
            let place = Place {
                account: account.cloned(),
                host: host.clone(),
                namespace: None,
                repository: Some(name.clone()),
            };
            let pages = AnyPages::Tags(client.browse_tags(host, name));
            let list =
                Arc::new(list(api, place, Reading { pages, entries: Vec::new(), done: false }));
            api.browse.keep(list.clone());
            list
        }
        None => return Ok(None),
    };
    if ask {
        let work = async {
            let mut reading = list.reading.lock().await;
            while !reading.done {
                reading.go_on().await?;
            }
            Ok(())
        };
        if let Err(error) = api.browse.cancellable(token, work).await {
            // nothing is known of it: whoever opens it asks anew
            if list.read().await.entries.is_empty() {
                api.browse.forget(&list.id);
            }
            return Err(error);
        }
    }
    Ok(Some(list))
}

/// A list that was begun now.
fn list<H: Host>(api: &Api<H>, place: Place, reading: Reading) -> List {
    let number = api.browse.count.fetch_add(1, Ordering::Relaxed) + 1;
    List {
        id: format!("list-{number}"),
        place,
        fetched_at: api.host.now().to_string(),
        reading: reading.into(),
    }
}

/// Another page of a list.
pub(crate) async fn more<H: Host>(api: &Arc<Api<H>>, request: MoreRequest) -> Result<BrowsePage> {
    let list = api.browse.find(|list| list.id == request.list_id);
    let list = list.ok_or_else(|| ApiError::gone("list"))?;
    let from = request.from as usize;
    let work = async {
        let mut reading = list.reading.lock().await;
        // another has read on meanwhile
        if reading.entries.len() <= from && !reading.done {
            reading.go_on().await?;
        }
        Ok(list.page(&reading, from))
    };
    api.browse.cancellable(&request.token, work).await
}

/// Nobody waits for what has this token any more.
#[expect(clippy::unused_async, reason = "all commands have one form")]
pub(crate) async fn cancel<H: Host>(api: &Arc<Api<H>>, request: ByToken) -> Result<()> {
    if let Some(cancel) = lock(&api.browse.under_way).get(&request.token) {
        cancel.cancel();
    }
    Ok(())
}

/// Forgets a list, so that it is read anew.
#[expect(clippy::unused_async, reason = "all commands have one form")]
pub(crate) async fn forget<H: Host>(api: &Arc<Api<H>>, request: ById) -> Result<()> {
    api.browse.forget(&request.id);
    Ok(())
}

/// Looks into one image.
pub(crate) async fn details<H: Host>(
    api: &Arc<Api<H>>,
    request: DetailsRequest,
) -> Result<ImageDetails> {
    let reference: Reference =
        request.reference.trim().parse().map_err(|error: registry::InvalidReference| {
            ApiError::field("reference", error.to_string())
        })?;
    let text = reference.to_string();
    let client = client(api, request.account_id.as_ref()).await?;
    let known = lock(&api.browse.images)
        .iter()
        .find(|image| image.reference == text && image.account_id == request.account_id)
        .cloned();
    if let Some(known) = known.filter(|_| !request.refresh) {
        return Ok(known);
    }
    let work = async { Ok(Box::pin(client.inspect(&reference)).await?) };
    let found = api.browse.cancellable(&request.token, work).await?;
    let found = details_of(found, request.account_id, api.host.now().to_string());
    let mut images = lock(&api.browse.images);
    images.retain(|image| image.reference != text || image.account_id != found.account_id);
    images.push_front(found.clone());
    images.truncate(IMAGES);
    Ok(found)
}

impl From<Entry> for BrowseEntry {
    fn from(entry: Entry) -> Self {
        let kind = match entry.kind {
            EntryKind::Namespace => "namespace",
            EntryKind::Repository => "repository",
            EntryKind::Either => "either",
        };
        Self {
            usable: entry.name.parse::<RepositoryName>().is_ok(),
            name: entry.name,
            kind: kind.into(),
            count: entry.count,
            size: entry.size,
            created: entry.created.map(|time| time.to_string()),
            updated: entry.updated.map(|time| time.to_string()),
            digest: None,
            media_type: None,
            platforms: Vec::new(),
            public: entry.public,
            signed: None,
        }
    }
}

impl From<TagEntry> for BrowseEntry {
    fn from(tag: TagEntry) -> Self {
        Self {
            usable: tag.name.parse::<registry::Tag>().is_ok(),
            name: tag.name,
            kind: "tag".into(),
            count: None,
            size: tag.size,
            created: tag.created.map(|time| time.to_string()),
            updated: tag.pushed.map(|time| time.to_string()),
            digest: tag.digest.map(|digest| digest.to_string()),
            media_type: tag.media_type,
            platforms: tag.platforms.iter().map(ToString::to_string).collect(),
            public: None,
            signed: tag.signed,
        }
    }
}

fn details_of(found: Inspection, account_id: Option<String>, fetched_at: String) -> ImageDetails {
    use registry::inspect::ImageKind;
    let kind = match found.kind {
        ImageKind::Index => "index",
        ImageKind::Image => "image",
        ImageKind::Artifact => "artifact",
        ImageKind::Schema1 => "schema1",
    };
    let signed = found.is_signed();
    let images = found.images.into_iter().map(|image| ImagePart {
        digest: image.digest.to_string(),
        media_type: image.media_type,
        platform: image.platform.map(|platform| platform.to_string()),
        attestation: image.attestation,
        size: image.size,
        created: image.created.map(|time| time.to_string()),
        layers: image
            .layers
            .into_iter()
            .map(|layer| ImageLayer {
                digest: layer.digest.to_string(),
                media_type: layer.media_type,
                size: layer.size,
            })
            .collect(),
    });
    let referrers = found.referrers.into_iter().map(|one| ImageReferrer {
        digest: one.digest.to_string(),
        artifact_type: one.artifact_type,
        tag: one.tag,
    });
    ImageDetails {
        account_id,
        reference: found.reference,
        digest: found.digest.to_string(),
        media_type: found.media_type,
        kind: kind.into(),
        artifact_type: found.artifact_type,
        size: found.size,
        signed,
        annotations: found.annotations,
        images: images.collect(),
        referrers: referrers.collect(),
        warnings: found.warnings,
        fetched_at,
    }
}
