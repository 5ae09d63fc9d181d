//! For tests and benchmarks: registries that speak plain HTTP, nobody logged in.

use registry::{Access, AccessSource, Registry, RepositoryName, Result, Sentence, TlsOptions};

#[derive(Debug)]
pub(crate) struct Plain;

#[async_trait::async_trait]
impl AccessSource for Plain {
    async fn access(&self, _: &Registry, _: Option<&RepositoryName>, _: bool) -> Result<Access> {
        let tls = TlsOptions { insecure: true, ..TlsOptions::default() };
        Ok(Access { origin: Sentence::verbatim("test"), tls, ..Access::default() })
    }
}
