use accounts::keyring::State;
use serde_json::{Value, json};

use crate::host::{World, profile};

#[tokio::test]
async fn a_profile_is_saved_listed_copied_and_removed() {
    let world = World::new();
    let saved = world
        .ok("profiles.save", profile("", "Team mirror", "quay.io/a/b:1,2", "r.example.com/x/b"))
        .await;
    assert_eq!(saved["id"], "team-mirror");
    assert_eq!(world.ok("profiles.get", json!({ "id": "team-mirror" })).await, saved);
    assert!(world.dir.path().join("profiles/team-mirror.yaml").exists());
    let mut change = saved.clone();
    change["name"] = json!("Mirror");
    change["os"] = json!(["linux"]);
    change["overwrite"] = json!("never");
    assert_eq!(world.ok("profiles.save", change.clone()).await, change);

    let copy = world.ok("profiles.duplicate", json!({ "id": "team-mirror" })).await;
    assert_eq!((&copy["name"], &copy["rules"]), (&json!("Mirror 2"), &saved["rules"]));
    let list = world.ok("profiles.list", json!(null)).await;
    assert_eq!(
        list[0],
        json!({ "id": "team-mirror", "name": "Mirror", "rules": 1, "first": "quay.io/a/b:1,2 → r.example.com/x/b",
            "demo": false, "broken": null, "lastRun": null })
    );
    world.ok("profiles.remove", json!({ "id": "team-mirror" })).await;
    assert_eq!(world.ok("profiles.list", json!(null)).await.as_array().unwrap().len(), 1);
    assert_eq!(world.code("profiles.get", json!({ "id": "team-mirror" })).await, "gone");
    assert_eq!(world.code("profiles.get", json!({ "id": "../settings" })).await, "gone");
}

#[tokio::test]
async fn what_the_page_does_not_show_stays() {
    let world = World::new();
    let path = world.dir.path().join("profiles/a.yaml");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let text = "version: 1\nname: A\nrules:\n- source: quay.io/a/b\n  destinations: [r.example.com/b]\n  platforms:\n    \
                os: [linux]\n  tags: {newest: 4}\n- source: quay.io/team/*\n  destinations: ['r.io/{path}']\n  \
                repositories: {exclude: [team/old]}\naccounts:\n  quay.io: robot\npolicy:\n  index: sparse\n  \
                attestations: strip\n  retries: 7\n  proc: 3\n";
    std::fs::write(&path, text).unwrap();
    let mut profile = world.ok("profiles.get", json!({ "id": "a" })).await;
    assert_eq!(profile["attestations"], "strip");
    profile["referrers"] = json!(true);
    profile["attestations"] = json!("auto");
    world.ok("profiles.save", profile).await;
    let text = std::fs::read_to_string(&path).unwrap();
    for part in [
        "robot",
        "retries: 7",
        "proc: 3",
        "referrers: true",
        "linux",
        "newest: 4",
        "team/old",
        "index: sparse",
        "attestations: auto",
    ] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
}

#[tokio::test]
async fn what_is_wrong_is_told_by_its_place() {
    let world = World::new();
    let mut draft = profile("", "", "quay.io/UPPER:1", "");
    draft["rules"][0]["destinations"] = json!(["r.example.com/x", "r.example.com/y z"]);
    draft["arch"] = json!([""]);
    let problems = world.ok("profiles.check", draft.clone()).await;
    let places: Vec<(&str, u64, u64)> = problems
        .as_array()
        .unwrap()
        .iter()
        .map(|p| {
            (
                p["field"].as_str().unwrap(),
                p["rule"].as_u64().unwrap(),
                p["destination"].as_u64().unwrap(),
            )
        })
        .collect();
    for place in [("name", 0, 0), ("source", 0, 0), ("destination", 0, 1)] {
        assert!(places.contains(&place), "{place:?} in {places:?}");
    }
    assert_eq!(world.code("profiles.save", draft).await, "config.invalid");
    assert_eq!(world.ok("profiles.list", json!(null)).await, json!([]));

    world.profile("One", "quay.io/a/b", "r.example.com/b").await;
    let error = world
        .call("profiles.save", profile("", "one", "quay.io/a/b", "r.example.com/b"))
        .await
        .unwrap_err();
    assert_eq!(error.params["field"], "name");
}

#[tokio::test]
async fn a_broken_file_is_listed_with_its_line() {
    let world = World::new();
    let path = world.dir.path().join("profiles/bad.yaml");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, "version: 1\nname: Bad\nrules: [\n").unwrap();
    let list = world.ok("profiles.list", json!(null)).await;
    assert_eq!(
        (&list[0]["name"], &list[0]["broken"]["code"]),
        (&json!("bad"), &json!("config.invalid"))
    );
    assert!(list[0]["broken"]["params"]["line"].is_string(), "{list}");
    assert_eq!(world.code("runs.plan", json!({ "profileId": "bad" })).await, "config.invalid");
}

