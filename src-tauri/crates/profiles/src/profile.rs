//! Saved profiles: named rules with a policy. A profile never holds a secret; it names accounts by id.
//!
//! `docs/profile-file.md` describes the file for people, `docs/profile.schema.json` for editors.

use std::collections::BTreeMap;

use accounts::Address;
use engine::{DestinationRule, Overwrite, Policy, Rule, RuleError, Source};
use registry::{ClientOptions, PlatformFilter};
use schemars::JsonSchema;

mod file;
mod import;
pub mod library;
mod schema;
#[cfg(test)]
mod tests;

pub use import::{Import, import};
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
    /// `registry/repository`, with `:tag`, `:tag,tag`, `:/pattern/` or `@digest`.
    pub source: String,
    /// `registry/repository`, with `:tag` or `:tag,tag` where images get other names.
    #[schemars(length(min = 1))]
    pub destinations: Vec<String>,
    /// Platforms for this rule alone, instead of the profile's.
    #[schemars(default)]
    pub platforms: Option<Platforms>,
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
    /// Whether signatures, attestations and other referrers come along.
    #[schemars(default)]
    pub referrers: bool,
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
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
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
    /// What the account of a registry is looked up by.
    Account {
        /// The registry as it was written.
        registry: String,
    },
}

/// All of a job but the client, which whoever owns the accounts makes.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The rules.
    pub rules: Vec<Rule>,
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
            faults.push(Fault::new(Field::Name, "the profile has no name"));
        }
        let mut rules = Vec::with_capacity(self.rules.len());
        for (n, rule) in self.rules.iter().enumerate() {
            rules.extend(rule.read(n, faults));
        }
        let platforms = self.platforms.read(None, faults);
        for registry in self.accounts.keys() {
            if let Err(error) = registry.parse::<Address>() {
                let field = Field::Account { registry: registry.clone() };
                faults
                    .push(Fault::new(field, format!("'{registry}' is no registry: {}", error.why)));
            }
        }
        let policy = &self.policy;
        let options = ClientOptions::default();
        let retries = policy.retries.unwrap_or(options.retries);
        Prepared {
            rules,
            policy: Policy {
                platforms,
                overwrite: policy.overwrite,
                referrers: policy.referrers,
                retries,
                ..Policy::default()
            },
            options: ClientOptions {
                retries,
                requests_per_host: policy.proc,
                bandwidth: policy.bandwidth,
                ..options
            },
        }
    }
}

impl ProfileRule {
    fn read(&self, rule: usize, faults: &mut Vec<Fault>) -> Option<Rule> {
        let before = faults.len();
        let source = match Source::parse(&self.source) {
            Ok(source) => Some(source),
            Err(error) => {
                faults.push(Fault::of_rule(Field::Source { rule }, error));
                None
            }
        };
        let mut destinations = Vec::with_capacity(self.destinations.len());
        for (n, text) in self.destinations.iter().enumerate() {
            let destination = DestinationRule::parse(text).and_then(|destination| match &source {
                Some(source) => destination.check(source).map(|()| destination),
                None => Ok(destination),
            });
            match destination {
                Ok(destination) => destinations.push(destination),
                Err(error) => {
                    faults.push(Fault::of_rule(Field::Destination { rule, destination: n }, error));
                }
            }
        }
        if self.destinations.is_empty() {
            let field = Field::Destination { rule, destination: 0 };
            faults.push(Fault::new(field, format!("'{}' has no destination", self.source)));
        }
        let platforms = self.platforms.as_ref().map(|platforms| platforms.read(Some(rule), faults));
        let source = source.filter(|_| faults.len() == before)?;
        Some(Rule { source, destinations, platforms, origin: None })
    }
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
    fn new(field: Field, message: impl Into<String>) -> Self {
        Self { field, message: message.into(), hint: None, at: 0 }
    }

    fn of_rule(field: Field, error: RuleError) -> Self {
        Self { field, message: error.to_string(), hint: error.hint, at: error.at }
    }
}
