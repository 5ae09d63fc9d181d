//! The server: two listeners (the registry and its second host), their connections, and the state that they share.

use std::{
    convert::Infallible,
    io,
    net::Ipv4Addr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use hyper::{
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::{
    auth::{Auth, Tokens},
    fault::Action,
    quirk::Quirk,
    registry::Builder,
    request::Log,
    script::Script,
    serve::{self, Limits, Signatures},
    store::Store,
    throttle::Throttle,
    upload,
    wire::{Control, Wire},
};

/// What all connections of a registry share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) host: String,
    pub(crate) second_host: String,
    pub(crate) port: u16,
    pub(crate) tls: bool,
    pub(crate) store: Store,
    pub(crate) log: Log,
    pub(crate) script: Script,
    pub(crate) quirks: Mutex<Vec<Quirk>>,
    pub(crate) auth: Mutex<Auth>,
    pub(crate) tokens: Tokens,
    pub(crate) signatures: Signatures,
    pub(crate) limits: Limits,
    pub(crate) down: Throttle,
    pub(crate) up: Throttle,
    pub(crate) latency: Mutex<Duration>,
    pub(crate) secret: String,
    pub(crate) uploads: AtomicU64,
    connections: AtomicU64,
}

impl Shared {
    pub(crate) fn scheme(&self) -> &'static str {
        if self.tls { "https" } else { "http" }
    }

    pub(crate) fn connections(&self) -> u64 {
        self.connections.load(Relaxed)
    }
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) id: u64,
    pub(crate) second_host: bool,
    pub(crate) control: Arc<Control>,
    pub(crate) answered: AtomicU64,
}

pub(crate) async fn start(builder: Builder, stop: CancellationToken) -> io::Result<Arc<Shared>> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, builder.port)).await?;
    let second = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let acceptor = builder.tls.as_ref().map(crate::tls::ServerTls::acceptor);
    let name = if acceptor.is_some() { "localhost" } else { "127.0.0.1" };
    let port = listener.local_addr()?.port();
    let (down, up) = (Throttle::default(), Throttle::default());
    down.set(builder.bytes_per_second);
    up.set(builder.bytes_per_second);
    let shared = Arc::new(Shared {
        host: format!("{name}:{port}"),
        second_host: format!("{name}:{}", second.local_addr()?.port()),
        port,
        tls: acceptor.is_some(),
        store: Store::new(builder.keep),
        log: Log::new(),
        script: Script::default(),
        quirks: Mutex::new(builder.quirks),
        auth: Mutex::new(builder.auth),
        tokens: Tokens::new(),
        signatures: Signatures::new(builder.storage_urls),
        limits: Limits::default(),
        down,
        up,
        latency: Mutex::new(builder.latency),
        secret: upload::secret(),
        uploads: AtomicU64::new(0),
        connections: AtomicU64::new(0),
    });
    for (listener, second_host) in [(listener, false), (second, true)] {
        tokio::spawn(listen(shared.clone(), listener, second_host, acceptor.clone(), stop.clone()));
    }
    Ok(shared)
}

async fn listen(
    shared: Arc<Shared>,
    listener: TcpListener,
    second_host: bool,
    acceptor: Option<TlsAcceptor>,
    stop: CancellationToken,
) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return,
        };
        let Ok((stream, _)) = accepted else {
            // out of file descriptors, most likely: others must close first
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        let connection = Arc::new(Connection {
            id: shared.connections.fetch_add(1, Relaxed) + 1,
            second_host,
            control: Control::new(),
            answered: AtomicU64::new(0),
        });
        let (shared, acceptor, stop) = (shared.clone(), acceptor.clone(), stop.clone());
        tokio::spawn(async move {
            let control = connection.control.clone();
            tokio::select! {
                result = connect(shared, connection, stream, acceptor) => {
                    if let Err(error) = result {
                        tracing::debug!(%error, "a connection broke");
                    }
                }
                () = control.wait() => {}
                () = stop.cancelled() => {}
            }
        });
    }
}

async fn connect(
    shared: Arc<Shared>,
    connection: Arc<Connection>,
    stream: TcpStream,
    acceptor: Option<TlsAcceptor>,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut wire = Wire::new(stream, connection.control.clone());
    if !connection.second_host {
        for fault in shared.script.fire_connect() {
            match fault.action() {
                Action::HangUp(cut) => connection.control.hang_up(*cut).await,
                Action::Stall(_) => fault.gate().wait().await,
                _ => {}
            }
        }
    }
    let Some(acceptor) = acceptor else { return http(shared, connection, wire, false).await };
    match wire.first_byte().await? {
        None => Ok(()),
        // the first byte of a handshake
        Some(0x16) => {
            let stream = acceptor.accept(wire).await?;
            let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
            http(shared, connection, stream, is_http2).await
        }
        // as Go's servers answer
        Some(_) => {
            let answer =
                "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";
            wire.write_all(answer.as_bytes()).await?;
            linger(wire).await;
            Ok(())
        }
    }
}

async fn http<S>(
    shared: Arc<Shared>,
    connection: Arc<Connection>,
    stream: S,
    is_http2: bool,
) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request| {
        let (shared, connection) = (shared.clone(), connection.clone());
        async move { Ok::<_, Infallible>(serve::serve(shared, connection, request).await) }
    });
    if is_http2 {
        let serving = http2::Builder::new(TokioExecutor::new());
        return serving
            .serve_connection(TokioIo::new(stream), service)
            .await
            .map_err(io::Error::other);
    }
    let parts = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .without_shutdown()
        .await
        .map_err(io::Error::other)?;
    linger(parts.io.into_inner()).await;
    Ok(())
}

/// Closes without a reset: an answer that was given before the request was read must reach the client that still sends.
async fn linger<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S) {
    let drain = async {
        stream.shutdown().await?;
        let mut rest = vec![0; 16 * 1024];
        while stream.read(&mut rest).await? > 0 {}
        io::Result::Ok(())
    };
    // a client that neither closes nor errs is left after a while
    let _ = timeout(Duration::from_secs(2), drain).await;
}
