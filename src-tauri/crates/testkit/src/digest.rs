//! Digests, computed here and not by the code under test.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256, Sha512};

/// `sha256:<hex>` of some bytes.
pub fn sha256(bytes: impl AsRef<[u8]>) -> String {
    text("sha256", &Sha256::digest(bytes.as_ref()))
}

/// `sha512:<hex>` of some bytes.
pub fn sha512(bytes: impl AsRef<[u8]>) -> String {
    text("sha512", &Sha512::digest(bytes.as_ref()))
}

/// Whether `text` is a digest of an algorithm that we know, well formed.
pub fn is_digest(text: &str) -> bool {
    let Some((algorithm, hex)) = text.split_once(':') else { return false };
    let length = match algorithm {
        "sha256" => 64,
        "sha512" => 128,
        _ => return false,
    };
    hex.len() == length && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// The digest of `bytes` by the algorithm of `like` (SHA-256 unless it says otherwise).
pub(crate) fn same_algorithm(like: &str, bytes: &[u8]) -> String {
    if like.starts_with("sha512:") { sha512(bytes) } else { sha256(bytes) }
}

/// Hashes a stream by both algorithms. SHA-512 is left out where nobody can ask for it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hasher {
    sha256: Sha256,
    sha512: Option<Sha512>,
}

impl Hasher {
    pub(crate) fn with_sha512() -> Self {
        Self { sha256: Sha256::new(), sha512: Some(Sha512::new()) }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        if let Some(sha512) = &mut self.sha512 {
            sha512.update(bytes);
        }
    }

    /// The digest by the algorithm of `like`, or `None` where that was not computed.
    pub(crate) fn digest(&self, like: &str) -> Option<String> {
        if like.starts_with("sha512:") {
            return self.sha512.clone().map(|hash| text("sha512", &hash.finalize()));
        }
        Some(text("sha256", &self.sha256.clone().finalize()))
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

fn text(algorithm: &str, hash: &[u8]) -> String {
    format!("{algorithm}:{}", hex(hash))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_digests() {
        assert_eq!(
            sha256(b"abc"),
            "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert!(sha512(b"abc").starts_with("sha512:ddaf35a193617abacc417349ae204131"));
        assert!(is_digest(&sha512(b"")));
        assert!(!is_digest("sha256:00"));
        assert!(!is_digest(&sha256(b"").to_uppercase()));
    }

    #[test]
    fn a_stream_hashes_as_its_whole() {
        let mut hasher = Hasher::with_sha512();
        hasher.update(b"a");
        hasher.update(b"bc");
        assert_eq!(hasher.digest("sha256:"), Some(sha256(b"abc")));
        assert_eq!(hasher.digest("sha512:"), Some(sha512(b"abc")));
        assert_eq!(Hasher::default().digest("sha512:"), None);
    }
}
