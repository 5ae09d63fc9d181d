//! Tags and catalogues in all forms of pagination.

use registry::{Code, Side};
use serde_json::json;
use testkit::{Fault, Image, Kind, Layer, LinkForm, Quirk, Registry, TagsForm};

use crate::setup::{client, destination, quick, source, with};

async fn tagged(count: usize, quirks: impl IntoIterator<Item = Quirk>) -> Registry {
    let registry = with(quirks).await;
    let image = registry.push("a/b", "", &Image::single("linux/amd64", [Layer::empty()]));
    for n in 0..count {
        registry.store().put_tag("a/b", &format!("t{n:05}"), image.digest());
    }
    registry
}

async fn listed(registry: &Registry) -> Vec<String> {
    let tags = source(registry.host(), "a/b").tags().await.unwrap();
    let mut tags: Vec<_> = tags.iter().map(ToString::to_string).collect();
    tags.sort();
    tags
}

#[tokio::test]
async fn one_page_is_one_request() {
    for count in [0, 1, 7, 999] {
        let registry = tagged(count, []).await;
        assert_eq!(listed(&registry).await, registry.tags("a/b"));
        assert_eq!(registry.count_of("GET", Kind::Tags), 1, "{count}");
        assert_eq!(registry.requests().last().unwrap().query.as_deref(), Some("n=1000"));
    }
}

#[tokio::test]
async fn every_form_of_link_leads_to_the_end() {
    for (form, extra) in [
        (None, 0),
        (Some(LinkForm::Absolute), 0),
        (Some(LinkForm::Http), 0),
        (Some(LinkForm::QueryOnly), 0),
        (Some(LinkForm::UnquotedRel), 0),
        (Some(LinkForm::Several), 0),
        (Some(LinkForm::SeveralHeaders), 0),
        (Some(LinkForm::ParametersFirst), 0),
        (Some(LinkForm::NoBrackets), 0),
        (Some(LinkForm::Host("registry.internal:5000".into())), 0),
        (Some(LinkForm::LastRepeats), 1),
    ] {
        let quirks = [Quirk::PageSize(10)].into_iter().chain(form.clone().map(Quirk::Link));
        let registry = tagged(35, quirks).await;
        assert_eq!(listed(&registry).await, registry.tags("a/b"), "{form:?}");
        assert_eq!(registry.count_of("GET", Kind::Tags), 4 + extra, "{form:?}");
    }
}

#[tokio::test]
async fn links_that_loop_end() {
    let registry = tagged(35, [Quirk::PageSize(10), Quirk::Link(LinkForm::Loop)]).await;
    assert_eq!(listed(&registry).await.len(), 10);
    assert!(registry.count_of("GET", Kind::Tags) <= 2);
}

#[tokio::test]
async fn lists_that_end_silently_are_asked_for_more() {
    for (count, limit, requests) in [(250, 100, 3), (200, 100, 3), (2500, 1000, 3), (99, 100, 1)] {
        let registry = tagged(count, [Quirk::TruncatesWithoutLink(limit)]).await;
        assert_eq!(listed(&registry).await, registry.tags("a/b"), "{count} by {limit}");
        assert_eq!(registry.count_of("GET", Kind::Tags), requests, "{count} by {limit}");
    }
    // a whole list that is as long as a page by chance
    for count in [100, 1000] {
        let registry = tagged(count, [Quirk::TagsUnpaged]).await;
        assert_eq!(listed(&registry).await, registry.tags("a/b"));
        assert_eq!(registry.count_of("GET", Kind::Tags), 2);
    }
}

#[tokio::test]
async fn a_number_that_is_refused_is_left_out() {
    for status in [400, 405] {
        let registry = tagged(250, [Quirk::PageLimit(500, status), Quirk::PageSize(100)]).await;
        assert_eq!(listed(&registry).await, registry.tags("a/b"));
        assert_eq!(registry.count_of("GET", Kind::Tags), 4, "the refused one and three pages");
    }
}

#[tokio::test]
async fn odd_entries_are_left_out() {
    let odd = vec![
        json!(null),
        json!(7),
        json!("sha256:00"),
        json!("-x"),
        json!(""),
        json!("t00000"),
        json!(["t"]),
    ];
    let registry = tagged(3, [Quirk::Tags(TagsForm::Besides(odd))]).await;
    assert_eq!(listed(&registry).await, registry.tags("a/b"));
    for form in [TagsForm::Null, TagsForm::Missing] {
        registry.set_quirks([Quirk::Tags(form)]);
        assert!(listed(&registry).await.is_empty());
    }
    registry.set_quirks([Quirk::Tags(TagsForm::Errors)]);
    let error = source(registry.host(), "a/b").tags().await.unwrap_err();
    assert_eq!(error.code(), Code::RegistryRefused, "{error}");
}

#[tokio::test]
async fn a_repository_that_is_not_there() {
    let registry = with([]).await;
    let error = source(registry.host(), "a/b").tags().await.unwrap_err();
    assert_eq!((error.code(), error.side()), (Code::RefNotFound, Some(Side::Source)));
    assert!(destination(registry.host(), "a/b").tags().await.unwrap().is_empty());
    registry.set_quirks([Quirk::AbsentTags(403)]);
    assert!(destination(registry.host(), "a/b").tags().await.unwrap().is_empty());
    assert_eq!(source(registry.host(), "a/b").tags().await.unwrap_err().code(), Code::PullDenied);
}

#[tokio::test]
async fn a_page_that_fails_fails_the_list() {
    let registry = tagged(35, [Quirk::PageSize(10)]).await;
    registry.fault(Fault::on(Kind::Tags).nth(2).status(503));
    assert_eq!(listed(&registry).await, registry.tags("a/b"), "what may pass is tried again");
    registry.assert_all_fired();
    registry.fault(Fault::on(Kind::Tags).skip(1).always().status(403));
    assert_eq!(source(registry.host(), "a/b").tags().await.unwrap_err().code(), Code::PullDenied);
    registry.assert_all_fired();
}

#[tokio::test]
async fn catalogues() {
    let registry = with([Quirk::PageSize(10)]).await;
    let names: Vec<_> = (0..25).map(|n| format!("team/r{n:02}")).collect();
    for name in &names {
        registry.create_repository(name);
    }
    let (client, host) = (client(quick()), registry.host().parse().unwrap());
    assert_eq!(client.catalog(&host, 1000).await.unwrap(), names);
    assert_eq!(registry.count_of("GET", Kind::Catalog), 3);
    assert_eq!(client.catalog(&host, 12).await.unwrap(), names[..12]);
    assert_eq!(registry.count_of("GET", Kind::Catalog), 5, "no page more than needed");
    for status in [401, 403, 404, 405] {
        registry.set_quirks([Quirk::CatalogRefused(status)]);
        let error = client.catalog(&host, 1000).await.unwrap_err();
        assert_eq!(error.code(), Code::CatalogUnsupported, "{status}: {error}");
        assert!(error.hints().any(|hint| hint.contains("one by one")), "{status}");
    }
}
