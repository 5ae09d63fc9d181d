//! The few texts that are shown outside the page, from the page's own catalogue.

use std::{collections::HashMap, sync::LazyLock};

use store::{Language, Settings};

static ENGLISH: LazyLock<HashMap<String, String>> =
    LazyLock::new(|| catalogue(include_str!("../../../../ui/messages/en.json")));
static CHINESE: LazyLock<HashMap<String, String>> =
    LazyLock::new(|| catalogue(include_str!("../../../../ui/messages/zh-CN.json")));

fn catalogue(json: &str) -> HashMap<String, String> {
    serde_json::from_str(json).unwrap_or_else(|error| {
        tracing::error!(%error, "the catalogue of texts can't be read");
        HashMap::new()
    })
}

/// A language that we speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tongue {
    /// English.
    English,
    /// Simplified Chinese.
    Chinese,
}

impl Tongue {
    /// The one that the user has set, else the system's, else English.
    pub fn choose(settings: &Settings, locale: &str) -> Self {
        match settings.language {
            Language::Chinese => Self::Chinese,
            Language::System if locale.to_ascii_lowercase().starts_with("zh") => Self::Chinese,
            Language::English | Language::System => Self::English,
        }
    }

    /// A text of the catalogue with its values. One that is missing is shown by its key.
    pub fn text(self, key: &str, values: &[(&str, &str)]) -> String {
        let catalogue = match self {
            Self::English => &ENGLISH,
            Self::Chinese => &CHINESE,
        };
        let Some(text) = catalogue.get(key) else {
            tracing::error!(key, "a text is missing");
            return key.to_owned();
        };
        // in one pass, so that a value that looks like a hole stays as it is
        let mut out = String::new();
        let mut rest = text.as_str();
        while let Some((before, after)) = rest.split_once('{') {
            out.push_str(before);
            let (name, after) = after.split_once('}').unwrap_or((after, ""));
            if let Some((_, value)) = values.iter().find(|(key, _)| *key == name) {
                out.push_str(value);
            } else {
                tracing::error!(key, name, "a value is missing");
            }
            rest = after;
        }
        out + rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_chosen() {
        let settings = |language| {
            let mut settings = Settings::default();
            settings.language = language;
            settings
        };
        assert_eq!(Tongue::choose(&settings(Language::System), "zh_CN.UTF-8"), Tongue::Chinese);
        assert_eq!(Tongue::choose(&settings(Language::System), "de-DE"), Tongue::English);
        assert_eq!(Tongue::choose(&settings(Language::English), "zh-CN"), Tongue::English);
        assert_eq!(Tongue::choose(&settings(Language::Chinese), "en-US"), Tongue::Chinese);
    }
}
