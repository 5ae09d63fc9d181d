//! Saved profiles: named rules with a policy. A profile never holds a secret; it names accounts by id.
//!
//! `docs/profile-file.md` describes the file for people, `docs/profile.schema.json` for editors.

use std::collections::BTreeMap;

use accounts::{Address, Create};
use engine::{
    Attestations, DestinationRule, IndexPolicy, JobRule, Mapping, NewestBy, Overwrite, Pattern,
    PatternRule, Policy, Rule, RuleError, Source, TagFilter,
};
use registry::{ClientOptions, PlatformFilter, Sentence, sentence};
use schemars::JsonSchema;

use crate::problem::{at_least_one, no_limit, quoted};

mod export;
mod file;
mod import;
pub mod library;
mod schema;
#[cfg(test)]
mod tests;

pub use import::{Import, import, is_profile, read};
pub use library::{Listed, Profiles, Stored};
pub use schema::schema;

/// The format's version.
pub(crate) const VERSION: u64 = 1;

/// A profile.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Profile {
    /// What the user calls it; no other profile has the name.
    #[schemars(length(min = 1))]
    pub name: String,
    /// What goes where, in this order.
    pub rules: Vec<ProfileRule>,
    /// Platforms to keep; all where nothing is named.
    #[schemars(default)]
    pub platforms: Platforms,
    /// Which account is used where there are several: the account's id by registry, or by registry and namespace.
    #[schemars(default)]
    pub accounts: BTreeMap<String, String>,
    /// What a run does where the rules leave a choice.
    #[schemars(default)]
    pub policy: ProfilePolicy,
}

/// One rule, as the user writes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ProfileRule {
    /// `registry/repository`, with `:tag`, `:tag,tag`, `:/pattern/` or `@digest`. In the repository `*` stands for any
    /// characters but `/`, and `**` for any at all: such a rule is for every repository of the registry's catalogue that
    /// matches, as it is at each run, and tags that it names are those of them that are there.
    pub source: String,
    /// `registry/repository`, with `:tag` or `:tag,tag` where images get other names. In the repository `{path}` stands for
    /// the source repository's whole path, `{name}` for its last part, `{namespace}` for what is before that, `{registry}`
    /// for the source's registry. Where the source names repositories by pattern, each needs a place of its own, so that
    /// `{path}` or `{name}` must be there.
    #[schemars(length(min = 1))]
    pub destinations: Vec<String>,
    /// What narrows the tags that the source selects.
    #[schemars(default)]
    pub tags: Tags,
    /// What narrows the repositories that the source's pattern selects.
    #[schemars(default)]
    pub repositories: Repositories,
    /// Platforms for this rule alone, instead of the profile's.
    #[schemars(default)]
    pub platforms: Option<Platforms>,
}

/// What narrows the tags of a rule; all that is given must be met. Patterns are for whole tags, with `*` for any
/// characters and `?` for one; between two slashes they are regular expressions that match anywhere.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Tags {
    /// Tags match one of these patterns.
    #[schemars(default)]
    pub include: Vec<String>,
    /// Tags match none of these patterns.
    #[schemars(default)]
    pub exclude: Vec<String>,
    /// Tags are versions in this range: `>=1.2, <2`. A tag with a suffix (`1.2-rc1`, `1.2-alpine`) counts, by its numbers,
    /// only where the source or `include` asks for tags by name or pattern.
    #[schemars(default)]
    pub versions: Option<String>,
    /// Only the newest so many: of the tags that are versions, or of all by the date of their images.
    #[schemars(default, range(min = 1))]
    pub newest: Option<usize>,
    /// What makes a tag newer: the `version` that it is, or when its image was `created`, for which the config of each
    /// image is read first (of an image for several platforms, each of them, and the newest counts).
    #[schemars(default, with = "schema::NewestByName")]
    pub newest_by: NewestBy,
}

/// What narrows the repositories of a rule by pattern.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Repositories {
    /// Repositories match none of these patterns, which are for whole paths without the registry: `team/old-*`.
    #[schemars(default)]
    pub exclude: Vec<String>,
}

/// Platforms to keep: any of the operating systems with any of the architectures.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Platforms {
    /// Operating systems: `linux`, `windows:10.0.17763.1817`.
    #[schemars(default)]
    pub os: Vec<String>,
    /// Architectures: `amd64`, `arm:v7`.
    #[schemars(default)]
    pub arch: Vec<String>,
}

