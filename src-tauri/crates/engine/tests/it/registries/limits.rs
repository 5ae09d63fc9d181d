//! G: limits and errors of servers.

use engine::Outcome;
use registry::Code;
use serde_json::json;
use testkit::{Fault, Kind, Quirk, Registry, Reply};

use super::{Pair, image, kind, statuses};
use crate::common::{assert_all, at, failure, sync};

#[tokio::test]
async fn q102_waits_that_are_ordered_are_kept_and_those_that_are_too_long_are_told() {
    let busy = |after: Option<&str>| Reply::too_many_requests(after);
    // they cost no retry
    let pair = Pair::from([]).await;
    let read = pair.from.fault(Fault::on(Kind::Manifest).get().times(2).answer(busy(Some("1"))));
    let put = pair.to.fault(Fault::on(Kind::UploadFinish).answer(busy(Some("1"))));
    pair.arrives(pair.rule().retries(0)).await;
    assert_eq!((read.fired(), put.fired()), (2, 1));
    // and no question about the upload
    assert_eq!((kind(&pair.to, Kind::UploadStatus), kind(&pair.to, Kind::Blob)), (0, 0));
    assert_eq!(pair.to.count_of("POST", Kind::Any), 3);
    // a date that is some seconds off, so that it is not past when it arrives
    let pair = Pair::from([]).await;
    let date = Reply::http_date(4);
    let read = pair.from.fault(Fault::on(Kind::Manifest).get().answer(busy(Some(&date))));
    pair.arrives(pair.rule().retries(0)).await;
    assert_eq!(read.fired(), 1);
    // without a wait it is a failure like others
    let pair = Pair::from([]).await;
    let fault = pair.from.fault(Fault::on(Kind::Manifest).get().answer(busy(None)));
    pair.copies().await;
    assert_eq!(fault.fired(), 1);
    // nobody is left waiting for hours in silence
    let pair = Pair::from([]).await;
    let fault =
        pair.from.fault(Fault::on(Kind::Manifest).get().always().answer(busy(Some("7200"))));
    let report = pair.rule().run().await;
    let error = failure(&report);
    assert_eq!(error.code, Code::RateLimited, "{error:?}");
    assert!(error.message.contains(pair.from.host()) && !error.hint.is_empty(), "{error:?}");
    assert_eq!(fault.fired(), 1);
}

#[tokio::test]
async fn q103_reads_of_manifests_are_what_docker_hub_counts() {
    // three reads: what is there already costs none, nor do blobs
    let pair = Pair::from([Quirk::HubLimit(3, 21_600)]).await;
    for tag in ["2", "3", "4", "5"] {
        pair.from.push("a/b", tag, &image().label("tag", tag));
    }
    pair.to.push("x/b", "1", &image());
    pair.to.push("x/b", "2", &image().label("tag", "2"));
    let rule = || sync(&at(&pair.from, "a/b:1,2,3,4"), &[&at(&pair.to, "x/b")]);
    let report = rule().run().await;
    assert_eq!((report.totals.copied, report.totals.skipped), (2, 2), "{report:#?}");
    assert_eq!(pair.from.count_of("GET", Kind::Manifest), 2);
    assert_eq!(pair.from.count_of("HEAD", Kind::Manifest), 2);
    // one is left, and what is there already costs none of it
    let report =
        sync(&at(&pair.from, "a/b:1,2,3,4,5"), &[&at(&pair.to, "x/b")]).retries(0).run().await;
    let totals = (report.totals.copied, report.totals.skipped, report.totals.failed);
    assert_eq!(totals, (1, 4, 0), "{report:#?}");
    assert_eq!(pair.from.count_of("GET", Kind::Manifest), 3);
    // the next is refused, and nothing is tagged
    pair.from.push("a/b", "6", &image().label("tag", "6"));
    let report = sync(&at(&pair.from, "a/b:6"), &[&at(&pair.to, "x/d")]).retries(0).run().await;
    assert_eq!(failure(&report).code, Code::RateLimited, "{:?}", failure(&report));
    assert_eq!(statuses(&pair.from, "GET", Kind::Manifest), [200, 200, 200, 429]);
    assert_eq!(pair.to.tags("x/d"), [""; 0]);
}

