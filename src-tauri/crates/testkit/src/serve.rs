//! From a request to its answer: faults, rights and quirks around the handlers.

use std::sync::{Arc, atomic::Ordering::Relaxed};

use http::{HeaderValue, Response, StatusCode, header};
use hyper::body::Incoming;

use crate::{
    body::{Body, Open, Shape},
    fault::{Action, Stall},
    kind::Route,
    lock,
    problem::Problem,
    quirk::Quirk,
    reply::{Payload, Reply},
    server::{Connection, Shared},
};

mod after;
mod ask;
mod before;
mod blobs;
mod intake;
mod limits;
mod lists;
mod location;
mod manifests;
mod referrers;
mod rights;
mod storage;
mod token;
mod uploads;
pub(crate) mod vendor;

pub(crate) use ask::Ask;
pub(crate) use limits::Limits;
pub(crate) use storage::Signatures;

/// The first quirk of the request at hand that fits a pattern.
macro_rules! quirk {
    ($ask:expr, $pattern:pat => $value:expr) => {
        $ask.quirks.iter().find_map(|quirk| match quirk {
            $pattern => Some($value),
            _ => None,
        })
    };
    ($ask:expr, $pattern:pat) => {
        $ask.quirks.iter().any(|quirk| matches!(quirk, $pattern))
    };
}
pub(crate) use quirk;

pub(crate) async fn serve(
    shared: Arc<Shared>,
    connection: Arc<Connection>,
    request: http::Request<Incoming>,
) -> Response<Body> {
    let (parts, incoming) = request.into_parts();
    let mut ask = Ask::new(shared, connection, parts, incoming);
    // a request that is dropped on the way ends in the log all the same
    let open = Open { shared: ask.shared.clone(), entry: ask.entry.clone(), complete: false };
    let latency = *lock(&ask.shared.latency);
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    let mut reply = answer(&mut ask).await;
    if reply.early {
        if ask.intake.expects_bytes() {
            reply.set("connection", "close");
        }
    } else if !ask.intake.drain().await {
        ask.gone().await;
    }
    for fault in &ask.faults {
        match fault.action() {
            Action::Stall(Stall::Answer) => fault.gate().wait().await,
            Action::DelayAnswer(by) => tokio::time::sleep(*by).await,
            Action::Then(change) => change(&ask.shared.store),
            _ => {}
        }
    }
    let reply = after::edit(&ask, reply);
    send(&ask, reply, open)
}

async fn answer(ask: &mut Ask) -> Reply {
    if let Some(reply) = fire(ask, true).await {
        return reply;
    }
    if let Some(reply) = before::auth(ask) {
        return reply;
    }
    if quirk!(ask, Quirk::AuthAfterBody) && !ask.intake.hold().await {
        ask.gone().await;
    }
    if let Err(refusal) = rights::check(ask) {
        return refusal;
    }
    if let Some(reply) = fire(ask, false).await {
        return reply;
    }
    if let Some(reply) = before::handlers(ask) {
        return reply;
    }
    handle(ask).await
}

/// Lets the faults fire whose turn it is. The answer is theirs if one of them answers.
async fn fire(ask: &mut Ask, before_auth: bool) -> Option<Reply> {
    let fired = ask.shared.script.fire(ask.entry.arrived(), before_auth);
    let mut reply = None;
    for fault in &fired {
        match fault.action() {
            Action::Answer(answer) => reply = Some(answer.clone()),
            Action::HangUp(cut) => ask.connection.control.hang_up(*cut).await,
            Action::ExpireTokens => ask.shared.tokens.expire(),
            Action::ForgetSession => {
                if let Route::Upload { id, .. } = &ask.route {
                    ask.shared.store.inner().sessions.remove(id);
                }
            }
            Action::Quirk(quirk) => ask.quirks.push(quirk.clone()),
            Action::CutRequest(at, cut) => ask.intake.cut = Some((*at, *cut)),
            Action::CorruptRequest(at) => ask.intake.corrupt.push(*at),
            Action::Stall(Stall::RequestBody(at)) => {
                ask.intake.stalls.push((*at, fault.gate().clone()));
            }
            _ => {}
        }
    }
    ask.faults.extend(fired);
    reply
}

