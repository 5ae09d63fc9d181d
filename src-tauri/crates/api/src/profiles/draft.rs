//! Profiles as the page has them, and as their files do.

use ::profiles::{
    Field, Profile,
    profile::{
        Fault, Narrowing, Platforms, ProfilePolicy, ProfileRule, Repositories, Stored, Tags,
    },
};
use engine::{Attestations, IndexPolicy, NewestBy, Overwrite};

use crate::{
    dto::{
        self, ApiError, Note, PlatformsDraft, RepositoriesDraft, RuleDraft, RuleProblem, TagsDraft,
    },
    error::Result,
};

const OVERWRITE: [(&str, Overwrite); 3] = [
    ("never", Overwrite::Never),
    ("differing", Overwrite::Differing),
    ("always", Overwrite::Always),
];
const ATTESTATIONS: [(&str, Attestations); 3] =
    [("keep", Attestations::Keep), ("strip", Attestations::Strip), ("auto", Attestations::Auto)];
const INDEX: [(&str, IndexPolicy); 2] =
    [("rewrite", IndexPolicy::Rewrite), ("sparse", IndexPolicy::Sparse)];
const NEWEST_BY: [(&str, NewestBy); 2] =
    [("version", NewestBy::Version), ("created", NewestBy::Created)];

/// The word for a value.
fn word<T: PartialEq>(known: &[(&str, T)], value: &T) -> String {
    known.iter().find(|(_, one)| one == value).map_or("", |(word, _)| word).into()
}

/// The value of a word; without one, the usual.
fn value<T: Copy + Default>(known: &[(&str, T)], field: &str, word: &str) -> Result<T> {
    if word.is_empty() {
        return Ok(T::default());
    }
    let found = known.iter().find(|(one, _)| *one == word);
    found.map(|(_, value)| *value).ok_or_else(|| {
        let words: Vec<&str> = known.iter().map(|(word, _)| *word).collect();
        ApiError::field(field, format!("'{field}' can be {}", words.join(", ")))
    })
}

/// A saved profile as the page has it.
pub(crate) fn told(stored: &Stored) -> dto::Profile {
    let Profile { name, rules, platforms, accounts, policy } = &stored.profile;
    dto::Profile {
        id: stored.id.clone(),
        name: name.clone(),
        rules: rules.iter().map(told_rule).collect(),
        os: platforms.os.clone(),
        arch: platforms.arch.clone(),
        overwrite: word(&OVERWRITE, &policy.overwrite),
        attestations: word(&ATTESTATIONS, &policy.attestations),
        index: word(&INDEX, &policy.index),
        referrers: policy.referrers,
        retries: policy.retries,
        proc: policy.proc.map(|proc| u32::try_from(proc).unwrap_or(u32::MAX)),
        bandwidth: policy.bandwidth,
        accounts: accounts.clone(),
    }
}

fn told_rule(rule: &ProfileRule) -> RuleDraft {
    let Tags { include, exclude, versions, newest, newest_by } = rule.tags.clone();
    RuleDraft {
        source: rule.source.clone(),
        destinations: rule.destinations.clone(),
        tags: TagsDraft {
            include,
            exclude,
            versions,
            newest: newest.map(|newest| u32::try_from(newest).unwrap_or(u32::MAX)),
            newest_by: word(&NEWEST_BY, &newest_by),
        },
        repositories: RepositoriesDraft { exclude: rule.repositories.exclude.clone() },
        platforms: rule.platforms.clone().map(|Platforms { os, arch }| PlatformsDraft { os, arch }),
    }
}

/// A profile as the page has it, as it is saved. What the page does not show is as in `old`.
pub(crate) fn drafted(draft: dto::Profile, old: ProfilePolicy) -> Result<Profile> {
    Ok(Profile {
        name: draft.name,
        rules: draft.rules.into_iter().map(drafted_rule).collect::<Result<_>>()?,
        platforms: Platforms { os: draft.os, arch: draft.arch },
        accounts: draft.accounts,
        policy: ProfilePolicy {
            overwrite: value(&OVERWRITE, "overwrite", &draft.overwrite)?,
            attestations: value(&ATTESTATIONS, "attestations", &draft.attestations)?,
            index: value(&INDEX, "index", &draft.index)?,
            referrers: draft.referrers,
            retries: draft.retries,
            proc: draft.proc.map(|proc| proc as usize),
            bandwidth: draft.bandwidth,
            ..old
        },
    })
}

/// A rule as the page has it, as it is saved.
pub(crate) fn drafted_rule(draft: RuleDraft) -> Result<ProfileRule> {
    let TagsDraft { include, exclude, versions, newest, newest_by } = draft.tags;
    Ok(ProfileRule {
        source: draft.source,
        destinations: draft.destinations,
        tags: Tags {
            include,
            exclude,
            versions: versions.filter(|range| !range.trim().is_empty()),
            newest: newest.map(|newest| newest as usize),
            newest_by: value(&NEWEST_BY, "newestBy", &newest_by)?,
        },
        repositories: Repositories { exclude: draft.repositories.exclude },
        platforms: draft.platforms.map(|PlatformsDraft { os, arch }| Platforms { os, arch }),
    })
}

/// The first of what is wrong, as an answer.
pub(crate) fn problem(faults: Vec<Fault>) -> ApiError {
    let first = faults.into_iter().next();
    first.map_or_else(ApiError::internal, |fault| RuleProblem::from(fault).error)
}

impl From<Fault> for RuleProblem {
    fn from(fault: Fault) -> Self {
        let (field, rule, item) = match fault.field {
            Field::Name => ("name", None, 0),
            Field::Account { .. } => ("account", None, 0),
            Field::Limit { name } => (name, None, 0),
            Field::Source { rule } => ("source", Some(rule), 0),
            Field::Destination { rule, destination } => ("destination", Some(rule), destination),
            Field::Narrowing { rule, what, item } => {
                let field = match what {
                    Narrowing::Include => "include",
                    Narrowing::Exclude => "exclude",
                    Narrowing::Versions => "versions",
                    Narrowing::Newest => "newest",
                    Narrowing::Repositories => "repositories",
                };
                (field, Some(rule), item)
            }
            Field::Os { rule } => ("os", rule, 0),
            Field::Arch { rule } => ("arch", rule, 0),
        };
        let error = ApiError::field(field, fault.message.to_string())
            .hint(fault.hint.as_deref().unwrap_or_default())
            .param("at", fault.at)
            .note(Note::from(fault.message).hint(fault.hint));
        Self { rule: rule.map(|rule| rule as u32), field: field.into(), item: item as u32, error }
    }
}
