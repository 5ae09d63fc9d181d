//! What a blob holds: bytes, or a rule that makes them, so that a layer of gigabytes costs no memory.

use std::{fmt, sync::Arc};

use bytes::Bytes;

use crate::digest::Hasher;

/// The most bytes that are handed out at once.
pub(crate) const PIECE: usize = 64 * 1024;

/// The bytes of a blob.
#[derive(Clone)]
pub enum Content {
    /// Held in memory.
    Bytes(Bytes),
    /// Made on demand.
    Generated(Generated),
    /// Taken, hashed and thrown away: only the number of bytes is known.
    Discarded(u64),
}

/// Pseudo-random bytes, the same for the same seed, from any offset on.
#[derive(Clone)]
pub struct Generated {
    seed: u64,
    size: u64,
    block: Arc<[u8]>,
}

impl Content {
    /// Pseudo-random bytes that are made when they are read.
    pub fn generated(seed: u64, size: u64) -> Self {
        let mut state = seed;
        let block: Vec<u8> =
            (0..PIECE / 8).flat_map(|_| splitmix(&mut state).to_le_bytes()).collect();
        Self::Generated(Generated { seed, size, block: block.into() })
    }

    /// Pseudo-random bytes, held in memory.
    pub fn random(seed: u64, size: usize) -> Self {
        let generated = Self::generated(seed, size as u64);
        let mut bytes = Vec::with_capacity(size);
        while bytes.len() < size {
            bytes.extend_from_slice(&generated.read(bytes.len() as u64));
        }
        Self::Bytes(bytes.into())
    }

    /// How many bytes there are.
    pub fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Generated(generated) => generated.size,
            Self::Discarded(size) => *size,
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Some bytes from `offset` on; none at the end, and none of discarded content.
    pub fn read(&self, offset: u64) -> Bytes {
        match self {
            Self::Bytes(bytes) => {
                let start = bytes.len().min(offset as usize);
                bytes.slice(start..bytes.len().min(start + PIECE))
            }
            Self::Generated(generated) => generated.read(offset),
            Self::Discarded(_) => Bytes::new(),
        }
    }

    /// All bytes at once; `None` where they are not in memory.
    pub fn bytes(&self) -> Option<Bytes> {
        match self {
            Self::Bytes(bytes) => Some(bytes.clone()),
            Self::Generated(_) | Self::Discarded(_) => None,
        }
    }

    pub(crate) fn digest(&self, like: &str) -> String {
        let mut hasher =
            if like.starts_with("sha512:") { Hasher::with_sha512() } else { Hasher::default() };
        let mut offset = 0;
        while offset < self.len() {
            let piece = self.read(offset);
            if piece.is_empty() {
                break;
            }
            hasher.update(&piece);
            offset += piece.len() as u64;
        }
        hasher.digest(like).unwrap_or_default()
    }
}

impl Generated {
    // every block is the same but for its first word: fast, and still no two blocks are equal
    fn read(&self, offset: u64) -> Bytes {
        if offset >= self.size {
            return Bytes::new();
        }
        let (number, start) = (offset / PIECE as u64, (offset % PIECE as u64) as usize);
        let end = PIECE.min(start + (self.size - offset).min(PIECE as u64) as usize);
        let mut block = self.block.to_vec();
        let word =
            splitmix(&mut (self.seed ^ number.wrapping_mul(0xA24B_AED4_963E_E407))).to_le_bytes();
        block[..8].copy_from_slice(&word);
        Bytes::from(block).slice(start..end)
    }
}

fn splitmix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self {
            Self::Bytes(_) => "Bytes",
            Self::Generated(_) => "Generated",
            Self::Discarded(_) => "Discarded",
        };
        write!(f, "{kind}({} bytes)", self.len())
    }
}

impl<T: Into<Bytes>> From<T> for Content {
    fn from(bytes: T) -> Self {
        Self::Bytes(bytes.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_bytes_are_the_same_from_any_offset() {
        let size = 3 * PIECE + 17;
        let whole = Content::random(7, size).bytes().unwrap();
        assert_eq!(whole.len(), size);
        let generated = Content::generated(7, size as u64);
        for offset in [0, 1, 7, 9, PIECE - 1, PIECE, PIECE + 3, 3 * PIECE, size - 1] {
            let piece = generated.read(offset as u64);
            assert!(!piece.is_empty());
            assert_eq!(piece, whole.slice(offset..offset + piece.len()), "at {offset}");
        }
        assert!(generated.read(size as u64).is_empty());
        assert_eq!(generated.digest("sha256:"), crate::digest::sha256(&whole));
    }

    #[test]
    fn seeds_differ() {
        assert_ne!(Content::random(1, 100).bytes(), Content::random(2, 100).bytes());
    }
}
