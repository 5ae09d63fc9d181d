//! *Test connection*: everything that must work before an image can be read or written, one step after the other, so
//! that the first one that fails says where the fault is.
//!
//! Host name, port and certificate are looked at on connections of this module's own (`probe`); whether the registry
//! works is judged by its client, which is what runs use.

mod probe;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use registry::{
    Access, AccessSource, Client, ClientOptions, Code, Credential, Error, Registry, RepositoryName,
    Result,
};

use probe::Seen;

/// One thing that is tested, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// The host's name has an address.
    Dns,
    /// The port takes connections.
    Tcp,
    /// The certificate is right.
    Tls,
    /// There is a registry behind it (`/v2/`).
    Registry,
    /// It takes the user name and secret.
    Login,
    /// It lists its repositories.
    Catalog,
}

impl Step {
    /// Every step, in order.
    pub const ALL: [Self; 6] =
        [Self::Dns, Self::Tcp, Self::Tls, Self::Registry, Self::Login, Self::Catalog];

    /// Its name: `dns`, `tcp`, `tls`, `registry`, `login`, `catalog`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Registry => "registry",
            Self::Login => "login",
            Self::Catalog => "catalog",
        }
    }
}

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

/// Tests whether `registry` can be used with `access`. Each step is told to `tell` when it is done, and all of them are
/// returned. Nothing is written anywhere, and dropping the future ends it.
pub async fn check(
    registry: &Registry,
    access: Access,
    limits: &Limits,
    tell: impl Fn(&Done) + Send,
) -> Vec<Done> {
    let mut list = List { done: Vec::new(), tell };
    steps(registry, access, limits, &mut list).await;
    for step in Step::ALL {
        if list.done.iter().all(|done| done.step != step) {
            list.add(step, Verdict::Skipped, Duration::ZERO, "");
        }
    }
    list.done
}

/// Whether an image could be read or written: nothing failed.
pub fn passed(steps: &[Done]) -> bool {
    !steps.iter().any(|done| matches!(done.verdict, Verdict::Failed(_)))
}

struct List<F> {
    done: Vec<Done>,
    tell: F,
}

impl<F: Fn(&Done)> List<F> {
    fn add(&mut self, step: Step, verdict: Verdict, took: Duration, detail: impl Into<String>) {
        let done = Done { step, verdict, took, detail: detail.into() };
        (self.tell)(&done);
        self.done.push(done);
    }
}

/// Runs the steps until one fails.
async fn steps<F: Fn(&Done)>(
    registry: &Registry,
    access: Access,
    limits: &Limits,
    list: &mut List<F>,
) {
    let insecure = access.tls.insecure;
    let seen = if probe::is_proxied(registry) || access.proxy.is_some() {
        for step in [Step::Dns, Step::Tcp] {
            list.add(step, Verdict::Skipped, Duration::ZERO, "a proxy makes the connection");
        }
        None
    } else {
        match probe::connect(registry, insecure, limits.connect, list).await {
            Some(seen) => Some(seen),
            None => return,
        }
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
    tls_step(seen.as_ref(), about_tls, insecure, list);
    let Some(anonymous) = anonymous else { return };
    let open = match anonymous {
        Ok(()) => {
            list.add(Step::Registry, Verdict::Passed, took, "");
            Ok(())
        }
        Err(error) if is_about_login(error.code()) => {
            list.add(Step::Registry, Verdict::Passed, took, "it wants a login");
            Err(error)
        }
        Err(error) => return list.add(Step::Registry, Verdict::Failed(error), took, ""),
    };

    let began = Instant::now();
    if let Credential::Anonymous = access.credential {
        match open {
            Ok(()) => list.add(Step::Login, Verdict::Skipped, Duration::ZERO, "anonymous"),
            Err(error) => return list.add(Step::Login, Verdict::Failed(error), Duration::ZERO, ""),
        }
    } else {
        let login =
            ask(access.clone(), limits, |client| async move { client.ping(registry).await }).await;
        match login {
            Ok(()) => list.add(Step::Login, Verdict::Passed, began.elapsed(), ""),
            Err(error) => {
                return list.add(Step::Login, Verdict::Failed(error), began.elapsed(), "");
            }
        }
    }

    let began = Instant::now();
    let catalog =
        ask(access, limits, |client| async move { client.catalog(registry, 1).await }).await;
    match catalog {
        Ok(names) => {
            let detail = if names.is_empty() { "no repositories yet" } else { "" };
            list.add(Step::Catalog, Verdict::Passed, began.elapsed(), detail);
        }
        // copying needs no list: a warning
        Err(error) => list.add(Step::Catalog, Verdict::Warning(Some(error)), began.elapsed(), ""),
    }
}

/// What the handshake showed, and what the client said of it.
fn tls_step<F: Fn(&Done)>(
    seen: Option<&Seen>,
    error: Option<Error>,
    insecure: bool,
    list: &mut List<F>,
) {
    let (took, found) = match seen {
        None => (Duration::ZERO, "a proxy makes the connection"),
        Some(Seen::Certificate { took, certificate }) => (*took, certificate.as_str()),
        Some(Seen::NoTls { took, why }) => (*took, why.as_str()),
    };
    let (verdict, detail) = match (error, seen) {
        (Some(error), _) => (Verdict::Failed(error), found.to_owned()),
        (None, None) => (Verdict::Skipped, found.to_owned()),
        (None, Some(Seen::NoTls { .. })) => (
            Verdict::Warning(None),
            "plain HTTP: no certificate, and anyone in between can read the password".to_owned(),
        ),
        (None, Some(Seen::Certificate { .. })) if insecure => {
            (Verdict::Warning(None), format!("not verified: {found}"))
        }
        (None, Some(Seen::Certificate { .. })) => (Verdict::Passed, found.to_owned()),
    };
    list.add(Step::Tls, verdict, took, detail);
}

fn is_about_tls(code: Code) -> bool {
    matches!(
        code,
        Code::TlsUntrusted | Code::TlsExpired | Code::TlsName | Code::TlsFailed | Code::HttpPlain
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
    let options = ClientOptions { retries: 0, stall: limits.connect, ..ClientOptions::default() };
    let client = Client::new(options, Arc::new(Fixed(access)));
    tokio::time::timeout(limits.question, question(client)).await.unwrap_or_else(|_| {
        let wait = limits.question.as_secs_f64();
        Err(Error::new(Code::NetTimeout, format!("no answer within {wait:.0} s")))
    })
}

/// The same access for everything.
#[derive(Debug)]
struct Fixed(Access);

#[async_trait]
impl AccessSource for Fixed {
    async fn access(&self, _: &Registry, _: Option<&RepositoryName>, _: bool) -> Result<Access> {
        Ok(self.0.clone())
    }
}

#[cfg(test)]
mod tests;
