//! The few texts that are shown outside the page, from the page's own catalogue.

use std::{collections::HashMap, sync::LazyLock};

use engine::ReportTotals;
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

/// A desktop notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The first line.
    pub title: String,
    /// The rest.
    pub body: String,
}

impl Notice {
    /// The end of a run.
    pub fn run_ended(tongue: Tongue, profile: &str, totals: &ReportTotals) -> Self {
        let key = match (totals.failed, totals.cancelled) {
            (1.., _) => "notify_failed_title",
            (0, 1..) => "notify_cancelled_title",
            (0, 0) => "notify_done_title",
        };
        let counts = [totals.copied, totals.skipped, totals.failed].map(|count| count.to_string());
        Self {
            title: tongue.text(key, &[("name", profile)]),
            body: tongue.text(
                "notify_body",
                &[("copied", &counts[0]), ("skipped", &counts[1]), ("failed", &counts[2])],
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(copied: u64, skipped: u64, failed: u64, cancelled: u64) -> ReportTotals {
        ReportTotals { copied, skipped, failed, cancelled, ..ReportTotals::default() }
    }

    #[test]
    fn the_end_of_a_run_is_told_with_its_counts() {
        let notice = |tongue, totals| Notice::run_ended(tongue, "Team {copied}", &totals);
        let done = notice(Tongue::English, ended(3, 2, 0, 0));
        assert_eq!(done.title, "Team {copied}: finished");
        assert_eq!(done.body, "3 copied, 2 skipped, 0 failed");
        assert!(notice(Tongue::English, ended(3, 2, 1, 4)).title.contains("failures"));
        assert!(notice(Tongue::English, ended(3, 2, 0, 4)).title.contains("cancelled"));
        let chinese = notice(Tongue::Chinese, ended(3, 2, 0, 0));
        assert!(
            chinese.title.starts_with("Team {copied}：") && chinese.body.contains('3'),
            "{chinese:?}"
        );
    }

    #[test]
    fn the_language_is_chosen() {
        let settings = |language| Settings::new(store::Theme::System, language, true);
        assert_eq!(Tongue::choose(&settings(Language::System), "zh_CN.UTF-8"), Tongue::Chinese);
        assert_eq!(Tongue::choose(&settings(Language::System), "de-DE"), Tongue::English);
        assert_eq!(Tongue::choose(&settings(Language::English), "zh-CN"), Tongue::English);
        assert_eq!(Tongue::choose(&settings(Language::Chinese), "en-US"), Tongue::Chinese);
    }
}
