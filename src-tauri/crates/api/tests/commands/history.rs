//! What is kept of runs, and what can be done with a run while it goes and afterwards.

use accounts::keyring::State;
use serde_json::{Value, json};
use store::{
    Dirs, History, ProfileLock,
    history::{NewRun, Picked, StartedBy, new_id},
};
use testkit::{Fault, Image, Kind, Layer, Registry, Stall};

use crate::host::{World, draft, profile};

/// Two registries that need no login, with three images at the first, and a profile.
async fn setting(world: &World) -> (Registry, Registry, String) {
    let (source, destination) = (Registry::start().await, Registry::start().await);
    for (n, tag) in ["1", "2", "3"].into_iter().enumerate() {
        let layers = [Layer::random(n as u64, 50_000)];
        source.push("a/b", tag, &Image::single("linux/amd64", layers));
    }
    for registry in [&source, &destination] {
        world.ok("accounts.save", draft(registry.host(), "", "")).await;
    }
    let profile = world
        .profile("P", &format!("{}/a/b", source.host()), &format!("{}/x/b", destination.host()))
        .await;
    (source, destination, profile)
}

async fn started(world: &World, request: Value) -> String {
    let run = world.ok("runs.start", request).await;
    run["id"].as_str().unwrap().to_owned()
}

async fn list(world: &World) -> Vec<Value> {
    let page =
        world.ok("history.list", json!({ "before": null, "limit": 50, "profileId": null })).await;
    page["runs"].as_array().unwrap().clone()
}

fn image(source: &Registry, destination: &Registry, tag: &str) -> Value {
    json!({ "source": format!("{}/a/b:{tag}", source.host()),
        "destination": format!("{}/x/b:{tag}", destination.host()) })
}

#[tokio::test]
async fn a_run_is_in_the_history_after_a_restart_with_grid_log_and_report() {
    let mut world = World::new();
    let (source, destination, profile) = setting(&world).await;
    let skip = [image(&source, &destination, "2")];
    let run = started(&world, json!({ "profileId": profile, "skip": skip })).await;
    world.event(|event| event["type"] == "history").await;
    let before = world.ok("runs.snapshot", json!({ "id": run })).await;
    assert_eq!(destination.tags("x/b"), ["1", "3"]);

    let World { dir, files, .. } = world;
    let mut world = World::at(dir);
    drop(files);
    assert_eq!(world.ok("runs.list", json!(null)).await, json!([]));
    let [listed] = list(&world).await.try_into().unwrap();
    assert_eq!(listed["id"], json!(run));
    assert_eq!(
        json!([listed["profileId"], listed["profileName"], listed["startedBy"], listed["result"]]),
        json!([profile, "P", "app", "succeeded"])
    );
    assert_eq!(listed["endedAt"], json!("2026-01-02T03:04:05Z"));
    assert_eq!(listed["totals"]["copied"], json!(2));
    let detail = world.ok("history.get", json!({ "id": run })).await;
    assert_eq!(detail["run"], listed);
    assert_eq!(detail["snapshot"]["images"], before["images"], "the frozen grid");
    assert_eq!(detail["snapshot"]["images"][1]["reason"], "switched off by hand");
    let account = &detail["snapshot"]["images"][0]["sourceAccount"];
    assert_eq!(account["key"], "origin_account");
    assert!(account["params"]["address"].as_str().unwrap().contains(source.host()), "{account}");

    let log = |level: Value, image: Value, from: u64| {
        world.ok("history.log", json!({ "id": run, "level": level, "image": image, "from": from }))
    };
    let all = log(Value::Null, Value::Null, 0).await;
    let lines = all["lines"].as_array().unwrap();
    assert!(lines.iter().any(|line| line["text"].as_str().unwrap().starts_with("copied ")));
    assert_eq!(all["more"], json!(false));
    let of_one = log(Value::Null, json!(1), 0).await;
    assert!(of_one["lines"][0]["text"].as_str().unwrap().contains("switched off"), "{of_one}");
    assert_eq!(log(json!("error"), Value::Null, 0).await["lines"], json!([]));
    let rest = log(Value::Null, Value::Null, 1).await;
    assert_eq!(rest["lines"].as_array().unwrap()[..], lines[1..]);
    let wrong = json!({ "id": run, "level": "loud", "image": null, "from": 0 });
    assert_eq!(world.code("history.log", wrong).await, "config.invalid");

    for (format, start) in [
        ("json", "{\n  \"version\": 1,"),
        ("csv", "source,destination,status,"),
        ("markdown", "# P\n"),
        ("junit", "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"),
    ] {
        let path = world.ok("runs.export", json!({ "id": run, "format": format })).await;
        let text = std::fs::read_to_string(path.as_str().unwrap()).unwrap();
        assert!(text.starts_with(start), "{text}");
        assert!(text.contains("switched off by hand"), "{text}");
    }

    world.ok("history.remove", json!({ "id": run })).await;
    world.event(|event| event["type"] == "history").await;
    assert_eq!(list(&world).await, [] as [Value; 0]);
    for command in ["history.get", "history.remove", "runs.continue"] {
        assert_eq!(world.code(command, json!({ "id": run })).await, "gone");
    }
}

