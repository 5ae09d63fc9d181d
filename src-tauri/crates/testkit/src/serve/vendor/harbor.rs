//! Harbor: `/api/v2.0`. Projects are the first components of repositories.

use serde_json::{Value, json};

use super::{
    super::{Ask, not_found},
    PUSHED, Who, basic, below, media_type, namespaces, page, platforms, tagged,
};
use crate::reply::Reply;

pub(super) fn answer(ask: &Ask, rest: &[&str], body: &Value) -> Reply {
    if matches!(basic(ask), Who::Nobody | Who::Wrong) {
        return Reply::error(401, "UNAUTHORIZED", "unauthorized");
    }
    match (ask.method(), rest) {
        ("GET", ["projects"]) => list(ask, &namespaces(ask), |name| {
            json!({ "name": name, "repo_count": below(ask, name).len(), "creation_time": PUSHED,
                "metadata": { "public": "true" } })
        }),
        ("POST", ["projects"]) => {
            let Some(name) = body.get("project_name").and_then(Value::as_str) else {
                return Reply::error(400, "BAD_REQUEST", "project_name in body is required");
            };
            if namespaces(ask).iter().any(|known| known == name) {
                let text = format!("The project named {name} already exists");
                return Reply::error(409, "CONFLICT", &text);
            }
            // the store knows repositories alone: what is in the project keeps it
            ask.shared.store.create_repository(&format!("{name}/testkit-project"));
            Reply::status(201).location(&format!("/api/v2.0/projects/{name}"))
        }
        ("GET", ["projects", project, "repositories"]) => {
            let names = below(ask, project);
            if names.is_empty() {
                return Reply::error(404, "NOT_FOUND", &format!("project {project} not found"));
            }
            list(ask, &names, |name| {
                json!({ "name": format!("{project}/{name}"), "artifact_count": 1, "pull_count": 0,
                    "creation_time": PUSHED, "update_time": PUSHED })
            })
        }
        ("GET", ["projects", project, "repositories", name, "artifacts"]) => {
            // slashes are encoded twice
            let name = percent_encoding::percent_decode_str(name).decode_utf8_lossy();
            let repository = format!("{project}/{name}");
            let Some(all) = tagged(ask, &repository) else {
                let text = format!("repository {repository} not found");
                return Reply::error(404, "NOT_FOUND", &text);
            };
            list(ask, &all, |(digest, tags)| artifact(ask, &repository, digest, tags))
        }
        _ => not_found(),
    }
}

fn artifact(ask: &Ask, repository: &str, digest: &str, tags: &[String]) -> Value {
    let children = platforms(ask, repository, digest).into_iter();
    let references: Vec<Value> = children
        .map(|entry| json!({ "child_digest": entry["digest"], "platform": entry["platform"] }))
        .collect();
    let tags: Vec<Value> =
        tags.iter().map(|tag| json!({ "name": tag, "push_time": PUSHED })).collect();
    let hex = digest.split_once(':').map_or("", |(_, hex)| hex);
    let signature = ask.shared.store.tag_digest(repository, &format!("sha256-{hex}.sig"));
    let accessories: Vec<Value> =
        signature.iter().map(|_| json!({ "type": "signature.cosign" })).collect();
    json!({ "digest": digest, "size": ask.shared.store.image_size(repository, digest), "type": "IMAGE",
        "push_time": PUSHED, "manifest_media_type": media_type(ask, repository, digest), "tags": tags,
        "references": references, "accessories": accessories,
        "extra_attrs": { "os": "linux", "architecture": "amd64", "created": PUSHED } })
}

fn list<T: Clone>(ask: &Ask, all: &[T], tell: impl Fn(&T) -> Value) -> Reply {
    let (entries, _) = page(ask, all, "page", "page_size");
    let entries: Vec<Value> = entries.iter().map(tell).collect();
    Reply::json(200, &entries.into()).header("x-total-count", all.len().to_string())
}
