//! Lists that come in pages (tags, repositories), in all the ways in which registries page them.

use std::{
    collections::HashSet,
    hash::{BuildHasher as _, RandomState},
};

use bytes::Bytes;
use http::Method;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::value::RawValue;
use url::Url;

use crate::{
    Answer, Ask, Client, Code, Place, Registry, RepositoryName, Result, Scope, Side, link,
};

/// Entries per page that are asked for; some registries refuse more.
const PAGE: usize = 1000;
/// Some registries end a page at this number and don't say that there is more.
const SILENT_PAGE: usize = 100;
/// The largest page that is read: lists that are not paged hold everything.
const PAGE_BYTES: usize = 16 * 1024 * 1024;
/// Where a list that does not end is given up.
const MOST_PAGES: usize = 10_000;

/// A list to read.
pub(crate) struct Listing<'a> {
    pub(crate) what: &'static str,
    /// The repository; none for the registry's own lists.
    pub(crate) repository: Option<&'a RepositoryName>,
    /// None where nothing is to be copied.
    pub(crate) side: Option<Side>,
    pub(crate) scope: Scope<'a>,
    pub(crate) path: &'static str,
    /// Statuses that mean that there is no list.
    pub(crate) absent: &'a [u16],
    /// Where to stop.
    pub(crate) limit: usize,
    pub(crate) reference: Option<String>,
}

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow, alias = "repositories")]
    tags: Option<Vec<&'a RawValue>>,
    errors: Option<IgnoredAny>,
    name: Option<IgnoredAny>,
}

/// A list as it is being read.
pub(crate) struct Paging {
    at: At,
    /// Entries per page that were asked for.
    n: Option<usize>,
    /// There is no list at all.
    pub(crate) absent: bool,
    seen: HashSet<Url>,
    // fingerprints are enough to tell whether a page brings anything new
    state: RandomState,
    known: HashSet<u64>,
}

/// Where the next page is.
#[derive(Clone)]
enum At {
    Start,
    Link(Url),
    /// After this entry, without a link to it.
    After(String),
    End,
}

/// Entries of a list that have been there, as fingerprints: two of them, so that no entry is taken for another.
#[derive(Default)]
pub(crate) struct Known {
    keys: (RandomState, RandomState),
    entries: HashSet<(u64, u64)>,
}

impl Known {
    /// What of a page is new.
    pub(crate) fn news(&mut self, mut page: Vec<String>) -> Vec<String> {
        page.retain(|entry| {
            self.entries.insert((self.keys.0.hash_one(entry), self.keys.1.hash_one(entry)))
        });
        page
    }
}

/// One page.
pub(crate) struct ListPage {
    pub(crate) entries: Vec<String>,
    /// The document, for what a vendor adds to it.
    pub(crate) bytes: Bytes,
}

impl Default for Paging {
    fn default() -> Self {
        Self {
            at: At::Start,
            n: Some(PAGE),
            absent: false,
            seen: HashSet::new(),
            state: RandomState::new(),
            known: HashSet::new(),
        }
    }
}

impl Client {
    /// Reads a list to its end, or to `limit`. Entries that are no texts are left out, doubles too; `None` if there is
    /// no list.
    pub(crate) async fn list(
        &self,
        registry: &Registry,
        listing: &Listing<'_>,
    ) -> Result<Option<Vec<String>>> {
        let (mut paging, mut entries) = (Paging::default(), Vec::new());
        while let Some(page) = self.list_page(registry, listing, &mut paging).await? {
            entries.extend(page.entries);
            if entries.len() >= listing.limit {
                break;
            }
        }
        if paging.absent {
            return Ok(None);
        }
        entries = distinct(entries);
        entries.truncate(listing.limit);
        Ok(Some(entries))
    }

    /// The next page of a list, doubles included; `None` after the last. When it fails or is given up on the way, the
    /// same page is read by the next call.
    pub(crate) async fn list_page(
        &self,
        registry: &Registry,
        listing: &Listing<'_>,
        paging: &mut Paging,
    ) -> Result<Option<ListPage>> {
        let mut after = None;
        let mut answer = match paging.at.clone() {
            At::End => return Ok(None),
            At::Start => {
                let Some((answer, number)) = self.first_page(registry, listing).await? else {
                    paging.absent = true;
                    paging.at = At::End;
                    return Ok(None);
                };
                paging.n = number;
                answer
            }
            At::Link(url) => self.page(registry, listing, Place::Url(url), &[]).await?,
            At::After(last) => {
                let number = paging.n.map(|n| n.to_string());
                let mut query = vec![("last", last.as_str())];
                query.extend(number.as_deref().map(|n| ("n", n)));
                let place = Place::Path { path: listing.path, query: &query };
                let answer = self.page(registry, listing, place, &[400]).await?;
                after = Some(last);
                answer
            }
        };
        if !answer.status.is_success() {
            paging.at = At::End;
            return Ok(None);
        }
        paging.seen.insert(answer.url.clone());
        let bytes = answer.bytes(PAGE_BYTES).await?;
        let Some(entries) = read(&bytes) else {
            return Err(answer.error(Code::RegistryRefused, "the answer is no list"));
        };
        let repeats = after.as_ref().is_some_and(|after| entries.contains(after));
        let (state, known) = (&paging.state, &mut paging.known);
        let news = entries.iter().filter(|entry| known.insert(state.hash_one(entry))).count();
        if repeats || (news == 0 && paging.seen.len() > 1) {
            paging.at = At::End;
            return Ok(None);
        }
        let next = link::next(&answer).filter(|url| !paging.seen.contains(url));
        let is_full =
            entries.len() == paging.n.unwrap_or(SILENT_PAGE) || entries.len() == SILENT_PAGE;
        paging.at = match (next, entries.last()) {
            (Some(url), _) => At::Link(url),
            (None, Some(last)) if is_full && !has_link(&answer) => At::After(last.clone()),
            (None, _) => At::End,
        };
        if paging.seen.len() >= MOST_PAGES && !matches!(paging.at, At::End) {
            // cut short it would look like the whole
            return Err(answer.error(Code::RegistryRefused, "the list does not end"));
        }
        Ok(Some(ListPage { entries, bytes }))
    }

