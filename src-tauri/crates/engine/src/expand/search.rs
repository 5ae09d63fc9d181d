//! Rules by pattern: their repositories are found in a registry's catalogue.

use std::{
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures_util::{FutureExt as _, Stream, stream};
use registry::{CatalogPages, Code, Error, RepositoryName, sentence};

use super::{Group, fail_chosen, named};
use crate::{
    PatternRule,
    choice::{SWITCHED_OFF, Verdict},
    row::Order,
    run::{Run, panic_error},
};

/// A rule by pattern while its repositories are looked for.
#[derive(Debug)]
pub(crate) struct Search {
    pub(crate) number: usize,
    pub(crate) rule: PatternRule,
    /// Repositories that are not expanded yet, and one for the catalogue itself.
    open: AtomicUsize,
}

impl Search {
    pub(super) fn new(number: usize, rule: PatternRule) -> Self {
        Self { number, rule, open: AtomicUsize::new(1) }
    }

    /// One thing less to wait for. True for the last.
    pub(super) fn close(&self) -> bool {
        self.open.fetch_sub(1, Ordering::AcqRel) == 1
    }

    /// Whether all of its repositories are known and expanded.
    pub(crate) fn is_over(&self) -> bool {
        self.open.load(Ordering::Acquire) == 0
    }
}

/// Rules by pattern over one registry share a reading of its catalogue.
pub(super) fn by_registry(searches: Vec<Arc<Search>>) -> Vec<Vec<Arc<Search>>> {
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

/// What a catalogue yields.
pub(super) enum Found {
    /// A repository.
    Repository(Group),
    /// A repository that can't go anywhere, which has been told.
    Nowhere,
    /// There are no more.
    All(Vec<Arc<Search>>),
}

/// The repositories of rules by pattern over one registry, read from its catalogue as they are taken.
pub(super) fn repositories(run: &Run, searches: Vec<Arc<Search>>) -> impl Stream<Item = Found> {
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
