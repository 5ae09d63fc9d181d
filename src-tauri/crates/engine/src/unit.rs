//! The unit of work: one source image with every destination that wants it, so that it is read once for all of them.

use std::sync::Arc;

use registry::{Digest, PlatformFilter, Tag, Target};

use crate::{
    claims::TagKey,
    place::{Place, SourceRepository},
    row::Row,
};

/// One source image with its destinations.
#[derive(Debug)]
pub(crate) struct Unit {
    pub(crate) source: Arc<SourceRepository>,
    pub(crate) target: Target,
    pub(crate) filter: Arc<PlatformFilter>,
    pub(crate) destinations: Vec<Destination>,
}

/// Where an image goes.
#[derive(Debug)]
pub(crate) struct Destination {
    pub(crate) place: Arc<Place>,
    pub(crate) aim: Aim,
    pub(crate) row: Arc<Row>,
}

/// What an image is called at a destination.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Aim {
    /// By this tag.
    Tag(Tag),
    /// By whatever digest it has.
    Digest,
}

impl Destination {
    /// The tag that is written; none when it is written by digest, for which nobody can be a rival.
    pub(crate) fn key(&self) -> Option<TagKey> {
        match &self.aim {
            Aim::Tag(tag) => Some((self.place.index, tag.clone())),
            Aim::Digest => None,
        }
    }

    /// What a manifest of this digest is put as.
    pub(crate) fn target(&self, digest: &Digest) -> Target {
        match &self.aim {
            Aim::Tag(tag) => Target::Tag(tag.clone()),
            Aim::Digest => Target::Digest(digest.clone()),
        }
    }
}
