//! Platforms of index entries, and the filter that `--os` and `--arch` make.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The `platform` object of an index entry (OCI image spec, `image-index.md`), as far as a filter reads it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Platform {
    /// Operating system, `linux`.
    #[serde(default)]
    pub os: String,
    /// Architecture by Go's names, `amd64`.
    #[serde(default)]
    pub architecture: String,
    /// Variant, `v7`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// Version of the operating system, `10.0.17763.1817`.
    #[serde(default, rename = "os.version", skip_serializing_if = "Option::is_none")]
    pub os_version: Option<String>,
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        if let Some(variant) = &self.variant {
            write!(f, "/{variant}")?;
        }
        if let Some(version) = &self.os_version {
            write!(f, ":{version}")?;
        }
        Ok(())
    }
}

/// Which platforms to keep: os values are OR-ed, arch values OR-ed, the two AND-ed. Empty keeps all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct PlatformFilter {
    /// `linux`, `windows:10.0.17763.1817`
    os: Vec<(String, Option<String>)>,
    /// `arm64`, `arm:v7`
    arch: Vec<(String, Option<String>)>,
}

impl PlatformFilter {
    /// Reads values of `--os` (`os[:os.version]`) and `--arch` (`arch[:variant]`), each perhaps a comma list; common
    /// aliases (`x86_64`, `aarch64`) become Go's names. The error says which value is wrong and why.
    pub fn parse<'a>(
        os: impl IntoIterator<Item = &'a str>,
        arch: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, String> {
        let _ = (os.into_iter().count(), arch.into_iter().count());
        todo!()
    }

    /// Whether this keeps everything.
    pub fn is_empty(&self) -> bool {
        self.os.is_empty() && self.arch.is_empty()
    }

    /// Whether a platform is kept. `arm` matches every variant of arm, `arm:v7` one.
    pub fn keeps(&self, platform: &Platform) -> bool {
        todo!("{platform}")
    }
}

impl fmt::Display for PlatformFilter {
    /// As a person would say it: `os linux, arch amd64 or arm:v7`.
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        todo!()
    }
}
