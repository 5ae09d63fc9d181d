//! A blob being read. It goes on by itself: a connection that breaks, stalls or ends early is replaced by a request
//! for the rest (`Range`), from the registry's own URL, as long as each try brings bytes.

use bytes::{Buf as _, Bytes};
use http::{
    HeaderValue, Method,
    header::{CONTENT_ENCODING, CONTENT_RANGE, RANGE},
};

use crate::{
    Answer, Ask, Code, Descriptor, Error, Place, Repository, Result, Room, headers,
    patience::Patience,
};

/// The bytes of a blob, in order. What they hash to is for the caller to check; their number is checked here.
#[derive(Debug)]
pub struct BlobReader {
    repository: Repository,
    blob: Descriptor,
    room: Room,
    /// The offset of the next byte that the caller gets.
    position: u64,
    answer: Option<Answer>,
    /// Bytes of the answer that the caller has already.
    skip: u64,
    /// The host does not know `Range`, or errs with it.
    no_range: bool,
    resumed: u32,
    patience: Patience,
}

impl BlobReader {
    pub(crate) async fn open(
        repository: Repository,
        blob: Descriptor,
        from: u64,
        room: Room,
    ) -> Result<Self> {
        let patience = Patience::of(&repository);
        let mut reader = Self {
            repository,
            blob,
            room,
            position: from,
            answer: None,
            skip: 0,
            no_range: false,
            resumed: 0,
            patience,
        };
        // nothing is left to ask for at the end of a blob, nor of an empty one
        if reader.position < reader.blob.size {
            reader.connect().await?;
        }
        Ok(reader)
    }

    /// The next bytes, or `None` after the last. An error is final: everything that may pass has been tried.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            // before the wait for bytes, so that a pause is no stall
            self.repository.client.0.gate.pass().await;
            let Some(answer) = &mut self.answer else {
                if self.position >= self.blob.size {
                    return Ok(None);
                }
                self.connect().await?;
                continue;
            };
            match answer.chunk().await {
                Ok(Some(mut bytes)) => {
                    self.repository.client.bandwidth().take(bytes.len()).await;
                    let skipped = self.skip.min(bytes.len() as u64);
                    bytes.advance(skipped as usize);
                    self.skip -= skipped;
                    if bytes.is_empty() {
                        continue;
                    }
                    if self.blob.size - self.position < bytes.len() as u64 {
                        return Err(wrong_size(&self.blob, answer, "more"));
                    }
                    self.position += bytes.len() as u64;
                    self.patience.renew();
                    return Ok(Some(bytes));
                }
                // all is there, however the connection ended: what it hashes to decides
                _ if self.position == self.blob.size => self.answer = None,
                Ok(None) => {
                    let (at, size) = (self.position, self.blob.size);
                    let error = match headers::length(answer) {
                        // it was as long as it was said to be
                        Some(_) => wrong_size(&self.blob, answer, &at.to_string()),
                        None => answer.error(
                            Code::NetReset,
                            format!("the blob ended early, at byte {at} of {size}"),
                        ),
                    };
                    self.broke(error).await?;
                }
                Err(error) if error.is_retryable() => self.broke(error).await?,
                Err(error) => return Err(error),
            }
        }
    }

    /// The offset of the next byte.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// How often the connection was replaced.
    pub fn resumed(&self) -> u32 {
        self.resumed
    }

    async fn broke(&mut self, error: Error) -> Result<()> {
        self.answer = None;
        self.patience.pause(&error).await?;
        tracing::debug!(%error, position = self.position, "reading the blob goes on after a break");
        self.resumed += 1;
        Ok(())
    }

    /// Asks for what is missing.
    async fn connect(&mut self) -> Result<()> {
        let path = format!("blobs/{}", self.blob.digest);
        loop {
            let ranged = self.position > 0 && !self.no_range;
            let mut ask =
                Ask::new("reading the blob", Method::GET, Place::Path { path: &path, query: &[] });
            ask.room = self.room;
            ask.accept = if ranged { &[416] } else { &[] };
            ask.reference = Some(self.repository.blob_reference(&self.blob.digest));
            if ranged {
                let range = format!("bytes={}-", self.position);
                ask = ask.header(
                    RANGE,
                    HeaderValue::try_from(range).unwrap_or(HeaderValue::from_static("bytes=0-")),
                );
            }
            let answer = self.repository.send(ask).await.map_err(absent)?;
            answer.check_no_page()?;
            let span = answer.header(CONTENT_RANGE).and_then(Span::parse);
            if let Some(total) =
                span.and_then(|span| span.total).filter(|total| *total != self.blob.size)
            {
                return Err(wrong_size(&self.blob, &answer, &total.to_string()));
            }
            // the offset of the answer's first byte, as far as it is to be believed
            let left = self.blob.size - self.position;
            let start = match (answer.status.as_u16(), span) {
                (206, Some(Span { start: Some(start), .. }))
                    if headers::length(&answer).is_none_or(|length| {
                        length <= left + self.position.saturating_sub(start)
                    }) =>
                {
                    start
                }
                (206 | 416, _) => u64::MAX,
                _ => 0,
            };
            if start > self.position {
                if !ranged {
                    let message = "the registry answers with a part of the blob, and not which";
                    return Err(answer.error(Code::RegistryRefused, message));
                }
                // what such a host means by a range can't be known: from the start, then
                self.no_range = true;
                continue;
            }
            self.skip = self.position - start;
            self.answer = Some(answer);
            return Ok(());
        }
    }
}

/// The registry has another number of bytes than the manifest names.
fn wrong_size(blob: &Descriptor, answer: &Answer, has: &str) -> Error {
    let named = blob.size;
    let message =
        format!("the blob's size differs: the manifest says {named} bytes, the registry has {has}");
    let error = answer.error(Code::DigestMismatch, message);
    match answer.header(CONTENT_ENCODING) {
        Some(encoding) if encoding != "identity" => error.hint(format!(
            "Something on the way changes blobs (Content-Encoding: {encoding}); turn that off."
        )),
        _ => error,
    }
}

fn absent(error: Error) -> Error {
    match error.http_status() {
        Some(404) if error.code() != Code::NotARegistry => {
            error.becomes(Code::BlobNotFound, "the registry does not have the blob")
        }
        _ => error,
    }
}

/// `Content-Range`: `bytes 5-99/100`, `bytes 5-99/*`, `bytes */100`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    start: Option<u64>,
    total: Option<u64>,
}

impl Span {
    fn parse(text: &str) -> Option<Self> {
        let (span, total) =
            text.trim().strip_prefix("bytes")?.trim_start_matches([' ', '=']).split_once('/')?;
        let start = span.split_once('-').and_then(|(start, _)| start.trim().parse().ok());
        Some(Self { start, total: total.trim().parse().ok() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_ranges() {
        for (text, span) in [
            ("bytes 5-99/100", Some((Some(5), Some(100)))),
            ("bytes 5-99/*", Some((Some(5), None))),
            ("bytes */100", Some((None, Some(100)))),
            ("bytes=5-99/100", Some((Some(5), Some(100)))),
            ("bytes x-99/100", Some((None, Some(100)))),
            ("bytes 5-99", None),
            ("items 5-99/100", None),
            ("", None),
        ] {
            assert_eq!(Span::parse(text).map(|s| (s.start, s.total)), span, "{text}");
        }
    }
}
