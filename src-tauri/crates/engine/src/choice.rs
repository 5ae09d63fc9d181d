//! A choice of images made by hand: all but these, or only these. Images are named as rows name them.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::{Arc, Mutex},
};

use registry::{Code, Error, Registry, RepositoryName};
use serde::{Deserialize, Serialize};

use crate::{DestinationRule, JobRule, PatternRule, Rule, board::Board, row::Order, row::lock};

/// Why an image is skipped that the user has switched off.
pub const SWITCHED_OFF: &str = "switched off by hand";

/// A source image at one destination: full references as rows have them, or what the rule says where a row has that.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ImagePair {
    /// The source.
    pub source: String,
    /// The destination.
    pub destination: String,
}

/// Which of the images that the rules select are copied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// All of them.
    #[default]
    All,
    /// All but these, which are rows that are skipped.
    Without(Pairs),
    /// These; others are no rows. One that no rule selects (any more) is a failed row.
    Only(Pairs),
}

/// Images, for a look-up by both names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pairs(Arc<HashMap<String, BTreeSet<String>>>);

impl FromIterator<ImagePair> for Pairs {
    fn from_iter<T: IntoIterator<Item = ImagePair>>(pairs: T) -> Self {
        let mut map: HashMap<String, BTreeSet<String>> = HashMap::new();
        for pair in pairs {
            map.entry(pair.source).or_default().insert(pair.destination);
        }
        Self(Arc::new(map))
    }
}

impl Pairs {
    fn has(&self, source: &str, destination: &str) -> bool {
        self.0.get(source).is_some_and(|to| to.contains(destination))
    }

    fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .flat_map(|(source, to)| to.iter().map(move |to| (source.as_str(), to.as_str())))
    }
}

/// What becomes of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is worked on.
    Taken,
    /// It is skipped.
    Off,
    /// It is none.
    Left,
}

/// The choice of a run, and which of its images were met.
#[derive(Debug, Default)]
pub(crate) struct Chosen {
    choice: Choice,
    met: Mutex<HashSet<(String, String)>>,
}

impl Chosen {
    pub(crate) fn new(choice: Choice) -> Self {
        Self { choice, met: Mutex::default() }
    }

    /// What becomes of a row that goes by any of these names.
    pub(crate) fn verdict(&self, names: &[(&str, &str)]) -> Verdict {
        match &self.choice {
            Choice::All => Verdict::Taken,
            Choice::Without(pairs) => {
                if names.iter().any(|(from, to)| pairs.has(from, to)) {
                    Verdict::Off
                } else {
                    Verdict::Taken
                }
            }
            Choice::Only(pairs) => {
                let mut verdict = Verdict::Left;
                for (from, to) in names.iter().filter(|(from, to)| pairs.has(from, to)) {
                    lock(&self.met).insert(((*from).to_owned(), (*to).to_owned()));
                    verdict = Verdict::Taken;
                }
                verdict
            }
        }
    }

    /// The rules that may select an image that is chosen, with the destinations that it may go to.
    pub(crate) fn narrow(&self, rules: Vec<JobRule>) -> Vec<JobRule> {
        let Choice::Only(_) = &self.choice else { return rules };
        let narrowed = rules.into_iter().filter_map(|rule| match rule {
            JobRule::One(rule) => self.narrow_one(rule, None).map(JobRule::One),
            JobRule::Pattern(rule) => self.concerns(&rule).then_some(JobRule::Pattern(rule)),
        });
        narrowed.collect()
    }

    /// The same for one rule, which a rule by pattern may have made.
    pub(crate) fn narrow_one(&self, mut rule: Rule, of: Option<&PatternRule>) -> Option<Rule> {
        let Choice::Only(pairs) = &self.choice else { return Some(rule) };
        let from = repository(&rule.source.registry, &rule.source.repository);
        let written = rule.source.written.as_str();
        let is_wanted = |to: &DestinationRule| {
            let into = repository(&to.registry, &to.repository);
            pairs.has(written, &to.written)
                || of.is_some_and(|of| self.is_written(of, to))
                || pairs
                    .iter()
                    .any(|(source, destination)| is_in(source, &from) && is_in(destination, &into))
        };
        let wanted: Vec<_> = rule.destinations.iter().map(is_wanted).collect();
        let mut wanted = wanted.into_iter();
        rule.destinations.retain(|_| wanted.next().unwrap_or_default());
        (!rule.destinations.is_empty()).then_some(rule)
    }

    /// Whether a rule by pattern is chosen as it was written, with the destination that became this one.
    pub(crate) fn is_written(&self, rule: &PatternRule, to: &DestinationRule) -> bool {
        let (Choice::Without(pairs) | Choice::Only(pairs)) = &self.choice else { return false };
        rule.destinations.iter().any(|mapping| {
            pairs.has(&rule.written, &mapping.written)
                && mapping.may_be(&to.registry, &to.repository)
        })
    }

