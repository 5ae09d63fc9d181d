//! The quirks of uploads and mounts.

use testkit::{LocationForm, Quirk, Registry, SinglePost, UploadRange, digest::sha256};

use crate::{
    client::{Client, with_digest},
    quirks::with,
};

#[tokio::test]
async fn beginning_uploads() {
    let (registry, client) = with([Quirk::LengthRequired]).await;
    let set = |quirk: Quirk| registry.set_quirks([quirk]);
    let start = "/v2/a/blobs/uploads/";
    // reqwest tells no length of a body that is empty, unless it is told to
    client.send("POST", start, &[], "").await.expect(411);
    client.post(start).await.expect(202);
    set(Quirk::SinglePost(SinglePost::Refused(405)));
    let single = format!("{start}?digest={}", sha256("x"));
    client.send("POST", &single, &[], "x").await.expect(405);
    set(Quirk::SinglePost(SinglePost::Ignored));
    let ignored = client.send("POST", &single, &[], "x").await;
    assert!(ignored.expect(202).header("location").is_some());
    set(Quirk::RepositoriesMustExist);
    client.post("/v2/new/blobs/uploads/").await.expect(404);
    registry.create_repository("new");
    client.post("/v2/new/blobs/uploads/").await.expect(202);
    set(Quirk::PathDepth(2, 2));
    assert_eq!(client.post(start).await.expect(400).code(), "NAME_INVALID");
    client.post("/v2/a/b/blobs/uploads/").await.expect(202);
    client.post("/v2/a/b/c/blobs/uploads/").await.expect(400);
    set(Quirk::ChunkMinClaimed("4611686018427387904".into()));
    assert_eq!(
        client.post(start).await.header("oci-chunk-min-length"),
        Some("4611686018427387904")
    );
}

#[tokio::test]
async fn addresses_of_uploads() {
    let (registry, client) = with([]).await;
    let host = registry.host();
    let start = "/v2/a/blobs/uploads/";
    let location = async |form: LocationForm| {
        registry.set_quirks([Quirk::Location(form)]);
        let answer = client.post(start).await;
        answer.expect(202).header("location").map(str::to_owned)
    };
    assert!(location(LocationForm::Path).await.unwrap().starts_with("/v2/a/blobs/uploads/"));
    let relative = location(LocationForm::Relative).await.unwrap();
    assert!(!relative.contains('/') && relative.contains("?_state="));
    client
        .send("PUT", &with_digest(&format!("{start}{relative}"), &sha256("r")), &[], "r")
        .await
        .expect(201);
    assert!(
        location(LocationForm::SchemeLess).await.unwrap().starts_with(&format!("//{host}/v2/"))
    );
    assert!(location(LocationForm::Http).await.unwrap().starts_with(&format!("http://{host}/")));
    assert!(location(LocationForm::NoPort).await.unwrap().starts_with("http://127.0.0.1/v2/"));
    assert!(
        location(LocationForm::Host("h:1".into())).await.unwrap().starts_with("http://h:1/v2/")
    );
    assert_eq!(location(LocationForm::Missing).await, None);
    assert_eq!(location(LocationForm::Verbatim("x y".into())).await.as_deref(), Some("x y"));
    let bare = location(LocationForm::NoQuery).await.unwrap();
    assert!(!bare.contains('?'));
    client.send("PUT", &with_digest(&bare, &sha256("b")), &[], "b").await.expect(201);

    let storage = location(LocationForm::Storage).await.unwrap();
    assert!(storage.starts_with(&format!("http://{}/v2/", registry.second_host())));
    let put = with_digest(&storage, &sha256("s"));
    client.send("PUT", &put, &[("authorization", "Bearer x")], "s").await.expect(400);
    client.send("PUT", &put, &[], "s").await.expect(201);
    assert!(registry.blob("a", &sha256("s")).is_some());
}

