//! Every command, run without a desktop.

mod accounts;
mod app;
mod canary;
mod host;
mod profiles;
mod runs;