#[tokio::test]
async fn the_history_has_pages() {
    let mut world = World::new();
    let (_source, _destination, profile) = setting(&world).await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(started(&world, json!({ "profileId": profile })).await);
        world.ended(ids.last().unwrap()).await;
    }
    let page = |before: Value, profile: Value| {
        world.ok("history.list", json!({ "before": before, "limit": 2, "profileId": profile }))
    };
    let first = page(Value::Null, json!(profile)).await;
    assert_eq!(
        (&first["runs"][0]["id"], &first["runs"][1]["id"]),
        (&json!(ids[2]), &json!(ids[1]))
    );
    assert_eq!(first["more"], json!(true));
    let second = page(json!(ids[1]), Value::Null).await;
    assert_eq!((&second["runs"][0]["id"], &second["more"]), (&json!(ids[0]), &json!(false)));
    assert_eq!(page(Value::Null, json!("other")).await["runs"], json!([]));
    world.api.retain_history(1).await.unwrap();
    assert_eq!(list(&world).await.len(), 3, "none is older than a day");
}

#[tokio::test]
async fn what_failed_is_run_again_and_nothing_else_is_asked_for() {
    let mut world = World::new();
    let (source, destination, profile) = setting(&world).await;
    let refused =
        destination.fault(Fault::on(Kind::Manifest).put().reference("2").always().status(403));
    let run = started(&world, json!({ "profileId": profile })).await;
    world.ended(&run).await;
    assert!(refused.fired() > 0);
    assert_eq!(list(&world).await[0]["result"], "partly-failed");
    destination.clear_faults();
    source.clear_log();

    // after a restart too
    let World { dir, .. } = world;
    let mut world = World::at(dir);
    let again = world.ok("runs.retry", json!({ "id": run, "images": null })).await;
    assert_eq!(again["retryOf"], json!(run));
    let id = again["id"].as_str().unwrap().to_owned();
    world.ended(&id).await;
    let snapshot = world.ok("runs.snapshot", json!({ "id": id })).await;
    assert_eq!(snapshot["images"].as_array().unwrap().len(), 1);
    assert_eq!(snapshot["images"][0]["status"], "copied");
    assert_eq!(destination.tags("x/b"), ["1", "2", "3"]);
    assert_eq!(source.count(|request| request.path.ends_with("/manifests/1")), 0);
    assert_eq!(list(&world).await[0]["retryOf"], json!(run));

    assert_eq!(
        world.code("runs.retry", json!({ "id": id, "images": null })).await,
        "config.invalid"
    );
    let one = json!({ "id": id, "images": [image(&source, &destination, "2")] });
    let third = world.ok("runs.retry", one).await["id"].as_str().unwrap().to_owned();
    world.ended(&third).await;
    assert_eq!(list(&world).await[0]["totals"]["skipped"], json!(1));
}

