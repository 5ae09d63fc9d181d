//! Proxies: a small one that does CONNECT, SOCKS 5 and plain requests, and refuses on demand.

use std::sync::Mutex;

use testkit::{
    Registry as Server,
    tls::{Authority, Flaw},
};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
};

use super::*;

/// What a proxy has seen and does.
struct Proxy {
    host: String,
    /// First lines and `Proxy-Authorization`s of the requests; `socks host:port` of the others.
    seen: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// A proxy that leads every host to `target`, or answers with `refusal`.
    async fn start(target: &str, refusal: Option<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (log, target) = (Arc::clone(&seen), target.to_owned());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, target.clone(), refusal, Arc::clone(&log)));
            }
        });
        Self { host, seen }
    }

    fn url(&self, scheme: &str) -> Url {
        format!("{scheme}://user:proxy-canary@{}", self.host).parse().unwrap()
    }

    fn seen(&self) -> Vec<String> {
        lock(&self.seen).clone()
    }
}

async fn serve(
    mut stream: TcpStream,
    target: String,
    refusal: Option<&'static str>,
    seen: Arc<Mutex<Vec<String>>>,
) -> std::io::Result<()> {
    let mut buffer = vec![0; 8192];
    let len = stream.read(&mut buffer).await?;
    if buffer[0] == 5 {
        // greeting; user name and password; request
        stream.write_all(&[5, 2]).await?;
        let _ = stream.read(&mut buffer).await?;
        stream.write_all(&[1, 0]).await?;
        let len = stream.read(&mut buffer).await?;
        let name = String::from_utf8_lossy(&buffer[5..len - 2]).into_owned();
        lock(&seen).push(format!("socks {name}"));
        stream.write_all(&[5, 0, 0, 1, 127, 0, 0, 1, 0, 0]).await?;
        let mut server = TcpStream::connect(target).await?;
        copy_bidirectional(&mut stream, &mut server).await?;
        return Ok(());
    }
    let head = String::from_utf8_lossy(&buffer[..len]).into_owned();
    let mut lines = head.lines();
    let first = lines.next().unwrap_or_default().to_owned();
    let auth = lines.find(|line| line.to_ascii_lowercase().starts_with("proxy-authorization"));
    lock(&seen).push(format!("{first} {}", auth.unwrap_or_default()));
    if let Some(refusal) = refusal {
        return stream.write_all(refusal.as_bytes()).await;
    }
    let mut server = TcpStream::connect(target).await?;
    if first.starts_with("CONNECT") {
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
    } else {
        // absolute form; testkit takes the path alone
        let url: Url = first.split(' ').nth(1).unwrap().parse().unwrap();
        let head = head.replacen(url.as_str(), url.path(), 1);
        server.write_all(head.as_bytes()).await?;
    }
    copy_bidirectional(&mut stream, &mut server).await?;
    Ok(())
}

fn through(host: &str, proxy: Url, tls: TlsOptions) -> Setup {
    Setup::new(host, quick(), Access { tls, proxy: Some(proxy), ..Access::default() })
}

fn trusting(authority: &Authority) -> TlsOptions {
    TlsOptions { ca: Some(authority.pem().as_bytes().into()), ..TlsOptions::default() }
}

#[tokio::test]
async fn https_goes_through_a_tunnel() {
    let authority = Authority::new();
    let server = registry(Server::builder().tls(authority.server(Flaw::None)), 1).await;
    let proxy = Proxy::start(server.host(), None).await;
    let host = format!("localhost:{}", server.port());
    through(&host, proxy.url("http"), trusting(&authority)).get("team/r0").await.unwrap();
    let expected = format!("CONNECT {host} HTTP/1.1 ");
    assert!(proxy.seen()[0].starts_with(&expected), "{:?}", proxy.seen());
    assert!(proxy.seen()[0].to_ascii_lowercase().contains("basic "), "{:?}", proxy.seen());
    assert_eq!(proxy.seen().len(), 1);
}

#[tokio::test]
async fn socks() {
    let authority = Authority::new();
    let server = registry(Server::builder().tls(authority.server(Flaw::None)), 1).await;
    let proxy = Proxy::start(server.host(), None).await;
    let host = format!("localhost:{}", server.port());
    through(&host, proxy.url("socks5h"), trusting(&authority)).get("team/r0").await.unwrap();
    assert_eq!(proxy.seen(), ["socks localhost"]);
}

#[tokio::test]
async fn a_host_that_is_not_insecure_is_never_spoken_to_plainly() {
    let server = registry(Server::builder(), 1).await;
    let proxy = Proxy::start(server.host(), None).await;
    // the name is nobody's: only the proxy leads to the server
    let setup = through("registry.example:5000", proxy.url("http"), TlsOptions::default());
    let error = setup.get("team/r0").await.unwrap_err();
    assert_eq!((error.code(), error.attempts()), (Code::HttpPlain, 1), "{error}");
    assert!(error.hints().any(|hint| hint.contains("insecure: true")));
    assert_eq!(server.requests().len(), 0);
    let insecure = TlsOptions { insecure: true, ..TlsOptions::default() };
    through("registry.example:5000", proxy.url("http"), insecure).get("team/r0").await.unwrap();
    assert!(
        proxy.seen().iter().any(|line| line.starts_with("GET http://registry.example:5000/v2/"))
    );
}

#[tokio::test]
async fn certificates_are_checked_through_a_proxy_too() {
    let authority = Authority::new();
    let server = registry(Server::builder().tls(authority.server(Flaw::None)), 1).await;
    let proxy = Proxy::start(server.host(), None).await;
    let setup = through("registry.example", proxy.url("http"), trusting(&authority));
    let error = setup.get("team/r0").await.unwrap_err();
    assert_eq!(error.code(), Code::TlsName, "{error}");
    assert!(error.to_string().contains("localhost"), "{error}");
}

#[tokio::test]
async fn a_proxy_that_refuses_is_named_without_its_password() {
    for refusal in [
        "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n",
    ] {
        let proxy = Proxy::start("127.0.0.1:1", Some(refusal)).await;
        for tls in [TlsOptions::default(), TlsOptions { insecure: true, ..TlsOptions::default() }] {
            let setup = through("registry.example:5000", proxy.url("http"), tls);
            let error = setup.get("team/r0").await.unwrap_err();
            assert_eq!(error.code(), Code::ProxyFailed, "{refusal}: {error}");
            let text = format!("{error} {error:?} {:?} {:?}", setup.client, setup.owner);
            assert!(error.to_string().contains(&format!("http://{}", proxy.host)), "{text}");
            assert!(!text.contains("canary"), "{text}");
        }
    }
}

#[tokio::test]
async fn a_proxy_that_is_away() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    drop(listener);
    for scheme in ["http", "socks5"] {
        let proxy = Url::parse(&format!("{scheme}://u:canary@{host}")).unwrap();
        let setup = through("127.0.0.1:5000", proxy, TlsOptions::default());
        let error = setup.get("team/r0").await.unwrap_err();
        assert_eq!(error.code(), Code::ProxyFailed, "{error}");
        assert!(!error.to_string().contains("canary"), "{error}");
    }
}
