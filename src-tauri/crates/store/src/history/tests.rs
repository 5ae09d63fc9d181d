use std::{fs, sync::Barrier, thread};

use engine::{
    Action, Failure, ImageReport, ImageState, ImageStatus, Outcome, Phase, Plan, Report,
    ReportTotals, Snapshot, Totals, Update,
};
use registry::{Code, Digest, Sentence, sentence};

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

struct Place {
    dir: tempfile::TempDir,
    history: History,
}

fn place() -> Place {
    let dir = tempfile::tempdir().unwrap();
    let history = History::at(dir.path().join("data/history.sqlite"));
    Place { dir, history }
}

fn new(profile: &str, started_at: &str) -> NewRun {
    NewRun {
        id: new_id(),
        profile_id: profile.into(),
        profile_name: profile.to_uppercase(),
        started_at: at(started_at),
        started_by: StartedBy::App,
        retry_of: None,
        picked: Picked::All,
    }
}

fn image(id: u32, status: ImageStatus) -> ImageState {
    ImageState {
        id,
        source: format!("s.io/a:{id}"),
        destination: format!("d.io/a:{id}"),
        status,
        bytes_total: 10,
        bytes_in_flight: u64::from(status == ImageStatus::Copying) * 4,
        plan: Some(Plan {
            action: Action::Copy,
            bytes_to_move: 10,
            bytes_present: 0,
            bytes_mountable: 0,
        }),
        ..ImageState::default()
    }
}

fn careful() -> Sentence {
    sentence!("careful", "careful with {what}", what = "it")
}

fn failure() -> Failure {
    Failure {
        code: Code::PushDenied,
        message: "no right to push".into(),
        hint: "Ask for it.\nOr don't.".into(),
        params: [].into(),
        cause: String::new(),
    }
}

/// A run of two images, of which the second, known first, fails.
fn report() -> Report {
    let image = |id: u32, status| ImageReport {
        source: format!("s.io/a:{id}"),
        destination: format!("d.io/a:{id}"),
        status,
        reason: None,
        source_digest: Some(Digest::sha256(b"source")),
        digest: (status == Outcome::Copied).then(|| Digest::sha256(b"image")),
        replaces: None,
        bytes_copied: u64::from(status == Outcome::Copied) * 10,
        bytes_mounted: 0,
        attempts: 1,
        error: (status == Outcome::Failed).then(failure),
        plan: super::tests::image(id, ImageStatus::Copied).plan,
    };
    Report {
        version: 1,
        images: vec![image(1, Outcome::Copied), image(0, Outcome::Failed)],
        totals: ReportTotals {
            copied: 1,
            failed: 1,
            bytes_copied: 10,
            bytes_read: 12,
            seconds: 1.5,
            ..ReportTotals::default()
        },
        warnings: vec![careful()],
        pulls: Vec::new(),
    }
}

fn updates() -> [Update; 2] {
    let totals = Totals { images: 2, ..Totals::default() };
    let failed = ImageState { error: Some(failure()), ..image(0, ImageStatus::Failed) };
    let copied =
        ImageState { bytes_copied: 10, bytes_in_flight: 0, ..image(1, ImageStatus::Copied) };
    [
        Update {
            seq: 1,
            totals,
            images: vec![image(0, ImageStatus::Copying), image(1, ImageStatus::Copying)],
            ..Update::default()
        },
        Update {
            seq: 2,
            phase: Phase::Done,
            totals: Totals { copied: 1, failed: 1, bytes_copied: 10, ..totals },
            images: vec![failed, copied],
            warnings: vec![careful()],
            ..Update::default()
        },
    ]
}

/// Records a run to its end, and what its grid was.
fn record(history: &History, new: &NewRun, ended_at: &str) -> Snapshot {
    let recorder = history.begin(new).unwrap();
    let mut snapshot = Snapshot::default();
    for update in updates() {
        assert!(snapshot.apply(&update));
        recorder.update(&update);
    }
    recorder.end(at(ended_at), &report()).unwrap();
    snapshot
}

fn all(history: &History) -> Vec<StoredRun> {
    history.list(Wanted { limit: 100, ..Wanted::default() }).unwrap()
}

