//! How we tell a registry who we are. The registry's challenge is learnt once per host; tokens are shared by all that
//! ask the same host for the same; a credential that is refused is not sent twice.

mod challenge;
mod exchange;
mod login;
mod scope;
mod seeker;
mod slot;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use tokio::time::Instant;
use url::Url;

pub(crate) use self::{
    challenge::Challenge,
    exchange::{basic, bearer},
    login::Login,
    scope::needed,
    seeker::{Proof, Seeker},
};
use crate::{
    Credential, Error, RepositoryName, Result,
    host::lock,
    redirect::{self, Home},
};
use slot::Slot;

/// What is known about logging in at a host.
#[derive(Debug, Default)]
pub(crate) struct Auth {
    challenges: Mutex<Option<Arc<[Challenge]>>>,
    logins: Mutex<Vec<Arc<Login>>>,
    slots: Mutex<HashMap<(usize, String), Arc<Slot>>>,
}

/// How a host wants to be told who we are.
enum Way {
    /// It has not said, or in no way that we know.
    Unknown,
    /// `Authorization: Basic`.
    Basic,
    /// A token from a token service.
    Token { realm: Url, service: Option<String> },
}

impl Auth {
    /// The login for a credential: the same for the same credential.
    pub(crate) fn login(
        &self,
        credential: Credential,
        origin: String,
        renew_at: Option<Instant>,
    ) -> Arc<Login> {
        self.login_as(credential, origin, renew_at, false)
    }

    fn login_as(
        &self,
        credential: Credential,
        origin: String,
        renew_at: Option<Instant>,
        is_successor: bool,
    ) -> Arc<Login> {
        let mut logins = lock(&self.logins);
        if let Some(login) = logins.iter().find(|login| login.is(&credential)) {
            login.good_until(renew_at);
            return Arc::clone(login);
        }
        let login = Login::new(logins.len(), credential, origin, renew_at, is_successor);
        let login = Arc::new(login);
        logins.push(Arc::clone(&login));
        login
    }

    /// Remembers a host's challenges, if there are any.
    pub(crate) fn remember(&self, challenges: &[Challenge]) {
        if challenges.iter().any(|c| c.scheme == "bearer" || c.scheme == "basic") {
            *lock(&self.challenges) = Some(challenges.into());
        }
    }

    /// What the host has asked for so far.
    pub(crate) fn challenges(&self) -> Option<Arc<[Challenge]>> {
        lock(&self.challenges).clone()
    }

    /// The token that is there for a login and some scopes.
    pub(crate) fn token(&self, login: &Login, scopes: &[String]) -> Option<String> {
        let slot = lock(&self.slots).get(&(login.id, scopes.join(" "))).cloned()?;
        slot.peek()
    }

    /// Forgets the tokens for a repository, and for what is in the same namespace: their rights have changed.
    pub(crate) fn forget(&self, name: &RepositoryName) {
        let namespace = name.as_str().split_once('/').map_or(name.as_str(), |(first, _)| first);
        let (own, inside) =
            (format!("repository:{namespace}:"), format!("repository:{namespace}/"));
        lock(&self.slots).retain(|(_, key), _| !key.contains(&own) && !key.contains(&inside));
    }

    fn is_known(&self) -> bool {
        lock(&self.challenges).is_some()
    }

    fn way(&self, home: &Home) -> Result<Way> {
        let challenges = lock(&self.challenges).clone();
        let challenges = challenges.as_deref().unwrap_or_default();
        way(challenges, home)
    }

    fn slot(&self, login: &Login, key: String, scopes: impl FnOnce() -> Vec<String>) -> Arc<Slot> {
        let mut slots = lock(&self.slots);
        let slot = slots.entry((login.id, key)).or_insert_with(|| Arc::new(Slot::new(scopes())));
        Arc::clone(slot)
    }
}

/// The way that challenges name; a token before a password.
fn way(challenges: &[Challenge], home: &Home) -> Result<Way> {
    let bearer = challenges.iter().find(|c| c.scheme == "bearer" && c.param("realm").is_some());
    let realm = bearer.and_then(|bearer| bearer.param("realm"));
    if let (Some(bearer), Some(realm)) = (bearer, realm) {
        let service = bearer.param("service").map(str::to_owned);
        let realm = home.realm(realm).map_err(|why| refused_realm(realm, why))?;
        return Ok(Way::Token { realm, service });
    }
    let is_basic = challenges.iter().any(|c| c.scheme == "basic");
    Ok(if is_basic { Way::Basic } else { Way::Unknown })
}

fn refused_realm(realm: &str, why: &str) -> Error {
    redirect::refused("getting a token", realm, why)
}
