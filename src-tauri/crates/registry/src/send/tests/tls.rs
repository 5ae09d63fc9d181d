//! Certificates, right and wrong, and plain HTTP.

use testkit::{
    Fault, Registry as Server, Stall,
    tls::{Authority, Flaw, ServerTls},
};

use super::*;
use crate::{Fingerprint, Identity};

async fn server(tls: ServerTls) -> Server {
    registry(Server::builder().tls(tls), 1).await
}

fn trusting(authority: &Authority) -> TlsOptions {
    TlsOptions { ca: Some(authority.pem().as_bytes().into()), ..TlsOptions::default() }
}

fn insecure() -> TlsOptions {
    TlsOptions { insecure: true, ..TlsOptions::default() }
}

fn setup(host: &str, tls: TlsOptions) -> Setup {
    Setup::new(host, quick(), Access { tls, ..Access::default() })
}

#[tokio::test]
async fn a_ca_of_ones_own() {
    let authority = Authority::new();
    let server = server(authority.server(Flaw::None)).await;
    setup(server.host(), trusting(&authority)).get("team/r0").await.unwrap();
    let error = setup(server.host(), TlsOptions::default()).get("team/r0").await.unwrap_err();
    assert_eq!((error.code(), error.attempts()), (Code::TlsUntrusted, 1), "{error}");
    let error = setup(server.host(), trusting(&Authority::new())).get("team/r0").await.unwrap_err();
    assert_eq!(error.code(), Code::TlsUntrusted, "{error}");
    assert_eq!(manifests(&server), 1);
}

#[tokio::test]
async fn what_is_wrong_with_a_certificate_is_said() {
    let authority = Authority::new();
    for (flaw, code, words) in [
        (Flaw::Expired, Code::TlsExpired, "the certificate expired on "),
        (Flaw::NotYetValid, Code::TlsExpired, "the certificate is not valid before "),
        (Flaw::WrongName, Code::TlsName, "not for localhost"),
        (Flaw::SelfSigned, Code::TlsUntrusted, "nobody that this system trusts"),
    ] {
        let server = server(authority.server(flaw)).await;
        let setup = setup(server.host(), trusting(&authority));
        let error = setup.get("team/r0").await.unwrap_err();
        assert_eq!((error.code(), error.attempts()), (code, 1), "{error}");
        assert!(error.to_string().contains(words), "{error}");
        assert!(error.hints().next().is_some());
        assert!(!error.is_retryable());
    }
}

#[tokio::test]
async fn a_certificate_that_is_an_authority_s_own_is_trusted_by_itself_alone() {
    let authority = Authority::new();
    let own = async |flaw| {
        let tls = authority.server_that_is_an_authority(flaw);
        let pem = tls.pem().to_owned();
        (server(tls).await, pem)
    };
    let trusted =
        |pem: &str| TlsOptions { ca: Some(pem.as_bytes().into()), ..TlsOptions::default() };
    let (server, pem) = own(Flaw::None).await;
    setup(server.host(), trusted(&pem)).get("team/r0").await.unwrap();
    // another of the same kind, and no list of authorities at all
    let (_other, other) = own(Flaw::None).await;
    for tls in [trusted(&other), TlsOptions::default()] {
        let error = setup(server.host(), tls).get("team/r0").await.unwrap_err();
        assert_eq!(error.code(), Code::TlsUntrusted, "{error}");
        assert!(!error.to_string().contains("Other"), "{error}");
    }
    for (flaw, code) in [
        (Flaw::WrongName, Code::TlsName),
        (Flaw::Expired, Code::TlsExpired),
        (Flaw::NotYetValid, Code::TlsExpired),
    ] {
        let (server, pem) = own(flaw).await;
        let error = setup(server.host(), trusted(&pem)).get("team/r0").await.unwrap_err();
        assert_eq!(error.code(), code, "{error}");
    }
}

#[tokio::test]
async fn insecure_takes_any_certificate() {
    let authority = Authority::new();
    for flaw in [Flaw::None, Flaw::Expired, Flaw::NotYetValid, Flaw::WrongName, Flaw::SelfSigned] {
        let server = server(authority.server(flaw)).await;
        setup(server.host(), insecure()).get("team/r0").await.unwrap();
    }
}

