//! What the user has set.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{Error, file};

/// The format's version. The first had `notify` where there are `notifications` now.
const VERSION: u64 = 2;

/// What the user has set. Fields that a file lacks have their defaults.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Settings {
    version: u64,
    /// The colours.
    pub theme: Theme,
    /// The language.
    pub language: Language,
    /// What the desktop is told of.
    pub notifications: Notifications,
    /// How many days ended runs are kept; for ever without.
    pub history_days: Option<u32>,
    /// Whether a run goes on in the tray when the window is closed.
    pub tray: bool,
    /// The most requests in flight to one registry, of new runs; adapts without.
    pub proc: Option<u32>,
    /// Bytes per second of new runs; all there is without.
    pub bandwidth: Option<u64>,
    /// Of a file of the first format.
    #[serde(rename = "notify", skip_serializing)]
    before: Option<bool>,
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
    /// High contrast, dark or light as the system has it.
    Contrast,
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

/// What the desktop is told of, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Notifications {
    /// A run has ended well.
    pub finished: When,
    /// A run has ended with failures.
    pub failed: When,
    /// Something waits for the user.
    pub attention: When,
}

/// When something is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum When {
    /// Never.
    Never,
    /// While the window is not seen.
    Hidden,
    /// Always.
    Always,
}

impl Default for Notifications {
    fn default() -> Self {
        Self { finished: When::Hidden, failed: When::Always, attention: When::Always }
    }
}

impl Notifications {
    /// Nothing is told.
    pub const NONE: Self =
        Self { finished: When::Never, failed: When::Never, attention: When::Never };
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            version: VERSION,
            theme: Theme::default(),
            language: Language::default(),
            notifications: Notifications::default(),
            history_days: None,
            tray: false,
            proc: None,
            bandwidth: None,
            before: None,
        }
    }
}

impl Settings {
    /// Reads the file; defaults where there is none. One that can't be understood is kept aside and told.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let mut settings: Self = file::read(path, VERSION)?.or_default();
        settings.version = VERSION;
        if settings.before.take() == Some(false) {
            settings.notifications = Notifications::NONE;
        }
        Ok(settings)
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
            history_days: Some(30),
            bandwidth: Some(2_500_000),
            notifications: Notifications { finished: When::Never, ..Notifications::default() },
            ..Settings::default()
        };
        settings.save(&path).unwrap();
        assert_eq!(Settings::load(&path).unwrap(), settings);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(r#""language": "zh-CN""#), "{text}");

        assert!(!text.contains("\"notify\""), "{text}");

        std::fs::write(&path, r#"{"version": 2, "theme": "light"}"#).unwrap();
        assert_eq!(
            Settings::load(&path).unwrap(),
            Settings { theme: Theme::Light, ..Settings::default() }
        );
    }

    #[test]
    fn a_file_of_the_first_format_is_taken_over() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("settings.json");
        for (notify, notifications) in
            [("false", Notifications::NONE), ("true", Notifications::default())]
        {
            let old = format!(
                r#"{{"version": 1, "theme": "dark", "language": "en", "notify": {notify}}}"#
            );
            std::fs::write(&path, old).unwrap();
            let settings = Settings::load(&path).unwrap();
            let expected = Settings {
                theme: Theme::Dark,
                language: Language::English,
                notifications,
                ..Settings::default()
            };
            assert_eq!(settings, expected);
            settings.save(&path).unwrap();
            assert_eq!(Settings::load(&path).unwrap(), expected, "written in the new format");
        }
    }
}
