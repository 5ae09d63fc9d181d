//! A known secret is stored and used while every command runs, right and wrong; then everything that the page, the log
//! and the disk got is searched for it.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    io,
    path::Path,
    sync::{Arc, Mutex},
};

use api::commands::COMMANDS;
use serde_json::{Value, json};
use testkit::{Auth, Cloud, Image, Layer, Registry};

use crate::host::{World, draft, profile};

const CANARY: &str = "CANARY-d41d8cd9";
/// `me:CANARY-d41d8cd9`, as the `Authorization` header has it.
const ENCODED: &str = "bWU6Q0FOQVJZLWQ0MWQ4Y2Q5";

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_stored_secret_comes_out_nowhere() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    // for every thread: one of its own can miss what another thread met first
    tracing::subscriber::set_global_default(subscriber).unwrap();

    let mut world = World::new();
    let mut seen = String::new();
    let mut called = BTreeSet::new();
    let source = Registry::start().await;
    let destination = Registry::builder().auth(Auth::token("me", CANARY)).start().await;
    source.push("a/b", "1", &Image::single("linux/amd64", [Layer::random(1, 20_000)]));
    let path = |name: &str| world.files.path().join(name);
    std::fs::write(
        path("images.yaml"),
        format!("{}/a/b: {}/x/b\n", source.host(), destination.host()),
    )
    .unwrap();
    std::fs::write(
        path("auth.yaml"),
        format!("other.example.com: {{username: me, password: {CANARY}}}\n"),
    )
    .unwrap();
    let (images, auth) = (json!(path("images.yaml")), json!(path("auth.yaml")));

    let mut stored = draft(destination.host(), "me", CANARY);
    let mut saved = draft(destination.host(), "me", "");
    let id = destination.host().replace(['.', ':'], "-");
    saved["id"] = json!(id);
    let wrong = draft(destination.host(), "me", &format!("{CANARY}-wrong"));
    let pasted = draft(&format!("docker login -u me -p {CANARY} pasted.example.com"), "", "");
    let broken = draft(&format!("https://me:{CANARY}@"), "me", "");
    let mut proxied = draft("proxied.example.com", "me", CANARY);
    proxied["proxy"] = json!(format!("http://me:{CANARY}@127.0.0.1:1"));
    // sign-ins at a cloud that repeats what it is asked with: right, refused, and of the wrong form
    let cloud = Cloud::start().await;
    let clouded = Registry::start().await;
    cloud.aws_key("AKIAKEY", CANARY);
    cloud.azure_principal("t.example", "client", "another");
    let clouds = [
        ("aws-keys", "AKIAKEY", CANARY.to_owned(), clouded.host()),
        ("azure-principal", "client", CANARY.to_owned(), clouded.host()),
        ("alibaba-key", "LTAI", CANARY.to_owned(), clouded.host()),
        ("google-key", "", format!("{{\"private_key\": \"{CANARY}\"}}"), clouded.host()),
        ("identity-token", "", CANARY.to_owned(), "token.example.com"),
        ("azure-token", "", CANARY.to_owned(), "entra.example.com"),
    ]
    .map(|(kind, user, secret, host)| {
        let mut draft = draft(host, user, &secret);
        draft["secretKind"] = json!(kind);
        draft["settings"] = json!({
            "region": "eu-west-1", "tenant": "t.example", "endpoint": cloud.url()
        });
        draft
    });
    // a key that the app reads itself
    std::fs::write(path("picked.yaml"), format!("{{\"private_key\": \"{CANARY}\"}}")).unwrap();
    let mut from_file = draft("key.example.com", "", "");
    from_file["secretKind"] = json!("google-key");
    from_file["secretFile"] = json!(path("picked.yaml"));
    // what docker keeps on this machine
    std::fs::create_dir(path(".docker")).unwrap();
    std::fs::write(
        path(".docker/config.json"),
        format!(
            r#"{{"auths": {{"d.example.com": {{"auth": "{ENCODED}"}}, "l.example.com": {{"username": "me", "password": "{CANARY}"}}}}}}"#
        ),
    )
    .unwrap();
    let pick = |key: &str, link: bool| json!({ "key": key, "link": link });
    let picks = json!([
        pick("~/.docker/config.json d.example.com", false),
        pick("~/.docker/config.json l.example.com", true),
        pick(CANARY, false),
    ]);
    let rule = (format!("{}/a/b", source.host()), format!("{}/x/b", destination.host()));
    let ours = profile("", "Ours", &rule.0, &rule.1);
    let run = |id: &str| json!({ "id": id });
    let of = |id: &str| json!({ "profileId": id });
    let look = |account: &str, repository: Option<&str>| {
        json!({ "token": "b", "accountId": account, "host": destination.host(), "namespace": null,
            "repository": repository, "refresh": false })
    };

    let script: Vec<(&str, Value)> = vec![
        ("app.info", json!(null)),
        ("settings.get", json!(null)),
        ("settings.set", crate::host::settings("en", "always")),
        ("settings.tryNotification", json!(null)),
        ("files.open", json!({ "folder": "config" })),
        ("keyring.status", json!(null)),
        ("keyring.retry", json!(null)),
        ("accounts.test", json!({ "token": "1", "draft": wrong })),
        ("accounts.test", json!({ "token": "2", "draft": stored })),
        ("accounts.save", stored.clone()),
        ("accounts.save", pasted),
        ("accounts.save", broken),
        ("accounts.save", draft(source.host(), "", "")),
        ("accounts.test", json!({ "token": "3", "draft": saved })),
        ("accounts.list", json!(null)),
        ("providers.list", json!(null)),
        ("accounts.find", json!({ "machine": true, "auth": auth })),
        ("accounts.take", json!({ "auth": auth, "picks": picks })),
        ("accounts.test", json!({ "token": "5", "draft": clouds[0] })),
        ("accounts.test", json!({ "token": "6", "draft": clouds[1] })),
        ("accounts.test", json!({ "token": "7", "draft": clouds[2] })),
        ("accounts.test", json!({ "token": "8", "draft": clouds[3] })),
        ("accounts.save", clouds[0].clone()),
        ("accounts.save", clouds[3].clone()),
        ("accounts.save", clouds[4].clone()),
        ("accounts.save", clouds[5].clone()),
        ("files.pick", json!({ "kind": "secret" })),
        ("accounts.test", json!({ "token": "9", "draft": from_file })),
        ("accounts.save", from_file),
        ("accounts.list", json!(null)),
        ("accounts.save", proxied.clone()),
        ("accounts.test", json!({ "token": "4", "draft": proxied, "repository": "a/b" })),
        ("keyring.useFile", json!({ "passphrase": format!("{CANARY}-passphrase") })),
        ("accounts.save", draft("file.example.com", "me", CANARY)),
        ("keyring.useFile", json!({ "passphrase": format!("{CANARY}-wrong") })),
        ("keyring.retry", json!(null)),
        ("profiles.check", ours.clone()),
        ("profiles.save", ours),
        ("profiles.import", json!({ "name": "Theirs", "images": images, "auth": auth })),
        // the auth file where the images file is expected
        ("profiles.import", json!({ "name": "Swapped", "images": auth, "auth": images })),
        ("profiles.list", json!(null)),
        ("profiles.get", json!({ "id": "ours" })),
        ("profiles.command", json!({ "id": "ours" })),
        ("profiles.duplicate", json!({ "id": "ours" })),
        ("profiles.rename", json!({ "id": "ours-2", "name": "Ours again" })),
        ("profiles.exportFile", json!({ "id": "ours" })),
        ("profiles.exportOriginal", json!({ "id": "theirs", "save": true })),
        ("files.pick", json!({ "kind": "auth" })),
        ("runs.plan", of("ours")),
        ("runs.start", of("ours")),
        ("runs.cancel", run("#0")),
        ("runs.start", of("theirs")),
        ("runs.list", json!(null)),
        ("runs.snapshot", run("#1")),
        ("runs.parts", json!({ "id": "#1", "image": 0 })),
        ("runs.export", json!({ "id": "#1", "format": "json" })),
        ("runs.export", json!({ "id": "#1", "format": "junit" })),
        ("runs.verify", run("#1")),
        ("runs.pause", run("#1")),
        ("runs.resume", run("#1")),
        ("runs.limits", json!({ "id": "#1", "proc": 3, "bandwidth": null })),
        ("runs.retry", json!({ "id": "#1", "images": null })),
        ("runs.continue", run("#1")),
        ("history.list", json!({ "before": null, "limit": 10, "profileId": null })),
        ("history.get", run("#1")),
        ("history.log", json!({ "id": "#1", "level": null, "image": null, "from": 0 })),
        ("history.remove", run("#2")),
        ("browse.open", look(&id, None)),
        ("browse.open", look(&id, Some("x/b"))),
        ("browse.more", json!({ "token": "b", "listId": "list-1", "from": 1 })),
        (
            "browse.details",
            json!({ "token": "b", "accountId": id, "reference": format!("{}/x/b:1", destination.host()),
                "refresh": false }),
        ),
        ("browse.cancel", json!({ "token": "b" })),
        ("browse.forget", json!({ "id": "list-1" })),
        (
            "profiles.preview",
            json!({ "token": "b", "rule": { "source": format!("{}/x/b", destination.host()), "destinations": [] },
                "accountId": id, "ask": true, "dates": true, "limit": 9 }),
        ),
        ("browse.names", json!({ "host": destination.host(), "text": "x/b, UPPER" })),
        ("browse.kept", json!({ "host": destination.host() })),
        ("browse.drop", json!({ "host": destination.host(), "repository": "x/b" })),
        ("demo.start", json!(null)),
        ("keyring.useMemory", json!(null)),
        ("accounts.save", draft("memory.example.com", "me", CANARY)),
        ("profiles.remove", json!({ "id": "ours-2" })),
        ("accounts.remove", json!({ "id": "pasted-example-com" })),
    ];
    let mut ids: Vec<String> = Vec::new();
    for (name, mut request) in script {
        // runs are called by the order in which they began
        let place = request["id"].as_str().and_then(|id| id.strip_prefix('#')).map(str::to_owned);
        if let Some(place) = place {
            request["id"] = json!(ids[place.parse::<usize>().unwrap()]);
        }
        called.insert(name);
        let answer = world.call(name, request).await;
        writeln!(seen, "{name}: {answer:?}").unwrap();
        if let (true, Ok(run)) = (name == "runs.plan" || name == "runs.start", &answer) {
            let id = run["id"].as_str().unwrap().to_owned();
            world.ended(&id).await;
            ids.push(id);
        }
    }
    assert_eq!(
        called,
        COMMANDS.iter().map(|command| command.name).collect(),
        "every command is run"
    );
    assert_eq!(destination.tags("x/b"), ["1"], "the secret was used");
    assert_eq!(cloud.granted("GetAuthorizationToken"), 1, "at the cloud too");
    assert_eq!(cloud.calls().len(), 3, "and refused twice; what is of the wrong form goes nowhere");

    // requests of the wrong form, with the secret where it does not belong
    for command in COMMANDS {
        stored["insecure"] = json!(CANARY);
        for request in [json!(CANARY), json!([CANARY]), json!({ "id": [CANARY] }), stored.clone()] {
            writeln!(seen, "{}: {:?}", command.name, world.call(command.name, request).await)
                .unwrap();
        }
    }
    writeln!(seen, "{:?}", world.call(CANARY, json!(null)).await.map_err(|error| error.code))
        .unwrap();
    while let Ok(event) = world.events.try_recv() {
        writeln!(seen, "{event}").unwrap();
    }
    while let Ok(notice) = world.notices.try_recv() {
        writeln!(seen, "{notice:?}").unwrap();
    }
    assert!(
        seen.contains("auth.rejected") && seen.contains("config.invalid"),
        "both kinds of failure were seen"
    );
    for secret in [CANARY, ENCODED] {
        assert!(
            !seen.contains(secret),
            "in an answer, event or notice:\n{}",
            around(&seen, secret)
        );
        let log = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
        assert!(log.contains("command"), "the log was kept");
        assert!(!log.contains(secret), "in the log:\n{}", around(&log, secret));
        search(world.dir.path(), secret);
    }
    // the report was saved where the user said
    for end in ["json", "xml"] {
        let name = format!("image-syncer-report-{}.{end}", ids[1]);
        let report = std::fs::read_to_string(world.files.path().join(name)).unwrap();
        assert!(report.contains("x/b") && !report.contains(CANARY));
    }
}

fn around(text: &str, secret: &str) -> String {
    text.lines().filter(|line| line.contains(secret)).collect::<Vec<_>>().join("\n")
}

fn search(folder: &Path, secret: &str) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            search(&path, secret);
        } else {
            let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
            assert!(!text.contains(secret), "in {}", path.display());
        }
    }
}
