//! The registry from outside: by plain HTTP, by raw bytes, beside the real `docker-registry`, and by `skopeo`, `crane` and
//! `regctl`.

#![expect(clippy::unwrap_used, reason = "what is not as it should be is a failed test")]

mod auth;
mod client;
mod faults;
mod lists;
mod manifests;
mod network;
mod parity;
mod peers;
mod quirks;
mod skopeo;
mod spec;
mod tls;
mod upload_quirks;
mod uploads;
