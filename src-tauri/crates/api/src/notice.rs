//! What the desktop is told of: texts from the page's own catalogue, whether the user wants them, and where a click
//! leads.

use engine::ReportTotals;
use registry::Code;
use store::{Settings, When};

use crate::{dto::AppEvent, runs::retry_helps, text::Tongue};

/// Codes of failures that only the user can help with, at Accounts.
const NEEDS_USER: [Code; 5] = [
    Code::AuthRequired,
    Code::AuthRejected,
    Code::KeyringLocked,
    Code::KeyringMissing,
    Code::SecretsLocked,
];

/// What has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A run has ended well, or was cancelled.
    Finished,
    /// A run has ended with failures.
    Failed,
    /// Something waits for the user.
    Attention,
    /// The user wants to see what a notification looks like.
    Trial,
}

/// Where a click leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// To the run with this id.
    Run(String),
    /// To the accounts.
    Accounts,
    /// To the first screen.
    Home,
}

/// A desktop notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// What has happened.
    pub event: Event,
    /// The first line.
    pub title: String,
    /// The rest.
    pub body: String,
    /// Where a click leads.
    pub target: Target,
    /// The button that leads there too.
    pub show: String,
    /// The run whose failed images a second button tries again, and its text.
    pub retry: Option<(String, String)>,
}

impl Target {
    /// What the page is told of a click.
    pub fn event(&self) -> AppEvent {
        let (target, id) = match self {
            Self::Run(id) => ("run", Some(id.clone())),
            Self::Accounts => ("accounts", None),
            Self::Home => ("home", None),
        };
        AppEvent::Show { target: target.into(), id }
    }
}

impl Notice {
    /// The end of a run; `codes` are those of its failed images.
    pub fn run_ended<'a>(
        tongue: Tongue,
        profile: &str,
        id: &str,
        totals: &ReportTotals,
        codes: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let counts = [totals.copied, totals.skipped, totals.failed].map(|count| count.to_string());
        let counts = tongue.text(
            "notify_body",
            &[("copied", &counts[0]), ("skipped", &counts[1]), ("failed", &counts[2])],
        );
        let codes: Vec<&str> = codes.into_iter().collect();
        let again = codes.iter().any(|code| retry_helps(code));
        let needs = codes
            .into_iter()
            .find_map(|code| NEEDS_USER.into_iter().find(|known| known.as_str() == code));
        let (event, key) = match (needs, totals.failed, totals.cancelled) {
            (Some(_), ..) => (Event::Attention, "notify_attention_title"),
            (None, 1.., _) => (Event::Failed, "notify_failed_title"),
            (None, 0, 1..) => (Event::Finished, "notify_cancelled_title"),
            (None, 0, 0) => (Event::Finished, "notify_done_title"),
        };
        let body = match needs {
            Some(code) => format!("{}\n{counts}", problem(tongue, code)),
            None => counts,
        };
        let retry = tongue.text("notify_retry", &[]);
        Self {
            event,
            title: tongue.text(key, &[("name", profile)]),
            body,
            target: if needs.is_some() { Target::Accounts } else { Target::Run(id.into()) },
            show: tongue.text("notify_show", &[]),
            retry: again.then(|| (id.to_owned(), retry)),
        }
    }

    /// What a notification looks like.
    pub fn trial(tongue: Tongue) -> Self {
        Self {
            event: Event::Trial,
            title: tongue.text("notify_trial_title", &[]),
            body: tongue.text("notify_trial_body", &[]),
            target: Target::Home,
            show: tongue.text("notify_show", &[]),
            retry: None,
        }
    }

    /// Whether the user wants to be told, with the window before them or not.
    pub fn is_wanted(&self, settings: &Settings, seen: bool) -> bool {
        let when = match self.event {
            Event::Finished => settings.notifications.finished,
            Event::Failed => settings.notifications.failed,
            Event::Attention => settings.notifications.attention,
            Event::Trial => When::Always,
        };
        match when {
            When::Never => false,
            When::Hidden => !seen,
            When::Always => true,
        }
    }
}

/// The title of a code, as the page has it.
fn problem(tongue: Tongue, code: Code) -> String {
    let key = format!("error_{}_title", code.as_str().replace(['.', '-'], "_"));
    let registry = tongue.text("common_registry", &[]);
    let text = tongue.text(&key, &[("host", &registry)]);
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(tongue: Tongue, copied: u64, failed: u64, cancelled: u64, codes: &[&str]) -> Notice {
        let totals =
            ReportTotals { copied, skipped: 2, failed, cancelled, ..ReportTotals::default() };
        Notice::run_ended(tongue, "Team {copied}", "7", &totals, codes.iter().copied())
    }

    #[test]
    fn the_end_of_a_run_is_told_with_its_counts() {
        let done = ended(Tongue::English, 3, 0, 0, &[]);
        assert_eq!(done.title, "Team {copied}: finished");
        assert_eq!(done.body, "3 copied, 2 skipped, 0 failed");
        assert_eq!((done.event, done.retry), (Event::Finished, None));
        assert_eq!(done.target, Target::Run("7".into()));
        let failed = ended(Tongue::English, 3, 1, 4, &["net.reset"]);
        assert!(failed.title.contains("failures"), "{failed:?}");
        assert_eq!(failed.event, Event::Failed);
        assert_eq!(failed.retry, Some(("7".into(), "Retry failed".into())));
        let conflict = ended(Tongue::English, 3, 1, 0, &["rule.conflict"]);
        assert_eq!((conflict.event, conflict.retry), (Event::Failed, None));
        assert!(ended(Tongue::English, 3, 0, 4, &[]).title.contains("cancelled"));
        let chinese = ended(Tongue::Chinese, 3, 0, 0, &[]);
        assert!(
            chinese.title.starts_with("Team {copied}：") && chinese.body.contains('3'),
            "{chinese:?}"
        );
    }

    #[test]
    fn a_refused_login_needs_the_user_and_leads_to_the_accounts() {
        let notice = ended(Tongue::English, 3, 1, 0, &["net.reset", "auth.rejected"]);
        assert_eq!((notice.event, &notice.target), (Event::Attention, &Target::Accounts));
        assert!(
            notice.body.starts_with("User name or token refused by the registry\n"),
            "{notice:?}"
        );
        assert!(notice.body.ends_with("\n3 copied, 2 skipped, 1 failed"), "{notice:?}");
    }

    #[test]
    fn every_problem_that_needs_the_user_has_a_text_in_both_languages() {
        for code in NEEDS_USER {
            for tongue in [Tongue::English, Tongue::Chinese] {
                let text = problem(tongue, code);
                assert!(!text.to_lowercase().starts_with("error_"), "{code}: {text}");
            }
        }
    }

    #[test]
    fn it_is_told_when_the_user_wants_it() {
        let settings = Settings::default();
        let finished = ended(Tongue::English, 1, 0, 0, &[]);
        let failed = ended(Tongue::English, 1, 1, 0, &[]);
        assert!(!finished.is_wanted(&settings, true), "before the user's eyes");
        assert!(finished.is_wanted(&settings, false));
        assert!(failed.is_wanted(&settings, true));
        let mut settings = Settings::default();
        settings.notifications = store::Notifications::NONE;
        assert!(!failed.is_wanted(&settings, false));
        assert!(Notice::trial(Tongue::English).is_wanted(&settings, true));
    }
}
