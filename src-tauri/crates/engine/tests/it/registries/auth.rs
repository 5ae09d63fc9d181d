//! A: who we are, and tokens.

use std::time::Duration;

use engine::Outcome;
use registry::{Code, Credential};
use testkit::{
    Auth, Fault, Image, Kind, Layer, Quirk, Registry, Reply, TokenAuth,
    auth::{PostForm, TokenField, Told, Users},
    fault::Action,
    registry::Builder,
};

use super::{
    Pair, USER, image, kind, layer, statuses,
    tunnel::{NAME, Tunnel},
};
use crate::common::{Sync, asked, assert_all, at, failure, requests, sync};

fn users() -> Users {
    Users::new().user(USER.0, USER.1)
}

fn guarded(change: impl FnOnce(TokenAuth) -> TokenAuth) -> Builder {
    Registry::builder().auth(Auth::Token(change(TokenAuth::new(users()))))
}

/// Two registries with token services of these ways, and these quirks.
async fn pair(change: impl Fn(TokenAuth) -> TokenAuth, quirks: &[Quirk]) -> Pair {
    let builder = || guarded(&change).quirks(quirks.to_vec());
    Pair::of(&image(), builder(), builder()).await
}

fn tokens(registry: &Registry) -> usize {
    kind(registry, Kind::Token)
}

/// The scopes of each token request.
fn scopes(registry: &Registry) -> Vec<Vec<String>> {
    let decode = |text: &str| text.replace("%3A", ":").replace("%2F", "/").replace("%2C", ",");
    let of = |query: &str| {
        query.split('&').filter_map(|pair| pair.strip_prefix("scope=")).map(decode).collect()
    };
    registry
        .requests()
        .iter()
        .filter(|request| request.kind == Kind::Token)
        .map(|request| request.query.as_deref().map(of).unwrap_or_default())
        .collect()
}

/// Two images of one source that share a layer, into two repositories.
async fn sharing(to: Builder) -> (Pair, Sync) {
    let pair = Pair::of(&image(), Registry::builder(), to).await;
    pair.from.push("a/c", "1", &image().label("of", "c"));
    let rule = pair.rule().and(&at(&pair.from, "a/c:1"), &[&at(&pair.to, "x/c")]);
    (pair, rule)
}

#[tokio::test]
async fn q01_a_challenge_costs_one_token_for_each_side() {
    let pair = pair(|tokens| tokens, &[]).await;
    pair.copies().await;
    let (token, blob) = (("GET", Kind::Token, 1), ("GET", Kind::Blob, 3));
    assert_eq!(asked(&pair.from), requests(&[("GET", Kind::Manifest, 2), token, blob]));
    assert_eq!(
        asked(&pair.to),
        requests(&[
            ("HEAD", Kind::Manifest, 2),
            token,
            ("POST", Kind::Mount, 2),
            ("POST", Kind::UploadStart, 1),
            ("PUT", Kind::UploadFinish, 3),
            ("PUT", Kind::Manifest, 1),
        ])
    );
    assert_eq!(scopes(&pair.from), [["repository:a/b:pull"]]);
    assert_eq!(scopes(&pair.to), [["repository:x/b:pull,push"]]);
    for registry in [&pair.from, &pair.to] {
        let token = registry.requests().into_iter().find(|r| r.kind == Kind::Token).unwrap();
        assert_eq!(token.parameter("service").as_deref(), Some("testkit"));
        assert!(token.header("authorization").unwrap().starts_with("Basic "));
        let bare = registry.count(|r| r.header("authorization").is_none());
        assert_eq!(bare, 1, "the request that met the challenge");
    }
}

#[tokio::test]
async fn q02_a_challenge_that_only_the_front_door_gives() {
    let pair = pair(|tokens| tokens, &[Quirk::ChallengeOnlyOnPing]).await;
    pair.copies().await;
    for registry in [&pair.from, &pair.to] {
        assert_eq!((registry.count_of("GET", Kind::Ping), tokens(registry)), (1, 1));
    }
}

#[tokio::test]
async fn q03_challenges_without_a_scope_or_with_one_on_post_alone() {
    for methods in [vec![], vec!["POST".to_owned()]] {
        let pair = pair(|tokens| tokens, &[Quirk::ChallengeScopeOn(methods)]).await;
        pair.copies().await;
        assert_eq!(scopes(&pair.from), [["repository:a/b:pull"]]);
        assert_eq!(scopes(&pair.to), [["repository:x/b:pull,push"]]);
    }
}

#[tokio::test]
async fn q04_a_token_by_either_name_or_by_none() {
    for field in [TokenField::Token, TokenField::AccessToken, TokenField::Both] {
        let pair = pair(|tokens| tokens.field(field), &[]).await;
        pair.copies().await;
        assert_eq!((tokens(&pair.from), tokens(&pair.to)), (1, 1), "{field:?}");
    }
    let pair = pair(|tokens| tokens.field(TokenField::Neither), &[]).await;
    let report = pair.rule().run().await;
    assert_eq!(failure(&report).code, Code::AuthUnavailable, "{:?}", failure(&report));
    assert_eq!(pair.to.writes(), 0);
}

