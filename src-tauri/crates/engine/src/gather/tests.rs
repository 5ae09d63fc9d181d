use futures_util::future::join_all;
use registry::{Client, ClientOptions};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::{Control, Policy, Rule, board::Board, lanes::Lanes, plain::Plain};

/// A run in which each host gets one request at a time.
fn run(rules: &[(&str, &str)]) -> Arc<Run> {
    let options = ClientOptions { requests_per_host: Some(1), ..ClientOptions::default() };
    let control = Control {
        client: Client::new(options, Arc::new(Plain)),
        board: Arc::new(Board::new(true)),
        stop: CancellationToken::new(),
        lanes: Lanes::new(None),
    };
    let rules = rules.iter().map(|(from, to)| Rule::parse(from, &[to]).unwrap().into());
    Arc::new(Run::new(&rules.collect::<Vec<_>>(), Policy::default(), true, control))
}

fn host(name: &str) -> Registry {
    name.parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn room_is_not_held_for_long_for_want_of_other_room() {
    let run = run(&[("z.test/a", "b.test/a")]);
    let (source, to) = (host("z.test"), host("b.test"));
    let busy = run.client.permit(&to, Side::Destination).await;
    let both = in_order(&run, BTreeSet::from([to.clone(), source.clone()]));
    let mut room = Box::pin(make_room(&run, &source, &both, None, Room::new()));
    assert!(room.as_mut().now_or_never().is_none());
    assert!(
        run.client.permit(&source, Side::Source).now_or_never().is_none(),
        "the source comes first"
    );
    tokio::time::advance(WORTH_HOLDING).await;
    assert!(room.as_mut().now_or_never().is_none());
    let other = run.client.permit(&source, Side::Source).now_or_never();
    assert!(other.is_some(), "others have it meanwhile");
    drop(busy);
    assert!(room.as_mut().now_or_never().is_none());
    drop(other);
    let room = room.now_or_never().unwrap().unwrap();
    assert_eq!(room.keys().collect::<Vec<_>>(), [&to, &source]);
}

#[tokio::test(start_paused = true)]
async fn transfers_in_opposite_directions_do_not_wait_for_each_other() {
    let run = run(&[("a.test/a", "b.test/a"), ("b.test/b", "a.test/b")]);
    let hosts = [host("a.test"), host("b.test")];
    // one of them has what the others wait for, and waits in turn
    let held = run.client.permit(&hosts[1], Side::Destination).await;
    let held = Room::from([(hosts[1].clone(), Arc::new(held))]);
    let transfer = async |source: &Registry, held: Room| {
        let both = in_order(&run, hosts.iter().cloned().collect());
        let room = make_room(&run, source, &both, None, held).await.unwrap();
        assert_eq!(room.len(), 2);
        tokio::task::yield_now().await;
    };
    let first = transfer(&hosts[0], held);
    let others = (0..20).map(|n| transfer(&hosts[n % 2], Room::new()));
    tokio::join!(join_all(others), first);
}

#[tokio::test(start_paused = true)]
async fn what_was_waited_for_for_long_is_taken_by_one_after_the_other() {
    let run = run(&[("z.test/a", "b.test/a")]);
    let (source, to) = (host("z.test"), host("b.test"));
    let busy = run.client.permit(&to, Side::Destination).await;
    let hosts = [source.clone(), to.clone()];
    let transfer = async || {
        let room = make_room(&run, &source, &hosts, None, Room::new()).await.unwrap();
        assert_eq!(room.len(), 2);
        tokio::time::sleep(WORTH_HOLDING / 100).await;
    };
    let transfers = join_all((0..30).map(|_| transfer()));
    let all = async {
        tokio::join!(transfers, async {
            tokio::time::sleep(20 * WORTH_HOLDING).await;
            drop(busy);
        });
    };
    timeout(60 * WORTH_HOLDING, all).await.expect("they get on");
}
