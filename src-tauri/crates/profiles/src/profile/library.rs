//! The directory of profiles: one file each, `<id>.yaml`. The id is made of the first name and stays when the profile is
//! renamed. Whatever can't be read stays where it is, or is kept aside when its name is needed; nothing is ever lost.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use engine::Origin;
use registry::{Code, Sentence, sentence};
use store::file as ours;

use super::{Fault, Field, Narrowing, Prepared, Profile, file};
use crate::{
    document,
    problem::{Findings, Rejected},
};

/// The profiles of this user. Several programs may use the directory at once.
#[derive(Clone, Debug)]
pub struct Profiles {
    dir: PathBuf,
}

/// A profile with its file.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The id: the file's name without its extension.
    pub id: String,
    /// The profile.
    pub profile: Profile,
    /// The file, as errors name it.
    file: Arc<str>,
    places: file::Places,
}

/// An entry of the list of profiles.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The id.
    pub id: String,
    /// The profile, or what is wrong with its file.
    pub profile: Result<Stored, Rejected>,
}

/// Why a profile could not be had or changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is none.
    #[error("there is no profile '{0}'")]
    Unknown(String),
    /// The name is empty.
    #[error("the profile has no name")]
    NoName,
    /// Another profile has the name.
    #[error("there is a profile named '{0}' already")]
    Taken(String),
    /// Its file can't be read.
    #[error(transparent)]
    Broken(#[from] Rejected),
    /// The system refused.
    #[error(transparent)]
    File(#[from] ours::Error),
}

impl Error {
    /// What is wrong with a name, where that is it.
    pub fn of_name(&self) -> Option<Sentence> {
        match self {
            Self::NoName => Some(super::no_name()),
            Self::Taken(name) => Some(sentence!(
                "name_taken",
                "there is a profile named '{name}' already",
                name = name,
            )),
            Self::Unknown(_) | Self::Broken(_) | Self::File(_) => None,
        }
    }

    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Unknown(_) | Self::NoName | Self::Taken(_) => Code::ConfigInvalid,
            Self::Broken(rejected) => {
                rejected.problems.first().map_or(Code::ConfigInvalid, |problem| problem.code)
            }
            Self::File(_) => Code::FileFailed,
        }
    }
}

