//! F: lists.

use engine::Outcome;
use registry::{Access, Code, Credential, TlsOptions};
use serde_json::json;
use testkit::{
    Auth, Fault, Image, Kind, Layer, LinkForm, Quirk, Registry, Reply, TagsForm,
    registry::Builder,
    tls::{Authority, Flaw},
};

use super::{kind, statuses};
use crate::common::{Sync, assert_all, at, failure, sync};

/// A source with so many tags, from `t00000` on, and an empty destination.
async fn tagged(count: usize, builder: Builder) -> (Registry, Registry) {
    let (from, to) = (builder.start().await, Registry::start().await);
    let image = from.push("a/b", "", &Image::single("linux/amd64", [Layer::random(1, 10)]));
    for n in 0..count {
        from.store().put_tag("a/b", &format!("t{n:05}"), image.digest());
    }
    (from, to)
}

fn rule(from: &Registry, to: &Registry) -> Sync {
    sync(&at(from, "a/b"), &[&at(to, "x/b")])
}

/// Every tag arrives.
async fn all_arrive(rule: Sync, from: &Registry, to: &Registry) {
    assert_all(&rule.run().await, Outcome::Copied);
    assert_eq!(to.tags("x/b"), from.tags("a/b"));
}

#[tokio::test]
async fn q93_lists_that_come_whole_and_in_no_order() {
    let (from, to) = tagged(120, Registry::builder().quirk(Quirk::TagsUnpaged)).await;
    all_arrive(rule(&from, &to), &from, &to).await;
    assert_eq!(kind(&from, Kind::Tags), 1);
}

#[tokio::test]
async fn q94_a_page_size_that_is_refused_is_left_out() {
    for status in [400, 405] {
        let quirks = [Quirk::PageLimit(500, status), Quirk::PageSize(100)];
        let (from, to) = tagged(150, Registry::builder().quirks(quirks)).await;
        all_arrive(rule(&from, &to), &from, &to).await;
        assert_eq!(statuses(&from, "GET", Kind::Tags), [status, 200, 200]);
    }
    let (from, to) = tagged(1, Registry::builder()).await;
    all_arrive(rule(&from, &to), &from, &to).await;
    let list = from.requests().into_iter().find(|r| r.kind == Kind::Tags).unwrap();
    assert_eq!(list.parameter("n").as_deref(), Some("1000"), "what ECR takes at most");
}

#[tokio::test]
async fn q95_every_form_of_link_leads_to_the_end() {
    for (form, requests) in [
        (None, 4),
        (Some(LinkForm::Absolute), 4),
        (Some(LinkForm::QueryOnly), 4),
        (Some(LinkForm::UnquotedRel), 4),
        (Some(LinkForm::Several), 4),
        (Some(LinkForm::SeveralHeaders), 4),
        (Some(LinkForm::ParametersFirst), 4),
        (Some(LinkForm::NoBrackets), 4),
        (Some(LinkForm::Host("registry.internal:5000".into())), 4),
    ] {
        let quirks = [Quirk::PageSize(10)].into_iter().chain(form.clone().map(Quirk::Link));
        let (from, to) = tagged(35, Registry::builder().quirks(quirks)).await;
        all_arrive(rule(&from, &to), &from, &to).await;
        assert_eq!(kind(&from, Kind::Tags), requests, "{form:?}");
    }
    // `http` in the link of a registry that speaks TLS
    let authority = Authority::new();
    let builder = Registry::builder()
        .tls(authority.server(Flaw::None))
        .quirks([Quirk::PageSize(10), Quirk::Link(LinkForm::Http)]);
    let (from, to) = tagged(35, builder).await;
    let ca = Some(authority.pem().as_bytes().into());
    let tls = TlsOptions { ca, ..TlsOptions::default() };
    let access = Access { origin: registry::Sentence::verbatim("test"), tls, ..Access::default() };
    all_arrive(rule(&from, &to).access(from.host(), access), &from, &to).await;
    // no link at all, and yet there is more
    let (from, to) = tagged(250, Registry::builder().quirk(Quirk::TruncatesWithoutLink(100))).await;
    all_arrive(rule(&from, &to), &from, &to).await;
    assert_eq!(kind(&from, Kind::Tags), 3);
}

#[tokio::test]
async fn q96_lists_that_lead_back_to_themselves_end() {
    for (form, arrive, requests) in
        [(LinkForm::Loop, 10, 1..=2), (LinkForm::LastRepeats, 35, 4..=5)]
    {
        let quirks = [Quirk::PageSize(10), Quirk::Link(form.clone())];
        let (from, to) = tagged(35, Registry::builder().quirks(quirks)).await;
        rule(&from, &to).run().await;
        assert_eq!(to.tags("x/b").len(), arrive, "{form:?}");
        assert!(requests.contains(&kind(&from, Kind::Tags)), "{form:?}");
    }
}

