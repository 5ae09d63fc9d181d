//! Waits that registries order, room for requests, and what registries tell besides.

use futures_util::future::join_all;
use testkit::{Fault, Quirk, Registry as Server, Reply};

use super::*;
use crate::Quota;

#[tokio::test]
async fn a_wait_in_seconds_costs_no_retry() {
    let server = registry(Server::builder(), 1).await;
    let options = ClientOptions { retries: 0, ..quick() };
    let setup = Setup::new(server.host(), options, openly());
    for status in [429, 503] {
        let reply = Reply::status(status).header("retry-after", "1");
        server.fault(Fault::on(Kind::Manifest).answer(reply));
        let begin = Instant::now();
        setup.get("team/r0").await.unwrap();
        assert!(begin.elapsed() >= Duration::from_millis(950), "{:?}", begin.elapsed());
    }
    assert_eq!(manifests(&server), 4);
    server.assert_all_fired();
}

#[tokio::test]
async fn bodies_that_stall_together_halve_the_room_once() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx";
    let host = speaker(head, "", Duration::ZERO).await;
    let options = ClientOptions { stall: Duration::from_millis(300), ..quick() };
    let setup = Setup::new(&host, options, openly());
    for result in join_all((0..8).map(|_| setup.get("team/r0"))).await {
        assert_eq!(result.unwrap_err().code(), Code::NetTimeout);
    }
    let host = setup.client.host_state(&setup.registry);
    assert_eq!(host.room.limit(Class::Manifest), 8);
    assert_eq!(host.room.limit(Class::Blob), 16, "another class is not to blame");
}

#[tokio::test]
async fn a_wait_until_a_date() {
    let server = registry(Server::builder(), 1).await;
    let setup = Setup::anonymous(server.host());
    let date = Reply::http_date(2);
    server.fault(Fault::on(Kind::Manifest).answer(Reply::too_many_requests(Some(&date))));
    let begin = Instant::now();
    setup.get("team/r0").await.unwrap();
    // dates have no fractions of seconds
    assert!(begin.elapsed() >= Duration::from_millis(900), "{:?}", begin.elapsed());
}

#[tokio::test]
async fn a_wait_holds_for_all_requests_of_the_class_and_no_others() {
    let server = registry(Server::builder(), 2).await;
    let setup = Setup::anonymous(server.host());
    setup.get("team/r0").await.unwrap();
    server.clear_log();
    server.fault(Fault::on(Kind::Manifest).answer(Reply::too_many_requests(Some("1"))));
    let first = setup.get("team/r0");
    let others = async {
        server.wait_for(|all| all.iter().any(|r| r.status == Some(429))).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        let begin = Instant::now();
        drop(setup.post("team/r0").await.unwrap());
        assert!(begin.elapsed() < Duration::from_millis(500), "writes are not held back");
        for result in join_all((0..10).map(|_| setup.get("team/r1"))).await {
            result.unwrap();
        }
    };
    let (first, ()) = tokio::join!(first, others);
    first.unwrap();
    let requests = server.requests();
    let refused = requests.iter().find(|r| r.status == Some(429)).unwrap().started;
    let early = requests.iter().filter(|r| {
        r.kind == Kind::Manifest
            && r.started > refused
            && r.started < refused + Duration::from_millis(950)
    });
    assert_eq!(early.count(), 0);
    assert_eq!(manifests(&server), 12);
}

