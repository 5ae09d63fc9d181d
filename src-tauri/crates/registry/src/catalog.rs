//! The registry's list of repositories, where it has one for us.

use crate::{
    Client, Code, Error, Registry, Result, Scope, Side,
    listing::{Known, Listing, Paging},
};

/// The names of a registry's repositories, page after page (`_catalog`); a page is asked for when it is wanted.
pub struct CatalogPages<'a> {
    client: &'a Client,
    registry: Registry,
    paging: Paging,
    known: Known,
}

impl CatalogPages<'_> {
    /// The names on the next page, none of which has been there before; `None` behind the last.
    pub async fn next(&mut self) -> Result<Option<Vec<String>>> {
        let listing = listing(usize::MAX);
        let page = self.client.list_page(&self.registry, &listing, &mut self.paging).await;
        Ok(page.map_err(unsupported)?.map(|page| self.known.news(page.entries)))
    }
}

impl Client {
    /// The names of the registry's repositories, page after page.
    pub fn catalog_pages(&self, registry: &Registry) -> CatalogPages<'_> {
        CatalogPages {
            client: self,
            registry: registry.clone(),
            paging: Paging::default(),
            known: Known::default(),
        }
    }

    /// The names of the registry's repositories, up to `limit`.
    pub async fn catalog(&self, registry: &Registry, limit: usize) -> Result<Vec<String>> {
        let listed = self.list(registry, &listing(limit)).await.map_err(unsupported)?;
        Ok(listed.unwrap_or_default())
    }
}

fn listing(limit: usize) -> Listing<'static> {
    Listing {
        what: "listing the repositories",
        repository: None,
        side: Some(Side::Source),
        scope: Scope::Catalog,
        path: "_catalog",
        absent: &[],
        limit,
        reference: None,
    }
}

fn unsupported(error: Error) -> Error {
    match error.http_status() {
        Some(400 | 401 | 403 | 404 | 405 | 501)
            if !matches!(error.code(), Code::AuthRejected | Code::NotARegistry) =>
        {
            error.becomes(Code::CatalogUnsupported, "the registry does not list its repositories")
        }
        _ => error,
    }
}
