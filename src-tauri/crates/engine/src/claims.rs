//! Who writes to which tag. Two images with different digests for one tag are a conflict, and none of them is written;
//! so whoever shares a tag with another source waits until the digests of all are known. Everyone else goes on.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use registry::{Digest, Tag};
use tokio::sync::Notify;

use crate::row::{Row, lock};

/// A tag at a destination: the repository's number, and the tag.
pub(crate) type TagKey = (usize, Tag);

/// Who writes to which tag.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    tags: Mutex<HashMap<TagKey, Writers>>,
    changed: Notify,
}

type Writers = Vec<Writer>;

#[derive(Debug)]
struct Writer {
    row: Arc<Row>,
    /// The image that it is of, by number.
    unit: usize,
    digest: Known,
}

#[derive(Debug, PartialEq, Eq)]
enum Known {
    NotYet,
    Digest(Digest),
    /// It writes nothing.
    Nothing,
}

/// What is known of a tag's writers.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Not all digests are known.
    Wait,
    /// All are the same.
    Clear,
    /// They differ; the sources of all, in the rules' order.
    Conflict(Vec<String>),
}

fn is(writer: &Writer, row: &Row) -> bool {
    std::ptr::eq(Arc::as_ptr(&writer.row), row)
}

impl Claims {
    /// A row of image `unit` will write to a tag. All rows are entered before the first of them is settled.
    pub(crate) fn enter(&self, key: TagKey, unit: usize, row: Arc<Row>) {
        let writer = Writer { row, unit, digest: Known::NotYet };
        lock(&self.tags).entry(key).or_default().push(writer);
    }

    /// The other images that write to a tag.
    pub(crate) fn rivals(&self, key: &TagKey, unit: usize) -> Vec<usize> {
        let tags = lock(&self.tags);
        let writers = tags.get(key).into_iter().flatten();
        writers.map(|writer| writer.unit).filter(|other| *other != unit).collect()
    }

    /// What the row will write to its tag; `None` is nothing, and stays so.
    pub(crate) fn settle(&self, key: &TagKey, row: &Row, digest: Option<&Digest>) {
        let mut tags = lock(&self.tags);
        let Some(writers) = tags.get_mut(key) else { return };
        let own = writers.iter_mut().find(|writer| is(writer, row));
        if let Some(own) = own
            && own.digest == Known::NotYet
        {
            own.digest = digest.map_or(Known::Nothing, |digest| Known::Digest(digest.clone()));
        }
        let alone = writers.len() == 1;
        drop(tags);
        if !alone {
            self.changed.notify_waiters();
        }
    }

    pub(crate) fn verdict(&self, key: &TagKey, row: &Row) -> Verdict {
        let tags = lock(&self.tags);
        let Some(writers) = tags.get(key) else { return Verdict::Clear };
        if writers.iter().any(|writer| writer.digest == Known::NotYet) {
            return Verdict::Wait;
        }
        let own = writers.iter().find(|writer| is(writer, row));
        let Some(own) = own else { return Verdict::Clear };
        let writing = || writers.iter().filter(|writer| writer.digest != Known::Nothing);
        if own.digest == Known::Nothing || writing().all(|writer| writer.digest == own.digest) {
            return Verdict::Clear;
        }
        let mut rows: Vec<&Row> = writing().map(|writer| writer.row.as_ref()).collect();
        rows.sort_by_key(|row| row.order());
        Verdict::Conflict(rows.into_iter().map(|row| row.source().to_owned()).collect())
    }

    /// Waits until the verdict is known.
    pub(crate) async fn wait(&self, key: &TagKey, row: &Row) -> Verdict {
        loop {
            let changed = self.changed.notified();
            match self.verdict(key, row) {
                Verdict::Wait => changed.await,
                verdict => return verdict,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: u32, source: &str) -> Arc<Row> {
        let order = crate::row::Order::new(0, 0, 0, id as usize);
        Arc::new(Row::new(id, order, source.into(), "d/x:1".into(), Arc::default()))
    }

    fn key() -> TagKey {
        (0, "1".parse().unwrap())
    }

    #[test]
    fn one_writer_is_clear_once_it_is_known() {
        let claims = Claims::default();
        let one = row(0, "s/a:1");
        claims.enter(key(), 0, one.clone());
        assert_eq!(claims.verdict(&key(), &one), Verdict::Wait);
        claims.settle(&key(), &one, Some(&Digest::sha256(b"1")));
        assert_eq!(claims.verdict(&key(), &one), Verdict::Clear);
        assert!(claims.rivals(&key(), 0).is_empty());
    }

    #[test]
    fn different_digests_conflict_for_all() {
        let claims = Claims::default();
        let (one, two) = (row(0, "s/a:1"), row(1, "s/b:1"));
        claims.enter(key(), 0, one.clone());
        claims.enter(key(), 1, two.clone());
        claims.settle(&key(), &one, Some(&Digest::sha256(b"1")));
        assert_eq!(claims.verdict(&key(), &one), Verdict::Wait);
        claims.settle(&key(), &two, Some(&Digest::sha256(b"2")));
        // in the same words for both: it is told once
        let conflict = Verdict::Conflict(vec!["s/a:1".into(), "s/b:1".into()]);
        assert_eq!(claims.verdict(&key(), &one), conflict);
        assert_eq!(claims.verdict(&key(), &two), conflict);
        assert_eq!(claims.rivals(&key(), 0), [1]);
    }

    #[test]
    fn same_digests_and_those_that_write_nothing_do_not() {
        let claims = Claims::default();
        let (one, two, three) = (row(0, "s/a:1"), row(1, "s/b:1"), row(2, "s/c:1"));
        for (unit, row) in [&one, &two, &three].into_iter().enumerate() {
            claims.enter(key(), unit, row.clone());
        }
        claims.settle(&key(), &one, Some(&Digest::sha256(b"1")));
        claims.settle(&key(), &two, None);
        claims.settle(&key(), &three, Some(&Digest::sha256(b"1")));
        for row in [&one, &two, &three] {
            assert_eq!(claims.verdict(&key(), row), Verdict::Clear);
        }
    }

    #[tokio::test]
    async fn who_waits_is_told() {
        let claims = Arc::new(Claims::default());
        let (one, two) = (row(0, "s/a:1"), row(1, "s/b:1"));
        claims.enter(key(), 0, one.clone());
        claims.enter(key(), 1, two.clone());
        claims.settle(&key(), &one, Some(&Digest::sha256(b"1")));
        let waiting = tokio::spawn({
            let (claims, one) = (claims.clone(), one.clone());
            async move { claims.wait(&key(), &one).await }
        });
        tokio::task::yield_now().await;
        claims.settle(&key(), &two, None);
        assert_eq!(waiting.await.unwrap(), Verdict::Clear);
    }
}