impl Profiles {
    /// The profiles in a directory, which need not be there.
    pub fn at(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// All profiles by name, and the files that can't be read after them.
    pub fn list(&self) -> Result<Vec<Listed>, Error> {
        let entries = match fs::read_dir(&self.dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(ours::Error::io(&self.dir, &error).into()),
        };
        let mut list = Vec::new();
        for entry in entries {
            let path = entry.map_err(|error| ours::Error::io(&self.dir, &error))?.path();
            let Some(id) = id_of(&path) else { continue };
            match read(&id, &path) {
                // removed meanwhile
                Err(Error::Unknown(_)) => {}
                Err(Error::Broken(rejected)) => list.push(Listed { id, profile: Err(rejected) }),
                Err(error) => return Err(error),
                Ok(stored) => list.push(Listed { id, profile: Ok(stored) }),
            }
        }
        list.sort_by_cached_key(|listed| match &listed.profile {
            Ok(stored) => (false, folded(&stored.profile.name), listed.id.clone()),
            Err(_) => (true, String::new(), listed.id.clone()),
        });
        Ok(list)
    }

    /// A profile by id.
    pub fn get(&self, id: &str) -> Result<Stored, Error> {
        read(id, &self.path(id)?)
    }

    /// A profile's file as it stands there, comments and all.
    pub fn text(&self, id: &str) -> Result<String, Error> {
        let path = self.path(id)?;
        read(id, &path)?;
        Ok(fs::read_to_string(&path).map_err(|error| ours::Error::io(&path, &error))?)
    }

    /// A profile by name, or else by id.
    pub fn find(&self, name: &str) -> Result<Stored, Error> {
        let named = |stored: &Stored| folded(&stored.profile.name) == folded(name);
        match self.list()?.into_iter().filter_map(|listed| listed.profile.ok()).find(named) {
            Some(stored) => Ok(stored),
            None => self.get(name),
        }
    }

    /// Whether a new profile may have the name; the error says why not.
    pub fn is_free(&self, name: &str) -> Result<(), Error> {
        self.check_name(None, name)
    }

    /// Saves a new profile, under an id made of its name.
    pub fn create(&self, profile: &Profile) -> Result<Stored, Error> {
        let _lock = self.lock()?;
        self.check_name(None, &profile.name)?;
        self.write(&self.free_id(&profile.name), profile)
    }

    /// Saves a profile over the one with the id; a file that can't be read is kept aside.
    pub fn save(&self, id: &str, profile: &Profile) -> Result<Stored, Error> {
        let _lock = self.lock()?;
        let path = self.path(id)?;
        self.check_name(Some(id), &profile.name)?;
        match read(id, &path) {
            Ok(_) => {}
            Err(Error::Broken(_)) => drop(ours::keep_aside(&path)?),
            Err(error) => return Err(error),
        }
        self.write(id, profile)
    }

    /// Gives a profile another name. Its id stays.
    pub fn rename(&self, id: &str, name: &str) -> Result<Stored, Error> {
        let _lock = self.lock()?;
        let stored = self.get(id)?;
        self.check_name(Some(id), name)?;
        self.write(id, &Profile { name: name.to_owned(), ..stored.profile })
    }

    /// Saves a copy of a profile, under its name with a number.
    pub fn duplicate(&self, id: &str) -> Result<Stored, Error> {
        let _lock = self.lock()?;
        let mut profile = self.get(id)?.profile;
        let taken = self.names()?;
        let name = profile.name.trim().to_owned();
        // a copy of "mirror 2" is "mirror 3"
        let stem =
            name.trim_end_matches(|c: char| c.is_ascii_digit()).strip_suffix(' ').unwrap_or(&name);
        for n in 2_u64.. {
            profile.name = format!("{stem} {n}");
            if !taken.iter().any(|(_, other)| *other == folded(&profile.name)) {
                break;
            }
        }
        self.write(&self.free_id(&profile.name), &profile)
    }

    /// Removes a profile. A file that can't be read is kept aside instead.
    pub fn remove(&self, id: &str) -> Result<(), Error> {
        let _lock = self.lock()?;
        let path = self.path(id)?;
        match read(id, &path) {
            Ok(_) => Ok(fs::remove_file(&path).map_err(|error| ours::Error::io(&path, &error))?),
            Err(Error::Broken(_)) => {
                ours::keep_aside(&path)?;
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// The file of an id, which must not lead out of the directory.
    fn path(&self, id: &str) -> Result<PathBuf, Error> {
        let path = self.dir.join(format!("{id}.yaml"));
        if id_of(&path).as_deref() == Some(id) && path.parent() == Some(&self.dir) {
            return Ok(path);
        }
        Err(Error::Unknown(id.to_owned()))
    }

    /// An id for a new profile: its name in lower-case letters, digits and dashes, and a number where that is taken.
    fn free_id(&self, name: &str) -> String {
        let slug: String = name
            .to_ascii_lowercase()
            .split(|c: char| !c.is_ascii_alphanumeric())
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join("-");
        // a file's name has at most 255 bytes
        let slug = slug.get(..100).unwrap_or(&slug).trim_end_matches('-');
        let slug = if slug.is_empty() { "profile" } else { slug };
        let mut id = slug.to_owned();
        let mut n = 2;
        while self.dir.join(format!("{id}.yaml")).symlink_metadata().is_ok() {
            id = format!("{slug}-{n}");
            n += 1;
        }
        id
    }

    fn check_name(&self, id: Option<&str>, name: &str) -> Result<(), Error> {
        if name.trim().is_empty() {
            return Err(Error::NoName);
        }
        let taken = self
            .names()?
            .into_iter()
            .any(|(other, named)| named == folded(name) && Some(&*other) != id);
        if taken { Err(Error::Taken(name.to_owned())) } else { Ok(()) }
    }

    /// The ids and folded names of what can be read.
    fn names(&self) -> Result<Vec<(String, String)>, Error> {
        let profiles = self.list()?.into_iter().filter_map(|listed| listed.profile.ok());
        Ok(profiles.map(|stored| (stored.id, folded(&stored.profile.name))).collect())
    }

    fn write(&self, id: &str, profile: &Profile) -> Result<Stored, Error> {
        let path = self.path(id)?;
        let profile = Profile { name: profile.name.trim().to_owned(), ..profile.clone() };
        ours::write(&path, file::write(&profile).as_bytes())?;
        read(id, &path)
    }

    /// Holds other programs and threads back until it is dropped.
    fn lock(&self) -> Result<File, Error> {
        let path = self.dir.join(".lock");
        let told = |error: io::Error| ours::Error::io(&path, &error);
        fs::create_dir_all(&self.dir).map_err(told)?;
        let file =
            File::options().create(true).truncate(false).write(true).open(&path).map_err(told)?;
        match file.lock() {
            // some network file systems have no locks: names may then be given twice
            Err(error) if error.kind() != io::ErrorKind::Unsupported => {
                return Err(told(error).into());
            }
            _ => {}
        }
        Ok(file)
    }
}

/// The id of a profile's file; `None` for other files.
fn id_of(path: &Path) -> Option<String> {
    let id = path.file_name()?.to_str()?.strip_suffix(".yaml")?;
    (!id.is_empty() && !id.starts_with('.') && !id.contains('\0')).then(|| id.to_owned())
}

/// Names that differ only in case or in spaces around them are one.
fn folded(name: &str) -> String {
    name.trim().to_lowercase()
}

fn read(id: &str, path: &Path) -> Result<Stored, Error> {
    if path.symlink_metadata().is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
        return Err(Error::Unknown(id.to_owned()));
    }
    let (file, bytes) = document::load(path)
        .map_err(|problem| Rejected { problems: vec![problem], warnings: Vec::new() })?;
    let (profile, places) = file::read(&file, &bytes)?;
    Ok(Stored { id: id.to_owned(), profile, file, places })
}

impl Stored {
    /// Makes of the profile what a job needs, or says all that is wrong and where in the file.
    pub fn prepare(&self) -> Result<Prepared, Rejected> {
        let mut prepared = self.profile.prepare().map_err(|faults| self.rejected(faults))?;
        for (n, rule) in prepared.rules.iter_mut().enumerate() {
            let place = self.places.of(&Field::Source { rule: n }, "", 0);
            *rule.origin_mut() =
                Some(Origin { file: self.file.clone(), line: place.line, column: place.column });
        }
        Ok(prepared)
    }

    fn rejected(&self, faults: Vec<Fault>) -> Rejected {
        let mut findings = Findings::new(self.file.clone());
        for fault in faults {
            let text = match &fault.field {
                Field::Source { rule } => &self.profile.rules[*rule].source,
                Field::Destination { rule, destination } => self.profile.rules[*rule]
                    .destinations
                    .get(*destination)
                    .map_or("", String::as_str),
                Field::Narrowing { rule, what, item } => {
                    let rule = &self.profile.rules[*rule];
                    let list = match what {
                        Narrowing::Include => &rule.tags.include[..],
                        Narrowing::Exclude => &rule.tags.exclude,
                        Narrowing::Repositories => &rule.repositories.exclude,
                        Narrowing::Versions | Narrowing::Newest => &[],
                    };
                    list.get(*item).map_or("", String::as_str)
                }
                _ => "",
            };
            let mut place = self.places.of(&fault.field, text, fault.at);
            if let Field::Destination { rule, .. } = fault.field
                && text.is_empty()
            {
                place = self.places.of(&Field::Source { rule }, "", 0);
            }
            findings.wrong(place, fault.message).hint = fault.hint;
        }
        Rejected { problems: findings.problems, warnings: findings.warnings }
    }
}
