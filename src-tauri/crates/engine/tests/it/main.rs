//! The engine against real registries in this process: what is copied, what is asked, what is told, and what happens
//! when things go wrong.

#![allow(clippy::unwrap_used, reason = "helpers are tests too")]

mod common;

mod attestations;
mod budget;
mod cancel;
mod choice;
mod cores;
mod damage;
mod dedup;
mod events;
mod fan_out;
mod filter;
mod floor;
mod kinds;
mod lanes;
mod late;
mod limits;
mod listed;
mod newest;
mod parts;
mod patterns;
mod pause;
mod plan;
mod referrers;
mod registries;
mod resume;
mod rules;
mod soak;
mod vendors;
