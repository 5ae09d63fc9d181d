//! Upload sessions: how they are opened, where they are, and how far the registry says they got.

use std::fmt;

use http::{Method, header::LOCATION};
use url::Url;

use crate::{
    Answer, Ask, Code, Digest, Place, Repository, Result, Room, redact::Shown, redirect, refusal,
};

/// A larger `OCI-Chunk-Min-Length` than this is not believed.
const LARGEST_MINIMUM: u64 = 128 * 1024 * 1024;

/// An open upload at a registry. `Debug` hides what its address is signed with.
#[derive(Clone)]
pub(crate) struct Session {
    /// Where the next request goes: each answer may name another place, and only the newest counts.
    pub(crate) url: Url,
    /// Chunks but the last must not be smaller.
    pub(crate) chunk_min: u64,
}

/// What the registry says about an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// It holds so many bytes.
    At(u64),
    /// It does not know the upload any more.
    Gone,
    /// It does not tell.
    Untold,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = format_args!("{}", Shown(&self.url)).to_string();
        f.debug_struct("Session").field("url", &url).field("chunk_min", &self.chunk_min).finish()
    }
}

impl Session {
    /// Reads the answer to the POST that opened it.
    pub(crate) fn opened(answer: &Answer) -> Result<Self> {
        let Some(location) = answer.header(LOCATION) else {
            let message = "the registry opened an upload and did not say where (no Location)";
            return Err(answer.error(Code::RegistryRefused, message));
        };
        let chunk_min = answer
            .header("oci-chunk-min-length")
            .and_then(|text| text.trim().parse().ok())
            .filter(|min| *min <= LARGEST_MINIMUM)
            .unwrap_or(0);
        Ok(Self { url: redirect::resolve(answer, location)?, chunk_min })
    }

    /// Takes over the place that an answer names, if it names one.
    pub(crate) fn follow(&mut self, answer: &Answer) -> Result<()> {
        if let Some(location) = answer.header(LOCATION) {
            self.url = redirect::resolve(answer, location)?;
        }
        Ok(())
    }

    /// The address that closes it. What the registry put into the query stays as it is.
    pub(crate) fn closing(&self, digest: &Digest) -> Url {
        let mut url = self.url.clone();
        let parameter = format!("digest={}%3A{}", digest.algorithm().as_str(), digest.hex());
        let query = match url.query().filter(|query| !query.is_empty()) {
            Some(query) => format!("{query}&{parameter}"),
            None => parameter,
        };
        url.set_query(Some(&query));
        url
    }
}

impl Repository {
    /// Opens an upload for a blob.
    pub(crate) async fn open_upload(&self, digest: &Digest, room: Room) -> Result<Session> {
        let mut ask = Ask::new(
            "opening an upload",
            Method::POST,
            Place::Path { path: "blobs/uploads/", query: &[] },
        );
        ask.room = room;
        ask.reference = Some(self.blob_reference(digest));
        let answer = self.send(ask).await.map_err(refusal::of_blob)?;
        answer.check_no_page()?;
        Session::opened(&answer)
    }

    /// Asks how far an upload got.
    pub(crate) async fn upload_progress(
        &self,
        session: &mut Session,
        digest: &Digest,
    ) -> Result<Progress> {
        let mut ask =
            Ask::new("asking how far the upload got", Method::GET, Place::Url(session.url.clone()));
        ask.room = Room::Held;
        // some tell it to nobody, whoever asks
        ask.accept = &[400, 401, 403, 404, 405, 410, 416, 501];
        ask.reference = Some(self.blob_reference(digest));
        let answer = self.send(ask).await?;
        Ok(match answer.status.as_u16() {
            404 | 410 => Progress::Gone,
            200..=299 => {
                session.follow(&answer)?;
                answer.header("range").and_then(bytes_held).map_or(Progress::Untold, Progress::At)
            }
            _ => Progress::Untold,
        })
    }
}

/// How many bytes a `Range` of an upload tells, in any of its forms: `0-99`, `bytes=0-99`, `bytes 0-99`. `0-0` is one
/// byte by the letter and none by custom.
pub(crate) fn bytes_held(range: &str) -> Option<u64> {
    let range = range.trim();
    let range = range.strip_prefix("bytes").unwrap_or(range).trim_start_matches([' ', '=']);
    let (start, end) = range.split_once('-')?;
    let (start, end): (u64, u64) = (start.trim().parse().ok()?, end.trim().parse().ok()?);
    match (start, end) {
        (0, 0) => Some(0),
        (0, end) => end.checked_add(1),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_uploads() {
        for (text, held) in [
            ("0-0", Some(0)),
            ("0-99", Some(100)),
            ("bytes=0-99", Some(100)),
            ("bytes 0-99", Some(100)),
            (" 0 - 99 ", Some(100)),
            ("0-1", Some(2)),
            ("5-99", None),
            ("0--1", None),
            ("0-18446744073709551615", None),
            ("0-", None),
            ("99", None),
            ("", None),
        ] {
            assert_eq!(bytes_held(text), held, "{text:?}");
        }
    }

    #[test]
    fn debug_hides_what_signs_the_address() {
        let url: Url =
            "https://cdn.example/u/1?X-Amz-Signature=canary&_state=canary".parse().unwrap();
        let session = Session { url: url.clone(), chunk_min: 5 };
        let shown = format!("{session:?} {:?}", Place::Url(url));
        assert!(shown.contains("https://cdn.example/u/1?X-Amz-Signature=***"), "{shown}");
        assert!(!shown.contains("canary"), "{shown}");
    }

    #[test]
    fn the_digest_is_added_and_the_rest_is_left_alone() {
        let digest: Digest = Digest::sha256(b"");
        let parameter = format!("digest=sha256%3A{}", digest.hex());
        for (url, closing) in [
            (
                "https://r.io/v2/a/blobs/uploads/1",
                format!("https://r.io/v2/a/blobs/uploads/1?{parameter}"),
            ),
            ("https://r.io/u?", format!("https://r.io/u?{parameter}")),
            (
                "https://r.io/u?_state=a%2Fb%3D%3D&x=~+*%20:@",
                format!("https://r.io/u?_state=a%2Fb%3D%3D&x=~+*%20:@&{parameter}"),
            ),
        ] {
            let session = Session { url: url.parse().unwrap(), chunk_min: 0 };
            assert_eq!(session.closing(&digest).as_str(), closing);
        }
    }
}
