use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    sync::{Arc, OnceLock},
};

use secrecy::ExposeSecret as _;
use tempfile::TempDir;

use super::*;
use crate::{Links, address_of_key};

/// Helpers that are there; written once, before anything is run, so that none is busy when it is started.
fn helpers() -> &'static Path {
    static DIR: OnceLock<TempDir> = OnceLock::new();
    let dir = DIR.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        for (name, script) in [
            // the server decides what is said, and every question is written down in $ASKED
            (
                "good",
                r#"server=$(cat); echo "$1 $server" >> "$0.asked"
                   case "$1 $server" in
                   "get r.io") printf '{"ServerURL":"r.io","Username":"me","Secret":"CANARY-%s"}' "$(grep -c "get r.io" "$0.asked")" ;;
                   "get https://index.docker.io/v1/") echo '{"Username":"hub","Secret":"CANARY"}' ;;
                   "get token.io") echo '{"Username":"<token>","Secret":"CANARY"}' ;;
                   "list "*) echo '{"https://index.docker.io/v1/":"hub","r.io":"me"}' ;;
                   *) echo "credentials not found in native keychain"; exit 1 ;;
                   esac"#,
            ),
            (
                "podmans",
                r#"if [ "$(cat)" = docker.io ]; then echo '{"Username":"pod","Secret":"CANARY"}'
                   else echo "credentials not found in native keychain"; exit 1; fi"#,
            ),
            ("broken", "cat > /dev/null; echo 'the vault burns' >&2; exit 3"),
            ("rubbish", "cat > /dev/null; echo 'CANARY is my secret'"),
            ("hanging", "exec sleep 60"),
            // what it has started holds its pipes open, and outlives it unless it is ended too
            ("brooding", r#"sleep 60 & echo $! > "$0.child"; wait"#),
            ("counted", r#"cat > /dev/null; echo asked >> "$0.asked"; exit 3"#),
        ] {
            let path = dir.path().join(format!("docker-credential-{name}"));
            fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        dir
    });
    dir.path()
}

struct Machine {
    home: TempDir,
}

impl Machine {
    fn new(files: &[(&str, &str)]) -> Self {
        let home = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = home.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Self { home }
    }

    fn env(&self, more: &[(&str, &str)], name: &str) -> Option<String> {
        let home = self.home.path().display().to_string();
        match name {
            "HOME" => Some(home),
            "PATH" => Some(format!("{}:/usr/bin:/bin", helpers().display())),
            name => more
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| value.replace("$HOME", &home)),
        }
    }

    fn files(&self, more: &[(&str, &str)]) -> CredentialFiles {
        // long enough for a busy machine
        self.files_within(more, Duration::from_secs(20))
    }

    fn files_within(&self, more: &[(&str, &str)], timeout: Duration) -> CredentialFiles {
        CredentialFiles::read(&|name| self.env(more, name), timeout)
    }
}

/// "who (where)", the secret left out.
fn say(found: Result<(Credential, Sentence)>) -> String {
    match found {
        Ok((credential, origin)) => {
            let who = match &credential {
                Credential::Anonymous => "nobody".to_owned(),
                Credential::Basic { username, .. } => username.clone(),
                Credential::IdentityToken(_) => "identity token".to_owned(),
                Credential::Bearer(_) => "bearer token".to_owned(),
            };
            assert!(!format!("{credential:?}").contains("CANARY"));
            format!("{who} ({origin})")
        }
        Err(error) => {
            assert_eq!(error.code(), Code::HelperFailed);
            assert!(!format!("{error} {error:?}").contains("CANARY"), "{error}");
            error.to_string()
        }
    }
}

