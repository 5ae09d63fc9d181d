//! One request's search for an `Authorization` that the registry accepts. Each remedy is tried once, so that it ends.

use std::{sync::Arc, time::Duration};

use http::{HeaderValue, Method, StatusCode, header::AUTHORIZATION};
use secrecy::ExposeSecret as _;
use url::Url;

use super::{
    Challenge, Way,
    exchange::{Exchange, NoToken, basic, bearer},
    login::{Ahead, Login, Renewal},
    slot::{Pass, Slot, Token},
    way,
};
use crate::{
    Client, Code, Credential, Error, HostState, RepositoryName, Result, Side, Wait,
    failure::Failure,
    hint,
    host::Reach,
    redirect::{self, Home},
    wire::{Load, Parcel, transmit},
};

/// Who seeks what.
pub(crate) struct Seeker<'a> {
    pub(crate) client: &'a Client,
    pub(crate) host: &'a HostState,
    pub(crate) reach: &'a Reach,
    pub(crate) repository: Option<&'a RepositoryName>,
    pub(crate) side: Side,
    scopes: Vec<String>,
    /// How long a token must last for this request.
    enough: Duration,
    /// The host's way has been learnt from a 401 or a ping of this request.
    learnt: bool,
    pinged: bool,
    widened: bool,
    renewed: bool,
    succeeded: bool,
    /// Why the owner of the credentials has no newer ones.
    not_renewed: Option<Error>,
}

/// What a request shows.
pub(crate) enum Proof {
    Nothing,
    /// The credential itself; while it has not proven good, no other request shows it.
    Credential {
        header: HeaderValue,
        login: Arc<Login>,
        _ahead: Ahead,
    },
    /// A token.
    Token {
        pass: Pass,
        slot: Arc<Slot>,
        login: Arc<Login>,
    },
}

impl Proof {
    pub(crate) fn header(&self) -> Option<&HeaderValue> {
        match self {
            Self::Nothing => None,
            Self::Credential { header, .. } => Some(header),
            Self::Token { pass, .. } => Some(&pass.header),
        }
    }

    /// The registry did not answer 401.
    pub(crate) fn accepted(&self) {
        if let Self::Credential { login, .. } = self {
            login.accepted();
        }
    }
}

impl<'a> Seeker<'a> {
    pub(crate) fn new(
        client: &'a Client,
        host: &'a HostState,
        reach: &'a Reach,
        repository: Option<&'a RepositoryName>,
        side: Side,
        scopes: Vec<String>,
        enough: Duration,
    ) -> Self {
        Self {
            client,
            host,
            reach,
            repository,
            side,
            scopes,
            enough,
            learnt: false,
            pinged: false,
            widened: false,
            renewed: false,
            succeeded: false,
            not_renewed: None,
        }
    }

    pub(crate) fn login(&self) -> Arc<Login> {
        self.reach.login.current()
    }

    /// What to show now.
    pub(crate) async fn proof(&mut self, home: &Home) -> Result<Proof> {
        loop {
            let login = self.fresh().await?;
            match self.proof_of(&login, home).await {
                Err(error) if error.code() == Code::AuthRejected => {
                    if !self.succeed(&login).await {
                        return Err(self.explained(error));
                    }
                }
                Err(error) if error.code() == Code::PullDenied => {
                    return Err(self.denied(error, &login));
                }
                result => return result,
            }
        }
    }

    /// The login to use now. The owner of one that is about to run out is asked for a newer one first.
    async fn fresh(&self) -> Result<Arc<Login>> {
        loop {
            let login = self.login();
            if !login.is_due() {
                return Ok(login);
            }
            let ask = async || {
                let access = &self.client.0.access;
                let new = access.access(&self.host.registry, self.repository, false).await?;
                if login.is(&new.credential) {
                    return Ok(Renewal::Same(new.renew_at));
                }
                tracing::debug!(registry = %self.host.registry, origin = &*new.origin, "renewed in time");
                let auth = &self.host.auth;
                Ok(Renewal::Next(auth.login(new.credential, new.origin.to_string(), new.renew_at)))
            };
            login.renew(ask).await?;
        }
    }

