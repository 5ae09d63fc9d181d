//! Flags and subcommands. The flags of the original image-syncer keep their names and meaning.

use std::{
    num::{IntErrorKind, ParseIntError},
    path::PathBuf,
    str::FromStr,
};

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use registry::{Fingerprint, Registry};

use crate::rate::Rate;

const EXAMPLES: &str = "\
Examples:
  Mirror what images.yaml says, with the logins of auth.yaml:
      image-syncer --auth auth.yaml --images images.yaml
  See first what would be done; nothing is written:
      image-syncer --auth auth.yaml --images images.yaml --dry-run
  Copy one image, two platforms of it, to two places:
      image-syncer copy docker.io/library/nginx:1.27 r1.example.com/web/nginx r2.example.com/web/nginx \\
          --os linux --arch amd64,arm64
  Keep a login in the system's keyring, and see whether it works:
      image-syncer login registry.example.com -u robot
      image-syncer check registry.example.com --repository team/app
  Sign in at a cloud, renewed by itself (the secret is asked for, or piped in with --password-stdin):
      image-syncer login 123456789012.dkr.ecr.eu-west-1.amazonaws.com --kind aws-keys -u AKIA...
  Try it with two built-in registries, no account needed:
      image-syncer demo

images.yaml:                                auth.yaml:
  quay.io/team/app:v1.0: r.example.com/app    r.example.com:
  quay.io/team/web:/^v1\\./:                     username: robot
    - r.example.com/web                         password: ${ROBOT_PASSWORD}
    - s.example.com/mirror/web

Logins are looked for in the auth file, then among the accounts ('image-syncer accounts'; of several for one address
the first, or the one that --account names), then in docker's config.json ($DOCKER_CONFIG or ~/.docker), then in podman's
auth.json, then asked from the credential helpers that these name; else access is anonymous.

Exit status: 0 all copied or skipped; 1 at least one image failed; 2 usage or configuration, nothing was contacted;
130 ended by SIGINT, 143 by SIGTERM (the report is written, what was not done is listed as cancelled).";

/// Copy container images from registry to registry: no daemon, no disk, only what is missing.
#[derive(Debug, Parser)]
#[command(
    name = "image-syncer",
    version,
    args_conflicts_with_subcommands = true,
    // as in the original, the last of several has its way
    args_override_self = true,
    subcommand_negates_reqs = true,
    after_long_help = EXAMPLES,
    after_help = "Run with --help for examples, files and exit status."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) files: Files,
    #[command(flatten)]
    pub(crate) sync: SyncFlags,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// Where the rules are.