    fn concerns(&self, rule: &PatternRule) -> bool {
        let Choice::Only(pairs) = &self.choice else { return true };
        let registry = format!("{}/", rule.registry);
        pairs.iter().any(|(source, destination)| {
            let is_written = source == rule.written
                && rule.destinations.iter().any(|to| to.written == destination);
            let path = source.strip_prefix(&registry).map(path);
            is_written || path.is_some_and(|path| rule.matches(path))
        })
    }

    /// What an image is called that is chosen and is written by digest: by which, its row tells only when it is known.
    pub(crate) fn by_digest(&self, source: &str, destination: &str) -> Option<&str> {
        let (Choice::Without(pairs) | Choice::Only(pairs)) = &self.choice else { return None };
        let to = pairs.0.get(source)?.iter();
        to.map(String::as_str).find(|to| to.contains('@') && path(to) == path(destination))
    }

    /// The chosen images, not met yet, that a rule may select for a destination; they count as met from here on.
    pub(crate) fn of_rule(&self, rule: &Rule, to: &DestinationRule) -> Vec<(String, String)> {
        let from = repository(&rule.source.registry, &rule.source.repository);
        let into = repository(&to.registry, &to.repository);
        self.meet(|source, destination| is_in(source, &from) && is_in(destination, &into))
    }

    /// The same of a rule by pattern, for all of its destinations.
    pub(crate) fn of_pattern(&self, rule: &PatternRule) -> Vec<(String, String)> {
        let registry = format!("{}/", rule.registry);
        self.meet(|source, _| {
            source.strip_prefix(&registry).is_some_and(|name| rule.matches(path(name)))
        })
    }

    fn meet(&self, fits: impl Fn(&str, &str) -> bool) -> Vec<(String, String)> {
        let Choice::Only(pairs) = &self.choice else { return Vec::new() };
        let mut met = lock(&self.met);
        let fitting = pairs.iter().filter(|(source, destination)| fits(source, destination));
        let fitting = fitting.map(|(source, to)| (source.to_owned(), to.to_owned()));
        fitting.filter(|pair| met.insert(pair.clone())).collect()
    }

    /// Makes rows of the chosen images that no rule has selected.
    pub(crate) fn missing(&self, board: &Board) {
        let Choice::Only(pairs) = &self.choice else { return };
        let met = lock(&self.met);
        for (source, destination) in pairs.iter() {
            if met.contains(&(source.to_owned(), destination.to_owned())) {
                continue;
            }
            let error = Error::new(
                Code::RuleEmpty,
                format!("no rule selects {source} for {destination} any more"),
            );
            board.add(Order::last(), source.to_owned(), destination.to_owned()).failed(&error);
        }
    }
}

fn repository(registry: &Registry, name: &RepositoryName) -> String {
    format!("{registry}/{name}")
}

/// Whether a full reference is in a repository.
fn is_in(reference: &str, repository: &str) -> bool {
    path(reference) == repository
}

/// A reference without its tag and digest.
fn path(reference: &str) -> &str {
    let name = reference.split_once('@').map_or(reference, |(name, _)| name);
    match name.rsplit_once(':') {
        // a colon before a slash is a port's
        Some((name, tag)) if !tag.contains('/') => name,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(pairs: &[(&str, &str)]) -> Pairs {
        let pair = |(source, destination): &(&str, &str)| ImagePair {
            source: (*source).to_owned(),
            destination: (*destination).to_owned(),
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn names_without_tag_and_digest() {
        for (reference, name) in [
            ("r.io:5000/a/b:1", "r.io:5000/a/b"),
            ("r.io:5000/a/b", "r.io:5000/a/b"),
            ("r.io/a@sha256:00", "r.io/a"),
            ("r.io/a:1@sha256:00", "r.io/a"),
        ] {
            assert_eq!(path(reference), name);
        }
    }

    #[test]
    fn rules_that_can_not_select_what_is_chosen_are_left_out() {
        let rule = |source: &str, to: &[&str]| JobRule::from(Rule::parse(source, to).unwrap());
        let pattern =
            |source: &str, to: &[&str]| JobRule::from(PatternRule::parse(source, to).unwrap());
        let rules = vec![
            rule("r.io/a", &["s.io/a", "t.io/a"]),
            rule("r.io/b", &["s.io/b"]),
            rule("r.io/c:/^v/", &["s.io/c"]),
            pattern("r.io/team/*", &["s.io/{path}"]),
            pattern("q.io/*", &["s.io/{path}"]),
        ];
        let only = pairs(&[
            ("r.io/a:1", "t.io/a:1"),
            ("r.io/c:/^v/", "s.io/c"),
            ("r.io/team/x:1", "s.io/team/x:1"),
        ]);
        let chosen = Chosen::new(Choice::Only(only));
        let left: Vec<String> = chosen
            .narrow(rules)
            .iter()
            .map(|rule| match rule {
                JobRule::One(rule) => {
                    let to: Vec<_> = rule.destinations.iter().map(|to| &*to.written).collect();
                    format!("{} {}", rule.source.written, to.join(" "))
                }
                JobRule::Pattern(rule) => rule.written.clone(),
            })
            .collect();
        assert_eq!(left, ["r.io/a t.io/a", "r.io/c:/^v/ s.io/c", "r.io/team/*"]);
    }
}
