//! The app in its real window, as a user meets it: each test has a screen, a session bus, a home and, where it is meant
//! to have one, a keyring of its own. The page is driven through WebKitWebDriver; registries are Debian's.
#![expect(clippy::unwrap_used, reason = "what is not there fails the test")]

mod app;
mod demo;
mod desktop;
mod dialogs;
#[path = "../headless/support/docker_registry.rs"]
#[expect(unreachable_pub, dead_code, reason = "it belongs to the headless tests")]
mod docker_registry;
mod hand;
mod import;
mod keyboard;
mod keyring;
mod login;
mod migration;
mod outside;
mod quit;
mod readme;
mod recorder;
mod shell;
#[path = "../headless/support/skopeo.rs"]
#[expect(unreachable_pub, reason = "it belongs to the headless tests")]
mod skopeo;
mod story;
mod world;
