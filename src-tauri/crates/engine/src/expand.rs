//! From rules to rows. Rules of one source repository are expanded together, from one list of its tags, so that an image
//! that several of them name is one unit of work. A long list is expanded page by page where its rules allow that, and read
//! no faster than its images are worked on.

use std::{collections::HashMap, panic::AssertUnwindSafe, sync::Arc};

use futures_util::{FutureExt as _, StreamExt as _, stream};
use registry::{Error, Registry, RepositoryName, Result, Sentence, Tag, sentence};
use tokio::sync::mpsc::Sender;

pub(crate) use self::search::Search;
use self::{
    expansion::Expansion,
    search::{Found, by_registry, repositories},
};
use crate::{
    DestinationRule, JobRule, Origin, Rule,
    choice::{SWITCHED_OFF, Verdict},
    place::{Place, SourceRepository},
    row::{Order, Row},
    run::{Run, panicked},
    unit::Unit,
};

/// Source repositories that are listed at once.
const LISTS: usize = 16;
/// Tags that are made into units at once.
pub(crate) const BATCH: usize = 128;

/// The rules of one source repository.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) source: Arc<SourceRepository>,
    /// With their numbers in the job.
    pub(crate) rules: Vec<(usize, Rule)>,
    /// Every repository that they write to, once.
    pub(crate) places: Vec<Arc<Place>>,
    /// The rules by pattern that found the repository, and the how manieth of its own it was for each.
    pub(crate) found: Vec<(Arc<Search>, usize)>,
}

/// What expanding tells.
#[derive(Debug)]
pub(crate) enum News {
    /// Images that a group of rules selects; more may come.
    Units(Arc<Group>, Vec<Unit>),
    /// No more of this group will come.
    Expanded(Arc<Group>),
    /// No repository of this rule's will be found any more, and all that were are expanded.
    Searched(Arc<Search>),
}

/// Sorts rules by their source repository; those by pattern have theirs to find.
pub(crate) fn group(run: &Run, rules: Vec<JobRule>) -> (Vec<Group>, Vec<Arc<Search>>) {
    let mut groups: Vec<Group> = Vec::new();
    let mut known: HashMap<(Registry, RepositoryName), usize> = HashMap::new();
    let mut searches = Vec::new();
    for (number, rule) in rules.into_iter().enumerate() {
        let rule = match rule {
            JobRule::One(rule) => rule,
            JobRule::Pattern(rule) => {
                searches.push(Arc::new(Search::new(number, rule)));
                continue;
            }
        };
        let key = (rule.source.registry.clone(), rule.source.repository.clone());
        let at = *known.entry(key).or_insert_with_key(|(registry, name)| {
            groups.push(Group::new(run, registry, name));
            groups.len() - 1
        });
        groups[at].add(run, number, rule);
    }
    (groups, searches)
}

fn place(run: &Run, destination: &DestinationRule) -> Arc<Place> {
    run.places.get(&run.client, &destination.registry, &destination.repository)
}

impl Group {
    fn new(run: &Run, registry: &Registry, name: &RepositoryName) -> Self {
        let source = Arc::new(SourceRepository::new(run.client.source(registry, name)));
        Self { source, rules: Vec::new(), places: Vec::new(), found: Vec::new() }
    }

    fn add(&mut self, run: &Run, number: usize, rule: Rule) {
        for destination in &rule.destinations {
            let place = place(run, destination);
            if !self.places.iter().any(|known| known.index == place.index) {
                self.places.push(place);
            }
        }
        self.rules.push((number, rule));
    }

    /// Whether the list of tags is needed no more than a page at a time: each tag tells by itself what becomes of it, and
    /// no two rules or destinations write to one repository.
    pub(crate) fn is_pagewise(&self, run: &Run) -> bool {
        let destinations: usize = self.rules.iter().map(|(_, rule)| rule.destinations.len()).sum();
        // what refers to an image is found by the whole list
        !run.policy.referrers
            && self.places.len() == destinations
            && self.rules.iter().all(|(_, rule)| rule.is_pagewise())
    }

    /// Connects to whoever is asked only once the other side has answered.
    fn approach(&self, run: &Run) {
        if self.rules.iter().any(|(_, rule)| rule.needs_list()) {
            self.places.iter().for_each(|place| run.aside(place.repository.approach()));
        } else {
            run.aside(self.source.repository.approach());
        }
    }

    /// Whether it is by this rule by pattern that a repository is written to.
    pub(crate) fn writes_by(
        &self,
        search: &Arc<Search>,
        registry: &Registry,
        name: &RepositoryName,
    ) -> bool {
        let is_there = |to: &DestinationRule| to.registry == *registry && to.repository == *name;
        self.found.iter().any(|(own, _)| Arc::ptr_eq(own, search))
            && self.rules.iter().any(|(number, rule)| {
                *number == search.number && rule.destinations.iter().any(is_there)
            })
    }

    /// Where a row of its rules stands in the report, after the rule's number: repository, destination, image.
    fn order(&self, rule: usize, destination: usize, image: usize) -> Order {
        let found = self.found.iter().find(|(search, _)| search.number == rule);
        let repository = found.map_or(0, |(_, at)| *at);
        Order::new(rule, repository, destination, image)
    }
}

/// Expands all rules, several repositories at a time, and tells of it as it goes. Whoever does not listen is waited for.
pub(crate) async fn expand(
    run: Arc<Run>,
    groups: Vec<Group>,
    searches: Vec<Arc<Search>>,
    tell: Sender<News>,
) {
    let (run, tell) = (&*run, &tell);
    let given = stream::iter(groups).map(Found::Repository);
    let found = by_registry(searches).into_iter();
    let found = found.map(|searches| Box::pin(repositories(run, searches)));
    stream::select(given, stream::iter(found).flatten_unordered(LISTS))
        .for_each_concurrent(LISTS, |found| async move {
            let searches = match found {
                Found::Repository(group) => expand_group(run, group, tell).await,
                Found::Nowhere => Vec::new(),
                Found::All(searches) => searches,
            };
            for search in searches.into_iter().filter(|search| search.close()) {
                let _ = tell.send(News::Searched(search)).await;
            }
        })
        .await;
}

