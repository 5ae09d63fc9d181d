//! Patterns for whole names of tags and repositories: `1.*`, `team/**`, or a regular expression between slashes.

use std::fmt;

use regex::Regex;
use registry::{Sentence, sentence};

/// A pattern. `*` stands for any characters but `/`, `**` for any at all, `?` for one; all of a name must match. Between
/// two slashes stands a regular expression instead, which matches anywhere in a name.
#[derive(Clone, Debug)]
pub struct Pattern {
    written: String,
    regex: Regex,
}

/// Why a text is no pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct InvalidPattern {
    /// What is wrong, such as "it is empty".
    pub why: Sentence,
    /// Byte offset of what is wrong.
    pub at: usize,
}

impl Pattern {
    /// Reads a pattern.
    pub fn parse(text: &str) -> Result<Self, InvalidPattern> {
        let invalid = |why: Sentence, at: usize| InvalidPattern { why, at };
        if text.is_empty() {
            return Err(invalid(sentence!("empty", "it is empty"), 0));
        }
        let expression = match text.strip_prefix('/') {
            Some(rest) => {
                let Some(inner) = rest.strip_suffix('/') else {
                    let why =
                        sentence!("regex_no_end", "its regular expression has no '/' at its end");
                    return Err(invalid(why, 0));
                };
                if let Err(error) = regex_syntax::Parser::new().parse(inner) {
                    let (why, at) = syntax(&error);
                    let why =
                        sentence!("no_regex", "it is no regular expression: {why}", why = why);
                    return Err(invalid(why, 1 + at));
                }
                inner.to_owned()
            }
            None => glob(text).map_err(|(c, at)| {
                let c = c.escape_debug().to_string();
                let why = sentence!(
                    "pattern_character",
                    "it has the character '{c}', which no name has",
                    c = c,
                );
                invalid(why, at)
            })?,
        };
        let regex = Regex::new(&expression).map_err(|error| {
            let why = error.to_string();
            invalid(sentence!("unusable_because", "it can't be used: {why}", why = why), 0)
        })?;
        Ok(Self { written: text.to_owned(), regex })
    }

    /// Whether a name matches.
    pub fn matches(&self, name: &str) -> bool {
        self.regex.is_match(name)
    }

    /// The regular expression that says the same.
    pub fn expression(&self) -> &str {
        self.regex.as_str()
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.written
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

/// What the parser of regular expressions says, and where.
pub(super) fn syntax(error: &regex_syntax::Error) -> (String, usize) {
    match error {
        regex_syntax::Error::Parse(e) => (e.kind().to_string(), e.span().start.offset),
        regex_syntax::Error::Translate(e) => (e.kind().to_string(), e.span().start.offset),
        _ => (error.to_string(), 0),
    }
}

/// The regular expression of a pattern with wildcards; the error is a character that no name has.
fn glob(text: &str) -> Result<String, (char, usize)> {
    let mut expression = String::from("^");
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let (piece, length) = if rest.starts_with("**/") {
            // no directory at all matches too
            ("(?:.*/)?".to_owned(), 3)
        } else if rest.starts_with("**") {
            (".*".to_owned(), 2)
        } else {
            let piece = match c {
                '*' => "[^/]*".to_owned(),
                '?' => "[^/]".to_owned(),
                'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '-' | '/' => c.to_string(),
                '.' => "\\.".to_owned(),
                c => return Err((c, text.len() - rest.len())),
            };
            (piece, c.len_utf8())
        };
        expression.push_str(&piece);
        rest = &rest[length..];
    }
    expression.push('$');
    Ok(expression)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_match_whole_names() {
        for (pattern, name, matches) in [
            ("1.*", "1.27", true),
            ("1.*", "11.27", false),
            ("1.*", "1", false),
            ("1.2?", "1.27", true),
            ("1.2?", "1.2", false),
            ("*-rc*", "1.2-rc1", true),
            ("latest", "latest", true),
            ("latest", "latest-1", false),
            ("team/*", "team/app", true),
            ("team/*", "team/app/web", false),
            ("team/**", "team/app/web", true),
            ("team/**", "team", false),
            ("team/**/app", "team/app", true),
            ("team/**/app", "team/a/b/app", true),
            ("team/**/app", "team/myapp", false),
            ("**/app", "app", true),
            ("**", "a/b/c", true),
            ("*", "a/b", false),
            ("/^v1/", "v1.2", true),
            ("/1/", "v21", true),
            ("/a|b/", "b", true),
        ] {
            assert_eq!(Pattern::parse(pattern).unwrap().matches(name), matches, "{pattern} {name}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_told_with_its_place() {
        for (pattern, why, at) in [
            ("", "empty", 0),
            ("a[b]", "'['", 1),
            ("a b", "' '", 1),
            ("/v[/", "regular expression", 2),
            ("/v", "no '/' at its end", 0),
            ("/", "no '/' at its end", 0),
            ("a\u{202e}", "\\u{202e}", 1),
        ] {
            let error = Pattern::parse(pattern).unwrap_err();
            assert!(error.why.contains(why), "{pattern}: {error}");
            assert_eq!(error.at, at, "{pattern}: {error}");
        }
    }
}
