//! The bodies of error answers, in the many forms that registries, proxies and storages give them.

use serde_json::Value;

use crate::redact;

/// The most that is read of an error's body.
pub(crate) const LIMIT: usize = 64 * 1024;

/// What an error's body says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ErrorBody {
    /// The registry's code, such as `MANIFEST_UNKNOWN`; of several errors the first.
    pub(crate) code: Option<String>,
    /// The registry's words, showable.
    pub(crate) message: Option<String>,
    /// Whether this is a page made for browsers.
    pub(crate) is_page: bool,
    /// Whether this is an error in the form that the distribution spec gives.
    pub(crate) is_registry: bool,
}

impl ErrorBody {
    /// Reads a body. `secrets` are hidden wherever the message repeats them.
    pub(crate) fn parse(bytes: &[u8], secrets: &[&str]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let text = text.trim_start_matches('\u{feff}').trim();
        let found = match text.as_bytes().first() {
            None => Self::default(),
            Some(b'{' | b'[') => serde_json::from_str::<Value>(text)
                .map_or_else(|_| Self::said(None, text), |json| Self::of_json(&json)),
            Some(b'<') => Self::of_markup(text),
            Some(_) => Self::said(None, text),
        };
        Self {
            code: found.code.map(|code| redact::text(&code, secrets)).filter(|c| !c.is_empty()),
            message: found.message.map(|m| redact::text(&m, secrets)).filter(|m| !m.is_empty()),
            ..found
        }
    }

    fn said(code: Option<&str>, message: &str) -> Self {
        Self { code: code.map(str::to_owned), message: Some(message.to_owned()), ..Self::default() }
    }

    fn of_json(json: &Value) -> Self {
        let errors = json.get("errors").unwrap_or(json);
        let mut found = Self::default();
        let mut messages: Vec<String> = Vec::new();
        let each = match errors {
            Value::Array(list) => list.as_slice(),
            one => std::slice::from_ref(one),
        };
        for error in each {
            let code = words(error, &["code", "errorCode", "Code", "error", "__type"]);
            // Amazon's may be a whole name: `com.amazon.coral.service#UnrecognizedClientException`
            let code = code.map(|code| code.rsplit('#').next().unwrap_or(&code).to_owned());
            let message = words(
                error,
                &[
                    "message",
                    "details",
                    "detail",
                    "error_description",
                    "Message",
                    "title",
                    "msg",
                    "reason",
                    "error",
                ],
            )
            .or_else(|| error.as_str().map(str::to_owned));
            let detail = error.get("detail").and_then(detail_of);
            if found.code.is_none() {
                found.code.clone_from(&code);
            }
            let mut text = message.filter(|m| Some(m) != code.as_ref()).unwrap_or_default();
            if let Some(detail) = detail.filter(|detail| !text.contains(detail.as_str())) {
                if !text.is_empty() {
                    text.push_str(": ");
                }
                text.push_str(&detail);
            }
            // the second and later errors keep their codes in the text
            if let (false, Some(code)) = (found.code == code, code) {
                text = if text.is_empty() { code } else { format!("{code}: {text}") };
            }
            if !text.is_empty() && !messages.contains(&text) {
                messages.push(text);
            }
        }
        found.is_registry = json.get("errors").is_some_and(Value::is_array);
        found.message = Some(messages.join("; ")).filter(|text| !text.is_empty());
        found
    }

    /// XML of storages (`<Code>`, `<Message>`), or a page, of which the title or heading is the best that can be had.
    fn of_markup(text: &str) -> Self {
        // offsets are of the lower-case copy, which has the same length
        let lower = text.to_ascii_lowercase();
        let element = |name: &str| {
            let open = lower.find(&format!("<{name}"))?;
            let start = open + lower[open..].find('>')? + 1;
            let end = start + lower[start..].find(&format!("</{name}"))?;
            Some(text[start..end].trim().to_owned()).filter(|text| !text.is_empty())
        };
        let is_page =
            lower.contains("<html") || lower.contains("<!doctype html") || lower.contains("<body");
        let (code, message) = if is_page {
            (
                None,
                element("title")
                    .or_else(|| element("h1"))
                    .map(|title| format!("a web page: \"{title}\"")),
            )
        } else {
            (element("code"), element("message"))
        };
        let message = message.or_else(|| is_page.then(|| "a web page".to_owned()));
        Self { code, message, is_page, is_registry: false }
    }
}

/// The first of the fields that is there, as text.
fn words(json: &Value, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| match json.get(name)? {
        Value::String(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    })
}

