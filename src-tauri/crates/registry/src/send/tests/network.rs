//! Failures of the network and of servers, and what is tried again.

use testkit::{Cut, Fault, Quirk, Registry as Server, Reply, Stall};
use tokio::net::TcpListener;

use super::*;

async fn plain() -> (Server, Setup) {
    let server = registry(Server::builder(), 1).await;
    let setup = Setup::anonymous(server.host());
    (server, setup)
}

#[tokio::test]
async fn statuses_that_may_pass_are_tried_again() {
    for status in [408, 429, 500, 502, 503, 504, 522] {
        let (server, setup) = plain().await;
        server.fault(Fault::on(Kind::Manifest).times(3).status(status));
        setup.get("team/r0").await.unwrap_or_else(|error| panic!("{status}: {error}"));
        assert_eq!(manifests(&server), 4, "{status}");
        server.assert_all_fired();
    }
}

#[tokio::test]
async fn statuses_that_stay_are_not() {
    for (status, code) in [
        (400, Code::RegistryRefused),
        (403, Code::PullDenied),
        (404, Code::RefNotFound),
        (405, Code::RegistryRefused),
        (413, Code::RegistryRefused),
        (501, Code::RegistryFailed),
        (505, Code::RegistryFailed),
        (507, Code::QuotaExceeded),
    ] {
        let (server, setup) = plain().await;
        server.fault(Fault::on(Kind::Manifest).status(status));
        let error = setup.get("team/r0").await.unwrap_err();
        assert_eq!((error.code(), error.http_status()), (code, Some(status)), "{error}");
        assert_eq!((manifests(&server), error.attempts()), (1, 1), "{status}");
    }
}

#[tokio::test]
async fn a_registry_that_stays_broken_is_told_with_tries_and_its_own_words() {
    let (server, setup) = plain().await;
    let reply = Reply::error(500, "UNKNOWN", "the disk\u{1b}[31m is on fire");
    server.fault(Fault::on(Kind::Manifest).always().answer(reply));
    let error = setup.get("team/r0").await.unwrap_err();
    assert_eq!((error.code(), error.attempts()), (Code::RegistryFailed, 4));
    assert_eq!(error.registry_code(), Some("UNKNOWN"));
    let text = error.to_string();
    let expected = format!(
        "reading the manifest failed: source {}/team/r0:1: HTTP 500 UNKNOWN: the disk [31m is on fire (after 4 tries in ",
        server.host()
    );
    assert!(text.starts_with(&expected), "{text}");
    assert_eq!(manifests(&server), 4);
}

#[tokio::test]
async fn out_of_space_in_the_words_of_registries() {
    for reply in [
        Reply::error(
            403,
            "DENIED",
            "adding 1 MiB will exceed the configured upper limit of 10 MiB",
        ),
        Reply::error(403, "DENIED", "Quota has been exceeded on namespace"),
        Reply::error(500, "UNKNOWN", "write /var: no space left on device"),
    ] {
        let (server, setup) = plain().await;
        server.fault(Fault::on(Kind::Manifest).always().answer(reply));
        assert_eq!(setup.get("team/r0").await.unwrap_err().code(), Code::QuotaExceeded);
    }
}

#[tokio::test]
async fn broken_connections_are_replaced() {
    for cut in [Cut::Close, Cut::Reset] {
        let (server, setup) = plain().await;
        let fault = match cut {
            Cut::Close => Fault::on(Kind::Manifest).times(2).hang_up(),
            Cut::Reset => Fault::on(Kind::Manifest).times(2).reset(),
        };
        server.fault(fault);
        setup.get("team/r0").await.unwrap();
        assert_eq!(manifests(&server), 3);
        server.assert_all_fired();
    }
    let (server, setup) = plain().await;
    server.fault(Fault::on(Kind::Manifest).always().hang_up());
    let error = setup.get("team/r0").await.unwrap_err();
    assert_eq!((error.code(), error.is_retryable()), (Code::NetReset, true), "{error}");
    assert_eq!((error.attempts(), manifests(&server)), (4, 4));
}

#[tokio::test]
async fn no_retry_where_none_is_wanted() {
    let (server, setup) = plain().await;
    server.fault(Fault::on(Kind::Manifest).always().status(503));
    let error = setup.get_as("team/r0", Side::Source, |ask| ask.retry = false).await.unwrap_err();
    assert_eq!((error.attempts(), manifests(&server)), (1, 1), "{error}");
    assert!(error.is_retryable());
}

#[tokio::test]
async fn an_answer_that_never_comes_is_a_stall() {
    let server = registry(Server::builder(), 1).await;
    let options = ClientOptions { stall: Duration::from_millis(150), ..quick() };
    let setup = Setup::new(server.host(), options, openly());
    setup.get("team/r0").await.unwrap();
    let fault = server.fault(Fault::on(Kind::Manifest).times(2).stall(Stall::Answer));
    setup.get("team/r0").await.unwrap();
    assert_eq!(fault.fired(), 2);
    server.fault(Fault::on(Kind::Manifest).always().stall(Stall::Answer));
    let error = setup.get("team/r0").await.unwrap_err();
    assert_eq!((error.code(), error.attempts()), (Code::NetTimeout, 4), "{error}");
    assert!(error.to_string().contains("no answer came for 0."), "{error}");
}

