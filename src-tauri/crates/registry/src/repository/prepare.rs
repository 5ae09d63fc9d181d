//! What can be known of a destination before anything is written to it, and what is made there first.

use std::sync::Arc;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::Deserialize;
use tokio::sync::OnceCell;

use crate::{Code, Error, Repository, Result, Scope, Side, host::lock, vendor::create};

impl Repository {
    /// Whether something can be pushed, as far as the token tells that was given for pushing. Asks nobody.
    pub async fn check_push(&self) -> Result<()> {
        if self.token_allows_push().await? == Some(false) {
            let why = "the token that was given for pushing does not allow it";
            return Err(self.blame(Error::new(Code::PushDenied, why), &self.written()));
        }
        Ok(())
    }

    fn written(&self) -> String {
        format!("{}/{}", self.registry, self.name)
    }

    /// Whether it is to be created where it must exist before the first push: by what its account says, or else by what
    /// the client was told.
    pub async fn is_to_be_created(&self) -> Result<bool> {
        Ok(self.creation().await?.is_some())
    }

    pub(super) async fn creation(&self) -> Result<Option<crate::Creation>> {
        let host = self.client.host_state(&self.registry);
        let reach = host.reach(&self.client, Some(&self.name)).await?;
        Ok(reach.access.create.clone().or_else(|| self.client.0.options.create.clone()))
    }

    /// What the token says that was given for this repository; `None` where there is none, or it says nothing.
    async fn token_allows_push(&self) -> Result<Option<bool>> {
        let host = self.client.host_state(&self.registry);
        let reach = host.reach(&self.client, Some(&self.name)).await?;
        let scopes = crate::auth::needed(Some(&self.name), Side::Destination, Scope::Side);
        let token = host.auth.token(&reach.login.current(), &scopes);
        Ok(token.and_then(|token| allows_push(&token, self.name.as_str())))
    }

    /// Makes the repository where it must exist before the first push, if the account says so, once per client.
    /// Says whether it was made, so that the push is worth another try.
    pub(crate) async fn create(&self) -> Result<bool> {
        let Some(how) = self.creation().await? else { return Ok(false) };
        let site = self.client.site(&self.registry, Some(&self.name)).await?;
        let Some(site) = site.filter(create::is_known) else { return Ok(false) };
        let host = self.client.host_state(&self.registry);
        let cell: Arc<OnceCell<Result<()>>> =
            Arc::clone(lock(&host.created).entry(self.name.clone()).or_default());
        let make = async || {
            tracing::info!(repository = self.written(), "creating the repository");
            create::create(&self.client, &site, &self.name, &how)
                .await
                .map_err(|error| error.on(self.side))
        };
        cell.get_or_init(make).await.clone()?;
        // tokens that were given before tell of the time before
        host.auth.forget(&self.name);
        Ok(true)
    }
}

#[derive(Deserialize)]
struct Claims {
    access: Option<Vec<Grant>>,
}

#[derive(Deserialize)]
struct Grant {
    r#type: String,
    name: String,
    #[serde(default)]
    actions: Option<Vec<String>>,
}

/// What a JSON web token of the distribution spec's kind says about pushing to a repository. Others say nothing.
fn allows_push(token: &str, repository: &str) -> Option<bool> {
    let payload = token.split('.').nth(1)?;
    let json = BASE64_URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
    let claims: Claims = serde_json::from_slice(&json).ok()?;
    let access = claims.access?;
    let grants = access.iter().filter(|grant| grant.r#type == "repository");
    let grants: Vec<_> = grants.filter(|grant| grant.name == repository).collect();
    let mut actions = grants.iter().flat_map(|grant| grant.actions.iter().flatten());
    Some(actions.any(|action| action == "push" || action == "*"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tokens_say() {
        let token =
            |claims: &str| format!("e30.{}.c2ln", BASE64_URL_SAFE_NO_PAD.encode(claims.as_bytes()));
        let of = |actions: &str| {
            token(&format!(
                r#"{{"access":[{{"type":"repository","name":"t/a","actions":{actions}}}]}}"#
            ))
        };
        for (token, allows) in [
            (of(r#"["pull"]"#), Some(false)),
            (of(r#"["pull","push"]"#), Some(true)),
            (of(r#"["*"]"#), Some(true)),
            (of("null"), Some(false)),
            (token(r#"{"access":[]}"#), Some(false)),
            (token(r#"{"sub":"x"}"#), None),
            (token("[]"), None),
            ("opaque".into(), None),
            ("a.b.c".into(), None),
        ] {
            assert_eq!(allows_push(&token, "t/a"), allows, "{token}");
        }
        assert_eq!(allows_push(&of(r#"["push"]"#), "t/b"), Some(false));
    }
}
