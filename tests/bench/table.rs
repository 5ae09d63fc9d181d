//! The results as a page of the documentation.

use std::fmt::Write as _;

use crate::{Sample, measure::median, scenes::Scene, tools::Tool};

type Results = [(Scene, Vec<(Tool, Vec<Sample>, Option<String>)>)];

pub fn render(results: &Results, tools: &[(Tool, String)], rounds: usize) -> String {
    let mut text = String::from("# Benchmarks\n\nWritten by `make bench`; don't edit by hand.\n\n");
    let _ = writeln!(
        text,
        "Real registries (Debian's docker-registry, TLS, data in memory) on loopback; every tool at default settings, in\n\
         interleaved rounds on one machine; medians of {rounds}. Absolute times say little on a shared machine, the ratios in\n\
         one table do.\n"
    );
    let _ = writeln!(text, "- Machine: {}", machine());
    let versions: Vec<String> =
        tools.iter().map(|(tool, version)| format!("{} {version}", tool.name())).collect();
    let _ = writeln!(text, "- Versions: {}\n", versions.join(", "));
    for (scene, tools) in results {
        let _ = writeln!(text, "## {}\n", scene.name());
        let _ = writeln!(text, "{}\n", about(*scene));
        text += "| tool | wall s | x skopeo | CPU s | x skopeo | peak MiB | requests at source | at destination | source blob MiB |\n";
        text += "|---|---:|---:|---:|---:|---:|---:|---:|---:|\n";
        let of = |samples: &[Sample], get: &dyn Fn(&Sample) -> f64| {
            median(&samples.iter().map(get).collect::<Vec<_>>())
        };
        let reference =
            tools.iter().find(|(tool, taken, _)| *tool == Tool::Skopeo && !taken.is_empty());
        for (tool, taken, failure) in tools {
            if taken.is_empty() {
                let _ = writeln!(
                    text,
                    "| {} | {} ||||||||",
                    tool.name(),
                    failure.as_deref().unwrap_or("not measured")
                );
                continue;
            }
            let wall = |s: &Sample| s.cost.wall.as_secs_f64();
            let cpu = |s: &Sample| s.cost.cpu.as_secs_f64();
            let ratio = |get: &dyn Fn(&Sample) -> f64| {
                reference.map_or_else(String::new, |(_, them, _)| {
                    format!("{:.3}", of(taken, get) / of(them, get))
                })
            };
            let _ = writeln!(
                text,
                "| {} | {:.3} | {} | {:.3} | {} | {:.1} | {:.0} | {:.0} | {:.1} |",
                tool.name(),
                of(taken, &wall),
                ratio(&wall),
                of(taken, &cpu),
                ratio(&cpu),
                of(taken, &|s| s.cost.peak as f64 / 1_048_576.0),
                of(taken, &|s| s.source.requests as f64),
                of(taken, &|s| s.destination.requests as f64),
                of(taken, &|s| s.source.blob_bytes as f64 / 1_048_576.0),
            );
        }
        text.push('\n');
    }
    text
}

fn about(scene: Scene) -> &'static str {
    match scene {
        Scene::Bulk => "One image of 4 layers of 128 MiB.",
        Scene::Many => "12 repositories of 6 tags each, which share base layers.",
        Scene::Wan => "The same through relays that add 12.5 ms each way on both sides.",
        Scene::Noop => "The same again, everything being at the destination.",
        Scene::Fan => "One image of 3 layers of 96 MiB to 3 destinations.",
        Scene::Big => "One image with one layer of 4 GiB.",
    }
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
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = read("/proc/meminfo")
        .lines()
        .find_map(|line| {
            line.strip_prefix("MemTotal:")
                .and_then(|rest| rest.trim().split(' ').next()?.parse::<u64>().ok())
        })
        .unwrap_or(0);
    format!("{model}, {cores} cores, {:.0} GiB", memory as f64 / 1_048_576.0)
}
