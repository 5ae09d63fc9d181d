//! Auth files: `<registry or registry/namespace>: {username, password, insecure, …}`.

use std::{borrow::Cow, path::PathBuf};

use accounts::{AuthEntry, SecretKind, SignInOptions, address_of_key, provider};
use registry::{Creation, Sentence, sentence};
use secrecy::SecretString;
use url::Url;

use super::Context;
use crate::{
    Environment,
    document::{Entry, Node, Scalar, Value, Word, as_bool},
    environment::expand,
    problem::{keep_one, must_be_bool},
};

const FIELDS: [&str; 20] = [
    "username",
    "password",
    "insecure",
    "ca",
    "cert",
    "key",
    "proxy",
    "limit",
    "provider",
    "secret_kind",
    "secret_file",
    "profile",
    "role",
    "region",
    "tenant",
    "instance",
    "endpoint",
    "api",
    "path_prefix",
    "create",
];
/// What `create` says where it is more than yes or no.
const CREATE: [&str; 4] = ["public", "immutable_tags", "scan_on_push", "encryption"];

pub(super) fn read(root: &Node, env: Option<&Environment<'_>>, context: &mut Context<'_>) {
    // `auth:` with nothing in it, in a combined file
    if root.is_null() {
        return;
    }
    let Some(entries) =
        context.map(root, sentence!("expected_registries", "a map of registries is expected"))
    else {
        return;
    };
    let mut read: Vec<(AuthEntry, usize)> = Vec::with_capacity(entries.len());
    for Entry { key, value } in entries {
        let Some(entry) = read_entry(key, value, env, context) else { continue };
        match read.iter().find(|(other, _)| other.address == entry.address) {
            None => read.push((entry, key.place.line)),
            Some((other, _)) if other.says_the_same_as(&entry) => {}
            Some((other, line)) => {
                let (first, second) = (&other.written, &entry.written);
                let message = sentence!(
                    "auth_same",
                    "'{first}' on line {line} and '{second}' on line {other} are the same, and say different things",
                    first = first,
                    line = *line,
                    second = second,
                    other = key.place.line,
                );
                context.findings.wrong(key.place, message).hint = Some(keep_one());
            }
        }
    }
    context.loaded.auth.extend(read.into_iter().map(|(entry, _)| entry));
}

fn read_entry(
    key: &Word,
    value: &Node,
    env: Option<&Environment<'_>>,
    context: &mut Context<'_>,
) -> Option<AuthEntry> {
    let name = &key.text;
    let address = match address_of_key(name) {
        Ok(address) => address,
        Err(error) => {
            let message = sentence!(
                "auth_no_match",
                "'{name}' can match no image and is left out: {why}",
                name = registry::without_login(name),
                why = error.why,
            );
            context.findings.warn(key.place, message).hint = Some(sentence!(
                "auth_no_match_hint",
                "write a registry, or a registry and a namespace: 'quay.io' or 'quay.io/team'",
            ));
            return None;
        }
    };
    if name.contains("://") && !name.contains("index.docker.io") {
        let message = sentence!("auth_scheme", "the scheme of '{name}' says nothing", name = name);
        context.findings.warn(key.place, message).hint = Some(sentence!(
            "auth_scheme_hint",
            "write the host alone; 'insecure: true' allows plain HTTP",
        ));
    }
    let origin = format!("{}:{}", context.findings.file, key.place.line);
    let mut entry = AuthEntry::new(address, name, origin);
    if !value.is_null() {
        let expected = sentence!(
            "expected_auth",
            "'{name}' takes a map of 'username', 'password', 'insecure' and others",
            name = name,
        );
        for field in context.map(value, expected)? {
            read_field(&mut entry, field, env, context);
        }
    }
    match (&entry.username, &entry.password) {
        // a cloud's sign-in has its own idea of what goes with what
        _ if entry.sign_in_kind().is_some() => {}
        (None, Some(_)) => {
            let message = sentence!(
                "auth_no_username",
                "'{name}' has a password and no username: it is not used",
                name = name,
            );
            context.findings.warn(key.place, message);
        }
        (Some(_), None) => {
            let message = sentence!(
                "auth_no_password",
                "'{name}' has a username and no password",
                name = name,
            );
            context.findings.warn(key.place, message);
        }
        _ => {}
    }
    Some(entry)
}

