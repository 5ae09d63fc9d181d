//! Blobs: read and delete.

use super::{Ask, quirk};
use crate::{
    content::Content,
    digest::is_digest,
    problem::Problem,
    quirk::{Quirk, RangeForm},
    reply::Reply,
};

pub(super) fn get(ask: &Ask, repository: &str, digest: &str) -> Reply {
    if !is_digest(digest) {
        return Problem::digest_invalid(serde_json::json!({})).reply();
    }
    let absent = || match quirk!(ask, Quirk::AbsentBlob(status) => *status) {
        Some(status) => {
            Problem::denied("requested access to the resource is denied").status(status).reply()
        }
        None => Problem::blob_unknown(digest).reply(),
    };
    let store = &ask.shared.store;
    if ask.method() == "HEAD" {
        return match store.head_blob(repository, digest) {
            Some(size) => head(digest).content(Content::Discarded(size), 0, size),
            None => absent(),
        };
    }
    match store.blob(repository, digest) {
        Some(content) => serve(ask, content, digest),
        None => absent(),
    }
}

/// A blob's bytes, all of them or those that `Range` asks for.
pub(super) fn serve(ask: &Ask, content: Content, digest: &str) -> Reply {
    let size = content.len();
    if matches!(content, Content::Discarded(_)) && size > 0 {
        return Reply::text(410, "the bytes were not kept\n");
    }
    let form = quirk!(ask, Quirk::Range(form) => *form);
    let Some(range) = ask.header("range").filter(|_| form != Some(RangeForm::Ignored)) else {
        return head(digest).content(content, 0, size);
    };
    let (start, end) = match parse(range, size) {
        // several ranges, or none that we know: all of it
        None => return head(digest).content(content, 0, size),
        Some(Asked::Part(start, end)) if form != Some(RangeForm::Refused) => (start, end),
        Some(_) => {
            let reply = head(digest).header("content-range", format!("bytes */{size}"));
            return Reply {
                status: 416,
                ..reply.header("content-type", "text/plain; charset=utf-8")
            };
        }
    };
    let shifted = |by: i64| start.saturating_add_signed(by).min(end);
    let (start, claimed) = match form {
        Some(RangeForm::WrongStart(by)) => (shifted(by), shifted(by)),
        Some(RangeForm::LyingStart(by)) => (shifted(by), start),
        _ => (start, start),
    };
    let reply = Reply { status: 206, ..head(digest).content(content, start, end) };
    if form == Some(RangeForm::NoContentRange) {
        return reply;
    }
    reply.header("content-range", format!("bytes {claimed}-{}/{size}", claimed + (end - start) - 1))
}

fn head(digest: &str) -> Reply {
    Reply::status(200)
        .header("accept-ranges", "bytes")
        .header("cache-control", "max-age=31536000")
        .header("content-type", "application/octet-stream")
        .header("docker-content-digest", digest)
        .header("etag", format!("\"{digest}\""))
}

/// What a client asks for.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    /// From here to there, the end excluded.
    Part(u64, u64),
    /// Bytes that there are not.
    Beyond,
}

/// Reads one range; several, or what is none, are `None`.
fn parse(range: &str, size: u64) -> Option<Asked> {
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    if last.contains(',') {
        return None;
    }
    if first.is_empty() {
        let count: u64 = last.trim().parse().ok()?;
        return Some(part(size.saturating_sub(count), size));
    }
    let start: u64 = first.trim().parse().ok()?;
    let end = match last.trim() {
        "" => size,
        last => last.parse::<u64>().ok()?.saturating_add(1).min(size),
    };
    Some(part(start, end))
}

fn part(start: u64, end: u64) -> Asked {
    if start < end { Asked::Part(start, end) } else { Asked::Beyond }
}

pub(super) fn delete(ask: &Ask, repository: &str, digest: &str) -> Reply {
    if ask.shared.store.delete_blob(repository, digest) {
        return Reply::status(202);
    }
    Problem { detail: None, ..Problem::blob_unknown(digest) }.reply()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        assert_eq!(parse("bytes=0-0", 10), Some(Asked::Part(0, 1)));
        assert_eq!(parse("bytes=5-", 10), Some(Asked::Part(5, 10)));
        assert_eq!(parse("bytes=5-100", 10), Some(Asked::Part(5, 10)));
        assert_eq!(parse("bytes=-3", 10), Some(Asked::Part(7, 10)));
        assert_eq!(parse("bytes=10-", 10), Some(Asked::Beyond));
        assert_eq!(parse("bytes=0-", 0), Some(Asked::Beyond));
        assert_eq!(parse("bytes=0-1,3-4", 10), None);
        assert_eq!(parse("lines=0-1", 10), None);
    }
}
