//! Uploads and mounts.

use serde_json::json;

use super::{Ask, intake::Taken, location, quirk};
use crate::{
    digest::is_digest,
    kind::Kind,
    problem::Problem,
    quirk::{LocationForm, Quirk, SinglePost, UploadRange},
    reply::Reply,
    upload::{self, Session},
};

pub(super) async fn start(ask: &mut Ask, repository: &str) -> Reply {
    if let Some(digest) = ask.parameter("mount").map(str::to_owned)
        && let Some(reply) = mount(ask, repository, &digest)
    {
        return reply;
    }
    if ask.arrived().kind == Kind::UploadStart
        && let Some(digest) = ask.parameter("digest").map(str::to_owned)
    {
        match quirk!(ask, Quirk::SinglePost(form) => *form) {
            Some(SinglePost::Taken) => return single(ask, repository, &digest).await,
            Some(SinglePost::Refused(status)) => {
                return super::refuse(status, "UNSUPPORTED", "not supported");
            }
            None | Some(SinglePost::Ignored) => {}
        }
    }
    let id = open(ask, repository);
    told(ask, 202, repository, &id, 0, Some("0-0".to_owned()))
}

/// Opens a session.
fn open(ask: &Ask, repository: &str) -> String {
    let number = ask.shared.uploads.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let id = upload::id(&ask.shared.secret, number);
    let session = Session::new(repository, ask.shared.store.keep);
    ask.shared.store.inner().sessions.insert(id.clone(), session);
    id
}

/// The answer to a mount; `None` when an upload is to begin instead.
fn mount(ask: &Ask, repository: &str, digest: &str) -> Option<Reply> {
    let store = &ask.shared.store;
    let created = || {
        let reply = Reply::status(201).header("docker-content-digest", digest);
        Some(reply.location(&location::of_blob(ask, repository, digest)))
    };
    if !is_digest(digest) || quirk!(ask, Quirk::NeverMounts) {
        return None;
    }
    let from = match ask.parameter("from") {
        Some(from) => from.to_owned(),
        None => match quirk!(ask, Quirk::MountWithoutFrom(status) => *status)? {
            201 => store.holder(digest)?,
            status => {
                return Some(super::refuse(status, "NAME_INVALID", "missing parameter: from"));
            }
        },
    };
    if !store.exists(&from)
        && let Some(status) = quirk!(ask, Quirk::MountFromUnknown(status) => *status)
    {
        let code = if status == 401 { "UNAUTHORIZED" } else { "NAME_INVALID" };
        return Some(super::refuse(status, code, "invalid repository name"));
    }
    store.head_blob(&from, digest)?;
    if quirk!(ask, Quirk::MountsCommittedOnly) && !store.is_committed(&from, digest) {
        return None;
    }
    if !quirk!(ask, Quirk::MountLies) {
        store.mount(repository, &from, digest);
    }
    created()
}

/// A blob in the body of one POST.
async fn single(ask: &mut Ask, repository: &str, digest: &str) -> Reply {
    let id = open(ask, repository);
    if let Err(reply) = take(ask, repository, &id).await {
        return reply;
    }
    let reply = commit(ask, repository, &id, digest);
    ask.shared.store.inner().sessions.remove(&id);
    reply
}

pub(super) async fn patch(ask: &mut Ask, repository: &str, id: &str) -> Reply {
    let size = match check(ask, repository, id) {
        Ok(size) => size,
        Err(reply) => return reply,
    };
    if let Some(reply) = refused_chunk(ask, id, size) {
        return reply;
    }
    if quirk!(ask, Quirk::PatchOverwrites)
        && let Some(session) = ask.shared.store.inner().sessions.get_mut(id)
    {
        session.truncate(0);
    }
    if let Err(reply) = take(ask, repository, id).await {
        return reply;
    }
    match progress(ask, id) {
        Some((size, range)) => told(ask, 202, repository, id, size, range),
        None => Problem::upload_unknown().reply(),
    }
}

pub(super) async fn put(ask: &mut Ask, repository: &str, id: &str) -> Reply {
    let has_body = ask.intake.expects_bytes();
    if has_body && let Some(status) = quirk!(ask, Quirk::PutBodyRefused(status) => *status) {
        return super::refuse(status, "UNSUPPORTED", "monolithic upload is not supported").early();
    }
    let size = match check(ask, repository, id) {
        Ok(size) => size,
        Err(reply) => return reply,
    };
    let Some(digest) = ask.parameter("digest").map(str::to_owned) else {
        return Problem::digest_invalid("digest missing").reply();
    };
    if has_body {
        if let Some(reply) = refused_chunk(ask, id, size) {
            return reply;
        }
        if let Err(reply) = take(ask, repository, id).await {
            return reply;
        }
    }
    commit(ask, repository, id, &digest)
}

