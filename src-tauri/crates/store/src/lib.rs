//! What the app keeps on disk besides accounts and profiles: settings, and how each profile's last run ended. It also
//! owns what every file of ours needs: where it lies ([`Dirs`]), and how it is read and written so that neither a
//! crash nor a damaged file loses anything ([`mod@file`]).
//!
//! Secrets are never written by this crate.

pub mod dirs;
pub mod file;
pub mod last_runs;
pub mod settings;

pub use dirs::Dirs;
pub use file::{Error, Loaded};
pub use last_runs::{LastRun, LastRuns};
pub use settings::{Language, Settings, Theme};
