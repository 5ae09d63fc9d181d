//! Registries that are not there, are none, or refuse: a code, the place, a hint, status 1, and the rest goes on.

use testkit::{
    Fault, Image, Kind, Layer, Quirk, Registry, Reply,
    tls::{Authority, Flaw},
};

use crate::support::{Finished, Program};

/// One good image and one from (or to) a bad place. The good one arrives whatever the bad one meets.
async fn beside_a_good_one(
    bad: impl FnOnce(&str, &str) -> String,
    auth: &str,
    more: &[&str],
) -> (Finished, Program) {
    let (source, destination) = (Registry::start().await, Registry::start().await);
    source.push("good/one", "v1", &Image::single("linux/amd64", [Layer::random(1, 1000)]));
    source.push("good/two", "v1", &Image::single("linux/amd64", [Layer::random(2, 1000)]));
    let program = Program::new();
    let images = format!(
        "{}\n{}/good/one:v1: {}/good\n",
        bad(source.host(), destination.host()),
        source.host(),
        destination.host()
    );
    let mut flags = vec!["--retries", "1"];
    flags.extend(more);
    let finished = program
        .sync(&images, auth, &flags)
        .expect(1)
        .says(&["1 copied, 0 skipped, 1 failed", "hint: "]);
    assert!(destination.tag_digest("good", "v1").is_some(), "the rest of the run goes on");
    (finished, program)
}

