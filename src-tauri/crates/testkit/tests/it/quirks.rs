//! Every quirk does what its name says.

use std::time::Duration;

use testkit::{
    Image, Kind, Layer, On, Quirk, RangeForm, Redirect, Registry, Vendor,
    digest::{sha256, sha512},
};

use crate::client::{Answer, Client, with_digest};

const OCI: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const DOCKER: &str = "application/vnd.docker.distribution.manifest.v2+json";

/// A registry with an image `a:1` and a client.
pub(crate) async fn with(quirks: impl IntoIterator<Item = Quirk>) -> (Registry, Client) {
    let registry = Registry::builder().quirks(quirks).start().await;
    registry.push("a", "1", &image(1));
    let client = Client::of(&registry);
    (registry, client)
}

fn image(seed: u64) -> Image {
    Image::single("linux/amd64", [Layer::random(seed, 1000)])
}

/// Puts an image's blobs into `a` and its manifest by HTTP.
async fn put(registry: &Registry, client: &Client, reference: &str, image: &Image) -> Answer {
    let built = image.build();
    for (digest, content) in built.blobs() {
        registry.store().put_blob_as("a", &digest, content);
    }
    client
        .put_manifest(
            &format!("/v2/a/manifests/{reference}"),
            built.media_type(),
            built.bytes().clone(),
        )
        .await
}

#[tokio::test]
async fn redirects() {
    let (registry, client) = with([Quirk::RedirectBlobs(Redirect::storage())]).await;
    let digest = registry.put_blob("a", "0123456789");
    let path = format!("/v2/a/blobs/{digest}");
    let redirect = client.get(&path).await;
    let address = redirect.expect(307).location();
    assert!(
        address.starts_with(&format!("http://{}/storage/", registry.second_host())),
        "{address}"
    );
    assert_eq!(client.get(&address).await.expect(200).body, "0123456789");
    assert_eq!(client.get_with(&address, "range", "bytes=7-").await.expect(206).body, "789");
    assert_eq!(registry.blob_gets(&digest), 2);
    let denied = client.get_with(&address, "authorization", "Bearer x").await;
    assert!(denied.expect(400).body.starts_with(b"<?xml"));
    client.get(&address.replace("X-Amz-Signature=", "X-Amz-Signature=0")).await.expect(403);
    client.head(&path).await.expect(200);
    client.get(&format!("/v2/a/blobs/{}", sha256("absent"))).await.expect(404);
    registry.expire_storage_urls();
    client.get(&address).await.expect(403);
    client.get(&format!("http://{}/v2/", registry.second_host())).await.expect(404);

    registry.set_quirks([
        Quirk::RedirectBlobs(Redirect::base("https://other.example").status(302)),
        Quirk::RedirectManifests(Redirect::storage().with_heads()),
    ]);
    let away = client.get(&format!("{path}?x=y")).await;
    assert_eq!(away.expect(302).location(), format!("https://other.example{path}?x=y"));
    let address = client.head("/v2/a/manifests/1").await.expect(307).location();
    assert_eq!(client.get(&address).await.expect(200).body, registry.manifest("a", "1").unwrap().1);
    registry.set_quirks([Quirk::RedirectBlobs(Redirect::address("http://169.254.169.254/"))]);
    assert_eq!(client.head(&path).await.expect(307).location(), "http://169.254.169.254/");

    let registry = Registry::builder().storage_urls_live(Duration::ZERO);
    let registry = registry.quirk(Quirk::RedirectBlobs(Redirect::storage())).start().await;
    let digest = registry.put_blob("a", "x");
    let client = Client::of(&registry);
    let address = client.get(&format!("/v2/a/blobs/{digest}")).await.location();
    client.get(&address).await.expect(403);
}

