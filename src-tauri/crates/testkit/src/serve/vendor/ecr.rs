//! Amazon ECR: one address, the action in a header. Whether the signature is right is [`crate::Cloud`]'s business; here
//! the request must have one.

use serde_json::{Value, json};

use super::{Api, PUSHED_SECONDS, media_type, page_after, tagged};
use crate::reply::Reply;

/// What stands before the names of an account's repositories at the public registry.
const ALIAS: &str = "a1b2c3";

pub(crate) fn answer(ask: &dyn Api, body: &Value) -> Reply {
    let signed = ask.header("authorization").is_some_and(|it| it.starts_with("AWS4-HMAC-SHA256 "));
    if !signed {
        return refuse("MissingAuthenticationTokenException", "Missing Authentication Token");
    }
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let most = body.get("maxResults").and_then(Value::as_u64).unwrap_or(100) as usize;
    let target = ask.header("x-amz-target").unwrap_or_default();
    let store = ask.store();
    let is_public = target.starts_with("SpencerFrontendService.");
    let bare = text("repositoryName").unwrap_or_default();
    let name = if is_public { format!("{ALIAS}/{bare}") } else { bare.to_owned() };
    let name = name.as_str();
    let own = format!("{ALIAS}/");
    match target.split_once('.').map(|(_, action)| action) {
        Some("DescribeRepositories") => {
            let mut all = store.repositories();
            all.retain(|name| !is_public || name.starts_with(&own));
            let (names, next) = page_after(ask, &all, text("nextToken"), most);
            let repositories = names.iter().map(|name| {
                let bare = if is_public { name.trim_start_matches(&own) } else { name };
                json!({ "repositoryName": bare, "repositoryUri": format!("{}/{name}", ask.registry_host()),
                    "createdAt": PUSHED_SECONDS as f64 + 0.5 })
            });
            let mut found = json!({ "repositories": repositories.collect::<Vec<_>>() });
            if let Some(next) = next {
                found["nextToken"] = next.into();
            }
            Reply::json(200, &found)
        }
        Some("DescribeImages") => {
            let Some(all) = tagged(ask, name) else { return not_found(name) };
            let (images, next) = page_after(ask, &all, text("nextToken"), most);
            let images = images.iter().map(|(digest, tags)| {
                json!({ "repositoryName": name, "imageDigest": digest, "imageTags": tags,
                    "imageSizeInBytes": store.image_size(name, digest),
                    "imagePushedAt": PUSHED_SECONDS as f64,
                    "imageManifestMediaType": media_type(ask, name, digest) })
            });
            let mut found = json!({ "imageDetails": images.collect::<Vec<_>>() });
            if let Some(next) = next {
                found["nextToken"] = next.into();
            }
            Reply::json(200, &found)
        }
        Some("CreateRepository") => {
            if store.exists(name) {
                let text =
                    format!("The repository with name '{bare}' already exists in the registry");
                return refuse("RepositoryAlreadyExistsException", &text);
            }
            if !crate::kind::is_name(name) {
                return refuse(
                    "InvalidParameterException",
                    "Invalid parameter at 'repositoryName'",
                );
            }
            store.create_repository(name);
            let mut made = body.clone();
            made["createdAt"] = PUSHED_SECONDS.into();
            Reply::json(200, &json!({ "repository": made }))
        }
        _ => refuse("UnknownOperationException", "unknown operation"),
    }
}

fn refuse(kind: &str, message: &str) -> Reply {
    Reply::json(400, &json!({ "__type": kind, "message": message }))
}

fn not_found(name: &str) -> Reply {
    let text = format!("The repository with name '{name}' does not exist in the registry");
    refuse("RepositoryNotFoundException", &text)
}
