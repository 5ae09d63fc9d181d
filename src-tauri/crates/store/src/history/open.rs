//! Opening the file, and what can be wrong with it.

use std::{
    ffi::OsString,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::{
    History,
    schema::{MIGRATIONS, VERSION},
};
use crate::{Error, file};

/// How long another process that writes is waited for.
const BUSY: Duration = Duration::from_secs(10);
/// Files up to this size are read through when they are opened.
const CHECKED: u64 = 32 << 20;

impl History {
    /// Opens the file, or makes it; brings its tables up to date. One that is damaged is kept aside.
    pub(super) fn open(&self) -> Result<Connection, Error> {
        if let Some(dir) = self.path.parent() {
            fs::create_dir_all(dir).map_err(|error| Error::io(&self.path, &error))?;
        }
        // One at a time: SQLite does not wait for others who read where it makes the file one with a write-ahead log, and
        // two who both find old tables, or a damaged file, would both see to them.
        let _lock = file::lock_beside(&self.path)?;
        create(&self.path).map_err(|error| Error::io(&self.path, &error))?;
        match self.prepare() {
            Ok(connection) => Ok(connection),
            Err(Refused::Newer(found)) => {
                Err(Error::Newer { path: self.path.clone(), found, known: VERSION })
            }
            Err(Refused::Broken(why)) => Err(self.keep_aside(why)),
            Err(Refused::Failed(error)) => Err(self.failed(&error)),
        }
    }

    fn prepare(&self) -> Result<Connection, Refused> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(&self.path, flags)?;
        connection.busy_timeout(BUSY)?;
        let version = version(&connection)?;
        if version > VERSION {
            return Err(Refused::Newer(version));
        }
        if version > 0 && fs::metadata(&self.path).is_ok_and(|file| file.len() <= CHECKED) {
            let found: String =
                connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
            if found != "ok" {
                return Err(Refused::Broken(found));
            }
        }
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        if let Some(most) = self.most_pages {
            connection.pragma_update(None, "max_page_count", most)?;
        }
        if version < VERSION {
            MIGRATIONS.to_latest(&mut connection).map_err(|error| match error {
                rusqlite_migration::Error::RusqliteError { err, .. } => Refused::from(err),
                error => Refused::Broken(error.to_string()),
            })?;
        }
        Ok(connection)
    }

    /// Renames a file that is damaged, with what belongs to it.
    fn keep_aside(&self, why: String) -> Error {
        let kept = match file::keep_aside(&self.path) {
            Ok(kept) => kept,
            Err(error) => return error,
        };
        for end in ["-wal", "-shm"] {
            // without its log the file may lack its last changes; where there is none, there is nothing to rename
            let _ = fs::rename(beside(&self.path, end), beside(&kept, end));
        }
        Error::Broken { path: self.path.clone(), kept, why }
    }

    pub(super) fn failed(&self, error: &rusqlite::Error) -> Error {
        let why = match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => "the disk is full".to_owned(),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                "another process has been writing to it for too long".to_owned()
            }
            Some(ErrorCode::ReadOnly) => "it can't be written to".to_owned(),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                format!("it is damaged ({error}); it is kept aside when it is opened next")
            }
            _ => error.to_string(),
        };
        Error::Io { path: self.path.clone(), why }
    }
}

/// Why the file can't be used.
enum Refused {
    Newer(u64),
    Broken(String),
    Failed(rusqlite::Error),
}

impl From<rusqlite::Error> for Refused {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Self::Broken(error.to_string())
            }
            _ => Self::Failed(error),
        }
    }
}

fn version(connection: &Connection) -> rusqlite::Result<u64> {
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    Ok(version.unsigned_abs())
}

/// Makes the file, for its owner alone. SQLite gives its companions the same rights.
fn create(path: &Path) -> io::Result<()> {
    let mut options = File::options();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(end);
    name.into()
}
