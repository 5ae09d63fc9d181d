//! What a run does where its rules leave a choice.

use std::time::Duration;

use registry::PlatformFilter;

use crate::Choice;

/// What to do with a tag that is at the destination with another digest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overwrite {
    /// Leave it.
    Never,
    /// Move it to the source's digest.
    #[default]
    Differing,
    /// Put the manifest again even where it is equal (`--force`).
    Always,
}

/// What becomes of the attestations (provenance, bills of materials) that an index lists beside its images.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Attestations {
    /// They are copied.
    #[default]
    Keep,
    /// They are left out: the index is written without them, and has another digest.
    Strip,
    /// They are left out where the destination refuses them, and copied elsewhere.
    Auto,
}

/// What becomes of an index of which not all entries are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IndexPolicy {
    /// It is written with those entries alone, and has another digest.
    #[default]
    Rewrite,
    /// It stays as it is and keeps its digest; what is not wanted is missing at the destination, which must allow that.
    Sparse,
}

/// What a run does where its rules leave a choice.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Platforms to keep; a rule's own filter wins.
    pub platforms: PlatformFilter,
    /// What happens to tags that are there already.
    pub overwrite: Overwrite,
    /// What becomes of attestations in indexes.
    pub attestations: Attestations,
    /// What becomes of an index of which not all entries are wanted.
    pub index: IndexPolicy,
    /// Whether signatures and other referrers come along.
    pub referrers: bool,
    /// Whether a rule that matches nothing is a failure instead of a warning.
    pub fail_if_empty: bool,
    /// How often a damaged blob or manifest is fetched again (default 3).
    pub retries: u32,
    /// The most images worked on at once; `None` is the default of 64, or as many as a host may get requests at once where
    /// that is more (at most 1024).
    pub images: Option<usize>,
    /// Which of the images that the rules select are copied (default all).
    pub choice: Choice,
    /// Whether [`Control::parts`](crate::Control::parts) can tell what images are made of, which takes about 100 bytes
    /// per blob of every image (default not).
    pub parts: bool,
    /// How long a destination may take nothing, its buffer full, or answer nothing, before the other destinations of the
    /// same images go on without it (default 5 s). It then catches up alone.
    pub patience: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            platforms: PlatformFilter::default(),
            overwrite: Overwrite::default(),
            attestations: Attestations::default(),
            index: IndexPolicy::default(),
            referrers: false,
            fail_if_empty: false,
            retries: 3,
            images: None,
            choice: Choice::All,
            parts: false,
            patience: Duration::from_secs(5),
        }
    }
}
