//! A run that is paused asks for nothing, and goes on without doing anything twice.

use std::time::Duration;

use engine::{Outcome, Report, RunHandle, Snapshot};
use testkit::{Cut, Fault, FaultHandle, Image, Kind, Layer, Registry, Relay, Stall};

use crate::common::{assert_all, at, finish, only, sync, two};

/// Longer than a stall in these tests.
const PAUSE: Duration = Duration::from_millis(3500);
const STALL: Duration = Duration::from_secs(3);
/// What was on its way when a run was paused has arrived by then.
const SETTLED: Duration = Duration::from_millis(500);

/// Waits until what the run tells satisfies this.
async fn told(run: &RunHandle, is: impl Fn(&Snapshot) -> bool) {
    let (mut snapshot, mut updates) = run.watch();
    let wait = async {
        while !is(&snapshot) {
            let update = updates.recv().await.expect("the run ended before");
            assert!(snapshot.apply(&update));
        }
    };
    let waited = tokio::time::timeout(Duration::from_mins(1), wait).await;
    assert!(
        waited.is_ok(),
        "it is never told, but last {:?} {:?}",
        snapshot.phase,
        snapshot.totals
    );
}

/// Holds a layer's first reading back from this byte on, until released: however late a test comes to pause the run, it
/// has not ended.
fn hold(from: &Registry, layer: &Layer, byte: u64) -> FaultHandle {
    let reading = Fault::on(Kind::Blob).get().reference(layer.digest());
    from.fault(reading.stall(Stall::AnswerBody(byte)))
}

