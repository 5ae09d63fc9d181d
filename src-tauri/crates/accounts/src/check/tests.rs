use std::sync::Mutex;

use registry::TlsOptions;
use testkit::{
    Auth, Fault, Kind, Quirk, Registry as Server, Reply,
    tls::{Authority, Flaw},
};

use super::*;

fn limits() -> Limits {
    Limits { connect: Duration::from_millis(800), question: Duration::from_secs(5) }
}

fn basic(user: &str, password: &str) -> Access {
    let credential =
        Credential::Basic { username: user.into(), password: password.to_owned().into() };
    Access { credential, ..Access::default() }
}

fn insecure(access: Access) -> Access {
    Access { tls: TlsOptions { insecure: true, ..access.tls.clone() }, ..access }
}

fn trusting(access: Access, authority: &Authority) -> Access {
    let ca = Some(authority.pem().as_bytes().into());
    Access { tls: TlsOptions { ca, ..access.tls.clone() }, ..access }
}

/// One letter a step: passed, warning, failed, skipped; and the code of the one that failed or is warned about.
async fn outcome(host: &str, access: Access) -> (String, Option<Code>, Vec<Done>) {
    let (letters, code, done) = outcome_of(host, None, access).await;
    let rest = letters.strip_suffix("ss").expect("no repository was named");
    (rest.to_owned(), code, done)
}

/// The same, with a repository.
async fn outcome_of(
    host: &str,
    repository: Option<&str>,
    access: Access,
) -> (String, Option<Code>, Vec<Done>) {
    let told = Mutex::new(Vec::new());
    let registry = host.parse().unwrap();
    let name = repository.map(|name| name.parse().unwrap());
    let tell = |done: &Done| told.lock().unwrap().push(done.step);
    let subject = Subject { repository: name.as_ref(), ..Subject::of(&registry) };
    let login = access.credential.clone().into();
    let done = check(subject, access, async { Ok(login) }, &limits(), tell).await;
    assert_eq!(*told.lock().unwrap(), Step::ALL, "each step is told once, in order");
    assert_eq!(done.iter().map(|done| done.step).collect::<Vec<_>>(), Step::ALL);
    let mut code = None;
    let letters = done.iter().map(|done| match &done.verdict {
        Verdict::Passed => 'p',
        Verdict::Skipped => 's',
        Verdict::Warning(error) => {
            code = code.or(error.as_ref().map(Error::code));
            'w'
        }
        Verdict::Failed(error) => {
            code = Some(error.code());
            'f'
        }
    });
    (letters.collect(), code, done.clone())
}

#[tokio::test]
async fn everything_passes_with_tls_and_a_login() {
    let authority = Authority::new();
    let server = Server::builder()
        .tls(authority.server(Flaw::None))
        .auth(Auth::token("me", "s3"))
        .start()
        .await;
    let (letters, code, done) =
        outcome(server.host(), trusting(basic("me", "s3"), &authority)).await;
    assert_eq!((letters.as_str(), code), ("pppppp", None));
    assert!(passed(&done));
    let tls = &done[2].detail;
    assert!(
        tls.contains("issuer ") && tls.contains("valid until 20") && tls.contains("SHA-256 "),
        "{tls}"
    );
    assert_eq!(tls.rsplit_once("SHA-256 ").unwrap().1.len(), 32 * 3 - 1, "{tls}");
}

#[tokio::test]
async fn bad_certificates_are_told_with_what_they_say() {
    let authority = Authority::new();
    for (flaw, trusted, code) in [
        (Flaw::None, false, Code::TlsUntrusted),
        (Flaw::Expired, true, Code::TlsExpired),
        (Flaw::WrongName, true, Code::TlsName),
    ] {
        let server = Server::builder().tls(authority.server(flaw)).start().await;
        let access = Access::default();
        let access = if trusted { trusting(access, &authority) } else { access };
        let (letters, got, done) = outcome(server.host(), access.clone()).await;
        assert_eq!((letters.as_str(), got), ("ppfsss", Some(code)), "{flaw:?}");
        assert!(!passed(&done) && done[2].detail.contains("SHA-256 "), "{}", done[2].detail);

        let (letters, _, done) = outcome(server.host(), insecure(access)).await;
        assert_eq!(letters, "ppwpsp", "{flaw:?}: allowed, but told");
        assert!(
            passed(&done) && done[2].detail.starts_with("not verified: "),
            "{}",
            done[2].detail
        );
    }
}

