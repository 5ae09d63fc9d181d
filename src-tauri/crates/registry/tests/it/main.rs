//! What is asked of repositories, against testkit's registries and the real `docker-registry`: bytes, digests and
//! requests are counted, and every fault must have fired.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "these are tests")]

mod blobs;
mod browse;
mod inspect;
mod lists;
mod manifests;
mod mirrors;
mod mounts;
mod prepare;
mod proxy_env;
mod real;
mod referrers;
mod setup;
mod upload_manners;
mod uploads;
