//! Commands about profiles: what is copied where. Their files are the `profiles` crate's business.

#![expect(
    clippy::unused_async,
    reason = "all commands have one form, those too that need not wait"
)]

use std::sync::Arc;

use ::accounts::{Account, AccountAccess, CredentialFiles, FileAccess, SecretPlace};
use ::profiles::{
    Profiles, Rejected,
    profile::{Prepared, ProfilePolicy, library},
};
use engine::JobRule;
use registry::{AccessSource, Code, sentence};
use store::LastRun;

use crate::{
    Api, Host,
    app::lock,
    demo::{self, DemoAccess},
    dto::{self, ApiError, ById, Note, ProfileSummary, RenameRequest, RuleProblem},
    error::Result,
    history,
};

mod draft;
pub(crate) mod export;
pub(crate) mod import;
pub(crate) mod preview;

use draft::{drafted, problem, told};

fn library<H: Host>(api: &Arc<Api<H>>) -> Profiles {
    Profiles::at(api.host.dirs().profiles())
}

pub(crate) async fn list<H: Host>(api: &Arc<Api<H>>, (): ()) -> Result<Vec<ProfileSummary>> {
    let mut list = Vec::new();
    if let Some(demo) = demo_profile(api).await {
        list.push(summary(&demo, true));
    }
    let known = history::last_runs(api).await;
    for listed in library(api).list()? {
        list.push(match listed.profile {
            Ok(stored) => {
                let old = lock(&api.last_runs);
                let last_run = known.get(&stored.id).or(old.get(&stored.id)).map(Into::into);
                ProfileSummary { last_run, ..summary(&told(&stored), false) }
            }
            Err(rejected) => ProfileSummary {
                id: listed.id.clone(),
                name: listed.id,
                rules: 0,
                first: String::new(),
                demo: false,
                broken: Some((&rejected).into()),
                last_run: None,
            },
        });
    }
    Ok(list)
}

fn summary(profile: &dto::Profile, demo: bool) -> ProfileSummary {
    let first = profile
        .rules
        .first()
        .map(|rule| format!("{} → {}", rule.source, rule.destinations.join(", ")));
    ProfileSummary {
        id: profile.id.clone(),
        name: profile.name.clone(),
        rules: profile.rules.len() as u32,
        first: first.unwrap_or_default(),
        demo,
        broken: None,
        last_run: None,
    }
}

pub(crate) async fn get<H: Host>(api: &Arc<Api<H>>, request: ById) -> Result<dto::Profile> {
    if request.id == demo::ID {
        return demo_profile(api).await.ok_or_else(|| ApiError::gone("profile"));
    }
    Ok(told(&library(api).get(&request.id)?))
}

async fn demo_profile<H: Host>(api: &Arc<Api<H>>) -> Option<dto::Profile> {
    let name = api.tongue().text("home_demo_badge", &[]);
    api.demo.lock().await.as_ref().map(|demo| demo.profile(name))
}

pub(crate) async fn check<H: Host>(
    _: &Arc<Api<H>>,
    request: dto::Profile,
) -> Result<Vec<RuleProblem>> {
    let profile = drafted(request, ProfilePolicy::default())?;
    Ok(profile.check().into_iter().map(Into::into).collect())
}

pub(crate) async fn save<H: Host>(
    api: &Arc<Api<H>>,
    request: dto::Profile,
) -> Result<dto::Profile> {
    not_the_demo(&request.id)?;
    let library = library(api);
    let id = request.id.clone();
    let old = library.get(&id).map(|stored| stored.profile.policy).unwrap_or_default();
    let profile = drafted(request, old)?;
    let faults = profile.check();
    if !faults.is_empty() {
        return Err(problem(faults));
    }
    let stored =
        if id.is_empty() { library.create(&profile)? } else { library.save(&id, &profile)? };
    Ok(told(&stored))
}

pub(crate) async fn rename<H: Host>(
    api: &Arc<Api<H>>,
    request: RenameRequest,
) -> Result<dto::Profile> {
    not_the_demo(&request.id)?;
    Ok(told(&library(api).rename(&request.id, &request.name)?))
}

pub(crate) async fn duplicate<H: Host>(api: &Arc<Api<H>>, request: ById) -> Result<dto::Profile> {
    not_the_demo(&request.id)?;
    Ok(told(&library(api).duplicate(&request.id)?))
}

pub(crate) async fn remove<H: Host>(api: &Arc<Api<H>>, request: ById) -> Result<()> {
    if api.runs.is_busy(&request.id) {
        return Err(ApiError::new(Code::RunBusy, "this profile is being run"));
    }
    if request.id == demo::ID {
        *api.demo.lock().await = None;
        return Ok(());
    }
    library(api).remove(&request.id)?;
    let mut last_runs = lock(&api.last_runs);
    if last_runs.get(&request.id).is_some() {
        last_runs.remove(&request.id);
        last_runs.save(&api.host.dirs().last_runs())?;
    }
    Ok(())
}