#[tokio::test]
async fn the_command_line_is_quoted() {
    let world = World::new();
    for (name, command) in [
        ("mirror", "image-syncer run mirror"),
        ("Team mirror", "image-syncer run 'Team mirror'"),
        ("it's", r"image-syncer run 'it'\''s'"),
        ("-x", "image-syncer run -- '-x'"),
    ] {
        let id = world.profile(name, "quay.io/a/b", "r.example.com/b").await;
        assert_eq!(world.ok("profiles.command", json!({ "id": id })).await, command);
    }
}

fn files(world: &World, images: &str, auth: &str) -> (Value, Value) {
    let path = |name: &str| world.files.path().join(name);
    std::fs::write(path("images.yaml"), images).unwrap();
    std::fs::write(path("auth.yaml"), auth).unwrap();
    (json!(path("images.yaml")), json!(path("auth.yaml")))
}

#[tokio::test]
async fn files_are_imported_with_their_logins() {
    let world = World::new();
    world.account("had.example.com", "me", "old").await;
    let (images, auth) = files(
        &world,
        "quay.io/a/b:v1: r.example.com/x/b\nquay.io/a/c:\n- r.example.com/x/c\n",
        "quay.io: {username: robot$a+ci, password: p1}\nr.example.com/x: {username: me, password: p2, insecure: true, \
         ca: ca.pem}\nhad.example.com: {username: me, password: new}\nplain.example.com: {insecure: true}\n\
         nothing.example.com: {}\n",
    );
    let request = json!({ "name": "", "images": images, "auth": auth });

    // nothing is made while secrets can't be kept
    *world.keyring.state.lock().unwrap() = State::Locked;
    assert_eq!(world.code("profiles.import", request.clone()).await, "keyring.locked");
    assert_eq!(world.ok("profiles.list", json!(null)).await, json!([]));
    *world.keyring.state.lock().unwrap() = State::Ready;

    let report = world.ok("profiles.import", request.clone()).await;
    assert_eq!((&report["taken"], &report["profile"]["name"]), (&json!(2), &json!("images")));
    let made: Vec<_> = report["accounts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|a| a["address"].as_str().unwrap())
        .collect();
    assert_eq!(made, ["quay.io", "r.example.com/x", "plain.example.com"]);
    assert_eq!(report["accounts"][1]["caFile"], json!(world.files.path().join("ca.pem")));
    assert_eq!(world.keyring.get("quay-io").as_deref(), Some("p1"));
    assert_eq!(world.keyring.get("r-example-com-x").as_deref(), Some("p2"));
    assert_eq!(
        world.keyring.get("had-example-com").as_deref(),
        Some("old"),
        "what was there stays"
    );
    let notes = report["notes"].to_string();
    assert!(notes.contains("had.example.com already"), "{notes}");

    // a second time there is a profile of that name
    let error = world.call("profiles.import", request).await.unwrap_err();
    assert_eq!(error.params["field"], "name");
}

#[tokio::test]
async fn a_wrong_file_is_told_with_its_line_and_makes_nothing() {
    let world = World::new();
    let (images, auth) =
        files(&world, "quay.io/a/b: [\n", "quay.io: {username: me, password: CANARY}\n");
    let error = world
        .call("profiles.import", json!({ "name": "x", "images": images, "auth": auth }))
        .await
        .unwrap_err();
    assert_eq!(error.code, "config.invalid");
    assert!(
        error.params.contains_key("line") && error.message.contains("images.yaml"),
        "{error:?}"
    );
    assert!(!format!("{error:?}").contains("CANARY"));
    assert_eq!(world.ok("accounts.list", json!(null)).await, json!([]));
    let error = world
        .call("profiles.import", json!({ "name": "x", "images": "/no/such", "auth": null }))
        .await;
    assert_eq!(error.unwrap_err().code, "file.failed");
}

#[tokio::test]
async fn the_demo_is_a_profile_that_is_never_written() {
    let world = World::new();
    assert_eq!(world.code("profiles.get", json!({ "id": "demo" })).await, "gone");
    let demo = world.ok("demo.start", json!(null)).await;
    assert_eq!(world.ok("demo.start", json!(null)).await, demo, "one demo");
    let list = world.ok("profiles.list", json!(null)).await;
    assert_eq!((&list[0]["id"], &list[0]["demo"]), (&json!("demo"), &json!(true)));
    let profile = world.ok("profiles.get", json!({ "id": "demo" })).await;
    assert!(
        profile["rules"][0]["source"]
            .as_str()
            .unwrap()
            .starts_with(demo["source"].as_str().unwrap())
    );
    assert_eq!(world.ok("profiles.command", json!({ "id": "demo" })).await, "image-syncer demo");
    assert_eq!(world.code("profiles.save", profile).await, "config.invalid");
    assert_eq!(world.code("profiles.duplicate", json!({ "id": "demo" })).await, "config.invalid");
    world.ok("profiles.remove", json!({ "id": "demo" })).await;
    assert_eq!(world.ok("profiles.list", json!(null)).await, json!([]));
    assert!(!world.dir.path().join("profiles").exists());
}