#[test]
fn a_run_comes_back_with_its_grid_its_log_and_the_report_as_it_was() {
    let Place { dir: _dir, history } = place();
    assert_eq!(all(&history), []);
    history.check().unwrap();
    assert!(!history.path().exists(), "the first run makes it");
    let pair = ImagePair { source: "s.io/a:9".into(), destination: "d.io/a:9".into() };
    let new = NewRun {
        retry_of: Some("x".into()),
        picked: Picked::Without(vec![pair]),
        ..new("a", "2026-01-02T03:04:05Z")
    };
    let snapshot = record(&history, &new, "2026-01-02T03:05:00Z");

    // by another process, as it were
    let history = History::at(history.path());
    let [run] = all(&history).try_into().unwrap();
    assert_eq!(
        (&run.id, &*run.profile_name, run.ending),
        (&new.id, "A", Some(Ending::PartlyFailed))
    );
    assert_eq!(run.ended_at.as_deref(), Some("2026-01-02T03:05:00Z"));
    assert_eq!((run.retry_of.as_deref(), &run.picked), (Some("x"), &new.picked));
    assert_eq!(run.totals, snapshot.totals);
    let read = history.snapshot(&new.id).unwrap().unwrap();
    assert_eq!(read, Snapshot { seq: 0, ..snapshot });

    let json = |report: &Report| serde_json::to_string_pretty(report).unwrap();
    let read = history.report(&new.id).unwrap().unwrap();
    assert_eq!(json(&read), json(&report()), "in the rules' order too");

    let log = |level, image| {
        let lines = history.log(&new.id, level, image, 0, 100).unwrap();
        lines.into_iter().map(|line| (line.level, line.image, line.text)).collect::<Vec<_>>()
    };
    assert_eq!(
        log(Level::Warning, None),
        [
            (Level::Warning, None, "careful with it".to_owned()),
            (
                Level::Error,
                Some(0),
                "failed s.io/a:0 -> d.io/a:0: access.push-denied: no right to push\nAsk for it.\nOr don't."
                    .to_owned()
            ),
        ]
    );
    assert_eq!(log(Level::Info, Some(1)).len(), 2, "copying, copied");
    assert_eq!(history.log(&new.id, Level::Info, None, 1, 2).unwrap()[0].number, 1);
}

#[cfg(unix)]
#[test]
fn warnings_that_were_kept_as_texts_are_read() {
    let Place { dir: _dir, history } = place();
    let run = new("a", "2026-01-02T03:04:05Z");
    record(&history, &run, "2026-01-02T03:05:05Z");
    let whole = serde_json::to_string(&careful()).unwrap();
    let changed = history.write(|connection| {
        connection.execute("UPDATE runs SET rest = replace(rest, ?1, '\"careful\"')", [whole])
    });
    assert_eq!(changed.unwrap(), 1);
    let old = [Sentence::verbatim("careful")];
    assert_eq!(history.snapshot(&run.id).unwrap().unwrap().warnings, old);
    let report = history.report(&run.id).unwrap().unwrap();
    assert_eq!(report.warnings, old);
    assert_eq!(serde_json::to_value(&report).unwrap()["warnings"], serde_json::json!(["careful"]));
}

#[test]
fn nobody_else_may_read_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let Place { dir: _dir, history } = place();
    let recorder = history.begin(&new("a", "2026-01-02T03:04:05Z")).unwrap();
    for name in ["history.sqlite", "history.sqlite-wal", "history.sqlite-shm"] {
        let mode = fs::metadata(history.path().with_file_name(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    drop(recorder);
}

#[test]
fn the_list_has_pages_and_one_profile_s_runs() {
    let Place { dir: _dir, history } = place();
    let mut ids = Vec::new();
    for n in 0..5 {
        let run = new(if n % 2 == 0 { "a" } else { "b" }, "2026-01-02T03:04:05Z");
        record(&history, &run, "2026-01-02T03:05:00Z");
        ids.push(run.id);
    }
    ids.reverse();
    let list = |wanted| -> Vec<String> {
        history.list(wanted).unwrap().into_iter().map(|run| run.id).collect()
    };
    assert_eq!(list(Wanted { limit: 2, ..Wanted::default() }), ids[..2]);
    assert_eq!(list(Wanted { before: Some(&ids[1]), limit: 9, profile: None }), ids[2..]);
    let of_b = list(Wanted { profile: Some("b"), limit: 9, before: None });
    assert_eq!(of_b, [ids[1].clone(), ids[3].clone()]);
    assert_eq!(history.find("latest").unwrap().unwrap().id, ids[0]);
    assert_eq!(history.find(&ids[3]).unwrap().unwrap().id, ids[3]);
    assert_eq!(history.find(&ids[3][..35]).unwrap().map(|run| run.id), Some(ids[3].clone()));
    assert_eq!(history.find("0").unwrap(), None, "several begin so");
    assert_eq!(history.find("").unwrap(), None);

    let last = history.last_runs().unwrap();
    assert_eq!(last.keys().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!((last["a"].copied, last["a"].failed), (1, 1));

    assert!(history.remove(&ids[0]).unwrap() && !history.remove(&ids[0]).unwrap());
    assert_eq!(history.snapshot(&ids[0]).unwrap(), None);
    assert!(history.log(&ids[0], Level::Info, None, 0, 9).unwrap().is_empty());
    assert_eq!(all(&history).len(), 4);
}

#[test]
fn a_run_whose_process_goes_away_is_interrupted_with_what_was_known() {
    let Place { dir: _dir, history } = place();
    let run = new("a", "2026-01-02T03:04:05Z");
    let recorder = history.begin(&run).unwrap();
    recorder.update(&updates()[0]);
    // the thread writes what it knows when it is left alone
    recorder.abandon();

    assert_eq!(all(&history), [], "it may still go on");
    let [unended] = history.unended().unwrap().try_into().unwrap();
    assert_eq!((unended.id.as_str(), unended.ending), (run.id.as_str(), None));
    assert!(!history.remove(&run.id).unwrap());
    assert_eq!(history.interrupted("b").unwrap(), 0);
    assert_eq!(history.interrupted("a").unwrap(), 1);
    let [stored] = all(&history).try_into().unwrap();
    assert_eq!((stored.ending, stored.ended_at), (Some(Ending::Interrupted), None));
    let snapshot = history.snapshot(&run.id).unwrap().unwrap();
    assert_eq!(snapshot.images.len(), 2);
    assert_eq!(snapshot.images[0].bytes_in_flight, 0);
    let report = history.report(&run.id).unwrap().unwrap();
    assert_eq!(report.totals.cancelled, 2);
    assert_eq!(report.images[0].reason.as_deref(), Some("the run was interrupted"));
    let last = &history.last_runs().unwrap()["a"];
    assert!(last.interrupted);
    assert_eq!(last.ended_at, "2026-01-02T03:04:05Z");
}

#[test]
fn whoever_settles_beside_another_finds_all_settled_too() {
    let Place { dir, history } = place();
    let dirs = crate::Dirs::at(dir.path());
    for profile in 0..20 {
        history.begin(&new(&format!("p{profile}"), "2026-01-02T03:04:05Z")).unwrap().abandon();
        let known = profile + 1;
        let together = Barrier::new(4);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    together.wait();
                    history.settle(&dirs).unwrap();
                    assert_eq!(all(&history).len(), known, "none is taken for one that goes on");
                });
            }
        });
    }
}

