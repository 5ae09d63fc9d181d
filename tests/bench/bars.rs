//! What we hold ourselves to, and whether it is met.

use std::fmt::Write as _;

use crate::{Sample, Taken, measure::median, scenes::Scene, table::cores, tools::Tool};

/// One bar.
struct Bar {
    scene: Option<Scene>,
    what: &'static str,
    limit: f64,
    /// What was measured, where it was.
    measured: Option<f64>,
    /// What would have been measured if we had cost nothing: the registries' own processor time, spread over all cores.
    least: Option<f64>,
    unit: &'static str,
}

const AGAINST_SKOPEO: &str = "wall against skopeo's";

/// The results of a run.
pub type Results = [(Scene, Vec<Taken>)];

/// The table of bars.
pub fn render(results: &Results) -> String {
    let mut text = String::from(
        "| scene | bar | limit | measured | registries alone | met |\n|---|---|---:|---:|---:|---|\n",
    );
    for Bar { scene, what, limit, measured, least, unit } in bars(results) {
        let scene = scene.map_or("all", Scene::name);
        let number = |value: f64| match unit {
            "x" => format!("{value:.3} x"),
            "MiB" => format!("{value:.1} MiB"),
            _ => format!("{value:.0} {unit}").trim_end().to_owned(),
        };
        let (shown, met) = match measured {
            None => ("not measured".into(), "–"),
            Some(value) if value <= limit => (number(value), "yes"),
            Some(value) => (number(value), "**no**"),
        };
        let least = least.map(number).unwrap_or_default();
        let limit = number(limit);
        let _ = writeln!(text, "| {scene} | {what} | {limit} | {shown} | {least} | {met} |");
    }
    text
}

fn bars(results: &Results) -> Vec<Bar> {
    let wall = |s: &Sample| s.cost.wall.as_secs_f64();
    let cpu = |s: &Sample| s.cost.cpu.as_secs_f64();
    let peak = |s: &Sample| s.cost.peak as f64 / 1_048_576.0;
    let ours = |scene, get: &dyn Fn(&Sample) -> f64| of(results, scene, Tool::Ours, get);
    let skopeo = |scene, get: &dyn Fn(&Sample) -> f64| {
        Some(ours(scene, get)? / of(results, scene, Tool::Skopeo, get)?)
    };
    // the fastest of all, skopeo too
    let peers = |scene| {
        let taken = &results.iter().find(|(of, _)| *of == scene)?.1;
        let them = taken.iter().filter(|taken| taken.tool.is_peer() && !taken.samples.is_empty());
        let fastest = them.filter_map(|t| of(results, scene, t.tool, &wall)).reduce(f64::min)?;
        Some(ours(scene, &wall)? / fastest)
    };
    let alone = |scene| {
        let servers = |s: &Sample| s.servers.as_secs_f64() / cores() as f64;
        Some(ours(scene, &servers)? / of(results, scene, Tool::Skopeo, &wall)?)
    };
    let highest = |tool| {
        let scenes = results.iter().map(|(scene, _)| *scene);
        // a scene of our own, to know the worst: the bars are for the others
        let scenes = scenes.filter(|scene| *scene != Scene::Wide);
        scenes.filter_map(|scene| of(results, scene, tool, &peak)).reduce(f64::max)
    };
    let bar = |scene: Option<Scene>, what, limit, measured, unit| {
        let is_wall = what == AGAINST_SKOPEO;
        let least = scene.filter(|_| is_wall).and_then(alone);
        Bar { scene, what, limit, measured, least, unit }
    };
    let (bulk, many, noop, fan) =
        (Some(Scene::Bulk), Some(Scene::Many), Some(Scene::Noop), Some(Scene::Fan));
    let source = |s: &Sample| s.source.requests as f64;
    let destination = |s: &Sample| s.destination.requests as f64;
    // what the source gives out beyond the image is its config
    let times = |s: &Sample| (s.source.blob_bytes >> 20) as f64 / 288.0;
    vec![
        bar(bulk, "CPU against skopeo's", 0.55, skopeo(Scene::Bulk, &cpu), "x"),
        bar(bulk, AGAINST_SKOPEO, 1.0, skopeo(Scene::Bulk, &wall), "x"),
        bar(bulk, "wall against the fastest peer's", 1.05, peers(Scene::Bulk), "x"),
        bar(many, AGAINST_SKOPEO, 0.175, skopeo(Scene::Many, &wall), "x"),
        bar(many, "wall against the fastest peer's", 1.0, peers(Scene::Many), "x"),
        bar(many, "requests at the destination", 780.0, ours(Scene::Many, &destination), ""),
        bar(many, "requests at the source", 390.0, ours(Scene::Many, &source), ""),
        bar(Some(Scene::Wan), AGAINST_SKOPEO, 0.015, skopeo(Scene::Wan, &wall), "x"),
        bar(
            noop,
            "requests over both sides",
            175.0,
            ours(Scene::Noop, &|s| source(s) + destination(s)),
            "",
        ),
        bar(noop, AGAINST_SKOPEO, 0.16, skopeo(Scene::Noop, &wall), "x"),
        bar(fan, AGAINST_SKOPEO, 0.65, skopeo(Scene::Fan, &wall), "x"),
        bar(
            fan,
            "blob bytes from the source against the image's",
            1.0,
            ours(Scene::Fan, &times),
            "x",
        ),
        bar(
            fan,
            "bytes written to files",
            0.0,
            ours(Scene::Fan, &|s| s.cost.written as f64),
            "bytes",
        ),
        bar(None, "peak memory", 32.0, highest(Tool::Ours), "MiB"),
        bar(None, "peak memory with `--proc 64`", 64.0, highest(Tool::Proc64), "MiB"),
    ]
}

/// A median, if the tool was measured in the scene.
fn of(results: &Results, scene: Scene, tool: Tool, get: &dyn Fn(&Sample) -> f64) -> Option<f64> {
    let taken = &results.iter().find(|(of, _)| *of == scene)?.1;
    let samples = &taken.iter().find(|taken| taken.tool == tool)?.samples;
    let values: Vec<f64> = samples.iter().map(get).collect();
    (!values.is_empty()).then(|| median(&values))
}
