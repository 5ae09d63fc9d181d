//! A run that is paused asks for nothing, and goes on without doing anything twice.

use std::time::Duration;

use engine::{Outcome, RunHandle, Snapshot};
use testkit::{Cut, Fault, Image, Kind, Layer, Registry, Relay, Stall};

use crate::common::{assert_all, at, finish, only, sync, two};

/// Longer than a stall in these tests.
const PAUSE: Duration = Duration::from_millis(1500);
const STALL: Duration = Duration::from_millis(500);

/// Waits until what the run tells satisfies this.
async fn told(run: &RunHandle, is: impl Fn(&Snapshot) -> bool) {
    let (mut snapshot, mut updates) = run.watch();
    while !is(&snapshot) {
        let update = updates.recv().await.expect("the run ended before");
        assert!(snapshot.apply(&update));
    }
}

/// Lets what was on its way when the run was paused arrive, then sees that nothing follows.
async fn nothing_is_asked(registries: &[&Registry]) {
    let count = || registries.iter().map(|registry| registry.requests().len()).sum::<usize>();
    tokio::time::sleep(STALL).await;
    let before = count();
    tokio::time::sleep(PAUSE).await;
    assert_eq!(count(), before, "a paused run asks for nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_paused_not_one_request_arrives_and_nothing_is_copied_twice() {
    let (from, to) = two().await;
    let mut layers = Vec::new();
    for n in 0..30_u64 {
        let own = [Layer::random(2 * n, 300_000), Layer::random(2 * n + 1, 40_000)];
        from.push("a", &format!("v{n}"), &Image::single("linux/amd64", own.clone()));
        layers.extend(own);
    }
    from.set_throttle(Some(3_000_000));
    let run = sync(&at(&from, "a"), &[&at(&to, "x")]).options(|o| o.stall = STALL).start();
    let control = run.control();
    told(&run, |now| now.totals.copied >= 2).await;
    control.pause();
    assert!(control.is_paused());
    told(&run, |now| now.totals.paused).await;
    nothing_is_asked(&[&from, &to]).await;
    assert!(to.tags("x").len() < 30);

    from.set_throttle(None);
    control.resume();
    told(&run, |now| !now.totals.paused).await;
    let report = finish(run).await;
    assert_all(&report, Outcome::Copied);
    for layer in &layers {
        assert_eq!(from.blob_gets(layer.digest()), 1, "each is read once");
    }
    assert_eq!(from.blob_bytes_served(), report.totals.bytes_read);
    assert_eq!(to.blob_bytes_received(), report.totals.bytes_copied);
    assert_eq!(to.count_of("PUT", Kind::Manifest), 30);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_idle_servers_break_meanwhile_goes_on_from_where_it_broke() {
    const SIZE: u64 = 12 << 20;
    let (from, to) = two().await;
    let (down, up) =
        (Relay::start(from.host()).await.unwrap(), Relay::start(to.host()).await.unwrap());
    let layer = Layer::random(1, SIZE as usize);
    let built = from.push("a", "1", &Image::single("linux/amd64", [layer.clone()]));
    from.set_throttle(Some(6_000_000));
    let run = sync(&format!("{}/a:1", down.host()), &[&format!("{}/x", up.host())])
        .options(|o| o.stall = STALL)
        .start();
    told(&run, |now| now.totals.bytes_in_flight > SIZE / 4).await;
    let control = run.control();
    control.pause();
    told(&run, |now| now.totals.paused).await;
    nothing_is_asked(&[&from, &to]).await;
    down.cut(Cut::Close);
    up.cut(Cut::Reset);
    nothing_is_asked(&[&from, &to]).await;

    from.set_throttle(None);
    control.resume();
    let report = finish(run).await;
    assert_all(&report, Outcome::Copied);
    assert!(to.has("x", "1", &built));
    let ranges: Vec<_> = from
        .requests()
        .iter()
        .filter(|request| request.path.ends_with(layer.digest()))
        .map(|request| request.header("range").map(str::to_owned))
        .collect();
    assert!(ranges.len() >= 2 && ranges[0].is_none() && ranges[1].is_some(), "{ranges:?}");
    let offset = to
        .requests()
        .iter()
        .filter_map(|r| r.header("content-range")?.split_once('-')?.0.parse::<u64>().ok())
        .max();
    assert!(offset.is_some_and(|offset| offset > SIZE / 8), "the upload goes on: {offset:?}");
    assert_eq!(to.count_of("POST", Kind::Any), 2, "no other upload was opened");
    assert!(report.totals.bytes_read < SIZE + SIZE / 4, "{}", report.totals.bytes_read);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn destinations_that_share_a_reading_still_share_it_after_a_pause() {
    const SIZE: u64 = 6 << 20;
    let (from, to) = two().await;
    let other = Registry::start().await;
    let layer = Layer::random(1, SIZE as usize);
    from.push("a", "1", &Image::single("linux/amd64", [layer.clone()]));
    from.set_throttle(Some(4_000_000));
    // the patience of these tests is far shorter than the pause
    let run = sync(&at(&from, "a:1"), &[&at(&to, "x"), &at(&other, "y")]).start();
    told(&run, |now| now.totals.bytes_in_flight > SIZE / 4).await;
    let control = run.control();
    control.pause();
    nothing_is_asked(&[&from, &to, &other]).await;
    from.set_throttle(None);
    control.resume();
    let report = finish(run).await;
    assert_all(&report, Outcome::Copied);
    assert_eq!(from.blob_gets(layer.digest()), 1);
    assert_eq!((to.blob_bytes_received(), other.blob_bytes_received()), {
        let each = report.totals.bytes_copied / 2;
        (each, each)
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_run_is_cancelled_at_once() {
    let (from, to) = two().await;
    from.push("a", "1", &Image::single("linux/amd64", [Layer::random(1, 4 << 20)]));
    from.push("b", "1", &Image::single("linux/amd64", [Layer::random(2, 1000)]));
    from.set_throttle(Some(1_000_000));
    let run = sync(&at(&from, "a:1"), &[&at(&to, "x")]).start();
    told(&run, |now| now.totals.bytes_in_flight > 200_000).await;
    let control = run.control();
    control.pause();
    nothing_is_asked(&[&from, &to]).await;
    let before = (from.requests().len(), to.requests().len());
    control.cancel();
    let report = finish(run).await;
    assert_eq!(only(&report).status, Outcome::Cancelled);
    assert_eq!(from.requests().len(), before.0);
    // the upload may still be given up
    let more = to.requests().split_off(before.1);
    assert!(more.iter().all(|request| request.method == "DELETE"), "{more:?}");
    assert_eq!(to.tags("x"), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_requests_may_be_allowed_and_then_fewer() {
    let (from, to) = two().await;
    for n in 0..12_u64 {
        from.push("a", &format!("v{n}"), &Image::single("linux/amd64", [Layer::random(n, 2_000)]));
    }
    let stalled = from.fault(Fault::on(Kind::Blob).get().always().stall(Stall::Answer));
    let run = sync(&at(&from, "a"), &[&at(&to, "x")])
        .options(|options| {
            options.requests_per_host = Some(1);
            options.stall = Duration::from_mins(5);
        })
        .start();
    stalled.wait_fired().await;
    let control = run.control();
    assert_eq!(control.requests_per_host(), Some(1));
    assert_eq!(from.max_in_flight(), 1);
    control.set_requests_per_host(Some(4));
    stalled.wait_fired_times(4).await;
    assert_eq!(from.in_flight(), 4);
    control.set_requests_per_host(Some(2));
    stalled.disarm();
    stalled.release();
    let report = finish(run).await;
    assert_all(&report, Outcome::Copied);
    assert_eq!(from.max_in_flight(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bandwidth_that_would_take_for_ever_is_lifted() {
    let (from, to) = two().await;
    from.push("a", "1", &Image::single("linux/amd64", [Layer::random(1, 3 << 20)]));
    let run = sync(&at(&from, "a:1"), &[&at(&to, "x")])
        .options(|options| options.bandwidth = Some(1))
        .start();
    from.wait_for(|all| all.iter().any(|request| request.is("GET", Kind::Blob))).await;
    let control = run.control();
    assert_eq!(control.bytes_per_second(), Some(1));
    control.set_bytes_per_second(None);
    assert_all(&finish(run).await, Outcome::Copied);
}
