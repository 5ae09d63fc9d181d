//! What is tried again, when, and how long a host is left in peace.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use http::{HeaderMap, Method, StatusCode, header::RETRY_AFTER};
use tokio::time::Instant;

use crate::{ClientOptions, Code, Error, Registry};

/// The longest pause between two tries, unless the registry orders another.
const LONGEST_BACKOFF: Duration = Duration::from_secs(30);
/// Waits that are longer than this are worth a line in the log.
const WORTH_TELLING: Duration = Duration::from_secs(5);

/// Whether the same request may go better later.
pub(crate) fn may_pass(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 429 | 499 | 500 | 502..=504 | 520..=524)
}

/// What a status that may pass is called while it is tried again.
pub(crate) fn code(status: StatusCode) -> Code {
    match status {
        StatusCode::TOO_MANY_REQUESTS => Code::RateLimited,
        _ => Code::RegistryFailed,
    }
}

/// The pauses between the tries of one request: exponential, with jitter, as many as there are retries.
pub(crate) fn backoff(options: &ClientOptions) -> ExponentialBackoff {
    ExponentialBuilder::new()
        .with_min_delay(options.backoff)
        .with_max_delay(LONGEST_BACKOFF.max(options.backoff))
        .with_max_times(options.retries as usize)
        .with_jitter()
        .build()
}

/// How long `Retry-After` asks to wait, in either of its forms.
pub(crate) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

/// How long an answer orders us to wait. What does not say how long, or says "not at all", is a failure like others.
pub(crate) fn ordered(
    status: StatusCode,
    headers: &HeaderMap,
    now: SystemTime,
) -> Option<Duration> {
    matches!(status.as_u16(), 429 | 503)
        .then(|| retry_after(headers, now))
        .flatten()
        .filter(|wait| !wait.is_zero())
}

/// The error when a registry orders a wait that is longer than we wait.
pub(crate) fn too_long(what: &str, wait: Duration) -> Error {
    let message = format!("{what} failed: the registry asks to wait for {}", spoken(wait));
    Error::new(Code::RateLimited, message).retry_after(Some(wait))
}

/// A time as people say it.
fn spoken(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min", seconds.div_ceil(60)),
        seconds => format!("{:.1} h", seconds as f64 / 3600.0),
    }
}

/// Kinds of requests that registries limit apart from each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// Manifests being asked for by HEAD, which some don't count.
    Look,
    /// Manifests being read.
    Manifest,
    /// Blobs being read.
    Blob,
    /// Everything that writes.
    Write,
    /// Lists, and what is not of the other kinds.
    List,
    /// The token service.
    Token,
}

impl Class {
    /// How many there are.
    pub(crate) const COUNT: usize = Self::Token as usize + 1;

    /// The class of a request to a registry.
    pub(crate) fn of(method: &Method, path: &str) -> Self {
        match *method {
            Method::HEAD if path.contains("/manifests/") => Self::Look,
            Method::GET if path.contains("/manifests/") => Self::Manifest,
            // the state of an upload is asked with GET too, and counts as a part of it
            Method::GET | Method::HEAD if path.contains("/blobs/uploads/") => Self::Write,
            Method::GET | Method::HEAD if path.contains("/blobs/") => Self::Blob,
            Method::GET | Method::HEAD => Self::List,
            _ => Self::Write,
        }
    }
}

/// Until when the requests of each class are held back, because the host asked for it.
#[derive(Debug, Default)]
pub(crate) struct Pauses([Mutex<Option<Instant>>; Class::COUNT]);

impl Pauses {
    /// Holds back the requests of a class.
    pub(crate) fn order(&self, registry: &Registry, class: Class, wait: Duration) {
        let now = Instant::now();
        let Some(until) = now.checked_add(wait.min(Duration::from_hours(365 * 24))) else {
            return;
        };
        let mut pause = self.0[class as usize].lock().unwrap_or_else(PoisonError::into_inner);
        let before = pause.map_or(now, |pause| pause.max(now));
        if until > before {
            *pause = Some(until);
            if until.duration_since(before) > WORTH_TELLING {
                tracing::warn!(%registry, seconds = wait.as_secs(), "the registry asks us to wait");
            }
        }
    }