#[derive(Args, Debug)]
pub(crate) struct Files {
    /// Rules: a map of source to destination or destinations (.yaml, .yml, .json)
    #[arg(long, value_name = "FILE")]
    pub(crate) images: Option<PathBuf>,
    /// The original's old combined file {auth, images}; deprecated
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// What a sync does, however its rules are given.
#[derive(Args, Clone, Debug)]
pub(crate) struct SyncFlags {
    /// Logins: a map of registry or registry/namespace to {username, password, insecure, ...}
    #[arg(long, value_name = "FILE")]
    pub(crate) auth: Option<PathBuf>,
    /// Registries whose certificate is not verified, and that may speak plain HTTP (repeatable, comma list). For test
    /// networks; the auth file's 'insecure: true' says the same
    #[arg(long, value_name = "HOST", value_delimiter = ',')]
    pub(crate) insecure: Vec<Registry>,
    /// Use this account where it fits, or for this address: ID, HOST=ID, HOST/NAMESPACE=ID (repeatable)
    #[arg(long = "account", value_name = "[HOST=]ID")]
    pub(crate) accounts: Vec<String>,
    /// The most requests in flight to any one registry; 0 is no cap. Without it the number adapts, up to 64
    #[arg(short, long, value_name = "N", value_parser = whole::<usize>, allow_negative_numbers = true)]
    pub(crate) proc: Option<usize>,
    /// How often a request that failed is sent again, and damaged content fetched again [default: 3]
    #[arg(short, long, value_name = "N", value_parser = whole::<u32>, allow_negative_numbers = true)]
    pub(crate) retries: Option<u32>,
    /// Keep only these operating systems: linux, windows:10.0.17763.1817 (repeatable, comma list)
    #[arg(long, value_name = "LIST")]
    pub(crate) os: Vec<String>,
    /// Keep only these architectures: amd64, arm:v7 (repeatable, comma list)
    #[arg(long, value_name = "LIST")]
    pub(crate) arch: Vec<String>,
    /// Put manifests again even where they are equal
    // as in the original, `--force=true` and `--force=false` are said too
    #[arg(
        long,
        action = ArgAction::Set,
        num_args = 0..=1,
        require_equals = true,
        default_value = "false",
        default_missing_value = "true",
        value_name = "BOOL",
        hide_default_value = true,
        hide_possible_values = true
    )]
    pub(crate) force: bool,
    /// What happens to a tag that is at the destination with another digest [default: differing]
    #[arg(long, value_name = "WHEN", conflicts_with = "force")]
    pub(crate) overwrite: Option<OverwriteWhen>,
    /// What becomes of attestations (provenance, SBOMs) in indexes [default: keep]
    #[arg(long, value_name = "POLICY")]
    pub(crate) attestations: Option<AttestationPolicy>,
    /// What becomes of an index of which not all entries are wanted [default: rewrite]
    #[arg(long, value_name = "POLICY")]
    pub(crate) index: Option<IndexPolicy>,
    /// Say what would be done; no write request is sent and no layer is read
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Copy signatures, attestations and other referrers too
    #[arg(long)]
    pub(crate) referrers: bool,
    /// The most bytes per second over all: 10MB/s, 500KiB/s, 80Mbit/s (a number alone is bytes)
    #[arg(long, value_name = "RATE")]
    pub(crate) bandwidth: Option<Rate>,
    /// Fail when a rule matches nothing, instead of warning
    #[arg(long)]
    pub(crate) fail_if_empty: bool,
    /// Write what became of every image to this file (JSON)
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// Write the images that stand right at their destinations to this file, as rules
    #[arg(long, value_name = "FILE")]
    pub(crate) output_success_images: Option<PathBuf>,
    /// The form of that file
    #[arg(long, value_name = "FORMAT", default_value = "yaml")]
    pub(crate) output_images_format: ImagesFormat,
    /// Write the log to this file (it is emptied first) instead of standard error
    #[arg(long, value_name = "FILE")]
    pub(crate) log: Option<PathBuf>,
    /// The form of the log; as JSON it is on standard error where --log names no file
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) log_format: LogFormat,
    /// Print errors only
    #[arg(short, long, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Log more: -v what is done, -vv every request, -vvv everything
    #[arg(short, long, action = ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// A number of times or of things.
fn whole<T: FromStr<Err = ParseIntError>>(text: &str) -> Result<T, &'static str> {
    text.parse().map_err(|error: ParseIntError| match error.kind() {
        IntErrorKind::PosOverflow => "it is too large",
        _ => "it must be a whole number, 0 or more",
    })
}

/// When a tag is overwritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OverwriteWhen {
    /// The tag stays as it is
    #[value(alias = "skip")]
    Never,
    /// It is moved to the source's digest
    #[value(alias = "update")]
    Differing,
    /// Manifests are put again even where they are equal (as with --force)
    Always,
}

/// What becomes of attestations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum AttestationPolicy {
    /// They are copied
    Keep,
    /// They are left out; the digests of indexes change
    Strip,
    /// They are left out where the destination refuses them
    Auto,
}

/// What becomes of an index of which not all entries are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum IndexPolicy {
    /// It is written with those entries alone, and has another digest
    Rewrite,
    /// It keeps its bytes and digest; the destination must bear that manifests are missing
    Sparse,
}