#[tokio::test]
async fn a_login_that_is_refused_or_lacking_is_the_step_that_fails() {
    for auth in [Auth::basic("me", "s3"), Auth::token("me", "s3")] {
        let server = Server::builder().auth(auth).start().await;
        let (letters, code, done) = outcome(server.host(), insecure(basic("me", "CANARY"))).await;
        assert_eq!((letters.as_str(), code), ("ppwpfs", Some(Code::AuthRejected)));
        assert!(!format!("{done:?}").contains("CANARY"));
        assert!(server.requests().len() < 10, "{:?}", server.requests());
    }
    let server = Server::builder().auth(Auth::basic("me", "s3")).start().await;
    let (letters, code, _) = outcome(server.host(), insecure(Access::default())).await;
    assert_eq!((letters.as_str(), code), ("ppwpfs", Some(Code::AuthRequired)));
}

#[tokio::test]
async fn a_catalogue_that_is_refused_is_a_warning() {
    let authority = Authority::new();
    let server = Server::builder()
        .tls(authority.server(Flaw::None))
        .quirk(Quirk::CatalogRefused(401))
        .start()
        .await;
    let (letters, code, done) =
        outcome(server.host(), trusting(Access::default(), &authority)).await;
    assert_eq!((letters.as_str(), code), ("ppppsw", Some(Code::CatalogUnsupported)));
    assert!(passed(&done));
}

