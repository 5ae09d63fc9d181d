//! B: redirects and transport.

use std::time::Duration;

use registry::{Access, Code, TlsOptions};
use testkit::{
    Auth, Cut, Fault, Image, Kind, Layer, LocationForm, Quirk, RangeForm, Redirect, Registry,
    Reply, Stall,
    fault::Action,
    tls::{Authority, Flaw},
};

use super::{
    Pair, USER, image, kind, layer, statuses,
    tunnel::{NAME, Tunnel},
};
use crate::common::{Sync, asked, at, failure, requests, sync};

/// A registry that speaks TLS, and how it is trusted.
fn with_tls(quirk: Quirk) -> (testkit::registry::Builder, Access) {
    let authority = Authority::new();
    let ca = Some(authority.pem().as_bytes().into());
    let tls = TlsOptions { ca, ..TlsOptions::default() };
    let builder = Registry::builder().tls(authority.server(Flaw::None)).quirk(quirk);
    (builder, Access { origin: registry::Sentence::verbatim("test"), tls, ..Access::default() })
}

#[tokio::test]
async fn q24_blobs_come_from_a_storage_host_that_sees_no_credentials() {
    for status in [307, 302] {
        let quirk = Quirk::RedirectBlobs(Redirect::storage().status(status));
        let from = Registry::builder().auth(Auth::token(USER.0, USER.1)).quirk(quirk);
        let pair = Pair::of(&image(), from, Registry::builder()).await;
        pair.copies().await;
        let stored: Vec<_> =
            pair.from.requests().into_iter().filter(|r| r.kind == Kind::Storage).collect();
        // the storage answers 400 to an Authorization
        assert_eq!(stored.iter().filter_map(|r| r.status).collect::<Vec<_>>(), [200; 3]);
        assert!(stored.iter().all(|r| r.second_host && r.header("authorization").is_none()));
    }
}

#[tokio::test]
async fn q25_another_registry_that_a_redirect_leads_to_gets_a_token_of_nobodys() {
    let there = Registry::builder().auth(Auth::public()).start().await;
    let quirks = [
        Quirk::RedirectBlobs(Redirect::base(there.url())),
        Quirk::RedirectManifests(Redirect::base(there.url())),
    ];
    let from = Registry::builder().auth(Auth::token(USER.0, USER.1)).quirks(quirks);
    let pair = Pair::of(&image(), from, Registry::builder()).await;
    there.push("a/b", "1", &image());
    pair.copies().await;
    assert_eq!(kind(&there, Kind::Token), 1);
    assert_eq!(statuses(&there, "GET", Kind::Blob).iter().filter(|s| **s == 200).count(), 3);
    for request in there.requests() {
        let shown = request.header("authorization").unwrap_or_default();
        assert!(!shown.starts_with("Basic"), "{request:?}");
    }
}

#[tokio::test]
async fn q26_a_resumption_asks_the_registry_for_a_new_address() {
    let quirk = Quirk::RedirectBlobs(Redirect::storage());
    let pair = Pair::from([quirk]).await;
    let stall = pair.from.fault(
        Fault::on(Kind::Storage).reference(layer().digest()).stall(Stall::AnswerBody(20_000)),
    );
    let cut =
        pair.from.fault(Fault::on(Kind::Storage).reference(layer().digest()).cut_after(30_000));
    let run = pair.rule().start();
    stall.wait_fired().await;
    // every address given so far is void from now on; then the connection breaks
    pair.from.expire_storage_urls();
    stall.release();
    let report = crate::common::finish(run).await;
    assert_eq!(cut.fired(), 1);
    crate::common::assert_all(&report, engine::Outcome::Copied);
    assert!(pair.to.has("x/b", "1", &pair.built));
    let of_layer = |of: Kind| {
        pair.from.count(|r| r.kind == of && r.reference.as_deref() == Some(layer().digest()))
    };
    assert_eq!((of_layer(Kind::Blob), of_layer(Kind::Storage)), (2, 2));
    let resumed = pair.from.count(|r| r.kind == Kind::Storage && r.header("range").is_some());
    assert_eq!(resumed, 1, "only what was missing came again");
}

#[tokio::test]
async fn q27_head_and_manifests_are_redirected_too() {
    for status in [301, 302, 303, 307, 308] {
        let there = Registry::start().await;
        there.push("a/b", "1", &image());
        let redirect = Redirect::base(there.url()).status(status).with_heads();
        let pair = Pair::from([Quirk::RedirectManifests(redirect)]).await;
        // what stands at the destination differs, so that the source is asked by HEAD first
        pair.to.push("x/b", "1", &image().label("v", "old"));
        pair.copies().await;
        assert_eq!(
            asked(&there),
            requests(&[("HEAD", Kind::Manifest, 1), ("GET", Kind::Manifest, 1)])
        );
    }
}

