//! Rules: a source selector and where its images go. The grammar is that of the original's `images.yaml`; profiles narrow
//! tags further, and name repositories by pattern.

use std::{fmt, sync::Arc};

use regex::Regex;
use registry::{Digest, PlatformFilter, Registry, RepositoryName, Sentence, Tag, sentence};

mod grammar;
mod pair;
mod pattern;
mod repositories;
mod tags;
#[cfg(test)]
mod tests;
mod version;

pub use pattern::{InvalidPattern, Pattern};
pub use repositories::{Mapping, PatternRule};
pub use tags::{NewestBy, TagDates, TagFilter};

/// A rule of a job.
#[derive(Clone, Debug)]
pub enum JobRule {
    /// For one repository.
    One(Rule),
    /// For every repository that matches.
    Pattern(PatternRule),
}

impl From<Rule> for JobRule {
    fn from(rule: Rule) -> Self {
        Self::One(rule)
    }
}

impl From<PatternRule> for JobRule {
    fn from(rule: PatternRule) -> Self {
        Self::Pattern(rule)
    }
}

impl JobRule {
    /// Its platforms.
    pub fn platforms_mut(&mut self) -> &mut Option<PlatformFilter> {
        match self {
            Self::One(rule) => &mut rule.platforms,
            Self::Pattern(rule) => &mut rule.platforms,
        }
    }

    /// Where it was written.
    pub fn origin_mut(&mut self) -> &mut Option<Origin> {
        match self {
            Self::One(rule) => &mut rule.origin,
            Self::Pattern(rule) => &mut rule.origin,
        }
    }

    /// Every registry that it reads or writes.
    pub fn registries(&self) -> Vec<&Registry> {
        let source = match self {
            Self::One(rule) => &rule.source.registry,
            Self::Pattern(rule) => &rule.registry,
        };
        let mut all = self.destinations();
        all.push(source);
        all
    }

    /// Every registry that it writes.
    pub fn destinations(&self) -> Vec<&Registry> {
        match self {
            Self::One(rule) => rule.destinations.iter().map(|to| &to.registry).collect(),
            Self::Pattern(rule) => rule.destinations.iter().map(|to| &to.registry).collect(),
        }
    }
}

/// One rule: what is selected at a source, and where it goes.
#[derive(Clone, Debug)]
pub struct Rule {
    /// What is selected.
    pub source: Source,
    /// Where it goes; at least one.
    pub destinations: Vec<DestinationRule>,
    /// What narrows the tags that the source selects.
    pub tags: TagFilter,
    /// Platforms for this rule alone; the policy's filter otherwise.
    pub platforms: Option<PlatformFilter>,
    /// Where it was written, for errors.
    pub origin: Option<Origin>,
}

/// Where something was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The file, as the user named it.
    pub file: Arc<str>,
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
}

/// The left side of a rule.
#[derive(Clone, Debug)]
pub struct Source {
    /// The registry.
    pub registry: Registry,
    /// The repository.
    pub repository: RepositoryName,
    /// Which of its images.
    pub select: Selection,
    /// As the user wrote it.
    pub written: String,
}

/// Which images of a repository a rule selects.
#[derive(Clone, Debug)]
pub enum Selection {
    /// Every tag.
    All,
    /// These tags, in this order.
    Tags(Vec<Tag>),
    /// Tags that match, unanchored.
    Matching(Regex),
    /// One manifest by digest, to be tagged as `tag` where one is named too.
    Digest {
        /// The digest.
        digest: Digest,
        /// The tag written before it.
        tag: Option<Tag>,
    },
}

/// One right side of a rule.
#[derive(Clone, Debug)]
pub struct DestinationRule {
    /// The registry.
    pub registry: Registry,
    /// The repository.
    pub repository: RepositoryName,
    /// What the images are called there.
    pub tags: DestinationTags,
    /// As the user wrote it (environment expanded).
    pub written: String,
}

/// What images are called at a destination.
#[derive(Clone, Debug)]
pub enum DestinationTags {
    /// As at the source.
    Same,
    /// These, in the order of the source's; the counts must be equal.
    Tags(Vec<Tag>),
    /// Those of the tags *selected at the source* that match; the counts must be equal.
    Matching(Regex),
    /// By digest, which must be the source's.
    Digest(Digest),
}

/// Why a text is no rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleError {
    /// "source" or "destination".
    pub side: &'static str,
    /// The text.
    pub written: String,
    /// What is wrong.
    pub why: Sentence,
    /// The character that is wrong, from 1; 0 where the text as a whole is.
    pub character: usize,
    /// Byte offset in the text of the first character that is wrong.
    pub at: usize,
    /// What to do.
    pub hint: Option<Sentence>,
}

impl Rule {
    /// Reads a rule and checks what can be checked before anything is listed: tag counts, digests.
    pub fn parse(source: &str, destinations: &[&str]) -> Result<Self, RuleError> {
        let source = Source::parse(source)?;
        if destinations.is_empty() {
            return Err(RuleError::no_destination(source.written));
        }
        let destinations = destinations
            .iter()
            .map(|text| {
                let destination = DestinationRule::parse(text)?;
                destination.check(&source)?;
                Ok(destination)
            })
            .collect::<Result<_, RuleError>>()?;
        Ok(Self { source, destinations, tags: TagFilter::default(), platforms: None, origin: None })
    }
}

impl RuleError {
    /// The whole of what is wrong.
    pub fn sentence(&self) -> Sentence {
        let side = match self.side {
            "source" => sentence!("source", "source"),
            _ => sentence!("destination", "destination"),
        };
        let (written, why) = (&self.written, &self.why);
        if self.character == 0 {
            return sentence!(
                "rule_wrong",
                "{side} '{written}': {why}",
                side = side,
                written = written,
                why = why,
            );
        }
        sentence!(
            "rule_wrong_at",
            "{side} '{written}': {why} (character {character})",
            side = side,
            written = written,
            why = why,
            character = self.character,
        )
    }

    fn no_destination(written: String) -> Self {
        let why = sentence!("rule_no_destination", "it has no destination");
        let hint = sentence!("rule_no_destination_hint", "name at least one repository to copy to");
        Self { side: "source", written, why, character: 0, at: 0, hint: Some(hint) }
    }
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.sentence().fmt(f)
    }
}

impl std::error::Error for RuleError {}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}
