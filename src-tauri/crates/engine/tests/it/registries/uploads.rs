//! D: uploads of blobs.

use registry::Code;
use testkit::{
    Auth, Fault, Image, Kind, Layer, LocationForm, Quirk, Registry, SinglePost, UploadRange,
    fault::Action,
};

use super::{Pair, USER, image, kind, layer, statuses};
use crate::common::{asked, failure, requests};

/// Above this, the destination answers 413, so that blobs go in chunks.
const LIMIT: u64 = 300_000;

fn large() -> Layer {
    Layer::random(1, 1_000_000)
}

/// A destination that takes the layer in chunks only, with these quirks besides.
async fn chunked(quirks: impl IntoIterator<Item = Quirk>) -> Pair {
    let to = Registry::builder().quirk(Quirk::BodyLimit(LIMIT)).quirks(quirks);
    Pair::of(&Image::single("linux/amd64", [large()]), Registry::builder(), to).await
}

/// The chunks that were taken, as their `Content-Range` says.
fn chunks(registry: &Registry) -> Vec<(u64, u64)> {
    registry
        .requests()
        .iter()
        .filter(|r| r.is("PATCH", Kind::UploadData) && r.status.is_some_and(|s| s < 300))
        .map(|r| {
            let range = r.header("content-range").expect("a chunk tells where it belongs");
            let (start, end) = range.split_once('-').expect("as in 0-99");
            (start.parse().unwrap(), end.parse().unwrap())
        })
        .collect()
}

#[tokio::test]
async fn q61_an_empty_request_has_a_length_too() {
    let pair = Pair::to([Quirk::LengthRequired]).await;
    pair.copies().await;
    for request in pair.to.requests().iter().filter(|r| r.kind == Kind::Mount) {
        assert_eq!(request.header("content-length"), Some("0"));
    }
    assert_eq!(pair.to.count(|r| r.status == Some(411)), 0);
}

#[tokio::test]
async fn q62_bodies_have_a_length_and_are_never_sent_in_transfer_chunks() {
    for status in [400, 411] {
        let pair = Pair::to([Quirk::ChunkedRefused(status)]).await;
        pair.copies().await;
        let requests = pair.to.requests();
        assert!(requests.iter().all(|r| r.header("transfer-encoding").is_none()));
        let mut lengths: Vec<u64> = requests
            .iter()
            .filter(|r| r.is("PUT", Kind::UploadFinish))
            .map(|r| r.header("content-length").unwrap().parse().unwrap())
            .collect();
        let mut sizes: Vec<u64> = pair.built.blobs().iter().map(|(_, c)| c.len()).collect();
        lengths.sort_unstable();
        sizes.sort_unstable();
        assert_eq!(lengths, sizes, "each blob in one request of its size");
        let opened = pair.to.count_of("POST", Kind::Any);
        assert_eq!(opened, 3, "and one that opens it");
    }
}

#[tokio::test]
async fn q63_where_put_takes_no_bytes_patch_does() {
    for status in [400, 405] {
        let pair = Pair::to([Quirk::PutBodyRefused(status)]).await;
        pair.copies().await;
        assert!(pair.to.count_of("PATCH", Kind::UploadData) >= 3, "{status}");
        let last = pair
            .to
            .requests()
            .into_iter()
            .filter(|r| r.is("PUT", Kind::UploadFinish) && r.status == Some(201));
        assert_eq!(last.filter(|r| r.header("content-length") == Some("0")).count(), 3);
    }
}

#[tokio::test]
async fn q68_chunks_are_large_enough_where_small_ones_are_refused() {
    let mib = 1 << 20;
    // as stores behind S3 do, and one that takes no such PUT whole
    let to = Registry::builder()
        .quirk(Quirk::PutLimit(10 * mib as u64))
        .quirk(Quirk::SmallChunksRefused(5 * mib as u64));
    let image = Image::single("linux/amd64", [Layer::random(1, 18 * mib)]);
    let pair = Pair::of(&image, Registry::builder(), to).await;
    pair.copies().await;
    let sizes: Vec<_> = chunks(&pair.to).iter().map(|(start, end)| end - start + 1).collect();
    assert_eq!(sizes, [8, 8, 2].map(|chunk| chunk * mib as u64));
    assert_eq!(pair.to.count(|r| r.status == Some(400)), 0, "none was too small");
}

