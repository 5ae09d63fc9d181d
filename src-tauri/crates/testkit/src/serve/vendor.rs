//! The APIs that vendors have besides their registries, emulated from their public documentation: what lists
//! repositories and tags, and what creates. No more of them than a client of registries asks.

use serde_json::{Value, json};

use super::{Ask, quirk, rights};
use crate::{
    auth::{Auth, Users},
    lock,
    quirk::{Quirk, VendorApi},
    reply::Reply,
    store::Store,
};

pub(crate) mod aliyun;
mod azure;
pub(crate) mod ecr;
mod gitlab;
mod harbor;
mod hub;
mod quay;

/// A request to such an API, wherever it came in.
pub(crate) trait Api {
    /// What the registry holds.
    fn store(&self) -> &Store;
    fn method(&self) -> &str;
    fn header(&self, name: &str) -> Option<&str>;
    fn parameter(&self, name: &str) -> Option<&str>;
    /// The registry as the client names it.
    fn registry_host(&self) -> &str;
    /// Every page is the first one again.
    fn repeats(&self) -> bool;
}

impl Api for Ask {
    fn store(&self) -> &Store {
        &self.shared.store
    }

    fn method(&self) -> &str {
        Self::method(self)
    }

    fn header(&self, name: &str) -> Option<&str> {
        Self::header(self, name)
    }

    fn parameter(&self, name: &str) -> Option<&str> {
        Self::parameter(self, name)
    }

    fn registry_host(&self) -> &str {
        Self::host(self)
    }

    fn repeats(&self) -> bool {
        quirk!(self, Quirk::ApiRepeats)
    }
}

/// When everything was pushed.
const PUSHED: &str = "2026-01-02T03:04:05Z";
/// The same, in seconds.
const PUSHED_SECONDS: i64 = 1_767_323_045;
/// The largest document that is taken.
const LARGEST: usize = 64 * 1024;

pub(super) async fn answer(ask: &mut Ask, path: &str) -> Reply {
    let Some(api) = quirk!(ask, Quirk::Api(api) => *api) else { return super::not_found() };
    let body = match ask.method() {
        "GET" => bytes::Bytes::new(),
        _ => match ask.intake.all(LARGEST).await {
            Ok(body) => body,
            Err(_) => return Reply::text(413, "too large\n"),
        },
    };
    let body: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    // segments are decoded once, as servers do
    let decode =
        |part: &str| percent_encoding::percent_decode_str(part).decode_utf8_lossy().into_owned();
    let segments: Vec<String> = path.trim_matches('/').split('/').map(decode).collect();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    match (api, &*segments) {
        (VendorApi::DockerHub, ["hub.docker.com", "v2", rest @ ..]) => {
            hub::answer(ask, rest, &body)
        }
        (VendorApi::Quay, ["api", "v1", rest @ ..]) => quay::answer(ask, rest),
        (VendorApi::Harbor, ["api", "v2.0", rest @ ..]) => harbor::answer(ask, rest, &body),
        (VendorApi::Azure, ["acr", "v1", rest @ .., "_tags"]) => azure::tags(ask, &rest.join("/")),
        (VendorApi::GitLab, ["api", "v4", rest @ ..]) => gitlab::answer(ask, rest),
        (VendorApi::Artifactory, ["artifactory", "api", rest @ ..]) => artifactory(ask, rest),
        (VendorApi::Ecr, ["ecr"]) => ecr::answer(ask, &body),
        (VendorApi::AliyunEnterprise, ["acs"]) => aliyun::enterprise(ask),
        (VendorApi::AliyunPersonal, ["acs", rest @ ..]) => aliyun::personal(ask, rest, &body),
        _ => super::not_found(),
    }
}

/// A page by number, and whether there are more.
fn page<T: Clone>(ask: &dyn Api, all: &[T], number: &str, size: &str) -> (Vec<T>, bool) {
    let parameter = |name: &str| ask.parameter(name)?.parse::<usize>().ok();
    let size = parameter(size).unwrap_or(10).clamp(1, 100);
    let repeats = ask.repeats();
    let at = if repeats { 1 } else { parameter(number).unwrap_or(1).max(1) };
    let from = (at - 1).saturating_mul(size).min(all.len());
    let to = from.saturating_add(size).min(all.len());
    (all[from..to].to_vec(), repeats || to < all.len())
}

/// A page after a token, and the token of the next one.
fn page_after<T: Clone>(
    ask: &dyn Api,
    all: &[T],
    after: Option<&str>,
    size: usize,
) -> (Vec<T>, Option<String>) {
    let repeats = ask.repeats();
    let from = after.and_then(|token| token.strip_prefix("token-")?.parse().ok()).unwrap_or(0);
    let from = if repeats { 0 } else { from.min(all.len()) };
    let to = from.saturating_add(size).min(all.len());
    let more = repeats || to < all.len();
    (all[from..to].to_vec(), more.then(|| format!("token-{to}")))
}

