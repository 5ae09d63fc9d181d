//! What is copied, in which order, and the copying: rules → plan → run.
//!
//! A [`Job`] is rules with a policy and a client. [`Job::plan`] resolves and compares, and writes nothing;
//! [`Job::run`] does the same and copies as it goes. Both tell the same [`event`]s and end in the same [`Report`].
//! Files, accounts and programs are not here: they make jobs, and fold events.
//!
//! How a run goes, module by module. `run` begins the work: `expand` makes rows of rules, one `unit` per source image
//! with all of its destinations. `image` looks at the destinations, compares (`source_image` knows the source), lets
//! rivals for one tag hear of each other (`claims`), and hands what differs to `plan` or `copy`. There `tree` reads what
//! is under a manifest and `referrers` what refers to it; each row is a `copying`, each of its blobs a `deliver`, and
//! `blob_table` says who brings which blob to which registry while others wait and mount. Whoever needs bytes meets in
//! `gather`, so that they are read once, and `transfer` splits them; an upload that falls behind goes on `alone`, its
//! hash from the last of its `marks`. `row` and `board` keep what is told of all this, and
//! `parts` what a row is made of.

pub mod choice;
pub mod control;
pub mod error;
pub mod event;
pub mod job;
pub mod parts;
pub mod policy;
pub mod report;
pub mod rule;
pub mod verify;

mod alone;
mod blob_table;
mod board;
mod budget;
mod claims;
mod commits;
mod copy;
mod copying;
mod deliver;
mod expand;
mod gather;
mod image;
mod lanes;
mod marks;
mod once;
mod place;
#[cfg(test)]
mod plain;
mod plan;
mod referrers;
mod row;
mod run;
mod site;
mod source_image;
mod stop;
mod transfer;
mod tree;
mod unit;

pub use budget::Pulls;
pub use choice::{Choice, ImagePair, Pairs};
pub use control::Control;
pub use error::Failure;
pub use event::{ImageState, ImageStatus, Phase, Snapshot, Totals, Update};
pub use job::{Job, RunHandle};
pub use parts::{BlobPart, BlobStatus, ImageParts, ManifestPart, ManifestRole};
pub use policy::{Attestations, IndexPolicy, Overwrite, Policy};
pub use report::{Action, ImageReport, Outcome, Plan, Report, ReportTotals};
pub use rule::{
    DestinationRule, DestinationTags, JobRule, Mapping, NewestBy, Origin, Pattern, PatternRule,
    Rule, RuleError, Selection, Source, TagDates, TagFilter,
};
