//! Manifests: read, write and delete.

use std::time::Duration;

use serde_json::json;

use super::{Ask, quirk};
use crate::{
    digest::is_digest,
    image::schema1,
    kind::is_tag,
    manifest::{self, Parsed, is_index, is_schema1},
    problem::{self, Problem},
    quirk::Quirk,
    reply::Reply,
    store::{Stored, manifest_digest},
};

/// The largest manifest that `distribution` takes.
const LIMIT: usize = 4 << 20;

pub(super) fn get(ask: &Ask, repository: &str, reference: &str) -> Reply {
    if reference.contains(':') && !is_digest(reference) {
        return Problem::digest_invalid(json!({})).reply();
    }
    let Some((digest, stored)) = ask.shared.store.stored(repository, reference) else {
        return absent(ask, repository, reference);
    };
    let (digest, stored) = match accepted(ask, repository, reference, digest, stored) {
        Ok(found) => found,
        Err(reply) => return reply,
    };
    let etag = format!("\"{digest}\"");
    if ask.header("if-none-match").is_some_and(|tags| tags.contains(&etag)) {
        return Reply::status(304);
    }
    Reply::status(200)
        .header("content-type", &stored.media_type)
        .header("docker-content-digest", &digest)
        .header("etag", etag)
        .body(stored.bytes)
}

fn absent(ask: &Ask, repository: &str, reference: &str) -> Reply {
    match quirk!(ask, Quirk::AbsentManifest(status) => *status) {
        Some(401) => super::rights::challenge(ask, None),
        Some(status) => {
            Problem::denied("requested access to the resource is denied").status(status).reply()
        }
        None => Problem::manifest_unknown(repository, reference).reply(),
    }
}

/// The manifest in a form that the client accepts.
fn accepted(
    ask: &Ask,
    repository: &str,
    reference: &str,
    digest: String,
    stored: Stored,
) -> Result<(String, Stored), Reply> {
    let strict = quirk!(ask, Quirk::AcceptHonoured);
    let listed = |media_type: &str| ask.accept().iter().any(|accepted| accepted == media_type);
    let media_type = stored.media_type.as_str();
    let is_docker = matches!(media_type, manifest::DOCKER_MANIFEST | manifest::DOCKER_LIST);
    let fine = if strict { listed(media_type) } else { ask.accepts(media_type) };
    if quirk!(ask, Quirk::ConvertsToSchema1)
        && media_type == manifest::DOCKER_MANIFEST
        && !listed(media_type)
    {
        return Ok(to_schema1(repository, reference, &stored));
    }
    if fine
        || is_schema1(media_type)
        || (strict && !is_docker && !media_type.starts_with("application/vnd.oci."))
    {
        return Ok((digest, stored));
    }
    if strict && media_type == manifest::DOCKER_LIST {
        let entry = stored.parsed.default_manifest.as_deref();
        let found = entry.and_then(|entry| ask.shared.store.stored(repository, entry));
        return found.ok_or_else(|| Problem::manifest_unknown(repository, reference).reply());
    }
    if strict && is_docker {
        return Ok((digest, stored));
    }
    let (found, supported) = match media_type {
        manifest::OCI_INDEX => ("OCI index", "OCI indexes"),
        manifest::OCI_MANIFEST => ("OCI manifest", "OCI manifests"),
        other => (other, other),
    };
    let message = format!("{found} found, but accept header does not support {supported}");
    Err(Problem { message, detail: None, ..Problem::manifest_unknown(repository, reference) }
        .reply())
}

fn to_schema1(repository: &str, reference: &str, stored: &Stored) -> (String, Stored) {
    let layers: Vec<_> = stored.parsed.blobs.iter().skip(1).map(String::as_str).collect();
    let tag = if reference.contains(':') { "" } else { reference };
    let bytes = schema1::signed(repository, tag, &layers);
    let digest = manifest_digest("", manifest::SCHEMA1_SIGNED, &bytes);
    let mut converted = stored.clone();
    manifest::SCHEMA1_SIGNED.clone_into(&mut converted.media_type);
    converted.bytes = bytes;
    (digest, converted)
}

