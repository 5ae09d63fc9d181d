//! The APIs of clouds that give out credentials for their registries, emulated from their public documentation, request
//! for request: signatures are verified, clocks compared, unknown keys refused. One server plays them all.

mod alibaba;
mod aws;
mod azure;
mod google;

use std::{
    collections::HashMap,
    convert::Infallible,
    fmt::Write as _,
    net::Ipv4Addr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, Method, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{
    Registry, lock,
    quirk::Quirk,
    reply::{Payload, Reply},
    request::parameters,
    serve::vendor::Api,
    server::Shared,
    store::Store,
};

pub use google::ServiceAccount;

/// A cloud. It stops when it is dropped.
#[derive(Debug)]
pub struct Cloud {
    host: String,
    state: Arc<State>,
    _stop: DropGuard,
}

/// A call as it was answered.
#[derive(Clone, Debug)]
pub struct Call {
    /// `GetAuthorizationToken`, `AssumeRole`, `token` (of Google), `login` (of Entra ID).
    pub action: String,
    /// The path.
    pub path: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The form or query, decoded.
    pub form: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
    /// The status answered.
    pub status: u16,
}

#[derive(Debug, Default)]
struct State {
    url: Mutex<String>,
    calls: Mutex<Vec<Call>>,
    /// By how many seconds its clock is ahead.
    clock: AtomicI64,
    /// How long what it gives out lives, in milliseconds; 0 is as long as the real one's.
    life: AtomicU64,
    issued: AtomicU64,
    redirect: Mutex<Option<String>>,
    failures: Mutex<Vec<u16>>,
    /// The registry whose repositories it lists and creates.
    registry: Mutex<Option<Arc<Shared>>>,
    /// The actions that nobody may do.
    denied: Mutex<Vec<String>>,
    aws: Mutex<aws::Known>,
    google: Mutex<HashMap<String, Vec<u8>>>,
    azure: Mutex<HashMap<(String, String), String>>,
    alibaba: Mutex<alibaba::Known>,
}

/// A request, read whole.
struct Asked {
    method: Method,
    path: String,
    query: String,
    headers: HeaderMap,
    body: Bytes,
}

/// What is answered, and by which action.
struct Said {
    action: String,
    status: u16,
    kind: &'static str,
    body: String,
    form: Vec<(String, String)>,
}

impl Said {
    fn json(action: &str, status: u16, body: &serde_json::Value) -> Self {
        let (action, body) = (action.to_owned(), body.to_string());
        Self { action, status, kind: "application/json", body, form: Vec::new() }
    }

    fn form(self, form: Vec<(String, String)>) -> Self {
        Self { form, ..self }
    }
}

impl Cloud {
    /// Starts it on a port of the loopback interface.
    pub async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let host = listener.local_addr().expect("a bound address").to_string();
        let state = Arc::new(State::default());
        *lock(&state.url) = format!("http://{host}/");
        let stop = CancellationToken::new();
        tokio::spawn(listen(listener, Arc::clone(&state), stop.clone()));
        Self { host, state, _stop: stop.drop_guard() }
    }

    /// `http://127.0.0.1:port/`
    pub fn url(&self) -> String {
        format!("http://{}/", self.host)
    }

    /// Its host and port.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Every call.
    pub fn calls(&self) -> Vec<Call> {
        lock(&self.state.calls).clone()
    }

    /// How many calls of an action were answered well.
    pub fn granted(&self, action: &str) -> usize {
        lock(&self.state.calls).iter().filter(|c| c.action == action && c.status == 200).count()
    }

    /// Sets its clock ahead, or back.
    pub fn set_clock(&self, seconds: i64) {
        self.state.clock.store(seconds, Relaxed);
    }

    /// How long what it gives out from now on lives.
    pub fn set_life(&self, life: Duration) {
        self.state.life.store(life.as_millis() as u64, Relaxed);
    }

    /// Redirects every call from now on, with 307, so that bodies are to be sent again.
    pub fn redirect_to(&self, url: &str) {
        *lock(&self.state.redirect) = Some(url.to_owned());
    }

    /// Lists and creates the repositories of a registry, for those whose signatures are good.
    pub fn serve(&self, registry: &Registry) {
        *lock(&self.state.registry) = Some(Arc::clone(registry.shared()));
    }

    /// Denies an action of the served registry's API to everyone.
    pub fn deny(&self, action: &str) {
        lock(&self.state.denied).push(action.to_owned());
    }

    /// Fails the next calls with these statuses.
    pub fn fail(&self, statuses: &[u16]) {
        lock(&self.state.failures).extend(statuses);
    }

    /// Whether all failures have happened.
    pub fn has_failed(&self) -> bool {
        lock(&self.state.failures).is_empty()
    }
}

