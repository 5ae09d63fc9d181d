//! Accounts: who we are at which registry. What an account is ([`account`]), where it is kept ([`mod@file`]), where its
//! secrets are ([`vault`]), what docker and podman have ([`lookup`]), whether it works ([`check`]), and how a run uses it
//! ([`access`]).
//!
//! How registries are spoken with is the `registry` crate's business.

pub mod access;
pub mod account;
pub mod address;
pub mod auth_file;
mod certificates;
pub mod check;
pub mod create;
mod docker;
pub mod file;
mod helper;
pub mod import;
pub mod keyring;
pub mod link;
pub mod lookup;
mod passphrase;
pub mod provider;
mod schema;
pub mod secrets_file;
pub mod sign_in;
pub mod vault;

pub use access::AccountAccess;
pub use account::{Account, FailedTest, Link, SecretPlace, Trusted, secret_kind};
pub use address::{Address, InvalidAddress, Typed};
pub use auth_file::{AuthEntry, address_of_key};
pub use create::Create;
pub use file::Accounts;
pub use keyring::{SecretStore, SystemKeyring};
pub use link::Links;
pub use lookup::{CredentialFiles, FileAccess, Found, Listing};
pub use provider::Provider;
pub use schema::schema;
pub use secrets_file::FileState;
pub use sign_in::{SecretKind, SignIn, SignInOptions};
pub use vault::Vault;
