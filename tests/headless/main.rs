//! The headless `image-syncer` from outside: the built binary against Debian's real `docker-registry` and against our
//! own fault-injecting one, its results checked by `skopeo` and byte by byte.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::format_push_string,
    clippy::format_collect,
    clippy::print_stdout,
    clippy::print_stderr
)]

mod accounts;
mod bad_files;
mod bad_registries;
mod bad_sides;
mod canary;
mod clouds;
mod creation;
mod faults;
mod history;
mod log;
mod logins;
mod look;
mod made_in_the_app;
mod memory;
mod peers;
mod platforms;
mod policies;
mod profiles;
mod program;
mod providers;
mod real_modes;
mod real_registries;
mod report;
mod rules;
mod signals;
mod support;
mod terminal;
