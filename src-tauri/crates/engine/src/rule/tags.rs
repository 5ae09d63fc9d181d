//! What narrows the tags that a rule selects: patterns, a range of versions, the newest few.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, HashSet},
};

use jiff::Timestamp;
use registry::Tag;
use semver::VersionReq;

use super::{Pattern, version::Version};

/// When the images of tags were made, as far as that is known.
pub type TagDates = HashMap<Tag, Timestamp>;

/// What makes a tag newer than another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NewestBy {
    /// The version that the tag is.
    #[default]
    Version,
    /// When its image was made.
    Created,
}

/// What narrows the tags that a rule's source selects; nothing by default. All that is given must be met.
#[derive(Clone, Debug, Default)]
pub struct TagFilter {
    /// Tags match one of these, where there are any.
    pub include: Vec<Pattern>,
    /// Tags match none of these.
    pub exclude: Vec<Pattern>,
    /// Tags are versions in this range.
    pub versions: Option<VersionReq>,
    /// Only the newest so many: by version, of the tags that are versions; by date, of all.
    pub newest: Option<usize>,
    /// What is newer.
    pub newest_by: NewestBy,
}

impl TagFilter {
    /// Reads a range of versions: `>=1.2, <2`.
    pub fn range(text: &str) -> Result<VersionReq, String> {
        VersionReq::parse(text).map_err(|error| error.to_string())
    }

    /// Whether it narrows nothing.
    pub fn is_empty(&self) -> bool {
        self.include.is_empty()
            && self.exclude.is_empty()
            && self.versions.is_none()
            && self.newest.is_none()
    }

    /// Whether a tag may stay, as far as that can be said of one tag alone. `named` is whether the source has said
    /// something about its tags too.
    pub(super) fn keeps(&self, tag: &Tag, named: bool) -> bool {
        let tag = tag.as_str();
        let any = |list: &[Pattern]| list.iter().any(|pattern| pattern.matches(tag));
        if any(&self.exclude) || !(self.include.is_empty() || any(&self.include)) {
            return false;
        }
        let Some(range) = &self.versions else { return true };
        self.version(tag, named).is_some_and(|version| range.matches(&version.semver()))
    }

    /// A tag with a suffix (`1.2-rc1`, `1.2-alpine`) counts as a version only where tags were asked for by pattern.
    fn version<'t>(&self, tag: &'t str, named: bool) -> Option<Version<'t>> {
        let asked = named || !self.include.is_empty();
        Version::read(tag).filter(|version| asked || !version.has_suffix())
    }

    /// The tags that may stay, in their order, whatever is newest.
    pub(super) fn candidates<'t>(&self, mut tags: Vec<&'t Tag>, named: bool) -> Vec<&'t Tag> {
        if !self.is_empty() {
            tags.retain(|tag| self.keeps(tag, named));
        }
        tags
    }

    /// The tags that stay, in their order.
    pub(super) fn narrow<'t>(
        &self,
        tags: Vec<&'t Tag>,
        named: bool,
        dates: &TagDates,
    ) -> Vec<&'t Tag> {
        let mut kept = self.candidates(tags, named);
        let Some(newest) = self.newest else { return kept };
        let newest: HashSet<&str> = match self.newest_by {
            NewestBy::Version => {
                let version = |tag: &'t Tag| self.version(tag.as_str(), named);
                let versions = once(&kept).filter_map(version);
                greatest(versions, newest).map(|version| version.written()).collect()
            }
            NewestBy::Created => {
                // of one date, or without any, the version decides
                let aged = |tag: &'t Tag| {
                    (dates.get(tag).copied(), Version::read(tag.as_str()), tag.as_str())
                };
                greatest(once(&kept).map(aged), newest).map(|(_, _, tag)| tag).collect()
            }
        };
        kept.retain(|tag| newest.contains(tag.as_str()));
        kept
    }
}

/// Each tag once: a registry may list one on two pages.
fn once<'a, 't>(tags: &'a [&'t Tag]) -> impl Iterator<Item = &'t Tag> + 'a {
    let mut seen = HashSet::new();
    tags.iter().copied().filter(move |tag| seen.insert(*tag))
}

/// The greatest so many, in no order.
fn greatest<T: Ord>(all: impl Iterator<Item = T>, count: usize) -> impl Iterator<Item = T> {
    let mut heap = BinaryHeap::new();
    for one in all {
        heap.push(Reverse(one));
        if heap.len() > count {
            heap.pop();
        }
    }
    heap.into_iter().map(|Reverse(one)| one)
}
