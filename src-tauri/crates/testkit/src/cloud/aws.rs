//! ECR's token API and the security token service, behind Signature Version 4.

use std::{collections::HashMap, time::Duration};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::json;

use super::{Asked, Cloud, Said, State, field, hmac, is_near, sha256, signed_lines, stamp};
use crate::{lock, serve::vendor::ecr};

/// The access keys and roles that Amazon knows.
#[derive(Debug, Default)]
pub(super) struct Known {
    keys: HashMap<String, Key>,
    /// Role ARN -> external id.
    roles: HashMap<String, Option<String>>,
    web_identities: HashMap<String, String>,
    region: Option<String>,
}

#[derive(Clone, Debug)]
struct Key {
    secret: String,
    token: Option<String>,
}

impl Cloud {
    /// An access key that Amazon knows.
    pub fn aws_key(&self, id: &str, secret: &str) {
        let key = Key { secret: secret.to_owned(), token: None };
        lock(&self.state.aws).keys.insert(id.to_owned(), key);
    }

    /// A role that every known key may assume, with an external id if there is one.
    pub fn aws_role(&self, arn: &str, external_id: Option<&str>) {
        lock(&self.state.aws).roles.insert(arn.to_owned(), external_id.map(str::to_owned));
    }

    /// A token of another identity provider that may assume a role.
    pub fn aws_web_identity(&self, token: &str, role: &str) {
        lock(&self.state.aws).web_identities.insert(token.to_owned(), role.to_owned());
    }

    /// The only region that calls may be signed for.
    pub fn aws_region(&self, region: &str) {
        lock(&self.state.aws).region = Some(region.to_owned());
    }

    /// Deletes every access key, those of sessions too.
    pub fn revoke_aws_keys(&self) {
        lock(&self.state.aws).keys.clear();
    }
}

