//! The registry's list of repositories, where it has one for us.

use crate::{Client, Code, Registry, Result, Scope, Side, listing::Listing};

impl Client {
    /// The names of the registry's repositories, page after page (`_catalog`), up to `limit`.
    pub async fn catalog(&self, registry: &Registry, limit: usize) -> Result<Vec<String>> {
        let listing = Listing {
            what: "listing the repositories",
            repository: None,
            side: Some(Side::Source),
            scope: Scope::Catalog,
            path: "_catalog",
            absent: &[],
            limit,
            reference: None,
        };
        let listed =
            self.list(registry, &listing).await.map_err(|error| match error.http_status() {
                Some(400 | 401 | 403 | 404 | 405 | 501)
                    if !matches!(error.code(), Code::AuthRejected | Code::NotARegistry) =>
                {
                    error.becomes(
                        Code::CatalogUnsupported,
                        "the registry does not list its repositories",
                    )
                }
                _ => error,
            })?;
        Ok(listed.unwrap_or_default())
    }
}