#[tokio::test]
async fn a_run_is_paused_limited_and_goes_on() {
    let mut world = World::new();
    let (source, destination, profile) = setting(&world).await;
    let held = source.fault(Fault::on(Kind::Blob).get().always().stall(Stall::AnswerBody(10)));
    let run = started(&world, json!({ "profileId": profile })).await;
    held.wait_fired().await;
    world.ok("runs.pause", json!({ "id": run })).await;
    world.event(|event| event["type"] == "run" && event["run"]["state"] == "paused").await;
    world.event(|event| event["update"]["totals"]["paused"] == true).await;
    assert!(world.api.is_copying());
    let limits = json!({ "id": run, "proc": 2, "bandwidth": 1_000_000 });
    world.ok("runs.limits", limits).await;
    let told = world.event(|event| event["type"] == "run").await;
    assert_eq!(
        (&told["run"]["proc"], &told["run"]["bandwidth"], &told["run"]["state"]),
        (&json!(2), &json!(1_000_000), &json!("paused"))
    );
    for wrong in [
        json!({ "id": run, "proc": 0, "bandwidth": null }),
        json!({ "id": run, "proc": null, "bandwidth": 0 }),
    ] {
        assert_eq!(world.code("runs.limits", wrong).await, "config.invalid");
    }
    held.disarm();
    held.release();
    world.ok("runs.resume", json!({ "id": run })).await;
    let told = world.event(|event| event["type"] == "run").await;
    assert_eq!(told["run"]["state"], "running");
    world.ended(&run).await;
    assert_eq!(destination.tags("x/b"), ["1", "2", "3"]);
    let info = &world.ok("runs.list", json!(null)).await[0];
    assert_eq!((&info["state"], &info["startedBy"]), (&json!("ended"), &json!("app")));
    // too late is no error
    world.ok("runs.pause", json!({ "id": run })).await;
    let log = world
        .ok("history.log", json!({ "id": run, "level": null, "image": null, "from": 0 }))
        .await;
    let texts: Vec<&str> = log["lines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line["text"].as_str().unwrap())
        .collect();
    assert!(texts.contains(&"paused") && texts.contains(&"goes on"), "{texts:?}");
}

#[tokio::test]
async fn another_process_that_runs_the_profile_is_named() {
    let world = World::new();
    let (source, _destination, profile) = setting(&world).await;
    let dirs = Dirs::at(world.dir.path());
    let held = ProfileLock::take(&dirs, &profile).unwrap();
    let error = world.call("runs.start", json!({ "profileId": profile })).await.unwrap_err();
    assert_eq!(error.code, "run.busy");
    assert_eq!(error.params["pid"], std::process::id().to_string());
    assert!(error.message.contains(&format!("process {}", std::process::id())), "{error:?}");
    assert_eq!(source.requests().len(), 0);
    world.ok("runs.plan", json!({ "profileId": profile })).await;
    drop(held);
    started(&world, json!({ "profileId": profile })).await;
}

#[tokio::test]
async fn an_interrupted_run_is_offered_and_taken_up_with_its_choice() {
    let mut world = World::new();
    let (source, destination, profile) = setting(&world).await;
    // as another process has left it
    let dirs = Dirs::at(world.dir.path());
    let history = History::at(dirs.history());
    let skip = image(&source, &destination, "3");
    let pair = serde_json::from_value(skip).unwrap();
    let new = NewRun {
        id: new_id(),
        profile_id: profile.clone(),
        profile_name: "P".into(),
        started_at: "2026-01-02T03:00:00Z".parse().unwrap(),
        started_by: StartedBy::Command,
        retry_of: None,
        picked: Picked::Without(vec![pair]),
    };
    let held = ProfileLock::take(&dirs, &profile).unwrap();
    drop(history.begin(&new).unwrap());
    assert_eq!(list(&world).await, [] as [Value; 0], "it goes on in the other process");
    assert_eq!(world.code("runs.continue", json!({ "id": new.id })).await, "run.busy");
    drop(held);
    let [listed] = list(&world).await.try_into().unwrap();
    assert_eq!(
        json!([listed["result"], listed["endedAt"], listed["startedBy"]]),
        json!(["interrupted", null, "command"])
    );

    let run = world.ok("runs.continue", json!({ "id": new.id })).await;
    assert_eq!(run["retryOf"], json!(new.id));
    let id = run["id"].as_str().unwrap().to_owned();
    world.ended(&id).await;
    assert_eq!(destination.tags("x/b"), ["1", "2"]);
    assert_eq!(world.code("runs.continue", json!({ "id": id })).await, "config.invalid");
}

#[tokio::test]
async fn a_damaged_destination_is_found() {
    let mut world = World::new();
    let (source, destination, profile) = setting(&world).await;
    let run = started(&world, json!({ "profileId": profile })).await;
    world.ended(&run).await;
    let writes = destination.writes();
    let good = world.ok("runs.verify", json!({ "id": run })).await;
    assert_eq!(good["problems"], json!([]));
    assert_eq!((&good["images"], &good["blobs"]), (&json!(3), &json!(6)));
    assert_eq!(destination.count_of("HEAD", Kind::Blob), 6, "each is asked for once");

    // one tag names another image, another image has lost a layer
    let other = destination.fault(Fault::on(Kind::Manifest).head().reference("1").always().header(
        "docker-content-digest",
        "sha256:0000000000000000000000000000000000000000000000000000000000000000",
    ));
    let lost = Layer::random(1, 50_000);
    let gone = destination
        .fault(Fault::on(Kind::Blob).head().reference(lost.digest()).always().status(404));
    let bad = world.ok("runs.verify", json!({ "id": run })).await;
    assert!(other.fired() > 0 && gone.fired() > 0);
    let problems = bad["problems"].as_array().unwrap();
    let told: Vec<_> = problems
        .iter()
        .map(|problem| {
            (problem["destination"].as_str().unwrap(), problem["error"]["code"].as_str().unwrap())
        })
        .collect();
    let x = format!("{}/x/b", destination.host());
    assert_eq!(
        told,
        [(&*format!("{x}:1"), "digest.mismatch"), (&*format!("{x}:2"), "blob.not-found")]
    );
    assert!(problems[1]["error"]["message"].as_str().unwrap().contains(lost.digest()));
    assert_eq!(destination.writes(), writes, "nothing is written");
    assert_eq!(source.count(|request| request.kind == Kind::Blob && request.method == "GET"), 6);
}

#[tokio::test]
async fn a_history_that_can_not_be_written_is_told_and_the_run_goes_on() {
    let mut world = World::new();
    let (_source, destination, profile) = setting(&world).await;
    // what stands in its place can't be opened
    std::fs::create_dir_all(world.dir.path().join("data/history.sqlite")).unwrap();
    let run = started(&world, json!({ "profileId": profile })).await;
    world.ended(&run).await;
    assert_eq!(destination.tags("x/b"), ["1", "2", "3"]);
    let snapshot = world.ok("runs.snapshot", json!({ "id": run })).await;
    let warning = &snapshot["warnings"][0];
    assert_eq!(warning["key"], "not_recorded");
    assert!(warning["text"].as_str().unwrap().contains("not recorded in the history"), "{warning}");
    assert_eq!(
        world.code("history.list", json!({ "before": null, "limit": 1, "profileId": null })).await,
        "file.failed"
    );
}

#[tokio::test]
async fn a_damaged_history_is_told_at_the_start_and_kept() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("data")).unwrap();
    let content = b"not a database".repeat(1000);
    std::fs::write(dir.path().join("data/history.sqlite"), &content).unwrap();
    // what earlier versions kept is still shown
    let last = r#"{"version":1,"profiles":{"p":{"endedAt":"2025-01-01T00:00:00Z","copied":1,"skipped":2,"failed":3,"cancelled":4}}}"#;
    std::fs::write(dir.path().join("data/last-runs.json"), last).unwrap();
    let mut world = World::at(dir);
    let info = world.ok("app.info", json!(null)).await;
    let problem = &info["problems"][0];
    assert_eq!(problem["code"], "config.invalid");
    assert!(problem["message"].as_str().unwrap().contains("history.sqlite.broken-1"), "{problem}");
    let kept = world.dir.path().join("data/history.sqlite.broken-1");
    assert_eq!(std::fs::read(kept).unwrap(), content);

    let (_source, _destination, profile) = setting(&world).await;
    assert_eq!(profile, "p");
    assert_eq!(world.ok("profiles.list", json!(null)).await[0]["lastRun"]["skipped"], json!(2));
    let run = started(&world, json!({ "profileId": profile })).await;
    world.ended(&run).await;
    assert_eq!(world.ok("profiles.list", json!(null)).await[0]["lastRun"]["copied"], json!(3));
    assert_eq!(list(&world).await.len(), 1);
}

