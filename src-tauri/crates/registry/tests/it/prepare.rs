//! Destinations before anything is written: rights, and repositories that must exist.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use async_trait::async_trait;
use registry::{
    Access, AccessSource, Api, BlobStart, Client, CloudRequest, Code, Creation, Credential, Known,
    RepositoryName, Result, Side, Target, Vendor,
};
use testkit::{Auth, Kind, Quirk, Registry, TokenAuth, VendorApi, auth::Users};

use crate::setup::{client_with, descriptor, destination_of, feed, plain, quick, random};

/// Signs, and keeps what was signed.
#[derive(Debug)]
struct Signing(Access, AtomicUsize, Mutex<Vec<String>>);

#[async_trait]
impl AccessSource for Signing {
    async fn access(
        &self,
        _: &registry::Registry,
        _: Option<&RepositoryName>,
        _: bool,
    ) -> Result<Access> {
        Ok(self.0.clone())
    }
    async fn sign(
        &self,
        _: &registry::Registry,
        _: Option<&RepositoryName>,
        request: &mut CloudRequest,
    ) -> Result<bool> {
        self.1.fetch_add(1, Relaxed);
        self.2.lock().unwrap().push(String::from_utf8_lossy(&request.body).into_owned());
        request.headers.insert("authorization", "AWS4-HMAC-SHA256 x".parse().unwrap());
        Ok(true)
    }
}

fn access(registry: &Registry, vendor: Vendor, at: &str, create: Option<Creation>) -> Access {
    let url = format!("{}{at}", registry.url()).parse().unwrap();
    Access { api: Some(Api { vendor, url: Some(url) }), create, ..plain() }
}

#[tokio::test]
async fn ecr_repositories_are_created_when_told_so_and_once() {
    let registry = Registry::builder()
        .quirks([Quirk::RepositoriesMustExist, Quirk::Api(VendorApi::Ecr)])
        .start()
        .await;
    let bytes = random(1, 1000);
    let blob = descriptor(&bytes);
    // not told so: it says what is missing
    let client = client_with(access(&registry, Vendor::Ecr, "/ecr/", None));
    let repository = destination_of(&client, registry.host(), "team/new");
    let error = repository.begin_blob(&blob, Known::default()).await.unwrap_err();
    assert_eq!((error.code(), error.side()), (Code::RepoMustExist, Some(Side::Destination)));
    assert!(!registry.repositories().contains(&"team/new".to_owned()));

    let how = Creation {
        immutable_tags: true,
        scan_on_push: true,
        encryption: Some("KMS".into()),
        public: false,
    };
    let access = access(&registry, Vendor::Ecr, "/ecr/", Some(how));
    let account = Arc::new(Signing(access, AtomicUsize::new(0), Mutex::default()));
    let client = Client::new(quick(), account.clone());
    let repository = destination_of(&client, registry.host(), "team/new");
    let again = repository.clone();
    let other = descriptor(b"other");
    let (one, two) = tokio::join!(
        repository.begin_blob(&blob, Known::default()),
        again.begin_blob(&other, Known::default())
    );
    let BlobStart::Write(mut writer) = one.unwrap() else { panic!("it is not there") };
    feed(&mut writer, &bytes, 100).await.unwrap();
    assert!(matches!(two.unwrap(), BlobStart::Write(_)));
    assert_eq!(account.1.load(Relaxed), 1, "created once");
    let asked: serde_json::Value = serde_json::from_str(&account.2.lock().unwrap()[0]).unwrap();
    assert_eq!(
        asked,
        serde_json::json!({ "repositoryName": "team/new", "imageTagMutability": "IMMUTABLE",
            "imageScanningConfiguration": { "scanOnPush": true },
            "encryptionConfiguration": { "encryptionType": "KMS" } })
    );
    // one that another has made meanwhile is as good
    let repository = destination_of(&client, registry.host(), "team/other");
    registry.create_repository("team/other");
    assert!(matches!(
        repository.begin_blob(&blob, Known::default()).await.unwrap(),
        BlobStart::Write(_)
    ));
}

#[tokio::test]
async fn harbor_projects_are_created_when_told_so() {
    let registry = Registry::builder()
        .auth(Auth::basic("me", "s3cr3t"))
        .quirks([Quirk::RepositoriesMustExist, Quirk::Api(VendorApi::Harbor)])
        .start()
        .await;
    let password = "s3cr3t".to_owned().into();
    let access = Access {
        credential: Credential::Basic { username: "me".into(), password },
        ..access(&registry, Vendor::Harbor, "/", Some(Creation::default()))
    };
    let client = client_with(access);
    let repository = destination_of(&client, registry.host(), "fresh/app");
    // the fake knows no projects without a repository: the push is refused still, but the project was made
    let _ = repository.begin_blob(&descriptor(b"x"), Known::default()).await;
    let made = registry.requests().into_iter().find(|r| r.is("POST", Kind::Api)).unwrap();
    assert_eq!((made.path.as_str(), made.status), ("/api/v2.0/projects", Some(201)));
    assert!(registry.repositories().iter().any(|name| name.starts_with("fresh/")));
}

#[tokio::test]
async fn a_token_that_does_not_push_tells_so_without_a_push() {
    let users = Users::new().user_with("me", "s3cr3t", &[("mine/*", "pull,push"), ("*", "pull")]);
    let registry = Registry::builder()
        .auth(Auth::Token(TokenAuth::new(users)))
        .quirk(Quirk::TokensTell)
        .start()
        .await;
    let password = "s3cr3t".to_owned().into();
    let credential = Credential::Basic { username: "me".into(), password };
    let client = client_with(Access { credential, ..plain() });
    for (name, code) in [("mine/app", None), ("theirs/app", Some(Code::PushDenied))] {
        let repository = destination_of(&client, registry.host(), name);
        let tag = Target::Tag("v1".parse().unwrap());
        assert_eq!(repository.head_manifest(&tag).await.unwrap(), None);
        let requests = registry.requests().len();
        let checked = repository.check_push().await;
        assert_eq!(checked.err().map(|error| error.code()), code, "{name}");
        assert_eq!(registry.requests().len(), requests, "{name}");
    }
    assert_eq!(registry.writes(), 0);
}
