//! `skopeo`, a client that was made against real registries, copies between two of ours.

use std::process::Stdio;

use bytes::Bytes;
use testkit::{
    Auth, Built, Fault, Image, Kind, Layer, Quirk, Redirect, Registry, TokenAuth, Vendor,
    auth::Users,
    tls::{Authority, Flaw},
};
use tokio::process::Command;

struct Skopeo {
    home: tempfile::TempDir,
}

impl Skopeo {
    /// `None` where it is not installed.
    fn find() -> Option<Self> {
        let found = std::process::Command::new("skopeo")
            .arg("--version")
            .stdout(Stdio::null())
            .status()
            .is_ok();
        if !found {
            crate::client::skipped("skopeo");
        }
        found.then(|| Self { home: tempfile::tempdir().unwrap() })
    }

    async fn run(&self, arguments: &[&str]) -> Result<Bytes, String> {
        let output = Command::new("skopeo")
            .arg("--insecure-policy")
            .args(arguments)
            .env("HOME", self.home.path())
            .env("XDG_RUNTIME_DIR", self.home.path())
            .env("TMPDIR", self.home.path())
            .env_remove("REGISTRY_AUTH_FILE")
            .stdin(Stdio::null())
            .output()
            .await
            .unwrap();
        if output.status.success() {
            return Ok(output.stdout.into());
        }
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }

    async fn copy(
        &self,
        from: &Registry,
        to: &Registry,
        image: &str,
        more: &[&str],
    ) -> Result<Bytes, String> {
        let source = format!("docker://{}/{image}", from.host());
        let destination = format!("docker://{}/{image}", to.host());
        let mut arguments = vec!["copy", "--all", "--preserve-digests"];
        if from.url().starts_with("http:") {
            arguments.extend(["--src-tls-verify=false", "--dest-tls-verify=false"]);
        }
        arguments.extend(more);
        arguments.extend([source.as_str(), destination.as_str()]);
        self.run(&arguments).await
    }
}

fn image() -> Image {
    Image::multi([
        Image::single("linux/amd64", [Layer::random(1, 300_000), Layer::random(2, 1000)]),
        Image::single("linux/arm64", [Layer::random(3, 300_000), Layer::random(2, 1000)]),
        Image::single("linux/arm/v7", [Layer::random(4, 10), Layer::random(4, 10)]),
    ])
}

async fn copies(image: &Image, quirks: &[Quirk]) {
    let Some(skopeo) = Skopeo::find() else { return };
    let source = Registry::builder().quirks(quirks.to_vec()).start().await;
    let destination = Registry::builder().quirks(quirks.to_vec()).start().await;
    let built = source.push("team/app", "v1", image);
    skopeo.copy(&source, &destination, "team/app:v1", &[]).await.unwrap();
    assert_whole(&destination, &built);
    assert_eq!(destination.store().open_uploads(), 0, "skopeo leaves no upload behind");

    let reference = format!("docker://{}/team/app:v1", destination.host());
    let raw = skopeo.run(&["inspect", "--raw", "--tls-verify=false", &reference]).await.unwrap();
    assert_eq!(raw, *built.bytes());
}

#[track_caller]
fn assert_whole(registry: &Registry, built: &Built) {
    assert!(registry.has("team/app", "v1", built), "{:?}", registry.requests());
}

#[tokio::test]
async fn oci_indexes() {
    copies(&image(), &[]).await;
}

#[tokio::test]
async fn docker_lists() {
    copies(&image().docker(), &[]).await;
}

#[tokio::test]
async fn attestations_odd_white_space_and_unknown_fields() {
    let odd = image()
        .attested()
        .annotation("a<b", "c")
        .field("x-unknown", serde_json::json!([1]))
        .pretty();
    copies(&odd, &[]).await;
}

#[tokio::test]
async fn single_images_and_empty_layers() {
    copies(&Image::single("linux/amd64", [Layer::random(1, 10), Layer::empty()]), &[]).await;
}

#[tokio::test]
async fn the_ways_of_distribution_and_a_storage_host() {
    let mut quirks = testkit::Vendor::Distribution.quirks();
    quirks.push(Quirk::RedirectBlobs(Redirect::storage()));
    copies(&image(), &quirks).await;
}

#[tokio::test]
async fn schema_1() {
    let Some(skopeo) = Skopeo::find() else { return };
    let source = Registry::start().await;
    let destination = Registry::builder().quirk(Quirk::Schema1Accepted).start().await;
    let image = Image::schema1("team/app", "v1", [Layer::random(1, 100), Layer::random(2, 100)]);
    let built = source.push("team/app", "v1", &image);
    skopeo.copy(&source, &destination, "team/app:v1", &[]).await.unwrap();
    assert_whole(&destination, &built);
}

#[tokio::test]
async fn mounts() {
    let Some(skopeo) = Skopeo::find() else { return };
    let (source, destination) = (Registry::start().await, Registry::start().await);
    let built = source.push("team/app", "v1", &image());
    source.push("team/other", "v1", &image());
    skopeo.copy(&source, &destination, "team/app:v1", &[]).await.unwrap();
    destination.clear_log();
    skopeo.copy(&source, &destination, "team/other:v1", &[]).await.unwrap();
    assert!(destination.has("team/other", "v1", &built));
    let mounted =
        destination.count(|request| request.kind == Kind::Mount && request.status == Some(201));
    assert!(mounted > 0, "blobs that the other repository has are mounted");
}

