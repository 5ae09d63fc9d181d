//! Looking around: lists of repositories and tags by the distribution API and by the (emulated) APIs of vendors.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use async_trait::async_trait;
use registry::{
    Access, AccessSource, Api, Client, CloudRequest, Code, Credential, Pages, RepositoryName,
    Result, TagEntry, Vendor,
};
use testkit::{
    Auth, Fault, Image, Kind, Layer, Quirk, Registry, Reply, TokenAuth, VendorApi, auth::Users,
};

use crate::setup::{client_with, plain, quick};

const USER: &str = "me";
const SECRET: &str = "s3cr3t-pw";

/// An account whose requests to clouds are marked as signed.
#[derive(Debug)]
struct Signing {
    access: Access,
    scheme: &'static str,
    signed: AtomicUsize,
    seen: Mutex<Vec<String>>,
}

#[async_trait]
impl AccessSource for Signing {
    async fn access(
        &self,
        _: &registry::Registry,
        _: Option<&RepositoryName>,
        _: bool,
    ) -> Result<Access> {
        Ok(self.access.clone())
    }

    async fn sign(
        &self,
        _: &registry::Registry,
        _: Option<&RepositoryName>,
        request: &mut CloudRequest,
    ) -> Result<bool> {
        let n = self.signed.fetch_add(1, Relaxed);
        self.seen.lock().unwrap().push(String::from_utf8_lossy(&request.body).into_owned());
        let value = format!("{} Credential=K, Signature={n}", self.scheme);
        request.headers.insert("authorization", value.parse().unwrap());
        Ok(true)
    }
}

fn login(registry: &Registry, user: &str, vendor: Vendor, at: &str) -> Access {
    let url = format!("{}{at}", registry.url()).parse().unwrap();
    let credential = match user {
        "" => Credential::Anonymous,
        user => Credential::Basic { username: user.into(), password: SECRET.to_owned().into() },
    };
    Access { credential, api: Some(Api { vendor, url: Some(url) }), ..plain() }
}

/// A registry with a vendor's API and some repositories.
async fn stocked(api: VendorApi, auth: Auth) -> Registry {
    let registry = Registry::builder()
        .auth(auth)
        .quirk(Quirk::Api(api))
        .quirk(Quirk::CatalogRefused(404))
        .start()
        .await;
    stock(&registry);
    registry
}

fn stock(registry: &Registry) {
    let index = Image::multi([
        Image::single("linux/amd64", [Layer::random(1, 1000)]),
        Image::single("linux/arm64", [Layer::random(2, 2000)]),
    ]);
    registry.push("team/app", "v2", &index);
    registry.push("team/app", "v1", &Image::single("linux/amd64", [Layer::random(3, 500)]));
    registry.push("team/deep/tool", "v1", &index);
    registry.push("other/app", "v1", &index);
}

async fn all<T>(mut pages: Pages<T>) -> Result<Vec<T>>
where
    Pages<T>: Next<T>,
{
    let mut all = Vec::new();
    while let Some(page) = pages.following().await? {
        all.extend(page);
    }
    Ok(all)
}

#[async_trait]
trait Next<T> {
    async fn following(&mut self) -> Result<Option<Vec<T>>>;
}

#[async_trait]
impl Next<registry::Entry> for Pages<registry::Entry> {
    async fn following(&mut self) -> Result<Option<Vec<registry::Entry>>> {
        self.next().await
    }
}

#[async_trait]
impl Next<TagEntry> for Pages<TagEntry> {
    async fn following(&mut self) -> Result<Option<Vec<TagEntry>>> {
        self.next().await
    }
}

async fn names(client: &Client, registry: &Registry, below: Option<&str>) -> Result<Vec<String>> {
    let host = registry.host().parse().unwrap();
    let mut names: Vec<_> =
        all(client.browse(&host, below)).await?.into_iter().map(|entry| entry.name).collect();
    names.sort();
    Ok(names)
}

async fn tags(client: &Client, registry: &Registry, name: &str) -> Result<Vec<TagEntry>> {
    let host = registry.host().parse().unwrap();
    let mut tags = all(client.browse_tags(&host, &name.parse().unwrap())).await?;
    tags.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(tags)
}