fn read_field(
    entry: &mut AuthEntry,
    field: &Entry,
    env: Option<&Environment<'_>>,
    context: &mut Context<'_>,
) {
    let of = |name: &str| {
        sentence!("field_of", "'{name}' of '{owner}'", name = name, owner = &entry.written)
    };
    let Some(name) = context.name(&field.key.text, &FIELDS) else {
        return context.unknown(&field.key, of(&field.key.text), &FIELDS);
    };
    let what = of(name);
    if name == "create" {
        entry.create = read_create(&field.value, &what, context);
        return;
    }
    let Some(word) = scalar(&field.value, &what, context) else { return };
    match name {
        "username" => entry.username = expanded(word, &what, env, context).map(Cow::into_owned),
        "password" => {
            entry.password = expanded(word, &what, env, context)
                .map(|text| SecretString::from(text.into_owned()));
        }
        "insecure" => match as_bool(&word.text) {
            Some(yes) => entry.insecure = yes,
            None => {
                context.findings.wrong(word.place, must_be_bool(&what));
            }
        },
        "ca" => entry.ca = Some(path(word, context)),
        "cert" => entry.cert = Some(path(word, context)),
        "key" => entry.key = Some(path(word, context)),
        "proxy" => match word.text.parse::<Url>() {
            Ok(url)
                if matches!(url.scheme(), "http" | "https" | "socks5" | "socks5h")
                    && url.has_host() =>
            {
                entry.proxy = Some(url);
            }
            // its text may hold a password
            _ => {
                let message = sentence!("no_proxy", "{what} is no proxy", what = what);
                context.findings.wrong(word.place, message).hint = Some(sentence!(
                    "no_proxy_hint",
                    "write 'http://host:port', or https, socks5 or socks5h",
                ));
            }
        },
        "provider" => {
            if provider::get(&word.text).is_some() {
                entry.provider = Some(word.text.clone());
            } else {
                let known: Vec<_> = provider::all().iter().map(|one| one.id.as_str()).collect();
                let message = sentence!(
                    "no_provider",
                    "{what}: there is no provider '{provider}'",
                    what = what,
                    provider = &word.text,
                );
                context.findings.wrong(word.place, message).hint = Some(sentence!(
                    "write_one_of",
                    "write one of {known}",
                    known = known.join(", ")
                ));
            }
        }
        "secret_kind" => match word.text.parse::<SecretKind>() {
            Ok(kind) => entry.secret_kind = Some(kind),
            Err(why) => {
                context.findings.wrong(word.place, because(&what, why));
            }
        },
        "secret_file" => entry.secret_file = Some(path(word, context)),
        "api" => match word.text.parse::<Url>() {
            Ok(url) if provider::is_api(&url) => entry.api = Some(url),
            // its text may hold a password
            _ => {
                let message = sentence!("no_url", "{what} is no URL", what = what);
                context.findings.wrong(word.place, message).hint = Some(sentence!(
                    "no_url_hint",
                    "write it as in '{example}'",
                    example = "https://harbor.example.com/",
                ));
            }
        },
        "path_prefix" => match provider::path_prefix(&word.text) {
            Ok(prefix) => entry.path_prefix = Some(prefix),
            Err(why) => {
                context.findings.wrong(word.place, because(&what, why));
            }
        },
        name if SignInOptions::NAMES.contains(&name) => {
            if let Err(why) = entry.options.set(name, &word.text) {
                context.findings.wrong(word.place, because(&what, why));
            }
        }
        _ => match word.text.parse::<usize>() {
            Ok(limit) if limit > 0 => entry.limit = Some(limit),
            _ => {
                let message = sentence!(
                    "whole_number_from_1",
                    "{what} must be a whole number from 1",
                    what = what,
                );
                context.findings.wrong(word.place, message);
            }
        },
    }
}

