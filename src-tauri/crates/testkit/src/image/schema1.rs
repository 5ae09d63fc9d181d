//! Schema 1: the manifest that carries its own signature (JWS in libtrust's "pretty" form). Its digest is that of
//! the payload, which is the manifest without the signatures.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use rcgen::{KeyPair, PublicKeyData as _, SigningKey as _};
use serde_json::{Value, json};

use crate::digest::sha256;

/// A signed manifest that names these layers, oldest first. The signature differs on every call, the payload not.
pub(crate) fn signed(name: &str, tag: &str, layers: &[&str]) -> Bytes {
    let payload = payload_of(name, tag, layers);
    let tail = "\n}";
    let length = payload.len() - tail.len();
    let protected = json!({
        "formatLength": length,
        "formatTail": URL_SAFE_NO_PAD.encode(tail),
        "time": "2016-01-01T00:00:00Z",
    });
    let protected = URL_SAFE_NO_PAD.encode(protected.to_string());
    let input = format!("{protected}.{}", URL_SAFE_NO_PAD.encode(&payload));
    // generating and using a P-256 key fails only when the system has no randomness
    let key = KeyPair::generate().expect("a key pair");
    let signature = key.sign(input.as_bytes()).expect("a signature");
    let point = key.der_bytes();
    let signatures = json!([{
        "header": {
            "jwk": {
                "crv": "P-256",
                "kid": key_id(&key.subject_public_key_info()),
                "kty": "EC",
                "x": URL_SAFE_NO_PAD.encode(&point[1..33]),
                "y": URL_SAFE_NO_PAD.encode(&point[33..65]),
            },
            "alg": "ES256",
        },
        "signature": URL_SAFE_NO_PAD.encode(fixed(&signature)),
        "protected": protected,
    }]);
    format!("{},\n   \"signatures\": {signatures}{tail}", &payload[..length]).into()
}

/// The payload of a signed manifest.
pub(crate) fn payload(bytes: &[u8]) -> Option<Vec<u8>> {
    let value: Value = serde_json::from_slice(bytes).ok()?;
    let protected = value.get("signatures")?.get(0)?.get("protected")?.as_str()?;
    let protected: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(protected).ok()?).ok()?;
    let length = usize::try_from(protected.get("formatLength")?.as_u64()?).ok()?;
    let tail = URL_SAFE_NO_PAD.decode(protected.get("formatTail")?.as_str()?).ok()?;
    Some([bytes.get(..length)?, &tail].concat())
}

// newest first, as schema 1 has it; three spaces, as Docker wrote it
fn payload_of(name: &str, tag: &str, layers: &[&str]) -> String {
    let list = |entries: Vec<String>| entries.join(",\n");
    let newest_first: Vec<_> = layers.iter().rev().collect();
    let sums = newest_first
        .iter()
        .map(|digest| format!("      {{\n         \"blobSum\": \"{digest}\"\n      }}"));
    let id = |number: usize| sha256(format!("{name}{number}"))["sha256:".len()..].to_owned();
    let history = (0..layers.len()).rev().map(|number| {
        let mut v1 = json!({ "id": id(number), "created": "2016-01-01T00:00:00Z", "os": "linux" });
        if number > 0 {
            v1["parent"] = id(number - 1).into();
        }
        let text = Value::from(v1.to_string());
        format!("      {{\n         \"v1Compatibility\": {text}\n      }}")
    });
    format!(
        "{{\n   \"schemaVersion\": 1,\n   \"name\": \"{name}\",\n   \"tag\": \"{tag}\",\n   \"architecture\": \"amd64\",\n   \
         \"fsLayers\": [\n{}\n   ],\n   \"history\": [\n{}\n   ]\n}}",
        list(sums.collect()),
        list(history.collect()),
    )
}

/// `r || s` of a signature in DER.
fn fixed(der: &[u8]) -> [u8; 64] {
    let mut out = [0; 64];
    // SEQUENCE { INTEGER r, INTEGER s }, short lengths
    let mut rest = der.get(2..).unwrap_or_default();
    for half in out.chunks_mut(32) {
        let length = rest.get(1).map_or(0, |&length| length as usize);
        let number = rest.get(2..2 + length).unwrap_or_default();
        rest = rest.get(2 + length..).unwrap_or_default();
        let number = &number[number.len().saturating_sub(32)..];
        half[32 - number.len()..].copy_from_slice(number);
    }
    out
}

/// libtrust's fingerprint: 240 bits of the key's hash in base 32, in groups of four.
fn key_id(spki: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let hash: [u8; 32] = {
        use sha2::Digest as _;
        sha2::Sha256::digest(spki).into()
    };
    let mut text = String::new();
    for (group, five) in hash[..30].chunks(5).enumerate() {
        let bits = five.iter().fold(0_u64, |bits, &byte| (bits << 8) | u64::from(byte));
        for letter in 0..8 {
            if letter % 4 == 0 && (group, letter) != (0, 0) {
                text.push(':');
            }
            text.push(char::from(ALPHABET[((bits >> (35 - 5 * letter)) & 31) as usize]));
        }
    }
    text
}
