//! One program run once: wall time, processor time and peak memory by the kernel's own account.

use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use wait4::Wait4;

/// What a run cost.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    pub wall: Duration,
    pub cpu: Duration,
    /// Bytes; the largest single process.
    pub peak: u64,
}

/// Runs commands one after the other as one measurement; the first failure ends it.
pub fn run(commands: &mut [Command]) -> Result<Cost, String> {
    let mut cost = Cost::default();
    let start = Instant::now();
    for command in commands {
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(tempfile::tempfile().map_err(|e| e.to_string())?)
            .spawn()
            .map_err(|error| format!("{command:?}: {error}"))?;
        let used = child.wait4().map_err(|error| format!("{command:?}: {error}"))?;
        if !used.status.success() {
            return Err(format!("{command:?}: {}", used.status));
        }
        cost.cpu += used.rusage.utime + used.rusage.stime;
        cost.peak = cost.peak.max(used.rusage.maxrss);
    }
    cost.wall = start.elapsed();
    Ok(cost)
}

/// The value in the middle.
pub fn median<T: PartialOrd + Copy>(values: &[T]) -> T {
    let mut sorted = values.to_vec();
    sorted.sort_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
    sorted[sorted.len() / 2]
}
