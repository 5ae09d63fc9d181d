//! `crane` and `regctl`, two more clients that were made against real registries: what they push, pull, copy, list,
//! mount and delete here. Their tests say so where they are not installed.

use std::{path::PathBuf, process::Stdio};

use testkit::{Auth, Built, Fault, Image, Kind, Layer, Quirk, Registry, auth::Users};
use tokio::{io::AsyncWriteExt as _, process::Command};

/// A client, and a home of its own.
struct Tool {
    program: PathBuf,
    home: tempfile::TempDir,
}

impl Tool {
    /// In the `PATH`, or where `go install` puts it.
    fn find(name: &str) -> Option<Self> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join("go/bin"));
        let program = std::env::split_paths(&path)
            .chain(home)
            .map(|folder| folder.join(name))
            .find(|program| program.is_file());
        if program.is_none() {
            crate::client::skipped(name);
        }
        program.map(|program| Self { program, home: tempfile::tempdir().unwrap() })
    }

    async fn try_run(&self, arguments: &[&str], input: &str) -> Result<String, String> {
        let mut child = Command::new(&self.program)
            .args(arguments)
            .current_dir(self.home.path())
            .env("HOME", self.home.path())
            .env("DOCKER_CONFIG", self.home.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        // a client that reads nothing may be gone already
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes()).await;
        let output = child.wait_with_output().await.unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }

    async fn run(&self, arguments: &[&str]) -> String {
        let ran = self.try_run(arguments, "").await;
        ran.unwrap_or_else(|error| panic!("{arguments:?}: {error}"))
    }
}

fn image() -> Image {
    Image::multi([
        Image::single("linux/amd64", [Layer::random(1, 300_000), Layer::random(2, 1000)]),
        Image::single("linux/arm64", [Layer::random(3, 300_000), Layer::random(2, 1000)]),
    ])
}

#[track_caller]
fn assert_whole(registry: &Registry, repository: &str, tag: &str, built: &Built) {
    assert!(registry.has(repository, tag, built), "{:#?}", registry.requests());
    assert_eq!(registry.store().open_uploads(), 0, "no upload is left behind");
}

fn lines(text: &str) -> Vec<&str> {
    let mut lines: Vec<_> = text.lines().collect();
    lines.sort_unstable();
    lines
}

/// The blobs that were mounted, and those that went through the client.
fn mounted_and_moved(registry: &Registry) -> (usize, usize) {
    let mounted = registry.count(|r| r.kind == Kind::Mount && r.status == Some(201));
    let moved = registry.count_of("GET", Kind::Blob) + registry.count_of("PUT", Kind::UploadFinish);
    (mounted, moved)
}

#[tokio::test]
async fn crane_copies_lists_tags_and_deletes() {
    let Some(crane) = Tool::find("crane") else { return };
    let (from, to) = (Registry::start().await, Registry::start().await);
    to.add_quirk(Quirk::PageSize(2));
    // layers that are archives, for they are looked into
    let layer = |text: &'static str| Layer::files([("etc/motd", text.into())]);
    let platforms = ["linux/amd64", "linux/arm64"];
    let image = Image::multi(platforms.map(|p| Image::single(p, [layer("base"), layer(p)])));
    let built = from.push("team/app", "v1", &image);
    let (source, target) = (format!("{}/team/app", from.host()), format!("{}/x/app", to.host()));
    let tagged = |tag: &str| format!("{target}:{tag}");
    crane.run(&["copy", &format!("{source}:v1"), &tagged("v1")]).await;
    assert_whole(&to, "x/app", "v1", &built);
    for tag in ["v2", "v3", "v4", "v5"] {
        crane.run(&["tag", &tagged("v1"), tag]).await;
    }
    assert_eq!(lines(&crane.run(&["ls", &target]).await), ["v1", "v2", "v3", "v4", "v5"]);
    assert!(to.count_of("GET", Kind::Tags) >= 3, "page after page");
    assert_eq!(lines(&crane.run(&["catalog", to.host()]).await), ["x/app"]);
    assert_eq!(crane.run(&["digest", &tagged("v3")]).await.trim(), built.digest());
    let manifest = crane.run(&["manifest", &tagged("v3")]).await;
    assert_eq!(manifest.trim_end().as_bytes(), built.bytes());
    crane.run(&["validate", "--remote", &tagged("v1")]).await;

    crane.run(&["delete", &tagged("v2")]).await;
    let error = crane.try_run(&["digest", &tagged("v2")], "").await.unwrap_err();
    assert!(error.contains("404") || error.contains("MANIFEST_UNKNOWN"), "{error}");
}

