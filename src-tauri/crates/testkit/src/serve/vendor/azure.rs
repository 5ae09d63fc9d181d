//! Azure: `/acr/v1`, with the registry's own tokens.

use serde_json::{Value, json};

use super::{
    super::{Ask, quirk},
    PUSHED, tags as all_tags,
};
use crate::{problem::Problem, quirk::Quirk, reply::Reply};

pub(super) fn tags(ask: &Ask, repository: &str) -> Reply {
    let Some(mut all) = all_tags(ask, repository) else {
        return Problem::name_unknown(repository).reply();
    };
    if let Some(last) = ask.parameter("last").filter(|_| !quirk!(ask, Quirk::ApiRepeats)) {
        all.retain(|(tag, _)| tag.as_str() > last);
    }
    let size = ask.parameter("n").and_then(|n| n.parse::<usize>().ok()).unwrap_or(100);
    let more = all.len() > size;
    all.truncate(size);
    let tags: Vec<Value> = all
        .iter()
        .map(|(tag, digest)| {
            json!({ "name": tag, "digest": digest, "createdTime": PUSHED, "lastUpdateTime": PUSHED, "signed": false })
        })
        .collect();
    let found = json!({ "registry": ask.host(), "imageName": repository, "tags": tags });
    let reply = Reply::json(200, &found);
    match all.last() {
        Some((last, _)) if more => {
            let link = format!("</acr/v1/{repository}/_tags?last={last}&n={size}>; rel=\"next\"");
            reply.header("link", link)
        }
        _ => reply,
    }
}