#[tokio::test]
async fn q05_lives_that_are_not_told_or_told_wrong() {
    for (expires_in, issued_at) in [
        (Told::Missing, Told::Missing),
        (Told::Seconds(0), Told::Truly),
        (Told::Seconds(10), Told::Truly),
        (Told::Seconds(-5), Told::Missing),
        (Told::Truly, Told::Seconds(-36_000)),
        (Told::Truly, Told::Seconds(36_000)),
    ] {
        let pair = pair(|tokens| tokens.expires_in(expires_in).issued_at(issued_at), &[]).await;
        pair.copies().await;
        let counts = (tokens(&pair.from), tokens(&pair.to));
        assert_eq!(counts, (1, 1), "{expires_in:?}, {issued_at:?}");
    }
}

#[tokio::test]
async fn q06_a_token_that_runs_out_under_a_blob() {
    let pair = pair(|tokens| tokens, &[Quirk::AuthAfterBody]).await;
    let expires = |on: Kind| {
        Fault::on(on).reference(layer().digest()).before_auth().does(Action::ExpireTokens)
    };
    let faults = [pair.from.fault(expires(Kind::Blob)), pair.to.fault(expires(Kind::UploadFinish))];
    pair.copies().await;
    assert_eq!(faults.map(|fault| fault.fired()), [1, 1]);
    // another blob may have met the void token too, and got the same new one
    assert_eq!((tokens(&pair.from), tokens(&pair.to)), (2, 2));
    assert!(statuses(&pair.to, "PUT", Kind::UploadFinish).contains(&401));
}

#[tokio::test]
async fn q07_a_scope_that_turns_out_too_narrow_is_widened_once() {
    let pair = pair(|tokens| tokens, &[Quirk::FirstTokenPulls]).await;
    pair.copies().await;
    assert_eq!((tokens(&pair.from), tokens(&pair.to)), (1, 2));
    assert!(scopes(&pair.to)[1].iter().any(|scope| scope.contains("push")));
}

#[tokio::test]
async fn q08_a_mount_asks_for_both_repositories() {
    let (pair, rule) = sharing(guarded(|tokens| tokens)).await;
    let report = rule.policy(|p| p.images = Some(1)).run().await;
    assert_all(&report, Outcome::Copied);
    let across = |r: &&testkit::Request| {
        r.kind == Kind::Mount
            && r.parameter("from").as_deref() == Some("x/b")
            && r.repository.as_deref() == Some("x/c")
    };
    let requests = pair.to.requests();
    let mounts: Vec<_> = requests.iter().filter(across).map(|r| r.status).collect();
    assert_eq!(mounts, [Some(201); 2], "both layers were mounted, at once");
    let mut scopes = scopes(&pair.to);
    scopes.sort();
    assert_eq!(
        scopes,
        [
            vec!["repository:x/b:pull,push"],
            vec!["repository:x/c:pull,push"],
            vec!["repository:x/c:pull,push", "repository:x/b:pull"],
        ]
    );
}

#[tokio::test]
async fn q09_a_service_that_reads_the_first_scope_alone() {
    let (pair, rule) = sharing(guarded(|tokens| tokens).quirk(Quirk::FirstScopeOnly)).await;
    let other = pair.from.push("a/c", "1", &image().label("of", "c"));
    pair.arrives(rule).await;
    assert!(pair.to.has("x/c", "1", &other));
    for scopes in scopes(&pair.to) {
        assert!(scopes[0].ends_with(":pull,push"), "what is needed now comes first: {scopes:?}");
    }
}

#[tokio::test]
async fn q10_a_token_for_each_repository_stays_short() {
    for status in [431, 400] {
        let quirks = [Quirk::TokenPadding(3000), Quirk::AuthorizationLimit(8192, status)];
        let pair = pair(|tokens| tokens, &quirks).await;
        let mut rule = pair.rule();
        for n in 0..12 {
            pair.from.push(&format!("a/r{n}"), "1", &image());
            let to = at(&pair.to, &format!("x/r{n}"));
            rule = rule.and(&at(&pair.from, &format!("a/r{n}:1")), &[&to]);
        }
        pair.arrives(rule).await;
        for registry in [&pair.from, &pair.to] {
            assert_eq!(registry.count(|r| r.status == Some(status)), 0);
            let bearers =
                registry.count(|r| r.header("authorization").is_some_and(|h| h.len() > 3000));
            assert!(bearers > 12, "the padding shows");
        }
    }
}

