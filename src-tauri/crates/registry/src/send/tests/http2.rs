//! One connection for many small requests, and what becomes of them when it breaks.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use http::Version;
use testkit::{
    Action, Fault, Registry as Server, Request, Stall,
    tls::{Authority, Flaw},
};

use super::*;
use crate::Repository;

async fn server(is_http2: bool) -> (Server, Setup) {
    server_with(is_http2, quick()).await
}

async fn server_with(is_http2: bool, options: ClientOptions) -> (Server, Setup) {
    let authority = Authority::new();
    let tls = authority.server(Flaw::None);
    let tls = if is_http2 { tls.http2() } else { tls };
    let server = registry(Server::builder().tls(tls), 20).await;
    let ca = Some(authority.pem().as_bytes().into());
    let access = Access { tls: TlsOptions { ca, ..TlsOptions::default() }, ..Access::default() };
    let setup = Setup::new(server.host(), options, access);
    (server, setup)
}

/// Reads a manifest of each repository at once.
async fn read_all(setup: &Setup) {
    let all = (0..20).map(|n| async move { setup.get(&format!("team/r{n}")).await });
    join_all(all).await.into_iter().for_each(|read| drop(read.unwrap()));
}

fn connections(requests: &[Request], version: Version) -> BTreeSet<u64> {
    requests.iter().filter(|r| r.version == version).map(|r| r.connection).collect()
}

#[tokio::test]
async fn small_requests_share_a_connection_until_uploads_have_their_own() {
    let (server, setup) = server(true).await;
    read_all(&setup).await;
    assert_eq!((manifests(&server), server.connections()), (20, 1));
    let posts = (0..4).map(|n| {
        let setup = &setup;
        async move { setup.post(&format!("team/r{n}")).await }
    });
    join_all(posts).await.into_iter().for_each(|post| drop(post.unwrap()));
    let requests = server.requests();
    assert_eq!(connections(&requests, Version::HTTP_2).len(), 1);
    let posts = requests.iter().filter(|r| r.method == "POST");
    assert!(posts.clone().count() == 4 && posts.clone().all(|r| r.version == Version::HTTP_11));
    let uploads = connections(&requests, Version::HTTP_11);
    server.clear_log();
    setup.get("team/r0").await.unwrap();
    let requests = server.requests();
    assert!(connections(&requests, Version::HTTP_11).is_subset(&uploads), "{requests:#?}");
    assert_eq!(connections(&requests, Version::HTTP_2).len(), 0);
}

