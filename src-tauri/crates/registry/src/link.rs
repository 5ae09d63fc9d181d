//! `Link` headers: where the next page of a list is (RFC 8288, and what registries make of it).

use http::{HeaderMap, header::LINK};
use url::Url;

use crate::Answer;

/// The address of the next page. It stays at the host that answered: registries behind proxies name themselves by
/// names and schemes that nobody else can use.
pub(crate) fn next(answer: &Answer) -> Option<Url> {
    let target = target(&answer.headers)?;
    let mut url = answer.url.clone();
    let found = url.join(&target).ok()?;
    url.set_path(found.path());
    url.set_query(found.query());
    Some(url)
}

/// The target of the first link with `rel="next"`.
fn target(headers: &HeaderMap) -> Option<String> {
    headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok()).flat_map(links).find_map(
        |link| {
            let (target, parameters) = split(link);
            let is_next = parameters.split(';').any(|parameter| {
                let (name, value) = parameter.split_once('=').unwrap_or_default();
                name.trim().eq_ignore_ascii_case("rel")
                    && value
                        .trim()
                        .trim_matches('"')
                        .split_whitespace()
                        .any(|rel| rel.eq_ignore_ascii_case("next"))
            });
            (is_next && !target.is_empty()).then(|| target.to_owned())
        },
    )
}

/// The links of one header value: commas part them, except those within `<…>` and quotes.
fn links(value: &str) -> Vec<&str> {
    let (mut links, mut start, mut bracket, mut quoted) = (Vec::new(), 0, false, false);
    for (at, c) in value.char_indices() {
        match c {
            '<' if !quoted => bracket = true,
            '>' if !quoted => bracket = false,
            '"' if !bracket => quoted = !quoted,
            ',' if !bracket && !quoted => {
                links.push(&value[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    links.push(&value[start..]);
    links
}

/// A link's target and its parameters, wherever the target stands and whether it has brackets or not.
fn split(link: &str) -> (&str, &str) {
    let link = link.trim();
    if let (Some(open), Some(close)) = (link.find('<'), link.rfind('>'))
        && open < close
    {
        let (before, after) = (&link[..open], &link[close + 1..]);
        return (link[open + 1..close].trim(), if after.contains('=') { after } else { before });
    }
    let (target, parameters) = link.split_once(';').unwrap_or((link, ""));
    (target.trim(), parameters)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(values: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(LINK, value.parse().unwrap());
        }
        target(&headers)
    }

    #[test]
    fn every_form_of_link() {
        let next = Some("/v2/a/tags/list?last=b&n=2");
        for values in [
            &["</v2/a/tags/list?last=b&n=2>; rel=\"next\""][..],
            &["</v2/a/tags/list?last=b&n=2>; rel=next"],
            &["</v2/a/tags/list?last=b&n=2>;rel=\"next\""],
            &["< /v2/a/tags/list?last=b&n=2 > ; REL = \"Next\""],
            &["</v2/a/tags/list?last=b&n=2>; title=\"a, b; c\"; rel=\"next\""],
            &["</v2/a/tags/list?last=b&n=2>; rel=\"prefetch next\""],
            &[
                "</first>; rel=\"first\", </v2/a/tags/list?last=b&n=2>; rel=\"next\", </x>; rel=\"last\"",
            ],
            &["</first>; rel=\"first\"", "</v2/a/tags/list?last=b&n=2>; rel=\"next\""],
            &["rel=\"next\"; </v2/a/tags/list?last=b&n=2>"],
            &["/v2/a/tags/list?last=b&n=2; rel=\"next\""],
        ] {
            assert_eq!(found(values).as_deref(), next, "{values:?}");
        }
        assert_eq!(
            found(&["<https://r.io/x?last=a,b>; rel=next"]).as_deref(),
            Some("https://r.io/x?last=a,b")
        );
        for values in [
            &[][..],
            &[""],
            &["</x>"],
            &["</x>; rel=\"prev\""],
            &["</x>; rel=\"nextish\""],
            &["<>; rel=\"next\""],
            &["><; rel=next=;"],
            &["next"],
        ] {
            assert!(matches!(found(values).as_deref(), None | Some("><")), "{values:?}");
        }
    }
}
