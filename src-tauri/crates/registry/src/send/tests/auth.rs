//! Challenges, tokens and logins.

use futures_util::future::join_all;
use testkit::{
    Auth, Fault, Quirk, Registry as Server, Reply, TokenAuth,
    auth::{PostForm, Users},
};

use super::*;

const RIGHT: (&str, &str) = ("alice", "right-password");

async fn token_registry(repositories: usize) -> Server {
    registry(Server::builder().auth(Auth::token(RIGHT.0, RIGHT.1)), repositories).await
}

fn alice() -> Credential {
    basic(RIGHT.0, RIGHT.1)
}

#[tokio::test]
async fn a_challenge_is_met_once_per_host_and_a_token_fetched_once_per_repository() {
    let server = token_registry(2).await;
    let setup = Setup::with(server.host(), alice());
    setup.get("team/r0").await.unwrap();
    assert_eq!((manifests(&server), tokens(&server)), (2, 1), "401, token, 200");
    setup.get("team/r0").await.unwrap();
    assert_eq!((manifests(&server), tokens(&server)), (3, 1));
    setup.get("team/r1").await.unwrap();
    assert_eq!((manifests(&server), tokens(&server)), (4, 2), "no 401 for the second repository");
    let token = server.requests().into_iter().find(|r| r.kind == Kind::Token).unwrap();
    assert_eq!(token.parameter("scope").as_deref(), Some("repository:team/r0:pull"));
    assert_eq!(setup.owner.asked.load(Relaxed), 2, "once per repository");
}

#[tokio::test]
async fn a_destination_asks_for_push_at_once() {
    let server = token_registry(1).await;
    let setup = Setup::with(server.host(), alice());
    setup.get_as("team/r0", Side::Destination, |_| {}).await.unwrap();
    setup.post("team/r0").await.unwrap();
    assert_eq!(tokens(&server), 1);
}

#[tokio::test]
async fn fifty_at_once_share_the_challenge_and_the_token() {
    let server = token_registry(1).await;
    let setup = Setup::with(server.host(), alice());
    for result in join_all((0..50).map(|_| setup.get("team/r0"))).await {
        result.unwrap();
    }
    assert_eq!((manifests(&server), tokens(&server)), (51, 1));
}

#[tokio::test]
async fn a_wrong_password_is_sent_to_one_repository_by_a_hundred_images() {
    for is_token in [true, false] {
        let auth =
            if is_token { Auth::token(RIGHT.0, RIGHT.1) } else { Auth::basic(RIGHT.0, RIGHT.1) };
        let server = registry(Server::builder().auth(auth), 50).await;
        let setup = Setup::with(server.host(), basic("alice", "wrong-password"));
        let names: Vec<_> = (0..50).map(|n| format!("team/r{n}")).collect();
        for round in 0..2 {
            for (name, result) in
                names.iter().zip(join_all(names.iter().map(|name| setup.get(name))).await)
            {
                let error = result.unwrap_err();
                assert_eq!(error.code(), Code::AuthRejected, "{error}");
                assert!(error.to_string().contains("auth.yaml: here"), "{error}");
                assert!(!format!("{error}{error:?}").contains("wrong-password"));
                assert_eq!(error.at(), Some(server.host()));
                assert_eq!(error.about(), Some(&*format!("{}/{name}:1", server.host())), "{round}");
            }
        }
        // a repository may refuse for its own reasons: the front door is asked about that, once
        let logins: Vec<_> = server
            .requests()
            .into_iter()
            .filter(|r| r.header("authorization").is_some())
            .map(|r| r.repository)
            .collect();
        assert_eq!(logins.len(), if is_token { 1 } else { 2 }, "{logins:?}");
        assert_eq!(logins.iter().flatten().count(), usize::from(!is_token), "{logins:?}");
        assert_eq!(server.requests().len(), logins.len() + 1);
        assert_eq!(setup.owner.asked_anew.load(Relaxed), 1);
    }
}

