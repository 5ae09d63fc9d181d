//! Between two of Debian's `docker-registry`: the main job.

use testkit::{Image, Layer, Registry};

use crate::support::{
    DockerRegistry, Program, docker_registry::Setup, have, program::rows, skopeo,
};

fn sample() -> Image {
    let base = Layer::random(1, 200_000);
    Image::multi([
        Image::single("linux/amd64", [base.clone(), Layer::random(2, 300_000)]),
        Image::single("linux/arm64", [base, Layer::random(3, 100_000)]),
    ])
}

/// An image in a real registry, put there by skopeo. Its raw manifest is returned.
async fn seed(
    to: &DockerRegistry,
    repository: &str,
    tag: &str,
    image: &Image,
    more: &[&str],
) -> Vec<u8> {
    let origin = Registry::start().await;
    let built = origin.push(repository, tag, image);
    let (from, to) = (
        format!("{}/{repository}:{tag}", origin.host()),
        format!("{}/{repository}:{tag}", to.host()),
    );
    tokio::task::block_in_place(|| skopeo::copy(&from, &to, more));
    built.bytes().to_vec()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_first_sync_copies_and_a_second_one_asks_two_heads_per_image() {
    if !have(&["docker-registry", "skopeo"]) {
        return;
    }
    let (source, destination) = (DockerRegistry::start(), DockerRegistry::start());
    let raw = seed(&source, "library/hello", "1.0", &sample(), &[]).await;
    seed(
        &source,
        "library/hello",
        "2.0",
        &Image::single("linux/amd64", [Layer::random(9, 5000)]),
        &[],
    )
    .await;
    let program = Program::new();
    let images = format!("{}/library/hello: {}/mirror/hello\n", source.host(), destination.host());

    program.sync(&images, "{}", &[]).expect(0).says(&["2 copied, 0 skipped, 0 failed"]);
    let copied = skopeo::raw(&format!("{}/mirror/hello:1.0", destination.host()), &[]).unwrap();
    assert_eq!(copied, raw, "an index arrives byte for byte");
    // skopeo reads every platform with all its blobs from the copy
    let witness = Registry::start().await;
    for tag in ["1.0", "2.0"] {
        let (from, to) = (
            format!("{}/mirror/hello:{tag}", destination.host()),
            format!("{}/w:{tag}", witness.host()),
        );
        tokio::task::block_in_place(|| skopeo::copy(&from, &to, &[]));
    }

    source.clear_requests();
    destination.clear_requests();
    program.sync(&images, "{}", &[]).expect(0).says(&["0 copied, 2 skipped, 0 failed"]);
    let heads = |registry: &DockerRegistry| {
        let requests = registry.requests();
        let (heads, rest): (Vec<_>, Vec<_>) = requests
            .into_iter()
            .filter(|request| request != "GET /v2/")
            .partition(|request| request.starts_with("HEAD ") && request.contains("/manifests/"));
        (heads.len(), rest)
    };
    let (at_source, rest) = heads(&source);
    assert_eq!((at_source, rest.len()), (2, 1), "two HEADs and one tag list: {rest:?}");
    assert_eq!(heads(&destination), (2, Vec::new()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_new_blob_costs_three_requests_over_both_sides() {
    if !have(&["docker-registry", "skopeo"]) {
        return;
    }
    let (source, destination) = (DockerRegistry::start(), DockerRegistry::start());
    let layers = (0..5).map(|seed| Layer::random(seed, 10_000));
    seed(&source, "team/app", "1", &Image::single("linux/amd64", layers), &[]).await;
    source.clear_requests();
    let program = Program::new();
    program
        .sync(
            &format!("{0}/team/app:1: {1}/team/app\n", source.host(), destination.host()),
            "{}",
            &[],
        )
        .expect(0);
    let count = |registry: &DockerRegistry, start: &str| {
        registry.requests().iter().filter(|request| request.starts_with(start)).count()
    };
    assert_eq!(count(&source, "GET /v2/team/app/manifests/"), 1);
    assert_eq!(count(&source, "GET /v2/team/app/blobs/"), 6, "five layers and the config");
    assert_eq!(count(&source, "HEAD "), 0);
    assert_eq!(count(&destination, "HEAD /v2/team/app/manifests/"), 1);
    assert_eq!(count(&destination, "HEAD /v2/team/app/blobs/"), 0);
    assert_eq!(count(&destination, "POST /v2/team/app/blobs/uploads/"), 6);
    assert_eq!(count(&destination, "PUT /v2/team/app/blobs/uploads/"), 6);
    assert_eq!(count(&destination, "PUT /v2/team/app/manifests/1"), 1);
    let pings = source
        .requests()
        .iter()
        .chain(&destination.requests())
        .filter(|r| *r == "GET /v2/")
        .count();
    assert!(pings <= 2, "at most one ping per host");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn htpasswd_and_tls_by_a_ca_of_its_own() {
    if !have(&["docker-registry", "skopeo", "htpasswd"]) {
        return;
    }
    let source = DockerRegistry::with(&Setup {
        login: Some(("reader", "pull-secret")),
        tls: true,
        ..Setup::default()
    });
    let destination =
        DockerRegistry::with(&Setup { login: Some(("writer", "push-secret")), ..Setup::default() });
    let raw = seed(&source, "a/b", "v1", &sample(), &["--dest-creds", "reader:pull-secret"]).await;
    let mut program = Program::new();
    program.write("ca.pem", source.ca());
    program.env("PUSH", "push-secret");
    let auth = format!(
        "{}: {{username: reader, password: pull-secret, ca: ca.pem}}\n{}: {{username: writer, password: \"${{PUSH}}\", insecure: true}}\n",
        source.host(),
        destination.host()
    );
    let images = format!("{}/a/b:v1: {}/c/d:stable\n", source.host(), destination.host());
    source.clear_requests();
    program.sync(&images, &auth, &[]).expect(0);
    // one connection for what is small until layers come, which have one each
    assert_eq!(source.versions("/manifests/"), ["HTTP/2.0".to_owned()].into());
    assert_eq!(source.versions("/blobs/"), ["HTTP/1.1".to_owned()].into());
    let reference = format!("{}/c/d:stable", destination.host());
    assert_eq!(skopeo::raw(&reference, &["--creds", "writer:push-secret"]).unwrap(), raw);

    // without the CA the certificate is not trusted, and the message says what is wrong with it
    let auth = auth.replace(", ca: ca.pem", "");
    program.sync(&images.replace("stable", "other"), &auth, &["--retries", "0"]).expect(1).says(&[
        "error[tls.untrusted]: ",
        &source.host(),
        "certificate",
        "hint: ",
    ]);
    // and `insecure` goes on without verifying
    let auth = auth.replacen("password: pull-secret", "password: pull-secret, insecure: true", 1);
    program.sync(&images.replace("stable", "third"), &auth, &[]).expect(0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_read_only_destination_is_a_clear_failure_and_leaves_no_tag() {
    if !have(&["docker-registry", "skopeo"]) {
        return;
    }
    let source = DockerRegistry::start();
    let destination = DockerRegistry::with(&Setup { read_only: true, ..Setup::default() });
    seed(&source, "a/b", "v1", &sample(), &[]).await;
    let program = Program::new();
    program
        .sync(&format!("{}/a/b:v1: {}/c/d\n", source.host(), destination.host()), "{}", &[])
        .expect(1)
        .says(&["error[registry.read-only]: ", &destination.host(), "destination", "hint: "]);
    assert!(skopeo::raw(&format!("{}/c/d:v1", destination.host()), &[]).is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn the_same_layers_in_another_repository_are_mounted_not_moved() {
    if !have(&["docker-registry", "skopeo"]) {
        return;
    }
    let (source, destination) = (DockerRegistry::start(), DockerRegistry::start());
    let raw = seed(&source, "a/b", "v1", &sample(), &[]).await;
    let program = Program::new();
    let (from, to) = (source.host(), destination.host());
    program
        .sync(&format!("{from}/a/b:v1: [{to}/one, {to}/two, {to}/three]\n"), "{}", &[])
        .expect(0);
    let report = program.report();
    assert_eq!(rows(&report).len(), 3);
    let sum = |field: &str| -> u64 {
        report["images"]
            .as_array()
            .unwrap()
            .iter()
            .map(|image| image[field].as_u64().unwrap())
            .sum()
    };
    let moved = report["totals"]["bytes_copied"].as_u64().unwrap();
    assert_eq!(sum("bytes_copied"), moved);
    assert_eq!(sum("bytes_mounted"), 2 * moved);
    let uploads = destination
        .requests()
        .iter()
        .filter(|request| request.starts_with("PUT ") && request.contains("/uploads/"))
        .count();
    assert_eq!(uploads, 5, "three layers and two configs, each once");
    for repository in ["one", "two", "three"] {
        assert_eq!(skopeo::raw(&format!("{to}/{repository}:v1"), &[]).unwrap(), raw);
    }
    // within one registry nothing is moved at all
    program.sync(&format!("{to}/one:v1: {to}/four:v2\n"), "{}", &[]).expect(0);
    assert_eq!(program.report()["totals"]["bytes_copied"], 0);
    assert_eq!(skopeo::raw(&format!("{to}/four:v2"), &[]).unwrap(), raw);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_filtered_index_is_rewritten_once_and_a_second_run_writes_nothing() {
    if !have(&["docker-registry", "skopeo"]) {
        return;
    }
    let (source, destination) = (DockerRegistry::start(), DockerRegistry::start());
    seed(&source, "a/b", "v1", &sample(), &[]).await;
    let program = Program::new();
    let images = format!("{}/a/b:v1: {}/c/d\n", source.host(), destination.host());
    program.sync(&images, "{}", &["--os", "linux", "--arch", "arm64"]).expect(0);
    let report = program.report();
    assert_ne!(report["images"][0]["source_digest"], report["images"][0]["digest"]);
    let raw = skopeo::raw(&format!("{}/c/d:v1", destination.host()), &[]).unwrap();
    let index: serde_json::Value = serde_json::from_slice(&raw).unwrap();
    assert_eq!(index["manifests"].as_array().unwrap().len(), 1);
    assert_eq!(index["manifests"][0]["platform"]["architecture"], "arm64");

    destination.clear_requests();
    program
        .sync(&images, "{}", &["--os", "linux", "--arch", "arm64"])
        .expect(0)
        .says(&["0 copied, 1 skipped"]);
    let writes: Vec<_> = destination
        .requests()
        .into_iter()
        .filter(|request| !request.starts_with("HEAD ") && !request.starts_with("GET "))
        .collect();
    assert_eq!(writes, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_dry_run_writes_nothing_and_reads_no_layer() {
    if !have(&["docker-registry", "skopeo"]) {
        return;
    }
    let (source, destination) = (DockerRegistry::start(), DockerRegistry::start());
    seed(&source, "a/b", "v1", &sample(), &[]).await;
    source.clear_requests();
    let program = Program::new();
    let images = format!("{}/a/b: {}/c/d\n", source.host(), destination.host());
    let finished = program.sync(&images, "{}", &["--dry-run"]).expect(0);
    assert!(
        finished.stdout.contains("copy") && finished.stdout.contains("/c/d:v1"),
        "{}",
        finished.stdout
    );
    let report = program.report();
    let image = &report["images"][0];
    assert_eq!(image["status"], "planned");
    assert_eq!(image["plan"]["action"], "copy");
    assert!(image["plan"]["bytes_to_move"].as_u64().unwrap() > 600_000);
    for request in source.requests().iter().chain(&destination.requests()) {
        assert!(request.starts_with("HEAD ") || request.starts_with("GET "), "{request}");
        assert!(!(request.starts_with("GET ") && request.contains("/blobs/")), "{request}");
    }
    assert!(skopeo::raw(&format!("{}/c/d:v1", destination.host()), &[]).is_err());
}
