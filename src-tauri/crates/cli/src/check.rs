//! `image-syncer check`: tests the connection to a registry, step by step.

use std::{path::Path, process::ExitCode, sync::Arc};

use accounts::{
    AccountAccess,
    check::{self, Done, Limits, Verdict},
};
use registry::{AccessSource as _, RepositoryName};
use serde_json::{Value, json};

use crate::{
    accounts::{address, choose, open, vault},
    config,
    problem::{Problem, Problems},
    say,
    sync::print,
};

pub(crate) async fn check(
    text: &str,
    repository: Option<&str>,
    id: Option<&str>,
    auth: Option<&Path>,
    as_json: bool,
) -> Result<ExitCode, Problems> {
    let address = address(text)?;
    let repository: Option<RepositoryName> = repository
        .map(str::parse)
        .transpose()
        .map_err(|error| Problem::config(format!("--repository: {error}")))?;
    let (dirs, accounts) = open()?;
    let mut named = Vec::new();
    if let Some(id) = id {
        named.push((address.clone(), choose(&accounts, &address, None, Some(id))?.id.clone()));
    }
    let list = AccountAccess::new(accounts.list().to_vec(), Arc::new(vault(&dirs))).named(named);
    let source = config::file_access(config::auth(auth)?)?.with_accounts(list);
    // the one that a sync of that repository would use
    let about = repository.as_ref().or(address.namespace.as_ref());
    let registry = &address.registry;
    let access = source.access(registry, about, true).await.map_err(|error| Problem::of(&error))?;
    if !as_json {
        say(&format!("{registry} by {}", accounts::account::shown(&access.origin)));
    }
    let tell = |done: &Done| {
        if !as_json {
            print(&line(done));
        }
    };
    let steps = check::check(registry, repository.as_ref(), access, &Limits::default(), tell).await;
    if as_json {
        print(&format!("{:#}\n", json!(steps.iter().map(told).collect::<Vec<_>>())));
    }
    let mut failed = false;
    for done in &steps {
        if let Verdict::Failed(error) = &done.verdict {
            failed = true;
            say(Problem::of(&error.clone().registry(registry)).render().trim_end());
        }
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// `ok    tls        12 ms  subject …`
fn line(done: &Done) -> String {
    let (state, why) = state(done);
    let detail = if done.detail.is_empty() { why } else { done.detail.clone() };
    let line = match done.verdict {
        Verdict::Skipped => format!("{state:7}  {:8}             {detail}", done.step.as_str()),
        _ => {
            format!(
                "{state:7}  {:8}  {:>6} ms  {detail}",
                done.step.as_str(),
                done.took.as_millis()
            )
        }
    };
    format!("{}\n", line.trim_end())
}

fn state(done: &Done) -> (&'static str, String) {
    match &done.verdict {
        Verdict::Passed => ("ok", String::new()),
        Verdict::Warning(error) => {
            ("warning", error.as_ref().map(ToString::to_string).unwrap_or_default())
        }
        Verdict::Failed(error) => ("FAILED", error.code().to_string()),
        Verdict::Skipped => ("skipped", String::new()),
    }
}

fn told(done: &Done) -> Value {
    let error = match &done.verdict {
        Verdict::Failed(error) | Verdict::Warning(Some(error)) => {
            let problem = Problem::of(error);
            json!({ "code": problem.code.as_str(), "message": problem.message, "hints": problem.hints })
        }
        _ => Value::Null,
    };
    let certificate = done.chain.as_ref().map(|chain| {
        let server = chain.server();
        json!({ "subject": server.subject, "issuer": server.issuer, "notAfter": server.not_after,
            "sha256": server.sha256.to_string() })
    });
    json!({ "step": done.step.as_str(), "state": state(done).0.to_lowercase(), "millis": done.took.as_millis() as u64,
        "detail": done.detail, "error": error, "certificate": certificate })
}