#[tokio::test]
async fn a_token_service_that_says_403_to_a_wrong_password_is_understood() {
    let server = token_registry(20).await;
    let denied = Reply::error(403, "DENIED", "denied");
    server.fault(Fault::on(Kind::Token).always().before_auth().answer(denied));
    let setup = Setup::with(server.host(), basic("alice", "wrong-password"));
    let names: Vec<_> = (0..20).map(|n| format!("team/r{n}")).collect();
    for result in join_all(names.iter().map(|name| setup.get(name))).await {
        assert_eq!(result.unwrap_err().code(), Code::AuthRejected);
    }
    assert!(server.requests().len() < 10, "{:?}", server.requests());
}

#[tokio::test]
async fn one_repository_that_is_denied_does_not_hurt_the_others() {
    for (is_token, denied) in [(true, 403), (true, 401), (false, 401)] {
        let auth =
            if is_token { Auth::token(RIGHT.0, RIGHT.1) } else { Auth::basic(RIGHT.0, RIGHT.1) };
        let server = registry(Server::builder().auth(auth), 2).await;
        let kind = if is_token { Kind::Token } else { Kind::Manifest };
        let is_r0 = |r: &testkit::Request| {
            r.header("authorization").is_some()
                && (r.repository.as_deref() == Some("team/r0")
                    || r.parameter("scope").is_some_and(|scope| scope.contains("team/r0")))
        };
        let fault = Fault::on(kind).when(is_r0).always().before_auth().status(denied);
        let fault = server.fault(fault);
        let setup = Setup::with(server.host(), alice());
        if denied == 401 {
            // of a login that has proven good
            setup.get("team/r1").await.unwrap();
        }
        for _ in 0..2 {
            let error = setup.get("team/r0").await.unwrap_err();
            assert_eq!(error.code(), Code::PullDenied, "{error}");
            setup.get("team/r1").await.unwrap();
        }
        let error = setup.get_as("team/r0", Side::Destination, |_| {}).await.unwrap_err();
        assert_eq!(error.code(), Code::PushDenied, "{error}");
        assert!(fault.fired() > 0);
    }
}

#[tokio::test]
async fn a_login_that_the_first_repository_refuses_is_good_for_the_second() {
    let server = registry(Server::builder().auth(Auth::basic(RIGHT.0, RIGHT.1)), 2).await;
    let is_r0 = |r: &testkit::Request| {
        r.header("authorization").is_some() && r.repository.as_deref() == Some("team/r0")
    };
    let fault =
        server.fault(Fault::on(Kind::Manifest).when(is_r0).always().before_auth().status(401));
    let setup = Setup::with(server.host(), alice());
    for _ in 0..2 {
        assert_eq!(setup.get("team/r0").await.unwrap_err().code(), Code::AuthRejected);
    }
    assert_eq!(fault.fired(), 1, "not sent there again to find out");
    setup.get("team/r1").await.unwrap();
    let error = setup.get("team/r0").await.unwrap_err();
    assert_eq!(
        error.code(),
        Code::PullDenied,
        "now it is known to be about the repository: {error}"
    );
}

#[tokio::test]
async fn a_token_service_that_refuses_is_named_with_its_port() {
    let server = token_registry(1).await;
    let setup = Setup::with(server.host(), basic("alice", "wrong-password"));
    let error = setup.get("team/r0").await.unwrap_err();
    assert!(error.message().starts_with(&format!("{} refused", server.host())), "{error}");
    server.fault(Fault::on(Kind::Token).always().before_auth().status(500));
    let setup = Setup::with(server.host(), alice());
    let error = setup.get("team/r0").await.unwrap_err();
    assert_eq!(error.code(), Code::AuthUnavailable);
    assert!(error.message().contains(&format!("from {} failed", server.host())), "{error}");
}

#[tokio::test]
async fn a_denied_token_is_not_asked_for_again_by_each_image() {
    let server = registry(Server::builder().auth(Auth::public()), 1).await;
    let fault = server.fault(Fault::on(Kind::Token).always().before_auth().status(403));
    let setup = Setup::anonymous(server.host());
    for _ in 0..20 {
        let error = setup.get("team/r0").await.unwrap_err();
        assert_eq!(error.code(), Code::PullDenied);
        assert!(error.hints().next().unwrap().contains("without one"), "{error}");
    }
    assert_eq!(fault.fired(), 1);
}