    async fn proof_of(&self, login: &Arc<Login>, home: &Home) -> Result<Proof> {
        if let Credential::Bearer(token) = &login.credential {
            return self.credential(login, home, bearer(token.expose_secret())).await;
        }
        match self.host.auth.way(home)? {
            Way::Unknown => Ok(Proof::Nothing),
            Way::Basic => match &login.credential {
                Credential::Basic { .. } => {
                    self.credential(login, home, basic(&login.credential)).await
                }
                _ => Ok(Proof::Nothing),
            },
            Way::Token { realm, service } => {
                let scopes = || self.scopes.clone();
                let slot = self.host.auth.slot(login, self.scopes.join(" "), scopes);
                let pass = slot
                    .token(self.enough, async |scopes| {
                        self.fetch(login, home, &realm, service.as_deref(), &scopes).await
                    })
                    .await?;
                Ok(Proof::Token { pass, slot, login: Arc::clone(login) })
            }
        }
    }

    async fn credential(
        &self,
        login: &Arc<Login>,
        home: &Home,
        header: Option<HeaderValue>,
    ) -> Result<Proof> {
        let header = header.ok_or_else(|| {
            Error::new(Code::AuthRejected, "the secret has characters that fit in no header")
        })?;
        let ahead = login.ahead(self.repository).await?;
        if ahead.is_some()
            && let Some(refusal) = login.doubt()
            && let Ok(answer) = self.ask_door(home, Some(&header)).await
            && answer.status() == StatusCode::UNAUTHORIZED
        {
            // it was no matter of the one repository
            login.refused(&refusal);
            return Err(refusal);
        }
        Ok(Proof::Credential { header, login: Arc::clone(login), _ahead: ahead })
    }

    async fn fetch(
        &self,
        login: &Login,
        home: &Home,
        realm: &Url,
        service: Option<&str>,
        scopes: &[String],
    ) -> Result<Token, (Error, bool)> {
        let _ahead = login.ahead(None).await.map_err(|error| (error, false))?;
        let exchange = self.exchange(home, realm, service);
        let refused = match exchange.token(login, scopes).await {
            Ok(token) => {
                login.accepted();
                return Ok(token);
            }
            Err(NoToken::Unavailable(error)) => {
                login.unanswered(&error);
                return Err((error, false));
            }
            Err(NoToken::Denied(error)) if login.is_anonymous() => {
                login.accepted();
                return Err((error, true));
            }
            Err(NoToken::Denied(error)) if login.is_good() => return Err((error, true)),
            Err(NoToken::Refused(error)) if !login.is_good() || scopes.is_empty() => error,
            // Is it who we are, or what we ask for? A token for nothing at all tells.
            Err(NoToken::Denied(error) | NoToken::Refused(error)) => {
                let by = &*redirect::place(realm);
                match exchange.token(login, &[]).await {
                    Ok(_) => {
                        login.accepted();
                        let message = format!("{by} gives the account no token for this");
                        return Err((error.becomes(Code::PullDenied, message), true));
                    }
                    Err(NoToken::Unavailable(_)) => return Err((error, false)),
                    Err(NoToken::Denied(error) | NoToken::Refused(error)) => {
                        let rejected = login.rejected(by);
                        error.becomes(Code::AuthRejected, rejected.message())
                    }
                }
            }
        };
        login.refused(&refused);
        Err((refused, false))
    }

