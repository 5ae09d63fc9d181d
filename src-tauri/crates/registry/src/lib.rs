//! A client of the OCI distribution API, made for copying: it reads manifests and blobs from one registry and
//! writes them to another without an extra request, an extra copy of the bytes, or a credential on the wrong host.
//!
//! What a registry is asked is here; *what* to copy and in which order is the `engine` crate's business. Accounts,
//! files and keyrings are not here either: whoever owns them implements [`AccessSource`].

pub mod access;
mod answer;
mod auth;
mod bandwidth;
pub mod blob_reader;
pub mod blob_writer;
pub mod browse;
pub mod catalog;
pub mod client;
pub mod code;
pub mod created;
mod descriptor;
mod dial;
pub mod digest;
pub mod error;
mod error_body;
mod failure;
pub mod fingerprint;
mod gate;
mod headers;
mod hint;
mod host;
pub mod inspect;
mod known_host;
mod limit;
mod link;
mod listing;
pub mod manifest;
pub mod media_type;
pub mod mount;
mod names;
mod pace;
mod patience;
pub mod platform;
mod redact;
mod redirect;
pub mod reference;
mod refusal;
pub mod repository;
mod retry;
mod send;
pub mod sentence;
pub mod service;
mod tls;
mod transport;
mod trust;
mod upload;
pub mod vendor;
pub mod waits;
mod warnings;
mod wire;

pub use access::{
    Access, AccessSource, Anonymous, CloudRequest, Creation, Credential, Demand, Identity, Mirror,
    TlsOptions,
};
pub use blob_reader::BlobReader;
pub use blob_writer::{BlobWriter, Fed};
pub use browse::{Entry, EntryKind, Pages, TagEntry};
pub use catalog::CatalogPages;
pub use client::{Client, ClientOptions};
pub use code::Code;
pub use created::Dates;
pub use descriptor::Descriptor;
pub use digest::{Algorithm, Digest, Hasher};
pub use error::{Error, Result, Side};
pub use fingerprint::Fingerprint;
pub use host::Quota;
pub use inspect::Inspection;
pub use limit::Permit;
pub use manifest::{Filtered, Manifest, ManifestKind};
pub use media_type::MediaType;
pub use mount::{Known, Mounting};
pub use platform::{Platform, PlatformFilter};
pub use redact::shown;
pub use reference::{
    InvalidReference, Reference, Registry, RepositoryName, Tag, Target, without_login,
};
pub use repository::{BlobStart, ManifestHead, ManifestPut, Repository, TagList, TagPages};
pub use sentence::Sentence;
pub use service::{Answered, Call, Service};
pub use vendor::{Api, Vendor};
pub use waits::Waiting;

pub(crate) use answer::Answer;
pub(crate) use host::{HostState, Learnt};
pub(crate) use transport::{Ask, Body, Place, Room, Scope, Wait};

/// How many challenges a `WWW-Authenticate` header holds; for the benches.
#[doc(hidden)]
pub fn count_challenges(header: &str) -> usize {
    auth::Challenge::parse(header).len()
}