#[tokio::test]
async fn a_token_that_is_void_is_renewed_without_a_retry() {
    let server = token_registry(1).await;
    let options = ClientOptions { retries: 0, ..quick() };
    let access = Access { credential: alice(), ..openly() };
    let setup = Setup::new(server.host(), options, access);
    setup.get("team/r0").await.unwrap();
    server.expire_tokens();
    server.clear_log();
    for result in join_all((0..20).map(|_| setup.get("team/r0"))).await {
        result.unwrap();
    }
    assert_eq!(tokens(&server), 1, "twenty meet the void token, one renews it");
    assert!(manifests(&server) <= 40);
}

#[tokio::test]
async fn a_void_token_under_a_stream_is_told_to_its_feeder() {
    let server = token_registry(1).await;
    let setup = Setup::with(server.host(), alice());
    setup.post("team/r0").await.unwrap();
    server.expire_tokens();
    let put = async |setup: &Setup| {
        let answer = setup.post("team/r0").await.unwrap();
        let target = answer.header(LOCATION).unwrap().to_owned();
        let url = crate::redirect::resolve(&answer, &target).unwrap();
        server.expire_tokens();
        let mut ask = Ask::new("writing the blob", Method::PATCH, Place::Url(url));
        let bytes = Bytes::from_static(b"0123456789");
        let stream = Box::pin(futures_util::stream::iter([Ok(bytes)]));
        ask.body = Body::Stream { len: 10, stream };
        ask.wait = Wait::Upload;
        let name = "team/r0".parse().unwrap();
        setup.client.send(&setup.registry, Some(&name), Side::Destination, ask).await
    };
    let error = put(&setup).await.unwrap_err();
    assert_eq!((error.http_status(), error.is_retryable()), (Some(401), true), "{error}");
    let before = tokens(&server);
    setup.post("team/r0").await.unwrap();
    assert_eq!(tokens(&server), before + 1, "the next request fetches a new token at once");
}

#[tokio::test]
async fn an_insufficient_scope_widens_the_token_once() {
    let builder =
        Server::builder().auth(Auth::token(RIGHT.0, RIGHT.1)).quirk(Quirk::FirstTokenPulls);
    let server = registry(builder, 1).await;
    let setup = Setup::with(server.host(), alice());
    setup.post("team/r0").await.unwrap();
    let before = server.requests().len();
    setup.post("team/r0").await.unwrap();
    assert_eq!(server.requests().len(), before + 1, "the wide token is kept");
}

#[tokio::test]
async fn scopes_that_the_challenge_adds_are_asked_for() {
    let builder =
        Server::builder().auth(Auth::token(RIGHT.0, RIGHT.1)).quirk(Quirk::TagsNeedMetadataRead);
    let server = registry(builder, 1).await;
    let setup = Setup::with(server.host(), alice());
    for _ in 0..2 {
        let place = Place::Path { path: "tags/list", query: &[("n", "10")] };
        let ask = Ask::new("listing the tags", Method::GET, place);
        let name = "team/r0".parse().unwrap();
        setup.client.send(&setup.registry, Some(&name), Side::Source, ask).await.unwrap();
    }
    assert_eq!((server.count_of("GET", Kind::Tags), tokens(&server)), (4, 2));
}

