//! What can go wrong at a source goes wrong at a destination too: each has its code, names registry, side and
//! reference, tells what to do, and leaves the rest of the run alone. Status 1.

use testkit::{
    Auth, Fault, Image, Kind, Layer, Match, Quirk, Registry, Reply, TokenAuth, auth::Users,
    registry::Builder,
};

use crate::support::Program;

/// The side at which something is bad.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Side {
    Source,
    Destination,
}
use Side::{Destination, Source};

fn layer() -> Layer {
    Layer::random(1, 100_000)
}

/// Copies `team/app:v1` from or to the registry, and a good image besides.
async fn check(side: Side, bad: &Registry, login: &str, code: &str, words: &[&str]) {
    let (from, to) = (Registry::start().await, Registry::start().await);
    let image = Image::single("linux/amd64", [layer()]);
    from.push("team/app", "v1", &image);
    from.push("good", "v1", &Image::single("linux/amd64", [Layer::random(2, 1000)]));
    let (source, destination) = match side {
        Source => (bad.host(), to.host()),
        Destination => (from.host(), bad.host()),
    };
    let images = format!(
        "{source}/team/app:v1: {destination}/team/app\n{}/good:v1: {}/good\n",
        from.host(),
        to.host()
    );
    let auth = match login {
        "" => "{}".to_owned(),
        login => format!("{}: {{{login}, insecure: true}}\n", bad.host()),
    };
    let program = Program::new();
    let name = if side == Source { "source" } else { "destination" };
    let finished = program.sync(&images, &auth, &["--retries", "1"]).expect(1).says(&[
        &format!("error[{code}]: "),
        name,
        bad.host(),
        "team/app",
        "hint: ",
        "1 copied, 0 skipped, 1 failed",
    ]);
    finished.says(words);
    let report = program.report();
    let error = &report["images"][0]["error"];
    assert_eq!(error["code"], code, "{side:?}: {report:#}");
    let message = error["message"].as_str().unwrap();
    assert!(message.contains(name) && message.contains(bad.host()), "{side:?}: {message}");
    assert_ne!(error["hint"], "", "{side:?}, {code}");
    assert!(to.tag_digest("good", "v1").is_some(), "{side:?}, {code}: the rest goes on");
    if side == Destination {
        assert_eq!(bad.tag_digest("team/app", "v1"), None, "{code}: nothing is tagged");
    } else {
        assert_eq!(to.tag_digest("team/app", "v1"), None, "{code}: nothing is tagged");
    }
}

/// A registry that has the image where it is to be a source.
async fn registry(side: Side, builder: Builder) -> Registry {
    let registry = builder.start().await;
    if side == Source {
        registry.push("team/app", "v1", &Image::single("linux/amd64", [layer()]));
    }
    registry
}

