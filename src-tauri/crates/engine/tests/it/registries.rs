//! Registries as they are out there: a sync goes through every quirk, and what was sent is asserted. The numbers in the
//! tests' names are those of docs/registries.md.

mod auth;
mod limits;
mod listing;
mod manifests;
mod mounts;
mod naming;
mod referrers;
mod transport;
mod tunnel;
mod uploads;
mod vendors;

use engine::{Outcome, Report};
use testkit::{Built, Image, Kind, Layer, Quirk, Registry, registry::Builder};

use crate::common::{Sync, assert_all, at, sync};

/// The user of registries that want a login.
const USER: (&str, &str) = ("anna", "s3cret");

/// The layer that faults are for.
fn layer() -> Layer {
    Layer::random(1, 50_000)
}

/// One platform, two layers, a config: three blobs.
fn image() -> Image {
    Image::single("linux/amd64", [layer(), Layer::random(2, 3000)])
}

/// A source that holds the image as `a/b:1`, and a destination.
struct Pair {
    from: Registry,
    to: Registry,
    built: Built,
}

impl Pair {
    async fn of(image: &Image, from: Builder, to: Builder) -> Self {
        let (from, to) = (from.start().await, to.start().await);
        let built = from.push("a/b", "1", image);
        Self { from, to, built }
    }

    /// A source with these quirks, a destination without any.
    async fn from(quirks: impl IntoIterator<Item = Quirk>) -> Self {
        Self::of(&image(), Registry::builder().quirks(quirks), Registry::builder()).await
    }

    /// A source without quirks, a destination with these.
    async fn to(quirks: impl IntoIterator<Item = Quirk>) -> Self {
        Self::of(&image(), Registry::builder(), Registry::builder().quirks(quirks)).await
    }

    /// `a/b:1` to `x/b`, logged in on both sides.
    fn rule(&self) -> Sync {
        sync(&at(&self.from, "a/b:1"), &[&at(&self.to, "x/b")])
            .login(&self.from, USER.0, USER.1)
            .login(&self.to, USER.0, USER.1)
    }

    /// Runs the rule; the image arrives to the last byte.
    #[track_caller]
    fn copies(&self) -> impl Future<Output = Report> {
        self.arrives(self.rule())
    }

    async fn arrives(&self, rule: Sync) -> Report {
        let report = rule.run().await;
        assert_all(&report, Outcome::Copied);
        assert!(self.to.has("x/b", "1", &self.built), "{:#?}", self.to.requests());
        report
    }

    /// Nothing stands at the destination.
    #[track_caller]
    fn assert_nothing_tagged(&self) {
        assert_eq!(self.to.tags("x/b"), [""; 0]);
    }
}

/// How many requests of this kind, whatever their method.
fn kind(registry: &Registry, kind: Kind) -> usize {
    registry.count(|request| request.kind == kind)
}

/// The statuses of the answers to requests of a method and kind, in order.
fn statuses(registry: &Registry, method: &str, kind: Kind) -> Vec<u16> {
    let requests = registry.requests().into_iter().filter(|request| request.is(method, kind));
    requests.filter_map(|request| request.status).collect()
}