#[tokio::test]
async fn a_run_that_does_not_begin_leaves_nothing_behind() {
    let world = World::new();
    let (_source, destination, profile) = setting(&world).await;
    world.account(&format!("{}/x", destination.host()), "me", "s").await;
    *world.keyring.state.lock().unwrap() = State::Locked;
    assert_eq!(world.code("runs.start", json!({ "profileId": profile })).await, "keyring.locked");
    assert_eq!(list(&world).await, [] as [Value; 0]);
    let dirs = Dirs::at(world.dir.path());
    ProfileLock::take_now(&dirs, &profile).unwrap();
}

#[tokio::test]
async fn what_only_other_rules_would_help_is_not_tried_again() {
    let mut world = World::new();
    let (source, destination, _) = setting(&world).await;
    source.push("c/d", "1", &Image::single("linux/amd64", [Layer::random(9, 900)]));
    let [from, to] = [source.host(), destination.host()];
    let mut two = profile("", "Q", &format!("{from}/a/b"), &format!("{to}/x/b"));
    let mut rule = two["rules"][0].clone();
    rule["source"] = json!(format!("{from}/c/d"));
    two["rules"].as_array_mut().unwrap().push(rule);
    let saved = world.ok("profiles.save", two).await["id"].as_str().unwrap().to_owned();
    let refused =
        destination.fault(Fault::on(Kind::Manifest).put().reference("2").always().status(403));
    let run = started(&world, json!({ "profileId": saved })).await;
    world.ended(&run).await;
    assert!(refused.fired() > 0);
    destination.clear_faults();
    let snapshot = world.ok("runs.snapshot", json!({ "id": run })).await;
    let failed = snapshot["images"].as_array().unwrap().iter();
    let mut codes: Vec<_> = failed.filter_map(|image| image["error"]["code"].as_str()).collect();
    codes.sort_unstable();
    assert_eq!(codes, ["access.push-denied", "rule.conflict", "rule.conflict"]);
    let again = world.ok("runs.retry", json!({ "id": run, "images": null })).await;
    let id = again["id"].as_str().unwrap().to_owned();
    world.ended(&id).await;
    let snapshot = world.ok("runs.snapshot", json!({ "id": id })).await;
    let images = snapshot["images"].as_array().unwrap();
    let told: Vec<_> = images.iter().map(|image| (&image["source"], &image["status"])).collect();
    assert_eq!(told, [(&json!(format!("{from}/a/b:2")), &json!("copied"))]);
}
