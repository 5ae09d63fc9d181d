//! Tag lists and the catalogue: pages, links in every form, and odd lists.

use serde_json::{Value, json};
use testkit::{LinkForm, Quirk, Registry, TagsForm};

use crate::client::{Answer, Client};

async fn with_tags(count: usize) -> (Registry, Client) {
    let registry = Registry::start().await;
    for number in 0..count {
        registry.put_manifest("a/b", &format!("v{number:02}"), "application/json", "{}");
    }
    let client = Client::of(&registry);
    (registry, client)
}

fn tags(answer: &Answer) -> Vec<String> {
    let value = answer.expect(200).json();
    value["tags"].as_array().unwrap().iter().map(|tag| tag.as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn pages_of_tags() {
    let (_registry, client) = with_tags(5).await;
    let all = client.get("/v2/a/b/tags/list").await;
    assert_eq!(tags(&all), ["v00", "v01", "v02", "v03", "v04"]);
    assert_eq!(all.header("link"), None);
    let first = client.get("/v2/a/b/tags/list?n=2").await;
    assert_eq!(tags(&first), ["v00", "v01"]);
    assert_eq!(first.header("link"), Some("</v2/a/b/tags/list?last=v01&n=2>; rel=\"next\""));
    let second = client.get("/v2/a/b/tags/list?last=v01&n=2").await;
    assert_eq!(tags(&second), ["v02", "v03"]);
    let third = client.get("/v2/a/b/tags/list?last=v03&n=2").await;
    assert_eq!((tags(&third), third.header("link")), (vec!["v04".to_owned()], None));
    assert!(tags(&client.get("/v2/a/b/tags/list?n=0").await).is_empty());
    client.get("/v2/a/b/tags/list?n=x").await.expect(400);
    assert_eq!(client.get("/v2/none/tags/list").await.expect(404).code(), "NAME_UNKNOWN");
}

#[tokio::test]
async fn pages_of_the_catalogue() {
    let registry = Registry::start().await;
    for name in ["b", "a/x", "c"] {
        registry.create_repository(name);
    }
    let client = Client::of(&registry);
    assert_eq!(
        client.get("/v2/_catalog").await.expect(200).json(),
        json!({ "repositories": ["a/x", "b", "c"] })
    );
    let first = client.get("/v2/_catalog?n=1").await;
    assert_eq!(first.header("link"), Some("</v2/_catalog?last=a%2Fx&n=1>; rel=\"next\""));
    let second = client.get("/v2/_catalog?last=a%2Fx&n=1").await;
    assert_eq!(second.json(), json!({ "repositories": ["b"] }));
}

#[tokio::test]
async fn forms_of_links() {
    let (registry, client) = with_tags(3).await;
    let path = "/v2/a/b/tags/list";
    let query = "?last=v01&n=2";
    let url = registry.url();
    for (form, link) in [
        (LinkForm::Absolute, format!("<{url}{path}{query}>; rel=\"next\"")),
        (LinkForm::Http, format!("<{url}{path}{query}>; rel=\"next\"")),
        (LinkForm::Host("other:1".into()), format!("<http://other:1{path}{query}>; rel=\"next\"")),
        (LinkForm::QueryOnly, format!("<{query}>; rel=\"next\"")),
        (LinkForm::UnquotedRel, format!("<{path}{query}>; rel=next")),
        (LinkForm::ParametersFirst, format!("<{path}{query}>; title=\"a, b; c\"; rel=\"next\"")),
        (LinkForm::NoBrackets, format!("{path}{query}; rel=\"next\"")),
        (LinkForm::Loop, format!("<{path}?n=2>; rel=\"next\"")),
        (LinkForm::Verbatim("rubbish".into()), "rubbish".to_owned()),
    ] {
        registry.set_quirks([Quirk::Link(form.clone())]);
        let answer = client.get(&format!("{path}?n=2")).await;
        assert_eq!(answer.header("link"), Some(link.as_str()), "{form:?}");
    }
    registry.set_quirks([Quirk::Link(LinkForm::Several)]);
    let several = client.get(&format!("{path}?n=2")).await;
    assert_eq!(several.header("link").unwrap().matches("rel=").count(), 3);
    registry.set_quirks([Quirk::Link(LinkForm::SeveralHeaders)]);
    let several = client.get(&format!("{path}?n=2")).await;
    assert_eq!(several.headers.get_all("link").iter().count(), 2);

    registry.set_quirks([Quirk::Link(LinkForm::LastRepeats)]);
    let last = client.get(&format!("{path}?last=v01&n=2")).await;
    assert_eq!(tags(&last), ["v02"]);
    let link = last.header("link").unwrap();
    assert_eq!(link, "</v2/a/b/tags/list?last=v01&n=1>; rel=\"next\"");
    let again = client.get(link.trim_start_matches('<').split('>').next().unwrap()).await;
    assert_eq!((tags(&again), again.header("link")), (vec!["v02".to_owned()], Some(link)));
}

#[tokio::test]
async fn limits_of_pages() {
    let (registry, client) = with_tags(5).await;
    registry.set_quirks([Quirk::PageSize(3)]);
    let page = client.get("/v2/a/b/tags/list?n=100").await;
    assert_eq!(tags(&page).len(), 3);
    assert!(page.header("link").unwrap().contains("n=3"));
    registry.set_quirks([Quirk::PageLimit(1000, 405)]);
    assert_eq!(
        client.get("/v2/a/b/tags/list?n=1001").await.expect(405).code(),
        "PAGINATION_NUMBER_INVALID"
    );
    client.get("/v2/a/b/tags/list?n=1000").await.expect(200);
    registry.set_quirks([Quirk::TruncatesWithoutLink(2)]);
    let page = client.get("/v2/a/b/tags/list").await;
    assert_eq!((tags(&page).len(), page.header("link")), (2, None));
    assert_eq!(tags(&client.get("/v2/a/b/tags/list?last=v01").await), ["v02", "v03"]);
    registry.set_quirks([Quirk::TagsUnpaged]);
    let all = tags(&client.get("/v2/a/b/tags/list?n=1").await);
    let mut sorted = all.clone();
    sorted.sort();
    assert_eq!(sorted, registry.tags("a/b"));
    assert_ne!(all, sorted, "in no order");
}

#[tokio::test]
async fn odd_lists() {
    let (registry, client) = with_tags(1).await;
    let body = async |form: TagsForm| {
        registry.set_quirks([Quirk::Tags(form)]);
        client.get("/v2/a/b/tags/list").await.expect(200).json()
    };
    assert_eq!(body(TagsForm::Null).await, json!({ "name": "a/b", "tags": null }));
    assert_eq!(body(TagsForm::Missing).await, json!({ "name": "a/b" }));
    let odd = vec![Value::Null, json!("sha256:00"), json!(7)];
    assert_eq!(body(TagsForm::Besides(odd)).await["tags"], json!([null, "sha256:00", 7, "v00"]));
    assert_eq!(body(TagsForm::Errors).await["errors"][0]["code"], "NAME_UNKNOWN");
    registry.set_quirks([Quirk::AbsentTags(403), Quirk::CatalogRefused(404)]);
    client.get("/v2/none/tags/list").await.expect(403);
    client.get("/v2/_catalog").await.expect(404);
}