/// Each vendor's list of tags is of the same truth as the registry's own.
async fn check_tags(client: &Client, registry: &Registry, with_size: bool) {
    let found = tags(client, registry, "team/app").await.unwrap();
    let listed: Vec<_> = found.iter().map(|tag| tag.name.as_str()).collect();
    assert_eq!(listed, ["v1", "v2"]);
    for tag in &found {
        let digest = tag.digest.as_ref().map(ToString::to_string);
        assert_eq!(digest, registry.tag_digest("team/app", &tag.name), "{tag:?}");
        assert_eq!(tag.pushed.unwrap().to_string(), "2026-01-02T03:04:05Z");
    }
    if with_size {
        assert!(found[0].size.unwrap() > 500, "{:?}", found[0]);
    }
    let error = tags(client, registry, "team/absent").await.unwrap_err();
    assert_eq!(error.code(), Code::RefNotFound, "{error}");
}

#[tokio::test]
async fn the_catalogue_is_enough_where_there_is_one() {
    let registry = Registry::start().await;
    stock(&registry);
    let client = client_with(plain());
    let all = ["other/app", "team/app", "team/deep/tool"];
    assert_eq!(names(&client, &registry, None).await.unwrap(), all);
    assert_eq!(names(&client, &registry, Some("team")).await.unwrap(), all[1..]);
    assert_eq!(registry.count_of("GET", Kind::Api), 0);
    let tags = tags(&client, &registry, "team/app").await.unwrap();
    assert_eq!(tags, [TagEntry::new("v1"), TagEntry::new("v2")]);
}

#[tokio::test]
async fn docker_hub_lists_a_namespace_and_its_tags() {
    let users = Users::new().user(USER, SECRET).anonymous("*", "pull");
    let registry = stocked(VendorApi::DockerHub, Auth::Token(TokenAuth::new(users))).await;
    let place = "/hub.docker.com/";
    // nobody: one namespace at a time
    let nobody = client_with(login(&registry, "", Vendor::DockerHub, place));
    let error = names(&nobody, &registry, None).await.unwrap_err();
    assert_eq!(error.code(), Code::CatalogUnsupported);
    assert!(error.hints().any(|hint| hint.contains("Name the namespace")), "{error}");
    assert_eq!(
        names(&nobody, &registry, Some("team")).await.unwrap(),
        ["team/app", "team/deep/tool"]
    );
    check_tags(&nobody, &registry, true).await;
    let found = tags(&nobody, &registry, "team/app").await.unwrap();
    let platforms: Vec<_> = found[1].platforms.iter().map(ToString::to_string).collect();
    assert_eq!(platforms, ["linux/amd64", "linux/arm64"]);
    // somebody: logged in once for all
    let me = client_with(login(&registry, USER, Vendor::DockerHub, place));
    assert_eq!(names(&me, &registry, None).await.unwrap(), [USER, "other", "team"]);
    names(&me, &registry, Some("team")).await.unwrap();
    let logins = registry.count(|request| request.path.ends_with("/auth/token"));
    assert_eq!(logins, 1);
    // a wrong token is told, and not tried at the registry
    let wrong = client_with(login(&registry, "other", Vendor::DockerHub, place));
    let error = names(&wrong, &registry, Some("team")).await.unwrap_err();
    assert_eq!(error.code(), Code::AuthRejected, "{error}");
    assert!(!error.to_string().contains(SECRET), "{error}");
}

#[tokio::test]
async fn quay_lists_by_its_api() {
    let users = Users::new().user("$oauthtoken", SECRET).anonymous("*", "pull");
    let auth = Auth::Token(TokenAuth::new(users));
    let registry = stocked(VendorApi::Quay, auth).await;
    let nobody = client_with(login(&registry, "", Vendor::Quay, "/"));
    let error = names(&nobody, &registry, None).await.unwrap_err();
    assert_eq!(error.code(), Code::CatalogUnsupported);
    assert_eq!(names(&nobody, &registry, Some("other")).await.unwrap(), ["other/app"]);
    check_tags(&nobody, &registry, true).await;
    let me = client_with(login(&registry, "$oauthtoken", Vendor::Quay, "/"));
    assert_eq!(names(&me, &registry, None).await.unwrap(), ["me", "other", "team"]);
    // a robot's password is not for the API: it is not shown there
    let robot = client_with(login(&registry, "team+ci", Vendor::Quay, "/"));
    names(&robot, &registry, Some("team")).await.unwrap();
    let last = registry.requests().into_iter().rfind(|r| r.kind == Kind::Api).unwrap();
    assert_eq!(last.header("authorization"), None);
}

