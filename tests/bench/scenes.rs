//! What is copied in each scene.

use std::collections::BTreeSet;

use testkit::{Image, Layer, Registry};

use crate::tools::Tool;

/// A set of images and how often they are copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scene {
    /// One image of 4 layers of 128 MiB.
    Bulk,
    /// 12 repositories of 6 tags that share bases: 72 images.
    Many,
    /// The same through relays that add 12.5 ms each way.
    Wan,
    /// The same once more, everything being there.
    Noop,
    /// One image of 3 layers of 96 MiB to 3 destinations.
    Fan,
    /// One image with one layer of 4 GiB.
    Big,
    /// 30 images of 3 layers of 3 MiB: as much memory as can be had to be used.
    Wide,
}

pub const ALL: [Scene; 7] =
    [Scene::Bulk, Scene::Many, Scene::Wan, Scene::Noop, Scene::Fan, Scene::Big, Scene::Wide];

pub const REPOSITORIES: u64 = 12;
pub const TAGS: u64 = 6;
const WIDE: u64 = 30;
const MIB: u64 = 1 << 20;

impl Scene {
    pub fn name(self) -> &'static str {
        match self {
            Self::Bulk => "bulk",
            Self::Many => "many",
            Self::Wan => "wan",
            Self::Noop => "noop",
            Self::Fan => "fan",
            Self::Big => "big",
            Self::Wide => "wide",
        }
    }

    pub fn about(self) -> &'static str {
        match self {
            Self::Bulk => "One image of 4 layers of 128 MiB.",
            Self::Many => {
                "12 repositories of 6 tags each: 72 images that share two base layers and have three layers of their own,\n\
                 290 distinct blobs."
            }
            Self::Wan => {
                "The same through relays that add 12.5 ms each way, at the source and at the destination."
            }
            Self::Noop => "The same again, everything being at the destination.",
            Self::Fan => "One image of 3 layers of 96 MiB to 3 destinations.",
            Self::Big => "One image with one layer of 4 GiB.",
            Self::Wide => {
                "30 images of 3 layers of 3 MiB, ours alone: as many layers at once as a program may want, to see its memory."
            }
        }
    }

    /// `(repository, tags)` of what is copied.
    pub fn images(self) -> Vec<(String, Vec<String>)> {
        match self {
            Self::Bulk | Self::Fan | Self::Big => vec![(self.name().into(), vec!["1".into()])],
            Self::Wide => vec![("wide".into(), (0..WIDE).map(|tag| format!("v{tag}")).collect())],
            Self::Many | Self::Wan | Self::Noop => {
                let tags = || (0..TAGS).map(|tag| format!("v{tag}")).collect();
                (0..REPOSITORIES).map(|repository| (format!("app{repository}"), tags())).collect()
            }
        }
    }

    pub fn destinations(self) -> usize {
        if self == Self::Fan { 3 } else { 1 }
    }

    /// Whether a tool takes part.
    pub fn has(self, tool: Tool) -> bool {
        match tool {
            Tool::Ours => true,
            Tool::Proc64 => matches!(self, Self::Many | Self::Wide),
            Tool::Bare => self == Self::Many,
            _ => self != Self::Wide,
        }
    }

    /// Whether a bar compares us with the tool, so that it is run in every round however slow it is.
    pub fn is_measured_against(self, tool: Tool) -> bool {
        matches!(tool, Tool::Ours | Tool::Skopeo) && self != Self::Big
    }

    /// Puts the images into a registry in this process, from where they are seeded.
    pub fn fill(self, origin: &Registry) {
        let huge = |seed, count, size| {
            let layers = (0..count).map(|n| Layer::huge(seed + n, size));
            Image::single("linux/amd64", layers)
        };
        match self {
            Self::Bulk => drop(origin.push("bulk", "1", &huge(100, 4, 128 * MIB))),
            Self::Fan => drop(origin.push("fan", "1", &huge(200, 3, 96 * MIB))),
            Self::Big => drop(origin.push("big", "1", &huge(300, 1, 4096 * MIB))),
            Self::Wide => {
                for tag in 0..WIDE {
                    origin.push("wide", &format!("v{tag}"), &huge(400 + tag * 10, 3, 3 * MIB));
                }
            }
            Self::Many | Self::Wan | Self::Noop => {
                let (mut images, mut blobs) = (BTreeSet::new(), BTreeSet::new());
                for (repository, n) in (0..REPOSITORIES).map(|n| (format!("app{n}"), n)) {
                    for tag in 0..TAGS {
                        let seed = 4000 + n * 100 + tag * 10;
                        let layers = [
                            Layer::random(1000, 400_000),
                            Layer::random(1001, 200_000),
                            Layer::random(seed, 50_000),
                            Layer::random(seed + 1, 20_000),
                            Layer::random(seed + 2, 5_000),
                        ];
                        let image = Image::single("linux/amd64", layers)
                            .label("tag", &format!("{n}/{tag}"));
                        let built = origin.push(&repository, &format!("v{tag}"), &image);
                        images.insert(built.digest().to_owned());
                        blobs.extend(built.blobs().into_iter().map(|(digest, _)| digest));
                    }
                }
                assert_eq!((images.len(), blobs.len()), (72, 290), "what the bars are made for");
            }
        }
    }
}
