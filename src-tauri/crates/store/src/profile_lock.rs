//! One run per profile at a time, whichever program starts it. The system holds the lock and lets it go with the
//! process, however that ends.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Read as _, Seek as _, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use crate::{Dirs, Error};

/// How often, and how long, one who holds the lock is waited for.
const LOOKS: usize = 5;
const LOOK: Duration = Duration::from_millis(40);

/// The right to run a profile. Dropping it gives it back.
#[derive(Debug)]
pub struct ProfileLock {
    _file: File,
}

/// Who runs a profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The number of the process.
    pub pid: u32,
    /// Its program.
    pub program: String,
    /// Since when, RFC 3339.
    pub since: String,
}

/// Why the right could not be had.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// Somebody has it.
    #[error("this profile is being run already{}", .0.as_ref().map(|holder| format!(
        ", by process {} ({}) since {}", holder.pid, holder.program, holder.since)).unwrap_or_default())]
    Busy(Option<Holder>),
    /// The file of the lock can't be used.
    #[error(transparent)]
    File(#[from] Error),
}

impl ProfileLock {
    /// Takes the right to run a profile, or says who has it. Blocks for a moment: somebody may only be looking whether
    /// it is held.
    pub fn take(dirs: &Dirs, profile: &str) -> Result<Self, Refused> {
        for _ in 0..LOOKS {
            match Self::take_now(dirs, profile) {
                Err(Refused::Busy(_)) => std::thread::sleep(LOOK),
                taken => return taken,
            }
        }
        Self::take_now(dirs, profile)
    }

    /// The same, at once.
    pub fn take_now(dirs: &Dirs, profile: &str) -> Result<Self, Refused> {
        let path = path(dirs, profile);
        let failed = |error: io::Error| Refused::File(Error::io(&path, &error));
        fs::create_dir_all(dirs.locks()).map_err(failed)?;
        let mut file = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Refused::Busy(holder(&mut file))),
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {
                tracing::warn!(path = %path.display(), "this file system has no locks: two runs of one profile are not noticed");
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        // only who has the lock is told: that it could not be written does no harm
        if let Err(error) = sign(&mut file) {
            tracing::debug!(%error, "the lock's file");
        }
        Ok(Self { _file: file })
    }
}

fn sign(file: &mut File) -> io::Result<()> {
    let program = std::env::current_exe().ok();
    let program = program.as_deref().and_then(Path::file_name).unwrap_or_default();
    let holder = Holder {
        pid: std::process::id(),
        program: program.to_string_lossy().into_owned(),
        since: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
    };
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(&serde_json::to_vec(&holder)?)
}

fn holder(file: &mut File) -> Option<Holder> {
    let mut text = String::new();
    file.take(64 * 1024).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

/// Ids are names of files already, as a rule; what is none becomes one.
fn path(dirs: &Dirs, profile: &str) -> PathBuf {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let name: String = profile
        .chars()
        .map(|c| if plain(c) { c.to_string() } else { format!("%{:x}", c as u32) })
        .collect();
    dirs.locks().join(format!("{name}.lock"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_and_who_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let dirs = Dirs::at(dir.path());
        let held = ProfileLock::take(&dirs, "nightly").unwrap();
        let Err(Refused::Busy(Some(holder))) = ProfileLock::take(&dirs, "nightly") else {
            panic!("two at once");
        };
        assert_eq!(holder.pid, std::process::id());
        let _other = ProfileLock::take(&dirs, "../weekly/ä").unwrap();
        assert_eq!(fs::read_dir(dirs.locks()).unwrap().count(), 2, "no file anywhere else");
        drop(held);
        ProfileLock::take(&dirs, "nightly").unwrap();
    }
}