    /// How long the requests of a class are still held back.
    pub(crate) fn left(&self, class: Class) -> Option<Duration> {
        let pause = *self.0[class as usize].lock().unwrap_or_else(PoisonError::into_inner);
        pause?.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(value: &str) -> Option<u64> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, value.parse().unwrap());
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        retry_after(&headers, now).map(|wait| wait.as_secs())
    }

    #[test]
    fn retry_after_in_all_forms() {
        for (value, seconds) in [
            ("0", Some(0)),
            ("120", Some(120)),
            (" 7 ", Some(7)),
            ("99999999999999999999999", Some(u64::MAX)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", Some(60)),
            ("Sunday, 06-Nov-94 08:49:47 GMT", Some(10)),
            ("Sun Nov  6 08:49:38 1994", Some(1)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("", None),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
        ] {
            assert_eq!(parsed(value), seconds, "{value:?}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), SystemTime::now()), None);
    }

    #[test]
    fn statuses_that_may_pass() {
        let passing: Vec<u16> =
            (100..600).filter(|s| may_pass(StatusCode::from_u16(*s).unwrap())).collect();
        assert_eq!(passing, [408, 429, 499, 500, 502, 503, 504, 520, 521, 522, 523, 524]);
    }

    #[test]
    fn as_many_pauses_as_retries_growing_with_jitter() {
        let options = ClientOptions {
            retries: 12,
            backoff: Duration::from_millis(500),
            ..ClientOptions::default()
        };
        let pauses: Vec<_> = backoff(&options).collect();
        assert_eq!(pauses.len(), 12);
        for (n, pause) in pauses.iter().enumerate() {
            let least = Duration::from_millis(500 << n.min(6)).min(LONGEST_BACKOFF);
            assert!(*pause >= least && *pause <= least * 2, "pause {n} is {pause:?}");
        }
        let none = ClientOptions { retries: 0, ..options };
        assert_eq!(backoff(&none).count(), 0);
    }

    #[test]
    fn times_are_spoken() {
        for (seconds, text) in [(0, "0 s"), (119, "119 s"), (121, "3 min"), (21_600, "6.0 h")] {
            assert_eq!(spoken(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn only_some_statuses_order_a_wait() {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, "3".parse().unwrap());
        let wait = |status, headers: &HeaderMap| {
            ordered(StatusCode::from_u16(status).unwrap(), headers, SystemTime::now())
        };
        assert_eq!(wait(429, &headers), Some(Duration::from_secs(3)));
        assert_eq!(wait(503, &headers), Some(Duration::from_secs(3)));
        assert_eq!(wait(500, &headers), None);
        assert_eq!(wait(201, &headers), None);
        headers.insert(RETRY_AFTER, "0".parse().unwrap());
        assert_eq!(wait(429, &headers), None);
    }

    #[test]
    fn classes() {
        for (method, path, class) in [
            (Method::GET, "/v2/a/manifests/latest", Class::Manifest),
            (Method::HEAD, "/v2/a/manifests/sha256:0", Class::Look),
            (Method::PUT, "/v2/a/manifests/latest", Class::Write),
            (Method::GET, "/v2/a/blobs/sha256:0", Class::Blob),
            (Method::GET, "/v2/a/blobs/uploads/1", Class::Write),
            (Method::POST, "/v2/a/blobs/uploads/", Class::Write),
            (Method::GET, "/v2/a/tags/list", Class::List),
            (Method::GET, "/v2/", Class::List),
        ] {
            assert_eq!(Class::of(&method, path), class, "{method} {path}");
        }
    }
}
