//! What the app keeps on disk besides accounts and profiles: settings, and the history of runs with its exports. It also
//! owns what every file of ours needs: where it lies ([`Dirs`]), and how it is read and written so that neither a
//! crash nor a damaged file loses anything ([`mod@file`]).
//!
//! Secrets are never written by this crate.

pub mod dirs;
pub mod export;
pub mod file;
pub mod history;
pub mod known;
pub mod last_runs;
pub mod profile_lock;
pub mod settings;

pub use dirs::Dirs;
pub use file::{Error, Loaded};
pub use history::History;
pub use known::KnownRepositories;
pub use last_runs::{LastRun, LastRuns};
pub use profile_lock::ProfileLock;
pub use settings::{Language, Notifications, Settings, Theme, When};
