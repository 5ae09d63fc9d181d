//! The stable codes of everything that can go wrong. Scripts, reports and the app's texts rest on them: a code is
//! never renamed. They are the only thing that a program should match on.

use std::fmt;

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $code:literal,)*) => {
        /// A stable error code such as `auth.rejected`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Code { $($(#[$doc])* $variant,)* }

        impl Code {
            /// Every code, in the order of the catalogue.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The code as it is written in reports and after `error[`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }
        }
    };
}

codes! {
    /// The repository needs a login and there is none for it.
    AuthRequired = "auth.required",
    /// The registry or its token service refused the user name, password or token.
    AuthRejected = "auth.rejected",
    /// The token service is down or answers rubbish.
    AuthUnavailable = "auth.unavailable",
    /// No permission to read (many registries say so of what does not exist too).
    PullDenied = "access.pull-denied",
    /// No permission to write.
    PushDenied = "access.push-denied",
    /// The destination's repository must be created before the first push.
    RepoMustExist = "repo.must-exist",
    /// The destination does not take repository names of this depth or form.
    RepoName = "repo.name",
    /// No such tag, digest or repository.
    RefNotFound = "ref.not-found",
    /// The registry does not list its repositories.
    CatalogUnsupported = "catalog.unsupported",
    /// The image is in the old schema 1 format and the destination refuses it.
    ManifestSchema1 = "manifest.schema1",
    /// The destination refuses the manifest.
    ManifestRejected = "manifest.rejected",
    /// What the source serves as a manifest is none.
    ManifestInvalid = "manifest.invalid",
    /// A blob that a manifest names is not there.
    BlobNotFound = "blob.not-found",
    /// The tag is locked at the destination.
    TagImmutable = "tag.immutable",
    /// The destination is out of space or quota.
    QuotaExceeded = "quota.exceeded",
    /// The registry is read-only or does not allow the operation.
    RegistryReadOnly = "registry.read-only",
    /// The registry asks to slow down.
    RateLimited = "rate.limited",
    /// The bytes are not those that the digest names.
    DigestMismatch = "digest.mismatch",
    /// The registry forgot an upload session, more often than we retry.
    UploadExpired = "upload.expired",
    /// The certificate is signed by nobody that we trust.
    TlsUntrusted = "tls.untrusted",
    /// The certificate has expired or is not yet valid.
    TlsExpired = "tls.expired",
    /// The certificate is for another name.
    TlsName = "tls.name",
    /// The certificate is not the one that was trusted.
    TlsChanged = "tls.changed",
    /// The TLS handshake failed for another reason.
    TlsFailed = "tls.failed",
    /// The registry speaks HTTP where HTTPS was expected.
    HttpPlain = "http.plain",
    /// The host name does not resolve.
    NetDns = "net.dns",
    /// Nothing moved for as long as we wait.
    NetTimeout = "net.timeout",
    /// The connection was refused or reset.
    NetReset = "net.reset",
    /// The proxy refused or failed.
    ProxyFailed = "proxy.failed",
    /// The server behind this address is not a registry.
    NotARegistry = "registry.not-found",
    /// The registry failed (5xx) as often as we tried.
    RegistryFailed = "registry.failed",
    /// The registry answered something that we have no better word for.
    RegistryRefused = "registry.refused",
    /// A redirect or upload location that must not be followed.
    RedirectRefused = "redirect.refused",
    /// There is no system keyring.
    KeyringMissing = "keyring.missing",
    /// The system keyring is locked.
    KeyringLocked = "keyring.locked",
    /// The encrypted file of secrets waits for its passphrase.
    SecretsLocked = "secrets.locked",
    /// The passphrase does not open the encrypted file of secrets, or the file is damaged.
    SecretsPassphrase = "secrets.passphrase",
    /// A credential helper failed.
    HelperFailed = "helper.failed",
    /// The image has no platform that the filter keeps.
    PlatformNone = "platform.none",
    /// Two rules write different images to one destination.
    RuleConflict = "rule.conflict",
    /// A rule does not fit what the source has, such as differing tag counts.
    RuleInvalid = "rule.invalid",
    /// A rule matched nothing and the run was told to fail on that.
    RuleEmpty = "rule.empty",
    /// A file or flag is wrong.
    ConfigInvalid = "config.invalid",
    /// A file could not be read or written.
    FileFailed = "file.failed",
    /// The profile is being run already, perhaps by another process.
    RunBusy = "run.busy",
    /// The run was cancelled.
    Cancelled = "cancelled",
    /// Our fault.
    Internal = "internal",
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl serde::Serialize for Code {
    fn serialize<S: serde::Serializer>(
        &self,
        serializer: S,
    ) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> serde::Deserialize<'de> for Code {
    /// A code that is not known any more, or not yet, is our fault.
    fn deserialize<D: serde::Deserializer<'de>>(
        deserializer: D,
    ) -> std::result::Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Ok(Self::ALL.iter().copied().find(|code| code.as_str() == text).unwrap_or(Self::Internal))
    }
}