#[tokio::test]
async fn q28_no_redirect_leads_from_https_to_http_or_to_this_machine() {
    let plain = Registry::start().await;
    plain.push("a/b", "1", &image());
    let (from, access) = with_tls(Quirk::RedirectBlobs(Redirect::base(plain.url())));
    let pair = Pair::of(&image(), from, Registry::builder()).await;
    let report = pair.rule().access(pair.from.host(), access).run().await;
    let error = failure(&report);
    assert_eq!(error.code, Code::RedirectRefused, "{error:?}");
    assert!(error.message.contains("from https to http"), "{error:?}");
    assert_eq!(plain.requests().len(), 0);
    pair.assert_nothing_tagged();

    for target in ["https://127.0.0.1/x", "https://169.254.169.254/latest/meta-data"] {
        let quirk = Quirk::RedirectBlobs(Redirect::address(target));
        let tunnel = Tunnel::to(Registry::builder().quirk(quirk)).await;
        tunnel.registry.push("a/b", "1", &image());
        let to = Registry::start().await;
        let rule = sync(&format!("{NAME}/a/b:1"), &[&at(&to, "x/b")]);
        let report = rule.access(NAME, tunnel.access()).run().await;
        let error = failure(&report);
        assert_eq!(error.code, Code::RedirectRefused, "{target}: {error:?}");
        assert_eq!(tunnel.hosts(), [format!("{NAME}:443")], "nobody else was connected to");
    }
}

#[tokio::test]
async fn q29_every_form_of_location() {
    for form in [
        LocationForm::Path,
        LocationForm::Relative,
        LocationForm::SchemeLess,
        LocationForm::NoQuery,
        LocationForm::NoPort,
    ] {
        let pair = Pair::to([Quirk::Location(form.clone())]).await;
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
            "{form:?}"
        );
        // the state comes back as it was given: the registry verifies it
        assert_eq!(statuses(&pair.to, "PUT", Kind::UploadFinish), [201; 3], "{form:?}");
        for request in pair.to.requests().iter().filter(|r| r.is("PUT", Kind::UploadFinish)) {
            let query = request.query.as_deref().unwrap();
            let appended = form == LocationForm::NoQuery || query.contains("&digest=sha256%3A");
            assert!(appended, "{form:?}: {query}");
        }
    }
}

#[tokio::test]
async fn q30_a_location_that_forgot_tls_or_the_port_is_mended() {
    for form in [LocationForm::Http, LocationForm::NoPort] {
        let (to, access) = with_tls(Quirk::Location(form.clone()));
        let to = to.auth(Auth::basic(USER.0, USER.1));
        let pair = Pair::of(&image(), Registry::builder(), to).await;
        let (username, password) = (USER.0.into(), USER.1.to_owned().into());
        let credential = registry::Credential::Basic { username, password };
        pair.arrives(pair.rule().access(pair.to.host(), Access { credential, ..access })).await;
        assert_eq!(statuses(&pair.to, "PUT", Kind::UploadFinish), [201; 3], "{form:?}");
    }
    // another port of http is another service
    let (to, access) = with_tls(Quirk::Location(LocationForm::Verbatim(
        "http://localhost:1/v2/x/b/blobs/uploads/1".into(),
    )));
    let pair = Pair::of(&image(), Registry::builder(), to).await;
    let report = pair.rule().access(pair.to.host(), access).run().await;
    let error = failure(&report);
    assert_eq!(error.code, Code::RedirectRefused, "{error:?}");
    assert!(!error.hint.is_empty(), "{error:?}");
}

#[tokio::test]
async fn q31_an_upload_at_another_host_gets_no_credentials() {
    for auth in [Auth::basic(USER.0, USER.1), Auth::token(USER.0, USER.1)] {
        let to = Registry::builder().auth(auth).quirk(Quirk::Location(LocationForm::Storage));
        let pair = Pair::of(&image(), Registry::builder(), to).await;
        pair.copies().await;
        let abroad: Vec<_> = pair.to.requests().into_iter().filter(|r| r.second_host).collect();
        assert_eq!(abroad.len(), 3);
        assert!(abroad.iter().all(|r| r.header("authorization").is_none()), "{abroad:?}");
    }
}

#[tokio::test]
async fn q32_connections_that_the_other_side_ends() {
    let pair = Pair::from([Quirk::RequestsPerConnection(1)]).await;
    pair.to.add_quirk(Quirk::RequestsPerConnection(2));
    let reset = Fault::on(Kind::Blob)
        .reference(layer().digest())
        .does(Action::CutAnswer(20_000, Cut::Reset));
    let fault = pair.from.fault(reset);
    pair.copies().await;
    assert_eq!(fault.fired(), 1);
    assert_eq!(pair.from.count_of("GET", Kind::Blob), 4, "three blobs and one resumption");
    assert_eq!(pair.to.count_of("PUT", Kind::UploadFinish), 3, "the upload did not notice");
}

#[tokio::test]
async fn q33_bodies_that_are_shorter_or_longer_than_told() {
    for action in [Action::Truncate(20_000), Action::WrongLength(1000), Action::WrongLength(-1000)]
    {
        let pair = Pair::from([]).await;
        let fault = Fault::on(Kind::Blob).reference(layer().digest()).does(action.clone());
        let fault = pair.from.fault(fault);
        pair.copies().await;
        assert_eq!(fault.fired(), 1, "{action:?}");
    }
}

