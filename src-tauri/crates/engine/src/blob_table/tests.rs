use std::time::Duration;

use registry::{Anonymous, Client, ClientOptions, Code, Side};

use super::*;
use crate::place::Places;

struct World {
    client: Client,
    places: Places,
    table: Arc<BlobTable>,
    source: Repository,
}

impl World {
    fn new() -> Self {
        let client = Client::new(ClientOptions::default(), Arc::new(Anonymous));
        let source = client.source(&"s.io".parse().unwrap(), &"src/a".parse().unwrap());
        Self { client, places: Places::default(), table: Arc::default(), source }
    }

    fn place(&self, registry: &str, name: &str) -> Arc<Place> {
        self.places.get(&self.client, &registry.parse().unwrap(), &name.parse().unwrap())
    }

    fn claim(&self, place: &Arc<Place>) -> Claim {
        self.table.claim(place, &blob(), &self.source)
    }

    fn bring(&self, place: &Arc<Place>) -> (Lease, Option<String>) {
        match self.claim(place) {
            Claim::Bring { lease, from } => (lease, from.map(|name| name.to_string())),
            other => panic!("{other:?}"),
        }
    }
}

fn blob() -> Digest {
    Digest::sha256(b"blob")
}

fn refused() -> Error {
    Error::new(Code::QuotaExceeded, "no room").on(Side::Destination)
}

#[tokio::test]
async fn the_first_uploads_the_next_mounts_and_then_it_is_held() {
    let world = World::new();
    let (one, two) = (world.place("d.io", "x/one"), world.place("d.io", "x/two"));
    let (lease, from) = world.bring(&one);
    assert_eq!(from, None);
    let Claim::Wait(waits) = world.claim(&two) else { panic!("two writers at one registry") };
    lease.commit();
    tokio::time::timeout(Duration::from_secs(5), waits).await.expect("nobody told the waiter");
    let (lease, from) = world.bring(&two);
    assert_eq!(from.as_deref(), Some("x/one"));
    // another image wants it in the same repository meanwhile
    assert!(matches!(world.claim(&two), Claim::Wait(_)));
    lease.commit();
    assert!(matches!(world.claim(&one), Claim::Held));
    assert!(matches!(world.claim(&two), Claim::Held));
}

#[tokio::test]
async fn registries_do_not_wait_for_each_other() {
    let world = World::new();
    let (_lease, _) = world.bring(&world.place("d.io", "x/one"));
    let (_lease, from) = world.bring(&world.place("e.io", "x/one"));
    assert_eq!(from, None);
}

#[tokio::test]
async fn within_one_registry_it_is_mounted_from_the_source() {
    let world = World::new();
    let (_lease, from) = world.bring(&world.place("s.io", "x/one"));
    assert_eq!(from.as_deref(), Some("src/a"));
}

#[tokio::test]
async fn a_failed_first_writer_hands_over() {
    let world = World::new();
    let (one, two) = (world.place("d.io", "x/one"), world.place("d.io", "x/two"));
    let (lease, _) = world.bring(&one);
    let Claim::Wait(waits) = world.claim(&two) else { panic!() };
    lease.fail(&refused());
    tokio::time::timeout(Duration::from_secs(5), waits).await.expect("nobody told the waiter");
    let (_lease, from) = world.bring(&two);
    assert_eq!(from, None);
}

#[test]
fn a_lease_that_is_dropped_hands_over_too() {
    let world = World::new();
    let one = world.place("d.io", "x/one");
    drop(world.bring(&one));
    drop(world.bring(&one));
}

#[test]
fn what_fails_twice_at_one_place_fails_for_all_there_and_only_there() {
    let world = World::new();
    let (one, two) = (world.place("d.io", "x/one"), world.place("d.io", "x/two"));
    world.bring(&one).0.fail(&refused());
    world.bring(&one).0.fail(&refused());
    let Claim::Failed(error) = world.claim(&one) else { panic!() };
    assert_eq!(error.code(), Code::QuotaExceeded);
    world.bring(&two).0.commit();
}

#[test]
fn what_the_source_has_not_fails_at_once_unless_it_can_be_mounted() {
    let world = World::new();
    let (one, two) = (world.place("d.io", "x/one"), world.place("e.io", "x/one"));
    let lost = Error::new(Code::BlobNotFound, "gone").on(Side::Source);
    world.bring(&one).0.lose(&world.source, &lost);
    assert!(matches!(world.claim(&one), Claim::Failed(_)));
    assert!(matches!(world.claim(&two), Claim::Failed(_)));
    let other = world.client.source(&"s.io".parse().unwrap(), &"src/b".parse().unwrap());
    let Claim::Bring { lease, .. } = world.table.claim(&one, &blob(), &other) else { panic!() };
    lease.commit();
    let three = world.place("d.io", "x/three");
    assert_eq!(world.bring(&three).1.as_deref(), Some("x/one"));
}

#[test]
fn what_is_forgotten_is_brought_again() {
    let world = World::new();
    let one = world.place("d.io", "x/one");
    world.bring(&one).0.commit();
    world.table.forget(&one, &blob());
    world.bring(&one).0.commit();
    assert!(matches!(world.claim(&one), Claim::Held));
}
