//! `make bench`: ours and every peer that is installed, in the same interleaved rounds over real registries.
//!
//! `BENCH_ROUNDS` (5), `BENCH_SCENES` (all: `bulk,many,wan,noop,fan,big,wide`) and `BENCH_TOOLS` (all that are
//! installed: `image-syncer,skopeo,…`) narrow a run; `BENCH_OUT` names the file that the tables are written to
//! (`docs/benchmarks.md`).
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::format_push_string,
    clippy::format_collect,
    clippy::print_stdout,
    clippy::print_stderr
)]

mod bare;
mod bars;
mod measure;
mod registries;
mod scenes;
mod table;
mod tools;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use testkit::{
    Registry, Relay,
    tls::{Authority, Flaw},
};
use tokio::runtime::Runtime;

use crate::{
    measure::Cost,
    registries::{Server, Traffic},
    scenes::Scene,
    tools::{Route, Tool},
};

/// Who takes longer than this is measured once or twice instead of in every round, unless a bar compares us with it.
const LONG: Duration = Duration::from_secs(8);
const VERY_LONG: Duration = Duration::from_secs(25);

/// One measurement.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    pub cost: Cost,
    /// Processor time of the registries, and of the relays between.
    pub servers: Duration,
    pub source: Traffic,
    pub destination: Traffic,
}

/// What came of a tool in a scene.
#[derive(Debug)]
pub struct Taken {
    pub tool: Tool,
    pub samples: Vec<Sample>,
    pub failure: Option<String>,
}

/// What is the same for all measurements.
struct Bench {
    runtime: Runtime,
    /// In memory: the registries' data and certificates.
    memory: PathBuf,
    ca: PathBuf,
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, name, source, destination] = &arguments[..]
        && name == tools::BARE
    {
        let ca = std::env::var_os("SSL_CERT_FILE").unwrap();
        return bare::run(source, destination, Path::new(&ca));
    }
    // `cargo bench` hands over flags of its own
    let rounds: usize =
        std::env::var("BENCH_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(5);
    let wanted = |variable: &str, name: &str| {
        let names = std::env::var(variable).unwrap_or_default();
        names.is_empty() || names.split(',').any(|wanted| wanted == name)
    };
    let shm = if Path::new("/dev/shm").is_dir() { "/dev/shm" } else { "/tmp" };
    let folder = tempfile::Builder::new().prefix("bench").tempdir_in(shm).unwrap();
    let authority = Authority::new();
    let server = authority.server(Flaw::None);
    fs::write(folder.path().join("cert.pem"), server.pem()).unwrap();
    fs::write(folder.path().join("key.pem"), server.key_pem()).unwrap();
    let ca = folder.path().join("ca.pem");
    fs::write(&ca, authority.pem()).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let bench = Bench { runtime, memory: folder.path().to_owned(), ca };

    let tools: Vec<(Tool, String)> = tools::ALL
        .into_iter()
        .filter(|tool| wanted("BENCH_TOOLS", tool.name()))
        .filter_map(|tool| tool.version().map(|version| (tool, version)))
        .collect();
    println!("tools: {tools:?}");
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let mut results = Vec::new();
    for scene in scenes::ALL.into_iter().filter(|scene| wanted("BENCH_SCENES", scene.name())) {
        results.push((scene, bench.play(scene, &tools, rounds)));
    }
    let text = table::render(&results, &tools, rounds, &load);
    println!("\n{text}");
    let out = std::env::var("BENCH_OUT").unwrap_or_else(|_| "docs/benchmarks.md".into());
    let out = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..").join(out);
    fs::write(out, text).unwrap();
}

