//! The grammar of names, tags and hosts (distribution's `reference/regexp.go`). A check says what is wrong as a
//! predicate ("has an upper-case letter 'A'") with the byte offset, so that callers can name the subject.

use std::net::Ipv6Addr;

use crate::{Sentence, sentence};

/// What is wrong, and at which byte.
pub(super) type Wrong = (Sentence, usize);

/// distribution's `NameTotalLengthMax`.
const NAME_MAX: usize = 255;
const TAG_MAX: usize = 128;

/// `component[/component…]`, each of lower-case letters and digits with single separators between them.
pub(super) fn check_repository(text: &str) -> Result<(), Wrong> {
    if text.is_empty() {
        return Err((sentence!("name_empty", "is empty"), 0));
    }
    if let Some(wrong) =
        foreign_character(text, |c| matches!(c, 'a'..='z' | '0'..='9' | '.' | '_' | '-' | '/'))
    {
        return Err(wrong);
    }
    let mut at = 0;
    for component in text.split('/') {
        check_component(component).map_err(|(why, offset)| (why, at + offset))?;
        at += component.len() + 1;
    }
    if text.len() > NAME_MAX {
        return Err((too_long(NAME_MAX), NAME_MAX));
    }
    Ok(())
}

fn check_component(text: &str) -> Result<(), Wrong> {
    let separator = |c: char| matches!(c, '.' | '_' | '-');
    let (Some(first), Some(last)) = (text.chars().next(), text.chars().last()) else {
        return Err((sentence!("name_component_empty", "has an empty path component"), 0));
    };
    if separator(first) {
        let why = sentence!(
            "name_component_begins",
            "has a path component that begins with '{first}'",
            first = first,
        );
        return Err((why, 0));
    }
    if separator(last) {
        let why = sentence!(
            "name_component_ends",
            "has a path component that ends with '{last}'",
            last = last,
        );
        return Err((why, text.len() - 1));
    }
    let mut rest = text;
    while let Some(start) = rest.find(separator) {
        let run = &rest[start..];
        let run = &run[..run.find(|c| !separator(c)).unwrap_or(run.len())];
        if !(matches!(run, "." | "_" | "__") || run.bytes().all(|b| b == b'-')) {
            return Err((
                sentence!(
                    "name_separators",
                    "has '{run}' where '.', '_', '__' or dashes may be",
                    run = run,
                ),
                text.len() - rest.len() + start,
            ));
        }
        rest = &rest[start + run.len()..];
    }
    Ok(())
}

/// Up to 128 of `[A-Za-z0-9_.-]`, not beginning with `.` or `-`.
pub(super) fn check_tag(text: &str) -> Result<(), Wrong> {
    if text.is_empty() {
        return Err((sentence!("name_empty", "is empty"), 0));
    }
    if let Some(first @ ('.' | '-')) = text.chars().next() {
        return Err((sentence!("name_begins", "begins with '{first}'", first = first), 0));
    }
    let allowed = |c: char| matches!(c, 'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '.' | '-');
    if let Some(wrong) = foreign_character(text, allowed) {
        return Err(wrong);
    }
    if text.len() > TAG_MAX {
        return Err((too_long(TAG_MAX), TAG_MAX));
    }
    Ok(())
}

/// `host[:port]`, in its one canonical form: lower case, no leading zeros.
pub(super) fn canonical_host(text: &str) -> Result<String, Wrong> {
    let (host, port) = split_port(text);
    let host = if let Some(inner) = host.strip_prefix('[') {
        let address: Ipv6Addr =
            inner.strip_suffix(']').and_then(|inner| inner.parse().ok()).ok_or_else(|| {
                (sentence!("host_ipv6", "has no IPv6 address between its brackets"), 0)
            })?;
        format!("[{address}]")
    } else {
        check_host(host)?;
        host.to_ascii_lowercase()
    };
    let Some(port) = port else { return Ok(host) };
    let at = text.len() - port.len();
    let digits = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
    match port.parse::<u16>() {
        // a bare name needs its port: without one it would read as a path component of Docker Hub
        Ok(443) if digits && (host.contains('.') || host == "localhost") => Ok(host),
        Ok(port) if digits && port > 0 => Ok(format!("{host}:{port}")),
        _ => {
            let why = sentence!(
                "host_port",
                "has the port '{port}', which is no number from 1 to 65535",
                port = port,
            );
            Err((why, at))
        }
    }
}

/// Splits `host:port`; a bracketed IPv6 address keeps its colons.
pub(super) fn split_port(text: &str) -> (&str, Option<&str>) {
    let from = text.rfind(']').unwrap_or(0);
    match text[from..].find(':') {
        Some(colon) => (&text[..from + colon], Some(&text[from + colon + 1..])),
        None => (text, None),
    }
}

fn check_host(host: &str) -> Result<(), Wrong> {
    if host.is_empty() {
        return Err((sentence!("host_none", "has no host name"), 0));
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    if let Some(wrong) = foreign_character(host, allowed) {
        return Err(wrong);
    }
    let mut at = 0;
    for label in host.split('.') {
        if label.is_empty() {
            return Err((sentence!("host_empty_part", "has an empty part in its host name"), at));
        }
        if label.starts_with('-') {
            let why =
                sentence!("host_part_begins", "has a part of its host name that begins with '-'");
            return Err((why, at));
        }
        if label.ends_with('-') {
            return Err((
                sentence!("host_part_ends", "has a part of its host name that ends with '-'"),
                at + label.len() - 1,
            ));
        }
        at += label.len() + 1;
    }
    Ok(())
}

fn too_long(most: usize) -> Sentence {
    sentence!("name_long", "is longer than {most} characters", most = most)
}

/// The first character that is not allowed, in words.
fn foreign_character(text: &str, allowed: impl Fn(char) -> bool) -> Option<Wrong> {
    let (at, c) = text.char_indices().find(|&(_, c)| !allowed(c))?;
    let why = match c {
        ' ' => sentence!("name_space", "has a space"),
        'A'..='Z' => sentence!("name_upper", "has an upper-case letter '{c}'", c = c),
        c if c.is_whitespace() || c.is_control() => {
            let shown = c.escape_default().to_string();
            sentence!("name_control", "has the control character {shown}", shown = shown)
        }
        c => sentence!("name_character", "has the character '{c}'", c = c),
    };
    Some((why, at))
}

/// The user and the password before a registry, as in `user:password@host/name`. A digest has no dot and no slash.
pub(super) fn login(text: &str) -> Option<&str> {
    let text = &text[scheme(text).map_or(0, str::len)..];
    let (login, rest) = text.split_once('@')?;
    let is_login = login.contains(':') && !login.contains('/') && rest.contains(['.', '/']);
    is_login.then_some(login)
}

/// The scheme that a text begins with, such as `https://`.
pub(super) fn scheme(text: &str) -> Option<&str> {
    let end = text.find("://")?;
    let name = &text[..end];
    let is_scheme = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
    is_scheme.then_some(&text[..end + 3])
}
