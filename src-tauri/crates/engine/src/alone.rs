//! A blob on its way from one source to one upload, from whichever byte the upload wants next.

use std::sync::{Arc, atomic::Ordering};

use bytes::{Buf as _, Bytes};
use registry::{
    BlobReader, BlobWriter, Descriptor, Digest, Fed, Registry, Repository, Result, Side,
};
use tokio::time::Instant;

use crate::{
    gather::{End, Room, Taker, in_order, make_room, vanished},
    marks::Marks,
    row::Meter,
    run::Run,
    site::{LOOK, Site},
    transfer::{Broken, give_up, there, verify},
};

/// How one reading ended.
enum Pass {
    Written,
    Found,
    /// The upload wants bytes again.
    Again,
}

/// One upload with what is needed to feed it.
struct Stream<'a> {
    run: &'a Run,
    site: &'a Site,
    destination: &'a Registry,
    source: &'a Repository,
    blob: &'a Descriptor,
    writer: &'a mut BlobWriter,
    meter: &'a mut Meter,
    /// The hash of what the upload got so far.
    marks: Marks,
}

/// Brings the blob to one taker, as often as its upload breaks and can go on, and tells it how it ended.
pub(crate) async fn alone(
    run: &Arc<Run>,
    source: &Repository,
    blob: &Descriptor,
    mut taker: Taker,
    marks: Marks,
    mut room: Room,
) {
    let hosts = [source.registry().clone(), taker.place.registry().clone()];
    let Taker { writer, meter, place, .. } = &mut taker;
    let mut stream = Stream {
        run,
        site: &place.site,
        destination: &hosts[1],
        source,
        blob,
        writer,
        meter,
        marks,
    };
    let order = in_order(run, hosts.iter().cloned().collect());
    let ended = loop {
        // others have the source while this one waits
        let late = (room.is_empty() && run.is_behind(stream.site)).then_some(&hosts[1]);
        room = match make_room(run, &hosts[0], &order, late, room).await {
            Ok(room) => room,
            Err(error) => {
                room = Room::new();
                break Err(error.into());
            }
        };
        match stream.pass(&mut room).await {
            Ok(Pass::Written) => break Ok(End::Written),
            Ok(Pass::Found) => break Ok(End::Found),
            // that at the source is given back, so that it can be taken in order again
            Ok(Pass::Again) => room.retain(|host, _| *host == hosts[1]),
            Err(broken) => break Err(broken),
        }
    };
    match ended {
        Ok(end) => there(taker, end, blob),
        Err(broken) => {
            room.retain(|host, _| *host == hosts[1]);
            give_up(run, source, blob, taker, broken, None, room);
        }
    }
}

/// Waits until it is seen that a destination takes nothing while others may want to read from its source, which has no
/// room for them.
async fn in_the_way(run: &Run, site: &Site, source: &Registry) {
    if !run.writes_to_several() {
        return std::future::pending().await;
    }
    let since = Instant::now();
    loop {
        let until = run.patient_until(since, Some(site.fed()));
        if until > Instant::now() {
            tokio::time::sleep_until(until).await;
            continue;
        }
        site.note_stuck(run.policy.patience);
        if run.is_behind(site) && !run.client.has_room(source, Side::Source) {
            return;
        }
        tokio::time::sleep(LOOK).await;
    }
}

impl Stream<'_> {
    /// Reads from the last mark before the byte that the upload wants, to the end.
    async fn pass(&mut self, room: &mut Room) -> Result<Pass, Broken> {
        let wanted = self.writer.offset();
        if self.blob.size == 0 {
            verify(self.source, self.blob, &Digest::of(self.blob.digest.algorithm(), &[]))?;
        } else if wanted < self.blob.size {
            let (start, mut hasher) = self.marks.before(wanted);
            let permit = room.get(self.source.registry()).ok_or_else(vanished)?;
            let read = self.source.read_blob(self.blob, start, permit);
            let mut reader = Some(self.run.unless_stopped(read).await?);
            let mut position = start;
            let mut withheld: Option<Bytes> = None;
            while let Some(source) = &mut reader {
                let Some(mut bytes) = self.run.unless_stopped(source.next()).await? else { break };
                self.run.board.tally().read.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                hasher.update(&bytes);
                let known = wanted.saturating_sub(position).min(bytes.len() as u64);
                position += bytes.len() as u64;
                self.marks.note(position, &hasher);
                bytes.advance(known as usize);
                if bytes.is_empty() {
                    continue;
                }
                if let Some(ready) = withheld.replace(bytes)
                    && let Some(end) = self.feed(ready, room, &mut reader).await?
                {
                    return Ok(end);
                }
            }
            if reader.take().is_none() {
                // the piece that was held back is read again
                self.marks.cut(self.writer.offset());
                return Ok(Pass::Again);
            }
            verify(self.source, self.blob, &hasher.finish())?;
            if let Some(last) = withheld
                && let Some(end) = self.feed(last, room, &mut None).await?
            {
                return Ok(end);
            }
        }
        // the answer may take minutes: the source need not wait for it
        room.retain(|host, _| host == self.destination);
        let _offer = self.site.offer();
        match self.run.unless_stopped(self.writer.finish()).await? {
            Fed::More => Ok(Pass::Written),
            Fed::Enough => Ok(Pass::Found),
            Fed::Rewind { offset, cause } => Ok(self.rewind(offset, &cause)),
        }
    }

    /// Feeds some bytes; `Some` when that ends the pass. While they are not taken at all, others may read from the source:
    /// the reader is gone then, and another pass goes on.
    async fn feed(
        &mut self,
        bytes: Bytes,
        room: &mut Room,
        reader: &mut Option<BlobReader>,
    ) -> Result<Option<Pass>, Broken> {
        let size = bytes.len() as u64;
        let _offer = self.site.offer();
        let mut write = Box::pin(self.run.unless_stopped(self.writer.write(bytes)));
        let fed = tokio::select! {
            biased;
            fed = &mut write => fed?,
            () = in_the_way(self.run, self.site, self.source.registry()) => {
                *reader = None;
                room.retain(|host, _| host == self.destination);
                (&mut write).await?
            }
        };
        drop(write);
        match fed {
            Fed::More => {
                self.meter.fed(size);
                self.site.feed();
                Ok(None)
            }
            Fed::Enough => match self.run.unless_stopped(self.writer.finish()).await? {
                Fed::More | Fed::Enough => Ok(Some(Pass::Found)),
                Fed::Rewind { offset, cause } => Ok(Some(self.rewind(offset, &cause))),
            },
            Fed::Rewind { offset, cause } => Ok(Some(self.rewind(offset, &cause))),
        }
    }

    fn rewind(&mut self, offset: u64, cause: &registry::Error) -> Pass {
        tracing::debug!(%cause, offset, "an upload broke and goes on");
        self.meter.rewind(offset);
        self.marks.cut(offset);
        Pass::Again
    }
}
