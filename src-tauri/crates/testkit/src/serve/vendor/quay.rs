//! Quay: `/api/v1`.

use serde_json::{Value, json};

use super::{
    super::{Ask, not_found},
    PUSHED_SECONDS, Who, bearer, below, media_type, namespaces, page, page_after, tags,
};
use crate::reply::Reply;

pub(super) fn answer(ask: &Ask, rest: &[&str]) -> Reply {
    let who = bearer(ask, |user| user == "$oauthtoken");
    if matches!(who, Who::Wrong) {
        let text = "Invalid bearer token format";
        return Reply::json(401, &json!({ "message": text, "error_type": "invalid_token" }));
    }
    match rest {
        ["user"] => match who {
            Who::User => {
                let all: Vec<Value> =
                    namespaces(ask).into_iter().map(|name| json!({ "name": name })).collect();
                Reply::json(200, &json!({ "username": "me", "organizations": all }))
            }
            _ => Reply::json(401, &json!({ "message": "Requires authentication" })),
        },
        ["repository"] => {
            let Some(namespace) = ask.parameter("namespace") else {
                let text = "starred, public or namespace must be set for this API call";
                return Reply::json(400, &json!({ "detail": text }));
            };
            let (names, next) =
                page_after(ask, &below(ask, namespace), ask.parameter("next_page"), 100);
            let repositories = names.iter().map(|name| {
                json!({ "namespace": namespace, "name": name, "is_public": true, "kind": "image",
                    "last_modified": PUSHED_SECONDS })
            });
            let mut found = json!({ "repositories": repositories.collect::<Vec<_>>() });
            if let Some(next) = next {
                found["next_page"] = next.into();
            }
            Reply::json(200, &found)
        }
        ["repository", name @ .., "tag"] => {
            let repository = name.join("/");
            let Some(all) = tags(ask, &repository) else {
                return Reply::json(404, &json!({ "detail": "Not Found" }));
            };
            let (entries, more) = page(ask, &all, "page", "limit");
            let tags = entries.iter().map(|(tag, digest)| {
                let is_list = media_type(ask, &repository, digest)
                    .is_some_and(|media_type| crate::manifest::is_index(&media_type));
                json!({ "name": tag, "reversion": false, "start_ts": PUSHED_SECONDS, "manifest_digest": digest,
                    "is_manifest_list": is_list, "last_modified": "Fri, 02 Jan 2026 03:04:05 -0000",
                    "size": if is_list { 0 } else { ask.shared.store.image_size(&repository, digest) } })
            });
            Reply::json(
                200,
                &json!({ "tags": tags.collect::<Vec<_>>(), "page": 1, "has_additional": more }),
            )
        }
        _ => not_found(),
    }
}
