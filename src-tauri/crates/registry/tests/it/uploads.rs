//! Uploads that break and are mended: no byte is lost, and as few as possible are sent twice.

use std::time::Duration;

use registry::{BlobStart, BlobWriter, ClientOptions, Code, Fed, Known, Repository, Side};
use testkit::{Action, Cut, Fault, Kind, Quirk, Registry, Reply, Stall, quirk::UploadRange};

use crate::setup::{
    MIB, assert_lengths, client, descriptor, destination, destination_of, feed, held, log, quick,
    random, upload, with,
};

const SIZE: usize = 1_000_000;
const PIECE: usize = 50_000;

async fn begin(repository: &Repository, bytes: &[u8]) -> BlobWriter {
    match repository.begin_blob(&descriptor(bytes), Known::default()).await.unwrap() {
        BlobStart::Write(writer) => writer,
        other => panic!("{other:?}"),
    }
}

fn check(registry: &Registry, bytes: &[u8]) {
    assert!(held(registry, "a/b", bytes).is_some_and(|held| held == bytes), "{:?}", log(registry));
    registry.assert_all_fired();
    assert_lengths(registry);
}

#[tokio::test]
async fn a_blob_is_two_requests_whatever_its_size_and_pieces() {
    let registry = with([]).await;
    for (n, (size, piece)) in
        [(0, 1), (1, 1), (2, 1), (1000, 7), (SIZE, PIECE), (SIZE, SIZE), (3 * MIB, MIB)]
            .into_iter()
            .enumerate()
    {
        registry.clear_log();
        let bytes = random(n as u64, size);
        let done = upload(&destination(registry.host(), "a/b"), &bytes, piece).await.unwrap();
        assert_eq!((done.fed, done.rewinds.len()), (size as u64, 0));
        assert_eq!(log(&registry), ["POST Mount 202", "PUT UploadFinish 201"], "{size} by {piece}");
        assert_eq!(registry.requests()[1].header("content-length"), Some(&*size.to_string()));
        check(&registry, &bytes);
    }
}

#[tokio::test]
async fn a_cut_goes_on_from_where_the_registry_is() {
    for at in [1_u64, 400_000, 999_999] {
        let registry = with([]).await;
        let bytes = random(1, SIZE);
        registry.fault(Fault::on(Kind::UploadFinish).cut_upload_after(at));
        let mut writer = begin(&destination(registry.host(), "a/b"), &bytes).await;
        let done = feed(&mut writer, &bytes, PIECE).await.unwrap();
        // one byte and none are told alike
        let from = if at == 1 { 0 } else { at };
        if at < 999_999 {
            assert_eq!(done.rewinds, [from]);
        }
        assert_eq!(writer.mended(), 1);
        let resumed = if from == 0 {
            vec!["POST UploadStart 202", "PUT UploadFinish 201"]
        } else {
            vec!["PATCH UploadData 202", "PUT UploadFinish 201"]
        };
        let mut expected =
            vec!["POST Mount 202", "PUT UploadFinish cut", "HEAD Blob 404", "GET UploadStatus 204"];
        expected.retain(|line| *line != "HEAD Blob 404" || at == 999_999);
        expected.extend(resumed);
        assert_eq!(log(&registry), expected, "at {at}");
        let twice = registry.blob_bytes_received() - (SIZE as u64 + at - from);
        assert!(twice < 64 * 1024, "at {at}: {twice} bytes came twice");
        check(&registry, &bytes);
    }
}

#[tokio::test]
async fn many_breaks_are_fine_as_long_as_each_try_brings_bytes() {
    let registry = with([]).await;
    let bytes = random(1, SIZE);
    registry.fault(Fault::on(Kind::UploadFinish).nth(1).cut_upload_after(100_000));
    for n in 1..8 {
        registry.fault(Fault::on(Kind::UploadData).nth(n).cut_upload_after(100_000));
    }
    let done = upload(&destination(registry.host(), "a/b"), &bytes, PIECE).await.unwrap();
    assert_eq!(done.rewinds, (1..9).map(|n| n * 100_000).collect::<Vec<_>>());
    assert_eq!(registry.blob_bytes_received(), SIZE as u64);
    check(&registry, &bytes);
}