pub(super) fn status(ask: &Ask, repository: &str, id: &str) -> Reply {
    if let Err(reply) = find(ask, repository, id) {
        return reply;
    }
    match progress(ask, id) {
        Some((size, range)) => told(ask, 204, repository, id, size, range),
        None => Problem::upload_unknown().reply(),
    }
}

pub(super) fn cancel(ask: &Ask, repository: &str, id: &str) -> Reply {
    if let Err(reply) = find(ask, repository, id) {
        return reply;
    }
    ask.shared.store.inner().sessions.remove(id);
    Reply::status(204).header("docker-upload-uuid", id)
}

/// Finds the session behind an address: its size, and the offset that the address carries.
fn find(ask: &Ask, repository: &str, id: &str) -> Result<(u64, u64), Reply> {
    let stateless = quirk!(ask, Quirk::Location(LocationForm::NoQuery));
    let state =
        ask.parameter("_state").and_then(|state| upload::offset(&ask.shared.secret, id, state));
    if state.is_none() && !stateless {
        return Err(Problem::upload_invalid().detail(json!({})).reply());
    }
    let inner = ask.shared.store.inner();
    let session = inner.sessions.get(id).filter(|session| session.repository == repository);
    let Some(session) = session else { return Err(Problem::upload_unknown().reply()) };
    let size = session.size();
    let offset = if stateless { size } else { state.unwrap_or(size) };
    if quirk!(ask, Quirk::StateHasOffset) && offset != size {
        return Err(Problem::upload_invalid().reply());
    }
    Ok((size, offset))
}

/// Whether a request may add to the session: its size if so.
fn check(ask: &Ask, repository: &str, id: &str) -> Result<u64, Reply> {
    let (size, offset) = find(ask, repository, id)?;
    let refuse = |detail: String| {
        let mut reply = Problem::range_invalid(detail).reply();
        if let Some((size, range)) = progress(ask, id) {
            describe(ask, &mut reply, repository, id, size, range);
        }
        Err(reply)
    };
    if offset != size {
        return refuse(format!("the address is of offset {offset}, the upload is at {size}"));
    }
    if quirk!(ask, Quirk::ContentRangeIgnored | Quirk::PatchOverwrites) {
        return Ok(size);
    }
    let Some(range) = ask.header("content-range") else { return Ok(size) };
    let parsed = range
        .split_once('-')
        .and_then(|(first, last)| Some((first.parse().ok()?, last.parse().ok()?)));
    let Some((first, last)): Option<(u64, u64)> = parsed else {
        let detail = format!("not a range: {range}");
        return Err(Problem::upload_invalid().status(400).detail(detail).reply());
    };
    if first != size || last < first {
        return refuse(format!("the range begins at {first}, the upload is at {size}"));
    }
    match ask.content_length() {
        Some(length) if length != last - first + 1 => {
            Err(Problem::size_invalid(format!("{length} bytes for {range}")).reply())
        }
        _ => Ok(size),
    }
}

fn refused_chunk(ask: &Ask, id: &str, size: u64) -> Option<Reply> {
    let last = ask
        .shared
        .store
        .inner()
        .sessions
        .get(id)
        .and_then(|session| session.chunks.last().copied());
    ask.quirks.iter().find_map(|quirk| match quirk {
        Quirk::ChunkMin(least) if last.is_some_and(|last| last < *least) => {
            Some(Problem::range_invalid("chunk smaller than OCI-Chunk-Min-Length").reply())
        }
        Quirk::SmallChunksRefused(least) if last.is_some_and(|last| last < *least) => {
            Some(super::refuse(
                400,
                "BLOB_UPLOAD_INVALID",
                "Your proposed upload is smaller than the minimum allowed size",
            ))
        }
        Quirk::SinglePatch if size > 0 && ask.method() == "PATCH" => {
            Some(Problem::range_invalid("only one chunk is supported").reply())
        }
        _ => None,
    })
}

