//! Files with rules: the original image-syncer's, in and out ([`image_syncer`]), and our own saved profiles
//! ([`profile`]).
//!
//! All that is wrong with a file is told together, each with line, column and a hint; nothing is contacted here.

mod document;
mod environment;
pub mod image_syncer;
mod nearest;
mod problem;
pub mod profile;
mod yaml;

pub use environment::Environment;
pub use problem::{Problem, Rejected};
pub use profile::{Field, Profile, Profiles};