/// Lets what was on its way when the run was paused arrive, then sees that nothing follows.
async fn nothing_is_asked(registries: &[&Registry]) {
    let count = || registries.iter().map(|registry| registry.requests().len()).sum::<usize>();
    tokio::time::sleep(SETTLED).await;
    let before = count();
    tokio::time::sleep(PAUSE).await;
    assert_eq!(count(), before, "a paused run asks for nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_paused_not_one_request_arrives_and_nothing_is_copied_twice() {
    let (from, to) = two().await;
    let mut layers = Vec::new();
    for n in 0..20_u64 {
        let own = [Layer::random(2 * n, 300_000), Layer::random(2 * n + 1, 40_000)];
        from.push("a", &format!("v{n}"), &Image::single("linux/amd64", own.clone()));
        layers.extend(own);
    }
    let held: Vec<_> = layers[20..].iter().step_by(2).map(|l| hold(&from, l, 150_000)).collect();
    from.set_throttle(Some(8_000_000));
    let run = sync(&at(&from, "a"), &[&at(&to, "x")]).options(|o| o.stall = STALL).start();
    let control = run.control();
    told(&run, |now| now.totals.copied >= 2).await;
    control.pause();
    assert!(control.is_paused());
    told(&run, |now| now.totals.paused).await;
    held.iter().for_each(FaultHandle::release);
    nothing_is_asked(&[&from, &to]).await;
    assert!((2..=10).contains(&to.tags("x").len()), "{:?}", to.tags("x"));

    from.set_throttle(None);
    control.resume();
    told(&run, |now| !now.totals.paused).await;
    let report = finish(run).await;
    assert_all(&report, Outcome::Copied);
    for layer in &layers {
        assert_eq!(from.blob_gets(layer.digest()), 1, "each is read once");
    }
    assert_eq!(from.blob_bytes_served(), report.totals.bytes_read);
    // configs may be tried in one request first, until it is known that the registry does not take them so
    let twice = to.blob_bytes_received() - report.totals.bytes_copied;
    assert!(twice < 20_000, "{twice}");
    assert_eq!(to.count_of("PUT", Kind::Manifest), 20);
}

const SIZE: u64 = 12 << 20;

/// A run of one large layer through a relay at each side, which `cut` breaks while it is paused.
async fn broken_while_paused(cut: impl Fn(&Relay, &Relay)) -> (Registry, Registry, Layer, Report) {
    let (from, to) = two().await;
    let (down, up) =
        (Relay::start(from.host()).await.unwrap(), Relay::start(to.host()).await.unwrap());
    let layer = Layer::random(1, SIZE as usize);
    let built = from.push("a", "1", &Image::single("linux/amd64", [layer.clone()]));
    let held = hold(&from, &layer, SIZE / 2);
    from.set_throttle(Some(6_000_000));
    let run = sync(&format!("{}/a:1", down.host()), &[&format!("{}/x", up.host())]).start();
    told(&run, |now| now.totals.bytes_in_flight > SIZE / 4).await;
    let control = run.control();
    control.pause();
    told(&run, |now| now.totals.paused).await;
    held.release();
    nothing_is_asked(&[&from, &to]).await;
    cut(&down, &up);
    nothing_is_asked(&[&from, &to]).await;

    from.set_throttle(None);
    control.resume();
    let report = finish(run).await;
    assert_all(&report, Outcome::Copied);
    assert!(to.has("x", "1", &built));
    assert_eq!(to.count_of("POST", Kind::Any), 2, "no other upload was opened");
    (from, to, layer, report)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_download_that_an_idle_source_breaks_goes_on_by_range() {
    let (from, to, layer, report) = broken_while_paused(|down, _| down.cut(Cut::Close)).await;
    let ranges: Vec<_> = from
        .requests()
        .iter()
        .filter(|request| request.is("GET", Kind::Blob) && request.path.ends_with(layer.digest()))
        .map(|request| request.header("range").map(str::to_owned))
        .collect();
    assert!(ranges.len() == 2 && ranges[0].is_none() && ranges[1].is_some(), "{ranges:?}");
    assert_eq!(report.totals.bytes_read, report.totals.bytes_copied, "no byte is read twice");
    assert!(to.blob_bytes_received() < SIZE + 2000, "nor written");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_an_idle_destination_breaks_goes_on_from_its_offset() {
    let (_from, to, _layer, report) = broken_while_paused(|_, up| up.cut(Cut::Close)).await;
    let offset = |request: &testkit::Request| -> Option<u64> {
        request.header("content-range")?.split_once('-')?.0.parse().ok()
    };
    let offset = to.requests().iter().filter_map(offset).max();
    assert!(offset.is_some_and(|offset| offset > SIZE / 8), "{offset:?}");
    assert!(report.totals.bytes_copied < SIZE + 2000);
    assert!(to.blob_bytes_received() < SIZE + SIZE / 4, "what had arrived is not sent again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn destinations_that_share_a_reading_still_share_it_after_a_pause() {
    let (from, to) = two().await;
    let other = Registry::start().await;
    let layer = Layer::random(1, SIZE as usize);
    from.push("a", "1", &Image::single("linux/amd64", [layer.clone()]));
    let held = hold(&from, &layer, SIZE / 2);
    from.set_throttle(Some(4_000_000));
    // the patience of these tests is far shorter than the pause
    let run = sync(&at(&from, "a:1"), &[&at(&to, "x"), &at(&other, "y")]).start();
    told(&run, |now| now.totals.bytes_in_flight > SIZE / 4).await;
    let control = run.control();
    control.pause();
    held.release();
    nothing_is_asked(&[&from, &to, &other]).await;
    from.set_throttle(None);
    control.resume();
    let report = finish(run).await;
    assert_all(&report, Outcome::Copied);
    assert_eq!(from.blob_gets(layer.digest()), 1);
    for registry in [&to, &other] {
        let received = registry.blob_bytes_received();
        // the config may be tried in one request first
        assert!((SIZE..SIZE + 2000).contains(&received), "{received}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_run_is_cancelled_at_once() {
    let (from, to) = two().await;
    let layer = Layer::random(1, 4 << 20);
    from.push("a", "1", &Image::single("linux/amd64", [layer.clone()]));
    from.push("b", "1", &Image::single("linux/amd64", [Layer::random(2, 1000)]));
    let held = hold(&from, &layer, 2 << 20);
    from.set_throttle(Some(1_000_000));
    let run = sync(&at(&from, "a:1"), &[&at(&to, "x")]).start();
    told(&run, |now| now.totals.bytes_in_flight > 200_000).await;
    let control = run.control();
    control.pause();
    held.release();
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
