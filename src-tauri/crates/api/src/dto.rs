//! What crosses the border to the page: plain data, camelCase, no secret ever on the way out.
//!
//! Ids are strings. Times are RFC 3339. Byte counts are numbers (exact up to 9 PB). `Option` is an explicit `null`.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Something went wrong. The page shows a title and a remedy by `code`, from its own catalogue.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ApiError {
    /// A stable code, `auth.rejected`.
    pub code: String,
    /// One sentence in English with all particulars, for *Details*.
    pub message: String,
    /// What to do, English, one sentence a line; may be empty.
    pub hint: String,
    /// Values for the catalogue's text: `host`, `repo`, `tag`, `line`, …
    pub params: std::collections::BTreeMap<String, String>,
}

/// What the page must know at its start.
#[derive(Clone, Debug, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct AppInfo {
    /// The version.
    pub version: String,
    /// The language of the system, `zh-CN`.
    pub locale: String,
    /// Whether the app was started to show the demo (`make run`).
    pub demo: bool,
    /// Where the app's files are.
    pub config_dir: String,
    /// What was wrong with the app's own files at its start; the broken ones were kept aside.
    pub problems: Vec<ApiError>,
}

/// What the user has set.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    /// `system`, `light` or `dark`.
    pub theme: String,
    /// `system`, `en` or `zh-CN`.
    pub language: String,
    /// Whether the end of a run is notified.
    pub notify: bool,
}

/// Whether secrets can be kept.
#[derive(Clone, Debug, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct KeyringStatus {
    /// `ready`, `missing` or `locked`; `memory` when the user chose to keep secrets for this session only.
    pub state: String,
    /// What to do about it on this system, English; empty when `ready`.
    pub hint: String,
    /// The particulars, for *Details*.
    pub detail: String,
}

/// An account, without its secret.
#[derive(Clone, Debug, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// The id.
    pub id: String,
    /// What the user calls it.
    pub name: String,
    /// `host[:port]` or `host/namespace`.
    pub address: String,
    /// The user name; empty for anonymous access.
    pub username: String,
    /// Whether a secret is kept for it (in the keyring or in memory).
    pub has_secret: bool,
    /// `keyring` or `memory`; `none` without a secret.
    pub secret_in: String,
    /// The certificate is not verified, plain HTTP is allowed.
    pub insecure: bool,
    /// A CA file to trust for it.
    pub ca_file: Option<String>,
    /// When *Test connection* last passed.
    pub verified_at: Option<String>,
}

/// An account as it is added or changed. The secret goes in only.
#[derive(Clone, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct AccountDraft {
    /// The id when one is changed.
    pub id: Option<String>,
    /// What the user calls it; the address when empty.
    pub name: String,
    /// `host[:port]` or `host/namespace`; `https://` and a pasted `docker login …` line are understood too.
    pub address: String,
    /// The user name; empty for anonymous access.
    pub username: String,
    /// The secret; `null` keeps the one that is stored.
    #[ts(type = "string | null")]
    pub secret: Option<SecretString>,
    /// The certificate is not verified, plain HTTP is allowed.
    pub insecure: bool,
    /// A CA file to trust for it.
    pub ca_file: Option<String>,
}

/// *Test connection*: one line of the check list.
#[derive(Clone, Debug, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct CheckStep {
    /// `dns`, `tcp`, `tls`, `registry`, `login`, `catalog`.
    pub step: String,
    /// `passed`, `failed`, `warning` (works, worth knowing), `skipped`.
    pub state: String,
    /// Milliseconds.
    pub millis: u64,
    /// What was found: address, issuer and expiry, …
    pub detail: String,
    /// Why it failed.
    pub error: Option<ApiError>,
}

/// *Test connection*: the whole.
#[derive(Clone, Debug, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct CheckReport {
    /// Whether an image could be read or written with this account.
    pub passed: bool,
    /// The steps in their order.
    pub steps: Vec<CheckStep>,
}

/// What names one thing: an account, a profile, a run.
#[derive(Clone, Debug, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ById {
    /// Its id.
    pub id: String,
}

/// What names a profile to run.
#[derive(Clone, Debug, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ByProfile {
    /// The profile's id.
    pub profile_id: String,
}

/// *Test connection* of an account as it is typed.
#[derive(Clone, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct TestRequest {
    /// What the page calls this test; its `check` events carry it.
    pub token: String,
    /// The account. A saved one: its id, and `secret: null` for the stored secret.
    pub draft: AccountDraft,
}