#[tokio::test]
async fn harbor_lists_projects_and_is_known_by_its_challenge() {
    let service = TokenAuth::new(Users::new().user(USER, SECRET)).service("harbor-registry");
    let registry = stocked(VendorApi::Harbor, Auth::Token(service)).await;
    let password = SECRET.to_owned().into();
    let credential = Credential::Basic { username: USER.into(), password };
    // nobody says that it is Harbor
    let client = client_with(Access { credential, ..plain() });
    assert_eq!(names(&client, &registry, None).await.unwrap(), ["other", "team"]);
    assert_eq!(
        names(&client, &registry, Some("team")).await.unwrap(),
        ["team/app", "team/deep/tool"]
    );
    check_tags(&client, &registry, true).await;
    let deep = tags(&client, &registry, "team/deep/tool").await.unwrap();
    assert_eq!(deep[0].platforms.len(), 2, "a slash in a name is encoded twice");
}

#[tokio::test]
async fn azure_lists_tags_with_the_registrys_own_tokens() {
    let registry = stocked(VendorApi::Azure, Auth::token(USER, SECRET)).await;
    let client = client_with(login(&registry, USER, Vendor::Azure, "/"));
    check_tags(&client, &registry, false).await;
    let asked: Vec<_> = registry.requests().into_iter().filter(|r| r.kind == Kind::Api).collect();
    assert!(
        asked.iter().all(|r| r.header("authorization").is_none_or(|a| a.starts_with("Bearer")))
    );
    for n in 0..250 {
        let digest = registry.tag_digest("team/app", "v1").unwrap();
        registry.store().put_tag("team/app", &format!("t{n:04}"), &digest);
    }
    assert_eq!(tags(&client, &registry, "team/app").await.unwrap().len(), 252);
}

#[tokio::test]
async fn google_tells_children_and_digests_in_its_list_of_tags() {
    let registry =
        Registry::builder().quirks([Quirk::ExtendedTags, Quirk::CatalogRefused(403)]).start().await;
    stock(&registry);
    let client =
        client_with(Access { api: Some(Api { vendor: Vendor::Google, url: None }), ..plain() });
    assert_eq!(names(&client, &registry, Some("team")).await.unwrap(), ["team/app", "team/deep"]);
    assert_eq!(names(&client, &registry, Some("team/deep")).await.unwrap(), ["team/deep/tool"]);
    check_tags(&client, &registry, true).await;
    let error = names(&client, &registry, None).await.unwrap_err();
    assert_eq!(error.code(), Code::CatalogUnsupported, "{error}");
}

#[tokio::test]
async fn gitlab_and_artifactory_list_repositories_and_the_registry_its_tags() {
    for (api, vendor) in
        [(VendorApi::GitLab, Vendor::GitLab), (VendorApi::Artifactory, Vendor::Artifactory)]
    {
        let registry = stocked(api, Auth::basic(USER, SECRET)).await;
        let client = client_with(login(&registry, USER, vendor, "/"));
        assert_eq!(names(&client, &registry, None).await.unwrap(), ["other", "team"]);
        assert_eq!(
            names(&client, &registry, Some("team")).await.unwrap(),
            ["team/app", "team/deep/tool"],
            "{vendor:?}"
        );
        assert_eq!(tags(&client, &registry, "team/app").await.unwrap().len(), 2);
    }
}

fn signing(registry: &Registry, vendor: Vendor, at: &str, scheme: &'static str) -> Arc<Signing> {
    let access = login(registry, "", vendor, at);
    Arc::new(Signing { access, scheme, signed: AtomicUsize::new(0), seen: Mutex::default() })
}

