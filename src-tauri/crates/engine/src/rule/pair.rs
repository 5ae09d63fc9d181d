//! Which tag of the source becomes which at a destination.

use std::collections::HashSet;

use regex::Regex;
use registry::{Digest, Sentence, Tag, Target, sentence};

use super::{
    DestinationRule, DestinationTags, NewestBy, Rule, Selection, TagDates, grammar::count,
};

impl Selection {
    /// The same, but of the tags that are there: a tag that is named and missing is no failure.
    pub(super) fn of_those_listed(self) -> Self {
        let Self::Tags(tags) = self else { return self };
        let tags: Vec<String> = tags.iter().map(|tag| regex::escape(tag.as_str())).collect();
        // what is made of escaped names is a regular expression
        Regex::new(&format!("^(?:{})$", tags.join("|"))).map_or(Self::All, Self::Matching)
    }
}

impl Rule {
    /// Whether the source's tags must be listed.
    pub fn needs_list(&self) -> bool {
        matches!(self.source.select, Selection::All | Selection::Matching(_))
    }

    /// The tags that the rule may copy, before the newest are picked. `listed` as for [`Rule::pair`].
    pub fn candidates<'t>(&'t self, listed: &'t [Tag]) -> Vec<&'t Tag> {
        let named = !matches!(self.source.select, Selection::All);
        self.tags.candidates(self.selected(listed), named)
    }

    /// The tags whose dates decide which are the newest. None where all are taken, or versions decide.
    pub fn undated<'t>(&'t self, listed: &'t [Tag]) -> Vec<&'t Tag> {
        let Some(newest) = self.tags.newest.filter(|_| self.tags.newest_by == NewestBy::Created)
        else {
            return Vec::new();
        };
        let mut seen = HashSet::new();
        let mut tags = self.candidates(listed);
        tags.retain(|tag| seen.insert(*tag));
        if tags.len() > newest { tags } else { Vec::new() }
    }

    /// The tags that the source selects.
    fn selected<'t>(&'t self, listed: &'t [Tag]) -> Vec<&'t Tag> {
        match &self.source.select {
            Selection::All => listed.iter().collect(),
            Selection::Tags(tags) => tags.iter().collect(),
            Selection::Matching(regex) => {
                listed.iter().filter(|tag| regex.is_match(tag.as_str())).collect()
            }
            Selection::Digest { .. } => Vec::new(),
        }
    }

    /// Pairs the selected tags of the source with tags at a destination (rows 1 to 11 and 16 of the grammar). `listed` is
    /// every tag of the source where [`Rule::needs_list`], else it is not read; `dates` are those of [`Rule::undated`]. The
    /// error says what does not fit.
    ///
    /// A source by digest has no tags and gives no pairs: [`Rule::by_digest`] is for it.
    pub fn pair(
        &self,
        destination: &DestinationRule,
        listed: &[Tag],
        dates: &TagDates,
    ) -> Result<Vec<(Tag, Tag)>, Sentence> {
        if matches!(self.source.select, Selection::Digest { .. }) {
            return Ok(Vec::new());
        }
        let named = !matches!(self.source.select, Selection::All);
        let selected = self.tags.narrow(self.selected(listed), named, dates);
        // A pattern that matches nothing is a warning whatever the destination says.
        if selected.is_empty()
            && (matches!(self.source.select, Selection::Matching(_)) || !self.tags.is_empty())
        {
            return Ok(Vec::new());
        }
        let named: Vec<&Tag> = match &destination.tags {
            DestinationTags::Same => selected.clone(),
            DestinationTags::Tags(tags) => tags.iter().collect(),
            DestinationTags::Matching(regex) => {
                selected.iter().copied().filter(|tag| regex.is_match(tag.as_str())).collect()
            }
            DestinationTags::Digest(digest) => {
                return Err(sentence!(
                    "pair_digest",
                    "the destination '{destination}' is a digest, {digest}",
                    destination = &destination.written,
                    digest = digest.as_str(),
                ));
            }
        };
        if selected.len() != named.len() {
            return Err(sentence!(
                "pair_counts",
                "the source '{source}' has {there}, the destination '{destination}' names {here}",
                source = &self.source.written,
                there = count(selected.len()),
                destination = &destination.written,
                here = count(named.len()),
            ));
        }
        // A tag may be written twice, and a registry may list one on two pages.
        let mut seen = HashSet::with_capacity(selected.len());
        let pairs = selected.into_iter().zip(named).filter(|pair| seen.insert(*pair));
        Ok(pairs.map(|(from, to)| (from.clone(), to.clone())).collect())
    }

    /// Whether each tag of a list can be told by itself whether it is copied, and keeps its name: such a rule needs no
    /// more of the list than a page.
    pub(crate) fn is_pagewise(&self) -> bool {
        self.needs_list()
            && self.tags.newest.is_none()
            && self.destinations.iter().all(|to| matches!(to.tags, DestinationTags::Same))
    }

    /// Whether a tag of the list is copied. For rules that are [`Rule::is_pagewise`].
    pub(crate) fn takes(&self, tag: &Tag) -> bool {
        let named = match &self.source.select {
            Selection::All => false,
            Selection::Matching(regex) if regex.is_match(tag.as_str()) => true,
            _ => return false,
        };
        self.tags.keeps(tag, named)
    }

    /// For a source by digest (rows 12 to 15): the digest, and what it is to be called at a destination; by digest again
    /// where no side names a tag. `None` for a source by tags.
    pub fn by_digest(&self, destination: &DestinationRule) -> Option<(Digest, Target)> {
        let Selection::Digest { digest, tag } = &self.source.select else { return None };
        let target = match (&destination.tags, tag) {
            (DestinationTags::Tags(tags), _) if tags.len() == 1 => Target::Tag(tags[0].clone()),
            (DestinationTags::Same, Some(tag)) => Target::Tag(tag.clone()),
            _ => Target::Digest(digest.clone()),
        };
        Some((digest.clone(), target))
    }
}
