//! Microsoft Entra ID: a service principal's sign-in. The registry's own `/oauth2/exchange` is at the registry
//! ([`crate::TokenAuth::entra_token`]).

use std::time::Duration;

use serde_json::json;

use super::{Asked, Cloud, Said, State, field};
use crate::lock;

impl Cloud {
    /// A service principal of a tenant. The tokens that it gets are `entra-1`, `entra-2`, …
    pub fn azure_principal(&self, tenant: &str, client: &str, secret: &str) {
        let key = (tenant.to_owned(), client.to_owned());
        lock(&self.state.azure).insert(key, secret.to_owned());
    }

    /// Deletes the principals.
    pub fn revoke_azure_principals(&self) {
        lock(&self.state.azure).clear();
    }
}

impl State {
    pub(super) fn entra(&self, asked: &Asked) -> Said {
        let form = asked.form();
        let get = |name: &str| field(&form, name).unwrap_or_default();
        let tenant = asked.path.trim_matches('/').split('/').next().unwrap_or_default();
        let refused = |status: u16, error: &str, message: &str| {
            let body = json!({ "error": error, "error_description": message });
            Said::json("login", status, &body)
        };
        let principals = lock(&self.azure);
        let said = if get("grant_type") != "client_credentials"
            || get("scope") != "https://containerregistry.azure.net/.default"
        {
            refused(
                400,
                "invalid_scope",
                "AADSTS1002012: The provided value for scope is not valid.",
            )
        } else if !principals.keys().any(|(known, _)| known == tenant) {
            refused(400, "invalid_request", &format!("AADSTS90002: Tenant '{tenant}' not found."))
        } else {
            match principals.get(&(tenant.to_owned(), get("client_id").to_owned())) {
                None => refused(
                    400,
                    "unauthorized_client",
                    "AADSTS700016: Application was not found in the directory.",
                ),
                Some(secret) if secret != get("client_secret") => refused(
                    401,
                    "invalid_client",
                    // the real one does not repeat the secret; this one is worse
                    &format!(
                        "AADSTS7000215: Invalid client secret provided ({}).",
                        get("client_secret")
                    ),
                ),
                Some(_) => {
                    let life = self.life(Duration::from_hours(1)).as_secs();
                    let body = json!({
                        "token_type": "Bearer",
                        "expires_in": life,
                        "access_token": self.issue("entra"),
                    });
                    Said::json("login", 200, &body)
                }
            }
        };
        drop(principals);
        said.form(form)
    }
}
