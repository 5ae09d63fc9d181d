//! `make bench-ui`: how soon the window can be used after the program was started, and what it costs while nobody does
//! anything. The release build in its real window, on a screen of its own.
#![allow(missing_docs, unreachable_pub, dead_code, clippy::unwrap_used, clippy::print_stdout)]

#[path = "../window/desktop.rs"]
mod desktop;
#[path = "../window/recorder.rs"]
mod recorder;

use std::{
    collections::HashMap,
    fs,
    io::{BufRead as _, BufReader},
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use desktop::{Bus, Desktop, Group};

const ROUNDS: usize = 7;
const IDLE: Duration = Duration::from_secs(30);
/// What the page asks for to show Home; the answers to the last of them are what it was waiting for.
const HOME: [&str; 4] = ["keyring.status", "runs.list", "profiles.list", "accounts.list"];

fn main() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut times = Vec::new();
    for round in 0..ROUNDS {
        let mut desktop = Desktop::start(Bus::Bare);
        desktop.window_manager();
        runtime.block_on(desktop.keyring(true));
        let (app, took) = launch(&desktop);
        println!(
            "launch {}/{ROUNDS}: Home has all that it shows after {} ms",
            round + 1,
            took.as_millis()
        );
        times.push(took);
        if round + 1 == ROUNDS {
            // what a start leaves to be done is not idleness
            thread::sleep(Duration::from_secs(5));
            let before = used(app.0.id());
            thread::sleep(IDLE);
            let share = used(app.0.id()).saturating_sub(before).as_secs_f64() / IDLE.as_secs_f64();
            println!("idle for {} s: {:.2} % of a core", IDLE.as_secs(), share * 100.0);
        }
    }
    times.sort();
    println!(
        "launch: median {} ms, most {} ms",
        times[ROUNDS / 2].as_millis(),
        times[ROUNDS - 1].as_millis()
    );
}

/// Starts the app, and waits until Home has its answers.
fn launch(desktop: &Desktop) -> (Group, Duration) {
    let begin = Instant::now();
    let mut app = Group::spawn(
        desktop
            .command(env!("CARGO_BIN_EXE_image-syncer-desktop"))
            .env("IMAGE_SYNCER_LOG", "api=debug")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped()),
    );
    let mut missing: Vec<&str> = HOME.to_vec();
    let mut lines = BufReader::new(app.0.stderr.take().unwrap()).lines();
    while !missing.is_empty() {
        let line = lines.next().expect("the app has ended").unwrap();
        missing.retain(|name| !(line.contains("answered") && line.contains(name)));
    }
    let took = begin.elapsed();
    // nobody may wait for room in the pipe
    thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
    (app, took)
}

/// The processor time of a process and all that it has started.
fn used(root: u32) -> Duration {
    let mut parents = HashMap::new();
    let mut ticks = HashMap::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Ok(id) = entry.file_name().to_string_lossy().parse::<u32>() else { continue };
        let text = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        // what follows the name, which is in parentheses
        let fields: Vec<&str> = text.rsplit(") ").next().unwrap_or_default().split(' ').collect();
        let number = |at: usize| fields.get(at).and_then(|it| it.parse::<u64>().ok()).unwrap_or(0);
        parents.insert(id, number(1) as u32);
        ticks.insert(id, number(11) + number(12));
    }
    let is_ours = |mut id: u32| {
        while id != root && id > 1 {
            id = parents.get(&id).copied().unwrap_or(0);
        }
        id == root
    };
    let sum: u64 = ticks.iter().filter(|(id, _)| is_ours(**id)).map(|(_, ticks)| ticks).sum();
    // the kernel counts in hundredths of a second
    Duration::from_millis(sum * 10)
}