/// Takes the body into the session. An error is the answer.
async fn take(ask: &mut Ask, repository: &str, id: &str) -> Result<(), Reply> {
    let size = |ask: &Ask| ask.shared.store.inner().sessions.get(id).map(Session::size);
    let Some(before) = size(ask) else { return Err(Problem::upload_unknown().reply()) };
    loop {
        match ask.intake.next().await {
            Taken::Bytes(piece) => {
                let mut inner = ask.shared.store.inner();
                let session =
                    inner.sessions.get_mut(id).filter(|session| session.repository == repository);
                let Some(session) = session else { return Err(Problem::upload_unknown().reply()) };
                session.push(&piece);
            }
            Taken::End => break,
            Taken::Broken => {
                if quirk!(ask, Quirk::BrokenUploadLost)
                    && let Some(session) = ask.shared.store.inner().sessions.get_mut(id)
                {
                    session.truncate(before);
                }
                ask.gone().await;
            }
        }
    }
    if let Some(session) = ask.shared.store.inner().sessions.get_mut(id) {
        let taken = session.size() - before;
        session.chunks.push(taken);
    }
    Ok(())
}

/// Turns the session into a blob, if it is the blob that it should be; else it stays as it is.
fn commit(ask: &Ask, repository: &str, id: &str, digest: &str) -> Reply {
    let store = &ask.shared.store;
    if !is_digest(digest) || (digest.starts_with("sha512:") && quirk!(ask, Quirk::Sha256Only)) {
        return Problem::digest_invalid("unsupported digest").reply();
    }
    if let Some(status) = quirk!(ask, Quirk::DuplicateBlob(status) => *status)
        && store.head_blob(repository, digest).is_some()
    {
        store.inner().sessions.remove(id);
        return super::refuse(status, "BLOB_UPLOAD_INVALID", "blob already exists");
    }
    let (content, found) = {
        let mut inner = store.inner();
        let Some(session) = inner.sessions.get_mut(id) else {
            return Problem::upload_unknown().reply();
        };
        if session.size() == 0 && quirk!(ask, Quirk::EmptyBlobRefused) {
            return Problem::size_invalid("an empty blob").reply();
        }
        let found = session.digest(digest);
        if found.as_deref() != Some(digest) {
            return Problem::digest_invalid(json!({ "Digest": digest, "Reason": {} })).reply();
        }
        (session.content(), found)
    };
    if let Some(limit) = quirk!(ask, Quirk::Quota(limit) => *limit)
        && store.size() + content.len() > limit
    {
        return over_quota(limit);
    }
    store.inner().sessions.remove(id);
    store.put_blob_as(repository, digest, content);
    Reply::status(201)
        .header("docker-content-digest", found.as_deref().unwrap_or(digest))
        .location(&location::of_blob(ask, repository, digest))
}

pub(super) fn over_quota(limit: u64) -> Reply {
    let message =
        format!("adding this artifact will exceed the configured upper limit of {limit} bytes");
    Problem::denied(&message).reply()
}

/// The session's size, and how the registry tells it.
fn progress(ask: &Ask, id: &str) -> Option<(u64, Option<String>)> {
    let mut inner = ask.shared.store.inner();
    let session = inner.sessions.get_mut(id)?;
    let form = quirk!(ask, Quirk::UploadRange(form) => *form);
    if let Some(UploadRange::Short(by)) = form {
        session.truncate(session.size().saturating_sub(by));
    }
    let until = |size: u64| size.saturating_sub(1);
    let last = until(session.size());
    let text = match form {
        None | Some(UploadRange::Short(_)) => format!("0-{last}"),
        Some(UploadRange::BytesEquals) => format!("bytes=0-{last}"),
        Some(UploadRange::BytesSpace) => format!("bytes 0-{last}"),
        Some(UploadRange::FirstChunk) => {
            format!("0-{}", until(session.chunks.first().copied().unwrap_or(0)))
        }
        Some(UploadRange::LastChunk) => {
            format!("0-{}", until(session.chunks.last().copied().unwrap_or(0)))
        }
        Some(UploadRange::Missing) => return Some((session.size(), None)),
    };
    Some((session.size(), Some(text)))
}

fn told(
    ask: &Ask,
    status: u16,
    repository: &str,
    id: &str,
    size: u64,
    range: Option<String>,
) -> Reply {
    let mut reply = Reply::status(status);
    describe(ask, &mut reply, repository, id, size, range);
    reply
}

fn describe(
    ask: &Ask,
    reply: &mut Reply,
    repository: &str,
    id: &str,
    size: u64,
    range: Option<String>,
) {
    reply.set("docker-upload-uuid", id);
    if let Some(range) = range {
        reply.set("range", &range);
    }
    if let Some(location) = location::of_upload(ask, repository, id, size) {
        reply.set("location", &location);
    }
}
