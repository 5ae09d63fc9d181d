//! A proxy that leads every host to one registry, so that names of the outside can be used on the loopback interface.

use std::sync::{Arc, Mutex};

use registry::{Access, TlsOptions};
use testkit::{
    Registry,
    registry::Builder,
    tls::{Authority, Flaw},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream},
};

/// The name in the certificate of the registry behind the tunnel.
pub(super) const NAME: &str = "registry.example.com";

/// The tunnel, and the registry behind it.
pub(super) struct Tunnel {
    pub(super) registry: Registry,
    authority: Authority,
    host: String,
    /// Where connections were asked for.
    seen: Arc<Mutex<Vec<String>>>,
}

impl Tunnel {
    pub(super) async fn to(builder: Builder) -> Self {
        let authority = Authority::new();
        let registry = builder.tls(authority.server(Flaw::WrongName)).start().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (log, port) = (Arc::clone(&seen), registry.port());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, port, Arc::clone(&log)));
            }
        });
        Self { registry, authority, host, seen }
    }

    /// How the registry is reached through the tunnel, its certificate verified.
    pub(super) fn access(&self) -> Access {
        let ca = Some(self.authority.pem().as_bytes().into());
        Access {
            origin: registry::Sentence::verbatim("test"),
            tls: TlsOptions { ca, ..TlsOptions::default() },
            proxy: Some(format!("http://{}", self.host).parse().unwrap()),
            ..Access::default()
        }
    }

    /// The hosts that connections were asked for, each once.
    pub(super) fn hosts(&self) -> Vec<String> {
        let mut hosts = self.seen.lock().unwrap().clone();
        hosts.sort();
        hosts.dedup();
        hosts
    }
}

async fn serve(
    mut stream: TcpStream,
    port: u16,
    seen: Arc<Mutex<Vec<String>>>,
) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let host = head.split(' ').nth(1).unwrap_or_default().to_owned();
    seen.lock().unwrap().push(host);
    if !head.starts_with("CONNECT ") {
        return stream.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n").await;
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
    let mut server = TcpStream::connect(("127.0.0.1", port)).await?;
    copy_bidirectional(&mut stream, &mut server).await?;
    Ok(())
}
