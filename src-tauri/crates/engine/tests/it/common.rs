//! A sync, in one line.

use std::{sync::Arc, time::Duration};

use engine::{
    Failure, ImageReport, Job, JobRule, Outcome, PatternRule, Policy, Report, Rule, RunHandle,
    TagFilter,
};
use registry::{
    Access, AccessSource, Client, ClientOptions, Credential, Demand, PlatformFilter,
    RepositoryName, TlsOptions,
};
use testkit::{Kind, Registry};

/// Longer than any test takes, unless something hangs.
pub(crate) const HANGS: Duration = Duration::from_mins(1);

/// Asking for access to this repository panics.
pub(crate) const PANICS: &str = "it/panics";

/// Plain HTTP, nobody logged in.
#[derive(Debug)]
struct Plain;

#[async_trait::async_trait]
impl AccessSource for Plain {
    async fn access(
        &self,
        _: &registry::Registry,
        repository: Option<&RepositoryName>,
        _: bool,
    ) -> registry::Result<Access> {
        // how a panic gets into a task
        assert!(repository.is_none_or(|name| name.as_str() != PANICS), "told to");
        let tls = TlsOptions { insecure: true, ..TlsOptions::default() };
        Ok(Access { origin: registry::Sentence::verbatim("test"), tls, ..Access::default() })
    }

    fn demand(
        &self,
        _: &registry::Registry,
        repository: &RepositoryName,
    ) -> registry::Result<Demand> {
        let name = repository.as_str();
        if name.starts_with(DEEP) {
            return Err(registry::Error::new(registry::Code::RepoName, "told to"));
        }
        Ok(if name.starts_with(CREATED) { Demand::Created } else { Demand::Nothing })
    }
}

/// Repositories below it have names that the destination does not take.
pub(crate) const DEEP: &str = "it/deep/";
/// Repositories below it must have been created.
pub(crate) const CREATED: &str = "it/created/";

/// Everything through a proxy and with one login, without a look at certificates: registries that are called by their
/// vendors' names.
#[derive(Debug)]
struct Through {
    proxy: url::Url,
    credential: (String, String),
}

#[async_trait::async_trait]
impl AccessSource for Through {
    async fn access(
        &self,
        registry: &registry::Registry,
        _: Option<&RepositoryName>,
        _: bool,
    ) -> registry::Result<Access> {
        let tls = TlsOptions { insecure: true, ..TlsOptions::default() };
        let (username, password) = self.credential.clone();
        let is_ours = registry.as_str().starts_with("127.0.0.1");
        let credential = if is_ours {
            Credential::Anonymous
        } else {
            Credential::Basic { username, password: password.into() }
        };
        let proxy = (!is_ours).then(|| self.proxy.clone());
        Ok(Access {
            credential,
            origin: registry::Sentence::verbatim("test"),
            tls,
            proxy,
            ..Access::default()
        })
    }
}

/// A sync that is set up step by step.
pub(crate) struct Sync {
    rules: Vec<JobRule>,
    policy: Policy,
    options: ClientOptions,
    access: Arc<dyn AccessSource>,
}

pub(crate) fn patterns(texts: &[&str]) -> Vec<engine::Pattern> {
    texts.iter().map(|text| engine::Pattern::parse(text).unwrap()).collect()
}

pub(crate) fn sync(source: &str, destinations: &[&str]) -> Sync {
    nothing().and(source, destinations)
}

/// A sync without a rule yet.
pub(crate) fn nothing() -> Sync {
    let policy = Policy { patience: Duration::from_millis(300), ..Policy::default() };
    let options = ClientOptions {
        backoff: Duration::from_millis(5),
        stall: Duration::from_secs(5),
        upload_answer: Duration::from_secs(10),
        ..ClientOptions::default()
    };
    Sync { rules: Vec::new(), policy, options, access: Arc::new(Plain) }
}

impl Sync {
    /// Another rule.
    pub(crate) fn and(mut self, source: &str, destinations: &[&str]) -> Self {
        self.rules.push(Rule::parse(source, destinations).unwrap().into());
        self
    }

    /// A rule over repositories.
    pub(crate) fn over(mut self, source: &str, exclude: &[&str], destinations: &[&str]) -> Self {
        let mut rule = PatternRule::parse(source, destinations).unwrap();
        rule.exclude = patterns(exclude);
        self.rules.push(rule.into());
        self
    }

    /// Narrows the tags of the last rule.
    pub(crate) fn tags(mut self, narrow: impl FnOnce(&mut TagFilter)) -> Self {
        match self.rules.last_mut().unwrap() {
            JobRule::One(rule) => narrow(&mut rule.tags),
            JobRule::Pattern(rule) => narrow(&mut rule.tags),
        }
        self
    }

    pub(crate) fn policy(mut self, change: impl FnOnce(&mut Policy)) -> Self {
        change(&mut self.policy);
        self
    }

    pub(crate) fn options(mut self, change: impl FnOnce(&mut ClientOptions)) -> Self {
        change(&mut self.options);
        self
    }

    /// Registries that are not on 127.0.0.1 are reached through this proxy, and logged in to.
    pub(crate) fn through(mut self, proxy: &str, user: &str, password: &str) -> Self {
        let credential = (user.to_owned(), password.to_owned());
        self.access = Arc::new(Through { proxy: proxy.parse().unwrap(), credential });
        self
    }

    pub(crate) fn retries(self, retries: u32) -> Self {
        self.policy(|p| p.retries = retries).options(|o| o.retries = retries)
    }

