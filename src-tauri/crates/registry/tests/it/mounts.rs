//! How blobs begin at a destination: one POST that asks, mounts and opens.

use registry::{Access, BlobStart, Code, Credential, Repository, RepositoryName, TlsOptions};
use testkit::{
    Auth, Fault, Kind, LocationForm, Quirk, Registry, Reply, TokenAuth,
    auth::Users,
    tls::{Authority, Flaw},
};

use crate::setup::{
    assert_lengths, client, client_with, descriptor, destination, destination_of, feed, held, log,
    plain, quick, random, upload, with,
};

fn name(text: &str) -> RepositoryName {
    text.parse().unwrap()
}

async fn begin(repository: &Repository, bytes: &[u8], from: Option<&str>) -> BlobStart {
    repository.begin_blob(&descriptor(bytes), from.map(name).as_ref()).await.unwrap()
}

#[tokio::test]
async fn one_request_asks_mounts_or_opens() {
    let registry = with([]).await;
    let bytes = random(1, 1000);
    let ours = destination(registry.host(), "a/b");
    registry.put_blob("a/b", bytes.clone());
    assert!(matches!(begin(&ours, &bytes, None).await, BlobStart::Present));
    let other = destination(registry.host(), "c/d");
    assert!(matches!(begin(&other, &bytes, Some("a/b")).await, BlobStart::Mounted));
    assert_eq!(held(&registry, "c/d", &bytes).as_ref(), Some(&bytes));
    assert_eq!(log(&registry), ["POST Mount 201", "POST Mount 201"]);
    let query = registry.requests()[0].query.clone().unwrap();
    assert_eq!(
        query,
        format!("mount={}&from=a/b", descriptor(&bytes).digest),
        "from its own repository"
    );
    // what is not there: the session that came with the answer is used
    registry.clear_log();
    let new = random(2, 1000);
    upload(&ours, &new, 400).await.unwrap();
    assert_eq!(log(&registry), ["POST Mount 202", "PUT UploadFinish 201"]);
    assert_eq!(held(&registry, "a/b", &new), Some(new));
    assert_lengths(&registry);
}

#[tokio::test]
async fn refused_mounts_are_plain_uploads_and_soon_not_tried() {
    for status in [400, 401, 403, 404, 405, 500] {
        let registry = with([Quirk::MountRefused(status)]).await;
        let ours = destination(registry.host(), "a/b");
        for n in 0..4 {
            upload(&ours, &random(n, 1000), 1000).await.unwrap();
        }
        // after three in a row the host is not asked any more
        assert_eq!(registry.count_of("POST", Kind::Mount), 3, "{status}: {:?}", log(&registry));
        assert_eq!(registry.count_of("POST", Kind::UploadStart), 4, "{status}");
        assert_eq!(registry.count_of("PUT", Kind::UploadFinish), 4, "{status}");
        // and what is there is found by HEAD
        registry.clear_log();
        assert!(matches!(begin(&ours, &random(0, 1000), None).await, BlobStart::Present));
        assert_eq!(log(&registry), ["HEAD Blob 200"], "{status}");
    }
}

#[tokio::test]
async fn a_token_that_is_denied_for_the_other_repository_is_no_end() {
    let users = Users::new().anonymous("*", "pull,push");
    let registry = Registry::builder().auth(Auth::Token(TokenAuth::new(users))).start().await;
    let bytes = random(1, 1000);
    registry.put_blob("c/d", bytes.clone());
    let asks_both = |r: &testkit::Request| r.query.as_deref().is_some_and(|q| q.contains("c%2Fd"));
    let denied = Reply::error(403, "DENIED", "access to c/d is denied");
    let fault = registry.fault(Fault::on(Kind::Token).when(asks_both).always().answer(denied));
    let BlobStart::Write(mut writer) =
        begin(&destination(registry.host(), "a/b"), &bytes, Some("c/d")).await
    else {
        panic!()
    };
    feed(&mut writer, &bytes, 1000).await.unwrap();
    assert_eq!(fault.fired(), 1);
    assert_eq!(held(&registry, "a/b", &bytes), Some(bytes));
}

#[tokio::test]
async fn mounts_that_are_never_granted_are_given_up() {
    let registry = with([Quirk::NeverMounts]).await;
    let ours = destination(registry.host(), "a/b");
    for n in 0..4 {
        let bytes = random(n, 1000);
        registry.put_blob("c/d", bytes.clone());
        let BlobStart::Write(mut writer) = begin(&ours, &bytes, Some("c/d")).await else {
            panic!()
        };
        feed(&mut writer, &bytes, 1000).await.unwrap();
    }
    assert_eq!(registry.count_of("POST", Kind::Mount), 3);
    assert_eq!(registry.count_of("HEAD", Kind::Blob), 1);
    assert_eq!(registry.count_of("POST", Kind::UploadStart), 1);
    // a blob that is not in our own repository is no sign of that
    let registry = with([]).await;
    let ours = destination(registry.host(), "a/b");
    for n in 0..5 {
        upload(&ours, &random(n, 1000), 1000).await.unwrap();
    }
    assert_eq!(registry.count_of("POST", Kind::Mount), 5);
    assert_eq!(registry.requests().len(), 10);
}

