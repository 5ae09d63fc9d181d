//! Repositories that must exist before the first push: created where the account says so, with the vendor's own API.

use serde_json::{Value, json};

use super::{Site, Vendor, call::Call, ecr};
use crate::{Client, Code, Creation, Error, RepositoryName, Result};

/// Whether there is an API for it.
pub(crate) fn is_known(site: &Site) -> bool {
    matches!(
        site.vendor,
        Vendor::Ecr
            | Vendor::EcrPublic
            | Vendor::Harbor
            | Vendor::AliyunEnterprise
            | Vendor::AliyunPersonal
    )
}

/// Creates what a push to the repository needs. Whatever is there already is left as it is.
pub(crate) async fn create(
    client: &Client,
    site: &Site,
    name: &RepositoryName,
    how: &Creation,
) -> Result<()> {
    let made = match site.vendor {
        Vendor::Ecr => ecr_private(client, site, name, how).await,
        Vendor::EcrPublic => {
            let bare = name.as_str().split_once('/').map_or(name.as_str(), |(_, bare)| bare);
            ecr_create(client, site, name, json!({ "repositoryName": bare })).await
        }
        Vendor::Harbor => harbor(client, site, name, how).await,
        Vendor::AliyunEnterprise | Vendor::AliyunPersonal => {
            super::aliyun::create_namespace(site, client, name, how).await
        }
        _ => return Ok(()),
    };
    match made {
        Err(error) if is_there_already(&error) => Ok(()),
        // the account has no keys to sign with
        Err(error) if error.code() == Code::CatalogUnsupported => {
            let why = "the repository must be created first, which the account's secret can't do";
            Err(error.becomes(Code::RepoMustExist, why))
        }
        made => made,
    }
}

fn is_there_already(error: &Error) -> bool {
    let said = |words: &str| error.registry_code().is_some_and(|code| code.contains(words));
    error.http_status() == Some(409)
        || said("AlreadyExists")
        || said("NAMESPACE_EXIST")
        || said("NAMESPACE_ALREADY_EXIST")
}

async fn ecr_create(
    client: &Client,
    site: &Site,
    name: &RepositoryName,
    body: Value,
) -> Result<()> {
    let about = Some(format!("{}/{name}", site.registry));
    let what = "creating the repository";
    ecr::ask::<Value>(site, client, what, "CreateRepository", body, about).await.map(drop)
}

async fn ecr_private(
    client: &Client,
    site: &Site,
    name: &RepositoryName,
    how: &Creation,
) -> Result<()> {
    let mut body = json!({
        "repositoryName": name.as_str(),
        "imageTagMutability": if how.immutable_tags { "IMMUTABLE" } else { "MUTABLE" },
        "imageScanningConfiguration": { "scanOnPush": how.scan_on_push },
    });
    match how.encryption.as_deref() {
        None => {}
        Some("AES256") => body["encryptionConfiguration"] = json!({ "encryptionType": "AES256" }),
        Some("KMS") => body["encryptionConfiguration"] = json!({ "encryptionType": "KMS" }),
        Some(key) => {
            body["encryptionConfiguration"] = json!({ "encryptionType": "KMS", "kmsKey": key });
        }
    }
    ecr_create(client, site, name, body).await
}

/// Harbor creates repositories by itself, in projects that exist.
async fn harbor(client: &Client, site: &Site, name: &RepositoryName, how: &Creation) -> Result<()> {
    let Some((project, _)) = name.as_str().split_once('/') else {
        let why = "a repository at Harbor is in a project: the name needs two components";
        return Err(Error::new(Code::RepoName, why).registry(&site.registry));
    };
    let body = json!({
        "project_name": project,
        "metadata": { "public": how.public.to_string() },
    });
    let show = site.own_show(client).await?;
    let url = site.at(&["api", "v2.0", "projects"], &[]);
    let call = Call::post("creating the project", url, show, &body)
        .creating()
        .about(format_args!("{}/{project}", site.registry));
    client.call(site, &call).await.map(drop)
}
