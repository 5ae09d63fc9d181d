//! What a rule would copy, said from lists alone: those that were read in this session, or, where that is wanted, read for
//! it. No manifest is read, but for dates that decide.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex},
};

use ::profiles::{Profile, profile::ProfileRule};
use engine::{JobRule, PatternRule, Rule, TagDates};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use registry::{Client, Code, Dates, Reference, Registry, RepositoryName, Sentence, Tag, Target};

use super::draft::{drafted_rule, problem};
use crate::{
    Api, Host,
    app::lock,
    browse,
    dto::{ApiError, BrowseEntry, Preview, PreviewPair, PreviewRequest},
    error::Result,
};

/// Images whose dates are read at once.
const AT_ONCE: usize = 8;
/// How many catalogues are kept.
const CATALOGS: usize = 20;
/// The most repositories of a catalogue that are kept.
const REPOSITORIES: usize = 200_000;
/// The most pairs that are told.
const PAIRS: u32 = 1000;
/// Stands for a destination while none is named; no registry has the name (RFC 2606).
const NOWHERE: &str = "nowhere.invalid/{path}";

/// What was read for previews in this session.
#[derive(Default)]
pub(crate) struct Previews {
    catalogs: Mutex<VecDeque<Arc<Catalog>>>,
    /// By reference: manifests are not read twice for their dates.
    dates: Mutex<HashMap<String, Option<jiff::Timestamp>>>,
}

/// The repositories of a registry, as its catalogue has them.
struct Catalog {
    account: Option<String>,
    host: Registry,
    names: Vec<String>,
    complete: bool,
    fetched_at: String,
}

/// What a rule would copy.
pub(crate) async fn preview<H: Host>(
    api: &Arc<Api<H>>,
    request: PreviewRequest,
) -> Result<Preview> {
    let limit = request.limit.min(PAIRS) as usize;
    let mut rule = drafted_rule(request.rule.clone())?;
    rule.destinations.retain(|to| !to.trim().is_empty());
    let nowhere = rule.destinations.is_empty();
    if nowhere {
        rule.destinations.push(NOWHERE.into());
    }
    let mut preview = match job(rule)? {
        JobRule::One(rule) => one(api, &request, &rule, limit).await?,
        JobRule::Pattern(rule) => pattern(api, &request, &rule, limit).await?,
    };
    if nowhere {
        for pair in &mut preview.first {
            pair.destination.clear();
        }
    }
    Ok(preview)
}

/// The rule as a run would have it.
fn job(rule: ProfileRule) -> Result<JobRule> {
    let profile = Profile { name: "preview".into(), rules: vec![rule], ..Profile::default() };
    let rules = profile.prepare().map_err(problem)?.rules;
    rules.into_iter().next().ok_or_else(ApiError::internal)
}

impl Preview {
    fn unknown(by_repository: bool) -> Self {
        Self {
            known: false,
            complete: false,
            matched: 0,
            of: None,
            by_repository,
            pairs: 0,
            first: Vec::new(),
            bytes: 0,
            sized: 0,
            configs: 0,
            problem: None,
            fetched_at: None,
        }
    }
}

async fn one<H: Host>(
    api: &Arc<Api<H>>,
    request: &PreviewRequest,
    rule: &Rule,
    limit: usize,
) -> Result<Preview> {
    let (host, name) = (&rule.source.registry, &rule.source.repository);
    let account = request.account_id.as_ref();
    // what needs no list is looked up in one that is there all the same, for its sizes
    let ask = request.ask && rule.needs_list();
    let list = browse::tags(api, &request.token, account, host, name, ask).await?;
    let reading = match &list {
        Some(list) => Some(list.read().await),
        None if rule.needs_list() => return Ok(Preview::unknown(false)),
        None => None,
    };
    let entries: &[BrowseEntry] = reading.as_deref().map_or(&[], |reading| reading.entries());
    let mut preview = Preview {
        known: true,
        complete: !rule.needs_list() || reading.as_deref().is_some_and(browse::Reading::is_done),
        of: rule.needs_list().then_some(entries.len() as u64),
        fetched_at: list.as_ref().map(|list| list.fetched_at().to_owned()),
        ..Preview::unknown(false)
    };
    let tags: Vec<Tag> = entries.iter().filter_map(|entry| entry.name.parse().ok()).collect();
    let sizes: HashMap<&str, Option<u64>> =
        entries.iter().map(|entry| (entry.name.as_str(), entry.size)).collect();

    let undated = rule.undated(&tags);
    let dates = match told(&undated, entries) {
        Some(dates) => dates,
        None if request.dates => read_dates(api, request, rule, &undated).await?,
        None => {
            preview.configs = undated.len() as u64;
            preview.matched = rule.tags.newest.unwrap_or_default().min(undated.len()) as u64;
            preview.pairs = preview.matched * rule.destinations.len() as u64;
            return Ok(preview);
        }
    };
    let mut seen = HashSet::new();
    for destination in &rule.destinations {
        let pairs: Vec<(Target, Target)> = match rule.by_digest(destination) {
            Some((digest, to)) => vec![(Target::Digest(digest), to)],
            None => match rule.pair(destination, &tags, &dates) {
                Ok(pairs) => pairs
                    .into_iter()
                    .map(|(from, to)| (Target::Tag(from), Target::Tag(to)))
                    .collect(),
                Err(why) => {
                    let error = ApiError::new(Code::RuleInvalid, why.to_string());
                    preview.problem = Some(error.note(why));
                    continue;
                }
            },
        };
        preview.pairs += pairs.len() as u64;
        for (from, to) in pairs {
            let bytes = match &from {
                Target::Tag(tag) => sizes.get(tag.as_str()).copied().flatten(),
                Target::Digest(_) => None,
            };
            let has_room = preview.first.len() < limit;
            if has_room {
                preview.first.push(PreviewPair {
                    source: Reference::new(host, name, from.clone()).to_string(),
                    destination: Reference::new(&destination.registry, &destination.repository, to)
                        .to_string(),
                    bytes,
                    problem: None,
                });
            }
            if seen.insert(from)
                && let Some(bytes) = bytes
            {
                preview.bytes = preview.bytes.saturating_add(bytes);
                preview.sized += 1;
            }
        }
    }
    preview.matched = seen.len() as u64;
    Ok(preview)
}

