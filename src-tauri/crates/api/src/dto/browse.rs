//! What is in a registry: namespaces, repositories, tags.

use registry::Sentence;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Which list to open: what is at the top of a registry, below a namespace of it, or the tags of a repository.
#[derive(Clone, Debug, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct BrowseRequest {
    /// What the page calls this request, to give it up by.
    pub token: String,
    /// The account to look with; `null` for whichever fits, or none.
    pub account_id: Option<String>,
    /// `host[:port]`
    pub host: String,
    /// The namespace to look into.
    pub namespace: Option<String>,
    /// The repository whose tags are wanted.
    pub repository: Option<String>,
    /// Whether it is read anew although it is known.
    pub refresh: bool,
}

/// Another page of a list.
#[derive(Clone, Debug, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct MoreRequest {
    /// What the page calls this request, to give it up by.
    pub token: String,
    /// The list.
    pub list_id: String,
    /// How many of its entries are known.
    pub from: u64,
}

/// What names a request that is under way.
#[derive(Clone, Debug, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ByToken {
    /// Its token.
    pub token: String,
}

/// A list, or a page of it.
#[derive(Clone, Debug, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct BrowsePage {
    /// The list's id, for more of it.
    pub list_id: String,
    /// How many entries come before these.
    pub from: u64,
    /// The entries.
    pub entries: Vec<BrowseEntry>,
    /// Whether there may be more.
    pub more: bool,
    /// When the registry was asked.
    pub fetched_at: String,
}

/// A namespace, repository or tag. What the registry's list does not tell is `null`.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct BrowseEntry {
    /// The whole path within the registry, or the tag. As the registry gives it: it may be anything.
    pub name: String,
    /// `namespace`, `repository`, `either` (it may be both), `tag`.
    pub kind: String,
    /// Whether it can be named in a reference.
    pub usable: bool,
    /// How many repositories, tags or artifacts are below it.
    pub count: Option<u64>,
    /// Bytes, compressed.
    pub size: Option<u64>,
    /// When it was made.
    pub created: Option<String>,
    /// When something was last pushed.
    pub updated: Option<String>,
    /// Of a tag: the digest that it names.
    pub digest: Option<String>,
    /// Of a tag: the media type of what it names.
    pub media_type: Option<String>,
    /// Of a tag: its platforms, `linux/amd64`.
    pub platforms: Vec<String>,
    /// Whether everyone may pull.
    pub public: Option<bool>,
    /// Of a tag: whether there is a signature.
    pub signed: Option<bool>,
}

/// Names as they are typed or pasted.
#[derive(Clone, Debug, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct NamesRequest {
    /// The registry that they are at.
    pub host: String,
    /// The names, one a line.
    pub text: String,
}

/// A name that was typed.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct TypedName {
    /// As it was typed.
    pub text: String,
    /// The repository that it names.
    pub repository: Option<String>,
    /// Its tag, if it has one.
    pub tag: Option<String>,
    /// Why it is none.
    pub problem: Option<Sentence>,
    /// The same as a word that stays: `elsewhere` (at another registry) or `wrong`.
    pub reason: Option<String>,
}

/// What names a registry.
#[derive(Clone, Debug, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ByHost {
    /// `host[:port]`
    pub host: String,
}

/// A repository that was named by hand.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct KeptName {
    /// The repository.
    pub repository: String,
    /// Tags that were named with it.
    pub tags: Vec<String>,
}

/// A repository that is not wanted any more.
#[derive(Clone, Debug, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct DropName {
    /// `host[:port]`
    pub host: String,
    /// The repository.
    pub repository: String,
}
