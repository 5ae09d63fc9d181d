//! Accounts and tests as the page gets them.

use std::path::PathBuf;

use ::accounts::{Account, SecretPlace, Trusted, check};

use crate::dto::{self, ApiError, CheckStep};

impl From<&Account> for dto::Account {
    fn from(account: &Account) -> Self {
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
        Self {
            id: account.id.clone(),
            name: account.name.clone(),
            address: account.address.to_string(),
            username: account.username.clone(),
            provider: account.provider.clone(),
            settings: account.settings.clone(),
            secret_kind: account.secret_kind.clone(),
            has_secret: account.secret_in != SecretPlace::None,
            secret_in: account.secret_in.as_str().into(),
            link: account.link.as_ref().map(ToString::to_string),
            insecure: account.insecure,
            plain_http: account.plain_http,
            ca_file: path(&account.ca_file),
            trusted: account.trusted.clone().map(Into::into),
            client_cert: path(&account.client_cert),
            client_key: path(&account.client_key),
            proxy: account.proxy.as_ref().map(|url| url.as_str().trim_end_matches('/').to_owned()),
            has_proxy_password: account.proxy_secret_in != SecretPlace::None,
            mirrors: account.mirrors.iter().map(ToString::to_string).collect(),
            limit: account.limit.and_then(|limit| u32::try_from(limit).ok()),
            creates: !account.create.is_none(),
            api: account.api.as_ref().map(|url| url.as_str().trim_end_matches('/').to_owned()),
            path_prefix: account.path_prefix.clone(),
            verified_at: account.verified_at.map(|at| at.to_string()),
            failed: account.failed.as_ref().map(|failed| dto::FailedTest {
                at: failed.at.to_string(),
                step: failed.step.clone(),
                code: failed.code.clone(),
            }),
        }
    }
}

impl From<Trusted> for dto::Trusted {
    fn from(trusted: Trusted) -> Self {
        let (kind, sha256, subject, pem) = match trusted {
            Trusted::Certificate { sha256, subject } => {
                ("certificate", sha256, subject, String::new())
            }
            Trusted::Ca { sha256, subject, pem } => ("ca", sha256, subject, pem),
        };
        Self { kind: kind.into(), sha256: sha256.to_string(), subject, pem }
    }
}

impl From<&check::Done> for CheckStep {
    fn from(done: &check::Done) -> Self {
        let (state, error) = match &done.verdict {
            check::Verdict::Passed => ("passed", None),
            check::Verdict::Warning(error) => ("warning", error.as_ref()),
            check::Verdict::Failed(error) => ("failed", Some(error)),
            check::Verdict::Skipped => ("skipped", None),
        };
        Self {
            step: done.step.as_str().into(),
            state: state.into(),
            millis: done.took.as_millis() as u64,
            detail: done.detail.clone(),
            note: done.note.map(|note| note.as_str().into()),
            certificate: done.chain.as_ref().map(|chain| chain.server().into()),
            error: error.map(ApiError::from),
            trust: done.chain.as_ref().map(|chain| dto::TrustOffer {
                certificate: chain.trust_certificate().into(),
                ca: chain.trust_authority().map(Into::into),
            }),
        }
    }
}

impl From<&check::Certificate> for dto::Certificate {
    fn from(certificate: &check::Certificate) -> Self {
        Self {
            subject: certificate.subject.clone(),
            issuer: certificate.issuer.clone(),
            not_after: certificate.not_after.clone(),
            sha256: certificate.sha256.to_string(),
        }
    }
}
