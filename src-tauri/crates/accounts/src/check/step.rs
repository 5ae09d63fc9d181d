//! What is tested, and what can be found.

/// One thing that is tested, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// The host's name has an address.
    Dns,
    /// The port takes connections.
    Tcp,
    /// The certificate is right.
    Tls,
    /// There is a registry behind it (`/v2/`).
    Registry,
    /// It takes the user name and secret.
    Login,
    /// It lists its repositories.
    Catalog,
    /// Images of the repository that was named can be read.
    Pull,
    /// Images can be written there: an upload is opened, and cancelled.
    Push,
}

impl Step {
    /// Every step, in order.
    pub const ALL: [Self; 8] = [
        Self::Dns,
        Self::Tcp,
        Self::Tls,
        Self::Registry,
        Self::Login,
        Self::Catalog,
        Self::Pull,
        Self::Push,
    ];

    /// Its name: `dns`, `tcp`, `tls`, `registry`, `login`, `catalog`, `pull`, `push`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Registry => "registry",
            Self::Login => "login",
            Self::Catalog => "catalog",
            Self::Pull => "pull",
            Self::Push => "push",
        }
    }
}

/// What was found, as a word that stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// A proxy makes the connection.
    Proxied,
    /// Plain HTTP: there is no certificate.
    Plain,
    /// A certificate that was not verified.
    Unverified,
    /// The registry wants a login.
    WantsLogin,
    /// Nobody logs in.
    Anonymous,
    /// No repositories yet.
    Empty,
    /// No repository was named.
    NoRepository,
    /// The repository has no tags yet.
    NoTags,
    /// An image was found.
    Found,
    /// An upload was opened and cancelled.
    Opened,
}

impl Note {
    /// Its word, `wants-login`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Proxied => "proxied",
            Self::Plain => "plain",
            Self::Unverified => "unverified",
            Self::WantsLogin => "wants-login",
            Self::Anonymous => "anonymous",
            Self::Empty => "empty",
            Self::NoRepository => "no-repository",
            Self::NoTags => "no-tags",
            Self::Found => "found",
            Self::Opened => "opened",
        }
    }

    /// What it says in English.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Proxied => "a proxy makes the connection",
            Self::Plain => {
                "plain HTTP: no certificate, and anyone in between can read the password"
            }
            Self::Unverified => "not verified",
            Self::WantsLogin => "it wants a login",
            Self::Anonymous => "anonymous",
            Self::Empty => "no repositories yet",
            Self::NoRepository => "no repository was named",
            Self::NoTags => "no tags yet",
            Self::Found => "found",
            Self::Opened => "an upload was opened and cancelled",
        }
    }
}
