//! *Test connection*: everything that must work before an image can be read or written, one step after the other, so
//! that the first one that fails says where the fault is.
//!
//! Host name, port and certificate are looked at on connections of this module's own (`probe`); whether the registry
//! works is judged by its client, which is what runs use.

mod certificate;
mod probe;
mod step;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use jiff::Timestamp;
use registry::{
    Access, AccessSource, BlobStart, Client, ClientOptions, CloudRequest, Code, Credential,
    Descriptor, Digest, Error, Known, MediaType, Registry, RepositoryName, Result, Target,
};

use crate::{FailedTest, SignIn};

pub use certificate::{Certificate, Chain};
use probe::Seen;
pub use step::{Note, Step};

/// What came of a step.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// It works.
    Passed,
    /// It works, but is worth knowing.
    Warning(Option<Error>),
    /// It does not work.
    Failed(Error),
    /// It was not tried: a step before failed, or there was nothing to try.
    Skipped,
}

/// A step that is done.
#[derive(Clone, Debug)]
pub struct Done {
    /// Which.
    pub step: Step,
    /// What came of it.
    pub verdict: Verdict,
    /// How long it took.
    pub took: Duration,
    /// What was found: addresses, issuer and expiry, …
    pub detail: String,
    /// What the detail says, for those who write it in another language.
    pub note: Option<Note>,
    /// The certificates that the server has shown, at [`Step::Tls`].
    pub chain: Option<Chain>,
}

/// How long things may take.
#[derive(Clone, Debug)]
pub struct Limits {
    /// A look-up, a connect, a handshake.
    pub connect: Duration,
    /// One question to the registry, its token service included.
    pub question: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connect: Duration::from_secs(10), question: Duration::from_secs(20) }
    }
}

/// What is tested.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The registry.
    pub registry: &'a Registry,
    /// The namespace that the account is for, whose repositories are listed.
    pub namespace: Option<&'a RepositoryName>,
    /// The repository that is read and written.
    pub repository: Option<&'a RepositoryName>,
}

impl<'a> Subject<'a> {
    /// A registry alone.
    pub fn of(registry: &'a Registry) -> Self {
        Self { registry, namespace: None, repository: None }
    }
}

/// Who one is, once signed in.
#[derive(Debug)]
pub struct Login {
    /// What the registry is shown.
    pub credential: Credential,
    /// What signs requests to the API of the registry's vendor.
    pub signer: Signer,
}

/// What signs requests to the API of a registry's vendor.
#[derive(Debug)]
pub enum Signer {
    /// Nothing: what can only be asked with a signature is not asked.
    None,
    /// An account's keys.
    Account(Box<SignIn>),
    /// Where runs get their access.
    Source(Arc<dyn AccessSource>),
}

impl From<Credential> for Login {
    fn from(credential: Credential) -> Self {
        Self { credential, signer: Signer::None }
    }
}

/// Tests whether a registry can be used, and a repository read and written if one is named. `way` is how it is reached:
/// what it says of the login is not looked at. Signing in, which may mean to ask a cloud or a helper, is a part of the
/// step [`Step::Login`], with its time and its error. Each step is told to `tell` when it is done, and all of them are
/// returned. No image is written: the upload that is opened is cancelled. Dropping the future ends it.
pub async fn check(
    subject: Subject<'_>,
    way: Access,
    sign_in: impl Future<Output = Result<Login>> + Send,
    limits: &Limits,
    tell: impl Fn(&Done) + Send,
) -> Vec<Done> {
    let mut list = List { done: Vec::new(), tell };
    if let Some(access) = steps(subject, way, sign_in, limits, &mut list).await {
        match subject.repository {
            Some(repository) => {
                try_repository(subject.registry, repository, &access, limits, &mut list).await;
            }
            None => {
                for step in [Step::Pull, Step::Push] {
                    list.note(step, Verdict::Skipped, Duration::ZERO, Note::NoRepository);
                }
            }
        }
    }
    for step in Step::ALL {
        if list.done.iter().all(|done| done.step != step) {
            list.add(step, Verdict::Skipped, Duration::ZERO, "");
        }
    }
    list.done
}

/// Whether an image could be read or written: nothing before that failed, and not both of them.
pub fn passed(steps: &[Done]) -> bool {
    let failed = |done: &Done| matches!(done.verdict, Verdict::Failed(_));
    let of_repository = |step| matches!(step, Step::Pull | Step::Push);
    !steps.iter().any(|done| failed(done) && !of_repository(done.step))
        && steps.iter().filter(|done| failed(done)).count() < 2
}

/// What is kept of a test: when it passed, or what it failed at.
pub fn outcome(steps: &[Done], at: Timestamp) -> std::result::Result<Timestamp, FailedTest> {
    if passed(steps) {
        return Ok(at);
    }
    let failed = steps.iter().find_map(|done| match &done.verdict {
        Verdict::Failed(error) => {
            Some(FailedTest { at, step: done.step.as_str().into(), code: error.code().to_string() })
        }
        _ => None,
    });
    failed.map_or(Ok(at), Err)
}

