//! Where requests are led, and what they show there.

use testkit::{Auth, Fault, Quirk, Redirect, Registry as Server, Reply};

use super::*;

fn redirects(to: &str) -> Quirk {
    Quirk::RedirectManifests(Redirect::base(to))
}

#[tokio::test]
async fn credentials_stay_at_home() {
    let there = registry(Server::builder(), 1).await;
    for (auth, credential) in [
        (Auth::basic("alice", "pw-canary"), basic("alice", "pw-canary")),
        (Auth::token("alice", "pw-canary"), basic("alice", "pw-canary")),
    ] {
        let builder = Server::builder().auth(auth).quirk(redirects(&there.url()));
        let server = registry(builder, 1).await;
        there.clear_log();
        let setup = Setup::with(server.host(), credential);
        let body = setup.get("team/r0").await.unwrap();
        assert_eq!(body, there.manifest("team/r0", "1").unwrap().1);
        for request in there.requests() {
            assert_eq!(request.header("authorization"), None);
            assert!(request.header("accept").is_some_and(|accept| accept.contains("oci")));
        }
        assert_eq!(manifests(&there), 1);
    }
}

#[tokio::test]
async fn credentials_go_along_within_the_registry() {
    let server = registry(Server::builder().auth(Auth::basic("alice", "pw")), 2).await;
    let target = Reply::status(307).header("location", "/v2/team/r1/manifests/1");
    server.fault(Fault::on(Kind::Manifest).repository("team/r0").answer(target));
    let setup = Setup::with(server.host(), basic("alice", "pw"));
    setup.get("team/r0").await.unwrap();
    let last = server.requests().pop().unwrap();
    assert_eq!(last.repository.as_deref(), Some("team/r1"));
    assert!(last.header("authorization").is_some());
}

#[tokio::test]
async fn every_redirect_status_and_head_too() {
    let there = registry(Server::builder(), 1).await;
    for status in [301, 302, 303, 307, 308] {
        let quirk =
            Quirk::RedirectManifests(Redirect::base(there.url()).status(status).with_heads());
        let server = registry(Server::builder().quirk(quirk), 1).await;
        let setup = Setup::anonymous(server.host());
        setup.get("team/r0").await.unwrap();
        setup.get_as("team/r0", Side::Source, |ask| ask.method = Method::HEAD).await.unwrap();
    }
    assert_eq!((manifests(&there), there.count_of("HEAD", Kind::Manifest)), (5, 5));
}

#[tokio::test]
async fn another_registry_that_challenges_gets_a_token_of_nobodys() {
    let there = registry(Server::builder().auth(Auth::public()), 2).await;
    let builder =
        Server::builder().auth(Auth::basic("alice", "pw-canary")).quirk(redirects(&there.url()));
    let server = registry(builder, 2).await;
    let setup = Setup::with(server.host(), basic("alice", "pw-canary"));
    setup.get("team/r0").await.unwrap();
    setup.get("team/r0").await.unwrap();
    assert_eq!(tokens(&there), 1, "kept for the second time");
    setup.get("team/r1").await.unwrap();
    for request in there.requests() {
        let shown = request.header("authorization").unwrap_or_default();
        assert!(!shown.starts_with("Basic"), "{shown}");
    }
    let closed = registry(Server::builder().auth(Auth::basic("bob", "pw")), 1).await;
    let server = registry(Server::builder().quirk(redirects(&closed.url())), 1).await;
    let error = Setup::anonymous(server.host()).get("team/r0").await.unwrap_err();
    assert_eq!(error.code(), Code::AuthRequired, "{error}");
}

#[tokio::test]
async fn a_token_of_nobodys_is_not_shown_to_a_third_host() {
    let storage = registry(Server::builder(), 1).await;
    let builder = Server::builder().auth(Auth::public()).quirk(redirects(&storage.url()));
    let there = registry(builder, 1).await;
    let server = registry(Server::builder().quirk(redirects(&there.url())), 1).await;
    Setup::anonymous(server.host()).get("team/r0").await.unwrap();
    let shown = there.requests().iter().any(|r| r.header("authorization").is_some());
    assert!(shown && tokens(&there) == 1);
    assert_eq!(manifests(&storage), 1);
    assert!(storage.requests().iter().all(|r| r.header("authorization").is_none()));
}