#[tokio::test]
async fn without_progress_the_budget_ends() {
    let registry = with([]).await;
    registry.fault(Fault::on(Kind::UploadFinish).always().does(Action::CutRequest(0, Cut::Reset)));
    let error =
        upload(&destination(registry.host(), "a/b"), &random(1, SIZE), PIECE).await.unwrap_err();
    assert_eq!((error.code(), error.side()), (Code::NetReset, Some(Side::Destination)), "{error}");
    assert_eq!(registry.count_of("PUT", Kind::UploadFinish), 4);
    assert!(error.to_string().contains(&format!("{}/a/b@sha256:", registry.host())), "{error}");
}

#[tokio::test]
async fn what_a_registry_does_not_keep_is_sent_again() {
    for quirk in [
        Quirk::BrokenUploadLost,
        Quirk::StateHasOffset,
        Quirk::StatusRefused(404),
        Quirk::StatusRefused(405),
        Quirk::UploadRange(UploadRange::Missing),
        Quirk::PatchRefused(405),
        Quirk::PatchRefused(416),
    ] {
        let registry = with([quirk.clone()]).await;
        let bytes = random(1, SIZE);
        registry.fault(Fault::on(Kind::UploadFinish).cut_upload_after(400_000));
        let mut writer = begin(&destination(registry.host(), "a/b"), &bytes).await;
        let done =
            feed(&mut writer, &bytes, PIECE).await.unwrap_or_else(|e| panic!("{quirk:?}: {e}"));
        assert_eq!(done.rewinds.last(), Some(&0), "{quirk:?}");
        assert!(registry.blob_bytes_received() <= 2 * SIZE as u64, "{quirk:?}");
        check(&registry, &bytes);
    }
}

#[tokio::test]
async fn a_stall_of_the_registry_is_a_break() {
    let registry = with([]).await;
    let bytes = random(1, 8 * MIB);
    let options = ClientOptions { stall: Duration::from_millis(150), ..quick() };
    let stall = registry.fault(Fault::on(Kind::UploadFinish).stall(Stall::RequestBody(100_000)));
    let repository = destination_of(&client(options), registry.host(), "a/b");
    let mut writer = begin(&repository, &bytes).await;
    let done = feed(&mut writer, &bytes, 64 * 1024).await.unwrap();
    assert_eq!(done.rewinds.len(), 1);
    stall.release();
    check(&registry, &bytes);
}

#[tokio::test]
async fn a_slow_feeder_and_a_slow_answer_are_no_stall() {
    let registry = with([]).await;
    let bytes = random(1, SIZE);
    let options = ClientOptions { stall: Duration::from_millis(100), ..quick() };
    registry
        .fault(Fault::on(Kind::UploadFinish).does(Action::DelayAnswer(Duration::from_millis(300))));
    let repository = destination_of(&client(options), registry.host(), "a/b");
    let mut writer = begin(&repository, &bytes).await;
    assert!(matches!(writer.write(bytes.slice(..PIECE)).await, Ok(Fed::More)));
    tokio::time::sleep(Duration::from_millis(300)).await;
    let done = feed(&mut writer, &bytes, PIECE).await.unwrap();
    assert!(done.rewinds.is_empty());
    assert_eq!(registry.requests().len(), 2);
    check(&registry, &bytes);
}

#[tokio::test]
async fn an_answer_that_is_lost_does_not_send_the_blob_again() {
    let late = Action::DelayAnswer(Duration::from_mins(1));
    for lost in [late, Action::Answer(Reply::status(504)), Action::HangUp(Cut::Reset)] {
        let registry = with([]).await;
        let bytes = random(1, SIZE);
        let options = ClientOptions { upload_answer: Duration::from_millis(200), ..quick() };
        let repository = destination_of(&client(options), registry.host(), "a/b");
        let mut writer = begin(&repository, &bytes).await;
        registry.fault(Fault::on(Kind::UploadFinish).does(lost.clone()));
        if !matches!(lost, Action::DelayAnswer(_)) {
            // the gateway in front gave up, the registry did not
            registry.put_blob("a/b", bytes.clone());
        }
        // all but the last byte goes before the answer, the last one with `finish`
        let done = feed(&mut writer, &bytes, SIZE).await.unwrap();
        assert!(done.rewinds.is_empty(), "{lost:?}");
        let mut expected = log(&registry);
        expected.retain(|line| line.starts_with("HEAD") || line.starts_with("PUT"));
        assert_eq!(expected.len(), 2, "{lost:?}: {expected:?}");
        assert_eq!(expected[1], "HEAD Blob 200", "{lost:?}");
        check(&registry, &bytes);
    }
}

