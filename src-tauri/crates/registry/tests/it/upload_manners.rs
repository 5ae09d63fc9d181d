//! How hosts like uploads, and that it is learnt once for all of their repositories.

use testkit::{Auth, Fault, Kind, Quirk, Registry, TokenAuth, auth::Users, quirk::UploadRange};

use crate::setup::{
    MIB, assert_lengths, client, descriptor, destination, destination_of, feed, held, log, quick,
    random, upload, with,
};
use registry::{BlobStart, Code, Known};

const PIECE: usize = 64 * 1024;

fn patches(registry: &Registry) -> Vec<u64> {
    let requests = registry.requests();
    let accepted = requests
        .iter()
        .filter(|r| r.is("PATCH", Kind::UploadData) && r.status.is_some_and(|s| s < 300));
    accepted.map(|r| r.received).collect()
}

fn check(registry: &Registry, repository: &str, bytes: &[u8]) {
    assert!(
        held(registry, repository, bytes).is_some_and(|held| held == bytes),
        "{:?}",
        log(registry)
    );
    assert_lengths(registry);
}

#[tokio::test]
async fn a_413_leads_to_chunks_that_are_remembered() {
    let registry = with([Quirk::PutLimit(MIB as u64)]).await;
    let client = client(quick());
    let bytes = random(1, 20 * MIB);
    upload(&destination_of(&client, registry.host(), "a/b"), &bytes, PIECE).await.unwrap();
    assert_eq!(patches(&registry), [8 * MIB as u64, 8 * MIB as u64, 4 * MIB as u64]);
    check(&registry, "a/b", &bytes);
    assert_eq!(
        log(&registry),
        [
            "POST Mount 202",
            "PUT UploadFinish 413",
            "GET UploadStatus 204",
            "PATCH UploadData 202",
            "PATCH UploadData 202",
            "PATCH UploadData 202",
            "PUT UploadFinish 201"
        ]
    );
    let ranges: Vec<_> = registry
        .requests()
        .iter()
        .filter_map(|r| r.header("content-range").map(str::to_owned))
        .collect();
    assert_eq!(ranges, ["0-8388607", "8388608-16777215", "16777216-20971519"]);
    // another repository at the same host begins in chunks at once
    registry.clear_log();
    let bytes = random(2, 9 * MIB);
    upload(&destination_of(&client, registry.host(), "c/d"), &bytes, PIECE).await.unwrap();
    assert_eq!(registry.count_of("PUT", Kind::UploadFinish), 1);
    assert_eq!(patches(&registry), [8 * MIB as u64, MIB as u64]);
    check(&registry, "c/d", &bytes);
    // what fits goes in one piece
    registry.clear_log();
    upload(&destination_of(&client, registry.host(), "c/d"), &random(3, MIB), PIECE).await.unwrap();
    assert_eq!(registry.requests().len(), 2);
}

#[tokio::test]
async fn chunks_are_halved_down_to_what_fits() {
    for (limit, chunk) in [(5 * MIB, 4 * MIB), (MIB, MIB), (300_000, 256 * 1024)] {
        let registry = with([Quirk::BodyLimit(limit as u64)]).await;
        let bytes = random(1, 9 * MIB);
        upload(&destination(registry.host(), "a/b"), &bytes, PIECE).await.unwrap();
        let sent = patches(&registry);
        assert!(sent[..sent.len() - 1].iter().all(|n| *n == chunk as u64), "{limit}: {sent:?}");
        check(&registry, "a/b", &bytes);
    }
    let registry = with([Quirk::BodyLimit(100_000)]).await;
    let error =
        upload(&destination(registry.host(), "a/b"), &random(1, 9 * MIB), PIECE).await.unwrap_err();
    assert_eq!(error.code(), Code::RegistryRefused);
    assert!(error.to_string().contains("does not even take 262144 bytes at once"), "{error}");
}