#[tokio::test]
async fn a_mount_asks_for_both_repositories_the_destination_first() {
    let server = token_registry(2).await;
    let setup = Setup::with(server.host(), alice());
    let (to, from) = ("team/r0".parse().unwrap(), "team/r1".parse().unwrap());
    let blob = server.put_blob("team/r1", &b"blob"[..]);
    let query = [("mount", blob.as_str()), ("from", "team/r1")];
    let place = Place::Path { path: "blobs/uploads/", query: &query };
    let mut ask = Ask::new("mounting the blob", Method::POST, place);
    ask.scope = Scope::Mount(&from);
    let answer =
        setup.client.send(&setup.registry, Some(&to), Side::Destination, ask).await.unwrap();
    assert_eq!(answer.status, StatusCode::CREATED);
    let token = server.requests().into_iter().find(|r| r.kind == Kind::Token).unwrap();
    assert_eq!(
        token.query.as_deref().map(|q| q.split_once("scope=").unwrap().1.to_owned()).unwrap(),
        "repository%3Ateam%2Fr0%3Apull%2Cpush&scope=repository%3Ateam%2Fr1%3Apull"
    );
    let mount = server.requests().into_iter().find(|r| r.kind == Kind::Mount).unwrap();
    assert_eq!(mount.query.unwrap(), format!("mount={blob}&from=team/r1"));
    assert_eq!(mount.headers.get("content-length").unwrap(), "0");
}

#[tokio::test]
async fn anonymous_where_a_login_is_needed() {
    for auth in [Auth::token(RIGHT.0, RIGHT.1), Auth::basic(RIGHT.0, RIGHT.1)] {
        let server = registry(Server::builder().auth(auth), 1).await;
        let setup = Setup::anonymous(server.host());
        let error = setup.get("team/r0").await.unwrap_err();
        assert_eq!(error.code(), Code::AuthRequired, "{error}");
        assert_eq!((error.side(), error.http_status()), (Some(Side::Source), Some(401)));
        assert!(error.hints().any(|hint| hint.contains(server.host())), "{error}");
        let before = server.requests().len();
        assert!(before <= 5);
        for _ in 0..5 {
            assert_eq!(setup.get("team/r0").await.unwrap_err().code(), Code::AuthRequired);
        }
        assert_eq!(server.requests().len(), before + 5, "one request each, for what is known");
    }
}

#[tokio::test]
async fn anonymous_tokens_are_exchanged_too() {
    let server = registry(Server::builder().auth(Auth::public()), 1).await;
    let setup = Setup::anonymous(server.host());
    setup.get("team/r0").await.unwrap();
    assert_eq!((manifests(&server), tokens(&server)), (2, 1));
    let token = server.requests().into_iter().find(|r| r.kind == Kind::Token).unwrap();
    assert_eq!(token.header("authorization"), None);
    let error = setup.post("team/r0").await.unwrap_err();
    assert!(matches!(error.code(), Code::AuthRequired | Code::PushDenied), "{error}");
}

#[tokio::test]
async fn a_challenge_that_only_the_front_door_gives() {
    let builder =
        Server::builder().auth(Auth::token(RIGHT.0, RIGHT.1)).quirk(Quirk::ChallengeOnlyOnPing);
    let server = registry(builder, 2).await;
    let setup = Setup::with(server.host(), alice());
    setup.get("team/r0").await.unwrap();
    setup.get("team/r1").await.unwrap();
    assert_eq!(server.count_of("GET", Kind::Ping), 1);
    assert_eq!((manifests(&server), tokens(&server)), (3, 2));
}

#[tokio::test]
async fn odd_challenges() {
    for challenge in [
        "bearer realm={realm},service={service}",
        "Negotiate, BEARER Service=\"{service}\" , REALM=\"{realm}\"",
        "Basic realm=\"x\", Bearer realm=\"{realm}\",service=\"{service}\",scope=\"{scope}\"",
    ] {
        let builder = Server::builder()
            .auth(Auth::token(RIGHT.0, RIGHT.1))
            .quirk(Quirk::Challenges(vec![challenge.into()]));
        let server = registry(builder, 1).await;
        let setup = Setup::with(server.host(), alice());
        setup.get("team/r0").await.unwrap_or_else(|error| panic!("{challenge}: {error}"));
        assert_eq!(tokens(&server), 1, "{challenge}");
    }
    let challenges = vec!["Negotiate".into(), "Basic realm=\"x\", charset=\"UTF-8\"".into()];
    let builder =
        Server::builder().auth(Auth::basic(RIGHT.0, RIGHT.1)).quirk(Quirk::Challenges(challenges));
    let server = registry(builder, 2).await;
    let setup = Setup::with(server.host(), alice());
    setup.get("team/r0").await.unwrap();
    setup.get("team/r1").await.unwrap();
    assert_eq!(server.requests().len(), 3, "one 401, then the password goes along");
}