struct List<F> {
    done: Vec<Done>,
    tell: F,
}

impl<F: Fn(&Done)> List<F> {
    fn add(&mut self, step: Step, verdict: Verdict, took: Duration, detail: impl Into<String>) {
        let detail = detail.into();
        self.push(Done { step, verdict, took, detail, note: None, chain: None });
    }

    fn note(&mut self, step: Step, verdict: Verdict, took: Duration, note: Note) {
        let detail = note.text().to_owned();
        self.push(Done { step, verdict, took, detail, note: Some(note), chain: None });
    }

    fn push(&mut self, done: Done) {
        (self.tell)(&done);
        self.done.push(done);
    }
}

/// Runs the steps before those of a repository until one fails; none did where there is access.
async fn steps<F: Fn(&Done)>(
    subject: Subject<'_>,
    mut access: Access,
    sign_in: impl Future<Output = Result<Login>>,
    limits: &Limits,
    list: &mut List<F>,
) -> Option<Access> {
    let registry = subject.registry;
    let tls = access.tls.clone();
    let seen = if probe::is_proxied(registry) || access.proxy.is_some() {
        for step in [Step::Dns, Step::Tcp] {
            list.note(step, Verdict::Skipped, Duration::ZERO, Note::Proxied);
        }
        None
    } else {
        Some(probe::connect(registry, &tls, limits.connect, list).await?)
    };

    // The registry itself, without a login: its words on TLS are the ones that count, for runs hear the same.
    let nobody = Access { credential: Credential::Anonymous, ..access.clone() };
    let began = Instant::now();
    let anonymous = ask(nobody, limits, |client| async move { client.ping(registry).await }).await;
    let took = began.elapsed();
    let no_tls = matches!(seen, Some(Seen::NoTls { .. }));
    let (about_tls, anonymous) = match anonymous {
        Err(error) if is_about_tls(error.code()) || (no_tls && is_about_network(error.code())) => {
            (Some(error), None)
        }
        answer => (None, Some(answer)),
    };
    tls_step(seen, about_tls, tls.insecure, list);
    let anonymous = anonymous?;
    let open = match anonymous {
        Ok(()) => {
            list.add(Step::Registry, Verdict::Passed, took, "");
            Ok(())
        }
        Err(error) if is_about_login(error.code()) => {
            list.note(Step::Registry, Verdict::Passed, took, Note::WantsLogin);
            Err(error)
        }
        Err(error) => {
            list.add(Step::Registry, Verdict::Failed(error), took, "");
            return None;
        }
    };

    let began = Instant::now();
    let signer = match sign_in.await {
        Ok(login) => {
            access.credential = login.credential;
            login.signer
        }
        Err(error) => {
            list.add(Step::Login, Verdict::Failed(error), began.elapsed(), "");
            return None;
        }
    };
    let is_anonymous = matches!(access.credential, Credential::Anonymous);
    let login = match open {
        open if is_anonymous => open,
        _ => ask(access.clone(), limits, |client| async move { client.ping(registry).await }).await,
    };
    let took = if is_anonymous { Duration::ZERO } else { began.elapsed() };
    match login {
        Ok(()) if is_anonymous => list.note(Step::Login, Verdict::Skipped, took, Note::Anonymous),
        Ok(()) => list.add(Step::Login, Verdict::Passed, took, ""),
        Err(error) => {
            list.add(Step::Login, Verdict::Failed(error), took, "");
            return None;
        }
    }

    let began = Instant::now();
    let fixed = Fixed { access, signer };
    let access = fixed.access.clone();
    let namespace = subject.namespace.map(RepositoryName::as_str);
    let listed =
        ask_as(
            fixed,
            limits,
            |client| async move { client.browse(registry, namespace).next().await },
        );
    match listed.await {
        Ok(page) if page.as_ref().is_none_or(Vec::is_empty) => {
            list.note(Step::Catalog, Verdict::Passed, began.elapsed(), Note::Empty);
        }
        Ok(_) => list.add(Step::Catalog, Verdict::Passed, began.elapsed(), ""),
        // copying needs no list: a warning
        Err(error) => list.add(Step::Catalog, Verdict::Warning(Some(error)), began.elapsed(), ""),
    }
    Some(access)
}

