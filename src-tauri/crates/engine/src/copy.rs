//! The copy of an image to some of its destinations: blobs first, then the manifests from the bottom up, the tag last.

use std::{
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::{FutureExt as _, StreamExt as _, future::try_join_all, stream};
use registry::{Code, Descriptor, Digest, Error, Manifest, Result, Target};
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant, timeout_at},
};
use tracing::Instrument as _;

use crate::{
    deliver::Want,
    gather::{Ticket, vanished},
    image::{Compared, Image},
    run::{Run, cancelled, panicked},
    tree::Tree,
    unit::Destination,
};

/// Blobs of one image that are on their way at once.
const BLOBS_AT_ONCE: usize = 32;
/// How long a cancelled run waits for the answer to a tag that it has begun to put.
const ANSWER: Duration = Duration::from_secs(5);
/// The pause before a manifest is put again whose blobs the registry did not see yet; doubles.
const LAG: Duration = Duration::from_millis(500);

/// One row while it is copied.
struct Copying {
    image: Arc<Image>,
    tree: Arc<Tree>,
    at: usize,
    /// A blob could not be brought: no more are begun.
    failed: AtomicBool,
}

/// How putting the tag ended, when it did not fail.
enum Tagged {
    /// It names the image now.
    Put,
    /// Another row of this run had put the same.
    Already,
    /// It is locked and names something else.
    Locked(Option<Digest>),
}

/// Copies an image and ends every one of the rows.
pub(crate) async fn copy(image: &Arc<Image>, manifest: Arc<Manifest>, rows: Vec<Compared>) {
    let source = &image.unit.source.repository;
    let tree = match Tree::read(&image.run, source, manifest).await {
        Ok(tree) => Arc::new(tree),
        Err(error) => return rows.iter().for_each(|row| image.refuse(row.at, &error)),
    };
    let mut tasks = JoinSet::new();
    let mut feeds = Vec::new();
    for row in rows {
        let copying = Arc::new(Copying {
            image: image.clone(),
            tree: tree.clone(),
            at: row.at,
            failed: AtomicBool::new(false),
        });
        copying.destination().row.copying(tree.size());
        let (tell, told) = mpsc::unbounded_channel();
        feeds.push((copying.clone(), tell));
        tasks.spawn(copying.finish(told).in_current_span());
    }
    bring(&tree.blobs, feeds).await;
    while tasks.join_next().await.is_some() {}
}

type Feed = (Arc<Copying>, mpsc::UnboundedSender<Result<()>>);

/// Brings the blobs to all rows together. A row that lags behind does not keep the others from the next blobs.
async fn bring(blobs: &[Descriptor], feeds: Vec<Feed>) {
    let feeds = &feeds;
    let one = |blob: &Descriptor| {
        let wants: Vec<_> = feeds
            .iter()
            .filter(|(copying, _)| !copying.failed.load(Ordering::Acquire))
            .map(|(copying, tell)| {
                let want = copying.want(blob);
                // all are announced before the first begins
                let ticket = want.announce(&copying.image.run);
                (copying.clone(), tell.clone(), want, ticket)
            })
            .collect();
        async move {
            let mut patience = Duration::ZERO;
            let (done, mut finished) = mpsc::channel::<()>(1);
            for (copying, tell, want, ticket) in wants {
                let done = done.clone();
                let run = copying.image.run.clone();
                patience = run.policy.patience;
                let task = async move {
                    let _ = tell.send(copying.deliver(want, ticket).await);
                    let _ = done.send(()).await;
                };
                run.spawn(task);
            }
            drop(done);
            if finished.recv().await.is_some() {
                let until = Instant::now() + patience;
                while let Ok(Some(())) = timeout_at(until, finished.recv()).await {}
            }
        }
    };
    stream::iter(blobs).for_each_concurrent(BLOBS_AT_ONCE, one).await;
}

impl Copying {
    fn destination(&self) -> &Destination {
        self.image.destination(self.at)
    }

    fn want(&self, blob: &Descriptor) -> Want {
        let destination = self.destination();
        Want {
            source: self.image.unit.source.repository.clone(),
            place: destination.place.clone(),
            blob: blob.clone(),
            row: destination.row.clone(),
        }
    }

    async fn deliver(&self, want: Want, ticket: Ticket) -> Result<()> {
        let delivered =
            AssertUnwindSafe(want.deliver(&self.image.run, ticket)).catch_unwind().await;
        let delivered = delivered.unwrap_or_else(|_| Err(vanished()));
        if delivered.is_err() {
            self.failed.store(true, Ordering::Release);
        }
        delivered
    }

    /// Waits for the blobs, puts the manifests, and ends the row.
    async fn finish(self: Arc<Self>, blobs: mpsc::UnboundedReceiver<Result<()>>) {
        if AssertUnwindSafe(self.end(blobs)).catch_unwind().await.is_err() {
            panicked(&self.destination().row);
        }
    }

