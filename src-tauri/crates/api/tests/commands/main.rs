//! Every command, run without a desktop.

#![allow(unreachable_pub, clippy::unwrap_used, reason = "helpers are tests too")]

mod accounts;
mod app;
mod browse;
mod canary;
mod history;
mod host;
mod preview;
mod profiles;
mod runs;
