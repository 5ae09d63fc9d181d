//! The copy of an image to some of its destinations: what has to come along, and the blobs, brought to all destinations
//! together.

use std::{collections::HashMap, sync::Arc, time::Duration};

use futures_util::{StreamExt as _, future::join_all, stream};
use registry::{Descriptor, Digest, Result};
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant, timeout_at},
};
use tracing::Instrument as _;

use crate::{
    copying::Copying,
    image::{Compared, Image},
    referrers::{self, Referrer},
    tree::{Root, Tree},
};

/// Blobs of one image that are on their way at once.
const BLOBS_AT_ONCE: usize = 32;

/// Copies an image and ends every one of the rows. Rows that have the image already only get what refers to it.
pub(crate) async fn copy(image: &Arc<Image>, root: Root, rows: Vec<Compared>) {
    let (tree, referrers) = match read(image, root).await {
        Ok((tree, referrers)) => (Arc::new(tree), referrers),
        Err(error) => return rows.iter().for_each(|row| image.refuse(row.at, &error)),
    };
    let bare = if rows.iter().any(|row| wants_bare(image, row)) {
        match bare(image).await {
            Ok(bare) => bare,
            Err(error) => return rows.iter().for_each(|row| image.refuse(row.at, &error)),
        }
    } else {
        None
    };
    let missing = rows.iter().map(|row| missing(image, row.at, &referrers));
    let missing = join_all(missing).await;
    let mut tasks = JoinSet::new();
    let mut feeds = Vec::new();
    for (row, missing) in rows.into_iter().zip(missing) {
        let missing = match missing {
            Ok(missing) => missing,
            Err(error) => {
                image.refuse(row.at, &error);
                continue;
            }
        };
        let bare = bare.as_ref().filter(|_| wants_bare(image, &row)).cloned();
        let copying = Copying::new(image, tree.clone(), bare, row.at, row.action, missing);
        let copying = Arc::new(copying);
        let (tell, told) = mpsc::unbounded_channel();
        feeds.push((copying.clone(), tell));
        tasks.spawn(copying.finish(told).in_current_span());
    }
    let blobs = all_blobs(&feeds);
    bring(&blobs, feeds).await;
    while tasks.join_next().await.is_some() {}
}

/// Whether a row gets the image without its attestations: it has it so, or its registry has refused others'.
fn wants_bare(image: &Image, row: &Compared) -> bool {
    row.bare || image.destination(row.at).place.site.refuses_attestations()
}

/// The image without its attestations; `None` where it has none.
pub(crate) async fn bare(image: &Image) -> Result<Option<Arc<Tree>>> {
    let Some(root) = image.bare().await? else { return Ok(None) };
    let tree = Tree::read(&image.run, &image.unit.source.repository, root).await?;
    Ok(Some(Arc::new(tree)))
}

/// What is to be copied, and what refers to it where that is wanted.
pub(crate) async fn read(image: &Image, root: Root) -> Result<(Tree, Vec<Arc<Referrer>>)> {
    let (run, source) = (&image.run, &image.unit.source);
    let tree = Tree::read(run, &source.repository, root).await?;
    if !run.policy.referrers {
        return Ok((tree, Vec::new()));
    }
    // nothing at the source refers to an index that was rewritten
    let rewritten = image.source_digest().await? != *tree.root.digest();
    let subjects = tree.manifests().map(|manifest| manifest.digest());
    let subjects = subjects.filter(|digest| !rewritten || *digest != tree.root.digest()).cloned();
    let referrers = referrers::find(run, source, subjects.collect::<Vec<_>>()).await?;
    Ok((tree, referrers.into_iter().map(Arc::new).collect()))
}

/// What of the referrers a destination does not have.
async fn missing(
    image: &Image,
    at: usize,
    referrers: &[Arc<Referrer>],
) -> Result<Vec<Arc<Referrer>>> {
    let repository = &image.destination(at).place.repository;
    let heads = referrers.iter().map(|referrer| async {
        let head = image.run.unless_stopped(repository.head_manifest(&referrer.target)).await?;
        let there = head.is_some_and(|head| head.digest == *referrer.tree.root.digest());
        Ok((!there).then(|| referrer.clone()))
    });
    let missing: Vec<_> = join_all(heads).await.into_iter().collect::<Result<_>>()?;
    Ok(missing.into_iter().flatten().collect())
}

type Feed = (Arc<Copying>, mpsc::UnboundedSender<Result<()>>);

/// Every blob that some row needs, once, the largest first.
fn all_blobs(feeds: &[Feed]) -> Vec<Descriptor> {
    let mut blobs: HashMap<&Digest, &Descriptor> = HashMap::new();
    for blob in feeds.iter().flat_map(|(copying, _)| copying.blobs()) {
        blobs.insert(&blob.digest, blob);
    }
    let mut blobs: Vec<_> = blobs.into_values().cloned().collect();
    blobs.sort_by(|a, b| b.size.cmp(&a.size).then_with(|| a.digest.cmp(&b.digest)));
    blobs
}

/// Brings the blobs to all rows together. A row that lags behind does not keep the others from the next blobs.
async fn bring(blobs: &[Descriptor], feeds: Vec<Feed>) {
    let feeds = &feeds;
    let one = |blob: &Descriptor| {
        let (done, mut finished) = mpsc::channel::<()>(1);
        let wants: Vec<_> = feeds
            .iter()
            .filter(|(copying, _)| copying.needs(blob))
            .map(|(copying, tell)| {
                let want = copying.want(blob, Some(done.clone()));
                // all are announced before the first begins
                let ticket = want.announce(copying.run());
                (copying.clone(), tell.clone(), want, ticket)
            })
            .collect();
        drop(done);
        async move {
            let mut patience = Duration::ZERO;
            for (copying, tell, want, ticket) in wants {
                let run = copying.run().clone();
                patience = run.policy.patience;
                run.spawn(async move {
                    let _ = tell.send(copying.deliver(want, ticket).await);
                });
            }
            if finished.recv().await.is_some() {
                let until = Instant::now() + patience;
                while let Ok(Some(())) = timeout_at(until, finished.recv()).await {}
            }
        }
    };
    stream::iter(blobs).for_each_concurrent(BLOBS_AT_ONCE, one).await;
}
