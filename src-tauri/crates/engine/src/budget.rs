//! How many manifests may be read from the sources that count such reads (Docker Hub does), and how many are needed.

use std::{collections::BTreeMap, sync::Mutex};

use registry::{Client, Registry, Sentence, sentence};
use serde::{Deserialize, Serialize};

use crate::row::lock;

/// Reads of manifests at a source that counts them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Pulls {
    /// The registry.
    pub registry: String,
    /// How many the run made; in a plan, how many a run would make.
    pub needed: u64,
    /// How many are left.
    pub left: u64,
    /// How many there are in each window.
    pub limit: u64,
    /// The length of a window.
    pub window_seconds: Option<u64>,
}

impl Pulls {
    /// Whether a run that follows this plan would come to the end of them.
    pub fn is_short(&self) -> bool {
        self.needed > self.left
    }
}

/// The sources of a run.
#[derive(Debug, Default)]
pub(crate) struct Budget(Mutex<BTreeMap<Registry, Source>>);

#[derive(Debug, Default)]
struct Source {
    /// Images that are not looked at yet.
    ahead: u64,
    /// It was told that it may not be enough.
    told: bool,
}

impl Budget {
    /// An image of a source is known.
    pub(crate) fn add(&self, source: &Registry) {
        let mut sources = lock(&self.0);
        match sources.get_mut(source) {
            Some(source) => source.ahead += 1,
            None => {
                sources.insert(source.clone(), Source { ahead: 1, told: false });
            }
        }
    }

    /// An image of a source is being looked at.
    pub(crate) fn begin(&self, source: &Registry) {
        if let Some(source) = lock(&self.0).get_mut(source) {
            source.ahead = source.ahead.saturating_sub(1);
        }
    }

    /// An image of a source must be copied: a warning, once, where there may not be enough pulls for those behind it.
    pub(crate) fn check(&self, client: &Client, source: &Registry) -> Option<Sentence> {
        let left = client.quota(source)?.remaining;
        let mut sources = lock(&self.0);
        let known = sources.get_mut(source)?;
        if known.told || known.ahead <= left {
            return None;
        }
        known.told = true;
        Some(sentence!(
            "pulls_may_end",
            "{source} lets {left} more manifests be read for now, and {ahead} more of its images are to be looked at: if \
             most must be copied, it is not enough; log in for a higher limit, or run again later",
            source = source,
            left = left,
            ahead = known.ahead,
        ))
    }

    /// The sources that count.
    pub(crate) fn pulls(&self, client: &Client) -> Vec<Pulls> {
        let sources: Vec<Registry> = lock(&self.0).keys().cloned().collect();
        let pulls = |source: Registry| {
            let quota = client.quota(&source)?;
            Some(Pulls {
                needed: client.pulls(&source),
                registry: source.to_string(),
                left: quota.remaining,
                limit: quota.limit,
                window_seconds: quota.window.map(|window| window.as_secs()),
            })
        };
        sources.into_iter().filter_map(pulls).collect()
    }
}