#[tokio::test]
async fn q34_ranges_in_every_form() {
    for form in [
        RangeForm::Ignored,
        RangeForm::WrongStart(-1000),
        RangeForm::LyingStart(-1000),
        RangeForm::NoContentRange,
        RangeForm::Refused,
    ] {
        let pair = Pair::from([Quirk::Range(form)]).await;
        let cut = Fault::on(Kind::Blob).reference(layer().digest()).cut_after(20_000);
        let cut = pair.from.fault(cut);
        pair.copies().await;
        assert_eq!(cut.fired(), 1, "{form:?}");
        let ranges = pair.from.count(|r| r.kind == Kind::Blob && r.header("range").is_some());
        assert!(ranges >= 1, "{form:?}: a resumption was tried");
    }
}

#[tokio::test]
async fn q35_nothing_is_compressed_on_the_way() {
    let pair = Pair::from([Quirk::Gzip]).await;
    pair.copies().await;
    for request in pair.from.requests() {
        assert_eq!(request.header("accept-encoding"), Some("identity"), "{request:?}");
    }
}

#[tokio::test]
async fn q36_a_destination_that_hangs_up_on_a_source_that_pauses() {
    let pair = Pair::to([Quirk::UploadIdleLimit(Duration::from_millis(100))]).await;
    let stall = pair
        .from
        .fault(Fault::on(Kind::Blob).reference(layer().digest()).stall(Stall::AnswerBody(20_000)));
    let run = pair.rule().start();
    stall.wait_fired().await;
    let hung_up = |r: &testkit::Request| {
        r.is("PUT", Kind::UploadFinish) && r.ended.is_some() && r.status.is_none()
    };
    pair.to.wait_for(|requests| requests.iter().any(hung_up)).await;
    stall.release();
    let report = crate::common::finish(run).await;
    crate::common::assert_all(&report, engine::Outcome::Copied);
    assert!(pair.to.has("x/b", "1", &pair.built));
}

#[tokio::test]
async fn q37_a_body_may_take_longer_than_any_idle_limit() {
    let pair = Pair::from([]).await;
    // 53 kB in about two seconds, while a pause of half a second would be a stall
    pair.from.set_throttle(Some(25_000));
    let rule = pair.rule().retries(0).options(|o| o.stall = Duration::from_secs(1));
    pair.arrives(rule).await;
    assert_eq!(pair.from.count_of("GET", Kind::Blob), 3, "no blob was asked for twice");
}

#[tokio::test]
async fn q38_what_is_no_registry() {
    let portal = Registry::builder().quirk(Quirk::Html).start().await;
    for quirk in [Quirk::Html, Quirk::CaptivePortal(format!("{}/login", portal.url()))] {
        for at_source in [true, false] {
            let quirk = [quirk.clone()];
            let pair = if at_source { Pair::from(quirk).await } else { Pair::to(quirk).await };
            let report = pair.rule().retries(1).run().await;
            let error = failure(&report);
            assert_eq!(error.code, Code::NotARegistry, "{error:?}");
            let (side, at) =
                if at_source { ("source", &pair.from) } else { ("destination", &pair.to) };
            assert!(error.message.contains(side) && error.message.contains(at.host()), "{error:?}");
            pair.assert_nothing_tagged();
        }
    }
    // a registry that does not say what it is goes on being one
    let pair = Pair::to([Quirk::PingWithoutVersion]).await;
    pair.copies().await;
    // a page instead of the answer to the last request is no success
    let pair = Pair::to([]).await;
    let page = Reply::html(200, "Welcome");
    let fault = pair.to.fault(Fault::on(Kind::Manifest).put().always().answer(page));
    let report = pair.rule().retries(0).run().await;
    assert_eq!(failure(&report).code, Code::NotARegistry, "{:?}", failure(&report));
    assert!(fault.fired() > 0);
}

#[tokio::test]
async fn q39_a_body_limit_is_learnt_and_remembered_for_the_host() {
    let image = Image::single("linux/amd64", [Layer::random(1, 700_000)]);
    let to = Registry::builder().quirk(Quirk::BodyLimit(300_000));
    let pair = Pair::of(&image, Registry::builder(), to).await;
    let second = Image::single("linux/amd64", [Layer::random(2, 700_000)]);
    let second = pair.from.push("a/c", "1", &second);
    let rule: Sync = pair.rule().and(&at(&pair.from, "a/c:1"), &[&at(&pair.to, "x/c")]);
    pair.arrives(rule.policy(|p| p.images = Some(1))).await;
    assert!(pair.to.has("x/c", "1", &second));
    let sent: Vec<_> = pair.to.requests().into_iter().filter(|r| r.method == "PATCH").collect();
    assert!(sent.iter().filter(|r| r.status == Some(202)).count() >= 6, "{sent:?}");
    let refused = pair.to.requests().into_iter().filter(|r| r.status == Some(413)).count();
    assert!(refused <= 8, "the second blob did not learn anew: {refused}");
}
