//! Variables in the original's files: `${VAR}` must be set; `$VAR` is replaced where it is set and stays as it is written
//! where it is not, because names such as Harbor's `robot$project+ci` are no variables.

use std::borrow::Cow;

use registry::{Sentence, sentence};

/// Looks variables up: [`std::env::var`] in programs.
pub type Environment<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// Why a text can't be expanded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unset {
    pub(crate) why: Sentence,
    pub(crate) hint: Sentence,
    /// Byte offset of the `$`.
    pub(crate) at: usize,
}

/// Replaces variables. What comes out is not looked at again.
pub(crate) fn expand<'t>(text: &'t str, env: &Environment<'_>) -> Result<Cow<'t, str>, Unset> {
    let mut expanded = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let offset = text.len() - rest.len() + at;
        let after = &rest[at + 1..];
        expanded.push_str(&rest[..at]);
        if let Some(inner) = after.strip_prefix('{') {
            let name = inner.split_once('}').map_or("", |(name, _)| name);
            if name.is_empty() {
                let begin = "${";
                let hint = sentence!(
                    "variable_name_hint",
                    "write '{example}'; a text that holds '{begin}' itself can be put into a variable",
                    example = "${NAME}",
                    begin = begin,
                );
                let why = sentence!(
                    "variable_name",
                    "'{begin}' begins no variable's name",
                    begin = begin,
                );
                return Err(Unset { why, hint, at: offset });
            }
            let Some(value) = env(name) else {
                let hint = sentence!("variable_hint", "set {name} before the run", name = name);
                let why = sentence!(
                    "variable",
                    "the environment variable {name} is not set",
                    name = name,
                );
                return Err(Unset { why, hint, at: offset });
            };
            expanded.push_str(&value);
            rest = &inner[name.len() + 1..];
        } else {
            let name = bare_name(after);
            match env(name).filter(|_| !name.is_empty()) {
                Some(value) => expanded.push_str(&value),
                None => expanded.push_str(&rest[at..=at + name.len()]),
            }
            rest = &after[name.len()..];
        }
    }
    if rest.len() == text.len() {
        return Ok(Cow::Borrowed(text));
    }
    expanded.push_str(rest);
    Ok(Cow::Owned(expanded))
}

/// `[A-Za-z_][A-Za-z0-9_]*`
fn bare_name(text: &str) -> &str {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(text.len());
    if text.starts_with(|c: char| c.is_ascii_digit()) { "" } else { &text[..end] }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(name: &str) -> Option<String> {
        match name {
            "USER" => Some("me".into()),
            "PASS" => Some("p$USER${NOPE}".into()),
            "EMPTY" => Some(String::new()),
            "ci" => Some("unwanted".into()),
            "my-var" => Some("dashed".into()),
            "" => Some("nameless".into()),
            _ => None,
        }
    }

    #[test]
    fn variables_as_the_files_write_them() {
        for (text, want) in [
            ("", ""),
            ("plain", "plain"),
            ("${USER}", "me"),
            ("$USER", "me"),
            ("a${USER}b$USER-c", "amebme-c"),
            ("${EMPTY}x$EMPTY", "x"),
            ("${my-var}", "dashed"),
            // what comes out is not expanded again
            ("${PASS}", "p$USER${NOPE}"),
            // unset without braces stays, as Harbor's robots need
            ("robot$project+ci", "robot$project+ci"),
            ("robot$NOPE", "robot$NOPE"),
            ("$USERNAME", "$USERNAME"),
            ("pa$$word$", "pa$$word$"),
            ("$1$2", "$1$2"),
            ("ä$USERö", "ämeö"),
        ] {
            assert_eq!(expand(text, &env).unwrap(), want, "{text}");
        }
    }

    #[test]
    fn what_can_not_be_expanded_is_named() {
        for (text, why, at) in [
            ("a${NOPE}", "the environment variable NOPE is not set", 1),
            ("${USER}${NOPE}", "the environment variable NOPE is not set", 7),
            ("${USER", "'${' begins no variable's name", 0),
            ("x${}", "'${' begins no variable's name", 1),
        ] {
            let error = expand(text, &env).unwrap_err();
            assert_eq!((&*error.why, error.at), (why, at), "{text}");
        }
    }
}
