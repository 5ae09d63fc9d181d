//! What is written: the beginning of a run, what changed, its end; and what is removed.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::PoisonError,
};

use engine::{ImageReport, ImageState, Phase, Pulls, Report, ReportTotals, Totals};
use jiff::{SignedDuration, Timestamp};
use registry::{Digest, Sentence};
use rusqlite::{Connection, TransactionBehavior, params};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{Ending, History, NewRun, Recorder, line::Line};
use crate::{Dirs, Error, ProfileLock};

/// What changed since the last time.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) phase: Phase,
    pub(super) totals: Totals,
    pub(super) images: BTreeMap<u32, ImageState>,
    /// All warnings so far.
    pub(super) warnings: Vec<Sentence>,
    pub(super) pulls: Vec<Pulls>,
    pub(super) lines: Vec<(u64, Timestamp, Line)>,
}

/// How a run ended.
#[derive(Debug)]
pub(super) struct Final {
    pub(super) ended_at: Timestamp,
    pub(super) ending: Ending,
    pub(super) report: Report,
}

/// What a snapshot and a report have besides images.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Rest {
    pub(super) phase: Phase,
    pub(super) warnings: Vec<Sentence>,
    pub(super) pulls: Vec<Pulls>,
    /// The report's own sums and warnings, once it has ended.
    pub(super) report: Option<(ReportTotals, Vec<Sentence>)>,
}

/// What a report tells of an image besides its state.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Told {
    pub(super) source_digest: Option<Digest>,
    pub(super) digest: Option<Digest>,
    pub(super) attempts: u32,
}

impl Batch {
    pub(super) fn is_empty(&self) -> bool {
        self.images.is_empty() && self.lines.is_empty()
    }

    /// All of it is written.
    pub(super) fn clear(&mut self) {
        self.images.clear();
        self.lines.clear();
    }

    fn rest(&self) -> Rest {
        Rest {
            phase: self.phase,
            warnings: self.warnings.clone(),
            pulls: self.pulls.clone(),
            report: None,
        }
    }
}

impl History {
    /// Notes that a run begins, and records it from there on.
    pub fn begin(&self, new: &NewRun) -> Result<Recorder, Error> {
        Recorder::begin(self, new)
    }

    pub(super) fn insert(&self, new: &NewRun) -> Result<i64, Error> {
        let NewRun { id, profile_id, profile_name, started_at, started_by, retry_of, picked } = new;
        self.write(|connection| {
            connection.execute(
                "INSERT INTO runs (id, profile_id, profile_name, started_at, started_ms, started_by, retry_of, picked, \
                 totals, rest) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
                params![
                    id,
                    profile_id,
                    profile_name,
                    started_at.to_string(),
                    started_at.as_millisecond(),
                    started_by.as_str(),
                    retry_of,
                    json(picked)?,
                    json(&Totals::default())?,
                    json(&Rest::default())?,
                ],
            )?;
            Ok(connection.last_insert_rowid())
        })
    }

    pub(super) fn write_batch(&self, run: i64, batch: &Batch) -> Result<(), Error> {
        self.write(|connection| {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            put(&transaction, run, batch)?;
            sums(&transaction, run, &batch.totals, &batch.rest())?;
            transaction.commit()
        })
    }

    pub(super) fn write_end(&self, run: i64, batch: &Batch, end: &Final) -> Result<(), Error> {
        self.write(|connection| {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            put(&transaction, run, batch)?;
            let Report { images, totals, warnings, pulls, .. } = &end.report;
            tell(&transaction, run, images)?;
            let rest = Rest {
                phase: Phase::Done,
                pulls: pulls.clone(),
                report: Some((*totals, warnings.clone())),
                ..batch.rest()
            };
            sums(&transaction, run, &batch.totals, &rest)?;
            transaction.execute(
                "UPDATE runs SET ended_at = ?2, ending = ?3 WHERE run = ?1",
                params![run, end.ended_at.to_string(), end.ending.as_str()],
            )?;
            transaction.commit()
        })
    }

    /// Notes that runs of a profile which have not ended never will: nobody works on them any more.
    pub fn interrupted(&self, profile: &str) -> Result<usize, Error> {
        self.read(0, |connection| {
            connection.execute(
                "UPDATE runs SET ending = ?2 WHERE profile_id = ?1 AND ending IS NULL",
                params![profile, Ending::Interrupted.as_str()],
            )
        })
    }