/// Reads a manifest of the repository, then opens an upload to it and cancels that.
async fn try_repository<F: Fn(&Done)>(
    registry: &Registry,
    repository: &RepositoryName,
    access: &Access,
    limits: &Limits,
    list: &mut List<F>,
) {
    let began = Instant::now();
    let pull = ask(access.clone(), limits, |client| async move {
        let source = client.source(registry, repository);
        let Some(tag) = source.tags().await?.into_iter().next() else { return Ok(None) };
        source.head_manifest(&Target::Tag(tag.clone())).await.map(|head| head.and(Some(tag)))
    });
    let took = |began: Instant| began.elapsed();
    match pull.await {
        Ok(Some(tag)) => list.push(Done {
            step: Step::Pull,
            verdict: Verdict::Passed,
            took: took(began),
            detail: tag.to_string(),
            note: Some(Note::Found),
            chain: None,
        }),
        Ok(None) => list.note(Step::Pull, Verdict::Passed, took(began), Note::NoTags),
        // it may be made by the first push
        Err(error) if error.code() == Code::RefNotFound => {
            list.add(Step::Pull, Verdict::Warning(Some(error)), took(began), "");
        }
        Err(error) => list.add(Step::Pull, Verdict::Failed(error), took(began), ""),
    }

    let began = Instant::now();
    let push = ask(access.clone(), limits, |client| async move {
        let destination = client.destination(registry, repository);
        // a blob that nobody has
        let now = jiff::Timestamp::now().to_string();
        let blob = Descriptor {
            media_type: MediaType::parse("application/octet-stream"),
            digest: Digest::sha256(now.as_bytes()),
            size: now.len() as u64,
            urls: Vec::new(),
            platform: None,
            attests: None,
            artifact_type: None,
        };
        if let BlobStart::Write(upload) = destination.begin_blob(&blob, Known::default()).await? {
            upload.cancel().await;
        }
        Ok(())
    });
    match push.await {
        Ok(()) => list.note(Step::Push, Verdict::Passed, took(began), Note::Opened),
        Err(error) => list.add(Step::Push, Verdict::Failed(error), took(began), ""),
    }
}

/// What the handshake showed, and what the client said of it.
fn tls_step<F: Fn(&Done)>(
    seen: Option<Seen>,
    error: Option<Error>,
    insecure: bool,
    list: &mut List<F>,
) {
    let (took, chain, found) = match seen {
        None => (Duration::ZERO, None, Note::Proxied.text().to_owned()),
        Some(Seen::Certificate { took, chain }) => {
            let found = chain.server().to_string();
            (took, Some(chain), found)
        }
        Some(Seen::NoTls { took, why }) => (took, None, why),
    };
    let (verdict, detail, note) = match error {
        Some(error) => (Verdict::Failed(error), found, None),
        None if took.is_zero() => (Verdict::Skipped, found, Some(Note::Proxied)),
        None if chain.is_none() => {
            (Verdict::Warning(None), Note::Plain.text().to_owned(), Some(Note::Plain))
        }
        None if insecure => {
            let detail = format!("{}: {found}", Note::Unverified.text());
            (Verdict::Warning(None), detail, Some(Note::Unverified))
        }
        None => (Verdict::Passed, found, None),
    };
    list.push(Done { step: Step::Tls, verdict, took, detail, note, chain });
}

fn is_about_tls(code: Code) -> bool {
    matches!(
        code,
        Code::TlsUntrusted
            | Code::TlsChanged
            | Code::TlsExpired
            | Code::TlsName
            | Code::TlsFailed
            | Code::HttpPlain
    )
}

fn is_about_network(code: Code) -> bool {
    matches!(code, Code::NetTimeout | Code::NetReset)
}

fn is_about_login(code: Code) -> bool {
    matches!(
        code,
        Code::AuthRequired | Code::AuthRejected | Code::AuthUnavailable | Code::PullDenied
    )
}

/// Asks the registry something with a client of its own, so that nothing learnt before tints the answer.
async fn ask<T, A: Future<Output = Result<T>>>(
    access: Access,
    limits: &Limits,
    question: impl FnOnce(Client) -> A,
) -> Result<T> {
    ask_as(Fixed { access, signer: Signer::None }, limits, question).await
}

async fn ask_as<T, A: Future<Output = Result<T>>>(
    access: Fixed,
    limits: &Limits,
    question: impl FnOnce(Client) -> A,
) -> Result<T> {
    let options = ClientOptions { retries: 0, stall: limits.connect, ..ClientOptions::default() };
    let client = Client::new(options, Arc::new(access));
    tokio::time::timeout(limits.question, question(client)).await.unwrap_or_else(|_| {
        let wait = limits.question.as_secs_f64();
        Err(Error::new(Code::NetTimeout, format!("no answer within {wait:.0} s")))
    })
}

/// The same access for everything.
#[derive(Debug)]
struct Fixed {
    access: Access,
    signer: Signer,
}

#[async_trait]
impl AccessSource for Fixed {
    async fn access(&self, _: &Registry, _: Option<&RepositoryName>, _: bool) -> Result<Access> {
        Ok(self.access.clone())
    }

    async fn sign(
        &self,
        registry: &Registry,
        repository: Option<&RepositoryName>,
        request: &mut CloudRequest,
    ) -> Result<bool> {
        match &self.signer {
            Signer::None => Ok(false),
            Signer::Account(sign_in) => sign_in.sign(request).await,
            Signer::Source(source) => source.sign(registry, repository, request).await,
        }
    }
}

#[cfg(test)]
mod tests;
