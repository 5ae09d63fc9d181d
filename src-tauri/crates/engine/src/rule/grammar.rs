//! The grammar of both sides of a rule, with errors that name the character.

use std::borrow::Cow;

use regex::Regex;
use registry::{
    Digest, InvalidReference, Reference, Registry, RepositoryName, Sentence, Tag, sentence,
    without_login,
};

use super::{DestinationRule, DestinationTags, RuleError, Selection, Source, pattern::syntax};

impl Source {
    /// Reads `[registry/]repository[:tag[,tag…] | :/regex/ | [:tag]@digest]`.
    pub fn parse(text: &str) -> Result<Self, RuleError> {
        let Written { registry, repository, selector } = Text { side: "source", text }.read()?;
        let select = match selector {
            Selector::None => Selection::All,
            Selector::Tags(tags) => Selection::Tags(tags),
            Selector::Pattern(regex) => Selection::Matching(regex),
            Selector::Digest { digest, tag } => Selection::Digest { digest, tag },
        };
        Ok(Self { registry, repository, select, written: text.to_owned() })
    }
}

impl DestinationRule {
    /// Reads `[registry/]repository[:tag[,tag…] | :/regex/ | @digest]`.
    pub fn parse(text: &str) -> Result<Self, RuleError> {
        let input = Text { side: "destination", text };
        let Written { registry, repository, selector } = input.read()?;
        let tags = match selector {
            Selector::None => DestinationTags::Same,
            Selector::Tags(tags) => DestinationTags::Tags(tags),
            Selector::Pattern(regex) => DestinationTags::Matching(regex),
            Selector::Digest { digest, tag: None } => DestinationTags::Digest(digest),
            Selector::Digest { tag: Some(_), .. } => {
                let at = text.find('@').unwrap_or_default();
                return Err(input
                    .wrong(
                        sentence!(
                            "rule_tag_and_digest",
                            "it has a tag and a digest, and can have one of them",
                        ),
                        at,
                    )
                    .hint(sentence!(
                        "rule_tag_and_digest_hint",
                        "write '{name}': the digest is the source's anyway",
                        name = &text[..at],
                    )));
            }
        };
        Ok(Self { registry, repository, tags, written: text.to_owned() })
    }

    /// Checks what can be checked against the source before anything is listed: tag counts, digests.
    pub fn check(&self, source: &Source) -> Result<(), RuleError> {
        let input = Text { side: "destination", text: &self.written };
        let counts = |there: usize, here: usize| {
            let wrong = sentence!(
                "rule_counts",
                "it names {here}, the source '{source}' names {there}",
                here = count(here),
                source = &source.written,
                there = count(there),
            );
            input.wrong(wrong, input.selector_at()).hint(sentence!(
                "rule_counts_hint",
                "name as many tags on both sides, or none at the destination to keep the source's",
            ))
        };
        match (&source.select, &self.tags) {
            (Selection::Tags(from), DestinationTags::Tags(to)) if from.len() != to.len() => {
                Err(counts(from.len(), to.len()))
            }
            (Selection::Tags(from), DestinationTags::Matching(regex)) => {
                let matching = from.iter().filter(|tag| regex.is_match(tag.as_str())).count();
                if matching == from.len() { Ok(()) } else { Err(counts(from.len(), matching)) }
            }
            (Selection::Digest { .. }, DestinationTags::Tags(to)) if to.len() != 1 => {
                Err(counts(1, to.len()))
            }
            (Selection::Digest { .. }, DestinationTags::Matching(_)) => Err(input
                .wrong(
                    sentence!(
                        "rule_pattern_of_digest",
                        "it has a pattern, and the source, which is a digest, has no tags to match",
                    ),
                    input.selector_at(),
                )
                .hint(sentence!(
                    "rule_pattern_of_digest_hint",
                    "name one tag, or none to copy without a tag",
                ))),
            (Selection::Digest { digest, .. }, DestinationTags::Digest(to)) if digest != to => {
                Err(input
                    .wrong(
                        sentence!(
                            "rule_other_digest",
                            "its digest is not the source's, {digest}",
                            digest = digest.as_str(),
                        ),
                        input.selector_at(),
                    )
                    .hint(sentence!(
                        "rule_other_digest_hint",
                        "leave the digest out: content keeps its digest when it is copied",
                    )))
            }
            (
                Selection::All | Selection::Tags(_) | Selection::Matching(_),
                DestinationTags::Digest(_),
            ) => Err(input
                .wrong(
                    sentence!("rule_digest_alone", "it has a digest, and the source has none"),
                    input.selector_at(),
                )
                .hint(sentence!(
                    "rule_digest_alone_hint",
                    "leave the digest out, or name it at the source too",
                ))),
            _ => Ok(()),
        }
    }
}

