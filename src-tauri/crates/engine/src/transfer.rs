//! A blob on its way from one source to one or more uploads.
//!
//! It is read once, hashed, and split in memory. Each taker has a short queue, so the slowest holds the stream back;
//! one that takes nothing for too long, or whose upload broke and must go on from an earlier byte, leaves the others
//! and goes on [alone](crate::alone), by a read of its own. The last piece is held back until the digest is verified:
//! an upload of damaged bytes never gets its last byte.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use registry::{Code, Descriptor, Digest, Error, Fed, Hasher, Repository, Result, Side, Target};
use tokio::{
    sync::{Notify, mpsc},
    time::Instant,
};

use crate::{
    alone::alone,
    gather::{End, Room, Taker, Ticket, vanished},
    marks::Marks,
    row::lock,
    run::Run,
    site::Site,
};

/// Pieces that a taker may lag behind.
const QUEUE: usize = 2;

/// Why an upload can't go on.
#[derive(Clone, Debug)]
pub(crate) struct Broken(pub(crate) Error);

impl Broken {
    /// Whether the bytes were not those that the digest names, so that another try may help.
    fn is_damage(&self) -> bool {
        // where the source was asked for the rest again and again already, it is no accident
        let is_tried = self.0.side() == Some(Side::Source) && self.0.attempts() > 1;
        self.0.code() == Code::DigestMismatch && !is_tried
    }
}

