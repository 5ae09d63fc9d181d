//! One program run once: wall time, processor time, peak memory and what it wrote, by the kernel's own account.

use std::{
    fs::File,
    io::{Read as _, Seek as _, SeekFrom},
    path::Path,
    process::{Command, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use wait4::Wait4;

/// How often a running program is looked at. Each look costs the machine about 50 µs, which the program then lacks.
const GLANCE: Duration = Duration::from_millis(10);

/// What a run cost.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    pub wall: Duration,
    pub cpu: Duration,
    /// Bytes of memory, of the largest single process; what it takes in the last [`GLANCE`] is not seen.
    pub peak: u64,
    /// Bytes that went towards a disk, and bytes of files left in the program's folder.
    pub written: u64,
}

/// Runs commands one after the other as one measurement; the first failure ends it. They have `home`, which is on a
/// disk, for their files; what they say on standard error is kept in `memory`.
pub fn run(commands: &mut [Command], home: &Path, memory: &Path) -> Result<Cost, String> {
    let mut cost = Cost::default();
    let before = size_of(home);
    for command in commands {
        let said = tempfile::tempfile_in(memory).map_err(|error| error.to_string())?;
        let stderr = said.try_clone().map_err(|error| error.to_string())?;
        let name = command.get_program().to_string_lossy().into_owned();
        let start = Instant::now();
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(stderr)
            .spawn()
            .map_err(|error| format!("{name}: {error}"))?;
        let (process, pid) = (child.id(), Pid::from_child(&child));
        let (running, ended) = mpsc::channel();
        cost.peak = cost.peak.max(thread::scope(|scope| {
            let peak = scope.spawn(move || peak(process, &ended));
            // it has ended, but the kernel still knows what it wrote
            let over = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
            cost.wall += start.elapsed();
            over.map_err(|error| format!("{name}: {error}"))?;
            drop(running);
            Ok::<_, String>(peak.join().unwrap())
        })?);
        cost.written += field(process, "io", "write_bytes:").unwrap_or_default();
        let used = child.wait4().map_err(|error| format!("{name}: {error}"))?;
        if !used.status.success() {
            return Err(format!("{}: {}", used.status, last_line(said)));
        }
        cost.cpu += used.rusage.utime + used.rusage.stime;
    }
    cost.written += size_of(home).saturating_sub(before);
    Ok(cost)
}

/// The peak memory of a process, which is looked at until it has ended. What the kernel tells at the end (`ru_maxrss`)
/// will not do: it begins with the size of the process that started the program.
fn peak(process: u32, ended: &Receiver<()>) -> u64 {
    let mut peak = 0;
    while ended.recv_timeout(GLANCE) == Err(RecvTimeoutError::Timeout) {
        if let Some(kib) = field(process, "status", "VmHWM:") {
            peak = peak.max(kib << 10);
        }
    }
    peak
}

/// The processor time that a process has used so far.
pub fn used(process: u32) -> Duration {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // what follows the program's name, which is in parentheses; the kernel counts in hundredths of a second
    let fields = text.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: u64 = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

/// The number behind a name in a file of `/proc`.
fn field(process: u32, file: &str, name: &str) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{process}/{file}")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Bytes of all files in a folder.
fn size_of(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let size = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(data) if data.is_dir() => size_of(&entry.path()),
        Ok(data) => data.len(),
        Err(_) => 0,
    };
    entries.map(size).sum()
}

/// Why a program failed, in its own last words.
fn last_line(mut said: File) -> String {
    let mut text = Vec::new();
    let _ = said.seek(SeekFrom::Start(0)).and_then(|_| said.read_to_end(&mut text));
    let text = String::from_utf8_lossy(&text);
    let line = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("no word");
    line.trim().chars().filter(|c| *c != '|').take(200).collect()
}

/// The value in the middle.
pub fn median<T: PartialOrd + Copy>(values: &[T]) -> T {
    let mut sorted = values.to_vec();
    sorted.sort_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
    sorted[sorted.len() / 2]
}