#[tokio::test]
async fn a_body_that_stops_is_a_stall_and_one_that_is_slow_is_not() {
    let server = registry(Server::builder(), 1).await;
    let options = ClientOptions { stall: Duration::from_millis(150), ..quick() };
    let setup = Setup::new(server.host(), options, openly());
    server.fault(Fault::on(Kind::Manifest).stall(Stall::AnswerBody(10)));
    let error = setup.get("team/r0").await.unwrap_err();
    assert_eq!((error.code(), error.is_retryable()), (Code::NetTimeout, true), "{error}");
    server.fault(Fault::on(Kind::Manifest).cut_after(10));
    let error = setup.get("team/r0").await.unwrap_err();
    assert_eq!((error.code(), error.is_retryable()), (Code::NetReset, true), "{error}");
    server.assert_all_fired();
    let drip = async |head, drip| {
        let host = speaker(head, drip, Duration::from_millis(20)).await;
        let options = ClientOptions { stall: Duration::from_millis(150), retries: 0, ..quick() };
        Setup::new(&host, options, openly()).get("team/r0").await
    };
    // slower than the stall in all, never silent for so long
    let body = drip("HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n", "slow but sure").await;
    assert_eq!(body.unwrap(), "slow but sure");
    // headers must come in time as a whole
    let error = drip("HTTP/1.1 200 OK\r\n", "Content-Length: 0\r\n\r\n").await.unwrap_err();
    assert_eq!(error.code(), Code::NetTimeout, "{error}");
}

#[tokio::test]
async fn an_upload_may_be_answered_late_and_its_feeder_may_be_slow() {
    let server = registry(Server::builder(), 1).await;
    let options = ClientOptions {
        stall: Duration::from_millis(100),
        upload_answer: Duration::from_secs(5),
        ..quick()
    };
    let setup = Setup::new(server.host(), options, openly());
    let name = "team/r0".parse().unwrap();
    let upload = async |wait: Wait| {
        let answer = setup.post("team/r0").await.unwrap();
        let url = crate::redirect::resolve(&answer, answer.header(LOCATION).unwrap()).unwrap();
        let mut ask = Ask::new("writing the blob", Method::PATCH, Place::Url(url));
        // the feeder pauses longer than a stall
        let stream = futures_util::stream::unfold(0, async |n| {
            tokio::time::sleep(Duration::from_millis(if n == 1 { 250 } else { 0 })).await;
            (n < 2).then(|| (Ok(Bytes::from_static(b"01234")), n + 1))
        });
        ask.body = Body::Stream { len: 10, stream: Box::pin(stream) };
        ask.wait = wait;
        setup.client.send(&setup.registry, Some(&name), Side::Destination, ask).await
    };
    upload(Wait::Answer).await.unwrap();
    let late = || {
        Fault::on(Kind::UploadData).does(testkit::Action::DelayAnswer(Duration::from_millis(300)))
    };
    server.fault(late());
    upload(Wait::Upload).await.unwrap();
    server.fault(late());
    let error = upload(Wait::Answer).await.unwrap_err();
    assert_eq!((error.code(), error.attempts()), (Code::NetTimeout, 1), "{error}");
    server.assert_all_fired();
    let patch = server.requests().into_iter().find(|r| r.kind == Kind::UploadData).unwrap();
    assert_eq!(patch.header("content-length"), Some("10"));
    assert_eq!(patch.header("transfer-encoding"), None);
}

#[tokio::test]
async fn an_upload_that_the_registry_does_not_take_is_a_stall() {
    for streams in [false, true] {
        let server = registry(Server::builder(), 1).await;
        let options = ClientOptions { stall: Duration::from_millis(200), retries: 0, ..quick() };
        let setup = Setup::new(server.host(), options, openly());
        let answer = setup.post("team/r0").await.unwrap();
        let url = crate::redirect::resolve(&answer, answer.header(LOCATION).unwrap()).unwrap();
        server.fault(Fault::on(Kind::UploadData).stall(Stall::RequestBody(1)));
        let mut ask = Ask::new("writing the blob", Method::PATCH, Place::Url(url));
        let bytes = Bytes::from(vec![7; 32 << 20]);
        ask.body = if streams {
            let piece = bytes.slice(..1 << 20);
            let pieces = futures_util::stream::iter((0..32).map(move |_| Ok(piece.clone())));
            Body::Stream { len: 32 << 20, stream: Box::pin(pieces) }
        } else {
            Body::Bytes(bytes)
        };
        ask.wait = Wait::Upload;
        let name = "team/r0".parse().unwrap();
        let error = setup
            .client
            .send(&setup.registry, Some(&name), Side::Destination, ask)
            .await
            .unwrap_err();
        assert_eq!(error.code(), Code::NetTimeout, "{error}");
        assert!(error.to_string().contains("took no byte"), "{error}");
        server.assert_all_fired();
    }
}