/// What a run does where the rules leave a choice.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ProfilePolicy {
    /// What happens to a tag that is at the destination with another digest: `never` touch it, replace it when
    /// `differing`, or `always` put the manifest again.
    #[schemars(default, with = "schema::OverwriteName")]
    pub overwrite: Overwrite,
    /// What becomes of attestations (provenance, bills of materials) in indexes: `keep` them, `strip` them, or strip them
    /// only where the destination refuses them, `auto`. An index without them has another digest.
    #[schemars(default, with = "schema::AttestationsName")]
    pub attestations: Attestations,
    /// What becomes of an index of which not all entries are wanted: `rewrite` it with those alone, which gives it another
    /// digest, or keep it as it is though manifests are missing, `sparse`, where the destination takes that.
    #[schemars(default, with = "schema::IndexName")]
    pub index: IndexPolicy,
    /// Whether signatures, attestations and other referrers come along.
    #[schemars(default)]
    pub referrers: bool,
    /// Whether repositories that must exist before the first push are created, where the account of the destination does
    /// not say it: `true`, or how.
    #[schemars(default)]
    pub create: Create,
    /// How often a request that failed is sent again, and damaged content fetched again.
    #[schemars(default)]
    pub retries: Option<u32>,
    /// The most requests in flight to any one registry; without it the number adapts.
    #[schemars(default, range(min = 1))]
    pub proc: Option<usize>,
    /// The most bytes per second over all downloads.
    #[schemars(default, range(min = 1))]
    pub bandwidth: Option<u64>,
}

/// What is wrong with a profile: which field, what, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The field.
    pub field: Field,
    /// What is wrong.
    pub message: Sentence,
    /// What to do.
    pub hint: Option<Sentence>,
    /// Byte offset within the field's text of what is wrong.
    pub at: usize,
}

/// A field of a profile that can be wrong. Numbers are places in lists, from 0.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    /// The name.
    Name,
    /// A rule's source.
    Source {
        /// Which rule.
        rule: usize,
    },
    /// A rule's destination.
    Destination {
        /// Which rule.
        rule: usize,
        /// Which destination; the first where there is none.
        destination: usize,
    },
    /// A list of patterns, a range or a number that narrows a rule's tags or repositories.
    Narrowing {
        /// Which rule.
        rule: usize,
        /// Which field.
        what: Narrowing,
        /// Which item of a list.
        item: usize,
    },
    /// Operating systems, of the profile or of a rule.
    Os {
        /// Which rule.
        rule: Option<usize>,
    },
    /// Architectures, of the profile or of a rule.
    Arch {
        /// Which rule.
        rule: Option<usize>,
    },
    /// A number of the policy: `proc`, `bandwidth`.
    Limit {
        /// Which.
        name: &'static str,
    },
    /// What the account of a registry is looked up by.
    Account {
        /// The registry as it was written.
        registry: String,
    },
}

/// A field that narrows what a rule selects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Narrowing {
    /// `tags.include`
    Include,
    /// `tags.exclude`
    Exclude,
    /// `tags.versions`
    Versions,
    /// `tags.newest`
    Newest,
    /// `repositories.exclude`
    Repositories,
}

/// All of a job but the client, which whoever owns the accounts makes.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The rules.
    pub rules: Vec<JobRule>,
    /// The policy.
    pub policy: Policy,
    /// How the client is to behave.
    pub options: ClientOptions,
}

impl Profile {
    /// All that is wrong with it, in the order of its fields.
    pub fn check(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        self.read(&mut faults);
        faults
    }

    /// Makes of it what a job needs, or says all that is wrong.
    pub fn prepare(&self) -> Result<Prepared, Vec<Fault>> {
        let mut faults = Vec::new();
        let prepared = self.read(&mut faults);
        if faults.is_empty() { Ok(prepared) } else { Err(faults) }
    }

