//! Which images the tags of a list stand for, each once, and a row for each place that one goes to.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use registry::{Code, Error, PlatformFilter, Reference, Tag, Target, sentence};

use super::{Group, fail, named, place};
use crate::{
    DestinationRule, Rule, Selection, TagDates,
    choice::{SWITCHED_OFF, Verdict},
    referrers::is_index_tag,
    row::Order,
    run::Run,
    unit::{Aim, Destination, Unit},
};

/// The units of a group, as its rules are expanded.
pub(super) struct Expansion<'a> {
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
    pub(super) fn new(run: &'a Run, group: &'a Group) -> Self {
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
    pub(super) fn take(&mut self) -> Vec<Unit> {
        self.images.clear();
        self.rows.clear();
        self.off.clear();
        std::mem::take(&mut self.units)
    }

    /// The tags of a page that a rule takes, of which there were `before`; says how many.
    pub(super) fn page(
        &mut self,
        number: usize,
        rule: &Rule,
        before: usize,
        tags: &[Tag],
    ) -> usize {
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

    pub(super) fn rule(&mut self, number: usize, rule: &Rule, listed: &[Tag], dates: &TagDates) {
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

    pub(super) fn empty(
        &self,
        order: Order,
        rule: &Rule,
        destination: &DestinationRule,
        listed: usize,
    ) {
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
        let from = &rule.source;
        let mut source = Reference::new(&from.registry, &from.repository, target.clone());
        if let Selection::Digest { tag, .. } = &from.select {
            source.tag.clone_from(tag);
        }
        let source = source.to_string();
        let called = match &aim {
            Aim::Tag(tag) => Target::Tag(tag.clone()),
            Aim::Digest => target.clone(),
        };
        let to = Reference::new(&destination.registry, &destination.repository, called).to_string();
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
        if matches!(aim, Aim::Tag(_)) {
            place.want();
        }
        self.units[unit].destinations.push(Destination { place, aim, row });
    }
}