#[tokio::test]
async fn bodies_of_uploads() {
    let (registry, client) = with([]).await;
    let set = |quirk: Quirk| registry.set_quirks([quirk]);
    let put = async |body: Vec<u8>| {
        let location = client.open("a").await;
        client.send("PUT", &with_digest(&location, &sha256(&body)), &[], body).await
    };
    set(Quirk::PutBodyRefused(405));
    put(vec![1]).await.expect(405);
    let location = client.open("a").await;
    let location = client.send("PATCH", &location, &[], "x").await.expect(202).location();
    client
        .send("PUT", &with_digest(&location, &sha256("x")), &[("content-length", "0")], "")
        .await
        .expect(201);
    set(Quirk::PutLimit(100));
    put(vec![1; 101]).await.expect(413);
    put(vec![1; 100]).await.expect(201);
    set(Quirk::EmptyBlobRefused);
    put(vec![]).await.expect(400);
    set(Quirk::DuplicateBlob(409));
    put(vec![2]).await.expect(201);
    put(vec![2]).await.expect(409);
    set(Quirk::FinishStatus(204));
    put(vec![3]).await.expect(204);
    set(Quirk::FinishLocation("https://cdn.example/blob".into()));
    assert_eq!(put(vec![4]).await.expect(201).location(), "https://cdn.example/blob");
    set(Quirk::FinishLocation(String::new()));
    assert_eq!(put(vec![5]).await.expect(201).header("location"), None);
    set(Quirk::ReadOnly);
    client.post("/v2/a/blobs/uploads/").await.expect(405);
    set(Quirk::Quota(100));
    assert_eq!(put(vec![6]).await.expect(403).code(), "DENIED");
    set(Quirk::ChunkedRefused(400));
    let location = client.open("a").await;
    let status = chunked_put(&registry, &location).await;
    assert!(status.starts_with("HTTP/1.1 400"), "{status}");
    registry.set_quirks([]);
    let status = chunked_put(&registry, &location).await;
    assert!(status.starts_with("HTTP/1.1 201"), "{status}");
}

