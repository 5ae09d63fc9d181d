//! Takes entries out of an index's `manifests` list without touching any other byte: not the whitespace, not the order
//! of keys, not the fields that nobody here knows.

use std::ops::Range;

use bytes::Bytes;
use serde::{Deserialize, de::Error as _};
use serde_json::value::RawValue;

#[derive(Deserialize)]
struct Index<'a> {
    #[serde(borrow)]
    manifests: Vec<&'a RawValue>,
}

/// The document with those entries whose place in `kept` is true. An entry goes with the separator after it, the last
/// ones with the separator before them.
pub(super) fn retain(bytes: &[u8], kept: &[bool]) -> serde_json::Result<Bytes> {
    let index: Index<'_> = serde_json::from_slice(bytes)?;
    let spans: Vec<Range<usize>> =
        index.manifests.iter().map(|raw| span(bytes, raw.get())).collect();
    let (Some(first), Some(last)) = (spans.first(), spans.last()) else {
        return Ok(Bytes::copy_from_slice(bytes));
    };
    if spans.len() != kept.len() {
        return Err(serde_json::Error::custom("the entries don't match the list"));
    }
    let mut out = Vec::with_capacity(bytes.len());
    out.extend_from_slice(&bytes[..first.start]);
    let last_kept = kept.iter().rposition(|kept| *kept);
    for (i, span) in spans.iter().enumerate().filter(|(i, _)| kept[*i]) {
        let separator = match spans.get(i + 1) {
            Some(next) if Some(i) != last_kept => span.end..next.start,
            _ => span.end..span.end,
        };
        out.extend_from_slice(&bytes[span.start..span.end]);
        out.extend_from_slice(&bytes[separator]);
    }
    out.extend_from_slice(&bytes[last.end..]);
    Ok(out.into())
}

/// Where a value that borrows from `bytes` stands in it.
fn span(bytes: &[u8], value: &str) -> Range<usize> {
    let start = value.as_ptr() as usize - bytes.as_ptr() as usize;
    start..start + value.len()
}
