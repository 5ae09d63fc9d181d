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
async fn all_that_a_file_says_comes_to_the_page_and_back() {
    let world = World::new();
    let path = world.dir.path().join("profiles/a.yaml");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let text = "version: 1\nname: A\nrules:\n- source: quay.io/a/b\n  destinations: [r.example.com/b]\n  platforms:\n    \
                os: [linux]\n  tags: {newest: 4, newest_by: created}\n- source: quay.io/team/*\n  destinations: ['r.io/{path}']\n  \
                repositories: {exclude: [team/old]}\naccounts:\n  quay.io: robot\npolicy:\n  index: sparse\n  \
                attestations: strip\n  retries: 7\n  proc: 3\n  create: true\n";
    std::fs::write(&path, text).unwrap();
    let mut profile = world.ok("profiles.get", json!({ "id": "a" })).await;
    assert_eq!(profile["attestations"], "strip");
    assert_eq!(
        profile["rules"][0]["tags"],
        json!({ "include": [], "exclude": [], "versions": null, "newest": 4, "newestBy": "created" })
    );
    assert_eq!(profile["rules"][0]["platforms"], json!({ "os": ["linux"], "arch": [] }));
    assert_eq!(profile["rules"][1]["repositories"], json!({ "exclude": ["team/old"] }));
    assert_eq!(
        [&profile["index"], &profile["retries"], &profile["proc"], &profile["bandwidth"]],
        [&json!("sparse"), &json!(7), &json!(3), &json!(null)]
    );
    profile["referrers"] = json!(true);
    profile["attestations"] = json!("auto");
    profile["bandwidth"] = json!(5_000_000);
    world.ok("profiles.save", profile).await;
    let text = std::fs::read_to_string(&path).unwrap();
    for part in [
        "robot",
        "retries: 7",
        "proc: 3",
        "referrers: true",
        "linux",
        "newest: 4",
        "create: true",
        "newest_by: created",
        "bandwidth: 5000000",
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
    draft["rules"][0]["tags"] =
        json!({ "include": ["1.*", "[1]"], "versions": "new", "newest": 0, "newestBy": "created" });
    draft["rules"][0]["platforms"] = json!({ "os": [], "arch": [""] });
    let problems = world.ok("profiles.check", draft.clone()).await;
    let places: Vec<(&str, Option<u64>, u64)> = problems
        .as_array()
        .unwrap()
        .iter()
        .map(|p| (p["field"].as_str().unwrap(), p["rule"].as_u64(), p["item"].as_u64().unwrap()))
        .collect();
    for place in [
        ("name", None, 0),
        ("source", Some(0), 0),
        ("destination", Some(0), 1),
        ("include", Some(0), 1),
        ("versions", Some(0), 0),
        ("newest", Some(0), 0),
        ("arch", Some(0), 0),
        ("arch", None, 0),
    ] {
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
    let params = &list[0]["broken"]["params"];
    assert_eq!((&params["line"], &params["column"]), (&json!("4"), &json!("1")), "{list}");
    assert!(params["file"].as_str().unwrap().ends_with("bad.yaml"));
    // it is never changed by being listed, and kept when it is removed
    world.ok("profiles.remove", json!({ "id": "bad" })).await;
    let kept = std::fs::read_to_string(path.with_extension("yaml.broken-1")).unwrap();
    assert_eq!(kept, "version: 1\nname: Bad\nrules: [\n");
    std::fs::rename(path.with_extension("yaml.broken-1"), &path).unwrap();
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
    let warnings = report["warnings"].to_string();
    assert!(warnings.contains("had.example.com already"), "{warnings}");
    let known = &report["warnings"][0];
    assert_eq!(known["what"]["key"], "import_account_known");
    assert_eq!(known["what"]["params"]["address"], "had.example.com");
    assert_eq!((&known["file"], known["line"].is_u64()), (&json!(auth), true));
    assert_eq!((&report["changed"], &report["refused"]), (&json!([]), &json!([])));

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

#[tokio::test]
async fn a_profile_is_renamed_and_its_file_exported_and_imported() {
    let world = World::new();
    let id = world.profile("Mirror", "quay.io/a/b", "r.example.com/b").await;
    let renamed = world.ok("profiles.rename", json!({ "id": id, "name": "Nightly" })).await;
    assert_eq!((&renamed["id"], &renamed["name"]), (&json!("mirror"), &json!("Nightly")));
    let path = world.ok("profiles.exportFile", json!({ "id": id })).await;
    let path = path.as_str().unwrap();
    let kept = world.dir.path().join("profiles/mirror.yaml");
    assert_eq!(std::fs::read(path).unwrap(), std::fs::read(kept).unwrap());

    let request = json!({ "name": "", "images": path, "auth": null });
    let error = world.call("profiles.import", request.clone()).await.unwrap_err();
    assert_eq!(error.params["field"], "name", "the name is taken");
    world.ok("profiles.remove", json!({ "id": id })).await;
    let report = world.ok("profiles.import", request).await;
    assert_eq!((&report["taken"], &report["profile"]["name"]), (&json!(1), &json!("Nightly")));
    let read = world.ok("profiles.get", json!({ "id": report["profile"]["id"] })).await;
    assert_eq!(read["rules"], renamed["rules"]);

    // a file of ours that is wrong is told as such
    std::fs::write(path, "version: 1\nname: X\nrules: 7\n").unwrap();
    let request = json!({ "name": "X", "images": path, "auth": null });
    let error = world.call("profiles.import", request).await.unwrap_err();
    assert_eq!([&error.params["line"], &error.params["column"]], ["3", "8"]);
}

#[tokio::test]
async fn an_images_file_says_what_it_can_and_the_report_what_it_cannot() {
    let world = World::new();
    let mut draft = profile("", "Mirror", "quay.io/a/b:v1", "r.example.com/{path}");
    draft["rules"].as_array_mut().unwrap().extend([
        json!({ "source": "quay.io/a/c", "destinations": ["r.example.com/c"], "tags": { "include": ["1.*", "/^v/"] } }),
        json!({ "source": "quay.io/a/d", "destinations": ["r.example.com/d"], "tags": { "newest": 3 } }),
        json!({ "source": "quay.io/team/*", "destinations": ["r.example.com/{name}"] }),
    ]);
    draft["os"] = json!(["linux"]);
    draft["overwrite"] = json!("never");
    draft["referrers"] = json!(true);
    let id = world.ok("profiles.save", draft).await["id"].clone();
    let shown = world.ok("profiles.exportOriginal", json!({ "id": id, "save": false })).await;
    assert_eq!(
        (&shown["taken"], &shown["of"], &shown["path"]),
        (&json!(2), &json!(4), &json!(null))
    );
    assert_eq!(
        shown["text"],
        "quay.io/a/b:v1: r.example.com/a/b\n\"quay.io/a/c:/(?:^1\\\\.[^/]*$)|(?:^v)/\": r.example.com/c\n"
    );
    let notes = shown["notes"].to_string();
    for part in [
        "quay.io/a/d",
        "quay.io/team/*",
        "--os linux",
        "can't be told not to",
        "signatures",
        "auth file",
    ] {
        assert!(notes.contains(part), "{part} in {notes}");
    }
    let saved = world.ok("profiles.exportOriginal", json!({ "id": id, "save": true })).await;
    let path = saved["path"].as_str().unwrap();
    assert_eq!(std::fs::read_to_string(path).unwrap(), shown["text"].as_str().unwrap());
    // and back
    let request = json!({ "name": "Back", "images": path, "auth": null });
    let report = world.ok("profiles.import", request).await;
    assert_eq!(report["taken"], json!(2));
}
