//! `--insecure`: registries that are reached without verifying their certificate, or by plain HTTP.

use std::sync::Arc;

use async_trait::async_trait;
use registry::{Access, AccessSource, CloudRequest, Demand, Registry, RepositoryName, Result};

/// Reaches some registries insecurely, and is else as the source behind it.
#[derive(Debug)]
pub(crate) struct Insecure {
    pub(crate) registries: Vec<Registry>,
    pub(crate) others: Arc<dyn AccessSource>,
}

#[async_trait]
impl AccessSource for Insecure {
    async fn access(
        &self,
        registry: &Registry,
        repository: Option<&RepositoryName>,
        renew: bool,
    ) -> Result<Access> {
        let mut access = self.others.access(registry, repository, renew).await?;
        access.tls.insecure |= self.registries.contains(registry);
        Ok(access)
    }

    async fn sign(
        &self,
        registry: &Registry,
        repository: Option<&RepositoryName>,
        request: &mut CloudRequest,
    ) -> Result<bool> {
        self.others.sign(registry, repository, request).await
    }

    fn demand(&self, registry: &Registry, repository: &RepositoryName) -> Result<Demand> {
        self.others.demand(registry, repository)
    }
}
