use std::collections::HashMap;

use crate::{
    Code, Digest, Error, Repository, Result, Scope, Side, Tag, TagEntry, Vendor,
    browse::Pages,
    listing::{Known, Listing, Paging},
    vendor::google,
};

/// The tags of a repository, and the digests of those whose list tells them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TagList {
    /// The tags, in the registry's order.
    pub tags: Vec<Tag>,
    /// What a HEAD of a tag would have told at the time of the list. Only of lists that are beyond doubt.
    pub digests: HashMap<Tag, Digest>,
}

/// A repository's tags, page after page; a page is asked for when it is wanted.
pub struct TagPages<'a> {
    repository: &'a Repository,
    paging: Paging,
    known: Known,
}

impl TagPages<'_> {
    /// The tags on the next page, none of which has been there before, invalid ones left out; `None` behind the last.
    pub async fn next(&mut self) -> Result<Option<Vec<Tag>>> {
        let Repository { client, registry, .. } = self.repository;
        let listing = self.repository.tag_listing();
        let page = client.list_page(registry, &listing, &mut self.paging).await.map_err(unknown)?;
        let Some(page) = page else { return Ok(None) };
        let news = self.known.news(page.entries);
        Ok(Some(news.iter().filter_map(|text| text.parse().ok()).collect()))
    }
}

fn unknown(error: Error) -> Error {
    match error.http_status() {
        Some(404) if error.code() != Code::NotARegistry => {
            error.becomes(Code::RefNotFound, "there is no such repository")
        }
        _ => error,
    }
}

impl Repository {
    /// Every tag, in the registry's order, invalid ones left out; all forms of pagination are followed. A destination
    /// repository that does not exist yet has no tags.
    pub async fn tags(&self) -> Result<Vec<Tag>> {
        self.tag_list().await.map(|list| list.tags)
    }

    /// The same, with the digests that the registry's list, or its vendor's, has. No request is made for these that
    /// is not for the tags.
    pub async fn tag_list(&self) -> Result<TagList> {
        if let Some(list) = self.tags_of_vendor(usize::MAX).await? {
            return Ok(list);
        }
        let listing = self.tag_listing();
        let (mut paging, mut list) = (Paging::default(), Filling::default());
        loop {
            let page = self.client.list_page(&self.registry, &listing, &mut paging).await;
            match page.map_err(unknown)? {
                Some(page) => list.extend(google::extended(page.entries, &page.bytes)),
                None => return Ok(list.done()),
            }
        }
    }

    /// The tags, page after page. Digests that lists tell are not in them.
    pub fn tag_pages(&self) -> TagPages<'_> {
        TagPages { repository: self, paging: Paging::default(), known: Known::default() }
    }

    /// Whether it is known that a list of the tags tells their digests beyond doubt.
    pub async fn lists_digests(&self) -> Result<bool> {
        let site = self.client.known_site(&self.registry, Some(&self.name)).await?;
        Ok(site.is_some_and(|site| {
            site.vendor == Vendor::Google
                || (site.vendor.lists_true_digests() && !self.learnt().no_tag_api)
        }))
    }

    fn tag_listing(&self) -> Listing<'_> {
        Listing {
            what: "listing the tags",
            repository: Some(&self.name),
            side: Some(self.side),
            scope: Scope::Side,
            path: "tags/list",
            // before the first push, some registries deny what does not exist yet
            absent: match self.side {
                Side::Source => &[],
                Side::Destination => &[403, 404],
            },
            limit: usize::MAX,
            reference: Some(format!("{}/{}", self.registry, self.name)),
        }
    }

    /// What the tags name, where one list tells it beyond doubt and is read in so many pages; nothing otherwise. It is
    /// the list of the vendor's own API, or of the registry where that is known to tell.
    pub async fn digest_list(&self, most_pages: usize) -> Result<HashMap<Tag, Digest>> {
        let site = self.client.known_site(&self.registry, Some(&self.name)).await?;
        let list = match site.map(|site| site.vendor) {
            Some(Vendor::Google) => Some(self.tag_list().await?),
            Some(_) => self.tags_of_vendor(most_pages).await?,
            None => None,
        };
        Ok(list.unwrap_or_default().digests)
    }

    /// By the vendor's own API, where it is known without a request that there is one, and that its digests are true.
    async fn tags_of_vendor(&self, most_pages: usize) -> Result<Option<TagList>> {
        if self.learnt().no_tag_api {
            return Ok(None);
        }
        let site = self.client.known_site(&self.registry, Some(&self.name)).await?;
        if !site.is_some_and(|site| site.vendor.lists_true_digests()) {
            return Ok(None);
        }
        let mut pages: Pages<TagEntry> = self.client.browse_tags(&self.registry, &self.name);
        let mut list = Filling::default();
        let mut read = 0;
        loop {
            if read == most_pages {
                return Ok(None);
            }
            read += 1;
            match pages.next_of_api().await {
                Ok(Some(page)) => list.extend(page),
                Ok(None) => return Ok(Some(list.done())),
                // whatever it is, the registry itself has its say
                Err(error) => {
                    tracing::debug!(registry = %self.registry, %error, "the vendor's API lists no tags");
                    self.learn(|host| host.no_tag_api = true);
                    return Ok(None);
                }
            }
        }
    }
}

/// A list of tags as it grows, each tag once.
#[derive(Default)]
struct Filling {
    list: TagList,
    seen: std::collections::HashSet<Tag>,
}

impl Filling {
    fn extend(&mut self, page: Vec<TagEntry>) {
        for entry in page {
            let Ok(tag) = entry.name.parse::<Tag>() else { continue };
            if !self.seen.insert(tag.clone()) {
                continue;
            }
            if let Some(digest) = entry.digest {
                self.list.digests.insert(tag.clone(), digest);
            }
            self.list.tags.push(tag);
        }
    }

    fn done(self) -> TagList {
        self.list
    }
}