    pub(crate) fn platforms(self, os: &[&str], arch: &[&str]) -> Self {
        let filter = PlatformFilter::parse(os.iter().copied(), arch.iter().copied()).unwrap();
        self.policy(|p| p.platforms = filter)
    }

    fn job(self) -> Job {
        let client = Client::new(self.options, self.access);
        Job { rules: self.rules, policy: self.policy, client }
    }

    /// The client that the run would use, for what is no sync.
    pub(crate) fn client(self) -> Client {
        self.job().client
    }

    pub(crate) fn start(self) -> RunHandle {
        self.job().run()
    }

    pub(crate) async fn run(self) -> Report {
        finish(self.start()).await
    }

    pub(crate) fn start_plan(self) -> RunHandle {
        self.job().plan()
    }

    pub(crate) async fn plan(self) -> Report {
        finish(self.start_plan()).await
    }
}

/// Waits for the end, and checks what is true of every report.
pub(crate) async fn finish(run: RunHandle) -> Report {
    finish_within(HANGS, run).await
}

/// The same for runs that may take longer.
pub(crate) async fn finish_within(limit: Duration, run: RunHandle) -> Report {
    let report = tokio::time::timeout(limit, run.finish()).await.expect("the run hangs");
    let count = |outcome| report.images.iter().filter(|i| i.status == outcome).count() as u64;
    let totals = &report.totals;
    assert_eq!(totals.copied, count(Outcome::Copied));
    assert_eq!(totals.skipped, count(Outcome::Skipped));
    assert_eq!(totals.failed, count(Outcome::Failed));
    assert_eq!(totals.cancelled, count(Outcome::Cancelled));
    assert_eq!(totals.bytes_copied, report.images.iter().map(|i| i.bytes_copied).sum::<u64>());
    for image in &report.images {
        assert_eq!(
            image.error.is_some(),
            image.status == Outcome::Failed || is_blocked(image),
            "{image:?}"
        );
        if image.status == Outcome::Copied {
            assert!(image.digest.is_some() && image.attempts >= 1, "{image:?}");
        }
    }
    report
}

fn is_blocked(image: &ImageReport) -> bool {
    image.status == Outcome::Planned
        && image
            .plan
            .is_some_and(|p| matches!(p.action, engine::Action::Blocked | engine::Action::Conflict))
}

/// `host/rest`
pub(crate) fn at(registry: &Registry, rest: &str) -> String {
    format!("{}/{rest}", registry.host())
}

/// A source and a destination.
pub(crate) async fn two() -> (Registry, Registry) {
    (Registry::start().await, Registry::start().await)
}

/// The only image of a report.
#[track_caller]
pub(crate) fn only(report: &Report) -> &ImageReport {
    assert_eq!(report.images.len(), 1, "{:#?}", report.images);
    &report.images[0]
}

/// Why the only image failed.
#[track_caller]
pub(crate) fn failure(report: &Report) -> &Failure {
    let image = only(report);
    assert_eq!(image.status, Outcome::Failed, "{image:#?}");
    image.error.as_ref().unwrap()
}

#[track_caller]
pub(crate) fn assert_all(report: &Report, outcome: Outcome) {
    for image in &report.images {
        assert_eq!(image.status, outcome, "{image:#?}");
    }
    assert!(!report.images.is_empty());
}

/// All requests, as `METHOD kind`, for an assertion that tells more than a number.
pub(crate) fn asked(registry: &Registry) -> Vec<String> {
    let mut asked: Vec<_> =
        registry.requests().iter().map(|r| format!("{} {:?}", r.method, r.kind)).collect();
    asked.sort();
    asked
}

/// `n` times `what`, for comparison with [`asked`].
pub(crate) fn requests(of: &[(&str, Kind, usize)]) -> Vec<String> {
    let mut all: Vec<_> = of
        .iter()
        .flat_map(|(method, kind, n)| std::iter::repeat_n(format!("{method} {kind:?}"), *n))
        .collect();
    all.sort();
    all
}

/// A host that is reached in a way of its own.
#[derive(Debug)]
struct Apart {
    host: String,
    access: Access,
    others: Arc<dyn AccessSource>,
}

#[async_trait::async_trait]
impl AccessSource for Apart {
    async fn access(
        &self,
        registry: &registry::Registry,
        repository: Option<&RepositoryName>,
        renew: bool,
    ) -> registry::Result<Access> {
        if registry.as_str() == self.host {
            return Ok(self.access.clone());
        }
        self.others.access(registry, repository, renew).await
    }
}

impl Sync {
    /// Reaches a host in this way.
    pub(crate) fn access(mut self, host: &str, access: Access) -> Self {
        self.access = Arc::new(Apart { host: host.to_owned(), access, others: self.access });
        self
    }

    /// Has a credential for a registry that speaks plain HTTP.
    pub(crate) fn credential(self, registry: &Registry, credential: Credential) -> Self {
        let tls = TlsOptions { insecure: true, ..TlsOptions::default() };
        let access = Access {
            credential,
            origin: registry::Sentence::verbatim("test"),
            tls,
            ..Access::default()
        };
        self.access(registry.host(), access)
    }

    /// Logs in at a registry that speaks plain HTTP.
    pub(crate) fn login(self, registry: &Registry, user: &str, password: &str) -> Self {
        let (username, password) = (user.to_owned(), password.to_owned().into());
        self.credential(registry, Credential::Basic { username, password })
    }
}
