//! What is copied, in which order, and the copying: rules → plan → run.
//!
//! A [`Job`] is rules with a policy and a client. [`Job::plan`] resolves and compares, and writes nothing;
//! [`Job::run`] does the same and copies as it goes. Both tell the same [`event`]s and end in the same [`Report`].
//! Files, accounts and programs are not here: they make jobs, and fold events.

pub mod error;
pub mod event;
pub mod job;
pub mod policy;
pub mod report;
pub mod rule;

mod alone;
mod blob_table;
mod board;
mod claims;
mod copy;
mod copying;
mod deliver;
mod expand;
mod gather;
mod image;
mod marks;
mod once;
mod place;
mod plan;
mod referrers;
mod row;
mod run;
mod source_image;
mod stop;
mod transfer;
mod tree;
mod unit;

pub use error::Failure;
pub use event::{ImageState, ImageStatus, Phase, Snapshot, Totals, Update};
pub use job::{Job, RunHandle};
pub use policy::{Overwrite, Policy};
pub use report::{Action, ImageReport, Outcome, Plan, Report, ReportTotals};
pub use rule::{DestinationRule, DestinationTags, Origin, Rule, RuleError, Selection, Source};
