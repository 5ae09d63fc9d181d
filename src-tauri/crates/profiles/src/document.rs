//! YAML and JSON files as one tree in which everything knows its place, so that what is wrong can be pointed at.
//!
//! Nothing here is `Debug`: a tree may hold passwords.

use std::{collections::HashMap, fs, path::Path, rc::Rc, sync::Arc};

use registry::{Code, Sentence, sentence};

use crate::problem::{Findings, Place, Problem};

mod json;
#[cfg(test)]
mod tests;
mod yaml;

/// Deeper than any file of ours. The tree is built without recursion on YAML and with it on JSON.
const DEPTH_MAX: usize = 64;

/// A value, and where it begins.
#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) value: Value,
}

#[derive(Clone)]
pub(crate) enum Value {
    Scalar(Scalar),
    List(Rc<Vec<Node>>),
    Map(Rc<Vec<Entry>>),
}

/// What a scalar is by YAML's core schema (with the old booleans `yes`, `on`, …) or JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Number,
    Bool,
    Null,
}

#[derive(Clone)]
pub(crate) struct Scalar {
    pub(crate) word: Word,
    pub(crate) kind: Kind,
}

/// A text and where it stands.
#[derive(Clone)]
pub(crate) struct Word {
    pub(crate) text: String,
    pub(crate) place: Place,
    /// How many characters after its place the text begins, where it stands in the file letter by letter.
    pub(crate) lead: Option<usize>,
}

/// A key with its value. Keys of one map are distinct.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) key: Word,
    pub(crate) value: Node,
}

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Yaml,
    Json,
}

impl Word {
    /// The place of a byte of the text, as near as it is known.
    pub(crate) fn place_of(&self, byte: usize) -> Place {
        match self.lead {
            Some(lead) => {
                let column = self.place.column + lead + self.text[..byte].chars().count();
                Place { column, ..self.place }
            }
            None => self.place,
        }
    }
}

impl Node {
    /// What it is, with an article.
    pub(crate) fn what(&self) -> Sentence {
        match &self.value {
            Value::List(_) => sentence!("a_list", "a list"),
            Value::Map(_) => sentence!("a_map", "a map"),
            Value::Scalar(Scalar { kind: Kind::Text, .. }) => sentence!("a_text", "a text"),
            Value::Scalar(Scalar { kind: Kind::Number, .. }) => sentence!("a_number", "a number"),
            Value::Scalar(Scalar { kind: Kind::Bool, .. }) => sentence!("a_boolean", "a boolean"),
            Value::Scalar(Scalar { kind: Kind::Null, .. }) => sentence!("nothing", "nothing"),
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar(Scalar { kind: Kind::Null, .. }))
    }
}

impl Format {
    /// By the file's extension, else by its content.
    pub(crate) fn of(file: &str, text: &str) -> Self {
        let extension = Path::new(file).extension().and_then(|e| e.to_str()).unwrap_or_default();
        match extension.to_ascii_lowercase().as_str() {
            "json" => Self::Json,
            "yaml" | "yml" => Self::Yaml,
            _ if text.trim_start().starts_with(['{', '[']) => Self::Json,
            _ => Self::Yaml,
        }
    }
}

/// Reads a file's bytes. The problem tells of a file that can't be read.
pub(crate) fn load(path: &Path) -> Result<(Arc<str>, Vec<u8>), Problem> {
    let file: Arc<str> = path.display().to_string().into();
    match fs::read(path) {
        Ok(bytes) => Ok((file, bytes)),
        Err(error) => {
            let why = error.to_string();
            let what = sentence!("unreadable", "can't be read: {why}", why = why);
            let mut problem = Problem::whole(&file, Code::FileFailed, what);
            problem.hint = Some(sentence!(
                "unreadable_hint",
                "check its name and folder, and that you may read it",
            ));
            Err(problem)
        }
    }
}