/// A `detail` may be anything. A text is shown as it is, of an object its own message, else its compact form.
fn detail_of(detail: &Value) -> Option<String> {
    match detail {
        Value::Null => None,
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Object(fields) if fields.is_empty() => None,
        Value::Array(items) if items.is_empty() => None,
        Value::Object(_) => words(detail, &["message", "Message", "reason", "error"])
            .or_else(|| Some(detail.to_string())),
        other => Some(other.to_string()),
    }
    .filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(body: &str, code: Option<&str>, message: Option<&str>) {
        let found = ErrorBody::parse(body.as_bytes(), &["s3cr3t-pw"]);
        assert_eq!((found.code.as_deref(), found.message.as_deref()), (code, message), "{body}");
    }

    #[test]
    fn all_forms() {
        check("", None, None);
        check(" \n", None, None);
        check("null", None, Some("null"));
        check("{}", None, None);
        check(
            r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown","detail":null}]}"#,
            Some("MANIFEST_UNKNOWN"),
            Some("manifest unknown"),
        );
        check(
            r#"{"errors":[{"code":"DENIED","message":"denied","detail":"quota of project x is full"}]}"#,
            Some("DENIED"),
            Some("denied: quota of project x is full"),
        );
        check(
            r#"{"errors":[{"code":"BLOB_UNKNOWN","message":"blob unknown to registry","detail":{"digest":"sha256:1"}}]}"#,
            Some("BLOB_UNKNOWN"),
            Some(r#"blob unknown to registry: {"digest":"sha256:1"}"#),
        );
        check(
            r#"{"errors":[{"code":"A","message":"first"},{"code":"B","message":"second"},{"code":"B","message":"second"}]}"#,
            Some("A"),
            Some("first; B: second"),
        );
        check(r#"{"errors":[{"code":"UNAUTHORIZED"}]}"#, Some("UNAUTHORIZED"), None);
        check(r#"{"errors":[]}"#, None, None);
        check(r#"{"errors":["just words"]}"#, None, Some("just words"));
        check(r#"{"errors":null,"message":"m"}"#, None, None);
        check(
            r#"{"details":"incorrect username or password"}"#,
            None,
            Some("incorrect username or password"),
        );
        check(r#"{"detail":"Not found."}"#, None, Some("Not found."));
        check(r#"{"message":"pull rate limit"}"#, None, Some("pull rate limit"));
        check(r#"{"code":404,"message":"no route"}"#, Some("404"), Some("no route"));
        check(
            r#"{"error":"invalid_grant","error_description":"token expired"}"#,
            Some("invalid_grant"),
            Some("token expired"),
        );
        check(r#"{"error":"server_error"}"#, Some("server_error"), None);
        check(r#"{"title":"Forbidden","status":403}"#, None, Some("Forbidden"));
        check(
            "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>",
            Some("AccessDenied"),
            Some("Request has expired"),
        );
        check(
            "<html><head><title>502 Bad Gateway</title></head><body><h1>x</h1></body></html>",
            None,
            Some("a web page: \"502 Bad Gateway\""),
        );
        check("<!DOCTYPE HTML><body>ȺȾ</body>", None, Some("a web page"));
        check("404 page not found\n", None, Some("404 page not found"));
        check("{not json", None, Some("{not json"));
        check("password s3cr3t-pw is wrong", None, Some("password *** is wrong"));
        check(
            r#"{"errors":[{"code":"X\u0000\u001b[2J","message":"a\nb"}]}"#,
            Some("X [2J"),
            Some("a b"),
        );
    }

    #[test]
    fn what_kind_it_is() {
        assert!(ErrorBody::parse(b"<html></html>", &[]).is_page);
        assert!(!ErrorBody::parse(b"<Error><Code>A</Code></Error>", &[]).is_page);
        assert!(ErrorBody::parse(br#"{"errors":[]}"#, &[]).is_registry);
        assert!(!ErrorBody::parse(br#"{"details":"x"}"#, &[]).is_registry);
    }

    #[test]
    fn any_bytes_are_borne() {
        for bytes in
            [&b"\xff\xfe\x00"[..], b"{\"errors\":[{\"code\":{}}]}", b"<", b"<title>", b"[[[["]
        {
            let _ = ErrorBody::parse(bytes, &[]);
        }
        let long = ErrorBody::parse("x".repeat(LIMIT).as_bytes(), &[]);
        assert!(long.message.unwrap().chars().count() < 500);
    }
}
