//! Debian's `docker-registry` in its other modes: signed tokens, a cache of another registry, read-only.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::json;
use testkit::{
    Auth, Image, Kind, Layer, Registry, TokenAuth,
    auth::Users,
    tls::{Authority, Flaw, ServerTls},
};

use crate::support::{
    DockerRegistry, Program,
    docker_registry::{ISSUER, SERVICE, Setup},
    have, skopeo,
};

fn sample() -> Image {
    let base = Layer::random(1, 200_000);
    Image::multi([
        Image::single("linux/amd64", [base.clone(), Layer::random(2, 300_000)]),
        Image::single("linux/arm64", [base, Layer::random(3, 100_000)]),
    ])
}

/// A token of `scope`, signed by the certificate's key, which the registry verifies by its CA.
fn signed(signer: &ServerTls, user: &str, scope: &str) -> String {
    let access: Vec<_> = scope
        .split(' ')
        .filter_map(|scope| {
            let (kind, rest) = scope.split_once(':')?;
            let (name, actions) = rest.rsplit_once(':')?;
            let actions: Vec<_> = actions.split(',').collect();
            Some(json!({ "type": kind, "name": name, "actions": actions }))
        })
        .collect();
    let now = jsonwebtoken::get_current_timestamp();
    let claims = json!({
        "iss": ISSUER,
        "sub": user,
        "aud": SERVICE,
        "iat": now,
        "nbf": now - 10,
        "exp": now + 300,
        "jti": "1",
        "access": access,
    });
    let certificate: String =
        signer.pem().lines().filter(|line| !line.starts_with("-----")).collect();
    assert!(BASE64_STANDARD.decode(&certificate).is_ok(), "DER in base64");
    let header = Header { x5c: Some(vec![certificate]), ..Header::new(Algorithm::ES256) };
    let key = EncodingKey::from_ec_pem(signer.key_pem().as_bytes()).unwrap();
    jsonwebtoken::encode(&header, &claims, &key).unwrap()
}

