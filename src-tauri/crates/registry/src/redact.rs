//! What may be shown of URLs and of texts that came from outside. Everything that a log, an error or a report says
//! about them goes through here.

use std::fmt;

use url::Url;

/// Stands where a secret was.
pub(crate) const HIDDEN: &str = "***";

/// Parameters of queries that say nothing secret; the values of all others (signatures, tokens, `_state`) are hidden.
const SHOWN: &[&str] =
    &["n", "last", "digest", "mount", "from", "artifactType", "service", "scope", "tag"];

/// An URL as it may be shown: without user info and fragment, and without the values of its query.
pub(crate) struct Shown<'a>(pub(crate) &'a Url);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.0;
        write!(f, "{}://", url.scheme())?;
        if let Some(host) = url.host_str() {
            f.write_str(host)?;
        }
        if let Some(port) = url.port() {
            write!(f, ":{port}")?;
        }
        f.write_str(url.path())?;
        for (n, pair) in url.query().into_iter().flat_map(|q| q.split('&')).enumerate() {
            f.write_str(if n == 0 { "?" } else { "&" })?;
            match pair.split_once('=') {
                Some((name, _)) if SHOWN.contains(&name) => f.write_str(pair)?,
                Some((name, _)) => write!(f, "{name}={HIDDEN}")?,
                // a bare word may be a token as well
                None => f.write_str(HIDDEN)?,
            }
        }
        Ok(())
    }
}

/// The longest text from outside that is shown.
const LONGEST: usize = 400;

/// A text from outside as it may be shown: one line, without control characters, cut to a sane length, without
/// `secrets` and without what looks like one (credentials after a scheme's name, JSON web tokens, query values).
pub(crate) fn text(text: &str, secrets: &[&str]) -> String {
    let mut clean = String::with_capacity(text.len().min(2 * LONGEST));
    for c in text.chars() {
        match c {
            c if c.is_whitespace() || c.is_control() || is_invisible(c) => {
                if !clean.ends_with(' ') {
                    clean.push(' ');
                }
            }
            c => clean.push(c),
        }
    }
    for secret in secrets.iter().filter(|secret| secret.len() >= 4) {
        clean = clean.replace(secret, HIDDEN);
    }
    let mut shown = String::with_capacity(clean.len());
    let mut after_scheme = false;
    for word in clean.split(' ').filter(|word| !word.is_empty()) {
        if !shown.is_empty() {
            shown.push(' ');
        }
        let bare = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        if after_scheme && bare.len() >= 8 || is_web_token(bare) {
            shown.push_str(HIDDEN);
        } else {
            push_word(&mut shown, word);
        }
        after_scheme = bare.eq_ignore_ascii_case("bearer") || bare.eq_ignore_ascii_case("basic");
    }
    if shown.chars().count() > LONGEST {
        shown = shown.chars().take(LONGEST).collect();
        shown.push('…');
    }
    shown
}

/// A name from outside as it may be shown: what controls a terminal, or reorders or hides text, is written out
/// (`\u{202e}`).
pub fn shown(name: &str) -> std::borrow::Cow<'_, str> {
    let is_strange = |c: char| c.is_control() || is_invisible(c) || (c.is_whitespace() && c != ' ');
    if !name.contains(is_strange) {
        return name.into();
    }
    let mut text = String::with_capacity(name.len() + 8);
    for c in name.chars() {
        if is_strange(c) {
            text.extend(c.escape_unicode());
        } else {
            text.push(c);
        }
    }
    text.into()
}

/// Marks that reorder or hide text on a terminal.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// `eyJ…`: the beginning of every base64 text of a JSON object.
fn is_web_token(word: &str) -> bool {
    word.len() > 20 && word.starts_with("eyJ") && word.contains('.')
}

/// A word, its URL made showable if it holds one.
fn push_word(shown: &mut String, word: &str) {
    let url = word.find("http://").or_else(|| word.find("https://")).and_then(|at| {
        let end = word[at..].find(['"', '\'', '<', '>', ')']).map_or(word.len(), |len| at + len);
        Some((at, end, Url::parse(&word[at..end]).ok()?))
    });
    match url {
        Some((at, end, url)) => {
            shown.push_str(&word[..at]);
            shown.push_str(&Shown(&url).to_string());
            shown.push_str(&word[end..]);
        }
        None => shown.push_str(word),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_show_no_secret() {
        for (url, shown) in [
            ("https://r.example/v2/", "https://r.example/v2/"),
            (
                "https://user:pw@r.example:5000/v2/?n=10&last=a%20b",
                "https://r.example:5000/v2/?n=10&last=a%20b",
            ),
            (
                "https://s3.example/b?X-Amz-Signature=abc&X-Amz-Credential=k&digest=sha256:1",
                "https://s3.example/b?X-Amz-Signature=***&X-Amz-Credential=***&digest=sha256:1",
            ),
            (
                "http://r.example/v2/a/blobs/uploads/1?_state=HMAC",
                "http://r.example/v2/a/blobs/uploads/1?_state=***",
            ),
            ("https://[::1]:5000/?bareword#fragment", "https://[::1]:5000/?***"),
        ] {
            assert_eq!(Shown(&Url::parse(url).unwrap()).to_string(), shown);
        }
    }

    #[test]
    fn names_are_written_out() {
        for (given, want) in [
            ("team/app", "team/app"),
            ("a\u{202e}b", "a\\u{202e}b"),
            ("a\u{1b}[31mb\n", "a\\u{1b}[31mb\\u{a}"),
            ("镜像 é", "镜像 é"),
        ] {
            assert_eq!(shown(given), want);
        }
    }

    #[test]
    fn texts_show_no_secret_and_fit_on_a_line() {
        for (given, shown) in [
            ("plain words", "plain words"),
            ("two\r\nlines\tand \u{1b}[31mred\u{7} \u{202e}x", "two lines and [31mred x"),
            ("password hunter22 is wrong", "password *** is wrong"),
            (
                "header Authorization: Bearer abcdefgh1234 refused",
                "header Authorization: Bearer *** refused",
            ),
            ("bad \"Basic dXNlcjpwdw==\"", "bad \"Basic ***"),
            ("basic auth is off", "basic auth is off"),
            ("token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln denied", "token *** denied"),
            (
                "GET (https://u:p@s.example/x?sig=abc): 403",
                "GET (https://s.example/x?sig=***): 403",
            ),
        ] {
            assert_eq!(text(given, &["hunter22", "is"]), shown, "{given:?}");
        }
        let long = text(&"ä ".repeat(5000), &[]);
        assert_eq!(long.chars().count(), 401);
        assert!(long.ends_with('…'));
    }
}
