//! The tables. A migration is never changed once it was released; others are added behind it.

use rusqlite_migration::{M, Migrations};

const STEPS: &[M<'_>] = &[M::up(
    "CREATE TABLE runs (
        run INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        profile_id TEXT NOT NULL,
        profile_name TEXT NOT NULL,
        -- RFC 3339 for people, milliseconds to compare
        started_at TEXT NOT NULL,
        started_ms INTEGER NOT NULL,
        ended_at TEXT,
        started_by TEXT NOT NULL,
        -- NULL while it goes on
        ending TEXT,
        retry_of TEXT,
        -- JSON: the choice of images, the sums, and what a snapshot and a report have besides images
        picked TEXT NOT NULL,
        totals TEXT NOT NULL,
        rest TEXT NOT NULL
    ) STRICT;
    CREATE INDEX runs_of_profile ON runs (profile_id, run);
    CREATE TABLE images (
        run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
        id INTEGER NOT NULL,
        -- where it stands in the report
        position INTEGER,
        -- JSON: what events tell of it, and what the report tells besides
        state TEXT NOT NULL,
        report TEXT,
        PRIMARY KEY (run, id)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE lines (
        run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
        number INTEGER NOT NULL,
        at TEXT NOT NULL,
        level INTEGER NOT NULL,
        image INTEGER,
        text TEXT NOT NULL,
        PRIMARY KEY (run, number)
    ) STRICT, WITHOUT ROWID;",
)];

/// The version that we write.
pub(super) const VERSION: u64 = STEPS.len() as u64;

pub(super) const MIGRATIONS: Migrations<'_> = Migrations::from_slice(STEPS);

#[cfg(test)]
mod tests {
    #[test]
    fn every_step_can_be_taken() {
        super::MIGRATIONS.validate().unwrap();
    }
}
