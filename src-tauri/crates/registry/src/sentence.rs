//! Sentences for people: English here, and in the language in use where there is a page with a catalogue of texts.

use std::{borrow::Cow, collections::BTreeMap, fmt, ops::Deref};

use serde::{Deserialize, Deserializer, Serialize};

use crate::{Code, Error, Registry};

/// A sentence, made by [`sentence!`](crate::sentence!). `Display` and dereferencing give the English text; the page
/// writes it anew by the key, from its catalogue's `say_<key>`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[cfg_attr(
    feature = "ts",
    ts(type = "{ key: string, params: { [key in string]: string | Sentence }, text: string, }")
)]
pub struct Sentence(Box<Whole>);

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Whole {
    /// Names it in the catalogue; empty where only the English is known.
    key: Cow<'static, str>,
    params: BTreeMap<Cow<'static, str>, Param>,
    text: String,
}

/// What fills a hole of a sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Param {
    /// A name, a number: the same in every language.
    Text(String),
    /// A part that is put into the language in use too.
    Sentence(Sentence),
}

/// A [`Sentence`]: its key, its English with `{holes}`, and what fills these.
///
/// The key's text in `ui/messages` must be this one, with a translation beside it; a test compares them.
#[macro_export]
macro_rules! sentence {
    ($key:literal, $english:literal $(, $hole:ident = $value:expr)* $(,)?) => {
        $crate::Sentence::new(
            $key,
            $english,
            vec![$((stringify!($hole), $crate::sentence::Param::from($value))),*],
        )
    };
}

impl Sentence {
    /// For [`sentence!`](crate::sentence!).
    #[doc(hidden)]
    pub fn new(
        key: &'static str,
        english: &'static str,
        params: Vec<(&'static str, Param)>,
    ) -> Self {
        let params = params.into_iter().map(|(name, param)| (name.into(), param)).collect();
        let text = filled(english, &params);
        Self(Box::new(Whole { key: key.into(), params, text }))
    }

    /// A text that is the same in every language: the words of others.
    pub fn verbatim(text: impl Into<String>) -> Self {
        Self(Box::new(Whole { key: "".into(), params: BTreeMap::new(), text: text.into() }))
    }

    /// Its key.
    pub fn key(&self) -> &str {
        &self.0.key
    }

    /// A part of it that is a sentence.
    pub fn part(&self, name: &str) -> Option<&Self> {
        match self.0.params.get(name) {
            Some(Param::Sentence(part)) => Some(part),
            _ => None,
        }
    }

    /// The sentence with its texts changed, such as by what makes them safe to show.
    #[must_use]
    pub fn map(mut self, change: &dyn Fn(String) -> String) -> Self {
        self.0.text = change(self.0.text);
        for param in self.0.params.values_mut() {
            *param = match std::mem::replace(param, Param::Text(String::new())) {
                Param::Text(text) => Param::Text(change(text)),
                Param::Sentence(part) => Param::Sentence(part.map(change)),
            };
        }
        self
    }
}

/// The error's own sentence is for *Details*, and English; in other languages its code is told.
impl From<&Error> for Sentence {
    fn from(error: &Error) -> Self {
        let mut said = Self::failure(error.code(), error.to_string());
        for (name, value) in [("host", error.at()), ("reference", error.about())] {
            if let Some(value) = value {
                said.0.params.insert(name.into(), value.into());
            }
        }
        said
    }
}

impl Sentence {
    /// What failed, by its code.
    pub fn failure(code: Code, text: impl Into<String>) -> Self {
        let params = [("code".into(), code.as_str().into())].into();
        Self(Box::new(Whole { key: "error".into(), params, text: text.into() }))
    }
}

/// Fills the holes in one pass, so that a value that looks like a hole stays as it is.
fn filled(english: &str, params: &BTreeMap<Cow<'static, str>, Param>) -> String {
    let mut text = String::with_capacity(english.len() + 16);
    let mut rest = english;
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        let (name, after) = after.split_once('}').unwrap_or((after, ""));
        match params.get(name) {
            Some(Param::Text(value)) => text.push_str(value),
            Some(Param::Sentence(value)) => text.push_str(value),
            None => debug_assert!(false, "nothing fills {{{name}}} of '{english}'"),
        }
        rest = after;
    }
    text.push_str(rest);
    text
}

