//! Alibaba Cloud's OpenAPI of Container Registry, behind ACS3-HMAC-SHA256.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use serde_json::json;

use super::{Asked, Cloud, Said, State, field, hmac, is_near, sha256, signed_lines};
use crate::{lock, request::parameters, serve::vendor::aliyun};

/// The AccessKeys that Alibaba Cloud knows, and the instances.
#[derive(Debug, Default)]
pub(super) struct Known {
    keys: HashMap<String, String>,
    instances: HashSet<String>,
    nonces: HashSet<String>,
}

impl Cloud {
    /// An AccessKey that Alibaba Cloud knows.
    pub fn alibaba_key(&self, id: &str, secret: &str) {
        lock(&self.state.alibaba).keys.insert(id.to_owned(), secret.to_owned());
    }

    /// An Enterprise instance.
    pub fn alibaba_instance(&self, id: &str) {
        lock(&self.state.alibaba).instances.insert(id.to_owned());
    }

    /// Deletes the AccessKeys.
    pub fn revoke_alibaba_keys(&self) {
        lock(&self.state.alibaba).keys.clear();
    }
}

impl State {
    pub(super) fn open_api(&self, asked: &Asked) -> Said {
        let action = asked.header("x-acs-action").unwrap_or_default().to_owned();
        let query = parameters(Some(&asked.query));
        let refused = |status: u16, code: &str, message: &str| {
            let body = json!({ "RequestId": "1", "Code": code, "Message": message });
            Said::json(&action, status, &body)
        };
        if let Err((status, code, message)) = self.verify_acs(asked) {
            return refused(status, code, message).form(query);
        }
        let unknown = || refused(404, "InvalidAction.NotFound", "Specified api is not found.");
        let version = asked.header("x-acs-version").unwrap_or_default();
        let end =
            (self.seconds() as u64 * 1000) + self.life(Duration::from_hours(1)).as_millis() as u64;
        let said = match (action.as_str(), version, asked.path.as_str()) {
            ("GetAuthorizationToken", "2016-06-07", "/tokens") => Said::json(
                &action,
                200,
                &json!({ "requestId": "1", "data": {
                    "tempUserName": "cr_temp_user",
                    "authorizationToken": self.issue("acr"),
                    "expireDate": end,
                }}),
            ),
            ("GetAuthorizationToken", "2018-12-01", "/") => {
                let id = field(&query, "InstanceId").unwrap_or_default();
                if lock(&self.alibaba).instances.contains(id) {
                    let body = json!({
                        "IsSuccess": true,
                        "Code": "success",
                        "TempUsername": "cr_temp_user",
                        "AuthorizationToken": self.issue("acr"),
                        "ExpireTime": end,
                    });
                    Said::json(&action, 200, &body)
                } else {
                    // as that API does: not by the status
                    let body = json!({
                        "IsSuccess": false,
                        "Code": "INSTANCE_NOT_EXIST",
                        "Message": "instance is not exist",
                    });
                    Said::json(&action, 200, &body)
                }
            }
            (_, "2018-12-01", "/") if self.is_of_known_instance(&query) => self
                .served(asked, &action, |signed| aliyun::enterprise(signed))
                .unwrap_or_else(unknown),
            (_, "2016-06-07", path) => {
                let path: Vec<_> = path.trim_matches('/').split('/').collect();
                let body = serde_json::from_slice(&asked.body).unwrap_or_default();
                self.served(asked, &action, |signed| aliyun::personal(signed, &path, &body))
                    .unwrap_or_else(unknown)
            }
            _ => unknown(),
        };
        said.form(query)
    }

    fn is_of_known_instance(&self, query: &[(String, String)]) -> bool {
        let id = field(query, "InstanceId").unwrap_or_default();
        lock(&self.alibaba).instances.contains(id)
    }

    /// Verifies `ACS3-HMAC-SHA256 Credential=…,SignedHeaders=…,Signature=…`.
    fn verify_acs(&self, asked: &Asked) -> Result<(), (u16, &'static str, &'static str)> {
        let incomplete = (400, "IncompleteSignature", "The request signature does not conform.");
        let header = asked.header("authorization").unwrap_or_default();
        let rest = header.strip_prefix("ACS3-HMAC-SHA256 ").ok_or(incomplete)?;
        let part = |name: &str| {
            rest.split(',').find_map(|part| part.trim().strip_prefix(name)).map(str::to_owned)
        };
        let (Some(id), Some(names), Some(signature)) =
            (part("Credential="), part("SignedHeaders="), part("Signature="))
        else {
            return Err(incomplete);
        };
        let must = ["host", "x-acs-action", "x-acs-content-sha256", "x-acs-date", "x-acs-version"];
        if !must.iter().all(|name| names.split(';').any(|signed| signed == *name)) {
            return Err(incomplete);
        }
        let mut known = lock(&self.alibaba);
        let secret = known.keys.get(&id).cloned().ok_or((
            404,
            "InvalidAccessKeyId.NotFound",
            "Specified access key is not found.",
        ))?;
        let date = asked.header("x-acs-date").unwrap_or_default();
        if !is_near(date, self.seconds(), 900, true) {
            let message = "Specified time stamp or date value is expired.";
            return Err((400, "InvalidTimeStamp.Expired", message));
        }
        let nonce = asked.header("x-acs-signature-nonce").unwrap_or_default().to_owned();
        if nonce.is_empty() || !known.nonces.insert(nonce) {
            return Err((400, "SignatureNonceUsed", "Specified signature nonce was used already."));
        }
        let hash = sha256(&asked.body);
        if asked.header("x-acs-content-sha256") != Some(&hash) {
            return Err(incomplete);
        }
        let canonical = format!(
            "{}\n{}\n{}\n{}\n{names}\n{hash}",
            asked.method,
            asked.path,
            asked.query,
            signed_lines(asked, &names)
        );
        let to_sign = format!("ACS3-HMAC-SHA256\n{}", sha256(canonical.as_bytes()));
        if super::hex(&hmac(secret.as_bytes(), &to_sign)) != signature {
            return Err((400, "SignatureDoesNotMatch", "Specified signature is not matched."));
        }
        Ok(())
    }
}