impl From<Error> for Broken {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

/// What goes through a taker's queue.
enum Piece {
    Bytes(Bytes),
    /// The digest is verified and every byte sent.
    Complete,
}

/// What all takers of one reading share.
struct Reading {
    run: Arc<Run>,
    source: Repository,
    blob: Descriptor,
    marks: Mutex<Marks>,
    /// Why reading ended early.
    broken: OnceLock<Broken>,
    /// Announcements for another try, when the bytes were damaged.
    tickets: Mutex<HashMap<usize, Ticket>>,
    /// Takers still in the stream.
    attached: AtomicUsize,
    left: Notify,
}

/// A taker as the reader sees it.
struct Outlet {
    /// `None` once the reader gave it up.
    queue: Option<mpsc::Sender<Piece>>,
    /// Whether it has left the stream, by itself or because the reader gave it up.
    gone: Arc<AtomicBool>,
    site: Arc<Site>,
}

/// How a taker left the stream.
enum Left {
    /// The blob is there; by this upload or not.
    There(End),
    /// It must go on alone from its writer's offset.
    Behind,
}

/// Brings a blob to every taker, and tells each how it ended.
pub(crate) async fn transfer(
    run: &Arc<Run>,
    source: &Repository,
    blob: &Descriptor,
    mut takers: Vec<Taker>,
    room: Room,
) {
    // nothing to split
    if takers.len() == 1 || blob.size == 0 {
        let last = takers.pop();
        for taker in takers {
            let (run, source, blob) = (run.clone(), source.clone(), blob.clone());
            let marks = Marks::new(blob.digest.algorithm());
            run.clone().spawn(async move {
                alone(&run, &source, &blob, taker, marks, Room::new()).await;
            });
        }
        if let Some(taker) = last {
            alone(run, source, blob, taker, Marks::new(blob.digest.algorithm()), room).await;
        }
        return;
    }
    let reading = Arc::new(Reading {
        run: run.clone(),
        source: source.clone(),
        blob: blob.clone(),
        marks: Mutex::new(Marks::new(blob.digest.algorithm())),
        broken: OnceLock::new(),
        tickets: Mutex::default(),
        attached: AtomicUsize::new(takers.len()),
        left: Notify::new(),
    });
    let mut outlets = Vec::with_capacity(takers.len());
    for (at, taker) in takers.into_iter().enumerate() {
        let (to, from) = mpsc::channel(QUEUE);
        let gone = Arc::new(AtomicBool::new(false));
        let site = taker.place.site.clone();
        outlets.push(Outlet { queue: Some(to), gone: gone.clone(), site });
        // each holds the room at its own host, and the reader that at the source
        let own = only(&room, &taker.place.registry().clone());
        run.spawn(take(reading.clone(), at, taker, from, gone, own));
    }
    let own = only(&room, source.registry());
    drop(room);
    if let Err(broken) = split(&reading, &mut outlets, own).await {
        if broken.is_damage() {
            // announced before anyone is told, so that the next try is one reading again
            let key = (source.registry().clone(), blob.digest.clone());
            let tickets = outlets
                .iter()
                .enumerate()
                .map(|(at, outlet)| (at, run.gather.announce(key.clone(), outlet.site.clone())));
            *lock(&reading.tickets) = tickets.collect();
        }
        let _ = reading.broken.set(broken);
    }
}

fn only(room: &Room, host: &registry::Registry) -> Room {
    room.iter().filter(|(at, _)| *at == host).map(|(at, p)| (at.clone(), p.clone())).collect()
}

/// Reads the blob once and feeds every queue.
async fn split(reading: &Reading, outlets: &mut [Outlet], room: Room) -> Result<(), Broken> {
    let Reading { run, source, blob, .. } = reading;
    let permit = room.get(source.registry()).ok_or_else(vanished)?;
    let mut reader = run.unless_stopped(source.read_blob(blob, 0, permit)).await?;
    let mut hasher = Hasher::new(blob.digest.algorithm());
    let mut position = 0;
    let mut withheld: Option<Bytes> = None;
    loop {
        let next = tokio::select! {
            next = run.unless_stopped(reader.next()) => next?,
            () = reading.all_left() => return Ok(()),
        };
        let Some(bytes) = next else { break };
        if bytes.is_empty() {
            continue;
        }
        run.board.tally().read.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        hasher.update(&bytes);
        position += bytes.len() as u64;
        lock(&reading.marks).note(position, &hasher);
        if let Some(ready) = withheld.replace(bytes) {
            offer(reading, outlets, || Piece::Bytes(ready.clone())).await?;
        }
    }
    drop(reader);
    drop(room);
    verify(source, blob, &hasher.finish())?;
    if let Some(last) = withheld {
        offer(reading, outlets, || Piece::Bytes(last.clone())).await?;
    }
    offer(reading, outlets, || Piece::Complete).await?;
    Ok(())
}

/// Puts a piece into every queue. A full one is waited for: for ever when its taker is the last in the stream, else as
/// long as patience lasts.
async fn offer(reading: &Reading, outlets: &mut [Outlet], piece: impl Fn() -> Piece) -> Result<()> {
    let run = &reading.run;
    let since = Instant::now();
    let full = |outlet: &&mut Outlet| {
        // a queue that is closed belongs to a taker that has left
        let queue = outlet.queue.as_ref();
        matches!(queue.map(|q| q.try_send(piece())), Some(Err(mpsc::error::TrySendError::Full(_))))
    };
    for outlet in outlets.iter_mut().filter(full).collect::<Vec<_>>() {
        let Some(queue) = &outlet.queue else { continue };
        let late = async {
            while let until = run.patient_until(since, None)
                && until > Instant::now()
            {
                tokio::time::sleep_until(until).await;
            }
            if reading.attached.load(Ordering::Acquire) < 2 {
                std::future::pending::<()>().await;
            }
        };
        let send = async {
            let _ = queue.send(piece()).await;
            Ok(())
        };
        tokio::select! {
            biased;
            sent = run.unless_stopped(send) => sent?,
            () = late => {
                tracing::debug!("a destination takes nothing: the others go on without it");
                outlet.site.note_stuck(run.policy.patience);
                reading.leave(&outlet.gone);
                outlet.queue = None;
            }
        }
    }
    Ok(())
}

/// Feeds one taker from its queue, and sees it to its end.
async fn take(
    reading: Arc<Reading>,
    at: usize,
    mut taker: Taker,
    mut queue: mpsc::Receiver<Piece>,
    gone: Arc<AtomicBool>,
    room: Room,
) {
    let Reading { run, source, blob, .. } = &*reading;
    let left = feed(&reading, &mut queue, &gone, &mut taker).await;
    reading.leave(&gone);
    drop(queue);
    match left {
        Ok(Left::There(end)) => there(taker, end, blob),
        Ok(Left::Behind) => {
            // room is taken anew, in order, together with that at the source
            drop(room);
            let marks = lock(&reading.marks).up_to(taker.writer.offset());
            alone(run, source, blob, taker, marks, Room::new()).await;
        }
        Err(broken) => {
            let ticket = lock(&reading.tickets).remove(&at);
            give_up(run, source, blob, taker, broken, ticket, room);
        }
    }
}

async fn feed(
    reading: &Reading,
    queue: &mut mpsc::Receiver<Piece>,
    gone: &AtomicBool,
    taker: &mut Taker,
) -> Result<Left, Broken> {
    let Taker { place, writer, meter, .. } = taker;
    let run = &reading.run;
    loop {
        let piece = queue.recv().await;
        let _offer = place.site.offer();
        let fed = match piece {
            Some(Piece::Bytes(bytes)) => {
                let size = bytes.len() as u64;
                match run.unless_stopped(writer.write(bytes)).await? {
                    Fed::More => {
                        meter.fed(size);
                        place.site.feed();
                        continue;
                    }
                    Fed::Enough => run.unless_stopped(writer.finish()).await?,
                    rewind @ Fed::Rewind { .. } => rewind,
                }
            }
            Some(Piece::Complete) => match run.unless_stopped(writer.finish()).await? {
                Fed::More => return Ok(Left::There(End::Written)),
                other => other,
            },
            None if gone.load(Ordering::Acquire) => return Ok(Left::Behind),
            None => return Err(reading.broken.get().cloned().unwrap_or_else(|| vanished().into())),
        };
        return match fed {
            Fed::Rewind { offset, cause } => {
                tracing::debug!(%cause, offset, "an upload broke and goes on alone");
                meter.rewind(offset);
                Ok(Left::Behind)
            }
            Fed::More | Fed::Enough => Ok(Left::There(End::Found)),
        };
    }
}

impl Reading {
    /// A taker leaves the stream; it counts once.
    fn leave(&self, gone: &AtomicBool) {
        if !gone.swap(true, Ordering::AcqRel) {
            self.attached.fetch_sub(1, Ordering::AcqRel);
            self.left.notify_one();
        }
    }