#[tokio::test]
async fn nobody_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    drop(listener);
    let setup = Setup::anonymous(&host);
    let error = setup.get("team/r0").await.unwrap_err();
    assert_eq!((error.code(), error.attempts()), (Code::NetReset, 4), "{error}");
    assert!(error.to_string().contains("the connection was refused"), "{error}");
    let begin = std::time::Instant::now();
    for _ in 0..100 {
        let error = setup.get("team/r1").await.unwrap_err();
        assert_eq!(error.code(), Code::NetReset);
        assert_eq!(error.about(), Some(&*format!("{host}/team/r1:1")));
    }
    assert!(begin.elapsed() < Duration::from_secs(1), "what never answered is not tried by each");
}

#[tokio::test]
async fn a_registry_that_comes_up_late_is_waited_for() {
    let server = registry(Server::builder(), 1).await;
    let port = server.port();
    server.stop();
    drop(server);
    let options = ClientOptions { backoff: Duration::from_millis(100), ..quick() };
    let setup = Setup::new(&format!("127.0.0.1:{port}"), options, openly());
    let (result, server) = tokio::join!(setup.get("team/r0"), async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        registry(Server::builder().port(port), 1).await
    });
    result.unwrap();
    assert_eq!(manifests(&server), 1);
}

#[tokio::test]
async fn a_name_that_does_not_resolve() {
    let host = "no-such-host.invalid:5000";
    let error = Setup::anonymous(host).get("team/r0").await.unwrap_err();
    assert_eq!((error.code(), error.attempts()), (Code::NetDns, 4), "{error}");
    assert!(error.hints().any(|hint| hint.contains(host)));
    let host = format!("{}.invalid:5000", "a".repeat(64));
    let error = Setup::anonymous(&host).get("team/r0").await.unwrap_err();
    assert_eq!((error.code(), error.attempts()), (Code::NetDns, 1), "{error}");
}

#[tokio::test]
async fn what_is_no_registry() {
    let server = registry(Server::builder().quirk(Quirk::Html), 1).await;
    let setup = Setup::anonymous(server.host());
    let error = setup.client.ping(&setup.registry).await.unwrap_err();
    assert_eq!(error.code(), Code::NotARegistry, "{error}");
    for reply in [Reply::html(404, "Not Found"), Reply::text(404, "404 page not found")] {
        let server = registry(Server::builder(), 1).await;
        server.fault(Fault::on(Kind::Any).always().answer(reply));
        let setup = Setup::anonymous(server.host());
        let error = setup.client.ping(&setup.registry).await.unwrap_err();
        assert_eq!(error.code(), Code::NotARegistry, "{error}");
    }
    let page = "HTTP/1.1 404 Not Found\r\nContent-Length: 13\r\n\r\n<html></html>";
    let host = speaker(page, "", Duration::ZERO).await;
    let error = Setup::anonymous(&host).get("team/r0").await.unwrap_err();
    assert_eq!(error.code(), Code::NotARegistry, "{error}");
}

#[tokio::test]
async fn a_server_that_speaks_something_else() {
    let host = speaker("SSH-2.0-OpenSSH_9.2\r\n", "", Duration::ZERO).await;
    let error = Setup::anonymous(&host).get("team/r0").await.unwrap_err();
    assert_eq!(error.code(), Code::NetReset, "{error}");
}

#[tokio::test]
async fn a_connection_serves_many_requests() {
    let (server, setup) = plain().await;
    for _ in 0..20 {
        setup.get("team/r0").await.unwrap();
    }
    // the first one asked for TLS
    assert!(server.connections() <= 2, "{}", server.connections());
}

#[tokio::test]
async fn connections_that_the_server_closes_in_between_cost_no_try() {
    let server = registry(Server::builder().quirk(Quirk::RequestsPerConnection(1)), 1).await;
    let options = ClientOptions { retries: 0, ..quick() };
    let setup = Setup::new(server.host(), options, openly());
    for _ in 0..20 {
        setup.get("team/r0").await.unwrap();
    }
}

#[tokio::test]
async fn headers_that_every_request_has() {
    let (server, setup) = plain().await;
    setup.get("team/r0").await.unwrap();
    let request = &server.requests()[0];
    assert_eq!(request.header("accept-encoding"), Some("identity"));
    assert_eq!(
        request.header("user-agent"),
        Some(concat!("image-syncer/", env!("CARGO_PKG_VERSION")))
    );
    assert_eq!(request.header("content-length"), None);
    assert_eq!(request.header("authorization"), None);
}
