//! What the program asks a person for, on a real terminal; and a real keyring that is locked or not there.

use testkit::{Auth, Image, Layer, Registry};

use crate::support::{Keyring, Program, Terminal, have};

const CANARY: &str = "CANARY-3c9d17";
const PASSPHRASE: &str = "CANARY-passphrase";

async fn guarded() -> (Registry, Registry) {
    let source = Registry::builder().auth(Auth::token("reader", CANARY)).start().await;
    source.push("team/app", "v1", &Image::single("linux/amd64", [Layer::random(1, 1000)]));
    (source, Registry::start().await)
}

/// A terminal blocks, and the registries of the test are served by other threads meanwhile.
fn on<T>(work: impl FnOnce() -> T) -> T {
    tokio::task::block_in_place(work)
}

fn program(bus: &str) -> Program {
    let mut program = Program::new();
    program.env("DBUS_SESSION_BUS_ADDRESS", bus);
    program
}

const NOWHERE: &str = "unix:path=/nonexistent";

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn login_asks_for_what_it_lacks_and_shows_no_secret() {
    if !have(&["script"]) {
        return;
    }
    let (source, _) = guarded().await;
    let program = program(NOWHERE);
    let finished = on(|| {
        let mut terminal = Terminal::start(&program, &["login", source.host(), "--insecure"]);
        terminal.expect("User name: ");
        terminal.answer("reader");
        // there is no keyring: where is the secret to be kept?
        terminal.expect("error[keyring.missing]");
        terminal.expect("in a file that is encrypted with a passphrase (f)");
        terminal.answer("f");
        terminal.expect("Password or token for");
        terminal.secret(CANARY);
        terminal.expect("New passphrase");
        terminal.secret(PASSPHRASE);
        terminal.expect("again");
        terminal.secret(PASSPHRASE);
        terminal.end().expect(0)
    });
    assert!(!finished.stderr.contains("CANARY"), "{}", finished.stderr);
    finished.says(&["logged in", "in the encrypted file"]);

    // what is kept is used after the passphrase
    let finished = on(|| {
        let mut terminal = Terminal::start(&program, &["check", source.host()]);
        terminal.expect("Passphrase of the encrypted secrets: ");
        terminal.secret(PASSPHRASE);
        terminal.end().expect(0)
    });
    assert!(!finished.stderr.contains("CANARY"), "{}", finished.stderr);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn login_calls_things_by_their_names_at_a_cloud() {
    if !have(&["script"]) {
        return;
    }
    let program = program(NOWHERE);
    let finished = on(|| {
        let host = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
        let arguments = ["login", host, "--kind", "aws-keys", "--no-verify", "--secrets", "file"];
        let mut terminal = Terminal::start(&program, &arguments);
        terminal.expect("Access key id: ");
        terminal.answer("AKIAKEY");
        terminal.expect("Secret access key for");
        terminal.secret(CANARY);
        terminal.expect("New passphrase");
        terminal.secret(PASSPHRASE);
        terminal.expect("again");
        terminal.secret(PASSPHRASE);
        terminal.end().expect(0)
    });
    assert!(!finished.stderr.contains("CANARY"), "{}", finished.stderr);
    let accounts = program.run(&["accounts", "--json"]).expect(0).stdout;
    for text in [r#""provider": "ecr""#, r#""secretKind": "aws-keys""#, "AKIAKEY"] {
        assert!(accounts.contains(text), "{text} in\n{accounts}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_keyring_that_is_locked_is_asked_about_and_loses_nothing() {
    if !have(Keyring::PROGRAMS) {
        return;
    }
    let (source, destination) = guarded().await;
    let host = source.host();
    let mut keyring = on(Keyring::start);
    on(|| keyring.open(true));
    let program = program(keyring.bus());
    on(|| {
        let arguments = ["login", host, "--insecure", "-u", "reader"];
        let mut terminal = Terminal::start(&program, &arguments);
        terminal.expect("Password or token for");
        terminal.secret(CANARY);
        terminal.end().expect(0).says(&["in the system's keyring"]);
    });
    let id = host.replace(['.', ':'], "-");
    assert_eq!(on(|| keyring.secret(&id)).as_deref(), Some(CANARY));
    on(|| keyring.end());
    on(|| keyring.open(false));

    let from = format!("{host}/team/app:v1");
    let to = |name: &str| format!("{}/{name}", destination.host());
    let insecure = destination.host();
    let copy = |name: &str| {
        ["copy".to_owned(), from.clone(), to(name), "--insecure".into(), insecure.into()]
    };
    let run = |name: &str, act: &dyn Fn(&mut Terminal)| {
        on(|| {
            let arguments = copy(name);
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            let mut terminal = Terminal::start(&program, &arguments);
            terminal.expect("error[keyring.locked]");
            terminal.expect(&id);
            terminal.expect("go on without (s)? ");
            act(&mut terminal);
            let finished = terminal.end();
            assert!(!finished.stderr.contains("CANARY"), "{}", finished.stderr);
            finished
        })
    };
    // tried again, with nothing on this bus that could ask; then for this run alone
    run("once", &|terminal| {
        terminal.answer("r");
        terminal.expect("error[keyring.locked]");
        terminal.expect("go on without (s)? ");
        terminal.answer("m");
        terminal.expect("Password or token for reader at");
        terminal.secret(CANARY);
    })
    .expect(0);
    assert_eq!(destination.tags("once"), ["v1"]);
    // without it, what needs it fails and says why
    run("without", &|terminal| terminal.answer("s"))
        .expect(1)
        .says(&["error[keyring.locked]", host]);
    // the same without a terminal, and what can be done there
    let arguments = copy("silent");
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    program.run(&arguments).expect(1).says(&[
        "the system keyring is locked",
        &id,
        "--auth",
        "IMAGE_SYNCER_PASSPHRASE",
        "error[keyring.locked]",
    ]);
    // into the encrypted file, for good
    run("kept", &|terminal| {
        terminal.answer("f");
        terminal.expect("Password or token for reader at");
        terminal.secret(CANARY);
        terminal.expect("New passphrase");
        terminal.secret(PASSPHRASE);
        terminal.expect("again");
        terminal.secret(PASSPHRASE);
    })
    .expect(0);
    let accounts = program.run(&["accounts", "--json"]).expect(0).stdout;
    assert!(accounts.contains(r#""secretIn": "file""#), "{accounts}");
    // what was in the keyring is there still
    on(|| keyring.end());
    on(|| keyring.open(true));
    assert_eq!(on(|| keyring.secret(&id)).as_deref(), Some(CANARY));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn looking_around_and_testing_ask_too() {
    if !have(Keyring::PROGRAMS) {
        return;
    }
    let (source, _) = guarded().await;
    let host = source.host();
    let mut keyring = on(Keyring::start);
    on(|| keyring.open(true));
    let program = program(keyring.bus());
    on(|| {
        let arguments = ["login", host, "--insecure", "-u", "reader"];
        let mut terminal = Terminal::start(&program, &arguments);
        terminal.expect("Password or token for");
        terminal.secret(CANARY);
        terminal.end().expect(0);
    });
    on(|| keyring.end());
    let repository = format!("{host}/team/app");
    for arguments in [["tags", &repository], ["check", host]] {
        let finished = on(|| {
            let mut terminal = Terminal::start(&program, &arguments);
            terminal.expect("error[keyring.missing]");
            terminal.expect("go on without (s)? ");
            terminal.answer("m");
            terminal.expect("Password or token for reader at");
            terminal.secret(CANARY);
            terminal.end().expect(0)
        });
        assert!(!finished.stderr.contains("CANARY"), "{}", finished.stderr);
        let shown = if arguments[0] == "tags" { "v1" } else { "login" };
        finished.says(&[shown]);
    }
}