pub(super) async fn put(ask: &mut Ask, repository: &str, reference: &str) -> Reply {
    let limit = quirk!(ask, Quirk::ManifestLimit(limit) => *limit).unwrap_or(LIMIT);
    let bytes = match ask.intake.all(limit).await {
        Ok(bytes) => bytes,
        Err(Some(_)) => {
            return Problem::manifest_invalid("http: request body too large").reply().early();
        }
        Err(None) => ask.gone().await,
    };
    let media_type = ask.header("content-type").unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim().to_owned();
    let parsed = match Parsed::read(&bytes) {
        Ok(parsed) => parsed,
        Err(error) => {
            return Problem::manifest_invalid(json!({ "Offset": error.column() })).reply();
        }
    };
    if let Some(reply) = refused(ask, &media_type, &parsed) {
        return reply;
    }
    if reference.contains(':') {
        let known = is_digest(reference)
            && !(reference.starts_with("sha512:") && quirk!(ask, Quirk::Sha256Only));
        if !known || manifest_digest(reference, &media_type, &bytes) != reference {
            return Problem { detail: None, ..Problem::digest_invalid(json!({})) }.reply();
        }
    }
    let problems = missing(ask, repository, &parsed);
    if !problems.is_empty() {
        return problem::reply(&problems);
    }
    if let Some(reply) = locked(ask, repository, reference, &media_type, &bytes) {
        return reply;
    }
    if let Some(limit) = quirk!(ask, Quirk::Quota(limit) => *limit)
        && ask.shared.store.size() + bytes.len() as u64 > limit
    {
        return super::uploads::over_quota(limit);
    }
    let digest = ask.shared.store.put_stored(repository, reference, &media_type, bytes, false);
    let mut reply = Reply::status(201)
        .header("docker-content-digest", &digest)
        .location(&format!("{}/v2/{repository}/manifests/{digest}", ask.base()));
    if let Some(subject) = &parsed.subject {
        reply.set("oci-subject", subject);
    }
    if quirk!(ask, Quirk::TagParameter) {
        for (_, tag) in ask.query.iter().filter(|(name, tag)| name == "tag" && is_tag(tag)) {
            ask.shared.store.put_tag(repository, tag, &digest);
            reply.add("oci-tag", tag);
        }
    }
    reply
}

/// Why the registry does not take a manifest of this kind.
fn refused(ask: &Ask, media_type: &str, parsed: &Parsed) -> Option<Reply> {
    let docker = media_type.starts_with("application/vnd.docker.");
    let known = matches!(
        media_type,
        manifest::OCI_MANIFEST
            | manifest::OCI_INDEX
            | manifest::DOCKER_MANIFEST
            | manifest::DOCKER_LIST
    );
    if media_type.is_empty() || parsed.media_type.as_deref().is_some_and(|own| own != media_type) {
        return Some(Problem::manifest_invalid(json!({})).reply());
    }
    if is_schema1(media_type) && !quirk!(ask, Quirk::Schema1Accepted) {
        return Some(Problem::manifest_invalid("schema 1 is not supported").reply());
    }
    ask.quirks.iter().find_map(|quirk| match quirk {
        Quirk::KnownManifestsOnly if !known && !is_schema1(media_type) => {
            Some(Problem::manifest_invalid(json!({})).reply())
        }
        Quirk::DockerTypesRefused if docker => {
            Some(super::refuse(415, "UNSUPPORTED", "The operation is unsupported."))
        }
        Quirk::MediaTypeRequired if parsed.media_type.is_none() && !is_schema1(media_type) => {
            let message = "Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax'";
            Some(super::refuse(405, "UNSUPPORTED", message))
        }
        Quirk::EmptyConfigDenied if parsed.config_type.as_deref() == Some(manifest::OCI_EMPTY) => {
            let message = format!("unknown manifest class for {}", manifest::OCI_EMPTY);
            Some(Problem::denied(&message).reply())
        }
        Quirk::KnownLayersOnly => {
            let is_known = |layer: &&String| {
                [manifest::OCI_LAYER, manifest::DOCKER_LAYER, manifest::OCI_FOREIGN_LAYER]
                    .contains(&layer.as_str())
                    || *layer == manifest::DOCKER_FOREIGN_LAYER
                    || layer.as_str() == "application/vnd.in-toto+json"
            };
            let odd = parsed.layer_types.iter().find(|layer| !is_known(layer))?;
            Some(
                Problem::manifest_invalid(
                    json!({ "message": format!("unsupported media type {odd}") }),
                )
                .reply(),
            )
        }
        _ => None,
    })
}