#[tokio::test]
async fn crane_pulls_and_pushes_and_mounts_within_a_registry() {
    let Some(crane) = Tool::find("crane") else { return };
    let registry = Registry::start().await;
    let single = Image::single("linux/amd64", [Layer::random(1, 300_000), Layer::random(2, 1000)]);
    let built = registry.push("team/app", "v1", &single);
    let at = |rest: &str| format!("{}/{rest}", registry.host());
    crane.run(&["pull", "--format=oci", &at("team/app:v1"), "layout"]).await;
    let other = Registry::start().await;
    crane.run(&["push", "layout", &format!("{}/pushed/app:v1", other.host())]).await;
    assert_whole(&other, "pushed/app", "v1", &built);

    registry.clear_log();
    crane.run(&["copy", &at("team/app:v1"), &at("other/app:v1")]).await;
    assert_whole(&registry, "other/app", "v1", &built);
    let (mounted, moved) = mounted_and_moved(&registry);
    assert!(mounted >= 2 && moved <= 1, "layers are mounted: {mounted}, {moved}");
}

#[tokio::test]
async fn crane_logs_in_to_both_kinds() {
    let Some(crane) = Tool::find("crane") else { return };
    for auth in [Auth::basic("anna", "s3cret"), Auth::token("anna", "s3cret")] {
        let registry = Registry::builder().auth(auth).start().await;
        let built = registry.push("team/app", "v1", &image());
        let at = |rest: &str| format!("{}/{rest}", registry.host());
        let copy = [&*at("team/app:v1"), &*at("other/app:v1")];
        let error = crane.try_run(&["copy", copy[0], copy[1]], "").await.unwrap_err();
        assert!(error.contains("401") || error.contains("UNAUTHORIZED"), "{error}");
        let login = ["auth", "login", registry.host(), "-u", "anna", "--password-stdin"];
        crane.try_run(&login, "s3cret").await.unwrap();
        crane.run(&["copy", copy[0], copy[1]]).await;
        assert_whole(&registry, "other/app", "v1", &built);
    }
}

/// `regctl` with a registry that speaks plain HTTP.
async fn regctl(tool: &Tool, registry: &Registry, arguments: &[&str]) -> String {
    let host = format!("reg={},tls=disabled", registry.host());
    tool.run(&[&["--host", &host], arguments].concat()).await
}

#[tokio::test]
async fn regctl_copies_lists_and_deletes_tags() {
    let Some(tool) = Tool::find("regctl") else { return };
    let registry = Registry::builder().quirk(Quirk::PageSize(2)).start().await;
    let built = registry.push("team/app", "v1", &image());
    let at = |rest: &str| format!("{}/{rest}", registry.host());
    for tag in ["v1", "v2", "v3"] {
        let target = at(&format!("other/app:{tag}"));
        regctl(&tool, &registry, &["image", "copy", &at("team/app:v1"), &target]).await;
        assert_whole(&registry, "other/app", tag, &built);
    }
    let (mounted, moved) = mounted_and_moved(&registry);
    assert_eq!((mounted, moved), (5, 0), "within a registry all is mounted");
    let tags = regctl(&tool, &registry, &["tag", "ls", &at("other/app")]).await;
    assert!(lines(&tags).starts_with(&["v1", "v2"]), "{tags}");
    let digest = regctl(&tool, &registry, &["image", "digest", &at("other/app:v2")]).await;
    assert_eq!(digest.trim(), built.digest());
    regctl(&tool, &registry, &["tag", "delete", &at("other/app:v2")]).await;
    assert_eq!(registry.tags("other/app"), ["v1", "v3"]);
    assert!(registry.has("other/app", "v1", &built), "what other tags name stays");
}

