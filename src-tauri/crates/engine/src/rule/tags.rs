//! What narrows the tags that a rule selects: patterns, a range of versions, the newest few.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashSet},
};

use registry::Tag;
use semver::VersionReq;

use super::{Pattern, version::Version};

/// What narrows the tags that a rule's source selects; nothing by default. All that is given must be met.
#[derive(Clone, Debug, Default)]
pub struct TagFilter {
    /// Tags match one of these, where there are any.
    pub include: Vec<Pattern>,
    /// Tags match none of these.
    pub exclude: Vec<Pattern>,
    /// Tags are versions in this range.
    pub versions: Option<VersionReq>,
    /// Of the tags that are versions, only the newest so many.
    pub newest: Option<usize>,
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

    /// The tags that stay, in their order.
    pub(super) fn narrow<'t>(&self, tags: Vec<&'t Tag>, named: bool) -> Vec<&'t Tag> {
        if self.is_empty() {
            return tags;
        }
        let mut kept: Vec<&Tag> = tags.into_iter().filter(|tag| self.keeps(tag, named)).collect();
        if let Some(newest) = self.newest {
            let mut heap: BinaryHeap<Reverse<Version<'t>>> = BinaryHeap::new();
            let mut seen = HashSet::new();
            for &tag in kept.iter().filter(|tag| seen.insert(**tag)) {
                heap.extend(self.version(tag.as_str(), named).map(Reverse));
                if heap.len() > newest {
                    heap.pop();
                }
            }
            let newest: HashSet<&str> = heap.iter().map(|version| version.0.written()).collect();
            kept.retain(|tag| newest.contains(tag.as_str()));
        }
        kept
    }
}
