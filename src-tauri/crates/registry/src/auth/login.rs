//! A credential in use at a host. Until it has proven good, one request goes ahead with it alone; where it is refused
//! it is never sent again, and everyone who would have sent it gets the same error. A repository that refuses it may
//! do so for its own reasons, so that the front door is asked before it is taken for wrong; where that lets everyone in,
//! a few other repositories are.

use std::{
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use secrecy::ExposeSecret as _;
use tokio::{sync::OwnedMutexGuard, time::Instant};

use crate::{Code, Credential, Error, RepositoryName, Result, host::lock};

/// So many repositories that refuse a credential which nothing has accepted yet, and it is taken for wrong everywhere:
/// some registries lock the account after a few attempts more.
const REFUSALS: usize = 3;

/// A credential at one host.
#[derive(Debug)]
pub(crate) struct Login {
    /// Tells logins of a host apart.
    pub(crate) id: usize,
    pub(crate) credential: Credential,
    /// Where it was found.
    pub(crate) origin: String,
    gate: Arc<tokio::sync::Mutex<()>>,
    state: Mutex<State>,
    /// Repositories that refused it before anything had accepted it.
    refusals: Mutex<Vec<(RepositoryName, Error)>>,
    /// The front door was asked about it.
    asked_door: AtomicBool,
    /// It has taken the place of another.
    is_successor: bool,
    /// It was accepted at least once.
    was_good: AtomicBool,
    /// From when on its owner is asked for a newer one.
    renew_at: Mutex<Option<Instant>>,
    /// The credential that its owner gave when this one was refused or was to be renewed.
    successor: OnceLock<Arc<Login>>,
    succession: tokio::sync::Mutex<Succession>,
}

/// What came of asking for another credential after a refusal. It is asked for once.
#[derive(Debug, Default)]
struct Succession {
    asked: bool,
    error: Option<Error>,
}

/// What the owner of a credential that is to be renewed says.
pub(super) enum Renewal {
    /// It stays good until then.
    Same(Option<Instant>),
    /// Here is the next.
    Next(Arc<Login>),
}

/// An owner that has nothing newer is not asked again sooner than this.
const ASK_AGAIN: Duration = Duration::from_secs(5);

#[derive(Debug)]
enum State {
    /// Nobody knows yet. The last failure of those who went ahead, and how many there were.
    Untried(u64, Option<Error>),
    Good,
    Refused(Error),
}

/// The right to go ahead with a credential that has not proven good; `None` when it has.
pub(crate) type Ahead = Option<OwnedMutexGuard<()>>;

impl Login {
    pub(super) fn new(
        id: usize,
        credential: Credential,
        origin: String,
        renew_at: Option<Instant>,
        is_successor: bool,
    ) -> Self {
        Self {
            id,
            is_successor,
            was_good: AtomicBool::new(false),
            credential,
            origin,
            gate: Arc::default(),
            state: Mutex::new(State::Untried(0, None)),
            refusals: Mutex::default(),
            asked_door: AtomicBool::new(false),
            renew_at: Mutex::new(renew_at),
            successor: OnceLock::new(),
            succession: tokio::sync::Mutex::default(),
        }
    }

    /// This login, or the one that has taken its place.
    pub(crate) fn current(self: &Arc<Self>) -> Arc<Self> {
        let mut login = self;
        while let Some(next) = login.successor.get() {
            login = next;
        }
        Arc::clone(login)
    }

    /// The login that takes this one's place after a refusal, asked for once; the error is why the owner has none. A
    /// successor that was never any good has none: its owner would be asked again for each image.
    pub(super) async fn succeed(
        self: &Arc<Self>,
        ask: impl AsyncFnOnce() -> Result<Option<Arc<Login>>>,
    ) -> Result<Option<Arc<Login>>> {
        if self.is_successor && !self.was_good.load(Relaxed) {
            return Ok(None);
        }
        let mut succession = self.succession.lock().await;
        if !succession.asked && self.successor.get().is_none() {
            succession.asked = true;
            match ask().await {
                Ok(next) => self.succeeded_by(next),
                Err(error) => succession.error = Some(error),
            }
        }
        match (self.successor.get(), &succession.error) {
            (Some(next), _) => Ok(Some(Arc::clone(next))),
            (None, Some(error)) => Err(error.clone()),
            (None, None) => Ok(None),
        }
    }

    fn succeeded_by(self: &Arc<Self>, next: Option<Arc<Login>>) {
        // one that this has taken the place of is no way on
        if let Some(next) = next.filter(|next| !Arc::ptr_eq(&next.current(), self)) {
            let _ = self.successor.set(next);
        }
    }

    /// Whether its owner is to be asked for a newer one before it is used.
    pub(super) fn is_due(&self) -> bool {
        lock(&self.renew_at).is_some_and(|at| at <= Instant::now())
    }

    /// Asks the owner for a newer one, one request for all that wait. Whatever comes of it, it is not due any more.
    pub(super) async fn renew(
        self: &Arc<Self>,
        ask: impl AsyncFnOnce() -> Result<Renewal>,
    ) -> Result<()> {
        let _alone = self.succession.lock().await;
        if self.successor.get().is_some() || !self.is_due() {
            return Ok(());
        }
        let until = match ask().await? {
            Renewal::Same(until) => until,
            Renewal::Next(next) => {
                self.succeeded_by(Some(next));
                None
            }
        };
        let soonest = Instant::now() + ASK_AGAIN;
        self.good_until(until.map(|until| until.max(soonest)));
        Ok(())
    }

    /// Its owner says from when on it is to be renewed.
    pub(super) fn good_until(&self, renew_at: Option<Instant>) {
        *lock(&self.renew_at) = renew_at;
    }

    pub(crate) fn is_anonymous(&self) -> bool {
        matches!(self.credential, Credential::Anonymous)
    }

    pub(super) fn is(&self, credential: &Credential) -> bool {
        use Credential::{Anonymous, Basic, Bearer, IdentityToken};
        match (&self.credential, credential) {
            (Anonymous, Anonymous) => true,
            (Basic { username, password }, Basic { username: u, password: p }) => {
                username == u && password.expose_secret() == p.expose_secret()
            }
            (IdentityToken(token), IdentityToken(t)) | (Bearer(token), Bearer(t)) => {
                token.expose_secret() == t.expose_secret()
            }
            _ => false,
        }
    }

    /// Runs `with` on the secret, if there is one.
    pub(crate) fn secret<T>(&self, with: impl FnOnce(&str) -> T) -> Option<T> {
        match &self.credential {
            Credential::Anonymous => None,
            Credential::Basic { password: secret, .. }
            | Credential::IdentityToken(secret)
            | Credential::Bearer(secret) => Some(with(secret.expose_secret())),
        }
    }

    /// Waits for one's turn to use the credential. An error means that it is refused, or that whoever went ahead has
    /// failed for a reason that is everyone's.
    pub(crate) async fn ahead(&self, repository: Option<&RepositoryName>) -> Result<Ahead> {
        let seen = match &*lock(&self.state) {
            State::Good => return Ok(None),
            State::Refused(error) => return Err(error.clone()),
            State::Untried(failures, _) => *failures,
        };
        let guard = Arc::clone(&self.gate).lock_owned().await;
        match &*lock(&self.state) {
            State::Good => Ok(None),
            State::Refused(error) => Err(error.clone()),
            State::Untried(failures, Some(error)) if *failures != seen => Err(error.clone()),
            State::Untried(..) => match self.refusal_of(repository) {
                Some(error) => Err(error),
                None => Ok(Some(guard)),
            },
        }
    }

    fn refusal_of(&self, repository: Option<&RepositoryName>) -> Option<Error> {
        let refusals = lock(&self.refusals);
        let refusal = refusals.iter().find(|(name, _)| Some(name) == repository);
        refusal.map(|(_, error)| error.clone())
    }

    /// A repository's refusal that nobody has found the meaning of yet; told once, to the one who goes ahead.
    pub(super) fn doubt(&self) -> Option<Error> {
        let refusal = lock(&self.refusals).first().map(|(_, error)| error.clone())?;
        (!self.asked_door.swap(true, Relaxed)).then_some(refusal)
    }

    /// Whether it is known to be good.
    pub(crate) fn is_good(&self) -> bool {
        matches!(*lock(&self.state), State::Good)
    }

    /// It was accepted.
    pub(crate) fn accepted(&self) {
        let mut state = lock(&self.state);
        if matches!(*state, State::Untried(..)) {
            self.was_good.store(true, Relaxed);
            *state = State::Good;
        }
    }

    /// It was refused. Those who come later get the error at once.
    pub(crate) fn refused(&self, error: &Error) {
        *lock(&self.state) = State::Refused(tried(error));
    }

    /// A repository refused it; without a repository, the registry as a whole did. One that has proven good stays so.
    pub(crate) fn refused_by(&self, repository: Option<&RepositoryName>, error: &Error) {
        let mut state = lock(&self.state);
        if !matches!(*state, State::Untried(..)) {
            return;
        }
        let mut refusals = lock(&self.refusals);
        if let Some(name) = repository
            && !refusals.iter().any(|(known, _)| known == name)
        {
            refusals.push((name.clone(), error.clone()));
        }
        if repository.is_none() || refusals.len() >= REFUSALS {
            *state = State::Refused(tried(error));
        }
    }

    /// Nobody could tell whether it is good. Those who were waiting share the error.
    pub(super) fn unanswered(&self, error: &Error) {
        if let State::Untried(failures, last) = &mut *lock(&self.state) {
            *failures += 1;
            *last = Some(error.clone());
        }
    }

    /// The error for a refused credential.
    pub(crate) fn rejected(&self, by: &str) -> Error {
        let origin = if self.origin.is_empty() { "the account" } else { &self.origin };
        Error::new(Code::AuthRejected, format!("{by} refused the credentials of {origin}"))
    }
}

/// The error for those who are told without having asked.
fn tried(error: &Error) -> Error {
    error.clone().tried(error.attempts().max(1), error.elapsed())
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;

    use super::*;

    fn login() -> Arc<Login> {
        let password = "pw".to_owned().into();
        let credential = Credential::Basic { username: "u".into(), password };
        Arc::new(Login::new(0, credential, "auth.yaml: r.example".into(), None, false))
    }

    #[tokio::test]
    async fn one_goes_ahead_and_a_refusal_is_everyones() {
        let login = login();
        let first = login.ahead(None).await.unwrap();
        assert!(first.is_some());
        let waiting = join_all((0..50).map(|_| login.ahead(None)));
        let leader = async {
            tokio::task::yield_now().await;
            login.refused(&login.rejected("r.example"));
            drop(first);
        };
        let (waited, ()) = tokio::join!(waiting, leader);
        for result in waited {
            assert_eq!(result.unwrap_err().code(), Code::AuthRejected);
        }
        assert!(login.ahead(None).await.is_err());
        login.accepted();
        assert!(login.ahead(None).await.is_err(), "a refusal is final");
    }

    #[tokio::test]
    async fn an_unanswered_login_is_shared_by_those_who_waited_alone() {
        let login = login();
        let first = login.ahead(None).await.unwrap();
        let mut waiting = Box::pin(login.ahead(None));
        assert!(futures_util::poll!(&mut waiting).is_pending());
        login.unanswered(&Error::new(Code::AuthUnavailable, "x"));
        drop(first);
        assert_eq!(waiting.await.unwrap_err().code(), Code::AuthUnavailable);
        assert!(login.ahead(None).await.unwrap().is_some(), "the next one tries again");
    }

    #[tokio::test]
    async fn a_leader_that_is_dropped_hands_over() {
        let login = login();
        let first = login.ahead(None).await.unwrap();
        let mut waiting = Box::pin(login.ahead(None));
        assert!(futures_util::poll!(&mut waiting).is_pending());
        drop(first);
        assert!(waiting.await.unwrap().is_some());
    }

    #[tokio::test]
    async fn a_few_repositories_may_refuse_before_it_is_wrong_everywhere() {
        let name = |n: usize| Some(format!("team/r{n}").parse::<RepositoryName>().unwrap());
        let login = login();
        let refused = login.rejected("r.example");
        for n in 0..REFUSALS {
            for _ in 0..2 {
                let repository = name(n);
                let Ok(first) = login.ahead(repository.as_ref()).await else { continue };
                login.refused_by(repository.as_ref(), &refused);
                drop(first);
                assert!(
                    login.ahead(repository.as_ref()).await.is_err(),
                    "it is not sent there twice"
                );
            }
            assert_eq!(login.ahead(name(9).as_ref()).await.is_err(), n + 1 == REFUSALS, "{n}");
        }
        // one that another accepts is good, whoever refuses it then
        let login = self::login();
        login.refused_by(name(0).as_ref(), &refused);
        login.accepted();
        for n in 0..9 {
            login.refused_by(name(n).as_ref(), &refused);
        }
        assert!(login.ahead(name(0).as_ref()).await.is_ok());
        // the front door speaks for the whole house
        let login = self::login();
        login.refused_by(None, &refused);
        assert!(login.ahead(name(0).as_ref()).await.is_err());
    }

    #[test]
    fn debug_shows_no_secret() {
        assert!(!format!("{:?}", login()).contains("pw"));
    }
}
