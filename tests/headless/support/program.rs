//! The built `image-syncer`, run in a folder and an environment of its own.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::Value;

/// A private folder to run the program in: its HOME, its files.
pub struct Program {
    home: tempfile::TempDir,
    environment: Vec<(String, String)>,
}

/// What a run left.
#[derive(Debug)]
pub struct Finished {
    /// The exit status; minus the signal's number where a signal ended it.
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Program {
    pub fn new() -> Self {
        Self { home: tempfile::tempdir().unwrap(), environment: Vec::new() }
    }

    /// A path in the private folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Writes a file into the private folder.
    pub fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// A file that was written as JSON.
    pub fn json(&self, name: &str) -> Value {
        serde_json::from_str(&self.read(name)).unwrap()
    }

    /// Sets a variable of the program's environment.
    pub fn env(&mut self, name: &str, value: impl Into<String>) {
        self.environment.push((name.to_owned(), value.into()));
    }

    /// The program with arguments, ready to be started.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_image-syncer"));
        command
            .args(arguments)
            .current_dir(self.home.path())
            .env_clear()
            .env("HOME", self.home.path())
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs the program to its end.
    pub fn run(&self, arguments: &[&str]) -> Finished {
        // registries of the same test are served by the other threads meanwhile
        tokio::task::block_in_place(|| self.command(arguments).output()).unwrap().into()
    }

    /// Writes `images.yaml` (and `auth.yaml`), and runs it with a report in `report.json`. Registries on loopback of
    /// which the auth file says nothing may speak plain HTTP.
    pub fn sync(&self, images: &str, auth: &str, more: &[&str]) -> Finished {
        self.write("images.yaml", images);
        self.write("auth.yaml", auth);
        let plain: Vec<&str> = images
            .split(|c: char| c.is_whitespace() || "/\"'[]{},".contains(c))
            .filter(|word| word.starts_with("127.0.0.1:") && !auth.contains(word))
            .collect();
        let plain = plain.join(",");
        let mut arguments =
            vec!["--images", "images.yaml", "--auth", "auth.yaml", "--report", "report.json"];
        if !plain.is_empty() {
            arguments.extend(["--insecure", &plain]);
        }
        arguments.extend(more);
        self.run(&arguments)
    }

    pub fn report(&self) -> Value {
        self.json("report.json")
    }

    /// Every file below the private folder, for a search for what must not be there.
    pub fn files(&self) -> Vec<PathBuf> {
        fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { walk(&path, found) } else { found.push(path) }
            }
        }
        let mut found = Vec::new();
        walk(self.home.path(), &mut found);
        found
    }
}

impl From<Output> for Finished {
    fn from(output: Output) -> Self {
        use std::os::unix::process::ExitStatusExt;
        Self {
            code: output.status.code().unwrap_or_else(|| -output.status.signal().unwrap_or(0)),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Finished {
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(
            self.code, code,
            "exit status\n--- stdout\n{}--- stderr\n{}",
            self.stdout, self.stderr
        );
        self
    }

    /// Every one of these texts is on standard error.
    #[track_caller]
    pub fn says(self, texts: &[&str]) -> Self {
        for text in texts {
            assert!(self.stderr.contains(text), "no {text:?} in\n{}", self.stderr);
        }
        self
    }
}

/// The images of a report, as (source, destination, status).
pub fn rows(report: &Value) -> Vec<(String, String, String)> {
    let text = |image: &Value, field: &str| image[field].as_str().unwrap().to_owned();
    report["images"]
        .as_array()
        .unwrap()
        .iter()
        .map(|image| (text(image, "source"), text(image, "destination"), text(image, "status")))
        .collect()
}
