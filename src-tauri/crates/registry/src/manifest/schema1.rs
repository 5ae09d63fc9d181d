//! Signed schema 1 manifests ("prettyjws"): the digest is that of the signed payload, which the signatures were put
//! into. Where, `protected` tells: the payload's first `formatLength` bytes stand in the document, its end in
//! `formatTail`.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL};
use serde::Deserialize;

use crate::{Algorithm, Digest};

#[derive(Deserialize)]
struct Signed {
    signatures: Vec<Signature>,
}

#[derive(Deserialize)]
struct Signature {
    protected: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Protected {
    format_length: usize,
    format_tail: String,
}

/// The payload of a signed manifest, or `None` if it is not signed.
pub(super) fn payload(bytes: &[u8]) -> Option<Vec<u8>> {
    let signed: Signed = serde_json::from_slice(bytes).ok()?;
    let protected = BASE64URL.decode(&signed.signatures.first()?.protected).ok()?;
    let protected: Protected = serde_json::from_slice(&protected).ok()?;
    let mut payload = bytes.get(..protected.format_length)?.to_vec();
    payload.extend(BASE64URL.decode(&protected.format_tail).ok()?);
    Some(payload)
}

/// The digest of the payload of a signed manifest.
pub(super) fn digest(algorithm: Algorithm, bytes: &[u8]) -> Option<Digest> {
    payload(bytes).map(|payload| Digest::of(algorithm, &payload))
}