#[tokio::test]
async fn q97_odd_entries_are_left_out_and_errors_are_errors() {
    let odd =
        vec![json!(null), json!(7), json!("sha256:00"), json!("-x"), json!(""), json!("t00000")];
    let (from, to) =
        tagged(3, Registry::builder().quirk(Quirk::Tags(TagsForm::Besides(odd)))).await;
    let report = rule(&from, &to).run().await;
    assert_all(&report, Outcome::Copied);
    assert_eq!(report.images.len(), 3);
    for form in [TagsForm::Null, TagsForm::Missing] {
        from.set_quirks([Quirk::Tags(form.clone())]);
        let report = rule(&from, &to).run().await;
        assert_eq!(report.images.len(), 0, "{form:?}: {report:#?}");
        assert_eq!(report.warnings.len(), 1, "{form:?}: that nothing fits is told");
    }
    from.set_quirks([Quirk::Tags(TagsForm::Errors)]);
    let report = rule(&from, &to).run().await;
    assert_eq!(failure(&report).code, Code::RegistryRefused, "{:?}", failure(&report));
    let report = sync(&at(&to, "no/such"), &[&at(&from, "x")]).run().await;
    assert_eq!(failure(&report).code, Code::RefNotFound, "{:?}", failure(&report));
}

#[tokio::test]
async fn q98_a_catalogue_that_is_refused_says_what_to_do() {
    for status in [401, 403, 404, 405] {
        let (from, to) = tagged(1, Registry::builder().quirk(Quirk::CatalogRefused(status))).await;
        let host = from.host().parse().unwrap();
        let error = rule(&from, &to).client().catalog(&host, 10).await.unwrap_err();
        assert_eq!(error.code(), Code::CatalogUnsupported, "{status}: {error}");
        assert!(error.hints().any(|hint| hint.contains("one by one")), "{status}");
        // what is named is copied without it
        from.clear_log();
        all_arrive(rule(&from, &to), &from, &to).await;
        assert_eq!(kind(&from, Kind::Catalog), 0);
    }
}

#[tokio::test]
async fn q99_a_key_in_the_path_is_part_of_the_name() {
    let (from, to) = (Registry::start().await, Registry::start().await);
    let built = from.push("docker-local/team/app", "1", &super::image());
    let report =
        sync(&at(&from, "docker-local/team/app:1"), &[&at(&to, "docker-remote/app")]).run().await;
    assert_all(&report, Outcome::Copied);
    assert!(to.has("docker-remote/app", "1", &built));
    // below another path no registry is found, and that is what is said
    let prefix = "/artifactory/api/docker/key";
    let below = || Registry::builder().quirk(Quirk::PathPrefix(prefix.into()));
    let (from, to) = tagged(1, below()).await;
    let report = rule(&from, &to).run().await;
    let error = failure(&report);
    assert!(error.message.contains(from.host()) && !error.hint.is_empty(), "{error:?}");
    // where the account says so, it is found there, on both sides
    let (from, _) = tagged(3, below().quirk(Quirk::PageSize(2))).await;
    let to = below().auth(Auth::token("me", "s3cr3t")).start().await;
    let access = |credential| {
        let tls = TlsOptions { insecure: true, ..TlsOptions::default() };
        let path_prefix = Some(prefix.trim_start_matches('/').to_owned());
        Access { credential, tls, path_prefix, ..Access::default() }
    };
    let password = "s3cr3t".to_owned().into();
    let login = Credential::Basic { username: "me".into(), password };
    let both = rule(&from, &to)
        .access(from.host(), access(Credential::Anonymous))
        .access(to.host(), access(login));
    all_arrive(both, &from, &to).await;
    for registry in [&from, &to] {
        let paths = registry.requests();
        let mut paths = paths.iter().filter(|r| r.kind != Kind::Token).map(|r| r.path.as_str());
        assert!(paths.all(|path| path.starts_with(&format!("{prefix}/v2/"))));
    }
}

#[tokio::test]
async fn q100_a_destination_is_not_listed() {
    let (from, _) = tagged(3, Registry::builder()).await;
    for status in [403, 404] {
        let to = Registry::builder().quirk(Quirk::AbsentTags(status)).start().await;
        all_arrive(rule(&from, &to), &from, &to).await;
        assert_eq!(kind(&to, Kind::Tags), 0);
    }
}

#[tokio::test]
async fn q101_tags_that_are_named_are_not_listed_and_busy_lists_are_waited_for() {
    let (from, to) = tagged(3, Registry::builder()).await;
    let rules = sync(&at(&from, "a/b:t00000"), &[&at(&to, "x/b")])
        .and(&at(&from, "a/b:t00001,t00002"), &[&at(&to, "x/b")]);
    all_arrive(rules, &from, &to).await;
    assert_eq!(kind(&from, Kind::Tags), 0);

    let (from, to) = tagged(35, Registry::builder().quirk(Quirk::PageSize(10))).await;
    let busy = Reply::too_many_requests(Some("1"));
    let fault = from.fault(Fault::on(Kind::Tags).nth(2).answer(busy));
    all_arrive(rule(&from, &to).retries(0), &from, &to).await;
    assert_eq!((fault.fired(), kind(&from, Kind::Tags)), (1, 5), "no page was asked for twice");
}
