//! What quirks change in the registry's answer.

use super::{Ask, quirk};
use crate::{
    digest::sha256,
    image::gzip,
    kind::Kind,
    quirk::{On, Quirk},
    reply::{Payload, Reply},
};

pub(super) fn edit(ask: &Ask, mut reply: Reply) -> Reply {
    let kind = ask.arrived().kind;
    if !ask.connection.second_host && !quirk!(ask, Quirk::Html | Quirk::CaptivePortal(_)) {
        reply.set("docker-distribution-api-version", "registry/2.0");
    }
    for quirk in &ask.quirks {
        match quirk {
            Quirk::PingWithoutVersion if kind == Kind::Ping => {
                reply.remove("docker-distribution-api-version");
            }
            Quirk::Warning(text) => reply.set("warning", &format!("299 - \"{text}\"")),
            Quirk::HubLimit(limit, window) if kind == Kind::Manifest => {
                let left = ask.shared.limits.left(*limit);
                reply.set("ratelimit-limit", &format!("{limit};w={window}"));
                reply.set("ratelimit-remaining", &format!("{left};w={window}"));
                reply.set("docker-ratelimit-source", "127.0.0.1");
            }
            Quirk::NoDigestHeader(on) if is_read(ask, Kind::Manifest, *on) => {
                reply.remove("docker-content-digest");
            }
            Quirk::WrongDigestHeader(on)
                if is_read(ask, Kind::Manifest, *on) && reply.is_success() =>
            {
                reply.set("docker-content-digest", &sha256("something else"));
            }
            Quirk::ManifestType(media_type)
                if is_read(ask, Kind::Manifest, On::Every) && reply.is_success() =>
            {
                if media_type.is_empty() {
                    reply.remove("content-type");
                } else {
                    reply.set("content-type", media_type);
                }
            }
            Quirk::ManifestPutStatus(status)
                if is_put(ask, Kind::Manifest) && reply.is_success() =>
            {
                reply.status = *status;
            }
            Quirk::ManifestPutBare if is_put(ask, Kind::Manifest) => {
                reply.remove("location");
                reply.remove("docker-content-digest");
            }
            Quirk::NoSubjectHeader | Quirk::NoReferrers(_) => reply.remove("oci-subject"),
            Quirk::NoReferrersFilter => reply.remove("oci-filters-applied"),
            // an empty value means that none goes out
            Quirk::BlobHeadWithoutLength if kind == Kind::Blob && ask.method() == "HEAD" => {
                reply.set("content-length", "");
            }
            Quirk::PatchStatus(status) if kind == Kind::UploadData && reply.is_success() => {
                reply.status = *status;
            }
            Quirk::FinishStatus(status) if kind == Kind::UploadFinish && reply.is_success() => {
                reply.status = *status;
            }
            Quirk::FinishLocation(location) if kind == Kind::UploadFinish && reply.is_success() => {
                if location.is_empty() {
                    reply.remove("location");
                } else {
                    reply.set("location", location);
                }
            }
            Quirk::ChunkMin(least) if opens_upload(kind) && reply.status == 202 => {
                reply.set("oci-chunk-min-length", &least.to_string());
            }
            Quirk::ChunkMinClaimed(text) if opens_upload(kind) && reply.status == 202 => {
                reply.set("oci-chunk-min-length", text);
            }
            Quirk::Gzip if matches!(kind, Kind::Blob | Kind::Manifest | Kind::Storage) => {
                compress(ask, &mut reply);
            }
            _ => {}
        }
    }
    reply
}

fn is_read(ask: &Ask, kind: Kind, on: On) -> bool {
    ask.arrived().kind == kind
        && (ask.method() == "HEAD" || (ask.method() == "GET" && on == On::Every))
}

fn is_put(ask: &Ask, kind: Kind) -> bool {
    ask.arrived().is("PUT", kind)
}

fn opens_upload(kind: Kind) -> bool {
    matches!(kind, Kind::UploadStart | Kind::Mount)
}

fn compress(ask: &Ask, reply: &mut Reply) {
    let identity = ask.header("accept-encoding").is_some_and(|value| value.trim() == "identity");
    if identity || ask.method() != "GET" || !reply.is_success() {
        return;
    }
    let mut bytes = Vec::new();
    while (bytes.len() as u64) < reply.body.len() {
        bytes.extend_from_slice(&reply.body.read(bytes.len() as u64));
    }
    reply.body = Payload::Bytes(gzip(&bytes).into());
    reply.remove("content-length");
    reply.set("content-encoding", "gzip");
}