#[tokio::test]
async fn what_is_no_registry_or_not_there() {
    let server = Server::start().await;
    let html = Reply::html(200, "hello");
    let html = server.fault(Fault::on(Kind::Ping).always().answer(html));
    let (letters, code, _) = outcome(server.host(), insecure(Access::default())).await;
    assert_eq!((letters.as_str(), code), ("ppwfss", Some(Code::NotARegistry)));
    assert!(html.fired() > 0);

    let port = {
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        closed.local_addr().unwrap().port()
    };
    let (letters, code, _) = outcome(&format!("127.0.0.1:{port}"), Access::default()).await;
    assert_eq!((letters.as_str(), code), ("pfssss", Some(Code::NetReset)));

    let (letters, code, _) = outcome("no-such-host.invalid", Access::default()).await;
    assert_eq!((letters.as_str(), code), ("fsssss", Some(Code::NetDns)));
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up() {
    // takes connections and says nothing
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    let (letters, code, done) = outcome(&address.to_string(), Access::default()).await;
    assert_eq!((letters.as_str(), code), ("ppfsss", Some(Code::NetTimeout)));
    assert!(!passed(&done));
}

#[tokio::test]
async fn a_repository_is_read_and_an_upload_to_it_opened_and_cancelled() {
    let server = Server::builder().auth(Auth::basic("me", "s3")).start().await;
    server.push("team/app", "v1", &testkit::Image::single("linux/amd64", []));
    server.clear_log();
    let access = || insecure(basic("me", "s3"));
    let (letters, code, done) = outcome_of(server.host(), Some("team/app"), access()).await;
    assert_eq!((letters.as_str(), code), ("ppwppppp", None), "{done:?}");
    assert!(done[6].detail.contains("v1"), "{done:?}");
    let answered = |method: &str, kind: Kind, status: u16| {
        server.count(|request| {
            request.method == method && request.kind == kind && request.status == Some(status)
        })
    };
    assert_eq!(answered("HEAD", Kind::Manifest, 200), 1);
    assert_eq!(answered("POST", Kind::Mount, 202), 1);
    assert_eq!(answered("DELETE", Kind::UploadCancel, 204), 1);
    assert_eq!(server.count(|request| request.method == "PUT" || request.method == "PATCH"), 0);

    // a repository that is not there yet is no fault
    let (letters, code, done) = outcome_of(server.host(), Some("team/new"), access()).await;
    assert_eq!((letters.as_str(), code), ("ppwpppwp", Some(Code::RefNotFound)), "{done:?}");
    assert!(passed(&done));
}

#[tokio::test]
async fn what_an_account_may_do_in_a_repository_is_told_apart() {
    let users = testkit::auth::Users::new()
        .user_with("reader", "s3", &[("team/*", "pull")])
        .user_with("nobody", "s3", &[("other/*", "pull")]);
    let server = Server::builder().auth(Auth::Basic(users)).start().await;
    server.push("team/app", "v1", &testkit::Image::single("linux/amd64", []));
    let reader = insecure(basic("reader", "s3"));
    let (letters, code, done) = outcome_of(server.host(), Some("team/app"), reader).await;
    assert!(letters.ends_with("pf"), "{done:?}");
    assert_eq!(code, Some(Code::PushDenied), "{done:?}");
    assert!(passed(&done), "it can read");
    let nobody = insecure(basic("nobody", "s3"));
    let (letters, _, done) = outcome_of(server.host(), Some("team/app"), nobody).await;
    assert!(letters.ends_with("ff") && !passed(&done), "{done:?}");
}

#[tokio::test]
async fn what_the_server_shows_can_be_trusted() {
    let authority = Authority::new();
    let tls = authority.server(Flaw::WrongName).with_authority();
    let server = Server::builder().tls(tls.clone()).start().await;
    let (letters, code, done) = outcome(server.host(), Access::default()).await;
    assert_eq!((letters.as_str(), code), ("ppfsss", Some(Code::TlsUntrusted)));
    let chain = done[2].chain.clone().expect("the certificates");
    let authority_shown = chain.authority().unwrap();
    assert!(authority_shown.subject.contains("testkit authority"), "{authority_shown:?}");

    // the authority does not mend a wrong name; the certificate itself does
    let trusted = |trusted| {
        let account = crate::Account {
            trusted: Some(trusted),
            ..crate::Account::new("a", server.host().parse().unwrap())
        };
        Access { tls: account.tls().unwrap(), ..Access::default() }
    };
    let (_, code, _) = outcome(server.host(), trusted(chain.trust_authority().unwrap())).await;
    assert_eq!(code, Some(Code::TlsName));
    let (letters, code, _) = outcome(server.host(), trusted(chain.trust_certificate())).await;
    assert_eq!((letters.as_str(), code), ("ppppsp", None));

    // a right name is all that the authority needs
    let server = Server::builder().tls(authority.server(Flaw::None)).start().await;
    let access = trusted(chain.trust_authority().unwrap());
    let (letters, code, done) = outcome(server.host(), access).await;
    assert_eq!((letters.as_str(), code), ("ppppsp", None));
    assert!(done[2].chain.as_ref().unwrap().trust_authority().is_none(), "it was not shown here");
    // and this certificate is not the one that was trusted there
    let (letters, code, done) = outcome(server.host(), trusted(chain.trust_certificate())).await;
    assert_eq!((letters.as_str(), code), ("ppfsss", Some(Code::TlsChanged)));
    let now = done[2].chain.as_ref().unwrap().server().sha256;
    assert!(done[2].detail.contains(&now.to_string()), "the new one is told: {done:?}");
}

#[tokio::test]
async fn plain_http_that_is_asked_for_is_told() {
    let server = Server::start().await;
    let tls = TlsOptions { plain_http: true, ..TlsOptions::default() };
    let (letters, code, done) = outcome(server.host(), Access { tls, ..Access::default() }).await;
    assert_eq!((letters.as_str(), code), ("ppwpsp", None), "{done:?}");
    assert!(done[2].detail.starts_with("plain HTTP"), "{done:?}");
}
