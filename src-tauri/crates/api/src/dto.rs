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
    /// `ready`, `missing` or `locked`; `memory` when the user chose to keep secrets for this session only, `file` when
    /// they chose the encrypted file.
    pub state: String,
    /// What to do about it on this system, English; empty when `ready`.
    pub hint: String,
    /// The particulars, for *Details*.
    pub detail: String,
    /// The encrypted file: `none`, `locked` (it waits for its passphrase) or `open`.
    pub file: String,
}

/// Opens the encrypted file of secrets, or makes it.
#[derive(Clone, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct PassphraseRequest {
    /// The passphrase.
    #[ts(type = "string")]
    pub passphrase: SecretString,
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
    /// The vendor's id, such as `ecr`; empty where the registry is like any other.
    pub provider: String,
    /// What the provider must know besides: a region, a role.
    pub settings: std::collections::BTreeMap<String, String>,
    /// What the secret is: `password`, `identity-token`, `bearer`, or a provider's own word.
    pub secret_kind: String,
    /// Whether there is a secret for it.
    pub has_secret: bool,
    /// `keyring`, `memory`, `file` or `linked`; `none` without a secret.
    pub secret_in: String,
    /// Who is asked for the secret each time, where it is `linked`.
    pub link: Option<String>,
    /// The certificate is not verified, plain HTTP is allowed.
    pub insecure: bool,
    /// Plain HTTP is spoken at once.
    pub plain_http: bool,
    /// A CA file to trust for it.
    pub ca_file: Option<String>,
    /// A certificate that is trusted for it.
    pub trusted: Option<Trusted>,
    /// A file with the client's certificate.
    pub client_cert: Option<String>,
    /// A file with its key.
    pub client_key: Option<String>,
    /// A proxy for it, without its password.
    pub proxy: Option<String>,
    /// Whether there is a password for the proxy.
    pub has_proxy_password: bool,
    /// Mirrors, `host[:port][/prefix]`.
    pub mirrors: Vec<String>,
    /// The most requests in flight.
    pub limit: Option<u32>,
    /// When *Test connection* last passed.
    pub verified_at: Option<String>,
}

/// A certificate that is trusted for one account.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Trusted {
    /// `certificate`: this one and no other; `ca`: what this authority signs.
    pub kind: String,
    /// Its SHA-256 fingerprint.
    pub sha256: String,
    /// Whom it is for.
    pub subject: String,
    /// The authority's certificate (PEM); empty for `certificate`.
    pub pem: String,
}

/// What a server has shown and could be trusted.
#[derive(Clone, Debug, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct TrustOffer {
    /// The server's own certificate.
    pub certificate: Trusted,
    /// Its authority, where the server has shown that.
    pub ca: Option<Trusted>,
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
    /// The vendor's id; empty where the registry is like any other.
    #[serde(default)]
    pub provider: String,
    /// What the provider must know besides.
    #[serde(default)]
    pub settings: std::collections::BTreeMap<String, String>,
    /// What the secret is; `password` when empty.
    #[serde(default)]
    pub secret_kind: String,
    /// Plain HTTP is spoken at once.
    #[serde(default)]
    pub plain_http: bool,
    /// A certificate to trust for it.
    #[serde(default)]
    pub trusted: Option<Trusted>,
    /// A file with the client's certificate.
    #[serde(default)]
    pub client_cert: Option<String>,
    /// A file with its key.
    #[serde(default)]
    pub client_key: Option<String>,
    /// A proxy for it. A password in it goes in only; without one, that of the same proxy is kept.
    #[serde(default)]
    #[ts(type = "string | null")]
    pub proxy: Option<SecretString>,
    /// Mirrors, `host[:port][/prefix]`.
    #[serde(default)]
    pub mirrors: Vec<String>,
    /// The most requests in flight.
    #[serde(default)]
    pub limit: Option<u32>,
}

