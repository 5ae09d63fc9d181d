//! The demo: two small registries in this process, and a profile that copies from one to the other. Nothing of it is
//! written to disk.

use std::sync::Arc;

use async_trait::async_trait;
use registry::{Access, AccessSource, Code, Registry, RepositoryName, Sentence, TlsOptions};
use testkit::demo::{Demo, Options, REPOSITORIES, start_with};

use crate::{
    Api, Host,
    dto::{self, ApiError, Profile, RuleDraft, TagsDraft},
    error::Result,
};

/// The id of the demo's profile.
pub(crate) const ID: &str = "demo";

/// Slow enough that progress can be watched.
const BYTES_PER_SECOND: u64 = 2_000_000;

/// The demo's registries; they stop when this is dropped.
pub(crate) struct DemoRegistries(Demo);

pub(crate) async fn start<H: Host>(api: &Arc<Api<H>>, (): ()) -> Result<dto::Demo> {
    let mut demo = api.demo.lock().await;
    let running = if let Some(running) = demo.as_ref() {
        running.clone()
    } else {
        let options = Options { bytes_per_second: Some(BYTES_PER_SECOND) };
        let started = start_with(options).await.map_err(|error| {
            ApiError::new(
                Code::Internal,
                format!("the demo's registries can't be started: {error}"),
            )
        })?;
        demo.insert(Arc::new(DemoRegistries(started))).clone()
    };
    Ok(dto::Demo {
        source: running.0.source.host().into(),
        destination: running.0.destination.host().into(),
        profile_id: ID.into(),
    })
}

impl DemoRegistries {
    /// The profile that copies everything from one to the other.
    pub(crate) fn profile(&self, name: String) -> Profile {
        let rules = REPOSITORIES.map(|repository| RuleDraft {
            source: format!("{}/{repository}", self.0.source.host()),
            destinations: vec![format!("{}/{repository}", self.0.destination.host())],
            tags: TagsDraft { newest_by: "version".into(), ..TagsDraft::default() },
            ..RuleDraft::default()
        });
        Profile {
            id: ID.into(),
            name,
            rules: rules.into(),
            os: Vec::new(),
            arch: Vec::new(),
            overwrite: "differing".into(),
            attestations: "keep".into(),
            index: "rewrite".into(),
            referrers: false,
            retries: None,
            proc: None,
            bandwidth: None,
            accounts: [].into(),
        }
    }
}

/// The demo's registries speak plain HTTP.
#[derive(Debug)]
pub(crate) struct DemoAccess;

#[async_trait]
impl AccessSource for DemoAccess {
    async fn access(
        &self,
        _: &Registry,
        _: Option<&RepositoryName>,
        _: bool,
    ) -> registry::Result<Access> {
        let tls = TlsOptions { insecure: true, ..TlsOptions::default() };
        Ok(Access { origin: Sentence::verbatim("demo"), tls, ..Access::default() })
    }
}