#[tokio::test]
async fn q11_a_token_is_never_shown_for_another_repository() {
    let quirks = [Quirk::ForeignScopeDenied];
    let (pair, rule) = sharing(guarded(|tokens| tokens).quirks(quirks)).await;
    let report = pair.arrives(rule).await;
    assert_all(&report, Outcome::Copied);
    let denied = pair.to.requests().into_iter().filter(|r| r.status == Some(403));
    assert_eq!(denied.map(|r| r.path).collect::<Vec<_>>(), [""; 0]);
}

#[tokio::test]
async fn q12_the_catalogue_has_a_scope_of_its_own() {
    let registry = guarded(|tokens| tokens).start().await;
    registry.push("a/b", "1", &image());
    let client =
        sync(&at(&registry, "a/b"), &["unused/x"]).login(&registry, USER.0, USER.1).client();
    let found = client.catalog(&registry.host().parse().unwrap(), 10).await.unwrap();
    assert_eq!(found, ["a/b"]);
    assert_eq!(scopes(&registry), [["registry:catalog:*"]]);
}

#[tokio::test]
async fn q13_tag_lists_that_need_more_than_pull() {
    let pair = pair(|tokens| tokens, &[Quirk::TagsNeedMetadataRead]).await;
    let rule = sync(&at(&pair.from, "a/b"), &[&at(&pair.to, "x/b")])
        .login(&pair.from, USER.0, USER.1)
        .login(&pair.to, USER.0, USER.1);
    pair.arrives(rule).await;
    assert_eq!(*statuses(&pair.from, "GET", Kind::Tags).last().unwrap(), 200);
    assert!(scopes(&pair.from).iter().flatten().any(|scope| scope.contains("metadata_read")));
}

#[tokio::test]
async fn q14_q15_an_upload_is_cancelled_as_far_as_the_registry_lets_us() {
    // the session can be closed with a right that only the challenge asks for, and at some only without
    for (quirk, cancels, open) in
        [(None, vec![401, 204], 0), (Some(Quirk::DeleteScopeRefused), vec![401], 1)]
    {
        let quirks: Vec<_> = quirk.into_iter().collect();
        let pair = pair(|tokens| tokens, &quirks).await;
        let other =
            pair.from.push("a/c", "1", &Image::single("linux/amd64", [Layer::random(9, 10)]));
        let damage =
            pair.from.fault(Fault::on(Kind::Blob).reference(layer().digest()).always().corrupt(7));
        let rule = pair.rule().and(&at(&pair.from, "a/c:1"), &[&at(&pair.to, "x/b:other")]);
        let report = rule.retries(0).run().await;
        let error = report.images[0].error.as_ref().unwrap();
        assert_eq!(error.code, Code::DigestMismatch, "{error:?}");
        assert_eq!(damage.fired(), 1);
        assert_eq!(statuses(&pair.to, "DELETE", Kind::UploadCancel), cancels);
        assert_eq!(pair.to.store().open_uploads(), open);
        assert!(pair.to.has("x/b", "other", &other), "the rest goes on");
        assert_eq!(pair.to.tags("x/b"), ["other"]);
        let deleting = |scopes: &&Vec<String>| scopes.iter().any(|scope| scope.contains("delete"));
        assert_eq!(scopes(&pair.to).iter().filter(deleting).count(), 1, "asked for once");
    }
}

#[tokio::test]
async fn q16_challenges_in_every_form() {
    for challenges in [
        vec!["bearer realm={realm},service={service}"],
        vec!["Negotiate, BEARER Service=\"{service}\" , REALM=\"{realm}\""],
        vec![
            "Basic realm=\"x\"",
            "Bearer realm=\"{realm}\",service=\"{service}\",scope=\"{scope}\"",
        ],
        vec!["Bearer realm=\"{realm}\", service=\"a \\\"quoted\\\" service\""],
    ] {
        let quirk = Quirk::Challenges(challenges.iter().map(ToString::to_string).collect());
        let pair = pair(|tokens| tokens, &[quirk]).await;
        pair.copies().await;
        assert_eq!((tokens(&pair.from), tokens(&pair.to)), (1, 1), "{challenges:?}");
    }
    let pair = pair(|tokens| tokens, &[Quirk::Realm("/token".into())]).await;
    pair.copies().await;
    for challenges in [
        vec!["Basic realm=\"x\", charset=\"UTF-8\""],
        vec!["Negotiate, Basic realm=x"],
        vec!["Negotiate", "BASIC"],
    ] {
        let quirk = Quirk::Challenges(challenges.iter().map(ToString::to_string).collect());
        let builder = || Registry::builder().auth(Auth::basic(USER.0, USER.1)).quirk(quirk.clone());
        let pair = Pair::of(&image(), builder(), builder()).await;
        pair.copies().await;
        for registry in [&pair.from, &pair.to] {
            let bare = registry.count(|r| r.header("authorization").is_none());
            assert_eq!(bare, 1, "one 401, then the password goes along: {challenges:?}");
        }
    }
}

