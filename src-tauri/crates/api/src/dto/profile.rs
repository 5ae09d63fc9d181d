//! Profiles: what is copied where.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::{Account, ApiError};

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
    /// `keep`, `strip` or `auto`.
    pub attestations: String,
    /// Whether signatures and other referrers come along.
    pub referrers: bool,
    /// Which account is used where several fit: its id by `host[/path]`.
    #[serde(default)]
    pub accounts: BTreeMap<String, String>,
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
