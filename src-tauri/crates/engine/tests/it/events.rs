//! What is told while a run goes.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use engine::{ImageStatus, Outcome, Phase, RunHandle, Snapshot};
use registry::Code;
use testkit::{Fault, Image, Kind, Layer, Registry, Reply};
use tokio::sync::broadcast::error::RecvError;

use crate::common::{assert_all, at, finish, sync};

/// Folds all updates of a run, checking what must hold of each.
async fn fold(run: &RunHandle) -> (Snapshot, u32) {
    let (mut seen, mut updates) = run.watch();
    let mut told = 0;
    loop {
        match updates.recv().await {
            Ok(update) => {
                let before = seen.clone();
                assert!(seen.apply(&update), "a gap at {}", update.seq);
                told += 1;
                assert!(
                    seen.totals.bytes_copied >= before.totals.bytes_copied,
                    "confirmed bytes went down"
                );
                assert!(seen.phase as u8 >= before.phase as u8);
                for image in &seen.images {
                    let known = image.bytes_copied
                        + image.bytes_in_flight
                        + image.bytes_mounted
                        + image.bytes_present;
                    assert!(known <= image.bytes_total, "{image:?}");
                }
                if before.phase == Phase::Planning {
                    assert_eq!(before.totals.seconds_left, None);
                }
                if seen.phase == Phase::Done {
                    return (seen, told);
                }
            }
            Err(RecvError::Lagged(_)) => (seen, updates) = run.watch(),
            Err(RecvError::Closed) => panic!("the run ended without saying so"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_updates_make_the_report() {
    let (from, to) = (Registry::start().await, Registry::start().await);
    to.set_throttle(Some(16 << 20));
    for tag in 0..12u64 {
        let layers = [Layer::random(1, 500_000), Layer::random(tag + 2, 500_000)];
        from.push("a", &tag.to_string(), &Image::single("linux/amd64", layers));
    }
    to.push(
        "x",
        "3",
        &Image::single("linux/amd64", [Layer::random(1, 500_000), Layer::random(5, 500_000)]),
    );
    let begun = Instant::now();
    let run =
        sync(&at(&from, "a"), &[&at(&to, "x")]).and(&at(&from, "a:none"), &[&at(&to, "x")]).start();
    let (seen, told) = fold(&run).await;
    let most = begun.elapsed().as_millis() / 100 + 3;
    assert!(u128::from(told) <= most, "{told} updates, at most {most}");
    let report = finish(run).await;
    assert_eq!(seen.images.len(), report.images.len());
    for image in &report.images {
        let row = seen
            .images
            .iter()
            .find(|row| row.source == image.source && row.destination == image.destination)
            .unwrap();
        let status = match image.status {
            Outcome::Copied => ImageStatus::Copied,
            Outcome::Skipped => ImageStatus::Skipped,
            Outcome::Failed => ImageStatus::Failed,
            _ => panic!("{image:?}"),
        };
        assert_eq!(row.status, status);
        assert_eq!(
            (row.bytes_copied, row.bytes_mounted),
            (image.bytes_copied, image.bytes_mounted)
        );
        let told = row.error.as_ref().map(engine::Failure::told);
        assert_eq!((row.plan, &row.reason, &told), (image.plan, &image.reason, &image.error));
        if row.status == ImageStatus::Copied {
            assert_eq!(row.bytes_total, row.bytes_copied + row.bytes_mounted + row.bytes_present);
        }
        assert_eq!(row.bytes_in_flight, 0);
    }
    let (t, r) = (seen.totals, report.totals);
    assert_eq!(
        (t.copied, t.skipped, t.failed, t.cancelled),
        (r.copied, r.skipped, r.failed, r.cancelled)
    );
    assert_eq!((t.copied, t.skipped, t.failed), (11, 1, 1));
    assert_eq!((t.bytes_copied, t.bytes_mounted), (r.bytes_copied, r.bytes_mounted));
    assert_eq!(t.resolved, t.images);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_tells_the_same() {
    let (from, to) = (Registry::start().await, Registry::start().await);
    from.push("a", "1", &Image::single("linux/amd64", [Layer::random(1, 500)]));
    let run = sync(&at(&from, "a"), &[&at(&to, "x")]);
    let report = run.plan().await;
    assert_all(&report, Outcome::Planned);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watcher_that_comes_late_sees_all() {
    let (from, to) = (Registry::start().await, Registry::start().await);
    from.push("a", "1", &Image::single("linux/amd64", [Layer::random(1, 500)]));
    let run = sync(&at(&from, "a"), &[&at(&to, "x")]).start();
    tokio::time::timeout(Duration::from_secs(20), async {
        while run.watch().0.phase != Phase::Done {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .unwrap();
    let (snapshot, _) = run.watch();
    assert_eq!(snapshot.images[0].status, ImageStatus::Copied);
    assert_eq!(snapshot.totals.copied, 1);
    finish(run).await;
}

#[tokio::test]
async fn whom_it_waits_for_is_told_and_then_no_more() {
    for (fault, code, tries) in [
        (Reply::too_many_requests(Some("3")), Code::RateLimited, None),
        (Reply::status(503), Code::RegistryFailed, Some((2, 4))),
    ] {
        let (from, to) = (Registry::start().await, Registry::start().await);
        from.push("a", "1", &Image::single("linux/amd64", [Layer::random(1, 50)]));
        let fault = from.fault(Fault::on(Kind::Manifest).get().answer(fault));
        let begun = SystemTime::now();
        let run = sync(&at(&from, "a:1"), &[&at(&to, "x")])
            .options(|options| options.backoff = Duration::from_secs(2))
            .start();
        let (mut seen, mut updates) = run.watch();
        let mut told = Vec::new();
        while seen.phase != Phase::Done {
            assert!(seen.apply(&updates.recv().await.unwrap()));
            told.push(seen.waits.clone());
        }
        assert_all(&finish(run).await, Outcome::Copied);
        assert_eq!(fault.fired(), 1);
        assert_eq!(told.last(), Some(&Vec::new()));
        told.retain(|waits| !waits.is_empty());
        told.dedup();
        let [waits] = told.as_slice() else { panic!("{told:#?}") };
        let [wait] = waits.as_slice() else { panic!("{waits:#?}") };
        assert_eq!((wait.registry.as_str(), wait.code), (from.host(), code));
        assert_eq!((wait.tries, wait.requests), (tries, 1));
        let until = UNIX_EPOCH + Duration::from_millis(wait.until);
        assert!(until > begun + Duration::from_secs(2) && until < SystemTime::now(), "{wait:?}");
    }
}
