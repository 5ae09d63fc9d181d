use serde_json::{Value, json};
use testkit::{Image, Kind, Layer, Registry};

use crate::host::World;

fn ask(source: &str, destinations: &[&str], ask: bool) -> Value {
    json!({ "token": "p", "rule": { "source": source, "destinations": destinations }, "accountId": null, "ask": ask,
        "dates": false, "limit": 2 })
}

fn pairs(preview: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let first = preview["first"].as_array().unwrap();
    first.iter().map(|pair| (text(&pair["source"]), text(&pair["destination"]))).collect()
}

/// An image of one tag whose config says when it was made.
fn on(day: u64) -> Image {
    let config = format!(
        r#"{{"created":"2026-01-{day:02}T00:00:00Z","os":"linux","architecture":"amd64"}}"#
    );
    Image::single("linux/amd64", [Layer::random(day, 300)])
        .config("application/vnd.oci.image.config.v1+json", config)
}

async fn stocked(world: &World) -> Registry {
    let registry = Registry::start().await;
    for (day, tag) in [(3, "1.0"), (2, "1.1"), (4, "1.2"), (1, "2.0-rc1"), (5, "latest")] {
        registry.push("team/app", tag, &on(day));
    }
    registry.push("team/web", "1.0", &on(9));
    registry.push("other/app", "1.0", &on(8));
    let draft = json!({ "id": null, "name": "", "address": registry.host(), "username": "", "secret": null,
        "insecure": true, "caFile": null });
    world.ok("accounts.save", draft).await;
    registry
}

#[tokio::test]
async fn nothing_is_asked_until_it_is_wanted_and_then_once() {
    let world = World::new();
    let registry = stocked(&world).await;
    let host = registry.host();
    let source = format!("{host}/team/app:/^1/");
    let preview = world.ok("profiles.preview", ask(&source, &["r.io/x"], false)).await;
    assert_eq!((&preview["known"], &preview["first"]), (&json!(false), &json!([])));
    assert_eq!(registry.requests().len(), 0);

    let preview =
        world.ok("profiles.preview", ask(&source, &["r.io/x", "s.io/{path}"], true)).await;
    assert_eq!(
        [
            &preview["known"],
            &preview["complete"],
            &preview["matched"],
            &preview["of"],
            &preview["pairs"]
        ],
        [&json!(true), &json!(true), &json!(3), &json!(5), &json!(6)]
    );
    assert_eq!(
        pairs(&preview),
        [("1.0", "1.0"), ("1.1", "1.1")]
            .map(|(from, to)| (format!("{host}/team/app:{from}"), format!("r.io/x:{to}")))
    );
    assert_eq!(registry.count_of("GET", Kind::Tags), 1);
    let requests = registry.requests().len();
    // from here on the list is known, to Browse too
    let preview = world.ok("profiles.preview", ask(&format!("{host}/team/app"), &[], false)).await;
    assert_eq!((&preview["matched"], &preview["pairs"]), (&json!(5), &json!(5)));
    assert_eq!(pairs(&preview)[0], (format!("{host}/team/app:1.0"), String::new()));
    let open = json!({ "token": "t", "accountId": null, "host": host, "namespace": null, "repository": "team/app",
        "refresh": false });
    assert_eq!(world.ok("browse.open", open).await["entries"].as_array().unwrap().len(), 5);
    assert_eq!(registry.requests().len(), requests);
}

#[tokio::test]
async fn what_browse_has_read_is_enough_and_named_tags_need_no_list() {
    let world = World::new();
    let registry = stocked(&world).await;
    let host = registry.host();
    let named = format!("{host}/team/app:1.0,gone");
    let preview = world.ok("profiles.preview", ask(&named, &["r.io/x"], true)).await;
    assert_eq!((&preview["matched"], &preview["of"]), (&json!(2), &json!(null)));
    assert_eq!(registry.requests().len(), 0);
    // names that do not fit are told, though the rule is well written
    let preview = world
        .ok("profiles.preview", ask(&format!("{host}/team/app"), &["r.io/x:only"], true))
        .await;
    assert_eq!(preview["problem"]["code"], "rule.invalid");
    let wrong = ask(&format!("{host}/TEAM"), &["r.io/x"], true);
    assert_eq!(world.code("profiles.preview", wrong).await, "config.invalid");
}

#[tokio::test]
async fn dates_are_read_only_when_they_are_asked_for_and_kept() {
    let world = World::new();
    let registry = stocked(&world).await;
    let mut request = ask(&format!("{}/team/app", registry.host()), &["r.io/x"], true);
    request["rule"]["tags"] = json!({ "newest": 2, "newestBy": "created" });
    let preview = world.ok("profiles.preview", request.clone()).await;
    assert_eq!(
        [&preview["configs"], &preview["matched"], &preview["of"], &preview["first"]],
        [&json!(5), &json!(2), &json!(5), &json!([])]
    );
    assert_eq!(registry.count_of("GET", Kind::Manifest), 0, "told before anything is read");
    request["dates"] = json!(true);
    for _ in 0..2 {
        let preview = world.ok("profiles.preview", request.clone()).await;
        let sources: Vec<_> = pairs(&preview).into_iter().map(|(source, _)| source).collect();
        assert_eq!(
            sources,
            ["1.2", "latest"].map(|tag| format!("{}/team/app:{tag}", registry.host()))
        );
        assert_eq!(preview["configs"], 0);
    }
    assert_eq!(registry.count_of("GET", Kind::Blob), 5, "one config per tag, once");
}

#[tokio::test]
async fn repositories_that_match_are_counted_with_their_places() {
    let world = World::new();
    let registry = stocked(&world).await;
    let host = registry.host();
    let mut request = ask(&format!("{host}/team/*"), &["r.io/m/{name}"], true);
    request["rule"]["repositories"] = json!({ "exclude": ["team/we*"] });
    let preview = world.ok("profiles.preview", request).await;
    assert_eq!(
        [&preview["byRepository"], &preview["matched"], &preview["of"], &preview["pairs"]],
        [&json!(true), &json!(1), &json!(3), &json!(1)]
    );
    assert_eq!(pairs(&preview), [(format!("{host}/team/app"), "r.io/m/app".to_owned())]);
    let preview = world.ok("profiles.preview", ask(&format!("{host}/**"), &[], false)).await;
    assert_eq!((&preview["matched"], preview["first"].as_array().unwrap().len()), (&json!(3), 2));
    assert_eq!(registry.count_of("GET", Kind::Catalog), 1);
}