    fn exchange<'e>(
        &'e self,
        home: &Home,
        realm: &'e Url,
        service: Option<&'e str>,
    ) -> Exchange<'e> {
        let pool = if home.owns(realm) { &self.reach.http } else { &self.reach.abroad };
        let http = &pool.single;
        Exchange { client: self.client, host: self.host, reach: self.reach, http, realm, service }
    }

    /// After a 401: whether it is worth another try. The request that is tried again costs no retry.
    pub(crate) async fn again(
        &mut self,
        home: &Home,
        proof: &Proof,
        challenges: &[Challenge],
    ) -> Result<bool> {
        self.host.auth.remember(challenges);
        match proof {
            Proof::Nothing => {
                if !self.host.auth.is_known() && !self.pinged {
                    // some registries say how to log in at their front door alone
                    self.pinged = true;
                    if let Ok(found) = self.ping(home).await {
                        self.host.auth.remember(&found);
                    }
                }
                let can = match self.host.auth.way(home)? {
                    Way::Unknown => false,
                    Way::Basic => matches!(self.login().credential, Credential::Basic { .. }),
                    Way::Token { .. } => true,
                };
                Ok(can && !std::mem::replace(&mut self.learnt, true))
            }
            Proof::Token { pass, slot, login } => {
                let param = |name| {
                    let bearer = challenges.iter().find(|c| c.scheme == "bearer");
                    bearer.and_then(|bearer| bearer.param(name))
                };
                let is_wider = slot.widen(pass.fetch, param("scope").unwrap_or_default());
                let is_too_weak = param("error") == Some("insufficient_scope");
                if is_too_weak && !is_wider && slot.is_useless(pass.fetch) {
                    return Ok(false);
                }
                if !self.widened && (is_wider || is_too_weak) {
                    self.widened = true;
                    slot.drop_token(pass.fetch);
                    return Ok(true);
                }
                if !pass.is_fresh && !self.renewed {
                    self.renewed = true;
                    slot.drop_token(pass.fetch);
                    return Ok(true);
                }
                if self.succeed(login).await {
                    return Ok(true);
                }
                if is_too_weak {
                    slot.mark_useless(pass.fetch);
                }
                Ok(false)
            }
            Proof::Credential { login, .. } => {
                // one that was good elsewhere is good; the 401 is about the repository
                login.refused_by(self.repository, &self.rejected(login));
                Ok(self.succeed(login).await)
            }
        }
    }

    /// The error after a 401 that nothing helped against.
    pub(crate) fn unauthorized(&self, proof: &Proof, challenges: &[Challenge]) -> Error {
        self.explained(self.unexplained(proof, challenges))
    }

    fn unexplained(&self, proof: &Proof, challenges: &[Challenge]) -> Error {
        let registry = &self.host.registry;
        match proof {
            Proof::Credential { login, .. } if !login.is_good() => self.rejected(login),
            Proof::Token { login, .. } | Proof::Credential { login, .. }
                if !login.is_anonymous() =>
            {
                let is_invalid =
                    challenges.iter().any(|c| c.param("error") == Some("invalid_token"));
                if is_invalid {
                    let message = format!("{registry} refused the token of its own token service");
                    return Error::new(Code::AuthRejected, message);
                }
                let message = "the account may not do this";
                self.denied(Error::new(Code::PullDenied, message), login)
            }
            Proof::Nothing if !self.login().is_anonymous() => {
                let origin = &self.login().origin;
                let message =
                    format!("{registry} takes no credentials of the kind that {origin} gives");
                Error::new(Code::AuthRejected, message)
            }
            _ => {
                let message = format!("{registry} wants a login, and it was asked without one");
                let error = Error::new(Code::AuthRequired, message);
                // such as what kept a login from being found
                match self.login().origin.split_once("; ") {
                    Some((_, why)) => error.because(why),
                    None => error,
                }
            }
        }
    }

    fn rejected(&self, login: &Login) -> Error {
        let registry = &self.host.registry;
        login.rejected(registry.as_str()).registry(registry).status(401)
    }

    /// The denial as it is called on this side.
    pub(crate) fn denied(&self, error: Error, login: &Login) -> Error {
        let error = match self.side {
            Side::Source => error,
            Side::Destination => error.recoded(Code::PushDenied),
        };
        if login.is_anonymous() {
            return error.hint(hint::anonymous(&self.host.registry));
        }
        error
    }

    /// Adds why there are no newer credentials, where their owner was asked and has told.
    fn explained(&self, error: Error) -> Error {
        let Some(why) = &self.not_renewed else { return error };
        let error = if why.code() == Code::AuthRejected {
            // not a matter of rights: who gives out the credentials has withdrawn them
            let rejected = self.login().rejected(self.host.registry.as_str());
            error.becomes(Code::AuthRejected, rejected.message())
        } else {
            error
        };
        let hints: Vec<String> = why.own_hints().map(str::to_owned).collect();
        let error = error.because(format!("newer ones could not be had: {why}"));
        hints.into_iter().fold(error, Error::hint)
    }

    /// Asks the owner of the credentials for newer ones, once per login and request.
    async fn succeed(&mut self, login: &Arc<Login>) -> bool {
        if login.is_anonymous() || std::mem::replace(&mut self.succeeded, true) {
            return false;
        }
        let ask = async || {
            let access = &self.client.0.access;
            let new = access.access(&self.host.registry, self.repository, true).await?;
            if login.is(&new.credential) {
                return Ok(None);
            }
            tracing::debug!(registry = %self.host.registry, origin = &*new.origin, "new credentials");
            let auth = &self.host.auth;
            Ok(Some(auth.login_as(new.credential, new.origin.to_string(), new.renew_at, true)))
        };
        match login.succeed(ask).await {
            Ok(next) => next.is_some(),
            Err(error) => {
                self.not_renewed = Some(error);
                false
            }
        }
    }

    /// The challenges at the registry's front door.
    async fn ping(&self, home: &Home) -> Result<Vec<Challenge>, Failure> {
        Ok(Challenge::of(self.ask_door(home, None).await?.headers()))
    }

    /// What the registry's front door answers to those who show this.
    async fn ask_door(
        &self,
        home: &Home,
        shown: Option<&HeaderValue>,
    ) -> Result<reqwest::Response, Failure> {
        let url = home.url.join("v2/").unwrap_or_else(|_| home.url.clone());
        let headers = shown.map(|value| (AUTHORIZATION, value.clone())).into_iter().collect();
        let (method, body) = (Method::GET, Load::Empty);
        let parcel = Parcel { method, url, headers, body, wait: Wait::Answer };
        let proxy = self.reach.access.proxy.as_ref();
        transmit(self.client, &self.reach.http.single, proxy, parcel, 1).await
    }

    /// A token of nobody's for another registry that a redirect has led to.
    pub(crate) async fn abroad(
        &self,
        there: &Home,
        challenges: &[Challenge],
    ) -> Result<Option<HeaderValue>> {
        let Way::Token { realm, service } = way(challenges, there)? else { return Ok(None) };
        let scopes: Vec<_> = challenges
            .iter()
            .filter_map(|challenge| challenge.param("scope"))
            .flat_map(str::split_whitespace)
            .map(str::to_owned)
            .collect();
        let nobody = self.host.auth.login(Credential::Anonymous, "anonymous".into(), None);
        let key =
            format!("{realm} {} {}", service.as_deref().unwrap_or_default(), scopes.join(" "));
        let slot = self.host.auth.slot(&nobody, key, || scopes);
        let service = service.as_deref();
        let exchange =
            Exchange { http: &self.reach.abroad.single, ..self.exchange(there, &realm, service) };
        let pass = slot
            .token(Duration::ZERO, async |scopes| {
                exchange.token(&nobody, &scopes).await.map_err(|error| match error {
                    NoToken::Unavailable(error) => (error, false),
                    NoToken::Denied(error) | NoToken::Refused(error) => (error, true),
                })
            })
            .await?;
        Ok(Some(pass.header))
    }
}