async fn find(files: &CredentialFiles, repository: &str) -> String {
    let (registry, name) =
        repository.split_once('/').map_or((repository, None), |(r, n)| (r, Some(n)));
    let name = name.map(|name| name.parse().unwrap());
    say(files.find(&registry.parse().unwrap(), name.as_ref(), false).await)
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

#[tokio::test]
async fn credentials_in_docker_and_podman_files() {
    let padded = base64("me:p:w\0\0");
    let docker = format!(
        r#"{{"auths": {{
            "r.io": {{"auth": "{padded}", "email": "x@y"}},
            "unpadded.io": {{"auth": "{}"}},
            "https://index.docker.io/v1/": {{"username": "hub", "password": "CANARY"}},
            "https://index.docker.io/v1/access-token": {{"username": "x", "password": "CANARY"}},
            "https://old.io/v1/": {{"username": "old", "password": "CANARY"}},
            "token.io": {{"auth": "{}", "identitytoken": "CANARY"}},
            "bearer.io": {{"registrytoken": "CANARY"}},
            "quay.io": {{"username": "all", "password": "CANARY"}},
            "quay.io/ns": {{"username": "ns", "password": "CANARY"}},
            "empty.io": {{}},
            "damaged.io": {{"auth": "CANARY!!"}}
        }}, "HttpHeaders": {{"User-Agent": "x"}}, "detachKeys": "ctrl-e"}}"#,
        padded.trim_end_matches('='),
        base64("<token>:"),
    );
    let podman = r#"{"auths": {"r.io": {"username": "late", "password": "x"}, "pod.io": {"username": "pod", "password": "x"}}}"#;
    let machine =
        Machine::new(&[(".docker/config.json", &docker), (".config/containers/auth.json", podman)]);
    let files = machine.files(&[]);
    for (repository, want) in [
        ("r.io/a", "me (~/.docker/config.json: r.io)"),
        ("unpadded.io/a", "me (~/.docker/config.json: unpadded.io)"),
        ("docker.io/library/nginx", "hub (~/.docker/config.json: https://index.docker.io/v1/)"),
        ("old.io/a", "old (~/.docker/config.json: https://old.io/v1/)"),
        ("token.io/a", "identity token (~/.docker/config.json: token.io)"),
        ("bearer.io/a", "bearer token (~/.docker/config.json: bearer.io)"),
        ("quay.io/other", "all (~/.docker/config.json: quay.io)"),
        ("quay.io/ns/app", "ns (~/.docker/config.json: quay.io/ns)"),
        ("quay.io", "all (~/.docker/config.json: quay.io)"),
        ("pod.io/a", "pod (~/.config/containers/auth.json: pod.io)"),
        ("empty.io/a", "nobody (anonymous)"),
        ("damaged.io/a", "nobody (anonymous)"),
    ] {
        assert_eq!(find(&files, repository).await, want);
    }
    let Credential::Basic { password, .. } =
        files.find(&"r.io".parse().unwrap(), None, false).await.unwrap().0
    else {
        panic!("r.io has a password")
    };
    assert_eq!(password.expose_secret(), "p:w", "docker's padding is not the password's");
    assert_eq!(
        files.files[0].warnings,
        ["~/.docker/config.json: the entry 'damaged.io' is left out: its 'auth' is no base64"]
    );
}