#[tokio::test]
async fn q69_to_q72_progress_that_is_told_oddly_or_wrongly() {
    for quirk in [
        Quirk::PatchStatus(201),
        Quirk::UploadRange(UploadRange::FirstChunk),
        Quirk::UploadRange(UploadRange::LastChunk),
        Quirk::UploadRange(UploadRange::BytesEquals),
        Quirk::UploadRange(UploadRange::BytesSpace),
        Quirk::UploadRange(UploadRange::Missing),
        Quirk::ContentRangeIgnored,
    ] {
        let pair = chunked([quirk.clone()]).await;
        pair.copies().await;
        assert!(pair.to.count_of("PATCH", Kind::UploadData) >= 4, "{quirk:?}");
    }
    // what was put together wrongly is sent in one
    let image = Image::single("linux/amd64", [large()]);
    let to = Registry::builder().quirk(Quirk::UploadRange(UploadRange::Short(1000)));
    let pair = Pair::of(&image, Registry::builder(), to).await;
    for on in [Kind::UploadFinish, Kind::UploadData] {
        pair.to.fault(Fault::on(on).cut_upload_after(400_000));
    }
    pair.copies().await;
    pair.to.assert_all_fired();
}

#[tokio::test]
async fn q73_an_upload_that_broke_goes_on_or_begins_anew() {
    for (quirk, opened) in [
        (None, 3),
        (Some(Quirk::StatusRefused(404)), 4),
        (Some(Quirk::StatusRefused(405)), 4),
        (Some(Quirk::StatusRefused(403)), 4),
        (Some(Quirk::BrokenUploadLost), 4),
    ] {
        let pair = Pair::to(quirk.clone()).await;
        let cut =
            Fault::on(Kind::UploadFinish).reference(layer().digest()).cut_upload_after(20_000);
        let cut = pair.to.fault(cut);
        pair.copies().await;
        assert_eq!(cut.fired(), 1);
        assert!(kind(&pair.to, Kind::UploadStatus) >= 1, "{quirk:?}: it was asked how far it got");
        let posts = pair.to.count_of("POST", Kind::Any);
        assert!(posts <= opened, "{quirk:?}: {posts} uploads were opened");
    }
}

#[tokio::test]
async fn q73_a_status_that_is_refused_to_those_who_log_in_begins_anew_or_renews_the_token() {
    for auth in [Auth::basic(USER.0, USER.1), Auth::token(USER.0, USER.1)] {
        let to = Registry::builder().auth(auth).quirk(Quirk::StatusRefused(401));
        let pair = Pair::of(&image(), Registry::builder(), to).await;
        let cut =
            Fault::on(Kind::UploadFinish).reference(layer().digest()).cut_upload_after(20_000);
        let cut = pair.to.fault(cut);
        pair.copies().await;
        assert_eq!(cut.fired(), 1);
        assert!(statuses(&pair.to, "GET", Kind::UploadStatus).contains(&401));
        assert_eq!(pair.to.store().open_uploads(), 1, "one was given up");
    }
    // a token that has run out meanwhile is renewed, and the upload goes on
    let to = Registry::builder().auth(Auth::token(USER.0, USER.1));
    let pair = Pair::of(&image(), Registry::builder(), to).await;
    let cut = Fault::on(Kind::UploadFinish).reference(layer().digest()).cut_upload_after(20_000);
    let expired = Fault::on(Kind::UploadStatus).before_auth().does(Action::ExpireTokens);
    let faults = [pair.to.fault(cut), pair.to.fault(expired)];
    pair.copies().await;
    assert_eq!(faults.map(|fault| fault.fired()), [1, 1]);
    let told = statuses(&pair.to, "GET", Kind::UploadStatus);
    assert_eq!(told, [401, 204], "asked again with a new token");
    assert_eq!(pair.to.store().open_uploads(), 0);
}