#[tokio::test]
async fn ecr_lists_by_signed_requests() {
    let registry = stocked(VendorApi::Ecr, Auth::None).await;
    let account = signing(&registry, Vendor::Ecr, "/ecr/", "AWS4-HMAC-SHA256");
    let client = Client::new(quick(), account.clone());
    let all = ["other/app", "team/app", "team/deep/tool"];
    assert_eq!(names(&client, &registry, None).await.unwrap(), all);
    assert_eq!(names(&client, &registry, Some("team")).await.unwrap(), all[1..]);
    let asked = registry.requests();
    let last = asked.last().unwrap();
    assert_eq!(
        last.header("x-amz-target"),
        Some("AmazonEC2ContainerRegistry_V20150921.DescribeRepositories")
    );
    assert_eq!(last.header("content-type"), Some("application/x-amz-json-1.1"));
    let found = tags(&client, &registry, "team/app").await.unwrap();
    assert_eq!(
        found[0].digest.as_ref().map(ToString::to_string),
        registry.tag_digest("team/app", "v1")
    );
    assert_eq!(account.signed.load(Relaxed), registry.count_of("POST", Kind::Api));
    // without keys the API is not asked, and it says so
    let client = client_with(login(&registry, "", Vendor::Ecr, "/ecr/"));
    let before = registry.count_of("POST", Kind::Api);
    let error = names(&client, &registry, None).await.unwrap_err();
    assert_eq!(error.code(), Code::CatalogUnsupported, "{error}");
    assert!(error.to_string().contains("needs keys of the cloud"), "{error}");
    assert_eq!(registry.count_of("POST", Kind::Api), before);
}

#[tokio::test]
async fn acr_lists_by_signed_requests() {
    let service = "registry.aliyuncs.com:cn-hangzhou:china:cri-0123";
    let users = Users::new().anonymous("*", "pull");
    let auth = Auth::Token(TokenAuth::new(users).service(service));
    for (api, vendor) in [
        (VendorApi::AliyunEnterprise, Vendor::AliyunEnterprise),
        (VendorApi::AliyunPersonal, Vendor::AliyunPersonal),
    ] {
        let registry = stocked(api, auth.clone()).await;
        let account = signing(&registry, vendor, "/acs/", "ACS3-HMAC-SHA256");
        let client = Client::new(quick(), account);
        assert_eq!(names(&client, &registry, None).await.unwrap(), ["other", "team"]);
        assert_eq!(
            names(&client, &registry, Some("team")).await.unwrap(),
            ["team/app", "team/deep/tool"]
        );
        let found = tags(&client, &registry, "team/app").await.unwrap();
        assert_eq!(
            found[1].digest.as_ref().map(ToString::to_string),
            registry.tag_digest("team/app", "v2"),
            "{vendor:?}"
        );
        assert!(found[1].size.unwrap() > 3000);
    }
}

#[tokio::test]
async fn ghcr_says_why_it_lists_nothing() {
    let registry = stocked(VendorApi::Quay, Auth::None).await;
    let client = client_with(login(&registry, "", Vendor::Ghcr, "/"));
    let error = names(&client, &registry, None).await.unwrap_err();
    assert_eq!(error.code(), Code::CatalogUnsupported);
    assert!(error.message().contains("does not list"), "{error}");
    assert!(error.hints().any(|hint| hint.contains("ghcr.io/OWNER/NAME")));
    assert_eq!(registry.requests().len(), 0, "nobody is asked");
}

#[tokio::test]
async fn lists_that_go_in_circles_end() {
    for (api, vendor, at) in [
        (VendorApi::DockerHub, Vendor::DockerHub, "/hub.docker.com/"),
        (VendorApi::Quay, Vendor::Quay, "/"),
        (VendorApi::Harbor, Vendor::Harbor, "/"),
        (VendorApi::GitLab, Vendor::GitLab, "/"),
        (VendorApi::Azure, Vendor::Azure, "/"),
    ] {
        let registry = stocked(api, Auth::None).await;
        registry.add_quirk(Quirk::ApiRepeats);
        let digest = registry.tag_digest("team/app", "v1").unwrap();
        for n in 0..300 {
            registry.store().put_tag("team/app", &format!("t{n:04}"), &digest);
            registry.put_manifest(&format!("team/r{n:04}"), "v1", "x", "{}");
        }
        let client = client_with(login(&registry, "", vendor, at));
        if vendor != Vendor::Azure {
            let found = names(&client, &registry, Some("team")).await.unwrap();
            assert_eq!(found.len(), 100, "{vendor:?}");
        }
        if vendor != Vendor::GitLab {
            let found = tags(&client, &registry, "team/app").await.unwrap();
            assert!(found.len() <= 302, "{vendor:?}");
        }
        assert!(registry.count_of("GET", Kind::Api) <= 4, "{vendor:?}");
    }
}

