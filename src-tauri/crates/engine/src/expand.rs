//! From rules to rows. Rules of one source repository are expanded together, from one list of its tags, so that an image
//! that several of them name is one unit of work.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use registry::{Code, Error, PlatformFilter, Reference, Registry, RepositoryName, Tag, Target};

use crate::{
    DestinationRule, Rule, Selection,
    place::{Place, SourceRepository},
    referrers::is_index_tag,
    row::Row,
    run::Run,
    unit::{Aim, Destination, Unit},
};

/// The rules of one source repository.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) source: Arc<SourceRepository>,
    /// With their numbers in the job.
    pub(crate) rules: Vec<(usize, Rule)>,
    /// Every repository that they write to, once.
    pub(crate) places: Vec<Arc<Place>>,
}

/// Sorts rules by their source repository.
pub(crate) fn group(run: &Run, rules: Vec<Rule>) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut known: HashMap<(Registry, RepositoryName), usize> = HashMap::new();
    for (number, rule) in rules.into_iter().enumerate() {
        let key = (rule.source.registry.clone(), rule.source.repository.clone());
        let at = *known.entry(key).or_insert_with_key(|(registry, name)| {
            let source = Arc::new(SourceRepository::new(run.client.source(registry, name)));
            groups.push(Group { source, rules: Vec::new(), places: Vec::new() });
            groups.len() - 1
        });
        for destination in &rule.destinations {
            let place = place(run, destination);
            if !groups[at].places.iter().any(|known| known.index == place.index) {
                groups[at].places.push(place);
            }
        }
        groups[at].rules.push((number, rule));
    }
    groups
}

fn place(run: &Run, destination: &DestinationRule) -> Arc<Place> {
    run.places.get(&run.client, &destination.registry, &destination.repository)
}

/// Makes the units of a group. What can't be resolved is a row as it was written.
pub(crate) async fn expand(run: &Run, group: &Group) -> Vec<Unit> {
    let listed = if group.rules.iter().any(|(_, rule)| rule.needs_list()) {
        run.unless_stopped(group.source.tags()).await
    } else {
        Ok(Arc::default())
    };
    let mut expansion = Expansion::new(run, group);
    for (number, rule) in &group.rules {
        match &listed {
            Err(error) if rule.needs_list() => {
                for (at, destination) in rule.destinations.iter().enumerate() {
                    fail(run, (*number, at), rule, destination, error);
                }
            }
            listed => {
                let tags: &[Tag] = listed.as_ref().map_or(&[], |list| &list.tags);
                expansion.rule(*number, rule, tags);
            }
        }
    }
    expansion.units
}

/// A row for a rule as it was written, whose images are not known.
pub(crate) fn written(
    run: &Run,
    order: (usize, usize),
    rule: &Rule,
    destination: &DestinationRule,
) -> Arc<Row> {
    run.board.add(order, rule.source.written.clone(), destination.written.clone())
}

fn fail(
    run: &Run,
    order: (usize, usize),
    rule: &Rule,
    destination: &DestinationRule,
    error: &Error,
) {
    written(run, order, rule, destination).failed(error);
}

struct Expansion<'a> {
    run: &'a Run,
    source: &'a Arc<SourceRepository>,
    units: Vec<Unit>,
    /// Which unit an image is.
    images: HashMap<(Target, Arc<PlatformFilter>), usize>,
    /// What is a row already.
    rows: HashSet<(usize, usize, Aim)>,
    policy: Arc<PlatformFilter>,
}

impl<'a> Expansion<'a> {
    fn new(run: &'a Run, group: &'a Group) -> Self {
        Self {
            run,
            source: &group.source,
            units: Vec::new(),
            images: HashMap::new(),
            rows: HashSet::new(),
            policy: Arc::new(run.policy.platforms.clone()),
        }
    }

    fn rule(&mut self, number: usize, rule: &Rule, listed: &[Tag]) {
        let filter = rule.platforms.clone().map_or_else(|| self.policy.clone(), Arc::new);
        let mut position = 0;
        for destination in &rule.destinations {
            let order = (number, position);
            if let Some((digest, target)) = rule.by_digest(destination) {
                let aim = match target {
                    Target::Tag(tag) => Aim::Tag(tag),
                    Target::Digest(_) => Aim::Digest,
                };
                self.row(order, rule, destination, Target::Digest(digest), aim, &filter);
                position += 1;
                continue;
            }
            match rule.pair(destination, listed) {
                Err(why) => {
                    let error = Error::new(Code::RuleInvalid, why)
                        .hint("Name as many tags at the destination as the source selects.");
                    fail(self.run, order, rule, destination, &error);
                    position += 1;
                }
                Ok(pairs) if pairs.is_empty() => {
                    self.empty(order, rule, destination, listed.len());
                    position += 1;
                }
                Ok(pairs) => {
                    for (from, to) in pairs {
                        if self.run.policy.referrers && rule.needs_list() && is_index_tag(&from) {
                            continue;
                        }
                        let order = (number, position);
                        self.row(
                            order,
                            rule,
                            destination,
                            Target::Tag(from),
                            Aim::Tag(to),
                            &filter,
                        );
                        position += 1;
                    }
                }
            }
        }
    }

    fn empty(
        &self,
        order: (usize, usize),
        rule: &Rule,
        destination: &DestinationRule,
        listed: usize,
    ) {
        let at = rule.origin.as_ref().map(|origin| format!(" ({origin})")).unwrap_or_default();
        let of = match listed {
            0 => "the repository has none".to_owned(),
            1 => "the repository has one".to_owned(),
            n => format!("the repository has {n}"),
        };
        let what = format!("the rule '{}'{at} selects no tag: {of}", rule.source.written);
        if self.run.policy.fail_if_empty {
            let error = Error::new(Code::RuleEmpty, what);
            fail(self.run, order, rule, destination, &error);
        } else if order.1 == 0 {
            // once per rule, not per destination
            self.run.board.warn(what);
        }
    }

    fn row(
        &mut self,
        order: (usize, usize),
        rule: &Rule,
        destination: &DestinationRule,
        target: Target,
        aim: Aim,
        filter: &Arc<PlatformFilter>,
    ) {
        let place = place(self.run, destination);
        let unit = *self.images.entry((target.clone(), filter.clone())).or_insert_with(|| {
            self.units.push(Unit {
                source: self.source.clone(),
                target: target.clone(),
                filter: filter.clone(),
                destinations: Vec::new(),
            });
            self.units.len() - 1
        });
        if !self.rows.insert((unit, place.index, aim.clone())) {
            return;
        }
        let written = match &rule.source.select {
            Selection::Digest { tag, .. } => tag.clone(),
            _ => None,
        };
        let source = reference(&rule.source.registry, &rule.source.repository, &target, written);
        let called = match &aim {
            Aim::Tag(tag) => Target::Tag(tag.clone()),
            Aim::Digest => target,
        };
        let to = reference(&destination.registry, &destination.repository, &called, None);
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
