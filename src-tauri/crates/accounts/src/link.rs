//! Secrets that stay with docker and podman: asked for each time, never copied.

use std::{ffi::OsString, fmt, time::Duration};

use registry::{Credential, Result};

use crate::{
    Link,
    docker::DockerFile,
    helper::{HelperName, Helpers},
    lookup::HELPER_TIMEOUT,
};

/// Asks for linked secrets.
#[derive(Debug)]
pub struct Links(Helpers);

impl Links {
    /// Finds helpers by the environment's `$PATH`.
    pub fn of_system(env: &dyn Fn(&str) -> Option<String>) -> Self {
        Self::new(env("PATH").map(Into::into), HELPER_TIMEOUT)
    }

    pub(crate) fn new(path: Option<OsString>, timeout: Duration) -> Self {
        Self(Helpers::new(path, timeout))
    }

    /// What a link leads to; `None` where nothing is there any more. `renew`: a helper is asked again.
    pub(crate) async fn ask(&self, link: &Link, renew: bool) -> Result<Option<Credential>> {
        match link {
            Link::Helper { helper, server } => {
                self.0.get(&HelperName::new(helper)?, server, renew).await
            }
            Link::File { path, key } => {
                let file = DockerFile::read(path, None).map_err(|why| {
                    registry::Error::new(registry::Code::FileFailed, why)
                        .hint("Log in there again, or give the account a secret of its own.")
                })?;
                let entries = file.into_iter().flat_map(|file| file.entries);
                Ok(entries.into_iter().find(|entry| entry.written == *key).map(|e| e.credential))
            }
        }
    }
}

impl Default for Links {
    /// By this process's own environment.
    fn default() -> Self {
        Self::new(None, HELPER_TIMEOUT)
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Helper { helper, .. } => {
                write!(f, "docker-credential-{}", crate::account::shown(helper))
            }
            Self::File { path, .. } => path.display().fmt(f),
        }
    }
}
