//! What is copied in each scene.

use testkit::{Image, Layer, Registry};

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
}

pub const ALL: [Scene; 6] =
    [Scene::Bulk, Scene::Many, Scene::Wan, Scene::Noop, Scene::Fan, Scene::Big];

pub const REPOSITORIES: usize = 12;
pub const TAGS: usize = 6;

impl Scene {
    pub fn name(self) -> &'static str {
        match self {
            Self::Bulk => "bulk",
            Self::Many => "many",
            Self::Wan => "wan",
            Self::Noop => "noop",
            Self::Fan => "fan",
            Self::Big => "big",
        }
    }

    /// `(repository, tags)` of what is copied.
    pub fn images(self) -> Vec<(String, Vec<String>)> {
        match self {
            Self::Bulk => vec![("bulk".into(), vec!["1".into()])],
            Self::Fan => vec![("fan".into(), vec!["1".into()])],
            Self::Big => vec![("big".into(), vec!["1".into()])],
            Self::Many | Self::Wan | Self::Noop => (0..REPOSITORIES)
                .map(|repository| {
                    (format!("app{repository}"), (0..TAGS).map(|tag| format!("v{tag}")).collect())
                })
                .collect(),
        }
    }

    pub fn destinations(self) -> usize {
        if self == Self::Fan { 3 } else { 1 }
    }

    /// Puts the images into a registry in this process, from where they are seeded.
    pub fn fill(self, origin: &Registry) {
        const MIB: u64 = 1 << 20;
        match self {
            Self::Bulk => {
                let layers = (0..4).map(|seed| Layer::huge(100 + seed, 128 * MIB));
                origin.push("bulk", "1", &Image::single("linux/amd64", layers));
            }
            Self::Fan => {
                let layers = (0..3).map(|seed| Layer::huge(200 + seed, 96 * MIB));
                origin.push("fan", "1", &Image::single("linux/amd64", layers));
            }
            Self::Big => {
                origin.push(
                    "big",
                    "1",
                    &Image::single("linux/amd64", [Layer::huge(300, 4096 * MIB)]),
                );
            }
            Self::Many | Self::Wan | Self::Noop => {
                // 290 distinct blobs in 72 images: 2 bases for all, 6 layers shared within each second repository pair,
                // and per image a config and about two layers of its own
                let base = |n: u64| Layer::random(1000 + n, 400_000);
                for repository in 0..REPOSITORIES as u64 {
                    let runtime = Layer::random(2000 + repository / 2, 200_000);
                    let own = Layer::random(3000 + repository, 100_000);
                    for tag in 0..TAGS as u64 {
                        let seed = 4000 + repository * 100 + tag * 10;
                        let mut layers = vec![
                            base(repository % 2),
                            runtime.clone(),
                            own.clone(),
                            Layer::random(seed, 50_000),
                            Layer::random(seed + 1, 20_000),
                        ];
                        if tag < 5 && repository < 11 {
                            layers.push(Layer::random(seed + 2, 5_000));
                        }
                        let image = Image::single("linux/amd64", layers)
                            .label("tag", &format!("{repository}/{tag}"));
                        origin.push(&format!("app{repository}"), &format!("v{tag}"), &image);
                    }
                }
            }
        }
    }
}