#[test]
fn old_runs_are_forgotten_but_a_clock_that_went_wrong_does_not_empty_the_history() {
    let Place { dir: _dir, history } = place();
    for day in ["01", "10", "20"] {
        // the clock was put back while it ran
        record(&history, &new("a", &format!("2026-01-{day}T00:00:00Z")), "2025-12-31T00:00:00Z");
    }
    assert_eq!(history.retain(12, at("2026-01-21T00:00:00Z")).unwrap(), 1);
    assert_eq!(history.retain(12, at("2099-01-01T00:00:00Z")).unwrap(), 0);
    assert_eq!(history.retain(12, at("1970-01-01T00:00:00Z")).unwrap(), 0);
    assert_eq!(all(&history).len(), 2);
    assert_eq!(history.retain(0, at("2026-01-21T00:00:00Z")).unwrap(), 1, "never the newest");
}

#[test]
fn a_damaged_file_is_kept_aside_and_told_and_the_next_run_is_recorded() {
    let Place { dir, history } = place();
    record(&history, &new("a", "2026-01-02T03:04:05Z"), "2026-01-02T03:05:00Z");
    let size = {
        let path = history.path().to_owned();
        drop(history);
        fs::metadata(path).unwrap().len()
    };
    assert!(size > 4096);
    let path = dir.path().join("data/history.sqlite");
    for (n, content) in [b"this is no database at all, whatever it is called".repeat(100), {
        let mut content = fs::read(&path).unwrap();
        // the head is right, the tables are not
        content[4096..].fill(0x5a);
        content
    }]
    .into_iter()
    .enumerate()
    {
        for name in ["history.sqlite-wal", "history.sqlite-shm"] {
            let _ = fs::remove_file(path.with_file_name(name));
        }
        fs::write(&path, &content).unwrap();
        let history = History::at(&path);
        let error = history.check().unwrap_err();
        let Error::Broken { kept, .. } = &error else { panic!("{error}") };
        assert_eq!(*kept, path.with_file_name(format!("history.sqlite.broken-{}", n + 1)));
        assert_eq!(fs::read(kept).unwrap(), content, "nothing is lost");
        record(&history, &new("b", "2026-01-02T03:04:05Z"), "2026-01-02T03:05:00Z");
        assert_eq!(all(&history).len(), 1);
    }
}

#[test]
fn the_file_of_a_newer_version_is_left_alone() {
    let Place { dir: _dir, history } = place();
    record(&history, &new("a", "2026-01-02T03:04:05Z"), "2026-01-02T03:05:00Z");
    let connection = Connection::open(history.path()).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    let history = History::at(history.path());
    for _ in 0..2 {
        let error = history.begin(&new("a", "2026-01-02T03:04:05Z")).unwrap_err();
        assert_eq!(error, Error::Newer { path: history.path().into(), found: 99, known: 1 });
        assert!(error.to_string().contains("newer Image Syncer"), "{error}");
    }
    let connection = Connection::open(history.path()).unwrap();
    let runs: i64 =
        connection.query_row("SELECT count(*) FROM runs", [], |row| row.get(0)).unwrap();
    assert_eq!(runs, 1, "as it was");
}

