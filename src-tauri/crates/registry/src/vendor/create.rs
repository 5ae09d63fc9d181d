//! Repositories that must exist before the first push: created where the account says so, with the vendor's own API.

use serde_json::{Value, json};

use super::{Site, Vendor, ecr};
use crate::{Client, Code, Creation, Error, RepositoryName, Result, api::Call};

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
        // the Personal edition gives three namespaces to choose with care
        Vendor::AliyunEnterprise => super::aliyun::create_namespace(site, client, name, how).await,
        _ => {
            let why = "repositories can't be created by this registry's API";
            return Err(Error::new(Code::RepoMustExist, why)
                .registry(&site.registry)
                .reference(format!("{}/{name}", site.registry)));
        }
    };
    match made {
        Err(error) if is_there_already(&error) => Ok(()),
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
    let show = client.own_show(&site.registry).await?;
    let url = site.at(&["api", "v2.0", "projects"], &[]);
    let call = Call::post("creating the project", url, show, &body)
        .about(format_args!("{}/{project}", site.registry));
    client.call(&site.registry, &call).await.map(drop)
}