/// Which files to import.
#[derive(Clone, Debug, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ImportRequest {
    /// The name of the profile to make; the file's name when empty.
    pub name: String,
    /// Path of the images file.
    pub images: String,
    /// Path of the auth file.
    pub auth: Option<String>,
}

/// What kind of file the system's dialog offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum FileKind {
    /// An images file.
    Images,
    /// An auth file.
    Auth,
    /// Certificates.
    Ca,
}

/// Which kind of file to pick.
#[derive(Clone, Copy, Debug, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct PickRequest {
    /// The kind.
    pub kind: FileKind,
}

/// One rule as the user writes it.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct RuleDraft {
    /// `quay.io/a/b:/^v1/`
    pub source: String,
    /// `registry.example.com/x/b`, at least one.
    pub destinations: Vec<String>,
}

/// A profile.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    /// The id; empty for a new one.
    pub id: String,
    /// The name.
    pub name: String,
    /// The rules.
    pub rules: Vec<RuleDraft>,
    /// Values of `--os`.
    pub os: Vec<String>,
    /// Values of `--arch`.
    pub arch: Vec<String>,
    /// `never`, `differing` or `always`.
    pub overwrite: String,
    /// Whether signatures and other referrers come along.
    pub referrers: bool,
}

/// A profile in the list.
#[derive(Clone, Debug, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ProfileSummary {
    /// The id.
    pub id: String,
    /// The name.
    pub name: String,
    /// How many rules.
    pub rules: u32,
    /// The first rule, `source → destination`.
    pub first: String,
    /// Whether this is the demo's profile.
    pub demo: bool,
    /// Why the file can't be read, if so.
    pub broken: Option<ApiError>,
    /// When it was last run and what came of it.
    pub last_run: Option<LastRun>,
}

/// How a profile's last run ended.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct LastRun {
    /// When it ended.
    pub ended_at: String,
    /// Images copied.
    pub copied: u64,
    /// Images skipped.
    pub skipped: u64,
    /// Images failed.
    pub failed: u64,
    /// Images cancelled.
    pub cancelled: u64,
}

/// What is wrong with a rule while it is typed.
#[derive(Clone, Debug, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct RuleProblem {
    /// Which rule, from 0.
    pub rule: u32,
    /// `source`, `destination`, or a field of the profile (`name`, `os`, `arch`).
    pub field: String,
    /// Which destination, from 0.
    pub destination: u32,
    /// What is wrong.
    pub error: ApiError,
}

/// What an import brought.
#[derive(Clone, Debug, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ImportReport {
    /// The profile that was made.
    pub profile: Option<ProfileSummary>,
    /// Accounts that were made, their secrets already in the keyring.
    pub accounts: Vec<Account>,
    /// Taken as it was.
    pub taken: u32,
    /// Taken, but differently, or not at all: one sentence each.
    pub notes: Vec<String>,
}

/// The demo's two registries.
#[derive(Clone, Debug, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Demo {
    /// `127.0.0.1:port` of the source.
    pub source: String,
    /// `127.0.0.1:port` of the destination.
    pub destination: String,
    /// The profile that copies from one to the other.
    pub profile_id: String,
}

/// A plan or run that the app knows.
#[derive(Clone, Debug, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct RunInfo {
    /// The id.
    pub id: String,
    /// The profile.
    pub profile_id: String,
    /// Its name.
    pub profile_name: String,
    /// `plan` or `run`.
    pub kind: String,
    /// When it began.
    pub started_at: String,
    /// When it ended.
    pub ended_at: Option<String>,
}

/// What the page is told without asking, over one channel.
#[derive(Clone, Debug, Serialize, TS)]
#[serde(rename_all = "camelCase", tag = "type")]
pub enum AppEvent {
    /// A plan or run began or ended.
    #[serde(rename_all = "camelCase")]
    Run {
        /// Which.
        run: RunInfo,
    },
    /// A plan or run went on: an `engine::Update` (seq, phase, totals, changed images, new warnings).
    #[serde(rename_all = "camelCase")]
    Update {
        /// Which run.
        run_id: String,
        /// What changed.
        update: engine::Update,
    },
    /// A step of a connection test that is under way.
    #[serde(rename_all = "camelCase")]
    Check {
        /// The token that the page gave to the test.
        token: String,
        /// The step.
        step: CheckStep,
    },
    /// The keyring came, went or was unlocked.
    #[serde(rename_all = "camelCase")]
    Keyring {
        /// Its state now.
        status: KeyringStatus,
    },
}
