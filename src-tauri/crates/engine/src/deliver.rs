//! One blob to one destination repository, for one row: found there, mounted, or uploaded; by us or by whoever is
//! bringing it already.

use std::{pin::pin, sync::Arc, time::Instant};

use registry::{BlobStart, Code, Descriptor, Error, Known, Repository, Result, Side};
use tokio::sync::{Semaphore, SemaphorePermit, mpsc, oneshot};

use crate::{
    BlobStatus,
    blob_table::{Claim, MountFrom},
    commits::CopyId,
    gather::{End, LARGE, Room, Taker, Ticket, all_are_behind, vanished},
    place::Place,
    row::{Meter, Row},
    run::Run,
};

/// A blob that a row needs at its destination.
pub(crate) struct Want {
    pub(crate) source: Repository,
    pub(crate) place: Arc<Place>,
    pub(crate) blob: Descriptor,
    pub(crate) row: Arc<Row>,
    /// The copy that wants it.
    pub(crate) copy: CopyId,
    /// The image is not there yet, so that the blob most likely is not either.
    pub(crate) is_new: bool,
    /// The place among the blobs of an image that are on their way at once. It is given back to wait for another copy,
    /// which may be one that needs it.
    pub(crate) line: Option<mpsc::Sender<()>>,
}

/// How it came to be there.
enum Way {
    Present,
    Mounted,
    Written,
}

impl Want {
    /// Announces that the blob's bytes may be needed.
    pub(crate) fn announce(&self, run: &Run) -> Ticket {
        let key = (self.source.registry().clone(), self.blob.digest.clone());
        run.gather.announce(key, self.place.site.clone())
    }