#[tokio::test]
async fn ranges() {
    let (registry, client) = with([]).await;
    let digest = registry.put_blob("a", "0123456789");
    let get = async |form: RangeForm| {
        registry.set_quirks([Quirk::Range(form)]);
        client.get_with(&format!("/v2/a/blobs/{digest}"), "range", "bytes=4-").await
    };
    assert_eq!(get(RangeForm::Ignored).await.expect(200).body, "0123456789");
    let wrong = get(RangeForm::WrongStart(-1)).await;
    assert_eq!(
        (&wrong.expect(206).body[..], wrong.header("content-range")),
        (&b"3456789"[..], Some("bytes 3-9/10"))
    );
    let lying = get(RangeForm::LyingStart(-1)).await;
    assert_eq!(
        (&lying.expect(206).body[..], lying.header("content-range")),
        (&b"3456789"[..], Some("bytes 4-10/10"))
    );
    let bare = get(RangeForm::NoContentRange).await;
    assert_eq!((&bare.expect(206).body[..], bare.header("content-range")), (&b"456789"[..], None));
    get(RangeForm::Refused).await.expect(416);
}

#[tokio::test]
async fn proxies_and_impostors() {
    let (registry, client) = with([Quirk::Gzip]).await;
    let digest = registry.put_blob("a", "0123456789");
    let path = format!("/v2/a/blobs/{digest}");
    let compressed = client.get(&path).await;
    assert_eq!(compressed.expect(200).header("content-encoding"), Some("gzip"));
    assert_eq!(&compressed.body[..2], [0x1f, 0x8b]);
    assert_eq!(client.get_with(&path, "accept-encoding", "identity").await.body, "0123456789");

    registry.set_quirks([Quirk::Html]);
    let page = client.get("/v2/").await;
    assert_eq!(page.expect(200).header("docker-distribution-api-version"), None);
    assert!(page.body.starts_with(b"<html>"));
    client.post("/v2/a/blobs/uploads/").await.expect(200);
    registry.set_quirks([Quirk::CaptivePortal("http://portal.example/".into())]);
    assert_eq!(client.get("/v2/").await.expect(302).location(), "http://portal.example/");
    registry.set_quirks([Quirk::PingWithoutVersion, Quirk::Warning("soon gone".into())]);
    let ping = client.get("/v2/").await;
    assert_eq!(ping.expect(200).header("docker-distribution-api-version"), None);
    assert_eq!(ping.header("warning"), Some("299 - \"soon gone\""));

    registry.set_quirks([Quirk::PathPrefix("/artifactory/api/docker/key".into())]);
    client.get("/v2/").await.expect(404);
    client.get("/artifactory/api/docker/key/v2/").await.expect(200);
    let post = client.post("/artifactory/api/docker/key/v2/a/blobs/uploads/").await;
    assert!(
        post.expect(202).location().contains("/artifactory/api/docker/key/v2/a/blobs/uploads/")
    );
    client.send("PUT", &with_digest(&post.location(), &sha256("x")), &[], "x").await.expect(201);

    registry.set_quirks([Quirk::BodyLimit(1000)]);
    let location = client.open("a").await;
    let large = vec![1; 200_000];
    client
        .send("PUT", &with_digest(&location, &sha256(&large)), &[], large.clone())
        .await
        .expect(413);
    assert_eq!(client.get(&location).await.header("range"), Some("0-0"));
    client.send("PATCH", &location, &[], vec![1; 1000]).await.expect(202);
}

