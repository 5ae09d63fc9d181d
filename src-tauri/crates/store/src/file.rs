//! Files of ours: JSON with a version, written whole or not at all, never overwritten when they can't be understood.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use serde::{Serialize, de::DeserializeOwned};

/// What can go wrong with a file of ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It could not be read or written.
    #[error("{}: {why}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        why: String,
    },
    /// It could not be understood, and was renamed so that nothing is lost.
    #[error("{} could not be understood and was kept as {}: {why}", path.display(), kept.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// What it is called now.
        kept: PathBuf,
        /// What is wrong with it, with line and column.
        why: String,
    },
    /// A newer version of the program wrote it; it was left as it is.
    #[error("{} was written by a newer Image Syncer (format {found}, this one knows {known})", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// The version in the file.
        found: u64,
        /// The version that we write.
        known: u64,
    },
}

impl Error {
    /// An error of the system about a file.
    pub fn io(path: &Path, error: &io::Error) -> Self {
        Self::Io { path: path.into(), why: error.to_string() }
    }
}

/// What came of reading a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Loaded<T> {
    /// There is none.
    Missing,
    /// Its content.
    Content(T),
}

impl<T: Default> Loaded<T> {
    /// The content, or the default where there is no file.
    pub fn or_default(self) -> T {
        match self {
            Self::Missing => T::default(),
            Self::Content(content) => content,
        }
    }
}

/// Reads a JSON file whose `version` is at most `version`. One that can't be understood is renamed to
/// `<name>.broken-<n>` and told; a newer one is left alone and told.
pub fn read<T: DeserializeOwned>(path: &Path, version: u64) -> Result<Loaded<T>, Error> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Loaded::Missing),
        Err(error) => return Err(Error::io(path, &error)),
    };
    #[derive(serde::Deserialize)]
    struct Versioned {
        version: u64,
    }
    match serde_json::from_slice::<Versioned>(&bytes) {
        Ok(found) if found.version > version => {
            return Err(Error::Newer { path: path.into(), found: found.version, known: version });
        }
        _ => {}
    }
    match serde_json::from_slice(&bytes) {
        Ok(content) => Ok(Loaded::Content(content)),
        Err(error) => {
            let kept = keep_aside(path)?;
            Err(Error::Broken { path: path.into(), kept, why: error.to_string() })
        }
    }
}

/// Renames a file to `<name>.broken-<n>`, `n` being the first number that is free, and tells the new name.
pub fn keep_aside(path: &Path) -> Result<PathBuf, Error> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let kept = (1..10_000)
        .map(|n| path.with_file_name(format!("{name}.broken-{n}")))
        .find(|kept| !kept.exists())
        .ok_or_else(|| Error::Io {
            path: path.into(),
            why: "too many broken copies of it are kept".into(),
        })?;
    fs::rename(path, &kept).map_err(|error| Error::io(path, &error))?;
    tracing::warn!(path = %path.display(), kept = %kept.display(), "a file could not be understood and was kept aside");
    Ok(kept)
}

/// Waits for the lock that belongs to a file, and takes it; dropping it gives it back. It is a file of its own, since a
/// lock on the file itself may be its format's business.
pub fn lock_beside(path: &Path) -> Result<fs::File, Error> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let told = |error: io::Error| Error::io(Path::new(&name), &error);
    let lock = fs::File::options().create(true).truncate(false).write(true).open(&name);
    let lock = lock.map_err(told)?;
    match lock.lock() {
        Err(error) if error.kind() != io::ErrorKind::Unsupported => Err(told(error)),
        _ => Ok(lock),
    }
}

/// Writes a value as JSON for people to read; see [`write()`].
pub fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), Error> {
    let mut bytes = serde_json::to_vec_pretty(value)
        .map_err(|error| Error::Io { path: path.into(), why: error.to_string() })?;
    bytes.push(b'\n');
    write(path, &bytes)
}

/// Writes a file whole or not at all: into a new file beside it, to the disk, then renamed over it. The directory is
/// made if need be. Only the owner may read it.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let told = |error: io::Error| Error::io(path, &error);
    let dir = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(dir).map_err(told)?;
    // `NamedTempFile` has mode 0600, and is removed if anything fails before the rename
    let mut file = tempfile::NamedTempFile::new_in(dir).map_err(told)?;
    file.write_all(bytes).map_err(told)?;
    file.as_file().sync_all().map_err(told)?;
    file.persist(path).map_err(|error| told(error.error))?;
    // the rename itself is on the disk only once the directory is
    #[cfg(unix)]
    fs::File::open(dir).and_then(|dir| dir.sync_all()).map_err(told)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Content {
        version: u64,
        text: String,
    }

    #[test]
    fn what_is_written_is_read_and_private() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deep/er/x.json");
        let content = Content { version: 1, text: "a".into() };
        write_json(&path, &content).unwrap();
        assert_eq!(read(&path, 1).unwrap(), Loaded::Content(content));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        let names: Vec<_> = fs::read_dir(path.parent().unwrap()).unwrap().collect();
        assert_eq!(names.len(), 1, "no temporary file is left: {names:?}");
    }

    #[test]
    fn a_broken_file_is_kept_aside_each_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.json");
        for n in 1..=2 {
            fs::write(&path, format!("{{\"version\": 1,\n  \"text\": {n}")).unwrap();
            let error = read::<Content>(&path, 1).unwrap_err();
            let Error::Broken { kept, why, .. } = error else { panic!("{error:?}") };
            assert_eq!(kept, dir.path().join(format!("x.json.broken-{n}")));
            assert!(why.contains("line 2"), "{why}");
            assert!(fs::read_to_string(&kept).unwrap().ends_with(&n.to_string()));
            assert_eq!(read::<Content>(&path, 1).unwrap(), Loaded::Missing);
        }
    }

    #[test]
    fn a_newer_file_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.json");
        fs::write(&path, r#"{"version": 2, "other": true}"#).unwrap();
        let error = read::<Content>(&path, 1).unwrap_err();
        assert_eq!(error, Error::Newer { path: path.clone(), found: 2, known: 1 });
        assert!(path.exists());
    }

    #[test]
    fn a_write_that_fails_leaves_the_old_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.json");
        fs::create_dir(&path).unwrap();
        let error = write(&path, b"new").unwrap_err();
        assert!(matches!(error, Error::Io { .. }), "{error:?}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no temporary file is left");
    }
}