/// Why a signature is no good.
struct Bad(&'static str, String);

impl State {
    pub(super) fn ecr(&self, asked: &Asked, target: &str) -> Said {
        let (api, action) = target.rsplit_once('.').unwrap_or(("", target));
        let public = api == "SpencerFrontendService";
        let service = if public { "ecr-public" } else { "ecr" };
        let refused = |name: &str, message: &str| {
            Said::json(action, 400, &json!({ "__type": name, "message": message }))
        };
        if let Err(Bad(name, message)) = self.verify(asked, service) {
            return refused(name, &message);
        }
        if !public && api != "AmazonEC2ContainerRegistry_V20150921" {
            return refused("UnknownOperationException", "");
        }
        if action != "GetAuthorizationToken" {
            let body = serde_json::from_slice(&asked.body).unwrap_or_default();
            return self
                .served(asked, action, |signed| ecr::answer(signed, &body))
                .unwrap_or_else(|| refused("UnknownOperationException", ""));
        }
        let token = BASE64_STANDARD.encode(format!("AWS:{}", self.issue("ecr")));
        let life = self.life(Duration::from_hours(12)).as_secs_f64();
        let data = json!({
            "authorizationToken": token,
            "expiresAt": self.seconds() as f64 + life,
            "proxyEndpoint": "https://123456789012.dkr.ecr.eu-west-1.amazonaws.com",
        });
        let data = if public { data } else { json!([data]) };
        Said::json(action, 200, &json!({ "authorizationData": data }))
    }

    pub(super) fn sts(&self, asked: &Asked, form: Vec<(String, String)>) -> Said {
        let action = field(&form, "Action").unwrap_or_default().to_owned();
        let refused = |status: u16, name: &str, message: &str| Said {
            action: action.clone(),
            status,
            kind: "text/xml",
            body: format!(
                "<ErrorResponse><Error><Type>Sender</Type><Code>{name}</Code><Message>{message}</Message></Error></ErrorResponse>"
            ),
            form: form.clone(),
        };
        let role = field(&form, "RoleArn").unwrap_or_default().to_owned();
        match action.as_str() {
            "AssumeRole" => {
                if let Err(Bad(name, message)) = self.verify(asked, "sts") {
                    // this service has its own word for it
                    let name = match name {
                        "UnrecognizedClientException" => "InvalidClientTokenId",
                        "InvalidSignatureException" => "SignatureDoesNotMatch",
                        name => name,
                    };
                    return refused(403, name, &message);
                }
                let known = lock(&self.aws).roles.get(&role).cloned();
                let external = field(&form, "ExternalId").map(str::to_owned);
                if known.is_none_or(|wanted| wanted != external) {
                    let message = format!(
                        "User is not authorized to perform: sts:AssumeRole on resource: {role}"
                    );
                    return refused(403, "AccessDenied", &message);
                }
            }
            "AssumeRoleWithWebIdentity" => {
                let token = field(&form, "WebIdentityToken").unwrap_or_default();
                if lock(&self.aws).web_identities.get(token) != Some(&role) {
                    return refused(400, "InvalidIdentityToken", "No OpenIDConnect provider found");
                }
            }
            _ => return refused(400, "InvalidAction", "Could not find operation"),
        }
        let (id, secret, token) =
            (self.issue("ASIA"), self.issue("session-secret"), self.issue("session-token"));
        let key = Key { secret: secret.clone(), token: Some(token.clone()) };
        lock(&self.aws).keys.insert(id.clone(), key);
        let end = self.seconds() + self.life(Duration::from_hours(1)).as_secs().cast_signed();
        let end = stamp(end, true);
        let body = format!(
            "<{action}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><{action}Result>\n\
             <Credentials><AccessKeyId>{id}</AccessKeyId><SecretAccessKey>{secret}</SecretAccessKey>\
             <SessionToken>{token}</SessionToken><Expiration>{end}</Expiration></Credentials>\n\
             </{action}Result></{action}Response>"
        );
        Said { action, status: 200, kind: "text/xml", body, form }
    }

    /// Verifies `AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…`.
    fn verify(&self, asked: &Asked, service: &str) -> Result<(), Bad> {
        let incomplete = || {
            Bad(
                "IncompleteSignatureException",
                "Authorization header requires all of its parts".into(),
            )
        };
        let header = asked.header("authorization").unwrap_or_default();
        let rest = header.strip_prefix("AWS4-HMAC-SHA256 ").ok_or_else(incomplete)?;
        let part = |name: &str| {
            rest.split(',').find_map(|part| part.trim().strip_prefix(name)).map(str::to_owned)
        };
        let (Some(credential), Some(names), Some(signature)) =
            (part("Credential="), part("SignedHeaders="), part("Signature="))
        else {
            return Err(incomplete());
        };
        let scope: Vec<&str> = credential.split('/').collect();
        let [id, date, region, wanted, "aws4_request"] = scope[..] else {
            return Err(incomplete());
        };
        let invalid = |message: String| Bad("InvalidSignatureException", message);
        let known = lock(&self.aws);
        let unknown = Bad(
            "UnrecognizedClientException",
            "The security token included in the request is invalid.".into(),
        );
        let Some(key) = known.keys.get(id) else { return Err(unknown) };
        if asked.header("x-amz-security-token") != key.token.as_deref() {
            return Err(unknown);
        }
        if wanted != service {
            return Err(invalid(format!(
                "Credential should be scoped to correct service: '{service}'."
            )));
        }
        if known.region.as_deref().is_some_and(|right| right != region) {
            return Err(invalid("Credential should be scoped to a valid region.".into()));
        }
        let time = asked.header("x-amz-date").unwrap_or_default();
        if !time.starts_with(date) || !names.split(';').any(|name| name == "host") {
            return Err(incomplete());
        }
        let now = self.seconds();
        if !is_near(time, now, 300, false) {
            let (now, edge) = (stamp(now, false), stamp(now - 300, false));
            let message =
                format!("Signature expired: {time} is now earlier than {edge} ({now} - 5 min.)");
            return Err(invalid(message));
        }
        let canonical = format!(
            "{}\n{}\n{}\n{}\n{names}\n{}",
            asked.method,
            asked.path,
            asked.query,
            signed_lines(asked, &names),
            sha256(&asked.body)
        );
        let to_sign = format!(
            "AWS4-HMAC-SHA256\n{time}\n{date}/{region}/{service}/aws4_request\n{}",
            sha256(canonical.as_bytes())
        );
        let secret = format!("AWS4{}", key.secret);
        let mut signing = secret.into_bytes();
        for text in [date, region, service, "aws4_request"] {
            signing = hmac(&signing, text);
        }
        if super::hex(&hmac(&signing, &to_sign)) != signature {
            return Err(invalid(
                "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method.".into(),
            ));
        }
        Ok(())
    }
}
