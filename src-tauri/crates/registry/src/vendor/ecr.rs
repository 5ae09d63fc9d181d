//! Amazon ECR's API, private and public: one address that is told by a header what to do. Each request is signed with
//! the account's access key (signature version 4), which the owner of the accounts does.

use http::{HeaderValue, header::CONTENT_TYPE};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{Batch, Cursor, Site, Vendor, milliseconds};
use crate::{
    Client, Entry, EntryKind, RepositoryName, Result, TagEntry,
    vendor::call::{Call, Show},
};

/// Entries per page: the most that it gives.
const MOST: usize = 1000;

/// Whose registry it is, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    account: String,
    region: String,
    suffix: &'static str,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Repositories {
    #[serde(default)]
    repositories: Vec<Described>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Described {
    repository_name: String,
    repository_uri: Option<String>,
    created_at: Option<f64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Images {
    #[serde(default)]
    image_details: Vec<Detail>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
struct Detail {
    #[serde(rename = "imageDigest")]
    digest: Option<String>,
    #[serde(rename = "imageTags", default)]
    tags: Vec<String>,
    #[serde(rename = "imageSizeInBytes")]
    size: Option<u64>,
    #[serde(rename = "imagePushedAt")]
    pushed: Option<f64>,
    #[serde(rename = "imageManifestMediaType")]
    media_type: Option<String>,
}

impl Place {
    /// `123456789012.dkr.ecr.eu-west-1.amazonaws.com`, `….amazonaws.com.cn`, `….dkr-ecr.eu-west-1.on.aws`
    pub(crate) fn of(host: &str) -> Option<Self> {
        let (account, rest) = host.split_once('.')?;
        if account.len() != 12 || !account.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let (region, suffix) = if let Some(rest) = rest.strip_prefix("dkr-ecr.") {
            (rest.strip_suffix(".on.aws")?, "amazonaws.com")
        } else {
            let rest =
                rest.strip_prefix("dkr.ecr.").or_else(|| rest.strip_prefix("dkr.ecr-fips."))?;
            match rest.strip_suffix(".amazonaws.com") {
                Some(region) => (region, "amazonaws.com"),
                None => (rest.strip_suffix(".amazonaws.com.cn")?, "amazonaws.com.cn"),
            }
        };
        let is_region = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        (!region.is_empty() && region.bytes().all(is_region)).then(|| Self {
            account: account.to_owned(),
            region: region.to_owned(),
            suffix,
        })
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("https://api.ecr.{}.{}/", self.region, self.suffix)
    }
}

/// The account of a private registry: one may look into others'.
fn owner(site: &Site) -> Option<String> {
    Place::of(site.registry.as_str()).map(|place| place.account)
}

/// Asks for something by its name in the API's documentation.
pub(super) async fn ask<T: DeserializeOwned>(
    site: &Site,
    client: &Client,
    what: &'static str,
    action: &str,
    mut body: Value,
    about: Option<String>,
) -> Result<T> {
    let service = match site.vendor {
        Vendor::EcrPublic => "SpencerFrontendService",
        _ => "AmazonEC2ContainerRegistry_V20150921",
    };
    if let (Some(owner), Vendor::Ecr) = (owner(site), site.vendor) {
        body["registryId"] = owner.into();
    }
    let mut call = Call::post(what, site.base.clone(), Show::Signature, &body);
    call.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.1"));
    if let Ok(target) = HeaderValue::from_str(&format!("{service}.{action}")) {
        call.headers.insert("x-amz-target", target);
    }
    (call.reference, call.creates) = (about, action.starts_with("Create"));
    client.call(site, &call).await?.json()
}

pub(super) async fn entries(
    site: &Site,
    client: &Client,
    namespace: Option<&str>,
    cursor: Option<&Cursor>,
) -> Result<Batch<Entry>> {
    let mut body = json!({ "maxResults": MOST });
    if let Some(token) = Cursor::token(cursor) {
        body["nextToken"] = token.into();
    }
    let about = namespace.map(|namespace| format!("{}/{namespace}", site.registry));
    let what = "listing the repositories";
    let found: Repositories = ask(site, client, what, "DescribeRepositories", body, about).await?;
    let inside = namespace.map(|namespace| format!("{namespace}/"));
    let own = format!("{}/", site.registry);
    let entries = found
        .repositories
        .into_iter()
        .map(|repository| {
            // at the public registry, the alias of the account comes before the name
            let uri = repository.repository_uri.as_deref().and_then(|uri| uri.strip_prefix(&own));
            let name = uri.unwrap_or(&repository.repository_name).to_owned();
            Entry {
                created: repository.created_at.and_then(seconds),
                public: Some(site.vendor == Vendor::EcrPublic),
                ..Entry::new(name, EntryKind::Repository)
            }
        })
        .filter(|entry| inside.as_ref().is_none_or(|inside| entry.name.starts_with(inside)));
    Ok(Batch::by_token(entries.collect(), found.next_token))
}

pub(super) async fn tags(
    site: &Site,
    client: &Client,
    name: &RepositoryName,
    cursor: Option<&Cursor>,
) -> Result<Batch<TagEntry>> {
    let bare = match site.vendor {
        Vendor::EcrPublic => name.as_str().split_once('/').map_or(name.as_str(), |(_, bare)| bare),
        _ => name.as_str(),
    };
    let mut body = json!({ "repositoryName": bare, "maxResults": MOST });
    if site.vendor == Vendor::Ecr {
        body["filter"] = json!({ "tagStatus": "TAGGED" });
    }
    if let Some(token) = Cursor::token(cursor) {
        body["nextToken"] = token.into();
    }
    let about = Some(format!("{}/{name}", site.registry));
    let found: Images =
        ask(site, client, "listing the tags", "DescribeImages", body, about).await?;
    let mut entries = Vec::new();
    for image in found.image_details {
        let digest = image.digest.and_then(|digest| digest.parse().ok());
        entries.extend(image.tags.into_iter().map(|tag| TagEntry {
            digest: digest.clone(),
            media_type: image.media_type.clone(),
            size: image.size,
            pushed: image.pushed.and_then(seconds),
            ..TagEntry::new(tag)
        }));
    }
    Ok(Batch::by_token(entries, found.next_token))
}

fn seconds(seconds: f64) -> Option<jiff::Timestamp> {
    milliseconds((seconds * 1000.0) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_accounts_and_regions() {
        for (host, endpoint) in [
            (
                "123456789012.dkr.ecr.eu-west-1.amazonaws.com",
                Some("https://api.ecr.eu-west-1.amazonaws.com/"),
            ),
            (
                "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn",
                Some("https://api.ecr.cn-north-1.amazonaws.com.cn/"),
            ),
            (
                "123456789012.dkr-ecr.us-east-1.on.aws",
                Some("https://api.ecr.us-east-1.amazonaws.com/"),
            ),
            ("12345.dkr.ecr.eu-west-1.amazonaws.com", None),
            ("123456789012.dkr.ecr.evil.example.amazonaws.com", None),
            ("123456789012.dkr.ecr.eu-west-1.example.com", None),
        ] {
            assert_eq!(
                Place::of(host).map(|place| place.endpoint()).as_deref(),
                endpoint,
                "{host}"
            );
        }
    }
}