    fn read(&self, faults: &mut Vec<Fault>) -> Prepared {
        if self.name.trim().is_empty() {
            faults.push(Fault::new(Field::Name, no_name()));
        }
        let mut rules = Vec::with_capacity(self.rules.len());
        for (n, rule) in self.rules.iter().enumerate() {
            rules.extend(rule.read(n, faults));
        }
        let platforms = self.platforms.read(None, faults);
        for registry in self.accounts.keys() {
            if let Err(error) = registry.parse::<Address>() {
                let field = Field::Account { registry: registry.clone() };
                let message = sentence!(
                    "no_registry",
                    "'{registry}' is no registry: {why}",
                    registry = registry,
                    why = error.why,
                );
                faults.push(Fault::new(field, message));
            }
        }
        let policy = &self.policy;
        for (name, is_zero) in
            [("proc", policy.proc == Some(0)), ("bandwidth", policy.bandwidth == Some(0))]
        {
            if is_zero {
                faults.push(Fault {
                    hint: Some(no_limit()),
                    ..Fault::new(Field::Limit { name }, at_least_one(&quoted(name)))
                });
            }
        }
        let options = ClientOptions::default();
        let retries = policy.retries.unwrap_or(options.retries);
        Prepared {
            rules,
            policy: Policy {
                platforms,
                overwrite: policy.overwrite,
                attestations: policy.attestations,
                index: policy.index,
                referrers: policy.referrers,
                retries,
                ..Policy::default()
            },
            options: ClientOptions {
                retries,
                requests_per_host: policy.proc,
                bandwidth: policy.bandwidth,
                create: policy.create.creation(),
                ..options
            },
        }
    }
}

impl ProfileRule {
    fn read(&self, rule: usize, faults: &mut Vec<Fault>) -> Option<JobRule> {
        let before = faults.len();
        let read = if PatternRule::is_meant(&self.source) {
            self.read_pattern(rule, faults).map(JobRule::from)
        } else {
            self.read_one(rule, faults).map(JobRule::from)
        };
        if self.destinations.is_empty() {
            let field = Field::Destination { rule, destination: 0 };
            let message = sentence!(
                "no_destination",
                "'{source}' has no destination",
                source = &self.source,
            );
            faults.push(Fault::new(field, message));
        }
        let tags = self.tags.read(rule, faults);
        let exclude = patterns(&self.repositories.exclude, rule, Narrowing::Repositories, faults);
        let platforms = self.platforms.as_ref().map(|platforms| platforms.read(Some(rule), faults));
        let mut read = read.filter(|_| faults.len() == before)?;
        *read.platforms_mut() = platforms;
        match &mut read {
            JobRule::One(one) => {
                one.tags = tags;
                if !exclude.is_empty() {
                    let field = Field::Narrowing { rule, what: Narrowing::Repositories, item: 0 };
                    let message = sentence!(
                        "one_repository",
                        "'{source}' is one repository",
                        source = &self.source,
                    );
                    let hint = sentence!(
                        "one_repository_hint",
                        "leave 'repositories' out, or name repositories by pattern",
                    );
                    faults.push(Fault { hint: Some(hint), ..Fault::new(field, message) });
                    return None;
                }
                if let (engine::Selection::Digest { .. }, false) =
                    (&one.source.select, one.tags.is_empty())
                {
                    let message = sentence!(
                        "digest_no_tags",
                        "'{source}' is a digest, which has no tags",
                        source = &self.source,
                    );
                    let hint = sentence!("digest_no_tags_hint", "leave 'tags' out");
                    let field = self.tags.first(rule);
                    faults.push(Fault { hint: Some(hint), ..Fault::new(field, message) });
                    return None;
                }
            }
            JobRule::Pattern(pattern) => (pattern.tags, pattern.exclude) = (tags, exclude),
        }
        Some(read)
    }

    fn read_one(&self, rule: usize, faults: &mut Vec<Fault>) -> Option<Rule> {
        let source = Source::parse(&self.source);
        let source =
            source.map_err(|error| faults.push(Fault::of_rule(Field::Source { rule }, error))).ok();
        let destinations = self.read_destinations(rule, faults, |text| {
            let source = match &source {
                Some(source) => source,
                // what is wrong with the source is told there
                None if text.contains('{') => return Ok(None),
                None => return DestinationRule::parse(text).map(Some),
            };
            let destination = DestinationRule::parse_for(text, source)?;
            destination.check(source)?;
            Ok(Some(destination))
        });
        let (destinations, tags) =
            (destinations.into_iter().flatten().collect(), TagFilter::default());
        Some(Rule { source: source?, destinations, tags, platforms: None, origin: None })
    }

    fn read_pattern(&self, rule: usize, faults: &mut Vec<Fault>) -> Option<PatternRule> {
        let source = PatternRule::source(&self.source);
        let source =
            source.map_err(|error| faults.push(Fault::of_rule(Field::Source { rule }, error))).ok();
        let destinations = self.read_destinations(rule, faults, Mapping::parse);
        let mut pattern = source?;
        pattern.destinations = destinations;
        Some(pattern)
    }

