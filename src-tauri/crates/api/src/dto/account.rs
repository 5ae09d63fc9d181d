//! Accounts and the test of their connection.

use std::collections::BTreeMap;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::ApiError;

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
    pub settings: BTreeMap<String, String>,
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
    /// Whether repositories that must exist before the first push are created.
    pub creates: bool,
    /// Where the vendor's API is, where its name and provider don't tell.
    pub api: Option<String>,
    /// What stands before `/v2/` in the registry's addresses.
    pub path_prefix: Option<String>,
    /// When *Test connection* last passed.
    pub verified_at: Option<String>,
    /// What it failed at, if the last one did not pass.
    pub failed: Option<FailedTest>,
}

/// A *Test connection* that did not pass.
#[derive(Clone, Debug, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct FailedTest {
    /// When.
    pub at: String,
    /// The step that failed.
    pub step: String,
    /// The error's code.
    pub code: String,
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
    /// A file that holds the secret, instead of `secret`: one that the user has picked in this session.
    #[serde(default)]
    pub secret_file: Option<String>,
    /// The certificate is not verified, plain HTTP is allowed.
    pub insecure: bool,
    /// A CA file to trust for it.
    pub ca_file: Option<String>,
    /// The vendor's id; empty where the registry is like any other.
    #[serde(default)]
    pub provider: String,
    /// What the provider must know besides.
    #[serde(default)]
    pub settings: BTreeMap<String, String>,
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
    /// Whether repositories that must exist before the first push are created, as the account's file says how; `null`
    /// leaves it as it is.
    #[serde(default)]
    pub creates: Option<bool>,
    /// Where the vendor's API is; empty takes it away, `null` leaves it as it is where the registry stays the same.
    #[serde(default)]
    pub api: Option<String>,
    /// What stands before `/v2/`; likewise.
    #[serde(default)]
    pub path_prefix: Option<String>,
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
    /// What was found, English: address, issuer and expiry, …
    pub detail: String,
    /// What the detail says, as a word that stays: `proxied`, `plain`, `unverified`, `wants-login`, `anonymous`, `empty`,
    /// `no-repository`, `no-tags`, `found`, `opened`.
    pub note: Option<String>,
    /// At `tls`: the server's certificate.
    pub certificate: Option<Certificate>,
    /// Why it failed.
    pub error: Option<ApiError>,
    /// At `tls`: what the server has shown and could be trusted.
    pub trust: Option<TrustOffer>,
}

/// A certificate, as far as it can be read.
#[derive(Clone, Debug, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Certificate {
    /// Whom it is for.
    pub subject: String,
    /// Who signed it.
    pub issuer: String,
    /// When it runs out.
    pub not_after: Option<String>,
    /// Its SHA-256 fingerprint.
    pub sha256: String,
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
