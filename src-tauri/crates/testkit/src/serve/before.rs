//! What is answered in the registry's place: by a proxy in front of it, or because it refuses.

use super::{Ask, refuse};
use crate::{
    kind::{Kind, Route},
    problem::Problem,
    quirk::{Quirk, Redirect, RedirectTo},
    reply::Reply,
};

/// Before it is looked at who asks.
pub(super) fn auth(ask: &Ask) -> Option<Reply> {
    if ask.connection.second_host {
        return super::storage::outsider(ask);
    }
    for quirk in &ask.quirks {
        let reply = match quirk {
            Quirk::Html => Some(Reply::html(200, "Welcome")),
            Quirk::CaptivePortal(address) => Some(Reply::status(302).location(address)),
            Quirk::AuthorizationLimit(limit, status) => {
                let length = ask.header("authorization").map_or(0, str::len);
                (length > *limit)
                    .then(|| Reply::html(*status, "Request Header Or Cookie Too Large"))
            }
            Quirk::BodyLimit(limit) => too_large(ask, *limit),
            _ => None,
        };
        if reply.is_some() {
            return reply;
        }
    }
    None
}

/// Before the handlers.
pub(super) fn handlers(ask: &Ask) -> Option<Reply> {
    let kind = ask.arrived().kind;
    ask.quirks.iter().find_map(|quirk| match quirk {
        Quirk::RateLimit(limited, per_second) if *limited == kind || *limited == Kind::Any => {
            let within = ask.shared.limits.within(*limited, *per_second);
            (!within).then(|| Reply::too_many_requests(Some("1")))
        }
        Quirk::HubLimit(limit, window) if kind == Kind::Manifest && ask.method() == "GET" => {
            let left = ask.shared.limits.pull(*limit, *window);
            left.is_none().then(|| Reply::too_many_requests(None))
        }
        Quirk::ReadOnly if ask.is_write() && kind != Kind::Token => {
            Some(Problem::unsupported().reply())
        }
        Quirk::ChunkedRefused(status) if ask.is_chunked() => Some(
            refuse(*status, "CONTENT_LENGTH_INVALID", "content length header is required").early(),
        ),
        Quirk::LengthRequired if is_start(kind) && ask.content_length().is_none() => {
            Some(Reply::html(411, "Length Required"))
        }
        Quirk::RepositoriesMustExist if ask.is_write() || kind == Kind::Manifest => {
            let name = ask.route.repository()?;
            let message =
                format!("The repository with name '{name}' does not exist in the registry");
            let absent = !ask.shared.store.exists(name);
            absent.then(|| Problem { message, ..Problem::name_unknown(name) }.reply())
        }
        Quirk::NamespacesMustExist if ask.is_write() => {
            let there = super::token::has_namespace(ask, ask.route.repository()?);
            let message = "requested access to the resource is denied";
            (!there).then(|| Reply::error(403, "DENIED", message))
        }
        Quirk::PathDepth(least, most) if ask.is_write() => {
            let depth = ask.route.repository()?.split('/').count();
            let fits = (*least..=*most).contains(&depth);
            (!fits).then(|| Problem::name_invalid("wrong number of components").reply())
        }
        Quirk::DeleteRefused(status) if ask.method() == "DELETE" && kind != Kind::UploadCancel => {
            Some(Problem::unsupported().status(*status).reply())
        }
        Quirk::RedirectBlobs(redirect) if kind == Kind::Blob => redirected(ask, redirect),
        Quirk::RedirectManifests(redirect) if kind == Kind::Manifest => redirected(ask, redirect),
        Quirk::ManifestHead(status) if kind == Kind::Manifest && ask.method() == "HEAD" => {
            Some(Reply::status(*status))
        }
        Quirk::BlobHead(status) if kind == Kind::Blob && ask.method() == "HEAD" => {
            Some(Reply::status(*status))
        }
        Quirk::CatalogRefused(401) if kind == Kind::Catalog => {
            Some(super::rights::challenge(ask, None))
        }
        Quirk::CatalogRefused(status) if kind == Kind::Catalog => {
            Some(refuse(*status, "UNSUPPORTED", "the catalog is not available"))
        }
        Quirk::NoReferrers(status) if kind == Kind::Referrers => Some(match status {
            404 => super::not_found(),
            status => Problem::unsupported().status(*status).reply(),
        }),
        Quirk::MountRefused(status) if kind == Kind::Mount => {
            Some(refuse(*status, "DENIED", "requested access to the resource is denied"))
        }
        Quirk::PatchRefused(status) if kind == Kind::UploadData => {
            Some(refuse(*status, "UNSUPPORTED", "chunked upload is not supported").early())
        }
        Quirk::ChunkMax(limit) if kind == Kind::UploadData => too_large(ask, *limit),
        Quirk::PutLimit(limit) if kind == Kind::UploadFinish => too_large(ask, *limit),
        Quirk::ContentRangeLimit(limit) if ask.headers().contains_key("content-range") => {
            let over = ask.content_length().is_some_and(|length| length > *limit);
            let text = format!(
                "request body too large, maximum is {:.2}MiB",
                *limit as f64 / f64::from(1 << 20)
            );
            over.then(|| Reply::text(416, &text).early())
        }
        Quirk::StatusRefused(401) if kind == Kind::UploadStatus => {
            Some(super::rights::challenge(ask, None))
        }
        Quirk::StatusRefused(404) if kind == Kind::UploadStatus => {
            Some(Problem::upload_unknown().reply())
        }
        Quirk::StatusRefused(status) if kind == Kind::UploadStatus => {
            Some(Problem::unsupported().status(*status).reply())
        }
        _ => None,
    })
}

fn is_start(kind: Kind) -> bool {
    matches!(kind, Kind::UploadStart | Kind::Mount)
}

fn too_large(ask: &Ask, limit: u64) -> Option<Reply> {
    let over = ask.content_length().is_some_and(|length| length > limit);
    over.then(|| Reply::html(413, "413 Request Entity Too Large").early())
}

fn redirected(ask: &Ask, redirect: &Redirect) -> Option<Reply> {
    let method = ask.method();
    if !(method == "GET" || method == "HEAD" && redirect.heads) {
        return None;
    }
    let to = match &redirect.to {
        RedirectTo::Storage => {
            let digest = match &ask.route {
                Route::Blob { repository, digest } => {
                    ask.shared.store.head_blob(repository, digest)?;
                    digest.clone()
                }
                Route::Manifest { repository, reference } => {
                    ask.shared.store.stored(repository, reference)?.0
                }
                _ => return None,
            };
            let signature = ask.shared.signatures.sign();
            format!("{}/storage/{digest}?{signature}", ask.second_host_url())
        }
        RedirectTo::Base(base) => {
            let query = ask.raw_query().map(|query| format!("?{query}")).unwrap_or_default();
            format!("{}{}{query}", base.trim_end_matches('/'), ask.arrived().path)
        }
        RedirectTo::Address(address) => address.clone(),
    };
    Some(Reply::status(redirect.status).location(&to))
}