#[tokio::test]
async fn chunks_that_are_too_large_and_too_small_at_once_end() {
    let registry =
        with([Quirk::BodyLimit(MIB as u64), Quirk::ChunkMinClaimed((2 * MIB).to_string())]).await;
    let bytes = random(1, 9 * MIB);
    let repository = destination(registry.host(), "a/b");
    let uploading = upload(&repository, &bytes, PIECE);
    let limit = std::time::Duration::from_secs(30);
    let error = tokio::time::timeout(limit, uploading).await.unwrap().unwrap_err();
    assert_eq!(error.code(), Code::RegistryRefused);
    assert!(error.to_string().contains("does not even take 2097152 bytes at once"), "{error}");
}

#[tokio::test]
async fn learning_costs_no_retry() {
    let registry = with([Quirk::BodyLimit(300_000)]).await;
    let client = client(registry::ClientOptions { retries: 0, ..quick() });
    let bytes = random(1, 3 * MIB);
    upload(&destination_of(&client, registry.host(), "a/b"), &bytes, PIECE).await.unwrap();
    check(&registry, "a/b", &bytes);
}

#[tokio::test]
async fn where_put_takes_no_bytes_patch_does() {
    for status in [405, 400] {
        let registry = with([Quirk::PutBodyRefused(status)]).await;
        let client = client(quick());
        let bytes = random(1, MIB);
        upload(&destination_of(&client, registry.host(), "a/b"), &bytes, PIECE).await.unwrap();
        check(&registry, "a/b", &bytes);
        registry.clear_log();
        upload(&destination_of(&client, registry.host(), "a/b"), &random(2, MIB), PIECE)
            .await
            .unwrap();
        assert_eq!(
            log(&registry),
            ["POST Mount 202", "PATCH UploadData 202", "PUT UploadFinish 201"],
            "{status}"
        );
        let patch = &registry.requests()[1];
        assert_eq!(patch.header("content-range"), None, "a PATCH that holds all needs none");
    }
}

#[tokio::test]
async fn odd_progress_in_chunks() {
    for quirk in [
        Quirk::PatchStatus(201),
        Quirk::UploadRange(UploadRange::BytesEquals),
        Quirk::UploadRange(UploadRange::BytesSpace),
        Quirk::UploadRange(UploadRange::FirstChunk),
        Quirk::UploadRange(UploadRange::LastChunk),
        Quirk::UploadRange(UploadRange::Missing),
        Quirk::StateHasOffset,
        Quirk::ContentRangeIgnored,
        Quirk::ContentRangeLimit(4 * MIB as u64),
        Quirk::ChunkMin(5 * MIB as u64),
        Quirk::ChunkMinClaimed("4611686018427387904".into()),
        Quirk::ChunkMinClaimed("nonsense".into()),
    ] {
        let registry = with([Quirk::PutLimit(MIB as u64), quirk.clone()]).await;
        let bytes = random(1, 20 * MIB);
        let result = upload(&destination(registry.host(), "a/b"), &bytes, PIECE).await;
        let done = result.unwrap_or_else(|e| panic!("{quirk:?}: {e}: {:?}", log(&registry)));
        assert!(done.fed <= 45 * MIB as u64, "{quirk:?}: {done:?}");
        check(&registry, "a/b", &bytes);
    }
}

#[tokio::test]
async fn a_break_in_the_middle_of_chunks() {
    for quirk in [
        None,
        Some(Quirk::UploadRange(UploadRange::BytesEquals)),
        Some(Quirk::UploadRange(UploadRange::FirstChunk)),
        Some(Quirk::UploadRange(UploadRange::LastChunk)),
        Some(Quirk::BrokenUploadLost),
        Some(Quirk::StateHasOffset),
    ] {
        let quirks = [Quirk::PutLimit(MIB as u64)].into_iter().chain(quirk.clone());
        let registry = with(quirks).await;
        let bytes = random(1, 20 * MIB);
        registry.fault(Fault::on(Kind::UploadData).nth(3).cut_upload_after(MIB as u64));
        let result = upload(&destination(registry.host(), "a/b"), &bytes, PIECE).await;
        let done = result.unwrap_or_else(|e| panic!("{quirk:?}: {e}: {:?}", log(&registry)));
        check(&registry, "a/b", &bytes);
        if quirk.is_none() {
            assert_eq!(done.rewinds.last(), Some(&(17 * MIB as u64)), "{:?}", log(&registry));
        }
        registry.assert_all_fired();
    }
}

