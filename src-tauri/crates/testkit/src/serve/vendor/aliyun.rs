//! Alibaba Cloud: the Enterprise edition's API (an action in a header, parameters in the query) and the Personal
//! edition's (paths). Whether the signature is right is [`crate::Cloud`]'s business; here the request must have one.

use serde_json::{Value, json};

use super::{super::not_found, Api, PUSHED_SECONDS, below, namespaces, page, tags};
use crate::reply::Reply;

fn unsigned(ask: &dyn Api) -> bool {
    !ask.header("authorization").is_some_and(|it| it.starts_with("ACS3-HMAC-SHA256 "))
}

fn refuse() -> Reply {
    Reply::json(
        400,
        &json!({ "Code": "MissingAccessKeyId", "Message": "AccessKeyId is mandatory." }),
    )
}

pub(crate) fn enterprise(ask: &dyn Api) -> Reply {
    if unsigned(ask) {
        return refuse();
    }
    let get = |name: &str| ask.parameter(name).unwrap_or_default();
    if !get("InstanceId").starts_with("cri-") {
        return Reply::json(
            400,
            &json!({ "Code": "INSTANCE_NOT_EXIST", "Message": "no instance" }),
        );
    }
    let time = PUSHED_SECONDS * 1000;
    match ask.header("x-acs-action").unwrap_or_default() {
        "ListNamespace" => {
            let (names, _) = page(ask, &namespaces(ask), "PageNo", "PageSize");
            let all: Vec<Value> =
                names.iter().map(|name| json!({ "NamespaceName": name })).collect();
            Reply::json(200, &json!({ "IsSuccess": true, "Namespaces": all }))
        }
        "ListRepository" => {
            let namespace = get("RepoNamespaceName");
            let (names, _) = page(ask, &below(ask, namespace), "PageNo", "PageSize");
            let all = names.iter().map(|name| {
                json!({ "RepoNamespaceName": namespace, "RepoName": name, "RepoType": "PRIVATE",
                    "CreateTime": time, "ModifiedTime": time })
            });
            Reply::json(200, &json!({ "IsSuccess": true, "Repositories": all.collect::<Vec<_>>() }))
        }
        "GetRepository" => {
            let name = format!("{}/{}", get("RepoNamespaceName"), get("RepoName"));
            match tags(ask, &name) {
                // the id tells the repository here
                Some(_) => Reply::json(200, &json!({ "IsSuccess": true, "RepoId": name })),
                None => {
                    Reply::json(404, &json!({ "Code": "REPO_NOT_EXIST", "Message": "no repo" }))
                }
            }
        }
        "ListRepoTag" => {
            let all = tags(ask, get("RepoId")).unwrap_or_default();
            let (found, _) = page(ask, &all, "PageNo", "PageSize");
            let images = found.iter().map(|(tag, digest)| {
                json!({ "Tag": tag, "Digest": digest, "Status": "NORMAL", "ImageCreate": time.to_string(),
                    "ImageSize": ask.store().image_size(get("RepoId"), digest),
                    "ImageUpdate": time.to_string() })
            });
            Reply::json(200, &json!({ "IsSuccess": true, "Images": images.collect::<Vec<_>>() }))
        }
        "CreateNamespace" => create(ask, get("NamespaceName"), "NAMESPACE_ALREADY_EXIST"),
        _ => Reply::json(404, &json!({ "Code": "InvalidAction.NotFound", "Message": "no action" })),
    }
}

fn create(ask: &dyn Api, namespace: &str, already: &str) -> Reply {
    if namespaces(ask).iter().any(|known| known == namespace) {
        return Reply::json(400, &json!({ "Code": already, "Message": "namespace exists" }));
    }
    // the store knows repositories alone: what is in the namespace keeps it
    ask.store().create_repository(&format!("{namespace}/testkit-namespace"));
    Reply::json(200, &json!({ "IsSuccess": true, "data": { "namespaceId": 1 } }))
}

pub(crate) fn personal(ask: &dyn Api, rest: &[&str], body: &Value) -> Reply {
    if unsigned(ask) {
        return refuse();
    }
    let time = PUSHED_SECONDS * 1000;
    match (ask.method(), rest) {
        ("GET", ["namespace"]) => {
            let names = namespaces(ask).into_iter();
            let all: Vec<Value> = names.map(|name| json!({ "namespace": name })).collect();
            Reply::json(200, &json!({ "data": { "namespaces": all } }))
        }
        ("PUT", ["namespace"]) => {
            let name = body.pointer("/Namespace/Namespace").and_then(Value::as_str);
            let Some(name) = name.filter(|name| (2..=30).contains(&name.len())) else {
                return Reply::json(
                    400,
                    &json!({ "code": "NAMESPACE_INVALID", "message": "namespace invalid" }),
                );
            };
            create(ask, name, "NAMESPACE_ALREADY_EXIST")
        }
        ("POST", ["namespace", name]) => {
            if namespaces(ask).iter().any(|known| known == name) {
                Reply::json(200, &json!({ "data": {} }))
            } else {
                Reply::json(404, &json!({ "code": "NAMESPACE_NOT_EXIST", "message": "none" }))
            }
        }
        ("GET", ["repos", namespace]) => {
            let (names, _) = page(ask, &below(ask, namespace), "Page", "PageSize");
            let all = names.iter().map(|name| {
                json!({ "repoNamespace": namespace, "repoName": name, "repoType": "PUBLIC",
                    "gmtCreate": time, "gmtModified": time })
            });
            Reply::json(200, &json!({ "data": { "repos": all.collect::<Vec<_>>() } }))
        }
        ("GET", ["repos", namespace, name, "tags"]) => {
            let repository = format!("{namespace}/{name}");
            let Some(all) = tags(ask, &repository) else {
                return Reply::json(
                    404,
                    &json!({ "code": "REPO_NOT_EXIST", "message": "no repo" }),
                );
            };
            let (found, _) = page(ask, &all, "Page", "PageSize");
            let tags = found.iter().map(|(tag, digest)| {
                json!({ "tag": tag, "digest": digest, "imageCreate": time, "imageUpdate": time, "status": "NORMAL",
                    "imageSize": ask.store().image_size(&repository, digest) })
            });
            Reply::json(200, &json!({ "data": { "tags": tags.collect::<Vec<_>>() } }))
        }
        _ => not_found(),
    }
}
