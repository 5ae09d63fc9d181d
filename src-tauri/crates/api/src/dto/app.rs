//! The app itself: its state, settings, keyring and file dialogs.

use registry::Sentence;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::ApiError;

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
    /// `system`, `light`, `dark` or `contrast`.
    pub theme: String,
    /// `system`, `en` or `zh-CN`.
    pub language: String,
    /// What the desktop is told of.
    pub notifications: NotificationSettings,
    /// How many days ended runs are kept; `null` for ever.
    pub history_days: Option<u32>,
    /// Whether a run goes on in the tray when the window is closed.
    pub tray: bool,
    /// The most requests in flight to one registry, of new runs; `null` adapts.
    pub proc: Option<u32>,
    /// Bytes per second of new runs; `null` for all there is.
    pub bandwidth: Option<u64>,
}

/// What the desktop is told of: each `never`, `hidden` (while the window is not seen) or `always`.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct NotificationSettings {
    /// A run has ended well.
    pub finished: String,
    /// A run has ended with failures.
    pub failed: String,
    /// Something waits for the user.
    pub attention: String,
}

/// A folder of the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum Folder {
    /// Accounts, profiles, settings.
    Config,
    /// The history and its logs.
    Data,
}

/// Which folder to open.
#[derive(Clone, Copy, Debug, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct FolderRequest {
    /// The folder.
    pub folder: Folder,
}

/// Whether secrets can be kept.
#[derive(Clone, Debug, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct KeyringStatus {
    /// `ready`, `missing` or `locked`; `memory` when the user chose to keep secrets for this session only, `file` when
    /// they chose the encrypted file.
    pub state: String,
    /// What to do about it on this system; `null` when `ready`.
    pub hint: Option<Sentence>,
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
    /// A secret, such as a service account's JSON key.
    Secret,
}

/// Which kind of file to pick.
#[derive(Clone, Copy, Debug, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct PickRequest {
    /// The kind.
    pub kind: FileKind,
}

/// What names one thing: an account, a profile, a run.
#[derive(Clone, Debug, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ById {
    /// Its id.
    pub id: String,
}
