use serde_json::{Value, json};
use testkit::{Auth, Fault, Image, Kind, Layer, Quirk, Registry, Stall};

use crate::host::World;

fn open(host: &str, repository: Option<&str>) -> Value {
    json!({ "token": "t", "accountId": null, "host": host, "namespace": null, "repository": repository,
        "refresh": false })
}

fn names(page: &Value) -> Vec<&str> {
    page["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["name"].as_str().unwrap())
        .collect()
}

async fn stocked(tags: usize) -> Registry {
    let registry = Registry::builder().auth(Auth::token("me", "s3")).start().await;
    let built =
        registry.push("team/app", "v1", &Image::single("linux/amd64", [Layer::random(1, 900)]));
    for n in 0..tags {
        registry.store().put_tag("team/app", &format!("t{n:05}"), built.digest());
    }
    registry
}

#[tokio::test]
async fn levels_are_read_once_page_by_page_and_anew_when_asked() {
    let world = World::new();
    let registry = stocked(2500).await;
    let host = registry.host();
    let account = world.account(host, "me", "s3").await;
    let mut top = open(host, None);
    top["accountId"] = json!(account);
    let page = world.ok("browse.open", top.clone()).await;
    assert_eq!((names(&page), &page["more"]), (vec!["team/app"], &json!(true)));
    assert_eq!(page["fetchedAt"], "2026-01-02T03:04:05Z");
    assert_eq!(
        (&page["entries"][0]["kind"], &page["entries"][0]["usable"]),
        (&json!("repository"), &json!(true))
    );

    // an account is found without being named
    let tags = world.ok("browse.open", open(host, Some("team/app"))).await;
    assert_eq!(tags["entries"].as_array().unwrap().len(), 1000);
    assert_eq!(registry.count_of("GET", Kind::Tags), 1);
    // it is kept
    let again = world.ok("browse.open", open(host, Some("team/app"))).await;
    assert_eq!(
        (again["entries"].as_array().unwrap().len(), &again["listId"]),
        (1000, &tags["listId"])
    );
    let more = json!({ "token": "m", "listId": tags["listId"], "from": 1000 });
    let page = world.ok("browse.more", more.clone()).await;
    assert_eq!(
        (page["from"].as_u64(), page["entries"].as_array().unwrap().len()),
        (Some(1000), 1000)
    );
    // who asks for the same again gets the same, without a request
    let requests = registry.requests().len();
    assert_eq!(world.ok("browse.more", more).await["entries"], page["entries"]);
    assert_eq!(registry.requests().len(), requests);
    let rest = json!({ "token": "m", "listId": tags["listId"], "from": 2000 });
    let page = world.ok("browse.more", rest).await;
    assert_eq!((page["entries"].as_array().unwrap().len(), &page["more"]), (501, &json!(true)));
    let end = json!({ "token": "m", "listId": tags["listId"], "from": 2501 });
    let page = world.ok("browse.more", end).await;
    assert_eq!((page["entries"].as_array().unwrap().len(), &page["more"]), (0, &json!(false)));

    // anew
    registry.store().delete_tag("team/app", "t00000");
    let mut anew = open(host, Some("team/app"));
    anew["refresh"] = json!(true);
    let page = world.ok("browse.open", anew).await;
    assert_ne!(page["listId"], tags["listId"]);
    assert_eq!(names(&page)[0], "t00001");
    let gone = json!({ "token": "m", "listId": tags["listId"], "from": 0 });
    assert_eq!(world.code("browse.more", gone).await, "gone");
    world.ok("browse.forget", json!({ "id": page["listId"] })).await;
    let gone = json!({ "token": "m", "listId": page["listId"], "from": 0 });
    assert_eq!(world.code("browse.more", gone).await, "gone");
}

#[tokio::test]
async fn what_nobody_waits_for_is_given_up_and_begins_again() {
    let world = World::new();
    let registry = Registry::start().await;
    registry.push("team/app", "v1", &Image::single("linux/amd64", []));
    world.account(registry.host(), "", "").await;
    let stall = registry.fault(Fault::on(Kind::Tags).stall(Stall::Answer));
    let api = world.api.clone();
    let request = open(registry.host(), Some("team/app"));
    let waiting = tokio::spawn({
        let request = request.clone();
        async move { api.call("browse.open", request).await }
    });
    registry.wait_for(|all| all.iter().any(|request| request.kind == Kind::Tags)).await;
    world.ok("browse.cancel", json!({ "token": "t" })).await;
    assert_eq!(waiting.await.unwrap().unwrap_err().code, "cancelled");
    assert_eq!(stall.fired(), 1);
    stall.release();
    assert_eq!(names(&world.ok("browse.open", request).await), ["v1"]);
    // a name that nobody has is no error
    world.ok("browse.cancel", json!({ "token": "unknown" })).await;
}

#[tokio::test]
async fn a_page_that_fails_is_read_again_and_what_was_there_stays() {
    let world = World::new();
    let registry = Registry::builder().quirk(Quirk::PageSize(2)).start().await;
    let built = registry.push("team/app", "v1", &Image::single("linux/amd64", []));
    for n in 2..=5 {
        registry.store().put_tag("team/app", &format!("v{n}"), built.digest());
    }
    world.account(registry.host(), "", "").await;
    let page = world.ok("browse.open", open(registry.host(), Some("team/app"))).await;
    let more = json!({ "token": "m", "listId": page["listId"], "from": 2 });
    registry.fault(Fault::on(Kind::Tags).status(403));
    assert_eq!(world.code("browse.more", more.clone()).await, "access.pull-denied");
    registry.assert_all_fired();
    assert_eq!(names(&world.ok("browse.more", more).await), ["v3", "v4"]);
    assert_eq!(
        names(&world.ok("browse.open", open(registry.host(), Some("team/app"))).await).len(),
        4
    );
}

#[tokio::test]
async fn what_does_not_list_says_so_and_names_are_taken_by_hand() {
    let world = World::new();
    let registry = Registry::builder().quirk(Quirk::CatalogRefused(404)).start().await;
    let host = registry.host();
    world.account(host, "", "").await;
    let error = world.call("browse.open", open(host, None)).await.unwrap_err();
    assert_eq!((error.code.as_str(), error.params["host"].as_str()), ("catalog.unsupported", host));
    assert!(error.hint.contains("Name the repositories one by one"), "{}", error.hint);
    let text = format!("team/app\n- {host}/team/web:v1, \"UPPER/x\"\nquay.io/other/app team/app");
    let found = world.ok("browse.names", json!({ "host": host, "text": text })).await;
    let told: Vec<_> = found
        .as_array()
        .unwrap()
        .iter()
        .map(|name| (name["repository"].as_str(), name["tag"].as_str(), name["problem"].is_null()))
        .collect();
    assert_eq!(
        told,
        [
            (Some("team/app"), None, true),
            (Some("team/web"), Some("v1"), true),
            (None, None, false),
            (None, None, false),
        ]
    );
    let hub =
        json!({ "host": "docker.io", "text": "nginx bitnami/redis:7 docker.io/library/alpine" });
    let found = world.ok("browse.names", hub).await;
    assert_eq!(found[0]["repository"], "library/nginx");
    assert_eq!((&found[1]["repository"], &found[1]["tag"]), (&json!("bitnami/redis"), &json!("7")));
    assert_eq!(found[2]["repository"], "library/alpine");
    let many = "a ".repeat(1001);
    assert_eq!(
        world.code("browse.names", json!({ "host": host, "text": many })).await,
        "config.invalid"
    );
}

#[tokio::test]
async fn an_image_is_looked_into_once() {
    let world = World::new();
    let registry = stocked(0).await;
    world.account(registry.host(), "me", "s3").await;
    let reference = format!("{}/team/app:v1", registry.host());
    let request =
        json!({ "token": "d", "accountId": null, "reference": reference, "refresh": false });
    let found = world.ok("browse.details", request.clone()).await;
    assert_eq!(found["digest"].as_str(), registry.tag_digest("team/app", "v1").as_deref());
    assert_eq!((&found["kind"], &found["signed"]), (&json!("image"), &json!(false)));
    assert_eq!(found["images"][0]["platform"], "linux/amd64");
    assert_eq!(found["images"][0]["layers"].as_array().unwrap().len(), 1);
    let requests = registry.requests().len();
    assert_eq!(world.ok("browse.details", request.clone()).await, found);
    assert_eq!(registry.requests().len(), requests);
    let mut anew = request;
    anew["refresh"] = json!(true);
    world.ok("browse.details", anew).await;
    assert!(registry.requests().len() > requests);
    let wrong = json!({ "token": "d", "accountId": null, "reference": "UPPER", "refresh": false });
    assert_eq!(world.code("browse.details", wrong).await, "config.invalid");
    let gone =
        json!({ "token": "d", "accountId": "nobody", "reference": reference, "refresh": false });
    assert_eq!(world.code("browse.details", gone).await, "gone");
}

#[tokio::test]
async fn names_by_hand_are_kept_for_their_registry_until_they_are_taken_off() {
    let world = World::new();
    let host = json!({ "host": "r.example.com:5000" });
    assert_eq!(world.ok("browse.kept", host.clone()).await, json!([]));
    let names = |text: &str| json!({ "host": "r.example.com:5000", "text": text });
    world.ok("browse.names", names("team/web, team/app:v1\nteam/app:v2 UPPER")).await;
    world.ok("browse.names", names("team/app:v1")).await;
    let kept = json!([
        { "repository": "team/app", "tags": ["v1", "v2"] },
        { "repository": "team/web", "tags": [] },
    ]);
    assert_eq!(world.ok("browse.kept", host.clone()).await, kept);
    // after the next start too, and for no other registry
    let World { dir, .. } = world;
    let world = World::at(dir);
    assert_eq!(world.ok("browse.kept", host.clone()).await, kept);
    assert_eq!(world.ok("browse.kept", json!({ "host": "other" })).await, json!([]));
    for _ in 0..2 {
        let drop = json!({ "host": "r.example.com:5000", "repository": "team/app" });
        world.ok("browse.drop", drop).await;
    }
    assert_eq!(world.ok("browse.kept", host.clone()).await[0]["repository"], "team/web");
    // what others have written is not believed
    let file = world.dir.path().join("repositories.json");
    let odd = r#"{"version": 1, "registries": {"r.example.com:5000": {"UPPER": [], "a": ["b c"], "ok": []}}}"#;
    std::fs::write(&file, odd).unwrap();
    assert_eq!(
        world.ok("browse.kept", host.clone()).await,
        json!([{ "repository": "ok", "tags": [] }])
    );
    std::fs::write(&file, "{ half").unwrap();
    assert_eq!(world.code("browse.kept", host.clone()).await, "config.invalid");
    assert_eq!(world.ok("browse.kept", host).await, json!([]), "it was kept aside");
}
