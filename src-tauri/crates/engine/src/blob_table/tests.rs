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
        Self { client, places: Places::new(1), table: Arc::default(), source }
    }

    fn place(&self, registry: &str, name: &str) -> Arc<Place> {
        self.places.get(&self.client, &registry.parse().unwrap(), &name.parse().unwrap())
    }

    fn claim(&self, place: &Arc<Place>) -> Claim {
        self.claim_of(place, self.table.begin())
    }

    fn claim_of(&self, place: &Arc<Place>, copy: CopyId) -> Claim {
        self.table.claim(place, &blob(), &self.source, copy)
    }

    fn bring(&self, place: &Arc<Place>) -> (Lease, Option<String>) {
        match self.claim(place) {
            Claim::Bring { lease, from, .. } => (lease, from.map(|from| from.name.to_string())),
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
    lease.commit(false);
    tokio::time::timeout(Duration::from_secs(5), waits).await.expect("nobody told the waiter");
    let (lease, from) = world.bring(&two);
    assert_eq!(from.as_deref(), Some("x/one"));
    // another image wants it in the same repository meanwhile
    assert!(matches!(world.claim(&two), Claim::Wait(_)));
    lease.commit(false);
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
    world.bring(&two).0.commit(false);
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
    let Claim::Bring { lease, .. } = world.table.claim(&one, &blob(), &other, world.table.begin())
    else {
        panic!()
    };
    lease.commit(false);
    let three = world.place("d.io", "x/three");
    assert_eq!(world.bring(&three).1.as_deref(), Some("x/one"));
}

#[test]
fn what_is_forgotten_is_brought_again() {
    let world = World::new();
    let one = world.place("d.io", "x/one");
    world.bring(&one).0.commit(false);
    world.table.forget(&one, &blob());
    world.bring(&one).0.commit(false);
    assert!(matches!(world.claim(&one), Claim::Held));
}

#[test]
fn what_was_told_wrongly_is_asked_in_another_way_and_then_not_at_all() {
    let world = World::new();
    let (one, two) = (world.place("d.io", "x/one"), world.place("d.io", "x/two"));
    world.bring(&one).0.commit(false);
    assert!(!world.table.forget(&one, &blob()), "we had written it");
    world.bring(&one).0.commit(false);
    let (lease, from) = world.bring(&two);
    assert_eq!(from.as_deref(), Some("x/one"));
    lease.commit(true);
    assert!(world.table.forget(&two, &blob()));
    let Claim::Bring { lease, from, unasked } = world.claim(&two) else { panic!() };
    assert!(from.is_none() && !unasked);
    lease.commit(true);
    assert!(world.table.forget(&two, &blob()));
    let Claim::Bring { lease, from, unasked } = world.claim(&two) else { panic!() };
    assert!(from.is_none() && unasked);
    lease.commit(false);
    // elsewhere it is mounted still
    assert!(world.bring(&world.place("d.io", "x/three")).1.is_some());
}

/// A host that mounts what manifests name.
const ECR: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";

#[tokio::test]
async fn where_manifests_come_first_they_are_waited_for() {
    let world = World::new();
    let (one, two) = (world.place(ECR, "x/one"), world.place(ECR, "x/two"));
    let [first, second, third] = [(); 3].map(|()| world.table.begin());
    let Claim::Bring { lease, from: None, .. } = world.claim_of(&one, first) else { panic!() };
    lease.commit(false);
    let Claim::WaitForCommit(told, awaiting) = world.claim_of(&two, second) else { panic!() };
    world.table.committed(&one, [&blob()]);
    tokio::time::timeout(Duration::from_secs(5), told).await.expect("nobody told the waiter");
    drop(awaiting);
    let Claim::Bring { lease, from, .. } = world.claim_of(&two, second) else { panic!() };
    assert_eq!(from, Some(MountFrom { name: "x/one".parse().unwrap(), committed: true }));
    lease.commit(true);
    // a copy that fails is not waited for any longer
    let world = World::new();
    let (one, two) = (world.place(ECR, "x/one"), world.place(ECR, "x/two"));
    let Claim::Bring { lease, .. } = world.claim_of(&one, first) else { panic!() };
    lease.commit(false);
    let Claim::WaitForCommit(told, _awaiting) = world.claim_of(&two, second) else { panic!() };
    world.table.end(first, &one, [&blob()]);
    tokio::time::timeout(Duration::from_secs(5), told).await.expect("nobody told the waiter");
    let Claim::Bring { lease, from: None, .. } = world.claim_of(&two, second) else { panic!() };
    // and what was brought anew is waited for again
    lease.commit(false);
    let three = world.place(ECR, "x/three");
    assert!(matches!(world.claim_of(&three, third), Claim::WaitForCommit(..)));
}

#[test]
fn two_copies_that_need_each_others_blobs_do_not_wait_for_ever() {
    let world = World::new();
    let (one, two) = (world.place(ECR, "x/one"), world.place(ECR, "x/two"));
    let [first, second] = [(); 2].map(|()| world.table.begin());
    let (this, other) = (blob(), Digest::sha256(b"other"));
    let claim = |place, digest, copy| world.table.claim(place, digest, &world.source, copy);
    let Claim::Bring { lease, .. } = claim(&one, &this, first) else { panic!() };
    lease.commit(false);
    let Claim::Bring { lease, .. } = claim(&two, &other, second) else { panic!() };
    lease.commit(false);
    let waits = claim(&two, &this, second);
    assert!(matches!(waits, Claim::WaitForCommit(..)));
    assert!(matches!(claim(&one, &other, first), Claim::Bring { from: None, .. }));
}

#[test]
fn where_nothing_is_mounted_nobody_waits() {
    let world = World::new();
    let (_lease, _) = world.bring(&world.place("eu.gcr.io", "p/x/one"));
    let (_other, from) = world.bring(&world.place("eu.gcr.io", "p/x/two"));
    assert_eq!(from, None);
}

#[tokio::test]
async fn until_a_mount_has_worked_one_at_a_time_finds_out() {
    let world = World::new();
    let places = ["x/one", "x/two", "x/three"].map(|name| world.place("d.io", name));
    world.bring(&places[0]).0.commit(false);
    let (lease, from) = world.bring(&places[1]);
    assert_eq!(from.as_deref(), Some("x/one"));
    let Claim::Wait(told) = world.claim(&places[2]) else { panic!("two find out") };
    lease.commit(true);
    tokio::time::timeout(Duration::from_secs(5), told).await.expect("nobody told the waiter");
    assert!(world.bring(&places[2]).1.is_some());
}
