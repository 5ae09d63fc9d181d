//! The place of one token: for one host, one credential and one set of scopes. It is fetched by one request at a time
//! and renewed before it expires; whoever was waiting for a fetch shares its result.

use std::{sync::Mutex, time::Duration};

use http::HeaderValue;
use tokio::time::Instant;

use super::scope;
use crate::{Error, Result, host::lock};

/// How long a token lives whose life is not told or is told to be shorter: the token spec's minimum.
const SHORTEST_LIFE: Duration = Duration::from_mins(1);
/// The longest time before its end that a token is renewed at.
const EARLY: Duration = Duration::from_secs(10);
/// How long a token that is good still is used on after its renewal has failed, before that is tried again.
const RENEW_AGAIN: Duration = Duration::from_secs(5);
/// How long a denial is remembered, so that a hundred images of one repository don't ask a hundred times.
const DENIAL_LIFE: Duration = Duration::from_mins(1);

/// A token, as the header that brings it.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) header: HeaderValue,
    life: Duration,
    expires: Instant,
    renew: Instant,
}

impl Token {
    /// A token that was asked for at `asked`. Clocks of servers are not to be trusted, so the time that they say they
    /// issued it at is not used.
    pub(crate) fn new(header: HeaderValue, asked: Instant, life: Option<Duration>) -> Self {
        let life = life.unwrap_or_default().clamp(SHORTEST_LIFE, Duration::from_hours(365 * 24));
        let expires = asked + life;
        Self { header, life, expires, renew: expires - EARLY.min(life / 4) }
    }

    /// Whether it is good for a request that takes a while, as far as tokens of its life can be.
    fn lasts(&self, enough: Duration) -> bool {
        let now = Instant::now();
        let left = self.expires.saturating_duration_since(now);
        now < self.renew && left >= enough.min(self.life / 2)
    }
}

#[derive(Debug)]
pub(crate) struct Slot {
    flight: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    scopes: Vec<String>,
    token: Option<Token>,
    /// How many fetches have ended.
    fetches: u64,
    /// The fetch that the token is of.
    current: u64,
    /// How the last one failed, and until when that is remembered.
    failure: Option<(Error, Instant)>,
    /// The fetch whose token allows too little, though all was asked for: more is not to be had.
    useless: Option<u64>,
}

/// A token for one request.
#[derive(Clone, Debug)]
pub(crate) struct Pass {
    pub(crate) header: HeaderValue,
    /// Names the token in its slot.
    pub(crate) fetch: u64,
    /// It was fetched while the request was waiting for it.
    pub(crate) is_fresh: bool,
}

impl Slot {
    pub(crate) fn new(scopes: Vec<String>) -> Self {
        let state =
            State { scopes, token: None, fetches: 0, current: 0, failure: None, useless: None };
        Self { flight: tokio::sync::Mutex::default(), state: Mutex::new(state) }
    }

    /// The token, fetched by `fetch` if there is none that lasts. `Err` of `fetch` says whether it is a denial, which
    /// is remembered for a while. When a token is to be renewed before its time and the service can't be reached, the
    /// one that there is goes on being used until it has expired.
    pub(crate) async fn token(
        &self,
        enough: Duration,
        fetch: impl AsyncFnOnce(Vec<String>) -> Result<Token, (Error, bool)>,
    ) -> Result<Pass> {
        let seen = {
            let state = lock(&self.state);
            if let Some(pass) = state.pass(enough, false) {
                return Ok(pass);
            }
            if let Some((error, until)) = &state.failure
                && Instant::now() < *until
            {
                return Err(error.clone());
            }
            state.fetches
        };
        let _alone = self.flight.lock().await;
        let scopes = {
            let state = lock(&self.state);
            if state.fetches != seen {
                // somebody fetched while this one waited
                if let Some(pass) = state.pass(Duration::ZERO, true) {
                    return Ok(pass);
                }
                if let Some((error, _)) = &state.failure {
                    return Err(error.clone());
                }
            }
            state.scopes.clone()
        };
        let result = fetch(scopes).await;
        let mut state = lock(&self.state);
        state.fetches += 1;
        match result {
            Ok(token) => {
                let pass =
                    Pass { header: token.header.clone(), fetch: state.fetches, is_fresh: true };
                (state.token, state.failure) = (Some(token), None);
                state.current = state.fetches;
                Ok(pass)
            }
            Err((error, is_denial)) => {
                let now = Instant::now();
                if !is_denial
                    && let Some(token) = state.token.as_mut().filter(|token| now < token.expires)
                {
                    tracing::warn!(%error, "the token could not be renewed and is used on");
                    token.renew = token.expires.min(now + RENEW_AGAIN);
                    let header = token.header.clone();
                    return Ok(Pass { header, fetch: state.current, is_fresh: false });
                }
                let until = if is_denial { now + DENIAL_LIFE } else { now };
                (state.token, state.failure) = (None, Some((error.clone(), until)));
                Err(error)
            }
        }
    }

    /// The token that is there now.
    pub(crate) fn peek(&self) -> Option<String> {
        let state = lock(&self.state);
        let text = state.token.as_ref()?.header.to_str().ok()?;
        Some(text.split_once(' ')?.1.to_owned())
    }

    /// The token of that fetch is no good.
    pub(crate) fn drop_token(&self, fetch: u64) {
        let mut state = lock(&self.state);
        if state.current == fetch {
            state.token = None;
        }
    }

    /// A fresh token allowed too little. The next image need not find that out again.
    pub(crate) fn mark_useless(&self, fetch: u64) {
        lock(&self.state).useless = Some(fetch);
    }

