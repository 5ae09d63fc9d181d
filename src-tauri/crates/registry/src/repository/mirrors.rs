use crate::{Digest, Error, Repository, RepositoryName, Side, host::lock};

impl Repository {
    /// Where this repository is read before itself, in order. Tags are listed, and images written, at the registry alone.
    pub(crate) async fn mirrors(&self) -> Vec<Self> {
        if self.side != Side::Source || self.is_mirror {
            return Vec::new();
        }
        let host = self.client.host_state(&self.registry);
        // the request to the registry itself tells why not
        let Ok(reach) = host.reach(&self.client, Some(&self.name)).await else { return Vec::new() };
        let there = reach.access.mirrors.iter().filter_map(|mirror| {
            let name: RepositoryName = match &mirror.prefix {
                Some(prefix) => format!("{prefix}/{}", self.name).parse().ok()?,
                None => self.name.clone(),
            };
            let repository =
                Self::new(self.client.clone(), mirror.registry.clone(), name, Side::Source);
            Some(Self { is_mirror: true, ..repository })
        });
        there.collect()
    }

    /// The same for a blob, which is read from mirrors once: who asks again was not happy with what came.
    pub(crate) async fn mirrors_of(&self, blob: &Digest) -> Vec<Self> {
        let mirrors = self.mirrors().await;
        let host = self.client.host_state(&self.registry);
        if mirrors.is_empty() || lock(&host.mirrored).insert(blob.clone()) {
            return mirrors;
        }
        Vec::new()
    }

    /// Notes that a mirror did not have what was asked for.
    pub(crate) fn pass_over(&self, error: Option<&Error>) {
        match error {
            Some(error) => {
                tracing::info!(mirror = %self.registry, repository = %self.name, %error, "a mirror failed");
            }
            None => {
                tracing::debug!(mirror = %self.registry, repository = %self.name, "not in the mirror");
            }
        }
    }
}
