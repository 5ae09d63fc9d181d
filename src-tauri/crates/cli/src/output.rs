//! The files that a run writes: the report, and the images that stand right. Both are checked before anything runs and
//! replace what was there at once.

use std::{
    fmt::Write as _,
    io::Write as _,
    path::{Path, PathBuf},
};

use engine::{ImageReport, Report};
use registry::Code;

use crate::{args::ImagesFormat, problem::Problem};

/// A file to be written at the end.
#[derive(Debug)]
pub(crate) struct OutputFile {
    flag: &'static str,
    path: PathBuf,
}

impl OutputFile {
    /// Makes sure that the file can be written, without changing it.
    pub(crate) fn check(
        flag: &'static str,
        path: Option<&PathBuf>,
    ) -> Result<Option<Self>, Problem> {
        let Some(path) = path else { return Ok(None) };
        let file = Self { flag, path: path.clone() };
        if path.is_dir() {
            return Err(file.failed("it is a folder"));
        }
        if is_special(path) {
            std::fs::OpenOptions::new()
                .write(true)
                .open(path)
                .map_err(|error| file.failed(error))?;
        } else {
            tempfile::NamedTempFile::new_in(file.folder()).map_err(|error| file.failed(error))?;
        }
        Ok(Some(file))
    }

    /// Writes the file whole or not at all.
    pub(crate) fn write(&self, content: &[u8]) -> Result<(), Problem> {
        if is_special(&self.path) {
            return std::fs::write(&self.path, content).map_err(|error| self.failed(error));
        }
        let write = || {
            let mut temporary = tempfile::Builder::new()
                .permissions(permissions(&self.path))
                .tempfile_in(self.folder())?;
            temporary.write_all(content)?;
            temporary.as_file().sync_all()?;
            temporary.persist(&self.path).map_err(|error| error.error)?;
            Ok(())
        };
        write().map_err(|error: std::io::Error| self.failed(error))
    }

    fn folder(&self) -> &Path {
        match self.path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
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

/// A pipe or device, such as `/dev/stdout`: written in place.
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