#[tokio::test]
async fn tokens() {
    let Some(skopeo) = Skopeo::find() else { return };
    let source = Registry::builder().auth(Auth::public()).start().await;
    let users = Users::new().user("robot", "secret");
    let destination =
        Registry::builder().auth(Auth::Token(TokenAuth::new(users).at_second_host())).start().await;
    let built = source.push("team/app", "v1", &image());
    let error = skopeo
        .copy(&source, &destination, "team/app:v1", &["--dest-creds", "robot:wrong"])
        .await
        .unwrap_err();
    assert!(
        error.contains("unauthorized") || error.contains("incorrect username or password"),
        "{error}"
    );
    assert_eq!(destination.repositories(), [""; 0]);
    skopeo
        .copy(&source, &destination, "team/app:v1", &["--dest-creds", "robot:secret"])
        .await
        .unwrap();
    assert_whole(&destination, &built);
    assert!(source.count_of("GET", Kind::Token) > 0, "anonymous clients need a token too");
}

#[tokio::test]
async fn basic() {
    let Some(skopeo) = Skopeo::find() else { return };
    let source = Registry::start().await;
    let destination = Registry::builder().auth(Auth::basic("robot", "secret")).start().await;
    let built = source.push("team/app", "v1", &image());
    skopeo
        .copy(&source, &destination, "team/app:v1", &["--dest-creds", "robot:wrong"])
        .await
        .unwrap_err();
    skopeo
        .copy(&source, &destination, "team/app:v1", &["--dest-creds", "robot:secret"])
        .await
        .unwrap();
    assert_whole(&destination, &built);
}

#[tokio::test]
async fn tls() {
    let Some(skopeo) = Skopeo::find() else { return };
    let authority = Authority::new();
    let certificates = tempfile::tempdir().unwrap();
    std::fs::write(certificates.path().join("ca.crt"), authority.pem()).unwrap();
    let certificates = certificates.path().to_str().unwrap();
    let trusting = ["--src-cert-dir", certificates, "--dest-cert-dir", certificates];
    let source = Registry::builder().tls(authority.server(Flaw::None)).start().await;
    let destination = Registry::builder().tls(authority.server(Flaw::None)).start().await;
    let built = source.push("team/app", "v1", &image());
    let error = skopeo.copy(&source, &destination, "team/app:v1", &[]).await.unwrap_err();
    assert!(error.contains("certificate"), "{error}");
    skopeo.copy(&source, &destination, "team/app:v1", &trusting).await.unwrap();
    assert_whole(&destination, &built);

    for (flaw, complaint) in [
        (Flaw::Expired, "expired"),
        (Flaw::NotYetValid, "not yet valid"),
        (Flaw::WrongName, "registry.example.com"),
        (Flaw::SelfSigned, "unknown authority"),
    ] {
        let source = Registry::builder().tls(authority.server(flaw)).start().await;
        let error = skopeo.copy(&source, &destination, "team/app:v1", &trusting).await.unwrap_err();
        assert!(error.contains(complaint), "{flaw:?}: {error}");
    }
}

#[tokio::test]
async fn every_vendor_is_a_registry_for_skopeo() {
    let Some(skopeo) = Skopeo::find() else { return };
    let source = Registry::start().await;
    // no layer twice: skopeo uploads both at once, and Nexus turns the slower one away
    let image = Image::multi([
        Image::single("linux/amd64", [Layer::random(1, 300_000), Layer::random(2, 1000)]),
        Image::single("linux/arm64", [Layer::random(3, 300_000), Layer::random(2, 1000)]),
    ]);
    let built = source.push("project/team/app", "v1", &image);
    source.push("team/app", "v1", &image);
    for vendor in Vendor::ALL {
        let destination = vendor.builder("robot", "secret").start().await;
        let repository = if *vendor == Vendor::Google { "project/team/app" } else { "team/app" };
        destination.create_repository(repository);
        let login = ["--dest-creds", "robot:secret"];
        let name = format!("{repository}:v1");
        let copied = skopeo.copy(&source, &destination, &name, &login).await;
        assert_eq!(copied.map(drop), Ok(()), "{vendor:?}");
        assert!(destination.has(repository, "v1", &built), "{vendor:?}");
        // and back, as someone who has signed in
        let target = Registry::start().await;
        let login = ["--src-creds", "robot:secret"];
        let copied = skopeo.copy(&destination, &target, &name, &login).await;
        assert_eq!(copied.map(drop), Ok(()), "{vendor:?}");
        assert!(target.has(repository, "v1", &built), "{vendor:?}");
    }
}

/// What breaks in our registry is noticed by a client that knows nothing of it.
#[tokio::test]
async fn damage_is_noticed() {
    let Some(skopeo) = Skopeo::find() else { return };
    let (source, destination) = (Registry::start().await, Registry::start().await);
    let built = source.push("team/app", "v1", &image());
    let layer = Layer::random(1, 300_000);
    let fault = source
        .fault(Fault::on(Kind::Blob).get().reference(layer.digest()).always().corrupt(100_000));
    let error = skopeo.copy(&source, &destination, "team/app:v1", &[]).await.unwrap_err();
    assert!(fault.fired() > 0 && error.to_lowercase().contains("digest"), "{error}");
    assert_eq!(destination.tag_digest("team/app", "v1"), None);
    fault.disarm();

    let fault =
        destination.fault(Fault::on(Kind::UploadFinish).or(Kind::UploadData).corrupt_upload(5));
    let error = skopeo.copy(&source, &destination, "team/app:v1", &[]).await.unwrap_err();
    assert!(fault.fired() == 1 && error.contains("digest"), "{error}");
    skopeo.copy(&source, &destination, "team/app:v1", &[]).await.unwrap();
    assert_whole(&destination, &built);
    destination.assert_all_fired();
}
