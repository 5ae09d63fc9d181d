//! Known secrets of every kind are stored and used by every command that has to do with accounts; then all that it said
//! and wrote is searched for them, and the arguments and environment of its processes while it ran.

use std::{
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use testkit::{
    Auth, Cloud, Fault, Image, Kind, Layer, Registry, cloud::ServiceAccount, fault::Stall,
};

use crate::support::{Finished, Program};

/// Everything that is secret has this in it, or is this in another form.
const CANARY: &str = "CANARY-0b5e7f";
const PASSPHRASE: &str = "CANARY-0b5e7f-passphrase";

fn machine() -> Program {
    let mut program = Program::new();
    program.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent");
    let passphrase = program.write("passphrase", PASSPHRASE);
    program.env("IMAGE_SYNCER_PASSPHRASE_FILE", passphrase.display().to_string());
    program
}

fn forms(more: &[String]) -> Vec<String> {
    let mut forms = vec![CANARY.to_owned()];
    forms.extend(["reader", "AKIAKEY", "me"].map(|user| {
        // as the `Authorization` header and docker's files have it
        BASE64_STANDARD.encode(format!("{user}:{CANARY}"))
    }));
    forms.extend(more.iter().cloned());
    forms
}

#[track_caller]
fn clean(forms: &[String], text: &str, place: &str) {
    for form in forms {
        assert!(!text.contains(form.as_str()), "{form} is in {place}:\n{text}");
    }
}

/// What `/proc` tells of a process and of those that it has started.
fn arguments_and_environment(id: u32) -> String {
    let mut told = String::new();
    let mut ids = vec![id];
    while let Some(id) = ids.pop() {
        for name in ["cmdline", "environ"] {
            let bytes = std::fs::read(format!("/proc/{id}/{name}")).unwrap_or_default();
            told.push_str(&String::from_utf8_lossy(&bytes).replace('\0', "\n"));
        }
        let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children"));
        ids.extend(
            children.unwrap_or_default().split_whitespace().filter_map(|id| id.parse::<u32>().ok()),
        );
    }
    told
}

/// Runs `login` with a secret on standard input, and looks at the process while the registry holds its answer back.
fn login(
    program: &Program,
    registry: &Registry,
    more: &[&str],
    secret: &str,
) -> (Finished, String) {
    let held = registry.fault(
        Fault::on(Kind::Ping)
            .when(|request| request.header("authorization").is_some())
            .before_auth()
            .stall(Stall::Answer),
    );
    let mut arguments = vec!["login", registry.host(), "--password-stdin", "--insecure"];
    arguments.extend(more);
    tokio::task::block_in_place(|| {
        let mut command: Command = program.command(&arguments);
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(secret.as_bytes()).unwrap();
        let until = Instant::now() + Duration::from_mins(1);
        while held.fired() == 0 && child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < until, "the secret was not used");
            std::thread::sleep(Duration::from_millis(5));
        }
        let told = arguments_and_environment(child.id());
        held.release();
        (child.wait_with_output().unwrap().into(), told)
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn no_secret_of_any_kind_gets_out() {
    let cloud = Cloud::start().await;
    cloud.aws_key("AKIAKEY", CANARY);
    cloud.azure_principal("t.example", "client", CANARY);
    let account = ServiceAccount::new("ci@p.iam.gserviceaccount.com", &cloud);
    cloud.google_account(&account);
    let key = account.json(&[]);
    // the key itself, as its file has it, and what the clouds give out for theirs
    let inner =
        key.split("PRIVATE KEY-----\\n").nth(1).unwrap().split("\\n").next().unwrap().to_owned();
    let given = ["ecr-1", "ya29-", "entra-", "refresh-"].map(str::to_owned);
    let forms = forms(&[&[inner][..], &given].concat());

    let image = Image::single("linux/amd64", [Layer::random(1, 1000)]);
    let plain = Registry::builder().auth(Auth::token("reader", CANARY)).start().await;
    let aws = Registry::builder().auth(Auth::basic("AWS", "ecr-1")).start().await;
    let google = Registry::builder().auth(Auth::token("oauth2accesstoken", "ya29-2")).start().await;
    let to = Registry::start().await;
    for registry in [&plain, &aws, &google] {
        registry.push("team/app", "v1", &image);
    }
    let mut program = machine();
    program.env("IMAGE_SYNCER_PROXY_PASSWORD", "");
    // a helper that notes what it is started with
    let helper = program.write(
        "bin/docker-credential-ours",
        &format!(
            "#!/bin/sh\nhost=$(cat)\necho \"$0 $* $host\" >> \"$HOME/helper.log\"; env >> \"$HOME/helper.log\"\n\
             case $1 in list) echo '{{\"h.example.com\":\"me\"}}';; \
             get) echo '{{\"Username\":\"me\",\"Secret\":\"{CANARY}\"}}';; esac\n"
        ),
    );
    std::fs::set_permissions(&helper, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = std::env::var("PATH").unwrap();
    program.env("PATH", format!("{}:{path}", program.path("bin").display()));
    program.write(".docker/config.json", r#"{"credsStore": "ours"}"#);
    program.write("key.json", &key);

    let mut seen: Vec<(String, Finished)> = Vec::new();
    let url = cloud.url();
    let aws_flags = [
        "--provider",
        "ecr",
        "--kind",
        "aws-keys",
        "-u",
        "AKIAKEY",
        "--region",
        "eu-west-1",
        "--endpoint",
        &url,
    ];
    let google_flags = ["--provider", "gar", "--kind", "google-key"];
    for (registry, flags, secret) in [
        (&plain, &["-u", "reader"][..], CANARY),
        (&aws, &aws_flags, CANARY),
        (&google, &google_flags, key.as_str()),
    ] {
        let (finished, told) = login(&program, registry, flags, secret);
        assert!(told.contains("login") && told.contains("HOME="), "it was looked at: {told}");
        clean(&forms, &told, "the arguments or the environment");
        seen.push((format!("login {flags:?}"), finished.expect(0)));
    }
    assert_eq!((cloud.granted("GetAuthorizationToken"), cloud.granted("token")), (1, 1));
    // refused, with words that the cloud repeats
    let (finished, _) = login(
        &program,
        &to,
        &[
            "--provider",
            "azure",
            "--kind",
            "azure-principal",
            "-u",
            "client",
            "--tenant",
            "t.example",
            "--endpoint",
            &url,
        ],
        &format!("{CANARY}-wrong"),
    );
    seen.push(("login, refused".into(), finished.expect(1)));

    let open = [&plain, &aws, &google, &to]
        .map(|registry| format!("{}: {{insecure: true}}\n", registry.host()))
        .concat();
    program.write("open.yaml", &open);
    let source = format!("{}/team/app:v1", plain.host());
    let target = format!("{}/x", to.host());
    let (host, repository) = (plain.host().to_owned(), format!("{}/team/app", plain.host()));
    let runs: Vec<Vec<&str>> = vec![
        vec!["accounts"],
        vec!["accounts", "--json"],
        vec!["check", &host, "--repository", "team/app"],
        vec!["check", aws.host(), "--json"],
        vec!["ls", &host, "-vvv"],
        vec!["tags", &repository, "--json", "-vvv"],
        vec!["inspect", &source, "-vvv"],
        vec!["accounts", "import"],
        vec!["accounts", "import", "h.example.com"],
        vec!["accounts", "import", "--all", "--link", "--json"],
        vec![
            "copy",
            &source,
            &target,
            "--auth",
            "open.yaml",
            "-vvv",
            "--log",
            "log.txt",
            "--report",
            "report.json",
            "--output-success-images",
            "done.yaml",
        ],
        vec!["logout", google.host()],
    ];
    for arguments in runs {
        let finished = program.run(&arguments);
        seen.push((arguments.join(" "), finished));
    }
    // the password of a proxy: given by the environment, kept, and nowhere else
    program.env("IMAGE_SYNCER_PROXY_PASSWORD", format!("{CANARY}-proxy"));
    let proxied = [
        "login",
        "p.example.com",
        "-u",
        "me",
        "--no-verify",
        "--password-stdin",
        "--proxy",
        "http://me@127.0.0.1:1",
    ];
    let finished = tokio::task::block_in_place(|| {
        let mut child = program.command(&proxied).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(CANARY.as_bytes()).unwrap();
        Finished::from(child.wait_with_output().unwrap())
    });
    seen.push(("login by a proxy".into(), finished.expect(0)));
    seen.push(("check by a proxy".into(), program.run(&["check", "p.example.com"])));

    assert_eq!(to.tags("x"), ["v1"], "the secret was used");
    for (what, finished) in &seen {
        clean(&forms, &finished.stdout, &format!("standard output of {what}"));
        clean(&forms, &finished.stderr, &format!("standard error of {what}"));
    }
    let helped = program.read("helper.log");
    assert!(helped.contains("docker-credential-ours get h.example.com"), "{helped}");
    for path in program.files() {
        // what we gave it ourselves
        if ["passphrase", "key.json", "docker-credential-ours"]
            .iter()
            .any(|name| path.ends_with(name))
        {
            continue;
        }
        let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        clean(&forms, &text, &path.display().to_string());
    }
    let secrets = program.files().into_iter().find(|path| path.ends_with("secrets.age")).unwrap();
    assert_eq!(std::fs::metadata(secrets).unwrap().permissions().mode() & 0o777, 0o600);
}