#[tokio::test]
async fn q104_a_refusal_without_a_word_is_tried_again_after_a_growing_pause() {
    let pair = Pair::from([]).await;
    let busy = Reply::text(429, "Too Many Requests (HAP429)");
    let fault = pair.from.fault(Fault::on(Kind::Manifest).get().times(2).answer(busy.clone()));
    pair.copies().await;
    assert_eq!(fault.fired(), 2);
    let pair = Pair::from([]).await;
    let fault = pair.from.fault(Fault::on(Kind::Manifest).get().always().answer(busy));
    let report = pair.rule().retries(2).run().await;
    assert_eq!(failure(&report).code, Code::RateLimited, "{:?}", failure(&report));
    assert_eq!(fault.fired(), 3);
}

#[tokio::test]
async fn q85_q105_q106_limits_of_one_action_are_waited_for() {
    for limited in [Kind::Mount, Kind::UploadFinish] {
        let pair = Pair::to([Quirk::RateLimit(limited, 2)]).await;
        pair.arrives(pair.rule().retries(1)).await;
        let mut refused = pair.to.requests().into_iter().filter(|r| r.status == Some(429));
        assert!(refused.all(|r| r.kind == limited), "{limited:?}: others are not touched");
    }
}

#[tokio::test]
async fn q107_many_refusals_at_once_do_not_fail_a_run() {
    let pair = Pair::to([Quirk::RateLimit(Kind::Manifest, 10)]).await;
    let mut rule = pair.rule();
    for n in 0..15 {
        pair.from.push("a/many", &format!("t{n}"), &image().label("n", &n.to_string()));
    }
    rule = rule.and(&at(&pair.from, "a/many"), &[&at(&pair.to, "x/many")]);
    let report = pair.arrives(rule).await;
    assert_eq!(report.totals.copied, 16);
    assert!(pair.to.count(|r| r.status == Some(429)) > 0, "the limit was met");
}

#[tokio::test]
async fn q107_a_tight_limit_over_all_requests_costs_few_refusals() {
    let pair = Pair::to([Quirk::RateLimit(Kind::Any, 3)]).await;
    let mut rule = pair.rule();
    for n in 0..2 {
        pair.from.push("a/many", &format!("t{n}"), &image().label("n", &n.to_string()));
    }
    rule = rule.and(&at(&pair.from, "a/many"), &[&at(&pair.to, "x/many")]);
    let report = pair.arrives(rule).await;
    assert_eq!(report.totals.copied, 3);
    let requests = pair.to.requests();
    let refused = requests.iter().filter(|r| r.status == Some(429)).count();
    assert!(refused > 0 && refused <= requests.len() / 2, "{refused} of {}", requests.len());
    // an upload that is refused is sent again, and nothing is asked about it in between
    assert_eq!((kind(&pair.to, Kind::UploadStatus), pair.to.store().open_uploads()), (0, 0));
}

#[tokio::test]
async fn q108_errors_that_may_pass_are_tried_again_and_others_are_not() {
    for status in [408, 499, 500, 502, 503, 504, 520, 521, 522, 523, 524] {
        let pair = Pair::from([]).await;
        let read = pair.from.fault(Fault::on(Kind::Manifest).get().status(status));
        let blob = pair.from.fault(Fault::on(Kind::Blob).get().status(status));
        let open = pair.to.fault(Fault::on(Kind::Mount).status(status));
        let put = pair.to.fault(Fault::on(Kind::Manifest).put().status(status));
        pair.copies().await;
        for fault in [read, blob, open, put] {
            assert_eq!(fault.fired(), 1, "{status}");
        }
        assert_eq!(pair.from.count_of("GET", Kind::Manifest), 2, "{status}");
        assert_eq!(pair.to.count_of("PUT", Kind::Manifest), 2, "{status}");
    }
    for status in [501, 505] {
        let pair = Pair::from([]).await;
        let fault = pair.from.fault(Fault::on(Kind::Manifest).get().always().status(status));
        let report = pair.rule().run().await;
        let error = failure(&report);
        assert!(error.message.contains(&status.to_string()), "{error:?}");
        assert_eq!(fault.fired(), 1, "{status}: no second try");
    }
    // a pause that is ordered is kept, and costs no try
    let pair = Pair::from([]).await;
    let busy = Reply::status(503).header("retry-after", "1");
    let fault = pair.from.fault(Fault::on(Kind::Manifest).get().answer(busy));
    pair.arrives(pair.rule().retries(0)).await;
    assert_eq!(fault.fired(), 1);
}