#[tokio::test]
async fn q74_the_newest_address_is_the_one_that_counts() {
    let pair = chunked([Quirk::StateHasOffset]).await;
    pair.copies().await;
    let session = |r: &testkit::Request| {
        matches!(r.kind, Kind::UploadData | Kind::UploadFinish)
            && r.status.is_some_and(|s| s != 413)
    };
    let answers = pair.to.requests().into_iter().filter(session);
    assert!(answers.clone().count() > 5);
    assert!(answers.filter_map(|r| r.status).all(|status| status < 300), "no old address was used");
    // and where an upload breaks, nothing is left at the old address: it begins anew
    let pair = chunked([Quirk::StateHasOffset]).await;
    let cut = pair.to.fault(Fault::on(Kind::UploadData).nth(2).cut_upload_after(100_000));
    pair.copies().await;
    assert_eq!(cut.fired(), 1);
}

#[tokio::test]
async fn q75_chunks_say_where_they_belong_in_the_specs_form() {
    let pair = chunked([]).await;
    pair.copies().await;
    let chunks = chunks(&pair.to);
    assert!(chunks.len() >= 3, "{chunks:?}");
    let mut at = 0;
    for (start, end) in &chunks {
        assert_eq!(*start, at);
        at = end + 1;
    }
    assert_eq!(at, 1_000_000, "all of it, nothing twice");
}

#[tokio::test]
async fn q76_every_answer_of_success_to_a_blob() {
    for quirk in [
        Quirk::FinishStatus(204),
        Quirk::FinishStatus(202),
        Quirk::FinishLocation("https://cdn.example/blob".into()),
        Quirk::FinishLocation(String::new()),
    ] {
        let pair = Pair::to([quirk.clone()]).await;
        pair.copies().await;
        assert_eq!(
            asked(&pair.to),
            requests(&[
                ("HEAD", Kind::Manifest, 1),
                ("POST", Kind::Mount, 2),
                ("POST", Kind::UploadStart, 1),
                ("PUT", Kind::UploadFinish, 3),
                ("PUT", Kind::Manifest, 1),
            ]),
            "{quirk:?}"
        );
        // in chunks the last request has no body, and says so
        let pair = chunked([quirk.clone()]).await;
        pair.copies().await;
        let last = pair
            .to
            .requests()
            .into_iter()
            .filter(|r| r.is("PUT", Kind::UploadFinish) && r.status.is_some_and(|s| s < 300));
        assert!(last.clone().any(|r| r.header("content-length") == Some("0")), "{quirk:?}");
        assert!(last.clone().all(|r| r.header("content-length").is_some()), "{quirk:?}");
    }
}

#[tokio::test]
async fn q78_a_session_that_is_forgotten_is_opened_anew() {
    let pair = Pair::to([]).await;
    let fault = pair.to.fault(
        Fault::on(Kind::UploadFinish).reference(layer().digest()).does(Action::ForgetSession),
    );
    pair.copies().await;
    assert_eq!(fault.fired(), 1);
    assert_eq!(pair.to.count_of("POST", Kind::Any), 4, "three blobs, and one of them again");

    let pair = chunked([]).await;
    let fault = pair.to.fault(Fault::on(Kind::UploadData).nth(2).does(Action::ForgetSession));
    pair.copies().await;
    assert_eq!(fault.fired(), 1);

    let pair = Pair::to([]).await;
    let always = pair.to.fault(
        Fault::on(Kind::UploadFinish)
            .reference(layer().digest())
            .always()
            .does(Action::ForgetSession),
    );
    let report = pair.rule().retries(1).run().await;
    let error = failure(&report);
    assert_eq!(error.code, Code::UploadExpired, "{error:?}");
    assert!(always.fired() >= 2 && always.fired() < 10, "{}", always.fired());
    pair.assert_nothing_tagged();
}