#[tokio::test]
async fn without_http2_all_requests_share_connections_of_http1() {
    let (server, setup) = server(false).await;
    // the first tells how the host speaks
    setup.get("team/r0").await.unwrap();
    for n in 0..5 {
        setup.get(&format!("team/r{n}")).await.unwrap();
        drop(setup.post(&format!("team/r{n}")).await.unwrap().bytes(0).await.unwrap());
    }
    let requests = server.requests();
    assert_eq!(connections(&requests, Version::HTTP_11).len(), 2, "{requests:#?}");
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn http2_is_given_up_when_its_connection_breaks() {
    let (server, setup) = server(true).await;
    setup.get("team/r0").await.unwrap();
    server.clear_log();
    let fault = server.fault(Fault::on(Kind::Manifest).reset());
    read_all(&setup).await;
    assert_eq!(fault.fired(), 1);
    let requests = server.requests();
    assert_eq!(connections(&requests, Version::HTTP_2).len(), 1);
    assert!(!connections(&requests, Version::HTTP_11).is_empty());
    let answered = requests.iter().filter(|r| r.complete);
    let repositories: BTreeSet<_> = answered.map(|r| r.repository.clone()).collect();
    assert_eq!(repositories.len(), 20);
    server.clear_log();
    read_all(&setup).await;
    assert!(server.requests().iter().all(|r| r.version == Version::HTTP_11));
}

#[tokio::test]
async fn a_stream_that_ends_early_is_no_answer() {
    let (server, setup) = server(true).await;
    let fault = server.fault(Fault::on(Kind::Manifest).does(Action::WrongLength(1000)));
    let error = setup.get("team/r0").await.unwrap_err();
    assert_eq!((error.code(), error.is_retryable()), (Code::NetReset, true), "{error}");
    assert_eq!(fault.fired(), 1);
    setup.get("team/r0").await.unwrap();
    assert_eq!(server.requests().last().unwrap().version, Version::HTTP_11);
}

#[tokio::test]
async fn http2_is_given_up_when_it_goes_silent() {
    for stall in [Stall::Answer, Stall::AnswerBody(10)] {
        let options = ClientOptions { stall: Duration::from_millis(300), ..quick() };
        let (server, setup) = server_with(true, options).await;
        setup.get("team/r0").await.unwrap();
        let fault = server.fault(Fault::on(Kind::Manifest).stall(stall));
        // a body is for the caller to read again
        let first = setup.get("team/r0").await;
        assert_eq!(first.is_ok(), stall == Stall::Answer);
        setup.get("team/r1").await.unwrap();
        assert_eq!(fault.fired(), 1);
        let last = server.requests().pop().unwrap();
        assert_eq!((last.version, last.complete), (Version::HTTP_11, true), "{stall:?}");
    }
}

/// Waits until so many connections are there.
async fn connected(server: &Server, connections: u64) {
    while server.connections() < connections {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

fn repository(setup: &Setup, side: Side) -> Repository {
    let name = "team/r0".parse().unwrap();
    match side {
        Side::Source => setup.client.source(&setup.registry, &name),
        Side::Destination => setup.client.destination(&setup.registry, &name),
    }
}

#[tokio::test]
async fn the_first_request_finds_the_connection_made() {
    let (server, setup) = server(true).await;
    repository(&setup, Side::Destination).approach().unwrap().await;
    assert!(repository(&setup, Side::Source).approach().is_none(), "once is enough");
    connected(&server, 1).await;
    assert_eq!(server.requests().len(), 0);
    read_all(&setup).await;
    assert!(repository(&setup, Side::Source).approach().is_none());
    assert_eq!((server.connections(), server.requests().len()), (1, 20));
}

#[tokio::test]
async fn blobs_find_connections_once_the_host_is_known() {
    for requests_per_host in [None, Some(2)] {
        let options = ClientOptions { requests_per_host, ..quick() };
        let (server, setup) = server_with(true, options).await;
        let destination = repository(&setup, Side::Destination);
        assert!(destination.expect_blobs().is_none(), "the host is not known");
        setup.get("team/r0").await.unwrap();
        while let Some(expect) = destination.expect_blobs() {
            expect.await;
        }
        let all = 1 + requests_per_host.unwrap_or(16) as u64;
        connected(&server, all).await;
        assert_eq!(server.requests().len(), 1);
        let posts = join_all((0..20).map(|_| setup.post("team/r0"))).await;
        assert!(posts.iter().all(Result::is_ok));
        let used = connections(&server.requests(), Version::HTTP_11).len();
        assert_eq!((server.connections(), used as u64), (all, all - 1), "{requests_per_host:?}");
        assert!(destination.expect_blobs().is_none(), "they move");
    }
}

#[tokio::test]
async fn nothing_is_begun_while_all_is_paused() {
    let (server, setup) = server(true).await;
    let source = repository(&setup, Side::Source);
    setup.client.pause();
    source.approach().unwrap().await;
    assert_eq!((setup.owner.asked.load(Relaxed), server.connections()), (0, 0));
    setup.client.resume();
    source.approach().unwrap().await;
    connected(&server, 1).await;
}

#[tokio::test]
async fn a_registry_is_not_approached_to_read_what_mirrors_may_have() {
    let (server, setup) = server(true).await;
    let mirror = crate::Mirror { registry: "mirror.example".parse().unwrap(), prefix: None };
    let access = Access { mirrors: vec![mirror], ..setup.owner.access.clone() };
    let setup = Setup::new(server.host(), quick(), access);
    repository(&setup, Side::Source).approach().unwrap().await;
    repository(&setup, Side::Destination).approach().unwrap().await;
    connected(&server, 1).await;
    assert!(repository(&setup, Side::Source).approach().is_none());
    read_all(&setup).await;
    assert_eq!(server.connections(), 1);
}
