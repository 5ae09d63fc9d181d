//! Blobs being read: whole, from the middle, through breaks and lies.

use std::time::Duration;

use bytes::Bytes;
use registry::{ClientOptions, Code, Descriptor, Digest, Repository, Result, Side};
use testkit::{
    Action, Cut, Fault, Kind, Quirk, Redirect, Registry, Reply, Stall, quirk::RangeForm,
};

use crate::setup::{client, descriptor, quick, random, source, source_of, with};

const SIZE: usize = 300_000;

async fn served(quirks: impl IntoIterator<Item = Quirk>) -> (Registry, Repository, Bytes) {
    let registry = with(quirks).await;
    let bytes = random(1, SIZE);
    registry.put_blob("a/b", bytes.clone());
    let repository = source(registry.host(), "a/b");
    (registry, repository, bytes)
}

async fn read(repository: &Repository, blob: &Descriptor, from: u64) -> Result<(Vec<u8>, u32)> {
    let client = client(quick());
    let permit = client.permit(repository.registry(), Side::Source).await;
    let mut reader = repository.read_blob(blob, from, &permit).await?;
    let mut all = Vec::new();
    while let Some(bytes) = reader.next().await? {
        all.extend_from_slice(&bytes);
        assert_eq!(reader.position(), from + all.len() as u64);
    }
    assert!(reader.next().await?.is_none(), "the end stays the end");
    Ok((all, reader.resumed()))
}

fn gets(registry: &Registry) -> Vec<(Option<String>, Option<u16>)> {
    let requests = registry.requests();
    let gets = requests.iter().filter(|r| r.is("GET", Kind::Blob));
    gets.map(|r| (r.header("range").map(ToOwned::to_owned), r.status)).collect()
}

#[tokio::test]
async fn a_blob_is_one_request() {
    let (registry, repository, bytes) = served([]).await;
    let (all, resumed) = read(&repository, &descriptor(&bytes), 0).await.unwrap();
    assert!(all == bytes && resumed == 0);
    assert_eq!(gets(&registry), [(None, Some(200))]);
}

#[tokio::test]
async fn from_the_middle_and_from_the_end() {
    let (registry, repository, bytes) = served([]).await;
    let blob = descriptor(&bytes);
    assert!(read(&repository, &blob, 12_345).await.unwrap().0 == bytes[12_345..]);
    assert!(read(&repository, &blob, SIZE as u64).await.unwrap().0.is_empty());
    assert!(read(&repository, &descriptor(b""), 0).await.unwrap().0.is_empty());
    assert_eq!(
        gets(&registry),
        [(Some("bytes=12345-".into()), Some(206))],
        "nothing is asked for no bytes"
    );
}

#[tokio::test]
async fn breaks_go_on_by_range_as_long_as_bytes_come() {
    for cut in [Cut::Close, Cut::Reset] {
        let (registry, repository, bytes) = served([]).await;
        // more breaks than there are retries, each after some progress
        let faults: Vec<_> = (0..8)
            .map(|n| {
                registry.fault(
                    Fault::on(Kind::Blob).get().nth(n + 1).does(Action::CutAnswer(30_000, cut)),
                )
            })
            .collect();
        let (all, resumed) = read(&repository, &descriptor(&bytes), 0).await.unwrap();
        assert!(all == bytes, "{cut:?}");
        assert_eq!((resumed, faults.iter().filter(|f| f.fired() == 1).count()), (8, 8));
        let ranges = gets(&registry);
        assert_eq!(ranges.len(), 9);
        // a reset may take bytes along that were on their way, a close may not
        if cut == Cut::Close {
            let starts: Vec<_> = (1..9).map(|n| Some(format!("bytes={}-", n * 30_000))).collect();
            assert_eq!(ranges[1..].iter().map(|(r, _)| r.clone()).collect::<Vec<_>>(), starts);
            assert_eq!(registry.blob_bytes_served(), SIZE as u64, "no byte is read twice");
        }
        registry.assert_all_fired();
    }
}

