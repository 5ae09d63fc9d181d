//! Who may do what, and the token service.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use crate::{lock, upload::secret};

/// How a registry finds out who asks.
#[derive(Clone, Debug, Default)]
pub enum Auth {
    /// It does not.
    #[default]
    None,
    /// User name and password in every request.
    Basic(Users),
    /// A token that its token service gives out.
    Token(TokenAuth),
}

impl Auth {
    /// Those who are known.
    pub(crate) fn users(&self) -> Option<&Users> {
        match self {
            Self::None => None,
            Self::Basic(users) => Some(users),
            Self::Token(token) => Some(&token.users),
        }
    }

    /// Basic, with one user who may do everything.
    pub fn basic(user: &str, password: &str) -> Self {
        Self::Basic(Users::new().user(user, password))
    }

    /// Tokens, with one user who may do everything.
    pub fn token(user: &str, password: &str) -> Self {
        Self::Token(TokenAuth::new(Users::new().user(user, password)))
    }

    /// Tokens for everyone: anonymous clients may pull, as at public registries.
    pub fn public() -> Self {
        Self::Token(TokenAuth::new(Users::new().anonymous("*", "pull")))
    }
}

/// The users of a registry and their rights.
#[derive(Clone, Debug, Default)]
pub struct Users {
    users: Vec<User>,
    anonymous: Vec<Right>,
}

#[derive(Clone, Debug)]
struct User {
    name: String,
    password: String,
    rights: Vec<Right>,
}

/// Actions (`pull,push`) in repositories that fit a pattern (`team/*`, `*`).
#[derive(Clone, Debug)]
struct Right {
    pattern: String,
    actions: String,
}

impl Right {
    fn allows(&self, name: &str, action: &str) -> bool {
        let fits = match self.pattern.strip_suffix('*') {
            Some(prefix) => name.starts_with(prefix),
            None => self.pattern == name,
        };
        fits && self.actions.split(',').any(|allowed| allowed == "*" || allowed == action)
    }
}

impl Users {
    /// Nobody.
    pub fn new() -> Self {
        Self::default()
    }

    /// A user who may do everything.
    pub fn user(self, name: &str, password: &str) -> Self {
        self.user_with(name, password, &[("*", "*")])
    }

    /// A user with rights: actions (`pull,push`, `*`) in repositories (`team/*`, `*`). `catalog` is a name too.
    pub fn user_with(mut self, name: &str, password: &str, rights: &[(&str, &str)]) -> Self {
        let rights = rights.iter().map(|&(pattern, actions)| right(pattern, actions)).collect();
        self.users.push(User { name: name.to_owned(), password: password.to_owned(), rights });
        self
    }

    /// What everyone may do.
    pub fn anonymous(mut self, pattern: &str, actions: &str) -> Self {
        self.anonymous.push(right(pattern, actions));
        self
    }

    pub(crate) fn knows(&self, name: &str, password: &str) -> bool {
        self.users.iter().any(|user| user.name == name && user.password == password)
    }

    /// The user whose password is this token.
    pub(crate) fn of_token(&self, token: &str) -> Option<&str> {
        let user = self.users.iter().find(|user| user.password == token)?;
        Some(&user.name)
    }

    pub(crate) fn allows(&self, user: Option<&str>, access: &Access) -> bool {
        let allowed = |rights: &[Right]| {
            rights.iter().any(|right| right.allows(&access.name, &access.action))
        };
        let own = user.and_then(|name| self.users.iter().find(|user| user.name == name));
        allowed(&self.anonymous) || own.is_some_and(|user| allowed(&user.rights))
    }
}

fn right(pattern: &str, actions: &str) -> Right {
    Right { pattern: pattern.to_owned(), actions: actions.to_owned() }
}

/// One thing that a request needs the right for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Access {
    pub(crate) class: String,
    pub(crate) name: String,
    pub(crate) action: String,
}

impl Access {
    pub(crate) fn new(class: &str, name: &str, action: &str) -> Self {
        Self { class: class.to_owned(), name: name.to_owned(), action: action.to_owned() }
    }

    /// Reads `repository:a/b:pull,push`. The name may hold colons.
    pub(crate) fn parse(scope: &str) -> Vec<Self> {
        let Some((class, rest)) = scope.split_once(':') else { return Vec::new() };
        let Some((name, actions)) = rest.rsplit_once(':') else { return Vec::new() };
        actions
            .split(',')
            .filter(|action| !action.is_empty())
            .map(|action| Self::new(class, name, action))
            .collect()
    }

    /// Whether holding `self` is as good as holding `wanted`.
    fn covers(&self, wanted: &Self) -> bool {
        self.class == wanted.class
            && self.name == wanted.name
            && (self.action == wanted.action || self.action == "*")
    }
}

