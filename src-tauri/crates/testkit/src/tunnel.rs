//! An HTTP proxy that leads every host to one server, so that a registry can be called by any vendor's name.

use std::{
    fmt, io,
    net::{Ipv4Addr, SocketAddr},
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, copy_bidirectional},
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::{CancellationToken, DropGuard};

/// A running proxy. It takes no more connections once it is dropped.
pub struct Tunnel {
    address: SocketAddr,
    _stop: DropGuard,
}

impl Tunnel {
    /// Starts a proxy that leads to this port of 127.0.0.1, whatever host it is asked for. Addresses of the loopback
    /// interface (a registry's second host) are let through.
    pub async fn start(port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        tokio::spawn(async move {
            let accept = async {
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(lead(stream, port));
                }
            };
            stopped.run_until_cancelled(accept).await;
        });
        Ok(Self { address, _stop: stop.drop_guard() })
    }

    /// `http://127.0.0.1:port`
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

async fn lead(stream: TcpStream, port: u16) -> io::Result<()> {
    let mut client = BufReader::new(stream);
    let mut first = String::new();
    client.read_line(&mut first).await?;
    let mut line = String::from("-");
    while !line.trim().is_empty() {
        line.clear();
        client.read_line(&mut line).await?;
    }
    let target = first.strip_prefix("CONNECT ").and_then(|rest| rest.split(' ').next());
    let Some(target) = target else {
        return client.write_all(b"HTTP/1.1 405 Method Not Allowed\r\n\r\n").await;
    };
    let is_near = target.starts_with("127.0.0.1:") || target.starts_with("localhost:");
    let ours = format!("127.0.0.1:{port}");
    let mut server = TcpStream::connect(if is_near { target } else { &ours }).await?;
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
    copy_bidirectional(&mut client, &mut server).await.map(drop)
}

impl fmt::Debug for Tunnel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tunnel({})", self.address)
    }
}