async fn handle(ask: &mut Ask) -> Reply {
    let method = ask.method().to_owned();
    match (ask.route.clone(), method.as_str()) {
        (Route::Slash(path), _) => redirect_to_slash(ask, &path),
        (Route::Ping, "GET" | "HEAD") => Reply::status(200).header("content-type", JSON).body("{}"),
        (Route::Token, "GET") => token::get(ask),
        (Route::Token, "POST") => token::post(ask).await,
        (Route::Catalog, "GET") => lists::catalog(ask),
        (Route::Tags { repository }, "GET") => lists::tags(ask, &repository),
        (Route::Manifest { repository, reference }, "GET" | "HEAD") => {
            manifests::get(ask, &repository, &reference)
        }
        (Route::Manifest { repository, reference }, "PUT") => {
            manifests::put(ask, &repository, &reference).await
        }
        (Route::Manifest { repository, reference }, "DELETE") => {
            manifests::delete(ask, &repository, &reference)
        }
        (Route::Blob { repository, digest }, "GET" | "HEAD") => {
            blobs::get(ask, &repository, &digest)
        }
        (Route::Blob { repository, digest }, "DELETE") => blobs::delete(ask, &repository, &digest),
        (Route::Uploads { repository }, "POST") => uploads::start(ask, &repository).await,
        // an upload without an id, as `distribution` sees it
        (Route::Uploads { .. }, "GET") => {
            Problem { detail: None, ..Problem::upload_unknown() }.reply()
        }
        (Route::Upload { repository, id }, "PATCH") => uploads::patch(ask, &repository, &id).await,
        (Route::Upload { repository, id }, "PUT") => uploads::put(ask, &repository, &id).await,
        (Route::Upload { repository, id }, "GET") => uploads::status(ask, &repository, &id),
        (Route::Upload { repository, id }, "DELETE") => uploads::cancel(ask, &repository, &id),
        (Route::Referrers { repository, digest }, "GET") => {
            referrers::list(ask, &repository, &digest)
        }
        (Route::Storage { digest }, "GET" | "HEAD") => storage::get(ask, &digest),
        (Route::Api { path, .. }, _) => vendor::answer(ask, &path).await,
        (Route::Unknown, _) => not_found(),
        (route, _) => method_not_allowed(&route),
    }
}

const JSON: &str = "application/json; charset=utf-8";

fn redirect_to_slash(ask: &Ask, path: &str) -> Reply {
    let query = ask.raw_query().map(|query| format!("?{query}")).unwrap_or_default();
    let location = format!("{path}{query}");
    let reply = Reply::status(301).location(&location);
    if ask.method() != "GET" {
        return reply;
    }
    let page = format!("<a href=\"{location}\">Moved Permanently</a>.\n\n");
    reply.header("content-type", "text/html; charset=utf-8").body(page)
}

/// What the router of `distribution` answers to a path that it does not know.
fn not_found() -> Reply {
    Reply::text(404, "404 page not found\n")
}

fn method_not_allowed(route: &Route) -> Reply {
    let allow = match route {
        Route::Manifest { .. } => "DELETE, GET, HEAD, PUT",
        Route::Blob { .. } => "DELETE, GET, HEAD",
        Route::Uploads { .. } => "POST",
        Route::Upload { .. } => "DELETE, GET, HEAD, PATCH, PUT",
        _ => "GET",
    };
    Reply::text(405, "Method not allowed\n").header("allow", allow)
}

/// Puts the answer on the wire, with what the faults make of its body.
fn send(ask: &Ask, mut reply: Reply, open: Open) -> Response<Body> {
    let mut shape = Shape::default();
    let mut length = reply.body.len();
    let mut claimed = 0;
    for fault in &ask.faults {
        match fault.action() {
            Action::CutAnswer(at, cut) => shape.cut = Some((*at, *cut)),
            Action::CorruptAnswer(at) => shape.corrupt.push(*at),
            Action::Truncate(at) => {
                length = length.min(*at);
                reply.body = truncated(reply.body, length);
            }
            Action::WrongLength(by) => claimed += by,
            Action::Stall(Stall::AnswerBody(at)) => shape.stalls.push((*at, fault.gate().clone())),
            Action::Header(name, Some(value)) => reply.set(name, value),
            Action::Header(name, None) => reply.remove(name),
            _ => {}
        }
    }
    let has_body = !matches!(reply.status, 204 | 304);
    let chunked = quirk!(ask, Quirk::ChunkedAnswers) && ask.method() != "HEAD" && length > 0;
    if has_body && !chunked && !reply.headers.contains_key(header::CONTENT_LENGTH) {
        reply.headers.insert(
            header::CONTENT_LENGTH,
            HeaderValue::from(length.saturating_add_signed(claimed)),
        );
    }
    let blank_length = reply.get("content-length") == Some("");
    if blank_length {
        reply.remove("content-length");
    }
    if ask.method() == "HEAD" || !has_body {
        reply.body = Payload::Bytes(bytes::Bytes::new());
    }
    let answered = ask.connection.answered.fetch_add(1, Relaxed) + 1;
    if quirk!(ask, Quirk::RequestsPerConnection(most) => *most as u64)
        .is_some_and(|most| answered >= most)
    {
        reply.set("connection", "close");
    }
    ask.shared.log.answered(&ask.entry, reply.status);
    let body = Body::new(reply.body, shape, ask.connection.control.clone(), open);
    let mut response = Response::new(body);
    *response.status_mut() =
        StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    *response.headers_mut() = *reply.headers;
    response
}

fn truncated(payload: Payload, length: u64) -> Payload {
    match payload {
        Payload::Bytes(bytes) => Payload::Bytes(bytes.slice(..length as usize)),
        Payload::Content { content, start, .. } => {
            Payload::Content { content, start, end: start + length }
        }
    }
}

/// A refusal with a code of its own.
fn refuse(status: u16, code: &'static str, message: &str) -> Reply {
    Problem::new(StatusCode::BAD_REQUEST, code, message).status(status).reply()
}
