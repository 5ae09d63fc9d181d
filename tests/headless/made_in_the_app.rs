//! A profile that the app has made, with what the app said it would copy, run by the program at real registries.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use testkit::{Image, Layer, Registry};

use crate::support::{DockerRegistry, Program, app::App, have, skopeo};

/// An image that says when it was made.
fn on(day: u64) -> Image {
    let config = format!(
        r#"{{"created":"2026-01-{day:02}T00:00:00Z","os":"linux","architecture":"amd64","rootfs":{{"type":"layers","diff_ids":[]}}}}"#
    );
    Image::single("linux/amd64", [Layer::random(day, 3000)])
        .config("application/vnd.oci.image.config.v1+json", config)
}

async fn seed(to: &DockerRegistry, repository: &str, tags: &[(&str, u64)]) {
    let origin = Registry::start().await;
    for (tag, day) in tags {
        origin.push(repository, tag, &on(*day));
        let [from, to] = [origin.host(), &to.host()].map(|at| format!("{at}/{repository}:{tag}"));
        tokio::task::block_in_place(|| skopeo::copy(&from, &to, &[]));
    }
}

fn pairs(images: &Value) -> BTreeSet<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let images = images.as_array().unwrap().iter();
    images.map(|image| (text(&image["source"]), text(&image["destination"]))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_profile_made_by_the_app_copies_exactly_what_was_previewed() {
    if !have(&["docker-registry", "skopeo"]) {
        return;
    }
    let (source, destination) = (DockerRegistry::start(), DockerRegistry::start());
    // by version 3.0 is the newest, by date 1.0 and nightly are
    let tags = [("3.0", 1), ("1.0", 20), ("2.0", 3), ("nightly", 21), ("2.1-rc1", 25)];
    seed(&source, "team/app", &tags).await;
    seed(&source, "team/web", &[("1.0", 4), ("1.1", 5), ("2.0", 6)]).await;

    let mut program = Program::new();
    program.env("IMAGE_SYNCER_CONFIG_DIR", program.path("config").display().to_string());
    let app = App::at(program.path("config"));
    for host in [source.host(), destination.host()] {
        let account = json!({ "id": null, "name": "", "address": host, "username": "", "secret": null,
            "insecure": true, "caFile": null });
        app.ok("accounts.save", account).await;
    }
    let rules = json!([
        { "source": format!("{}/team/app", source.host()),
          "destinations": [format!("{}/mirror/{{path}}", destination.host())],
          "tags": { "exclude": ["*-rc*"], "newest": 2, "newestBy": "created" } },
        { "source": format!("{}/team/web", source.host()),
          "destinations": [format!("{}/{{name}}", destination.host())],
          "tags": { "versions": "<2" } },
    ]);
    let mut previewed = BTreeSet::new();
    for rule in rules.as_array().unwrap() {
        let request = json!({ "token": "p", "rule": rule, "accountId": null, "ask": true, "dates": true,
            "limit": 100 });
        let preview = app.ok("profiles.preview", request).await;
        assert_eq!((&preview["known"], &preview["problem"]), (&json!(true), &json!(null)));
        previewed.extend(pairs(&preview["first"]));
    }
    let expected = [
        ("team/app:1.0", "mirror/team/app:1.0"),
        ("team/app:nightly", "mirror/team/app:nightly"),
        ("team/web:1.0", "web:1.0"),
        ("team/web:1.1", "web:1.1"),
    ]
    .map(|(from, to)| {
        (format!("{}/{from}", source.host()), format!("{}/{to}", destination.host()))
    });
    assert_eq!(previewed, expected.into());

    let profile = json!({ "id": "", "name": "From the app", "rules": rules, "os": [], "arch": [],
        "overwrite": "differing", "attestations": "keep", "index": "rewrite", "referrers": false });
    let saved = app.ok("profiles.save", profile).await;
    let command = app.ok("profiles.command", json!({ "id": saved["id"] })).await;
    assert_eq!(command, "image-syncer run 'From the app'");
    program
        .run(&["run", "From the app", "--report", "report.json"])
        .expect(0)
        .says(&["4 copied, 0 skipped, 0 failed"]);
    assert_eq!(pairs(&program.report()["images"]), previewed);
    for (from, to) in &previewed {
        assert_eq!(skopeo::raw(from, &[]).unwrap(), skopeo::raw(to, &[]).unwrap(), "{to}");
    }
    for tag in ["3.0", "2.0", "2.1-rc1"] {
        skopeo::raw(&format!("{}/mirror/team/app:{tag}", destination.host()), &[]).unwrap_err();
    }
}