#[tokio::test]
async fn a_relative_realm_and_one_that_must_not_be_asked() {
    let at = async |realm: &str| {
        let builder =
            Server::builder().auth(Auth::token(RIGHT.0, RIGHT.1)).quirk(Quirk::Realm(realm.into()));
        let server = registry(builder, 1).await;
        let result = Setup::with(server.host(), alice()).get("team/r0").await;
        (result, tokens(&server))
    };
    let (result, tokens) = at("/token").await;
    assert_eq!((result.unwrap().is_empty(), tokens), (false, 1));
    let (result, _) = at("file:///token").await;
    let error = result.unwrap_err();
    assert_eq!(error.code(), Code::RedirectRefused, "{error}");
}

#[tokio::test]
async fn a_token_service_at_another_host() {
    let users = Users::new().user(RIGHT.0, RIGHT.1);
    let auth = Auth::Token(TokenAuth::new(users).at_second_host());
    let server = registry(Server::builder().auth(auth), 1).await;
    Setup::with(server.host(), alice()).get("team/r0").await.unwrap();
    assert_eq!(server.count(|r| r.second_host && r.kind == Kind::Token), 1);
}

#[tokio::test]
async fn refresh_tokens_go_by_post_and_else_by_get() {
    for (post, posts, gets) in [
        (PostForm::Supported, 1, 0),
        (PostForm::Refused(404), 1, 1),
        (PostForm::Refused(405), 1, 1),
    ] {
        let users = Users::new().user(RIGHT.0, RIGHT.1);
        let auth = TokenAuth::new(users).refresh_token("refresh-me", RIGHT.0).post(post);
        let server = registry(Server::builder().auth(Auth::Token(auth)), 1).await;
        let credential = Credential::IdentityToken("refresh-me".to_owned().into());
        let setup = Setup::with(server.host(), credential);
        let result = setup.get("team/r0").await;
        if gets == 0 {
            result.unwrap();
        }
        assert_eq!(server.count_of("POST", Kind::Token), posts);
        assert!(tokens(&server) >= gets);
    }
}

#[tokio::test]
async fn a_bearer_token_goes_to_the_registry_as_it_is() {
    let server = token_registry(1).await;
    let credential = Credential::Bearer("the-canary-token".to_owned().into());
    let setup = Setup::with(server.host(), credential);
    let error = setup.get("team/r0").await.unwrap_err();
    assert_eq!(error.code(), Code::AuthRejected, "{error}");
    assert!(!error.to_string().contains("the-canary-token"));
    let first = &server.requests()[0];
    assert_eq!(first.header("authorization"), Some("Bearer the-canary-token"));
    assert_eq!(tokens(&server), 0);
}

#[tokio::test]
async fn credentials_that_do_not_fit_the_challenge() {
    let server = registry(Server::builder().auth(Auth::basic(RIGHT.0, RIGHT.1)), 1).await;
    let credential = Credential::IdentityToken("refresh-me".to_owned().into());
    let error = Setup::with(server.host(), credential).get("team/r0").await.unwrap_err();
    assert_eq!(error.code(), Code::AuthRejected, "{error}");
    assert!(error.to_string().contains("auth.yaml: here"), "{error}");
    assert_eq!(server.count(|r| r.header("authorization").is_some()), 0);
}

#[tokio::test]
async fn a_token_service_that_stumbles_is_asked_again_by_one() {
    let server = token_registry(1).await;
    let fault =
        server.fault(Fault::on(Kind::Token).before_auth().answer(Reply::too_many_requests(None)));
    let setup = Setup::with(server.host(), alice());
    for result in join_all((0..50).map(|_| setup.get("team/r0"))).await {
        result.unwrap();
    }
    assert_eq!((fault.fired(), tokens(&server)), (1, 2));
}