/// *Test connection*: one line of the check list.
#[derive(Clone, Debug, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct CheckStep {
    /// `dns`, `tcp`, `tls`, `registry`, `login`, `catalog`, `pull`, `push`.
    pub step: String,
    /// `passed`, `failed`, `warning` (works, worth knowing), `skipped`.
    pub state: String,
    /// Milliseconds.
    pub millis: u64,
    /// What was found: address, issuer and expiry, …
    pub detail: String,
    /// Why it failed.
    pub error: Option<ApiError>,
    /// At `tls`: what the server has shown and could be trusted.
    pub trust: Option<TrustOffer>,
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
    /// A repository to try to read from and write to; nothing is tried without it.
    #[serde(default)]
    pub repository: Option<String>,
}

/// Where logins are looked for.
#[derive(Clone, Debug, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct FindRequest {
    /// Whether docker's and podman's files and helpers are looked at.
    pub machine: bool,
    /// The original image-syncer's auth file.
    pub auth: Option<String>,
}

/// A login that was found on this machine, without its secret.
#[derive(Clone, Debug, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct FoundLogin {
    /// Names it among the others.
    pub key: String,
    /// `host[:port]` or `host/namespace`.
    pub address: String,
    /// The user name, where it is known.
    pub username: Option<String>,
    /// The file or helper that has it.
    pub source: String,
    /// Whether it can be linked: asked for each time instead of being copied.
    pub can_link: bool,
    /// The name of the account that is the same already.
    pub known: Option<String>,
}

/// What was found, and what could not be looked at.
#[derive(Clone, Debug, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct FoundLogins {
    /// The logins.
    pub found: Vec<FoundLogin>,
    /// Files that can't be read, helpers that fail.
    pub problems: Vec<ApiError>,
}

/// A login to make an account of.
#[derive(Clone, Debug, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Pick {
    /// Its key.
    pub key: String,
    /// Whether it is linked instead of copied.
    pub link: bool,
}

/// Logins to make accounts of.
#[derive(Clone, Debug, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct TakeRequest {
    /// The auth file that they were found in besides.
    pub auth: Option<String>,
    /// Which.
    pub picks: Vec<Pick>,
}

/// What came of it.
#[derive(Clone, Debug, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Taken {
    /// The accounts that were made.
    pub accounts: Vec<Account>,
    /// Why the others were not.
    pub problems: Vec<ApiError>,
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
    /// A client's certificate or key.
    Identity,
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
    /// `keep`, `strip` or `auto`.
    pub attestations: String,
    /// Whether signatures and other referrers come along.
    pub referrers: bool,
    /// Which account is used where several fit: its id by `host[/path]`.
    #[serde(default)]
    pub accounts: std::collections::BTreeMap<String, String>,
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

/// Which list to open: what is at the top of a registry, below a namespace of it, or the tags of a repository.
#[derive(Clone, Debug, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct BrowseRequest {
    /// What the page calls this request, to give it up by.
    pub token: String,
    /// The account to look with; `null` for whichever fits, or none.
    pub account_id: Option<String>,
    /// `host[:port]`
    pub host: String,
    /// The namespace to look into.
    pub namespace: Option<String>,
    /// The repository whose tags are wanted.
    pub repository: Option<String>,
    /// Whether it is read anew although it is known.
    pub refresh: bool,
}

/// Another page of a list.
#[derive(Clone, Debug, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct MoreRequest {
    /// What the page calls this request, to give it up by.
    pub token: String,
    /// The list.
    pub list_id: String,
    /// How many of its entries are known.
    pub from: u64,
}

/// What names a request that is under way.
#[derive(Clone, Debug, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ByToken {
    /// Its token.
    pub token: String,
}

/// A list, or a page of it.
#[derive(Clone, Debug, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct BrowsePage {
    /// The list's id, for more of it.
    pub list_id: String,
    /// How many entries come before these.
    pub from: u64,
    /// The entries.
    pub entries: Vec<BrowseEntry>,
    /// Whether there may be more.
    pub more: bool,
    /// When the registry was asked.
    pub fetched_at: String,
}