    /// The first page, and how many entries were asked for: a registry that refuses the number is not told any.
    async fn first_page(
        &self,
        registry: &Registry,
        listing: &Listing<'_>,
    ) -> Result<Option<(Answer, Option<usize>)>> {
        let n = PAGE.to_string();
        let mut accept = vec![400, 405];
        accept.extend_from_slice(listing.absent);
        let query = [("n", &*n)];
        let place = Place::Path { path: listing.path, query: &query };
        let answer = self.page(registry, listing, place, &accept).await?;
        if answer.status.is_success() {
            return Ok(Some((answer, Some(PAGE))));
        }
        if !matches!(answer.status.as_u16(), 400 | 405) {
            return Ok(None);
        }
        let place = Place::Path { path: listing.path, query: &[] };
        let answer = self.page(registry, listing, place, listing.absent).await?;
        Ok(answer.status.is_success().then_some((answer, None)))
    }

    async fn page(
        &self,
        registry: &Registry,
        listing: &Listing<'_>,
        place: Place<'_>,
        accept: &[u16],
    ) -> Result<Answer> {
        let mut ask = Ask::new(listing.what, Method::GET, place);
        ask.scope = listing.scope;
        ask.accept = accept;
        ask.reference = listing.reference.clone();
        let answer = self.send_as(registry, listing.repository, listing.side, ask).await?;
        if answer.status.is_success() {
            answer.check_no_page()?;
        }
        Ok(answer)
    }
}

fn has_link(answer: &Answer) -> bool {
    answer.headers.contains_key(http::header::LINK)
}

/// The entries of a page: no list at all (`null`, or only the repository's name) is an empty one.
fn read(bytes: &[u8]) -> Option<Vec<String>> {
    let page: Page<'_> = serde_json::from_slice(bytes).ok()?;
    match page.tags {
        Some(entries) => {
            Some(entries.iter().filter_map(|raw| serde_json::from_str(raw.get()).ok()).collect())
        }
        None if page.errors.is_some() => None,
        None => (page.name.is_some() || mentions(bytes)).then(Vec::new),
    }
}

/// Whether the document has a list's field at all, be it `null`.
fn mentions(bytes: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Named {
        #[serde(alias = "repositories", default, deserialize_with = "present")]
        tags: bool,
    }
    fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| true)
    }
    serde_json::from_slice::<Named>(bytes).is_ok_and(|named| named.tags)
}

/// Every entry once, where it came first. Needs an index per entry, not a second copy of them all.
fn distinct(entries: Vec<String>) -> Vec<String> {
    let mut order: Vec<usize> = (0..entries.len()).collect();
    order.sort_by(|a, b| entries[*a].cmp(&entries[*b]).then(a.cmp(b)));
    let mut first = vec![true; entries.len()];
    for pair in order.windows(2) {
        first[pair[1]] = entries[pair[0]] != entries[pair[1]];
    }
    entries.into_iter().zip(first).filter_map(|(entry, first)| first.then_some(entry)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_as_they_are_met() {
        let texts = |list: &[&str]| Some(list.iter().map(ToString::to_string).collect::<Vec<_>>());
        for (page, entries) in [
            (r#"{"name":"a","tags":["b","a"]}"#, texts(&["b", "a"])),
            (r#"{"repositories":["x/y"]}"#, texts(&["x/y"])),
            (r#"{"tags":[null,"a",7,{"x":1},"b\u0031"]}"#, texts(&["a", "b1"])),
            (r#"{"name":"a","tags":null}"#, texts(&[])),
            (r#"{"tags":null}"#, texts(&[])),
            (r#"{"repositories":null}"#, texts(&[])),
            (r#"{"name":"a"}"#, texts(&[])),
            (r#"{"tags":["a"],"errors":[]}"#, texts(&["a"])),
            (r#"{"errors":[{"code":"X"}]}"#, None),
            (r#"{"name":"a","errors":[{"code":"X"}]}"#, None),
            ("{}", None),
            ("[]", None),
            ("<html>", None),
            ("", None),
            (r#"{"tags":"a"}"#, None),
        ] {
            assert_eq!(read(page.as_bytes()), entries, "{page}");
        }
    }

    #[test]
    fn doubles_go_and_order_stays() {
        let list = |text: &str| text.split(' ').map(ToOwned::to_owned).collect::<Vec<_>>();
        assert_eq!(distinct(list("c a b a c c d")), list("c a b d"));
        assert_eq!(distinct(Vec::new()), Vec::<String>::new());
    }
}