/// Who asks: nobody, or a user whose name and password were shown.
enum Who {
    /// There is nobody to be known.
    Anyone,
    Nobody,
    User,
    Wrong,
}

fn with_users<R>(ask: &Ask, look: impl FnOnce(&Users) -> R) -> Option<R> {
    let auth: Auth = lock(&ask.shared.auth).clone();
    auth.users().map(look)
}

/// By user name and password.
fn basic(ask: &Ask) -> Who {
    let login = rights::basic(ask);
    let known =
        with_users(ask, |users| login.as_ref().map(|(name, password)| users.knows(name, password)));
    match known {
        None => Who::Anyone,
        Some(None) => Who::Nobody,
        Some(Some(true)) => Who::User,
        Some(Some(false)) => Who::Wrong,
    }
}

/// By a token that is a user's password; `of` says whose will do.
fn bearer(ask: &Ask, of: impl Fn(&str) -> bool) -> Who {
    let header = ask.header("authorization").and_then(|value| value.split_once(' '));
    let Some((scheme, token)) = header else {
        return if with_users(ask, |_| ()).is_none() { Who::Anyone } else { Who::Nobody };
    };
    let user = with_users(ask, |users| users.of_token(token).map(str::to_owned));
    match user {
        None => Who::Anyone,
        Some(Some(user)) if scheme.eq_ignore_ascii_case("bearer") && of(&user) => Who::User,
        _ => Who::Wrong,
    }
}

/// The repositories of a namespace, without it.
fn below(ask: &dyn Api, namespace: &str) -> Vec<String> {
    let inside = format!("{namespace}/");
    let names = ask.store().repositories().into_iter();
    names.filter_map(|name| name.strip_prefix(&inside).map(str::to_owned)).collect()
}

/// The first components of all repositories.
fn namespaces(ask: &dyn Api) -> Vec<String> {
    let mut names: Vec<String> = ask
        .store()
        .repositories()
        .iter()
        .filter_map(|name| Some(name.split_once('/')?.0.to_owned()))
        .collect();
    names.dedup();
    names
}

/// A tag, its digest and media type.
fn tags(ask: &dyn Api, repository: &str) -> Option<Vec<(String, String)>> {
    let inner = ask.store().inner();
    let tags = &inner.repositories.get(repository)?.tags;
    Some(tags.iter().map(|(tag, digest)| (tag.clone(), digest.clone())).collect())
}

/// The manifests that have tags, with these.
fn tagged(ask: &dyn Api, repository: &str) -> Option<Vec<(String, Vec<String>)>> {
    let mut manifests: Vec<(String, Vec<String>)> = Vec::new();
    let mut at = std::collections::HashMap::new();
    for (tag, digest) in tags(ask, repository)? {
        let index = *at.entry(digest.clone()).or_insert_with(|| {
            manifests.push((digest, Vec::new()));
            manifests.len() - 1
        });
        manifests[index].1.push(tag);
    }
    Some(manifests)
}

fn media_type(ask: &dyn Api, repository: &str, digest: &str) -> Option<String> {
    ask.store().stored(repository, digest).map(|(_, stored)| stored.media_type)
}

/// The entries of an index, with their platforms.
fn platforms(ask: &dyn Api, repository: &str, digest: &str) -> Vec<Value> {
    let Some((_, stored)) = ask.store().stored(repository, digest) else { return Vec::new() };
    let index: Value = serde_json::from_slice(&stored.bytes).unwrap_or_default();
    let entries = index.get("manifests").and_then(Value::as_array).cloned().unwrap_or_default();
    entries.into_iter().filter(|entry| entry.get("platform").is_some()).collect()
}

fn artifactory(ask: &Ask, rest: &[&str]) -> Reply {
    match basic(ask) {
        Who::Nobody | Who::Wrong => {
            return Reply::json(
                401,
                &json!({ "errors": [{ "status": 401, "message": "Bad credentials" }] }),
            );
        }
        Who::Anyone | Who::User => {}
    }
    match rest {
        ["repositories"] => {
            let keys = namespaces(ask).into_iter();
            Reply::json(200, &keys.map(|key| json!({ "key": key, "type": "LOCAL" })).collect())
        }
        ["docker", key, "v2", "_catalog"] => {
            let mut names = below(ask, key);
            if let Some(last) = ask.parameter("last") {
                names.retain(|name| name.as_str() > last);
            }
            let most = ask.parameter("n").and_then(|n| n.parse().ok()).unwrap_or(usize::MAX);
            names.truncate(most);
            Reply::json(200, &json!({ "repositories": names }))
        }
        _ => super::not_found(),
    }
}
