//! What kind of secret an account has, and hence how it signs in.

use std::{fmt, str::FromStr};

use registry::{Sentence, sentence};
use serde::{Deserialize, Serialize};

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// What kind of secret an account has, and hence how it signs in.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum SecretKind { $($(#[$doc])* #[serde(rename = $name)] $variant,)* }

        impl SecretKind {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Its name in files.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

kinds! {
    /// A password, or an access token in its place, with a user name.
    #[default]
    Password = "password",
    /// An OAuth2 refresh token ("identity token" in docker's files).
    IdentityToken = "identity-token",
    /// A token that goes to the registry as it is.
    Bearer = "bearer",
    /// A Google access token; it can't be renewed.
    AccessToken = "access-token",
    /// An AWS access key: its id is the user name, the secret key the secret.
    AwsKeys = "aws-keys",
    /// A profile in AWS's files on this machine.
    AwsProfile = "aws-profile",
    /// What AWS's environment variables say.
    AwsEnvironment = "aws-environment",
    /// The JSON key of a Google service account.
    GoogleKey = "google-key",
    /// An Azure service principal: the client's id is the user name, its secret the secret.
    AzurePrincipal = "azure-principal",
    /// An access token of Microsoft Entra ID; it can't be renewed.
    AzureToken = "azure-token",
    /// An Alibaba Cloud AccessKey: its id is the user name, its secret the secret.
    AlibabaKey = "alibaba-key",
}

impl SecretKind {
    /// Whether it is a secret that is kept for the account; the others are found on the system.
    pub const fn is_kept(self) -> bool {
        !matches!(self, Self::AwsProfile | Self::AwsEnvironment)
    }

    /// Whether it comes with a user name.
    pub const fn has_user(self) -> bool {
        matches!(self, Self::Password | Self::AwsKeys | Self::AzurePrincipal | Self::AlibabaKey)
    }

    /// The names of the settings that it looks at ([`crate::SignInOptions::NAMES`]), the usual ones first.
    pub const fn settings(self) -> &'static [&'static str] {
        match self {
            Self::Password | Self::IdentityToken | Self::Bearer | Self::AccessToken => &[],
            Self::AwsKeys | Self::AwsEnvironment => &["role", "region", "endpoint"],
            Self::AwsProfile => &["profile", "role", "region", "endpoint"],
            Self::GoogleKey => &["endpoint"],
            Self::AzurePrincipal => &["tenant", "endpoint"],
            Self::AzureToken => &["tenant"],
            Self::AlibabaKey => &["instance", "region", "endpoint"],
        }
    }

    /// Whether what it gives is renewed by itself.
    pub const fn renews(self) -> bool {
        !matches!(
            self,
            Self::Password
                | Self::IdentityToken
                | Self::Bearer
                | Self::AccessToken
                | Self::AzureToken
        )
    }
}

impl fmt::Display for SecretKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for SecretKind {
    type Err = Sentence;

    fn from_str(text: &str) -> Result<Self, Sentence> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == text).ok_or_else(|| {
            let known: Vec<_> = Self::ALL.iter().map(|kind| kind.as_str()).collect();
            sentence!("one_of", "it must be one of {known}", known = known.join(", "))
        })
    }
}