#[tokio::test]
async fn a_token_service_that_is_down() {
    let server = token_registry(10).await;
    let fault = server.fault(Fault::on(Kind::Token).always().before_auth().status(503));
    let setup = Setup::with(server.host(), alice());
    let names: Vec<_> = (0..10).map(|n| format!("team/r{n}")).collect();
    for result in join_all(names.iter().map(|name| setup.get(name))).await {
        let error = result.unwrap_err();
        assert_eq!((error.code(), error.attempts()), (Code::AuthUnavailable, 4), "{error}");
    }
    assert_eq!(fault.fired(), 4, "tried four times, for all of them");
}

#[tokio::test]
async fn a_token_service_that_answers_rubbish() {
    for reply in [Reply::html(200, "Welcome"), Reply::text(200, "{}"), Reply::status(302)] {
        let server = token_registry(1).await;
        server.fault(Fault::on(Kind::Token).always().before_auth().answer(reply));
        let error = Setup::with(server.host(), alice()).get("team/r0").await.unwrap_err();
        assert_eq!(error.code(), Code::AuthUnavailable, "{error}");
        server.assert_all_fired();
    }
}

#[tokio::test]
async fn newer_credentials_are_asked_for_once() {
    for auth in [Auth::token(RIGHT.0, RIGHT.1), Auth::basic(RIGHT.0, RIGHT.1)] {
        let server = registry(Server::builder().auth(auth), 20).await;
        let setup = Setup::with(server.host(), basic("alice", "yesterdays-password"));
        lock(&setup.owner.renewed).push(alice());
        let names: Vec<_> = (0..20).map(|n| format!("team/r{n}")).collect();
        for result in join_all(names.iter().map(|name| setup.get(name))).await {
            result.unwrap();
        }
        assert_eq!(setup.owner.asked_anew.load(Relaxed), 1);
    }
}

#[tokio::test]
async fn credentials_that_expire_in_the_middle_of_a_run_are_renewed() {
    let server = registry(Server::builder().auth(Auth::basic(RIGHT.0, RIGHT.1)), 1).await;
    let setup = Setup::with(server.host(), alice());
    setup.get("team/r0").await.unwrap();
    server.set_auth(Auth::basic("alice", "todays-password"));
    lock(&setup.owner.renewed).push(basic("alice", "todays-password"));
    setup.get("team/r0").await.unwrap();
    assert_eq!(setup.owner.asked_anew.load(Relaxed), 1);
}

#[tokio::test]
async fn wrong_credentials_that_are_always_new_end_all_the_same() {
    let server = token_registry(10).await;
    let setup = Setup::with(server.host(), basic("alice", "wrong-0"));
    *lock(&setup.owner.renewed) = (1..100).map(|n| basic("alice", &format!("wrong-{n}"))).collect();
    for n in 0..10 {
        let error = setup.get(&format!("team/r{n}")).await.unwrap_err();
        assert_eq!(error.code(), Code::AuthRejected);
    }
    assert_eq!(setup.owner.asked_anew.load(Relaxed), 1);
    assert!(server.requests().len() < 10);
}

#[tokio::test]
async fn pings() {
    let server = token_registry(0).await;
    let host = server.host();
    Setup::with(host, alice()).client.ping(&host.parse().unwrap()).await.unwrap();
    let wrong = Setup::with(host, basic("alice", "wrong-password"));
    let error = wrong.client.ping(&wrong.registry).await.unwrap_err();
    assert_eq!((error.code(), error.side()), (Code::AuthRejected, None), "{error}");
    let server = registry(Server::builder().auth(Auth::basic(RIGHT.0, RIGHT.1)), 0).await;
    let nobody = Setup::anonymous(server.host());
    let error = nobody.client.ping(&nobody.registry).await.unwrap_err();
    assert_eq!(error.code(), Code::AuthRequired, "{error}");
}