/// `true`, `false`, or a map of settings.
fn read_create(value: &Node, what: &Sentence, context: &mut Context<'_>) -> Option<Creation> {
    let Value::Map(fields) = &value.value else {
        let word = scalar(value, what, context)?;
        let yes = as_bool(&word.text);
        if yes.is_none() {
            let message = sentence!(
                "must_be_bool_or_map",
                "{what} must be true or false, or say how",
                what = what,
            );
            context.findings.wrong(word.place, message).hint = Some(sentence!(
                "create_hint",
                "write 'create: true', or a map of {names}",
                names = CREATE.join(", "),
            ));
        }
        return yes?.then(Creation::default);
    };
    let mut how = Creation::default();
    for field in fields.iter() {
        let within =
            |name: &str| sentence!("field_in", "'{name}' in {owner}", name = name, owner = what);
        let Some(name) = context.name(&field.key.text, &CREATE) else {
            context.unknown(&field.key, within(&field.key.text), &CREATE);
            continue;
        };
        let what = within(name);
        let Some(word) = scalar(&field.value, &what, context) else { continue };
        let flag = match name {
            "public" => &mut how.public,
            "immutable_tags" => &mut how.immutable_tags,
            "scan_on_push" => &mut how.scan_on_push,
            _ => {
                how.encryption = Some(word.text.clone());
                continue;
            }
        };
        match as_bool(&word.text) {
            Some(yes) => *flag = yes,
            None => {
                context.findings.wrong(word.place, must_be_bool(&what));
            }
        }
    }
    Some(how)
}

/// A scalar's text, whatever it looks like: `password: 123456` is a password. Nothing and the empty text are none.
fn scalar<'n>(value: &'n Node, what: &Sentence, context: &mut Context<'_>) -> Option<&'n Word> {
    match &value.value {
        _ if value.is_null() => None,
        Value::Scalar(Scalar { word, .. }) => Some(word).filter(|word| !word.text.is_empty()),
        Value::List(_) | Value::Map(_) => {
            let message = sentence!(
                "takes_text",
                "{what} takes a text, and this is {is}",
                what = what,
                is = value.what(),
            );
            context.findings.wrong(value.place, message);
            None
        }
    }
}

fn expanded<'n>(
    word: &'n Word,
    what: &Sentence,
    env: Option<&Environment<'_>>,
    context: &mut Context<'_>,
) -> Option<Cow<'n, str>> {
    let Some(env) = env else { return Some(Cow::Borrowed(&word.text)) };
    match expand(&word.text, env) {
        Ok(text) => {
            if *text != *word.text {
                let message = sentence!(
                    "from_environment",
                    "{what} is what the environment holds now",
                    what = what,
                );
                context.findings.changed(word.place, message);
            }
            if text.is_empty() && !word.text.is_empty() {
                let message =
                    sentence!("empty_variable", "{what} is empty in the environment", what = what);
                context.findings.warn(word.place, message);
            }
            Some(text).filter(|text| !text.is_empty())
        }
        Err(unset) => {
            let message = because(what, unset.why);
            context.findings.wrong(word.place_of(unset.at), message).hint = Some(unset.hint);
            None
        }
    }
}

fn because(what: &Sentence, why: Sentence) -> Sentence {
    sentence!("because", "{what}: {why}", what = what, why = why)
}

/// A path is meant from the file that names it, wherever it is used later.
fn path(word: &Word, context: &Context<'_>) -> PathBuf {
    let path = context.directory.join(&word.text);
    std::path::absolute(&path).unwrap_or(path)
}