/// A request whose signature is good, as the API of a registry's vendor reads it.
struct Signed<'a> {
    asked: &'a Asked,
    query: Vec<(String, String)>,
    registry: Arc<Shared>,
}

impl Api for Signed<'_> {
    fn store(&self) -> &Store {
        &self.registry.store
    }

    fn method(&self) -> &str {
        self.asked.method.as_str()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.asked.header(name)
    }

    fn parameter(&self, name: &str) -> Option<&str> {
        field(&self.query, name)
    }

    fn registry_host(&self) -> &str {
        &self.registry.host
    }

    fn repeats(&self) -> bool {
        lock(&self.registry.quirks).iter().any(|quirk| matches!(quirk, Quirk::ApiRepeats))
    }
}

impl State {
    /// Answers for the registry that is served, if there is one.
    fn served(
        &self,
        asked: &Asked,
        action: &str,
        answer: impl FnOnce(&Signed<'_>) -> Reply,
    ) -> Option<Said> {
        let registry = lock(&self.registry).clone()?;
        if lock(&self.denied).iter().any(|denied| denied == action) {
            let body = if asked.header("x-amz-target").is_some() {
                let message = format!("User: me is not authorized to perform: ecr:{action}");
                serde_json::json!({ "__type": "AccessDeniedException", "message": message })
            } else {
                let message = "You are not authorized to do this action.";
                serde_json::json!({ "Code": "NoPermission", "Message": message })
            };
            return Some(Said::json(action, 400, &body));
        }
        let query = parameters(Some(&asked.query));
        let reply = answer(&Signed { asked, query, registry });
        let body = match &reply.body {
            Payload::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Payload::Content { .. } => String::new(),
        };
        let (action, kind) = (action.to_owned(), "application/json");
        Some(Said { action, status: reply.status, kind, body, form: Vec::new() })
    }

    fn now(&self) -> SystemTime {
        let ahead = self.clock.load(Relaxed);
        let off = Duration::from_secs(ahead.unsigned_abs());
        if ahead < 0 { SystemTime::now() - off } else { SystemTime::now() + off }
    }

    fn seconds(&self) -> i64 {
        self.now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs().cast_signed())
    }

    fn life(&self, usual: Duration) -> Duration {
        match self.life.load(Relaxed) {
            0 => usual,
            millis => Duration::from_millis(millis),
        }
    }

    /// The next of the things that are given out: `<kind>-1`, `<kind>-2`, …
    fn issue(&self, kind: &str) -> String {
        format!("{kind}-{}", self.issued.fetch_add(1, Relaxed) + 1)
    }

    fn answer(&self, asked: &Asked) -> Said {
        let target = asked.headers.get("x-amz-target").and_then(|value| value.to_str().ok());
        let has = |name: &str| asked.headers.contains_key(name);
        if let Some(target) = target {
            return self.ecr(asked, target);
        }
        if has("x-acs-action") {
            return self.open_api(asked);
        }
        if asked.path.ends_with("/oauth2/v2.0/token") {
            return self.entra(asked);
        }
        let form = asked.form();
        if field(&form, "Action").is_some() {
            return self.sts(asked, form);
        }
        if asked.path == "/token" {
            return self.google(form);
        }
        Said::json("unknown", 404, &serde_json::json!({ "error": "not_found" }))
    }
}

