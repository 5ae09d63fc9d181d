//! Other real registries than Debian's, where they are installed (`.ci/setup peers`): distribution 3 and olareg.

use std::{
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use testkit::{Built, Image, Layer, Registry};

use crate::support::{DockerRegistry, Program, docker_registry::Setup, have, installed, skopeo};

/// Two platforms, a shared layer.
fn sample() -> Image {
    let base = Layer::random(1, 200_000);
    Image::multi([
        Image::single("linux/amd64", [base.clone(), Layer::random(2, 300_000)]),
        Image::single("linux/arm64", [base, Layer::random(3, 100_000)]),
    ])
}

/// A running olareg that keeps all in memory.
struct Olareg {
    child: Child,
    port: u16,
}

impl Olareg {
    fn start(program: PathBuf) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = Command::new(program)
            .args(["serve", "--addr", "127.0.0.1", "--store-type", "mem", "--port"])
            .arg(port.to_string())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let olareg = Self { child, port };
        let until = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < until, "olareg does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        olareg
    }

    fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

impl Drop for Olareg {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn raw(reference: &str) -> Vec<u8> {
    tokio::task::block_in_place(|| skopeo::raw(reference, &[])).unwrap()
}

/// Into the registry at `host`, again, to another repository there, and out of it: each time byte for byte.
async fn there_and_back(host: &str) -> (Program, Vec<Built>) {
    let (origin, back) = (Registry::start().await, Registry::start().await);
    let built: Vec<_> = [sample(), sample().docker(), sample().attested()]
        .iter()
        .zip(["oci", "docker", "attested"])
        .map(|(image, tag)| origin.push("team/app", tag, image))
        .collect();
    let program = Program::new();
    let into = format!("{}/team/app: {host}/mirror/app\n", origin.host());
    program.sync(&into, "{}", &[]).expect(0).says(&["3 copied, 0 skipped, 0 failed"]);
    let writes = origin.blob_bytes_served();
    program.sync(&into, "{}", &[]).expect(0).says(&["0 copied, 3 skipped, 0 failed"]);
    assert_eq!(origin.blob_bytes_served(), writes, "nothing moves twice");

    let within = format!("{host}/mirror/app:oci: {host}/other/app\n");
    program.sync(&within, "{}", &[]).expect(0);
    assert_eq!(program.report()["totals"]["bytes_copied"], 0, "all is mounted");

    let out = format!("{host}/mirror/app: {}/x\n{host}/other/app:oci: {0}/y\n", back.host());
    program.sync(&out, "{}", &[]).expect(0).says(&["4 copied, 0 skipped, 0 failed"]);
    for (built, tag) in built.iter().zip(["oci", "docker", "attested"]) {
        assert_eq!(raw(&format!("{host}/mirror/app:{tag}")), *built.bytes(), "{tag}");
        assert!(back.has("x", tag, built), "{tag}");
    }
    assert!(back.has("y", "oci", &built[0]));

    let filtered = format!("{}/team/app:oci: {host}/arm/app\n", origin.host());
    program.sync(&filtered, "{}", &["--arch", "arm64"]).expect(0);
    let index: serde_json::Value =
        serde_json::from_slice(&raw(&format!("{host}/arm/app:oci"))).unwrap();
    assert_eq!(index["manifests"].as_array().unwrap().len(), 1);
    (program, built)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn distribution_3() {
    let Some(program) = installed("registry") else { return };
    if !have(&["skopeo"]) {
        return;
    }
    let registry = DockerRegistry::with(&Setup { program: Some(program), ..Setup::default() });
    let (program, _) = there_and_back(&registry.host()).await;
    // schema 1 is not taken any more, and that is what is said
    let origin = Registry::start().await;
    origin.push("old/app", "v1", &Image::schema1("old/app", "v1", [Layer::random(1, 100)]));
    let images = format!("{}/old/app:v1: {}/old/app\n", origin.host(), registry.host());
    program.sync(&images, "{}", &[]).expect(1).says(&[
        "error[manifest.schema1]: ",
        "destination",
        &registry.host(),
        "hint: ",
    ]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn olareg_with_referrers_and_sha512() {
    let Some(program) = installed("olareg") else { return };
    if !have(&["skopeo"]) {
        return;
    }
    let olareg = Olareg::start(program);
    let (program, _) = there_and_back(&olareg.host()).await;

    let (origin, back) = (Registry::start().await, Registry::start().await);
    let root = origin.push("signed/app", "v1", &sample());
    let note = |of: &Built, text: &'static str| {
        Image::artifact("application/x-note", [Layer::bytes(text)]).subject(of)
    };
    let one = origin.push("signed/app", "", &note(&root, "one"));
    let two = origin.push("signed/app", "", &note(&one, "two"));
    let into = format!("{}/signed/app:v1: {}/signed/app\n", origin.host(), olareg.host());
    program.sync(&into, "{}", &["--referrers"]).expect(0);
    let out = format!("{}/signed/app:v1: {}/x\n", olareg.host(), back.host());
    program.sync(&out, "{}", &["--referrers"]).expect(0);
    for built in [&root, &one, &two] {
        assert!(back.has("x", "", built));
    }

    let strong = origin.push("strong/app", "", &sample().sha512());
    let digest = strong.digest();
    let into = format!("{}/strong/app@{digest}: {}/strong/app\n", origin.host(), olareg.host());
    program.sync(&into, "{}", &[]).expect(0);
    let out = format!("{}/strong/app@{digest}: {}/strong\n", olareg.host(), back.host());
    program.sync(&out, "{}", &[]).expect(0);
    assert!(back.has("strong", "", &strong));
}
