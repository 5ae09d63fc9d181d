//! The results as a page of the documentation.

use std::fmt::Write as _;

use crate::{
    Sample, Taken,
    bars::{self, Results},
    measure::median,
    tools::Tool,
};

/// What the numbers mean, and where their limits are.
const NOTES: &str = include_str!("notes.md");

pub fn render(results: &Results, tools: &[(Tool, String)], rounds: usize, load: &str) -> String {
    let mut text = String::from("# Benchmarks\n\nWritten by `make bench`; don't edit by hand.\n\n");
    let _ = writeln!(
        text,
        "Real registries (Debian's docker-registry, TLS, data in memory) on loopback; every tool at default settings, in\n\
         interleaved rounds on one machine; medians of {rounds}, or of fewer where the table says so: who takes long is not\n\
         run in every round, unless a bar compares us with it. Absolute times say little on a shared machine, the ratios in\n\
         one table do.\n"
    );
    let _ = writeln!(text, "- Machine: {}", machine());
    let load: Vec<_> = load.split(' ').take(3).collect();
    let _ = writeln!(text, "- Load when it began: {}", load.join(", "));
    let versions: Vec<String> = tools
        .iter()
        .filter(|(tool, _)| *tool == Tool::Ours || tool.is_peer())
        .map(|(tool, version)| format!("{} {version}", tool.name()))
        .collect();
    let _ = writeln!(text, "- Versions: {}\n", versions.join(", "));
    let _ = writeln!(text, "## Bars\n\n{}\n{}", bars::render(results), NOTES.trim_end());
    for (scene, taken) in results {
        let _ = writeln!(text, "\n## {}\n\n{}\n", scene.name(), scene.about());
        text += "| tool | wall s | x skopeo | CPU s | x skopeo | registries' CPU s | cores busy | peak MiB | requests at source | at destination | source blob MiB | rounds |\n";
        text += "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n";
        let reference = taken.iter().find(|t| t.tool == Tool::Skopeo && !t.samples.is_empty());
        for one in taken {
            row(&mut text, one, reference);
        }
    }
    text
}

fn row(text: &mut String, taken: &Taken, reference: Option<&Taken>) {
    let Taken { tool, samples, failure } = taken;
    if let Some(failure) = failure {
        let _ = writeln!(text, "| {} | {failure} |||||||||||", tool.name());
        return;
    }
    let of = |samples: &[Sample], get: &dyn Fn(&Sample) -> f64| {
        median(&samples.iter().map(get).collect::<Vec<_>>())
    };
    let wall = |s: &Sample| s.cost.wall.as_secs_f64();
    let cpu = |s: &Sample| s.cost.cpu.as_secs_f64();
    let servers = |s: &Sample| s.servers.as_secs_f64();
    let ratio = |get: &dyn Fn(&Sample) -> f64| {
        reference.map_or_else(String::new, |them| {
            format!("{:.3}", of(samples, get) / of(&them.samples, get))
        })
    };
    let _ = writeln!(
        text,
        "| {} | {:.3} | {} | {:.3} | {} | {:.3} | {:.0} % | {:.1} | {:.0} | {:.0} | {:.1} | {} |",
        tool.name(),
        of(samples, &wall),
        ratio(&wall),
        of(samples, &cpu),
        ratio(&cpu),
        of(samples, &servers),
        of(samples, &|s| 100.0 * (cpu(s) + servers(s)) / wall(s) / cores() as f64),
        of(samples, &|s| s.cost.peak as f64 / 1_048_576.0),
        of(samples, &|s| s.source.requests as f64),
        of(samples, &|s| s.destination.requests as f64),
        of(samples, &|s| s.source.blob_bytes as f64 / 1_048_576.0),
        samples.len(),
    );
}

pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let model = cpu
        .lines()
        .find_map(|line| {
            line.strip_prefix("model name")
                .map(|rest| rest.trim_start_matches([' ', '\t', ':']).to_owned())
        })
        .unwrap_or_default();
    let cores = cores();
    let memory = read("/proc/meminfo")
        .lines()
        .find_map(|line| {
            line.strip_prefix("MemTotal:")
                .and_then(|rest| rest.trim().split(' ').next()?.parse::<u64>().ok())
        })
        .unwrap_or(0);
    format!("{model}, {cores} cores, {:.0} GiB", memory as f64 / 1_048_576.0)
}
