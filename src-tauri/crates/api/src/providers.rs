//! The registries that people use, for *Add account*.

use std::sync::Arc;

use ::accounts::provider::{self, Level, Listing, Text};
use serde::Serialize;
use ts_rs::TS;

use crate::{Api, Host, error::Result};

/// A kind of registry.
#[derive(Clone, Debug, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Provider {
    /// Its id, `ecr`.
    pub id: String,
    /// What it is called.
    pub name: ProviderText,
    /// The forms of its address, the usual one first.
    pub addresses: Vec<AddressTemplate>,
    /// Hosts that are its own; `*` stands for any part of a name.
    pub hosts: Vec<String>,
    /// Which user name it wants.
    pub user: ProviderText,
    /// The kinds of secret that it takes, the usual one first.
    pub secrets: Vec<SecretKind>,
    /// `catalog`, `api` or `none`.
    pub listing: String,
    /// `nothing`, `namespace` or `repository`.
    pub must_exist: String,
    /// What that is called there.
    pub must_exist_what: Option<ProviderText>,
    /// The fewest components of a repository's name.
    pub min_depth: u64,
    /// The most, if there is a limit.
    pub max_depth: Option<u64>,
    /// The limits that it publishes.
    pub limits: Vec<ProviderText>,
    /// Its documentation.
    pub docs: String,
}

/// A text in the app's languages.
#[derive(Clone, Debug, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ProviderText {
    /// English.
    pub en: String,
    /// Chinese.
    pub zh: String,
}

/// An address with named holes: `{account}.dkr.ecr.{region}.amazonaws.com`.
#[derive(Clone, Debug, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct AddressTemplate {
    /// The address.
    pub template: String,
    /// The names of its holes, in their order.
    pub holes: Vec<String>,
    /// When it is the one, where there are several.
    pub note: Option<ProviderText>,
}

/// A kind of secret.
#[derive(Clone, Debug, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct SecretKind {
    /// Its name, `aws-keys`.
    pub id: String,
    /// Whether a secret is kept for the account; else it is found on the system.
    pub is_kept: bool,
    /// Whether a user name goes with it.
    pub has_user: bool,
    /// Whether what it gives is renewed by itself.
    pub renews: bool,
    /// The settings that it looks at, `region`, the usual ones first.
    pub settings: Vec<String>,
}

/// In the order for the language that the app shows.
#[expect(clippy::unused_async, reason = "all commands have one form")]
pub(crate) async fn list<H: Host>(api: &Arc<Api<H>>, (): ()) -> Result<Vec<Provider>> {
    let language = match api.tongue() {
        crate::text::Tongue::Chinese => "zh",
        crate::text::Tongue::English => "en",
    };
    Ok(provider::ordered(language).into_iter().map(Into::into).collect())
}

impl From<&provider::Provider> for Provider {
    fn from(provider: &provider::Provider) -> Self {
        let template = |template: &provider::Template| AddressTemplate {
            template: template.template.clone(),
            holes: template.holes().into_iter().map(str::to_owned).collect(),
            note: template.note.as_ref().map(Into::into),
        };
        let kind = |kind: &::accounts::SecretKind| SecretKind {
            id: kind.as_str().into(),
            is_kept: kind.is_kept(),
            has_user: kind.has_user(),
            renews: kind.renews(),
            settings: kind.settings().iter().map(|name| (*name).to_owned()).collect(),
        };
        let listing = match provider.listing {
            Listing::Catalog => "catalog",
            Listing::Api => "api",
            Listing::None => "none",
        };
        let must_exist = match provider.must_exist.level {
            Level::Nothing => "nothing",
            Level::Namespace => "namespace",
            Level::Repository => "repository",
        };
        Self {
            id: provider.id.clone(),
            name: (&provider.name).into(),
            addresses: provider.addresses.iter().map(template).collect(),
            hosts: provider.hosts.clone(),
            user: (&provider.user).into(),
            secrets: provider.secrets.iter().map(kind).collect(),
            listing: listing.into(),
            must_exist: must_exist.into(),
            must_exist_what: provider.must_exist.what.as_ref().map(Into::into),
            min_depth: provider.depth.min as u64,
            max_depth: provider.depth.max.map(|max| max as u64),
            limits: provider.limits.iter().map(Into::into).collect(),
            docs: provider.docs.to_string(),
        }
    }
}

impl From<&Text> for ProviderText {
    fn from(text: &Text) -> Self {
        Self { en: text.en.clone(), zh: text.zh.clone() }
    }
}