    pub(crate) fn is_useless(&self, fetch: u64) -> bool {
        lock(&self.state).useless == Some(fetch)
    }

    /// Asks for more with the next token. Says whether that is more than the token of that fetch has.
    pub(crate) fn widen(&self, fetch: u64, asked: &str) -> bool {
        let mut state = lock(&self.state);
        // when another request has widened it already, its token is new to this one
        scope::widen(&mut state.scopes, asked) || state.current != fetch
    }
}

impl State {
    fn pass(&self, enough: Duration, is_fresh: bool) -> Option<Pass> {
        let token = self.token.as_ref().filter(|token| token.lasts(enough))?;
        Some(Pass { header: token.header.clone(), fetch: self.current, is_fresh })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

    use futures_util::future::join_all;

    use super::*;
    use crate::Code;

    /// A slot with a token service that counts.
    struct Service {
        slot: Slot,
        fetches: AtomicU64,
        life: Option<u64>,
    }

    impl Service {
        fn new(life: Option<u64>) -> Self {
            let slot = Slot::new(vec!["repository:a:pull".into()]);
            Self { slot, fetches: AtomicU64::new(0), life }
        }

        async fn get(&self, enough: u64) -> Result<Pass> {
            self.slot
                .token(Duration::from_secs(enough), async |_| {
                    let asked = Instant::now();
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    let n = self.fetches.fetch_add(1, Relaxed) + 1;
                    let header = HeaderValue::from_str(&format!("Bearer t{n}")).unwrap();
                    Ok(Token::new(header, asked, self.life.map(Duration::from_secs)))
                })
                .await
        }

        async fn fail(&self, is_denial: bool) -> Result<Pass> {
            self.slot
                .token(Duration::ZERO, async |_| {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    self.fetches.fetch_add(1, Relaxed);
                    Err((Error::new(Code::PullDenied, "x"), is_denial))
                })
                .await
        }

        fn fetches(&self) -> u64 {
            self.fetches.load(Relaxed)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_fetch_for_fifty_at_once() {
        let service = Service::new(None);
        let all = join_all((0..50).map(|_| service.get(0))).await;
        assert_eq!(service.fetches(), 1);
        assert!(all.iter().all(|pass| pass.as_ref().unwrap().header == "Bearer t1"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_shared_by_those_who_waited() {
        let service = Service::new(None);
        let all = join_all((0..50).map(|_| service.fail(false))).await;
        assert!(all.iter().all(Result::is_err));
        assert_eq!(service.fetches(), 1);
        assert!(service.get(0).await.is_ok(), "the next one tries again");
    }

    #[tokio::test(start_paused = true)]
    async fn a_denial_is_remembered_for_a_while() {
        let service = Service::new(None);
        assert!(service.fail(true).await.is_err());
        assert!(service.get(0).await.is_err());
        assert_eq!(service.fetches(), 1);
        tokio::time::advance(DENIAL_LIFE).await;
        assert!(service.get(0).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn renewed_before_it_expires() {
        // told, assumed, and told too short
        for (life, good, renewed) in
            [(Some(300), 285, 6), (None, 45, 6), (Some(0), 45, 6), (Some(20), 45, 6)]
        {
            let service = Service::new(life);
            service.get(0).await.unwrap();
            tokio::time::advance(Duration::from_secs(good)).await;
            let pass = service.get(0).await.unwrap();
            assert_eq!((service.fetches(), pass.is_fresh), (1, false), "{life:?}");
            tokio::time::advance(Duration::from_secs(renewed)).await;
            assert!(service.get(0).await.unwrap().is_fresh, "{life:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_request_gets_a_token_that_lasts() {
        let service = Service::new(Some(300));
        service.get(0).await.unwrap();
        tokio::time::advance(Duration::from_secs(250)).await;
        assert!(!service.get(0).await.unwrap().is_fresh);
        assert!(service.get(60).await.unwrap().is_fresh);
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_whose_renewal_fails_is_used_until_it_expires() {
        let service = Service::new(Some(300));
        service.get(0).await.unwrap();
        tokio::time::advance(Duration::from_secs(292)).await;
        let pass = service.fail(false).await.unwrap();
        assert_eq!((service.fetches(), pass.is_fresh), (2, false));
        assert_eq!(pass.header, "Bearer t1");
        // not by every request
        assert_eq!(service.fail(false).await.unwrap().header, "Bearer t1");
        assert_eq!(service.fetches(), 2);
        tokio::time::advance(RENEW_AGAIN).await;
        assert_eq!(service.get(0).await.unwrap().header, "Bearer t3");
        tokio::time::advance(Duration::from_secs(301)).await;
        assert!(service.fail(false).await.is_err(), "it has expired");
        // a denial is the service's word on it
        let service = Service::new(Some(300));
        service.get(0).await.unwrap();
        tokio::time::advance(Duration::from_secs(292)).await;
        assert!(service.fail(true).await.is_err());
        // and one that was no good is not used on
        let service = Service::new(Some(300));
        let pass = service.get(0).await.unwrap();
        service.slot.drop_token(pass.fetch);
        assert!(service.fail(false).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_that_is_no_good_is_dropped_once() {
        let service = Service::new(None);
        let first = service.get(0).await.unwrap();
        service.slot.drop_token(first.fetch);
        let second = service.get(0).await.unwrap();
        assert!(second.is_fresh);
        service.slot.drop_token(first.fetch);
        assert!(!service.get(0).await.unwrap().is_fresh, "the second is not the first's fault");
    }
}