#[tokio::test]
async fn q109_the_words_of_a_registry_in_whatever_form() {
    let long = "y".repeat(200_000);
    for (reply, words) in [
        (Reply::error(400, "MANIFEST_INVALID", "the words"), vec!["MANIFEST_INVALID", "the words"]),
        (Reply::json(400, &json!({ "details": "the words" })), vec!["the words"]),
        (Reply::json(400, &json!({ "detail": "the words" })), vec!["the words"]),
        (Reply::json(400, &json!({ "message": "the words" })), vec!["the words"]),
        (
            Reply::json(
                400,
                &json!({ "errors": [{ "code": "A", "message": "the" }, { "code": "B", "message": "words" }] }),
            ),
            vec!["the", "words"],
        ),
        (
            Reply::json(400, &json!({ "errors": [{ "message": null, "detail": { "a": 1 } }] })),
            vec![],
        ),
        (Reply::html(400, "the words"), vec!["the words"]),
        (Reply::xml(400, "InvalidRequest", "the words"), vec!["the words"]),
        (Reply::text(400, "the words"), vec!["the words"]),
        (Reply::text(400, &format!("the words {long}")), vec!["the words"]),
        (Reply::status(400), vec!["400"]),
    ] {
        let pair = Pair::to([]).await;
        let fault = pair.to.fault(Fault::on(Kind::Manifest).put().always().answer(reply.clone()));
        let report = pair.rule().retries(0).run().await;
        let error = failure(&report);
        assert!(fault.fired() > 0);
        for word in words {
            assert!(error.message.contains(word), "{word:?}: {error:?}");
        }
        assert!(
            error.message.contains("400") && error.message.contains(pair.to.host()),
            "{error:?}"
        );
        assert!(error.message.len() < 5000, "{}", error.message.len());
        pair.assert_nothing_tagged();
    }
    // errors with a status of success are no success
    let pair = Pair::from([]).await;
    let body = json!({ "errors": [{ "code": "DENIED", "message": "the words" }] });
    let fault = Fault::on(Kind::Manifest).get().always().answer(Reply::json(200, &body));
    let fault = pair.from.fault(fault);
    let report = pair.rule().retries(0).run().await;
    assert!(fault.fired() > 0);
    assert_eq!(failure(&report).code, Code::ManifestInvalid, "{:?}", failure(&report));
    assert_eq!(pair.to.writes(), 0);
}

#[tokio::test]
async fn q110_a_warning_is_told_once() {
    let pair = Pair::from([Quirk::Warning("this registry is going away".into())]).await;
    let report = pair.copies().await;
    assert!(pair.from.requests().len() > 3);
    let told = report.warnings.iter().filter(|w| w.contains("this registry is going away"));
    assert_eq!(told.count(), 1, "{:?}", report.warnings);
    assert!(report.warnings[0].contains(pair.from.host()), "{:?}", report.warnings);
}

#[tokio::test]
async fn q111_one_bad_repository_fails_alone() {
    let pair = Pair::from([]).await;
    let mut rule = pair.rule();
    for n in 0..20 {
        let repository = format!("bad/r{n}");
        pair.from.push(&repository, "1", &image());
        rule = rule.and(&at(&pair.from, &format!("{repository}:1")), &[&at(&pair.to, &repository)]);
        let always = Fault::on(Kind::Any).repository(&repository).always().status(503);
        pair.from.fault(always);
    }
    let report = rule.retries(1).run().await;
    assert_eq!((report.totals.copied, report.totals.failed), (1, 20));
    assert!(pair.to.has("x/b", "1", &pair.built));
    for image in &report.images[1..] {
        assert_eq!(image.error.as_ref().unwrap().code, Code::RegistryFailed, "{image:?}");
    }
    assert!(kind(&pair.from, Kind::Manifest) <= 1 + 20 * 4, "{}", kind(&pair.from, Kind::Manifest));
    pair.from.assert_all_fired();
    // and a registry that is down takes no other with it
    let down = Registry::start().await;
    let gone = at(&down, "a/b:1");
    down.stop();
    let report = pair
        .rule()
        .policy(|p| p.overwrite = engine::Overwrite::Always)
        .and(&gone, &[&at(&pair.to, "x/gone")])
        .retries(1)
        .run()
        .await;
    assert_eq!((report.totals.copied, report.totals.failed), (1, 1));
    assert_all_but_last(&report);
}

#[track_caller]
fn assert_all_but_last(report: &engine::Report) {
    let (last, others) = report.images.split_last().unwrap();
    assert_eq!(last.status, Outcome::Failed);
    let others = engine::Report { images: others.to_vec(), ..report.clone() };
    assert_all(&others, Outcome::Copied);
}