/// Gives out credentials that run out: the password is `one`, `two`, … as often as it is asked.
#[derive(Debug)]
struct Leasing {
    passwords: Mutex<Vec<&'static str>>,
    /// How long the first is good for; the others are for an hour.
    life: Duration,
    asked: AtomicUsize,
    /// What is said when newer ones are asked for after a refusal.
    refuses: Option<Error>,
}

impl Leasing {
    fn client(self) -> (Client, Arc<Self>) {
        let owner = Arc::new(self);
        (Client::new(quick(), Arc::clone(&owner) as Arc<dyn AccessSource>), owner)
    }
}

#[async_trait]
impl AccessSource for Leasing {
    async fn access(
        &self,
        _: &Registry,
        _: Option<&RepositoryName>,
        renew: bool,
    ) -> Result<Access> {
        let first = self.asked.fetch_add(1, Relaxed) == 0;
        if let Some(error) = self.refuses.clone().filter(|_| renew) {
            return Err(error);
        }
        let mut passwords = lock(&self.passwords);
        let password = if passwords.len() > 1 { passwords.remove(0) } else { passwords[0] };
        let life = if first { self.life } else { Duration::from_hours(1) };
        let renew_at = Some(tokio::time::Instant::now() + life);
        Ok(Access { credential: basic("alice", password), renew_at, ..openly() })
    }
}

#[tokio::test]
async fn a_credential_that_runs_out_is_replaced_before_it_is_refused() {
    for auth in [Auth::basic("alice", "two-two"), Auth::token("alice", "two-two")] {
        let server = registry(Server::builder().auth(auth), 20).await;
        // the first is due at once
        let (client, owner) = Leasing {
            passwords: Mutex::new(vec!["one-one", "two-two"]),
            life: Duration::ZERO,
            asked: AtomicUsize::new(0),
            refuses: None,
        }
        .client();
        let setup =
            Setup { client, owner: Arc::default(), registry: server.host().parse().unwrap() };
        for result in join_all((0..20).map(|_| setup.get("team/r0"))).await {
            result.unwrap();
        }
        assert_eq!(owner.asked.load(Relaxed), 2, "one asks for all that wait");
        let one = format!(
            "Basic {}",
            base64::Engine::encode(&base64::prelude::BASE64_STANDARD, "alice:one-one")
        );
        assert_eq!(server.count(|r| r.header("authorization") == Some(&one)), 0);
    }
}

#[tokio::test]
async fn an_owner_that_has_nothing_newer_is_left_in_peace() {
    let server = registry(Server::builder().auth(Auth::basic("alice", "the-only")), 1).await;
    let (client, owner) = Leasing {
        passwords: Mutex::new(vec!["the-only"]),
        life: Duration::ZERO,
        asked: AtomicUsize::new(0),
        refuses: None,
    }
    .client();
    let setup = Setup { client, owner: Arc::default(), registry: server.host().parse().unwrap() };
    for _ in 0..10 {
        setup.get("team/r0").await.unwrap();
    }
    assert_eq!(owner.asked.load(Relaxed), 2, "its word counts until it says so");
}

#[tokio::test]
async fn why_there_are_no_newer_credentials_is_told_with_what_to_do() {
    for auth in [Auth::basic("alice", "two-two"), Auth::token("alice", "two-two")] {
        let server = registry(Server::builder().auth(auth), 1).await;
        let why = Error::new(Code::AuthRejected, "the key was deleted").hint("Make a new key.");
        let (client, owner) = Leasing {
            passwords: Mutex::new(vec!["revoked-one"]),
            life: Duration::from_hours(1),
            asked: AtomicUsize::new(0),
            refuses: Some(why),
        }
        .client();
        let setup =
            Setup { client, owner: Arc::default(), registry: server.host().parse().unwrap() };
        for _ in 0..3 {
            let error = setup.get("team/r0").await.unwrap_err();
            assert_eq!(error.code(), Code::AuthRejected, "{error}");
            assert!(error.to_string().contains("the key was deleted"), "{error}");
            assert!(error.hints().any(|hint| hint == "Make a new key."));
        }
        assert_eq!(owner.asked.load(Relaxed), 2, "once for the run, once after the refusal");
    }
}
