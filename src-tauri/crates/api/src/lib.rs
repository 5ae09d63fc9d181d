//! Every command that the app's page (and later other front ends) can give, declared once in [`commands`]: the router,
//! the TypeScript types and the page's `Backend` all come from that list.
//!
//! Nothing here knows Tauri or a window. What a host must provide is a small trait, [`Host`].

mod accounts;
mod app;
mod browse;
pub mod commands;
mod demo;
pub mod dto;
pub mod error;
mod history;
pub mod host;
mod logins;
mod names;
pub mod notice;
mod profiles;
pub mod providers;
mod runs;
mod settings;
pub mod text;
pub mod typescript;

pub use app::Api;
pub use host::Host;