/// The status line of a PUT in chunked transfer encoding.
async fn chunked_put(registry: &Registry, location: &str) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let path = with_digest(location.strip_prefix(&registry.url()).unwrap(), &sha256("abc"));
    let head = format!(
        "PUT {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n",
        registry.host()
    );
    let mut stream = tokio::net::TcpStream::connect(registry.host()).await.unwrap();
    stream.write_all(format!("{head}3\r\nabc\r\n0\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.lines().next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn chunks_of_uploads() {
    let (registry, client) = with([]).await;
    let set = |quirk: Quirk| registry.set_quirks([quirk]);
    /// What three chunks and the end are answered.
    async fn chunks(client: &Client, chunks: [&str; 3]) -> [u16; 4] {
        let mut location = client.open("a").await;
        let mut statuses = [0; 4];
        let mut at = 0;
        for (status, chunk) in statuses.iter_mut().zip(chunks) {
            let range = format!("{at}-{}", at + chunk.len() - 1);
            let answer = client
                .send("PATCH", &location, &[("content-range", &range)], chunk.to_owned())
                .await;
            *status = answer.status;
            if answer.status >= 300 {
                return statuses;
            }
            at += chunk.len();
            location = answer.location();
        }
        let digest = sha256(chunks.concat());
        statuses[3] = client
            .send("PUT", &with_digest(&location, &digest), &[("content-length", "0")], "")
            .await
            .status;
        statuses
    }
    assert_eq!(chunks(&client, ["abcd", "efgh", "ij"]).await, [202, 202, 202, 201]);
    set(Quirk::PatchStatus(201));
    assert_eq!(chunks(&client, ["abcd", "efgh", "ij"]).await, [201, 201, 201, 201]);
    set(Quirk::PatchRefused(405));
    assert_eq!(chunks(&client, ["abcd", "efgh", "ij"]).await[0], 405);
    set(Quirk::ContentRangeLimit(3));
    assert_eq!(chunks(&client, ["abcd", "efgh", "ij"]).await[0], 416);
    set(Quirk::ChunkMax(3));
    assert_eq!(chunks(&client, ["abcd", "efgh", "ij"]).await[0], 413);
    set(Quirk::SinglePatch);
    assert_eq!(chunks(&client, ["abcd", "efgh", "ij"]).await, [202, 416, 0, 0]);
    set(Quirk::PatchOverwrites);
    assert_eq!(chunks(&client, ["abcd", "efgh", "ij"]).await, [202, 202, 202, 400]);
    set(Quirk::SmallChunksRefused(4));
    assert_eq!(chunks(&client, ["abcd", "efgh", "ij"]).await, [202, 202, 202, 201]);
    assert_eq!(chunks(&client, ["abc", "defg", "hij"]).await, [202, 400, 0, 0]);
    set(Quirk::ChunkMin(4));
    assert_eq!(chunks(&client, ["abcd", "efgh", "ij"]).await, [202, 202, 202, 201]);
    assert_eq!(chunks(&client, ["abc", "defg", "hij"]).await, [202, 416, 0, 0]);
    assert_eq!(client.post("/v2/a/blobs/uploads/").await.header("oci-chunk-min-length"), Some("4"));
    set(Quirk::ContentRangeIgnored);
    let location = client.open("a").await;
    client.send("PATCH", &location, &[("content-range", "7-9")], "abc").await.expect(202);
}

#[tokio::test]
async fn progress_of_uploads() {
    let (registry, client) = with([]).await;
    let ranges = async |form: UploadRange| {
        registry.set_quirks([Quirk::UploadRange(form)]);
        let location = client.open("a").await;
        let first = client.send("PATCH", &location, &[], "abcd").await;
        let second = client.send("PATCH", &first.expect(202).location(), &[], "ef").await;
        [first, second].map(|answer| answer.header("range").unwrap_or_default().to_owned())
    };
    assert_eq!(ranges(UploadRange::BytesEquals).await, ["bytes=0-3", "bytes=0-5"]);
    assert_eq!(ranges(UploadRange::BytesSpace).await, ["bytes 0-3", "bytes 0-5"]);
    assert_eq!(ranges(UploadRange::Missing).await, ["", ""]);
    assert_eq!(ranges(UploadRange::FirstChunk).await, ["0-3", "0-3"]);
    assert_eq!(ranges(UploadRange::LastChunk).await, ["0-3", "0-1"]);
    assert_eq!(ranges(UploadRange::Short(1)).await, ["0-2", "0-3"]);

    registry.set_quirks([Quirk::StateHasOffset]);
    let old = client.open("a").await;
    let new = client.send("PATCH", &old, &[], "abcd").await.location();
    client.get(&old).await.expect(404);
    client.get(&new).await.expect(204);
    for status in [401, 404, 405] {
        registry.set_quirks([Quirk::StatusRefused(status)]);
        client.get(&new).await.expect(status);
    }
}

#[tokio::test]
async fn mounts() {
    let (registry, client) = with([]).await;
    let loose = registry.put_blob("a", "loose");
    let committed =
        registry.store().blobs("a").into_iter().find(|digest| *digest != loose).unwrap();
    let mount = async |quirk: Quirk, digest: &str, from: &str| {
        registry.set_quirks([quirk]);
        registry.store().delete_repository("b");
        let answer = client.post(&format!("/v2/b/blobs/uploads/?mount={digest}{from}")).await;
        (answer.status, registry.blob("b", digest).is_some())
    };
    assert_eq!(mount(Quirk::NeverMounts, &loose, "&from=a").await, (202, false));
    for status in [400, 401, 403, 404, 405, 500] {
        assert_eq!(mount(Quirk::MountRefused(status), &loose, "&from=a").await, (status, false));
    }
    assert_eq!(mount(Quirk::MountsCommittedOnly, &loose, "&from=a").await, (202, false));
    assert_eq!(mount(Quirk::MountsCommittedOnly, &committed, "&from=a").await, (201, true));
    assert_eq!(mount(Quirk::MountLies, &loose, "&from=a").await, (201, false));
    assert_eq!(mount(Quirk::MountFromUnknown(401), &loose, "&from=other").await, (401, false));
    assert_eq!(mount(Quirk::MountFromUnknown(401), &loose, "&from=a").await, (201, true));
    assert_eq!(mount(Quirk::MountWithoutFrom(400), &loose, "").await, (400, false));
    assert_eq!(mount(Quirk::MountWithoutFrom(201), &loose, "").await, (201, true));
}
