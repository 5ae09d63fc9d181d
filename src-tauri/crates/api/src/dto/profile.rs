//! Profiles: what is copied where.

use std::collections::BTreeMap;

use registry::Sentence;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::{Account, ApiError, Note};

/// One rule as the user writes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct RuleDraft {
    /// `quay.io/a/b:/^v1/`; `quay.io/team/**` for every repository that matches.
    pub source: String,
    /// `registry.example.com/x/b` or `registry.example.com/{path}`, at least one.
    pub destinations: Vec<String>,
    /// What narrows the tags that the source selects.
    #[serde(default)]
    pub tags: TagsDraft,
    /// What narrows the repositories that the source's pattern selects.
    #[serde(default)]
    pub repositories: RepositoriesDraft,
    /// Platforms for this rule, instead of the profile's.
    #[serde(default)]
    pub platforms: Option<PlatformsDraft>,
}

/// What narrows the tags of a rule; all that is given must be met.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct TagsDraft {
    /// Patterns of which tags match one: `1.*`, `/^v1/`.
    #[serde(default)]
    pub include: Vec<String>,
    /// Patterns of which tags match none.
    #[serde(default)]
    pub exclude: Vec<String>,
    /// A range of versions: `>=1.2, <2`.
    #[serde(default)]
    pub versions: Option<String>,
    /// Only the newest so many.
    #[serde(default)]
    pub newest: Option<u32>,
    /// `version` or `created`.
    #[serde(default)]
    pub newest_by: String,
}

/// What narrows the repositories of a rule by pattern.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct RepositoriesDraft {
    /// Patterns of which repositories match none.
    #[serde(default)]
    pub exclude: Vec<String>,
}

/// Platforms to keep: any of the operating systems with any of the architectures; all where nothing is named.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct PlatformsDraft {
    /// Values of `--os`.
    pub os: Vec<String>,
    /// Values of `--arch`.
    pub arch: Vec<String>,
}

/// A profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
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
    /// What becomes of an index of which not all is wanted: `rewrite` or `sparse`.
    #[serde(default)]
    pub index: String,
    /// Whether signatures and other referrers come along.
    pub referrers: bool,
    /// How often a request that failed is sent again; the usual number where it is `null`.
    #[serde(default)]
    pub retries: Option<u32>,
    /// The most requests in flight to any one registry; it adapts where it is `null`.
    #[serde(default)]
    pub proc: Option<u32>,
    /// The most bytes per second; no limit where it is `null`.
    #[serde(default)]
    pub bandwidth: Option<u64>,
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
    /// When it ended; of one that was interrupted, when it began.
    pub ended_at: String,
    /// Whether it was interrupted: the app or the machine went away.
    pub interrupted: bool,
    /// Images copied.
    pub copied: u64,
    /// Images skipped.
    pub skipped: u64,
    /// Images failed.
    pub failed: u64,
    /// Images cancelled.
    pub cancelled: u64,
}

/// What is wrong with a profile while it is typed, and where.
#[derive(Clone, Debug, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct RuleProblem {
    /// Which rule, from 0; `null` for the profile's own fields.
    pub rule: Option<u32>,
    /// `name`, `account`, `source`, `destination`, `include`, `exclude`, `versions`, `newest`, `repositories`, `os`, `arch`.
    pub field: String,
    /// Which of the field's items, from 0: a destination, a pattern.
    pub item: u32,
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
    /// How many rules were taken.
    pub taken: u32,
    /// What was taken, but differently.
    pub changed: Vec<Note>,
    /// What was not taken.
    pub refused: Vec<Note>,
    /// What is worth knowing besides.
    pub warnings: Vec<Note>,
}

/// Which files to import.
#[derive(Clone, Debug, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ImportRequest {
    /// The name of the profile to make; the one in the file, or the file's own, when empty.
    pub name: String,
    /// Path of the images file, or of a profile's own file.
    pub images: String,
    /// Path of the auth file.
    pub auth: Option<String>,
}

/// Another name for a profile.
#[derive(Clone, Debug, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct RenameRequest {
    /// Which.
    pub id: String,
    /// The name.
    pub name: String,
}

/// A profile as an images file of the original image-syncer.
#[derive(Clone, Debug, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ExportRequest {
    /// Which.
    pub id: String,
    /// Whether it is saved, where the user says; it is only shown otherwise.
    pub save: bool,
}

/// What an images file says of a profile, and what it can't.
#[derive(Clone, Debug, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ExportReport {
    /// The file.
    pub text: String,
    /// How many rules are in it.
    pub taken: u32,
    /// Of how many.
    pub of: u32,
    /// What is not in it, or means less there.
    pub notes: Vec<Sentence>,
    /// Where it was saved, if it was.
    pub path: Option<String>,
}

/// What a rule would copy, as far as that can be said from lists alone.
#[derive(Clone, Debug, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct PreviewRequest {
    /// What the page calls this request, to give it up by.
    pub token: String,
    /// The rule; it may be without destinations yet.
    pub rule: RuleDraft,
    /// The account to look with; `null` for whichever fits, or none.
    pub account_id: Option<String>,
    /// Whether the registry is asked for what no list of this session has.
    pub ask: bool,
    /// Whether the dates of images are read, where they decide.
    pub dates: bool,
    /// How many pairs are told at most.
    pub limit: u32,
}

/// What a rule would copy.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Preview {
    /// Whether the list that decides is known.
    pub known: bool,
    /// Whether it is known to its end.
    pub complete: bool,
    /// How many tags match; of a rule by pattern, how many repositories.
    pub matched: u64,
    /// Of how many that the list has; `null` where the rule needs no list.
    pub of: Option<u64>,
    /// Whether repositories are counted, not tags.
    pub by_repository: bool,
    /// How many pairs of source and destination there are.
    pub pairs: u64,
    /// The first of them.
    pub first: Vec<PreviewPair>,
    /// Bytes of the images whose size is known, each source once.
    pub bytes: u64,
    /// Of how many images that is.
    pub sized: u64,
    /// How many images' configs are read to find the newest by date; 0 where that is known, or is not asked for.
    pub configs: u64,
    /// Why it can't be done, although the rule is well written: numbers of tags that do not fit.
    pub problem: Option<ApiError>,
    /// When the registry was asked.
    pub fetched_at: Option<String>,
}

/// A source and where it goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct PreviewPair {
    /// The image or repository, in full.
    pub source: String,
    /// Where it goes; empty while no destination is named.
    pub destination: String,
    /// Bytes of the image, where they are known.
    pub bytes: Option<u64>,
    /// Why it can't go there.
    pub problem: Option<Sentence>,
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
