//! The grammar of both sides of a rule, with errors that name the character.

use regex::Regex;
use registry::{Digest, InvalidReference, Reference, Registry, RepositoryName, Tag};

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
                    .wrong("it has a tag and a digest, and can have one of them", at)
                    .hint(format!("write '{}': the digest is the source's anyway", &text[..at])));
            }
        };
        Ok(Self { registry, repository, tags, written: text.to_owned() })
    }

    /// Checks what can be checked against the source before anything is listed: tag counts, digests.
    pub fn check(&self, source: &Source) -> Result<(), RuleError> {
        let input = Text { side: "destination", text: &self.written };
        let counts = |there: usize, here: usize| {
            let wrong = format!(
                "it names {}, the source '{}' names {}",
                count(here),
                source.written,
                count(there)
            );
            input.wrong(&wrong, input.selector_at()).hint(
                "name as many tags on both sides, or none at the destination to keep the source's"
                    .to_owned(),
            )
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
                    "it has a pattern, and the source, which is a digest, has no tags to match",
                    input.selector_at(),
                )
                .hint("name one tag, or none to copy without a tag".to_owned())),
            (Selection::Digest { digest, .. }, DestinationTags::Digest(to)) if digest != to => {
                Err(input
                    .wrong(
                        &format!("its digest is not the source's, {digest}"),
                        input.selector_at(),
                    )
                    .hint(
                        "leave the digest out: content keeps its digest when it is copied"
                            .to_owned(),
                    ))
            }
            (
                Selection::All | Selection::Tags(_) | Selection::Matching(_),
                DestinationTags::Digest(_),
            ) => Err(input
                .wrong("it has a digest, and the source has none", input.selector_at())
                .hint("leave the digest out, or name it at the source too".to_owned())),
            _ => Ok(()),
        }
    }
}

/// "1 tag", "2 tags".
pub(super) fn count(tags: usize) -> String {
    format!("{tags} {}", if tags == 1 { "tag" } else { "tags" })
}

impl RuleError {
    pub(super) fn hint(mut self, hint: String) -> Self {
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
            let why = "it is empty".into();
            let hint = Some("write 'registry/repository', with ':tag' where one is meant".into());
            return Err(RuleError { side: self.side, written: String::new(), why, at: 0, hint });
        }
        if let Some(scheme) = scheme(text) {
            return Err(self
                .wrong(&format!("it begins with a scheme, '{scheme}'"), 0)
                .hint(format!("leave the scheme out: '{}'", &text[scheme.len()..])));
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
                .wrong(&format!("it names a registry, '{registry}', and no repository"), 0)
                .hint(format!("write '{registry}/repository'")));
        }
        let (registry, path) =
            Reference::split_registry(name).map_err(|e| self.wrong(&e.why, e.at))?;
        let base = name.len() - path.len();
        let repository = registry.repository(path).map_err(|e| {
            let error = self.part("repository", &e, base);
            match path[e.at..].chars().next() {
                Some(c) if c.is_ascii_uppercase() => error.hint(format!(
                    "repository names have no upper-case letters: '{}{}{}'",
                    &self.text[..base],
                    path.to_ascii_lowercase(),
                    &self.text[name.len()..]
                )),
                Some(' ') => error.hint("take the space out".to_owned()),
                Some('*' | '?') if self.side == "source" => error.hint(
                    "name repositories by pattern in a profile; here each is named by itself"
                        .to_owned(),
                ),
                _ => error,
            }
        })?;
        Ok((registry, repository))
    }

    fn read_pattern(self, at: usize) -> Result<Regex, RuleError> {
        let Some(pattern) = self.text[at..].strip_suffix('/') else {
            return Err(self
                .wrong("its pattern has no '/' at its end", at - 1)
                .hint("a pattern stands between two slashes: ':/^v1\\./'".to_owned()));
        };
        // Only the parser of patterns tells the place of an error.
        if let Err(error) = regex_syntax::Parser::new().parse(pattern) {
            let (why, offset) = syntax(&error);
            return Err(
                self.wrong(&format!("its pattern is no regular expression: {why}"), at + offset)
            );
        }
        Regex::new(pattern)
            .map_err(|error| self.wrong(&format!("its pattern can't be used: {error}"), at))
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
            self.wrong(&format!("its digest can't be used: {}", e.why()), digest_at).hint(
                "a digest is 'sha256:' with 64 or 'sha512:' with 128 lower-case hexadecimal digits"
                    .to_owned(),
            )
        })?;
        if tags.len() > 1 {
            return Err(self
                .wrong("it has several tags and one digest", at + 1)
                .hint("write one rule for each image".to_owned()));
        }
        Ok(Selector::Digest { digest, tag: tags.pop() })
    }

    fn read_tag(self, text: &str, at: usize) -> Result<Tag, RuleError> {
        text.parse().map_err(|e: InvalidReference| {
            let error = self.part("tag", &e, at);
            match text[e.at..].chars().next() {
                Some(' ') => {
                    let (head, list) = self.text.split_at(self.selector_at());
                    error.hint(format!(
                        "write tags without spaces: '{head}{}'",
                        list.replace(' ', "")
                    ))
                }
                Some(':') => error.hint("tags are separated by commas".to_owned()),
                Some('*' | '?') => error.hint(
                    "write a regular expression between slashes, such as ':/^1\\./'; in a profile, 'tags: {include: [...]}' takes '*'"
                        .to_owned(),
                ),
                _ => error,
            }
        })
    }

    /// An error in a part of the text that begins at `base`.
    fn part(self, what: &str, error: &InvalidReference, base: usize) -> RuleError {
        let why = error.why.strip_prefix("it ").unwrap_or(&error.why);
        self.wrong(&format!("its {what} {why}"), base + error.at)
    }

    pub(super) fn wrong(self, why: &str, at: usize) -> RuleError {
        let character = self.text[..at].chars().count() + 1;
        let why = format!("{why} (character {character})");
        RuleError { side: self.side, written: self.text.to_owned(), why, at, hint: None }
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
