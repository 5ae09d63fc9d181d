//! Debian's `docker-registry` (distribution 2.8), the real thing. Its access log counts the requests.

use std::{
    fs::File,
    io::{BufRead as _, BufReader},
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use bytes::Bytes;
use registry::{
    BlobStart, Code, Digest, Filtered, Known, Manifest, ManifestKind, MediaType, PlatformFilter,
    Repository, Side,
};
use testkit::{Cut, Image, Layer, Relay};

use crate::setup::{
    MIB, by_digest, client, descriptor, destination, feed, quick, random, source, tag, upload,
};

struct DockerRegistry {
    process: Child,
    folder: PathBuf,
    host: String,
}

impl Drop for DockerRegistry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl DockerRegistry {
    /// Starts one, or says that there is none to start.
    async fn start(more: &str) -> Option<Self> {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder =
            std::env::temp_dir().join(format!("registry-it-{}-{port}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let config = format!(
            "version: 0.1\nlog: {{accesslog: {{disabled: false}}, level: error}}\n\
             storage: {{filesystem: {{rootdirectory: {}}}, delete: {{enabled: true}}}}\n\
             http: {{addr: '127.0.0.1:{port}'}}\n{more}\n",
            folder.join("store").display()
        );
        std::fs::write(folder.join("config.yml"), config).unwrap();
        let log = File::create(folder.join("log")).unwrap();
        let process = Command::new("docker-registry")
            .arg("serve")
            .arg(folder.join("config.yml"))
            .stdout(log)
            .stderr(Stdio::null())
            .spawn();
        let Ok(process) = process else {
            println!("skipped: docker-registry is not installed");
            return None;
        };
        let registry = Self { process, folder, host: format!("127.0.0.1:{port}") };
        for _ in 0..400 {
            if std::net::TcpStream::connect(&registry.host).is_ok() {
                return Some(registry);
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("docker-registry does not listen");
    }

    /// The requests so far, as `METHOD noun status`.
    fn log(&self) -> Vec<String> {
        let lines = BufReader::new(File::open(self.folder.join("log")).unwrap()).lines();
        let requests = lines.map_while(Result::ok).filter_map(|line| {
            let (request, rest) = line.split_once(" HTTP/1.1\" ")?;
            let (method, path) = request.rsplit_once('"')?.1.split_once(' ')?;
            let status = rest.split(' ').next()?;
            let noun = ["blobs/uploads", "blobs", "manifests", "tags", "_catalog"];
            let noun = noun.iter().find(|noun| path.contains(**noun)).unwrap_or(&"other");
            Some(format!("{method} {noun} {status}"))
        });
        requests.collect()
    }

    /// The requests since there were so many.
    fn log_from(&self, start: usize) -> Vec<String> {
        self.log().split_off(start)
    }

    async fn has(&self, repository: &str, bytes: &[u8]) -> bool {
        let repository = source(&self.host, repository);
        repository.get_blob(&descriptor(bytes), u64::MAX).await.is_ok_and(|got| got == bytes)
    }
}

/// Puts an image with its blobs and manifests, children first.
async fn push(repository: &Repository, image: &testkit::Built, name: Option<&str>) {
    for child in image.children() {
        Box::pin(push(repository, child, None)).await;
    }
    for (_, content) in image.own_blobs() {
        let bytes = content.bytes().unwrap();
        if let BlobStart::Write(mut writer) =
            repository.begin_blob(&descriptor(&bytes), Known::default()).await.unwrap()
        {
            feed(&mut writer, &bytes, 10_000).await.unwrap();
        }
    }
    let target = name.map_or_else(|| by_digest(image.digest()), tag);
    let media_type = MediaType::parse(image.media_type());
    let digest = image.digest().parse().unwrap();
    repository.put_manifest(&target, &media_type, image.bytes().clone(), &digest).await.unwrap();
}

#[tokio::test]
async fn images_go_in_and_come_out() {
    let Some(real) = DockerRegistry::start("").await else { return };
    let repository = destination(&real.host, "team/app");
    assert!(repository.tags().await.unwrap().is_empty());
    assert_eq!(repository.head_manifest(&tag("1")).await.unwrap(), None);
    let image = Image::multi([
        Image::single("linux/amd64", [Layer::random(1, 50_000), Layer::empty()]),
        Image::single("linux/arm64", [Layer::random(2, 50_000)]),
    ])
    .build();
    push(&repository, &image, Some("1")).await;
    let before = real.log().len();
    let source = source(&real.host, "team/app");
    let head = source.head_manifest(&tag("1")).await.unwrap().unwrap();
    assert_eq!(
        (head.digest.as_str(), head.size),
        (image.digest(), Some(image.bytes().len() as u64))
    );
    assert_eq!(head.media_type, Some(MediaType::OciIndex));
    let manifest = source.get_manifest(&tag("1")).await.unwrap();
    assert_eq!(manifest.bytes(), image.bytes());
    assert_eq!(real.log_from(before), ["HEAD manifests 200", "GET manifests 200"]);
    for child in manifest.children() {
        let child = source.get_manifest(&by_digest(child.digest.as_str())).await.unwrap();
        for blob in child.blobs() {
            assert_eq!(source.head_blob(&blob.digest).await.unwrap(), Some(Some(blob.size)));
            assert_eq!(
                Digest::sha256(&source.get_blob(&blob, 1 << 20).await.unwrap()),
                blob.digest
            );
        }
    }
    assert_eq!(source.tags().await.unwrap(), ["1".parse().unwrap()]);
    let catalog = client(quick()).catalog(&real.host.parse().unwrap(), 10).await.unwrap();
    assert_eq!(catalog, ["team/app"]);
    assert!(source.referrers(&head.digest).await.unwrap().is_empty());
    let error = source.get_manifest(&tag("2")).await.unwrap_err();
    assert_eq!(error.code(), Code::RefNotFound);
    // a filtered index is taken too
    let filter = PlatformFilter::parse(None, ["arm64"]).unwrap();
    let Filtered::Rewritten(one) = manifest.filter(&filter).unwrap() else { panic!() };
    repository
        .put_manifest(&tag("arm"), one.media_type(), one.bytes().clone(), one.digest())
        .await
        .unwrap();
    assert_eq!(source.get_manifest(&tag("arm")).await.unwrap().bytes(), one.bytes());
}

#[tokio::test]
async fn a_mount_from_the_same_repository_asks_for_the_blob() {
    let Some(real) = DockerRegistry::start("").await else { return };
    let repository = destination(&real.host, "team/app");
    let bytes = random(1, 100_000);
    upload(&repository, &bytes, 10_000).await.unwrap();
    assert_eq!(real.log(), ["POST blobs/uploads 202", "PUT blobs/uploads 201"]);
    assert!(matches!(
        repository.begin_blob(&descriptor(&bytes), Known::default()).await.unwrap(),
        BlobStart::Present
    ));
    let other = destination(&real.host, "team/other");
    let from = "team/app".parse().unwrap();
    let mounted = other.begin_blob(&descriptor(&bytes), Known::at(&from)).await.unwrap();
    assert!(matches!(mounted, BlobStart::Mounted));
    assert_eq!(real.log_from(2), ["POST blobs/uploads 201", "POST blobs/uploads 201"]);
    assert!(real.has("team/other", &bytes).await);
    // from where it is not
    let from = "team/nowhere".parse().unwrap();
    let declined = other.begin_blob(&descriptor(b"absent"), Known::at(&from)).await.unwrap();
    let BlobStart::Write(writer) = declined else { panic!("{declined:?}") };
    writer.cancel().await;
    assert_eq!(real.log().last().unwrap(), "DELETE blobs/uploads 204");
}

/// distribution 2.8 does not find an upload again that broke off: the blob begins anew, and arrives.
#[tokio::test]
async fn uploads_that_are_cut_arrive() {
    let Some(real) = DockerRegistry::start("").await else { return };
    for cut in [Cut::Close, Cut::Reset] {
        let relay = Relay::start(&real.host).await.unwrap();
        let repository = destination(&relay.host(), "team/app");
        let bytes = random(cut as u64, 4 * MIB);
        let BlobStart::Write(mut writer) =
            repository.begin_blob(&descriptor(&bytes), Known::default()).await.unwrap()
        else {
            panic!()
        };
        relay.cut_up_after(2 * MIB as u64, cut);
        let done = feed(&mut writer, &bytes, 64 * 1024).await.unwrap();
        assert_eq!((done.rewinds.as_slice(), writer.mended()), (&[0][..], 1), "{cut:?}");
        assert!(real.has("team/app", &bytes).await, "{cut:?}");
        assert!(relay.bytes_up() > 6 * MIB as u64, "the cut came in the middle");
    }
}

#[tokio::test]
async fn downloads_that_are_cut_go_on() {
    let Some(real) = DockerRegistry::start("").await else { return };
    let bytes: Bytes = random(1, 8 * MIB);
    upload(&destination(&real.host, "team/app"), &bytes, MIB).await.unwrap();
    let relay = Relay::start(&real.host).await.unwrap();
    let client = client(quick());
    let repository = crate::setup::source_of(&client, &relay.host(), "team/app");
    let permit = client.permit(repository.registry(), Side::Source).await;
    let mut reader = repository.read_blob(&descriptor(&bytes), 0, &permit).await.unwrap();
    relay.cut_down_after(3 * MIB as u64, Cut::Reset);
    let mut all = Vec::new();
    while let Some(piece) = reader.next().await.unwrap() {
        all.extend_from_slice(&piece);
    }
    assert!(all == bytes);
    assert_eq!(reader.resumed(), 1);
    assert!(
        relay.bytes_down() < 13 * MIB as u64,
        "only what was missing came again: {}",
        relay.bytes_down()
    );
    assert_eq!(real.log().iter().filter(|line| *line == "GET blobs 206").count(), 1);
}

#[tokio::test]
async fn missing_blobs_and_wrong_digests_are_told() {
    let Some(real) = DockerRegistry::start("").await else { return };
    let repository = destination(&real.host, "team/app");
    let image = Image::single("linux/amd64", [Layer::random(1, 100)]).build();
    let digest = image.digest().parse().unwrap();
    let media_type = MediaType::parse(image.media_type());
    let put = repository.put_manifest(&tag("1"), &media_type, image.bytes().clone(), &digest).await;
    assert_eq!(put.unwrap_err().code(), Code::BlobNotFound);
    let bytes = random(1, 1000);
    let lie = registry::Descriptor { digest: Digest::sha256(b"other"), ..descriptor(&bytes) };
    let BlobStart::Write(mut writer) = repository.begin_blob(&lie, Known::default()).await.unwrap()
    else {
        panic!()
    };
    assert_eq!(feed(&mut writer, &bytes, 100).await.unwrap_err().code(), Code::DigestMismatch);
}

#[tokio::test]
async fn schema1_that_another_program_signed() {
    let Some(real) = DockerRegistry::start("compatibility: {schema1: {enabled: true}}").await
    else {
        return;
    };
    let signed = Bytes::from_static(include_bytes!("../../src/manifest/tests/schema1-signed.json"));
    let manifest = Manifest::parse(signed.clone(), None, None).unwrap();
    let ManifestKind::Schema1 { blobs } = manifest.kind() else { panic!() };
    let repository = destination(&real.host, "old/img");
    // its layer is an archive of 1024 zeros
    let layer = Bytes::from_static(&LAYER);
    assert_eq!(blobs[0], Digest::sha256(&layer));
    upload(&repository, &layer, 1000).await.unwrap();
    repository
        .put_manifest(&tag("1"), manifest.media_type(), signed.clone(), manifest.digest())
        .await
        .unwrap();
    let back = source(&real.host, "old/img").get_manifest(&tag("1")).await.unwrap();
    // distribution puts signatures of its own around the payload; the digest does not mind
    assert_eq!((&back.bytes()[..337], back.digest()), (&signed[..337], manifest.digest()));
}

/// 1024 zeros, as gzip makes them small.
const LAYER: [u8; 29] = [
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0x63, 0x60, 0x18, 0x05, 0xa3, 0x60,
    0x14, 0x8c, 0x54, 0x00, 0x00, 0x2e, 0xaf, 0xb5, 0xef, 0x00, 0x04, 0x00, 0x00,
];