#[tokio::test]
async fn insecure_speaks_plain_http_where_there_is_no_tls_and_finds_out_once() {
    let server = registry(Server::builder(), 1).await;
    let setup = setup(server.host(), insecure());
    let all = futures_util::future::join_all((0..8).map(|_| setup.get("team/r0"))).await;
    assert!(all.iter().all(Result::is_ok));
    assert_eq!(manifests(&server), 8);
    assert!(server.connections() <= 1 + 8, "one connection more than requests at once");
}

#[tokio::test]
async fn a_registry_that_has_spoken_tls_is_never_spoken_to_plainly() {
    let authority = Authority::new();
    let tls = server(authority.server(Flaw::None)).await;
    let port = tls.port();
    let setup = setup(tls.host(), TlsOptions { insecure: true, ..trusting(&authority) });
    setup.get("team/r0").await.unwrap();
    tls.stop();
    drop(tls);
    let plain = loop {
        // the port is free once the last connection is gone
        if let Ok(plain) = Server::builder().port(port).try_start().await {
            break plain;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    let error = setup.get("team/r0").await.unwrap_err();
    assert_eq!(error.code(), Code::HttpPlain, "{error}");
    assert_eq!(plain.requests().len(), 0);
}

#[tokio::test]
async fn a_client_certificate() {
    let authority = Authority::new();
    let server = server(authority.server(Flaw::None).require_client(&authority)).await;
    let pem = authority.client("alice");
    let identity = Some(Identity(pem.as_bytes().into()));
    let with = setup(server.host(), TlsOptions { identity, ..trusting(&authority) });
    with.get("team/r0").await.unwrap();
    let error = setup(server.host(), trusting(&authority)).get("team/r0").await.unwrap_err();
    assert_eq!(error.code(), Code::TlsFailed, "{error}");
    assert!(error.to_string().contains("client certificate"), "{error}");
    let pem = Authority::new().client("mallory");
    let identity = Some(Identity(pem.as_bytes().into()));
    let other = setup(server.host(), TlsOptions { identity, ..trusting(&authority) });
    let error = other.get("team/r0").await.unwrap_err();
    assert_eq!(error.code(), Code::TlsFailed, "{error}");
}

#[tokio::test]
async fn a_client_certificate_stays_at_home() {
    let authority = Authority::new();
    let there = server(authority.server(Flaw::None).require_client(&authority)).await;
    let redirect = testkit::Quirk::RedirectManifests(testkit::Redirect::base(there.url()));
    let tls = authority.server(Flaw::None).require_client(&authority);
    let server = registry(Server::builder().tls(tls).quirk(redirect), 1).await;
    let pem = authority.client("alice");
    let identity = Some(Identity(pem.as_bytes().into()));
    let setup = setup(server.host(), TlsOptions { identity, ..trusting(&authority) });
    let error = setup.get("team/r0").await.unwrap_err();
    assert_eq!(error.code(), Code::TlsFailed, "{error}");
    assert_eq!((manifests(&server), manifests(&there)), (1, 0));
}

#[tokio::test]
async fn one_certificate_is_trusted_whoever_signed_it() {
    let authority = Authority::new();
    for flaw in [Flaw::None, Flaw::SelfSigned, Flaw::Expired, Flaw::WrongName] {
        let tls = authority.server(flaw);
        let pin = Some(Fingerprint::of(tls.der()));
        let server = server(tls.require_client(&authority)).await;
        let pem = authority.client("alice");
        let identity = Some(Identity(pem.as_bytes().into()));
        setup(server.host(), TlsOptions { pin, identity, ..TlsOptions::default() })
            .get("team/r0")
            .await
            .unwrap();
        assert_eq!(manifests(&server), 1);
    }
}

#[tokio::test]
async fn a_certificate_that_changed_since_it_was_trusted_is_told_with_both_fingerprints() {
    let authority = Authority::new();
    let before = Fingerprint::of(authority.server(Flaw::None).der());
    let tls = authority.server(Flaw::None);
    let now = Fingerprint::of(tls.der());
    let server = server(tls).await;
    // a signature that would be good enough without the pin is not, and neither is not looking at all
    for tls in [trusting(&authority), insecure()] {
        let setup = setup(server.host(), TlsOptions { pin: Some(before), ..tls });
        let error = setup.get("team/r0").await.unwrap_err();
        assert_eq!((error.code(), error.attempts()), (Code::TlsChanged, 1), "{error}");
        let text = error.to_string();
        let expected = format!("expected {before}, got {now}");
        assert!(text.contains(&expected), "{text}");
    }
    assert_eq!(server.requests().len(), 0);
}

#[tokio::test]
async fn a_pin_is_for_the_registry_s_own_host() {
    let authority = Authority::new();
    let there = server(authority.server(Flaw::None)).await;
    let redirect = testkit::Quirk::RedirectManifests(testkit::Redirect::base(there.url()));
    let tls = authority.server(Flaw::None);
    let pin = Some(Fingerprint::of(tls.der()));
    let server = registry(Server::builder().tls(tls).quirk(redirect), 1).await;
    let setup = setup(server.host(), TlsOptions { pin, ..trusting(&authority) });
    setup.get("team/r0").await.unwrap();
    assert_eq!((manifests(&server), manifests(&there)), (1, 1));
}

#[tokio::test]
async fn plain_http_is_spoken_at_once_where_that_is_asked() {
    let server = registry(Server::builder(), 1).await;
    let plain = || TlsOptions { plain_http: true, ..TlsOptions::default() };
    setup(server.host(), plain()).get("team/r0").await.unwrap();
    assert_eq!((manifests(&server), server.connections()), (1, 1), "TLS was not tried");
    // and a server of TLS is not spoken to by TLS then
    let authority = Authority::new();
    let tls = self::server(authority.server(Flaw::None)).await;
    let error = setup(tls.host(), plain()).get("team/r0").await.unwrap_err();
    assert_eq!(error.http_status(), Some(400), "{error}");
}

#[tokio::test]
async fn certificates_that_are_none() {
    for tls in [
        TlsOptions { ca: Some(b"no PEM".as_slice().into()), ..TlsOptions::default() },
        TlsOptions {
            identity: Some(Identity(b"no PEM".as_slice().into())),
            ..TlsOptions::default()
        },
    ] {
        let error = setup("127.0.0.1:1", tls).get("team/r0").await.unwrap_err();
        assert_eq!(error.code(), Code::ConfigInvalid, "{error}");
        assert!(error.to_string().contains("certificate can't be used"), "{error}");
    }
}

#[tokio::test]
async fn a_handshake_that_hangs_is_tried_again() {
    let authority = Authority::new();
    let server = server(authority.server(Flaw::None)).await;
    let fault = server.fault(Fault::on(Kind::Connect).times(2).stall(Stall::Answer));
    let options = ClientOptions { stall: Duration::from_millis(200), ..quick() };
    let access = Access { tls: trusting(&authority), ..Access::default() };
    let setup = Setup::new(server.host(), options, access);
    setup.get("team/r0").await.unwrap();
    assert_eq!((fault.fired(), manifests(&server)), (2, 1));
}

#[tokio::test]
async fn a_handshake_that_is_cut_is_tried_again() {
    let authority = Authority::new();
    let server = server(authority.server(Flaw::None)).await;
    let fault = server.fault(Fault::on(Kind::Connect).times(2).hang_up());
    // where plain HTTP may be spoken, it is tried and meets a TLS server, and the cut is what is told
    let setup = setup(server.host(), trusting(&authority));
    setup.get("team/r0").await.unwrap();
    assert!(fault.fired() == 2);
    assert_eq!(manifests(&server), 1);
}

#[tokio::test]
async fn two_ways_of_speaking_tls_with_one_host_are_kept_apart() {
    let authority = Authority::new();
    let server = server(authority.server(Flaw::None)).await;
    let connections = crate::tls::Connections::new(Duration::from_secs(5));
    let url = format!("{}/v2/", server.url());
    for _ in 0..2 {
        let get = || reqwest::Request::new(Method::GET, url.parse().unwrap());
        let trusted = connections.pool(&trusting(&authority), None).unwrap().single;
        trusted.execute(get()).await.unwrap();
        let pool = connections.pool(&TlsOptions::default(), None).unwrap().single;
        assert!(pool.execute(get()).await.is_err());
        // nor does the one take what was begun for the other
        trusted.dial(&url.parse().unwrap());
        assert!(pool.execute(get()).await.is_err());
    }
}