#[tokio::test]
async fn regctl_exports_and_imports() {
    let Some(tool) = Tool::find("regctl") else { return };
    let (from, to) = (Registry::start().await, Registry::start().await);
    let built = from.push("team/app", "v1", &image());
    let (source, target) =
        (format!("{}/team/app:v1", from.host()), format!("{}/x/app:v1", to.host()));
    regctl(&tool, &from, &["image", "export", &source, "image.tar"]).await;
    regctl(&tool, &to, &["image", "import", &target, "image.tar"]).await;
    assert_whole(&to, "x/app", "v1", &built);
    // in chunks, one of which breaks
    let third = Registry::start().await;
    let cut = third.fault(Fault::on(Kind::UploadData).nth(2).cut_upload_after(10_000));
    let chunks = ["--blob-chunk", "65536", "--blob-max", "65536"];
    let set = [&["registry", "set", third.host(), "--tls", "disabled"], &chunks[..]].concat();
    tool.run(&set).await;
    let target = format!("{}/x/app:v1", third.host());
    tool.run(&["image", "import", &target, "image.tar"]).await;
    assert_whole(&third, "x/app", "v1", &built);
    assert_eq!(cut.fired(), 1);
    assert!(third.count_of("PATCH", Kind::UploadData) > 8);
}

#[tokio::test]
async fn regctl_keeps_referrers_with_the_api_and_without() {
    let Some(tool) = Tool::find("regctl") else { return };
    let registry = Registry::start().await;
    let built = registry.push("team/app", "v1", &image());
    let at = |registry: &Registry, rest: &str| format!("{}/{rest}", registry.host());
    let host = format!("reg={},tls=disabled", registry.host());
    let subject = at(&registry, "team/app:v1");
    let put =
        ["--host", &host, "artifact", "put", "--artifact-type", "application/x-note", "--subject"];
    tool.try_run(&[&put[..], &[&subject]].concat(), "a note").await.unwrap();
    let list = ["artifact", "list", &subject, "--format", "{{json .}}"];
    let listed = regctl(&tool, &registry, &list).await;
    let mut notes = registry.store().manifests("team/app");
    notes.retain(|digest| !built.manifests().contains(digest));
    assert_eq!(notes.len(), 1);
    assert!(listed.contains(&notes[0]) && listed.contains("application/x-note"), "{listed}");
    assert!(registry.count_of("GET", Kind::Referrers) >= 1);
    assert_eq!(registry.tags("team/app"), ["v1"], "no index by tag where there is the API");

    let old = Registry::builder().quirk(Quirk::NoReferrers(404)).start().await;
    let hosts = format!("reg={},tls=disabled", old.host());
    let target = at(&old, "x/app:v1");
    let copy = ["--host", &host, "--host", &hosts, "image", "copy", "--referrers"];
    tool.run(&[&copy[..], &[&subject, &target]].concat()).await;
    assert!(old.has("x/app", "v1", &built));
    let index = old.manifest("x/app", &built.digest().replace(':', "-")).expect("an index by tag");
    assert!(String::from_utf8_lossy(&index.1).contains(&notes[0]));
    let listed =
        regctl(&tool, &old, &["artifact", "list", &target, "--format", "{{json .}}"]).await;
    assert!(listed.contains(&notes[0]), "{listed}");
}

#[tokio::test]
async fn regctl_gets_no_more_than_it_may() {
    let Some(tool) = Tool::find("regctl") else { return };
    let users = Users::new().user_with("anna", "s3cret", &[("team/*", "pull")]);
    let auth = Auth::Token(testkit::TokenAuth::new(users));
    let registry = Registry::builder().auth(auth).start().await;
    registry.push("team/app", "v1", &image());
    let host = format!("reg={},tls=disabled,user=anna,pass=s3cret", registry.host());
    let at = |rest: &str| format!("{}/{rest}", registry.host());
    tool.run(&["--host", &host, "manifest", "get", &at("team/app:v1")]).await;
    let copy = ["--host", &host, "image", "copy", &at("team/app:v1"), &at("team/copy:v1")];
    let error = tool.try_run(&copy, "").await.unwrap_err();
    assert!(error.contains("401") || error.contains("nauthorized"), "{error}");
    assert_eq!(registry.tags("team/copy"), [""; 0]);
}
