//! What is read: the list of runs, one run's grid, its report and its log.

use std::collections::BTreeMap;

use engine::{
    Failure, ImageReport, ImageState, ImageStatus, Outcome, Report, ReportTotals, Snapshot,
};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::{
    Ending, History, Level, LogLine, StartedBy, StoredRun, Wanted,
    write::{Rest, Told, parsed},
};
use crate::{Error, LastRun};

/// Why an image has no outcome.
const INTERRUPTED: &str = "the run was interrupted";

const COLUMNS: &str = "id, profile_id, profile_name, started_at, ended_at, started_by, ending, totals, retry_of, picked";

impl History {
    /// Runs that have ended, newest first.
    pub fn list(&self, wanted: Wanted<'_>) -> Result<Vec<StoredRun>, Error> {
        self.read(Vec::new(), |connection| {
            let mut query = connection.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM runs WHERE ending IS NOT NULL AND (?1 IS NULL OR id < ?1) \
                 AND (?2 IS NULL OR profile_id = ?2) ORDER BY id DESC LIMIT ?3"
            ))?;
            let limit = i64::try_from(wanted.limit).unwrap_or(i64::MAX);
            query.query_map(params![wanted.before, wanted.profile, limit], run)?.collect()
        })
    }

    /// Runs that have not ended, with their profiles.
    pub fn unended(&self) -> Result<Vec<StoredRun>, Error> {
        self.read(Vec::new(), |connection| {
            let query = format!("SELECT {COLUMNS} FROM runs WHERE ending IS NULL ORDER BY id");
            connection.prepare_cached(&query)?.query_map([], run)?.collect()
        })
    }

    /// A run.
    pub fn get(&self, id: &str) -> Result<Option<StoredRun>, Error> {
        self.read(None, |connection| {
            let query = format!("SELECT {COLUMNS} FROM runs WHERE id = ?1");
            connection.query_row(&query, [id], run).optional()
        })
    }

    /// The run whose id begins so, if it is one only; the newest for `latest`.
    pub fn find(&self, text: &str) -> Result<Option<StoredRun>, Error> {
        if text == "latest" {
            return Ok(self.list(Wanted { limit: 1, ..Wanted::default() })?.pop());
        }
        if let Some(run) = self.get(text)? {
            return Ok(Some(run));
        }
        self.read(None, |connection| {
            let query =
                format!("SELECT {COLUMNS} FROM runs WHERE substr(id, 1, length(?1)) = ?1 LIMIT 2");
            let found: Vec<StoredRun> =
                connection.prepare(&query)?.query_map([text], run)?.collect::<Result<_, _>>()?;
            Ok(match <[StoredRun; 1]>::try_from(found) {
                Ok([run]) if !text.is_empty() => Some(run),
                _ => None,
            })
        })
    }

    /// How each profile's last run ended.
    pub fn last_runs(&self) -> Result<BTreeMap<String, LastRun>, Error> {
        self.read(BTreeMap::new(), |connection| {
            let mut query = connection.prepare_cached(
                "SELECT profile_id, coalesce(ended_at, started_at), totals, ending, max(id) FROM runs \
                 WHERE ending IS NOT NULL GROUP BY profile_id",
            )?;
            let mut rows = query.query([])?;
            let mut last = BTreeMap::new();
            while let Some(row) = rows.next()? {
                let totals: engine::Totals = parsed(&row.get::<_, String>(2)?)?;
                let run = LastRun {
                    ended_at: row.get(1)?,
                    interrupted: row.get::<_, String>(3)? == Ending::Interrupted.as_str(),
                    copied: totals.copied,
                    skipped: totals.skipped,
                    failed: totals.failed,
                    cancelled: totals.cancelled,
                };
                last.insert(row.get(0)?, run);
            }
            Ok(last)
        })
    }

    /// A run's grid, as far as it was written.
    pub fn snapshot(&self, id: &str) -> Result<Option<Snapshot>, Error> {
        self.read(None, |connection| {
            let Some((run, stored, rest)) = head(connection, id)? else { return Ok(None) };
            let mut snapshot = Snapshot {
                phase: rest.phase,
                totals: stored.totals,
                warnings: rest.warnings,
                pulls: rest.pulls,
                ..Snapshot::default()
            };
            if let Some((_, warnings)) = rest.report {
                snapshot.warnings = warnings;
            }
            for (mut image, _) in images(connection, run, "id")? {
                let at = image.id as usize;
                if snapshot.images.len() <= at {
                    snapshot.images.resize(at + 1, ImageState::default());
                }
                if stored.ending == Some(Ending::Interrupted) {
                    image.bytes_in_flight = 0;
                }
                snapshot.images[at] = image;
            }
            if stored.ending == Some(Ending::Interrupted) {
                snapshot.totals.bytes_in_flight = 0;
                snapshot.totals.bytes_per_second = 0;
                snapshot.totals.paused = false;
            }
            Ok(Some(snapshot))
        })
    }

    /// A run's report: that of `--report`. Of one that was interrupted, what had no outcome is cancelled.
    pub fn report(&self, id: &str) -> Result<Option<Report>, Error> {
        self.read(None, |connection| {
            let Some((run, stored, rest)) = head(connection, id)? else { return Ok(None) };
            let images: Vec<_> = images(connection, run, "position IS NULL, position, id")?
                .into_iter()
                .map(|(state, told)| image(state, told))
                .collect();
            let (totals, warnings) = rest
                .report
                .unwrap_or_else(|| (sums(&images, stored.totals.seconds), rest.warnings));
            Ok(Some(Report { version: 1, images, totals, warnings, pulls: rest.pulls }))
        })
    }

    /// So many lines of a run's log, of at least this level and about this image, from a number of such lines on.
    pub fn log(
        &self,
        id: &str,
        level: Level,
        image: Option<u32>,
        from: u64,
        limit: usize,
    ) -> Result<Vec<LogLine>, Error> {
        self.read(Vec::new(), |connection| {
            let mut query = connection.prepare_cached(
                "SELECT number, at, level, image, text FROM lines WHERE run = (SELECT run FROM runs WHERE id = ?1) \
                 AND level >= ?2 AND (?3 IS NULL OR image = ?3) ORDER BY number LIMIT ?4 OFFSET ?5",
            )?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let from = i64::try_from(from).unwrap_or(i64::MAX);
            let line = |row: &Row<'_>| {
                Ok(LogLine {
                    number: row.get(0)?,
                    at: row.get(1)?,
                    level: Level::of_number(row.get(2)?),
                    image: row.get(3)?,
                    text: row.get(4)?,
                })
            };
            query.query_map(params![id, level.number(), image, limit, from], line)?.collect()
        })
    }
}