impl From<OverwriteWhen> for engine::Overwrite {
    fn from(when: OverwriteWhen) -> Self {
        match when {
            OverwriteWhen::Never => Self::Never,
            OverwriteWhen::Differing => Self::Differing,
            OverwriteWhen::Always => Self::Always,
        }
    }
}

impl From<AttestationPolicy> for engine::Attestations {
    fn from(policy: AttestationPolicy) -> Self {
        match policy {
            AttestationPolicy::Keep => Self::Keep,
            AttestationPolicy::Strip => Self::Strip,
            AttestationPolicy::Auto => Self::Auto,
        }
    }
}

impl From<IndexPolicy> for engine::IndexPolicy {
    fn from(policy: IndexPolicy) -> Self {
        match policy {
            IndexPolicy::Rewrite => Self::Rewrite,
            IndexPolicy::Sparse => Self::Sparse,
        }
    }
}

/// The form of the file of successful images.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ImagesFormat {
    Yaml,
    Json,
}

/// The form of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

/// How one looks around.
#[derive(Args, Clone, Debug)]
pub(crate) struct LookFlags {
    /// Logins: a map of registry or registry/namespace to {username, password, insecure, ...}
    #[arg(long, value_name = "FILE")]
    pub(crate) auth: Option<PathBuf>,
    /// Registries whose certificate is not verified, and that may speak plain HTTP (repeatable, comma list)
    #[arg(long, value_name = "HOST", value_delimiter = ',')]
    pub(crate) insecure: Vec<Registry>,
    /// Use this account where it fits, or for this address: ID, HOST=ID (repeatable)
    #[arg(long = "account", value_name = "[HOST=]ID")]
    pub(crate) accounts: Vec<String>,
    /// Print JSON instead of a table
    #[arg(long)]
    pub(crate) json: bool,
    /// Stop after so many entries
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// Log more: -v what is done, -vv every request, -vvv everything
    #[arg(short, long, action = ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// What `login` keeps.
#[derive(Args, Debug)]
pub(crate) struct LoginFlags {
    /// registry or registry/namespace
    #[arg(value_name = "HOST")]
    pub(crate) address: String,
    /// The user name, access key id or client id; asked for on a terminal
    #[arg(short, long, value_name = "USER")]
    pub(crate) username: Option<String>,
    /// Read the secret (password, token, secret key, JSON key) from standard input
    #[arg(long)]
    pub(crate) password_stdin: bool,
    /// Whose registry it is, such as ecr, gar, azure, acr-enterprise; the host's name tells most [see docs/providers.md]
    #[arg(long, value_name = "ID", value_parser = clap::builder::PossibleValuesParser::new(providers()), hide_possible_values = true)]
    pub(crate) provider: Option<String>,
    /// What the secret is [default: what is usual at --provider, else password]
    #[arg(long, alias = "secret-kind", value_name = "KIND", value_parser = clap::builder::PossibleValuesParser::new(kinds()))]
    pub(crate) kind: Option<String>,
    /// The same as --kind identity-token: an OAuth2 refresh token
    #[arg(long, conflicts_with = "kind")]
    pub(crate) identity_token: bool,
    #[command(flatten)]
    pub(crate) cloud: CloudFlags,
    /// Save without trying the login
    #[arg(long)]
    pub(crate) no_verify: bool,
    /// Change this account instead of the one of the same address and user
    #[arg(long, value_name = "ID")]
    pub(crate) account: Option<String>,
    /// Add another account even if there is one of the same address and user
    #[arg(long, conflicts_with = "account")]
    pub(crate) new: bool,
    /// What it is called in the app
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Where the secret is kept
    #[arg(long, value_name = "PLACE")]
    pub(crate) secrets: Option<SecretsIn>,
    /// Do not verify the certificate, and allow plain HTTP: only for test networks
    #[arg(long)]
    pub(crate) insecure: bool,
    /// Speak plain HTTP at once
    #[arg(long)]
    pub(crate) plain_http: bool,
    /// Trust these certificates too (PEM)
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// Trust this very certificate of the server and no other, by its SHA-256 fingerprint
    #[arg(long, value_name = "SHA256")]
    pub(crate) trust: Option<Fingerprint>,
    /// The client's certificate (PEM)
    #[arg(long, value_name = "FILE")]
    pub(crate) cert: Option<PathBuf>,
    /// The key of the client's certificate (PEM); it may be in the same file
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    /// A proxy for this registry alone: http, https, socks5, socks5h. Its password: IMAGE_SYNCER_PROXY_PASSWORD
    #[arg(long, value_name = "URL")]
    pub(crate) proxy: Option<String>,
    /// Read images from this mirror first (repeatable)
    #[arg(long, value_name = "HOST")]
    pub(crate) mirror: Vec<String>,
    /// The most requests in flight to this registry
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
}

/// What signing in at a cloud needs to know besides.
#[derive(Args, Debug)]
pub(crate) struct CloudFlags {
    /// The profile in AWS's files (~/.aws), for aws-profile
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// The AWS role to assume, by its ARN
    #[arg(long, value_name = "ARN")]
    pub(crate) role: Option<String>,
    /// The cloud's region, where the address does not tell
    #[arg(long, value_name = "REGION")]
    pub(crate) region: Option<String>,
    /// Azure's tenant (directory), by its id or domain
    #[arg(long, value_name = "TENANT")]
    pub(crate) tenant: Option<String>,
    /// The ACR Enterprise instance, cri-…
    #[arg(long, value_name = "ID")]
    pub(crate) instance: Option<String>,
    /// Where the cloud's API is, in place of its public address
    #[arg(long, value_name = "URL")]
    pub(crate) endpoint: Option<String>,
}

impl CloudFlags {
    /// Each that was given, with its name in the accounts' settings.
    pub(crate) fn given(&self) -> Vec<(&'static str, &str)> {
        let all = [
            ("profile", &self.profile),
            ("role", &self.role),
            ("region", &self.region),
            ("tenant", &self.tenant),
            ("instance", &self.instance),
            ("endpoint", &self.endpoint),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?))).collect()
    }
}

