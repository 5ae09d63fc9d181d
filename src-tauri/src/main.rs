//! The desktop app.

#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

use std::{io::Write as _, process::ExitCode};

use desktop::Args;

const USAGE: &str = "\
Image Syncer, the desktop app: copies container images from registry to registry.

Usage: image-syncer-desktop [--demo]

      --demo     Begin with the demo: two small registries on this computer
  -h, --help     Print help
  -V, --version  Print version

Without a window, use the program `image-syncer`.
";

fn main() -> ExitCode {
    let mut args = Args::default();
    for arg in std::env::args_os().skip(1) {
        match arg.to_str() {
            Some("--demo") => args.demo = true,
            Some("-h" | "--help") => return say(USAGE),
            Some("-V" | "--version") => {
                return say(concat!("image-syncer-desktop ", env!("CARGO_PKG_VERSION"), "\n"));
            }
            _ => {
                let _ = write!(
                    std::io::stderr(),
                    "error: unknown argument '{}'\n\n{USAGE}",
                    arg.display()
                );
                return ExitCode::from(2);
            }
        }
    }
    desktop::run(args)
}

fn say(text: &str) -> ExitCode {
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
