//! `image-syncer demo`: a sync between two registries in this process.

use std::{process::ExitCode, sync::Arc};

use engine::{Job, JobRule, Policy, Report, Rule};
use registry::{Anonymous, Client, ClientOptions};

use crate::{
    insecure::Insecure,
    problem::{self, Problem, Problems},
    progress::{self, Show},
    say,
    sync::{self, print},
    table, terminal,
};

/// Slow enough to be watched, quick enough not to bore.
const BYTES_PER_SECOND: u64 = 4_000_000;

/// Plans, copies, and syncs once more to show that nothing is left to do.
pub(crate) async fn demo() -> Result<ExitCode, Problems> {
    let watched = terminal::bars_on_stderr();
    let options = testkit::demo::Options { bytes_per_second: watched.then_some(BYTES_PER_SECOND) };
    let demo = testkit::demo::start_with(options).await.map_err(|error| {
        Problem::new(
            registry::Code::Internal,
            format!("the demo's registries could not be started: {error}"),
        )
    })?;
    let (source, destination) = (demo.source.host(), demo.destination.host());
    let mut rules = Vec::new();
    for repository in testkit::demo::REPOSITORIES {
        let rule = Rule::parse(
            &format!("{source}/{repository}"),
            &[&format!("{destination}/{repository}")],
        );
        let rule =
            rule.map_err(|error| Problem::new(registry::Code::Internal, error.to_string()))?;
        rules.push(JobRule::from(rule));
    }
    let registries = [&source, &destination].into_iter().flat_map(|host| host.parse()).collect();
    let access = Arc::new(Insecure { registries, others: Arc::new(Anonymous) });
    let job = || Job {
        rules: rules.clone(),
        policy: Policy { retries: 3, ..Policy::default() },
        client: Client::new(ClientOptions::default(), access.clone()),
    };
    let show = if watched { Show::Bars } else { Show::Lines };

    say(&format!(
        "Two registries run inside this program: {source} holds images, {destination} has a few of them.\n"
    ));
    say("What a sync would do (--dry-run):");
    let plan = job().plan();
    progress::follow(&plan, Show::Nothing, false, true).await;
    print(&table::plan(&plan.finish().await));

    say("\nThe sync:");
    let first = run(job(), show).await;
    say("\nThe same sync again; nothing has changed, so nothing is moved:");
    let second = run(job(), show).await;

    if first.totals.failed + second.totals.failed > 0
        || first.totals.copied == 0
        || second.totals.copied > 0
    {
        return Ok(ExitCode::FAILURE);
    }
    say(
        "\nNext, your own: image-syncer copy SOURCE DESTINATION --dry-run, or image-syncer --help for files of rules.",
    );
    Ok(ExitCode::SUCCESS)
}

async fn run(job: Job, show: Show) -> Report {
    let run = job.run();
    progress::follow(&run, show, false, false).await;
    let report = run.finish().await;
    for group in problem::failures(&report.images) {
        say(group.trim_end());
    }
    say(&sync::summary(&report));
    report
}
