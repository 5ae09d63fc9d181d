//! How blobs begin at a destination: one POST that asks, mounts and opens.

use registry::{
    Access, BlobStart, Code, Credential, Known, Mounting, Repository, RepositoryName, TlsOptions,
};
use testkit::{
    Auth, Fault, Image, Kind, Layer, LocationForm, Quirk, Registry, Reply, SinglePost, TokenAuth,
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
    repository
        .begin_blob(&descriptor(bytes), Known { from: from.map(name).as_ref(), ..Known::default() })
        .await
        .unwrap()
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

/// Begins blobs that c/d holds, and writes those that are not mounted.
async fn from_another(
    registry: &Registry,
    ours: &Repository,
    count: u64,
    from: &str,
    committed: bool,
) {
    for n in 0..count {
        let bytes = random(n, 1000);
        registry.put_blob(from, bytes.clone());
        let known = Known { from: Some(&name(from)), committed, ..Known::default() };
        let begun = ours.begin_blob(&descriptor(&bytes), known).await.unwrap();
        let BlobStart::Write(mut writer) = begun else { continue };
        feed(&mut writer, &bytes, 1000).await.unwrap();
    }
}

#[tokio::test]
async fn mounts_that_are_never_granted_are_given_up() {
    let registry = with([Quirk::NeverMounts]).await;
    let ours = destination(registry.host(), "a/b");
    from_another(&registry, &ours, 4, "c/d", true).await;
    assert_eq!(registry.count_of("POST", Kind::Mount), 3);
    assert_eq!(registry.count_of("HEAD", Kind::Blob), 1);
    assert_eq!(registry.count_of("POST", Kind::UploadStart), 1);
    assert_eq!(ours.mounting(), Mounting::Freely, "it may be about c/d");
    registry.clear_log();
    from_another(&registry, &ours, 4, "e/f", true).await;
    assert_eq!(registry.count_of("POST", Kind::Mount), 3, "{:?}", log(&registry));
    assert_eq!(ours.mounting(), Mounting::Never);
    registry.clear_log();
    from_another(&registry, &ours, 4, "g/h", true).await;
    assert_eq!(registry.count_of("POST", Kind::Mount), 0);
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
async fn one_repository_that_may_not_be_mounted_from_does_not_condemn_the_host() {
    for (status, tries) in [(202, 3), (401, 1), (403, 1), (404, 1), (500, 3)] {
        let registry = with([]).await;
        let ours = destination(registry.host(), "a/b");
        from_another(&registry, &ours, 1, "c/d", false).await;
        let quirk = if status == 202 { Quirk::NeverMounts } else { Quirk::MountRefused(status) };
        let bad = |r: &testkit::Request| r.parameter("from").as_deref() == Some("bad/one");
        let fault = registry.fault(Fault::on(Kind::Mount).when(bad).always().quirk(quirk));
        from_another(&registry, &ours, 9, "bad/one", false).await;
        assert_eq!(fault.fired(), tries, "{status}");
        registry.clear_log();
        from_another(&registry, &ours, 3, "c/d", false).await;
        assert_eq!(log(&registry), ["POST Mount 201"; 3], "{status}");
        upload(&ours, &random(99, 1000), 1000).await.unwrap();
        assert_eq!(registry.count_of("HEAD", Kind::Blob), 0, "the question still works");
    }
}

#[tokio::test]
async fn a_host_that_mounts_what_manifests_name_is_learnt() {
    let registry = with([Quirk::MountsCommittedOnly]).await;
    let ours = destination(registry.host(), "a/b");
    from_another(&registry, &ours, 2, "c/d", false).await;
    assert_eq!(ours.mounting(), Mounting::Committed);
    registry.clear_log();
    from_another(&registry, &ours, 1, "e/f", false).await;
    assert_eq!(registry.count_of("POST", Kind::Mount), 0, "{:?}", log(&registry));
    // an interrupted run's blob, which no manifest names: asked by HEAD, and found
    let bytes = random(77, 1000);
    registry.put_blob("a/b", bytes.clone());
    registry.clear_log();
    assert!(matches!(begin(&ours, &bytes, None).await, BlobStart::Present));
    assert_eq!(log(&registry), ["HEAD Blob 200"]);
    registry.clear_log();
    let built = registry.push("g/h", "1", &Image::single("linux/amd64", [Layer::random(5, 900)]));
    let layer = built.blobs()[0].1.bytes().unwrap();
    let known = Known { from: Some(&name("g/h")), committed: true, ..Known::default() };
    let begun = ours.begin_blob(&descriptor(&layer), known).await.unwrap();
    assert!(matches!(begun, BlobStart::Mounted), "{begun:?}");
}

fn config(bytes: &[u8]) -> registry::Descriptor {
    let media_type = registry::MediaType::parse("application/vnd.oci.image.config.v1+json");
    registry::Descriptor { media_type, ..descriptor(bytes) }
}

async fn write_new(ours: &Repository, seed: u64, size: usize) -> bytes::Bytes {
    let bytes = random(seed, size);
    let known = Known { is_new: true, ..Known::default() };
    match ours.begin_blob(&config(&bytes), known).await.unwrap() {
        BlobStart::Write(mut writer) => {
            feed(&mut writer, &bytes, 300).await.unwrap();
        }
        other => panic!("{other:?}"),
    }
    bytes
}

#[tokio::test]
async fn a_tiny_new_blob_goes_out_with_the_post() {
    let registry = with([Quirk::SinglePost(SinglePost::Taken)]).await;
    let ours = destination(registry.host(), "a/b");
    for seed in 0..3 {
        let bytes = write_new(&ours, seed, 1000).await;
        assert_eq!(held(&registry, "a/b", &bytes), Some(bytes));
    }
    assert_eq!(log(&registry), ["POST UploadStart 201"; 3]);
    assert_eq!(registry.requests()[0].header("content-length"), Some("1000"));
    assert_lengths(&registry);
    // what is larger, empty, no config or perhaps there is asked for
    registry.clear_log();
    write_new(&ours, 7, 40_000).await;
    upload(&ours, &random(8, 1000), 300).await.unwrap();
    assert_eq!(registry.count_of("POST", Kind::Mount), 2);
    // damage on the way is sent again, in the way that can be mended
    registry.clear_log();
    registry.fault(Fault::on(Kind::UploadStart).corrupt_upload(5));
    let bytes = write_new(&ours, 9, 1000).await;
    assert_eq!(held(&registry, "a/b", &bytes), Some(bytes));
    registry.assert_all_fired();
}

#[tokio::test]
async fn hosts_that_do_not_take_it_are_asked_once() {
    for (form, first) in [
        (SinglePost::Ignored, &["POST UploadStart 202", "PUT UploadFinish 201"][..]),
        (
            SinglePost::Refused(405),
            &["POST UploadStart 405", "POST UploadStart 202", "PUT UploadFinish 201"],
        ),
        (
            SinglePost::Refused(400),
            &["POST UploadStart 400", "POST UploadStart 202", "PUT UploadFinish 201"],
        ),
        (
            SinglePost::Refused(404),
            &["POST UploadStart 404", "POST UploadStart 202", "PUT UploadFinish 201"],
        ),
    ] {
        let registry = with([Quirk::SinglePost(form)]).await;
        let ours = destination(registry.host(), "a/b");
        // the second asks as ever while the first finds out
        let known = Known { is_new: true, ..Known::default() };
        let one = random(1, 1000);
        let BlobStart::Write(mut first_writer) =
            ours.begin_blob(&config(&one), known).await.unwrap()
        else {
            panic!()
        };
        write_new(&ours, 2, 1000).await;
        assert_eq!(log(&registry), ["POST Mount 202", "PUT UploadFinish 201"], "{form:?}");
        registry.clear_log();
        feed(&mut first_writer, &one, 300).await.unwrap();
        assert_eq!(log(&registry), first, "{form:?}");
        assert_eq!(held(&registry, "a/b", &one), Some(one));
        registry.clear_log();
        write_new(&ours, 3, 1000).await;
        assert_eq!(log(&registry), ["POST Mount 202", "PUT UploadFinish 201"], "{form:?}");
        assert_lengths(&registry);
    }
    // who gives up before it is known hands on
    let registry = with([Quirk::SinglePost(SinglePost::Taken)]).await;
    let ours = destination(registry.host(), "a/b");
    let known = Known { is_new: true, ..Known::default() };
    drop(ours.begin_blob(&config(&random(1, 10)), known).await.unwrap());
    write_new(&ours, 2, 1000).await;
    assert_eq!(log(&registry), ["POST UploadStart 201"]);
    // what is wrong with the place is told as ever
    let registry = with([Quirk::RepositoriesMustExist]).await;
    let ours = destination(registry.host(), "a/b");
    let bytes = random(1, 10);
    let BlobStart::Write(mut writer) = ours.begin_blob(&config(&bytes), known).await.unwrap()
    else {
        panic!()
    };
    let error = feed(&mut writer, &bytes, 10).await.unwrap_err();
    assert_eq!(error.code(), Code::RepoMustExist, "{error}");
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
        let error = match ours.begin_blob(&descriptor(&bytes), Known::default()).await {
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
    let error = destination(registry.host(), "a/b")
        .begin_blob(&descriptor(b"x"), Known::default())
        .await
        .unwrap_err();
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