/// What the manifest names and the repository lacks.
fn missing(ask: &Ask, repository: &str, parsed: &Parsed) -> Vec<Problem> {
    if quirk!(ask, Quirk::UncheckedManifests) {
        return Vec::new();
    }
    let store = &ask.shared.store;
    let lag = quirk!(ask, Quirk::BlobLag(lag) => *lag).unwrap_or(Duration::ZERO);
    let blobs = parsed.blobs.iter().filter(|digest| !store.has_blob(repository, digest, lag));
    let sparse = quirk!(ask, Quirk::SparseIndexes);
    let manifests = parsed.manifests.iter().filter(|digest| {
        // an entry may be a blob
        !sparse
            && !store.has_manifest(repository, digest)
            && !store.has_blob(repository, digest, lag)
    });
    blobs.chain(manifests).map(|digest| Problem::manifest_blob_unknown(digest)).collect()
}

fn locked(
    ask: &Ask,
    repository: &str,
    reference: &str,
    media_type: &str,
    bytes: &[u8],
) -> Option<Reply> {
    let status = quirk!(ask, Quirk::ImmutableTags(status) => *status)?;
    let held = ask.shared.store.tag_digest(repository, reference)?;
    if held == manifest_digest("", media_type, bytes) {
        return None;
    }
    Some(match status {
        400 => {
            let message = format!(
                "The image tag '{reference}' already exists in the '{repository}' repository and cannot be overwritten \
                 because the tag is immutable."
            );
            super::refuse(400, "TAG_INVALID", &message)
        }
        412 => {
            let message = format!(
                "Failed to process request due to '{repository}:{reference}' configured as immutable."
            );
            super::refuse(412, "PRECONDITION", &message)
        }
        status => super::refuse(status, "DENIED", "tag is immutable"),
    })
}

pub(super) fn delete(ask: &Ask, repository: &str, reference: &str) -> Reply {
    let store = &ask.shared.store;
    if !reference.contains(':') {
        if let Some(status) = quirk!(ask, Quirk::DeleteTagRefused(status) => *status) {
            return match status {
                400 => Problem { detail: None, ..Problem::digest_invalid(json!({})) }.reply(),
                status => Problem::unsupported().status(status).reply(),
            };
        }
        if store.delete_tag(repository, reference) {
            return Reply::status(202);
        }
    } else if store.delete_manifest(repository, reference) {
        return Reply::status(202);
    }
    Problem { detail: None, ..Problem::manifest_unknown(repository, reference) }.reply()
}

/// The referrers of a manifest: descriptors of all that name it as their subject.
pub(super) fn referrers(ask: &Ask, repository: &str, subject: &str) -> Vec<serde_json::Value> {
    let inner = ask.shared.store.inner();
    let Some(repository) = inner.repositories.get(repository) else { return Vec::new() };
    let refers = |stored: &Stored| stored.parsed.subject.as_deref() == Some(subject);
    let mut found = Vec::new();
    for (digest, stored) in repository.manifests.iter().filter(|(_, stored)| refers(stored)) {
        let size = stored.bytes.len();
        let mut descriptor =
            json!({ "mediaType": stored.media_type, "digest": digest, "size": size });
        let own_type = if is_index(&stored.media_type) {
            stored.parsed.artifact_type.as_deref()
        } else {
            stored.parsed.artifact_type()
        };
        if let Some(artifact_type) = own_type {
            descriptor["artifactType"] = artifact_type.into();
        }
        if let Some(annotations) = &stored.parsed.annotations {
            descriptor["annotations"] = annotations.clone();
        }
        found.push(descriptor);
    }
    found
}