/// A namespace, repository or tag. What the registry's list does not tell is `null`.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct BrowseEntry {
    /// The whole path within the registry, or the tag. As the registry gives it: it may be anything.
    pub name: String,
    /// `namespace`, `repository`, `either` (it may be both), `tag`.
    pub kind: String,
    /// Whether it can be named in a reference.
    pub usable: bool,
    /// How many repositories, tags or artifacts are below it.
    pub count: Option<u64>,
    /// Bytes, compressed.
    pub size: Option<u64>,
    /// When it was made.
    pub created: Option<String>,
    /// When something was last pushed.
    pub updated: Option<String>,
    /// Of a tag: the digest that it names.
    pub digest: Option<String>,
    /// Of a tag: the media type of what it names.
    pub media_type: Option<String>,
    /// Of a tag: its platforms, `linux/amd64`.
    pub platforms: Vec<String>,
    /// Whether everyone may pull.
    pub public: Option<bool>,
    /// Of a tag: whether there is a signature.
    pub signed: Option<bool>,
}

/// Which image to look into.
#[derive(Clone, Debug, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct DetailsRequest {
    /// What the page calls this request, to give it up by.
    pub token: String,
    /// The account to look with; `null` for whichever fits, or none.
    pub account_id: Option<String>,
    /// The image's reference.
    pub reference: String,
    /// Whether it is read anew although it is known.
    pub refresh: bool,
}

/// What an image is made of.
#[derive(Clone, Debug, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ImageDetails {
    /// The account that it was looked at with.
    pub account_id: Option<String>,
    /// Its reference, in full.
    pub reference: String,
    /// The digest of its manifest or index.
    pub digest: String,
    /// The media type of that.
    pub media_type: String,
    /// `index`, `image`, `artifact`, `schema1`.
    pub kind: String,
    /// Of an artifact.
    pub artifact_type: Option<String>,
    /// Bytes of all its different blobs, compressed.
    pub size: Option<u64>,
    /// Whether a signature refers to it.
    pub signed: bool,
    /// Annotations of the manifest or index.
    pub annotations: std::collections::BTreeMap<String, String>,
    /// The images of an index; the one image otherwise.
    pub images: Vec<ImagePart>,
    /// What refers to it.
    pub referrers: Vec<ImageReferrer>,
    /// What could not be found out, English, one sentence each.
    pub warnings: Vec<String>,
    /// When the registry was asked.
    pub fetched_at: String,
}

/// One image of an index.
#[derive(Clone, Debug, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ImagePart {
    /// Its digest.
    pub digest: String,
    /// Its media type.
    pub media_type: String,
    /// `linux/amd64`
    pub platform: Option<String>,
    /// Whether it is an attestation.
    pub attestation: bool,
    /// Bytes of config and layers, compressed.
    pub size: Option<u64>,
    /// When it was made.
    pub created: Option<String>,
    /// Its layers.
    pub layers: Vec<ImageLayer>,
}

/// A layer.
#[derive(Clone, Debug, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ImageLayer {
    /// Its digest.
    pub digest: String,
    /// Its media type.
    pub media_type: Option<String>,
    /// Bytes, compressed.
    pub size: Option<u64>,
}

/// Something that refers to an image.
#[derive(Clone, Debug, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ImageReferrer {
    /// Its digest.
    pub digest: String,
    /// What it is.
    pub artifact_type: String,
    /// The tag that it is found by, if so.
    pub tag: Option<String>,
}

/// Names as they are typed or pasted.
#[derive(Clone, Debug, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct NamesRequest {
    /// The registry that they are at.
    pub host: String,
    /// The names, one a line.
    pub text: String,
}

/// A name that was typed.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct TypedName {
    /// As it was typed.
    pub text: String,
    /// The repository that it names.
    pub repository: Option<String>,
    /// Its tag, if it has one.
    pub tag: Option<String>,
    /// Why it is none, English.
    pub problem: Option<String>,
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
