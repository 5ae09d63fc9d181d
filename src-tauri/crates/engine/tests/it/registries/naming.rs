//! J: how destinations are prepared and named.

use engine::Outcome;
use registry::{Code, TlsOptions};
use testkit::{Auth, Kind, Quirk, Registry, TokenAuth, auth::Users};

use super::{Pair, USER, image, tunnel::Tunnel};
use crate::common::{assert_all, at, failure, sync};

#[tokio::test]
async fn q121_a_repository_that_must_be_created_first() {
    let pair = Pair::to([Quirk::RepositoriesMustExist]).await;
    let report = pair.rule().run().await;
    let error = failure(&report);
    assert_eq!(error.code, Code::RepoMustExist, "{error:?}");
    assert!(error.message.contains("x/b") && !error.hint.is_empty(), "{error:?}");
    assert_eq!(pair.to.count_of("PUT", Kind::Any), 0);
    pair.to.create_repository("x/b");
    pair.copies().await;
}

#[tokio::test]
async fn q122_names_that_are_too_short_or_too_deep() {
    for (least, most) in [(3, 9), (1, 1)] {
        let pair = Pair::to([Quirk::PathDepth(least, most)]).await;
        let report = pair.rule().run().await;
        let error = failure(&report);
        assert_eq!(error.code, Code::RepoName, "{error:?}");
        assert!(error.message.contains("x/b") && !error.hint.is_empty(), "{error:?}");
    }
    let pair = Pair::to([Quirk::PathDepth(2, 2)]).await;
    pair.copies().await;
}

#[tokio::test]
async fn q123_every_name_of_docker_hub_is_one_place() {
    let tunnel = Tunnel::to(Registry::builder()).await;
    let built = tunnel.registry.push("library/hello", "1", &image());
    tunnel.registry.push("team/app", "1", &image());
    // the certificate is not Docker Hub's
    let insecure = TlsOptions { insecure: true, ..TlsOptions::default() };
    let access = registry::Access { tls: insecure, ..tunnel.access() };
    for (n, name) in [
        "hello:1",
        "library/hello:1",
        "docker.io/hello:1",
        "docker.io/library/hello:1",
        "index.docker.io/library/hello:1",
        "registry-1.docker.io/library/hello:1",
    ]
    .iter()
    .enumerate()
    {
        let to = Registry::start().await;
        let repository = format!("x/r{n}");
        let report =
            sync(name, &[&at(&to, &repository)]).access("docker.io", access.clone()).run().await;
        assert_all(&report, Outcome::Copied);
        assert_eq!(report.images[0].source, "docker.io/library/hello:1", "{name}");
        assert!(to.has(&repository, "1", &built), "{name}");
    }
    assert_eq!(tunnel.hosts(), ["registry-1.docker.io:443"]);
    let asked: Vec<_> =
        tunnel.registry.requests().into_iter().filter_map(|r| r.repository).collect();
    assert!(asked.iter().all(|name| name == "library/hello"), "{asked:?}");
}

#[tokio::test]
async fn q124_a_token_service_at_another_host() {
    let guarded = || {
        let users = Users::new().user(USER.0, USER.1);
        Registry::builder().auth(Auth::Token(TokenAuth::new(users).at_second_host()))
    };
    let pair = Pair::of(&image(), guarded(), guarded()).await;
    pair.copies().await;
    for registry in [&pair.from, &pair.to] {
        assert_eq!(registry.count(|r| r.second_host), 1);
        assert_eq!(registry.count(|r| r.second_host && r.kind == Kind::Token), 1);
    }
}

#[tokio::test]
async fn q125_nothing_is_pulled_from_a_destination() {
    let pair = Pair::to([]).await;
    pair.copies().await;
    let newer = pair.from.push("a/b", "1", &image().label("v", "2"));
    assert_all(&pair.rule().run().await, Outcome::Copied);
    assert_all(&pair.rule().run().await, Outcome::Skipped);
    assert_eq!(pair.to.tag_digest("x/b", "1").as_deref(), Some(newer.digest()));
    assert_eq!(pair.to.count_of("GET", Kind::Any), 0);
    assert_eq!(pair.to.count_of("HEAD", Kind::Manifest), 3);
}

#[tokio::test]
async fn q126_dockers_types_where_they_are_refused() {
    let docker = image().docker();
    let to = Registry::builder().quirk(Quirk::DockerTypesRefused);
    let pair = Pair::of(&docker, Registry::builder(), to).await;
    let report = pair.rule().run().await;
    let error = failure(&report);
    assert_eq!(error.code, Code::ManifestRejected, "{error:?}");
    assert!(error.message.contains("415") && !error.hint.is_empty(), "{error:?}");
    pair.assert_nothing_tagged();
    let pair = Pair::to([Quirk::DockerTypesRefused]).await;
    pair.copies().await;
}
