//! The token service.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

use super::{Ask, quirk, rights};
use crate::{
    auth::{Access, Auth, PostForm, TokenAuth, TokenField, Told, scope},
    lock,
    quirk::Quirk,
    reply::Reply,
    request::parameters,
};

/// The largest form that a client may post.
const FORM: usize = 64 * 1024;

/// `GET` with a Basic header or without.
pub(super) fn get(ask: &Ask) -> Reply {
    let Some(service) = service(ask) else { return super::not_found() };
    let user = match rights::basic(ask) {
        Some((name, password)) if service.users.knows(&name, &password) => Some(name),
        Some(_) => return wrong_password(),
        None => None,
    };
    let offline = ask.parameter("offline_token") == Some("true");
    grant(ask, &service, user.as_deref(), &ask.query, offline)
}

/// `POST` of an OAuth2 form.
pub(super) async fn post(ask: &mut Ask) -> Reply {
    let Some(service) = service(ask) else { return super::not_found() };
    if let PostForm::Refused(status) = service.post {
        return Reply::text(status, "not here\n");
    }
    let Ok(form) = ask.intake.all(FORM).await else { return Reply::text(413, "too large\n") };
    let form = parameters(Some(&String::from_utf8_lossy(&form)));
    ask.entry.form(&form);
    let field =
        |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let user = match field("grant_type") {
        Some("refresh_token") => {
            let token = field("refresh_token").unwrap_or_default();
            service
                .refresh_tokens
                .get(token)
                .cloned()
                .or_else(|| ask.shared.tokens.refreshes(token))
        }
        Some("access_token") => {
            let token = field("access_token").unwrap_or_default();
            let Some(user) = service.entra_tokens.get(token) else {
                return Reply::error(401, "UNAUTHORIZED", "authentication required");
            };
            let token = ask.shared.tokens.issue_refresh(user);
            return Reply::json(200, &serde_json::json!({ "refresh_token": token }));
        }
        Some("password") => {
            let (name, password) =
                (field("username").unwrap_or_default(), field("password").unwrap_or_default());
            service.users.knows(name, password).then(|| name.to_owned())
        }
        _ => return Reply::json(400, &serde_json::json!({ "error": "unsupported_grant_type" })),
    };
    let Some(user) = user else { return wrong_password() };
    let offline = field("access_type") == Some("offline");
    grant(ask, &service, Some(&user), &form, offline)
}

/// Whether the namespace of a repository is there, where it must be.
pub(super) fn has_namespace(ask: &Ask, repository: &str) -> bool {
    let first = |name: &str| name.split('/').next().map(str::to_owned);
    let own = first(repository);
    !quirk!(ask, Quirk::NamespacesMustExist)
        || ask.shared.store.repositories().iter().any(|name| first(name) == own)
}

fn service(ask: &Ask) -> Option<TokenAuth> {
    match &*lock(&ask.shared.auth) {
        Auth::Token(service) if service.second_host == ask.connection.second_host => {
            Some(service.clone())
        }
        _ => None,
    }
}

fn wrong_password() -> Reply {
    Reply::json(401, &serde_json::json!({ "details": "incorrect username or password" }))
}

fn grant(
    ask: &Ask,
    service: &TokenAuth,
    user: Option<&str>,
    form: &[(String, String)],
    offline: bool,
) -> Reply {
    let scopes =
        form.iter().filter(|(key, _)| key == "scope").flat_map(|(_, value)| value.split(' '));
    let most = if quirk!(ask, Quirk::FirstScopeOnly) { 1 } else { usize::MAX };
    let scopes: Vec<&str> = scopes.filter(|scope| !scope.is_empty()).take(most).collect();
    let asked: Vec<Access> = scopes.iter().flat_map(|scope| Access::parse(scope)).collect();
    if quirk!(ask, Quirk::DeleteScopeRefused)
        && asked.iter().any(|access| access.action == "delete")
    {
        return Reply::json(
            400,
            &serde_json::json!({ "error": "Unable to decode repository and actions" }),
        );
    }
    let pulls_first = quirk!(ask, Quirk::FirstTokenPulls);
    let granted: Vec<Access> = asked
        .into_iter()
        .filter(|access| service.users.allows(user, access))
        .filter(|access| {
            !pulls_first || access.action != "push" || ask.shared.tokens.was_challenged(access)
        })
        .filter(|access| access.action != "push" || has_namespace(ask, &access.name))
        .collect();
    let padding =
        quirk!(ask, Quirk::TokenPadding(bytes) => *bytes).unwrap_or_default() * scopes.len();
    let told_scope = scope(&granted);
    let tokens = &ask.shared.tokens;
    let text = match &service.mint {
        Some(mint) => mint.token(user.unwrap_or_default(), &told_scope),
        None => format!("{}{}", tokens.text("token"), "x".repeat(padding)),
    };
    let text = if quirk!(ask, Quirk::TokensTell) {
        format!("e30.{}.{text}", claims(&granted))
    } else {
        text
    };
    let token = tokens.issue(text, granted, service.ttl, service.uses);
    let mut answer = Map::new();
    let mut tell = |name: &str, value: Value| answer.insert(name.to_owned(), value);
    if matches!(service.field, TokenField::Token | TokenField::Both) {
        tell("token", token.clone().into());
    }
    if matches!(service.field, TokenField::AccessToken | TokenField::Both) {
        tell("access_token", token.into());
    }
    match service.expires_in {
        Told::Truly => drop(tell("expires_in", service.ttl.as_secs().into())),
        Told::Seconds(seconds) => drop(tell("expires_in", seconds.into())),
        Told::Missing => {}
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    match service.issued_at {
        Told::Truly => drop(tell("issued_at", rfc3339(now).into())),
        Told::Seconds(off) => {
            drop(tell("issued_at", rfc3339(now.saturating_add_signed(off)).into()));
        }
        Told::Missing => {}
    }
    if ask.method() == "POST" {
        tell("scope", told_scope.into());
    }
    if let (true, Some(user)) = (offline, user) {
        tell("refresh_token", ask.shared.tokens.issue_refresh(user).into());
    }
    Reply::json(200, &answer.into())
}

/// The claims of a token as `distribution`'s token specification has them, encoded.
fn claims(granted: &[Access]) -> String {
    let mut access: Vec<Value> = Vec::new();
    for one in granted {
        let same = |known: &&mut Value| known["type"] == one.class && known["name"] == one.name;
        match access.iter_mut().find(same) {
            Some(known) => {
                if let Some(actions) = known["actions"].as_array_mut() {
                    actions.push(one.action.clone().into());
                }
            }
            None => access.push(
                serde_json::json!({ "type": one.class, "name": one.name, "actions": [one.action] }),
            ),
        }
    }
    URL_SAFE_NO_PAD.encode(serde_json::json!({ "access": access }).to_string())
}

/// `2026-11-24T18:15:31Z`, by the calendar arithmetic of Howard Hinnant's `civil_from_days`.
fn rfc3339(seconds: u64) -> String {
    let (days, time) = (seconds / 86_400, seconds % 86_400);
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (time / 3600, time / 60 % 60, time % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_they_are() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(951_826_245), "2000-02-29T12:10:45Z");
        assert_eq!(rfc3339(1_795_544_131), "2026-11-24T18:15:31Z");
    }
}
