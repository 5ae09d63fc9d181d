use crate::{Code, Repository, Result, Scope, Side, Tag, listing::Listing};

impl Repository {
    /// Every tag, in the registry's order, invalid ones left out; all forms of pagination are followed. A destination
    /// repository that does not exist yet has no tags.
    pub async fn tags(&self) -> Result<Vec<Tag>> {
        let listing = Listing {
            what: "listing the tags",
            repository: Some(&self.name),
            side: self.side,
            scope: Scope::Side,
            path: "tags/list",
            // before the first push, some registries deny what does not exist yet
            absent: match self.side {
                Side::Source => &[],
                Side::Destination => &[403, 404],
            },
            limit: usize::MAX,
            reference: Some(format!("{}/{}", self.registry, self.name)),
        };
        let listed =
            self.client.list(&self.registry, &listing).await.map_err(|error| {
                match error.http_status() {
                    Some(404) if error.code() != Code::NotARegistry => {
                        error.becomes(Code::RefNotFound, "there is no such repository")
                    }
                    _ => error,
                }
            })?;
        Ok(listed.unwrap_or_default().iter().filter_map(|text| text.parse().ok()).collect())
    }
}
