//! What the page is told without asking.

use serde::Serialize;
use ts_rs::TS;

use super::{CheckStep, KeyringStatus, RunInfo};

/// What the page is told without asking, over one channel.
#[derive(Clone, Debug, Serialize, TS)]
#[serde(rename_all = "camelCase", tag = "type")]
pub enum AppEvent {
    /// A plan or run began, was paused, goes on, got other limits or ended.
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
    /// The history changed.
    History {},
    /// A step of a connection test that is under way.
    #[serde(rename_all = "camelCase")]
    Check {
        /// The token that the page gave to the test.
        token: String,
        /// The step.
        step: Box<CheckStep>,
    },
    /// The keyring came, went or was unlocked.
    #[serde(rename_all = "camelCase")]
    Keyring {
        /// Its state now.
        status: KeyringStatus,
    },
    /// Something outside of the window was clicked: a notification, the tray.
    #[serde(rename_all = "camelCase")]
    Show {
        /// `run`, `accounts` or `home`.
        target: String,
        /// Which run.
        id: Option<String>,
    },
}