#[tokio::test]
async fn the_environment_says_where_the_files_are() {
    let user = |name: &str| {
        format!(r#"{{"auths": {{"{name}.io": {{"username": "{name}", "password": "x"}}}}}}"#)
    };
    let machine = Machine::new(&[
        (".docker/config.json", &user("home")),
        ("d/config.json", &user("moved")),
        ("run/containers/auth.json", &user("run")),
        (".config/containers/auth.json", &user("conf")),
        ("xdg/containers/auth.json", &user("xdg")),
        ("file.json", &user("file")),
    ]);
    for (env, found, missing) in [
        (&[][..], &["home", "conf"][..], &["moved", "run", "xdg", "file"][..]),
        (
            &[("DOCKER_CONFIG", "$HOME/d"), ("XDG_RUNTIME_DIR", "$HOME/run")],
            &["moved", "run", "conf"],
            &["home"],
        ),
        (&[("XDG_CONFIG_HOME", "$HOME/xdg")], &["home", "xdg"], &["conf"]),
        (
            &[("REGISTRY_AUTH_FILE", "$HOME/file.json"), ("XDG_RUNTIME_DIR", "$HOME/run")],
            &["home", "file"],
            &["run", "conf"],
        ),
    ] {
        let files = machine.files(env);
        for name in found {
            assert!(
                find(&files, &format!("{name}.io/a")).await.starts_with(name),
                "{env:?} {name}"
            );
        }
        for name in missing {
            assert_eq!(
                find(&files, &format!("{name}.io/a")).await,
                "nobody (anonymous)",
                "{env:?} {name}"
            );
        }
    }
}

#[tokio::test]
async fn a_damaged_file_is_left_out() {
    let machine = Machine::new(&[
        (".docker/config.json", "{\"auths\": {\"r.io\": {\"auth\": [\"CANARY\"]}}}"),
        (
            ".config/containers/auth.json",
            r#"{"auths": {"r.io": {"username": "pod", "password": "x"}}}"#,
        ),
    ]);
    assert_eq!(
        find(&machine.files(&[]), "r.io/a").await,
        "pod (~/.config/containers/auth.json: r.io)"
    );
    let home = Some(machine.home.path());
    let path = machine.home.path().join(".docker/config.json");
    assert_eq!(
        DockerFile::read(&path, home).unwrap_err(),
        "~/.docker/config.json has a value of the wrong type (line 1, column 28) and is left out"
    );
    fs::write(&path, "{\n  auths: CANARY }").unwrap();
    assert_eq!(
        DockerFile::read(&path, home).unwrap_err(),
        "~/.docker/config.json is no JSON (line 2, column 3) and is left out"
    );
    fs::write(&path, "\n").unwrap();
    assert!(DockerFile::read(&path, home).unwrap().is_none());
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert!(
        DockerFile::read(&path, home)
            .unwrap_err()
            .starts_with("~/.docker/config.json can't be read and is left out: ")
    );
}

#[tokio::test]
async fn helpers_are_asked_by_the_protocol() {
    let machine = Machine::new(&[(
        ".docker/config.json",
        r#"{"credHelpers": {"r.io": "good", "https://token.io": "good", "none.io": "good", "docker.io": "podmans",
            "lost.io": "missing", "burnt.io": "broken", "odd.io": "rubbish", "evil.io": "../sh"},
            "auths": {"r.io": {"username": "stale", "password": "x"}, "none.io": {"username": "file", "password": "x"}}}"#,
    )]);
    let files = machine.files(&[]);
    for (repository, want) in [
        ("r.io/a", "me (docker-credential-good (~/.docker/config.json))"),
        ("token.io/a", "identity token (docker-credential-good (~/.docker/config.json))"),
        ("docker.io/library/nginx", "pod (docker-credential-podmans (~/.docker/config.json))"),
        ("none.io/a", "file (~/.docker/config.json: none.io)"),
        (
            "lost.io/a",
            "the credential helper docker-credential-missing is not in $PATH: registry lost.io: No such file or directory (os error 2)",
        ),
        (
            "burnt.io/a",
            "the credential helper docker-credential-broken failed (exit status: 3): the vault burns: registry burnt.io",
        ),
        (
            "odd.io/a",
            "the credential helper docker-credential-rubbish gave an answer that can't be understood: registry odd.io",
        ),
        ("evil.io/a", "'../sh' is no name of a credential helper: registry evil.io"),
    ] {
        assert_eq!(find(&files, repository).await, want);
    }
}

