//! Google's token endpoint: a request signed by a service account's key becomes an access token.

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use rcgen::KeyPair;
use rustls::{SignatureScheme, crypto::aws_lc_rs};
use serde_json::{Value, json};

use super::{Cloud, Said, State, field};
use crate::lock;

/// A service account and its key.
#[derive(Debug)]
pub struct ServiceAccount {
    json: Value,
    public: Vec<u8>,
}

impl ServiceAccount {
    /// A new key, which takes a moment; the endpoint is that of a cloud.
    pub fn new(email: &str, cloud: &Cloud) -> Self {
        let pair = KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).expect("a new RSA key");
        let json = json!({
            "type": "service_account",
            "project_id": "my-project",
            "private_key_id": "key-1",
            "private_key": pair.serialize_pem(),
            "client_email": email,
            "client_id": "1",
            "token_uri": format!("{}token", cloud.url()),
        });
        Self { json, public: pair.public_key_raw().to_vec() }
    }

    /// The key as the console gives it out, with fields changed.
    pub fn json(&self, changes: &[(&str, &str)]) -> String {
        let mut json = self.json.clone();
        for (name, value) in changes {
            json[*name] = (*value).into();
        }
        json.to_string()
    }
}

impl Cloud {
    /// Lets Google know a service account.
    pub fn google_account(&self, account: &ServiceAccount) {
        let email = account.json["client_email"].as_str().unwrap_or_default().to_owned();
        lock(&self.state.google).insert(email, account.public.clone());
    }

    /// Deletes the service accounts.
    pub fn revoke_google_accounts(&self) {
        lock(&self.state.google).clear();
    }
}

impl State {
    pub(super) fn google(&self, form: Vec<(String, String)>) -> Said {
        let refused = |message: &str| {
            let body = json!({ "error": "invalid_grant", "error_description": message });
            Said::json("token", 400, &body)
        };
        if field(&form, "grant_type") != Some("urn:ietf:params:oauth:grant-type:jwt-bearer") {
            return Said::json("token", 400, &json!({ "error": "unsupported_grant_type" }));
        }
        let said = if let Err(message) =
            self.assertion(field(&form, "assertion").unwrap_or_default())
        {
            refused(message)
        } else {
            let life = self.life(Duration::from_hours(1)).as_secs();
            let token = self.issue("ya29");
            let body = json!({ "access_token": token, "expires_in": life, "token_type": "Bearer" });
            Said::json("token", 200, &body)
        };
        said.form(form)
    }

    fn assertion(&self, token: &str) -> Result<(), &'static str> {
        let malformed = "Bad Request";
        let (signed, signature) = token.rsplit_once('.').ok_or(malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(malformed)?;
        let read = |part: &str| -> Option<Value> {
            serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).ok()?).ok()
        };
        let (header, claims) = (read(header).ok_or(malformed)?, read(claims).ok_or(malformed)?);
        if header["alg"] != "RS256" || header["kid"] != "key-1" {
            return Err("Invalid JWT Signature.");
        }
        let accounts = lock(&self.google);
        let account = accounts.get(claims["iss"].as_str().unwrap_or_default());
        let public = account.ok_or("Invalid grant: account not found")?;
        let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).map_err(|_| malformed)?;
        let algorithms = aws_lc_rs::default_provider().signature_verification_algorithms;
        let fits = algorithms
            .mapping
            .iter()
            .filter(|(scheme, _)| *scheme == SignatureScheme::RSA_PKCS1_SHA256)
            .flat_map(|(_, algorithms)| *algorithms)
            .any(|one| one.verify_signature(public, signed.as_bytes(), &signature).is_ok());
        if !fits {
            return Err("Invalid JWT Signature.");
        }
        if claims["aud"] != format!("{}token", lock(&self.url)) {
            return Err("Invalid JWT: the audience is wrong");
        }
        if claims["scope"] != "https://www.googleapis.com/auth/cloud-platform" {
            return Err("Invalid scope");
        }
        let time = |name: &str| claims[name].as_i64().unwrap_or_default();
        let (now, begin, end) = (self.seconds(), time("iat"), time("exp"));
        if (now - begin).abs() > 600 || end - begin > 3600 || end <= now {
            return Err(
                "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim.",
            );
        }
        Ok(())
    }
}