#[tokio::test]
async fn q79_another_writer_was_faster() {
    for status in [409, 400] {
        let pair = Pair::to([Quirk::DuplicateBlob(status)]).await;
        let content = layer().content();
        let fault = Fault::on(Kind::Mount).reference(layer().digest()).then(move |store| {
            store.put_blob("x/b", content.clone());
        });
        let fault = pair.to.fault(fault);
        pair.copies().await;
        assert_eq!(fault.fired(), 1);
        assert!(statuses(&pair.to, "PUT", Kind::UploadFinish).contains(&status));
    }
}

#[tokio::test]
async fn q80_a_post_that_takes_no_blob_is_an_upload_that_is_open() {
    for form in [SinglePost::Ignored, SinglePost::Refused(405), SinglePost::Refused(400)] {
        let pair = Pair::to([Quirk::SinglePost(form)]).await;
        pair.copies().await;
        assert!(pair.to.count_of("PUT", Kind::UploadFinish) >= 2, "{form:?}");
        let asked = pair.to.count(|r| r.method == "POST" && r.parameter("digest").is_some());
        assert!(asked <= 1, "{form:?}: tried once at most");
    }
}

#[tokio::test]
async fn q81_an_empty_blob_is_sent_or_its_refusal_is_told() {
    let empty = Image::single("linux/amd64", [Layer::empty()]);
    let pair = Pair::of(&empty, Registry::builder(), Registry::builder()).await;
    pair.copies().await;
    let to = Registry::builder().quirk(Quirk::EmptyBlobRefused);
    let pair = Pair::of(&empty, Registry::builder(), to).await;
    let report = pair.rule().run().await;
    let error = failure(&report);
    assert!(error.message.contains("destination"), "{error:?}");
    assert!(error.message.contains(Layer::empty().digest()), "{error:?}");
    pair.assert_nothing_tagged();
}

#[tokio::test]
async fn q82_blobs_that_are_asked_for_badly() {
    for quirk in [Quirk::AbsentBlob(403), Quirk::BlobHead(405), Quirk::BlobHeadWithoutLength] {
        let pair = Pair::to([quirk.clone(), Quirk::NeverMounts]).await;
        // another tag, so that the repository is known and its blobs are worth a question
        pair.to.push("x/b", "0", &Image::single("linux/amd64", [layer()]));
        let all: u64 = pair.built.blobs().iter().map(|(_, c)| c.len()).sum();
        let plan = pair.rule().plan().await;
        let plan = crate::common::only(&plan).plan.unwrap();
        assert_eq!(plan.bytes_to_move + plan.bytes_present, all, "{quirk:?}");
        assert_eq!(pair.to.writes(), 0, "{quirk:?}");
        pair.copies().await;
    }
}

#[tokio::test]
async fn q83_what_is_over_a_quota_is_told_so() {
    let pair = Pair::to([Quirk::Quota(10_000)]).await;
    let report = pair.rule().run().await;
    let error = failure(&report);
    assert_eq!(error.code, Code::QuotaExceeded, "{error:?}");
    assert!(error.message.contains(pair.to.host()) && !error.hint.is_empty(), "{error:?}");
    pair.assert_nothing_tagged();
}

#[tokio::test]
async fn q84_an_upload_without_a_place() {
    let pair = Pair::to([Quirk::Location(LocationForm::Missing)]).await;
    let report = pair.rule().run().await;
    let error = failure(&report);
    assert_eq!(error.code, Code::RegistryRefused, "{error:?}");
    assert!(error.message.contains("no Location"), "{error:?}");
    assert_eq!(kind(&pair.to, Kind::UploadFinish), 0);
    pair.assert_nothing_tagged();
}
