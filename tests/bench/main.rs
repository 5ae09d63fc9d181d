//! `make bench`: ours and every peer that is installed, in the same interleaved rounds over real registries.
//!
//! `BENCH_ROUNDS` (5) and `BENCH_SCENES` (all: `bulk,many,wan,noop,fan,big`) narrow a run; `BENCH_OUT` names the file
//! that the table is written to (`docs/benchmarks.md`).
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::format_push_string,
    clippy::format_collect,
    clippy::print_stdout,
    clippy::print_stderr
)]

mod measure;
mod registries;
mod scenes;
mod table;
mod tools;

use std::{fs, path::Path, process::Command, time::Duration};

use testkit::{
    Registry, Relay,
    tls::{Authority, Flaw},
};

use crate::{
    measure::Cost,
    registries::{Server, Traffic},
    scenes::Scene,
    tools::{Route, Tool},
};

/// One measurement.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    pub cost: Cost,
    pub source: Traffic,
    pub destination: Traffic,
}

fn main() {
    // `cargo bench` hands over flags of its own
    let rounds: usize =
        std::env::var("BENCH_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(5);
    let wanted = std::env::var("BENCH_SCENES").unwrap_or_default();
    let scenes: Vec<Scene> = scenes::ALL
        .into_iter()
        .filter(|scene| wanted.is_empty() || wanted.split(',').any(|name| name == scene.name()))
        .collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let memory = if Path::new("/dev/shm").is_dir() { "/dev/shm" } else { "/tmp" };
    let folder = tempfile::Builder::new().prefix("bench").tempdir_in(memory).unwrap();
    let authority = Authority::new();
    let server = authority.server(Flaw::None);
    fs::write(folder.path().join("cert.pem"), server.pem()).unwrap();
    fs::write(folder.path().join("key.pem"), server.key_pem()).unwrap();
    let ca = folder.path().join("ca.pem");
    fs::write(&ca, authority.pem()).unwrap();

    let tools: Vec<(Tool, String)> = tools::ALL
        .into_iter()
        .filter_map(|tool| tool.version().map(|version| (tool, version)))
        .collect();
    println!("tools: {tools:?}");
    let mut results = Vec::new();
    for scene in scenes {
        let source = Server::start(folder.path(), "source", folder.path());
        seed(&runtime, scene, &source, folder.path(), &ca);
        let mut samples: Vec<(Tool, Vec<Sample>, Option<String>)> =
            tools.iter().map(|(tool, _)| (*tool, Vec::new(), None)).collect();
        for round in 0..rounds {
            for (tool, taken, failure) in &mut samples {
                if failure.is_some() {
                    continue;
                }
                match sample(&runtime, scene, *tool, &source, folder.path(), &ca) {
                    Ok(sample) => {
                        println!(
                            "{} {} {}/{rounds}: {:.3} s wall, {:.3} s cpu, {} MiB, {}+{} requests",
                            scene.name(),
                            tool.name(),
                            round + 1,
                            sample.cost.wall.as_secs_f64(),
                            sample.cost.cpu.as_secs_f64(),
                            sample.cost.peak >> 20,
                            sample.source.requests,
                            sample.destination.requests
                        );
                        taken.push(sample);
                    }
                    Err(error) => {
                        println!("{} {}: {error}", scene.name(), tool.name());
                        *failure = Some(error);
                    }
                }
            }
        }
        results.push((scene, samples));
    }
    let text = table::render(&results, &tools, rounds);
    println!("\n{text}");
    let out = std::env::var("BENCH_OUT").unwrap_or_else(|_| "docs/benchmarks.md".into());
    let out = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..").join(out);
    fs::write(out, text).unwrap();
}

/// Brings a scene's images into the source registry.
fn seed(
    runtime: &tokio::runtime::Runtime,
    scene: Scene,
    source: &Server,
    folder: &Path,
    ca: &Path,
) {
    let origin = runtime.block_on(Registry::start());
    scene.fill(&origin);
    let mut rules = String::new();
    for (repository, _) in scene.images() {
        rules += &format!("{}/{repository}: {}/{repository}\n", origin.host(), source.host());
    }
    let file = folder.join("seed.yaml");
    fs::write(&file, rules).unwrap();
    let status = Command::new(env!("CARGO_BIN_EXE_image-syncer"))
        .args(["-q", "--insecure", origin.host(), "--images"])
        .arg(&file)
        .env("SSL_CERT_FILE", ca)
        .env("HOME", folder)
        .status()
        .unwrap();
    assert!(status.success(), "seeding {}", scene.name());
}

fn sample(
    runtime: &tokio::runtime::Runtime,
    scene: Scene,
    tool: Tool,
    source: &Server,
    folder: &Path,
    ca: &Path,
) -> Result<Sample, String> {
    let home = tempfile::tempdir_in(folder).map_err(|error| error.to_string())?;
    let destinations: Vec<Server> = (0..scene.destinations())
        .map(|n| Server::start(folder, &format!("destination{n}"), folder))
        .collect();
    let mut route = Route {
        scene,
        source: source.host(),
        destinations: destinations.iter().map(Server::host).collect(),
        folder: home.path(),
        ca,
    };
    let mut relays = Vec::new();
    if scene == Scene::Wan {
        for host in std::iter::once(&mut route.source).chain(&mut route.destinations) {
            let relay = runtime
                .block_on(Relay::start(&host.replace("localhost", "127.0.0.1")))
                .map_err(|error| error.to_string())?;
            relay.set_latency(Duration::from_micros(12_500));
            *host = relay.host().replace("127.0.0.1", "localhost");
            relays.push(relay);
        }
    }
    if scene == Scene::Noop {
        measure::run(&mut Tool::Ours.commands(&route))?;
    }
    let mut commands = tool.commands(&route);
    if commands.is_empty() {
        return Err("not measured".into());
    }
    source.forget();
    destinations.iter().for_each(Server::forget);
    let cost = measure::run(&mut commands)?;
    let mut destination = Traffic::default();
    for server in &destinations {
        let traffic = server.traffic();
        destination.requests += traffic.requests;
        destination.blob_bytes += traffic.blob_bytes;
    }
    Ok(Sample { cost, source: source.traffic(), destination })
}