/// A token service with a signing key of its own, and the CA that the key is certified by.
async fn token_service() -> (Registry, Authority) {
    let authority = Authority::new();
    let signer = authority.server(Flaw::None);
    let users = Users::new().user_with("reader", "pull-secret", &[("*", "pull")]).user_with(
        "writer",
        "push-secret",
        &[("*", "pull,push")],
    );
    let tokens = TokenAuth::new(users)
        .service(SERVICE)
        .minted_by(move |user, scope| signed(&signer, user, scope));
    (Registry::builder().auth(Auth::Token(tokens)).start().await, authority)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn signed_tokens_for_reading_writing_and_mounting() {
    if !have(&["docker-registry", "skopeo"]) {
        return;
    }
    let (service, authority) = token_service().await;
    let guarded = || {
        let tokens = Some((format!("{}/token", service.url()), authority.pem()));
        DockerRegistry::with(&Setup { tokens, ..Setup::default() })
    };
    let (from, to) = (guarded(), guarded());
    let origin = Registry::start().await;
    let raw = origin.push("a/b", "v1", &sample()).bytes().to_vec();
    let program = Program::new();
    let write = |host: &str| {
        format!("{host}: {{username: writer, password: push-secret, insecure: true}}\n")
    };
    // into the first
    let images = format!("{}/a/b:v1: {}/a/b\n", origin.host(), from.host());
    program.sync(&images, &write(&from.host()), &[]).expect(0);
    assert_eq!(service.count_of("GET", Kind::Token), 1, "one token for a repository");

    // from the first, as who may only read, to two repositories of the second: the second mounts from the first
    let auth = format!(
        "{}: {{username: reader, password: pull-secret, insecure: true}}\n{}",
        from.host(),
        write(&to.host())
    );
    let images = format!("{0}/a/b:v1: [{1}/x/one, {1}/x/two]\n", from.host(), to.host());
    program.sync(&images, &auth, &[]).expect(0).says(&["2 copied, 0 skipped, 0 failed"]);
    let report = program.report();
    let moved = report["totals"]["bytes_copied"].as_u64().unwrap();
    assert_eq!(report["totals"]["bytes_mounted"], moved, "mounted with a token for both");
    for repository in ["one", "two"] {
        let reference = format!("{}/x/{repository}:v1", to.host());
        let creds = ["--creds", "reader:pull-secret"];
        let read = tokio::task::block_in_place(|| skopeo::raw(&reference, &creds));
        assert_eq!(read.unwrap(), raw);
    }
    program.sync(&images, &auth, &[]).expect(0).says(&["0 copied, 2 skipped, 0 failed"]);

    // who may only read does not write
    let auth = auth.replace("writer, password: push-secret", "reader, password: pull-secret");
    let images = images.replace("x/one", "y/one").replace("x/two", "y/two");
    program.sync(&images, &auth, &[]).expect(1).says(&[
        "error[access.push-denied]: ",
        "destination",
        &to.host(),
        "hint: ",
    ]);
    // and a wrong password is sent once
    service.clear_log();
    let auth = auth.replace("pull-secret", "wrong");
    program.sync(&images, &auth, &[]).expect(1).says(&["error[auth.rejected]: ", "hint: "]);
    let logins = service.count(|r| r.header("authorization").is_some());
    assert!((1..=2).contains(&logins), "once for each registry at most: {logins}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_token_that_another_signed_is_no_login() {
    if !have(&["docker-registry"]) {
        return;
    }
    let (service, _) = token_service().await;
    let other = Authority::new();
    let tokens = Some((format!("{}/token", service.url()), other.pem()));
    let from = DockerRegistry::with(&Setup { tokens, ..Setup::default() });
    let to = Registry::start().await;
    let program = Program::new();
    let auth =
        format!("{}: {{username: reader, password: pull-secret, insecure: true}}\n", from.host());
    let images = format!("{}/a/b:v1: {}/x\n", from.host(), to.host());
    program.sync(&images, &auth, &[]).expect(1).says(&["source", &from.host(), "hint: "]);
    assert!(from.requests().len() <= 4, "no loop: {:?}", from.requests());
    assert_eq!(to.writes(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_cache_of_another_registry_is_read_from_and_not_written_to() {
    if !have(&["docker-registry", "skopeo"]) {
        return;
    }
    let remote = Registry::start().await;
    let raw = remote.push("library/app", "v1", &sample()).bytes().to_vec();
    let cache = DockerRegistry::with(&Setup { cache_of: Some(remote.url()), ..Setup::default() });
    let to = DockerRegistry::start();
    let program = Program::new();
    let images = format!("{}/library/app: {}/x/app\n", cache.host(), to.host());
    program.sync(&images, "{}", &[]).expect(0).says(&["1 copied, 0 skipped, 0 failed"]);
    let read = |host: &str, name: &str| {
        let reference = format!("{host}/{name}:v1");
        tokio::task::block_in_place(|| skopeo::raw(&reference, &[]))
    };
    assert_eq!(read(&to.host(), "x/app").unwrap(), raw);
    assert!(remote.count_of("GET", Kind::Blob) >= 5, "through the cache");
    // it can't be written to, and says so before a byte is sent
    cache.clear_requests();
    let back = format!("{}/x/app:v1: {}/other/app:v2\n", to.host(), cache.host());
    program.sync(&back, "{}", &["--retries", "1"]).expect(1).says(&[
        "error[registry.read-only]: ",
        "destination",
        &cache.host(),
        "hint: ",
    ]);
    let puts = cache.requests().into_iter().filter(|request| request.starts_with("PUT "));
    assert_eq!(puts.collect::<Vec<_>>(), [""; 0]);
    assert_eq!(remote.tags("library/app"), ["v1"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_read_only_registry_is_a_source_and_no_destination() {
    if !have(&["docker-registry", "skopeo"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let data = Some(folder.path().join("data"));
    let origin = Registry::start().await;
    let raw = origin.push("a/b", "v1", &sample()).bytes().to_vec();
    let program = Program::new();
    let open = DockerRegistry::with(&Setup { data: data.clone(), ..Setup::default() });
    let fill = format!("{}/a/b:v1: {}/a/b\n", origin.host(), open.host());
    program.sync(&fill, "{}", &[]).expect(0);
    drop(open);
    let locked = DockerRegistry::with(&Setup { data, read_only: true, ..Setup::default() });
    let to = DockerRegistry::start();
    let images = format!("{}/a/b: {}/x\n", locked.host(), to.host());
    program.sync(&images, "{}", &[]).expect(0).says(&["1 copied"]);
    let read = tokio::task::block_in_place(|| skopeo::raw(&format!("{}/x:v1", to.host()), &[]));
    assert_eq!(read.unwrap(), raw);
    // what stands there is skipped; what does not can't be put
    let fill = format!("{0}/a/b:v1: [{1}/a/b, {1}/a/c]\n", origin.host(), locked.host());
    program.sync(&fill, "{}", &["--retries", "1"]).expect(1).says(&[
        "0 copied, 1 skipped, 1 failed",
        "error[registry.read-only]: ",
        &locked.host(),
    ]);
}
