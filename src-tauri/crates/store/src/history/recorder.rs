//! Records a run while it goes: what changed is written now and then, by a thread of its own, so that neither a slow disk
//! nor a full one holds the run back.

use std::{
    collections::HashMap,
    io,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    thread,
    time::{Duration, Instant},
};

use engine::{ImageState, ImageStatus, Phase, Pulls, Report, Snapshot, Totals, Update};
use jiff::Timestamp;

use super::{
    Ending, History, Level, NewRun,
    line::Line,
    write::{Batch, Final},
};
use crate::Error;

/// How often what changed is written.
const EVERY: Duration = Duration::from_secs(2);
/// How soon after a time in which nothing changed, the beginning among them.
const SOON: Duration = Duration::from_millis(250);
/// The most lines of a run's log.
const LINES: u64 = 20_000;
/// From so many lines on, only what matters is kept.
const ALL_LINES: u64 = 10_000;

/// Records a run. Dropped without [`Recorder::end`], the run counts as interrupted.
#[derive(Debug)]
pub struct Recorder {
    tell: Sender<News>,
    thread: thread::JoinHandle<Result<(), Error>>,
    problem: Arc<Mutex<Option<Error>>>,
}

enum News {
    Update(Box<Update>),
    Snapshot(Box<Snapshot>),
    Note(Level, String),
    End(Box<Final>),
}

impl Recorder {
    /// Begins to record a run, whose row is in the file when this returns.
    pub(super) fn begin(history: &History, new: &NewRun) -> Result<Self, Error> {
        let run = history.insert(new)?;
        let (tell, told) = channel();
        let problem = Arc::default();
        let writer = Writer {
            history: history.clone(),
            run,
            batch: Batch::default(),
            seen: HashMap::new(),
            phase: Phase::Planning,
            lines: 0,
            due: Instant::now() + SOON,
            problem: Arc::clone(&problem),
            told: false,
        };
        let thread = thread::Builder::new()
            .name("history".into())
            .spawn(move || writer.run(&told))
            .map_err(|error: io::Error| Error::io(history.path(), &error))?;
        Ok(Self { tell, thread, problem })
    }

    /// What changed.
    pub fn update(&self, update: &Update) {
        self.send(News::Update(Box::new(update.clone())));
    }

    /// Everything, where updates were missed.
    pub fn snapshot(&self, snapshot: &Snapshot) {
        self.send(News::Snapshot(Box::new(snapshot.clone())));
    }

    /// A line for the log.
    pub fn note(&self, level: Level, text: impl Into<String>) {
        self.send(News::Note(level, text.into()));
    }

    /// Why nothing could be written, told once.
    pub fn problem(&self) -> Option<Error> {
        self.problem.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The run has ended. Waits until that is written.
    pub fn end(self, ended_at: Timestamp, report: &Report) -> Result<(), Error> {
        let ending = Ending::of(&report.totals, !report.warnings.is_empty());
        self.send(News::End(Box::new(Final { ended_at, ending, report: report.clone() })));
        drop(self.tell);
        self.thread.join().unwrap_or_else(|_| {
            Err(Error::Io { path: "history".into(), why: "the recorder broke off".into() })
        })
    }

    /// What becomes of it when its process goes away, but for what was not written yet.
    #[cfg(test)]
    pub(super) fn abandon(self) {
        drop(self.tell);
        self.thread.join().unwrap().unwrap();
    }

    fn send(&self, news: News) {
        // a recorder that is gone has told its problem
        let _ = self.tell.send(news);
    }
}

struct Writer {
    history: History,
    run: i64,
    batch: Batch,
    /// The last status of each image.
    seen: HashMap<u32, ImageStatus>,
    phase: Phase,
    lines: u64,
    /// When what changed is written next.
    due: Instant,
    problem: Arc<Mutex<Option<Error>>>,
    /// A problem was told.
    told: bool,
}

impl Writer {
    fn run(mut self, told: &Receiver<News>) -> Result<(), Error> {
        loop {
            let wait = self.due.saturating_duration_since(Instant::now());
            match told.recv_timeout(wait) {
                Ok(News::Update(update)) => self.hear(*update),
                Ok(News::Snapshot(snapshot)) => self.hear_all(*snapshot),
                Ok(News::Note(level, text)) => self.line(Line::new(level, text)),
                Ok(News::End(end)) => return self.end(&end),
                Err(RecvTimeoutError::Timeout) => self.flush(),
                Err(RecvTimeoutError::Disconnected) => {
                    self.flush();
                    return Ok(());
                }
            }
            if self.due <= Instant::now() {
                self.flush();
            }
        }
    }

    fn hear(&mut self, update: Update) {
        let Update { phase, totals, images, warnings, pulls, .. } = update;
        self.sums(phase, totals, pulls);
        for warning in warnings {
            self.batch.warnings.push(warning.clone());
            self.line(Line::new(Level::Warning, warning));
        }
        for image in images {
            self.image(image);
        }
    }

    fn hear_all(&mut self, snapshot: Snapshot) {
        let Snapshot { phase, totals, images, warnings, pulls, .. } = snapshot;
        self.sums(phase, totals, pulls);
        let known = self.batch.warnings.len();
        for warning in warnings.into_iter().skip(known) {
            self.batch.warnings.push(warning.clone());
            self.line(Line::new(Level::Warning, warning));
        }
        for image in images {
            self.image(image);
        }
    }

    fn sums(&mut self, phase: Phase, totals: Totals, pulls: Vec<Pulls>) {
        if phase != self.phase {
            self.phase = phase;
            self.line(Line::of_phase(phase));
        }
        if totals.paused != self.batch.totals.paused {
            let text = if totals.paused { "paused" } else { "goes on" };
            self.line(Line::new(Level::Info, text));
        }
        (self.batch.phase, self.batch.totals, self.batch.pulls) = (phase, totals, pulls);
    }

    fn image(&mut self, image: ImageState) {
        let before = self.seen.insert(image.id, image.status);
        if let Some(line) = Line::of(&image, before) {
            self.line(line);
        }
        self.batch.images.insert(image.id, image);
    }

    fn line(&mut self, line: Line) {
        let most = if line.level == Level::Info { ALL_LINES } else { LINES };
        if self.lines > most {
            return;
        }
        let line = if self.lines == most {
            Line::new(Level::Warning, "the log is full; what follows matters less and is left out")
        } else {
            line
        };
        self.batch.lines.push((self.lines, Timestamp::now(), line));
        self.lines += 1;
    }

    /// Writes what changed. What can't be written now is kept for the next time.
    fn flush(&mut self) {
        if self.batch.is_empty() {
            self.due = Instant::now() + SOON;
            return;
        }
        self.due = Instant::now() + EVERY;
        match self.history.write_batch(self.run, &self.batch) {
            Ok(()) => self.batch.clear(),
            Err(error) => {
                tracing::warn!("the history could not be written: {error}");
                // once: to tell it makes a line, which can't be written either
                if !std::mem::replace(&mut self.told, true) {
                    let mut problem = self.problem.lock().unwrap_or_else(PoisonError::into_inner);
                    problem.get_or_insert(error);
                }
            }
        }
    }

    fn end(mut self, end: &Final) -> Result<(), Error> {
        self.history.write_end(self.run, &self.batch, end)?;
        self.batch.clear();
        Ok(())
    }
}