/// No sentence at all.
impl Default for Sentence {
    fn default() -> Self {
        Self::verbatim("")
    }
}

impl fmt::Display for Sentence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text)
    }
}

impl Deref for Sentence {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0.text
    }
}

impl PartialEq<str> for Sentence {
    fn eq(&self, other: &str) -> bool {
        self.0.text == other
    }
}

impl PartialEq<&str> for Sentence {
    fn eq(&self, other: &&str) -> bool {
        self.0.text == *other
    }
}

impl PartialEq<String> for Sentence {
    fn eq(&self, other: &String) -> bool {
        self.0.text == *other
    }
}

impl From<Sentence> for String {
    fn from(sentence: Sentence) -> Self {
        sentence.0.text
    }
}

/// What was kept before there were keys is a text alone.
impl<'de> Deserialize<'de> for Sentence {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Kept {
            Text(String),
            Whole { key: String, params: BTreeMap<String, Param>, text: String },
        }
        Ok(match Kept::deserialize(deserializer)? {
            Kept::Text(text) => Self::verbatim(text),
            Kept::Whole { key, params, text } => {
                let params = params.into_iter().map(|(name, param)| (name.into(), param)).collect();
                Self(Box::new(Whole { key: key.into(), params, text }))
            }
        })
    }
}

impl From<Sentence> for Param {
    fn from(sentence: Sentence) -> Self {
        Self::Sentence(sentence)
    }
}

impl From<&Sentence> for Param {
    fn from(sentence: &Sentence) -> Self {
        Self::Sentence(sentence.clone())
    }
}

macro_rules! text {
    ($($type:ty),*) => {$(
        impl From<$type> for Param {
            fn from(value: $type) -> Self {
                Self::Text(value.to_string())
            }
        }
    )*};
}
text!(&str, &String, &&str, Cow<'_, str>, char, usize, u32, u64, &Registry);

impl From<String> for Param {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

/// Sentences as their English texts alone, where a file or another program has always had these.
pub mod texts {
    use serde::{Deserialize as _, Deserializer, Serializer};

    use super::Sentence;

    /// Writes a list of texts.
    pub fn serialize<S: Serializer>(
        sentences: &[Sentence],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(sentences.iter().map(|sentence| &**sentence))
    }

    /// Reads it.
    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<Sentence>, D::Error> {
        Vec::deserialize(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Sentence {
        let part = sentence!("a_list", "a list");
        sentence!("example", "'{name}' is {what}", name = "{what}", what = part)
    }

    #[test]
    fn holes_are_filled_once() {
        assert_eq!(example(), "'{what}' is a list");
        assert_eq!(example().part("what").unwrap().key(), "a_list");
        assert_eq!(sentence!("none", "nothing to fill"), "nothing to fill");
    }

    #[test]
    fn it_is_written_with_its_parts_and_read_back() {
        let json = serde_json::to_value(example()).unwrap();
        assert_eq!(json["key"], "example");
        assert_eq!(json["params"]["name"], "{what}");
        assert_eq!(json["params"]["what"]["key"], "a_list");
        assert_eq!(json["text"], "'{what}' is a list");
        assert_eq!(serde_json::from_value::<Sentence>(json).unwrap(), example());
    }

    #[test]
    fn a_text_of_old_is_read() {
        let old: Sentence = serde_json::from_str("\"as it was\"").unwrap();
        assert_eq!((old.key(), &*old), ("", "as it was"));
    }

    #[test]
    fn changed_texts_are_changed_in_parts_too() {
        let loud = example().map(&|text| text.to_uppercase());
        assert_eq!(loud, "'{WHAT}' IS A LIST");
        assert_eq!(*loud.part("what").unwrap(), "A LIST");
    }

    #[test]
    fn an_error_is_told_by_its_code() {
        let said = Sentence::from(&Error::new(Code::NetDns, "no such host").registry("r.example"));
        let json = serde_json::to_value(&said).unwrap();
        assert_eq!((said.key(), &*said), ("error", "no such host: registry r.example"));
        assert_eq!(json["params"], serde_json::json!({"code": "net.dns", "host": "r.example"}));
    }
}
