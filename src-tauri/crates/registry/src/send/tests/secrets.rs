//! No secret is seen in a log, an error or a `Debug`.

use std::{fmt::Write as _, io};

use testkit::{Auth, Fault, Quirk, Redirect, Registry as Server, Reply};
use tracing_subscriber::fmt::MakeWriter;

use super::*;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        lock(&self.0).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn none_is_seen_anywhere() {
    // for the whole process: what other tests log must not hold their canaries either
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .with_writer(log.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let mut shown = String::new();

    let there = registry(Server::builder(), 1).await;
    let storage = format!("{}/v2/team/r0/manifests/1?X-Signature=sig-canary&", there.url());
    let server = registry(Server::builder().auth(Auth::token("alice", "pw-canary-1")), 2).await;
    server.fault(
        Fault::on(Kind::Manifest)
            .repository("team/r1")
            .answer(Reply::status(307).header("location", storage)),
    );
    let setup = Setup::with(server.host(), basic("alice", "pw-canary-1"));
    setup.get("team/r0").await.unwrap();
    setup.get("team/r1").await.unwrap();
    let given: Vec<_> = server
        .requests()
        .iter()
        .filter_map(|r| Some(r.header("authorization")?.split_once(' ')?.1.to_owned()))
        .collect();
    assert!(given.len() >= 3);

    // a registry that repeats what it was shown
    let echo = format!("refused Bearer {} of pw-canary-1", given.last().unwrap());
    server.fault(Fault::on(Kind::Manifest).answer(Reply::error(400, "X", &echo)));
    let error = setup.get("team/r0").await.unwrap_err();
    assert!(error.to_string().contains("refused Bearer ***"), "{error}");
    let _ = write!(shown, "{error} {error:?} {:?} {:?}", setup.client, setup.owner);
    let answer = setup.post("team/r0").await.unwrap();
    let _ = write!(shown, "{answer:?}");

    let wrong = Setup::with(server.host(), basic("alice", "pw-canary-2"));
    let echo = Reply::error(401, "X", "user alice, password pw-canary-2");
    server.fault(Fault::on(Kind::Token).before_auth().answer(echo));
    let error = wrong.get("team/r0").await.unwrap_err();
    let _ = write!(shown, "{error} {error:?} {:?}", wrong.client);

    // an address with a secret that leads nowhere
    there.stop();
    server.add_quirk(Quirk::RedirectManifests(Redirect::address(format!(
        "{}/x?token=sig-canary",
        there.url()
    ))));
    let error = setup.get("team/r0").await.unwrap_err();
    let _ = write!(shown, "{error} {error:?}");

    shown += &String::from_utf8_lossy(&lock(&log.0));
    assert!(shown.contains("X-Signature=***"), "requests are logged: {shown}");
    for secret in given.iter().map(String::as_str).chain(["-canary"]) {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}
