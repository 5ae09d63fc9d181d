//! YAML into the tree, from the parser's events: with aliases and merge keys resolved, and nothing expanded that could
//! grow (an alias shares what it stands for).

use std::{collections::HashMap, rc::Rc};

use registry::sentence;
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Tag};

use super::{DEPTH_MAX, Entry, Keys, Kind, Lines, Node, Scalar, Value, Word, too_deep};
use crate::problem::{Findings, Place};

/// A list or map whose end is not read yet.
struct Open {
    place: Place,
    anchor: usize,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Map { keys: Keys, key: Option<Key>, merged: Vec<(Place, Node)> },
}

/// A key whose value is not read yet.
enum Key {
    Word(Word),
    Merge(Place),
    /// A key that is no scalar; it has been told.
    Wrong,
}

struct Reader<'a, 'f> {
    lines: Lines<'a>,
    findings: &'f mut Findings,
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    root: Option<Node>,
}

pub(super) fn read(text: &str, findings: &mut Findings) -> Option<Node> {
    let mut reader = Reader {
        lines: Lines::new(text),
        findings,
        open: Vec::new(),
        anchors: HashMap::new(),
        root: None,
    };
    let mut parser = Parser::new_from_str(text);
    let mut documents = 0;
    while let Some(event) = parser.next_event() {
        let (event, span) = match event {
            Ok(event) => event,
            Err(error) => {
                let place = place(*error.marker());
                let why = error.info();
                let what = sentence!("malformed_yaml", "malformed YAML: {why}", why = why);
                let problem = reader.findings.wrong(place, what);
                if why.starts_with("mapping values are not allowed") {
                    problem.hint = Some(sentence!(
                        "malformed_yaml_hint",
                        "indent it as its neighbours are, or put a text that holds ': ' in quotes",
                    ));
                }
                return None;
            }
        };
        let at = place(span.start);
        match event {
            Event::DocumentStart(_) => {
                documents += 1;
                if documents > 1 {
                    let what = sentence!(
                        "second_document",
                        "a second YAML document begins here, and one is read",
                    );
                    reader.findings.wrong(at, what).hint = Some(sentence!(
                        "second_document_hint",
                        "join them, or take the line '---' out",
                    ));
                    return None;
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                let scalar = reader.scalar(text.into_owned(), style, tag.as_deref(), at);
                reader.node(Node { place: at, value: Value::Scalar(scalar) }, anchor);
            }
            Event::SequenceStart(anchor, tag) => {
                reader.check_tag(tag.as_deref(), "seq", at);
                reader.begin(at, anchor, Content::List(Vec::new()));
            }
            Event::MappingStart(anchor, tag) => {
                reader.check_tag(tag.as_deref(), "map", at);
                let map = Content::Map { keys: Keys::default(), key: None, merged: Vec::new() };
                reader.begin(at, anchor, map);
            }
            Event::SequenceEnd | Event::MappingEnd => reader.end(),
            Event::Alias(anchor) => reader.alias(anchor, at),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
        if reader.open.len() > DEPTH_MAX {
            reader.findings.wrong(at, too_deep());
            return None;
        }
    }
    // a document of nothing but comments or `---` is a null
    reader.root.filter(|root| !root.is_null())
}

fn place(marker: Marker) -> Place {
    Place { line: marker.line(), column: marker.col() + 1 }
}

impl Reader<'_, '_> {
    fn begin(&mut self, place: Place, anchor: usize, content: Content) {
        self.open.push(Open { place, anchor, content });
    }

    fn end(&mut self) {
        let Some(Open { place, anchor, content }) = self.open.pop() else { return };
        let value = match content {
            Content::List(list) => Value::List(Rc::new(list)),
            Content::Map { keys, merged, .. } => Value::Map(Rc::new(self.merge(keys, merged))),
        };
        self.node(Node { place, value }, anchor);
    }

    /// Takes a whole node: as an item, a key, a value, or the document.
    fn node(&mut self, node: Node, anchor: usize) {
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        match self.open.last_mut().map(|open| &mut open.content) {
            None => self.root = Some(node),
            Some(Content::List(list)) => list.push(node),
            Some(Content::Map { keys, key, merged }) => match key.take() {
                Some(Key::Word(word)) => keys.add(word, node, self.findings),
                Some(Key::Merge(place)) => merged.push((place, node)),
                Some(Key::Wrong) => {}
                None => *key = Some(as_key(node, self.findings)),
            },
        }
    }

    fn alias(&mut self, anchor: usize, at: Place) {
        let Some(mut node) = self.anchors.get(&anchor).cloned() else {
            let what = sentence!("alias_within", "this alias stands within what it stands for");
            self.findings.wrong(at, what).hint =
                Some(sentence!("alias_within_hint", "write the value out"));
            self.node(null(at), 0);
            return;
        };
        node.place = at;
        if let Value::Scalar(scalar) = &mut node.value {
            scalar.word.place = at;
            scalar.word.lead = None;
        }
        self.node(node, 0);
    }

    /// What `<<` brings in: keys that are not written out, of the first map that has them.
    fn merge(&mut self, mut keys: Keys, merged: Vec<(Place, Node)>) -> Vec<Entry> {
        for (place, node) in merged {
            let maps = match &node.value {
                Value::List(list) => list.to_vec(),
                _ => vec![node],
            };
            for map in maps {
                let Value::Map(entries) = &map.value else {
                    let what = sentence!(
                        "merge_takes",
                        "'<<' takes a map or a list of maps, not {what}",
                        what = map.what(),
                    );
                    self.findings.wrong(place, what);
                    continue;
                };
                for Entry { key, value } in entries.iter() {
                    if !keys.has(&key.text) {
                        keys.add(key.clone(), value.clone(), self.findings);
                    }
                }
            }
        }
        keys.entries
    }

    fn scalar(&mut self, text: String, style: ScalarStyle, tag: Option<&Tag>, at: Place) -> Scalar {
        let kind = match tag {
            None if style == ScalarStyle::Plain => plain_kind(&text),
            None => Kind::Text,
            Some(tag) if tag.is_yaml_core_schema() && tag.suffix == "str" => Kind::Text,
            // "!" alone says: not plain
            Some(tag) if tag.handle.is_empty() && tag.suffix == "!" => Kind::Text,
            Some(tag)
                if tag.is_yaml_core_schema()
                    && matches!(&*tag.suffix, "int" | "float" | "bool" | "null") =>
            {
                plain_kind(&text)
            }
            Some(tag) => {
                self.wrong_tag(tag, at);
                Kind::Text
            }
        };
        let quote =
            usize::from(matches!(style, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted));
        let lead = self
            .lines
            .after(Place { column: at.column + quote, ..at })
            .starts_with(&text)
            .then_some(quote);
        Scalar { word: Word { text, place: at, lead }, kind }
    }

    fn check_tag(&mut self, tag: Option<&Tag>, own: &str, at: Place) {
        if let Some(tag) = tag.filter(|tag| !(tag.is_yaml_core_schema() && tag.suffix == own)) {
            self.wrong_tag(tag, at);
        }
    }

    fn wrong_tag(&mut self, tag: &Tag, at: Place) {
        let core =
            if tag.is_yaml_core_schema() { format!("!!{}", tag.suffix) } else { tag.to_string() };
        let what = sentence!("yaml_tag", "the YAML tag '{tag}' means nothing here", tag = core);
        self.findings.wrong(at, what).hint = Some(sentence!("take_out", "take it out"));
    }
}

fn null(place: Place) -> Node {
    let word = Word { text: String::new(), place, lead: None };
    Node { place, value: Value::Scalar(Scalar { word, kind: Kind::Null }) }
}

fn as_key(node: Node, findings: &mut Findings) -> Key {
    let what = node.what();
    match node.value {
        Value::Scalar(scalar) if scalar.word.text == "<<" && scalar.word.lead == Some(0) => {
            Key::Merge(node.place)
        }
        Value::Scalar(scalar) if scalar.kind != Kind::Null => Key::Word(scalar.word),
        _ => {
            let what = sentence!("key_text", "a key must be a text, not {what}", what = what);
            findings.wrong(node.place, what);
            Key::Wrong
        }
    }
}

/// What a plain scalar is.
fn plain_kind(text: &str) -> Kind {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Kind::Null,
        _ if super::as_bool(text).is_some() => Kind::Bool,
        _ if is_number(text) => Kind::Number,
        _ => Kind::Text,
    }
}

fn is_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if let Some(digits) = unsigned.strip_prefix("0x").or_else(|| unsigned.strip_prefix("0o")) {
        return !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit() || b == b'_');
    }
    let begins = unsigned.trim_start_matches('.').starts_with(|c: char| c.is_ascii_digit());
    begins && unsigned.replace('_', "").parse::<f64>().is_ok()
        || matches!(unsigned, ".inf" | ".Inf" | ".INF" | ".nan" | ".NaN" | ".NAN")
}
