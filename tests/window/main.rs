//! The app in its real window, as a user meets it: each test has a screen, a session bus, a home and, where it is meant
//! to have one, a keyring of its own. The page is driven through WebKitWebDriver; registries are Debian's.

mod app;
mod demo;
mod desktop;
#[path = "../headless/support/docker_registry.rs"]
#[expect(dead_code, reason = "the headless tests ask it more")]
mod docker_registry;
mod import;
mod keyboard;
mod keyring;
mod login;
mod quit;
mod shell;
#[path = "../headless/support/skopeo.rs"]
mod skopeo;
mod story;
mod world;
