//! Accounts: who we are at which registry. Where that is kept ([`account`]), where its secrets are ([`keyring`]),
//! whether it works ([`check`]), and how a run uses it ([`access`]).
//!
//! How registries are spoken with is the `registry` crate's business.

pub mod access;
pub mod account;
pub mod address;
pub mod auth_file;
pub mod check;
mod docker;
mod helper;
pub mod keyring;
pub mod lookup;
pub mod provider;
pub mod sign_in;

pub use access::AccountAccess;
pub use account::{Account, Accounts, SecretPlace};
pub use address::{Address, InvalidAddress, Typed};
pub use auth_file::{AuthEntry, address_of_key};
pub use keyring::{SecretStore, SystemKeyring, Vault};
pub use lookup::{CredentialFiles, FileAccess, Found};
pub use provider::Provider;
pub use sign_in::{SecretKind, SignIn, SignInOptions};