/// The dates, where the list tells them all.
fn told(tags: &[&Tag], entries: &[BrowseEntry]) -> Option<TagDates> {
    if tags.is_empty() {
        return Some(TagDates::new());
    }
    let told: HashMap<&str, jiff::Timestamp> = entries
        .iter()
        .filter_map(|entry| Some((entry.name.as_str(), entry.created.as_ref()?.parse().ok()?)))
        .collect();
    let date = |tag: &&Tag| Some(((**tag).clone(), *told.get(tag.as_str())?));
    tags.iter().map(date).collect()
}

/// Reads the dates as a run does.
async fn read_dates<H: Host>(
    api: &Arc<Api<H>>,
    request: &PreviewRequest,
    rule: &Rule,
    tags: &[&Tag],
) -> Result<TagDates> {
    let (host, name) = (&rule.source.registry, &rule.source.repository);
    let client = browse::client(api, request.account_id.as_ref()).await?;
    let dates = Dates::new(client.source(host, name));
    let look = |tag: Tag| {
        let dates = &dates;
        async move {
            let key = format!("{host}/{name}:{tag}");
            let known = lock(&api.previews.dates).get(&key).copied();
            if let Some(date) = known {
                return Ok((tag, date));
            }
            let date = match dates.of(&Target::Tag(tag.clone())).await {
                Ok(date) => date,
                Err(error) if error.code() == Code::RefNotFound => None,
                Err(error) => return Err(error),
            };
            lock(&api.previews.dates).insert(key, date);
            Ok((tag, date))
        }
    };
    let looks: Vec<_> = tags.iter().map(|tag| look((*tag).clone())).collect();
    let work = async {
        let found: Vec<_> = stream::iter(looks).buffer_unordered(AT_ONCE).try_collect().await?;
        Ok(found.into_iter().filter_map(|(tag, date)| Some((tag, date?))).collect())
    };
    api.browse.cancellable(&request.token, work).await
}

async fn pattern<H: Host>(
    api: &Arc<Api<H>>,
    request: &PreviewRequest,
    rule: &PatternRule,
    limit: usize,
) -> Result<Preview> {
    let account = request.account_id.as_ref();
    let is_wanted = |catalog: &Arc<Catalog>| {
        catalog.host == rule.registry && (account.is_none() || catalog.account.as_ref() == account)
    };
    let known = lock(&api.previews.catalogs).iter().find(|catalog| is_wanted(catalog)).cloned();
    let catalog = match known {
        Some(catalog) => catalog,
        None if request.ask => {
            let client = browse::client(api, account).await?;
            let work = catalog(&client, &rule.registry);
            let (names, complete) = api.browse.cancellable(&request.token, work).await?;
            let catalog = Arc::new(Catalog {
                account: account.cloned(),
                host: rule.registry.clone(),
                names,
                complete,
                fetched_at: api.host.now().to_string(),
            });
            let mut catalogs = lock(&api.previews.catalogs);
            catalogs.push_front(catalog.clone());
            catalogs.truncate(CATALOGS);
            catalog
        }
        None => return Ok(Preview::unknown(true)),
    };
    let mut preview = Preview {
        known: true,
        complete: catalog.complete,
        of: Some(catalog.names.len() as u64),
        fetched_at: Some(catalog.fetched_at.clone()),
        ..Preview::unknown(true)
    };
    for name in catalog.names.iter().filter(|name| rule.matches(name)) {
        preview.matched += 1;
        preview.pairs += rule.destinations.len() as u64;
        if preview.first.len() >= limit {
            continue;
        }
        let source = format!("{}/{name}", rule.registry);
        let wrong = |problem: Sentence| PreviewPair {
            source: source.clone(),
            destination: String::new(),
            bytes: None,
            problem: Some(problem),
        };
        let one = name
            .parse::<RepositoryName>()
            .map_err(Sentence::from)
            .and_then(|name| rule.of(&name).map_err(|error| error.sentence()));
        match one {
            Ok(one) => preview.first.extend(one.destinations.iter().map(|to| PreviewPair {
                source: one.source.written.clone(),
                destination: format!("{}/{}", to.registry, to.repository),
                bytes: None,
                problem: None,
            })),
            Err(why) => preview.first.push(wrong(why)),
        }
    }
    preview.first.truncate(limit);
    Ok(preview)
}

/// The repositories of a registry, and whether these are all.
async fn catalog(client: &Client, host: &Registry) -> Result<(Vec<String>, bool)> {
    let mut pages = client.catalog_pages(host);
    let mut names = Vec::new();
    while let Some(page) = pages.next().await? {
        names.extend(page);
        if names.len() >= REPOSITORIES {
            return Ok((names, false));
        }
    }
    Ok((names, true))
}
