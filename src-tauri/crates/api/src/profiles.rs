//! Commands about profiles: what is copied where. Their files are the `profiles` crate's business.

#![expect(
    clippy::unused_async,
    reason = "all commands have one form, those too that need not wait"
)]

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use ::accounts::{
    Account, AccountAccess, AuthEntry, CredentialFiles, FileAccess, Links, SecretPlace, import,
};
use ::profiles::{
    Field, Profile, Profiles, Rejected,
    profile::{self, Fault, Platforms, Prepared, ProfileRule, Stored, library},
};
use engine::{Attestations, JobRule, Overwrite};
use registry::{AccessSource, Code};
use store::LastRun;

use crate::{
    Api, Host,
    app::lock,
    demo::{self, DemoAccess},
    dto::{
        self, ApiError, ById, ImportReport, ImportRequest, ProfileSummary, RuleDraft, RuleProblem,
    },
    error::{Result, codes},
};

fn library<H: Host>(api: &Arc<Api<H>>) -> Profiles {
    Profiles::at(api.host.dirs().profiles())
}

pub(crate) async fn list<H: Host>(api: &Arc<Api<H>>, (): ()) -> Result<Vec<ProfileSummary>> {
    let mut list = Vec::new();
    if let Some(demo) = demo_profile(api).await {
        list.push(summary(&demo, true));
    }
    for listed in library(api).list()? {
        list.push(match listed.profile {
            Ok(stored) => {
                let last_run = lock(&api.last_runs).get(&stored.id).map(Into::into);
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
    let profile = drafted(request, Profile::default())?;
    Ok(profile.check().into_iter().map(Into::into).collect())
}

pub(crate) async fn save<H: Host>(
    api: &Arc<Api<H>>,
    request: dto::Profile,
) -> Result<dto::Profile> {
    not_the_demo(&request.id)?;
    let library = library(api);
    let id = request.id.clone();
    // what the page does not show stays as it is
    let old = match library.get(&id) {
        Ok(stored) => stored.profile,
        Err(_) => Profile::default(),
    };
    let profile = drafted(request, old)?;
    if let Some(fault) = profile.check().into_iter().next() {
        return Err(RuleProblem::from(fault).error);
    }
    let stored =
        if id.is_empty() { library.create(&profile)? } else { library.save(&id, &profile)? };
    Ok(told(&stored))
}

pub(crate) async fn duplicate<H: Host>(api: &Arc<Api<H>>, request: ById) -> Result<dto::Profile> {
    not_the_demo(&request.id)?;
    Ok(told(&library(api).duplicate(&request.id)?))
}

pub(crate) async fn remove<H: Host>(api: &Arc<Api<H>>, request: ById) -> Result<()> {
    if api.runs.is_busy(&request.id) {
        return Err(ApiError::new(codes::RUN_BUSY, "this profile is being run"));
    }
    if request.id == demo::ID {
        *api.demo.lock().await = None;
        return Ok(());
    }
    library(api).remove(&request.id)?;
    let mut last_runs = lock(&api.last_runs);
    last_runs.remove(&request.id);
    last_runs.save(&api.host.dirs().last_runs())?;
    Ok(())
}

fn not_the_demo(id: &str) -> Result<()> {
    if id == demo::ID {
        return Err(ApiError::new(
            Code::ConfigInvalid,
            "the demo's profile can't be changed or copied",
        )
        .hint("Make a profile of your own."));
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
        let profile = drafted(demo, Profile::default())?;
        let prepared = profile
            .prepare()
            .map_err(|_| ApiError::new(Code::Internal, "the demo's rules are wrong"))?;
        return Ok(Work { name: profile.name, prepared, access: Arc::new(DemoAccess) });
    }
    let stored = library(api).get(id)?;
    let prepared = stored.prepare().map_err(|rejected| ApiError::from(&rejected))?;
    let profile = stored.profile;
    let accounts = api.accounts.lock().await.list().to_vec();
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

/// Notes how a run ended.
pub(crate) fn ran<H: Host>(api: &Arc<Api<H>>, profile: &str, last: LastRun) {
    if profile == demo::ID {
        return;
    }
    let mut last_runs = lock(&api.last_runs);
    last_runs.set(profile, last);
    if let Err(error) = last_runs.save(&api.host.dirs().last_runs()) {
        tracing::warn!("how the run ended could not be noted: {error}");
    }
}

pub(crate) async fn import<H: Host>(
    api: &Arc<Api<H>>,
    request: ImportRequest,
) -> Result<ImportReport> {
    let images = PathBuf::from(&request.images);
    let auth = request.auth.filter(|path| !path.trim().is_empty()).map(PathBuf::from);
    let name = match request.name.trim() {
        "" => images.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
        name => name.to_owned(),
    };
    let read = profile::import(&name, &images, auth.as_deref(), &|name| std::env::var(name).ok())
        .map_err(|rejected| ApiError::from(&rejected))?;
    let library = library(api);
    // before any account is made
    if library.find(&name).is_ok_and(|other| other.profile.name.eq_ignore_ascii_case(&name)) {
        return Err(library::Error::Taken(name).into());
    }

    let mut notes: Vec<String> = [read.changed, read.refused, read.warnings].concat();
    let mut made = Vec::new();
    for entry in read.auth {
        made.extend(add_account(api, entry, auth.as_deref(), &mut notes).await?);
    }
    let stored = library.create(&read.profile)?;
    Ok(ImportReport {
        profile: Some(summary(&told(&stored), false)),
        accounts: made.iter().map(Into::into).collect(),
        taken: read.taken as u32,
        notes,
    })
}

/// Makes an account of an entry of an auth file, unless there is one for its address.
async fn add_account<H: Host>(
    api: &Arc<Api<H>>,
    entry: AuthEntry,
    auth: Option<&Path>,
    notes: &mut Vec<String>,
) -> Result<Option<Account>> {
    let says_something = entry.username.is_some()
        || entry.insecure
        || entry.ca.is_some()
        || entry.cert.is_some()
        || entry.proxy.is_some()
        || entry.limit.is_some();
    if !says_something {
        return Ok(None);
    }
    let entry = match auth {
        Some(file) => import::beside(entry, file),
        None => entry,
    };
    let mut accounts = api.accounts.lock().await;
    let candidate = import::Candidate::from(entry.clone());
    if let Some(known) = candidate.known(&accounts) {
        notes.push(format!(
            "{}: there is the account '{}' for {} already; it was left as it is",
            entry.origin, known.name, known.address
        ));
        return Ok(None);
    }
    let links = Links::default();
    let account = import::take(&candidate, false, &mut accounts, &api.vault, &links).await?;
    if account.secret_in == SecretPlace::None && !account.username.is_empty() {
        notes.push(format!("{}: '{}' has no password; enter one", entry.origin, entry.written));
    }
    Ok(Some(account))
}

/// A profile as the page shows it.
fn told(stored: &Stored) -> dto::Profile {
    let profile = &stored.profile;
    let overwrite = match profile.policy.overwrite {
        Overwrite::Never => "never",
        Overwrite::Differing => "differing",
        Overwrite::Always => "always",
    };
    let attestations = match profile.policy.attestations {
        Attestations::Keep => "keep",
        Attestations::Strip => "strip",
        Attestations::Auto => "auto",
    };
    let rule = |rule: &ProfileRule| RuleDraft {
        source: rule.source.clone(),
        destinations: rule.destinations.clone(),
    };
    dto::Profile {
        id: stored.id.clone(),
        name: profile.name.clone(),
        rules: profile.rules.iter().map(rule).collect(),
        os: profile.platforms.os.clone(),
        arch: profile.platforms.arch.clone(),
        overwrite: overwrite.into(),
        attestations: attestations.into(),
        referrers: profile.policy.referrers,
        accounts: profile.accounts.clone(),
    }
}

/// What the page wrote, over what it does not show.
fn drafted(draft: dto::Profile, old: Profile) -> Result<Profile> {
    let mut policy = old.policy;
    policy.referrers = draft.referrers;
    policy.overwrite = match draft.overwrite.as_str() {
        "never" => Overwrite::Never,
        "differing" => Overwrite::Differing,
        "always" => Overwrite::Always,
        _ => return Err(ApiError::field("overwrite", "there is no such way to overwrite")),
    };
    policy.attestations = match draft.attestations.as_str() {
        "keep" => Attestations::Keep,
        "strip" => Attestations::Strip,
        "auto" => Attestations::Auto,
        _ => return Err(ApiError::field("attestations", "attestations can't be treated so")),
    };
    let same = |source: &str| {
        let same = old.rules.iter().find(|rule| rule.source == source);
        same.cloned().unwrap_or_default()
    };
    let rules = draft.rules.into_iter().map(|rule| ProfileRule {
        destinations: rule.destinations,
        source: rule.source.clone(),
        ..same(&rule.source)
    });
    Ok(Profile {
        name: draft.name,
        rules: rules.collect(),
        platforms: Platforms { os: draft.os, arch: draft.arch },
        accounts: draft.accounts,
        policy,
    })
}

impl From<Fault> for RuleProblem {
    fn from(fault: Fault) -> Self {
        let (field, rule, destination) = match fault.field {
            Field::Name => ("name", 0, 0),
            // what narrows the source is told at the source: the page has no field for it
            Field::Source { rule } | Field::Narrowing { rule, .. } => ("source", rule, 0),
            Field::Destination { rule, destination } => ("destination", rule, destination),
            Field::Os { rule } => ("os", rule.unwrap_or_default(), 0),
            Field::Arch { rule } => ("arch", rule.unwrap_or_default(), 0),
            Field::Account { .. } => ("account", 0, 0),
        };
        let error = ApiError::field(field, fault.message)
            .hint(&fault.hint.unwrap_or_default())
            .param("at", fault.at);
        Self { rule: rule as u32, field: field.into(), destination: destination as u32, error }
    }
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
        match first {
            Some(problem) => error.param("file", &problem.file).param("line", problem.line),
            None => error,
        }
    }
}

impl From<library::Error> for ApiError {
    fn from(error: library::Error) -> Self {
        match &error {
            library::Error::Unknown(_) => Self::gone("profile"),
            library::Error::NoName | library::Error::Taken(_) => {
                Self::field("name", error.to_string())
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
            copied: run.copied,
            skipped: run.skipped,
            failed: run.failed,
            cancelled: run.cancelled,
        }
    }
}
