//! Vendors whose ways are published or well known, told by their host names, so that no request has to fail to learn
//! them. Everything here can be learnt from answers as well, and is, at hosts that are not listed.

use std::time::Duration;

use crate::{
    Mounting, Registry,
    host::Learnt,
    pace::{Action, Rate},
};

const MIB: u64 = 1024 * 1024;
const SECOND: Duration = Duration::from_secs(1);

/// A host whose ways are known by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KnownHost {
    /// GitHub's ghcr.io.
    Ghcr,
    /// Google's Container and Artifact Registry.
    Google,
    /// Amazon's private registries.
    Ecr,
    /// Amazon's public registry.
    EcrPublic,
    /// Microsoft's Azure Container Registry.
    Azure,
}

impl KnownHost {
    /// Whose registry a host is.
    pub(crate) fn of(registry: &Registry) -> Option<Self> {
        let host = registry.as_str().to_ascii_lowercase();
        let host = host.split(':').next().unwrap_or_default();
        let below = |domain: &str| host.strip_suffix(domain).is_some_and(|sub| sub.ends_with('.'));
        Some(match host {
            "ghcr.io" => Self::Ghcr,
            "gcr.io" => Self::Google,
            _ if below("gcr.io") || below("pkg.dev") => Self::Google,
            "public.ecr.aws" | "ecr-public.aws.com" => Self::EcrPublic,
            _ if is_ecr(host) => Self::Ecr,
            _ if below("azurecr.io") || below("azurecr.cn") || below("azurecr.us") => Self::Azure,
            _ => return None,
        })
    }

    /// How it likes uploads.
    pub(crate) fn learnt(self) -> Learnt {
        let learnt = Learnt::default();
        match self {
            // a whole PUT is fine, and so is a PATCH that says no range
            Self::Ghcr => Learnt { range_limit: Some(4 * MIB), ..learnt },
            // an upload that broke off can't go on by PATCH
            Self::Google => Learnt { patch_refused: true, ..learnt },
            // 413 above about 20 MB
            Self::Azure => Learnt { chunk_size: Some(16 * MIB), ..learnt },
            Self::Ecr | Self::EcrPublic => learnt,
        }
    }

    /// From where it mounts.
    pub(crate) fn mounting(self) -> Mounting {
        match self {
            Self::Google => Mounting::Never,
            Self::Ecr | Self::EcrPublic => Mounting::Committed,
            Self::Ghcr | Self::Azure => Mounting::Freely,
        }
    }

    /// How many requests it takes, as it has published.
    pub(crate) fn rates(self, anonymous: bool) -> Vec<Rate> {
        let rate = |action, requests, window| Rate { action, requests, window };
        match self {
            Self::Ghcr => vec![rate(Action::Any, 2000, Duration::from_mins(1))],
            Self::Google => vec![rate(Action::Any, 50_000, Duration::from_mins(10))],
            Self::Ecr => vec![
                rate(Action::OpenUpload, 100, SECOND),
                rate(Action::WriteBytes, 500, SECOND),
                rate(Action::PutManifest, 10, SECOND),
            ],
            Self::EcrPublic => {
                let pulls = if anonymous { 1 } else { 10 };
                vec![
                    rate(Action::GetManifest, pulls, SECOND),
                    rate(Action::OpenUpload, 100, SECOND),
                    rate(Action::PutManifest, 10, SECOND),
                ]
            }
            Self::Azure => Vec::new(),
        }
    }
}

/// `<account>.dkr.ecr.<region>.amazonaws.com`, in China `.com.cn`, with FIPS `dkr.ecr-fips`, and over both IPs
/// `<account>.dkr-ecr.<region>.on.aws`.
fn is_ecr(host: &str) -> bool {
    let is_amazons =
        [".amazonaws.com", ".amazonaws.com.cn", ".on.aws", ".on.amazonwebservices.com.cn"]
            .iter()
            .any(|domain| host.ends_with(domain));
    is_amazons && (host.contains(".dkr.ecr") || host.contains(".dkr-ecr"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_that_are_known() {
        for (host, known) in [
            ("ghcr.io", Some(KnownHost::Ghcr)),
            ("ghcr.io.example.com", None),
            ("docker.io", None),
            ("gcr.io", Some(KnownHost::Google)),
            ("eu.gcr.io", Some(KnownHost::Google)),
            ("notgcr.io", None),
            ("europe-west1-docker.pkg.dev", Some(KnownHost::Google)),
            ("public.ecr.aws", Some(KnownHost::EcrPublic)),
            ("123456789012.dkr.ecr.eu-west-1.amazonaws.com", Some(KnownHost::Ecr)),
            ("123456789012.dkr.ecr-fips.us-east-1.amazonaws.com", Some(KnownHost::Ecr)),
            ("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", Some(KnownHost::Ecr)),
            ("123456789012.dkr-ecr.eu-west-1.on.aws", Some(KnownHost::Ecr)),
            ("s3.amazonaws.com", None),
            ("team.azurecr.io", Some(KnownHost::Azure)),
            ("team.azurecr.io:443", Some(KnownHost::Azure)),
            ("azurecr.io", None),
            ("127.0.0.1:5000", None),
        ] {
            assert_eq!(KnownHost::of(&host.parse().unwrap()), known, "{host}");
        }
    }
}