/// "1 tag", "2 tags".
pub(super) fn count(tags: usize) -> Sentence {
    match tags {
        1 => sentence!("one_tag", "1 tag"),
        tags => sentence!("tags", "{tags} tags", tags = tags),
    }
}

impl RuleError {
    pub(super) fn hint(mut self, hint: Sentence) -> Self {
        self.hint = Some(hint);
        self
    }
}

/// What both sides have in common once read.
struct Written {
    registry: Registry,
    repository: RepositoryName,
    selector: Selector,
}

enum Selector {
    None,
    Tags(Vec<Tag>),
    Pattern(Regex),
    Digest { digest: Digest, tag: Option<Tag> },
}

/// A side of a rule as it was written.
#[derive(Clone, Copy)]
pub(super) struct Text<'a> {
    pub(super) side: &'static str,
    pub(super) text: &'a str,
}

impl<'a> Text<'a> {
    fn read(self) -> Result<Written, RuleError> {
        let text = self.text;
        if text.is_empty() {
            let why = sentence!("empty", "it is empty");
            let hint = Some(sentence!(
                "rule_empty_hint",
                "write 'registry/repository', with ':tag' where one is meant",
            ));
            let (side, written) = (self.side, String::new());
            return Err(RuleError { side, written, why, character: 0, at: 0, hint });
        }
        if let Cow::Owned(written) = without_login(text) {
            let why = sentence!("name_login", "holds a login, which belongs into the accounts");
            let why = sentence!("it", "it {why}", why = why);
            return Err(RuleError {
                side: self.side,
                written,
                why,
                character: 0,
                at: 0,
                hint: None,
            });
        }
        if let Some(scheme) = scheme(text) {
            return Err(self
                .wrong(
                    sentence!(
                        "rule_scheme",
                        "it begins with a scheme, '{scheme}'",
                        scheme = scheme
                    ),
                    0,
                )
                .hint(sentence!(
                    "rule_scheme_hint",
                    "leave the scheme out: '{name}'",
                    name = &text[scheme.len()..],
                )));
        }
        let (name, selector_at) = self.split();
        let (registry, repository) = self.read_name(name)?;
        let selector = match &text[selector_at..] {
            "" => Selector::None,
            pattern if pattern.starts_with(":/") => {
                Selector::Pattern(self.read_pattern(selector_at + 2)?)
            }
            _ => self.read_tags_and_digest(selector_at)?,
        };
        Ok(Written { registry, repository, selector })
    }

    /// The name, and where what follows it begins (with `:` or `@`).
    pub(super) fn split(self) -> (&'a str, usize) {
        let text = self.text;
        // The pattern may hold anything, so its start decides; a registry's port is never followed by a slash there,
        // because a port has digits.
        let end = text.find(":/").unwrap_or(text.len());
        let end = text[..end].find('@').unwrap_or(end);
        let path = text[..end].rfind('/').map_or(0, |slash| slash + 1);
        let end = text[path..end].find(':').map_or(end, |colon| path + colon);
        (&text[..end], end)
    }

    fn selector_at(self) -> usize {
        let (_, at) = self.split();
        if at < self.text.len() { at + 1 } else { 0 }
    }

    fn read_name(self, name: &str) -> Result<(Registry, RepositoryName), RuleError> {
        if !name.contains('/') && (name.contains('.') || name == "localhost") {
            // `localhost:5000` reads as a tag, and is meant as a port
            let port: String = (self.text[name.len()..].strip_prefix(':').unwrap_or_default())
                .chars()
                .take_while(char::is_ascii_digit)
                .collect();
            let is_port = !port.is_empty() && self.text.len() == name.len() + 1 + port.len();
            let registry = if is_port { self.text } else { name };
            return Err(self
                .wrong(
                    sentence!(
                        "rule_registry_alone",
                        "it names a registry, '{registry}', and no repository",
                        registry = registry,
                    ),
                    0,
                )
                .hint(sentence!(
                    "rule_registry_alone_hint",
                    "write '{registry}/repository'",
                    registry = registry,
                )));
        }
        let (registry, path) =
            Reference::split_registry(name).map_err(|e| self.wrong(e.why, e.at))?;
        let base = name.len() - path.len();
        let repository = registry.repository(path).map_err(|e| {
            let why = sentence!("its_repository", "its repository {why}", why = e.predicate());
            let error = self.wrong(why, base + e.at);
            match path[e.at..].chars().next() {
                Some(c) if c.is_ascii_uppercase() => error.hint(sentence!(
                    "rule_upper_hint",
                    "repository names have no upper-case letters: '{name}'",
                    name = format!(
                        "{}{}{}",
                        &self.text[..base],
                        path.to_ascii_lowercase(),
                        &self.text[name.len()..]
                    ),
                )),
                Some(' ') => error.hint(sentence!("rule_space_hint", "take the space out")),
                Some('*' | '?') if self.side == "source" => error.hint(sentence!(
                    "rule_repositories_hint",
                    "name repositories by pattern in a profile; here each is named by itself",
                )),
                _ => error,
            }
        })?;
        Ok((registry, repository))
    }

