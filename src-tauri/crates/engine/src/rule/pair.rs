//! Which tag of the source becomes which at a destination.

use std::collections::HashSet;

use registry::{Digest, Tag, Target};

use super::{DestinationRule, DestinationTags, Rule, Selection, grammar::count};

impl Rule {
    /// Whether the source's tags must be listed.
    pub fn needs_list(&self) -> bool {
        matches!(self.source.select, Selection::All | Selection::Matching(_))
    }

    /// Pairs the selected tags of the source with tags at a destination (rows 1 to 11 and 16 of the grammar). `listed` is
    /// every tag of the source where [`Rule::needs_list`], else it is not read. The error says what does not fit.
    ///
    /// A source by digest has no tags and gives no pairs: [`Rule::by_digest`] is for it.
    pub fn pair(
        &self,
        destination: &DestinationRule,
        listed: &[Tag],
    ) -> Result<Vec<(Tag, Tag)>, String> {
        let selected: Vec<&Tag> = match &self.source.select {
            Selection::All => listed.iter().collect(),
            Selection::Tags(tags) => tags.iter().collect(),
            Selection::Matching(regex) => {
                listed.iter().filter(|tag| regex.is_match(tag.as_str())).collect()
            }
            Selection::Digest { .. } => return Ok(Vec::new()),
        };
        // A pattern that matches nothing is a warning whatever the destination says.
        if selected.is_empty() && matches!(self.source.select, Selection::Matching(_)) {
            return Ok(Vec::new());
        }
        let named: Vec<&Tag> = match &destination.tags {
            DestinationTags::Same => selected.clone(),
            DestinationTags::Tags(tags) => tags.iter().collect(),
            DestinationTags::Matching(regex) => {
                selected.iter().copied().filter(|tag| regex.is_match(tag.as_str())).collect()
            }
            DestinationTags::Digest(digest) => {
                return Err(format!(
                    "the destination '{}' is a digest, {digest}",
                    destination.written
                ));
            }
        };
        if selected.len() != named.len() {
            return Err(format!(
                "the source '{}' has {}, the destination '{}' names {}",
                self.source.written,
                count(selected.len()),
                destination.written,
                count(named.len())
            ));
        }
        // A tag may be written twice, and a registry may list one on two pages.
        let mut seen = HashSet::with_capacity(selected.len());
        let pairs = selected.into_iter().zip(named).filter(|pair| seen.insert(*pair));
        Ok(pairs.map(|(from, to)| (from.clone(), to.clone())).collect())
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