fn run(row: &Row<'_>) -> rusqlite::Result<StoredRun> {
    let started_by: String = row.get(5)?;
    let ending: Option<String> = row.get(6)?;
    Ok(StoredRun {
        id: row.get(0)?,
        profile_id: row.get(1)?,
        profile_name: row.get(2)?,
        started_at: row.get(3)?,
        ended_at: row.get(4)?,
        started_by: if started_by == "app" { StartedBy::App } else { StartedBy::Command },
        ending: ending.as_deref().and_then(Ending::parse),
        totals: parsed(&row.get::<_, String>(7)?)?,
        retry_of: row.get(8)?,
        picked: parsed(&row.get::<_, String>(9)?)?,
    })
}

/// A run with its number and what is kept of it besides images.
fn head(connection: &Connection, id: &str) -> rusqlite::Result<Option<(i64, StoredRun, Rest)>> {
    let query = format!("SELECT {COLUMNS}, run, rest FROM runs WHERE id = ?1");
    let head = |row: &Row<'_>| Ok((row.get(10)?, run(row)?, parsed(&row.get::<_, String>(11)?)?));
    connection.query_row(&query, [id], head).optional()
}

fn images(
    connection: &Connection,
    run: i64,
    order: &str,
) -> rusqlite::Result<Vec<(ImageState, Option<Told>)>> {
    let query = format!("SELECT state, report FROM images WHERE run = ?1 ORDER BY {order}");
    let image = |row: &Row<'_>| {
        let told: Option<String> = row.get(1)?;
        let told = told.map(|told| parsed(&told)).transpose()?;
        Ok((parsed(&row.get::<_, String>(0)?)?, told))
    };
    connection.prepare(&query)?.query_map([run], image)?.collect()
}

/// An image's line in the report.
fn image(state: ImageState, told: Option<Told>) -> ImageReport {
    let status = match state.status {
        ImageStatus::Copied => Outcome::Copied,
        ImageStatus::Skipped => Outcome::Skipped,
        ImageStatus::Failed => Outcome::Failed,
        _ => Outcome::Cancelled,
    };
    let is_left = status == Outcome::Cancelled && state.status != ImageStatus::Cancelled;
    let (source_digest, digest, attempts) =
        told.map_or((None, None, 0), |told| (told.source_digest, told.digest, told.attempts));
    ImageReport {
        source: state.source,
        destination: state.destination,
        status,
        reason: if is_left { Some(INTERRUPTED.into()) } else { state.reason },
        source_digest,
        digest,
        replaces: state.replaces,
        bytes_copied: state.bytes_copied,
        bytes_mounted: state.bytes_mounted,
        attempts,
        error: state.error.as_ref().map(Failure::told),
        plan: state.plan,
    }
}

fn sums(images: &[ImageReport], seconds: f64) -> ReportTotals {
    let mut totals = ReportTotals { seconds, ..ReportTotals::default() };
    for image in images {
        match image.status {
            Outcome::Copied => totals.copied += 1,
            Outcome::Skipped => totals.skipped += 1,
            Outcome::Failed => totals.failed += 1,
            Outcome::Cancelled => totals.cancelled += 1,
            Outcome::Planned => {}
        }
        totals.bytes_copied += image.bytes_copied;
        totals.bytes_mounted += image.bytes_mounted;
    }
    totals
}
