//! What a run does where its rules leave a choice.

use registry::PlatformFilter;

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

/// What a run does where its rules leave a choice.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// Platforms to keep; a rule's own filter wins.
    pub platforms: PlatformFilter,
    /// What happens to tags that are there already.
    pub overwrite: Overwrite,
    /// Whether signatures and other referrers come along.
    pub referrers: bool,
    /// Whether a rule that matches nothing is a failure instead of a warning.
    pub fail_if_empty: bool,
    /// How often a damaged blob or manifest is fetched again.
    pub retries: u32,
    /// The most images worked on at once; `None` is the default of 64.
    pub images: Option<usize>,
}