/// `repository:a:pull,push repository:b:pull`
pub(crate) fn scope(accesses: &[Access]) -> String {
    let mut scopes: Vec<(String, Vec<&str>)> = Vec::new();
    for access in accesses {
        let resource = format!("{}:{}", access.class, access.name);
        match scopes.iter_mut().find(|(name, _)| *name == resource) {
            Some((_, actions)) => actions.push(&access.action),
            None => scopes.push((resource, vec![&access.action])),
        }
    }
    let scopes: Vec<_> = scopes
        .iter()
        .map(|(resource, actions)| format!("{resource}:{}", actions.join(",")))
        .collect();
    scopes.join(" ")
}

/// A token service and its ways.
#[derive(Clone, Debug)]
pub struct TokenAuth {
    pub(crate) users: Users,
    pub(crate) service: String,
    pub(crate) ttl: Duration,
    pub(crate) field: TokenField,
    pub(crate) expires_in: Told,
    pub(crate) issued_at: Told,
    pub(crate) post: PostForm,
    pub(crate) refresh_tokens: BTreeMap<String, String>,
    pub(crate) entra_tokens: BTreeMap<String, String>,
    pub(crate) uses: Option<usize>,
    pub(crate) second_host: bool,
    pub(crate) mint: Option<Mint>,
}

/// Makes the text of a token from who asks (nothing: nobody) and the scope that it is good for.
#[derive(Clone)]
pub(crate) struct Mint(Arc<MintToken>);

type MintToken = dyn Fn(&str, &str) -> String + Send + Sync;

impl Mint {
    pub(crate) fn token(&self, user: &str, scope: &str) -> String {
        (self.0)(user, scope)
    }
}

impl fmt::Debug for Mint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mint")
    }
}

/// Under which name an answer carries the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenField {
    /// `token`
    Token,
    /// `access_token`
    AccessToken,
    /// Both.
    Both,
    /// Neither: `{}`.
    Neither,
}

/// How an answer tells a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// As it is.
    Truly,
    /// Not at all.
    Missing,
    /// Off by so many seconds (`issued_at`), or this many seconds, true or not (`expires_in`).
    Seconds(i64),
}

/// What a token request by `POST` meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PostForm {
    /// An OAuth2 endpoint.
    Supported,
    /// This status (404, 405).
    Refused(u16),
}

impl TokenAuth {
    /// A token service for these users: tokens live for 300 s, named both `token` and `access_token`.
    pub fn new(users: Users) -> Self {
        Self {
            users,
            service: "testkit".into(),
            ttl: Duration::from_mins(5),
            field: TokenField::Both,
            expires_in: Told::Truly,
            issued_at: Told::Truly,
            post: PostForm::Supported,
            refresh_tokens: BTreeMap::new(),
            entra_tokens: BTreeMap::new(),
            uses: None,
            second_host: false,
            mint: None,
        }
    }

    /// The service's name in challenges.
    pub fn service(mut self, service: &str) -> Self {
        service.clone_into(&mut self.service);
        self
    }

    /// How long tokens live.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }

    /// Under which name the token comes.
    pub fn field(mut self, field: TokenField) -> Self {
        self.field = field;
        self
    }

    /// How `expires_in` tells the life of a token.
    pub fn expires_in(mut self, told: Told) -> Self {
        self.expires_in = told;
        self
    }

    /// How `issued_at` tells the time.
    pub fn issued_at(mut self, told: Told) -> Self {
        self.issued_at = told;
        self
    }

    /// What a token request by `POST` meets.
    pub fn post(mut self, form: PostForm) -> Self {
        self.post = form;
        self
    }

    /// A refresh token ("identity token") that is as good as this user's password.
    pub fn refresh_token(mut self, token: &str, user: &str) -> Self {
        self.refresh_tokens.insert(token.to_owned(), user.to_owned());
        self
    }

    /// A token of Entra ID for which `/oauth2/exchange` gives a refresh token of this user, as Azure's registries do.
    pub fn entra_token(mut self, token: &str, user: &str) -> Self {
        self.entra_tokens.insert(token.to_owned(), user.to_owned());
        self
    }

    /// Every token is good for so many requests.
    pub fn uses(mut self, uses: usize) -> Self {
        self.uses = Some(uses);
        self
    }

    /// Tokens have a text that this makes from who asks (nothing: nobody) and the scope that they are good for, such as
    /// signed ones for a registry that verifies them itself.
    pub fn minted_by(
        mut self,
        mint: impl Fn(&str, &str) -> String + Send + Sync + 'static,
    ) -> Self {
        self.mint = Some(Mint(Arc::new(mint)));
        self
    }

    /// The token service is at the registry's second host, not at its own.
    pub fn at_second_host(mut self) -> Self {
        self.second_host = true;
        self
    }
}

/// What a token is good for.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    pub(crate) accesses: Vec<Access>,
    expires: Instant,
    uses: Option<usize>,
}

/// Why a request was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No token, or one that nobody knows or that has run out.
    Invalid,
    /// A good token that does not reach.
    Insufficient,
}

