//! GitLab: `/api/v4`. Projects are the first components of repositories.

use serde_json::{Value, json};

use super::{
    super::{Ask, not_found},
    PUSHED, Who, bearer, below, namespaces, page, tags,
};
use crate::reply::Reply;

pub(super) fn answer(ask: &Ask, rest: &[&str]) -> Reply {
    let who = bearer(ask, |_| true);
    if matches!(who, Who::Wrong) {
        return Reply::json(401, &json!({ "message": "401 Unauthorized" }));
    }
    match rest {
        ["projects"] => list(
            ask,
            &namespaces(ask),
            |name| json!({ "id": 1, "path_with_namespace": name, "created_at": PUSHED, "last_activity_at": PUSHED }),
        ),
        ["projects", project, "registry", "repositories"] => {
            let names = below(ask, project);
            if names.is_empty() {
                return Reply::json(404, &json!({ "message": "404 Project Not Found" }));
            }
            list(ask, &names, |name| {
                let path = format!("{project}/{name}");
                let count = tags(ask, &path).map_or(0, |tags| tags.len());
                json!({ "id": 2, "name": name, "path": path, "created_at": PUSHED, "tags_count": count })
            })
        }
        _ => not_found(),
    }
}

fn list<T: Clone>(ask: &Ask, all: &[T], tell: impl Fn(&T) -> Value) -> Reply {
    let (entries, more) = page(ask, all, "page", "per_page");
    let number: usize = ask.parameter("page").and_then(|page| page.parse().ok()).unwrap_or(1);
    let entries: Vec<Value> = entries.iter().map(tell).collect();
    let next = if more { (number + 1).to_string() } else { String::new() };
    Reply::json(200, &entries.into()).header("x-next-page", next)
}
