//! Tags as versions: `v1.27.3`, `1.27-alpine`, `3.13.0rc1`.

use std::cmp::Ordering;

/// A tag that begins with numbers between dots. Of equal numbers, one without a suffix is newer than one with; numbers in
/// suffixes count as such.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Version<'t> {
    /// Without zeros at the end: `1.0` is `1`.
    numbers: Vec<u64>,
    suffix: &'t str,
    written: &'t str,
}

impl<'t> Version<'t> {
    /// Reads a tag; `None` when it is no version.
    pub(super) fn read(tag: &'t str) -> Option<Self> {
        let mut rest = tag.strip_prefix(['v', 'V']).unwrap_or(tag);
        let mut numbers: Vec<u64> = Vec::new();
        loop {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            numbers.push(rest[..digits].parse().ok()?);
            rest = &rest[digits..];
            match rest.strip_prefix('.') {
                Some(more) if more.starts_with(|c: char| c.is_ascii_digit()) => rest = more,
                _ => break,
            }
        }
        // `1a2b3c` is a commit, and `1.2rc1` a version
        let is_suffix = rest.is_empty() || rest.starts_with(['-', '_']) || numbers.len() > 1;
        if !is_suffix {
            return None;
        }
        while numbers.len() > 1 && numbers.last() == Some(&0) {
            numbers.pop();
        }
        Some(Self { numbers, suffix: rest, written: tag })
    }

    /// Whether anything follows the numbers.
    pub(super) fn has_suffix(&self) -> bool {
        !self.suffix.is_empty()
    }

    /// The tag.
    pub(super) fn written(&self) -> &'t str {
        self.written
    }

    /// Its first three numbers.
    pub(super) fn semver(&self) -> semver::Version {
        let number = |at: usize| self.numbers.get(at).copied().unwrap_or(0);
        semver::Version::new(number(0), number(1), number(2))
    }
}

impl Ord for Version<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.numbers.cmp(&other.numbers))
            .then_with(|| other.has_suffix().cmp(&self.has_suffix()))
            .then_with(|| natural(self.suffix, other.suffix))
            // 1.27.0 before 1.27
            .then_with(|| self.written.len().cmp(&other.written.len()))
            .then_with(|| self.written.cmp(other.written))
    }
}

impl PartialOrd for Version<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Compares texts, runs of digits by their value: `rc2` comes before `rc10`.
fn natural(mut a: &str, mut b: &str) -> Ordering {
    loop {
        let (x, y) = (run(a), run(b));
        if x.is_empty() || y.is_empty() {
            return x.len().cmp(&y.len());
        }
        let ordering = match (x.parse::<u64>(), y.parse::<u64>()) {
            (Ok(x), Ok(y)) => x.cmp(&y),
            _ => x.cmp(y),
        };
        if ordering != Ordering::Equal {
            return ordering;
        }
        (a, b) = (&a[x.len()..], &b[y.len()..]);
    }
}

/// The digits, or what is none, that a text begins with.
fn run(text: &str) -> &str {
    let is_digit = text.starts_with(|c: char| c.is_ascii_digit());
    let end = text.find(|c: char| c.is_ascii_digit() != is_digit).unwrap_or(text.len());
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn from_old_to_new() {
        let order = [
            "0.9",
            "v1.0.0-rc2",
            "1.0.0-rc10",
            "1.0.0",
            "1.2-alpine",
            "1.2",
            "v1.2.0",
            "1.2.1",
            "1.10rc1",
            "1.10",
            "2",
            "10.0.17763.1817",
            "20240115",
        ];
        for pair in order.windows(2) {
            let [old, new] = [0, 1].map(|at| Version::read(pair[at]).unwrap());
            assert!(old < new, "{} < {}", pair[0], pair[1]);
        }
    }

    #[test]
    fn what_is_a_version() {
        for (tag, numbers) in [
            ("1", "1.0.0"),
            ("v1.2", "1.2.0"),
            ("1.2.3.4", "1.2.3"),
            ("1.27.1-alpine", "1.27.1"),
            ("1.2.x", "1.2.0"),
            ("2024-01-15", "2024.0.0"),
        ] {
            let version = Version::read(tag).map(|version| version.semver().to_string());
            assert_eq!(version.as_deref(), Some(numbers), "{tag}");
        }
        for tag in ["latest", "", "v", "1a2b3c", "-1", "vx1", "99999999999999999999"] {
            assert_eq!(Version::read(tag), None, "{tag}");
        }
    }
}
