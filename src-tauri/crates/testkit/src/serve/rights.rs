//! Whether a request may be answered, and the challenge where not.

use std::{fmt::Write as _, sync::atomic::Ordering::Relaxed};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{Ask, quirk};
use crate::{
    auth::{Access, Auth, Refusal, scope},
    kind::{Kind, Route},
    lock,
    problem::Problem,
    quirk::Quirk,
    reply::Reply,
};

/// What a request needs the right for, as `distribution` sees it.
fn wanted(ask: &Ask) -> Vec<Access> {
    let actions: &[&str] = match (ask.method(), &ask.route) {
        (_, Route::Catalog) => return vec![Access::new("registry", "catalog", "*")],
        (_, Route::Api { .. }) => &["metadata_read"],
        (_, Route::Tags { .. }) if quirk!(ask, Quirk::TagsNeedMetadataRead) => &["metadata_read"],
        ("GET" | "HEAD", _) => &["pull"],
        ("DELETE", _) => &["delete"],
        _ => &["pull", "push"],
    };
    let Some(name) = ask.route.repository() else { return Vec::new() };
    let mut wanted: Vec<_> =
        actions.iter().map(|action| Access::new("repository", name, action)).collect();
    if let (Kind::Mount, Some(from)) = (ask.arrived().kind, ask.parameter("from")) {
        wanted.push(Access::new("repository", from, "pull"));
    }
    wanted
}

pub(super) fn check(ask: &Ask) -> Result<(), Reply> {
    if ask.route == Route::Token || ask.connection.second_host {
        return Ok(());
    }
    // but for Azure's, such an API has its own ways of finding out who asks
    if matches!(ask.route, Route::Api { repository: None, .. }) {
        return Ok(());
    }
    let wanted = wanted(ask);
    let auth = lock(&ask.shared.auth).clone();
    match &auth {
        Auth::None => Ok(()),
        Auth::Basic(users) => {
            let login = basic(ask);
            let user = login
                .as_ref()
                .filter(|(name, password)| users.knows(name, password))
                .map(|(name, _)| name);
            let allowed =
                wanted.iter().all(|access| users.allows(user.map(String::as_str), access));
            match user {
                None if login.is_some() || wanted.is_empty() || !allowed => {
                    Err(challenge(ask, None))
                }
                Some(_) if !allowed => {
                    Err(Problem::denied("requested access to the resource is denied").reply())
                }
                _ => Ok(()),
            }
        }
        Auth::Token(_) => {
            let header = ask.header("authorization").and_then(|value| value.split_once(' '));
            let token = header
                .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
                .map(|(_, token)| token);
            let Some(token) = token else { return Err(challenge(ask, None)) };
            let Err((refusal, held)) = ask.shared.tokens.check(token, &wanted) else {
                return Ok(());
            };
            let foreign = || {
                let name = ask.route.repository();
                name.is_some()
                    && !held.is_empty()
                    && held.iter().all(|access| Some(access.name.as_str()) != name)
            };
            if refusal == Refusal::Insufficient
                && quirk!(ask, Quirk::ForeignScopeDenied)
                && foreign()
            {
                return Err(Problem::denied("token is for another repository").reply());
            }
            if refusal == Refusal::Insufficient {
                ask.shared.tokens.note_challenge(&wanted);
            }
            Err(challenge(ask, Some(refusal)))
        }
    }
}

/// User name and password of a Basic header.
pub(super) fn basic(ask: &Ask) -> Option<(String, String)> {
    let (scheme, encoded) = ask.header("authorization")?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (name, password) = decoded.split_once(':')?;
    Some((name.to_owned(), password.to_owned()))
}

/// 401, with what it takes to be let in.
pub(super) fn challenge(ask: &Ask, refusal: Option<Refusal>) -> Reply {
    let wanted = wanted(ask);
    let detail: Vec<Value> = wanted
        .iter()
        .map(|access| json!({ "Type": access.class, "Class": "", "Name": access.name, "Action": access.action }))
        .collect();
    let detail = if detail.is_empty() { Value::Null } else { detail.into() };
    let mut reply = Problem::unauthorized(detail).reply();
    if quirk!(ask, Quirk::ChallengeOnlyOnPing) && ask.route != Route::Ping {
        return reply;
    }
    let scope = scope_to_tell(ask, &wanted);
    let auth = lock(&ask.shared.auth).clone();
    let (service, realm) = match &auth {
        Auth::Token(token) => {
            let base = if token.second_host {
                ask.second_host_url()
            } else {
                format!("{}://{}", ask.shared.scheme(), ask.host())
            };
            (token.service.clone(), format!("{base}/token"))
        }
        _ => ("Registry".to_owned(), "Registry Realm".to_owned()),
    };
    let realm = quirk!(ask, Quirk::Realm(realm) => realm.clone()).unwrap_or(realm);
    if let Some(forms) = quirk!(ask, Quirk::Challenges(forms) => forms.clone()) {
        for form in forms {
            let filled = form
                .replace("{realm}", &realm)
                .replace("{service}", &service)
                .replace("{scope}", &scope);
            reply.add("www-authenticate", &filled);
        }
        return reply;
    }
    let mut text = match &auth {
        Auth::Token(_) => format!("Bearer realm=\"{realm}\",service=\"{service}\""),
        _ => format!("Basic realm=\"{realm}\""),
    };
    if matches!(auth, Auth::Token(_)) {
        if !scope.is_empty() {
            let _ = write!(text, ",scope=\"{scope}\"");
        }
        match refusal {
            Some(Refusal::Invalid) => text.push_str(",error=\"invalid_token\""),
            Some(Refusal::Insufficient) => text.push_str(",error=\"insufficient_scope\""),
            None => {}
        }
    }
    reply.add("www-authenticate", &text);
    reply
}

fn scope_to_tell(ask: &Ask, wanted: &[Access]) -> String {
    match quirk!(ask, Quirk::ChallengeScopeOn(methods) => methods) {
        Some(methods) if !methods.iter().any(|method| method == ask.method()) => String::new(),
        _ if quirk!(ask, Quirk::ScopeOrderChanges)
            && ask.connection.answered.load(Relaxed) % 2 == 1 =>
        {
            scope(&wanted.iter().rev().cloned().collect::<Vec<_>>())
        }
        _ => scope(wanted),
    }
}