#[tokio::test]
async fn the_mount_is_not_to_blame_for_what_the_plain_upload_meets_too() {
    for (quirk, code) in [
        (Quirk::ReadOnly, Code::RegistryReadOnly),
        (Quirk::RepositoriesMustExist, Code::RepoMustExist),
        (Quirk::PathDepth(3, 9), Code::RepoName),
        (Quirk::Quota(0), Code::QuotaExceeded),
    ] {
        let registry = with([quirk.clone()]).await;
        let client = client(quick());
        let ours = destination_of(&client, registry.host(), "a/b");
        let bytes = random(1, 1000);
        let error = match ours.begin_blob(&descriptor(&bytes), None).await {
            Err(error) => error,
            Ok(BlobStart::Write(mut writer)) => feed(&mut writer, &bytes, 100).await.unwrap_err(),
            Ok(other) => panic!("{other:?}"),
        };
        assert_eq!(error.code(), code, "{quirk:?}: {error}");
        assert!(registry.requests().len() < 8, "{quirk:?}: {:?}", log(&registry));
        // the next ones still ask by mount
        registry.set_quirks([]);
        registry.clear_log();
        upload(&ours, &bytes, 100).await.unwrap();
        assert_eq!(registry.count_of("POST", Kind::Mount), 1);
    }
}

#[tokio::test]
async fn every_form_of_location() {
    for form in [
        LocationForm::Path,
        LocationForm::Relative,
        LocationForm::SchemeLess,
        LocationForm::Storage,
        LocationForm::NoQuery,
    ] {
        let registry = with([Quirk::Location(form.clone())]).await;
        let ours = destination(registry.host(), "a/b");
        let bytes = random(1, 100_000);
        upload(&ours, &bytes, 7000).await.unwrap_or_else(|e| panic!("{form:?}: {e}"));
        assert_eq!(held(&registry, "a/b", &bytes), Some(bytes), "{form:?}");
        assert_eq!(registry.requests().len(), 2, "{form:?}");
        assert_lengths(&registry);
    }
}

#[tokio::test]
async fn locations_behind_tls_stay_there_and_credentials_at_home() {
    for form in [LocationForm::Http, LocationForm::Storage, LocationForm::SchemeLess] {
        let authority = Authority::new();
        let registry = Registry::builder()
            .tls(authority.server(Flaw::None))
            .auth(Auth::basic("anna", "s3cret"))
            .quirk(Quirk::Location(form.clone()))
            .start()
            .await;
        let client = client_with(Access {
            credential: Credential::Basic {
                username: "anna".into(),
                password: "s3cret".to_owned().into(),
            },
            tls: TlsOptions {
                ca: Some(authority.pem().as_bytes().into()),
                ..TlsOptions::default()
            },
            ..plain()
        });
        let ours = destination_of(&client, registry.host(), "a/b");
        let bytes = random(1, 100_000);
        upload(&ours, &bytes, 7000).await.unwrap_or_else(|e| panic!("{form:?}: {e}"));
        assert_eq!(held(&registry, "a/b", &bytes), Some(bytes), "{form:?}");
        for request in registry.requests() {
            assert!(
                !request.second_host || request.header("authorization").is_none(),
                "{request:?}"
            );
        }
        let abroad = registry.count(|request| request.second_host);
        assert_eq!(abroad, usize::from(form == LocationForm::Storage), "{form:?}");
    }
}

#[tokio::test]
async fn an_upload_without_location() {
    let registry = with([Quirk::Location(LocationForm::Missing)]).await;
    let error =
        destination(registry.host(), "a/b").begin_blob(&descriptor(b"x"), None).await.unwrap_err();
    assert_eq!(error.code(), Code::RegistryRefused);
    assert!(error.to_string().contains("no Location"), "{error}");
}

#[tokio::test]
async fn passing_failures_of_the_post_are_tried_again() {
    let registry: Registry = with([]).await;
    registry.fault(Fault::on(Kind::Mount).times(2).answer(Reply::status(503)));
    upload(&destination(registry.host(), "a/b"), &random(1, 10), 10).await.unwrap();
    assert_eq!(registry.count_of("POST", Kind::Mount), 3);
    registry.assert_all_fired();
}
