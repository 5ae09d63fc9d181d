//! JSON into the tree. Values are read as slices of the text, whose offsets are their places.

use std::{fmt, rc::Rc};

use registry::sentence;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{DEPTH_MAX, Keys, Kind, Lines, Node, Scalar, Value, Word, too_deep};
use crate::problem::{Findings, Place};

struct Reader<'a, 'f> {
    text: &'a str,
    lines: Lines<'a>,
    findings: &'f mut Findings,
}

pub(super) fn read(text: &str, findings: &mut Findings) -> Option<Node> {
    if text.trim_ascii().is_empty() {
        return None;
    }
    let lines = Lines::new(text);
    if let Err(error) = serde_json::from_str::<IgnoredAny>(text) {
        let place = lines.place_of_bytes(error.line(), error.column());
        // "…at line 1 column 2": the place is told by us
        let why = error.to_string();
        let why = why.split(" at line ").next().unwrap_or_default();
        let what = sentence!("malformed_json", "malformed JSON: {why}", why = why);
        let problem = findings.wrong(place, what);
        if lines.after(place).starts_with("//") || lines.after(place).starts_with("/*") {
            problem.hint = Some(sentence!("json_comments", "JSON has no comments; YAML has"));
        } else if lines.before(place).trim_end().ends_with(',') {
            problem.hint =
                Some(sentence!("json_comma", "JSON has no comma behind the last entry; YAML has"));
        }
        return None;
    }
    let mut reader = Reader { text, lines, findings };
    let node = reader.node(text.trim_ascii(), 0);
    node.filter(|node| !node.is_null())
}

impl<'a> Reader<'a, '_> {
    /// Reads a slice of the text that is known to be one JSON value; `None` where it is nested too deep.
    fn node(&mut self, raw: &'a str, depth: usize) -> Option<Node> {
        let place = self.place(raw);
        if depth > DEPTH_MAX {
            self.findings.wrong(place, too_deep());
            return None;
        }
        let value = match raw.as_bytes().first() {
            Some(b'{') => {
                let entries: Entries<'a> = serde_json::from_str(raw).ok()?;
                let mut keys = Keys::default();
                for (key, value) in entries.0 {
                    let key = self.word(key.get());
                    let value = self.node(value.get(), depth + 1)?;
                    keys.add(key, value, self.findings);
                }
                Value::Map(Rc::new(keys.entries))
            }
            Some(b'[') => {
                let items: Vec<&'a RawValue> = serde_json::from_str(raw).ok()?;
                let items: Option<Vec<Node>> =
                    items.iter().map(|item| self.node(item.get(), depth + 1)).collect();
                Value::List(Rc::new(items?))
            }
            first => {
                let kind = match first {
                    Some(b'"') => Kind::Text,
                    Some(b't' | b'f') => Kind::Bool,
                    Some(b'n') => Kind::Null,
                    _ => Kind::Number,
                };
                Value::Scalar(Scalar { word: self.word(raw), kind })
            }
        };
        Some(Node { place, value })
    }

    /// A scalar's text: a string's content, anything else as it is written.
    fn word(&self, raw: &'a str) -> Word {
        let place = self.place(raw);
        match serde_json::from_str::<String>(raw) {
            Ok(text) => {
                let lead = (raw.len() == text.len() + 2).then_some(1);
                Word { text, place, lead }
            }
            Err(_) => Word { text: raw.to_owned(), place, lead: Some(0) },
        }
    }

    fn place(&self, raw: &str) -> Place {
        self.lines.place(raw.as_ptr() as usize - self.text.as_ptr() as usize)
    }
}

/// The entries of an object in their order, keys that are written twice included.
struct Entries<'a>(Vec<(&'a RawValue, &'a RawValue)>);

impl<'a> Deserialize<'a> for Entries<'a> {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'a> Visitor<'a> for Collect {
            type Value = Entries<'a>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}