#[test]
fn a_full_disk_is_told_and_what_could_not_be_written_is_once_there_is_room() {
    let Place { dir: _dir, history } = place();
    let run = new("a", "2026-01-02T03:04:05Z");
    let mut full = history.clone();
    full.most_pages = Some(12);
    full.connection = Arc::default();
    let recorder = full.begin(&run).unwrap();
    let many = Update {
        images: (0..500).map(|id| image(id, ImageStatus::Copying)).collect(),
        ..updates()[0].clone()
    };
    recorder.update(&many);
    let told = loop {
        if let Some(problem) = recorder.problem() {
            break problem;
        }
        thread::yield_now();
    };
    assert!(told.to_string().contains("the disk is full"), "{told}");
    assert_eq!(recorder.problem(), None, "once");
    {
        let connection = full.connection();
        let connection = connection.as_ref().unwrap();
        connection.pragma_update(None, "max_page_count", 100_000).unwrap();
    }
    recorder.end(at("2026-01-02T03:05:00Z"), &report()).unwrap();
    assert_eq!(history.snapshot(&run.id).unwrap().unwrap().images.len(), 500);

    full.connection = Arc::default();
    full.most_pages = Some(12);
    let error = full.begin(&new("a", "2026-01-02T03:04:05Z")).unwrap().end(
        at("2026-01-02T03:05:00Z"),
        &Report { warnings: vec![Sentence::verbatim("x".repeat(500_000))], ..report() },
    );
    assert!(error.unwrap_err().to_string().contains("the disk is full"));
}

#[test]
fn several_processes_write_at_once() {
    let Place { dir: _dir, history } = place();
    let path = history.path().to_owned();
    let writers: Vec<_> = (0..4)
        .map(|n| {
            let path = path.clone();
            thread::spawn(move || {
                let history = History::at(path);
                for _ in 0..5 {
                    let run = new(&format!("p{n}"), "2026-01-02T03:04:05Z");
                    record(&history, &run, "2026-01-02T03:05:00Z");
                }
            })
        })
        .collect();
    for writer in writers {
        writer.join().unwrap();
    }
    assert_eq!(all(&history).len(), 20);
    for run in all(&history) {
        assert_eq!(history.snapshot(&run.id).unwrap().unwrap().images.len(), 2);
    }
}

/// SQLite does not wait where one makes the file another kind of journal while others read it.
#[test]
fn several_processes_make_the_file_at_once() {
    for _ in 0..50 {
        let Place { dir: _dir, history } = place();
        let (path, start) = (history.path(), Barrier::new(8));
        thread::scope(|scope| {
            for n in 0..8 {
                let start = &start;
                scope.spawn(move || {
                    let history = History::at(path.to_owned());
                    start.wait();
                    let run = new(&format!("p{n}"), "2026-01-02T03:04:05Z");
                    record(&history, &run, "2026-01-02T03:05:00Z");
                });
            }
        });
        assert_eq!(all(&history).len(), 8);
    }
}

#[test]
fn a_long_log_keeps_what_matters() {
    let Place { dir: _dir, history } = place();
    let run = new("a", "2026-01-02T03:04:05Z");
    let recorder = history.begin(&run).unwrap();
    for n in 0..10_100 {
        recorder.note(Level::Info, format!("{n}"));
    }
    recorder.note(Level::Error, "this matters");
    recorder.end(at("2026-01-02T03:05:00Z"), &report()).unwrap();
    let lines = history.log(&run.id, Level::Info, None, 0, 20_000).unwrap();
    assert_eq!(lines.len(), 10_002);
    assert!(lines[10_000].text.starts_with("the log is full"), "{:?}", lines[10_000]);
    assert_eq!(lines[10_001].text, "this matters");
}

#[test]
fn how_a_run_ended() {
    let of = |copied, skipped, failed, cancelled, warnings| {
        let totals = ReportTotals { copied, skipped, failed, cancelled, ..ReportTotals::default() };
        Ending::of(&totals, warnings).as_str()
    };
    assert_eq!(of(1, 1, 0, 0, false), "succeeded");
    assert_eq!(of(0, 0, 0, 0, false), "succeeded");
    assert_eq!(of(1, 1, 0, 0, true), "warnings");
    assert_eq!(of(1, 0, 1, 0, true), "partly-failed");
    assert_eq!(of(0, 0, 2, 0, false), "failed");
    assert_eq!(of(1, 0, 1, 1, false), "cancelled");
}
