use accounts::keyring::State;
use api::{Api, commands::COMMANDS};
use serde_json::{Value, json};

use crate::host::World;

#[tokio::test]
async fn the_app_tells_where_it_is_and_what_was_broken() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("settings.json"), "{").unwrap();
    std::fs::write(dir.path().join("accounts.json"), r#"{"version": 7}"#).unwrap();
    let world = World::at(dir);
    let info = world.ok("app.info", json!(null)).await;
    assert_eq!(info["configDir"], json!(world.dir.path()));
    assert_eq!((&info["locale"], &info["demo"]), (&json!("en-US"), &json!(false)));
    let codes: Vec<_> =
        info["problems"].as_array().unwrap().iter().map(|problem| &problem["code"]).collect();
    assert_eq!(codes, ["config.invalid", "config.invalid"]);
    assert!(world.dir.path().join("settings.json.broken-1").exists());
    // a file of a newer version is not touched
    assert_eq!(
        world.code("accounts.save", crate::host::draft("r.example.com", "", "")).await,
        "config.invalid"
    );
    assert_eq!(
        std::fs::read_to_string(world.dir.path().join("accounts.json")).unwrap(),
        r#"{"version": 7}"#
    );
}

#[tokio::test]
async fn settings_are_kept() {
    let world = World::new();
    let first = world.ok("settings.get", json!(null)).await;
    let told = |when: &str| json!({ "finished": when, "failed": when, "attention": when });
    let settings = |theme: &str, when: &str| {
        json!({ "theme": theme, "language": "zh-CN", "notifications": told(when), "historyDays": 30,
            "tray": true, "proc": 8, "bandwidth": 2_500_000 })
    };
    assert_eq!(
        first,
        json!({ "theme": "system", "language": "system", "historyDays": null, "tray": false,
            "notifications": { "finished": "hidden", "failed": "always", "attention": "always" },
            "proc": null, "bandwidth": null })
    );
    let kept = settings("contrast", "never");
    assert_eq!(world.ok("settings.set", kept.clone()).await, kept);
    let World { dir, .. } = world;
    let world = World::at(dir);
    assert_eq!(world.ok("settings.get", json!(null)).await, kept);
    for (field, wrong) in [
        ("theme", settings("pink", "never")),
        ("notifications.finished", settings("dark", "sometimes")),
        ("proc", json!({ "proc": 0 })),
        ("bandwidth", json!({ "bandwidth": 0 })),
        ("historyDays", json!({ "historyDays": 40_000 })),
    ] {
        let mut request = kept.clone();
        request.as_object_mut().unwrap().extend(wrong.as_object().unwrap().clone());
        let error = world.call("settings.set", request).await.unwrap_err();
        assert_eq!(
            (error.code.as_str(), error.params["field"].as_str()),
            ("config.invalid", field)
        );
    }
    assert_eq!(world.ok("settings.get", json!(null)).await, kept, "nothing wrong is kept");
}

#[tokio::test]
async fn a_notification_can_be_tried_and_a_folder_opened() {
    let mut world = World::new();
    world.seen.store(true, std::sync::atomic::Ordering::Relaxed);
    world.ok("settings.tryNotification", json!(null)).await;
    let notice = world.notices.recv().await.unwrap();
    assert_eq!(notice.target, api::notice::Target::Home);
    for folder in ["config", "data"] {
        world.ok("files.open", json!({ "folder": folder })).await;
    }
}

#[tokio::test]
async fn the_keyring_is_told_and_the_choice_is_an_event() {
    let mut world = World::new();
    *world.keyring.state.lock().unwrap() = State::Missing;
    let status = world.ok("keyring.status", json!(null)).await;
    assert_eq!(
        status,
        json!({
            "state": "missing",
            "hint": { "key": "", "params": {}, "text": "hint" },
            "detail": "detail",
            "file": "none",
        })
    );
    assert_eq!(world.ok("keyring.useMemory", json!(null)).await["state"], "memory");
    let event = world.event(|event| event["type"] == "keyring").await;
    assert_eq!(event["status"]["state"], "memory");
    *world.keyring.state.lock().unwrap() = State::Ready;
    assert_eq!(world.ok("keyring.retry", json!(null)).await["state"], "ready");
}

#[tokio::test]
async fn files_are_picked_by_the_host() {
    let world = World::new();
    let picked = world.ok("files.pick", json!({ "kind": "images" })).await;
    assert_eq!(picked, json!(world.files.path().join("picked.yaml")));
    assert_eq!(world.ok("files.pick", json!({ "kind": "ca" })).await, Value::Null);
}

#[tokio::test]
async fn what_is_no_command_or_no_request_is_answered() {
    let world = World::new();
    assert_eq!(world.code("no.such", json!(null)).await, "internal");
    assert_eq!(world.code("accounts.save", json!({ "secret": 5 })).await, "internal");
    assert_eq!(world.code("app.info", json!({})).await, "internal");
}

#[tokio::test]
async fn a_command_that_panics_is_answered() {
    struct Broken(store::Dirs);
    #[async_trait::async_trait]
    impl api::Host for Broken {
        fn dirs(&self) -> &store::Dirs {
            &self.0
        }
        fn keyring(&self) -> std::sync::Arc<dyn accounts::SecretStore> {
            std::sync::Arc::new(accounts::SystemKeyring)
        }
        fn env(&self, _: &str) -> Option<String> {
            None
        }
        fn now(&self) -> jiff::Timestamp {
            jiff::Timestamp::UNIX_EPOCH
        }
        fn locale(&self) -> String {
            panic!("no locale")
        }
        fn is_demo(&self) -> bool {
            false
        }
        fn emit(&self, _: api::dto::AppEvent) {}
        fn is_seen(&self) -> bool {
            false
        }
        async fn notify(&self, _: api::notice::Notice) -> Result<(), String> {
            Ok(())
        }
        async fn pick_file(&self, _: api::dto::FileKind) -> Option<std::path::PathBuf> {
            None
        }
        async fn save_file(&self, _: &std::path::Path) -> Option<std::path::PathBuf> {
            None
        }
        fn open_folder(&self, _: &std::path::Path) -> Result<(), String> {
            Ok(())
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let api = Api::new(Broken(store::Dirs::at(dir.path())));
    let error = api.call("app.info", json!(null)).await.unwrap_err();
    assert_eq!(error.code, "internal");
    api.call("settings.get", json!(null)).await.unwrap();
}

#[test]
fn names_are_told_once_and_documented() {
    for (n, command) in COMMANDS.iter().enumerate() {
        assert!(COMMANDS[..n].iter().all(|other| other.name != command.name), "{}", command.name);
        assert!(command.doc.trim().ends_with('.') || command.doc.contains(';'), "{}", command.name);
    }
}