    fn read_destinations<T>(
        &self,
        rule: usize,
        faults: &mut Vec<Fault>,
        read: impl Fn(&str) -> Result<T, RuleError>,
    ) -> Vec<T> {
        let mut destinations = Vec::with_capacity(self.destinations.len());
        for (n, text) in self.destinations.iter().enumerate() {
            match read(text) {
                Ok(destination) => destinations.push(destination),
                Err(error) => {
                    faults.push(Fault::of_rule(Field::Destination { rule, destination: n }, error));
                }
            }
        }
        destinations
    }
}

impl Tags {
    fn read(&self, rule: usize, faults: &mut Vec<Fault>) -> TagFilter {
        let include = patterns(&self.include, rule, Narrowing::Include, faults);
        let exclude = patterns(&self.exclude, rule, Narrowing::Exclude, faults);
        let versions = self.versions.as_deref().and_then(|text| {
            let wrong = |why: String| {
                let field = Field::Narrowing { rule, what: Narrowing::Versions, item: 0 };
                let message = sentence!(
                    "no_range",
                    "'{text}' is no range of versions: {why}",
                    text = text,
                    why = why,
                );
                let hint = sentence!(
                    "no_range_hint",
                    "write '>=1.2, <2', '1.2.*' or '~1.2'; a comma means 'and'",
                );
                faults.push(Fault { hint: Some(hint), ..Fault::new(field, message) });
            };
            TagFilter::range(text).map_err(wrong).ok()
        });
        if self.newest == Some(0) {
            let field = Field::Narrowing { rule, what: Narrowing::Newest, item: 0 };
            faults.push(Fault::new(field, at_least_one(&quoted("newest"))));
        }
        TagFilter { include, exclude, versions, newest: self.newest, newest_by: self.newest_by }
    }

    /// The first field that is given.
    fn first(&self, rule: usize) -> Field {
        let what = match self {
            Self { include, .. } if !include.is_empty() => Narrowing::Include,
            Self { exclude, .. } if !exclude.is_empty() => Narrowing::Exclude,
            Self { versions: Some(_), .. } => Narrowing::Versions,
            _ => Narrowing::Newest,
        };
        Field::Narrowing { rule, what, item: 0 }
    }
}

fn patterns(
    texts: &[String],
    rule: usize,
    what: Narrowing,
    faults: &mut Vec<Fault>,
) -> Vec<Pattern> {
    let mut patterns = Vec::with_capacity(texts.len());
    for (item, text) in texts.iter().enumerate() {
        match Pattern::parse(text) {
            Ok(pattern) => patterns.push(pattern),
            Err(error) => faults.push(Fault {
                at: error.at,
                hint: Some(sentence!(
                    "wrong_pattern_hint",
                    "write '1.*', or a regular expression between slashes: '{example}'",
                    example = "/^1\\./",
                )),
                ..Fault::new(
                    Field::Narrowing { rule, what, item },
                    sentence!(
                        "wrong_pattern",
                        "the pattern '{text}' is wrong: {why}",
                        text = text,
                        why = error.why,
                    ),
                )
            }),
        }
    }
    patterns
}

impl Platforms {
    fn read(&self, rule: Option<usize>, faults: &mut Vec<Fault>) -> PlatformFilter {
        let os = self.os.iter().map(String::as_str);
        let arch = self.arch.iter().map(String::as_str);
        // one after the other, so that the field at fault is known
        let wrong = [
            (Field::Os { rule }, PlatformFilter::parse(os.clone(), [])),
            (Field::Arch { rule }, PlatformFilter::parse([], arch.clone())),
        ];
        for (field, read) in wrong {
            if let Err(why) = read {
                faults.push(Fault::new(field, why));
            }
        }
        PlatformFilter::parse(os, arch).unwrap_or_default()
    }
}

impl Fault {
    fn new(field: Field, message: Sentence) -> Self {
        Self { field, message, hint: None, at: 0 }
    }

    fn of_rule(field: Field, error: RuleError) -> Self {
        Self { field, message: error.sentence(), hint: error.hint, at: error.at }
    }
}

fn no_name() -> Sentence {
    sentence!("no_name", "the profile has no name")
}
