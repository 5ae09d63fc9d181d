//! Alibaba Cloud's API for its registries: the Enterprise edition's (2018-12-01) and the Personal edition's
//! (2016-06-07). Each request is signed with the account's access key, which the owner of the accounts does.

use http::{HeaderValue, Method, header::CONTENT_TYPE};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Batch, Cursor, PAGE, Site, Vendor, milliseconds};
use crate::{
    Client, Code, Creation, Entry, EntryKind, Error, RepositoryName, Result, TagEntry,
    vendor::call::{Call, Reply, Show},
};

/// Numbers come as numbers and as texts.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Number {
    Number(i64),
    Text(String),
}

impl Number {
    fn get(&self) -> Option<i64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.parse().ok(),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Enterprise {
    #[serde(default)]
    namespaces: Vec<Namespace>,
    #[serde(default)]
    repositories: Vec<Repository>,
    #[serde(default)]
    images: Vec<Image>,
    repo_id: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Said {
    is_success: Option<bool>,
    code: Option<String>,
    message: Option<String>,
}

#[derive(Deserialize)]
struct Personal {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    #[serde(default)]
    namespaces: Vec<Namespace>,
    #[serde(default)]
    repos: Vec<Repository>,
    #[serde(default)]
    tags: Vec<Image>,
}

#[derive(Deserialize)]
struct Namespace {
    #[serde(alias = "NamespaceName")]
    namespace: String,
}

#[derive(Deserialize)]
struct Repository {
    #[serde(alias = "RepoNamespaceName", alias = "repoNamespace")]
    namespace: String,
    #[serde(alias = "RepoName", alias = "repoName")]
    name: String,
    #[serde(alias = "CreateTime", alias = "gmtCreate")]
    created: Option<Number>,
    #[serde(alias = "ModifiedTime", alias = "gmtModified")]
    modified: Option<Number>,
    #[serde(alias = "RepoType", alias = "repoType")]
    kind: Option<String>,
}

#[derive(Deserialize)]
struct Image {
    #[serde(alias = "Tag")]
    tag: String,
    #[serde(alias = "Digest")]
    digest: Option<String>,
    #[serde(alias = "ImageSize", alias = "imageSize")]
    size: Option<Number>,
    #[serde(alias = "ImageCreate", alias = "imageCreate")]
    created: Option<Number>,
    #[serde(alias = "ImageUpdate", alias = "imageUpdate")]
    updated: Option<Number>,
}

/// `registry-vpc.cn-hangzhou.aliyuncs.com`, `team-registry.cn-hangzhou.cr.aliyuncs.com`,
/// `crpi-….cn-hangzhou.personal.cr.aliyuncs.com` → the region's endpoint.
pub(super) fn endpoint(host: &str) -> Option<String> {
    let rest = host.strip_suffix(".aliyuncs.com")?;
    let rest = rest.strip_suffix(".cr").unwrap_or(rest);
    let rest = rest.strip_suffix(".personal").unwrap_or(rest);
    let (_, region) = rest.rsplit_once('.')?;
    Some(format!("https://cr.{region}.aliyuncs.com/"))
}

impl Site {
    /// Names the action, as the signature wants it too.
    fn aliyun(
        &self,
        what: &'static str,
        action: &str,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Call {
        let mut call = Call::get(what, self.at(path, query), Show::Signature);
        let version = match self.vendor {
            Vendor::AliyunPersonal => "2016-06-07",
            _ => "2018-12-01",
        };
        call.headers.insert("x-acs-version", HeaderValue::from_static(version));
        if let Ok(action) = HeaderValue::from_str(action) {
            call.headers.insert("x-acs-action", action);
        }
        call
    }

    /// One that carries a document.
    fn aliyun_document(&self, action: &str, method: Method, path: &[&str], body: &Value) -> Call {
        let mut call = self.aliyun(CREATING, action, path, &[]);
        call.method = method;
        call.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        call.body = body.to_string().into();
        call.creating()
    }

    async fn aliyun_reply(&self, client: &Client, call: &Call) -> Result<Reply> {
        let reply = client.call(self, call).await?;
        // some refusals come with 200
        let said: Said = serde_json::from_slice(&reply.body).unwrap_or_default();
        if said.is_success == Some(false) {
            return Err(reply.refused("the API refused it").said(said.code, said.message));
        }
        Ok(reply)
    }

    /// The instance, which an Enterprise registry names when it asks for a login:
    /// `registry.aliyuncs.com:cn-hangzhou:china:cri-…`. Empty where it does not: whoever signs may know it.
    async fn instance(&self, client: &Client) -> String {
        let host = client.host_state(&self.registry);
        if host.auth.challenges().is_none() {
            // it answers 401 to nobody
            let _ = client.ping(&self.registry).await;
        }
        let challenges = host.auth.challenges();
        let services =
            challenges.iter().flat_map(|all| all.iter()).filter_map(|c| c.param("service"));
        let id = services
            .filter_map(|service| service.rsplit(':').next())
            .find(|id| id.starts_with("cri-"));
        id.unwrap_or_default().to_owned()
    }
}

pub(super) async fn entries(
    site: &Site,
    client: &Client,
    namespace: Option<&str>,
    cursor: Option<&Cursor>,
) -> Result<Batch<Entry>> {
    let page = Cursor::page(cursor);
    let (number, size) = (page.to_string(), PAGE.to_string());
    let (namespaces, repositories) = if site.vendor == Vendor::AliyunPersonal {
        let query = [("Page", &*number), ("PageSize", &*size)];
        let call = match namespace {
            None => site.aliyun("listing the namespaces", "GetNamespaceList", &["namespace"], &[]),
            Some(namespace) => site.aliyun(
                "listing the repositories",
                "GetRepoListByNamespace",
                &["repos", namespace],
                &query,
            ),
        };
        let found: Personal = site.aliyun_reply(client, &call).await?.json()?;
        (found.data.namespaces, found.data.repos)
    } else {
        let instance = site.instance(client).await;
        let mut query = vec![("InstanceId", &*instance), ("PageNo", &number), ("PageSize", &size)];
        let (what, action) = match namespace {
            None => ("listing the namespaces", "ListNamespace"),
            Some(namespace) => {
                query.extend([("RepoNamespaceName", namespace), ("RepoStatus", "NORMAL")]);
                ("listing the repositories", "ListRepository")
            }
        };
        let call = site.aliyun(what, action, &[], &query);
        let found: Enterprise = site.aliyun_reply(client, &call).await?.json()?;
        (found.namespaces, found.repositories)
    };
    let given = namespaces.len().max(repositories.len());
    let time = |number: Option<Number>| milliseconds(number?.get()?);
    let namespaces =
        namespaces.into_iter().map(|it| Entry::new(it.namespace, EntryKind::Namespace));
    let repositories = repositories.into_iter().map(|repository| Entry {
        created: time(repository.created),
        updated: time(repository.modified),
        public: repository.kind.map(|kind| kind == "PUBLIC"),
        ..Entry::new(format!("{}/{}", repository.namespace, repository.name), EntryKind::Repository)
    });
    let entries = namespaces.chain(repositories).collect();
    // the Personal edition gives all namespaces at once
    if namespace.is_none() && site.vendor == Vendor::AliyunPersonal {
        return Ok(Batch::whole(entries));
    }
    Ok(Batch::counted(entries, given, page))
}

pub(super) async fn tags(
    site: &Site,
    client: &Client,
    name: &RepositoryName,
    cursor: Option<&Cursor>,
) -> Result<Batch<TagEntry>> {
    let page = Cursor::page(cursor);
    let (number, size) = (page.to_string(), PAGE.to_string());
    let (namespace, repository) = name.as_str().split_once('/').unwrap_or(("", name.as_str()));
    let what = "listing the tags";
    let about = format!("{}/{name}", site.registry);
    let images = if site.vendor == Vendor::AliyunPersonal {
        let query = [("Page", &*number), ("PageSize", &*size)];
        let path = ["repos", namespace, repository, "tags"];
        let call = site.aliyun(what, "GetRepoTags", &path, &query).about(&about);
        let found: Personal = site.aliyun_reply(client, &call).await?.json()?;
        found.data.tags
    } else {
        let instance = site.instance(client).await;
        // tags are listed by the repository's id, which is in the cursor from the second page on
        let query = [
            ("InstanceId", &*instance),
            ("RepoNamespaceName", namespace),
            ("RepoName", repository),
        ];
        let call = site.aliyun(what, "GetRepository", &[], &query).about(&about);
        let found: Enterprise = site.aliyun_reply(client, &call).await?.json()?;
        let Some(id) = found.repo_id else {
            let error = Error::new(Code::RefNotFound, "there is no such repository");
            return Err(error.registry(&site.registry).reference(about));
        };
        let query =
            [("InstanceId", &*instance), ("RepoId", &id), ("PageNo", &number), ("PageSize", &size)];
        let call = site.aliyun(what, "ListRepoTag", &[], &query).about(&about);
        let found: Enterprise = site.aliyun_reply(client, &call).await?.json()?;
        found.images
    };
    let given = images.len();
    let number = |number: Option<Number>| number?.get();
    let entries = images.into_iter().map(|image| TagEntry {
        digest: image.digest.and_then(|digest| digest.parse().ok()),
        size: number(image.size).and_then(|size| size.try_into().ok()),
        created: number(image.created).and_then(milliseconds),
        pushed: number(image.updated).and_then(milliseconds),
        ..TagEntry::new(image.tag)
    });
    Ok(Batch::counted(entries.collect(), given, page))
}

const CREATING: &str = "creating the namespace";

/// Makes the namespace of a repository; repositories come with their first push then.
pub(super) async fn create_namespace(
    site: &Site,
    client: &Client,
    name: &RepositoryName,
    how: &Creation,
) -> Result<()> {
    let Some((namespace, _)) = name.as_str().split_once('/') else {
        let why = "a repository at ACR is in a namespace: the name needs two components";
        return Err(Error::new(Code::RepoName, why).registry(&site.registry));
    };
    let about = format!("{}/{namespace}", site.registry);
    if site.vendor == Vendor::AliyunPersonal {
        return create_personal(site, client, namespace, how, &about).await;
    }
    let instance = site.instance(client).await;
    let kind = if how.public { "PUBLIC" } else { "PRIVATE" };
    let query = [
        ("InstanceId", &*instance),
        ("NamespaceName", namespace),
        ("AutoCreateRepo", "true"),
        ("DefaultRepoType", kind),
    ];
    let mut call = site.aliyun(CREATING, "CreateNamespace", &[], &query);
    call.method = Method::POST;
    site.aliyun_reply(client, &call.creating().about(about)).await.map(drop)
}

/// The Personal edition's namespaces are private and create repositories by themselves, unless they are told otherwise.
async fn create_personal(
    site: &Site,
    client: &Client,
    namespace: &str,
    how: &Creation,
    about: &str,
) -> Result<()> {
    let body = json!({ "Namespace": { "Namespace": namespace } });
    let call = site.aliyun_document("CreateNamespace", Method::PUT, &["namespace"], &body);
    site.aliyun_reply(client, &call.about(about)).await?;
    if how.public {
        let body = json!({ "Namespace": { "AutoCreate": true, "DefaultVisibility": "PUBLIC" } });
        let path = ["namespace", namespace];
        let call = site.aliyun_document("UpdateNamespace", Method::POST, &path, &body);
        site.aliyun_reply(client, &call.about(about)).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_lead_to_their_regions() {
        for (host, region) in [
            ("registry.cn-hangzhou.aliyuncs.com", "cn-hangzhou"),
            ("registry-vpc.cn-beijing.aliyuncs.com", "cn-beijing"),
            ("team-registry-vpc.eu-central-1.cr.aliyuncs.com", "eu-central-1"),
            ("crpi-x.cn-shanghai.personal.cr.aliyuncs.com", "cn-shanghai"),
        ] {
            assert_eq!(
                endpoint(host),
                Some(format!("https://cr.{region}.aliyuncs.com/")),
                "{host}"
            );
        }
        assert_eq!(endpoint("aliyuncs.com"), None);
    }
}
