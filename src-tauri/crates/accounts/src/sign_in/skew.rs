//! Clocks that differ: clouds refuse what was signed minutes ago, or will be.

use std::time::SystemTime;

use registry::{Answered, Error};

/// From how many seconds on a clock is worth a hint: the clouds allow five minutes and more.
const WORTH_TELLING: u64 = 240;

/// Adds what the server's `Date` says about this machine's clock.
pub(super) fn hint(error: Error, answered: &Answered) -> Error {
    match answered.clock_ahead(SystemTime::now()) {
        Some(ahead) if ahead.unsigned_abs() >= WORTH_TELLING => error.hint(text(ahead)),
        _ => error,
    }
}

/// Whether the clocks differ by so much that signatures are refused.
pub(super) fn is_wide(answered: &Answered) -> bool {
    answered
        .clock_ahead(SystemTime::now())
        .is_some_and(|ahead| ahead.unsigned_abs() >= WORTH_TELLING)
}

fn text(ahead: i64) -> String {
    let minutes = ahead.unsigned_abs().div_ceil(60);
    let way = if ahead > 0 { "behind" } else { "ahead of" };
    format!("Set this machine's clock: it is {minutes} minutes {way} the server's.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways() {
        assert_eq!(text(3600), "Set this machine's clock: it is 60 minutes behind the server's.");
        assert_eq!(text(-301), "Set this machine's clock: it is 6 minutes ahead of the server's.");
    }
}