#[tokio::test]
async fn what_was_put_together_wrongly_is_sent_in_one() {
    for quirk in
        [Quirk::PatchOverwrites, Quirk::SinglePatch, Quirk::UploadRange(UploadRange::Short(1000))]
    {
        let registry = with([quirk.clone()]).await;
        let bytes = random(1, 3 * MIB);
        registry.fault(Fault::on(Kind::UploadFinish).cut_upload_after(MIB as u64));
        registry.fault(Fault::on(Kind::UploadData).cut_upload_after(MIB as u64));
        upload(&destination(registry.host(), "a/b"), &bytes, PIECE)
            .await
            .unwrap_or_else(|e| panic!("{quirk:?}: {e}: {:?}", log(&registry)));
        check(&registry, "a/b", &bytes);
        registry.assert_all_fired();
    }
}

#[tokio::test]
async fn a_limit_that_resets_instead_of_answering() {
    let registry = with([Quirk::BrokenUploadLost]).await;
    let bytes = random(1, 20 * MIB);
    let large = |r: &testkit::Request| {
        r.header("content-length").is_some_and(|n| n.parse::<u64>().unwrap() > 10_000_000)
    };
    let fault = registry
        .fault(Fault::on(Kind::UploadFinish).when(large).always().cut_upload_after(MIB as u64));
    upload(&destination(registry.host(), "a/b"), &bytes, PIECE).await.unwrap();
    assert_eq!(fault.fired(), 2, "twice is enough to try chunks");
    check(&registry, "a/b", &bytes);
}

#[tokio::test]
async fn a_token_that_expires_on_the_way() {
    let users = Users::new().anonymous("*", "pull,push");
    let registry = Registry::builder().auth(Auth::Token(TokenAuth::new(users))).start().await;
    let bytes = random(1, 4 * MIB);
    // one new token costs no retry
    let client = client(registry::ClientOptions { retries: 0, ..quick() });
    let repository = destination_of(&client, registry.host(), "a/b");
    let BlobStart::Write(mut writer) =
        repository.begin_blob(&descriptor(&bytes), Known::default()).await.unwrap()
    else {
        panic!()
    };
    let tokens = registry.count_of("GET", Kind::Token);
    registry.expire_tokens();
    let done = feed(&mut writer, &bytes, PIECE).await.unwrap();
    assert_eq!(done.rewinds, [0]);
    assert_eq!(registry.count_of("GET", Kind::Token), tokens + 1);
    check(&registry, "a/b", &bytes);
}

#[tokio::test]
async fn finishes_in_many_forms() {
    for quirk in [
        Quirk::FinishStatus(204),
        Quirk::FinishStatus(202),
        Quirk::FinishLocation("https://cdn.example/blob".into()),
        Quirk::FinishLocation(String::new()),
        Quirk::LengthRequired,
        Quirk::ChunkedRefused(400),
    ] {
        let registry = with([quirk.clone()]).await;
        let bytes = random(1, MIB);
        upload(&destination(registry.host(), "a/b"), &bytes, PIECE)
            .await
            .unwrap_or_else(|e| panic!("{quirk:?}: {e}"));
        check(&registry, "a/b", &bytes);
        assert_eq!(registry.requests().len(), 2);
    }
    let registry = with([Quirk::EmptyBlobRefused]).await;
    assert!(upload(&destination(registry.host(), "a/b"), &random(1, 0), 1).await.is_err());
}
