//! Side by side with the real thing: the same requests to Debian's `docker-registry` (distribution 2.8) and to
//! testkit as [`Vendor::Distribution`]. Status, the headers that matter and the bodies must be the same.

use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};
use testkit::{
    Registry, Vendor,
    digest::{sha256, sha512},
};

use crate::client::{Answer, Client, with_digest};

/// A running `docker-registry`.
struct Real {
    child: Child,
    address: String,
    _files: tempfile::TempDir,
}

impl Real {
    /// Starts one; `None` where it is not installed.
    async fn start(auth: Option<Value>) -> Option<Self> {
        let files = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let address = format!("127.0.0.1:{port}");
        let mut config = json!({
            "version": "0.1",
            "storage": {
                "filesystem": { "rootdirectory": files.path().join("data") },
                "delete": { "enabled": true },
            },
            "http": { "addr": address, "secret": "parity" },
            "log": { "level": "error", "accesslog": { "disabled": true } },
            "compatibility": { "schema1": { "enabled": true } },
        });
        if let Some(mut auth) = auth {
            // a file that the config names by its content
            if let Some(bundle) = auth.pointer_mut("/token/rootcertbundle") {
                let path = files.path().join("bundle.pem");
                std::fs::write(&path, bundle.as_str().unwrap()).unwrap();
                *bundle = path.to_str().unwrap().into();
            }
            config["auth"] = auth;
        }
        let path = files.path().join("config.yml");
        std::fs::write(&path, config.to_string()).unwrap();
        let child = Command::new("docker-registry")
            .arg("serve")
            .arg(path)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let real = Self { child: child.ok()?, address, _files: files };
        for _ in 0..500 {
            if tokio::net::TcpStream::connect(&real.address).await.is_ok() {
                return Some(real);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("docker-registry does not listen");
    }
}

impl Drop for Real {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The real registry and ours, asked the same.
struct Both {
    real: Client,
    ours: Client,
    _real: Real,
    registry: Registry,
}

impl Both {
    async fn start() -> Option<Self> {
        Self::start_with(None, Registry::builder()).await
    }

    async fn start_with(auth: Option<Value>, builder: testkit::Builder) -> Option<Self> {
        let Some(real) = Real::start(auth).await else {
            crate::client::skipped("docker-registry");
            return None;
        };
        let registry =
            builder.quirks(Vendor::Distribution.quirks()).quirk(testkit::Quirk::Schema1Accepted);
        let registry = registry.start().await;
        let client = Client::new(format!("http://{}", real.address));
        Some(Self { real: client, ours: Client::of(&registry), _real: real, registry })
    }

    /// Sends a request to both, compares, and gives both answers.
    async fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> (Answer, Answer) {
        let what = format!("{method} {path} {headers:?}");
        self.ask_each(&what, method, [path, path], headers, body).await
    }

    async fn ask_each(
        &self,
        what: &str,
        method: &str,
        paths: [&str; 2],
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> (Answer, Answer) {
        let real = self.real.send(method, paths[0], headers, body.to_vec()).await;
        let ours = self.ours.send(method, paths[1], headers, body.to_vec()).await;
        assert_eq!(
            essence(&ours, &self.ours),
            essence(&real, &self.real),
            "ours (left) and the real one: {what}"
        );
        (real, ours)
    }

    async fn open(&self, repository: &str) -> [String; 2] {
        let path = format!("/v2/{repository}/blobs/uploads/");
        let (real, ours) = self.ask("POST", &path, &[("content-length", "0")], b"").await;
        [real.location(), ours.location()]
    }

    async fn on(
        &self,
        what: &str,
        method: &str,
        paths: &[String; 2],
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> [String; 2] {
        let (real, ours) = self.ask_each(what, method, [&paths[0], &paths[1]], headers, body).await;
        [real, ours].map(|answer| answer.header("location").unwrap_or_default().to_owned())
    }

    async fn upload(&self, repository: &str, bytes: &[u8]) -> String {
        let digest = sha256(bytes);
        let paths = self.open(repository).await.map(|path| with_digest(&path, &digest));
        self.on("an upload", "PUT", &paths, &[("content-type", "application/octet-stream")], bytes)
            .await;
        digest
    }
}

/// What must be equal: status, headers but for the date and ids, body but for the order of tags.
fn essence(answer: &Answer, client: &Client) -> (u16, Vec<(String, String)>, Value) {
    let mut headers: Vec<_> = answer
        .headers
        .iter()
        .filter(|(name, _)| {
            !["date", "x-content-type-options", "content-length"].contains(&name.as_str())
        })
        .map(|(name, value)| (name.to_string(), plain(value.to_str().unwrap(), client)))
        .collect();
    headers.sort();
    let mut body = serde_json::from_slice(&answer.body)
        .unwrap_or_else(|_| Value::from(String::from_utf8_lossy(&answer.body).into_owned()));
    if let Some(tags) = body.get_mut("tags").and_then(Value::as_array_mut) {
        tags.sort_by_key(ToString::to_string);
    }
    // Go writes its own error values, of which there is no telling
    for error in body.get_mut("errors").and_then(Value::as_array_mut).into_iter().flatten() {
        if matches!(error["code"].as_str(), Some("MANIFEST_INVALID" | "DIGEST_INVALID")) {
            error.as_object_mut().unwrap().remove("detail");
        }
    }
    (answer.status, headers, body)
}

/// A header's value without the host and the ids of uploads.
fn plain(value: &str, client: &Client) -> String {
    let value = value.replace(&client.base, "");
    // the real one has the scopes of a challenge, and their actions, in any order
    if let Some((before, scope)) = value.split_once("scope=\"") {
        let (scope, after) = scope.split_once('"').unwrap();
        let sorted = |text: &str, mark: &str| {
            let mut parts: Vec<_> = text.split(mark).map(str::to_owned).collect();
            parts.sort();
            parts.join(mark)
        };
        let actions = |scope: &str| {
            let (name, actions) = scope.rsplit_once(':').unwrap();
            format!("{name}:{}", sorted(actions, ","))
        };
        let scopes = scope.split(' ').map(actions).collect::<Vec<_>>().join(" ");
        return format!("{before}scope={}{after}", sorted(&scopes, " "));
    }
    let value = value.split("?_state=").next().unwrap();
    let is_id = |part: &&str| part.len() == 36 && part.matches('-').count() == 4;
    value
        .split('/')
        .map(|part| if is_id(&part) { "id" } else { part })
        .collect::<Vec<_>>()
        .join("/")
}

const OCI: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const DOCKER: &str = "application/vnd.docker.distribution.manifest.v2+json";
const LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
const NONE: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

#[tokio::test]
async fn routes_and_absent_things() {
    let Some(both) = Both::start().await else { return };
    for path in [
        "/v2/",
        "/v2",
        "/v2/foo/tags/list",
        "/v2/foo/manifests/latest",
        &format!("/v2/foo/manifests/{NONE}"),
        &format!("/v2/foo/blobs/{NONE}"),
        "/v2/foo/blobs/sha256:00",
        "/v2/FOO/manifests/latest",
        "/v2/foo/manifests/-bad",
        &format!("/v2/foo/referrers/{NONE}"),
        "/v2/_catalog",
        "/v2/foo/blobs/uploads",
        "/v2/foo/blobs/uploads/",
        "/v2/foo/blobs/uploads/0f8fad5b-d9cb-469f-a165-70867728950e",
        "/nothing/of/the/kind",
    ] {
        both.ask("GET", path, &[], b"").await;
    }
    for (method, path) in [
        ("PUT", "/v2/_catalog"),
        ("DELETE", "/v2/foo/tags/list"),
        ("POST", "/v2/foo/manifests/latest"),
        ("PUT", &format!("/v2/foo/blobs/{NONE}")),
    ] {
        both.ask(method, path, &[], b"").await;
    }
    both.ask("HEAD", &format!("/v2/foo/blobs/{NONE}"), &[], b"").await;
    both.ask("HEAD", "/v2/foo/manifests/latest", &[], b"").await;
    both.ask("DELETE", &format!("/v2/foo/blobs/{NONE}"), &[], b"").await;
}

#[tokio::test]
async fn uploads_blobs_and_mounts() {
    let Some(both) = Both::start().await else { return };
    let octets = [("content-type", "application/octet-stream")];
    let digest = sha256(b"abc");

    // PATCH, status, PATCH with a range that is not looked at, status at an old address
    let first = both.open("foo").await;
    let second = both.on("a PATCH", "PATCH", &first, &octets, b"abc").await;
    both.on("its status", "GET", &second, &[], b"").await;
    let odd = [octets[0], ("content-range", "100-102")];
    let third = both.on("a PATCH with a wrong range", "PATCH", &second, &odd, b"def").await;
    both.on("the status at an old address", "GET", &second, &[], b"").await;
    both.on("a PATCH at an old address", "PATCH", &first, &octets, b"abc").await;
    both.on("the status at the newest address", "GET", &third, &[], b"").await;
    let whole = sha256(b"abcdef");
    both.on("the end", "PUT", &third.clone().map(|path| with_digest(&path, &whole)), &[], b"")
        .await;
    both.on("the end again", "PUT", &third.map(|path| with_digest(&path, &whole)), &[], b"").await;

    // what is refused
    let open = both.open("foo").await;
    let stateless = open.clone().map(|path| path.split('?').next().unwrap().to_owned());
    both.on("the status without a state", "GET", &stateless, &[], b"").await;
    both.on("a PUT without a digest", "PUT", &open, &[], b"").await;
    both.on(
        "a wrong digest",
        "PUT",
        &open.clone().map(|path| with_digest(&path, NONE)),
        &octets,
        b"abc",
    )
    .await;
    both.on("the status after it", "GET", &open, &[], b"").await;
    both.on("a cancel", "DELETE", &open, &[], b"").await;
    both.on("the status after it", "GET", &open, &[], b"").await;

    // one PUT, ranges, SHA-512
    assert_eq!(both.upload("foo", b"abc").await, digest);
    both.upload("foo", b"").await;
    let blob = format!("/v2/foo/blobs/{digest}");
    both.ask("HEAD", &blob, &[], b"").await;
    both.ask("GET", &blob, &[], b"").await;
    // behind the end the real one says 416 and breaks off before the end of its own body
    for range in ["bytes=1-1", "bytes=1-", "bytes=-2", "bytes=0-100"] {
        both.ask("GET", &blob, &[("range", range)], b"").await;
    }
    let long = sha512(b"abc");
    let open = both.open("long").await.map(|path| with_digest(&path, &long));
    let (real, ours) = (
        both.real.send("PUT", &open[0], &octets, "abc").await,
        both.ours.send("PUT", &open[1], &octets, "abc").await,
    );
    assert_eq!((real.status, ours.status), (201, 201));

    // mounts
    for path in [
        format!("/v2/foo/blobs/uploads/?mount={digest}&from=foo"),
        format!("/v2/bar/blobs/uploads/?mount={digest}&from=foo"),
        format!("/v2/baz/blobs/uploads/?mount={digest}"),
        format!("/v2/baz/blobs/uploads/?mount={digest}&from=FOO"),
        format!("/v2/baz/blobs/uploads/?mount={digest}&from=nobody"),
        format!("/v2/baz/blobs/uploads/?mount={NONE}&from=foo"),
        format!("/v2/baz/blobs/uploads/?digest={digest}"),
    ] {
        both.ask("POST", &path, &[("content-length", "0")], b"").await;
    }
    both.ask("GET", &format!("/v2/bar/blobs/{digest}"), &[], b"").await;
    both.ask("DELETE", &blob, &[], b"").await;
    both.ask("DELETE", &blob, &[], b"").await;
    both.ask("GET", &blob, &[], b"").await;
}

/// What is left of an upload that broke off can't be had at the address that the client knows.
#[tokio::test]
async fn broken_uploads() {
    use tokio::io::AsyncWriteExt as _;

    let Some(both) = Both::start().await else { return };
    for method in ["PATCH", "PUT"] {
        let open = both.open("foo").await;
        for (address, client) in open.iter().zip([&both.real, &both.ours]) {
            let host = client.base.trim_start_matches("http://");
            let path = address.strip_prefix(&client.base).unwrap();
            let mut stream = tokio::net::TcpStream::connect(host).await.unwrap();
            let text = format!(
                "{method} {path}&digest={NONE} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/octet-stream\r\n\
                 Content-Length: 100\r\n\r\nabcdef"
            );
            stream.write_all(text.as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
            // the server has seen the end when it closes
            let mut rest = Vec::new();
            let _ = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut rest).await;
        }
        both.on("the status after a break", "GET", &open, &[], b"").await;
    }
}

#[tokio::test]
async fn manifests_tags_and_the_catalogue() {
    let Some(both) = Both::start().await else { return };
    let config = both.upload("m", br#"{"architecture":"amd64","os":"linux"}"#).await;
    let layer = both.upload("m", b"layer").await;
    let manifest = |media_type: &str, config: &str, layer: &str| {
        json!({
            "schemaVersion": 2, "mediaType": media_type,
            "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": 37 },
            "layers": [{ "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": layer, "size": 5 }],
        })
    };
    let good = manifest(OCI, &config, &layer);
    let bytes = good.to_string().into_bytes();
    let digest = sha256(&bytes);
    let mut no_type = good.clone();
    no_type.as_object_mut().unwrap().remove("mediaType");
    let mut subject = good.clone();
    subject["subject"] = json!({ "mediaType": OCI, "digest": digest, "size": bytes.len() });
    let index = |media_type: &str, child: &str, digests: &[&str]| {
        let entry = |digest: &&str| {
            json!({
                "mediaType": child, "digest": digest, "size": 5,
                "platform": { "architecture": "amd64", "os": "linux" },
            })
        };
        json!({
            "schemaVersion": 2, "mediaType": media_type,
            "manifests": digests.iter().map(entry).collect::<Vec<_>>(),
        })
        .to_string()
    };
    let docker = manifest(DOCKER, &config, &layer).to_string();
    let other = format!("{}1", &NONE[..NONE.len() - 1]);
    let put = async |reference: &str, media_type: &str, body: &str| {
        let path = format!("/v2/m/manifests/{reference}");
        both.ask("PUT", &path, &[("content-type", media_type)], body.as_bytes()).await;
    };
    let text = good.to_string();
    put("t1", OCI, &text).await;
    put("t2", &format!("{OCI}; charset=utf-8"), &text).await;
    put(&digest, OCI, &text).await;
    put(NONE, OCI, &text).await;
    put("bad", DOCKER, &text).await;
    put("bad", "application/foo", &text).await;
    put("bad", OCI, "{").await;
    put("bad", OCI, &manifest(OCI, &config, NONE).to_string()).await;
    put("bad", OCI, &manifest(OCI, NONE, &other).to_string()).await;
    put("plain", OCI, &no_type.to_string()).await;
    put("subject", OCI, &subject.to_string()).await;
    put("index", INDEX, &index(INDEX, OCI, &[&digest])).await;
    put("sparse", INDEX, &index(INDEX, OCI, &[NONE, &other])).await;
    put("empty", INDEX, &index(INDEX, OCI, &[])).await;
    put("docker", DOCKER, &docker).await;
    put("list", LIST, &index(LIST, DOCKER, &[&sha256(&docker)])).await;
    put("large", OCI, &format!("{}{text}", " ".repeat(4 << 20))).await;
    both.ask("PUT", "/v2/m/manifests/untyped", &[], text.as_bytes()).await;

    let all = [OCI, INDEX, DOCKER, LIST].join(", ");
    for reference in ["t1", &digest, "index", "list", "docker", "bad", NONE] {
        for accept in [&all, OCI, DOCKER, "*/*"] {
            // where the real one writes schema 1 anew, its signature differs each time
            let converts = reference == "docker" || reference == "list";
            if converts && accept != all && accept != DOCKER {
                continue;
            }
            for method in ["HEAD", "GET"] {
                both.ask(
                    method,
                    &format!("/v2/m/manifests/{reference}"),
                    &[("accept", accept)],
                    b"",
                )
                .await;
            }
        }
    }
    let etag = format!("\"{digest}\"");
    both.ask("GET", "/v2/m/manifests/t1", &[("accept", OCI), ("if-none-match", &etag)], b"").await;

    for path in [
        "/v2/m/tags/list",
        "/v2/m/tags/list?n=2",
        "/v2/m/tags/list?n=2&last=index",
        "/v2/_catalog?n=1",
        "/v2/_catalog?n=1&last=m",
        "/v2/_catalog?n=100",
    ] {
        both.ask("GET", path, &[], b"").await;
    }
    both.ask("DELETE", "/v2/m/manifests/t1", &[], b"").await;
    both.ask("DELETE", &format!("/v2/m/manifests/{digest}"), &[], b"").await;
    both.ask("DELETE", &format!("/v2/m/manifests/{digest}"), &[], b"").await;
    both.ask("GET", "/v2/m/manifests/t1", &[("accept", OCI)], b"").await;
    both.ask("GET", "/v2/m/tags/list", &[], b"").await;
    assert_eq!(both.registry.tag_digest("m", "t1"), None);
}

#[tokio::test]
async fn challenges() {
    const REALM: &str = "http://127.0.0.1:1/token";
    let bundle = testkit::tls::Authority::new().pem().to_owned();
    let token = json!({
        "token": { "realm": REALM, "service": "testkit", "issuer": "nobody", "rootcertbundle": bundle },
    });
    let ours = Registry::builder()
        .auth(testkit::Auth::token("u", "p"))
        .quirk(testkit::Quirk::Realm(REALM.into()));
    let Some(both) = Both::start_with(Some(token), ours).await else { return };
    let paths = [
        ("GET", "/v2/".to_owned()),
        ("GET", "/v2/_catalog".to_owned()),
        ("GET", "/v2/a/b/tags/list".to_owned()),
        ("HEAD", "/v2/a/b/manifests/1".to_owned()),
        ("PUT", "/v2/a/b/manifests/1".to_owned()),
        ("DELETE", format!("/v2/a/b/manifests/{NONE}")),
        ("GET", format!("/v2/a/b/blobs/{NONE}")),
        ("POST", "/v2/a/b/blobs/uploads/".to_owned()),
        ("POST", format!("/v2/a/b/blobs/uploads/?mount={NONE}&from=c/d")),
    ];
    for (method, path) in &paths {
        both.ask(method, path, &[("content-length", "0")], b"").await.0.expect(401);
    }
    for header in ["Bearer rubbish", "Basic dTpw"] {
        both.ask("GET", "/v2/a/b/tags/list", &[("authorization", header)], b"").await.0.expect(401);
    }
}

/// The real one checks the signature.
#[tokio::test]
async fn schema_1_is_signed_right() {
    let Some(both) = Both::start().await else { return };
    let layers = [testkit::Layer::random(1, 100), testkit::Layer::random(2, 100)];
    for layer in &layers {
        both.upload("old", &layer.content().bytes().unwrap()).await;
    }
    let built = testkit::Image::schema1("old", "1", layers).build();
    let headers = [("content-type", built.media_type())];
    let (real, _) = both.ask("PUT", "/v2/old/manifests/1", &headers, built.bytes()).await;
    assert_eq!(real.expect(201).header("docker-content-digest"), Some(built.digest()));
    // it signs anew for every GET: the digest, that of the payload, stays
    let accept = [("accept", built.media_type())];
    for client in [&both.real, &both.ours] {
        let answer = client.send("GET", "/v2/old/manifests/1", &accept, "").await;
        assert_eq!(answer.expect(200).header("docker-content-digest"), Some(built.digest()));
        assert_eq!(answer.header("content-type"), Some(built.media_type()));
        let mut value = answer.json();
        value.as_object_mut().unwrap().remove("signatures");
        let mut sent: Value = serde_json::from_slice(built.bytes()).unwrap();
        sent.as_object_mut().unwrap().remove("signatures");
        assert_eq!(value, sent);
    }
}
