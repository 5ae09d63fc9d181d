//! What is on the other end of our output.

use std::io::{self, IsTerminal};

/// Whether bars can be drawn on standard error.
pub(crate) fn bars_on_stderr() -> bool {
    io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Whether standard error takes colour.
pub(crate) fn colour_on_stderr() -> bool {
    bars_on_stderr() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