const GOOD: &str = "username: anna, password: s3cret";

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn servers_that_are_none_busy_or_broken_on_either_side() {
    let portal = Registry::builder().quirk(Quirk::Html).start().await;
    let ping = || Fault::on(Kind::Manifest).or(Kind::Ping);
    let answer = |matches: Match, reply: Reply| matches.always().answer(reply);
    for side in [Source, Destination] {
        for quirk in [Quirk::Html, Quirk::CaptivePortal(portal.url())] {
            let bad = registry(side, Registry::builder().quirk(quirk)).await;
            check(side, &bad, "", "registry.not-found", &["not a registry"]).await;
        }
        for (reply, code) in [
            (Reply::error(429, "TOOMANYREQUESTS", "slow down"), "rate.limited"),
            (Reply::status(503), "registry.failed"),
            (Reply::html(502, "Bad Gateway"), "registry.failed"),
        ] {
            let bad = registry(side, Registry::builder()).await;
            let fault = bad.fault(answer(ping(), reply));
            check(side, &bad, "", code, &["2 tries"]).await;
            assert!(fault.fired() >= 2, "{code}");
        }
        let bad = registry(side, Registry::builder()).await;
        bad.stop();
        check(side, &bad, "", "net.reset", &["2 tries"]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn logins_and_rights_on_either_side() {
    for side in [Source, Destination] {
        for auth in [Auth::token("anna", "s3cret"), Auth::basic("anna", "s3cret")] {
            let bad = registry(side, Registry::builder().auth(auth)).await;
            check(side, &bad, "username: anna, password: CANARY", "auth.rejected", &[]).await;
            let logins = bad.count(|r| {
                r.header("authorization").is_some_and(|text| text.starts_with("Basic "))
            });
            assert_eq!(logins, 1, "{side:?}: the login is not repeated");
            check(side, &bad, "", "auth.required", &[]).await;
        }
        let builder = Registry::builder().auth(Auth::token("anna", "s3cret"));
        let bad = registry(side, builder).await;
        let fault = bad.fault(Fault::on(Kind::Token).before_auth().always().status(503));
        check(side, &bad, GOOD, "auth.unavailable", &[]).await;
        assert_eq!(fault.fired(), 2, "{side:?}");
        let users = Users::new().user_with("anna", "s3cret", &[("other/*", "pull,push")]);
        let builder = Registry::builder().auth(Auth::Token(TokenAuth::new(users)));
        let bad = registry(side, builder).await;
        let code = if side == Source { "access.pull-denied" } else { "access.push-denied" };
        check(side, &bad, GOOD, code, &[]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn damage_and_absence_at_the_source() {
    for (fault, code) in [
        (Fault::on(Kind::Manifest).get().always().corrupt(10), "digest.mismatch"),
        (
            Fault::on(Kind::Blob).get().reference(layer().digest()).always().corrupt(50_000),
            "digest.mismatch",
        ),
        (
            Fault::on(Kind::Blob).get().reference(layer().digest()).always().answer(Reply::error(
                404,
                "BLOB_UNKNOWN",
                "blob unknown to registry",
            )),
            "blob.not-found",
        ),
        (
            Fault::on(Kind::Manifest)
                .get()
                .always()
                .answer(Reply::json(200, &serde_json::json!({ "a": 1 }))),
            "manifest.invalid",
        ),
        (
            Fault::on(Kind::Manifest).get().always().answer(Reply::error(
                404,
                "MANIFEST_UNKNOWN",
                "manifest unknown",
            )),
            "ref.not-found",
        ),
    ] {
        let bad = registry(Source, Registry::builder()).await;
        let handle = bad.fault(fault);
        let words: &[&str] =
            if code == "digest.mismatch" { &["expected sha256:", "got sha256:"] } else { &[] };
        check(Source, &bad, "", code, words).await;
        assert!(handle.fired() > 0, "{code}");
    }
    let absent = Registry::start().await;
    check(Source, &absent, "", "ref.not-found", &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn refusals_and_damage_at_the_destination() {
    for (quirk, code) in [
        (Quirk::ReadOnly, "registry.read-only"),
        (Quirk::Quota(1000), "quota.exceeded"),
        (Quirk::RepositoriesMustExist, "repo.must-exist"),
        (Quirk::PathDepth(3, 9), "repo.name"),
        (Quirk::ManifestLimit(10), "manifest.rejected"),
    ] {
        let bad = registry(Destination, Registry::builder().quirk(quirk)).await;
        check(Destination, &bad, "", code, &[]).await;
    }
    let bad = registry(Destination, Registry::builder()).await;
    let damage = Fault::on(Kind::UploadFinish).reference(layer().digest()).always();
    let damage = bad.fault(damage.corrupt_upload(99));
    check(Destination, &bad, "", "digest.mismatch", &[layer().digest()]).await;
    assert!(damage.fired() >= 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_port_where_something_else_listens() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let speaks = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            use tokio::io::AsyncWriteExt as _;
            let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n").await;
        }
    });
    let (from, to) = (Registry::start().await, Registry::start().await);
    from.push("good", "v1", &Image::single("linux/amd64", [Layer::random(2, 1000)]));
    let program = Program::new();
    let images = format!(
        "{host}/team/app:v1: {1}/x\n{0}/good:v1: [{host}/y, {1}/good]\n",
        from.host(),
        to.host()
    );
    program.sync(&images, "{}", &["--retries", "1"]).expect(1).says(&[
        "error[net.reset]: ",
        "source",
        "destination",
        &host,
        "hint: ",
        "1 copied, 0 skipped, 2 failed",
    ]);
    speaks.abort();
}