    /// Sees to it that the blob is there, and counts it for the row.
    #[tracing::instrument(name = "blob", level = "debug", skip_all,
        fields(digest = %self.blob.digest, size = self.blob.size, to = ?self.place))]
    pub(crate) async fn deliver(&mut self, run: &Arc<Run>, mut ticket: Ticket) -> Result<()> {
        loop {
            let claim = run.blobs.claim(&self.place, &self.blob.digest, &self.source, self.copy);
            let (lease, from, unasked) = match claim {
                Claim::Held => {
                    self.row.blob(&self.blob.digest, BlobStatus::Present);
                    self.row.present(self.blob.size);
                    return Ok(());
                }
                Claim::Failed(error) => {
                    self.row.blob(&self.blob.digest, BlobStatus::Failed);
                    return Err(error);
                }
                Claim::Wait(changed) => {
                    self.row.blob(&self.blob.digest, BlobStatus::Shared);
                    // whoever reads for others need not wait for us
                    drop(ticket);
                    run.wait(changed).await?;
                    ticket = self.announce(run);
                    continue;
                }
                Claim::WaitForCommit(changed, awaiting) => {
                    self.row.blob(&self.blob.digest, BlobStatus::Shared);
                    drop(ticket);
                    self.leave_line().await;
                    run.wait(changed).await?;
                    drop(awaiting);
                    ticket = self.announce(run);
                    continue;
                }
                Claim::Bring { lease, from, unasked } => (lease, from, unasked),
            };
            return match self.bring(run, from, unasked, ticket).await {
                Ok(way) => {
                    match &way {
                        Way::Present => {
                            self.row.blob(&self.blob.digest, BlobStatus::Present);
                            self.row.present(self.blob.size);
                        }
                        Way::Mounted => {
                            self.row.blob(&self.blob.digest, BlobStatus::Mounted);
                            self.row.mounted(self.blob.size);
                        }
                        Way::Written => {}
                    }
                    lease.commit(!matches!(way, Way::Written));
                    Ok(())
                }
                Err(error) => {
                    let cancelled = error.code() == Code::Cancelled;
                    let status = if cancelled { BlobStatus::Waiting } else { BlobStatus::Failed };
                    self.row.blob(&self.blob.digest, status);
                    match error.side() {
                        // ours is no one else's fault
                        _ if cancelled => drop(lease),
                        // it may pass: the next image that wants the blob asks anew
                        Some(Side::Source) if error.is_retryable() => drop(lease),
                        Some(Side::Source) => lease.lose(&self.source, &error),
                        _ => lease.fail(&error),
                    }
                    Err(error)
                }
            };
        }
    }

    /// Others may go on with the next blob.
    pub(crate) async fn leave_line(&mut self) {
        if let Some(line) = self.line.take() {
            let _ = line.send(()).await;
        }
    }

    async fn bring(
        &self,
        run: &Arc<Run>,
        mut from: Option<MountFrom>,
        unasked: bool,
        mut ticket: Ticket,
    ) -> Result<Way> {
        let since = Instant::now();
        let mut tries = 0;
        let mut alone = false;
        loop {
            // what may be mounted waits for nobody's bytes
            let mut turn = match from {
                None => self.turn(run, &ticket).await?,
                Some(_) => self.slot(run, &self.place.site.mounts).await?,
            };
            let known = Known {
                from: from.as_ref().map(|from| &from.name),
                committed: from.as_ref().is_some_and(|from| from.committed),
                is_new: self.is_new && tries == 0,
                unasked,
            };
            let begin = self.place.repository.begin_blob(&self.blob, known);
            // boxed: many wait for their turn, and requests are large
            let begin = Box::pin(run.unless_stopped(begin));
            let offer = self.place.site.offer();
            let begun = self.in_lane(run, &ticket, begin).await?;
            drop(offer);
            self.place.site.feed();
            let writer = match begun {
                BlobStart::Present => return Ok(Way::Present),
                BlobStart::Mounted => return Ok(Way::Mounted),
                BlobStart::Write(writer) => writer,
            };
            if from.is_some() {
                // it was not mounted, and an upload may be open
                turn = match self.turn(run, &ticket).await {
                    Ok(turn) => turn,
                    Err(error) => {
                        run.discard(writer, Room::new());
                        return Err(error);
                    }
                };
            }
            let (done, end) = oneshot::channel();
            let meter = Meter::new(self.row.clone(), self.blob.digest.clone());
            let taker = Taker { place: self.place.clone(), writer, meter, done };
            if alone {
                ticket.alone(run, &self.source, &self.blob, taker);
            } else {
                ticket.join(run, &self.source, &self.blob, taker);
            }
            let end = end.await;
            drop(turn);
            from = None;
            match end {
                Ok(End::Written) => return Ok(Way::Written),
                Ok(End::Found) => return Ok(Way::Present),
                Ok(End::Damaged(error, next)) => {
                    tries += 1;
                    if tries > run.policy.retries {
                        return Err(error.tried(tries, since.elapsed()));
                    }
                    tracing::warn!(%error, "damaged bytes: the blob is fetched again");
                    self.row.attempt(tries + 1);
                    ticket = next;
                }
                // it was read from another repository for several takers; ours may have it
                Ok(End::Failed(error, read))
                    if is_sources(&error) && read != *self.source.name() =>
                {
                    tracing::debug!(%error, "the blob is read from its own repository instead");
                    alone = true;
                    ticket = self.announce(run);
                }
                Ok(End::Failed(error, _)) => return Err(error),
                Err(_) => return Err(vanished()),
            }
        }
    }

    /// Waits until the blob's bytes may be on their way.
    async fn turn(&self, run: &Run, ticket: &Ticket) -> Result<SemaphorePermit<'_>> {
        if !run.is_behind(&self.place.site) {
            ticket.lane(run, self.blob.size).await?;
        }
        self.in_lane(run, ticket, self.slot(run, &self.place.site.slots)).await
    }

    /// Waits; the lane is left where the registry is late.
    async fn in_lane<T>(&self, run: &Run, ticket: &Ticket, wait: impl Future<Output = T>) -> T {
        if self.blob.size <= LARGE {
            return wait.await;
        }
        let mut wait = pin!(wait);
        tokio::select! {
            biased;
            done = &mut wait => done,
            () = all_are_behind(run, std::slice::from_ref(&self.place.site)) => {
                ticket.leave_lane(run);
                wait.await
            }
        }
    }

    async fn slot<'a>(&self, run: &Run, slots: &'a Semaphore) -> Result<SemaphorePermit<'a>> {
        // the semaphore is never closed
        let slot = run.wait(slots.acquire()).await?;
        slot.map_err(|error| Error::new(Code::Internal, "no turn for a blob").cause(&error))
    }
}

fn is_sources(error: &Error) -> bool {
    error.side() == Some(Side::Source)
}
