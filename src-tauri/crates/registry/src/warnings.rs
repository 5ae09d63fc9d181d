//! `Warning` headers: what a registry has to say to its users.

use std::sync::Mutex;

use http::{HeaderMap, header::WARNING};

use crate::{Registry, Sentence, host::lock, redact, sentence};

/// How many are kept: a registry that has more to say is not listened to.
const MOST: usize = 100;

/// Every warning so far.
#[derive(Debug, Default)]
pub(crate) struct Warnings(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    texts: Vec<Sentence>,
    /// How many of them have been taken.
    taken: usize,
}

impl Warnings {
    /// Keeps the warnings of an answer, each text once.
    pub(crate) fn note(&self, registry: &Registry, headers: &HeaderMap) {
        for value in headers.get_all(WARNING) {
            let value = String::from_utf8_lossy(value.as_bytes());
            let text = redact::text(text(&value), &[]);
            let text =
                sentence!("registry_says", "{registry}: {text}", registry = registry, text = text);
            let mut seen = lock(&self.0);
            if seen.texts.len() < MOST && !seen.texts.contains(&text) {
                tracing::warn!("{text}");
                seen.texts.push(text);
            }
        }
    }

    /// Those that have not been taken yet.
    pub(crate) fn take(&self) -> Vec<Sentence> {
        let mut seen = lock(&self.0);
        let taken = std::mem::replace(&mut seen.taken, usize::MAX).min(seen.texts.len());
        seen.taken = seen.texts.len();
        seen.texts[taken..].to_vec()
    }
}

/// The text of `299 - "text" "date"`, or the whole if it is not of that form.
fn text(value: &str) -> &str {
    value.split_once('"').map_or(value, |(_, rest)| rest.split('"').next().unwrap_or(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_text_once() {
        let warnings = Warnings::default();
        let registry = "r.example".parse().unwrap();
        let mut headers = HeaderMap::new();
        headers.append(WARNING, "299 - \"this tag goes away\"".parse().unwrap());
        headers.append(WARNING, "plain".parse().unwrap());
        warnings.note(&registry, &headers);
        warnings.note(&registry, &headers);
        assert_eq!(warnings.take(), ["r.example: this tag goes away", "r.example: plain"]);
        headers.append(WARNING, "299 - \"another\"".parse().unwrap());
        warnings.note(&registry, &headers);
        assert_eq!(warnings.take(), ["r.example: another"]);
        assert!(warnings.take().is_empty());
    }
}