    /// Waits until nobody is in the stream any more.
    async fn all_left(&self) {
        while self.attached.load(Ordering::Acquire) > 0 {
            self.left.notified().await;
        }
    }
}

/// The blob is at the taker's place.
pub(crate) fn there(taker: Taker, end: End, blob: &Descriptor) {
    if matches!(end, End::Written) {
        taker.meter.confirm(blob.size);
    }
    taker.place.site.took();
    let _ = taker.done.send(end);
}

/// The taker's upload is given up.
pub(crate) fn give_up(
    run: &Arc<Run>,
    source: &Repository,
    blob: &Descriptor,
    taker: Taker,
    broken: Broken,
    ticket: Option<Ticket>,
    room: Room,
) {
    run.discard(taker.writer, room);
    let end = if broken.is_damage() {
        let key = || (source.registry().clone(), blob.digest.clone());
        let site = taker.place.site.clone();
        End::Damaged(broken.0, ticket.unwrap_or_else(|| run.gather.announce(key(), site)))
    } else {
        End::Failed(broken.0, source.name().clone())
    };
    let _ = taker.done.send(end);
}

/// Whether the bytes that were read are those that the digest names.
pub(crate) fn verify(source: &Repository, blob: &Descriptor, got: &Digest) -> Result<()> {
    if *got == blob.digest {
        return Ok(());
    }
    let expected = &blob.digest;
    Err(Error::new(
        Code::DigestMismatch,
        format!("the blob is damaged: expected {expected}, got {got}"),
    )
    .on(Side::Source)
    .registry(source.registry())
    .reference(source.reference(&Target::Digest(expected.clone()))))
}