    /// Notes that runs whose processes have gone away without a word were interrupted. Who runs a profile holds its lock;
    /// a lock that is to be had, nobody holds.
    pub fn settle(&self, dirs: &Dirs) -> Result<(), Error> {
        let _alone = self.settling.lock().unwrap_or_else(PoisonError::into_inner);
        for run in self.unended()? {
            if let Ok(_lock) = ProfileLock::take_now(dirs, &run.profile_id) {
                self.interrupted(&run.profile_id)?;
            }
        }
        Ok(())
    }

    /// Forgets a run. False where there is none that has ended.
    pub fn remove(&self, id: &str) -> Result<bool, Error> {
        self.read(false, |connection| {
            let removed = connection
                .execute("DELETE FROM runs WHERE id = ?1 AND ending IS NOT NULL", [id])?;
            Ok(removed > 0)
        })
    }

    /// Forgets runs that began more than so many days before now. A clock that went wrong does not empty the history:
    /// never more than is older than that beside the newest run.
    pub fn retain(&self, days: u32, now: Timestamp) -> Result<usize, Error> {
        let age = SignedDuration::from_hours(24 * i64::from(days));
        self.read(0, |connection| {
            let newest: Option<i64> =
                connection.query_row("SELECT max(started_ms) FROM runs", [], |row| row.get(0))?;
            let now = now.as_millisecond().min(newest.unwrap_or_default());
            let oldest = now.saturating_sub(i64::try_from(age.as_millis()).unwrap_or(i64::MAX));
            connection
                .execute("DELETE FROM runs WHERE started_ms < ?1 AND ending IS NOT NULL", [oldest])
        })
    }
}

fn put(connection: &Connection, run: i64, batch: &Batch) -> rusqlite::Result<()> {
    let mut images = connection.prepare_cached(
        "INSERT INTO images (run, id, state) VALUES (?1, ?2, ?3) \
         ON CONFLICT (run, id) DO UPDATE SET state = excluded.state",
    )?;
    for (id, image) in &batch.images {
        images.execute(params![run, id, json(image)?])?;
    }
    let mut lines = connection.prepare_cached(
        "INSERT OR REPLACE INTO lines (run, number, at, level, image, text) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for (number, at, line) in &batch.lines {
        let level = line.level.number();
        lines.execute(params![run, number, at.to_string(), level, line.image, line.text])?;
    }
    Ok(())
}

fn sums(connection: &Connection, run: i64, totals: &Totals, rest: &Rest) -> rusqlite::Result<()> {
    connection
        .execute(
            "UPDATE runs SET totals = ?2, rest = ?3 WHERE run = ?1",
            params![run, json(totals)?, json(rest)?],
        )
        .map(drop)
}

/// Adds to each image what the report tells besides, and where it stands there.
fn tell(connection: &Connection, run: i64, images: &[ImageReport]) -> rusqlite::Result<()> {
    let mut places: HashMap<(&str, &str), VecDeque<usize>> = HashMap::new();
    for (at, image) in images.iter().enumerate() {
        places.entry((&image.source, &image.destination)).or_default().push_back(at);
    }
    let mut known =
        connection.prepare("SELECT id, state FROM images WHERE run = ?1 ORDER BY id")?;
    let mut tell = connection
        .prepare("UPDATE images SET position = ?3, report = ?4 WHERE run = ?1 AND id = ?2")?;
    let mut rows = known.query([run])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let state: ImageState = parsed(&row.get::<_, String>(1)?)?;
        found.push((row.get::<_, u32>(0)?, state.source, state.destination));
    }
    for (id, source, destination) in &found {
        let place = places.get_mut(&(source.as_str(), destination.as_str()));
        let Some(at) = place.and_then(VecDeque::pop_front) else { continue };
        let ImageReport { source_digest, digest, attempts, .. } = &images[at];
        let told = Told {
            source_digest: source_digest.clone(),
            digest: digest.clone(),
            attempts: *attempts,
        };
        tell.execute(params![run, id, at, json(&told)?])?;
    }
    Ok(())
}

/// A value as it is kept.
pub(super) fn json<T: Serialize>(value: &T) -> rusqlite::Result<String> {
    serde_json::to_string(value)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

/// A value as it was kept.
pub(super) fn parsed<T: DeserializeOwned>(text: &str) -> rusqlite::Result<T> {
    serde_json::from_str(text).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(error))
    })
}
