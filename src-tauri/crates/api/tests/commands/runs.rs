use std::time::Duration;

use accounts::keyring::State;
use serde_json::{Value, json};
use testkit::{Auth, Fault, Image, Kind, Layer, Registry, Stall};

use crate::host::{World, draft};

/// Two registries, an image at the first, accounts for both, and a profile from one to the other.
async fn setting(world: &World) -> (Registry, Registry, String) {
    let source = Registry::start().await;
    let destination = Registry::builder().auth(Auth::token("me", "s3")).start().await;
    for tag in ["1", "2"] {
        source.push(
            "a/b",
            tag,
            &Image::single("linux/amd64", [Layer::random(tag.len() as u64, 50_000)])
                .label("t", tag),
        );
    }
    world.ok("accounts.save", draft(source.host(), "", "")).await;
    world.account(destination.host(), "me", "s3").await;
    let profile = world
        .profile("P", &format!("{}/a/b", source.host()), &format!("{}/x/b", destination.host()))
        .await;
    (source, destination, profile)
}

async fn begin(world: &World, command: &str, profile: &str) -> String {
    let run = world.ok(command, json!({ "profileId": profile })).await;
    run["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn compare_then_run_then_nothing_left_to_do() {
    let mut world = World::new();
    let (_source, destination, profile) = setting(&world).await;

    let plan = begin(&world, "runs.plan", &profile).await;
    world.ended(&plan).await;
    let snapshot = world.ok("runs.snapshot", json!({ "id": plan })).await;
    assert_eq!(
        (&snapshot["phase"], &snapshot["images"][0]["action"]),
        (&json!("done"), &json!("copy"))
    );
    assert_eq!(destination.writes(), 0);

    let run = begin(&world, "runs.start", &profile).await;
    let mut folded = engine_fold(&mut world, &run).await;
    assert_eq!(folded["totals"]["copied"], json!(2));
    let snapshot = world.ok("runs.snapshot", json!({ "id": run })).await;
    folded["seconds"] = Value::Null;
    assert_eq!(snapshot["images"], folded["images"], "the page's fold is the snapshot");
    assert_eq!(destination.tags("x/b"), ["1", "2"]);

    let notice = world.notices.recv().await.unwrap();
    assert_eq!(
        (notice.title.as_str(), notice.body.as_str()),
        ("P: finished", "2 copied, 0 skipped, 0 failed")
    );
    let list = world.ok("profiles.list", json!(null)).await;
    assert_eq!(
        list[0]["lastRun"],
        json!({ "endedAt": "2026-01-02T03:04:05Z", "interrupted": false, "copied": 2, "skipped": 0, "failed": 0, "cancelled": 0 })
    );

    // both images share a layer: the one that brought it copied it, to the other it was there
    for id in [&plan, &run] {
        let mut statuses = Vec::new();
        for image in [0, 1] {
            let parts = world.ok("runs.parts", json!({ "id": id, "image": image })).await;
            assert_eq!(parts["manifests"][0]["role"], json!("image"));
            for blob in parts["blobs"].as_array().unwrap() {
                statuses.push(blob["status"].as_str().unwrap().to_owned());
            }
        }
        assert!(
            statuses.iter().all(|status| status == if *id == plan { "waiting" } else { "copied" }
                || status == "present"),
            "{statuses:?}"
        );
    }
    assert_eq!(world.ok("runs.parts", json!({ "id": run, "image": 7 })).await, json!(null));

    let path = world.ok("runs.export", json!({ "id": run, "format": "json" })).await;
    let report: Value =
        serde_json::from_slice(&std::fs::read(path.as_str().unwrap()).unwrap()).unwrap();
    assert_eq!((&report["version"], &report["totals"]["copied"]), (&json!(1), &json!(2)));

    let again = begin(&world, "runs.start", &profile).await;
    world.ended(&again).await;
    assert_eq!(world.notices.recv().await.unwrap().body, "0 copied, 2 skipped, 0 failed");
    let list = world.ok("runs.list", json!(null)).await;
    let ids: Vec<_> =
        list.as_array().unwrap().iter().map(|run| run["id"].as_str().unwrap()).collect();
    assert_eq!(ids, [again.as_str(), &run, &plan], "newest first");
    assert!(world.notices.is_empty(), "a comparison notifies nobody");
}

/// Folds the updates of a run as the page does, until it ends; no number may be missing.
async fn engine_fold(world: &mut World, id: &str) -> Value {
    let (mut seq, mut images, mut totals) = (None, Vec::<Value>::new(), Value::Null);
    loop {
        let event = world.event(|event| event["runId"] == id || event["run"]["id"] == id).await;
        if event["run"]["endedAt"].is_string() {
            return json!({ "images": images, "totals": totals });
        }
        let Some(update) = event.get("update") else { continue };
        let next = update["seq"].as_u64().unwrap();
        assert!(seq.is_none_or(|seq| next == seq + 1), "{seq:?} then {next}");
        seq = Some(next);
        totals = update["totals"].clone();
        for image in update["images"].as_array().unwrap() {
            let at = image["id"].as_u64().unwrap() as usize;
            if images.len() <= at {
                images.resize(at + 1, Value::Null);
            }
            images[at] = image.clone();
        }
    }
}

#[tokio::test]
async fn a_run_is_cancelled_and_a_profile_has_one_at_a_time() {
    let mut world = World::new();
    let (source, destination, profile) = setting(&world).await;
    let stalled = source.fault(Fault::on(Kind::Blob).get().always().stall(Stall::AnswerBody(10)));
    let run = begin(&world, "runs.start", &profile).await;
    source.wait_for(|requests| requests.iter().any(|request| request.kind == Kind::Blob)).await;

    assert!(world.api.is_copying());
    for command in ["runs.start", "runs.plan"] {
        assert_eq!(world.code(command, json!({ "profileId": profile })).await, "run.busy");
    }
    assert_eq!(world.code("profiles.remove", json!({ "id": profile })).await, "run.busy");
    let export = json!({ "id": run, "format": "csv" });
    assert_eq!(world.code("runs.export", export).await, "run.busy");
    assert_eq!(world.code("runs.retry", json!({ "id": run, "images": null })).await, "run.busy");

    world.ok("runs.cancel", json!({ "id": run })).await;
    world.ended(&run).await;
    assert!(stalled.fired() > 0);
    assert!(!world.api.is_copying());
    assert_eq!(destination.tags("x/b"), Vec::<String>::new());
    assert_eq!(world.notices.recv().await.unwrap().title, "P: cancelled");
    let snapshot = world.ok("runs.snapshot", json!({ "id": run })).await;
    assert_eq!(snapshot["totals"]["cancelled"], json!(2));
    stalled.disarm();
    world.ok("profiles.remove", json!({ "id": profile })).await;
    assert_eq!(world.code("runs.cancel", json!({ "id": "99" })).await, "gone");
}

#[tokio::test]
async fn a_comparison_gives_way_to_the_next() {
    let mut world = World::new();
    let (source, _destination, profile) = setting(&world).await;
    let slow = source.fault(Fault::on(Kind::Tags).stall(Stall::Answer));
    let first = begin(&world, "runs.plan", &profile).await;
    source.wait_for(|requests| requests.iter().any(|request| request.kind == Kind::Tags)).await;
    let second = begin(&world, "runs.plan", &profile).await;
    world.ended(&second).await;
    assert_eq!(slow.fired(), 1);
    let list = world.ok("runs.list", json!(null)).await;
    assert!(list[1]["id"] == first && list[1]["endedAt"].is_string(), "{list}");
    let snapshot = world.ok("runs.snapshot", json!({ "id": second })).await;
    assert_eq!(snapshot["totals"]["resolved"], json!(2));
}

#[tokio::test]
async fn stopping_ends_what_goes_on() {
    let world = World::new();
    let (source, destination, profile) = setting(&world).await;
    source.fault(Fault::on(Kind::Blob).get().always().stall(Stall::AnswerBody(10)));
    begin(&world, "runs.start", &profile).await;
    source.wait_for(|requests| requests.iter().any(|request| request.kind == Kind::Blob)).await;
    world.api.stop(Duration::from_secs(10)).await;
    assert!(!world.api.is_copying());
    assert_eq!(destination.tags("x/b"), Vec::<String>::new());
    let list = world.ok("profiles.list", json!(null)).await;
    assert_eq!(list[0]["lastRun"]["cancelled"], json!(2));
}

#[tokio::test]
async fn a_locked_keyring_is_told_before_anything_is_contacted() {
    let world = World::new();
    let (source, destination, profile) = setting(&world).await;
    *world.keyring.state.lock().unwrap() = State::Locked;
    assert_eq!(world.code("runs.start", json!({ "profileId": profile })).await, "keyring.locked");
    assert_eq!((source.requests().len(), destination.requests().len()), (0, 0));
    // other profiles need no secret
    let other = world
        .profile("Q", &format!("{}/a/b", source.host()), &format!("{}/c", source.host()))
        .await;
    world.ok("runs.plan", json!({ "profileId": other })).await;
}

#[tokio::test]
async fn nobody_is_notified_who_does_not_want_it_and_failures_are_told() {
    let mut world = World::new();
    let (_source, destination, profile) = setting(&world).await;
    destination.set_auth(Auth::token("me", "changed"));
    let run = begin(&world, "runs.start", &profile).await;
    world.ended(&run).await;
    assert_eq!(world.notices.recv().await.unwrap().title, "P needs you");
    let snapshot = world.ok("runs.snapshot", json!({ "id": run })).await;
    assert_eq!(snapshot["images"][0]["error"]["code"], "auth.rejected");

    world.ok("settings.set", crate::host::settings("zh-CN", "never")).await;
    let run = begin(&world, "runs.start", &profile).await;
    world.ended(&run).await;
    tokio::task::yield_now().await;
    assert!(world.notices.is_empty());
}

#[tokio::test]
async fn the_demo_runs_without_an_account() {
    let mut world = World::new();
    world.ok("demo.start", json!(null)).await;
    let plan = begin(&world, "runs.plan", "demo").await;
    world.ended(&plan).await;
    let snapshot = world.ok("runs.snapshot", json!({ "id": plan })).await;
    let actions = |action: &str| {
        snapshot["images"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|image| image["action"] == action)
            .count()
    };
    assert_eq!((actions("copy"), actions("skip"), actions("overwrite")), (6, 1, 1));
    let run = begin(&world, "runs.start", "demo").await;
    world.ended(&run).await;
    assert_eq!(world.notices.recv().await.unwrap().body, "7 copied, 1 skipped, 0 failed");
    let written: Vec<_> = std::fs::read_dir(world.dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(written, ["data"], "the history of runs, no account and no profile");
    let list = world.ok("profiles.list", json!(null)).await;
    assert_eq!(list[0]["lastRun"], Value::Null);
}