impl Asked {
    fn form(&self) -> Vec<(String, String)> {
        parameters(Some(&String::from_utf8_lossy(&self.body)))
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

fn field<'a>(form: &'a [(String, String)], name: &str) -> Option<&'a str> {
    form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

async fn listen(listener: TcpListener, state: Arc<State>, stop: CancellationToken) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return,
        };
        let Ok((stream, _)) = accepted else { continue };
        let (state, stop) = (Arc::clone(&state), stop.clone());
        tokio::spawn(async move {
            let service = service_fn(move |request: http::Request<hyper::body::Incoming>| {
                let state = Arc::clone(&state);
                async move {
                    let (parts, body) = request.into_parts();
                    let body = body.collect().await.map(http_body_util::Collected::to_bytes);
                    let asked = Asked {
                        method: parts.method,
                        path: parts.uri.path().to_owned(),
                        query: parts.uri.query().unwrap_or_default().to_owned(),
                        headers: parts.headers,
                        body: body.unwrap_or_default(),
                    };
                    Ok::<_, Infallible>(respond(&state, asked))
                }
            });
            let serving = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            tokio::select! {
                _ = serving => {}
                () = stop.cancelled() => {}
            }
        });
    }
}

fn respond(state: &State, asked: Asked) -> Response<Full<Bytes>> {
    let failure = {
        let mut failures = lock(&state.failures);
        if failures.is_empty() { None } else { Some(failures.remove(0)) }
    };
    let redirect = lock(&state.redirect).clone();
    let mut builder = Response::builder().header("date", httpdate::fmt_http_date(state.now()));
    let said = match (failure, &redirect) {
        (Some(status), _) => Said::json("failed", status, &serde_json::json!({})),
        (None, Some(target)) => {
            builder = builder.header("location", target);
            Said::json("redirected", 307, &serde_json::json!({}))
        }
        (None, None) => state.answer(&asked),
    };
    let Said { action, status, kind, body, form } = said;
    lock(&state.calls).push(Call {
        action,
        path: asked.path,
        headers: asked.headers,
        form,
        body: asked.body,
        status,
    });
    builder
        .status(StatusCode::from_u16(status).unwrap_or_default())
        .header("content-type", kind)
        .body(Full::new(body.into()))
        .unwrap_or_default()
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The headers that a signature covers, as `name:value` lines.
fn signed_lines(asked: &Asked, names: &str) -> String {
    names.split(';').fold(String::new(), |mut lines, name| {
        let value = asked.header(name).unwrap_or_default().trim();
        let _ = writeln!(lines, "{name}:{value}");
        lines
    })
}

/// Days since 1970 as a date.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let (era, day) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let date = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, date)
}

/// A time as `20261128T090000Z`, or with `-` and `:` between.
fn stamp(seconds: i64, long: bool) -> String {
    let (year, month, day) = civil(seconds.div_euclid(86_400));
    let time = seconds.rem_euclid(86_400);
    let (hour, minute, second) = (time / 3600, time / 60 % 60, time % 60);
    if long {
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    } else {
        format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
    }
}

/// Whether a time, written as [`stamp`] writes it, is within so many seconds of the clock. All of its kind compare as
/// texts.
fn is_near(text: &str, now: i64, seconds: i64, long: bool) -> bool {
    text >= stamp(now - seconds, long).as_str() && text <= stamp(now + seconds, long).as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        assert_eq!(stamp(1_795_544_131, true), "2026-11-24T18:15:31Z");
        assert_eq!(stamp(951_826_245, false), "20000229T121045Z");
        assert!(is_near("20000229T121045Z", 951_826_245 + 300, 300, false));
        assert!(!is_near("20000229T121045Z", 951_826_245 + 301, 300, false));
    }
}
