//! A TCP relay: a slow or broken network in front of any server, a real registry too.

use std::{
    fmt, io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{fault::Cut, lock, throttle::Throttle};

/// How much may be on its way at once, per direction and connection: so many reads of at most 64 KiB.
const ON_THE_WAY: usize = 256;

/// A running relay. It stops, and closes what passes through it, when it is dropped.
pub struct Relay {
    shared: Arc<Shared>,
    address: SocketAddr,
    _stop: DropGuard,
}

#[derive(Debug)]
struct Shared {
    target: String,
    latency: Mutex<Duration>,
    up: Way,
    down: Way,
    cuts: watch::Sender<(u64, Cut)>,
    stalled: watch::Sender<bool>,
    refusing: AtomicBool,
    connections: AtomicU64,
}

/// One direction, over all connections.
#[derive(Debug, Default)]
struct Way {
    throttle: Throttle,
    bytes: AtomicU64,
    cut_at: Mutex<Option<(u64, Cut)>>,
}

impl Relay {
    /// Starts a relay to `host:port`, on a port of its own at 127.0.0.1.
    pub async fn start(target: &str) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            target: target.to_owned(),
            latency: Mutex::default(),
            up: Way::default(),
            down: Way::default(),
            cuts: watch::Sender::new((0, Cut::Close)),
            stalled: watch::Sender::new(false),
            refusing: AtomicBool::new(false),
            connections: AtomicU64::new(0),
        });
        let stop = CancellationToken::new();
        tokio::spawn(listen(shared.clone(), listener, stop.clone()));
        Ok(Self { shared, address, _stop: stop.drop_guard() })
    }

    /// `127.0.0.1:port`
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// Everything that is sent from now on takes this long, in each direction.
    pub fn set_latency(&self, each_way: Duration) {
        *lock(&self.shared.latency) = each_way;
    }

    /// From now on at most so many bytes per second in each direction, over all connections.
    pub fn set_throttle(&self, bytes_per_second: Option<u64>) {
        self.shared.up.throttle.set(bytes_per_second);
        self.shared.down.throttle.set(bytes_per_second);
    }

    /// Cuts all connections that there are.
    pub fn cut(&self, cut: Cut) {
        self.shared.cuts.send_modify(|(count, how)| {
            *count += 1;
            *how = cut;
        });
    }

    /// Cuts all connections once so many bytes more have come from the server.
    pub fn cut_down_after(&self, bytes: u64, cut: Cut) {
        *lock(&self.shared.down.cut_at) = Some((self.bytes_down() + bytes, cut));
    }

    /// Cuts all connections once so many bytes more have come from the client.
    pub fn cut_up_after(&self, bytes: u64, cut: Cut) {
        *lock(&self.shared.up.cut_at) = Some((self.bytes_up() + bytes, cut));
    }

    /// Moves nothing, or goes on.
    pub fn stall(&self, stalled: bool) {
        self.shared.stalled.send_replace(stalled);
    }

    /// Closes new connections at once, or takes them again.
    pub fn refuse(&self, refusing: bool) {
        self.shared.refusing.store(refusing, Relaxed);
    }

    /// Bytes from clients to the server.
    pub fn bytes_up(&self) -> u64 {
        self.shared.up.bytes.load(Relaxed)
    }

    /// Bytes from the server to clients.
    pub fn bytes_down(&self) -> u64 {
        self.shared.down.bytes.load(Relaxed)
    }

    /// How many connections were made so far.
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(Relaxed)
    }
}

async fn listen(shared: Arc<Shared>, listener: TcpListener, stop: CancellationToken) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return,
        };
        let Ok((client, _)) = accepted else {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        shared.connections.fetch_add(1, Relaxed);
        if shared.refusing.load(Relaxed) {
            continue;
        }
        let (shared, stop) = (shared.clone(), stop.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                result = pass(shared, client) => {
                    if let Err(error) = result {
                        tracing::debug!(%error, "a relayed connection broke");
                    }
                }
            }
        });
    }
}

async fn pass(shared: Arc<Shared>, client: TcpStream) -> io::Result<()> {
    let mut cuts = shared.cuts.subscribe();
    cuts.mark_unchanged();
    let server = TcpStream::connect(&shared.target).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (mut client_read, mut client_write) = client.into_split();
    let (mut server_read, mut server_write) = server.into_split();
    let both = async {
        tokio::try_join!(
            one_way(&shared, &shared.up, &mut client_read, &mut server_write),
            one_way(&shared, &shared.down, &mut server_read, &mut client_write),
        )
    };
    let cut = tokio::select! {
        // a reset of one side is a reset of the other
        result = both => if result.is_err() { Cut::Reset } else { Cut::Close },
        Ok(()) = cuts.changed() => cuts.borrow().1,
    };
    if cut == Cut::Reset {
        client_write.as_ref().set_zero_linger()?;
        server_write.as_ref().set_zero_linger()?;
    }
    Ok(())
}

async fn one_way(
    shared: &Shared,
    way: &Way,
    from: &mut OwnedReadHalf,
    to: &mut OwnedWriteHalf,
) -> io::Result<()> {
    let (sender, mut receiver) = mpsc::channel::<(Instant, Bytes)>(ON_THE_WAY);
    let read = async move {
        loop {
            let mut piece = BytesMut::with_capacity(64 * 1024);
            let length = from.read_buf(&mut piece).await?;
            let due = Instant::now() + *lock(&shared.latency);
            // an empty piece is the end
            if sender.send((due, piece.freeze())).await.is_err() || length == 0 {
                return io::Result::Ok(());
            }
        }
    };
    let write = async move {
        while let Some((due, mut piece)) = receiver.recv().await {
            sleep_until(due).await;
            if piece.is_empty() {
                return to.shutdown().await;
            }
            while !piece.is_empty() {
                // the sender is in `shared`
                let _ = shared.stalled.subscribe().wait_for(|stalled| !stalled).await;
                let most = piece.len().min(way.throttle.piece() as usize);
                let (most, cut) = way.until_cut(most);
                let part = piece.split_to(most);
                way.throttle.pass(part.len() as u64).await;
                to.write_all(&part).await?;
                way.bytes.fetch_add(part.len() as u64, Relaxed);
                if let Some(cut) = cut {
                    shared.cuts.send_modify(|(count, how)| {
                        *count += 1;
                        *how = cut;
                    });
                    return std::future::pending().await;
                }
            }
        }
        Ok(())
    };
    tokio::try_join!(read, write)?;
    Ok(())
}

impl Way {
    /// How many of these bytes may pass, and the cut that comes behind them.
    fn until_cut(&self, bytes: usize) -> (usize, Option<Cut>) {
        let mut cut_at = lock(&self.cut_at);
        let passed = self.bytes.load(Relaxed);
        match *cut_at {
            Some((at, cut)) if at <= passed + bytes as u64 => {
                *cut_at = None;
                (at.saturating_sub(passed) as usize, Some(cut))
            }
            _ => (bytes, None),
        }
    }
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Relay({} -> {})", self.address, self.shared.target)
    }
}
