//! The referrers API.

use serde_json::{Value, json};

use super::{Ask, JSON, manifests, quirk};
use crate::{digest::is_digest, manifest::OCI_INDEX, problem::Problem, quirk::Quirk, reply::Reply};

pub(super) fn list(ask: &Ask, repository: &str, digest: &str) -> Reply {
    if !is_digest(digest) {
        return Problem::digest_invalid(json!({})).reply();
    }
    if quirk!(ask, Quirk::ReferrersNotIndex) {
        return Reply::status(200).header("content-type", JSON).body("{}");
    }
    let mut found = manifests::referrers(ask, repository, digest);
    let filter = ask.parameter("artifactType").filter(|_| !quirk!(ask, Quirk::NoReferrersFilter));
    if let Some(artifact_type) = filter {
        found.retain(|descriptor| descriptor["artifactType"] == artifact_type);
    }
    let text = |descriptor: &Value| descriptor["digest"].as_str().unwrap_or_default().to_owned();
    if let Some(last) = ask.parameter("last") {
        found.retain(|descriptor| text(descriptor).as_str() > last);
    }
    let size = quirk!(ask, Quirk::PageSize(size) => *size).unwrap_or(usize::MAX);
    let more = found.len() > size;
    found.truncate(size);
    let index = json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": found });
    let mut reply = Reply::status(200).header("content-type", OCI_INDEX).body(index.to_string());
    if let (true, Some(last)) = (more, found.last()) {
        let filter = filter.map(|filter| format!("&artifactType={filter}")).unwrap_or_default();
        let path = format!("{}/v2/{repository}/referrers/{digest}", ask.prefix);
        reply.set("link", &format!("<{path}?last={}{filter}>; rel=\"next\"", text(last)));
    }
    if filter.is_some() {
        reply.set("oci-filters-applied", "artifactType");
    }
    reply
}
