//! Rules as an images file.

use std::fmt::Write as _;

use engine::{DestinationTags, JobRule, Pattern, Rule, Selection, Source};
use registry::{Sentence, sentence};

use crate::yaml::scalar;

/// Rules as an images file, and what could not be said there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Export {
    /// The file.
    pub text: String,
    /// How many rules are in it.
    pub taken: usize,
    /// What is not in it, or means less to the original image-syncer: one sentence each.
    pub notes: Vec<Sentence>,
}

/// The source as an images file says it: patterns of tags alone become one regular expression.
fn selected(rule: &Rule) -> Option<String> {
    let Source { registry, repository, select, written } = &rule.source;
    let tags = &rule.tags;
    if tags.is_empty() {
        return Some(written.clone());
    }
    let alone = tags.exclude.is_empty() && tags.versions.is_none() && tags.newest.is_none();
    if !alone || !matches!(select, Selection::All) {
        return None;
    }
    let expressions: Vec<&str> = tags.include.iter().map(Pattern::expression).collect();
    Some(match expressions.as_slice() {
        [one] => format!("{registry}/{repository}:/{one}/"),
        many => format!("{registry}/{repository}:/(?:{})/", many.join(")|(?:")),
    })
}

/// Writes rules as an images file that the original image-syncer reads too. Rules of one source become one entry.
pub fn export(rules: &[JobRule]) -> Export {
    let mut export = Export::default();
    let mut entries: Vec<(String, Vec<&str>)> = Vec::new();
    for rule in rules {
        let rule = match rule {
            JobRule::One(rule) => rule,
            JobRule::Pattern(rule) => {
                export.notes.push(sentence!(
                    "export_pattern",
                    "'{source}' is left out: it names repositories by pattern, and an images file can't",
                    source = &rule.written,
                ));
                continue;
            }
        };
        let Some(source) = selected(rule) else {
            let source = &rule.source.written;
            export.notes.push(sentence!(
                "export_tags",
                "'{source}' is left out: its 'tags' narrow what it selects, and an images file can't say so",
                source = source,
            ));
            continue;
        };
        if let Some(platforms) = rule.platforms.as_ref().filter(|platforms| !platforms.is_empty()) {
            export.notes.push(sentence!(
                "export_platforms",
                "'{source}' is left out: it keeps only {platforms}, and an images file can't say so; run it by itself with --os and --arch",
                source = source,
                platforms = platforms.to_string(),
            ));
            continue;
        }
        export.taken += 1;
        if matches!(rule.source.select, Selection::Digest { tag: Some(_), .. })
            && rule.destinations.iter().any(|to| matches!(to.tags, DestinationTags::Same))
        {
            export.notes.push(sentence!(
                "export_digest_tag",
                "the original drops the tag of '{source}' and copies without a tag",
                source = &source,
            ));
        }
        let at = entries.iter().position(|(other, _)| *other == source).unwrap_or_else(|| {
            entries.push((source.clone(), Vec::new()));
            entries.len() - 1
        });
        for destination in &rule.destinations {
            if !entries[at].1.contains(&destination.written.as_str()) {
                entries[at].1.push(&destination.written);
            }
        }
    }
    for (source, destinations) in entries {
        // YAML takes a key of up to 1024 characters before its colon
        let key = scalar(&source);
        let key = if key.len() < 1000 { key } else { format!("? {key}\n").into() };
        export.text.push_str(&key);
        let _ = match destinations.as_slice() {
            [one] => writeln!(export.text, ": {}", scalar(one)),
            many => {
                export.text.push_str(":\n");
                many.iter().try_for_each(|to| writeln!(export.text, "  - {}", scalar(to)))
            }
        };
    }
    if export.taken == 0 {
        export.text.push_str("{}\n");
    }
    export
}
