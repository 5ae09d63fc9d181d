//! States of a hash at some offsets of a blob, so that a hash can go on from there when bytes must be read again.

use registry::{Algorithm, Hasher};

/// How far apart the first marks are.
const STRIDE: u64 = 4 << 20;
/// The most marks that are kept; beyond, every second is dropped and the stride doubled.
const MOST: usize = 256;

/// States of a hash, by offset.
#[derive(Clone, Debug)]
pub(crate) struct Marks {
    algorithm: Algorithm,
    stride: u64,
    states: Vec<(u64, Hasher)>,
}

impl Marks {
    pub(crate) fn new(algorithm: Algorithm) -> Self {
        Self { algorithm, stride: STRIDE, states: Vec::new() }
    }

    /// Keeps the state at `offset` if the last one kept is far enough behind.
    pub(crate) fn note(&mut self, offset: u64, hasher: &Hasher) {
        let last = self.states.last().map_or(0, |(at, _)| *at);
        if offset < last + self.stride {
            return;
        }
        self.states.push((offset, hasher.clone()));
        if self.states.len() > MOST {
            self.stride *= 2;
            let mut odd = false;
            self.states.retain(|_| {
                odd = !odd;
                !odd
            });
        }
    }

    /// The last state at or before `offset`; the beginning if there is none.
    pub(crate) fn before(&self, offset: u64) -> (u64, Hasher) {
        let at = self.states.partition_point(|(at, _)| *at <= offset);
        match at.checked_sub(1).map(|last| &self.states[last]) {
            Some((at, hasher)) => (*at, hasher.clone()),
            None => (0, Hasher::new(self.algorithm)),
        }
    }

    /// Forgets the states beyond `offset`: the bytes there will be others, perhaps.
    pub(crate) fn cut(&mut self, offset: u64) {
        self.states.retain(|(at, _)| *at <= offset);
    }

    /// Only the states up to `offset`.
    pub(crate) fn up_to(&self, offset: u64) -> Self {
        let mut marks = self.clone();
        marks.cut(offset);
        marks
    }
}

#[cfg(test)]
mod tests {
    use registry::Digest;

    use super::*;

    const MIB: usize = 1 << 20;

    fn marked(chunks: usize) -> (Marks, Vec<u8>) {
        let bytes: Vec<u8> = (0..chunks * MIB).map(|i| (i * 31 % 251) as u8).collect();
        let mut marks = Marks::new(Algorithm::Sha256);
        let mut hasher = Hasher::new(Algorithm::Sha256);
        for (i, chunk) in bytes.chunks(MIB).enumerate() {
            hasher.update(chunk);
            marks.note(((i + 1) * MIB) as u64, &hasher);
        }
        (marks, bytes)
    }

    #[test]
    fn a_hash_goes_on_from_a_mark() {
        let (marks, bytes) = marked(11);
        let (at, mut hasher) = marks.before(10 * MIB as u64);
        assert_eq!(at, 8 * MIB as u64);
        hasher.update(&bytes[at as usize..]);
        assert_eq!(hasher.finish(), Digest::sha256(&bytes));
    }

    #[test]
    fn without_a_mark_it_begins_anew() {
        let (mut marks, bytes) = marked(11);
        assert_eq!(marks.before(MIB as u64).0, 0);
        marks.cut(7 * MIB as u64);
        assert_eq!(marks.before(u64::MAX).0, 4 * MIB as u64);
        assert_eq!(marks.up_to(3).before(u64::MAX).0, 0);
        let (_, mut hasher) = marks.before(3);
        hasher.update(&bytes);
        assert_eq!(hasher.finish(), Digest::sha256(&bytes));
    }

    #[test]
    fn their_number_is_bounded() {
        let mut marks = Marks::new(Algorithm::Sha256);
        let hasher = Hasher::new(Algorithm::Sha256);
        for i in 1..=4096u64 {
            marks.note(i * STRIDE, &hasher);
        }
        assert!(marks.states.len() <= MOST, "{}", marks.states.len());
        let (at, _) = marks.before(4096 * STRIDE);
        assert!(4096 * STRIDE - at <= marks.stride);
        assert!(marks.states.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}
