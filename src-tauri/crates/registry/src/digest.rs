//! Content digests, as the OCI image spec's `descriptor.md` defines them.

use std::{fmt, str::FromStr};

use sha2::Digest as _;

use crate::{Sentence, sentence};

/// A digest algorithm that we can compute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// SHA-256, the one in general use.
    Sha256,
    /// SHA-512, registered and rare.
    Sha512,
}

impl Algorithm {
    /// The name before the colon.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    const fn hex_len(self) -> usize {
        match self {
            Self::Sha256 => 64,
            Self::Sha512 => 128,
        }
    }
}

/// A digest such as `sha256:9f86d0…`: an algorithm that we can compute, and lower-case hex of its length.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest {
    algorithm: Algorithm,
    text: Box<str>,
}

/// A text that is no digest that we can verify.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not a digest: {why}")]
pub struct InvalidDigest {
    text: String,
    why: Sentence,
}

impl InvalidDigest {
    /// What is wrong with it.
    pub fn why(&self) -> &Sentence {
        &self.why
    }
}

impl Digest {
    /// The digest of `bytes`.
    pub fn of(algorithm: Algorithm, bytes: &[u8]) -> Self {
        let mut hasher = Hasher::new(algorithm);
        hasher.update(bytes);
        hasher.finish()
    }

    /// The SHA-256 digest of `bytes`.
    pub fn sha256(bytes: &[u8]) -> Self {
        Self::of(Algorithm::Sha256, bytes)
    }

    /// The algorithm.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The whole, `sha256:…`.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What stands after the colon.
    pub fn hex(&self) -> &str {
        &self.text[self.algorithm.as_str().len() + 1..]
    }
}

impl FromStr for Digest {
    type Err = InvalidDigest;

    fn from_str(text: &str) -> Result<Self, InvalidDigest> {
        let invalid = |why| InvalidDigest { text: text.chars().take(160).collect(), why };
        let (name, hex) = text.split_once(':').ok_or_else(|| {
            invalid(sentence!("digest_no_algorithm", "it has no algorithm before a colon"))
        })?;
        let algorithm = match name {
            "sha256" => Algorithm::Sha256,
            "sha512" => Algorithm::Sha512,
            _ => {
                let why = sentence!("digest_algorithm", "only sha256 and sha512 are known");
                return Err(invalid(why));
            }
        };
        if hex.len() != algorithm.hex_len() {
            return Err(invalid(sentence!("digest_length", "its length is wrong")));
        }
        if !hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(invalid(sentence!("digest_hex", "it must be lower-case hexadecimal")));
        }
        Ok(Self { algorithm, text: text.into() })
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl serde::Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> serde::Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Computes a digest from bytes that come in pieces. Cloning keeps the state, so that a hash can go on from there.
#[derive(Clone)]
pub enum Hasher {
    /// SHA-256.
    Sha256(sha2::Sha256),
    /// SHA-512.
    Sha512(Box<sha2::Sha512>),
}

impl Hasher {
    /// Starts a digest.
    pub fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Sha256 => Self::Sha256(sha2::Sha256::new()),
            Algorithm::Sha512 => Self::Sha512(Box::default()),
        }
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hasher) => hasher.update(bytes),
            Self::Sha512(hasher) => hasher.update(bytes),
        }
    }

    /// The digest of all bytes taken.
    pub fn finish(self) -> Digest {
        let (algorithm, bytes) = match self {
            Self::Sha256(hasher) => (Algorithm::Sha256, hasher.finalize().to_vec()),
            Self::Sha512(hasher) => (Algorithm::Sha512, hasher.finalize().to_vec()),
        };
        let mut text = String::with_capacity(algorithm.as_str().len() + 1 + bytes.len() * 2);
        text.push_str(algorithm.as_str());
        text.push(':');
        for byte in bytes {
            for nibble in [byte >> 4, byte & 0xf] {
                text.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
            }
        }
        Digest { algorithm, text: text.into() }
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hasher(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY_256: &str =
        "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn digests_of_known_bytes() {
        assert_eq!(Digest::sha256(b"").as_str(), EMPTY_256);
        let sha512 = Digest::of(Algorithm::Sha512, b"abc");
        assert!(sha512.hex().starts_with("ddaf35a193617abacc417349ae204131"));
        assert_eq!((sha512.hex().len(), sha512.algorithm()), (128, Algorithm::Sha512));
    }

    #[test]
    fn hashing_in_pieces_and_from_a_clone() {
        let mut hasher = Hasher::new(Algorithm::Sha256);
        hasher.update(b"half ");
        let kept = hasher.clone();
        hasher.update(b"one");
        assert_eq!(hasher.finish(), Digest::sha256(b"half one"));
        let mut resumed = kept;
        resumed.update(b"two");
        assert_eq!(resumed.finish(), Digest::sha256(b"half two"));
    }

    #[test]
    fn texts_that_are_no_digests() {
        for (text, why) in [
            ("", "no algorithm"),
            (&EMPTY_256[7..], "no algorithm"),
            ("sha256:", "length"),
            (&EMPTY_256[..70], "length"),
            ("md5:d41d8cd98f00b204e9800998ecf8427e", "only sha256 and sha512"),
            (
                "SHA256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                "only sha256",
            ),
            (
                "sha256:E3B0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                "lower-case",
            ),
            (
                "sha256:é3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85",
                "lower-case",
            ),
        ] {
            let error = text.parse::<Digest>().expect_err(text);
            assert!(error.to_string().contains(why), "{text}: {error}");
        }
        assert_eq!(EMPTY_256.parse::<Digest>().unwrap().as_str(), EMPTY_256);
    }
}