fn not_the_demo(id: &str) -> Result<()> {
    if id == demo::ID {
        let what = sentence!("demo_fixed", "the demo's profile can't be changed or copied");
        let hint = sentence!("demo_fixed_hint", "Make a profile of your own.");
        return Err(ApiError::new(Code::ConfigInvalid, what.to_string())
            .hint(&hint)
            .note(Note::from(what).hint(Some(hint))));
    }
    Ok(())
}

pub(crate) async fn command<H: Host>(api: &Arc<Api<H>>, request: ById) -> Result<String> {
    if request.id == demo::ID {
        return Ok("image-syncer demo".into());
    }
    let name = library(api).get(&request.id)?.profile.name;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let name = if name.chars().all(plain) && !name.starts_with('-') {
        name
    } else {
        // the one thing that ends a quote is a quote
        format!("'{}'", name.replace('\'', r"'\''"))
    };
    Ok(format!("image-syncer run {}{name}", if name.starts_with("'-") { "-- " } else { "" }))
}

/// All that a run needs of a profile.
pub(crate) struct Work {
    pub(crate) name: String,
    pub(crate) prepared: Prepared,
    pub(crate) access: Arc<dyn AccessSource>,
}

/// Makes a profile ready to run. A keyring that is needed and locked is told here, before anything is contacted.
pub(crate) async fn work<H: Host>(api: &Arc<Api<H>>, id: &str) -> Result<Work> {
    if id == demo::ID {
        let demo = demo_profile(api).await.ok_or_else(|| ApiError::gone("profile"))?;
        let profile = drafted(demo, ProfilePolicy::default())?;
        let prepared = profile
            .prepare()
            .map_err(|_| ApiError::new(Code::Internal, "the demo's rules are wrong"))?;
        return Ok(Work { name: profile.name, prepared, access: Arc::new(DemoAccess) });
    }
    let stored = library(api).get(id)?;
    let prepared = stored.prepare().map_err(|rejected| ApiError::from(&rejected))?;
    let profile = stored.profile;
    let accounts = {
        let mut accounts = api.accounts.lock().await;
        crate::accounts::refresh(&mut accounts)?;
        accounts.list().to_vec()
    };
    let registries: Vec<_> = prepared.rules.iter().flat_map(JobRule::registries).collect();
    let mut named = Vec::new();
    for (address, id) in &profile.accounts {
        named.push((address.parse()?, id.clone()));
    }
    // what is not named, and not the first for its address, is not used
    let is_used = |account: &&Account| {
        let first = accounts.iter().find(|other| other.address == account.address);
        registries.iter().any(|registry| **registry == account.address.registry)
            && (named.iter().any(|(_, id)| *id == account.id)
                || first.is_some_and(|first| first.id == account.id))
    };
    for account in accounts.iter().filter(is_used) {
        account.way(&api.vault).await?;
        if account.secret_in != SecretPlace::Linked {
            api.vault.get(account).await?;
        }
    }
    let found = CredentialFiles::of_system(&|name| api.host.env(name));
    let others = FileAccess::new(Vec::new(), found)
        .map_err(|errors| errors.first().map_or_else(ApiError::internal, ApiError::from))?;
    let access = AccountAccess::new(accounts, api.vault.clone()).named(named).or(Arc::new(others));
    let access = Arc::new(access);
    Ok(Work { name: profile.name, prepared, access })
}

impl From<&Rejected> for ApiError {
    fn from(rejected: &Rejected) -> Self {
        let first = rejected.problems.first();
        let mut error = Self::new(
            first.map_or(Code::ConfigInvalid, |problem| problem.code),
            rejected.to_string(),
        );
        for hint in rejected.problems.iter().filter_map(|problem| problem.hint.as_deref()) {
            error = error.hint(hint);
        }
        error.notes = rejected.problems.iter().map(Into::into).collect();
        match first {
            Some(problem) => error
                .param("file", &problem.file)
                .param("line", problem.line)
                .param("column", problem.column)
                .param("what", &problem.message),
            None => error,
        }
    }
}

impl From<library::Error> for ApiError {
    fn from(error: library::Error) -> Self {
        match &error {
            library::Error::Unknown(_) => Self::gone("profile"),
            library::Error::NoName | library::Error::Taken(_) => {
                let wrong = Self::field("name", error.to_string());
                error.of_name().into_iter().fold(wrong, Self::note)
            }
            library::Error::Broken(rejected) => rejected.into(),
            library::Error::File(file) => file.into(),
        }
    }
}

impl From<&LastRun> for dto::LastRun {
    fn from(run: &LastRun) -> Self {
        Self {
            ended_at: run.ended_at.clone(),
            interrupted: run.interrupted,
            copied: run.copied,
            skipped: run.skipped,
            failed: run.failed,
            cancelled: run.cancelled,
        }
    }
}
