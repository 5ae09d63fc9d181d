//! From rules to rows. Rules of one source repository are expanded together, from one list of its tags, so that an image
//! that several of them name is one unit of work. A long list is expanded page by page where its rules allow that, and read
//! no faster than its images are worked on.

use std::{
    collections::{HashMap, HashSet},
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures_util::{FutureExt as _, Stream, StreamExt as _, stream};
use registry::{
    CatalogPages, Code, Error, PlatformFilter, Reference, Registry, RepositoryName, Result,
    Sentence, Tag, Target, sentence,
};
use tokio::sync::mpsc::Sender;

use crate::{
    DestinationRule, JobRule, Origin, PatternRule, Rule, Selection, TagDates,
    choice::{SWITCHED_OFF, Verdict},
    place::{Place, SourceRepository},
    referrers::is_index_tag,
    row::{Order, Row},
    run::{Run, panic_error, panicked},
    unit::{Aim, Destination, Unit},
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

/// A rule by pattern while its repositories are looked for.
#[derive(Debug)]
pub(crate) struct Search {
    pub(crate) number: usize,
    pub(crate) rule: PatternRule,
    /// Repositories that are not expanded yet, and one for the catalogue itself.
    open: AtomicUsize,
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
                searches.push(Arc::new(Search { number, rule, open: AtomicUsize::new(1) }));
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

impl Search {
    /// One thing less to wait for. True for the last.
    fn close(&self) -> bool {
        self.open.fetch_sub(1, Ordering::AcqRel) == 1
    }

    /// Whether all of its repositories are known and expanded.
    pub(crate) fn is_over(&self) -> bool {
        self.open.load(Ordering::Acquire) == 0
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

/// Rules by pattern over one registry share a reading of its catalogue.
fn by_registry(searches: Vec<Arc<Search>>) -> Vec<Vec<Arc<Search>>> {
    let mut sorted: Vec<Vec<Arc<Search>>> = Vec::new();
    for search in searches {
        let same = |others: &&mut Vec<Arc<Search>>| {
            others.first().is_some_and(|other| other.rule.registry == search.rule.registry)
        };
        match sorted.iter_mut().find(same) {
            Some(others) => others.push(search),
            None => sorted.push(vec![search]),
        }
    }
    sorted
}

/// Expands the rules of a repository. Says which rules by pattern found it.
async fn expand_group(run: &Run, group: Group, tell: &Sender<News>) -> Vec<Arc<Search>> {
    let group = Arc::new(group);
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

/// What a catalogue yields.
enum Found {
    /// A repository.
    Repository(Group),
    /// A repository that can't go anywhere, which has been told.
    Nowhere,
    /// There are no more.
    All(Vec<Arc<Search>>),
}

/// The repositories of rules by pattern over one registry, read from its catalogue as they are taken.
fn repositories(run: &Run, searches: Vec<Arc<Search>>) -> impl Stream<Item = Found> {
    struct State<'r> {
        pages: Option<CatalogPages<'r>>,
        names: std::vec::IntoIter<String>,
        listed: usize,
        /// Of each rule.
        found: Vec<usize>,
        searches: Option<Vec<Arc<Search>>>,
    }
    let registry = searches.first().map(|search| &search.rule.registry);
    let state = State {
        pages: registry.map(|registry| run.client.catalog_pages(registry)),
        names: Vec::new().into_iter(),
        listed: 0,
        found: vec![0; searches.len()],
        searches: Some(searches),
    };
    stream::unfold(state, move |mut state| async move {
        let searches = state.searches.take()?;
        let pages = state.pages.as_mut()?;
        loop {
            let is_meant = |name: &String| searches.iter().any(|search| search.rule.matches(name));
            if let Some(name) = state.names.find(is_meant) {
                let group = repository(run, &searches, &mut state.found, &name);
                state.searches = Some(searches);
                return Some((group.map_or(Found::Nowhere, Found::Repository), state));
            }
            let page = AssertUnwindSafe(run.unless_stopped(pages.next())).catch_unwind().await;
            let page = page.unwrap_or_else(|_| Err(panic_error()));
            if let Ok(Some(page)) = page {
                state.listed += page.len();
                state.names = page.into_iter();
                continue;
            }
            for (search, found) in searches.iter().zip(&state.found) {
                match &page {
                    Err(error) => fail_search(run, search, *found, error),
                    Ok(_) if *found == 0 => nothing(run, search, state.listed),
                    Ok(_) => {}
                }
            }
            return Some((Found::All(searches), state));
        }
    })
}

/// The group of a repository that patterns found, with the rules of all of them.
fn repository(
    run: &Run,
    searches: &[Arc<Search>],
    found: &mut [usize],
    name: &str,
) -> Option<Group> {
    let mut group: Option<Group> = None;
    for (search, found) in searches.iter().zip(found) {
        if !search.rule.matches(name) {
            continue;
        }
        let at = *found;
        *found += 1;
        let made =
            name.parse::<RepositoryName>().map_err(|error| error.to_string()).and_then(|name| {
                search.rule.of(&name).map(|rule| (name, rule)).map_err(|error| error.to_string())
            });
        let made = match made {
            Ok((name, rule)) => match run.chosen.narrow_one(rule, Some(&search.rule)) {
                Some(rule) => Ok((name, rule)),
                // without a chosen image in it, it is no matter
                None => continue,
            },
            Err(why) => Err(why),
        };
        match made {
            Ok((name, rule)) => {
                search.open.fetch_add(1, Ordering::AcqRel);
                let registry = &search.rule.registry;
                let group = group.get_or_insert_with(|| Group::new(run, registry, &name));
                group.found.push((search.clone(), at));
                group.add(run, search.number, rule);
            }
            Err(why) => {
                let error = Error::new(
                    Code::RuleInvalid,
                    format!("the repository '{name}' has no place at the destination: {why}"),
                );
                let source = format!("{}/{name}", search.rule.registry);
                for (n, to) in search.rule.destinations.iter().enumerate() {
                    let order = Order::new(search.number, at, n, 0);
                    let verdict = run.chosen.verdict(&[(&source, &to.written)]);
                    if verdict == Verdict::Left {
                        continue;
                    }
                    let row = run.board.add(order, source.clone(), to.written.clone());
                    match verdict {
                        Verdict::Off => row.skipped(SWITCHED_OFF, None),
                        Verdict::Taken | Verdict::Left => row.failed(&error),
                    };
                }
            }
        }
    }
    group
}

/// A row for each destination of a rule by pattern, as it was written.
fn fail_search(run: &Run, search: &Search, found: usize, error: &Error) {
    let chosen = run.chosen.of_pattern(&search.rule);
    if !chosen.is_empty() {
        return fail_chosen(run, Order::new(search.number, found, 0, 0), chosen, error);
    }
    for (n, to) in search.rule.destinations.iter().enumerate() {
        let order = Order::new(search.number, found, n, 0);
        let row = run.board.add(order, search.rule.written.clone(), to.written.clone());
        match run.chosen.verdict(&[(&search.rule.written, &to.written)]) {
            Verdict::Off => row.skipped(SWITCHED_OFF, None),
            Verdict::Taken | Verdict::Left => row.failed(error),
        };
    }
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

/// A rule by pattern has found no repository.
fn nothing(run: &Run, search: &Search, listed: usize) {
    let rule = &search.rule;
    let what = sentence!(
        "no_repository",
        "{rule} selects no repository: {registry} lists {listed}",
        rule = named(&rule.written, rule.origin.as_ref()),
        registry = &rule.registry,
        listed = listed,
    );
    if run.policy.fail_if_empty {
        fail_search(run, search, 0, &Error::new(Code::RuleEmpty, what));
    } else {
        run.board.warn(what);
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

struct Expansion<'a> {
    run: &'a Run,
    group: &'a Group,
    units: Vec<Unit>,
    /// Which unit an image is.
    images: HashMap<(Target, Arc<PlatformFilter>), usize>,
    /// What is a row already.
    rows: HashSet<(usize, usize, Aim)>,
    /// What is a row already, and switched off.
    off: HashSet<(Target, Arc<PlatformFilter>, usize, Aim)>,
    /// The filter of each rule; rules without one share the policy's.
    filters: HashMap<usize, Arc<PlatformFilter>>,
}

impl<'a> Expansion<'a> {
    fn new(run: &'a Run, group: &'a Group) -> Self {
        let policy = Arc::new(run.policy.platforms.clone());
        let filters = group.rules.iter().map(|(number, rule)| {
            (*number, rule.platforms.clone().map_or_else(|| policy.clone(), Arc::new))
        });
        Self {
            run,
            group,
            units: Vec::new(),
            images: HashMap::new(),
            rows: HashSet::new(),
            off: HashSet::new(),
            filters: filters.collect(),
        }
    }

    /// The units so far. Images that come later are others.
    fn take(&mut self) -> Vec<Unit> {
        self.images.clear();
        self.rows.clear();
        self.off.clear();
        std::mem::take(&mut self.units)
    }

    /// The tags of a page that a rule takes, of which there were `before`; says how many.
    fn page(&mut self, number: usize, rule: &Rule, before: usize, tags: &[Tag]) -> usize {
        let taken: Vec<&Tag> = tags.iter().filter(|tag| rule.takes(tag)).collect();
        for (at, destination) in rule.destinations.iter().enumerate() {
            for (n, &tag) in taken.iter().enumerate() {
                let order = self.group.order(number, at, before + n);
                let target = Target::Tag(tag.clone());
                self.row(order, rule, destination, target, Aim::Tag(tag.clone()));
            }
        }
        taken.len()
    }

    fn rule(&mut self, number: usize, rule: &Rule, listed: &[Tag], dates: &TagDates) {
        for (at, destination) in rule.destinations.iter().enumerate() {
            let order = self.group.order(number, at, 0);
            if let Some((digest, target)) = rule.by_digest(destination) {
                let aim = match target {
                    Target::Tag(tag) => Aim::Tag(tag),
                    Target::Digest(_) => Aim::Digest,
                };
                self.row(order, rule, destination, Target::Digest(digest), aim);
                continue;
            }
            match rule.pair(destination, listed, dates) {
                Err(why) => {
                    let error = Error::new(Code::RuleInvalid, why)
                        .hint("Name as many tags at the destination as the source selects.");
                    fail(self.run, order, rule, destination, &error);
                }
                Ok(pairs) if pairs.is_empty() => {
                    self.empty(order, rule, destination, listed.len());
                }
                Ok(pairs) => {
                    for (n, (from, to)) in pairs.into_iter().enumerate() {
                        if self.run.policy.referrers && rule.needs_list() && is_index_tag(&from) {
                            continue;
                        }
                        let order = self.group.order(number, at, n);
                        self.row(order, rule, destination, Target::Tag(from), Aim::Tag(to));
                    }
                }
            }
        }
    }

    fn empty(&self, order: Order, rule: &Rule, destination: &DestinationRule, listed: usize) {
        let of = match listed {
            0 => sentence!("no_tag_of_none", "the repository has none"),
            1 => sentence!("no_tag_of_single", "the repository has one"),
            n => sentence!("no_tag_of", "the repository has {n}", n = n),
        };
        let what = sentence!(
            "no_tag",
            "{rule} selects no tag: {of}",
            rule = named(&rule.source.written, rule.origin.as_ref()),
            of = of,
        );
        if self.run.policy.fail_if_empty {
            let error = Error::new(Code::RuleEmpty, what);
            fail(self.run, order, rule, destination, &error);
        } else if order.destination == 0 {
            // once per rule, not per destination
            self.run.board.warn(what);
        }
    }

    /// What the user has chosen to become of a row. Its rule, as it was written, stands for all of its rows.
    fn verdict(
        &self,
        rule: &Rule,
        destination: &DestinationRule,
        source: &str,
        to: &str,
    ) -> Verdict {
        let chosen = &self.run.chosen;
        let written = (rule.source.written.as_str(), destination.written.as_str());
        let mut names = vec![(source, to), written];
        for (search, _) in &self.group.found {
            if chosen.is_written(&search.rule, destination) {
                let to = search.rule.destinations.iter();
                names.extend(to.map(|to| (search.rule.written.as_str(), to.written.as_str())));
            }
        }
        chosen.verdict(&names)
    }

    fn row(
        &mut self,
        order: Order,
        rule: &Rule,
        destination: &DestinationRule,
        target: Target,
        aim: Aim,
    ) {
        let place = place(self.run, destination);
        let filter = self.filters.get(&(order.rule as usize)).cloned().unwrap_or_default();
        let written = match &rule.source.select {
            Selection::Digest { tag, .. } => tag.clone(),
            _ => None,
        };
        let source = reference(&rule.source.registry, &rule.source.repository, &target, written);
        let called = match &aim {
            Aim::Tag(tag) => Target::Tag(tag.clone()),
            Aim::Digest => target.clone(),
        };
        let to = reference(&destination.registry, &destination.repository, &called, None);
        let by_digest = match &aim {
            Aim::Digest => self.run.chosen.by_digest(&source, &to),
            Aim::Tag(_) => None,
        };
        match self.verdict(rule, destination, &source, by_digest.unwrap_or(&to)) {
            Verdict::Taken => {}
            Verdict::Left => return,
            Verdict::Off => {
                if self.off.insert((target, filter, place.index, aim)) {
                    self.run.board.add(order, source, to).skipped(SWITCHED_OFF, None);
                }
                return;
            }
        }
        let unit = *self.images.entry((target.clone(), filter.clone())).or_insert_with(|| {
            self.units.push(Unit {
                source: self.group.source.clone(),
                target: target.clone(),
                filter: filter.clone(),
                destinations: Vec::new(),
            });
            self.units.len() - 1
        });
        if !self.rows.insert((unit, place.index, aim.clone())) {
            return;
        }
        let row = self.run.board.add(order, source, to);
        place.want();
        self.units[unit].destinations.push(Destination { place, aim, row });
    }
}

fn reference(
    registry: &Registry,
    repository: &RepositoryName,
    target: &Target,
    tag: Option<Tag>,
) -> String {
    let (tag, digest) = match target {
        Target::Tag(tag) => (Some(tag.clone()), None),
        Target::Digest(digest) => (tag, Some(digest.clone())),
    };
    let reference =
        Reference { registry: registry.clone(), repository: repository.clone(), tag, digest };
    reference.to_string()
}

mod dates;
#[cfg(test)]
mod tests;