#[tokio::test]
async fn a_wait_that_is_too_long_is_an_error_at_once() {
    let server = registry(Server::builder(), 1).await;
    let setup = Setup::anonymous(server.host());
    let reply = Reply::error(429, "TOOMANYREQUESTS", "You have reached your pull rate limit.");
    server.fault(Fault::on(Kind::Manifest).always().answer(reply.header("retry-after", "21600")));
    let begin = Instant::now();
    let error = setup.get("team/r0").await.unwrap_err();
    assert_eq!((error.code(), error.attempts()), (Code::RateLimited, 1));
    assert_eq!(error.wait(), Some(Duration::from_hours(6)));
    let text = error.to_string();
    assert!(text.contains("6.0 h") && text.contains("pull rate limit"), "{text}");
    // and the next ones need not ask
    let error = setup.get("team/r0").await.unwrap_err();
    assert_eq!(error.code(), Code::RateLimited);
    assert!(error.wait() > Some(Duration::from_mins(350)));
    assert_eq!(manifests(&server), 1);
    assert!(begin.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn waits_that_never_end_do() {
    let server = registry(Server::builder(), 1).await;
    let options = ClientOptions { longest_wait: Duration::from_secs(2), ..quick() };
    let setup = Setup::new(server.host(), options, openly());
    server.fault(Fault::on(Kind::Manifest).always().answer(Reply::too_many_requests(Some("1"))));
    let error = setup.get("team/r0").await.unwrap_err();
    assert_eq!((error.code(), error.attempts()), (Code::RateLimited, 3), "{error}");
}

#[tokio::test]
async fn a_wait_of_nothing_is_a_failure_like_others() {
    for after in [Some("0"), None] {
        let server = registry(Server::builder(), 1).await;
        let setup = Setup::anonymous(server.host());
        server.fault(Fault::on(Kind::Manifest).always().answer(Reply::too_many_requests(after)));
        let error = setup.get("team/r0").await.unwrap_err();
        assert_eq!((error.code(), error.attempts()), (Code::RateLimited, 4), "{error}");
    }
}

#[tokio::test]
async fn no_more_requests_in_flight_than_allowed() {
    for (requests, own, most) in [(Some(3), None, 3), (Some(8), Some(2), 2), (None, Some(1), 1)] {
        let server = registry(Server::builder(), 1).await;
        let options = ClientOptions { requests_per_host: requests, ..quick() };
        let access = Access { limit: own, ..openly() };
        let setup = Setup::new(server.host(), options, access);
        setup.get("team/r0").await.unwrap();
        server.set_latency(Duration::from_millis(20));
        for result in join_all((0..20).map(|_| setup.get("team/r0"))).await {
            result.unwrap();
        }
        assert_eq!(server.max_in_flight(), most);
    }
}

#[tokio::test]
async fn room_grows_while_all_goes_well() {
    let server = registry(Server::builder().latency(Duration::from_millis(20)), 1).await;
    let setup = Setup::anonymous(server.host());
    for result in join_all((0..300).map(|_| setup.get("team/r0"))).await {
        result.unwrap();
    }
    let most = server.max_in_flight();
    assert!((33..=64).contains(&most), "doubled at least once, and not above the ceiling: {most}");
}

#[tokio::test]
async fn a_request_under_a_permit_takes_no_room_of_its_own() {
    let server = registry(Server::builder(), 1).await;
    let options = ClientOptions { requests_per_host: Some(1), ..quick() };
    let setup = Setup::new(server.host(), options, openly());
    let host: Registry = server.host().parse().unwrap();
    let permit = setup.client.permit(&host, Side::Source).await;
    setup.get_as("team/r0", Side::Source, |ask| ask.room = Room::Held).await.unwrap();
    drop(permit);
    setup.get("team/r0").await.unwrap();
}

#[tokio::test]
async fn answers_that_are_read_make_room_and_those_that_fail_too() {
    let server = registry(Server::builder(), 1).await;
    let options = ClientOptions { requests_per_host: Some(1), ..quick() };
    let setup = Setup::new(server.host(), options, openly());
    let kept = setup.post("team/r0").await.unwrap();
    let absent = setup.get("team/absent").await.unwrap_err();
    assert_eq!(absent.code(), Code::RefNotFound);
    let get = setup.get("team/r0");
    tokio::time::timeout(Duration::from_secs(5), get).await.unwrap().unwrap();
    drop(kept);
}

#[tokio::test]
async fn the_quota_of_docker_hub_is_kept() {
    let server = registry(Server::builder(), 1).await;
    let setup = Setup::anonymous(server.host());
    assert_eq!(setup.client.quota(&setup.registry), None);
    server.fault(Fault::on(Kind::Manifest).header("ratelimit-limit", "100;w=21600"));
    server.fault(Fault::on(Kind::Manifest).header("ratelimit-remaining", "76;w=21600"));
    setup.get("team/r0").await.unwrap();
    let window = Some(Duration::from_hours(6));
    let quota = Quota { limit: 100, remaining: 76, window };
    assert_eq!(setup.client.quota(&setup.registry), Some(quota));
}

#[tokio::test]
async fn what_docker_hub_lets_nobody_read_any_more_is_not_asked_for() {
    let server = registry(Server::builder().quirk(Quirk::HubLimit(2, 21_600)), 1).await;
    let setup = Setup::anonymous(server.host());
    for _ in 0..2 {
        setup.get("team/r0").await.unwrap();
    }
    for result in join_all((0..20).map(|_| setup.get("team/r0"))).await {
        let error = result.unwrap_err();
        assert_eq!(error.code(), Code::RateLimited);
        assert!(error.to_string().contains("6.0 h"), "{error}");
    }
    assert_eq!(manifests(&server), 2, "not one was refused");
    // a HEAD is free, and other classes go on
    drop(setup.post("team/r0").await.unwrap());
    // a short window is waited out by all
    let server = registry(Server::builder().quirk(Quirk::HubLimit(2, 1)), 1).await;
    let setup = Setup::anonymous(server.host());
    for _ in 0..5 {
        setup.get("team/r0").await.unwrap();
    }
    assert_eq!(server.count(|r| r.status == Some(429)), 0);
}

#[tokio::test]
async fn warnings_are_told_once() {
    let quirk = Quirk::Warning("this registry goes away".into());
    let server = registry(Server::builder().quirk(quirk), 1).await;
    let setup = Setup::anonymous(server.host());
    setup.get("team/r0").await.unwrap();
    setup.get("team/r0").await.unwrap();
    let expected = format!("{}: this registry goes away", server.host());
    assert_eq!(setup.client.warnings(), [expected]);
    assert!(setup.client.warnings().is_empty());
}