#[tokio::test]
async fn reading_manifests() {
    let (registry, client) = with([]).await;
    let path = "/v2/a/manifests/1";
    let digest = registry.tag_digest("a", "1").unwrap();
    let set = |quirk: Quirk| registry.set_quirks([quirk]);
    let digest_of = |answer: &Answer| answer.header("docker-content-digest").map(str::to_owned);

    set(Quirk::ManifestHead(405));
    client.head(path).await.expect(405);
    client.get(path).await.expect(200);
    set(Quirk::NoDigestHeader(On::Head));
    assert_eq!(digest_of(client.head(path).await.expect(200)), None);
    assert_eq!(digest_of(client.get(path).await.expect(200)), Some(digest.clone()));
    set(Quirk::NoDigestHeader(On::Every));
    assert_eq!(digest_of(client.get(path).await.expect(200)), None);
    set(Quirk::WrongDigestHeader(On::Every));
    assert_ne!(digest_of(client.get(path).await.expect(200)), Some(digest));
    set(Quirk::ManifestType("text/plain; charset=utf-8".into()));
    assert_eq!(client.get(path).await.header("content-type"), Some("text/plain; charset=utf-8"));
    set(Quirk::ManifestType(String::new()));
    assert_eq!(client.get(path).await.header("content-type"), None);
    for status in [401, 403] {
        set(Quirk::AbsentManifest(status));
        client.head("/v2/a/manifests/2").await.expect(status);
    }
    set(Quirk::AcceptHonoured);
    client.get(path).await.expect(404);
    client.get_with(path, "accept", OCI).await.expect(200);
    set(Quirk::FirstAcceptOnly);
    client.get_with(path, "accept", &format!("{DOCKER}, {OCI}")).await.expect(404);
    client.get_with(path, "accept", &format!("{OCI}, {DOCKER}")).await.expect(200);

    set(Quirk::ConvertsToSchema1);
    let docker = registry.push("a", "docker", &image(2).docker());
    let old = client.get("/v2/a/manifests/docker").await;
    assert!(old.expect(200).header("content-type").unwrap().ends_with("v1+prettyjws"));
    assert_eq!(old.json()["fsLayers"][0]["blobSum"], docker.blobs()[1].0);
    assert_eq!(
        client.get_with("/v2/a/manifests/docker", "accept", DOCKER).await.body,
        docker.bytes()
    );
}

#[tokio::test]
async fn writing_manifests() {
    let (registry, client) = with([]).await;
    let set = |quirk: Quirk| registry.set_quirks([quirk]);
    set(Quirk::ManifestPutStatus(200));
    put(&registry, &client, "x", &image(2)).await.expect(200);
    set(Quirk::ManifestPutBare);
    let bare = put(&registry, &client, "x", &image(2)).await;
    assert_eq!(
        (bare.expect(201).header("location"), bare.header("docker-content-digest")),
        (None, None)
    );
    set(Quirk::MediaTypeRequired);
    put(&registry, &client, "x", &image(2).without_media_type()).await.expect(405);
    put(&registry, &client, "x", &image(2)).await.expect(201);
    set(Quirk::KnownLayersOnly);
    let odd = Image::single(
        "linux/amd64",
        [Layer::random(1, 10).media_type("application/vnd.docker.image.rootfs.diff.tar")],
    );
    assert_eq!(put(&registry, &client, "x", &odd).await.expect(400).code(), "MANIFEST_INVALID");
    let artifact = Image::artifact("application/x", [Layer::random(3, 10)]);
    set(Quirk::EmptyConfigDenied);
    let denied = put(&registry, &client, "x", &artifact).await;
    assert!(
        denied.expect(403).json()["errors"][0]["message"]
            .as_str()
            .unwrap()
            .contains("unknown manifest class")
    );
    set(Quirk::KnownManifestsOnly);
    put(&registry, &client, "x", &artifact).await.expect(201);
    put(&registry, &client, "x", &Image::raw("application/vnd.wasm+json", "{}")).await.expect(400);
    set(Quirk::DockerTypesRefused);
    put(&registry, &client, "x", &image(2).docker()).await.expect(415);
    set(Quirk::ManifestLimit(100));
    put(&registry, &client, "x", &image(2)).await.expect(400);
    set(Quirk::TagParameter);
    let long = format!("{}?tag=long", sha512(image(2).build().bytes()));
    let tagged = put(&registry, &client, &long, &image(2)).await;
    assert_eq!(tagged.expect(201).header("oci-tag"), Some("long"));
    assert!(registry.tag_digest("a", "long").unwrap().starts_with("sha512:"));
    set(Quirk::Sha256Only);
    let built = image(2).build();
    put(&registry, &client, &sha512(built.bytes()), &image(2)).await.expect(400);
    registry.set_quirks([]);
    let old = Image::schema1("a", "x", [Layer::random(1, 10)]);
    put(&registry, &client, "x", &old).await.expect(400);
    set(Quirk::Schema1Accepted);
    put(&registry, &client, "x", &old).await.expect(201);
    assert_eq!(registry.tag_digest("a", "x").as_deref(), Some(old.build().digest()));

    for status in [400, 409, 412] {
        set(Quirk::ImmutableTags(status));
        put(&registry, &client, "1", &image(7)).await.expect(status);
        put(&registry, &client, "1", &image(1)).await.expect(201);
        put(&registry, &client, &format!("new{status}"), &image(7)).await.expect(201);
    }
}

