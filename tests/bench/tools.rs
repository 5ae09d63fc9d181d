//! The programs that are compared, each with its own fastest ordinary way of doing a scene, at default settings.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::scenes::Scene;

/// A program that copies images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    Ours,
    /// Ours with `--proc 64`.
    Proc64,
    Skopeo,
    Regctl,
    Regsync,
    Crane,
    Oras,
    /// See [`crate::bare`].
    Bare,
}

pub const ALL: [Tool; 8] = [
    Tool::Ours,
    Tool::Proc64,
    Tool::Skopeo,
    Tool::Regctl,
    Tool::Regsync,
    Tool::Crane,
    Tool::Oras,
    Tool::Bare,
];

/// What makes this program play the bare client.
pub const BARE: &str = "bare-client";

/// Where a measurement copies from and to.
pub struct Route<'a> {
    pub scene: Scene,
    pub source: String,
    pub destinations: Vec<String>,
    /// A fresh folder: HOME of the program, and its files.
    pub folder: &'a Path,
    pub ca: &'a Path,
}

impl Tool {
    pub fn name(self) -> &'static str {
        match self {
            Self::Ours => "image-syncer",
            Self::Proc64 => "image-syncer --proc 64",
            Self::Skopeo => "skopeo",
            Self::Regctl => "regctl",
            Self::Regsync => "regsync",
            Self::Crane => "crane",
            Self::Oras => "oras",
            Self::Bare => BARE,
        }
    }

    pub fn is_ours(self) -> bool {
        matches!(self, Self::Ours | Self::Proc64)
    }

    /// Whether it is a program that people use, and not ours.
    pub fn is_peer(self) -> bool {
        !self.is_ours() && self != Self::Bare
    }

    fn program(self) -> Option<PathBuf> {
        if self.is_ours() {
            return Some(env!("CARGO_BIN_EXE_image-syncer").into());
        }
        if self == Self::Bare {
            return std::env::current_exe().ok();
        }
        let go = std::env::var_os("HOME").map(|home| Path::new(&home).join("go/bin"));
        std::env::var_os("PATH")
            .iter()
            .flat_map(std::env::split_paths)
            .chain(go)
            .map(|folder| folder.join(self.name()))
            .find(|path| path.is_file())
    }

    /// Its version, if it is installed.
    pub fn version(self) -> Option<String> {
        let argument = match self {
            Self::Ours | Self::Proc64 | Self::Skopeo => "--version",
            Self::Bare => return Some(String::new()),
            _ => "version",
        };
        let out = Command::new(self.program()?).arg(argument).output().ok()?;
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        let line = text
            .lines()
            .find(|line| line.contains("Tag:") || line.contains("Version:"))
            .or_else(|| text.lines().next())
            .unwrap_or_default();
        let line = line.trim_start_matches("VCSTag:").trim_start_matches("Version:").trim();
        Some(line.rsplit(' ').next().unwrap_or(line).to_owned())
    }

    /// The commands that do a scene; none where the tool has no sensible way of doing it.
    pub fn commands(self, route: &Route<'_>) -> Vec<Command> {
        let Some(program) = self.program() else { return Vec::new() };
        let command = |arguments: &[String]| {
            let mut command = Command::new(&program);
            command
                .args(arguments)
                .current_dir(route.folder)
                .env_clear()
                .env("HOME", route.folder)
                .env("TMPDIR", route.folder)
                .env("PATH", std::env::var_os("PATH").unwrap_or_default())
                .env("SSL_CERT_FILE", route.ca);
            command
        };
        let images = route.scene.images();
        let each = |make: &dyn Fn(&str, &str) -> Vec<String>| -> Vec<Command> {
            let mut commands = Vec::new();
            for (repository, tags) in &images {
                for tag in tags {
                    for destination in &route.destinations {
                        let from = format!("{}/{repository}:{tag}", route.source);
                        commands.push(command(&make(
                            &from,
                            &format!("{destination}/{repository}:{tag}"),
                        )));
                    }
                }
            }
            commands
        };
        let texts =
            |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        match self {
            Self::Ours | Self::Proc64 => {
                let mut rules = String::new();
                for (repository, _) in &images {
                    rules += &format!("{}/{repository}:\n", route.source);
                    for destination in &route.destinations {
                        rules += &format!("  - {destination}/{repository}\n");
                    }
                }
                fs::write(route.folder.join("images.yaml"), rules).unwrap();
                let mut arguments = texts(&["--images", "images.yaml", "-q"]);
                if self == Self::Proc64 {
                    arguments.extend(texts(&["--proc", "64"]));
                }
                vec![command(&arguments)]
            }
            Self::Skopeo if images.len() > 1 => {
                let mut rules = format!("{}:\n  images:\n", route.source);
                for (repository, tags) in &images {
                    rules += &format!("    {repository}: {tags:?}\n");
                }
                fs::write(route.folder.join("sync.yaml"), rules).unwrap();
                let destination = &route.destinations[0];
                vec![command(&texts(&[
                    "sync",
                    "--all",
                    "--src",
                    "yaml",
                    "--dest",
                    "docker",
                    "sync.yaml",
                    destination,
                ]))]
            }
            Self::Skopeo => each(&|from, to| {
                texts(&[
                    "copy",
                    "--all",
                    "-q",
                    &format!("docker://{from}"),
                    &format!("docker://{to}"),
                ])
            }),
            Self::Regsync => {
                let mut config = String::from("version: 1\nsync:\n");
                for (repository, _) in &images {
                    for destination in &route.destinations {
                        config += &format!(
                            "  - source: {}/{repository}\n    target: {destination}/{repository}\n    type: repository\n",
                            route.source
                        );
                    }
                }
                fs::write(route.folder.join("regsync.yml"), config).unwrap();
                vec![command(&texts(&["once", "-c", "regsync.yml"]))]
            }
            Self::Regctl => each(&|from, to| texts(&["image", "copy", from, to])),
            Self::Crane if images.len() > 1 => {
                let mut commands = Vec::new();
                for (repository, _) in &images {
                    let (from, to) =
                        (format!("{}/{repository}", route.source), &route.destinations[0]);
                    commands.push(command(&texts(&[
                        "copy",
                        "--all-tags",
                        &from,
                        &format!("{to}/{repository}"),
                    ])));
                }
                commands
            }
            Self::Crane => each(&|from, to| texts(&["copy", from, to])),
            Self::Bare => {
                vec![command(&texts(&[BARE, &route.source, &route.destinations[0]]))]
            }
            // it takes what is on localhost to speak plain HTTP
            Self::Oras => each(&|from, to| {
                texts(&["copy", "--from-plain-http=false", "--to-plain-http=false", from, to])
            }),
        }
    }
}