#[tokio::test]
async fn a_hundred_thousand_tags_come_page_by_page() {
    let registry = stocked(VendorApi::Harbor, Auth::None).await;
    let digest = registry.tag_digest("team/app", "v1").unwrap();
    for n in 0..100_000 {
        registry.store().put_tag("many/tags", &format!("t{n:06}"), &digest);
    }
    registry.set_quirks([]);
    let client = client_with(plain());
    let host = registry.host().parse().unwrap();
    let mut pages: Pages<TagEntry> = client.browse_tags(&host, &"many/tags".parse().unwrap());
    let first = pages.next().await.unwrap().unwrap();
    assert_eq!(first.len(), 1000);
    // a front door and a page: nothing is read that nobody looks at
    assert_eq!(registry.count_of("GET", Kind::Tags), 1);
    let mut count = first.len();
    while let Some(page) = pages.next().await.unwrap() {
        assert!(page.len() <= 1000);
        count += page.len();
    }
    assert_eq!(count, 100_000);
    // the last page is as full as the others: only the next tells that it was the last
    assert_eq!(registry.count_of("GET", Kind::Tags), 101);
}

#[tokio::test]
async fn names_may_be_anything_and_are_written_out() {
    let registry = stocked(VendorApi::Harbor, Auth::None).await;
    let names = "[{\"name\":\"team/a\\u202eb\"},{\"name\":\"team/c\\u001b[31m\"}]";
    let reply = Reply::status(200).header("content-type", "application/json").body(names);
    registry.fault(Fault::on(Kind::Api).answer(reply));
    let client = client_with(login(&registry, "", Vendor::Harbor, "/"));
    let found = self::names(&client, &registry, Some("team")).await.unwrap();
    registry.assert_all_fired();
    let shown: Vec<_> = found.iter().map(|name| registry::shown(name)).collect();
    assert_eq!(shown, ["team/a\\u{202e}b", "team/c\\u{1b}[31m"]);
}

#[tokio::test]
async fn answers_that_make_no_sense_or_refuse() {
    let page = Reply::html(200, "Welcome to the portal");
    let rubbish = Reply::status(200).body("{\"projects\":");
    for (reply, code) in [
        (page, Code::RegistryRefused),
        (rubbish, Code::RegistryRefused),
        (Reply::html(403, "Forbidden"), Code::PullDenied),
        (Reply::error(401, "UNAUTHORIZED", "no"), Code::AuthRejected),
        (Reply::error(404, "NOT_FOUND", "no"), Code::RefNotFound),
    ] {
        let registry = stocked(VendorApi::Harbor, Auth::basic(USER, SECRET)).await;
        registry.fault(Fault::on(Kind::Api).answer(reply.clone()));
        let client = client_with(login(&registry, USER, Vendor::Harbor, "/"));
        // the registry's own list is refused too
        let error = names(&client, &registry, None).await.unwrap_err();
        registry.assert_all_fired();
        assert_eq!(error.code(), Code::CatalogUnsupported, "{code}: {error}");
        assert!(error.to_string().contains("its vendor's API"), "{error}");
        assert!(!error.to_string().contains(SECRET), "{error}");
        // where it is not, it is enough
        registry.fault(Fault::on(Kind::Api).answer(reply));
        registry.set_quirks([Quirk::Api(VendorApi::Harbor)]);
        assert_eq!(names(&client, &registry, None).await.unwrap().len(), 3);
        registry.assert_all_fired();
    }
    // in the midst of a list, an error is one
    let registry = stocked(VendorApi::Harbor, Auth::None).await;
    let digest = registry.tag_digest("team/app", "v1").unwrap();
    for n in 0..150 {
        registry.put_manifest(&format!("team/r{n:04}"), "v1", "x", "{}");
    }
    assert!(!digest.is_empty());
    registry.fault(Fault::on(Kind::Api).nth(2).answer(Reply::error(403, "FORBIDDEN", "no")));
    let client = client_with(login(&registry, "", Vendor::Harbor, "/"));
    let error = names(&client, &registry, Some("team")).await.unwrap_err();
    assert_eq!(error.code(), Code::PullDenied, "{error}");
    registry.assert_all_fired();
}

