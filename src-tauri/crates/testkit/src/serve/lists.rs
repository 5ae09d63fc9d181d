//! Tag lists and the catalogue, page by page.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::{Ask, JSON, quirk};
use crate::{
    digest::sha256,
    problem::Problem,
    quirk::{LinkForm, Quirk, TagsForm},
    reply::Reply,
};

const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// One page of a list.
struct Page {
    entries: Vec<String>,
    link: Vec<String>,
}

pub(super) fn catalog(ask: &Ask) -> Reply {
    let names = ask.shared.store.repositories();
    match page(ask, "/v2/_catalog", names) {
        Ok(page) => listed(&page, &json!({ "repositories": page.entries })),
        Err(reply) => reply,
    }
}

pub(super) fn tags(ask: &Ask, repository: &str) -> Reply {
    let known = {
        let inner = ask.shared.store.inner();
        inner
            .repositories
            .get(repository)
            .is_some_and(|r| !r.manifests.is_empty() || !r.tags.is_empty())
    };
    if quirk!(ask, Quirk::ExtendedTags)
        && let Some(reply) = extended(ask, repository)
    {
        return reply;
    }
    if !known {
        return match quirk!(ask, Quirk::AbsentTags(status) => *status) {
            Some(status) => {
                Problem::denied("requested access to the resource is denied").status(status).reply()
            }
            None => Problem::name_unknown(repository).reply(),
        };
    }
    let form = quirk!(ask, Quirk::Tags(form) => form.clone());
    if form == Some(TagsForm::Errors) {
        return Reply { status: 200, ..Problem::name_unknown(repository).reply() };
    }
    let tags = ask.shared.store.tags(repository);
    let page = match page(ask, &format!("/v2/{repository}/tags/list"), tags) {
        Ok(page) => page,
        Err(reply) => return reply,
    };
    let body = match form {
        Some(TagsForm::Null) => json!({ "name": repository, "tags": null }),
        Some(TagsForm::Missing) => json!({ "name": repository }),
        Some(TagsForm::Besides(others)) => {
            let tags: Vec<Value> =
                others.into_iter().chain(page.entries.iter().map(|tag| json!(tag))).collect();
            json!({ "name": repository, "tags": tags })
        }
        _ => json!({ "name": repository, "tags": page.entries }),
    };
    listed(&page, &body)
}

/// As Google's registries list: the tags of a repository, its manifests, and what is below it, even where it has no
/// tags itself.
fn extended(ask: &Ask, repository: &str) -> Option<Reply> {
    let inside = format!("{repository}/");
    let names = ask.shared.store.repositories();
    let below = names.iter().filter_map(|name| name.strip_prefix(&inside)?.split('/').next());
    let mut children: Vec<&str> = below.collect();
    children.dedup();
    let tags = ask.shared.store.tags(repository);
    if tags.is_empty() && children.is_empty() {
        return None;
    }
    let mut manifests = serde_json::Map::new();
    for tag in &tags {
        let Some((digest, stored)) = ask.shared.store.stored(repository, tag) else { continue };
        let size = ask.shared.store.image_size(repository, &digest);
        let entry = manifests.entry(digest).or_insert_with(|| {
            json!({ "imageSizeBytes": size.to_string(), "layerId": "", "mediaType": stored.media_type,
                "tag": [], "timeCreatedMs": "1767323045000", "timeUploadedMs": "1767323045000" })
        });
        if let Some(list) = entry["tag"].as_array_mut() {
            list.push(json!(tag));
        }
    }
    let body =
        json!({ "child": children, "manifest": manifests, "name": repository, "tags": tags });
    Some(Reply::status(200).header("content-type", JSON).body(body.to_string()))
}

fn listed(page: &Page, body: &Value) -> Reply {
    let mut reply = Reply::status(200).header("content-type", JSON).body(format!("{body}\n"));
    for link in &page.link {
        reply.add("link", link);
    }
    reply
}