#[tokio::test]
async fn what_manifests_name() {
    let (registry, client) = with([Quirk::SparseIndexes]).await;
    let index = Image::multi([image(5), image(6)]).build();
    let path = "/v2/a/manifests/index";
    client.put_manifest(path, INDEX, index.bytes().clone()).await.expect(201);
    let child = &index.children()[0];
    let put_child =
        async || client.put_manifest("/v2/a/manifests/child", OCI, child.bytes().clone()).await;
    put_child().await.expect(400);
    registry.set_quirks([Quirk::UncheckedManifests]);
    put_child().await.expect(201);
    registry.set_quirks([Quirk::BlobLag(Duration::from_hours(1))]);
    let fresh = put(&registry, &client, "x", &image(8)).await;
    assert_eq!(fresh.expect(400).code(), "MANIFEST_BLOB_UNKNOWN");
    registry.set_quirks([]);

    // what a cache shows of its upstream does not count, nor what was collected as garbage
    let other = image(9).build();
    registry.store().put_phantom_manifest("a", other.digest(), OCI, other.bytes().clone());
    client.head(&format!("/v2/a/manifests/{}", other.digest())).await.expect(200);
    let index = Image::multi([image(9)]).build();
    client.put_manifest(path, INDEX, index.bytes().clone()).await.expect(400);
    for (digest, content) in other.blobs() {
        registry.store().put_phantom_blob("a", &digest, content.len());
        client.head(&format!("/v2/a/blobs/{digest}")).await.expect(200);
        client.get(&format!("/v2/a/blobs/{digest}")).await.expect(404);
    }
    client.put_manifest("/v2/a/manifests/other", OCI, other.bytes().clone()).await.expect(400);
}

#[tokio::test]
async fn reading_blobs() {
    let (registry, client) = with([Quirk::BlobHead(405)]).await;
    let path = format!("/v2/a/blobs/{}", registry.put_blob("a", "x"));
    client.head(&path).await.expect(405);
    client.get(&path).await.expect(200);
    registry.set_quirks([Quirk::BlobHeadWithoutLength]);
    assert_eq!(client.head(&path).await.expect(200).header("content-length"), None);
    registry.set_quirks([Quirk::AbsentBlob(403)]);
    client.head(&format!("/v2/a/blobs/{}", sha256("absent"))).await.expect(403);
}

#[tokio::test]
async fn limits() {
    let (registry, client) = with([Quirk::HubLimit(2, 21_600)]).await;
    let get = async || client.get("/v2/a/manifests/1").await;
    let first = get().await;
    assert_eq!(first.expect(200).header("ratelimit-limit"), Some("2;w=21600"));
    assert_eq!(first.header("ratelimit-remaining"), Some("1;w=21600"));
    assert_eq!(
        client.head("/v2/a/manifests/1").await.header("ratelimit-remaining"),
        Some("1;w=21600")
    );
    get().await.expect(200);
    assert_eq!(get().await.expect(429).code(), "TOOMANYREQUESTS");

    registry.set_quirks([Quirk::RateLimit(Kind::UploadStart, 2)]);
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(client.post("/v2/a/blobs/uploads/").await.status);
    }
    assert_eq!(statuses, [202, 202, 429]);
    client.get("/v2/").await.expect(200);
}