#[tokio::test]
async fn q17_anonymous_clients_exchange_a_token_too() {
    let public = Registry::builder().auth(Auth::public());
    let pair = Pair::of(&image(), public, Registry::builder()).await;
    pair.arrives(sync(&at(&pair.from, "a/b:1"), &[&at(&pair.to, "x/b")])).await;
    let token = pair.from.requests().into_iter().find(|r| r.kind == Kind::Token).unwrap();
    assert_eq!((token.header("authorization"), tokens(&pair.from)), (None, 1));
}

#[tokio::test]
async fn q18_a_wrong_password_for_a_public_image_is_told_and_not_hidden() {
    let public = Registry::builder().auth(Auth::public());
    let pair = Pair::of(&image(), public, Registry::builder()).await;
    let report = pair.rule().run().await;
    assert_eq!(failure(&report).code, Code::AuthRejected, "{:?}", failure(&report));
    assert_eq!(statuses(&pair.from, "GET", Kind::Token), [401], "one login, none repeated");
    pair.assert_nothing_tagged();
}

#[tokio::test]
async fn q19_identity_tokens_go_by_post_and_where_there_is_none_by_get() {
    for (post, posts, gets) in [
        (PostForm::Supported, 1, 0),
        (PostForm::Refused(404), 1, 1),
        (PostForm::Refused(405), 1, 1),
    ] {
        // by GET the token goes as a password, with a user name that stands for it
        let users = users().user("<token>", "refresh-me");
        let tokens = TokenAuth::new(users).refresh_token("refresh-me", USER.0).post(post);
        let from = Registry::builder().auth(Auth::Token(tokens));
        let pair = Pair::of(&image(), from, Registry::builder()).await;
        let token = Credential::IdentityToken("refresh-me".to_owned().into());
        pair.arrives(pair.rule().credential(&pair.from, token)).await;
        let count = |method| pair.from.count_of(method, Kind::Token);
        assert_eq!((count("POST"), count("GET")), (posts, gets), "{post:?}");
        let posted = pair.from.requests().into_iter().find(|r| r.is("POST", Kind::Token)).unwrap();
        if posts == 1 && gets == 0 {
            assert_eq!(posted.parameter("grant_type").as_deref(), Some("refresh_token"));
            assert_eq!(posted.parameter("access_type"), None, "no offline token is asked for");
        }
    }
}

#[tokio::test]
async fn q21_a_realm_on_the_link_or_without_tls_gets_no_credentials() {
    for realm in [
        "https://169.254.169.254/token",
        "https://[fd00::1%25lo]/token",
        "https://localhost/token",
        "http://registry.example.com/token",
    ] {
        let tunnel = Tunnel::to(guarded(|tokens| tokens).quirk(Quirk::Realm(realm.into()))).await;
        tunnel.registry.push("a/b", "1", &image());
        let to = Registry::start().await;
        let (username, password) = (USER.0.into(), USER.1.to_owned().into());
        let credential = Credential::Basic { username, password };
        let report = sync(&format!("{NAME}/a/b:1"), &[&at(&to, "x/b")])
            .access(NAME, registry::Access { credential, ..tunnel.access() })
            .run()
            .await;
        let failure = failure(&report);
        assert_eq!(failure.code, Code::RedirectRefused, "{realm}: {failure:?}");
        assert!(failure.message.contains(NAME) && !failure.hint.is_empty(), "{failure:?}");
        assert_eq!(tunnel.hosts(), [format!("{NAME}:443")], "nobody else was connected to");
        assert_eq!(tunnel.registry.count(|r| r.header("authorization").is_some()), 0);
        assert_eq!(to.writes(), 0);
    }
}

#[tokio::test]
async fn q22_a_token_service_that_is_busy_is_asked_again_by_one_of_fifty() {
    let pair = pair(|tokens| tokens, &[]).await;
    for n in 0..50 {
        let image = Image::single("linux/amd64", [Layer::random(n, 10)]);
        pair.from.push("a/many", &format!("t{n}"), &image);
    }
    let busy = Fault::on(Kind::Token).before_auth().answer(Reply::too_many_requests(None));
    let fault = pair.from.fault(busy);
    let report =
        pair.arrives(pair.rule().and(&at(&pair.from, "a/many"), &[&at(&pair.to, "x/many")]));
    let report = tokio::time::timeout(Duration::from_mins(1), report).await.unwrap();
    assert_eq!((report.images.len(), fault.fired()), (51, 1));
    // a token for each of the two repositories, and the refused request
    assert_eq!(statuses(&pair.from, "GET", Kind::Token).iter().filter(|s| **s == 200).count(), 2);
    assert_eq!(tokens(&pair.from), 3);
}
