//! Docker Hub: `hub.docker.com/v2`.

use serde_json::{Value, json};

use super::{
    super::{Ask, not_found},
    PUSHED, Who, bearer, below, media_type, namespaces, page, platforms, tags, with_users,
};
use crate::reply::Reply;

pub(super) fn answer(ask: &Ask, rest: &[&str], body: &Value) -> Reply {
    if let ["auth", "token"] = rest {
        let field = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
        let known = with_users(ask, |users| users.knows(field("identifier"), field("secret")));
        return if known == Some(true) {
            // a token of its own would do as well; the secret itself is what `bearer` knows
            Reply::json(200, &json!({ "access_token": field("secret") }))
        } else {
            Reply::json(401, &json!({ "detail": "Incorrect authentication credentials" }))
        };
    }
    let who = bearer(ask, |_| true);
    if matches!(who, Who::Wrong) {
        return Reply::json(401, &json!({ "message": "unauthorized" }));
    }
    match rest {
        ["user", "orgs"] => match who {
            Who::User => list(ask, &namespaces(ask), |name| json!({ "orgname": name })),
            _ => Reply::json(401, &json!({ "message": "unauthorized" })),
        },
        ["namespaces", namespace, "repositories"] => {
            let names = below(ask, namespace);
            if names.is_empty() {
                return Reply::json(404, &json!({ "message": "namespace not found" }));
            }
            list(ask, &names, |name| {
                json!({ "name": name, "namespace": namespace, "is_private": false, "last_updated": PUSHED,
                    "date_registered": PUSHED, "storage_size": 1000 })
            })
        }
        ["namespaces", namespace, "repositories", name, "tags"] => {
            let repository = format!("{namespace}/{name}");
            let Some(tags) = tags(ask, &repository) else {
                return Reply::json(404, &json!({ "message": "object not found" }));
            };
            list(ask, &tags, |(tag, digest)| {
                let size = ask.shared.store.image_size(&repository, digest);
                let images = platforms(ask, &repository, digest).into_iter().map(|entry| {
                    let child = entry["digest"].as_str().unwrap_or_default();
                    json!({ "architecture": entry["platform"]["architecture"], "os": entry["platform"]["os"],
                        "variant": entry["platform"]["variant"], "digest": child,
                        "size": ask.shared.store.image_size(&repository, child) })
                });
                json!({ "name": tag, "digest": digest, "full_size": size, "last_updated": PUSHED,
                    "tag_last_pushed": PUSHED, "media_type": media_type(ask, &repository, digest),
                    "images": images.collect::<Vec<_>>() })
            })
        }
        _ => not_found(),
    }
}

fn list<T: Clone>(ask: &Ask, all: &[T], tell: impl Fn(&T) -> Value) -> Reply {
    let (entries, more) = page(ask, all, "page", "page_size");
    let next = more.then(|| format!("{}/hub.docker.com/v2/next", ask.base()));
    let results: Vec<Value> = entries.iter().map(tell).collect();
    Reply::json(
        200,
        &json!({ "count": all.len(), "next": next, "previous": null, "results": results }),
    )
}