#[tokio::test]
async fn a_stall_is_a_break() {
    let registry = with([]).await;
    let bytes = random(1, SIZE);
    registry.put_blob("a/b", bytes.clone());
    let options = ClientOptions { stall: Duration::from_millis(100), ..quick() };
    let repository = source_of(&client(options), registry.host(), "a/b");
    let fault = registry.fault(Fault::on(Kind::Blob).get().stall(Stall::AnswerBody(100_000)));
    let (all, resumed) = read(&repository, &descriptor(&bytes), 0).await.unwrap();
    assert!(all == bytes && resumed == 1);
    assert_eq!(gets(&registry)[1].0.as_deref(), Some("bytes=100000-"));
    fault.release();
    registry.assert_all_fired();
}

#[tokio::test]
async fn without_progress_the_budget_ends() {
    let (registry, repository, bytes) = served([]).await;
    registry.fault(Fault::on(Kind::Blob).get().nth(1).cut_after(1000));
    registry.fault(Fault::on(Kind::Blob).get().skip(1).always().cut_after(0));
    let error = read(&repository, &descriptor(&bytes), 0).await.unwrap_err();
    assert_eq!((error.code(), error.side()), (Code::NetReset, Some(Side::Source)));
    assert_eq!(gets(&registry).len(), 4, "the first and three retries");
    registry.assert_all_fired();
}

#[tokio::test]
async fn hosts_that_do_not_range() {
    for (form, requests) in [
        (RangeForm::Ignored, 2),
        (RangeForm::Refused, 3),
        (RangeForm::NoContentRange, 3),
        (RangeForm::WrongStart(10), 3),
        // what comes too early is skipped
        (RangeForm::WrongStart(-10), 2),
        (RangeForm::LyingStart(-10), 3),
    ] {
        let (registry, repository, bytes) = served([Quirk::Range(form)]).await;
        registry.fault(Fault::on(Kind::Blob).get().cut_after(200_000));
        let (all, resumed) = read(&repository, &descriptor(&bytes), 0).await.unwrap();
        assert!(all == bytes, "{form:?}");
        assert_eq!(
            (gets(&registry).len(), resumed),
            (requests, 1),
            "{form:?}: {:?}",
            gets(&registry)
        );
        registry.assert_all_fired();
    }
}

#[tokio::test]
async fn a_short_body_is_completed() {
    let (registry, repository, bytes) = served([]).await;
    registry.fault(Fault::on(Kind::Blob).get().does(Action::Truncate(1000)));
    assert!(read(&repository, &descriptor(&bytes), 0).await.unwrap().0 == bytes);
    assert_eq!(gets(&registry)[1].0.as_deref(), Some("bytes=1000-"));
    let (registry, repository, bytes) = served([Quirk::ChunkedAnswers]).await;
    registry.fault(Fault::on(Kind::Blob).get().does(Action::Truncate(1000)));
    assert!(read(&repository, &descriptor(&bytes), 0).await.unwrap().0 == bytes);
    registry.assert_all_fired();
    let (registry, repository, bytes) = served([]).await;
    registry.fault(Fault::on(Kind::Blob).get().does(Action::WrongLength(7)));
    assert!(
        read(&repository, &descriptor(&bytes), 0).await.unwrap().0 == bytes,
        "all that was named is there"
    );
    registry.assert_all_fired();
}

#[tokio::test]
async fn another_size_than_the_manifest_says() {
    let (registry, repository, bytes) = served([]).await;
    for (size, says) in [
        (SIZE as u64 - 1, "the manifest says 299999 bytes, the registry has"),
        (SIZE as u64 + 1, "the manifest says 300001 bytes, the registry has 300000"),
    ] {
        registry.clear_log();
        let blob = Descriptor { size, ..descriptor(&bytes) };
        let error = read(&repository, &blob, 0).await.unwrap_err();
        assert_eq!((error.code(), error.side()), (Code::DigestMismatch, Some(Side::Source)));
        assert!(error.to_string().contains(says), "{error}");
        assert!(
            error.to_string().contains(&format!("{}/a/b@{}", registry.host(), blob.digest)),
            "{error}"
        );
        assert!(
            gets(&registry).len() <= 2,
            "it is not tried again and again: {:?}",
            gets(&registry)
        );
    }
}