#[tokio::test]
async fn deletes_and_referrers() {
    let (registry, client) = with([Quirk::DeleteTagRefused(405)]).await;
    let digest = registry.tag_digest("a", "1").unwrap();
    client.delete("/v2/a/manifests/1").await.expect(405);
    registry.set_quirks([Quirk::DeleteRefused(405)]);
    client.delete(&format!("/v2/a/manifests/{digest}")).await.expect(405);
    registry.set_quirks([Quirk::DeleteTagRefused(405)]);
    client.delete(&format!("/v2/a/manifests/{digest}")).await.expect(202);

    let subject = registry.push("a", "1", &image(1));
    let artifact = |kind: &str| Image::artifact(kind, []).subject(&subject);
    registry.push("a", "", &artifact("application/one"));
    registry.push("a", "", &artifact("application/two"));
    let path = format!("/v2/a/referrers/{}", subject.digest());
    for status in [404, 405, 501] {
        registry.set_quirks([Quirk::NoReferrers(status)]);
        client.get(&path).await.expect(status);
    }
    assert_eq!(
        put(&registry, &client, "x", &artifact("application/one"))
            .await
            .expect(201)
            .header("oci-subject"),
        None
    );
    registry.set_quirks([Quirk::NoSubjectHeader]);
    assert_eq!(
        put(&registry, &client, "x", &artifact("application/one"))
            .await
            .expect(201)
            .header("oci-subject"),
        None
    );
    registry.set_quirks([Quirk::ReferrersNotIndex]);
    assert_ne!(client.get(&path).await.expect(200).header("content-type"), Some(INDEX));
    registry.set_quirks([Quirk::NoReferrersFilter]);
    let all = client.get(&format!("{path}?artifactType=application/one")).await;
    assert_eq!(all.expect(200).header("oci-filters-applied"), None);
    assert_eq!(all.json()["manifests"].as_array().unwrap().len(), 2);
    registry.set_quirks([Quirk::PageSize(1)]);
    let first = client.get(&path).await;
    let link = first.expect(200).header("link").unwrap();
    let second = client.get(link.trim_start_matches('<').split('>').next().unwrap()).await;
    assert_eq!(second.expect(200).header("link"), None);
    assert_ne!(first.json()["manifests"][0]["digest"], second.json()["manifests"][0]["digest"]);
}

/// A plain client that does everything right can push to, and pull from, every vendor in some way.
#[tokio::test]
async fn vendors_are_registries() {
    for vendor in Vendor::ALL {
        let registry = Registry::builder().quirks(vendor.quirks()).start().await;
        let client = Client::of(&registry);
        let repository = if *vendor == Vendor::Google { "project/team/app" } else { "team/app" };
        registry.create_repository(repository);
        let location = client.open(repository).await;
        let digest = sha256("blob");
        let put = client.send("PUT", &with_digest(&location, &digest), &[], "blob").await;
        if put.status == 405 {
            let location =
                client.send("PATCH", &location, &[], "blob").await.expect(202).location();
            let end = with_digest(&location, &digest);
            client.send("PUT", &end, &[("content-length", "0")], "").await.expect(201);
        } else {
            put.expect(201);
        }
        client.get(&format!("/v2/{repository}/tags/list")).await.expect(404);
        let built = image(1).build();
        for (digest, content) in built.blobs() {
            registry.store().put_blob_as(repository, &digest, content);
        }
        let path = format!("/v2/{repository}/manifests/1");
        client.put_manifest(&path, OCI, built.bytes().clone()).await.expect(201);
        assert_eq!(
            client.get_with(&path, "accept", OCI).await.expect(200).body,
            built.bytes(),
            "{vendor:?}"
        );
    }
}