fn providers() -> Vec<&'static str> {
    accounts::provider::all().iter().map(|provider| provider.id.as_str()).collect()
}

fn kinds() -> Vec<&'static str> {
    accounts::SecretKind::ALL.iter().map(|kind| kind.as_str()).collect()
}

/// Where a secret is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SecretsIn {
    /// The system's keyring
    Keyring,
    /// A file that is encrypted with a passphrase (IMAGE_SYNCER_PASSPHRASE, or asked for)
    File,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AccountsCommand {
    /// List the logins of docker, podman and an auth file; make accounts of those that are named
    Import {
        /// registry or registry/namespace of a login; none lists them all
        #[arg(value_name = "HOST")]
        addresses: Vec<String>,
        /// The original image-syncer's auth file, besides docker's and podman's
        #[arg(long, value_name = "FILE")]
        auth: Option<PathBuf>,
        /// Take all that are not there yet
        #[arg(long)]
        all: bool,
        /// Ask docker or podman for the secret each time, instead of copying it
        #[arg(long)]
        link: bool,
    },
}

/// Which runs are listed.
#[derive(Args, Clone, Debug)]
pub(crate) struct HistoryFlags {
    /// Only those of this profile
    #[arg(long, value_name = "PROFILE")]
    pub(crate) profile: Option<String>,
    /// So many at most
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(crate) limit: usize,
    /// Print JSON instead of a table
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum HistoryCommand {
    /// Write a run's report to standard output or a file
    Export {
        /// The run: its id or the beginning of it, or 'latest'
        id: String,
        /// The form
        #[arg(long, value_name = "FORMAT", default_value = "json")]
        format: ReportFormat,
        /// Write to this file
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Print a run's log
    Log {
        /// The run: its id or the beginning of it, or 'latest'
        id: String,
        /// Only what matters at least so much
        #[arg(long, value_name = "LEVEL", default_value = "info")]
        level: LineLevel,
    },
    /// Ask every destination of a run whether each manifest and blob is still there; nothing is written
    Verify {
        /// The run: its id or the beginning of it, or 'latest'
        id: String,
        /// Logins: a map of registry or registry/namespace to {username, password, insecure, ...}
        #[arg(long, value_name = "FILE")]
        auth: Option<PathBuf>,
        /// Registries whose certificate is not verified, and that may speak plain HTTP (repeatable, comma list)
        #[arg(long, value_name = "HOST", value_delimiter = ',')]
        insecure: Vec<Registry>,
    },
    /// Forget a run
    Remove {
        /// The run: its id or the beginning of it, or 'latest'
        id: String,
    },
}

/// The form of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// As --report writes it
    Json,
    /// One line an image
    Csv,
    /// To read
    Markdown,
    /// XML for build servers, one test case an image
    Junit,
}

/// How much a line of a log matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LineLevel {
    Info,
    Warning,
    Error,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Copy one source, as a rule writes it, to one or more destinations
    Copy {
        /// registry/repository, with :tag, :tag,tag, :/regex/ or @digest
        #[arg(value_name = "SRC")]
        source: String,
        /// registry/repository, with :tag or nothing
        #[arg(value_name = "DST", required = true)]
        destinations: Vec<String>,
        #[command(flatten)]
        sync: SyncFlags,
    },
    /// Run a profile that was saved in the app, with its accounts
    Run {
        /// The profile's name
        profile: String,
        #[command(flatten)]
        sync: SyncFlags,
    },
    /// List the namespaces and repositories of a registry, or of one namespace of it
    Ls {
        /// registry, or registry/namespace: quay.io/team, docker.io/library, r.example.com
        #[arg(value_name = "HOST[/NAMESPACE]")]
        place: String,
        #[command(flatten)]
        look: LookFlags,
    },
    /// List the tags of a repository, with all that the registry's list tells of them
    Tags {
        /// registry/repository
        repository: String,
        #[command(flatten)]
        look: LookFlags,
    },
    /// Show what an image is made of: platforms, sizes, dates, layers, annotations, signatures
    Inspect {
        /// registry/repository, with :tag or @digest
        reference: String,
        /// Print the manifest or index alone, byte by byte
        #[arg(long, conflicts_with = "json")]
        raw: bool,
        #[command(flatten)]
        look: LookFlags,
    },
    /// Keep an account: who we are at a registry, and how it is reached. Its secret comes from a prompt or standard input
    Login(Box<LoginFlags>),
    /// Forget an account and its secret
    Logout {
        /// registry or registry/namespace
        #[arg(value_name = "HOST")]
        address: String,
        /// Which user's, where there are several
        #[arg(short, long, value_name = "USER")]
        username: Option<String>,
        /// Which account, by its id, where there are several
        #[arg(long, value_name = "ID")]
        account: Option<String>,
    },
    /// List the accounts, or import logins from docker, podman and an auth file
    Accounts {
        /// Print JSON; it never holds a secret
        #[arg(long)]
        json: bool,
        #[command(subcommand)]
        command: Option<AccountsCommand>,
    },
    /// Test the connection to a registry step by step: DNS, TCP, TLS, /v2/, login, list; pull and push of a repository
    Check {
        /// registry or registry/namespace
        #[arg(value_name = "HOST")]
        address: String,
        /// Read an image of this repository, and open an upload to it that is cancelled at once
        #[arg(long, value_name = "NAME")]
        repository: Option<String>,
        /// Which account, by its id; the one that a sync would use otherwise
        #[arg(long, value_name = "ID")]
        account: Option<String>,
        /// Logins: an auth file
        #[arg(long, value_name = "FILE")]
        auth: Option<PathBuf>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// List the runs of profiles, newest first, by the app and by 'run'; export one, check its destinations
    #[command(args_conflicts_with_subcommands = true)]
    History {
        #[command(flatten)]
        list: HistoryFlags,
        #[command(subcommand)]
        command: Option<HistoryCommand>,
    },
    /// Show a sync between two built-in registries; no account, no network
    Demo,
    /// Print the completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page (roff)
    Man,
}
