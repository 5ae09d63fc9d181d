//! Upload sessions: what was taken so far, and the state that an upload's address carries.

use base64::{Engine as _, engine::general_purpose::URL_SAFE};
use bytes::Bytes;
use serde_json::{Value, json};

use crate::{
    content::Content,
    digest::{Hasher, hex, sha256},
    store::Keep,
};

/// An open upload.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) repository: String,
    keep: Keep,
    pieces: Vec<Bytes>,
    size: u64,
    hasher: Hasher,
    /// The sizes of the requests that brought bytes.
    pub(crate) chunks: Vec<u64>,
}

impl Session {
    pub(crate) fn new(repository: &str, keep: Keep) -> Self {
        Self {
            repository: repository.to_owned(),
            keep,
            pieces: Vec::new(),
            size: 0,
            hasher: Hasher::default(),
            chunks: Vec::new(),
        }
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    pub(crate) fn push(&mut self, bytes: &Bytes) {
        self.hasher.update(bytes);
        self.size += bytes.len() as u64;
        if self.keep == Keep::All {
            // a copy: the piece may be a slice of a read buffer that is much larger
            self.pieces.push(Bytes::copy_from_slice(bytes));
        }
    }

    /// Drops what lies behind `size`. Kept bytes only.
    pub(crate) fn truncate(&mut self, size: u64) {
        if size >= self.size {
            return;
        }
        let kept = self.bytes().slice(..size as usize);
        *self = Self {
            chunks: std::mem::take(&mut self.chunks),
            ..Self::new(&std::mem::take(&mut self.repository), self.keep)
        };
        self.push(&kept);
    }

    /// The digest of what was taken, by the algorithm of `like`.
    pub(crate) fn digest(&self, like: &str) -> Option<String> {
        match self.keep {
            Keep::All if like.starts_with("sha512:") => Some(crate::digest::sha512(self.bytes())),
            _ => self.hasher.digest(like),
        }
    }

    pub(crate) fn content(&self) -> Content {
        match self.keep {
            Keep::All => Content::Bytes(self.bytes()),
            Keep::Digests => Content::Discarded(self.size),
        }
    }

    fn bytes(&self) -> Bytes {
        match self.pieces.as_slice() {
            [] => Bytes::new(),
            [one] => one.clone(),
            pieces => pieces.concat().into(),
        }
    }
}

/// The `_state` of an upload's address: signed, so that only what was given out comes back.
pub(crate) fn state(secret: &str, id: &str, offset: u64) -> String {
    let payload = json!({ "UUID": id, "Offset": offset }).to_string();
    let signature = &sha256(format!("{secret}{payload}"))["sha256:".len()..];
    URL_SAFE.encode(format!("{signature}{payload}"))
}

/// The offset in a state that was given out for this upload.
pub(crate) fn offset(secret: &str, id: &str, given: &str) -> Option<u64> {
    let decoded = URL_SAFE.decode(given).ok()?;
    let payload: Value = serde_json::from_slice(decoded.get(64..)?).ok()?;
    let offset = payload.get("Offset")?.as_u64()?;
    (state(secret, id, offset) == given).then_some(offset)
}

/// An id in the form of a UUID.
pub(crate) fn id(secret: &str, number: u64) -> String {
    let hash = sha256(format!("{secret}{number}"));
    let hash = &hash["sha256:".len()..];
    let part = |from: usize, to: usize| &hash[from..to];
    format!("{}-{}-4{}-a{}-{}", part(0, 8), part(8, 12), part(12, 15), part(15, 18), part(18, 30))
}

/// A secret that differs from process to process and server to server.
pub(crate) fn secret() -> String {
    use std::hash::{BuildHasher as _, RandomState};
    let mut bytes = Vec::new();
    for round in 0..4_u64 {
        bytes.extend(RandomState::new().hash_one(round).to_le_bytes());
    }
    hex(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_states_that_were_given_out_are_good() {
        let given = state("secret", "id", 42);
        assert_eq!(offset("secret", "id", &given), Some(42));
        assert_eq!(offset("secret", "other", &given), None);
        assert_eq!(offset("other", "id", &given), None);
        assert_eq!(offset("secret", "id", "rubbish"), None);
    }

    #[test]
    fn a_session_hashes_what_is_left_of_it() {
        for keep in [Keep::All, Keep::Digests] {
            let mut session = Session::new("a", keep);
            session.push(&Bytes::from_static(b"a"));
            session.push(&Bytes::from_static(b"bc"));
            assert_eq!(session.digest("sha256:"), Some(sha256(b"abc")));
            let sha512 = (keep == Keep::All).then(|| crate::digest::sha512(b"abc"));
            assert_eq!(session.digest("sha512:"), sha512);
            assert_eq!(session.content().len(), 3);
        }
        let mut session = Session::new("a", Keep::All);
        session.push(&Bytes::from_static(b"abcdef"));
        session.truncate(3);
        assert_eq!(session.digest("sha256:"), Some(sha256(b"abc")));
        assert_eq!(session.content().bytes(), Some(Bytes::from_static(b"abc")));
    }
}