#[tokio::test]
async fn gzip_on_the_way_is_not_asked_for_and_never_undone() {
    let (registry, repository, bytes) = served([Quirk::Gzip]).await;
    assert!(read(&repository, &descriptor(&bytes), 0).await.unwrap().0 == bytes);
    assert_eq!(registry.requests().last().unwrap().header("accept-encoding"), Some("identity"));
    // a proxy that compresses all the same
    let squeezed = Reply::status(200).header("content-encoding", "gzip").body(random(9, 1000));
    registry.fault(Fault::on(Kind::Blob).get().always().answer(squeezed));
    let error = read(&repository, &descriptor(&bytes), 0).await.unwrap_err();
    assert_eq!(error.code(), Code::DigestMismatch);
    assert!(error.hints().any(|hint| hint.contains("Content-Encoding: gzip")), "{error}");
    registry.assert_all_fired();
}

#[tokio::test]
async fn a_part_that_nobody_asked_for_is_refused_at_once() {
    let (registry, repository, bytes) = served([]).await;
    let part = Reply::status(206).body(bytes.clone());
    registry.fault(Fault::on(Kind::Blob).get().always().answer(part));
    let blob = descriptor(&bytes);
    let reading = read(&repository, &blob, 0);
    let error = tokio::time::timeout(Duration::from_secs(20), reading).await.unwrap().unwrap_err();
    assert_eq!((error.code(), error.side()), (Code::RegistryRefused, Some(Side::Source)));
    assert_eq!(gets(&registry).len(), 1);
}

#[tokio::test]
async fn a_resumption_asks_the_registry_not_the_storage() {
    let (registry, repository, bytes) = served([Quirk::RedirectBlobs(Redirect::storage())]).await;
    registry.fault(Fault::on(Kind::Storage).cut_after(100_000));
    let (all, resumed) = read(&repository, &descriptor(&bytes), 0).await.unwrap();
    assert!(all == bytes && resumed == 1);
    assert_eq!(gets(&registry), [(None, Some(307)), (Some("bytes=100000-".into()), Some(307))]);
    assert!(
        registry
            .requests()
            .iter()
            .filter(|r| r.kind == Kind::Storage)
            .all(|r| r.header("authorization").is_none())
    );
    registry.assert_all_fired();
}

#[tokio::test]
async fn heads_of_blobs() {
    let (registry, source, bytes) = served([]).await;
    let digest = Digest::sha256(&bytes);
    let absent = Digest::sha256(b"absent");
    assert_eq!(source.head_blob(&digest).await.unwrap(), Some(Some(SIZE as u64)));
    assert_eq!(source.head_blob(&absent).await.unwrap(), None);
    assert_eq!(registry.count_of("HEAD", Kind::Blob), 2);
    registry.set_quirks([Quirk::BlobHeadWithoutLength]);
    assert_eq!(source.head_blob(&digest).await.unwrap(), Some(None));
    let destination = crate::setup::destination(registry.host(), "a/b");
    for quirk in [Quirk::AbsentBlob(403), Quirk::BlobHead(405)] {
        registry.set_quirks([quirk]);
        assert_eq!(destination.head_blob(&absent).await.unwrap(), None);
    }
    registry.set_quirks([Quirk::AbsentBlob(403)]);
    assert_eq!(source.head_blob(&absent).await.unwrap_err().code(), Code::PullDenied);
}

#[tokio::test]
async fn small_blobs_are_read_whole_and_verified() {
    let (registry, repository, bytes) = served([]).await;
    let blob = descriptor(&bytes);
    assert_eq!(repository.get_blob(&blob, SIZE as u64).await.unwrap(), bytes);
    let error = repository.get_blob(&blob, SIZE as u64 - 1).await.unwrap_err();
    assert_eq!(error.code(), Code::ManifestInvalid);
    registry.fault(Fault::on(Kind::Blob).get().corrupt(17));
    assert_eq!(
        repository.get_blob(&blob, SIZE as u64).await.unwrap(),
        bytes,
        "damage is fetched again"
    );
    registry.assert_all_fired();
    registry.clear_log();
    registry.fault(Fault::on(Kind::Blob).get().always().corrupt(17));
    let error = repository.get_blob(&blob, SIZE as u64).await.unwrap_err();
    assert_eq!((error.code(), error.side()), (Code::DigestMismatch, Some(Side::Source)));
    assert!(
        error.to_string().contains(&format!("expected {}, got sha256:", blob.digest)),
        "{error}"
    );
    assert_eq!(gets(&registry).len(), 4);
    let error = repository.get_blob(&descriptor(b"absent"), 100).await.unwrap_err();
    assert_eq!(error.code(), Code::BlobNotFound);
}