/// Expands the rules of a repository. Says which rules by pattern found it.
async fn expand_group(run: &Run, group: Group, tell: &Sender<News>) -> Vec<Arc<Search>> {
    let group = Arc::new(group);
    group.approach(run);
    if AssertUnwindSafe(units(run, &group, tell)).catch_unwind().await.is_err() {
        for (number, rule) in &group.rules {
            for (at, destination) in rule.destinations.iter().enumerate() {
                panicked(&written(run, group.order(*number, at, 0), rule, destination));
            }
        }
    }
    let searches = group.found.iter().map(|(search, _)| search.clone()).collect();
    let _ = tell.send(News::Expanded(group)).await;
    searches
}

/// A rule by what was written, and where.
fn named(written: &str, origin: Option<&Origin>) -> Sentence {
    match origin {
        None => sentence!("the_rule", "the rule '{written}'", written = written),
        Some(origin) => sentence!(
            "the_rule_at",
            "the rule '{written}' ({place})",
            written = written,
            place = origin.to_string(),
        ),
    }
}

/// Makes the units of a group. What can't be resolved is a row as it was written.
async fn units(run: &Run, group: &Arc<Group>, tell: &Sender<News>) {
    let mut expansion = Expansion::new(run, group);
    // a list that tells digests stands for a HEAD per tag, and is kept for that
    let listing = run.unless_stopped(group.source.repository.lists_digests()).await;
    if group.is_pagewise(run) && !listing.unwrap_or(false) {
        if let Err(error) = pagewise(run, group, &mut expansion, tell).await {
            fail_listed(run, group, &error);
        }
        return;
    }
    let listed = if group.rules.iter().any(|(_, rule)| rule.needs_list()) {
        run.unless_stopped(group.source.tags()).await
    } else {
        Ok(Arc::default())
    };
    if let Err(error) = &listed {
        fail_listed(run, group, error);
    }
    for (number, rule) in &group.rules {
        let tags: &[Tag] = match &listed {
            Err(_) if rule.needs_list() => continue,
            listed => listed.as_ref().map_or(&[], |list| &list.tags),
        };
        match dates::read(run, group, rule, tags).await {
            Ok(dates) => expansion.rule(*number, rule, tags, &dates),
            Err(error) => fail_rule(run, group, *number, rule, &error),
        }
    }
    let _ = tell.send(News::Units(group.clone(), expansion.take())).await;
}

/// Makes units of a list page by page. No page is kept longer than it takes to hand on its units.
async fn pagewise(
    run: &Run,
    group: &Arc<Group>,
    expansion: &mut Expansion<'_>,
    tell: &Sender<News>,
) -> Result<()> {
    let mut pages = group.source.repository.tag_pages();
    let mut listed = 0;
    let mut taken = vec![0; group.rules.len()];
    while let Some(page) = run.unless_stopped(pages.next()).await? {
        listed += page.len();
        for tags in page.chunks(BATCH) {
            for (at, (number, rule)) in group.rules.iter().enumerate() {
                taken[at] += expansion.page(*number, rule, taken[at], tags);
            }
            let units = expansion.take();
            if !units.is_empty() && tell.send(News::Units(group.clone(), units)).await.is_err() {
                return Ok(());
            }
        }
    }
    for ((number, rule), _) in group.rules.iter().zip(&taken).filter(|(_, taken)| **taken == 0) {
        for (at, destination) in rule.destinations.iter().enumerate() {
            expansion.empty(group.order(*number, at, 0), rule, destination, listed);
        }
    }
    Ok(())
}

/// The list could not be read, or not to its end.
fn fail_listed(run: &Run, group: &Group, error: &Error) {
    for (number, rule) in group.rules.iter().filter(|(_, rule)| rule.needs_list()) {
        fail_rule(run, group, *number, rule, error);
    }
}

/// It can't be said what a rule selects.
fn fail_rule(run: &Run, group: &Group, number: usize, rule: &Rule, error: &Error) {
    for (at, destination) in rule.destinations.iter().enumerate() {
        fail(run, group.order(number, at, usize::MAX), rule, destination, error);
    }
}

/// A row for a rule as it was written, whose images are not known.
pub(crate) fn written(
    run: &Run,
    order: Order,
    rule: &Rule,
    destination: &DestinationRule,
) -> Arc<Row> {
    run.board.add(order, rule.source.written.clone(), destination.written.clone())
}

fn fail(run: &Run, order: Order, rule: &Rule, destination: &DestinationRule, error: &Error) {
    let chosen = run.chosen.of_rule(rule, destination);
    if !chosen.is_empty() {
        return fail_chosen(run, order, chosen, error);
    }
    let row = written(run, order, rule, destination);
    match run.chosen.verdict(&[(row.source(), &row.destination())]) {
        Verdict::Off => row.skipped(SWITCHED_OFF, None),
        // whether a chosen image is among those that are not known can't be known
        Verdict::Taken | Verdict::Left => row.failed(error),
    };
}

/// Images that are chosen by name fail under their names.
fn fail_chosen(run: &Run, order: Order, chosen: Vec<(String, String)>, error: &Error) {
    for (source, destination) in chosen {
        run.board.add(order, source, destination).failed(error);
    }
}

mod dates;
mod expansion;
mod search;
#[cfg(test)]
mod tests;
