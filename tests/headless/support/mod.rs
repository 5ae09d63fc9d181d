//! What the tests stand on: the binary, real registries, skopeo.

pub mod app;
pub mod docker_registry;
pub mod keyring;
pub mod program;
pub mod skopeo;
pub mod terminal;

pub use docker_registry::DockerRegistry;
pub use keyring::Keyring;
pub use program::{Finished, Program};
pub use terminal::Terminal;

/// Debian's programs that tests need are always there in CI; elsewhere a test that lacks one says so and passes.
pub fn have(programs: &[&str]) -> bool {
    for program in programs {
        let found = std::env::var_os("PATH").is_some_and(|path| {
            std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
        });
        if !found {
            assert!(std::env::var_os("CI").is_none(), "{program} is not installed");
            eprintln!("skipped: {program} is not installed");
            return false;
        }
    }
    true
}

/// A program that is optional, in the `PATH` or where `go install` puts it. A test that lacks it says so and passes.
pub fn installed(program: &str) -> Option<std::path::PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let home = std::env::var_os("HOME").map(|home| std::path::PathBuf::from(home).join("go/bin"));
    let found = std::env::split_paths(&path)
        .chain(home)
        .map(|folder| folder.join(program))
        .find(|path| path.is_file());
    if found.is_none() {
        // past the harness, which keeps what passing tests print
        use std::io::Write as _;
        let _ =
            writeln!(std::io::stderr(), "skipped: {program} is not installed (.ci/setup peers)");
    }
    found
}
