//! What the user has set.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{Error, file};

/// The format's version.
const VERSION: u64 = 1;

/// What the user has set. Fields that a file lacks have their defaults.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Settings {
    version: u64,
    /// The colours.
    pub theme: Theme,
    /// The language.
    pub language: Language,
    /// Whether the end of a run is notified.
    pub notify: bool,
}

/// The colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Theme {
    /// As the system has it.
    #[default]
    System,
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

/// The language.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Language {
    /// As the system has it.
    #[default]
    #[serde(rename = "system")]
    System,
    /// English.
    #[serde(rename = "en")]
    English,
    /// Simplified Chinese.
    #[serde(rename = "zh-CN")]
    Chinese,
}

impl Default for Settings {
    fn default() -> Self {
        Self::new(Theme::System, Language::System, true)
    }
}

impl Settings {
    /// Settings of this version.
    pub fn new(theme: Theme, language: Language, notify: bool) -> Self {
        Self { version: VERSION, theme, language, notify }
    }

    /// Reads the file; defaults where there is none. One that can't be understood is kept aside and told.
    pub fn load(path: &Path) -> Result<Self, Error> {
        Ok(file::read(path, VERSION)?.or_default())
    }

    /// Writes the file.
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        file::write_json(path, self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_come_back_and_have_defaults() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("settings.json");
        assert_eq!(Settings::load(&path).unwrap(), Settings::default());
        let settings = Settings {
            theme: Theme::Dark,
            language: Language::Chinese,
            notify: false,
            ..Settings::default()
        };
        settings.save(&path).unwrap();
        assert_eq!(Settings::load(&path).unwrap(), settings);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(r#""language": "zh-CN""#), "{text}");

        std::fs::write(&path, r#"{"version": 1, "theme": "light"}"#).unwrap();
        assert_eq!(
            Settings::load(&path).unwrap(),
            Settings { theme: Theme::Light, ..Settings::default() }
        );
    }
}