/// The tokens that were given out.
#[derive(Debug)]
pub(crate) struct Tokens {
    secret: String,
    count: AtomicU64,
    grants: Mutex<HashMap<String, Grant>>,
    refresh: Mutex<HashMap<String, String>>,
    challenged: Mutex<HashSet<Access>>,
}

impl Tokens {
    pub(crate) fn new() -> Self {
        Self {
            secret: secret(),
            count: AtomicU64::new(0),
            grants: Mutex::default(),
            refresh: Mutex::default(),
            challenged: Mutex::default(),
        }
    }

    /// A token turned out to be too weak for this, and the client was told so.
    pub(crate) fn note_challenge(&self, wanted: &[Access]) {
        lock(&self.challenged).extend(wanted.iter().cloned());
    }

    pub(crate) fn was_challenged(&self, access: &Access) -> bool {
        lock(&self.challenged).contains(access)
    }

    /// A new token of this text.
    pub(crate) fn issue(
        &self,
        token: String,
        accesses: Vec<Access>,
        ttl: Duration,
        uses: Option<usize>,
    ) -> String {
        let grant = Grant { accesses, expires: Instant::now() + ttl, uses };
        lock(&self.grants).insert(token.clone(), grant);
        token
    }

    /// A new refresh token for a user.
    pub(crate) fn issue_refresh(&self, user: &str) -> String {
        let token = self.text("refresh");
        lock(&self.refresh).insert(token.clone(), user.to_owned());
        token
    }

    pub(crate) fn refreshes(&self, token: &str) -> Option<String> {
        lock(&self.refresh).get(token).cloned()
    }

    /// Voids the refresh tokens that were given out.
    pub(crate) fn expire_refresh(&self) {
        lock(&self.refresh).clear();
    }

    /// Voids everything that was given out, refresh tokens excepted.
    pub(crate) fn expire(&self) {
        lock(&self.grants).clear();
    }

    /// Whether a token is good for all that a request needs. Counts as a use of it.
    pub(crate) fn check(
        &self,
        token: &str,
        wanted: &[Access],
    ) -> Result<(), (Refusal, Vec<Access>)> {
        let mut grants = lock(&self.grants);
        let Some(grant) = grants.get_mut(token) else { return Err((Refusal::Invalid, Vec::new())) };
        if grant.expires <= Instant::now() || grant.uses == Some(0) {
            grants.remove(token);
            return Err((Refusal::Invalid, Vec::new()));
        }
        if !wanted.iter().all(|access| grant.accesses.iter().any(|held| held.covers(access))) {
            return Err((Refusal::Insufficient, grant.accesses.clone()));
        }
        if let Some(uses) = &mut grant.uses {
            *uses -= 1;
        }
        Ok(())
    }

    pub(crate) fn text(&self, kind: &str) -> String {
        let number = self.count.fetch_add(1, Relaxed);
        let hash = crate::digest::sha256(format!("{}{kind}{number}", self.secret));
        format!("{kind}-{number}-{}", &hash["sha256:".len()..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_there_and_back() {
        let accesses = Access::parse("repository:a/b:pull,push");
        assert_eq!(
            accesses,
            [Access::new("repository", "a/b", "pull"), Access::new("repository", "a/b", "push")]
        );
        let more = [accesses, Access::parse("repository:c:pull")].concat();
        assert_eq!(scope(&more), "repository:a/b:pull,push repository:c:pull");
        assert!(Access::parse("rubbish").is_empty());
    }

    #[test]
    fn rights_fit_patterns() {
        let users = Users::new()
            .user_with("u", "p", &[("team/*", "pull,push")])
            .anonymous("public/*", "pull");
        let allows =
            |user, name, action| users.allows(user, &Access::new("repository", name, action));
        assert!(allows(Some("u"), "team/web", "push"));
        assert!(!allows(Some("u"), "team/web", "delete"));
        assert!(!allows(Some("u"), "other/web", "pull"));
        assert!(allows(Some("u"), "public/web", "pull"));
        assert!(allows(None, "public/web", "pull"));
        assert!(!allows(None, "team/web", "pull"));
    }

    #[test]
    fn tokens_run_out() {
        let tokens = Tokens::new();
        let pull = Access::parse("repository:a:pull");
        let push = Access::parse("repository:a:push");
        let minute = Duration::from_mins(1);
        let token = tokens.issue("one".into(), pull.clone(), minute, Some(1));
        assert_eq!(tokens.check(&token, &push).unwrap_err().0, Refusal::Insufficient);
        assert!(tokens.check(&token, &pull).is_ok());
        assert_eq!(tokens.check(&token, &pull).unwrap_err().0, Refusal::Invalid);
        let token = tokens.issue("two".into(), pull.clone(), Duration::ZERO, None);
        assert_eq!(tokens.check(&token, &pull).unwrap_err().0, Refusal::Invalid);
        let token = tokens.issue("three".into(), pull.clone(), minute, None);
        tokens.expire();
        assert_eq!(tokens.check(&token, &pull).unwrap_err().0, Refusal::Invalid);
    }
}