    fn read_pattern(self, at: usize) -> Result<Regex, RuleError> {
        let Some(pattern) = self.text[at..].strip_suffix('/') else {
            return Err(self
                .wrong(sentence!("pattern_no_end", "its pattern has no '/' at its end"), at - 1)
                .hint(sentence!(
                    "pattern_no_end_hint",
                    "a pattern stands between two slashes: '{example}'",
                    example = ":/^v1\\./",
                )));
        };
        // Only the parser of patterns tells the place of an error.
        if let Err(error) = regex_syntax::Parser::new().parse(pattern) {
            let (why, offset) = syntax(&error);
            let why = sentence!(
                "pattern_regex",
                "its pattern is no regular expression: {why}",
                why = why,
            );
            return Err(self.wrong(why, at + offset));
        }
        Regex::new(pattern).map_err(|error| {
            let why = error.to_string();
            self.wrong(
                sentence!("pattern_unusable", "its pattern can't be used: {why}", why = why),
                at,
            )
        })
    }

    /// Reads `:tag[,tag…]`, `@digest` or `:tag@digest`.
    fn read_tags_and_digest(self, at: usize) -> Result<Selector, RuleError> {
        let rest = &self.text[at..];
        let (list, digest) = match rest.find('@') {
            Some(sign) => (&rest[..sign], Some(at + sign + 1)),
            None => (rest, None),
        };
        let mut tags = Vec::new();
        if let Some(list) = list.strip_prefix(':') {
            let mut from = at + 1;
            for tag in list.split(',') {
                tags.push(self.read_tag(tag, from)?);
                from += tag.len() + 1;
            }
        }
        let Some(digest_at) = digest else { return Ok(Selector::Tags(tags)) };
        let text = &self.text[digest_at..];
        let digest = text.parse().map_err(|e: registry::digest::InvalidDigest| {
            let why = sentence!("its_digest", "its digest can't be used: {why}", why = e.why());
            self.wrong(why, digest_at).hint(sentence!(
                "digest_hint",
                "a digest is 'sha256:' with 64 or 'sha512:' with 128 lower-case hexadecimal digits",
            ))
        })?;
        if tags.len() > 1 {
            return Err(self
                .wrong(
                    sentence!("rule_tags_and_digest", "it has several tags and one digest"),
                    at + 1,
                )
                .hint(sentence!("rule_tags_and_digest_hint", "write one rule for each image")));
        }
        Ok(Selector::Digest { digest, tag: tags.pop() })
    }

    fn read_tag(self, text: &str, at: usize) -> Result<Tag, RuleError> {
        text.parse().map_err(|e: InvalidReference| {
            let why = sentence!("its_tag", "its tag {why}", why = e.predicate());
            let error = self.wrong(why, at + e.at);
            match text[e.at..].chars().next() {
                Some(' ') => {
                    let (head, list) = self.text.split_at(self.selector_at());
                    error.hint(sentence!(
                        "rule_tags_spaces_hint",
                        "write tags without spaces: '{name}'",
                        name = format!("{head}{}", list.replace(' ', "")),
                    ))
                }
                Some(':') => error.hint(sentence!("rule_tags_colon_hint", "tags are separated by commas")),
                Some('*' | '?') => error.hint(sentence!(
                    "rule_tags_pattern_hint",
                    "write a regular expression between slashes, such as '{example}'; in a profile, '{include}' takes '*'",
                    example = ":/^1\\./",
                    include = "tags: {include: [...]}",
                )),
                _ => error,
            }
        })
    }

    pub(super) fn wrong(self, why: Sentence, at: usize) -> RuleError {
        let character = self.text[..at].chars().count() + 1;
        RuleError { side: self.side, written: self.text.to_owned(), why, character, at, hint: None }
    }
}

/// The scheme that a text begins with, such as `https://`.
fn scheme(text: &str) -> Option<&str> {
    let end = text.find("://")?;
    let is_scheme = end > 0
        && text[..end]
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
    is_scheme.then_some(&text[..end + 3])
}