#[tokio::test]
async fn a_circle_ends() {
    let server = registry(Server::builder(), 1).await;
    server.add_quirk(Quirk::CaptivePortal(format!("{}/v2/team/r0/manifests/1", server.url())));
    let error = Setup::anonymous(server.host()).get("team/r0").await.unwrap_err();
    assert_eq!(error.code(), Code::RedirectRefused, "{error}");
    assert_eq!(server.requests().len(), 11);
}

#[tokio::test]
async fn redirects_that_lead_nowhere() {
    for (location, code) in [
        (Some("ftp://127.0.0.1/x"), Code::RedirectRefused),
        (Some("http://"), Code::RedirectRefused),
        (None, Code::RedirectRefused),
    ] {
        let server = registry(Server::builder(), 1).await;
        let reply = Reply::status(302);
        let reply = match location {
            Some(location) => reply.header("location", location),
            None => reply,
        };
        server.fault(Fault::on(Kind::Manifest).always().answer(reply));
        let error = Setup::anonymous(server.host()).get("team/r0").await.unwrap_err();
        assert_eq!(error.code(), code, "{location:?}: {error}");
    }
}

#[tokio::test]
async fn a_storage_that_refuses_is_asked_by_way_of_the_registry_again() {
    let there = registry(Server::builder(), 1).await;
    let server = registry(Server::builder().quirk(redirects(&there.url())), 1).await;
    let expired = Reply::xml(403, "AccessDenied", "Request has expired");
    there.fault(Fault::on(Kind::Manifest).times(2).answer(expired));
    Setup::anonymous(server.host()).get("team/r0").await.unwrap();
    assert_eq!((manifests(&server), manifests(&there)), (3, 3));
}

#[tokio::test]
async fn a_storage_that_is_away_is_named() {
    let there = registry(Server::builder(), 1).await;
    let server = registry(Server::builder().quirk(redirects(&there.url())), 1).await;
    there.stop();
    let error = Setup::anonymous(server.host()).get("team/r0").await.unwrap_err();
    assert_eq!((error.code(), error.attempts()), (Code::NetReset, 8), "{error}");
    assert!(error.to_string().contains("(at 127.0.0.1)"), "{error}");
}

#[tokio::test]
async fn an_upload_is_redirected_only_where_its_body_can_be_sent_again() {
    let server = registry(Server::builder(), 2).await;
    let target = Reply::status(307).header("location", "/v2/team/r1/blobs/uploads/");
    server.fault(Fault::on(Kind::UploadStart).repository("team/r0").answer(target));
    let setup = Setup::anonymous(server.host());
    let answer = setup.post("team/r0").await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.url.path()), (202, "/v2/team/r1/blobs/uploads/"));
    let reply = Reply::status(302).header("location", "/v2/team/r1/blobs/uploads/");
    server.fault(Fault::on(Kind::UploadStart).answer(reply));
    let error = setup.post("team/r0").await.unwrap_err();
    assert_eq!(error.code(), Code::RedirectRefused, "{error}");
}

#[tokio::test]
async fn an_upload_at_another_host_gets_no_credentials() {
    let there = registry(Server::builder(), 1).await;
    let server = registry(Server::builder().auth(Auth::basic("alice", "pw")), 1).await;
    let setup = Setup::with(server.host(), basic("alice", "pw"));
    let answer = setup.post("team/r0").await.unwrap();
    let target = format!("{}/v2/team/r0/blobs/uploads/", there.url());
    let url = crate::redirect::resolve(&answer, &target).unwrap();
    let ask = Ask::new("writing the blob", Method::POST, Place::Url(url));
    let name = "team/r0".parse().unwrap();
    setup.client.send(&setup.registry, Some(&name), Side::Destination, ask).await.unwrap();
    assert_eq!(there.requests()[0].header("authorization"), None);
}
