//! What the user has set, as the page has it.

use store::{Language, Notifications, Settings, Theme, When};

use crate::{
    dto::{self, ApiError},
    error::Result,
};

/// The most requests in flight to one registry that can be asked for.
const MOST_REQUESTS: u32 = 1024;
/// A hundred years.
const MOST_DAYS: u32 = 36_500;

const THEMES: [(Theme, &str); 4] = [
    (Theme::System, "system"),
    (Theme::Light, "light"),
    (Theme::Dark, "dark"),
    (Theme::Contrast, "contrast"),
];
const LANGUAGES: [(Language, &str); 3] =
    [(Language::System, "system"), (Language::English, "en"), (Language::Chinese, "zh-CN")];
const WHENS: [(When, &str); 3] =
    [(When::Never, "never"), (When::Hidden, "hidden"), (When::Always, "always")];

fn word<T: PartialEq>(words: &[(T, &'static str)], value: &T) -> String {
    words.iter().find(|(known, _)| known == value).map(|(_, word)| *word).unwrap_or_default().into()
}

fn value<T: Copy>(words: &[(T, &str)], word: &str, field: &str) -> Result<T> {
    let found = words.iter().find(|(_, known)| *known == word);
    found.map(|(value, _)| *value).ok_or_else(|| {
        let known: Vec<_> = words.iter().map(|(_, word)| *word).collect();
        ApiError::field(field, format!("it is none of {}", known.join(", ")))
    })
}

fn within<T: PartialOrd + std::fmt::Display + Copy>(
    value: Option<T>,
    least: T,
    most: T,
    field: &str,
) -> Result<Option<T>> {
    match value {
        Some(value) if value < least || value > most => {
            Err(ApiError::field(field, format!("it must be from {least} to {most}")))
        }
        value => Ok(value),
    }
}

impl From<&Settings> for dto::Settings {
    fn from(settings: &Settings) -> Self {
        let Notifications { finished, failed, attention } = settings.notifications;
        Self {
            theme: word(&THEMES, &settings.theme),
            language: word(&LANGUAGES, &settings.language),
            notifications: dto::NotificationSettings {
                finished: word(&WHENS, &finished),
                failed: word(&WHENS, &failed),
                attention: word(&WHENS, &attention),
            },
            history_days: settings.history_days,
            tray: settings.tray,
            proc: settings.proc,
            bandwidth: settings.bandwidth,
        }
    }
}

impl TryFrom<&dto::Settings> for Settings {
    type Error = ApiError;

    fn try_from(settings: &dto::Settings) -> Result<Self> {
        let told = &settings.notifications;
        let mut read = Self::default();
        read.theme = value(&THEMES, &settings.theme, "theme")?;
        read.language = value(&LANGUAGES, &settings.language, "language")?;
        read.notifications = Notifications {
            finished: value(&WHENS, &told.finished, "notifications.finished")?,
            failed: value(&WHENS, &told.failed, "notifications.failed")?,
            attention: value(&WHENS, &told.attention, "notifications.attention")?,
        };
        read.history_days = within(settings.history_days, 1, MOST_DAYS, "historyDays")?;
        read.tray = settings.tray;
        read.proc = within(settings.proc, 1, MOST_REQUESTS, "proc")?;
        read.bandwidth = within(settings.bandwidth, 1, u64::MAX, "bandwidth")?;
        Ok(read)
    }
}