#[tokio::test]
async fn an_api_that_is_busy_is_asked_again() {
    let registry = stocked(VendorApi::Harbor, Auth::None).await;
    registry.fault(Fault::on(Kind::Api).answer(Reply::too_many_requests(Some("1"))));
    registry.fault(Fault::on(Kind::Api).nth(2).status(502));
    let client = client_with(login(&registry, "", Vendor::Harbor, "/"));
    assert_eq!(names(&client, &registry, None).await.unwrap(), ["other", "team"]);
    registry.assert_all_fired();
    // not for ever
    registry.fault(Fault::on(Kind::Api).always().answer(Reply::too_many_requests(None)));
    let error = names(&client, &registry, None).await.unwrap_err();
    assert_eq!((error.code(), error.attempts()), (Code::RateLimited, 4), "{error}");
}

#[tokio::test]
async fn what_an_api_redirects_to_elsewhere_gets_no_credentials() {
    let elsewhere = stocked(VendorApi::Harbor, Auth::None).await;
    let registry = stocked(VendorApi::Harbor, Auth::basic(USER, SECRET)).await;
    let there = format!("{}/api/v2.0/projects", elsewhere.url());
    registry.fault(Fault::on(Kind::Api).answer(Reply::status(302).header("location", there)));
    let client = client_with(login(&registry, USER, Vendor::Harbor, "/"));
    assert_eq!(names(&client, &registry, None).await.unwrap(), ["other", "team"]);
    registry.assert_all_fired();
    let asked = registry.requests();
    assert!(asked.iter().any(|r| r.header("authorization").is_some()));
    let got = elsewhere.requests();
    assert_eq!((got.len(), got[0].header("authorization")), (1, None));
}

#[tokio::test]
async fn lists_of_tags_bring_digests_without_a_request_more() {
    // by the vendor's API
    let registry = stocked(VendorApi::Harbor, Auth::basic(USER, SECRET)).await;
    let client = client_with(login(&registry, USER, Vendor::Harbor, "/"));
    let repository = client.source(&registry.host().parse().unwrap(), &"team/app".parse().unwrap());
    let list = repository.tag_list().await.unwrap();
    assert_eq!((list.tags.len(), list.digests.len()), (2, 2));
    assert_eq!(registry.count_of("GET", Kind::Tags), 0);
    // one that refuses is asked once per host
    registry.set_auth(Auth::None);
    registry.fault(Fault::on(Kind::Api).always().answer(Reply::error(403, "FORBIDDEN", "no")));
    let client = client_with(login(&registry, "", Vendor::Harbor, "/"));
    let before = registry.count_of("GET", Kind::Api);
    for _ in 0..2 {
        let repository =
            client.source(&registry.host().parse().unwrap(), &"team/app".parse().unwrap());
        let list = repository.tag_list().await.unwrap();
        assert_eq!((list.tags.len(), list.digests.len()), (2, 0));
    }
    assert_eq!(registry.count_of("GET", Kind::Api), before + 1);
    // Docker Hub's list lags behind: its digests are not for comparing
    let registry = stocked(VendorApi::DockerHub, Auth::None).await;
    let client = client_with(login(&registry, "", Vendor::DockerHub, "/hub.docker.com/"));
    let repository = client.source(&registry.host().parse().unwrap(), &"team/app".parse().unwrap());
    assert_eq!(repository.tag_list().await.unwrap().digests.len(), 0);
    assert_eq!(registry.count_of("GET", Kind::Api), 0);
}