    async fn end(&self, mut blobs: mpsc::UnboundedReceiver<Result<()>>) {
        let row = &self.destination().row;
        let mut there = 0;
        let mut failed = None;
        // those that are under way are waited for, so that the row's numbers are final
        while let Some(blob) = blobs.recv().await {
            match blob {
                Ok(()) => there += 1,
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        let complete = match failed {
            Some(error) => Err(error),
            None if there < self.tree.blobs.len() => Err(vanished()),
            None => Ok(()),
        };
        let tagged = match complete {
            Ok(()) => self.put_all().await,
            Err(error) => Err(error),
        };
        let digest = self.tree.root.digest();
        match tagged {
            Ok(Tagged::Put) => row.copied(digest),
            Ok(Tagged::Already) => row.skipped("same digest", Some(digest)),
            Ok(Tagged::Locked(stands)) => {
                self.image.run.board.warn(format!(
                    "{} is immutable and names another image than {}: it was left as it is",
                    row.destination(),
                    row.source()
                ));
                row.skipped("immutable tag", stands.as_ref())
            }
            Err(error) => row.failed(&error),
        };
    }

    /// Puts the manifests. Where the registry misses blobs that it had taken, they are asked for again.
    async fn put_all(&self) -> Result<Tagged> {
        let mut tries = 0;
        loop {
            let error = match self.put_once().await {
                Err(error) if is_missing(&error) && tries < self.image.run.policy.retries => error,
                ended => return ended,
            };
            tries += 1;
            tracing::warn!(%error, "the destination misses what it was given: asking again");
            self.destination().row.attempt(tries + 1);
            let pause = tokio::time::sleep(LAG * 2u32.saturating_pow(tries - 1).min(16));
            self.image.run.wait(pause).await?;
            self.repair().await?;
        }
    }

    /// Takes nothing that was said of this image's parts at its destination for granted any more.
    async fn repair(&self) -> Result<()> {
        let run = &self.image.run;
        let place = &self.destination().place;
        for manifest in self.tree.manifests() {
            let digest = manifest.digest().clone();
            run.puts.forget(&(place.index, Target::Digest(digest.clone()), digest));
        }
        self.destination().row.recount();
        for blob in &self.tree.blobs {
            run.blobs.forget(place, &blob.digest);
        }
        let again = self.tree.blobs.iter().map(|blob| {
            let want = self.want(blob);
            let ticket = want.announce(run);
            self.deliver(want, ticket)
        });
        try_join_all(again).await.map(drop)
    }

    async fn put_once(&self) -> Result<Tagged> {
        for level in &self.tree.levels {
            try_join_all(level.iter().map(|manifest| self.put_child(manifest))).await?;
        }
        self.put_root().await
    }

    async fn put_child(&self, manifest: &Manifest) -> Result<()> {
        let run = &self.image.run;
        let place = &self.destination().place;
        let digest = manifest.digest();
        let target = Target::Digest(digest.clone());
        let put = run.unless_stopped(async {
            let bytes = manifest.bytes().clone();
            let put = place.repository.put_manifest(&target, manifest.media_type(), bytes, digest);
            put.await.map(drop)
        });
        run.puts.run((place.index, target.clone(), digest.clone()), put).await.map(drop)
    }

    async fn put_root(&self) -> Result<Tagged> {
        let run = &self.image.run;
        let destination = self.destination();
        let place = &destination.place;
        let root = &self.tree.root;
        let target = destination.target(root.digest());
        let mut stands = None;
        let put = async {
            if run.stop.is_cancelled() {
                return Err(cancelled());
            }
            let bytes = root.bytes().clone();
            let digest = root.digest();
            let put = place.repository.put_manifest(&target, root.media_type(), bytes, digest);
            match answered(run, put).await {
                Ok(_) => Ok(()),
                Err(error) if error.code() == Code::TagImmutable => {
                    let head = place.repository.head_manifest(&target);
                    let head = run.unless_stopped(head).await?.map(|head| head.digest);
                    if head.as_ref() == Some(digest) {
                        return Ok(());
                    }
                    stands = head;
                    Err(error)
                }
                Err(error) => Err(error),
            }
        };
        let key = (place.index, target.clone(), root.digest().clone());
        match run.puts.run(key, put).await {
            Ok(true) => Ok(Tagged::Put),
            Ok(false) => Ok(Tagged::Already),
            Err(error) if error.code() == Code::TagImmutable => Ok(Tagged::Locked(stands)),
            Err(error) => Err(error),
        }
    }
}

/// Waits for the answer to a tag's PUT even when the run is cancelled, so that the outcome is true; but not for ever.
async fn answered<T>(run: &Run, put: impl Future<Output = Result<T>>) -> Result<T> {
    let late = async {
        run.stop.cancelled().await;
        tokio::time::sleep(ANSWER).await;
    };
    tokio::select! {
        biased;
        answer = put => answer,
        () = late => Err(cancelled()),
    }
}

/// Whether the destination refuses a manifest because it does not have what the manifest names.
fn is_missing(error: &Error) -> bool {
    error.code() == Code::BlobNotFound
}