#[tokio::test]
async fn a_helper_that_hangs_is_given_up() {
    let machine =
        Machine::new(&[(".docker/config.json", r#"{"credHelpers": {"slow.io": "hanging"}}"#)]);
    let files = machine.files_within(&[], Duration::from_millis(100));
    assert_eq!(
        find(&files, "slow.io/a").await,
        "the credential helper docker-credential-hanging did not answer within 0.1 s: registry slow.io"
    );
}

#[tokio::test]
async fn a_helper_that_fails_is_not_run_for_each_repository() {
    let machine =
        Machine::new(&[(".docker/config.json", r#"{"credHelpers": {"r.io": "counted"}}"#)]);
    let files = machine.files(&[]);
    for repository in ["r.io/a", "r.io/b", "r.io/c"] {
        let said = find(&files, repository).await;
        assert!(said.contains("failed (exit status: 3)"), "{said}");
    }
    let asked = fs::read_to_string(helpers().join("docker-credential-counted.asked")).unwrap();
    assert_eq!(asked.lines().count(), 1);
}

#[tokio::test]
async fn a_general_helper_comes_last_and_may_be_broken() {
    let machine = Machine::new(&[
        (
            ".docker/config.json",
            r#"{"credsStore": "good", "auths": {"https://index.docker.io/v1/": {}}}"#,
        ),
        (
            ".config/containers/auth.json",
            r#"{"auths": {"r.io": {"username": "pod", "password": "x"}}}"#,
        ),
    ]);
    let files = machine.files(&[]);
    assert_eq!(find(&files, "r.io/a").await, "pod (~/.config/containers/auth.json: r.io)");
    assert_eq!(
        find(&files, "docker.io/a/b").await,
        "hub (docker-credential-good (~/.docker/config.json))"
    );
    assert_eq!(find(&files, "unknown.io/a").await, "nobody (anonymous)");

    let machine = Machine::new(&[(".docker/config.json", r#"{"credsStore": "missing"}"#)]);
    assert_eq!(
        find(&machine.files(&[]), "r.io/a").await,
        "nobody (anonymous; the credential helper docker-credential-missing is not in $PATH)"
    );
}

#[tokio::test]
async fn a_helper_is_asked_once_and_again_to_renew() {
    let machine = Machine::new(&[(".docker/config.json", r#"{"credHelpers": {"r.io": "good"}}"#)]);
    let files = machine.files(&[]);
    let registry = "r.io".parse().unwrap();
    let secret = async |renew| match files.find(&registry, None, renew).await.unwrap().0 {
        Credential::Basic { password, .. } => password.expose_secret().to_owned(),
        other => panic!("{other:?}"),
    };
    let first = secret(false).await;
    assert_eq!(secret(false).await, first, "remembered");
    let second = secret(true).await;
    assert_ne!(second, first, "asked again");
    assert_eq!(secret(false).await, second);
    // many repositories meet the same expired token
    let (a, b, c) = tokio::join!(secret(true), secret(true), secret(true));
    assert_eq!((&a, &b), (&b, &c), "one renewal for all");
    assert_ne!(a, second);
}

#[tokio::test]
async fn what_is_found_is_listed_without_secrets() {
    let machine = Machine::new(&[
        (
            ".docker/config.json",
            r#"{"credHelpers": {"gcr.io": "gcloud"}, "credsStore": "good",
                "auths": {"quay.io/ns": {"username": "ns", "password": "CANARY"}, "r.io": {}}}"#,
        ),
        (
            ".config/containers/auth.json",
            r#"{"auths": {"t.io": {"identitytoken": "CANARY"}}, "credsStore": "missing"}"#,
        ),
    ]);
    let Listing { found, problems } = machine.files(&[]).list().await;
    let lines: Vec<String> = found
        .iter()
        .map(|f| format!("{} {} {}", f.address, f.user.as_deref().unwrap_or("?"), f.source))
        .collect();
    assert_eq!(
        lines,
        [
            "quay.io/ns ns ~/.docker/config.json",
            "gcr.io ? docker-credential-gcloud (~/.docker/config.json)",
            "docker.io hub docker-credential-good (~/.docker/config.json)",
            "r.io me docker-credential-good (~/.docker/config.json)",
            "t.io ? ~/.config/containers/auth.json",
        ]
    );
    let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("docker-credential-missing is not in $PATH"), "{told:?}");
    assert!(!format!("{found:?} {problems:?}").contains("CANARY"));
}

#[tokio::test]
async fn helpers_and_files_that_can_t_be_listed_are_told() {
    let machine = Machine::new(&[
        (
            ".docker/config.json",
            r#"{"credHelpers": {"evil.io": "../sh"}, "credsStore": "rubbish",
                "auths": {"odd.io": {"auth": "CANARY!"}}}"#,
        ),
        (".config/containers/auth.json", r#"{"auths": CANARY"#),
    ]);
    let Listing { found, problems } = machine.files(&[]).list().await;
    assert_eq!(found, []);
    let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
    for words in [
        "the entry 'odd.io' is left out: its 'auth' is no base64",
        "auth.json is no JSON",
        "'../sh' is no name of a credential helper",
        "docker-credential-rubbish gave an answer that can't be understood",
    ] {
        assert!(told.iter().any(|text| text.contains(words)), "{words}: {told:?}");
    }
    assert_eq!(told.len(), 4, "{told:?}");
    assert!(!format!("{problems:?}").contains("CANARY"));
}

#[tokio::test]
async fn what_is_linked_is_asked_each_time() {
    let machine = Machine::new(&[(
        ".docker/config.json",
        r#"{"auths": {"quay.io": {"username": "ns", "password": "CANARY-1"}}}"#,
    )]);
    let links = Links::new(machine.env(&[], "PATH").map(Into::into), Duration::from_secs(20));
    let path = machine.home.path().join(".docker/config.json");
    let file = Link::File { path: path.clone(), key: "quay.io".into() };
    let secret = async |link: &Link| match links.ask(link, true).await {
        Ok(Some(Credential::Basic { username, password })) => {
            format!("{username} {}", password.expose_secret())
        }
        Ok(None) => "nothing".to_owned(),
        other => panic!("{other:?}"),
    };
    assert_eq!(secret(&file).await, "ns CANARY-1");
    fs::write(&path, r#"{"auths": {"quay.io": {"username": "new", "password": "CANARY-2"}}}"#)
        .unwrap();
    assert_eq!(secret(&file).await, "new CANARY-2");
    fs::write(&path, "{}").unwrap();
    assert_eq!(secret(&file).await, "nothing");
    fs::remove_file(&path).unwrap();
    assert_eq!(secret(&file).await, "nothing");
    fs::write(&path, "CANARY").unwrap();
    let error = links.ask(&file, false).await.unwrap_err();
    assert_eq!(error.code(), Code::FileFailed);
    assert!(!format!("{error:?}").contains("CANARY"));

    let helper =
        |helper: &str, server: &str| Link::Helper { helper: helper.into(), server: server.into() };
    assert_eq!(secret(&helper("good", "https://index.docker.io/v1/")).await, "hub CANARY");
    assert_eq!(secret(&helper("good", "unknown.io")).await, "nothing");
    // a file of accounts that somebody else has written
    let error = links.ask(&helper("../../bin/sh", "x"), false).await.unwrap_err();
    assert_eq!(error.code(), Code::HelperFailed, "{error}");
}

#[tokio::test]
async fn a_helper_that_is_given_up_leaves_nothing_behind() {
    let machine =
        Machine::new(&[(".docker/config.json", r#"{"credHelpers": {"slow.io": "brooding"}}"#)]);
    // it must have begun, however busy the machine is
    let files = machine.files_within(&[], Duration::from_secs(5));
    let said = find(&files, "slow.io/a").await;
    assert!(said.contains("did not answer within 5 s"), "{said}");
    let child = fs::read_to_string(helpers().join("docker-credential-brooding.child")).unwrap();
    let stat = Path::new("/proc").join(child.trim()).join("stat");
    // gone, or dead and not yet fetched by its new parent
    while fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z ")) {
        tokio::task::yield_now().await;
    }
}

fn entry(key: &str, line: usize) -> AuthEntry {
    AuthEntry::new(address_of_key(key).unwrap(), key, format!("auth.yaml:{line}"))
}

fn with_user(key: &str, line: usize, user: &str) -> AuthEntry {
    AuthEntry { username: Some(user.into()), password: Some("CANARY".into()), ..entry(key, line) }
}

#[tokio::test]
async fn an_auth_file_comes_first_and_its_settings_always_hold() {
    let machine = Machine::new(&[(
        ".docker/config.json",
        r#"{"auths": {"quay.io": {"username": "docker", "password": "CANARY"}}}"#,
    )]);
    let entries = vec![
        with_user("quay.io/team", 1, "robot$team+ci"),
        AuthEntry {
            insecure: true,
            proxy: Some("socks5h://127.0.0.1:1080".parse().unwrap()),
            limit: Some(4),
            ..entry("quay.io", 5)
        },
        entry("r.io", 9),
    ];
    let access = FileAccess::new(entries, machine.files(&[])).unwrap();
    let get = async |registry: &str, name: &str| {
        let access = access
            .access(&registry.parse().unwrap(), Some(&name.parse().unwrap()), false)
            .await
            .unwrap();
        let user = docker::user(&access.credential).unwrap_or("nobody").to_owned();
        (
            user,
            access.origin.to_string(),
            access.tls.insecure,
            access.proxy.map(|url| url.to_string()),
            access.limit,
        )
    };
    assert_eq!(
        get("quay.io", "team/app").await,
        ("robot$team+ci".into(), "auth.yaml:1: quay.io/team".into(), false, None, None)
    );
    assert_eq!(
        get("quay.io", "other/app").await,
        (
            "docker".into(),
            "~/.docker/config.json: quay.io".into(),
            true,
            Some("socks5h://127.0.0.1:1080".into()),
            Some(4)
        )
    );
    assert_eq!(get("r.io", "x").await, ("nobody".into(), "anonymous".into(), false, None, None));
    assert_eq!(get("s.io", "x").await, ("nobody".into(), "anonymous".into(), false, None, None));
    assert!(!format!("{access:?}").contains("CANARY"));
}

#[tokio::test]
async fn the_log_says_once_who_we_are() {
    let log = tempfile::NamedTempFile::new().unwrap();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(Arc::new(log.reopen().unwrap()))
        .with_ansi(false)
        .without_time()
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let access =
        FileAccess::new(vec![with_user("r.io", 1, "me")], Machine::new(&[]).files(&[])).unwrap();
    for (registry, name) in [("r.io", "a"), ("r.io", "b"), ("s.io", "a"), ("s.io", "b")] {
        access
            .access(&registry.parse().unwrap(), Some(&name.parse().unwrap()), false)
            .await
            .unwrap();
    }
    let log = fs::read_to_string(log.path()).unwrap();
    let lines: Vec<&str> = log.lines().map(|line| line.split_once(": ").unwrap().1).collect();
    assert_eq!(
        lines,
        [
            r#"account chosen registry=r.io user="me" origin="auth.yaml:1: r.io""#,
            r#"account chosen registry=s.io origin="anonymous""#
        ]
    );
}

#[test]
fn certificates_and_keys_are_read_at_once() {
    let pem = testkit::tls::Authority::new().client("me");
    let (cert, key) = pem.split_at(pem.find("-----BEGIN PRIVATE KEY").unwrap());
    let machine = Machine::new(&[
        ("ca.pem", &cert.replace('\n', "\r\n")),
        ("cert.pem", cert),
        ("key.pem", key),
        ("both.pem", &format!("{key}{cert}")),
        ("none.pem", "nothing"),
    ]);
    let path = |name: &str| Some(machine.home.path().join(name));
    let access = |entries| FileAccess::new(entries, machine.files(&[]));

    let good = access(vec![
        AuthEntry {
            ca: path("ca.pem"),
            cert: path("cert.pem"),
            key: path("key.pem"),
            ..entry("a.io", 1)
        },
        AuthEntry { cert: path("both.pem"), ..entry("b.io", 2) },
    ])
    .unwrap();
    let identity = |n: usize| {
        String::from_utf8(good.entries[n].tls.identity.as_ref().unwrap().0.to_vec()).unwrap()
    };
    assert_eq!(identity(0), format!("{cert}\n{key}"));
    assert_eq!(identity(1), format!("{key}{cert}"));
    assert!(good.entries[0].tls.ca.is_some());
    let secret = key.lines().nth(1).unwrap();
    assert!(!format!("{good:?}").contains(secret));

    let errors = access(vec![
        AuthEntry { ca: path("lost.pem"), ..entry("a.io", 1) },
        AuthEntry { ca: path("none.pem"), ..entry("b.io", 2) },
        AuthEntry { cert: path("cert.pem"), ..entry("c.io", 3) },
        AuthEntry { key: path("key.pem"), ..entry("d.io", 4) },
        AuthEntry { cert: path("cert.pem"), key: path("cert.pem"), ..entry("e.io", 5) },
        entry("fine.io", 6),
    ])
    .map(|_| ())
    .unwrap_err();
    let home = machine.home.path().display();
    let told: Vec<(Code, String)> = errors.iter().map(|e| (e.code(), e.to_string())).collect();
    assert_eq!(
        told,
        [
            (
                Code::FileFailed,
                format!(
                    "auth.yaml:1: 'ca' of 'a.io': {home}/lost.pem can't be read: No such file or directory (os error 2)"
                )
            ),
            (
                Code::ConfigInvalid,
                format!("auth.yaml:2: 'ca' of 'b.io': {home}/none.pem holds no certificate")
            ),
            (Code::ConfigInvalid, "auth.yaml:3: 'c.io' has a 'cert' and no 'key'".into()),
            (Code::ConfigInvalid, "auth.yaml:4: 'd.io' has a 'key' and no 'cert'".into()),
            (
                Code::ConfigInvalid,
                format!("auth.yaml:5: 'key' of 'e.io': {home}/cert.pem holds no private key")
            ),
        ]
    );
}