#[tokio::test]
async fn another_writer_was_faster() {
    for status in [409, 400] {
        let registry = with([Quirk::DuplicateBlob(status)]).await;
        let bytes = random(1, SIZE);
        let repository = destination(registry.host(), "a/b");
        let mut writer = begin(&repository, &bytes).await;
        registry.put_blob("a/b", bytes.clone());
        let done = feed(&mut writer, &bytes, PIECE).await.unwrap();
        assert!(done.rewinds.is_empty());
        assert_eq!(registry.count_of("HEAD", Kind::Blob), 1, "{:?}", log(&registry));
        assert_eq!(registry.count_of("PUT", Kind::UploadFinish), 1);
    }
}

#[tokio::test]
async fn a_good_answer_before_the_last_byte_is_looked_into() {
    let big = 24 * MIB;
    for there in [true, false] {
        let registry = with([]).await;
        let bytes = random(1, big);
        let mut writer = begin(&destination(registry.host(), "a/b"), &bytes).await;
        if there {
            // it knows by the digest that it has the blob
            registry.put_blob("a/b", bytes.clone());
        }
        registry.fault(Fault::on(Kind::UploadFinish).answer(Reply::status(201).early()));
        let done = feed(&mut writer, &bytes, 64 * 1024).await.unwrap();
        assert_eq!(registry.count_of("HEAD", Kind::Blob), 1, "{:?}", log(&registry));
        assert_eq!(done.enough, there, "{done:?}");
        if there {
            assert!(done.rewinds.is_empty() && done.fed < big as u64, "{done:?}");
        }
        check(&registry, &bytes);
    }
}

#[tokio::test]
async fn a_session_that_is_forgotten_is_opened_anew() {
    let registry = with([]).await;
    let bytes = random(1, SIZE);
    registry.fault(Fault::on(Kind::UploadFinish).does(Action::ForgetSession));
    let done = upload(&destination(registry.host(), "a/b"), &bytes, PIECE).await.unwrap();
    assert_eq!(done.rewinds, [0]);
    assert_eq!(registry.count_of("POST", Kind::UploadStart), 1);
    check(&registry, &bytes);
    registry.fault(Fault::on(Kind::UploadFinish).always().does(Action::ForgetSession));
    let error =
        upload(&destination(registry.host(), "a/b"), &random(2, SIZE), PIECE).await.unwrap_err();
    assert_eq!(error.code(), Code::UploadExpired, "{error}");
}

#[tokio::test]
async fn damage_on_the_way_is_told() {
    let registry = with([]).await;
    let bytes = random(1, SIZE);
    registry.fault(Fault::on(Kind::UploadFinish).corrupt_upload(77));
    let error = upload(&destination(registry.host(), "a/b"), &bytes, PIECE).await.unwrap_err();
    assert_eq!((error.code(), error.side()), (Code::DigestMismatch, Some(Side::Destination)));
    assert!(error.message().contains(descriptor(&bytes).digest.as_str()), "{error}");
    assert_eq!(registry.requests().len(), 2);
    assert_eq!(held(&registry, "a/b", &bytes), None);
    registry.assert_all_fired();
    // the registry's own word about what it stored
    let wrong = descriptor(b"x").digest;
    registry.fault(Fault::on(Kind::UploadFinish).header("docker-content-digest", wrong.as_str()));
    let error = upload(&destination(registry.host(), "a/b"), &bytes, PIECE).await.unwrap_err();
    assert!(error.to_string().contains(&format!("got {wrong}")), "{error}");
    registry.assert_all_fired();
}