fn closed_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn no_such_host() {
    let (finished, _) =
        beside_a_good_one(|_, to| format!("registry.invalid/a/b:v1: {to}/x"), "{}", &[]).await;
    finished.says(&["error[net.dns]: ", "registry.invalid", "source"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn refused_connection() {
    let port = closed_port();
    let (finished, _) =
        beside_a_good_one(|from, _| format!("{from}/good/two:v1: 127.0.0.1:{port}/x"), "{}", &[])
            .await;
    finished.says(&["error[net.reset]: ", &format!("127.0.0.1:{port}"), "destination", "2 tries"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn not_a_registry() {
    let web = Registry::builder().quirk(Quirk::Html).start().await;
    let host = web.host().to_owned();
    let (finished, _) =
        beside_a_good_one(|_, to| format!("{host}/a/b:v1: {to}/x"), "{}", &[]).await;
    finished.says(&["error[registry.not-found]: ", &host, "not a registry"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn untrusted_expired_and_misnamed_certificates() {
    for (flaw, code) in [
        (Flaw::None, "tls.untrusted"),
        (Flaw::SelfSigned, "tls.untrusted"),
        (Flaw::Expired, "tls.expired"),
        (Flaw::NotYetValid, "tls.expired"),
        (Flaw::WrongName, "tls.name"),
    ] {
        let authority = Authority::new();
        let registry = Registry::builder().tls(authority.server(flaw)).start().await;
        let host = registry.host().to_owned();
        let folder = tempfile::tempdir().unwrap();
        let ca = folder.path().join("ca.pem");
        std::fs::write(&ca, authority.pem()).unwrap();
        let auth = match code {
            "tls.untrusted" => format!("{host}: {{}}\n"),
            _ => format!("{host}: {{ca: {}}}\n", ca.display()),
        };
        let (finished, _) =
            beside_a_good_one(|_, to| format!("{host}/a/b:v1: {to}/x"), &auth, &[]).await;
        finished.says(&[&format!("error[{code}]: "), &host, "certificate"]);
        assert_eq!(registry.requests().len(), 0, "nothing is asked of a server that isn't trusted");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn repository_or_tag_missing() {
    let (finished, program) =
        beside_a_good_one(|from, to| format!("{from}/good/one:v9: {to}/x"), "{}", &[]).await;
    finished.says(&["error[ref.not-found]: ", "/good/one:v9", "source"]);
    assert_eq!(program.report()["images"][0]["error"]["code"], "ref.not-found");
    let (finished, _) =
        beside_a_good_one(|from, to| format!("{from}/no/such: {to}/x"), "{}", &[]).await;
    finished.says(&["error[ref.not-found]: ", "/no/such"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn quota_rate_limit_token_service_and_read_only() {
    let quota =
        Reply::error(403, "DENIED", "adding 10 bytes of storage resource would exceed the quota");
    let limit = Reply::error(429, "TOOMANYREQUESTS", "slow down");
    let read_only = Reply::error(405, "UNSUPPORTED", "The operation is unsupported.");
    for (kinds, reply, code) in [
        ([Kind::UploadStart, Kind::Mount], quota, "quota.exceeded"),
        ([Kind::Manifest, Kind::Manifest], limit, "rate.limited"),
        ([Kind::UploadStart, Kind::Mount], read_only, "registry.read-only"),
    ] {
        let bad = Registry::start().await;
        let fault = bad.fault(Fault::on(kinds[0]).or(kinds[1]).always().answer(reply));
        let host = bad.host().to_owned();
        let (finished, _) =
            beside_a_good_one(|from, _| format!("{from}/good/two:v1: {host}/x"), "{}", &[]).await;
        finished.says(&[&format!("error[{code}]: "), &host, "destination"]);
        assert!(fault.fired() > 0);
        assert_eq!(bad.tags("x"), Vec::<String>::new());
    }
    let guarded = Registry::builder().auth(testkit::Auth::token("u", "p")).start().await;
    let fault = guarded.fault(Fault::on(Kind::Token).always().status(503));
    let host = guarded.host().to_owned();
    let auth = format!("{host}: {{username: u, password: p, insecure: true}}\n");
    let (finished, _) =
        beside_a_good_one(|_, to| format!("{host}/a/b:v1: {to}/x"), &auth, &[]).await;
    finished.says(&["error[auth.unavailable]: ", &host]);
    assert!(fault.fired() > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn plain_http_and_tls_mixed_up() {
    // nothing is sent in plain text unless that was allowed, on this machine neither
    let plain = Registry::start().await;
    let host = plain.host().to_owned();
    let said_nothing = format!("{host}: {{}}\n");
    let (finished, _) =
        beside_a_good_one(|_, to| format!("{host}/a/b:v1: {to}/x"), &said_nothing, &[]).await;
    finished.says(&["error[http.plain]: ", &host, "source", "insecure: true"]);
    assert_eq!(plain.requests().len(), 0);
    let authority = Authority::new();
    let tls = Registry::builder().tls(authority.server(Flaw::None)).start().await;
    let host = tls.host().to_owned();
    let (finished, _) = beside_a_good_one(
        |_, to| format!("{host}/a/b:v1: {to}/x"),
        &format!("{host}: {{}}\n"),
        &[],
    )
    .await;
    finished.says(&["error[tls.untrusted]: "]);
    let auth = format!("{host}: {{insecure: true}}\n");
    tls.push("a/b", "v1", &Image::single("linux/amd64", [Layer::random(1, 100)]));
    let destination = Registry::start().await;
    let program = Program::new();
    program.sync(&format!("{host}/a/b:v1: {}/x\n", destination.host()), &auth, &[]).expect(0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_damaged_manifest_or_blob_names_the_source() {
    let (source, destination) = (Registry::start().await, Registry::start().await);
    let layer = Layer::random(1, 100_000);
    source.push("a/b", "v1", &Image::single("linux/amd64", [layer.clone()]));
    source.push("a/c", "v1", &Image::single("linux/amd64", [Layer::random(2, 100)]));
    let blob = source
        .fault(Fault::on(Kind::Blob).get().reference(layer.digest()).always().corrupt(50_000));
    let manifest =
        source.fault(Fault::on(Kind::Manifest).get().repository("a/c").always().corrupt(10));
    let program = Program::new();
    let images =
        format!("{0}/a/b:v1: {1}/x/b\n{0}/a/c:v1: {1}/x/c\n", source.host(), destination.host());
    program.sync(&images, "{}", &["--retries", "2"]).expect(1).says(&[
        "error[digest.mismatch]: ",
        "source",
        layer.digest(),
        source.host(),
        "0 copied, 0 skipped, 2 failed",
    ]);
    assert_eq!(blob.fired(), 3, "a damaged blob is fetched again as often as --retries says");
    assert!(manifest.fired() >= 3);
    assert_eq!(destination.tags("x/b"), Vec::<String>::new());
    assert_eq!(destination.tags("x/c"), Vec::<String>::new());
}
