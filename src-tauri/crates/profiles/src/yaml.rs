//! Writing YAML.

use std::{borrow::Cow, fmt::Write as _};

use crate::document::as_bool;

/// A text as a YAML scalar that every YAML parser, of version 1.1 or 1.2, reads back as that text.
pub(crate) fn scalar(text: &str) -> Cow<'_, str> {
    if is_plain(text) { text.into() } else { quoted(text).into() }
}

/// Whether a text means itself without quotes, as a key too: most references and patterns do; what might be a number, a
/// boolean or a date does not.
fn is_plain(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-/:@,^$+*?()|\\=".contains(c);
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(allowed)
        && !text.ends_with(':')
        && as_bool(text).is_none()
        && !text.eq_ignore_ascii_case("null")
}

/// JSON's form of a string is one of YAML's.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            // also what YAML takes for a line break or does not print
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        document::{self, Format, Kind, Scalar, Value},
        problem::Findings,
    };

    #[test]
    fn whatever_is_written_is_read_back() {
        let long = "x".repeat(3000);
        for (text, plain) in [
            ("nginx", true),
            ("quay.io/a/b:v1,v2", true),
            ("localhost:5000/n", true),
            ("a/b:/^(x|y)$/", true),
            (long.as_str(), true),
            ("", false),
            ("y", false),
            ("Yes", false),
            ("null", false),
            ("123", false),
            ("1.5", false),
            ("~", false),
            ("-", false),
            ("a:", false),
            ("a: b", false),
            ("a #b", false),
            ("a/b:/[ab]{2}/", false),
            ("*x", false),
            ("\"\\'", false),
            ("line\nline\ttab\r", false),
            (" lead and trail ", false),
            ("ä 中文 😀 \u{85}\u{2028}\u{feff}\u{7f}", false),
            ("2024-01-01", false),
            ("<<", false),
            ("---", false),
        ] {
            let written = scalar(text);
            assert_eq!(written == text, plain, "{text:?}: {written}");
            for file in [format!("k: {written}\n"), format!("k:\n  - {written}\n")] {
                let mut findings = Findings::new("f".into());
                let root = document::read(&file, Format::Yaml, &mut findings).expect("a document");
                let Value::Map(entries) = &root.value else { panic!("a map") };
                let value = match &entries[0].value.value {
                    Value::List(items) => items[0].value.clone(),
                    value => value.clone(),
                };
                let Value::Scalar(Scalar { word, kind: Kind::Text }) = value else {
                    panic!("{file}: no text")
                };
                assert_eq!(word.text, text, "{file}");
            }
        }
    }
}