/// The text of a file, without its byte order mark.
pub(crate) fn text<'a>(bytes: &'a [u8], findings: &mut Findings) -> Option<&'a str> {
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        let what = sentence!("utf16", "the file is UTF-16, and must be UTF-8");
        findings.wrong(START, what).hint = Some(sentence!("utf16_hint", "save it as UTF-8"));
        return None;
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let valid = std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default();
            let place = Lines::new(valid).place(valid.len());
            findings.wrong(place, sentence!("no_utf8", "this byte is no UTF-8")).hint =
                Some(sentence!("no_utf8_hint", "save the file as UTF-8"));
            return None;
        }
    };
    // to the YAML scanner it would be the end of the file
    if let Some(zero) = text.find('\0') {
        let what = sentence!("zero_byte", "there is a zero byte: this is no text file");
        findings.wrong(Lines::new(text).place(zero), what);
        return None;
    }
    Some(text)
}

/// Reads a text into a tree; `None` where it has nothing in it or is malformed, which `findings` tells.
pub(crate) fn read(text: &str, format: Format, findings: &mut Findings) -> Option<Node> {
    match format {
        Format::Yaml => yaml::read(text, findings),
        Format::Json => json::read(text, findings),
    }
}

/// A boolean of YAML 1.1, which the original reads, or of JSON.
pub(crate) fn as_bool(text: &str) -> Option<bool> {
    const CASES: [(&str, bool); 8] = [
        ("true", true),
        ("yes", true),
        ("on", true),
        ("y", true),
        ("false", false),
        ("no", false),
        ("off", false),
        ("n", false),
    ];
    // `True` and `TRUE`, and not `tRUE`
    let lower = text.to_ascii_lowercase();
    let (_, yes) = *CASES.iter().find(|(word, _)| *word == lower)?;
    let rest = text.get(1..).unwrap_or_default();
    (rest == &lower[1..] || text == text.to_ascii_uppercase()).then_some(yes)
}

/// A file without content.
pub(crate) fn empty(findings: &mut Findings) {
    findings.wrong(START, sentence!("file_empty", "the file is empty"));
}

/// Of a list in a list in a list, …
fn too_deep() -> Sentence {
    sentence!("too_deep", "this is nested more than {most} levels deep", most = DEPTH_MAX)
}

const START: Place = Place { line: 1, column: 1 };

/// A map being read: it keeps the first of keys that are written twice, and tells of the others.
#[derive(Default)]
struct Keys {
    entries: Vec<Entry>,
    by_text: HashMap<String, usize>,
}

impl Keys {
    fn add(&mut self, key: Word, value: Node, findings: &mut Findings) {
        if let Some(&first) = self.by_text.get(&key.text) {
            let (first, second) = (self.entries[first].key.place.line, key.place.line);
            let hint = findings.twice.clone();
            let what = sentence!(
                "twice",
                "'{key}' is written twice, on line {first} and on line {second}",
                key = &key.text,
                first = first,
                second = second,
            );
            findings.wrong(key.place, what).hint = Some(hint);
            return;
        }
        self.by_text.insert(key.text.clone(), self.entries.len());
        self.entries.push(Entry { key, value });
    }

    fn has(&self, key: &str) -> bool {
        self.by_text.contains_key(key)
    }
}

/// Where the lines of a text begin.
struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    fn new(text: &'a str) -> Self {
        let starts =
            std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, starts }
    }

    /// The place of a byte.
    fn place(&self, byte: usize) -> Place {
        let line = self.starts.partition_point(|start| *start <= byte);
        let column = self.text[self.starts[line - 1]..byte].chars().count() + 1;
        Place { line, column }
    }

    /// The place of a line and a column in bytes, as serde_json tells them.
    fn place_of_bytes(&self, line: usize, column: usize) -> Place {
        let start = self.starts.get(line.saturating_sub(1)).copied().unwrap_or_default();
        let mut byte = (start + column.saturating_sub(1)).min(self.text.len());
        while !self.text.is_char_boundary(byte) {
            byte -= 1;
        }
        Place { line: line.max(1), column: self.text[start..byte].chars().count() + 1 }
    }

    /// What follows a place in the text.
    fn after(&self, place: Place) -> &'a str {
        let Some(start) = self.starts.get(place.line - 1) else { return "" };
        let line = &self.text[*start..];
        let byte = line.char_indices().nth(place.column - 1).map_or(line.len(), |(at, _)| at);
        &line[byte..]
    }

    /// What is before a place in the text.
    fn before(&self, place: Place) -> &'a str {
        self.text.strip_suffix(self.after(place)).unwrap_or_default()
    }
}
