//! `image-syncer check`: tests the connection to a registry, step by step.

use std::{path::Path, process::ExitCode, sync::Arc};

use ::accounts::{
    Account, FailedTest,
    check::{self, Done, Limits, Login, Note, Signer, Subject, Verdict},
};
use jiff::Timestamp;
use registry::{AccessSource as _, Code, RepositoryName};
use serde_json::{Value, json};

use crate::{
    accounts::{address, choose, open},
    config,
    problem::{Problem, Problems},
    say,
    sync::{print, warn},
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
    let auth = config::auth(auth)?;
    let named: Vec<String> = match id {
        Some(id) => {
            let (_, accounts) = open()?;
            let chosen = choose(&accounts, &address, None, Some(id))?;
            vec![format!("{address}={}", chosen.id)]
        }
        None => Vec::new(),
    };
    let source = config::access(auth, &named, std::slice::from_ref(&address.registry)).await?;
    // the one that a sync of that repository would use
    let about = repository.as_ref().or(address.namespace.as_ref());
    let registry = &address.registry;
    let access = match source.access(registry, about, true).await {
        Ok(access) => access,
        // a cloud or its network says no: what is tested does not work
        Err(error) if !is_ours(error.code()) => {
            say(Problem::of(&error).render().trim_end());
            return Ok(ExitCode::FAILURE);
        }
        Err(error) => return Err(Problem::of(&error).into()),
    };
    if !as_json {
        say(&format!("{registry} by {}", ::accounts::account::shown(&access.origin)));
    }
    let tell = |done: &Done| {
        if !as_json {
            print(&line(done));
        }
    };
    let account = source.account(registry, about).cloned();
    let subject = Subject {
        registry,
        namespace: address.namespace.as_ref(),
        repository: repository.as_ref(),
    };
    let login =
        Login { credential: access.credential.clone(), signer: Signer::Source(Arc::new(source)) };
    let steps = check::check(subject, access, async { Ok(login) }, &Limits::default(), tell).await;
    if let Some(account) = account {
        keep(&account, check::outcome(&steps, Timestamp::now()));
    }
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

/// Keeps what came of the test with its account, for those who look at it later.
fn keep(tested: &Account, outcome: Result<Timestamp, FailedTest>) {
    let noted = open().and_then(|(_, mut accounts)| {
        let note = |saved: &mut Account| {
            if saved.reaches_as(tested) {
                saved.note(outcome);
            }
        };
        let noted = accounts.update(&tested.id, note);
        noted.map_err(|error| Problem::of(&error.into()))
    });
    if let Err(problem) = noted {
        warn(&format!("what came of the test could not be kept: {}", problem.message));
    }
}

/// Whether what is wrong is on this machine: nothing was contacted.
fn is_ours(code: Code) -> bool {
    matches!(
        code,
        Code::ConfigInvalid
            | Code::FileFailed
            | Code::AuthRequired
            | Code::HelperFailed
            | Code::KeyringLocked
            | Code::KeyringMissing
            | Code::SecretsLocked
            | Code::SecretsPassphrase
    )
}

/// `ok    tls        12 ms  subject …`
fn line(done: &Done) -> String {
    let (state, why) = state(done);
    let detail = match done.note {
        Some(Note::Found) => format!("found {}", done.detail),
        _ if done.detail.is_empty() => why,
        _ => done.detail.clone(),
    };
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