#[tokio::test]
async fn busy_registries_are_waited_for() {
    let registry = with([]).await;
    let bytes = random(1, SIZE);
    registry.fault(
        Fault::on(Kind::UploadFinish).nth(1).answer(Reply::too_many_requests(Some("1")).early()),
    );
    registry.fault(Fault::on(Kind::UploadFinish).nth(2).answer(Reply::status(503).early()));
    upload(&destination(registry.host(), "a/b"), &bytes, PIECE).await.unwrap();
    check(&registry, &bytes);
}

#[tokio::test]
async fn what_does_not_pass_is_final() {
    for (reply, code) in [
        (Reply::error(403, "DENIED", "no"), Code::PushDenied),
        (Reply::error(403, "DENIED", "quota of the project is used up"), Code::QuotaExceeded),
        (Reply::status(507), Code::QuotaExceeded),
    ] {
        let registry = with([]).await;
        registry.fault(Fault::on(Kind::UploadFinish).answer(reply));
        let error = upload(&destination(registry.host(), "a/b"), &random(1, SIZE), PIECE)
            .await
            .unwrap_err();
        assert_eq!((error.code(), error.side()), (code, Some(Side::Destination)), "{error}");
        assert_eq!(registry.count_of("PUT", Kind::UploadFinish), 1);
        registry.assert_all_fired();
    }
}

#[tokio::test]
async fn cancelled_before_the_last_byte() {
    for all in [false, true] {
        let registry = with([]).await;
        let bytes = random(1, SIZE);
        let mut writer = begin(&destination(registry.host(), "a/b"), &bytes).await;
        let end = if all { SIZE } else { SIZE / 2 };
        let mut at = 0;
        while at < end {
            let next = bytes.slice(at..end.min(at + PIECE));
            at += next.len();
            assert!(matches!(writer.write(next).await, Ok(Fed::More)));
        }
        writer.cancel().await;
        registry.wait_for(|requests| requests.iter().all(|r| r.ended.is_some())).await;
        assert_eq!(held(&registry, "a/b", &bytes), None, "even when all bytes had been fed");
        let puts = registry.requests().into_iter().filter(|r| r.is("PUT", Kind::UploadFinish));
        assert!(
            puts.map(|r| (r.received, r.status))
                .all(|(n, status)| n < SIZE as u64 && status.is_none())
        );
        assert_eq!(registry.count_of("DELETE", Kind::UploadCancel), 1);
    }
    // a registry that minds gets one request, and no more
    let registry = with([]).await;
    registry.fault(Fault::on(Kind::UploadCancel).status(503));
    let writer = begin(&destination(registry.host(), "a/b"), &random(1, 10)).await;
    writer.cancel().await;
    assert_eq!(log(&registry), ["POST Mount 202", "DELETE UploadCancel 503"]);
    registry.assert_all_fired();
}

#[tokio::test]
async fn dropping_a_writer_cuts_it() {
    let registry = with([]).await;
    let bytes = random(1, SIZE);
    let mut writer = begin(&destination(registry.host(), "a/b"), &bytes).await;
    writer.write(bytes.slice(..PIECE)).await.unwrap();
    registry.wait_for(|requests| requests.iter().any(|r| r.is("PUT", Kind::UploadFinish))).await;
    drop(writer);
    registry.wait_for(|requests| requests.iter().all(|r| r.ended.is_some())).await;
    assert_eq!(held(&registry, "a/b", &bytes), None);
}

#[tokio::test]
async fn more_bytes_than_announced_are_refused() {
    let registry = with([]).await;
    let bytes = random(1, 100);
    let mut writer = begin(&destination(registry.host(), "a/b"), &bytes).await;
    writer.write(bytes.clone()).await.unwrap();
    assert_eq!(writer.offset(), 100);
    assert_eq!(writer.write(bytes.clone()).await.unwrap_err().code(), Code::DigestMismatch);
    let mut writer = begin(&destination(registry.host(), "a/b"), &random(2, 100)).await;
    writer.write(bytes.slice(..50)).await.unwrap();
    assert_eq!(
        writer.finish().await.unwrap_err().code(),
        Code::Internal,
        "an end too early is our fault"
    );
}
