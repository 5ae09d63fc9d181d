use registry::{Code, Digest, Error};

use super::*;
use crate::{Action, Plan, row::Meter};

fn add(board: &Board, n: usize) -> Arc<Row> {
    board.add(Order::new(0, 0, 0, n), format!("s.io/a:{n}"), format!("d.io/a:{n}"))
}

fn digest() -> Digest {
    Digest::sha256(b"image")
}

fn planned(row: &Row) {
    row.resolving();
    row.planned(Plan::of(Action::Copy), Some(&digest()), None);
}

#[test]
fn a_snapshot_and_the_updates_after_it_make_the_next_snapshot() {
    let board = Board::new(false);
    let one = add(&board, 0);
    board.tick(false);
    let (mut seen, mut updates) = board.watch();
    assert_eq!((seen.seq, seen.images.len()), (1, 1));

    planned(&one);
    let two = add(&board, 1);
    board.warn(registry::Sentence::verbatim("careful"));
    board.tick(false);
    board.complete();
    one.copying(100);
    let mut meter = Meter::new(one.clone(), digest());
    meter.fed(60);
    two.failed(&Error::new(Code::PushDenied, "no"));
    board.tick(false);
    meter.fed(20);
    meter.confirm(80);
    one.present(5);
    one.mounted(15);
    one.copied(&digest());
    board.tick(true);

    let mut told = 0;
    while let Ok(update) = updates.try_recv() {
        assert!(seen.apply(&update));
        told += 1;
    }
    assert_eq!(told, 3);
    let (now, _) = board.watch();
    assert_eq!(seen, now);
    assert_eq!(seen.phase, Phase::Done);
    assert_eq!(seen.warnings, ["careful"]);
    let t = seen.totals;
    assert_eq!((t.images, t.resolved, t.copied, t.failed), (2, 2, 1, 1));
    assert_eq!((t.bytes_total, t.bytes_copied, t.bytes_present, t.bytes_mounted), (100, 80, 5, 15));
    assert_eq!(t.bytes_in_flight, 0);
    let state = &seen.images[0];
    assert_eq!(state.status, ImageStatus::Copied);
    assert_eq!(
        state.plan.map(|p| (p.bytes_to_move, p.bytes_present, p.bytes_mountable)),
        Some((80, 5, 15))
    );
}

#[test]
fn a_lost_update_is_noticed() {
    let board = Board::new(false);
    let (mut seen, mut updates) = board.watch();
    let row = add(&board, 0);
    board.tick(false);
    row.resolving();
    board.tick(false);
    let _lost = updates.try_recv().unwrap();
    assert!(!seen.apply(&updates.try_recv().unwrap()));
}

#[test]
fn nothing_is_told_when_nothing_changed() {
    let board = Board::new(false);
    let (_, mut updates) = board.watch();
    let row = add(&board, 0);
    board.tick(false);
    board.tick(false);
    assert_eq!(updates.try_recv().unwrap().images.len(), 1);
    assert!(updates.try_recv().is_err());
    row.resolving();
    board.tick(false);
    assert_eq!(updates.try_recv().unwrap().images[0].status, ImageStatus::Resolving);
}

#[test]
fn a_change_is_told_once_and_whole() {
    let board = Board::new(false);
    let row = add(&board, 0);
    let (_, mut updates) = board.watch();
    planned(&row);
    row.copying(10);
    row.attempt(2);
    board.tick(false);
    let update = updates.try_recv().unwrap();
    assert_eq!(update.images.len(), 1);
    assert_eq!(update.images[0].bytes_total, 10);
    assert!(updates.try_recv().is_err());
}

#[test]
fn phases_go_on_and_never_back() {
    let board = Board::new(false);
    let (one, two) = (add(&board, 0), add(&board, 1));
    let phase = || {
        board.tick(false);
        board.watch().0.phase
    };
    planned(&one);
    one.copying(10);
    assert_eq!(phase(), Phase::Planning);
    planned(&two);
    assert_eq!(phase(), Phase::Planning, "a rule may bring more rows");
    board.complete();
    assert_eq!(phase(), Phase::Copying);
    two.skipped("same digest", None);
    let mut meter = Meter::new(one.clone(), digest());
    meter.fed(10);
    assert_eq!(phase(), Phase::Verifying);
    meter.rewind(0);
    assert_eq!(phase(), Phase::Verifying);
    one.copied(&digest());
    board.tick(true);
    assert_eq!(board.watch().0.phase, Phase::Done);
}

#[test]
fn confirmed_bytes_never_go_down_and_an_upload_that_is_given_up_leaves_nothing() {
    let board = Board::new(false);
    let row = add(&board, 0);
    planned(&row);
    row.copying(30);
    Meter::new(row.clone(), digest()).confirm(10);
    let mut meter = Meter::new(row.clone(), digest());
    meter.fed(15);
    meter.rewind(5);
    assert_eq!(row.show().bytes_in_flight, 5);
    drop(meter);
    let state = row.show();
    assert_eq!((state.bytes_copied, state.bytes_in_flight), (10, 0));
}

#[test]
fn a_row_ends_once() {
    let board = Board::new(false);
    let row = add(&board, 0);
    assert!(row.failed(&Error::new(Code::PushDenied, "no")));
    assert!(!row.copied(&digest()));
    row.copying(10);
    let report = board.report();
    assert_eq!(report.images[0].status, Outcome::Failed);
    assert_eq!(report.totals.failed, 1);
    assert_eq!(board.rows()[0].show().bytes_total, 0);
}

#[test]
fn a_cancelled_error_is_the_outcome_cancelled() {
    let board = Board::new(false);
    add(&board, 0).failed(&Error::new(Code::Cancelled, "stop"));
    assert_eq!(board.report().totals.cancelled, 1);
}

#[test]
fn the_report_is_in_the_order_of_the_rules_and_knows_no_row_without_outcome() {
    let board = Board::new(false);
    board.add(Order::new(1, 0, 0, 0), "late".into(), "d".into());
    board.add(Order::new(0, 0, 0, 0), "early".into(), "d".into()).skipped("same digest", None);
    let report = board.report();
    assert_eq!(report.images[0].source, "early");
    assert_eq!(report.images[1].status, Outcome::Failed);
    assert_eq!(report.images[1].error.as_ref().map(|e| e.code), Some(Code::Internal));
}