impl Bench {
    /// All rounds of a scene.
    fn play(&self, scene: Scene, tools: &[(Tool, String)], rounds: usize) -> Vec<Taken> {
        let source = Server::start(&self.memory, "source", &self.memory);
        self.seed(scene, &source);
        let mut all: Vec<Taken> = tools
            .iter()
            .filter(|(tool, _)| scene.has(*tool))
            .map(|(tool, _)| Taken { tool: *tool, samples: Vec::new(), failure: None })
            .collect();
        for round in 0..rounds {
            // who comes first in one round comes last in the next: nobody always follows the same one
            for turn in 0..all.len() {
                let next = (round + turn) % all.len();
                let taken = &mut all[next];
                if taken.failure.is_some() || round >= enough(scene, taken, rounds) {
                    continue;
                }
                match self.sample(scene, taken.tool, &source) {
                    Ok(sample) => {
                        println!(
                            "{} {} {}/{rounds}: {:.3} s wall, {:.3} s cpu, {:.3} s registries' cpu, {:.1} MiB, {}+{} requests, {} bytes written",
                            scene.name(),
                            taken.tool.name(),
                            round + 1,
                            sample.cost.wall.as_secs_f64(),
                            sample.cost.cpu.as_secs_f64(),
                            sample.servers.as_secs_f64(),
                            sample.cost.peak as f64 / 1_048_576.0,
                            sample.source.requests,
                            sample.destination.requests,
                            sample.cost.written,
                        );
                        taken.samples.push(sample);
                    }
                    Err(error) => {
                        println!("{} {}: {error}", scene.name(), taken.tool.name());
                        taken.failure = Some(error);
                    }
                }
            }
        }
        all
    }

    /// Brings a scene's images into the source registry.
    fn seed(&self, scene: Scene, source: &Server) {
        let origin = self.runtime.block_on(Registry::start());
        scene.fill(&origin);
        let mut rules = String::new();
        for (repository, _) in scene.images() {
            rules += &format!("{}/{repository}: {}/{repository}\n", origin.host(), source.host());
        }
        let (images, auth) = (self.memory.join("seed.yaml"), self.memory.join("seed-auth.json"));
        fs::write(&images, rules).unwrap();
        // the registry in this process speaks plain HTTP
        fs::write(&auth, format!("{{\"{}\": {{\"insecure\": true}}}}", origin.host())).unwrap();
        let status = Command::new(env!("CARGO_BIN_EXE_image-syncer"))
            .arg("-q")
            .args([Path::new("--images"), &images, Path::new("--auth"), &auth])
            .env("SSL_CERT_FILE", &self.ca)
            .env("HOME", &self.memory)
            .status()
            .unwrap();
        assert!(status.success(), "seeding {}", scene.name());
    }

    fn sample(&self, scene: Scene, tool: Tool, source: &Server) -> Result<Sample, String> {
        // on a disk, so that the kernel tells what is written there
        let home = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).map_err(|e| e.to_string())?;
        let destinations: Vec<Server> = (0..scene.destinations())
            .map(|n| Server::start(&self.memory, &format!("destination{n}"), &self.memory))
            .collect();
        let mut route = Route {
            scene,
            source: source.host(),
            destinations: destinations.iter().map(Server::host).collect(),
            folder: home.path(),
            ca: &self.ca,
        };
        let mut relays = Vec::new();
        if scene == Scene::Wan {
            for host in std::iter::once(&mut route.source).chain(&mut route.destinations) {
                let target = host.replace("localhost", "127.0.0.1");
                let relay =
                    self.runtime.block_on(Relay::start(&target)).map_err(|e| e.to_string())?;
                relay.set_latency(Duration::from_micros(12_500));
                *host = relay.host().replace("127.0.0.1", "localhost");
                relays.push(relay);
            }
        }
        if scene == Scene::Noop {
            measure::run(&mut Tool::Ours.commands(&route), home.path(), &self.memory)?;
        }
        let mut commands = tool.commands(&route);
        if commands.is_empty() {
            return Err("not measured".into());
        }
        source.forget();
        destinations.iter().for_each(Server::forget);
        let servers = || {
            let relays = relays.first().map(|_| measure::used(std::process::id()));
            let registries = destinations.iter().chain([source]).map(Server::used);
            registries.chain(relays).sum::<Duration>()
        };
        let before = servers();
        let cost = measure::run(&mut commands, home.path(), &self.memory)?;
        let servers = servers().saturating_sub(before);
        let mut destination = Traffic::default();
        for server in &destinations {
            let traffic = server.traffic();
            destination.requests += traffic.requests;
            destination.blob_bytes += traffic.blob_bytes;
        }
        Ok(Sample { cost, servers, source: source.traffic(), destination })
    }
}

/// How many rounds a tool takes part in: see [`LONG`].
fn enough(scene: Scene, taken: &Taken, rounds: usize) -> usize {
    let Some(first) = taken.samples.first() else { return rounds };
    match first.cost.wall {
        _ if scene.is_measured_against(taken.tool) => rounds,
        wall if wall > VERY_LONG => 1,
        wall if wall > LONG => 2,
        _ => rounds,
    }
    .min(rounds)
}
