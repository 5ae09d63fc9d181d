//! What a person can do about each code: one table.

use crate::{Code, Registry};

/// The hints for a code, imperative sentences; `{host}` stands for the registry. Errors that know better add their
/// own before these.
pub(crate) const fn of(code: Code) -> &'static [&'static str] {
    match code {
        Code::AuthRequired => &[
            "Give an account for {host}: in the auth file, with 'docker login {host}', or in the app under Accounts.",
            "Check the spelling: some registries ask for a login for what does not exist.",
        ],
        Code::AuthRejected => &[
            "Check the user name and password for {host}; a token may have expired.",
            "Use an access token instead of a password where {host} asks for one (Docker Hub, GHCR).",
        ],
        Code::AuthUnavailable => &["Try again later: the token service of {host} is out of order."],
        Code::PullDenied => &[
            "Ask for the right to pull, or check the spelling: many registries answer \"denied\" for what does not exist.",
        ],
        Code::PushDenied => {
            &["Ask for the right to push, and see that the project or namespace exists at {host}."]
        }
        Code::RepoMustExist => &["Create the repository at {host} first, then run again."],
        Code::RepoName => &[
            "Choose a destination name that {host} takes: some take exactly two components, some no more than a certain depth.",
        ],
        Code::RefNotFound => {
            &["Check the spelling and the tag; it may have been deleted or renamed."]
        }
        Code::CatalogUnsupported => {
            &["Name the repositories one by one: {host} does not list them."]
        }
        Code::ManifestSchema1 => &[
            "Pull the image and push it again with a current tool; {host} no longer takes the old format.",
        ],
        Code::ManifestRejected => {
            &["Copy without attestations, or choose a destination that knows OCI artifacts."]
        }
        Code::ManifestInvalid => &["Push the image at the source again."],
        Code::BlobNotFound => {
            &["Push the image at the source again: the registry has lost a part of it."]
        }
        Code::TagImmutable => {
            &["Choose another tag, or allow the tag to be overwritten at {host}."]
        }
        Code::QuotaExceeded => &["Free space at {host}, or raise the quota."],
        Code::RegistryReadOnly => {
            &["Ask whoever runs {host} to allow writing, or wait until its maintenance ends."]
        }
        Code::RateLimited => &[
            "Wait and run again, or log in at {host} for a higher limit.",
            "Lower the number of requests (--proc).",
        ],
        Code::DigestMismatch => &[
            "Run again; if it stays so, look for a proxy that changes content, or push the image at the source again.",
        ],
        Code::UploadExpired => &["Run again; what has arrived at {host} is kept."],
        Code::TlsUntrusted => &[
            "Give the CA certificate of {host} ('ca' in the auth file), or add it to the system's.",
            "Set 'insecure: true' for {host} only in a test network.",
        ],
        Code::TlsExpired => &["Renew the certificate of {host}, and check this machine's clock."],
        Code::TlsName => &["Use the name that the certificate of {host} is for."],
        Code::TlsChanged => &[
            "Ask whoever runs {host} whether its certificate was renewed, compare the fingerprint, and trust the new one only then.",
        ],
        Code::TlsFailed => &[
            "Check whether {host} wants a client certificate ('cert' and 'key' in the auth file).",
        ],
        Code::HttpPlain => {
            &["Set 'insecure: true' for {host} if it is in a network that you trust."]
        }
        Code::NetDns => {
            &["Check the spelling of {host} and the DNS settings of this machine (VPN?)."]
        }
        Code::NetTimeout => &["Check the way to {host}: firewall, VPN, proxy."],
        Code::NetReset => {
            &["Check the address and port of {host}, and whether the registry is running."]
        }
        Code::ProxyFailed => {
            &["Check HTTPS_PROXY, HTTP_PROXY and NO_PROXY, or the proxy in the account of {host}."]
        }
        Code::NotARegistry => &["Check the address: what answers at {host} is not a registry."],
        Code::RegistryFailed => {
            &["Try again later, or ask whoever runs {host} to look into its log."]
        }
        Code::RegistryRefused => &["Ask whoever runs {host} what the answer means."],
        Code::RedirectRefused => &[
            "Ask whoever runs {host} to correct its external address (X-Forwarded-Proto, 'relativeurls').",
        ],
        Code::KeyringMissing => {
            &["Start a keyring (gnome-keyring, KWallet), or keep the secret for this session only."]
        }
        Code::KeyringLocked => &["Unlock the keyring and try again."],
        Code::SecretsLocked => {
            &["Give the passphrase: in the app under Accounts, or in IMAGE_SYNCER_PASSPHRASE."]
        }
        Code::SecretsPassphrase => &["Check the passphrase; nothing was changed."],
        Code::HelperFailed => &["Run the credential helper by hand to see what it lacks."],
        Code::PlatformNone => &["Widen the platform filter."],
        Code::RuleConflict => &["Change one of the rules; nothing was written to the tag."],
        Code::RuleInvalid => &["Correct the rule."],
        Code::RuleEmpty => &["Check the rule's repository and pattern."],
        Code::RunBusy => &["Wait until it has ended, or end it there."],
        Code::ConfigInvalid | Code::FileFailed | Code::Cancelled => &[],
        Code::Internal => &["Report this, with the log."],
    }
}

/// The hint for what is denied to nobody in particular.
pub(crate) fn anonymous(registry: &Registry) -> String {
    format!("Give an account for {registry}: the request was made without one.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_are_sentences_that_tell_what_to_do() {
        for code in Code::ALL {
            for hint in of(*code) {
                assert!(
                    hint.ends_with('.') && hint.starts_with(|c: char| c.is_ascii_uppercase()),
                    "{hint}"
                );
                assert_eq!(hint.matches('{').count(), hint.matches("{host}").count(), "{hint}");
            }
        }
    }
}
