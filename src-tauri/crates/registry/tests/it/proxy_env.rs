//! Proxies that the environment names. An environment belongs to a process, so the client runs in one of its own:
//! this test's program again, told which registry to ping.

use std::{
    env,
    process::Output,
    sync::{Arc, Mutex},
    time::Duration,
};

use registry::ClientOptions;
use testkit::Registry;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    process::Command,
};

const REGISTRY: &str = "IMAGE_SYNCER_TEST_PING";

/// What the child does. In the test run itself, nothing is set and nothing done.
#[tokio::test]
async fn child() {
    let Ok(host) = env::var(REGISTRY) else { return };
    let options =
        ClientOptions { retries: 0, stall: Duration::from_secs(5), ..ClientOptions::default() };
    match crate::setup::client(options).ping(&host.parse().unwrap()).await {
        Ok(()) => println!("pinged"),
        Err(error) => println!("{}: {error}", error.code()),
    }
}

/// Pings `host` in a process with this environment alone.
async fn ping(host: &str, environment: &[(&str, &str)]) -> String {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["proxy_env::child", "--exact", "--nocapture"]).env_clear();
    command.env(REGISTRY, host).envs(environment.iter().copied());
    let Output { stdout, .. } = command.output().await.unwrap();
    String::from_utf8(stdout).unwrap()
}

/// A proxy that refuses everything, and the first bytes that it was sent over each connection.
async fn proxy() -> (String, Arc<Mutex<Vec<Vec<u8>>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut buffer = vec![0; 4096];
            let len = stream.read(&mut buffer).await.unwrap_or_default();
            log.lock().unwrap().push(buffer[..len].to_vec());
            let _ = stream.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n").await;
        }
    });
    (host, seen)
}

#[tokio::test]
async fn the_environments_proxy_is_used_and_named_without_its_password() {
    for (variable, scheme) in [
        ("HTTPS_PROXY", "http"),
        ("https_proxy", "http"),
        ("ALL_PROXY", "http"),
        ("ALL_PROXY", "socks5h"),
    ] {
        let (host, seen) = proxy().await;
        let proxy = format!("{scheme}://user:canary@{host}");
        let output = ping("registry.example:5000", &[(variable, &proxy)]).await;
        assert!(output.contains("proxy.failed: "), "{variable}: {output}");
        assert!(output.contains(&format!("{scheme}://{host}")), "{output}");
        assert!(!output.contains("canary"), "{output}");
        let seen = seen.lock().unwrap().clone();
        let expected: &[u8] =
            if scheme == "http" { b"CONNECT registry.example:5000 HTTP/1.1\r\n" } else { &[5] };
        assert!(seen[0].starts_with(expected), "{seen:?}");
    }
}

#[tokio::test]
async fn no_proxy_goes_straight() {
    let registry = Registry::start().await;
    let (host, seen) = proxy().await;
    let proxy = format!("http://{host}");
    let both = [("HTTP_PROXY", &*proxy), ("HTTPS_PROXY", &*proxy)];
    let output = ping(registry.host(), &both).await;
    assert!(
        output.contains("proxy.failed"),
        "a loopback address is no exception by itself: {output}"
    );
    assert_eq!((seen.lock().unwrap().is_empty(), registry.requests().len()), (false, 0));
    seen.lock().unwrap().clear();
    for except in ["127.0.0.1", "127.0.0.0/8", "*", "registry.example, 127.0.0.1"] {
        registry.clear_log();
        let output = ping(registry.host(), &[both[0], both[1], ("NO_PROXY", except)]).await;
        assert!(output.contains("pinged"), "{except}: {output}");
        assert_eq!(registry.requests().len(), 1);
    }
    assert!(seen.lock().unwrap().is_empty());
}
