//! Logins that are on this machine already.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::{Account, ApiError};

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
