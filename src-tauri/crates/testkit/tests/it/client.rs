//! A plain client: it does what it is told, follows nothing and retries nothing.

use std::time::Duration;

use bytes::Bytes;
use reqwest::{Method, header::HeaderMap, redirect::Policy};
use serde_json::Value;
use testkit::Registry;

#[derive(Clone, Debug)]
pub(crate) struct Client {
    http: reqwest::Client,
    pub(crate) base: String,
}

#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    #[track_caller]
    pub(crate) fn expect(&self, status: u16) -> &Self {
        assert_eq!(
            self.status,
            status,
            "{:?}\n{}",
            self.headers,
            String::from_utf8_lossy(&self.body)
        );
        self
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The code of the first error.
    pub(crate) fn code(&self) -> String {
        self.json()["errors"][0]["code"].as_str().unwrap().to_owned()
    }

    pub(crate) fn location(&self) -> String {
        self.header("location").unwrap().to_owned()
    }
}

impl Client {
    pub(crate) fn new(base: impl Into<String>) -> Self {
        let http = reqwest::Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .timeout(Duration::from_secs(20));
        Self { http: http.build().unwrap(), base: base.into() }
    }

    pub(crate) fn of(registry: &Registry) -> Self {
        Self::new(registry.url())
    }

    pub(crate) fn url(&self, path: &str) -> String {
        if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.base) }
    }

    pub(crate) async fn try_send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> reqwest::Result<Answer> {
        let mut request =
            self.http.request(Method::from_bytes(method.as_bytes()).unwrap(), self.url(path));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.body(body.into()).send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Answer { status, headers, body: response.bytes().await? })
    }

    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Answer {
        self.try_send(method, path, headers, body).await.unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], "").await
    }

    pub(crate) async fn get_with(&self, path: &str, name: &str, value: &str) -> Answer {
        self.send("GET", path, &[(name, value)], "").await
    }

    pub(crate) async fn head(&self, path: &str) -> Answer {
        self.send("HEAD", path, &[], "").await
    }

    pub(crate) async fn post(&self, path: &str) -> Answer {
        self.send("POST", path, &[("content-length", "0")], "").await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, &[], "").await
    }

    pub(crate) async fn put_manifest(
        &self,
        path: &str,
        media_type: &str,
        body: impl Into<Bytes>,
    ) -> Answer {
        self.send("PUT", path, &[("content-type", media_type)], body).await
    }

    /// Opens an upload: its address.
    pub(crate) async fn open(&self, repository: &str) -> String {
        let answer = self.post(&format!("/v2/{repository}/blobs/uploads/")).await;
        answer.expect(202).location()
    }

    /// Uploads a blob by POST and PUT.
    pub(crate) async fn upload(&self, repository: &str, bytes: impl Into<Bytes>) -> String {
        let bytes = bytes.into();
        let digest = testkit::digest::sha256(&bytes);
        let location = self.open(repository).await;
        self.send("PUT", &with_digest(&location, &digest), &[], bytes).await.expect(201);
        digest
    }
}

pub(crate) fn with_digest(location: &str, digest: &str) -> String {
    let mark = if location.contains('?') { '&' } else { '?' };
    format!("{location}{mark}digest={digest}")
}

/// Says that a test was skipped for want of a program: past the harness, which keeps what passing tests print.
pub(crate) fn skipped(program: &str) {
    use std::io::Write as _;
    let test = std::thread::current().name().unwrap_or_default().to_owned();
    let text = format!("skipped: {test}: {program} is not installed\n");
    std::io::stderr().write_all(text.as_bytes()).unwrap();
}
