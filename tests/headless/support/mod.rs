//! What the tests stand on: the binary, real registries, skopeo.

pub mod docker_registry;
pub mod program;
pub mod skopeo;

pub use docker_registry::DockerRegistry;
pub use program::{Finished, Program};

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
