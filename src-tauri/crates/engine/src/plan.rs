//! What a run would do, and how many bytes it would move: a dry run asks for the blobs at the destinations and writes
//! nothing.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
};

use futures_util::{StreamExt as _, stream};
use registry::{Descriptor, Digest, Mounting, Registry, Result};
use tokio::sync::OnceCell;

use crate::{
    Action, BlobStatus, ImageParts, Plan, copy,
    image::{Compared, Image},
    place::Place,
    row::lock,
    run::Run,
    tree::Root,
    unit::Destination,
};

/// Blobs of one image that are asked for at once.
const AT_ONCE: usize = 16;

/// Where a blob would come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Present,
    Mountable,
    Moved,
}

type Answer = Arc<OnceCell<Way>>;

/// What is known of blobs at destinations, or will be by then.
#[derive(Debug, Default)]
pub(crate) struct Lookups {
    asked: Mutex<HashMap<(usize, Digest), Answer>>,
    /// Blobs that some repository of a registry has or will have.
    known: Mutex<HashMap<Registry, HashSet<Digest>>>,
}

/// Plans the copy of an image to some of its destinations.
pub(crate) async fn plan(image: &Image, source: &Digest, root: Root, rows: Vec<Compared>) {
    let run = &image.run;
    let origin = &image.unit.source.repository;
    let (tree, referrers) = match copy::read(image, root).await {
        Ok(read) => read,
        Err(error) => return rows.iter().for_each(|row| image.refuse(row.at, &error)),
    };
    let referrers = || referrers.iter().map(|referrer| &referrer.tree);
    let blobs = referrers().chain([&tree]).flat_map(|tree| &tree.blobs);
    let blobs = blobs.map(|blob| (blob.digest.clone(), blob.clone())).collect();
    for row in rows {
        let destination = image.destination(row.at);
        if run.policy.parts {
            destination.row.keep(ImageParts::new(Some(&tree), referrers()));
        }
        match bytes(run, &blobs, destination, origin.registry(), row.action).await {
            Ok(plan) => destination.row.planned(plan, Some(source), Some(&row.digest)),
            Err(error) => image.refuse(row.at, &error),
        }
    }
}

async fn bytes(
    run: &Run,
    blobs: &HashMap<Digest, Descriptor>,
    destination: &Destination,
    source: &Registry,
    action: Action,
) -> Result<Plan> {
    let mut plan = Plan::of(action);
    let mut ways = stream::iter(blobs.values().cloned().collect::<Vec<_>>())
        .map(|blob| async move {
            let way = run.lookups.way(run, &destination.place, &blob, source).await;
            (blob, way)
        })
        .buffer_unordered(AT_ONCE);
    while let Some((blob, way)) = ways.next().await {
        let (sum, status) = match way? {
            Way::Present => (&mut plan.bytes_present, BlobStatus::Present),
            Way::Mountable => (&mut plan.bytes_mountable, BlobStatus::Mounted),
            Way::Moved => (&mut plan.bytes_to_move, BlobStatus::Waiting),
        };
        *sum += blob.size;
        destination.row.blob(&blob.digest, status);
    }
    Ok(plan)
}

impl Lookups {
    /// How a blob would come to a repository. Whoever asks again is told that it will be there by then.
    async fn way(
        &self,
        run: &Run,
        place: &Place,
        blob: &Descriptor,
        source: &Registry,
    ) -> Result<Way> {
        let key = (place.index, blob.digest.clone());
        let cell = lock(&self.asked).entry(key).or_default().clone();
        let mut first = false;
        let way = cell
            .get_or_try_init(async || {
                first = true;
                let head = place.repository.head_blob(&blob.digest);
                let there = run.unless_stopped(head).await?.is_some();
                let mut known = lock(&self.known);
                let known = known.entry(place.registry().clone()).or_default();
                let is_known = !known.insert(blob.digest.clone()) || place.registry() == source;
                let elsewhere = is_known && place.repository.mounting() != Mounting::Never;
                Ok(match (there, elsewhere) {
                    (true, _) => Way::Present,
                    (false, true) => Way::Mountable,
                    (false, false) => Way::Moved,
                })
            })
            .await?;
        Ok(if first { *way } else { Way::Present })
    }
}