/// The page of a sorted list that the query asks for.
fn page(ask: &Ask, path: &str, mut entries: Vec<String>) -> Result<Page, Reply> {
    if quirk!(ask, Quirk::TagsUnpaged) && path.ends_with("/tags/list") {
        // no order that anyone could rely on, and the same every time
        entries.sort_by_cached_key(|entry| sha256(entry));
        return Ok(Page { entries, link: Vec::new() });
    }
    let asked = match ask.parameter("n").filter(|n| !n.is_empty()).map(str::parse::<i64>) {
        Some(Err(_)) => return Err(bad_number(400)),
        Some(Ok(n)) if n >= 0 => Some(n as usize),
        _ => None,
    };
    if let (Some(n), Some((most, status))) =
        (asked, quirk!(ask, Quirk::PageLimit(most, status) => (*most, *status)))
        && n > most
    {
        return Err(bad_number(status));
    }
    let before_last = entries.iter().rev().nth(1).cloned().unwrap_or_default();
    if let Some(last) = ask.parameter("last").filter(|last| !last.is_empty()) {
        entries.retain(|entry| entry.as_str() > last);
    }
    if let Some(most) = quirk!(ask, Quirk::TruncatesWithoutLink(most) => *most) {
        entries.truncate(asked.unwrap_or(usize::MAX).min(most));
        return Ok(Page { entries, link: Vec::new() });
    }
    let own = quirk!(ask, Quirk::PageSize(size) => *size).unwrap_or(usize::MAX);
    let size = asked.unwrap_or(usize::MAX).min(own);
    let more = entries.len() > size && size > 0;
    entries.truncate(size);
    let link = match (entries.last(), more) {
        (Some(last), true) => links(ask, path, size, last),
        (Some(_), false) if quirk!(ask, Quirk::Link(LinkForm::LastRepeats)) => {
            links(ask, path, 1, &before_last)
        }
        _ => Vec::new(),
    };
    Ok(Page { entries, link })
}

fn bad_number(status: u16) -> Reply {
    super::refuse(status, "PAGINATION_NUMBER_INVALID", "invalid number of results requested")
}

/// The `Link` headers that lead to the page after `last`.
fn links(ask: &Ask, path: &str, size: usize, last: &str) -> Vec<String> {
    let query = format!("?last={}&n={size}", utf8_percent_encode(last, QUERY));
    let path = format!("{}{path}", ask.prefix);
    let scheme = ask.shared.scheme();
    let host = ask.host();
    let next = format!("<{path}{query}>; rel=\"next\"");
    let other = "<https://example.com/>; rel=\"help\"";
    let form = quirk!(ask, Quirk::Link(form) => form);
    vec![match form {
        None | Some(LinkForm::LastRepeats) => next,
        Some(LinkForm::Absolute) => format!("<{scheme}://{host}{path}{query}>; rel=\"next\""),
        Some(LinkForm::Http) => format!("<http://{host}{path}{query}>; rel=\"next\""),
        Some(LinkForm::Host(other)) => format!("<{scheme}://{other}{path}{query}>; rel=\"next\""),
        Some(LinkForm::QueryOnly) => format!("<{query}>; rel=\"next\""),
        Some(LinkForm::UnquotedRel) => format!("<{path}{query}>; rel=next"),
        Some(LinkForm::Several) => format!("<{path}?n={size}>; rel=\"first\", {next}, {other}"),
        Some(LinkForm::SeveralHeaders) => return vec![other.to_owned(), next],
        Some(LinkForm::ParametersFirst) => {
            format!("<{path}{query}>; title=\"a, b; c\"; rel=\"next\"")
        }
        Some(LinkForm::NoBrackets) => format!("{path}{query}; rel=\"next\""),
        Some(LinkForm::Loop) => {
            let query =
                ask.raw_query().map_or_else(|| format!("?n={size}"), |query| format!("?{query}"));
            format!("<{path}{query}>; rel=\"next\"")
        }
        Some(LinkForm::Verbatim(text)) => text.clone(),
    }]
}
