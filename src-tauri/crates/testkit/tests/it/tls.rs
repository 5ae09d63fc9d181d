//! TLS: what the certificates are worth to a client that trusts the authority. `skopeo.rs` has the flaws.

use reqwest::{Certificate, Identity};
use testkit::{
    Fault, Kind, Registry, Stall,
    tls::{Authority, Flaw},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

fn client(authority: &Authority, identity: Option<&str>) -> reqwest::Client {
    let root = Certificate::from_pem(authority.pem().as_bytes()).unwrap();
    let builder = reqwest::Client::builder().no_proxy().tls_certs_only([root]);
    let builder = match identity {
        Some(pem) => builder.identity(Identity::from_pem(pem.as_bytes()).unwrap()),
        None => builder,
    };
    builder.build().unwrap()
}

#[tokio::test]
async fn good_certificates_are_good_and_flawed_ones_are_not() {
    let authority = Authority::new();
    for (flaw, good) in [
        (Flaw::None, true),
        (Flaw::Expired, false),
        (Flaw::NotYetValid, false),
        (Flaw::WrongName, false),
        (Flaw::SelfSigned, false),
    ] {
        let registry = Registry::builder().tls(authority.server(flaw)).start().await;
        assert!(registry.url().starts_with("https://localhost:"));
        let answer = client(&authority, None).get(format!("{}/v2/", registry.url())).send().await;
        assert_eq!(answer.is_ok_and(|answer| answer.status().is_success()), good, "{flaw:?}");
        let by_address = format!("https://127.0.0.1:{}/v2/", registry.port());
        assert_eq!(client(&authority, None).get(by_address).send().await.is_ok(), good, "{flaw:?}");
    }
}

#[tokio::test]
async fn clients_can_be_asked_for_a_certificate() {
    let authority = Authority::new();
    let tls = authority.server(Flaw::None).require_client(&authority);
    let registry = Registry::builder().tls(tls).start().await;
    let url = format!("{}/v2/", registry.url());
    assert!(client(&authority, None).get(&url).send().await.is_err());
    let stranger = Authority::new().client("stranger");
    assert!(client(&authority, Some(&stranger)).get(&url).send().await.is_err());
    assert!(registry.requests().is_empty());
    let friend = authority.client("friend");
    assert!(
        client(&authority, Some(&friend)).get(&url).send().await.unwrap().status().is_success()
    );
}

#[tokio::test]
async fn plain_http_is_told_off_and_the_handshake_can_hang() {
    let authority = Authority::new();
    let registry = Registry::builder().tls(authority.server(Flaw::None)).start().await;
    let mut stream = TcpStream::connect(("127.0.0.1", registry.port())).await.unwrap();
    stream.write_all(b"GET /v2/ HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(
        answer.starts_with("HTTP/1.0 400") && answer.contains("HTTP request to an HTTPS server"),
        "{answer}"
    );

    let fault = registry.fault(Fault::on(Kind::Connect).stall(Stall::Answer));
    let url = format!("{}/v2/", registry.url());
    let call = tokio::spawn({
        let client = client(&authority, None);
        async move { client.get(url).send().await }
    });
    fault.wait_fired().await;
    assert!(!call.is_finished() && registry.requests().is_empty());
    fault.release();
    assert!(call.await.unwrap().unwrap().status().is_success());
}
