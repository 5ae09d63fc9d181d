//! The files that a run writes: the report, and the images that stand right. Both are checked before anything runs and
//! replace what was there at once.

use std::{
    fmt::Write as _,
    io::Write as _,
    path::{Path, PathBuf},
};

use engine::{ImageReport, Report};
use registry::Code;

use crate::{
    args::{ImagesFormat, SyncFlags},
    problem::Problem,
};

/// Refuses one file for several flags: what is written for one would overwrite the other's.
pub(crate) fn distinct(flags: &SyncFlags) -> Result<(), Problem> {
    let files = [
        ("--report", &flags.report),
        ("--output-success-images", &flags.output_success_images),
        ("--log", &flags.log),
    ];
    let mut named: Vec<(&str, PathBuf)> = Vec::new();
    for (flag, path) in files {
        let Some(path) = path.as_ref().filter(|path| !path.starts_with("/dev")) else { continue };
        let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
        let path = path.canonicalize().unwrap_or(path);
        if let Some((other, _)) = named.iter().find(|(_, known)| *known == path) {
            return Err(Problem::config(format!("{other} and {flag} name the same file"))
                .hint("Name a file of its own for each."));
        }
        named.push((flag, path));
    }
    Ok(())
}

/// A file to be written at the end.
#[derive(Debug)]
pub(crate) struct OutputFile {
    flag: &'static str,
    path: PathBuf,
    way: Way,
}

/// How the file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// A new file takes its place, whole or not at all.
    Replaced,
    /// A pipe or device; or a file that can't be replaced: in a folder that is not ours, or mounted into a container.
    InPlace,
    /// Our own standard output, wherever it leads: to replace what is there would replace `/dev/stdout` itself.
    Stdout,
}

impl OutputFile {
    /// Makes sure that the file can be written, without changing it.
    pub(crate) fn check(
        flag: &'static str,
        path: Option<&PathBuf>,
    ) -> Result<Option<Self>, Problem> {
        let Some(path) = path else { return Ok(None) };
        if STDOUT.iter().any(|name| path == Path::new(name)) {
            return Ok(Some(Self { flag, path: path.clone(), way: Way::Stdout }));
        }
        // what a link leads to is replaced, not the link
        let path = path.canonicalize().unwrap_or_else(|_| path.clone());
        let mut file = Self { flag, path, way: Way::Replaced };
        if file.path.is_dir() {
            return Err(file.failed("it is a folder"));
        }
        let in_place = || std::fs::OpenOptions::new().write(true).open(&file.path).map(drop);
        if is_special(&file.path) {
            in_place().map_err(|error| file.failed(error))?;
            file.way = Way::InPlace;
        } else if let Err(error) = tempfile::NamedTempFile::new_in(file.folder()) {
            in_place().map_err(|_| file.refused(error))?;
            file.way = Way::InPlace;
        }
        Ok(Some(file))
    }

    /// Writes the file.
    pub(crate) fn write(&self, content: &[u8]) -> Result<(), Problem> {
        let written = match self.way {
            Way::Replaced => self.replace(content),
            Way::InPlace => std::fs::write(&self.path, content),
            Way::Stdout => {
                let mut out = std::io::stdout().lock();
                out.write_all(content).and_then(|()| out.flush())
            }
        };
        written.map_err(|error| self.refused(error))
    }

    fn replace(&self, content: &[u8]) -> std::io::Result<()> {
        let mut temporary = tempfile::Builder::new()
            .permissions(permissions(&self.path))
            .tempfile_in(self.folder())?;
        temporary.write_all(content)?;
        temporary.as_file().sync_all()?;
        match temporary.persist(&self.path) {
            Ok(_) => Ok(()),
            // a mounted file can't be renamed over
            Err(_) if self.path.is_file() => std::fs::write(&self.path, content),
            Err(error) => Err(error.error),
        }
    }

    fn folder(&self) -> &Path {
        match self.path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        }
    }

    /// The system's error, without the name of a temporary file, which helps nobody.
    fn refused(&self, error: std::io::Error) -> Problem {
        match error.get_ref() {
            // the system's own words, where they are known
            Some(inner) => match inner.source().and_then(|e| e.downcast_ref::<std::io::Error>()) {
                Some(error) => self.failed(error),
                None => self.failed(std::io::Error::from(error.kind())),
            },
            None => self.failed(error),
        }
    }

    fn failed(&self, why: impl std::fmt::Display) -> Problem {
        Problem::new(
            Code::FileFailed,
            format!("{}: cannot write {}: {why}", self.flag, self.path.display()),
        )
        .hint("Name a file in a folder that exists and that you may write to.")
    }
}

/// The names of our own standard output.
const STDOUT: [&str; 3] = ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"];

/// A pipe or device: written in place.
fn is_special(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|meta| !meta.is_file() && !meta.is_dir())
}

/// What the file has, or what a new one gets: a report holds no secret.
fn permissions(path: &Path) -> std::fs::Permissions {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path)
        .map_or_else(|_| std::fs::Permissions::from_mode(0o644), |meta| meta.permissions())
}

/// The report as its file has it.
pub(crate) fn report(report: &Report) -> Result<Vec<u8>, Problem> {
    let mut text = serde_json::to_vec_pretty(report).map_err(|error| {
        Problem::new(Code::Internal, format!("the report cannot be written: {error}"))
    })?;
    text.push(b'\n');
    Ok(text)
}

/// The images that stand right at their destinations, as rules that make the same run again.
pub(crate) fn images(report: &Report, format: ImagesFormat) -> String {
    let mut rules: Vec<(&str, Vec<&str>)> = Vec::new();
    for image in report.images.iter().filter(|image| ImageReport::stands(image)) {
        match rules.iter_mut().find(|(source, _)| *source == image.source) {
            Some((_, destinations)) => destinations.push(&image.destination),
            None => rules.push((&image.source, vec![&image.destination])),
        }
    }
    match format {
        ImagesFormat::Json => {
            let map: serde_json::Map<String, serde_json::Value> = rules
                .into_iter()
                .map(|(source, destinations)| (source.to_owned(), destinations.into()))
                .collect();
            format!("{:#}\n", serde_json::Value::Object(map))
        }
        ImagesFormat::Yaml if rules.is_empty() => "{}\n".to_owned(),
        ImagesFormat::Yaml => {
            // References hold none of the characters that need escapes; quoted, they are valid YAML whatever they hold.
            let mut text = String::new();
            for (source, destinations) in rules {
                let _ = writeln!(text, "{}:", quoted(source));
                for destination in destinations {
                    let _ = writeln!(text, "  - {}", quoted(destination));
                }
            }
            text
        }
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
